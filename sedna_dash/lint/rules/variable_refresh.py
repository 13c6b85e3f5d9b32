"""A query variable is asked for again: in Prometheus and Loki with each change of the time range, elsewhere on load.

Jobs and pods come and go. A list from another time offers what is gone and hides what is there.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context, Finding, Rule

_ON_LOAD, _ON_TIME_RANGE = 1, 2


def check(board: Board, context: Context) -> Iterator[Finding]:
    for variable in board.variables:
        if variable.get("type") != "query":
            continue
        refresh, place = variable.get("refresh"), f"variable ${variable.get('name')}"
        if board.language_of(variable.get("datasource")):
            if refresh != _ON_TIME_RANGE:
                yield Finding("is not refreshed when the time range changes; set refresh to 2", place=place)
        elif refresh not in (_ON_LOAD, _ON_TIME_RANGE, True):
            yield Finding("is never refreshed; set refresh to 1 (on load) or 2 (on time range change)", place=place)


rule = Rule("variable-refresh", "warning", check, __doc__)
