"""A query that draws several series names them by a label, and queries side by side each have a name.

Without a legend Grafana prints all labels of a series, or the query itself; with the same text for all, the series
cannot be told apart.

Exceptions: tables and heatmaps; Grafana's own legend of a result with one label; a panel whose display name or whose
only series needs no name; queries that are hidden.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.lint import logql_syntax, promql_ast, stand_ins
from sedna_dash.lint.board import Board, Query
from sedna_dash.lint.rule import Context, Finding, Rule


def check(board: Board, context: Context) -> Iterator[Finding]:
    analysis = context.labels(board)
    for query in board.queries:
        panel = query.panel
        if panel is None or not panel.draws_series or panel.defaults.get("displayName"):
            continue
        if query.target.get("hide") is True or query.target.get("format") in ("table", "heatmap"):
            continue
        beside = sum(target.get("hide") is not True for target in panel.targets) > 1
        labels = _labels(query, analysis, context)
        if not query.legend:
            # Of a single label Grafana's own legend shows the value alone.
            automatic = query.target.get("legendFormat") == "__auto" and labels is not None and len(labels) == 1
            if (labels is None or labels or beside) and not automatic:
                wanted = f"{{{{{min(labels)}}}}}" if labels else "a label in {{ }}" if labels is None else "a name"
                yield Finding(f"has no legend; name its series, with {wanted}", query=query)
        elif "{{" not in query.legend and "$" not in query.legend:
            several = _several(query, analysis)
            if several:
                yield Finding(
                    f"names all its series '{query.legend}'; add {{{{{several}}}}} to the legend", query=query
                )


def _labels(query: Query, analysis: promql_ast.LabelAnalysis, context: Context) -> frozenset[str] | None:
    """The labels of the result; empty when it surely is one series."""
    if query.promql.tree is not None:
        return analysis.possible(query.promql.tree)
    tree = query.logql.tree
    return logql_syntax.labels_of(tree, context.catalog.logs) if tree is not None else frozenset()


def _several(query: Query, analysis: promql_ast.LabelAnalysis) -> str:
    """A label by which the series surely differ."""
    tree = query.promql.tree
    if tree is None:
        return ""
    # One variable, or one value, may stand for one series.
    pinned = {
        matcher.label
        for use in query.promql.uses
        for matcher in use.selector.matchers
        if matcher.operator == "=" or stand_ins.has_variable(matcher.value)
    }
    chosen = isinstance(tree, promql_ast.Aggregation) and tree.operator in promql_ast.CHOOSING
    return "" if chosen else next(iter(sorted(analysis.certain(tree) - pinned)), "")


rule = Rule("legend-format", "warning", check, __doc__)
