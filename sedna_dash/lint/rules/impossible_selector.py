"""The matchers of a selector can all hold at once.

A label has one value, so `state="Running",state="Failed"` finds nothing; or is meant and `|` written with `=~`.

Exceptions: values with a variable, and expressions that are more than words with bars between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sedna_dash.lint import logql_syntax, promql_ast, re2, stand_ins
from sedna_dash.lint.board import Board, Query
from sedna_dash.lint.rule import Context, Finding, Rule

_Matcher = promql_ast.Matcher | logql_syntax.Matcher


def check(board: Board, context: Context) -> Iterator[Finding]:
    for query in board.queries:
        for matchers in (*_of_promql(query), *_of_logql(query)):
            for label in _impossible(matchers):
                written = ", ".join(f'{m.label}{m.operator}"{m.value}"' for m in matchers if m.label == label)
                yield Finding(
                    query.written(f"{written} can never hold together; keep one, or write a|b with =~"), query=query
                )


def _of_promql(query: Query) -> Iterator[list[_Matcher]]:
    for use in query.promql.uses:
        named: list[_Matcher] = [promql_ast.Matcher("__name__", "=", use.selector.name)] if use.selector.name else []
        yield [*named, *use.selector.matchers]


def _of_logql(query: Query) -> Iterator[list[_Matcher]]:
    for lines in query.logql.lines:
        matchers: list[_Matcher] = list(lines.matchers)
        for stage in lines.stages:
            if isinstance(stage, (logql_syntax.Extraction, logql_syntax.Formatting)):
                break  # a label may have another value from here on
            if isinstance(stage, logql_syntax.LabelFilter) and not stage.alternative:
                matchers += [
                    logql_syntax.Matcher(condition.label, condition.operator, condition.value)
                    for condition in stage.conditions
                    if condition.kind == "text"
                ]
        yield matchers


def _impossible(matchers: Iterable[_Matcher]) -> Iterator[str]:
    wanted: dict[str, set[str]] = {}
    refused: dict[str, set[str]] = {}
    seen: set[str] = set()
    repeated = False
    for matcher in matchers:
        repeated = repeated or matcher.label in seen
        seen.add(matcher.label)
    if not repeated:
        return
    for matcher in matchers:
        if stand_ins.has_variable(matcher.value):
            continue
        literal = matcher.operator in ("=", "!=")
        words = (matcher.value,) if literal else re2.words(matcher.value)
        if words is None:
            continue
        if matcher.operator in ("=", "=~"):
            wanted[matcher.label] = wanted.get(matcher.label, set(words)) & set(words)
        else:
            refused.setdefault(matcher.label, set()).update(words)
    for label, values in wanted.items():
        if not values - refused.get(label, set()):
            yield label


rule = Rule("impossible-selector", "error", check, __doc__)
