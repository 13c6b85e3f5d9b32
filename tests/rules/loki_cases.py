"""Plays the tests of alerts on log lines: real lines in a real Loki, asked as its ruler would ask.

A case's lines come one every ``interval``, from the beginning. ``TEXT x30`` is a line 30 times, ``_`` is none, and
``_ x30`` none 30 times. A stream names its labels and the structured metadata of its lines alike; the catalog knows
which are which.
"""

from __future__ import annotations

import itertools
import json
import re
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from sedna_dash.alerts import Alert, Case
from sedna_dash.alerts.model import seconds
from sedna_dash.catalog import Catalog
from sedna_dash.rules.promtool import run_tests

#: Seconds between two evaluations, as in the tests of alerts on metrics.
EVERY = 60
_REPEATED = re.compile(r"(?s)(?P<text>.*) x(?P<times>\d+)")
_LABEL = re.compile(r'(\w+)="([^"]*)"')

Labels = Mapping[str, str]


def lines_of(entries: Sequence[str]) -> Iterator[str]:
    """The lines of a stream, one for each interval; ``_`` where there is none."""
    for entry in entries:
        repeated = _REPEATED.fullmatch(entry)
        yield from [repeated["text"]] * int(repeated["times"]) if repeated else [entry]


class Site:
    """A Loki whose lines of one case are told from those of others by the label ``site``."""

    def __init__(self, url: str, catalog: Catalog) -> None:
        self._url, self._catalog, self._cases = url, catalog, 0

    def firing(self, alert: Alert, case: Case) -> list[tuple[Labels, float]]:
        """Labels and value of what fires at the moment that the case names."""
        self._cases += 1
        site, at = f"case{self._cases}", seconds(case.at)
        # Loki rounds the times that it is asked for to whole steps.
        start = int(time.time() - at) // EVERY * EVERY - EVERY
        self._write(case, site, start)
        expr = alert.query.replace("{app", f'{{site="{site}", app', 1)
        assert site in expr, "an alert on lines selects by app first"
        answer = self._get("query_range", query=expr, start=start, end=start + at, step=EVERY)
        steps = range(start, int(start + at) + 1, EVERY)
        return [
            (found["metric"], float(found["values"][-1][1]))
            for found in answer["data"]["result"]
            if _held(steps, {int(moment) for moment, _ in found["values"]}) >= seconds(alert.hold)
        ]

    def _write(self, case: Case, site: str, start: int) -> None:
        streams = []
        known = self._catalog.logs
        for selector, entries in case.lines.items():
            labels = dict(_LABEL.findall(selector))
            unknown = labels.keys() - known.all.keys()
            assert not unknown, f"{selector}: lines carry no label {', '.join(sorted(unknown))}"
            stream = {name: value for name, value in labels.items() if name in known.stream}
            metadata = {name: value for name, value in labels.items() if name in known.metadata}
            values = [
                [str(int((start + number * seconds(case.interval)) * 1e9)), text, metadata]
                for number, text in enumerate(lines_of(entries))
                if text != "_" and number * seconds(case.interval) <= seconds(case.at)
            ]
            streams.append({"stream": {"site": site, **stream}, "values": values})
        body = json.dumps({"streams": streams}).encode()
        push = urllib.request.Request(f"{self._url}/loki/api/v1/push", body, {"Content-Type": "application/json"})
        urllib.request.urlopen(push, timeout=30).close()

    def _get(self, path: str, **parameters: object) -> Any:
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self._url}/loki/api/v1/{path}?{query}", timeout=30) as answer:
            return json.load(answer)


def _held(steps: Sequence[int], true: set[int]) -> float:
    """Seconds for which it has been true up to the last step, without a gap; below 0 if it is not true."""
    unbroken = list(itertools.takewhile(true.__contains__, reversed(steps)))
    return unbroken[0] - unbroken[-1] if unbroken else -1


def summaries(alert: Alert, found: Sequence[tuple[Labels, float]], promtool: str, expected: Sequence[str]) -> str:
    """What Prometheus says against the summaries that a case expects; empty when they are what it writes."""
    rule = {"alert": alert.name, "expr": "found", "annotations": {"summary": alert.written(alert.summary)}}
    inputs = [
        {"series": "found{" + ",".join(f"{name}={json.dumps(text)}" for name, text in labels.items()) + "}",
         "values": f"{value:g}"}
        for labels, value in found
    ]  # fmt: skip
    alerts = [
        {"exp_labels": dict(labels), "exp_annotations": {"summary": summary}}
        for (labels, _), summary in zip(found, expected, strict=True)
    ]
    test = {"input_series": inputs, "interval": "1m"}
    asked = [{"eval_time": "0s", "alertname": alert.name, "exp_alerts": alerts}]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": [rule]}]}))
        file = Path(folder) / "tests.yaml"
        file.write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "tests": [{**test, "alert_rule_test": asked}]}))
        return run_tests(promtool, [file]).get(file, "")
