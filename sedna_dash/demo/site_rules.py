"""Our rules as the servers of a site load them, and as the past is asked for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sedna_dash.alerts.model import seconds
from sedna_dash.authoring.promql import without_records
from sedna_dash.demo.past import Condition
from sedna_dash.documents import write, yaml_text
from sedna_dash.rules.forms import groups_of
from sedna_dash.rules.groups import Group, rule_file
from sedna_dash.rules.links import Site
from sedna_dash.rules.ruleset import RuleSet
from sedna_dash.rules.tuning import tuned


@dataclass(frozen=True)
class SiteRules:
    """Groups of recording rules, of alerts on metrics and of alerts on log lines; and these alerts as conditions."""

    records: list[Group]
    alerts: list[Group]
    lines: list[Group]
    conditions: Sequence[Condition]

    def write(self, folder: Path) -> None:
        """Write ``records.yaml``, ``alerts.yaml`` and ``lines.yaml``. Raises OutputError."""
        for name, groups in (("records", self.records), ("alerts", self.alerts), ("lines", self.lines)):
            write(folder / f"{name}.yaml", yaml_text(rule_file(groups)))


def site_rules(ruleset: RuleSet, grafana_url: str = "") -> SiteRules:
    """All rules, with links to a Grafana in their alerts."""
    records, alerts, lines = groups_of(tuned(ruleset, None), Site(grafana=grafana_url))
    conditions = [
        # Written out, so that nothing has to be recorded before.
        Condition(rule.alert, without_records(ruleset.catalog, rule.expr), seconds(rule.hold), rule.labels)
        for group in alerts
        for rule in group.rules
    ]
    return SiteRules(records, alerts, lines, conditions)
