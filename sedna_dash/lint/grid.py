"""Where panels stand, as whole numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sedna_dash.lint.board import Board, Panel, mapping, mappings, number
from sedna_dash.lint.rule import Context

#: Columns of Grafana's grid.
WIDTH = 24


@dataclass(frozen=True)
class Box:
    """The place of one panel."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.x + self.width

    @property
    def bottom(self) -> int:
        return self.y + self.height

    @property
    def is_possible(self) -> bool:
        return self.x >= 0 and self.y >= 0 and self.width > 0 and self.height > 0 and self.right <= WIDTH

    def overlaps(self, other: Box) -> bool:
        """Whether they share a cell."""
        return self.x < other.right and other.x < self.right and self.y < other.bottom and other.y < self.bottom


def box_of(panel: Panel) -> Box | None:
    """The panel's place, or None when it has none or a broken one."""
    position = mapping(panel.model.get("gridPos"))
    values = [_whole(position.get(key)) for key in ("x", "y", "w", "h")]
    if panel.type == "row":
        # Old exports leave out what a row always has.
        values = [0 if values[0] is None else values[0], values[1], values[2] or WIDTH, values[3] or 1]
    x, y, width, height = values
    if x is None or y is None or width is None or height is None:
        return None
    return Box(x, y, width, height)


def shelves(board: Board, context: Context) -> list[list[tuple[Panel, Box | None]]]:
    """Panels that share one grid: those on the dashboard with the row headers, and those in each collapsed row."""
    known: dict[int, list[list[tuple[Panel, Box | None]]]] = context.shared.setdefault("shelves", {})
    if id(board) not in known:
        top = [Panel(model) for model in mappings(board.model.get("panels"))]
        inside = [
            [Panel(model, row.title) for model in mappings(row.model.get("panels"))] for row in top if row.type == "row"
        ]
        known[id(board)] = [[(panel, box_of(panel)) for panel in group] for group in (top, *inside)]
    return known[id(board)]


def _whole(value: Any) -> int | None:
    found = number(value)
    return int(found) if found is not None and found == found // 1 else None
