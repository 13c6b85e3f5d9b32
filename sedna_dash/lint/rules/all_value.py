"""What "All" stands for is a regular expression, as .* or .+ are.

It is written into label=~"$x" as it is: a lone * is refused by the datasource, and every panel is empty for "All".

Exceptions: variables that no PromQL or LogQL query uses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sedna_dash.lint import re2
from sedna_dash.lint.board import Board
from sedna_dash.lint.references import references
from sedna_dash.lint.rule import Context, Finding, Rule


def check(board: Board, context: Context) -> Iterator[Finding]:
    used = {name for query in board.queries for name in references(query.text)}
    for variable in board.variables:
        value = variable.get("allValue")
        if not variable.get("includeAll") or not value or str(variable.get("name")) not in used or "$" in str(value):
            continue
        place = f"variable ${variable.get('name')}"
        if re2.read(str(value)).fault:
            yield Finding(f"stands for '{value}' when All is chosen, which is no regex; use .* or .+", place=place)
        elif re.fullmatch(r"(?i)\$?_*all", str(value)):
            yield Finding(f"stands for the word '{value}' when All is chosen; use .* or .+", place=place)


rule = Rule("all-value", "error", check, __doc__)
