"""A variable with several values, or with All, is compared by regular expression: label=~"$x".

Grafana writes several values as (a|b). With = the query asks for one label of that very text and finds nothing, as soon
as a second value is chosen.

Exceptions: a variable that the panel or its row repeats by, which has one value in each; formats given explicitly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sedna_dash.lint.board import Board, Query
from sedna_dash.lint.references import row_repeats
from sedna_dash.lint.rule import Context, Finding, Rule

# An operator that compares literally, and the text that it compares with.
_LITERAL = re.compile(r"""(?<![=!<>|~])(!=|\|=|=)(?!~|=)\s*("(?:[^"\\]|\\.)*"|`[^`]*`|'(?:[^'\\]|\\.)*')""")
_PLAIN = re.compile(r"\$\{(\w+)(?::(?:regex|pipe))?\}|\[\[(\w+)(?::(?:regex|pipe))?\]\]|\$(\w+)")


def check(board: Board, context: Context) -> Iterator[Finding]:
    several = {
        str(variable.get("name")) for variable in board.variables if variable.get("multi") or variable.get("includeAll")
    }
    if not several:
        return
    repeats = row_repeats(board)
    for query in board.queries:
        for operator, name in dict.fromkeys(_compared(query)):
            if name in several and name not in _single(query, repeats):
                cure = "|~" if operator == "|=" else "=~" if operator == "=" else "!~"
                yield Finding(f'compares with {operator}"${name}", which can be several; use {cure}', query=query)


def _compared(query: Query) -> Iterator[tuple[str, str]]:
    if "$" not in query.text and "[[" not in query.text:
        return
    for operator, text in _LITERAL.findall(query.text):
        for found in _PLAIN.findall(text):
            yield operator, next(filter(None, found))


def _single(query: Query, repeats: dict[str, str]) -> tuple[object, ...]:
    panel = query.panel
    return (panel.model.get("repeat"), repeats.get(panel.row)) if panel else ()


rule = Rule("multi-uses-regex", "error", check, __doc__)
