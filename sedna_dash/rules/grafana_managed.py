"""Alerts as rules of Grafana itself, for sites whose Prometheus loads no rules, or where people tune them in Grafana.

Shape of the provisioning API of Grafana 9.3, which newer ones read; see
https://grafana.com/docs/grafana/v9.3/developers/http_api/alerting_provisioning/.
"""

from __future__ import annotations

import re
from typing import Any

from sedna_dash.alerts import Alert
from sedna_dash.authoring.promql import Records, without_records
from sedna_dash.rules.groups import PREFIX, alert_rule
from sedna_dash.rules.links import Site, linked_panel
from sedna_dash.rules.tuning import Tuning

#: Seconds between two evaluations of a group.
INTERVAL = 60

#: Stands for the datasource with metrics, and that with logs, as in dashboards.
DATASOURCES = {"promql": "${datasource}", "logql": "${loki_datasource}"}

#: The datasource of Grafana's own expressions.
_EXPRESSION = "__expr__"
#: How far back the query may look for its newest value.
_RANGE = 600

_VALUE = re.compile(r"\$value\b")


def alert_rules(tuning: Tuning, site: Site, records: Records = "inline") -> list[dict[str, Any]]:
    """Every alert as a rule of Grafana, but for the watchdog, which is about Prometheus and Alertmanager.

    Neither folder nor organisation is in it, and the datasource is a placeholder: they belong to the Grafana.
    """
    rules = tuning.rules
    return [_rule(alert, tuning, site, records) for alert in rules.alerts.alerts.values() if alert.severity != "none"]


def _rule(alert: Alert, tuning: Tuning, site: Site, records: Records) -> dict[str, Any]:
    rules = tuning.rules
    rule = alert_rule(alert, rules.links(alert, site))
    board, panel = linked_panel(alert, rules.boards)
    expr = rule.expr
    if alert.language == "promql" and records == "inline":
        expr = without_records(rules.catalog, expr)
    annotations = {key: _VALUE.sub("$values.B.Value", text) for key, text in rule.annotations.items()}
    return {
        "uid": uid(alert),
        "title": alert.name,
        "ruleGroup": f"{PREFIX}-{alert.group}",
        "condition": "C",
        "data": [
            _query("A", DATASOURCES[alert.language], {"expr": expr, "instant": True, "queryType": "instant"}),
            _expression("B", {"type": "reduce", "expression": "A", "reducer": "last"}),
            # Whatever the expression returns fires, be it 0.
            _expression("C", {"type": "math", "expression": "is_number($B)"}),
        ],
        "noDataState": "OK",
        "execErrState": "Error",
        "for": rule.hold,
        "labels": {**rule.labels, **tuning.labels},
        "annotations": {**annotations, "__dashboardUid__": board.uid, "__panelId__": str(panel.id)},
    }


def uid(alert: Alert) -> str:
    """The uid of an alert's rule in Grafana, at most 40 characters."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", alert.name).lower()[:40]


def _query(ref: str, datasource: str, model: dict[str, Any]) -> dict[str, Any]:
    return {
        "refId": ref,
        "datasourceUid": datasource,
        "relativeTimeRange": {"from": _RANGE, "to": 0},
        "model": {"refId": ref, "intervalMs": 1000, "maxDataPoints": 43200, **model},
    }


def _expression(ref: str, model: dict[str, Any]) -> dict[str, Any]:
    return {
        "refId": ref,
        "datasourceUid": _EXPRESSION,
        "relativeTimeRange": {"from": 0, "to": 0},
        "model": {"refId": ref, "intervalMs": 1000, "maxDataPoints": 43200,
                  "datasource": {"type": _EXPRESSION, "uid": _EXPRESSION}, **model},
    }  # fmt: skip
