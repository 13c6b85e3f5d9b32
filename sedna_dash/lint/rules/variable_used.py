"""Every variable is used.

A selector at the top that changes nothing makes the reader believe that the panels follow it.

Exceptions: ad hoc filters and group-by variables, which work on all queries by themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sedna_dash.lint.board import Board, compact
from sedna_dash.lint.references import references, variable_texts
from sedna_dash.lint.rule import Context, Finding, Rule

_WORK_ALONE = frozenset({"adhoc", "groupby"})
_NAME = re.compile(r"\{?(\w+)")
_OLD_FORM = re.compile(r"\[\[(\w+)")


def check(board: Board, context: Context) -> Iterator[Finding]:
    if not board.variables:
        return
    # Equal data is equal text, so what variables say about each other can be cut out.
    outside = board.text.replace(compact(board.model.get("templating")), "")
    used = {found[1] for part in outside.split("$") if (found := _NAME.match(part))}
    used.update(_OLD_FORM.findall(outside) if "[[" in outside else ())
    used.update(str(panel.model["repeat"]) for panel in board.every_panel if panel.model.get("repeat"))
    for variable in board.variables:
        own = str(variable.get("name"))
        used.update(name for text in variable_texts(variable) for name in references(text) if name != own)
    for variable in board.variables:
        name = str(variable.get("name"))
        if str(variable.get("type")) not in _WORK_ALONE and name not in used:
            yield Finding("is not used; use it in a query, or remove it", place=f"variable ${name}")


rule = Rule("variable-used", "error", check, __doc__)
