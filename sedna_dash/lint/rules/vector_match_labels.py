"""Both sides of an operator carry the same labels, or `on` and `ignoring` say which of them count.

Series are matched by all of their labels. When one side was aggregated to fewer, no pair ever matches: the panel is
empty, without an error.

Exceptions: sides whose labels are not known, and `or`, which does not need a partner.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.lint import promql_ast
from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context, Finding, Rule


def check(board: Board, context: Context) -> Iterator[Finding]:
    analysis = context.labels(board)
    for query in board.queries:
        for node, _ in query.promql.nodes:
            if not isinstance(node, promql_ast.Binary) or node.operator == "or":
                continue
            extra = _unmatched(node, analysis)
            if extra:
                yield Finding(
                    query.written(
                        f"'{node.operator}' never finds a pair: only one side of {promql_ast.excerpt(node)} carries"
                        f" {', '.join(sorted(extra))}; aggregate both sides alike, or write on (…)"
                    ),
                    query=query,
                )


def _unmatched(node: promql_ast.Binary, analysis: promql_ast.LabelAnalysis) -> frozenset[str]:
    """Labels that one side surely has and the other cannot have."""
    sides = (node.left, node.right)
    if any(promql_ast.is_scalar(side) for side in sides) or (node.matching is not None and not node.ignoring):
        return frozenset()
    extra: frozenset[str] = frozenset()
    for one, other in (sides, sides[::-1]):
        possible = analysis.possible(other)
        if possible is not None:
            extra |= analysis.certain(one) - possible
    return extra - frozenset(node.matching or ()) - {"__name__"}


rule = Rule("vector-match-labels", "error", check, __doc__)
