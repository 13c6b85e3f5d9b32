"""``sedna-dash chart``: options, one call, one echo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sedna_dash.rules.options import inputs


@click.command("chart", short_help="Write the generated files of the Helm chart.")
@inputs
@click.option(
    "--tune",
    type=click.Path(dir_okay=False, path_type=Path),
    help="YAML file with severities, durations, limits and intervals that the site wants.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("charts/sedna-dash"),
    show_default=True,
    help="Folder of the chart.",
)
@click.option("--check", is_flag=True, help="Write nothing; fail when the files are not up to date.")
def chart_command(out: Path, check: bool, **inputs: Any) -> None:
    """Write what the Helm chart reads: dashboards, rules, datasources, configs of kube-state-metrics and the collector.

    They go to OUT/files, and the list of all values to OUT/README.md. With --source, --catalog, --alerts and --tune
    the chart carries dashboards and alerts of your own.
    """
    from sedna_dash.chart import writing

    if check:
        writing.check(out, **inputs)
        click.echo(f"{out} is up to date.")
        return
    done = writing.build(out, **inputs)
    click.echo(f"{done}\n{out} written." if done else f"{out} is up to date.")
