"""What the commands say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sedna_dash.alerts import Alert
from sedna_dash.catalog.model import closest
from sedna_dash.errors import SettingsError
from sedna_dash.lint.problem import Problem
from sedna_dash.rules.checking import check
from sedna_dash.rules.links import Site
from sedna_dash.rules.promtool import needed_promtool
from sedna_dash.rules.ruleset import RuleSet, load_rules
from sedna_dash.rules.testing import Outcome, play


@dataclass(frozen=True)
class Checked:
    """What is wrong with how many records and alerts."""

    problems: Sequence[Problem]
    records: int
    alerts: int

    def data(self) -> dict[str, Any]:
        """For scripts."""
        problems = [
            {"file": item.file, "line": item.line, "rule": item.panel, "message": item.message}
            for item in self.problems
        ]
        return {"records": self.records, "alerts": self.alerts, "problems": problems}

    def text(self) -> str:
        """For people: each problem on a line that editors can jump to."""
        lines = [f"{item.file}:{item.line}: {item.panel}: {item.message}" for item in self.problems]
        lines.append(f"{self.records} records, {self.alerts} alerts: {len(self.problems) or 'no'} problems")
        return "\n".join(lines) + "\n"


def checked(inputs: Mapping[str, Any]) -> Checked:
    """Check all rules."""
    rules = load_rules(**inputs)
    return Checked(check(rules), len(rules.catalog.records), len(rules.alerts.alerts))


@dataclass(frozen=True)
class Tested:
    """How tests went. ``unplayed`` are alerts on log lines, which promtool cannot test."""

    outcomes: Sequence[Outcome]
    unplayed: Sequence[Alert]

    @property
    def failed(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.fault]

    def data(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "alerts": [
                {"alert": outcome.alert.name, "cases": outcome.cases, "fault": outcome.fault or None}
                for outcome in self.outcomes
            ],
            "not_played": [alert.name for alert in self.unplayed],
        }

    def text(self) -> str:
        """For people."""
        lines = []
        for outcome in self.failed:
            where = outcome.alert.file.path if outcome.alert.file else outcome.alert.name
            lines += [f"{where}: a test fails", *(f"  {line}" for line in outcome.fault.splitlines()), ""]
        cases = sum(outcome.cases for outcome in self.outcomes)
        alerts = f"{len(self.outcomes)} alert{'' if len(self.outcomes) == 1 else 's'}"
        lines.append(f"{alerts}, {cases} tests: {len(self.failed) or 'none'} failed.")
        if self.unplayed:
            names = ", ".join(alert.name for alert in self.unplayed)
            lines.append(f"Not played, since promtool knows no log lines: {names}.")
        return "\n".join(lines) + "\n"


def tested(names: Sequence[str], inputs: Mapping[str, Any], *, progress: bool = False) -> Tested:
    """Play the tests of the alerts named, or of all."""
    rules = load_rules(**inputs)
    chosen = chosen_alerts(rules, names)
    promtool = needed_promtool()
    outcomes = play(chosen, rules.catalog, lambda alert: rules.links(alert, Site()), promtool)
    return Tested(outcomes, [alert for alert in chosen if alert.language == "logql"])


def chosen_alerts(rules: RuleSet, names: Sequence[str]) -> list[Alert]:
    """The alerts of these names, or all. Raises `SettingsError` for an unknown one."""
    known = rules.alerts.alerts
    for name in names:
        if name not in known:
            raise SettingsError(f"there is no alert '{name}'{closest(name, known)}")
    return [alert for alert in known.values() if not names or alert.name in names]
