"""Thresholds begin with a base step without a value, and their values rise.

Grafana takes the first step as the base whatever its value, so the first limit of a list without a base never applies.
A list out of order colours by the wrong step.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sedna_dash.lint.board import Board, Panel, mapping, mappings, number
from sedna_dash.lint.rule import Context, Finding, Rule


def check(board: Board, context: Context) -> Iterator[Finding]:
    for panel in board.panels:
        for thresholds in _thresholds(panel):
            problem = _problem(thresholds.get("steps"))
            if problem:
                yield Finding(problem, panel=panel)


def _thresholds(panel: Panel) -> Iterator[Any]:
    found = [panel.defaults.get("thresholds")]
    for override in panel.overrides:
        found += [item.get("value") for item in mappings(override.get("properties")) if item.get("id") == "thresholds"]
    return (mapping(item) for item in found if mapping(item).get("steps") is not None)


def _problem(steps: Any) -> str:
    values = [step.get("value") for step in mappings(steps)]
    if values and values[0] is not None:
        return f"has thresholds that begin at {values[0]!r}; put a base step before, whose value is null"
    limits = [number(value) for value in values[1:]]
    if None in limits:
        return "has a threshold whose value is no number; only the base step goes without"
    rising = [limit for limit in limits if limit is not None]
    if rising != sorted(set(rising)):
        return f"has thresholds out of order ({', '.join(f'{limit:g}' for limit in rising)}); let them rise"
    return ""


rule = Rule("thresholds-base", "error", check, __doc__)
