"""What counts as equal, and what a mark says."""

from __future__ import annotations

from typing import Any

import pytest

from sedna_dash import __version__
from sedna_dash.deploy.marks import (
    MESSAGE_LIMIT,
    OWNED_TAG,
    canonical,
    datasource_fields,
    describes,
    equal,
    is_marked_datasource,
    marked_datasource,
    message_for,
    read_mark,
    tagged,
)
from sedna_dash.deploy.noise import comparable
from sedna_dash.render.canonical import checksum, contains, copied
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


SET = {"bundle": "sedna", "deployment": "0123456789ab", "folder": "sedna"}


def message(model: dict[str, Any], **more: Any) -> str:
    return message_for(model, **{**SET, **more})


def test_a_message_says_what_was_sent() -> None:
    mark = read_mark(message(board()))
    assert mark is not None
    assert (mark.release, mark.bundle, mark.deployment, mark.folder, mark.merged) == (
        __version__, "sedna", "0123456789ab", "sedna", None
    )  # fmt: skip
    assert mark.wanted == mark.checksum == checksum(canonical(board()))
    assert describes(mark, {**board(), "id": 4, "version": 9}, rewrites=False)


def test_a_message_of_a_merge_says_what_the_modules_had() -> None:
    mark = read_mark(message(board(description="theirs"), merged=checksum(canonical(board()))))
    assert mark is not None
    assert mark.wanted == mark.merged == checksum(canonical(board())) != mark.checksum


def test_the_longest_message_fits() -> None:
    assert len(message(board(), bundle="x" * 24, folder="x" * 40, merged="0" * 64)) <= MESSAGE_LIMIT


def test_a_message_for_a_dashboard_without_a_folder() -> None:
    mark = read_mark(message(board(), folder=""))
    assert mark is not None and mark.folder == ""


@pytest.mark.parametrize(
    "text",
    ["", "Initial save", "sedna-dash", "Restored from version 3", f"like {message(board())}, but better",
     message(board()) + " too", message(board()).replace("bundle:", "set:"), message(board())[:-1],
     message(board()).replace("deployment:0", "deployment:X"), message(board()) + "\n\nmine"],
)  # fmt: skip
def test_other_messages_are_no_marks(text: str) -> None:
    assert read_mark(text) is None


def test_the_tag_is_there_once() -> None:
    assert tagged(board())["tags"] == ["sedna", OWNED_TAG] == tagged(tagged(board()))["tags"]
    assert tagged({"tags": None})["tags"] == tagged({})["tags"] == [OWNED_TAG]


@pytest.mark.parametrize(
    "one, other, wanted",
    [
        (board(), {**board(), "id": 3, "version": 4}, True),
        (board(time={"a": 1}), board(time={"a": 1.0, "b": None}), True),
        (board(x=1), board(x=True), False),
        (board(), board(title="Mine"), False),
        (board(x="\ud83d"), board(x="\ud83d"), True),
        (board(x=10**30), board(x=10**30 + 1), False),
    ],
)
def test_equal(one: dict[str, Any], other: dict[str, Any], wanted: bool) -> None:
    assert equal(one, other) is equal(other, one) is wanted
    assert (checksum(canonical(one)) == checksum(canonical(other))) is wanted


@pytest.mark.parametrize(
    "value",
    [{"b": 1, "a": [None, True, 1.5, "\ud83d", "\\ud83d"]}, {"a": 2**70}, {"a": -0.5}, {"": {"": []}}, "ä", None],
)
def test_copied(value: Any) -> None:
    result = copied(value)
    assert result == value
    # True is not 1, and the order of keys stays.
    assert repr(result) == repr(value)


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
    mark = read_mark(message(board()))
    assert mark is not None
    live = {**board(), **change}
    assert describes(mark, live, rewrites=False) is strict
    assert describes(mark, live, rewrites=True) is lenient


FIELDS = {"uid": "u", "name": "n", "type": "loki", "access": "proxy", "url": "http://a", "jsonData": {"maxLines": 5}}


def test_a_marked_datasource() -> None:
    fields = FIELDS
    marked = marked_datasource(fields)
    assert marked["jsonData"]["maxLines"] == 5
    assert marked_datasource(marked) == marked
    assert is_marked_datasource({**marked, "id": 3, "orgId": 1, "version": 2, "basicAuth": True})
    assert not is_marked_datasource(fields)
    assert not is_marked_datasource({**marked, "url": "http://b"})
    assert not is_marked_datasource({**marked, "jsonData": {**marked["jsonData"], "more": 1}})


def test_a_login_of_ours_is_part_of_the_mark() -> None:
    marked = marked_datasource({**FIELDS, "basicAuth": True, "basicAuthUser": "u"})
    assert is_marked_datasource({**marked, "id": 3, "withCredentials": False})
    assert not is_marked_datasource({**marked, "basicAuthUser": "v"})
    assert not is_marked_datasource({**marked, "basicAuth": False})


@pytest.mark.parametrize(
    "more", [{}, {"jsonData": None}, {"secureJsonData": {"p": "hunter2"}}, {"password": "hunter2"}]
)
def test_what_we_set_of_a_datasource_is_never_a_secret(more: dict[str, Any]) -> None:
    assert set(datasource_fields({**FIELDS, **more})) == set(FIELDS)
    assert "hunter2" not in str(datasource_fields({**FIELDS, **more}))
