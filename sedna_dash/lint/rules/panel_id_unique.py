"""Every panel and every row has an id of its own, a positive number of at most 31 bits.

Links to one panel, alerts and embedded panels name the id. Of two panels with the same one, Grafana opens the first.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context, Finding, Rule

_MOST = 2**31 - 1


def check(board: Board, context: Context) -> Iterator[Finding]:
    names: dict[int, str] = {}
    for panel in board.every_panel:
        if panel.id is None:
            yield Finding("has no id; give it a number that never changes", panel=panel)
        elif not 0 < panel.id <= _MOST:
            yield Finding(f"has the id {panel.id}; use a number from 1 to {_MOST}", panel=panel)
        elif panel.id in names:
            yield Finding(f"has the id {panel.id} of '{names[panel.id]}'; give it its own", panel=panel)
        else:
            names[panel.id] = panel.name


rule = Rule("panel-id-unique", "error", check, __doc__)
