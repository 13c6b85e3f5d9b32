"""A rule set of one alert, with values of a good one changed."""

from pathlib import Path
from typing import Any

from sedna_dash.alerts import Alert, load_alerts
from sedna_dash.rules.ruleset import RuleSet, load_rules
from tests.alerts.test_loading import changed, folder_with

ALL = load_rules()


def rules_with(tmp_path: Path, path: str = "severity", value: Any = "warning") -> RuleSet:
    """Our own rules, but of alerts only SednaLarge."""
    alerts = load_alerts(folder_with(tmp_path, changed(path, value)))
    return RuleSet(alerts, ALL.catalog, ALL.boards)


def large(rules: RuleSet) -> Alert:
    """The one alert."""
    return rules.alerts.alerts["SednaLarge"]
