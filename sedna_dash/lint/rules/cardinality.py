"""A panel that draws every series has at most 500 of them at a large site, by the bounds of the catalog.

A graph of thousands of lines stops the browser, and nobody can read it; topk, an aggregation or a variable makes it one
that can be read.

Exceptions: topk and bottomk; labels that a variable or a fixed value narrows down; comparisons that leave only what is
noteworthy; tables and other panels that page; metrics that the catalog does not know. The estimate takes the widest
free label and every label with fixed values: names, pods and nodes belong together and are not multiplied.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sedna_dash.catalog.model import AMBIENT_LABELS
from sedna_dash.lint import promql_ast, re2, stand_ins
from sedna_dash.lint.board import Board, Query
from sedna_dash.lint.rule import Context, Finding, Rule

MOST = 500


class Estimate(NamedTuple):
    """The number of series, and the label that makes most of them."""

    series: int
    widest: str


def check(board: Board, context: Context) -> Iterator[Finding]:
    analysis = context.labels(board)
    for query in board.queries:
        if query.panel is None or not query.panel.draws_series or query.promql.tree is None:
            continue
        if any(_narrows(node) for node, _ in query.promql.nodes):
            continue
        estimate = _estimate(query, analysis)
        if estimate is not None and estimate.series > MOST:
            yield Finding(
                f"may draw {estimate.series} series, most of them by {estimate.widest};"
                " use topk(), aggregate, or narrow it by a variable",
                query=query,
            )


def _narrows(node: promql_ast.Node) -> bool:
    if isinstance(node, promql_ast.Binary):
        return node.filters and promql_ast.is_scalar(node.right) and not _guards(node)
    return isinstance(node, promql_ast.Aggregation) and node.operator in promql_ast.CHOOSING


def _guards(node: promql_ast.Binary) -> bool:
    """``> 0`` behind a rate keeps a divisor from being zero and drops little."""
    return node.operator in (">", "!=") and isinstance(node.right, promql_ast.Number) and node.right.value == 0


def _estimate(query: Query, analysis: promql_ast.LabelAnalysis) -> Estimate | None:
    tree = query.promql.tree
    labels = analysis.possible(tree) if tree is not None else None
    if not labels:
        return None
    aggregated = any(isinstance(node, promql_ast.Aggregation) for node, _ in query.promql.nodes)
    fixed, free = 1, Estimate(1, "")
    for label in labels:
        # What every series may carry counts only where somebody asked for it.
        if label in AMBIENT_LABELS and not aggregated:
            continue
        bounds = [_bound(use.selector, label, analysis) for use in query.promql.uses]
        known = [bound for bound in bounds if bound is not None]
        if not known:
            continue
        values, is_fixed = max(known)
        if is_fixed:
            fixed *= values
        elif values > free.series:
            free = Estimate(values, label)
    return Estimate(fixed * free.series, free.widest or "labels with fixed values")


def _bound(selector: promql_ast.Selector, label: str, analysis: promql_ast.LabelAnalysis) -> tuple[int, bool] | None:
    """How many values the label has in the selected series, and whether they are fixed."""
    known, metric = analysis.of_series(selector), analysis.judged(selector.name)
    if known is None or metric is None or label not in known:
        return None
    legal = metric.labels.get(label, ())
    for matcher in selector.matchers:
        if matcher.label != label or matcher.operator not in ("=", "=~"):
            continue
        if matcher.operator == "=" or stand_ins.has_variable(matcher.value):
            return 1, bool(legal)
        words = re2.words(matcher.value)
        if words is not None:
            return len(words), True
    if legal:
        return len(legal), True
    declared = analysis.catalog.labels.get(label)
    return (declared.bound, False) if declared is not None else None


rule = Rule("cardinality", "warning", check, __doc__)
