"""Over time, LogQL counts lines over `$__auto`, or `$__interval` for Grafana 9.

Then each line is counted once. Over a fixed window, lines are counted twice when the step is shorter and are lost
when it is longer, and a long time range asks Loki for far too much.

Exceptions: queries for one instant; `$__range`; a variable that lets the reader choose; windows of an hour or more,
which are a decision.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context, Finding, Rule

_SHORT = re.compile(r"\d+(?:ms|s|m)|[1-5]?\dm\d+s")
_STAND_IN = re.compile(r"30000[1-5]ms")
_MINUTES = re.compile(r"(\d+)(ms|s|m)")


def check(board: Board, context: Context) -> Iterator[Finding]:
    for query in board.queries:
        if query.panel is None or not query.over_time:
            continue
        for window in dict.fromkeys(inside.window for inside in query.logql.ranges):
            if _STAND_IN.fullmatch(window) or not _SHORT.fullmatch(window):
                continue
            number, unit = _MINUTES.match(window).groups()  # type: ignore[union-attr]
            if int(number) * {"ms": 0.001, "s": 1, "m": 60}[unit] < 3600:
                yield Finding(f"counts over [{window}] at every step; use [$__auto]", query=query)


rule = Rule("logql-auto", "warning", check, __doc__)
