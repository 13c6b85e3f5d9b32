"""A stream selector keeps a matcher that needs a value, whatever the variables are set to.

Loki refuses a query all of whose matchers also match streams without the label. With a variable at All that stands for
`.*`, or with an empty text box, that comes true only when somebody opens the dashboard.

Exceptions: dashboards whose variables cannot become empty or `.*`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sedna_dash.lint import logql_syntax, re2, stand_ins
from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context, Finding, Rule


def check(board: Board, context: Context) -> Iterator[Finding]:
    empty = {str(variable.get("name")) for variable in board.variables if _may_be_empty(variable)}
    for query in board.queries:
        for lines in query.logql.lines:
            if all(_is_optional(matcher, query.written(matcher.value), empty) for matcher in lines.matchers):
                names = ", ".join(dict.fromkeys(matcher.label for matcher in lines.matchers))
                yield Finding(
                    f"no matcher of {{{names}}} is left when every variable is empty or All;"
                    ' add one that needs a value, like app=~".+"',
                    query=query,
                )


def _is_optional(matcher: logql_syntax.Matcher, written: str, empty: set[str]) -> bool:
    if not stand_ins.has_variable(matcher.value):
        return logql_syntax.may_be_empty(matcher)
    if matcher.operator in ("!=", "!~"):
        return True
    names = written.replace("$", " $").split()
    inside = [name.strip("${}").split(":")[0].split(".")[0] for name in names if name.startswith("$")]
    # Text around the variable has to match, too.
    alone = len(inside) == 1 and len(matcher.value) == 1
    return alone and inside[0] in empty


def _may_be_empty(variable: Mapping[str, Any]) -> bool:
    if variable.get("type") == "textbox":
        return True
    all_value = variable.get("allValue")
    return bool(variable.get("includeAll")) and isinstance(all_value, str) and re2.read(all_value).empty \
        and all_value != ""  # fmt: skip


rule = Rule("logql-needs-matcher", "error", check, __doc__)
