"""Every log query of every dashboard on a real Loki, when one is named; else this says that it was skipped."""

import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from sedna_dash.building import load
from sedna_dash.lint.board import Board, Query
from tests.interpolating import sent

URL = os.environ.get("SEDNA_DASH_TEST_LOKI_URL", "")
if not URL:
    pytest.skip("set SEDNA_DASH_TEST_LOKI_URL to run the log queries on a real Loki", allow_module_level=True)

BOARDS = [Board(found.model, str(found.module)) for found in load(Path(__file__).parent.parent / "dashboards_src")]
QUERIES = [
    pytest.param(query, id=f"{board.uid}: {query.place} {query.ref}")
    for board in BOARDS
    for query in board.queries
    if query.language == "logql"
]

#: What readers type into a search box, on purpose or not.
TYPED = ("", "error", 'say "no"', "back\\slash", "`tick`", "{brace}", "$1 (a|b) [c]* .+", "50%", "'", "\n", "ü€")


def refused(text: str) -> str:
    """Why Loki refuses a query; empty when it answers."""
    now = time.time()
    parameters = {"query": text, "start": f"{now - 600:.0f}", "end": f"{now:.0f}", "step": "60", "limit": "5"}
    try:
        with urllib.request.urlopen(f"{URL}/loki/api/v1/query_range?{urllib.parse.urlencode(parameters)}", timeout=30):
            return ""
    except urllib.error.HTTPError as error:
        return f"{error.read().decode(errors='replace').strip()}\n{text}"


@pytest.mark.parametrize("value", [".*", ".+", "", "one"], ids=["at All", "at any", "not resolved", "at one"])
@pytest.mark.parametrize("query", QUERIES)
def test_it_is_answered_whatever_is_chosen(query: Query, value: str) -> None:
    assert not refused(sent(query.text, value, "word"))


SEARCHED = [param for param in QUERIES if ":json}" in param.values[0].text]  # type: ignore[attr-defined]


@pytest.mark.parametrize("typed", TYPED)
@pytest.mark.parametrize("query", SEARCHED)
def test_it_is_answered_whatever_is_typed(query: Query, typed: str) -> None:
    # A pattern is the reader's own; only words must never break a query.
    text = re.sub(r"\|~ \$\{regex:json\}", '|~ ""', query.text)
    assert not refused(sent(text, ".*", typed))
