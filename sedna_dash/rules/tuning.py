"""What a site wants otherwise: a YAML file with severities, durations, limits and intervals of its own.

::

    alerts:
      SednaEdgeNodeOffline: {for: 30m, severity: info, parameters: {offline: 1h}}
      SednaNoHardExamples: {disabled: true}
    groups:
      fleet: {interval: 60s}
    labels: {team: edge}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sedna_dash.alerts import Alert, Alerts
from sedna_dash.alerts.model import SEVERITIES, seconds
from sedna_dash.catalog import Catalog
from sedna_dash.catalog.loading import LABEL_NAME, DataFile
from sedna_dash.catalog.model import closest
from sedna_dash.errors import RuleError
from sedna_dash.rules.ruleset import RuleSet


class _TuningFile(DataFile):
    error = RuleError


@dataclass(frozen=True)
class Tuning:
    """The rules as the site wants them, and the labels that all its alerts carry."""

    rules: RuleSet
    labels: Mapping[str, str] = field(default_factory=dict)


def tuned(rules: RuleSet, path: Path | None) -> Tuning:
    """The rules with a site's changes. Raises `RuleError` with file and line for what does not exist."""
    if path is None:
        return Tuning(rules)
    file = _TuningFile(path)
    content = file.content
    file.check_keys(content, {"alerts", "groups", "labels"}, ())
    changed = dict(rules.alerts.alerts)
    for name, entry in file.mappings(content.get("alerts"), "alerts").items():
        if name not in changed:
            file.fail(f"there is no alert '{name}'{closest(name, changed)}", "alerts", name)
        alert = _alert(file, changed[name], entry)
        if alert is None:
            del changed[name]
        else:
            changed[name] = alert
    labels = file.mappings(content.get("labels"), "labels")
    file.check_texts(labels, labels, "labels")
    for label in labels:
        if not LABEL_NAME.fullmatch(str(label)) or label == "severity":
            file.fail(f"'{label}' cannot be a label of all alerts; choose another name", "labels", label)
    catalog = _catalog(file, rules.catalog, file.mappings(content.get("groups"), "groups"))
    kept = _without_missing(Alerts(changed, rules.alerts.groups, rules.alerts.inhibitions))
    return Tuning(replace(rules, alerts=kept, catalog=catalog), labels)


def _alert(file: DataFile, alert: Alert, entry: Any) -> Alert | None:
    where = ("alerts", alert.name)
    file.check_keys(entry, {"disabled", "for", "severity", "parameters"}, (), *where)
    disabled = entry.get("disabled", False)
    if not isinstance(disabled, bool):
        file.fail("'disabled' is true or false, without quotes", *where, "disabled")
    if disabled:
        return None
    changes: dict[str, Any] = {}
    if "for" in entry:
        changes["hold"] = _duration(file, entry["for"], *where, "for")
    if "severity" in entry:
        if entry["severity"] not in SEVERITIES:
            file.fail(f"severity '{entry['severity']}' is none of {', '.join(SEVERITIES)}", *where, "severity")
        changes["severity"] = entry["severity"]
    parameters = file.mappings(entry.get("parameters"), *where, "parameters")
    for name, value in parameters.items():
        place = (*where, "parameters", name)
        if name not in alert.parameters:
            hint = closest(name, alert.parameters) or f"; it has: {', '.join(alert.parameters) or 'none'}"
            file.fail(f"{alert.name} has no parameter '{name}'{hint}", *place)
        if isinstance(alert.parameters[name], str):
            _duration(file, value, *place)
        elif not isinstance(value, (int, float)) or isinstance(value, bool):
            file.fail(f"'{name}' must be a number", *place)
    if parameters:
        changes["parameters"] = {**alert.parameters, **parameters}
    return alert.tuned(**changes)


def _duration(file: DataFile, value: Any, *where: str | int) -> str:
    try:
        seconds(str(value))
    except ValueError:
        file.fail(f"'{value}' is no duration; write it like 90s, 5m or 1h30m", *where)
    return str(value)


def _catalog(file: DataFile, catalog: Catalog, groups: Mapping[str, Any]) -> Catalog:
    found = dict(catalog.record_groups)
    for name, entry in groups.items():
        if name not in found:
            file.fail(f"there is no group of records '{name}'{closest(name, found)}", "groups", name)
        file.check_keys(entry, {"interval"}, ("interval",), "groups", name)
        interval = _duration(file, entry["interval"], "groups", name, "interval")
        if not 0 < seconds(interval) <= 240:
            # Prometheus forgets an instant value after five minutes.
            file.fail(f"an interval of {interval} would leave gaps; take at most 4m", "groups", name, "interval")
        found[name] = replace(found[name], interval=interval)
    return replace(catalog, record_groups=found)


def _without_missing(alerts: Alerts) -> Alerts:
    """Without what inhibitions say of alerts that are disabled."""
    kept = []
    for item in alerts.inhibitions:
        sources = tuple(name for name in item.sources if name in alerts.alerts)
        targets = tuple(name for name in item.targets if name in alerts.alerts)
        if sources and targets:
            kept.append(replace(item, sources=sources, targets=targets))
    return replace(alerts, inhibitions=tuple(kept))
