"""Boards that use records show what boards with the expressions written out show, on a real Prometheus."""

import json
import os
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator

import pytest

from sedna_dash.building import load, source_folder
from sedna_dash.catalog import Metric, default_catalog
from sedna_dash.documents import yaml_text
from sedna_dash.lint.board import Board, Query
from sedna_dash.rules.groups import Group, Rule, rule_file
from tests.synthetic import installed, prometheus
from tests.test_prometheus import at_all

if not installed() and not os.environ.get("CI"):
    pytest.skip("prometheus and promtool are not installed (Debian: apt install prometheus)", allow_module_level=True)

#: The last one in the group.
LAST = default_catalog().records[-1].name


def queries(records: str) -> dict[tuple[str, str, str], Query]:
    boards = [Board(found.model, found.module.name) for found in load(source_folder(None), records=records)]  # type: ignore[arg-type]
    return {
        (board.uid, query.place, query.ref): query
        for board in boards
        for query in board.queries
        if query.language == "promql"
    }


WRITTEN_OUT, USED = queries("inline"), queries("use")
DIFFERENT = [key for key, query in WRITTEN_OUT.items() if query.text != USED[key].text]


#: What nothing on this site makes.
QUIET = {"sedna:service_without_workers:bool": "no service has failed"}

#: What recording rules add to their series.
ADDED = {label for record in default_catalog().records for label in record.fixed} | {"__name__"}


@pytest.fixture(scope="module", params=["", "site-a"], ids=["no cluster label", "cluster label"])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, float]]:
    """A Prometheus with all records in one group, so that they are of one moment; and that moment."""
    records = default_catalog().records
    rules = tuple(Rule(record.expr or "", record=record.name, labels=record.fixed) for record in records)
    text = yaml_text(rule_file([Group("all", rules, "5s")]))
    # Nothing is recorded for a time that a block holds already, so none lies ahead.
    with prometheus(minutes=40, ahead=0, cluster=request.param, rules=text) as url:
        deadline = time.monotonic() + 60
        while not (found := ask(url, f"max(timestamp({LAST}))")):
            assert time.monotonic() < deadline, "the records were not evaluated"
            time.sleep(0.2)
        yield url, next(iter(found.values()))


def ask(url: str, query: str, at: float | None = None) -> dict[frozenset[tuple[str, str]], float]:
    """The series of an instant query by their labels."""
    body = urllib.parse.urlencode({"query": query, **({"time": at} if at else {})}).encode()
    with urllib.request.urlopen(f"{url}/api/v1/query", body, timeout=30) as answer:
        result = json.load(answer)["data"]["result"]
    return {
        frozenset((label, value) for label, value in item["metric"].items() if label not in ADDED): float(
            item["value"][1]
        )
        for item in result
    }


def test_many_queries_use_records() -> None:
    assert len(DIFFERENT) > 40


@pytest.mark.parametrize("key", DIFFERENT, ids=": ".join)
def test_both_forms_show_the_same(key: tuple[str, str, str], server: tuple[str, float]) -> None:
    url, moment = server
    used = ask(url, at_all(USED[key].text), moment)
    assert used == pytest.approx(ask(url, at_all(WRITTEN_OUT[key].text), moment), nan_ok=True)
    assert used, "both are empty, which proves nothing"


@pytest.mark.parametrize("record", default_catalog().records, ids=lambda record: record.name)
def test_every_record_is_recorded(record: Metric, server: tuple[str, float]) -> None:
    url, moment = server
    assert bool(ask(url, record.name, moment)) != (record.name in QUIET)
