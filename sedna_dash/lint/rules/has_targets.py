"""A panel that shows data has a query, and at least one that is not hidden.

Without one it says "No data" for ever, which looks like an outage.

Exceptions: plugins that name no datasource, since some of them need none.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context, Finding, Rule


def check(board: Board, context: Context) -> Iterator[Finding]:
    for panel in board.panels:
        if not panel.shows_data or not (panel.is_core or panel.model.get("datasource") or panel.targets):
            continue
        if not panel.targets:
            yield Finding("has no query; give it one, or make it a text panel", panel=panel)
        elif all(target.get("hide") is True for target in panel.targets):
            yield Finding("hides all its queries; show one, or remove the panel", panel=panel)
        for target in panel.targets:
            language = board.language_of(target.get("datasource") or panel.model.get("datasource"))
            if language and not str(target.get("expr") or "").strip():
                yield Finding(f"has nothing in query {target.get('refId')}; write it or remove it", panel=panel)


rule = Rule("has-targets", "error", check, __doc__)
