"""The options that several commands share, and what they add up to. Heavy imports wait until a command runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from sedna_dash.deploy.changes import Policy
    from sedna_dash.deploy.grafana import Grafana
    from sedna_dash.deploy.report import Report
    from sedna_dash.deploy.run import Request
    from sedna_dash.deploy.sources import Choice
    from sedna_dash.environments import Environment
    from sedna_dash.secret_references import SecretReference
    from sedna_dash.settings import GrafanaSettings

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)

Command = TypeVar("Command", bound=Callable[..., Any])

_CONNECTION = [
    click.option("--config", type=FILE, help="Settings file. [env var: SEDNA_DASH_CONFIG; default: ./sedna-dash.yaml]"),
    click.option(
        "--environment",
        metavar="NAME",
        envvar="SEDNA_DASH_ENVIRONMENT",
        help="Environment of the settings file. [default: the file's own]",
    ),
    click.option(
        "--url", envvar="GRAFANA_URL", show_envvar=True, help="Address of Grafana, with its path if it has one."
    ),
    click.option("--token-file", type=FILE, help="File with a service account token. [default: see sedna-dash deploy]"),
    click.option("--token-stdin", is_flag=True, help="Read the token from standard input."),
    click.option("--ca-file", type=FILE, help="PEM file of the authority that signed Grafana's certificate."),
    click.option("--client-certificate", type=FILE, help="PEM file of the certificate to show to Grafana."),
    click.option("--client-key", type=FILE, help="PEM file of that certificate's key."),
    click.option("--insecure", is_flag=True, help="Do not check Grafana's certificate."),
    click.option("--org-id", type=click.IntRange(min=1), help="Organization to work in, for logins with several."),
    click.option(
        "--timeout", type=click.FloatRange(min=0, min_open=True), help="Seconds to wait for each answer. [default: 10]"
    ),
    click.option(
        "--jobs",
        type=click.IntRange(1, 16),
        help="Requests under way at once. [default: 2 to a Grafana near by, 8 over a slow link]",
    ),
]

_BUNDLE = [
    click.option("--bundle", metavar="NAME", help="Name of this set of dashboards in that Grafana. [default: sedna]")
]

_FOLDER = [
    click.option(
        "--folder",
        "path",
        metavar="TITLE",
        multiple=True,
        help="Grafana folder to deploy to. Given several times, each is inside the one before. [default: Sedna]",
    )
]

_DATASOURCES = [
    click.option(
        "--prometheus-url", help="Make or update a Prometheus datasource for this address, as Grafana reaches it."
    ),
    click.option("--prometheus-uid", help="Use the Prometheus datasource of this uid; it is not changed."),
    click.option("--prometheus-name", help="Use the Prometheus datasource of this name; it is not changed."),
    click.option("--loki-url", help="Make or update a Loki datasource for this address, as Grafana reaches it."),
    click.option("--loki-uid", help="Use the Loki datasource of this uid; it is not changed."),
    click.option("--loki-name", help="Use the Loki datasource of this name; it is not changed."),
]

_ALERTS = [
    click.option(
        "--alerts/--no-alerts",
        default=None,
        help="Have Grafana itself evaluate the alert rules, in the folder of the dashboards; without, those that are "
        "there stay as they are. [default: no-alerts]",
    ),
    click.option(
        "--tune",
        type=FILE,
        help="YAML file with severities, durations and limits of alert rules that the site wants.",
    ),
]

_RECORDS = [
    click.option(
        "--records",
        type=click.Choice(["inline", "use"]),
        help="Write derived series out, which works on any Prometheus, or use what recording rules make of them, which "
        "is cheap on a large site. [default: inline]",
    )
]

_CONTENT = [
    click.option(
        "--source",
        type=FOLDER,
        envvar="SEDNA_DASH_SOURCE",
        help="Folder of dashboard modules, or of dashboard JSON. [default: ./dashboards_src, else those that come "
        "with sedna-dash]",
    ),
    click.option(
        "--catalog",
        "catalogs",
        type=FILE,
        multiple=True,
        help="YAML file that declares more metrics, in the form of the built-in ones. May be given several times.",
    ),
    *_FOLDER,
    *_BUNDLE,
    *_DATASOURCES,
    *_RECORDS,
    *_ALERTS,
]

_POLICY = [
    click.option(
        "--on-drift",
        type=click.Choice(["fail", "keep", "overwrite", "merge"]),
        help="What to do about a thing that somebody changed in Grafana: leave it and exit 3, leave it, take ours, or "
        "take both where they do not meet. [default: fail]",
    ),
    click.option("--adopt", is_flag=True, help="Take over what has a uid of ours and was not made by sedna-dash."),
    click.option("--prune", is_flag=True, help="Delete our dashboards and alert rules that we no longer have."),
    click.option(
        "--prune-limit",
        type=click.IntRange(min=0),
        default=5,
        show_default=True,
        help="Delete nothing when it would be more dashboards and alert rules than this.",
    ),
    click.option("--send-secrets", is_flag=True, help="Send the secrets of datasources again."),
]

_JOURNAL = [
    click.option("--journal", type=FOLDER, help="Folder for the journal. [default: ~/.local/state/sedna-dash]"),
    click.option("--no-journal", is_flag=True, help="Keep no journal of what is done."),
]

_OUTPUT = [
    click.option(
        "--output",
        "form",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="How to report. The forms of JSON: sedna-dash schema.",
    )
]


def _all(options: Sequence[Callable[[Command], Command]]) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


connection_options, content_options, bundle_option = _all(_CONNECTION), _all(_CONTENT), _all(_BUNDLE)
source_options = _all(_CONTENT[:2])
folder_option, datasource_options, alerts_option = _all(_FOLDER), _all(_DATASOURCES), _all(_ALERTS[:1])
policy_options, journal_options, output_option = _all(_POLICY), _all(_JOURNAL), _all(_OUTPUT)


@dataclass(frozen=True)
class Site:
    """What the options, the process environment and the settings file say together."""

    given: Mapping[str, Any]
    environment: Environment
    settings: GrafanaSettings

    @property
    def bundle(self) -> str:
        return self.given.get("bundle") or self.environment.bundle or "sedna"

    @property
    def path(self) -> tuple[str, ...]:
        return self.given.get("path") or self.environment.folder or ("Sedna",)

    @property
    def policy(self) -> Policy:
        from sedna_dash.deploy.changes import ON_DRIFT, Policy

        asked = self.given.get("on_drift") or self.environment.on_drift
        return Policy(
            on_drift=next((known for known in ON_DRIFT if known == asked), "fail"),
            adopt=self.given["adopt"],
            prune=self.given["prune"],
            prune_limit=self.given["prune_limit"],
            send_secrets=self.given["send_secrets"],
        )

    @property
    def wants_alerts(self) -> bool:
        """Whether Grafana is to evaluate our alert rules."""
        given: bool | None = self.given.get("alerts")
        return bool(self.environment.alerts) if given is None else given

    @property
    def choices(self) -> dict[str, Choice]:
        """For each plugin, which datasource to use."""
        from sedna_dash.deploy.sources import checked_choice

        return {
            plugin: checked_choice(
                plugin,
                self.given[f"{plugin}_url"],
                self.given[f"{plugin}_uid"],
                self.given[f"{plugin}_name"],
                otherwise=_from_file(self.environment, role),
            )
            for role, plugin in (("metrics", "prometheus"), ("logs", "loki"))
        }

    def request(self) -> Request:
        """What is to be in Grafana."""
        from sedna_dash.building import load, source_folder
        from sedna_dash.deploy.run import Request

        choices = self.choices  # checked before the modules are loaded, which takes a moment
        records = self.given.get("records") or self.environment.records or "inline"
        dashboards = load(source_folder(self.given["source"]), self.given["catalogs"], records)
        alerts = None
        if self.wants_alerts:
            from sedna_dash.deploy.desired_alerts import desired_alerts

            tune = self.given.get("tune") or self.environment.tune
            alerts = desired_alerts(dashboards, self.given["catalogs"], records, tune, self.settings.url)
        named = bool(self.given.get("bundle") or self.environment.bundle)
        models = [found.model for found in dashboards]
        return Request(models, choices, self.path, self.bundle, named, self.environment.variables, alerts)

    def grafana(self) -> Grafana:
        from sedna_dash.deploy.grafana import Grafana

        return Grafana(self.settings)


def site(given: Mapping[str, Any]) -> Site:
    """Gather the options of `connection_options` and whatever else was given. Raises `SettingsError`."""
    from sedna_dash.environments import find_environment
    from sedna_dash.settings import grafana_settings

    environment = find_environment(
        given["config"],
        given["environment"],
        os.environ,
        Path(),
        url_given=given["url"],
        ask=None if given["token_stdin"] else _ask(),
    )
    settings = grafana_settings(
        given["url"],
        os.environ,
        token_file=given["token_file"],
        read_token=sys.stdin.read if given["token_stdin"] else None,
        ca_file=given["ca_file"],
        client_certificate=given["client_certificate"],
        client_key=given["client_key"],
        insecure=given["insecure"],
        org_id=given["org_id"],
        timeout=given["timeout"],
        jobs=given["jobs"],
        environment=environment,
    )
    return Site(given, environment, settings)


def _ask() -> Callable[[str], bool] | None:
    """A question on the terminal, where there is one at both ends."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    return lambda question: click.confirm(question, default=False, err=True)


def _from_file(environment: Environment, role: str) -> Choice:
    from sedna_dash.deploy.sources import Choice

    entry = environment.datasources.get(role)
    if entry is None:
        return Choice()
    return Choice(
        url=entry.url,
        uid=entry.uid,
        name=entry.name,
        only=entry.type is not None,
        settings=entry.settings,
        login=entry.basic_auth_user,
        secrets={name: _data(reference) for name, reference in entry.secrets.items()},
    )


def _data(reference: SecretReference) -> dict[str, Any]:
    """A reference in the form that plans keep it in."""
    if reference.env is not None:
        return {"env": reference.env}
    return {"file": str(reference.file)} if reference.file else {"command": list(reference.command)}


def resolve(reference: Mapping[str, Any]) -> str:
    """The secret that a reference leads to."""
    from sedna_dash.secret_references import SecretReference, resolved

    file = reference.get("file")
    return resolved(
        SecretReference(reference.get("env"), Path(file) if file else None, tuple(reference.get("command") or ())),
        os.environ,
    )


def finish(report: Report, form: str) -> None:
    """Print the report, add it to the step's page where a GitHub workflow runs, and end as it says."""
    from sedna_dash.deploy.report import write_report

    write_report(report, form, sys.stdout)
    add_to_page(report)
    if report.error:
        raise report.error


def add_to_page(report: Report) -> None:
    """Add the report to the page of the step, where a GitHub workflow runs."""
    from sedna_dash.deploy.report import step_summary

    page = os.environ.get("GITHUB_STEP_SUMMARY")
    if page:
        try:
            with Path(page).open("a", encoding="utf-8") as file:
                file.write(step_summary(report))
        except OSError as error:
            click.echo(f"The step summary {page} cannot be written ({error.strerror}).", err=True)
