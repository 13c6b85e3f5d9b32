"""The command line of deploy. What it needs is imported when it runs, so that ``--help`` answers at once."""

from __future__ import annotations

from pathlib import Path

import click

_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("deploy", short_help="Bring the dashboards to a Grafana.")
@click.option(
    "--url",
    required=True,
    envvar="GRAFANA_URL",
    show_envvar=True,
    help="Address of Grafana, with its path if it has one.",
)
@click.option(
    "--source",
    type=_FOLDER,
    envvar="SEDNA_DASH_SOURCE",
    help="Folder of dashboard modules. [default: ./dashboards_src, else those that come with sedna-dash]",
)
@click.option(
    "--catalog",
    "catalogs",
    type=_FILE,
    multiple=True,
    help="YAML file that declares more metrics, in the form of the built-in ones. May be given several times.",
)
@click.option("--folder", metavar="TITLE", default="Sedna", show_default=True, help="Grafana folder to deploy to.")
@click.option("--token-file", type=_FILE, help="File with a service account token. [default: see above]")
@click.option("--token-stdin", is_flag=True, help="Read the token from standard input.")
@click.option(
    "--prometheus-url", help="Make or update a Prometheus datasource for this address, as Grafana reaches it."
)
@click.option("--prometheus-uid", help="Use this Prometheus datasource; it is not changed.")
@click.option("--loki-url", help="Make or update a Loki datasource for this address, as Grafana reaches it.")
@click.option("--loki-uid", help="Use this Loki datasource; it is not changed.")
@click.option("--ca-file", type=_FILE, help="PEM file of the authority that signed Grafana's certificate.")
@click.option("--insecure", is_flag=True, help="Do not check Grafana's certificate.")
@click.option("--org-id", type=click.IntRange(min=1), help="Organization to work in, for logins with several.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    help="Seconds to wait for each answer.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and write nothing.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to report."
)
def deploy_command(
    url: str,
    source: Path | None,
    catalogs: tuple[Path, ...],
    folder: str,
    token_file: Path | None,
    token_stdin: bool,
    prometheus_url: str | None,
    prometheus_uid: str | None,
    loki_url: str | None,
    loki_uid: str | None,
    ca_file: Path | None,
    insecure: bool,
    org_id: int | None,
    timeout: float,
    dry_run: bool,
    form: str,
) -> None:
    """Bring the dashboards to a Grafana, with their folder and datasources.

    Only what differs is written. What somebody else made or changed is left alone and reported, exit code 3; when
    Grafana refuses or cannot be reached, the exit code is 4.

    Credentials come from --token-file, --token-stdin, or the environment: GRAFANA_TOKEN, else GRAFANA_USER and
    GRAFANA_PASSWORD. Without a datasource option the dashboards use the datasource that sedna-dash made before, the
    only one of its type, or Grafana's default.
    """
    import os
    import sys

    from sedna_dash.building import load, source_folder
    from sedna_dash.deploy.grafana import Grafana
    from sedna_dash.deploy.report import write_report
    from sedna_dash.deploy.run import deploy
    from sedna_dash.deploy.sources import checked_choice
    from sedna_dash.settings import grafana_settings

    settings = grafana_settings(
        url,
        os.environ,
        token_file=token_file,
        read_token=sys.stdin.read if token_stdin else None,
        ca_file=ca_file,
        insecure=insecure,
        org_id=org_id,
        timeout=timeout,
    )
    sources = {
        "prometheus": checked_choice("prometheus", prometheus_url, prometheus_uid),
        "loki": checked_choice("loki", loki_url, loki_uid),
    }
    dashboards = [dashboard.model for dashboard in load(source_folder(source), catalogs)]
    with Grafana(settings) as grafana:
        report = deploy(grafana, dashboards, folder=folder, sources=sources, dry_run=dry_run)
    write_report(report, form, sys.stdout)
    if report.error:
        raise report.error
