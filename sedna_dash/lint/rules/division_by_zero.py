"""What a rate or a sum of counters is divided by is kept from being zero.

When nothing happens, 0 / 0 is NaN, which a stat shows as such and which spoils every mean made of it. With `> 0` behind
the divisor there is no value instead, and the panel's text for no data.

Exceptions: divisors compared with a number, clamp_min, counts, which are never zero, and sums with a number above zero.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.lint import promql_ast
from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context, Finding, Rule

_NEVER_ZERO = frozenset({"count", "group"})


def check(board: Board, context: Context) -> Iterator[Finding]:
    for query in board.queries:
        for node, _ in query.promql.nodes:
            if isinstance(node, promql_ast.Binary) and node.operator in ("/", "%") and _may_be_zero(node.right):
                yield Finding(
                    query.written(
                        f"divides by {promql_ast.excerpt(node.right)}, which is 0 when nothing happens;"
                        " divide by (… > 0)"
                    ),
                    query=query,
                )


def _may_be_zero(node: promql_ast.Node) -> bool:
    if isinstance(node, promql_ast.Call):
        if node.function in promql_ast.RATES:
            return True
        if node.function in ("clamp_min", "clamp") and len(node.arguments) > 1:
            least = node.arguments[1]
            if isinstance(least, promql_ast.Number) and least.value > 0:
                return False
        if node.function in ("exp", "time", "absent", "absent_over_time", "vector", "scalar"):
            return node.function == "scalar" and _may_be_zero(node.arguments[0])
        return any(_may_be_zero(argument) for argument in node.arguments)
    if isinstance(node, promql_ast.Aggregation):
        return node.operator not in _NEVER_ZERO and _may_be_zero(node.inner)
    if isinstance(node, promql_ast.Binary):
        return _result_may_be_zero(node)
    return isinstance(node, (promql_ast.Negation, promql_ast.Subquery)) and _may_be_zero(node.inner)


def _result_may_be_zero(node: promql_ast.Binary) -> bool:
    if node.filters:
        # >= 0 keeps the zero; every other comparison is taken as a decision.
        zero = isinstance(node.right, promql_ast.Number) and node.right.value == 0
        return zero and node.operator in (">=", "==", "<=") and _may_be_zero(node.left)
    if node.operator == "+" and any(
        isinstance(side, promql_ast.Number) and side.value > 0 for side in (node.left, node.right)
    ):
        return False
    if node.operator in ("and", "unless"):
        return _may_be_zero(node.left)
    if node.operator in ("/", "%"):
        return _may_be_zero(node.left)
    if node.operator == "+":
        return _may_be_zero(node.left) and _may_be_zero(node.right)
    return _may_be_zero(node.left) or _may_be_zero(node.right)


rule = Rule("division-by-zero", "warning", check, __doc__)
