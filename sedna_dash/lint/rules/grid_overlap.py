"""Panels do not cover each other.

Grafana pushes overlapping panels apart when it loads the dashboard, each time a little differently from what was built.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.lint.board import Board, Panel
from sedna_dash.lint.grid import Box, shelves
from sedna_dash.lint.rule import Context, Finding, Rule


def check(board: Board, context: Context) -> Iterator[Finding]:
    for group in shelves(board, context):
        placed: list[tuple[Box, Panel]] = []
        for panel, box in group:
            if box is None:
                continue
            under = next((other for other_box, other in placed if box.overlaps(other_box)), None)
            if under is not None:
                yield Finding(f"covers '{under.name}'; move one of them", panel=panel)
            placed.append((box, panel))


rule = Rule("grid-overlap", "error", check, __doc__)
