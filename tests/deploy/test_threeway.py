"""Who changed what since our last deployment."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from sedna_dash.deploy.resources import Version
from sedna_dash.deploy.threeway import Comparison, Detail, compared, value_at
from sedna_dash.render.difference import MISSING
from sedna_dash.render.outline import outline
from tests.deploy.conftest import board

Edit = Callable[[dict[str, Any]], object]


def title(text: str) -> Edit:
    return lambda model: model["panels"][0].update(title=text)


def query(text: str) -> Edit:
    return lambda model: model["panels"][0]["targets"][0].update(expr=text)


def unit(text: Any) -> Edit:
    return lambda model: model["panels"][0]["fieldConfig"]["defaults"].update(unit=text)


def no_queries(model: dict[str, Any]) -> None:
    model["panels"][0]["targets"] = []


def add_panel(model: dict[str, Any]) -> None:
    model["panels"].append({"id": 9, "title": "Nine", "targets": [{"refId": "A", "expr": "x"}]})


def add_query_to_it(model: dict[str, Any]) -> None:
    model["panels"][1]["targets"].append({"refId": "B"})


def drop_nulls(model: dict[str, Any]) -> None:
    model["panels"][0].pop("transparent", None)


def set_null(model: dict[str, Any]) -> None:
    model["panels"][0]["transparent"] = None


def chain(*edits: tuple[str, Edit], here: Edit = lambda model: None) -> Comparison:
    """A base, and people who save one after the other: version 2, 3 and so on."""
    base = board()
    wanted, current, saved = copy.deepcopy(base), copy.deepcopy(base), []
    here(wanted)
    for number, (who, edit) in enumerate(edits, 2):
        current = copy.deepcopy(current)
        edit(current)
        saved.append((Version(number, "", who, f"14:{number:02}"), outline(current)))
    return compared(outline(base), outline(wanted), outline(current), saved)


def told(view: Comparison) -> list[str]:
    return [str(detail) for detail in view.details]


@pytest.mark.parametrize(
    "edits, here, wanted",
    [
        ([("eve", title("Mine"))], None, ["panel 'Jobs': title changed live by eve at 14:02, version 2 (Jobs → Mine)"]),
        # Each field has its own colleague.
        (
            [("eve", title("Mine")), ("bob", query("x")), ("eve", unit("s"))],
            None,
            [
                "panel 'Jobs': title changed live by eve at 14:02, version 2 (Jobs → Mine)",
                "panel 'Jobs': unit changed live by eve at 14:04, version 4 (short → s)",
                "panel 'Jobs': query A changed live by bob at 14:03, version 3 (sum(sedna_job_info) → x)",
            ],
        ),
        # The last who changed a field counts, not the last who saved.
        (
            [("eve", title("Mine")), ("bob", title("Bob's")), ("ann", query("x"))],
            None,
            [
                "panel 'Jobs': title changed live by bob at 14:03, version 3 (Jobs → Bob's)",
                "panel 'Jobs': query A changed live by ann at 14:04, version 4 (sum(sedna_job_info) → x)",
            ],
        ),
        # Reverted: nothing is left of it.
        ([("eve", title("Mine")), ("bob", title("Jobs"))], None, []),
        # Reverted and made again.
        (
            [("eve", title("Mine")), ("bob", title("Jobs")), ("ann", title("Mine"))],
            None,
            ["panel 'Jobs': title changed live by ann at 14:04, version 4 (Jobs → Mine)"],
        ),
        # The modules have it by now.
        ([("eve", title("Mine"))], title("Mine"), []),
        (
            [("eve", title("Mine")), ("bob", query("x"))],
            title("Mine"),
            ["panel 'Mine': query A changed live by bob at 14:03, version 3 (sum(sedna_job_info) → x)"],
        ),
        # Both sides.
        (
            [("eve", title("Mine"))],
            query("x"),
            [
                "panel 'Jobs': query A changed here (sum(sedna_job_info) → x)",
                "panel 'Jobs': title changed live by eve at 14:02, version 2 (Jobs → Mine)",
            ],
        ),
        ([("eve", no_queries)], None, ["panel 'Jobs': query A removed live by eve at 14:02, version 2"]),
        ([("eve", unit(None))], None, ["panel 'Jobs': unit removed live by eve at 14:02, version 2"]),
        ([("eve", add_panel)], None, ["panel 'Nine' added live by eve at 14:02, version 2"]),
        # A panel that is new is one thing; who touched it last is named.
        ([("eve", add_panel), ("bob", add_query_to_it)], None, ["panel 'Nine' added live by bob at 14:03, version 3"]),
        # What means the same is no change, and nobody's.
        ([("eve", set_null), ("bob", drop_nulls)], None, []),
    ],
)  # fmt: skip
def test_who_changed_what(edits: list[tuple[str, Edit]], here: Edit | None, wanted: list[str]) -> None:
    assert told(chain(*edits, here=here or (lambda model: None))) == wanted


def test_what_means_the_same_is_blamed_on_nobody() -> None:
    base, mine, later = board(max=1), board(max=2), board(max=2.0, x=None)
    saved = [(Version(2, "", "eve"), outline(mine)), (Version(3, "", "bob"), outline(later))]
    view = compared(outline(base), outline(base), outline(later), saved)
    assert [(detail.path, detail.by) for detail in view.theirs] == [("max", "eve")]


def test_without_versions_nobody_is_named() -> None:
    view = compared(outline(board()), outline(board()), outline(board(title="Mine")))
    assert told(view) == ["dashboard: title changed live (Sedna / One → Mine)"]


def test_values_are_told_as_dashboards_have_them() -> None:
    """Not as outlines have them, whose keys nobody knows."""
    view = chain(("eve", add_panel))
    assert view.theirs[0].after == {"id": 9, "title": "Nine", "targets": [{"refId": "A", "expr": "x"}]}
    assert view.theirs[0].before is None and view.theirs[0].path == "panels[9]"


@pytest.mark.parametrize(
    "before, after, wanted",
    [
        (1, 2, " (1 → 2)"),
        (0, False, " (0 → False)"),
        ("x" * 40, "y", f" ({'x' * 40} → y)"),
        (["b", "a"], ["a"], " (b, a → a)"),
        (
            {"steps": [{"color": "green", "value": None}]},
            {"steps": [{"color": "green"}, {"color": "red", "value": 3}]},
            " (green → green, red 3)",
        ),
        ("x" * 41, "y", ""),
        ("", "y", ""),
        ({"a": 1}, "y", ""),
    ],
)
def test_short_values_are_shown(before: Any, after: Any, wanted: str) -> None:
    assert str(Detail("dashboard", "x", "changed", "here", "x", before, after)) == f"dashboard: x changed here{wanted}"


def test_value_at() -> None:
    outlined = outline(board())
    assert value_at(outlined, ("panels", "[7]", "targets", "[A]", "refId")) == "A"
    assert value_at(outlined, ("panels", "[8]", "title")) is MISSING
    assert value_at(outlined, ("title", "x")) is MISSING
    assert value_at(outlined, ()) is outlined
