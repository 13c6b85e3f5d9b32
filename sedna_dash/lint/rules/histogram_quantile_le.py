"""histogram_quantile gets a share from 0 to 1, and buckets that still have their `le` and are rates.

Without `le` there are no buckets left and the result is empty; outside of 0 to 1 it is infinite; without a rate it
tells of all time since the process started.

Exceptions: native histograms, which carry their buckets inside.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.lint import promql_ast
from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context, Finding, Rule

_WINDOWED = promql_ast.RATES | {"delta", "idelta", "sum_over_time"}


def check(board: Board, context: Context) -> Iterator[Finding]:
    analysis = context.labels(board)
    for query in board.queries:
        parsed = query.promql
        for node, _ in parsed.nodes:
            if not isinstance(node, promql_ast.Call) or node.function != "histogram_quantile":
                continue
            share, buckets = node.arguments
            if isinstance(share, promql_ast.Number) and not 0 <= share.value <= 1:
                yield Finding(f"asks histogram_quantile for {share.value:g}; write a share such as 0.95", query=query)
            uses = [use for use in parsed.uses if node in use.path and use.selector.name.endswith("_bucket")]
            if not uses:
                continue
            known = analysis.possible(buckets)
            if known is not None and "le" not in known:
                yield Finding("gives histogram_quantile buckets without le; write sum by (le, …)", query=query)
            for use in uses:
                if not use.functions & _WINDOWED:
                    yield Finding(
                        f"takes a quantile of {use.selector.name} since the process started; put rate() around it",
                        query=query,
                    )


rule = Rule("histogram-quantile-le", "error", check, __doc__)
