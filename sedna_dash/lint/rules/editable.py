"""The dashboard can be edited in Grafana.

Whoever is on call must be able to try a threshold. What is tried is not lost to the code: the next deployment shows the
difference. A dashboard that forbids it is copied, and the copy rots.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context, Finding, Rule


def check(board: Board, context: Context) -> Iterator[Finding]:
    editable = board.model.get("editable")
    if editable is False:
        yield Finding("forbids editing; set editable to true")
    elif editable is not True:
        yield Finding("does not say whether it can be edited; set editable to true")


rule = Rule("editable", "warning", check, __doc__)
