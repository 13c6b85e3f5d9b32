"""The record of our deployments, and what is read of one that somebody wrote into."""

from __future__ import annotations

import base64
import copy
import json
import zlib
from dataclasses import replace
from typing import Any

import pytest

from sedna_dash.deploy.record import (
    Entry,
    Record,
    is_bundle_name,
    packed,
    read_record,
    record_model,
    record_uid,
    unpacked,
)
from sedna_dash.deploy.resources import Folder
from tests.deploy.conftest import board

RECORD = Record(
    bundle="sedna",
    folder=Folder("f", "Sedna", "parent", 4),
    made=["f"],
    datasources=[{"uid": "sedna-loki", "name": "n", "jsonData": {"b": 1, "a": 2}}],
    dashboards={"one": Entry("One", "a" * 64), "two": Entry("Two", "b" * 64)},
    bases={"one": packed(board())},
    trash={"gone": packed(board("gone"))},
    path=("Edge", "Sedna"),
)


def test_a_record_comes_back_as_it_was() -> None:
    found = read_record(json.loads(json.dumps(record_model(RECORD))))
    assert found is not None
    assert found.data() == RECORD.data() and found.deployment == RECORD.deployment
    assert found.folder == Folder("f", "Sedna", "parent")
    assert unpacked(found.trash["gone"]) == board("gone") and unpacked(found.bases["one"]) == board()


@pytest.mark.parametrize(
    "change, same",
    [
        ({"folder": Folder("f", "Sedna", "parent", 9)}, True),
        ({"dashboards": dict(reversed(RECORD.dashboards.items()))}, True),
        ({"datasources": [{"jsonData": {"a": 2, "b": 1}, "name": "n", "uid": "sedna-loki"}]}, True),
        ({"path": ["Edge", "Sedna"], "made": ("f",)}, True),
        ({"trash": {}}, True),
        ({"bases": {}}, True),
        ({"bundle": "other"}, False),
        ({"path": ["Sedna"]}, False),
        ({"folder": Folder("f", "Renamed", "parent")}, False),
        ({"datasources": []}, False),
        ({"dashboards": {"one": Entry("One", "c" * 64)}}, False),
    ],
)
def test_the_id_of_a_deployment_is_that_of_its_state(change: dict[str, Any], same: bool) -> None:
    assert (replace(RECORD, **change).deployment == RECORD.deployment) is same


def test_the_id_is_the_same_on_every_machine() -> None:
    assert Record("sedna", Folder("sedna", "Sedna")).deployment == "884d17fbe5ff"


@pytest.mark.parametrize("name", ["sedna", "a", "edge-7", "x" * 24, "0"])
def test_names_of_sets(name: str) -> None:
    assert is_bundle_name(name) and len(record_uid(name)) <= 40


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a b", "a/b", "x" * 25, "a\n", "ä", "a_b", "../x"])
def test_impossible_names_of_sets(name: str) -> None:
    assert not is_bundle_name(name)


DATA = RECORD.data()
HOSTILE: dict[str, Any] = {
    "nothing": {},
    "a list": [],
    "a text": '"x"',
    "no JSON": "{",
    "deep": "[" * 100_000,
    "null": None,
    "no bundle": {key: value for key, value in DATA.items() if key != "bundle"},
    "a bundle that is a list": {**DATA, "bundle": []},
    "a folder that is a text": {**DATA, "folder": "f"},
    "a folder without uid": {**DATA, "folder": {"title": "x", "parent": ""}},
    "a folder whose uid is an object": {**DATA, "folder": {"uid": {}, "title": "x", "parent": ""}},
    "folders that are numbers": {**DATA, "made": [1]},
    "folders that are null": {**DATA, "made": None},
    "datasources without uid": {**DATA, "datasources": [{}]},
    "datasources that are texts": {**DATA, "datasources": ["x"]},
    "datasources whose uid is a list": {**DATA, "datasources": [{"uid": []}]},
    "dashboards in a list": {**DATA, "dashboards": ["one"]},
    "a dashboard that is null": {**DATA, "dashboards": {"one": None}},
    "a title that is an object": {**DATA, "dashboards": {"one": {"title": {}, "checksum": "x"}}},
    "copies that are objects": {**DATA, "trash": {"one": {}}},
    "copies in a list": {**DATA, "bases": ["x"]},
    "a path of numbers": {**DATA, "path": [1]},
    "a path that is null": {**DATA, "path": None},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_read_is_no_record(name: str) -> None:
    content = HOSTILE[name]
    model = record_model(RECORD)
    model["panels"][1]["options"]["content"] = content if isinstance(content, str) else json.dumps(content)
    assert read_record(model) is None


@pytest.mark.parametrize(
    "panels",
    [None, [], {}, [{"id": 1}], [{"id": 2}], [{"id": 2, "options": None}], [{"id": 2, "options": {"content": 5}}], [5]],
)
def test_a_dashboard_without_the_panel_is_no_record(panels: Any) -> None:
    assert read_record({**record_model(RECORD), "panels": panels}) is None
    assert read_record({"title": "x"}) is None


def pack(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content, 9)).decode()


def test_packed_is_the_same_for_the_same_model() -> None:
    model = board(x={"b": [None, 1.5, "ä"], "a": True})
    assert unpacked(packed(model)) == model
    assert packed(dict(reversed(copy.deepcopy(model).items()))) == packed(model)


@pytest.mark.parametrize(
    "text",
    ["", "!", "ä", "QUJD", pack(b"[]"), pack(b'"x"'), pack(b"{"), pack(b"\xff"), pack(b'{"a": 1}')[:-8],
     pack(b"[" * 100_000), pack(b" " * (65 * 1024 * 1024) + b"{}")],
    ids=["empty", "no base64", "no ASCII", "no zlib", "a list", "a text", "half an object", "no UTF-8", "cut off",
         "deep", "a bomb"],
)  # fmt: skip
def test_what_is_no_packed_model(text: str) -> None:
    assert unpacked(text) is None


def test_a_person_can_read_it_and_titles_are_only_titles() -> None:
    entries = {"a": Entry("[x](http://evil) | <b>\n`y`", "c" * 64), "b": Entry("Plain", "d" * 64)}
    text = record_model(replace(RECORD, dashboards=entries))["panels"][0]["options"]["content"]
    rows = text.splitlines()[-2:]
    assert rows == [
        r"| [\[x\](http://evil) \| \<b\> \`y\`](d/a) | `cccccccccccc` |",
        "| [Plain](d/b) | `dddddddddddd` |",
    ]
    assert "rollback --to ID" in text
