"""Every query of every dashboard on a real Prometheus that holds a small Sedna site."""

import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from sedna_dash.building import load
from sedna_dash.lint.board import Board, Query
from tests.synthetic import installed, prometheus

BOARDS = [Board(found.model, str(found.module)) for found in load(Path(__file__).parent.parent / "dashboards_src")]
QUERIES = [
    pytest.param(query, id=f"{board.uid}: {query.place} {query.ref}")
    for board in BOARDS
    for query in board.queries
    if query.language == "promql"
]

if not installed() and not os.environ.get("CI"):
    pytest.skip("prometheus and promtool are not installed (Debian: apt install prometheus)", allow_module_level=True)


@pytest.fixture(scope="module", params=["", "site-a"], ids=["no cluster label", "cluster label"])
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    with prometheus(minutes=40, cluster=request.param) as url:
        yield url


def at_all(text: str) -> str:
    """The query as Grafana sends it with every variable at All or at its default."""
    for name, value in {"rate_interval": "4m", "interval": "1m", "range": "30m", "range_s": "1800"}.items():
        text = re.sub(rf"\$\{{?__{name}\b\}}?", value, text)
    text = text.replace("$price_inference", "0.0005").replace("$price_gb", "0.09")
    return re.sub(r"\$\{?[a-z]\w*(?::\w+)?\}?", ".*", text)


def ask(server: str, text: str) -> list[object]:
    body = urllib.parse.urlencode({"query": text}).encode()
    try:
        with urllib.request.urlopen(f"{server}/api/v1/query", body, timeout=30) as answer:
            result: list[object] = json.load(answer)["data"]["result"]
            return result
    except urllib.error.HTTPError as error:
        pytest.fail(f"{json.load(error)['error']}\n{text}")


#: What is empty on this site, and why that is right.
QUIET = {
    "annotation Exporter down": "the exporter of this site is up",
    "LC that lost GM B": "every LC of this site speaks for itself",
    "Frames per second, and a day before B": "this site is not a day old",
}


@pytest.mark.parametrize("query", QUERIES)
def test_the_query_answers(query: Query, server: str) -> None:
    found = ask(server, at_all(query.text))
    if not found:
        assert {query.place, f"{query.place} {query.ref}"} & QUIET.keys(), f"no data: {at_all(query.text)}"
