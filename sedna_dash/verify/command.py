"""``sedna-dash verify``: options, one call, one echo. Nothing is decided here."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sedna_dash.deploy.options import connection_options, datasource_options, source_options

if TYPE_CHECKING:
    from sedna_dash.lint.board import Board
    from sedna_dash.verify.target import Target


@click.command("verify", short_help="Prove that every panel has data.")
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--prometheus", envvar="PROMETHEUS_URL", show_envvar=True, help="Ask this Prometheus directly.")
@click.option("--loki", envvar="LOKI_URL", show_envvar=True, help="Ask this Loki directly.")
@click.option("--grafana", metavar="URL", help="Ask through this Grafana, as its panels do; the same as --url.")
@click.option(
    "--dashboard", "uids", metavar="UID", multiple=True, help="Only this dashboard. May be given several times."
)
@click.option("--since", metavar="TIME", help="Also say how far back each metric goes, and its holes: 24h, 7d.")
@click.option(
    "--set", "pairs", metavar="VARIABLE=VALUE", multiple=True, help="Open the dashboards with this value of a variable."
)
@click.option(
    "--expect",
    metavar="SOURCE",
    multiple=True,
    help="Fail when metrics of this producer are missing, such as exporter; all for every one.",
)
@click.option("--verbose", is_flag=True, help="List every panel, not only what is wrong.")
@click.option(
    "--output",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="How to report. The form of JSON: sedna-dash schema verify.",
)
@source_options
@datasource_options
@connection_options
def verify_command(
    paths: tuple[Path, ...],
    prometheus: str | None,
    loki: str | None,
    grafana: str | None,
    uids: tuple[str, ...],
    since: str | None,
    pairs: tuple[str, ...],
    expect: tuple[str, ...],
    verbose: bool,
    form: str,
    **given: Any,
) -> None:
    """Run every query of every panel, variable and annotation, and say for each panel whether it has data, and why not.

    The queries go to --prometheus and --loki directly, or through --grafana to the datasources of the dashboards.
    Without PATHS (dashboard JSON, or folders of it) the dashboard modules are taken. Each dashboard is as when it is
    opened: its own time range, and its variables at All or at their default.

    Exits 1 when a query is refused, or finds nothing and nothing explains it. Credentials come from PROMETHEUS_TOKEN or
    PROMETHEUS_USER and PROMETHEUS_PASSWORD, the same for LOKI, and for Grafana as in sedna-dash deploy.
    """
    from sedna_dash.catalog import default_catalog, load_catalog
    from sedna_dash.deploy.progress import progress
    from sedna_dash.verify.checking import JOBS, Request, count_queries, verify
    from sedna_dash.verify.choosing import boards_of, expected_sources
    from sedna_dash.verify.output import write_report
    from sedna_dash.verify.settings import chosen_values, since_seconds

    catalog = load_catalog(extra=given["catalogs"]) if given["catalogs"] else default_catalog()
    chosen, seconds, expected = chosen_values(pairs), since_seconds(since), expected_sources(expect, catalog)
    way = _way(prometheus, loki, grafana)
    boards = boards_of(paths, given["source"], given["catalogs"], uids, chosen)
    with ExitStack() as stack:
        if way == "direct":
            url, targets, sources = _direct(prometheus, loki, given)
        else:
            url, targets, sources = _through({**given, "url": grafana or given["url"]}, boards, stack)
        request = Request(url, boards, targets, catalog, chosen, sources, expected, seconds, jobs=given["jobs"] or JOBS)
        with progress("Asking", count_queries(boards), sys.stderr) as tick:
            report = verify(request, tick)
    write_report(report, form, sys.stdout, verbose=verbose)
    if report.error:
        raise report.error


def _way(prometheus: str | None, loki: str | None, grafana: str | None) -> str:
    """Directly, or through Grafana. What is on the command line beats what is in the environment."""
    from click.core import ParameterSource

    context = click.get_current_context()

    def written(name: str) -> bool:
        return context.get_parameter_source(name) is ParameterSource.COMMANDLINE

    servers, through = written("prometheus") or written("loki"), bool(grafana) or written("url")
    if servers and through:
        raise click.UsageError("--grafana asks its own datasources; give it, or --prometheus and --loki")
    return "direct" if servers or (not through and (prometheus or loki)) else "grafana"


def _direct(
    prometheus: str | None, loki: str | None, given: dict[str, Any]
) -> tuple[str, dict[str, Target], dict[str, str]]:
    from sedna_dash.verify.choosing import tls_of
    from sedna_dash.verify.settings import direct
    from sedna_dash.verify.target import Loki, Prometheus

    tls = tls_of(given)
    targets: dict[str, Target] = {}
    if prometheus:
        targets["promql"] = Prometheus(direct("Prometheus", prometheus, os.environ, tls, given["timeout"]))
    if loki:
        targets["logql"] = Loki(direct("Loki", loki, os.environ, tls, given["timeout"]))
    shown = " and ".join(target.server.url for target in targets.values() if isinstance(target, (Prometheus, Loki)))
    return shown, targets, {}


def _through(
    given: dict[str, Any], boards: list[Board], stack: ExitStack
) -> tuple[str, dict[str, Target], dict[str, str]]:
    from sedna_dash.deploy.options import site
    from sedna_dash.errors import SettingsError
    from sedna_dash.verify.choosing import datasources
    from sedna_dash.verify.settings import of_grafana
    from sedna_dash.verify.target import Datasource

    try:
        here = site(given)
    except SettingsError as error:
        if given["url"] or given["config"]:
            raise
        raise SettingsError(f"{error.message}; or ask a Prometheus itself with --prometheus") from None
    grafana = stack.enter_context(here.grafana())
    grafana.health()
    chosen = datasources([board.model for board in boards], here.choices, grafana.datasources())
    server = of_grafana(here.settings, given["timeout"])
    targets: dict[str, Target] = {
        {"prometheus": "promql", "loki": "logql"}[plugin]: Datasource(server, uid, plugin)
        for plugin, uid in chosen.items()
    }
    return grafana.url, targets, chosen
