"""Positions follow from who stands beside whom."""

from itertools import pairwise

import pytest

from sedna_dash.authoring import board, column, line, metric, row, stat, text
from sedna_dash.authoring.layout import panel_id, place
from sedna_dash.authoring.panel import Panel
from sedna_dash.errors import AuthoringError


def tile(title: str, height: int = 4) -> Panel:
    return text(title, "x", height=height)


def grid(*rows: object) -> dict[str, tuple[int, int, int, int]]:
    placed = place(rows)  # type: ignore[arg-type]
    panels = [inner for panel in placed for inner in (panel, *panel.get("panels", ()))]
    return {panel["title"]: tuple(panel["gridPos"][key] for key in "xywh") for panel in panels}  # type: ignore[misc]


def test_a_line_fills_the_width_and_shares_its_height() -> None:
    assert grid(row("R", line(tile("a"), tile("b", 6), tile("c")), tile("d"))) == {
        "R": (0, 0, 24, 1),
        "a": (0, 1, 8, 6),
        "b": (8, 1, 8, 6),
        "c": (16, 1, 8, 6),
        "d": (0, 7, 24, 4),
    }


@pytest.mark.parametrize("count", range(1, 25))
def test_any_number_of_panels_leaves_no_gap(count: int) -> None:
    placed = grid(row("R", line(*(tile(f"p{index}") for index in range(count)))))
    edges = [placed[f"p{index}"] for index in range(count)]
    assert edges[0][0] == 0
    assert all(left[0] + left[2] == right[0] for left, right in pairwise(edges))
    assert edges[-1][0] + edges[-1][2] == 24


def test_shares_and_columns() -> None:
    placed = grid(row("R", line(tile("a", 9), column(tile("b"), tile("c")), shares=(3, 1))))
    assert placed["a"] == (0, 1, 18, 9)
    assert placed["b"] == (18, 1, 6, 4)
    assert placed["c"] == (18, 5, 6, 5)  # the last one of a column reaches the bottom


def test_a_collapsed_row_holds_its_panels() -> None:
    placed = place([row("R", tile("a"), collapsed=True), row("S", tile("b"))])
    assert [panel["title"] for panel in placed] == ["R", "S", "b"]
    assert [panel["title"] for panel in placed[0]["panels"]] == ["a"]


def test_ids_depend_on_the_key_alone() -> None:
    before = {panel["title"]: panel["id"] for panel in place([row("R", tile("a"), tile("b"))])}
    after = {panel["title"]: panel["id"] for panel in place([row("Q", tile("new")), row("R", tile("new2"), tile("b"))])}
    assert before["b"] == after["b"] == panel_id("b")
    assert 0 < panel_id("b") < 2**31


def state(title: str, key: str = "") -> Panel:
    return stat(title, metric("sedna_job_created_timestamp_seconds")(), why="x", key=key)


MISTAKES = {
    "two panels of one title": (
        lambda: board("T", row("R", state("a"), state("a")), uid="u", question="?", variables=[]),
        "2 panels have the key 'a'",
    ),
    "too many beside each other": (lambda: line(*(tile(str(index)) for index in range(25))), "1 to 24 panels"),
    "shares that do not fit": (lambda: line(tile("a"), shares=(1, 2)), "a line of 1 panels has 2 shares"),
    "bad uid": (lambda: board("T", uid="Sedna_X", question="?", variables=[]), "uid 'Sedna_X' must be"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_refused(name: str) -> None:
    act, says = MISTAKES[name]
    with pytest.raises(AuthoringError) as error:
        act()
    assert says in error.value.message


def test_a_key_sets_two_equal_titles_apart() -> None:
    made = board("T", row("R", state("a"), state("a", key="a2")), uid="u", question="?", variables=[])
    ids = [panel["id"] for panel in made.model["panels"]]
    assert len(set(ids)) == len(ids)
