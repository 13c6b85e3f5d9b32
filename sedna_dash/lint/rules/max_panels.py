"""A dashboard shows at most 30 panels at once, and holds at most 40.

Each open panel asks at each reload. More than that is slow on a thin link, and nobody reads to the end.

Exceptions: panels in collapsed rows ask nothing until the row is opened, and count only for the 40.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.lint.board import Board, Panel, mappings
from sedna_dash.lint.rule import Context, Finding, Rule

_MOST_VISIBLE, _MOST = 30, 40


def check(board: Board, context: Context) -> Iterator[Finding]:
    visible = sum(Panel(model).shows_data for model in mappings(board.model.get("panels")))
    total = sum(panel.shows_data for panel in board.panels)
    if total > _MOST:
        yield Finding(f"holds {total} panels, more than {_MOST}; make two dashboards of it")
    elif visible > _MOST_VISIBLE:
        yield Finding(f"shows {visible} panels at once, more than {_MOST_VISIBLE}; collapse some rows")


rule = Rule("max-panels", "warning", check, __doc__)
