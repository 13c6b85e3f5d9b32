"""A query in pieces says the same as the query."""

from __future__ import annotations

import pytest

from sedna_dash.lint.promql_ast import Matcher, Selector
from sedna_dash.verify.pieces import pieces
from tests.verify.conftest import our_boards

QUERIES = [
    "up", 'up{a="b\\"c\\\\d",e!="f",g=~"h|i",j!~"k.*"}', "rate(up[5m] offset 1h)", "up @ end() offset -1w",
    "max_over_time((up == 0)[7d:10m] @ end() offset 1h)", "sum_over_time(rate(up[5m])[1h:])", "time()", "-up", "-1",
    "sum by (a, b) (up)", "sum without (a) (up)", "sum(up)", "topk(3, up)", 'count_values("v", up)', "vector(0.0005)",
    'up * on (a) group_left (b) (up > bool 2) or up unless on () up', "up - (up - up)", "(up + up) ^ 2", "-(up + up)",
    'label_replace(up, "a", "$1 \\"x\\"", "b", "(.*)\\\\.")', "up / ignoring (a) group_right () up", "1e6 * up",
    '{__name__=~"a|b", c="d"}', "absent(up{a='b'})",
]  # fmt: skip


def normal(text: str) -> str:
    import promql_parser

    return " ".join(str(promql_parser.parse(text).prettify()).split())


@pytest.mark.parametrize("text", QUERIES)
def test_put_together_again(text: str) -> None:
    piece = pieces(text)
    assert piece is not None
    # Parentheses that change nothing may differ: what was put together is put together again.
    again = pieces(piece.text)
    assert again is not None and again.text == piece.text
    plain = str.maketrans("", "", "() ")
    assert normal(piece.text).translate(plain) == normal(text).translate(plain)


@pytest.mark.parametrize("text", ["sum((", "", "up{a=~\"(\"}"])  # fmt: skip
def test_what_is_no_query(text: str) -> None:
    assert pieces(text) is None


@pytest.mark.parametrize(
    ("text", "free"),
    [
        ("up == 0", "up == bool 0"),
        ("sum by (a) (up > 1)", "sum by (a) (up > bool 1)"),
        ("up unless on (a) up", "up"),
        ("up > bool 1", "up > bool 1"),
        ("up * on (a) group_left () (up == 1)", "up * on (a) group_left () (up == bool 1)"),
        ("max_over_time((up == 0)[1h:1m] offset 5m)", "max_over_time((up == bool 0)[1h:1m] offset 5m)"),
    ],
)
def test_without_conditions(text: str, free: str) -> None:
    piece = pieces(text)
    assert piece is not None and piece.unfiltered().text == free


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ('up{a="b"} == 1', "up == 1"),
        ('rate(up{a="b"}[5m] offset 1h)', "rate(up[5m] offset 1h)"),
        ('{__name__="up", a="b"}', "up"),
        ('{__name__=~"u.*", a="b"}', '{__name__=~"u.*"}'),
        ('{a="b"}', '{a="b"}'),
    ],
)
def test_without_selection(text: str, whole: str) -> None:
    piece = pieces(text)
    assert piece is not None and piece.unselective().text == whole


def test_another_matcher() -> None:
    piece = pieces('rate(up{a="]["}[5m] @ end() offset 1h)')
    assert piece is not None
    [selector] = piece.selectors()
    assert isinstance(selector.node, Selector) and selector.is_range and selector.shifted
    assert selector.with_matchers([Matcher("x", "=~", 'y"')]).text == 'up{x=~"y\\""}[5m] @ end() offset 1h'


def test_every_query_of_ours_can_be_taken_to_pieces() -> None:
    queries = [query for board in our_boards() for query in board.queries if query.language == "promql"]
    assert len(queries) > 400
    assert [query.plain for query in queries if pieces(query.plain) is None] == []
