"""What counts as equal, and what a mark says."""

from __future__ import annotations

from typing import Any

import pytest

from sedna_dash import __version__
from sedna_dash.deploy.marks import (
    MESSAGE_LIMIT,
    canonical,
    comparable,
    contains,
    describes,
    is_marked_datasource,
    marked_datasource,
    message_for,
    read_mark,
)
from tests.deploy.conftest import board


@pytest.mark.parametrize(
    "model, wanted",
    [
        ({"id": 1, "version": 2, "iteration": 3, "uid": "u"}, {"uid": "u"}),
        ({"panels": [{"id": 1, "version": 2}]}, {"panels": [{"id": 1, "version": 2}]}),
        ({"a": None, "b": [{"c": None}]}, {"b": [{}]}),
        ({"a": 1.0, "b": 1.5, "c": True}, {"a": 1, "b": 1.5, "c": True}),
    ],
)
def test_canonical(model: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert canonical(model) == wanted


@pytest.mark.parametrize(
    "whole, part, wanted",
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, True),
        ([{"a": 1, "b": 2}], [{"a": 1}], True),
        ([1, 2], [1], False),
        ([2, 1], [1, 2], False),
        ({"a": True}, {"a": 1}, False),
        ({"a": 0}, {"a": False}, False),
        ({"a": "1"}, {"a": 1}, False),
        ({"a": []}, {"a": {}}, False),
        (None, {}, False),
    ],
)
def test_contains(whole: Any, part: Any, wanted: bool) -> None:
    assert contains(whole, part) is wanted


@pytest.mark.parametrize(
    "one, other, equal",
    [
        ({"type": "datasource", "current": {"value": "a"}}, {"type": "datasource", "current": {"value": "b"}}, True),
        ({"type": "query", "options": [1]}, {"type": "query", "options": []}, True),
        ({"type": "query", "current": {"selected": True, "value": "a"}},
         {"type": "query", "current": {"value": "a"}}, True),
        ({"type": "query", "current": {"value": "a"}}, {"type": "query", "current": {"value": "b"}}, False),
        ({"type": "custom", "options": [{"value": "a", "selected": True}]},
         {"type": "custom", "options": [{"value": "a", "selected": False}]}, True),
        ({"type": "custom", "options": [{"value": "a"}]}, {"type": "custom", "options": [{"value": "b"}]}, False),
    ],
)  # fmt: skip
def test_what_readers_choose_is_no_difference(one: dict[str, Any], other: dict[str, Any], equal: bool) -> None:
    first, second = ({"templating": {"list": [variable]}} for variable in (one, other))
    assert (comparable(first) == comparable(second)) is equal


def test_a_message_says_what_was_sent() -> None:
    message = message_for(board())
    mark = read_mark(message)
    assert mark is not None and mark.release == __version__
    assert len(message) <= MESSAGE_LIMIT
    assert describes(mark, {**board(), "id": 4, "version": 9}, rewrites=False)


@pytest.mark.parametrize(
    "message", ["", "Initial save", "sedna-dash", "Restored from version 3", f"like {message_for(board())}, but better"]
)
def test_other_messages_are_no_marks(message: str) -> None:
    assert read_mark(message) is None


@pytest.mark.parametrize(
    "change, strict, lenient",
    [
        ({}, True, True),
        ({"preload": False, "schemaVersion": 43}, False, True),
        ({"title": "Mine"}, False, False),
        ({"panels": []}, False, False),
        ({"tags": []}, False, False),
    ],
)
def test_a_server_that_rewrites_is_judged_by_what_a_person_wrote(
    change: dict[str, Any], strict: bool, lenient: bool
) -> None:
    mark = read_mark(message_for(board()))
    assert mark is not None
    live = {**board(), **change}
    assert describes(mark, live, rewrites=False) is strict
    assert describes(mark, live, rewrites=True) is lenient


def test_a_marked_datasource() -> None:
    fields = {
        "uid": "u",
        "name": "n",
        "type": "loki",
        "access": "proxy",
        "url": "http://a",
        "jsonData": {"maxLines": 5},
    }
    marked = marked_datasource(fields)
    assert marked["jsonData"]["maxLines"] == 5
    assert marked_datasource(marked) == marked
    assert is_marked_datasource({**marked, "id": 3, "orgId": 1, "version": 2, "basicAuth": True})
    assert not is_marked_datasource(fields)
    assert not is_marked_datasource({**marked, "url": "http://b"})
    assert not is_marked_datasource({**marked, "jsonData": {**marked["jsonData"], "more": 1}})
