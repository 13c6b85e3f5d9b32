"""A gauge is never under rate, irate or increase.

These take every fall for a restart and add the whole value again, so a gauge that goes up and down seems to grow all
the time. delta and deriv are for gauges.

Exceptions: metrics that the catalog does not know.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.lint import promql_ast
from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context, Finding, Rule


def check(board: Board, context: Context) -> Iterator[Finding]:
    for query in board.queries:
        for use in query.promql.uses:
            metric = context.catalog.find(use.selector.name) if use.function in promql_ast.RATES else None
            if metric is None or metric.type in ("counter", "histogram") or metric.unit == "user":
                continue
            cure = "delta()" if use.function == "increase" else "deriv()"
            yield Finding(
                f"takes the {use.function} of {use.selector.name}, a {metric.type}; use {cure}, or the value itself",
                query=query,
            )


rule = Rule("gauge-not-rated", "error", check, __doc__)
