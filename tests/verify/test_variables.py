"""What the variables of a dashboard are when it opens, and how they get into a query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from sedna_dash.verify.target import Series
from sedna_dash.verify.variables import Values, Variable, Wanted, Window, as_text, formatted, resolve, wanted
from tests.verify.conftest import board

WINDOW = Window(start=1000, end=4600, step=30, scrape=30)
PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}


def query(name: str, text: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "query", "datasource": PROMETHEUS, "query": {"query": text}, **more}


ANY = {"multi": True, "includeAll": True, "current": {"value": ["$__all"]}}

#: What the server knows: the values of a label, by the filled-in selector.
KNOWN = {
    "up": ["a", "b.c"],
    'up{cluster=~"(a|b\\\\.c)"}': ["one"],
    'up{cluster=~"a"}': ["two"],
    "nothing": [],
}


def opened(*variables: Mapping[str, Any], chosen: Mapping[str, Sequence[str]] | None = None) -> Values:
    def ask(language: str, what: Wanted) -> Sequence[str]:
        assert language == "promql"
        return ['x{name="n1",kind="K"} 1 2', 'x{name="n2",kind="L"} 1 2'] if what.query else KNOWN[what.selector]

    return resolve(board(variables=variables), chosen or {}, WINDOW, ask, sources={"prometheus": "uid-1"})


VALUES: list[tuple[str, dict[str, Any], str]] = [
    ("all values", query("v", "label_values(up, cluster)", **ANY), "(a|b\\\\.c)"),
    ("what the author wrote for all", query("v", "label_values(up, cluster)", **ANY, allValue=".*"), ".*"),
    ("all of nothing", query("v", "label_values(nothing, cluster)", **ANY), "()"),
    ("one value", query("v", "label_values(up, cluster)", current={"value": "b.c"}), "b.c"),
    ("one of several", query("v", "label_values(up, cluster)", multi=True, current={"value": ["b.c"]}), "b\\\\.c"),
    ("the saved one is gone", query("v", "label_values(up, cluster)", current={"value": "z"}), "a"),
    ("none was saved", query("v", "label_values(up, cluster)"), "a"),
    ("none was saved, with all", query("v", "label_values(up, cluster)", includeAll=True), "(a|b\\\\.c)"),
    ("a regular expression", query("v", "label_values(up, cluster)", regex="/(.)\\..*/", **ANY), "b"),
    ("a result", query("v", "query_result(up)", regex='/name="([^"]+)"/', **ANY), "(n1|n2)"),
    ("named group", query("v", "query_result(up)", regex='/kind="(?<text>L)",?.*|name="(?<value>n2)"/', **ANY), "n2"),
    ("an impossible expression", query("v", "label_values(up, cluster)", regex="/(/", **ANY), "()"),
    ("custom", {"name": "v", "type": "custom", "query": "a,b", **ANY}, "(a|b)"),
    ("custom with names", {"name": "v", "type": "custom", "query": "One : 1,Two : 2", "current": {"value": "2"}}, "2"),
    ("custom with a comma", {"name": "v", "type": "custom", "query": "a\\,b"}, "a,b"),
    ("text", {"name": "v", "type": "textbox", "query": "x", "current": {"value": "y"}}, "y"),
    ("text as it was", {"name": "v", "type": "textbox", "query": "x", "current": {}}, "x"),
    ("constant", {"name": "v", "type": "constant", "query": "x"}, "x"),
    ("interval", {"name": "v", "type": "interval", "query": "1m,5m", "current": {"value": "5m"}}, "5m"),
    ("datasource", {"name": "v", "type": "datasource", "query": "prometheus"}, "uid-1"),
]


@pytest.mark.parametrize(("name", "variable", "text"), VALUES, ids=[case[0] for case in VALUES])
def test_values(name: str, variable: dict[str, Any], text: str) -> None:
    assert opened(variable).fill("$v", WINDOW) == text


@pytest.mark.parametrize(("sort", "first"), [(0, "z"), (1, "a")])
def test_without_an_order_the_first_is_that_of_the_answer(sort: int, first: str) -> None:
    def ask(_language: str, _what: Wanted) -> Sequence[str]:
        return ['x{name="z"} 1 2', 'x{name="a"} 1 2']

    variable = query("v", "query_result(up)", regex='/name="([^"]+)"/', sort=sort)
    values = resolve(board(variables=[variable]), {}, WINDOW, ask, sources={"prometheus": "uid-1"})
    assert values.variables["v"].value == first


@pytest.mark.parametrize(
    ("settings", "one_of"),
    [({}, True), (ANY, False), ({"multi": True}, False), ({"regex": "/^a$/"}, False)],
    ids=["one of two", "all", "some", "the only one"],
)
def test_what_stands_for_others(settings: dict[str, Any], one_of: bool) -> None:
    assert opened(query("v", "label_values(up, cluster)", **settings)).variables["v"].is_one_of is one_of


def test_one_needs_another_wherever_it_stands() -> None:
    needs = query("name", 'label_values(up{cluster=~"$cluster"}, name)', **ANY)
    values = opened(needs, query("cluster", "label_values(up, cluster)", **ANY))
    assert values.fill("$name", WINDOW) == "one"


def test_a_circle_ends() -> None:
    circle = [query("a", "query_result($b)", **ANY), query("b", "query_result($a)", **ANY)]
    assert set(opened(*circle).variables) == {"datasource", "a", "b"}


def test_a_regular_expression_with_a_variable() -> None:
    kinds = {"name": "kind", "type": "custom", "query": "L,M", **ANY}
    values = opened(query("v", "query_result(up)", regex='/name="([^"]+)",kind="(?:$kind)"/', **ANY), kinds)
    assert values.fill("$v", WINDOW) == "n2"


def test_what_the_user_chose_counts_for_what_follows() -> None:
    variables = [query("cluster", "label_values(up, cluster)", **ANY),
                 query("name", 'label_values(up{cluster=~"$cluster"}, name)', **ANY)]  # fmt: skip
    assert opened(*variables, chosen={"cluster": ["a"]}).fill("$name", WINDOW) == "two"


def test_of_what_there_is_nothing_is_said() -> None:
    values = opened(query("v", "label_values(nothing, cluster)", **ANY), query("w", "label_values(up, x)", **ANY))
    assert values.hollow_in('up{a=~"$v", b=~"$w"}') == ["v"]


FORMATS = [
    ("json", "a\"b", '"a\\"b"'), ("json", ("a", "b"), '["a", "b"]'), ("csv", ("a", "b"), "a,b"),
    ("pipe", ("a", "b"), "a|b"), ("raw", "a.b", "a.b"), ("glob", ("a", "b"), "{a,b}"), ("text", ("a", "b"), "a + b"),
    ("regex", ("a.b", "c"), "(a\\.b|c)"), ("doublequote", ("a", "b"), '"a","b"'), ("singlequote", ("a",), "'a'"),
    ("percentencode", "a b/c", "a%20b%2Fc"), ("", "it's", "it\\\\'s"),
]  # fmt: skip


@pytest.mark.parametrize(("form", "value", "text"), FORMATS, ids=[f"{form} {value}" for form, value, _ in FORMATS])
def test_formats(form: str, value: str | tuple[str, ...], text: str) -> None:
    assert formatted(Variable("v", value), form) == text


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("rate(x[$__rate_interval])", "rate(x[120s])"),
        ("x[${__range}] $__range_s $__interval $__interval_ms", "x[3600s] 3600 30s 30000"),
        ("$__from ${__to}", "1000000 4600000"),
        ("[[v]] ${v:json} $v.x $other ${__data.fields.x}", 'x "x" x.x $other ${__data.fields.x}'),
        ("label_replace(x, \"a\", \"$1\", \"b\", \"(.*)\")", "label_replace(x, \"a\", \"$1\", \"b\", \"(.*)\")"),
    ],
)  # fmt: skip
def test_filling_in(text: str, filled: str) -> None:
    assert Values({"v": Variable("v", "x")}).fill(text, WINDOW) == filled


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("label_values(up, job)", Wanted("up", "job")),
        ('label_values(up{a="b,c"}, job)', Wanted('up{a="b,c"}', "job")),
        ("label_values(job)", Wanted("", "job")),
        ("query_result(sum(up) by (job))", Wanted(query="sum(up) by (job)")),
        ("metrics(sedna_.*)", Wanted('{__name__=~".*(?:sedna_.*).*"}', "__name__")),
        ({"type": 1, "label": "app", "stream": '{a="b"}'}, Wanted('{a="b"}', "app")),
        ("label_names()", None),
    ],
)
def test_what_a_variable_asks_for(asked: Any, expected: Wanted | None) -> None:
    assert wanted({"query": asked}) == expected


def test_results_are_written_out() -> None:
    assert as_text(Series({"__name__": "up", "a": "b"}, [3.5], "1")) == 'up{a="b"} 1 3500'
