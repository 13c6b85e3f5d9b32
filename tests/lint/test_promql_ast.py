"""PromQL trees, and which labels their results carry."""

from __future__ import annotations

import pytest

from sedna_dash.catalog import default_catalog
from sedna_dash.lint import promql_ast, stand_ins
from sedna_dash.lint.promql_ast import LabelAnalysis, excerpt, parse

JOB = {"namespace", "kind", "name", "cluster", "site", "job", "instance"}
PLACE = JOB | {"location"}


def tree(query: str) -> promql_ast.Node:
    parsed = parse(query)
    assert parsed.tree is not None, parsed.fault
    return parsed.tree


@pytest.mark.parametrize(
    ("query", "labels"),
    [
        ("sedna_inferences_total", PLACE),
        ("rate(sedna_inferences_total[5m])", PLACE),
        ("sum(sedna_inferences_total)", set()),
        ("sum by (name, nothing) (sedna_inferences_total)", {"name"}),
        ("sum by (name, other) (unknown_metric)", {"name", "other"}),
        ("sum without (name) (sedna_inferences_total)", PLACE - {"name"}),
        ("sum without (name) (unknown_metric)", None),
        ("unknown_metric", None),
        ("topk(3, sum by (name) (sedna_inferences_total))", {"name"}),
        ('count_values("value", sedna_inferences_total)', {"value"}),
        ("sum by (le, name) (rate(sedna_inference_duration_seconds_bucket[5m]))", {"le", "name"}),
        ("histogram_quantile(0.9, sum by (le, name) (rate(sedna_inference_duration_seconds_bucket[5m])))", {"name"}),
        ('label_replace(sum by (name) (up), "who", "$1", "name", "(.*)")', {"who"}),
        ('label_join(sum by (name) (x), "who", "-", "name")', {"name", "who"}),
        ("sum by (name) (x) + sum by (name) (y)", {"name"}),
        ("sum by (name, a) (x) + on (name) sum by (name, b) (y)", {"name"}),
        ("sum by (name, a) (x) * on (name) group_left (b) sum by (name, b) (y)", {"name", "a", "b"}),
        ("sum by (name, b) (x) * on (name) group_right (a) sum by (name, c) (y)", {"name", "c", "a"}),
        ("sum by (name, a) (x) / ignoring (a) sum by (name) (y)", {"name"}),
        ("sum by (name) (x) and on () sum by (other) (y)", {"name"}),
        ("sum by (name) (x) or sum by (other) (y)", {"name", "other"}),
        ("sum by (name) (x) or z", None),
        ("2 * sum by (name) (x)", {"name"}),
        ("-sum by (name) (x)", {"name"}),
        ("vector(1)", set()),
        ("time()", set()),
        ('absent(up{job="x", instance=~"y"})', {"job"}),
        ("max_over_time(sum by (name) (x)[1h:1m])", {"name"}),
        ('{__name__="sedna_inferences_total"}', PLACE),
        ("sedna_knowledge_base_custom_accuracy", None),
        ("info(sedna_inferences_total)", None),
    ],
)
def test_labels_of_a_result(query: str, labels: set[str] | None) -> None:
    assert LabelAnalysis(default_catalog(), ours=True).possible(tree(query)) == labels


def test_labels_of_foreign_metrics_are_unknown_on_foreign_boards() -> None:
    assert LabelAnalysis(default_catalog(), ours=False).possible(tree("up")) is None
    assert LabelAnalysis(default_catalog(), ours=False).possible(tree("sedna_inferences_total")) == PLACE


def test_certain_labels_are_those_aggregated_by_and_those_of_our_metrics() -> None:
    analysis = LabelAnalysis(default_catalog(), ours=True)
    assert analysis.certain(tree("sum by (a, b) (x)")) == {"a", "b"}
    assert analysis.certain(tree("x")) == frozenset()
    assert analysis.certain(tree("sedna_hard_examples_total")) == {"namespace", "kind", "name"}
    assert analysis.certain(tree("sum by (a) (x) or sum by (a, b) (y)")) == {"a"}


def test_a_use_knows_what_is_around_it() -> None:
    first, second = parse("sum(rate(a_total[5m])) / max_over_time(rate(b_total[1m])[1h:])").uses
    assert (first.selector.name, first.selector.window, first.function) == ("a_total", 300.0, "rate")
    assert second.functions == {"rate", "max_over_time"}


@pytest.mark.parametrize(
    "query",
    [
        'sum by (job) (rate(x_total{job="a",node=~"b.*"}[5m]))',
        "a / on (x) group_left (y) (b + c)",
        "max_over_time(rate(a_total[5m])[1h:1m])",
        'topk(3, label_replace(a, "x", "$1", "y", "(.*)"))',
        "a > bool 3",
        "-a",
        'a{b="quo\\"ted\\\\"}',
    ],
)
def test_an_excerpt_is_the_query_again(query: str) -> None:
    assert excerpt(tree(query)) == query


def test_an_excerpt_is_short() -> None:
    assert len(excerpt(tree(" + ".join(f"metric_number_{number}" for number in range(30))))) == 70


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("sum(a", "unclosed left parenthesis"),
        ("rate(a)", "expected type matrix"),
        ("foo(a)", "unknown function"),
        ('a{b=~"("}', "a ) is missing"),
        ('a{b=~"x(?=y)"}', "look-around"),
        ('{a=~".*"}', "also matches the empty text"),
        ('label_replace(a, "x", "$1", "y", "(")', "is not legal"),
        ('a{b="1" or c="2"}', "no 'or' between matchers"),
        ("a" + "(" * 9000, ""),
    ],
)
def test_a_fault_says_why(query: str, says: str) -> None:
    parsed = parse(query)
    assert parsed.tree is None
    assert parsed.fault and says in parsed.fault


@pytest.mark.parametrize("pattern", ["a|b", "(?i)a", "(?P<x>a)", "/api/{id}", "a\\\\.b", "[[:alpha:]]", "a{2,}"])
def test_go_expressions_are_legal(pattern: str) -> None:
    assert parse(f'a{{b=~"{pattern}"}}').tree is not None


@pytest.mark.parametrize(
    ("query", "names"),
    [("up", ("up",)), ('{__name__="up"}', ("up",)), ('{__name__=~"a|b"}', ("a", "b")), ('{__name__=~"a.+"}', None)],
)
def test_names_of_a_selector(query: str, names: tuple[str, ...] | None) -> None:
    selector = tree(query)
    assert isinstance(selector, promql_ast.Selector)
    assert promql_ast.names(selector) == names


@pytest.mark.parametrize(
    ("text", "parses"),
    [
        ('sum by ($group, b) (x{a=~"$b"})', True),
        ('$metric{a="$b"}', True),
        ("rate(node_${x}_total[${window}m])", True),
        ("rate(x[${__range_s}s]) / $__interval_ms", True),
        ("max_over_time(x[$window:$step])", True),
        ("vector($price) * 2", True),
        ('label_replace(x, "a", "$1-${b}", "c", "(.*)$")', True),
        ("[[x]] + 1", True),
        ("x # it's $y and \"\n+ 1", True),
        ('x{a="# no $comment"} + $y', True),
    ],
)
def test_macros_and_variables_parse(text: str, parses: bool) -> None:
    reading = stand_ins.read(text)
    assert (parse(reading.text).tree is not None) == parses, reading.text


@pytest.mark.parametrize("text", ["x{$filter}", "$function(x[5m])", "$how by (a) (x)", "a $operator b"])
def test_what_only_grafana_knows_is_uncertain(text: str) -> None:
    assert stand_ins.read(text).uncertain


@pytest.mark.parametrize("text", ["sum($expr)", "$expr", "a and $b", 'x{a="$b"} / $c'])
def test_a_number_may_be_an_expression_instead(text: str) -> None:
    reading = stand_ins.read(text)
    assert parse(reading.otherwise).tree is not None


@pytest.mark.parametrize(
    "text",
    [
        'rate(x{a="$b",c=~"d-${e:regex}"}[$__rate_interval])',
        'count_over_time({a=~"[[b]]"} |= ${c:json} | d="$e" [$__auto])',
        'x{a="$b"} and on (${c}) y',
    ],
)
def test_what_was_replaced_is_written_again(text: str) -> None:
    reading = stand_ins.read(text)
    assert reading.text != text
    # A variable that became a whole string comes back with quotes around it.
    assert reading.written(reading.text).replace('"${c:json}"', "${c:json}") == text
