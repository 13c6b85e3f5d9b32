"""Every label that a query, a legend or a variable names exists on its metric, at the place where it is named.

A matcher on a label that does not exist finds nothing, a legend with one shows a blank, and a join on one merges
what does not belong together; none of it is an error for Prometheus.

Exceptions: for metrics and dashboards that are not Sedna's the catalog does not list every label; there it is not
asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sedna_dash.catalog import Catalog
from sedna_dash.catalog.model import closest
from sedna_dash.lint import logql_syntax, promql_ast, stand_ins
from sedna_dash.lint.board import Board, Query
from sedna_dash.lint.rule import Context, Finding, Rule

_LEGEND_LABEL = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}")

#: What Loki itself puts on a result, besides what the catalog lists.
_OF_LOKI = frozenset({"__error__", "__error_details__", "service_name", "detected_level"})


def check(board: Board, context: Context) -> Iterator[Finding]:
    analysis = context.labels(board)
    for query in board.queries:
        faults: tuple[str, ...] = ()
        if query.promql.tree is not None:
            faults = (*_in_promql(query, analysis), *_around_promql(query, analysis))
        elif query.logql.tree is not None and board.is_ours:
            faults = tuple(_in_logql(query, context.catalog))
        for fault in dict.fromkeys(faults):
            yield Finding(query.written(fault), query=query)


def _in_promql(query: Query, analysis: promql_ast.LabelAnalysis) -> Iterator[str]:
    for node, _ in query.promql.nodes:
        if isinstance(node, promql_ast.Selector):
            known = analysis.of_series(node)
            for matcher in node.matchers:
                if known is not None and not _is_known(matcher.label, known):
                    yield f"{node.name} has no label '{matcher.label}'{_hint(matcher.label, known)}"
        elif isinstance(node, promql_ast.Aggregation) and node.grouped:
            yield from _missing(node.labels, "without" if node.without else "by", node.inner, analysis)
        elif isinstance(node, promql_ast.Binary):
            yield from _in_match(node, analysis)
        elif isinstance(node, promql_ast.Call) and node.function in ("label_replace", "label_join"):
            texts = [argument.value for argument in node.arguments[1:] if isinstance(argument, promql_ast.Text)]
            read = texts[2:3] if node.function == "label_replace" else texts[2:]
            yield from _missing(tuple(read), node.function, node.arguments[0], analysis)


def _in_match(node: promql_ast.Binary, analysis: promql_ast.LabelAnalysis) -> Iterator[str]:
    left, right = node.left, node.right
    # vector(0) and the like carry no labels on purpose: `x or on (a) vector(0)`.
    sides = [side for side in (left, right) if analysis.possible(side) != frozenset()]
    if node.matching is not None and not node.ignoring:
        for side in sides:
            yield from _missing(node.matching, "on", side, analysis)
    elif node.matching is not None and len(sides) == 2:
        known = [analysis.possible(side) for side in sides]
        if known[0] is not None and known[1] is not None:
            for label in node.matching:
                if not _is_known(label, known[0] | known[1]):
                    yield f"neither side of '{node.operator}' has the label '{label}' to ignore; remove it"
    if node.group:
        yield from _missing(node.include, f"group_{node.group}", right if node.group == "left" else left, analysis)


def _missing(
    labels: tuple[str, ...], word: str, node: promql_ast.Node, analysis: promql_ast.LabelAnalysis
) -> Iterator[str]:
    known = analysis.possible(node)
    for label in labels:
        if known is not None and not _is_known(label, known):
            yield f"{word} names '{label}', which {promql_ast.excerpt(node)} does not carry{_hint(label, known)}"


def _around_promql(query: Query, analysis: promql_ast.LabelAnalysis) -> Iterator[str]:
    """The legend, and what label_values() asks for."""
    tree = query.promql.tree
    known = analysis.possible(tree) if tree is not None else None
    if known is None:
        return
    yield from _in_legend(query, known)
    if query.label and "$" not in query.label and not _is_known(query.label, known):
        yield f"label_values() asks for '{query.label}', which the series do not have{_hint(query.label, known)}"


def _in_legend(query: Query, known: frozenset[str]) -> Iterator[str]:
    for label in _LEGEND_LABEL.findall(query.legend):
        if not _is_known(label, known):
            yield f"the legend shows {{{{{label}}}}}, which the result does not carry{_hint(label, known)}"


def _in_logql(query: Query, catalog: Catalog) -> Iterator[str]:
    fields = catalog.logs
    for lines in query.logql.lines:
        for matcher in lines.matchers:
            if not _is_known(matcher.label, fields.stream):
                yield f"log streams have no label '{matcher.label}'{_hint(matcher.label, fields.stream)}"
        yield from _in_pipeline(lines, catalog)
    for node in query.logql.nodes:
        grouping = getattr(node, "grouping", None)
        inner = node.inner if isinstance(node, logql_syntax.Aggregation) else None
        if isinstance(node, logql_syntax.OverTime):
            inner = node.range.lines
        known = logql_syntax.labels_of(inner, fields) if inner is not None else None
        for label in grouping.labels if grouping is not None and known is not None else ():
            if not _is_known(label, known or ()):
                yield f"'{label}' is grouped by, but the lines do not carry it{_hint(label, known or ())}"
    tree = query.logql.tree
    known = logql_syntax.labels_of(tree, fields) if tree is not None else None
    if known is not None:
        yield from _in_legend(query, known)
    if query.label and query.label not in fields.stream:
        hint = _hint(query.label, fields.stream)
        yield f"label_values() asks for '{query.label}', which log streams do not have{hint}"


def _in_pipeline(lines: logql_syntax.Lines, catalog: Catalog) -> Iterator[str]:
    for index, stage in enumerate(lines.stages):
        if not isinstance(stage, logql_syntax.LabelFilter):
            continue
        so_far = logql_syntax.Lines(lines.matchers, lines.stages[:index])
        known = logql_syntax.labels_of(so_far, catalog.logs)
        for condition in stage.conditions if known is not None else ():
            if not _is_known(condition.label, known or ()):
                yield f"log lines have no field '{condition.label}'{_hint(condition.label, known or ())}"


def _is_known(label: str, known: object) -> bool:
    special = label in _OF_LOKI or label.startswith("__") or stand_ins.has_variable(label)
    return special or label in known  # type: ignore[operator]


def _hint(label: str, known: object) -> str:
    labels = sorted(known)  # type: ignore[call-overload]
    return closest(label, labels) or ("; it has: " + ", ".join(labels) if labels else "; it has no labels")


rule = Rule("label-in-catalog", "error", check, __doc__)
