"""A healthy site on a real Prometheus, and a sick one."""

from __future__ import annotations

import copy
import dataclasses
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from sedna_dash.catalog import Catalog, default_catalog
from sedna_dash.lint.board import Board
from sedna_dash.lint.loading import load_boards
from sedna_dash.verify.checking import Request, verify
from sedna_dash.verify.report import Item, Report
from sedna_dash.verify.server import Server
from sedna_dash.verify.target import Prometheus
from tests import synthetic

MINUTES = 40
BUILT = Path(__file__).parents[2] / "build" / "dashboards"


@pytest.fixture(autouse=True)
def nobodys_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No address and no secret from outside."""
    for product in ("GRAFANA", "PROMETHEUS", "LOKI"):
        for what in ("URL", "TOKEN", "USER", "PASSWORD", "ORG_ID"):
            monkeypatch.delenv(f"{product}_{what}", raising=False)
    monkeypatch.delenv("SEDNA_DASH_CONFIG", raising=False)


def _site(catalog: Catalog | None) -> Iterator[str]:
    if not synthetic.installed() and not os.environ.get("CI"):
        pytest.skip("prometheus and promtool are not installed (Debian: apt install prometheus)")
    jobs = synthetic.JOBS if catalog is None else tuple(job for job in synthetic.JOBS if job.kind != "ReidJob")
    with patch.object(synthetic, "JOBS", jobs), synthetic.prometheus(minutes=MINUTES, catalog=catalog) as url:
        yield url


@pytest.fixture(scope="session")
def healthy() -> Iterator[str]:
    """A site that has every metric of the catalog."""
    yield from _site(None)


#: What is wrong at the sick site: a metric to what was done to it.
FAULTS: Mapping[str, Any] = {
    "kube_node_info": "misspelt",
    "sedna_job_status_bytes": "dropped",
    "kube_pod_info": "node becomes nodename",
}


@pytest.fixture(scope="session")
def sick() -> Iterator[str]:
    """A site whose producers make mistakes, see FAULTS; on which the worker hook is off, and nobody has a ReidJob."""
    yield from _site(sick_catalog())


def sick_catalog() -> Catalog:
    """What the sick site delivers."""
    catalog = default_catalog()
    metrics = {}
    for name, metric in catalog.metrics.items():
        if metric.sources == ("worker-hook",) or FAULTS.get(name) == "dropped":
            continue
        labels = dict(metric.labels)
        if FAULTS.get(name) == "node becomes nodename":
            labels["nodename"] = labels.pop("node")
        written = name.replace("info", "infos") if FAULTS.get(name) == "misspelt" else name
        metrics[written] = dataclasses.replace(metric, name=written, labels=labels)
    return dataclasses.replace(catalog, metrics=metrics)


def board(*queries: str, variables: Any = (), over_time: bool = False, **more: Any) -> Board:
    """A dashboard with a panel for each query, which is its title."""
    source = {"type": "prometheus", "uid": "${datasource}"}
    panels = [
        {
            "id": number,
            "type": "timeseries" if over_time else "stat",
            "title": query,
            "datasource": source,
            "targets": [{"refId": "A", "expr": query, "instant": not over_time, "range": over_time}],
        }
        for number, query in enumerate(queries, 1)
    ]
    choice = {"name": "datasource", "type": "datasource", "query": "prometheus"}
    model = {
        "uid": "test",
        "title": "Test",
        "time": {"from": "now-30m", "to": "now"},
        "panels": panels,
        "templating": {"list": [choice, *copy.deepcopy(list(variables))]},
        **more,
    }
    return Board(model, "test.json")


def our_boards(*uids: str) -> list[Board]:
    """The dashboards as they are built, or those of them that are named."""
    return [found for found in load_boards([BUILT]) if not uids or found.uid in uids]


def ask(url: str, *boards: Board, **more: Any) -> Report:
    """Verify the dashboards on a Prometheus."""
    target = Prometheus(Server(url, "Prometheus", "--prometheus"))
    return verify(Request(url, boards, {"promql": target}, more.pop("catalog", default_catalog()), **more))


def one(report: Report, title: str, uid: str | None = None) -> Item:
    """The item of that title."""
    found = [item for found in report.boards if uid in (None, found.uid) for item in found.items if item.title == title]
    assert len(found) == 1, f"{len(found)} of {title}"
    return found[0]
