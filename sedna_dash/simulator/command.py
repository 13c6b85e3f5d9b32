"""``sedna-dash simulate``: options, one call, and what is served where. Nothing is decided here."""

from __future__ import annotations

import gc
import json
import re
import signal
import threading
from pathlib import Path
from typing import Any

import click

from sedna_dash.exporter.options import DEFAULT_LISTEN, address
from sedna_dash.simulator.surroundings import DEFAULT, SOURCES

_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)
#: Seconds between two samples of history.
_STEP = 60.0
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _duration(text: str) -> float:
    """A number of seconds, or with a unit: 90, 30m, 24h, 7d."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text.strip())
    if found is None:
        raise click.BadParameter(f"{text!r} is no duration; write it like 90s, 30m, 24h or 7d")
    return float(found[1]) * _UNITS[found[2] or "s"]


_SOURCE = click.Choice(sorted(SOURCES))


@click.command("simulate", short_help="Simulate a Sedna site.")
@click.option("--scenario", default="tour", show_default=True, help="A scenario by name, or a YAML file.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, another world.")
@click.option("--pace", type=click.FloatRange(min=0.01), default=1.0, show_default=True, help="How fast time runs.")
@click.option("--jobs", type=click.IntRange(min=1), help="Stretch or shrink the scenario to so many jobs.")
@click.option(
    "--start-ago",
    type=_duration,
    metavar="DURATION",
    default="0s",
    show_default=True,
    help="How long the site is there already.",
)
@click.option(
    "--listen",
    default="127.0.0.1:0",
    show_default=True,
    help="Where to serve; 0: a free port.",
)
@click.option("--kubeconfig", type=_FILE, help="Write a kubeconfig that leads to the simulated cluster.")
@click.option("--knowledge-base", type=_FILE, help="Keep Sedna's knowledge base in this sqlite file.")
@click.option("--logs", type=_FOLDER, help="Write the logs of all containers here, as a node keeps them.")
@click.option("--loki", default="", metavar="URL", help="Send the logs to this Loki, as collectors would.")
@click.option("--prometheus-config", type=_FILE, help="Write the configuration of a Prometheus that scrapes the site.")
@click.option(
    "--exporter",
    default=DEFAULT_LISTEN,
    show_default=True,
    help="Address of the exporter, for that configuration and for history.",
)
@click.option(
    "--kube-state-metrics",
    default="",
    help="Address of a real kube-state-metrics that reads the simulated cluster, for that configuration. "
    "It is then not simulated.",
)
@click.option("--without", type=_SOURCE, multiple=True, help="Do not simulate this source. May be given several times.")
@click.option(
    "--with", "extra", type=_SOURCE, multiple=True, help="Simulate this source, too. May be given several times."
)
@click.option(
    "--backfill",
    type=_duration,
    metavar="DURATION",
    help="Let the site begin so long ago, and write its history first.",
)
@click.option("--backfill-to", type=_FOLDER, help="Folder for that history: the data of a Prometheus.")
@click.option(
    "--step",
    type=_duration,
    metavar="DURATION",
    help="Time between two samples of history.  [default: 60s]",
)
@click.option(
    "--step-at-end",
    type=_duration,
    metavar="DURATION",
    help="Time between two samples in the last two hours of history.  [default: as --step]",
)
@click.option("--truth-of-history", type=_FILE, help="Write what is true where history ends as JSON.")
@click.option(
    "--truth", type=click.Path(dir_okay=False, allow_dash=True), help="At the end, write what is true as JSON."
)
@click.option(
    "--duration",
    type=_duration,
    metavar="DURATION",
    help="Stop after this time; 0 stops once history and truth are written.",
)
@click.option("--output", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def simulate_command(
    listen: str,
    without: tuple[str, ...],
    extra: tuple[str, ...],
    backfill: float | None,
    backfill_to: Path | None,
    step: float | None,
    step_at_end: float | None,
    truth_of_history: Path | None,
    truth: str | None,
    duration: float | None,
    form: str,
    **given: Any,
) -> None:
    """Simulate a Sedna site, with nothing else running.

    Serves the Kubernetes API of a cluster with Sedna on one address, and there, too, what the exporters around it
    would say. The exporter and kube-state-metrics read it like a real cluster. Stops on SIGINT and SIGTERM.
    """
    from sedna_dash.simulator.simulating import Options, Simulation

    gc.enable()  # this command may live for days
    if (backfill is None) != (backfill_to is None):
        raise click.UsageError("--backfill and --backfill-to belong together: how long, and into which folder")
    if truth_of_history and not backfill:
        raise click.UsageError("--truth-of-history needs --backfill: without it there is no history")
    if backfill and given["start_ago"]:
        raise click.UsageError("--backfill says when the site begins; leave out --start-ago")
    if 0 in (step, step_at_end):
        raise click.UsageError("--step and --step-at-end must be longer than nothing")
    if not backfill and not (step is None and step_at_end is None):
        raise click.UsageError("--step and --step-at-end need --backfill: they are about history")
    host, port = address(listen)
    left_out = {*without, *(["kube-state-metrics"] if given["kube_state_metrics"] else [])}
    sources = tuple(name for name in SOURCES if (name in DEFAULT or name in extra) and name not in left_out)
    # Until it serves, a signal breaks it off.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    given["start_ago"] = backfill or given["start_ago"]
    simulation = Simulation(Options(host=host, port=port, sources=sources, **given))
    if backfill and backfill_to:
        said = simulation.backfill(backfill_to, step or _STEP, step_at_end)
        click.echo(said, err=form == "json")
        if truth_of_history:
            simulation.write_truth(truth_of_history)
    else:
        simulation.advance(simulation.now)
    if said := simulation.flush_logs():
        click.echo(said, err=form == "json")
    stop = threading.Event()
    with simulation.serving() as url:
        for number in (signal.SIGINT, signal.SIGTERM):
            # In a thread of its own: the one that is interrupted may hold the lock of the event.
            signal.signal(number, lambda *_: threading.Thread(target=stop.set).start())
        click.echo(_announced(url, given, form))
        simulation.live(stop, duration)
    if truth == "-":
        click.echo(json.dumps(simulation.truth(), indent=2))
    elif truth:
        simulation.write_truth(Path(truth))


def _announced(url: str, given: dict[str, Any], form: str) -> str:
    """What is where: a line of JSON for scripts, or lines for people."""
    files = ("kubeconfig", "prometheus_config", "knowledge_base", "logs")
    places = {name: str(given[name]) for name in files if given[name]}
    if form == "json":
        about = {name: given[name] for name in ("scenario", "seed", "pace")}
        return json.dumps({"url": url, "discovery": f"{url}/sd", **places, **about})
    lines = [f"Simulating {given['scenario']} with seed {given['seed']}.", f"Kubernetes API and metrics: {url}"]
    lines += [f"{name.replace('_', ' ').capitalize()}: {place}" for name, place in places.items()]
    if "kubeconfig" in places:
        lines.append(f"Read it: sedna-dash exporter --kubeconfig {places['kubeconfig']}")
    return "\n".join([*lines, "Stop with Ctrl-C."])
