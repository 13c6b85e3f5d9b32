"""``sedna-dash impact``: options, one call, one report. Nothing is decided here."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sedna_dash.rules.options import inputs as rule_inputs

if TYPE_CHECKING:
    from sedna_dash.impact.inventory import Inventory
    from sedna_dash.impact.report import Finding

_PATH = click.Path(exists=True, path_type=Path)
_F = TypeVar("_F", bound=Callable[..., Any])


def _options(command: _F) -> _F:
    """What is searched, and how the answer is given."""
    command = rule_inputs(command)
    for option in (
        click.option("--check", is_flag=True, help="Exit with 1 when something would break, or is unused."),
        click.option(
            "--output",
            "form",
            type=click.Choice(["text", "json"]),
            default="text",
            show_default=True,
            help="How to report. The form of JSON: sedna-dash schema impact.",
        ),
        click.option(
            "--rules",
            type=_PATH,
            multiple=True,
            help="Rule file of yours, or a folder of them: Prometheus, PrometheusRule objects, Loki. Several times.",
        ),
        click.option(
            "--dashboards",
            type=_PATH,
            multiple=True,
            help="Dashboard JSON of yours, or a folder of it, to search along. May be given several times.",
        ),
    ):
        command = option(command)
    return command


@click.group("impact", short_help="What breaks if something goes.")
def impact_command() -> None:
    """What breaks when a metric, a label or a dashboard goes, and what is unused.

    Dashboards, records, alerts and runbooks are searched, and yours with --dashboards and --rules. What of yours has
    the uid of a dashboard of ours, or the name of a rule of ours, is a copy and passed over. No server is asked.
    """


@impact_command.command("metric", short_help="A metric or record.")
@click.argument("name")
@_options
def metric_command(name: str, form: str, check: bool, **inputs: Any) -> None:
    """Say what reads a metric or record, directly and through records, and what is left of it.

    NAME is a metric, a record, or one series of a histogram such as sedna_inference_duration_seconds_bucket. Yours work
    too, when a dashboard or rule reads them.
    """
    from sedna_dash.impact.metrics import metric_impact

    _report(lambda inventory: metric_impact(name, inventory), form, check, inputs)


@impact_command.command("label", short_help="A label.")
@click.argument("name")
@click.option(
    "--metric", default="", metavar="METRIC", help="Only of this metric, and the records that keep the label."
)
@_options
def label_command(name: str, metric: str, form: str, check: bool, **inputs: Any) -> None:
    """Say what matches on a label, groups by it, joins on it, shows it, links with it."""
    from sedna_dash.impact.labels import label_impact

    _report(lambda inventory: label_impact(name, metric, inventory), form, check, inputs)


@impact_command.command("dashboard", short_help="A dashboard or panel.")
@click.argument("uid")
@click.option("--panel", default="", metavar="TITLE", help="Only this panel of it.")
@_options
def dashboard_command(uid: str, panel: str, form: str, check: bool, **inputs: Any) -> None:
    """Say what links to a dashboard, and which metrics are shown nowhere else."""
    from sedna_dash.impact.dashboards import dashboard_impact

    _report(lambda inventory: dashboard_impact(uid, panel, inventory), form, check, inputs)


@impact_command.command("unused", short_help="What nobody reads.")
@_options
def unused_command(form: str, check: bool, **inputs: Any) -> None:
    """List metrics, records and labels that nobody uses, and names of ours that are read although nobody makes them."""
    from sedna_dash.impact.unused import unused

    _report(unused, form, check, inputs)


def _report(ask: Callable[[Inventory], Finding], form: str, check: bool, inputs: dict[str, Any]) -> None:
    from sedna_dash.impact.inventory import load_inventory
    from sedna_dash.impact.output import write_report
    from sedna_dash.impact.report import searched

    inventory = load_inventory(**inputs)
    finding = ask(inventory)
    write_report(finding, searched(inventory), form, sys.stdout)
    raise SystemExit(1 if check and finding.breaks else 0)
