"""The LogQL parser against what Loki says, and what can be read from its trees."""

from __future__ import annotations

import os
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from sedna_dash.catalog import default_catalog
from sedna_dash.lint import logql_syntax
from sedna_dash.lint.logql_syntax import parse

CORPUS = Path(__file__).parents[1] / "data" / "logql_corpus.yaml"
LOKI = os.environ.get("SEDNA_DASH_TEST_LOKI_URL", "").rstrip("/")


def corpus() -> list[dict[str, Any]]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return list(yaml.load(CORPUS.read_text(encoding="utf-8"), Loader=loader)["queries"])


def test_the_parser_agrees_with_loki() -> None:
    wrong = []
    for entry in corpus():
        parsed = parse(entry["query"])
        if (parsed.tree is not None) != entry.get("ours", entry["ok"]):
            wrong.append((entry["query"], parsed.fault))
    assert not wrong


def test_the_corpus_is_large_and_explains_its_differences() -> None:
    entries = corpus()
    assert len(entries) >= 150
    assert sum(not entry["ok"] for entry in entries) >= 75
    assert all(entry["reason"] for entry in entries if "ours" in entry)


@pytest.mark.skipif(not LOKI, reason="set SEDNA_DASH_TEST_LOKI_URL to ask a Loki again")
def test_loki_still_says_what_the_corpus_records() -> None:
    changed = [entry["query"] for entry in corpus() if loki_accepts(entry["query"]) != entry["ok"]]
    assert not changed


def loki_accepts(query: str) -> bool:
    """Whether Loki parses the query and builds its pipeline; line filters' expressions fail only then."""
    now = int(time.time())
    parameters = {
        "query": query,
        "start": f"{now - 600}000000000",
        "end": f"{now}000000000",
        "step": "60",
        "limit": "1",
    }
    for path, given in (("format_query", {"query": query}), ("query_range", parameters)):
        try:
            url = f"{LOKI}/loki/api/v1/{path}?{urllib.parse.urlencode(given)}"
            urllib.request.urlopen(url, timeout=30).close()
        except urllib.error.HTTPError as error:
            answer = error.read().decode()
            # A feature that this server has turned off is no fault of the query.
            if error.code == 400 and "disabled for this instance" not in answer:
                return False
    return True


@pytest.mark.parametrize(
    ("query", "position", "says"),
    [
        ('{app="gm"} | json |', 19, "the query ends"),
        ('{by="x"}', 1, "is a word of LogQL and cannot name a label"),
        ('sum({app="gm"})', 4, "count them with count_over_time"),
        ('{app="gm"} |~ "("', 14, "a ) is missing"),
        ('{app="gm"} |~ "\\d"', 14, "write \\\\d, or the string in backticks"),
        ('rate({app="gm"}[5])', 15, "[5] is no range"),
        ('sum_over_time({app="gm"}[5m])', 0, "add | unwrap"),
        ('{app=~".*"}', 0, "also matches streams without the label"),
        ('increase({app="gm"}[5m])', 0, "LogQL has no function increase"),
        ('{app="gm"} |= "x', 14, "has no end"),
    ],
)
def test_a_fault_says_where_and_why(query: str, position: int, says: str) -> None:
    parsed = parse(query)
    assert parsed.tree is None
    assert says in parsed.fault
    assert parsed.position == position


def test_the_tree_of_a_pipeline() -> None:
    lines = parse('{app="gm", node=~"a|b"} |= "x" or "y" | json | level="error" or z>3 | drop pod').tree
    assert isinstance(lines, logql_syntax.Lines)
    assert [(found.label, found.operator, found.value) for found in lines.matchers] == [
        ("app", "=", "gm"),
        ("node", "=~", "a|b"),
    ]
    filtered, parser, condition, dropped = lines.stages
    assert filtered == logql_syntax.LineFilter("|=", ("x", "y"))
    assert parser == logql_syntax.Extraction("json", "", None)
    assert isinstance(condition, logql_syntax.LabelFilter) and condition.alternative
    assert [found.kind for found in condition.conditions] == ["text", "number"]
    assert dropped == logql_syntax.Selection("drop", ("pod",))


def test_the_range_and_its_unwrap() -> None:
    tree = parse('quantile_over_time(0.9, {app="gm"} | unwrap duration(x) | y="z" [5m] offset 1h) by (pod)').tree
    assert isinstance(tree, logql_syntax.OverTime)
    assert (tree.function, tree.parameter, tree.range.window, tree.range.offset) == (
        "quantile_over_time", 0.9, "5m", "1h",
    )  # fmt: skip
    assert tree.range.unwrap is not None and tree.range.unwrap.conversion == "duration"
    assert tree.grouping == logql_syntax.Grouping(("pod",), without=False)


def test_operators_bind_as_in_loki() -> None:
    tree = parse("1 + 2 * 3 ^ 2 ^ 2").tree
    assert isinstance(tree, logql_syntax.Binary) and tree.operator == "+"
    product = tree.right
    assert isinstance(product, logql_syntax.Binary) and product.operator == "*"
    power = product.right
    assert isinstance(power, logql_syntax.Binary) and isinstance(power.right, logql_syntax.Binary)


@pytest.mark.parametrize(
    ("query", "labels"),
    [
        ('sum(count_over_time({app="gm"}[5m]))', set()),
        ('sum by (app, x) (count_over_time({app="gm"}[5m]))', {"app"}),
        ('sum by (x) (count_over_time({app="gm"} | json [5m]))', {"x"}),
        ('count_over_time({app="gm"} | json [5m])', None),
        ('sum by (node_name) (count_over_time({app="gm"} | regexp `(?P<node_name>x)` [5m]))', {"node_name"}),
        ('topk(3, sum by (app) (count_over_time({app="gm"}[5m])))', {"app"}),
        ('label_replace(sum(rate({app="gm"}[5m])), "x", "$1", "y", "(.*)")', {"x"}),
        ('sum by (app) (rate({app="gm"}[5m])) / on (app) group_left (level) sum by (app, level) (rate({app="x"}[5m]))',
         {"app", "level"}),
        ('avg_over_time({app="gm"} | unwrap x [5m]) by (pod)', {"pod"}),
        ("vector(1)", set()),
    ],
)  # fmt: skip
def test_labels_of_a_result(query: str, labels: set[str] | None) -> None:
    tree = parse(query).tree
    assert tree is not None
    assert logql_syntax.labels_of(tree, default_catalog().logs) == labels


def test_keep_and_drop_change_what_lines_carry() -> None:
    fields = default_catalog().logs
    tree = parse('{app="gm"} | keep app, node | drop node | label_format host=app').tree
    assert tree is not None and logql_syntax.labels_of(tree, fields) == {"host"}


def test_deep_nesting_is_a_fault_and_no_crash() -> None:
    assert parse("(" * 5000 + "1" + ")" * 5000).fault == "it is nested too deeply"
