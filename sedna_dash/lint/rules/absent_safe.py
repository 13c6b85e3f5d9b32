"""A stat or gauge that counts what meets a condition shows something when nothing does.

`count(x > 5)` has no value when no x is above 5, and then the panel says "No data" where 0 is meant. With
`or vector(0)` it says 0; a text for no data says what the absence means.

Exceptions: panels with a text for no data.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.lint import promql_ast
from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context, Finding, Rule

_COUNTING = frozenset({"count", "sum"})


def check(board: Board, context: Context) -> Iterator[Finding]:
    for query in board.queries:
        panel = query.panel
        if panel is None or panel.type not in ("stat", "gauge", "singlestat") or query.promql.tree is None:
            continue
        counted = _vanishing(query.promql.tree)
        if counted is not None and not panel.defaults.get("noValue"):
            yield Finding(
                query.written(
                    f"has no value when nothing meets the condition of {promql_ast.excerpt(counted)};"
                    " add or vector(0), or a text for no data (noValue)"
                ),
                query=query,
            )


def _vanishing(node: promql_ast.Node) -> promql_ast.Node | None:
    """The count or sum over a comparison that the whole value depends on."""
    if isinstance(node, promql_ast.Binary):
        if node.operator == "or":
            return None
        return _vanishing(node.left) or _vanishing(node.right)
    if isinstance(node, promql_ast.Negation):
        return _vanishing(node.inner)
    if isinstance(node, promql_ast.Aggregation) and node.operator in _COUNTING and not node.labels:
        return node if _filters(node.inner) else None
    return None


def _filters(node: promql_ast.Node) -> bool:
    """Whether a comparison with a number decides what is left; not one deep inside, such as a guarded divisor."""
    if isinstance(node, promql_ast.Binary):
        if node.filters:
            return promql_ast.is_scalar(node.right)
        return node.operator in ("and", "unless", "*") and (_filters(node.left) or _filters(node.right))
    if isinstance(node, promql_ast.Aggregation):
        return _filters(node.inner)
    return False


rule = Rule("absent-safe", "warning", check, __doc__)
