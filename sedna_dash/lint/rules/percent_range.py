"""A gauge in percent has a minimum and a maximum.

A dial without limits stretches to the data, so that 3 % fills it as 90 % does.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.lint.board import Board, number
from sedna_dash.lint.rule import Context, Finding, Rule
from sedna_dash.lint.units import PERCENT


def check(board: Board, context: Context) -> Iterator[Finding]:
    for panel in board.panels:
        unit = panel.defaults.get("unit")
        if panel.type != "gauge" or not isinstance(unit, str) or unit not in PERCENT:
            continue
        missing = [name for name in ("min", "max") if number(panel.defaults.get(name)) is None]
        if missing:
            full = 1 if unit == "percentunit" else 100
            yield Finding(f"is a gauge in percent without {' and '.join(missing)}; set 0 and {full}", panel=panel)


rule = Rule("percent-range", "warning", check, __doc__)
