"""A matcher on a label with fixed values names one of them, in PromQL and in LogQL.

`state="Complete"` where the state is called `Completed` finds nothing, for ever and without an error.

Exceptions: values with a variable, patterns that are more than words with bars between them, the empty text, and
metrics and dashboards that are not Sedna's.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.catalog.model import closest
from sedna_dash.lint import logql_syntax, promql_ast, re2, stand_ins
from sedna_dash.lint.board import Board, Query
from sedna_dash.lint.rule import Context, Finding, Rule


def check(board: Board, context: Context) -> Iterator[Finding]:
    analysis = context.labels(board)
    for query in board.queries:
        faults = _in_promql(query, analysis)
        if board.is_ours and query.logql.tree is not None:
            faults = _in_logql(query, context)
        for fault in dict.fromkeys(faults):
            yield Finding(query.written(fault), query=query)


def _in_promql(query: Query, analysis: promql_ast.LabelAnalysis) -> Iterator[str]:
    for use in query.promql.uses:
        metric = analysis.judged(use.selector.name)
        for matcher in use.selector.matchers if metric is not None else ():
            legal = metric.labels.get(matcher.label, ()) if metric is not None else ()
            yield from _outside(use.selector.name + ": ", matcher, legal)


def _in_logql(query: Query, context: Context) -> Iterator[str]:
    for lines in query.logql.lines:
        fields = dict(context.catalog.logs.all)
        for matcher in lines.matchers:
            yield from _outside("logs: ", matcher, fields.get(matcher.label, ()))
        for stage in lines.stages:
            if isinstance(stage, logql_syntax.Extraction):
                if stage.labels is None:
                    break  # from here on any label may come out of the line
                fields = {name: legal for name, legal in fields.items() if name not in stage.labels}
            for condition in stage.conditions if isinstance(stage, logql_syntax.LabelFilter) else ():
                if condition.kind == "text":
                    found = logql_syntax.Matcher(condition.label, condition.operator, condition.value)
                    yield from _outside("logs: ", found, fields.get(condition.label, ()))


def _outside(what: str, matcher: promql_ast.Matcher | logql_syntax.Matcher, legal: tuple[str, ...]) -> Iterator[str]:
    if not legal:
        return
    values = (matcher.value,) if matcher.operator in ("=", "!=") else re2.words(matcher.value) or ()
    for value in values:
        if value and value not in legal and not stand_ins.has_variable(value):
            hint = closest(value, legal) or "; it is one of: " + ", ".join(legal)
            yield f"{what}{matcher.label} is never '{value}'{hint}"


rule = Rule("enum-value", "error", check, __doc__)
