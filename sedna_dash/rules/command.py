"""``sedna-dash rules``: options, one call, one echo."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from sedna_dash.rules.options import inputs

_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)

_form_option = click.option("--output", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)


@click.group("rules", short_help="Recording rules and alerts.")
def rules_command() -> None:
    """Recording rules and alerts: check them, test them, write them for what evaluates them."""


_tune_option = click.option(
    "--tune", type=_FILE, help="YAML file with severities, durations, limits and intervals that the site wants."
)


@rules_command.command("build", short_help="Write rules in every form.")
@inputs
@click.option("--out", type=_FOLDER, default=Path("build/rules"), show_default=True, help="Folder to write to.")
@_tune_option
@click.option(
    "--grafana-url",
    default="",
    metavar="URL",
    help="Address of Grafana, for the links in alerts.  [default: links without a host]",
)
@click.option(
    "--runbook-url",
    default="",
    metavar="URL",
    help="Where runbooks are, a page called like each alert.  [default: the dashboard sedna-runbooks]",
)
@click.option(
    "--records",
    type=click.Choice(["inline", "use"]),
    default="inline",
    show_default=True,
    help="In Grafana's own alert rules: write derived series out, or use what the recording rules make of them.",
)
@click.option("--namespace", "-n", default="monitoring", show_default=True, help="Namespace of the operator's objects.")
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="KEY=VALUE",
    help="Label of the operator's objects, such as release=prometheus. May be given several times.",
)
@click.option("--folder", default="Sedna", show_default=True, help="Folder of Grafana's own alert rules.")
@click.option("--check", is_flag=True, help="Write nothing; fail when the folder is not up to date.")
def build_command(
    out: Path,
    tune: Path | None,
    grafana_url: str,
    runbook_url: str,
    labels: tuple[str, ...],
    check: bool,
    records: Any,
    namespace: str,
    folder: str,
    **given: Any,
) -> None:
    """Check the rules and write them for all that evaluates them.

    OUT/prometheus is for Prometheus and Thanos, OUT/prometheus-operator holds PrometheusRule objects, OUT/mimir is for
    mimirtool and cortextool, OUT/loki for Loki's ruler, OUT/grafana for Grafana's provisioning folder. OUT/alertmanager
    is an example. Nothing is written when a rule is wrong.
    """
    from sedna_dash.rules import writing
    from sedna_dash.rules.forms import Placement
    from sedna_dash.rules.links import Site

    pairs = dict(_pair(label) for label in labels)
    site = Site(grafana=grafana_url, runbooks=runbook_url)
    placement = Placement(site, records=records, namespace=namespace, labels=pairs, folder=folder)
    if check:
        writing.check(out, tune, placement, **given)
        click.echo(f"{out} is up to date.")
    else:
        click.echo(writing.build(out, tune, placement, **given))


def _pair(label: str) -> tuple[str, str]:
    key, equals, value = label.partition("=")
    if not key or not equals:
        raise click.BadParameter(f"'{label}' is no KEY=VALUE", param_hint="--label")
    return key, value


@rules_command.command("check", short_help="Check rules.")
@inputs
@_form_option
def check_command(form: str, **given: Any) -> None:
    """Check records and alerts: names, labels, what survives aggregation, panels, runbooks, inhibitions."""
    from sedna_dash.rules import reporting

    checked = reporting.checked(given)
    click.echo(json.dumps(checked.data(), indent=2) if form == "json" else checked.text(), nl=form == "json")
    raise SystemExit(1 if checked.problems else 0)


@rules_command.command("test", short_help="Play the tests of alerts.")
@click.argument("names", nargs=-1, metavar="[ALERT]...")
@inputs
@_form_option
def test_command(names: tuple[str, ...], form: str, **given: Any) -> None:
    """Play the tests of all alerts, or of those named, with Prometheus' own promtool."""
    from sedna_dash.rules import reporting

    outcomes = reporting.tested(names, given, progress=form == "text")
    click.echo(json.dumps(outcomes.data(), indent=2) if form == "json" else outcomes.text(), nl=form == "json")
    raise SystemExit(1 if outcomes.failed else 0)
