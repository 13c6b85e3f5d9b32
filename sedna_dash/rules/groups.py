"""From the catalog and the alerts to groups of rules, as Prometheus and its relatives know them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sedna_dash.alerts import Alert, Alerts
from sedna_dash.catalog import Catalog

#: What every group's name begins with.
PREFIX = "sedna"

#: How often alerts are evaluated, whatever the server is set to: most wait for minutes anyway.
ALERT_INTERVAL = "1m"


@dataclass(frozen=True)
class Rule:
    """One rule: a record, or else an alert."""

    expr: str
    record: str = ""
    alert: str = ""
    hold: str = "0s"
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.record or self.alert

    def data(self) -> dict[str, Any]:
        """The rule as in a rule file of Prometheus."""
        if self.record:
            found: dict[str, Any] = {"record": self.record, "expr": self.expr}
        else:
            found = {"alert": self.alert, "expr": self.expr}
            if self.hold not in ("0", "0s"):
                found["for"] = self.hold
        if self.labels:
            found["labels"] = dict(self.labels)
        if self.annotations:
            found["annotations"] = dict(self.annotations)
        return found


@dataclass(frozen=True)
class Group:
    """Rules that are evaluated one after the other; without ``interval`` as often as the server is set to."""

    name: str
    rules: tuple[Rule, ...]
    interval: str = ""

    def data(self) -> dict[str, Any]:
        """The group as in a rule file of Prometheus."""
        interval = {"interval": self.interval} if self.interval else {}
        return {"name": self.name, **interval, "rules": [rule.data() for rule in self.rules]}


def record_groups(catalog: Catalog) -> list[Group]:
    """The recording rules, each behind those that it reads."""
    return [
        Group(
            f"{PREFIX}.{group.name}.rules",
            tuple(
                Rule(record.expr or "", record=record.name, labels=record.fixed)
                for record in catalog.records
                if record.group == group.name
            ),
            group.interval,
        )
        for group in catalog.record_groups.values()
    ]


def alert_groups(alerts: Alerts, links: Callable[[Alert], Mapping[str, str]], *, language: str) -> list[Group]:
    """The alerts of one language. ``links`` gives the annotations of an alert that are addresses."""
    groups = []
    for name in alerts.groups:
        rules = tuple(alert_rule(alert, links(alert)) for alert in alerts.of_group(name) if alert.language == language)
        if rules:
            groups.append(Group(f"{PREFIX}.{name}.alerts", rules, ALERT_INTERVAL))
    return groups


def alert_rule(alert: Alert, links: Mapping[str, str]) -> Rule:
    """The rule of one alert."""
    return Rule(
        alert.query,
        alert=alert.name,
        hold=alert.hold,
        labels={"severity": alert.severity},
        annotations={
            "summary": alert.written(alert.summary),
            "description": alert.written(alert.description),
            **links,
        },
    )


def rule_file(groups: Iterable[Group]) -> dict[str, Any]:
    """The content of a rule file."""
    return {"groups": [group.data() for group in groups]}
