"""A line of panels fills the width of the dashboard, and no empty line stands between two others.

A hole looks like a panel that failed to load. Grafana closes empty lines when it loads the dashboard, so that the next
save changes the place of everything below.

Exceptions: lines with a panel that repeats, whose number is not known.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.lint.board import Board, Panel
from sedna_dash.lint.grid import WIDTH, Box, shelves
from sedna_dash.lint.rule import Context, Finding, Rule


def check(board: Board, context: Context) -> Iterator[Finding]:
    for group in shelves(board, context):
        placed = [(box, panel) for panel, box in group if box is not None and box.is_possible]
        bottom: int | None = None
        for line in _lines(placed):
            first = line[0][1]
            top = min(box.y for box, _ in line)
            if bottom is not None and top > bottom:
                yield Finding(f"stands {top - bottom} below the line above it; move it up", panel=first)
            bottom = max(box.bottom for box, _ in line)
            empty = WIDTH - len({column for box, _ in line for column in range(box.x, box.right)} & set(range(WIDTH)))
            if empty and not any(panel.model.get("repeat") for _, panel in line):
                yield Finding(
                    f"stands in a line that leaves {empty} of {WIDTH} columns empty; widen its panels", panel=first
                )


def _lines(placed: list[tuple[Box, Panel]]) -> Iterator[list[tuple[Box, Panel]]]:
    """Panels that stand beside each other, together with what is as tall as several of them."""
    line: list[tuple[Box, Panel]] = []
    bottom = 0
    for box, panel in sorted(placed, key=lambda item: (item[0].y, item[0].x)):
        if line and box.y >= bottom:
            yield line
            line = []
        line.append((box, panel))
        bottom = max(bottom, box.bottom)
    if line:
        yield line


rule = Rule("grid-gap", "warning", check, __doc__)
