"""`or vector(0)` stands behind what carries no labels.

The zero has no labels, so behind series that have some it does not fill their gaps: it is one more series, always
there, without a name in the legend.

Exceptions: inside an aggregation, where the zero is one more number to add; with `on ()`, which gives the zero only
when there is nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.lint import promql_ast
from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context, Finding, Rule


def check(board: Board, context: Context) -> Iterator[Finding]:
    analysis = context.labels(board)
    for query in board.queries:
        for node, path in query.promql.nodes:
            if not isinstance(node, promql_ast.Binary) or node.operator != "or" or node.matching is not None:
                continue
            if not isinstance(node.right, promql_ast.Call) or node.right.function != "vector":
                continue
            if any(isinstance(outer, promql_ast.Aggregation) for outer in path):
                continue
            labels = analysis.certain(node.left) or analysis.possible(node.left)
            if labels is None or labels:
                carried = f" ({', '.join(sorted(labels))})" if labels and len(labels) < 6 else ""
                yield Finding(
                    query.written(
                        f"the zero of 'or vector(0)' is a series of its own, as {promql_ast.excerpt(node.left)}"
                        f" carries labels{carried}; aggregate them away first, or write or on () vector(0)"
                    ),
                    query=query,
                )


rule = Rule("or-vector-zero", "warning", check, __doc__)
