"""A regular expression is only written where it does something.

`=~"x"` reads as if more than x were meant, and is slower than `="x"`; for a filter of log lines much slower. `.*` at an
end of a line filter, and `^` and `$` at the ends of a label matcher, change nothing.

Exceptions: expressions with a variable, which may hold several values.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.lint import logql_syntax, promql_ast, re2, stand_ins
from sedna_dash.lint.board import Board, Query
from sedna_dash.lint.rule import Context, Finding, Rule


def check(board: Board, context: Context) -> Iterator[Finding]:
    for query in board.queries:
        for fault in dict.fromkeys((*_in_promql(query), *_in_logql(query))):
            yield Finding(fault, query=query)


def _in_promql(query: Query) -> Iterator[str]:
    for use in query.promql.uses:
        for matcher in use.selector.matchers:
            yield from _in_matcher(matcher)


def _in_logql(query: Query) -> Iterator[str]:
    for lines in query.logql.lines:
        for matcher in lines.matchers:
            yield from _in_matcher(matcher)
        for stage in lines.stages:
            if isinstance(stage, logql_syntax.LabelFilter):
                for condition in stage.conditions:
                    yield from _in_matcher(logql_syntax.Matcher(condition.label, condition.operator, condition.value))
            elif isinstance(stage, logql_syntax.LineFilter) and stage.operator in ("|~", "!~"):
                for value in stage.values:
                    yield from _in_line_filter(stage.operator, value)


def _in_matcher(matcher: promql_ast.Matcher | logql_syntax.Matcher) -> Iterator[str]:
    if matcher.operator not in ("=~", "!~") or stand_ins.has_variable(matcher.value):
        return
    written = f'{matcher.label}{matcher.operator}"{matcher.value}"'
    plain = "=" if matcher.operator == "=~" else "!="
    words = re2.words(matcher.value)
    if words is not None and len(words) == 1:
        yield f'{written} is no pattern; write {matcher.label}{plain}"{words[0]}"'
    elif matcher.value == ".*" and matcher.operator == "=~":
        yield f"{written} matches everything; remove it"
    elif "|" not in matcher.value and _is_anchored(matcher.value):
        yield f"{written} is anchored anyway; remove ^ and $"


def _is_anchored(value: str) -> bool:
    return value.startswith("^") or (value.endswith("$") and not value.endswith("\\$"))


def _in_line_filter(operator: str, value: str) -> Iterator[str]:
    if stand_ins.has_variable(value):
        return
    words = re2.words(value)
    if words is not None and len(words) == 1 and "(" not in value:
        yield f"{operator} '{value}' is no pattern; write {'|=' if operator == '|~' else '!='}"
    elif "|" not in value and (value.startswith(".*") or (value.endswith(".*") and not value.endswith("\\.*"))):
        yield f"{operator} '{value}' is looked for anywhere in the line; remove the .* at its ends"


rule = Rule("regex-needless", "warning", check, __doc__)
