"""``sedna-dash demo``: options, one call, and what is said. Nothing is decided here."""

from __future__ import annotations

import gc
import math
from pathlib import Path
from typing import Any

import click

from sedna_dash.demo.story_names import story_names

_FOLDER = click.Path(file_okay=False, path_type=Path)
_PORT = click.IntRange(1, 65535)
_PORTS = ("grafana", "prometheus", "loki", "exporter")


def _number(context: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    """A range keeps out everything but nan."""
    if value is not None and math.isnan(value):
        raise click.BadParameter("nan is no number", context, parameter)
    return value


@click.command("demo", short_help="See it all with data, without a cluster.")
@click.option(
    "--story",
    "--scenario",
    "name",
    type=click.Choice(story_names()),
    default="tour",
    show_default=True,
    help="What happens at the site. 'alarms' lets every alert fire.",
)
@click.option(
    "--hours",
    type=click.FloatRange(0.1, 168),
    callback=_number,
    help="Hours of history that are played first.  [default: what the story needs; 6 for the tour]",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, another world.")
@click.option("--port-grafana", type=_PORT, help="Port of Grafana.  [default: a free one]")
@click.option("--port-prometheus", type=_PORT, help="Port of Prometheus.  [default: a free one]")
@click.option("--port-loki", type=_PORT, help="Port of Loki.  [default: a free one]")
@click.option("--port-exporter", type=_PORT, help="Port of the exporter.  [default: a free one]")
@click.option("--without", type=click.Choice(["loki", "grafana"]), multiple=True, help="Do not start it.")
@click.option("--keep", type=_FOLDER, help="Keep data and logs in this folder, which must be new or empty.")
@click.option("--open", "open_it", is_flag=True, help="Open the first panel in a browser.")
@click.option("--compose", type=_FOLDER, help="Start nothing; write a compose file here that does, for Docker.")
@click.option(
    "--source",
    type=_FOLDER,
    envvar="SEDNA_DASH_SOURCE",
    help="Folder of dashboard modules. [default: ./dashboards_src, else the Sedna dashboards in sedna-dash]",
)
@click.option("--list", "list_them", is_flag=True, help="List the stories and stop.")
@click.option("--output", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def demo_command(name: str, list_them: bool, compose: Path | None, form: str, open_it: bool, **given: Any) -> None:
    """See all dashboards and alerts with data, without a cluster.

    Plays the last hours of a simulated Sedna site, and lets it go on: with the real exporter, a real Prometheus with
    our rules, and Loki and Grafana where they are installed. Then it says what to open and what to look for. Stops on
    Ctrl-C, SIGTERM and SIGHUP, and leaves nothing behind.

    Prometheus is needed. SEDNA_DASH_PROMETHEUS, SEDNA_DASH_LOKI (programs) and SEDNA_DASH_GRAFANA (an unpacked folder)
    name what is not on the PATH.
    """
    from sedna_dash.demo.stories import load_story

    if list_them:
        click.echo("\n".join(f"{each:30}{load_story(each).title}" for each in story_names()))
        return
    from sedna_dash.demo import demonstrating
    from sedna_dash.demo.interrupting import heeding_signals

    ports = {each: given[f"port_{each}"] for each in _PORTS if given[f"port_{each}"]}
    wanted = {each: given[each] for each in ("hours", "seed", "without", "keep", "source")}
    options = demonstrating.Options(load_story(name), ports=ports, **wanted)
    if compose:
        click.echo(demonstrating.write_compose(compose, options))
        return
    gc.enable()  # this command may live for days
    with heeding_signals():
        try:
            demonstrating.run(options, click.echo, form=form, open_it=open_it)
        except KeyboardInterrupt:
            click.echo("Stopped.", err=True)
