"""What the rules would have stored of the past, had a Prometheus evaluated them all the time.

A Prometheus evaluates rules from now on only. So records are filled in by promtool; and as promtool knows nothing of
alerts, their expressions are asked for over time, and their series written as Prometheus writes them.
"""

from __future__ import annotations

import json
import shutil
import urllib.error
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sedna_dash.demo import servers
from sedna_dash.demo.processes import HOST, free_port, open_here, running
from sedna_dash.demo.programs import Programs
from sedna_dash.errors import ProgramError
from sedna_dash.exposition import END, line

#: Seconds that a question, or promtool, may take.
_PATIENCE = 600.0


@dataclass(frozen=True)
class Window:
    """A time in the past: its ends in seconds since 1970, and the seconds between two evaluations."""

    start: float
    end: float
    step: float


@dataclass(frozen=True)
class Condition:
    """An alert: what it asks, for how many seconds that has to hold, and the labels that it adds."""

    name: str
    query: str
    hold: float
    labels: Mapping[str, str]


def fill_in(
    folder: Path, url: str, promtool: str, records: Path, window: Window, conditions: Sequence[Condition] = ()
) -> Path:
    """Ask the Prometheus at ``url`` for what the rules would have made of a window; returns a folder with the blocks.
    Raises `ProgramError`."""
    made = folder / "filled"
    command = [promtool, "tsdb", "create-blocks-from", "rules", f"--output-dir={made}", f"--url={url}"]
    command += [f"--start={window.start:.0f}", f"--end={window.end:.0f}", f"--eval-interval={window.step:g}s"]
    # It fills files of its own before it writes blocks, and leaves them where it is ended.
    environ = servers.own_environment(folder)
    log, more = folder / "promtool.log", folder / "promtool-alerts.log"
    with running("promtool", [*command, str(records)], log, patience=_PATIENCE, environ=environ) as program:
        series = past_of_alerts(url, conditions, window)
        if series:
            source = folder / "alerts.om"
            source.write_bytes(b"".join([*series, END]))
            command = [promtool, "tsdb", "create-blocks-from", "openmetrics", str(source), str(made)]
            with running("promtool", command, more, patience=_PATIENCE, environ=environ) as alerts:
                alerts.until_done()
            source.unlink()
        program.until_done()
    return made


def move_blocks(made: Path, data: Path) -> None:
    """Put blocks into the data of a Prometheus that does not run."""
    for block in made.glob("01*"):
        shutil.move(block, data)


def past_of_alerts(url: str, conditions: Sequence[Condition], window: Window) -> list[bytes]:
    """The lines of ``ALERTS`` and ``ALERTS_FOR_STATE`` in OpenMetrics. Raises `ProgramError`."""
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda condition: _ask(url, condition, window), conditions))
    both = zip(conditions, answers, strict=True)
    pairs = [pair for condition, answer in both for pair in _series(condition, answer, window)]
    # All of one family stand together.
    return [text for family in (0, 1) for pair in pairs for text in pair[family]]


def _series(
    condition: Condition, answer: Iterable[Mapping[str, Any]], window: Window
) -> Iterator[tuple[list[bytes], list[bytes]]]:
    """For each thing in trouble: when the alert fired, and since when it was so."""
    for found in answer:
        own = {name: value for name, value in found["metric"].items() if name != "__name__"}
        labels = {**own, "alertname": condition.name, **condition.labels}
        fired, active = [], []
        for moment, since in held([float(moment) for moment, _ in found["values"]], window.step):
            active.append(_at("ALERTS_FOR_STATE", labels, since, moment))
            if moment - since >= condition.hold:
                fired.append(_at("ALERTS", {**labels, "alertstate": "firing"}, 1.0, moment))
        yield fired, active


def held(moments: Iterable[float], step: float) -> Iterator[tuple[float, float]]:
    """Each moment with that since which there was no gap."""
    since = before = float("-inf")
    for moment in moments:
        if moment - before > 1.5 * step:
            since = moment
        before = moment
        yield moment, since


def _at(name: str, labels: Mapping[str, str], value: float, moment: float) -> bytes:
    return line(name, labels, value).rstrip(b"\n") + b" %d\n" % moment


def _ask(url: str, condition: Condition, window: Window) -> list[Mapping[str, Any]]:
    asked = {"query": condition.query, "start": window.start, "end": window.end, "step": window.step}
    body = urllib.parse.urlencode(asked).encode()
    try:
        with open_here(f"{url}/api/v1/query_range", body, timeout=_PATIENCE) as answer:
            found: list[Mapping[str, Any]] = json.load(answer)["data"]["result"]
            return found
    except urllib.error.HTTPError as error:
        raise ProgramError(f"Prometheus refuses {condition.name}: {json.load(error).get('error', error)}") from error
    except OSError as error:
        raise ProgramError(f"Prometheus did not answer about {condition.name} ({error})") from error


def remember(
    folder: Path, programs: Programs, records: Path, window: Window, conditions: Sequence[Condition] = ()
) -> None:
    """Let the site in a folder remember what the rules would have made of a window of its history.

    A Prometheus goes on scraping it meanwhile, so that no gap comes. Raises `ProgramError`.
    """
    with servers.prometheus(folder, f"{HOST}:{free_port()}", programs) as server:
        server.until_ready()
        made = fill_in(folder, server.url, programs.promtool, records, window, conditions)
    move_blocks(made, folder / "data")
