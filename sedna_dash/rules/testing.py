"""Tests of alerts: cases from their files, as promtool plays them on the rules and records that they need."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sedna_dash.alerts import Alert, Case
from sedna_dash.alerts.model import seconds
from sedna_dash.catalog import Catalog
from sedna_dash.documents import yaml_text
from sedna_dash.rules.groups import Group, Rule, alert_rule, rule_file
from sedna_dash.rules.links import expanded
from sedna_dash.rules.promtool import run_tests
from sedna_dash.rules.reading import needed

#: What a failing alert is not compared by: a test says what a person reads first.
_NOT_COMPARED = ("description",)


@dataclass(frozen=True)
class Outcome:
    """How the tests of one alert went; ``fault`` is empty when all passed."""

    alert: Alert
    fault: str

    @property
    def cases(self) -> int:
        return len(self.alert.cases)


def play(
    alerts: Iterable[Alert],
    catalog: Catalog,
    links: Callable[[Alert], Mapping[str, str]],
    promtool: str,
    tick: Callable[[Outcome], object] = lambda outcome: None,
) -> list[Outcome]:
    """Play the tests of alerts on metrics, each by itself, as many at once as there are processors."""
    chosen = [alert for alert in alerts if alert.language == "promql"]
    with tempfile.TemporaryDirectory(prefix="sedna-dash-rules-") as folder:

        def one(alert: Alert) -> Outcome:
            file = write_tests(alert, catalog, links(alert), Path(folder))
            said = run_tests(promtool, [file]).get(file, "")
            return Outcome(alert, _readable(said) if said else "")

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            outcomes = []
            for outcome in pool.map(one, chosen):
                tick(outcome)
                outcomes.append(outcome)
            return outcomes


def write_tests(alert: Alert, catalog: Catalog, links: Mapping[str, str], folder: Path) -> Path:
    """Write the rules that an alert needs, and its tests; returns the file of tests."""
    rule = alert_rule(alert, links)
    annotations = {key: text for key, text in rule.annotations.items() if key not in _NOT_COMPARED}
    tested = Rule(rule.expr, alert=rule.alert, hold=rule.hold, labels=rule.labels, annotations=annotations)
    records = tuple(
        Rule(record.expr or "", record=record.name, labels=record.fixed) for record in needed(rule.expr, catalog)
    )
    rules = folder / f"{alert.name}.rules.yaml"
    rules.write_text(yaml_text(rule_file([Group("records", records), Group("alerts", (tested,))])), encoding="utf-8")
    file = folder / f"{alert.name}.tests.yaml"
    file.write_text(yaml_text(test_file(alert, rules.name, annotations)), encoding="utf-8")
    return file


def test_file(alert: Alert, rules: str, annotations: Mapping[str, str]) -> dict[str, Any]:
    """The tests of an alert in promtool's form."""
    return {
        "rule_files": [rules],
        "evaluation_interval": "1m",
        # In any other order records may be one evaluation behind.
        "group_eval_order": ["records", "alerts"],
        "tests": [_test(alert, case, annotations) for case in alert.cases],
    }


def _test(alert: Alert, case: Case, annotations: Mapping[str, str]) -> dict[str, Any]:
    at = seconds(case.at)
    expected = [
        {
            "exp_labels": {"severity": alert.severity, **firing.labels},
            "exp_annotations": {
                key: firing.summary if key == "summary" else expanded(text, firing.labels, at)
                for key, text in annotations.items()
            },
        }
        for firing in case.fires
    ]
    return {
        "name": case.name,
        "interval": case.interval,
        "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
        "alert_rule_test": [{"eval_time": case.at, "alertname": alert.name, "exp_alerts": expected}],
    }


def _readable(said: str) -> str:
    """What promtool says, without what it says of each file, and without addresses that nobody asked for."""
    lines = [line.rstrip() for line in said.splitlines() if line.strip() and not line.startswith("Unit Testing")]
    return re.sub(r"(dashboard_url|runbook_url)=\"[^\"]*\",? ?", "", "\n".join(lines))
