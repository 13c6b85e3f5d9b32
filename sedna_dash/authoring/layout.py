"""Where panels stand: say who stands beside whom, widths and positions are worked out."""

from __future__ import annotations

import copy
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from grafanalib.core import GridPos

from sedna_dash.authoring.panel import HEIGHTS, Panel
from sedna_dash.errors import AuthoringError

GRID = 24


@dataclass(frozen=True)
class Column:
    """Panels on top of each other, as wide as one panel of the line."""

    panels: tuple[Panel, ...]

    @property
    def height(self) -> int:
        return sum(panel.height_units for panel in self.panels)


@dataclass(frozen=True)
class Line:
    """Panels and columns beside each other; ``shares`` are their relative widths."""

    members: tuple[Panel | Column, ...]
    shares: tuple[int, ...]

    @property
    def height(self) -> int:
        return max(_height(member) for member in self.members)


@dataclass(frozen=True)
class Row:
    """A titled group of lines; a collapsed one opens on click."""

    title: str
    lines: tuple[Line, ...]
    collapsed: bool = False

    def panels(self) -> Iterator[Panel]:
        """All panels of the row in reading order."""
        for item in self.lines:
            for member in item.members:
                yield from member.panels if isinstance(member, Column) else (member,)


def column(*panels: Panel) -> Column:
    """Panels on top of each other within a line."""
    return Column(panels)


def line(*members: Panel | Column, shares: Sequence[int] = ()) -> Line:
    """Panels beside each other, equally wide unless ``shares`` says otherwise: ``shares=(2, 1)``."""
    if shares and len(shares) != len(members):
        raise AuthoringError(f"a line of {len(members)} panels has {len(shares)} shares; give one for each")
    if not members or sum(shares or [1] * len(members)) > GRID:
        raise AuthoringError(f"a line holds 1 to {GRID} panels, not {len(members)}; split it")
    return Line(members, tuple(shares) or (1,) * len(members))


def row(title: str, *lines: Line | Panel, collapsed: bool = False) -> Row:
    """A titled group. A panel alone is a line of its own."""
    return Row(title, tuple(item if isinstance(item, Line) else line(item) for item in lines), collapsed)


def place(rows: Sequence[Row], top: int = 0) -> list[dict[str, Any]]:
    """Final panels with positions, row headers included; a collapsed row holds its panels inside."""
    placed: list[dict[str, Any]] = []
    y = top
    for item in rows:
        header = {
            "id": panel_id(f"row:{item.title}"),
            "type": "row",
            "title": item.title,
            "collapsed": item.collapsed,
            "gridPos": {"h": HEIGHTS["row"], "w": GRID, "x": 0, "y": y},
            "panels": [],
        }
        y += HEIGHTS["row"]
        top_of_row = y
        inside: list[dict[str, Any]] = []
        for shelf in item.lines:
            inside.extend(_place_line(shelf, y))
            y += shelf.height
        if item.collapsed:
            # Its panels lie below the header only once it is opened; Grafana then moves the rest down.
            y = top_of_row
        placed.append(header)
        (header["panels"] if item.collapsed else placed).extend(inside)  # type: ignore[attr-defined]
    return placed


def _place_line(shelf: Line, y: int) -> Iterator[dict[str, Any]]:
    x = 0
    for member, width in zip(shelf.members, _widths(shelf.shares), strict=True):
        stacked = member.panels if isinstance(member, Column) else (member,)
        top = y
        for position, panel in enumerate(stacked):
            last = position == len(stacked) - 1
            height = y + shelf.height - top if last else panel.height_units
            yield _placed(panel, GridPos(h=height, w=width, x=x, y=top))
            top += height
        x += width


def _widths(shares: Sequence[int]) -> list[int]:
    """Whole grid units in proportion, which together fill the line."""
    total = sum(shares)
    edges = [round(GRID * sum(shares[:index]) / total) for index in range(len(shares) + 1)]
    return [right - left for left, right in pairwise(edges)]


def _placed(panel: Panel, position: GridPos) -> dict[str, Any]:
    placed = copy.copy(panel)
    placed.gridPos, placed.id = position, panel_id(panel.key)
    return placed.to_json_data()


def panel_id(key: str) -> int:
    """A positive 31-bit id that depends on the panel's key alone.

    Numbering panels in order would give every later panel a new id when one is inserted, and with it break links
    and alerts that point at panels.
    """
    return (zlib.crc32(key.encode()) & 0x7FFFFFFF) or 1


def _height(member: Panel | Column) -> int:
    return member.height if isinstance(member, Column) else member.height_units
