"""For the tests of deploy: a stand-in for Grafana, dashboards to send to it, and runs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from sedna_dash.deploy.alert_rules import Alerts
from sedna_dash.deploy.apply import Resolve
from sedna_dash.deploy.changes import Policy
from sedna_dash.deploy.grafana import Grafana
from sedna_dash.deploy.journal import Journal
from sedna_dash.deploy.report import Report
from sedna_dash.deploy.run import Request, carry_out, plan_deploy, plan_rollback, report_of
from sedna_dash.deploy.sources import Choice
from sedna_dash.settings import GrafanaSettings, Token
from tests.grafana_stand_in import StandIn

SOURCES = {"prometheus": Choice(url="http://prometheus:9090"), "loki": Choice(url="http://loki:3100")}


def board(uid: str = "sedna-one", title: str = "Sedna / One", **more: Any) -> dict[str, Any]:
    """A small dashboard in the shape that modules are loaded to."""
    sources = [
        {"name": "datasource", "type": "datasource", "query": "prometheus", "current": {}, "options": []},
        {"name": "loki_datasource", "type": "datasource", "query": "loki", "current": {}, "options": []},
    ]
    panel = {
        "id": 7,
        "type": "timeseries",
        "title": "Jobs",
        "gridPos": {"h": 8, "w": 12, "x": 0, "y": 0},
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "fieldConfig": {"defaults": {"unit": "short", "decimals": 1}, "overrides": []},
        "targets": [{"refId": "A", "expr": "sum(sedna_job_info)"}],
    }
    model = {
        "uid": uid,
        "title": title,
        "tags": ["sedna"],
        "schemaVersion": 42,
        "templating": {"list": sources},
        "panels": [panel],
    }
    return copy.deepcopy({**model, **more})


def rule(uid: str = "sedna-stuck", title: str = "SednaStuck", *, over: float = 0, **more: Any) -> dict[str, Any]:
    """A small alert rule in the shape that we are given them. ``over`` is its threshold."""
    ours = {
        "uid": uid,
        "title": title,
        "ruleGroup": "sedna-jobs",
        "condition": "B",
        "data": [
            {
                "refId": "A",
                "datasourceUid": "${datasource}",
                "relativeTimeRange": {"from": 600, "to": 0},
                "model": {"refId": "A", "expr": "sum(sedna_job_info)", "instant": True},
            },
            {
                "refId": "B",
                "datasourceUid": "-100",
                "relativeTimeRange": {"from": 0, "to": 0},
                "model": {
                    "refId": "B",
                    "type": "threshold",
                    "expression": "A",
                    "conditions": [{"evaluator": {"type": "gt", "params": [over]}}],
                },
            },
        ],
        "noDataState": "OK",
        "execErrState": "Error",
        "for": "5m",
        "labels": {"severity": "warning"},
        "annotations": {"summary": "Stuck", "__dashboardUid__": "sedna-one", "__panelId__": "7"},
    }
    return copy.deepcopy({**ours, **more})


TWO = (board(), board("sedna-two", "Sedna / Two"))


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    """A Grafana 9.3.2 without anything in it."""
    with StandIn() as grafana:
        yield grafana


_opened: list[Grafana] = []


@pytest.fixture(autouse=True)
def close_clients() -> Iterator[None]:
    """Leave no connection open behind a test."""
    yield
    while _opened:
        _opened.pop().__exit__()


def client(stand_in: StandIn, token: str = "admin-token", **more: Any) -> Grafana:
    """A client that does not sleep."""
    grafana = Grafana(GrafanaSettings(stand_in.url, Token(token), **more), sleep=lambda seconds: None)
    _opened.append(grafana)
    return grafana


def deploy(
    grafana: Grafana,
    dashboards: Sequence[Mapping[str, Any]] = TWO,
    *,
    sources: Mapping[str, Choice] = SOURCES,
    path: Sequence[str] = ("Sedna",),
    bundle: str = "sedna",
    variables: Mapping[str, str | Sequence[str]] | None = None,
    alerts: Alerts | None = None,
    dry_run: bool = False,
    journal: Journal | None = None,
    resolve: Resolve | None = None,
    **policy: Any,
) -> Report:
    """From the dashboards to the report. What is left over is the policy."""
    request = Request(dashboards, sources, path, bundle, variables=variables or {}, alerts=alerts)
    plan, live = plan_deploy(grafana, request, Policy(**policy))
    return report_of(plan, "deploy") if dry_run else carry_out(grafana, plan, live, journal=journal, resolve=resolve)


def rollback(grafana: Grafana, to: str | None = None, bundle: str = "sedna", **policy: Any) -> Report:
    """Return to an earlier deployment."""
    plan, live = plan_rollback(grafana, bundle, to, Policy(**policy))
    return carry_out(grafana, plan, live, command="rollback")


Deploy = Callable[..., Report]


@pytest.fixture
def run(stand_in: StandIn) -> Deploy:
    """Deploy to the stand-in."""
    clients: dict[str, Grafana] = {}

    def act(dashboards: Sequence[Mapping[str, Any]] = TWO, *, token: str = "admin-token", **more: Any) -> Report:
        if token not in clients:
            clients[token] = client(stand_in, token)
        return deploy(clients[token], dashboards, **more)

    return act


def rename(model: dict[str, Any]) -> None:
    """What somebody does to a dashboard in Grafana."""
    model["title"] = "Mine"


def outcomes(report: Report) -> dict[str, str]:
    """uid to what became of it."""
    return {result.uid: result.outcome for result in report.results}


def reason(report: Report, uid: str) -> str:
    """Why it became so."""
    return next(result.reason for result in report.results if result.uid == uid)


def exit_code(report: Report) -> int:
    """What the command would end with."""
    return report.error.exit_code if report.error else 0
