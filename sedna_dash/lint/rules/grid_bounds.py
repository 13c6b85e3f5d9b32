"""Every panel has a place on the grid, which is 24 units wide.

Grafana gives a panel without a place one of its own choosing, and squeezes one that sticks out.

Exceptions: dashboards from before schema 16, which have rows instead of a grid.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.lint.board import Board
from sedna_dash.lint.grid import WIDTH, shelves
from sedna_dash.lint.rule import Context, Finding, Rule


def check(board: Board, context: Context) -> Iterator[Finding]:
    for panel, box in (placed for group in shelves(board, context) for placed in group):
        if box is None:
            yield Finding("has no gridPos of whole numbers h, w, x and y; give it a place", panel=panel)
        elif box.x < 0 or box.y < 0 or box.width < 1 or box.height < 1:
            yield Finding(
                f"has an impossible gridPos (x {box.x}, y {box.y}, w {box.width}, h {box.height}); correct it",
                panel=panel,
            )
        elif box.right > WIDTH:
            yield Finding(
                f"reaches to column {box.right} of {WIDTH}; make it {box.right - WIDTH} narrower or move it left",
                panel=panel,
            )


rule = Rule("grid-bounds", "error", check, __doc__)
