"""A panel has at most 8 queries.

A graph of more is hard to read, and each reload waits for the slowest.

Exceptions: hidden queries, and constants such as `vector(1)`, which read nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context, Finding, Rule

_MOST = 8


def check(board: Board, context: Context) -> Iterator[Finding]:
    for panel in board.panels:
        constants = sum(query.language == "promql" and not query.promql.uses for query in board.queries_of(panel))
        count = sum(target.get("hide") is not True for target in panel.targets) - constants
        if count > _MOST:
            yield Finding(f"has {count} queries, more than {_MOST}; split it or ask for all at once", panel=panel)


rule = Rule("max-queries", "warning", check, __doc__)
