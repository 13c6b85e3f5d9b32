"""The forms that rules are written in: what each program that evaluates them takes. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sedna_dash import __version__
from sedna_dash.authoring.promql import Records
from sedna_dash.documents import yaml_text
from sedna_dash.rules import alertmanager, grafana_managed
from sedna_dash.rules.groups import Group, Rule, alert_groups, record_groups, rule_file
from sedna_dash.rules.links import Site
from sedna_dash.rules.tuning import Tuning

#: Rule files for Prometheus and Thanos, which promtool judges.
PROMETHEUS = ("prometheus/sedna-records.yaml", "prometheus/sedna-alerts.yaml")

_WRITTEN = "# Written by sedna-dash rules build. Change the alerts, the records or the tuning file, not this file.\n"


@dataclass(frozen=True)
class Placement:
    """Where the rules go: ``namespace`` and ``labels`` of the operator's objects, and which datasources Grafana has."""

    site: Site = field(default_factory=Site)
    records: Records = "inline"
    namespace: str = "monitoring"
    labels: Mapping[str, str] = field(default_factory=dict)
    datasources: Mapping[str, str] = field(
        default_factory=lambda: {"promql": "sedna-prometheus", "logql": "sedna-loki"}
    )
    folder: str = "Sedna"


def files(tuning: Tuning, placement: Placement) -> dict[str, bytes]:
    """Every file: path below the output folder to content."""
    records, metrics, lines = groups_of(tuning, placement.site)
    found = {
        PROMETHEUS[0]: rule_file(records),
        PROMETHEUS[1]: rule_file(metrics),
        "prometheus-operator/sedna-records.yaml": _custom_resource("sedna-records", records, placement),
        "prometheus-operator/sedna-alerts.yaml": _custom_resource("sedna-alerts", metrics, placement),
        # mimirtool and cortextool load one namespace from a file.
        "mimir/sedna.yaml": {"namespace": "sedna", **rule_file([*records, *metrics])},
        "loki/sedna.yaml": rule_file(lines),
        "grafana/sedna-alerts.yaml": _provisioning(tuning, placement),
    }
    texts = {path: yaml_text(content) for path, content in found.items()}
    routing = alertmanager.configuration(tuning.rules.alerts)
    texts["alertmanager/alertmanager.yaml"] = alertmanager.text(tuning.rules.alerts, yaml_text(routing))
    # Grafana replaces $NAME in provisioning files by variables of its environment.
    texts["grafana/sedna-alerts.yaml"] = texts["grafana/sedna-alerts.yaml"].replace("$", "$$")
    return {path: f"{_WRITTEN}# sedna-dash {__version__}\n{text}".encode() for path, text in texts.items()}


def groups_of(tuning: Tuning, site: Site) -> tuple[list[Group], list[Group], list[Group]]:
    """Recording rules, alerts on metrics, alerts on log lines."""
    rules = tuning.rules
    without_clock = replace(site, clock=False)
    metrics = alert_groups(rules.alerts, lambda alert: rules.links(alert, site), language="promql")
    lines = alert_groups(rules.alerts, lambda alert: rules.links(alert, without_clock), language="logql")
    return record_groups(rules.catalog), _labelled(metrics, tuning.labels), _labelled(lines, tuning.labels)


def _labelled(groups: list[Group], labels: Mapping[str, str]) -> list[Group]:
    def with_labels(rule: Rule) -> Rule:
        return replace(rule, labels={**rule.labels, **labels})

    return [replace(group, rules=tuple(map(with_labels, group.rules))) for group in groups] if labels else groups


def _custom_resource(name: str, groups: list[Group], placement: Placement) -> dict[str, Any]:
    """A PrometheusRule of the Prometheus operator."""
    labels = {"app.kubernetes.io/name": "sedna-dash", **placement.labels}
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": name, "namespace": placement.namespace, "labels": labels},
        "spec": rule_file(groups),
    }


def _provisioning(tuning: Tuning, placement: Placement) -> dict[str, Any]:
    """Grafana's own alert rules as a file for its provisioning folder."""
    site = replace(placement.site, clock=False)
    groups: dict[str, list[dict[str, Any]]] = {}
    for rule in grafana_managed.alert_rules(tuning, site, placement.records):
        group = rule.pop("ruleGroup")
        annotations = rule["annotations"]
        # A file has fields of its own for the link to the panel.
        place = {"dashboardUid": annotations.pop("__dashboardUid__"), "panelId": int(annotations.pop("__panelId__"))}
        groups.setdefault(group, []).append({**with_datasources(rule, placement.datasources), **place})
    return {
        "apiVersion": 1,
        "groups": [
            {"orgId": 1, "name": name, "folder": placement.folder, "interval": f"{grafana_managed.INTERVAL}s",
             "rules": rules}
            for name, rules in groups.items()
        ],
    }  # fmt: skip


def with_datasources(rule: Mapping[str, Any], uids: Mapping[str, str]) -> dict[str, Any]:
    """A rule of Grafana with the uids of its datasources; ``uids`` has one for each language."""
    text = json.dumps(rule)
    for language, placeholder in grafana_managed.DATASOURCES.items():
        text = text.replace(json.dumps(placeholder), json.dumps(uids[language]))
    found: dict[str, Any] = json.loads(text)
    return found
