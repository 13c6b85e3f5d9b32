"""The dashboard has a title, and no other in its folder has the same.

Grafana 9 and 10 refuse a second dashboard of the same title in a folder, and a provisioning folder that holds two is no
longer updated at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath

from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context, Finding, Rule


def check(board: Board, context: Context) -> Iterator[Finding]:
    if not board.title.strip():
        yield Finding("has no title; name what it shows")
        return
    place = _place(board)
    for other in context.boards:
        if other is board:
            return
        # The same uid is the same dashboard, or for uid-unique to report.
        if _place(other) == place and other.uid != board.uid:
            yield Finding(f"has the title '{board.title}' of {other.name}; give it its own")
            return


def _place(board: Board) -> tuple[str, str]:
    # Grafana compares without upper and lower case.
    return str(PurePath(board.file).parent), board.title.strip().lower()


rule = Rule("title-unique", "error", check, __doc__)
