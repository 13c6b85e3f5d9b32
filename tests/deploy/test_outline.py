"""A dashboard as an outline, and back."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from sedna_dash.render.outline import merged_order, model_of, outline

BUILD = Path(__file__).parents[2] / "build" / "dashboards"

ROW: dict[str, Any] = {"id": 1, "type": "row", "collapsed": True, "panels": [{"id": 2}, {"id": 3}]}


@pytest.mark.parametrize("path", sorted(BUILD.glob("*.json")), ids=lambda path: path.stem)
def test_every_dashboard_comes_back_as_it_was(path: Path) -> None:
    model = json.loads(path.read_text(encoding="utf-8"))
    before = copy.deepcopy(model)
    outlined = outline(model)
    assert model_of(outlined) == model == before
    assert isinstance(outlined["panels"], dict)


HOSTILE: dict[str, dict[str, Any]] = {
    "nothing": {},
    "no panels": {"title": "x"},
    "panels: null": {"panels": None},
    "panels: []": {"panels": []},
    "panels are no list": {"panels": {"id": 1}},
    "panels are no objects": {"panels": [None, 1, "x", []]},
    "a panel without id": {"panels": [{"type": "text"}]},
    "panels without ids": {"panels": [{"type": "text"}, {"type": "table"}]},
    "a row without id": {"panels": [{"type": "row", "collapsed": True, "panels": [{"id": 1}]}]},
    "an id twice": {"panels": [{"id": 1}, {"id": 1}]},
    "an id twice, once in a row": {"panels": [ROW, {"id": 3}]},
    "ids of two kinds": {"panels": [{"id": 1}, {"id": "1"}]},
    "an id that is a text": {"panels": [{"id": "a b"}]},
    "an id that is empty": {"panels": [{"id": ""}]},
    "ids in brackets": {"panels": [{"id": "[]"}, {"id": "]"}]},
    "a row": {"panels": [ROW, {"id": 4}]},
    "a row after its panels": {"panels": [{"id": 4}, ROW]},
    "a row in a row": {"panels": [{"id": 1, "type": "row", "collapsed": True, "panels": [ROW]}]},
    "an unfolded row with panels": {"panels": [{**ROW, "collapsed": False}]},
    "panels in a panel that is no row": {"panels": [{**ROW, "type": "text"}]},
    "panels in a row that are no list": {"panels": [{**ROW, "panels": 4}]},
    "panels in a row that are null": {"panels": [{**ROW, "panels": None}]},
    "a key that we use": {"panels": [{"id": 1, "row": 5}]},
    "a refId twice": {"panels": [{"id": 1, "targets": [{"refId": "A"}, {"refId": "A"}]}]},
    "a refId that is empty": {"panels": [{"id": 1, "targets": [{"refId": ""}]}]},
    "a refId that is missing": {"panels": [{"id": 1, "targets": [{"refId": "A"}, {"expr": "x"}]}]},
    "no matcher": {"panels": [{"id": 1, "fieldConfig": {"overrides": [{"properties": []}]}}]},
    "a matcher": {"panels": [{"id": 1, "fieldConfig": {"overrides": [{"matcher": {"id": "x", "options": None}}]}}]},
    "links that are texts": {"links": ["a", "b"]},
    "links that are numbers": {"links": [1, None, True]},
    "links that are no list": {"links": {"title": "x"}},
    "links without a title": {"links": [{"title": ""}, {"url": "x"}]},
    "one link with an empty title": {"links": [{"title": "", "url": "x"}]},
    "templating is missing": {"annotations": {}},
    "templating is null": {"templating": None},
    "templating is a list": {"templating": [1]},
    "no list": {"templating": {"list": {"name": "x"}}, "annotations": {"list": None}},
    "a variable without name": {"templating": {"list": [{"type": "query"}]}},
    "variables in lists": {"templating": {"list": [["name"]]}},
    "labels that look like an order": {"labels": {"[]": "x"}},
    "labels that look like names": {"labels": {"[a]": "x", "[": 1, "\\": 2, "\\[a]": 3, "\\\\": 4}},
    "labels that look like a list": {"labels": {"[]": ["a"], "[a]": {"x": 1}}},
    "options that look like names": {"panels": [{"id": 1, "options": {"[]": {"[x]": None}}}]},
    "mappings": {"panels": [{"id": 1, "fieldConfig": {"defaults": {"mappings": [{"options": {"[]": 1}}]}}}]},
    "keys at the top": {"[]": ["a"], "[a]": 1},
    "what is one value": {"time": {"[]": ["a"]}, "panels": [{"id": 1, "color": {"[a]": 1, "\\b": 2}}]},
    "nulls": {"a": None, "panels": [{"id": None, "x": None}]},
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_dashboards_come_back_as_they_were(name: str) -> None:
    model = HOSTILE[name]
    before = copy.deepcopy(model)
    outlined = outline(model)
    assert model_of(json.loads(json.dumps(outlined))) == before
    assert model == before


def test_a_row_without_a_list_of_panels_gets_one() -> None:
    outlined = outline({"panels": [{"id": 1, "type": "row"}, {"id": 2}]})
    assert isinstance(outlined["panels"], dict)
    assert model_of(outlined) == {"panels": [{"id": 1, "type": "row", "panels": []}, {"id": 2}]}


def test_what_has_a_name_is_found_by_it() -> None:
    outlined = outline(
        {
            "panels": [ROW, {"id": 4, "targets": [{"refId": "B", "expr": "x"}]}],
            "templating": {"list": [{"name": "node"}]},
            "links": [],
        }
    )
    assert outlined == {
        "panels": {
            "[]": ["1", "2", "3", "4"],
            "[1]": {"id": 1, "type": "row", "collapsed": True},
            "[2]": {"id": 2, "row": 1},
            "[3]": {"id": 3, "row": 1},
            "[4]": {"id": 4, "targets": {"[]": ["B"], "[B]": {"refId": "B", "expr": "x"}}},
        },
        "templating": {"list": {"[]": ["node"], "[node]": {"name": "node"}}},
        "links": {"[]": []},
    }


def test_folding_a_row_is_no_change_to_its_panels() -> None:
    folded = {"panels": [ROW, {"id": 4}]}
    unfolded = {"panels": [{**ROW, "collapsed": False, "panels": []}, {"id": 2}, {"id": 3}, {"id": 4}]}
    before, after = (outline(model)["panels"] for model in (folded, unfolded))
    assert before["[]"] == after["[]"]
    assert before["[4]"] == after["[4]"] and before["[2]"] == {"id": 2, "row": 1} and after["[2]"] == {"id": 2}


@pytest.mark.parametrize("change", ["gone", "unfolded"])
def test_a_panel_stays_in_sight_without_its_row(change: str) -> None:
    outlined = outline({"panels": [ROW]})
    if change == "gone":
        outlined["panels"] = {key: item for key, item in outlined["panels"].items() if key != "[1]"}
        outlined["panels"]["[]"] = ["2", "3"]
    else:
        outlined["panels"]["[1]"]["collapsed"] = False
    assert [panel["id"] for panel in model_of(outlined)["panels"]][-2:] == [2, 3]


@pytest.mark.parametrize(
    "base, ours, theirs, wanted",
    [
        ("ABC", "ABC", "ABC", "ABC"),
        ("ABC", "CBA", "ABC", "CBA"),
        ("ABC", "ABC", "CBA", "CBA"),
        # Both turned it around: ours counts.
        ("ABC", "CBA", "BAC", "CBA"),
        ("AB", "ABX", "ABY", "ABYX"),
        ("AB", "XAB", "YAB", "YXAB"),
        ("AB", "AXB", "ABY", "AXBY"),
        ("ABC", "AC", "ABCY", "ACY"),
        # What it stood behind is gone: it comes after what was before that.
        ("ABC", "AC", "ABYC", "AYC"),
        ("ABC", "C", "ABYC", "YC"),
        ("AB", "", "ABY", "Y"),
        ("", "A", "B", "BA"),
    ],
)
def test_an_order_of_two_sides(base: str, ours: str, theirs: str, wanted: str) -> None:
    names = [name for name in {*ours, *theirs} if name not in base or (name in ours and name in theirs)]
    assert "".join(merged_order(base, ours, theirs, names)) == wanted
