"""Every panel has a title.

A panel without one cannot be talked about, linked to by name, or found by a screen reader.

Exceptions: text panels, whose text is their title.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context, Finding, Rule


def check(board: Board, context: Context) -> Iterator[Finding]:
    for panel in board.panels:
        if panel.shows_data and not panel.title.strip():
            yield Finding("has no title; say in a few words what it shows", panel=panel)


rule = Rule("panel-title", "error", check, __doc__)
