"""A counter is drawn over time as what it gained: by rate, irate or increase, and rated before it is summed.

A counter only ever rises and starts again at zero with its process, so its raw value tells how old the process is.
The rate of a sum sees each restart of one process as a jump of all.

Exceptions: queries for one instant, where the total since the start may be meant; resets, changes, count, absent,
timestamp and the like, which do not look at the height of the value; the side of `and` and `unless` that is only asked
whether it exists; buckets in histogram_quantile, which has its own rule.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.catalog import Metric
from sedna_dash.lint import promql_ast
from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context, Finding, Rule

_WITHOUT_HEIGHT = frozenset(
    {"resets", "changes", "absent", "absent_over_time", "count_over_time", "present_over_time", "timestamp",
     "histogram_quantile", "histogram_fraction", "histogram_count", "histogram_sum", "histogram_avg"}
)  # fmt: skip
_COUNTING = frozenset({"count", "group", "count_values"})
_SUMMING = frozenset({"sum", "avg", "max", "min", "quantile", "stddev", "stdvar"})


def check(board: Board, context: Context) -> Iterator[Finding]:
    for query in board.queries:
        for use in query.promql.uses:
            metric = context.catalog.find(use.selector.name)
            if metric is None or not _rises(metric, use.selector.name):
                continue
            name = use.selector.name
            if use.functions & promql_ast.RATES:
                if _is_summed_first(use):
                    yield Finding(f"rates a sum of {name}; write sum(rate({name}[…])), the rate inside", query=query)
            elif query.over_time and not _is_harmless(use):
                yield Finding(
                    f"draws {name}, a {metric.type}, as it is; put rate() or increase() around it", query=query
                )


def _rises(metric: Metric, series: str) -> bool:
    return metric.type == "counter" or (metric.type == "histogram" and not metric.prefix and series != "")


def _is_harmless(use: promql_ast.Use) -> bool:
    if use.functions & _WITHOUT_HEIGHT:
        return True
    inner: promql_ast.Node = use.selector
    for node in reversed(use.path):
        if isinstance(node, promql_ast.Aggregation) and node.operator in _COUNTING:
            return True
        if isinstance(node, promql_ast.Binary) and node.operator in ("and", "unless") and node.right is inner:
            return True
        inner = node
    return False


def _is_summed_first(use: promql_ast.Use) -> bool:
    """Whether an aggregation stands between the selector and the innermost rate."""
    for node in reversed(use.path):
        if isinstance(node, promql_ast.Call) and node.function in promql_ast.RATES:
            return False
        if isinstance(node, promql_ast.Aggregation) and node.operator in _SUMMING:
            return True
    return False


rule = Rule("counter-rated", "error", check, __doc__)
