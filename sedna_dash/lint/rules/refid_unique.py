"""The queries of a panel have different letters.

Grafana keeps one answer for each letter (refId), so of two queries with the same one, one is never shown.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context, Finding, Rule


def check(board: Board, context: Context) -> Iterator[Finding]:
    for panel in board.panels:
        seen: set[str] = set()
        for target in panel.targets:
            ref = str(target.get("refId") or "")
            if ref in seen:
                yield Finding(f"has two queries with the refId '{ref}'; number them A, B, C", panel=panel)
            elif not ref and len(panel.targets) > 1:
                yield Finding("has a query without a refId; number them A, B, C", panel=panel)
            seen.add(ref)


rule = Rule("refid-unique", "error", check, __doc__)
