"""Log queries, on a server that answers like a Loki."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sedna_dash.catalog import default_catalog
from sedna_dash.lint.board import Board
from sedna_dash.verify.checking import Request, verify
from sedna_dash.verify.report import Report
from sedna_dash.verify.server import Server
from sedna_dash.verify.target import Loki
from tests.verify.conftest import one, our_boards
from tests.verify.servers import loki, serving

STREAMS = (
    {"app": "gm", "namespace": "sedna", "node": "cloud-1", "cluster": "a"},
    {"app": "worker", "namespace": "factory", "node": "edge-1", "worker_type": "train", "cluster": "a"},
)
SILENT = ({"app": "lc", "namespace": "sedna", "node": "edge-1", "cluster": "a"},)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(loki(STREAMS, silent=SILENT)) as found:
        yield found


def ask(url: str, *boards: Board, **more: object) -> Report:
    target = Loki(Server(url, "Loki", "--loki"))
    return verify(Request(url, boards, {"logql": target}, default_catalog(), **more))  # type: ignore[arg-type]


CASES = [
    ('{app="gm"}', "data", ""),
    ('sum(count_over_time({app=~"gm|worker"}[5m]))', "data", ""),
    ('{app="gm"} |= "nowhere"', "empty", 'no line of {app="gm"} passes the filters'),
    ('sum by (level) (rate({app="gm"} | level="error" |= "nowhere" [5m]))', "empty", "passes the filters"),
    ('{app="lc"}', "empty", 'nothing was logged by {app="lc"} in this time; there was within a day'),
    ('{app="gm", namespace="office"}', "broken", 'has namespace="office"; there is sedna'),
    ('{app="worker", worker_type="trian"}', "broken", "there is train; the catalog has "),
    ('{app="worker", worker_type="aggregation"}', "unknown", 'has worker_type="aggregation"; there is train'),
    ('{app="gm", container="x"}', "broken", "the streams have no label container"),
    ('{app="kb"}', "unknown", 'no stream of the last day fits {app="kb"}'),
    ("{!!", "error", "loki says: HTTP 400: parse error at line 1"),
]


def test_what_is_said(url: str) -> None:
    panels = [
        {"id": number, "type": "logs", "title": text, "datasource": {"type": "loki", "uid": "x"},
         "targets": [{"refId": "A", "expr": text, "queryType": "range"}]}
        for number, (text, *_) in enumerate(CASES)
    ]  # fmt: skip
    report = ask(url, Board({"uid": "logs", "panels": panels, "time": {"from": "now-1h", "to": "now"}}, "x"))
    wrong = []
    for text, status, reason in CASES:
        verdict = one(report, text).verdict
        if verdict.status != status or reason not in verdict.reason:
            wrong.append((text, verdict))
    assert not wrong, "\n".join(map(str, wrong))
    assert report.error is not None and report.error.message.startswith("1 error, 3 broken of 11")


def test_our_boards_without_metrics(url: str) -> None:
    """Panels of metrics are counted as not asked, and are no failure."""
    report = ask(url, *our_boards("sedna-logs"))
    found = {item.title: item.verdict for item in report.boards[0].items}
    assert found["$namespace"].status == "data"
    assert found["$cluster"].reason == "no Prometheus to ask" and found["$cluster"].cure == "give one with --prometheus"
    assert report.counts["error"] == report.counts["broken"] == 0


def test_what_the_user_asks_for_is_no_fault(url: str) -> None:
    report = ask(url, *our_boards("sedna-logs"), chosen={"namespace": ["factory"]})
    assert report.error is None
