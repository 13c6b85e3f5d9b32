"""Over time, rate, irate and increase look back over `$__rate_interval`, or over a window that is a decision.

A short fixed window has holes when the scrape interval is longer, and skips data when the step is: at a range of a
month each point shows five minutes out of hours. `$__interval` may hold a single sample, which has no rate. Over
`$__range`, each point of a graph repeats almost the same sum.

Exceptions: windows of an hour or more, such as 7 days; windows that a derived series of the catalog is defined by; a
variable that lets the reader choose; queries for one instant, where `$__range` and fixed windows are right.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.lint import promql_ast, stand_ins
from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context, Finding, Rule

#: A window this long is not about the step of the graph.
DECISION = 3600.0


def check(board: Board, context: Context) -> Iterator[Finding]:
    for query in board.queries:
        if not query.over_time:
            continue
        for use in query.promql.uses:
            window = use.selector.window
            if window is None or use.function not in promql_ast.RATES:
                continue
            if window in (stand_ins.RATE_INTERVAL, stand_ins.CHOSEN) or window >= DECISION:
                continue
            if (use.selector.name, window) in _declared(context):
                continue
            shown = query.written(f"{use.function}({promql_ast.excerpt(use.selector)})")
            yield Finding(f"takes {shown} at every step; use [$__rate_interval]", query=query)


def _declared(context: Context) -> frozenset[tuple[str, float]]:
    """Metrics and windows in the definitions of derived series."""
    if "declared windows" not in context.shared:
        found = set()
        for metric in context.catalog.metrics.values():
            for use in promql_ast.parse(metric.expr).uses if metric.expr else ():
                if use.selector.window is not None:
                    found.add((use.selector.name, use.selector.window))
        context.shared["declared windows"] = frozenset(found)
    declared: frozenset[tuple[str, float]] = context.shared["declared windows"]
    return declared


rule = Rule("rate-interval", "warning", check, __doc__)
