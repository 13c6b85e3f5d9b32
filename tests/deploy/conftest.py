"""For the tests of deploy: a stand-in for Grafana, and dashboards to send to it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from sedna_dash.deploy.grafana import Grafana
from sedna_dash.deploy.report import Report
from sedna_dash.deploy.run import deploy
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


Deploy = Callable[..., Report]


@pytest.fixture
def run(stand_in: StandIn) -> Deploy:
    """Deploy to the stand-in."""

    def act(
        dashboards: Sequence[Mapping[str, Any]] = TWO,
        *,
        token: str = "admin-token",
        sources: Mapping[str, Choice] = SOURCES,
        **more: Any,
    ) -> Report:
        return deploy(client(stand_in, token), dashboards, sources=sources, **more)

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
