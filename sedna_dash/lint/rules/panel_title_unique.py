"""Panels of one row have different titles.

Two panels of the same name cannot be told apart in a conversation, in an exclusion, or in a list of panels.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context, Finding, Rule


def check(board: Board, context: Context) -> Iterator[Finding]:
    seen: set[tuple[str, str]] = set()
    for panel in board.panels:
        place = (panel.row, panel.title.strip())
        if panel.shows_data and place[1]:
            if place in seen:
                yield Finding("has the title of another panel of its row; say what is different", panel=panel)
            seen.add(place)


rule = Rule("panel-title-unique", "warning", check, __doc__)
