"""No two dashboards have the same uid.

The second to be uploaded overwrites the first; provisioned from files, both stop to be updated.

Exceptions: copies with the same content, and the same dashboard in its form for the Import page.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context, Finding, Rule


def check(board: Board, context: Context) -> Iterator[Finding]:
    if not board.uid:
        return
    for other in _boards_by_uid(context).get(board.uid, ()):
        # One finding for each pair, at the later of the two.
        if other is board:
            return
        if other.is_import == board.is_import and other.model != board.model:
            yield Finding(f"has the uid of {other.file}; give it its own")
            return


def _boards_by_uid(context: Context) -> dict[str, list[Board]]:
    found: dict[str, list[Board]] | None = context.shared.get("boards by uid")
    if found is None:
        found = context.shared["boards by uid"] = {}
        for board in context.boards:
            found.setdefault(board.uid, []).append(board)
    return found


rule = Rule("uid-unique", "error", check, __doc__)
