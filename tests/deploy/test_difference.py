"""What differs, what can be merged, and the words for it."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest

from sedna_dash.render.canonical import plain
from sedna_dash.render.difference import MISSING, Path, differences, dotted, merge, place, same
from sedna_dash.render.outline import model_of, outline
from tests.deploy.conftest import board

STEPS = [{"color": "green", "value": None}, {"color": "red", "value": 3}]


@pytest.mark.parametrize(
    "one, other, wanted",
    [
        (1, 1.0, True),
        (True, 1, False),
        (False, 0, False),
        (0, None, False),
        (None, MISSING, True),
        ("", None, False),
        ([], None, False),
        ({}, MISSING, False),
        ({"a": None}, {}, True),
        ([None], [], False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ([1, 2], [2, 1], False),
        ("1", 1, False),
        ("\ud83d", "\ud83e", False),
        (10**30, 10**30 + 1, False),
    ],
)
def test_same(one: Any, other: Any, wanted: bool) -> None:
    assert same(one, other) is wanted
    assert same(other, one) is wanted


def model(**changes: Any) -> dict[str, Any]:
    """Two panels, two variables, a link; and in the panel 7 what is given."""
    result = board(links=[{"title": "Runbook", "url": "a"}])
    result["templating"]["list"].append({"name": "node", "type": "query", "definition": "x"})
    result["panels"].append({"id": 8, "type": "text", "title": "Notes", "options": {"content": "a"}})
    result["panels"][0].update(changes)
    return result


def walked(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, str, str]]:
    sides = outline(before), outline(after)
    found = []
    for item in differences(*sides):
        named = place(item.path, sides[1], sides[0])
        found.append((named.where, named.field, item.verb))
    return found


def defaults(**more: Any) -> dict[str, Any]:
    return {"defaults": {"unit": "short", "decimals": 1, **more}, "overrides": []}


QUERIES = [{"refId": "A", "expr": "sum(sedna_job_info)"}, {"refId": "B", "expr": "y"}]
WORDS: list[tuple[str, dict[str, Any], list[tuple[str, str, str]]]] = [
    # what, the panel as it is now, where and what and how
    ("nothing", {}, []),
    ("a title", {"title": "Mine"}, [("panel 'Mine'", "title", "changed")]),
    ("a place", {"gridPos": {"h": 8, "w": 24, "x": 0, "y": 0}}, [("panel 'Jobs'", "place", "changed")]),
    ("a query", {"targets": [{"refId": "A", "expr": "x"}]}, [("panel 'Jobs'", "query A", "changed")]),
    ("another key of a query", {"targets": [{**QUERIES[0], "legendFormat": "x"}]},
     [("panel 'Jobs'", "query A legendFormat", "added")]),
    ("one more query", {"targets": QUERIES}, [("panel 'Jobs'", "query B", "added")]),
    ("the last query", {"targets": []}, [("panel 'Jobs'", "query A", "removed")]),
    ("a unit", {"fieldConfig": defaults(unit="s")}, [("panel 'Jobs'", "unit", "changed")]),
    ("the number of decimals", {"fieldConfig": defaults(decimals=None)}, [("panel 'Jobs'", "decimals", "removed")]),
    ("bounds", {"fieldConfig": defaults(min=0, max=1)},
     [("panel 'Jobs'", "minimum", "added"), ("panel 'Jobs'", "maximum", "added")]),
    ("thresholds", {"fieldConfig": defaults(thresholds={"steps": STEPS})}, [("panel 'Jobs'", "thresholds", "added")]),
    ("mappings", {"fieldConfig": defaults(mappings=[1])}, [("panel 'Jobs'", "value mappings", "added")]),
    ("another default", {"fieldConfig": defaults(noValue="-")}, [("panel 'Jobs'", "noValue", "added")]),
    ("a setting of the visualization", {"fieldConfig": defaults(custom={"fillOpacity": 5})},
     [("panel 'Jobs'", "custom", "added")]),
    ("an option", {"options": {"legend": {"showLegend": True}}}, [("panel 'Jobs'", "options", "added")]),
    ("the visualization", {"type": "table"}, [("panel 'Jobs'", "visualization", "changed")]),
    ("a panel link", {"links": [{"title": "Docs"}]}, [("panel 'Jobs'", "links", "added")]),
    ("an override", {"fieldConfig": {**defaults(), "overrides": [{"matcher": {"id": "byName"}}]}},
     [("panel 'Jobs'", "override", "added")]),
    ("no title", {"title": ""}, [("panel 'timeseries without a title'", "title", "changed")]),
    ("odd characters", {"title": "[red]a'b\x1b|\n"}, [("panel '[red]a'b\x1b|\n'", "title", "changed")]),
    ("a key like a name", {"labels": {"[x]": 1}}, [("panel 'Jobs'", "labels", "added")]),
]  # fmt: skip


@pytest.mark.parametrize("change, wanted", [case[1:] for case in WORDS], ids=[case[0] for case in WORDS])
def test_a_change_to_a_panel_in_words(change: dict[str, Any], wanted: list[tuple[str, str, str]]) -> None:
    assert walked(model(), model(**change)) == wanted


def test_a_change_to_a_dashboard_in_words() -> None:
    after = model()
    after["title"], after["tags"] = "Mine", ["x"]
    after["links"][0]["url"] = "b"
    after["templating"]["list"][2]["definition"] = "y"
    after["templating"]["list"].append({"name": "zone"})
    after["annotations"] = {"list": [{"name": "Deploys"}]}
    del after["panels"][1]
    assert walked(model(), after) == [
        ("dashboard", "title", "changed"),
        ("dashboard", "tags", "changed"),
        ("variable 'node'", "definition", "changed"),
        ("variable 'zone'", "", "added"),
        ("dashboard", "link Runbook url", "changed"),
        ("panel 'Notes'", "", "removed"),
        ("dashboard", "annotations", "added"),
    ]


def test_the_order_of_panels_does_not_count_and_that_of_variables_does() -> None:
    after = model()
    after["panels"].reverse()
    assert walked(model(), after) == []
    after["templating"]["list"].reverse()
    assert walked(model(), after) == [("dashboard", "order of list", "changed")]


def test_an_order_is_no_difference_when_something_is_only_added_or_removed() -> None:
    after = model(targets=[{"refId": "X"}, *QUERIES])
    assert walked(model(), after) == [("panel 'Jobs'", "query X", "added"), ("panel 'Jobs'", "query B", "added")]


@pytest.mark.parametrize(
    "path, wanted",
    [
        ((), ""),
        (("title",), "title"),
        (("panels", "[12]", "targets", "[A]", "expr"), "panels[12].targets[A].expr"),
        (("panels", "[a.b]", "x"), "panels[a.b].x"),
    ],
)
def test_dotted(path: Path, wanted: str) -> None:
    assert dotted(path) == wanted


# Merging --------------------------------------------------------------------------------------------------------------


def change_title(found: dict[str, Any]) -> None:
    found["panels"][0]["title"] = "Mine"


def change_query(found: dict[str, Any]) -> None:
    found["panels"][0]["targets"][0]["expr"] = "x"


def other_query(found: dict[str, Any]) -> None:
    found["panels"][0]["targets"][0]["expr"] = "y"


def change_thresholds(found: dict[str, Any]) -> None:
    found["panels"][0]["fieldConfig"]["defaults"]["thresholds"] = {"mode": "absolute", "steps": STEPS}


def other_thresholds(found: dict[str, Any]) -> None:
    found["panels"][0]["fieldConfig"]["defaults"]["thresholds"] = {"mode": "absolute", "steps": STEPS[:1]}


def add_panel(found: dict[str, Any]) -> None:
    found["panels"].append({"id": 9, "title": "Nine"})


def add_other_panel(found: dict[str, Any]) -> None:
    found["panels"].insert(0, {"id": 10, "title": "Ten"})


def add_the_same_panel(found: dict[str, Any]) -> None:
    found["panels"].append({"id": 9, "title": "Another nine"})


def remove_panel(found: dict[str, Any]) -> None:
    del found["panels"][0]


def remove_other_panel(found: dict[str, Any]) -> None:
    found["panels"] = found["panels"][:1]


def remove_queries(found: dict[str, Any]) -> None:
    found["panels"][0]["targets"] = [query for query in found["panels"][0]["targets"] if query["refId"] != "A"]


def add_query(found: dict[str, Any]) -> None:
    found["panels"][0]["targets"].append({"refId": "B"})


def add_link(found: dict[str, Any]) -> None:
    found["links"].append({"title": "Mine"})


def double_the_ids(found: dict[str, Any]) -> None:
    found["panels"].append(copy.deepcopy(found["panels"][0]))


def to_true(found: dict[str, Any]) -> None:
    found["panels"][1]["options"]["content"] = True


def to_one(found: dict[str, Any]) -> None:
    found["panels"][1]["options"]["content"] = 1


MERGES = [
    # what one does, what the other does, where they clash
    (change_title, change_query, []),
    (change_title, change_thresholds, []),
    (change_title, change_title, []),
    (change_query, other_query, ["panels[7].targets[A].expr"]),
    (change_thresholds, other_thresholds, ["panels[7].fieldConfig.defaults.thresholds"]),
    (add_panel, add_other_panel, []),
    (add_panel, add_the_same_panel, ["panels[9].title"]),
    (add_panel, remove_panel, []),
    (remove_panel, remove_panel, []),
    (remove_panel, change_title, ["panels[7]"]),
    (remove_panel, remove_other_panel, []),
    (remove_queries, add_query, []),
    (remove_queries, change_query, ["panels[7].targets[A]"]),
    (add_query, add_link, []),
    (double_the_ids, change_title, ["panels"]),
    (to_true, to_one, ["panels[8].options.content"]),
]  # fmt: skip


@pytest.mark.parametrize(
    "one, other, clashes", MERGES, ids=[f"{one.__name__} and {other.__name__}" for one, other, _ in MERGES]
)
def test_two_sides(one: Any, other: Any, clashes: list[str]) -> None:
    base, ours, theirs, both = model(), model(), model(), model()
    one(ours)
    other(theirs)
    merged = merge(*map(outline, (base, ours, theirs)))
    back = merge(*map(outline, (base, theirs, ours)))
    assert [dotted(path) for path in merged.clashes] == [dotted(path) for path in back.clashes] == clashes
    if clashes:
        return
    other(both)
    if one is not other:
        one(both)
    for found in (merged, back):
        whole = model_of(found.value)
        assert {panel["id"]: panel for panel in whole["panels"]} == {panel["id"]: panel for panel in both["panels"]}
        assert {**whole, "panels": []} == {**both, "panels": []}


def test_the_null_of_a_threshold_survives() -> None:
    base, ours, theirs = model(), model(), model(description="x")
    for each in (base, ours, theirs):
        change_thresholds(each)
    change_title(ours)
    merged = model_of(merge(*map(outline, (base, ours, theirs))).value)
    assert merged["panels"][0]["fieldConfig"]["defaults"]["thresholds"]["steps"][0] == {"color": "green", "value": None}


@pytest.mark.parametrize(
    "ours, theirs", [({"a": {"[x]": 1}}, {"a": [{"title": "x"}]}), ({"links": {"x": 1}}, {"links": [{"title": "x"}]})]
)
def test_an_object_and_a_list_are_not_mixed(ours: Any, theirs: Any) -> None:
    merged = merge(*map(outline, ({}, ours, theirs)))
    assert len(merged.clashes) == 1


# A value is drawn from few, so that sides often meet.
def drawn(random: random.Random, depth: int = 0) -> Any:
    if depth > 3 or random.random() < 0.3:
        return random.choice([None, True, False, 0, 1, 1.5, "", "a", [], [1, None], {}])
    if random.random() < 0.4:
        key = random.choice(["targets", "list", "links", "other"])
        name = {"targets": "refId", "list": "name", "links": "title", "other": "x"}[key]
        return {
            key: [{name: item, "v": drawn(random, depth + 2)} for item in random.sample("ABCD", random.randint(0, 3))]
        }
    keys = random.sample(["a", "b", "[]", "[a]", "thresholds", "gridPos", "\\"], random.randint(0, 4))
    return {key: drawn(random, depth + 1) for key in keys}


def drawn_model(random: random.Random) -> dict[str, Any]:
    ids = random.sample([1, 2, 3, 4, 5], random.randint(0, 5))
    panels: list[dict[str, Any]] = [{"id": number, "title": random.choice("xy"), "o": drawn(random)} for number in ids]
    if len(panels) > 2 and random.random() < 0.5:
        panels = [{**panels[0], "type": "row", "collapsed": True, "panels": panels[1:3]}, *panels[3:]]
    return {"panels": panels, "x": drawn(random), "y": drawn(random)}


def changed(random: random.Random, found: Any) -> Any:
    """The value with a few things in it replaced."""
    if random.random() < 0.12:
        return drawn(random, 2)
    if isinstance(found, dict):
        return {key: changed(random, item) for key, item in found.items() if key == "panels" or random.random() < 0.95}
    if isinstance(found, list) and all(isinstance(item, dict) for item in found):
        return [
            {
                **item,
                **{key: changed(random, value) for key, value in item.items() if key not in ("id", "type", "panels")},
            }
            for item in found
            if random.random() < 0.9
        ]
    return found


def leaves(value: Any) -> set[str]:
    """All that a person may have written in it: keys with plain values."""
    if isinstance(value, dict):
        return {f"{key}={inner}" for key, item in value.items() for inner in leaves(item)}
    if isinstance(value, list):
        return {inner for item in value for inner in leaves(item)}
    return {repr(value)}


@pytest.mark.parametrize("first", range(0, 300, 20))
def test_any_two_sides(first: int) -> None:
    for seed in range(first, first + 20):
        check_two_sides(random.Random(seed))


def check_two_sides(chance: random.Random) -> None:
    base = drawn_model(chance)
    ours = {**base, **{key: changed(chance, item) for key, item in base.items()}}
    theirs = {**base, **{key: changed(chance, item) for key, item in base.items()}}
    b, o, t = map(outline, (base, ours, theirs))
    for whole, outlined in ((base, b), (ours, o), (theirs, t)):
        assert model_of(outlined) == whole
    assert merge(b, o, b).value == o and merge(b, o, b).clashes == []
    assert plain(merge(b, b, t).value) == plain(t) and merge(b, b, t).clashes == []
    assert merge(b, o, o).value == o and merge(b, o, o).clashes == []
    merged, back = merge(b, o, t), merge(b, t, o)
    assert merged.clashes == back.clashes or set(merged.clashes) == set(back.clashes)
    whole = model_of(merged.value)
    assert leaves(whole["panels"]) <= leaves(ours["panels"]) | leaves(theirs["panels"])
    if not merged.clashes:
        # Each side's view of it: what it lacks came from the other.
        ids = (
            [panel["id"] for panel in flat(whole)]
            if isinstance(whole["panels"], list) and "[]" in merged.value["panels"]
            else []
        )
        assert len(set(ids)) == len(ids)
        for item in differences(o, merged.value):
            assert any(item.path[: len(other.path)] == other.path or other.path[: len(item.path)] == item.path
                       for other in differences(b, t)), item  # fmt: skip
    # What is the same for both is no difference, and the other way round.
    assert (list(differences(o, t)) == []) is (same(o, t) or not_counting_order(o) == not_counting_order(t))


def flat(whole: dict[str, Any]) -> list[dict[str, Any]]:
    return [inner for panel in whole["panels"] for inner in (panel, *panel.get("panels", ()))]


def not_counting_order(outlined: dict[str, Any]) -> Any:
    panels = outlined["panels"]
    return plain({**outlined, "panels": {**panels, "[]": []} if walkable(panels) else panels})


def walkable(panels: Any) -> bool:
    return isinstance(panels, dict) and "[]" in panels
