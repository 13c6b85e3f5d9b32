"""Panels, queries, variables and annotations reach their data through a datasource variable.

A datasource's uid or name differs from server to server, so a fixed one is found on one of them only.

Exceptions: Grafana's built-in datasources, and expressions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sedna_dash.lint.board import BUILT_IN_SOURCES, Board, Panel, mapping
from sedna_dash.lint.references import source_name
from sedna_dash.lint.rule import Context, Finding, Rule

#: Types of datasources that are part of Grafana, and of variables that ask a datasource.
_BUILT_IN_TYPES = frozenset({"grafana", "__expr__", "datasource"})
_ASKING = frozenset({"query", "adhoc", "groupby"})
# Expressions and Grafana's own data by the names that old exports have for them.
_BUILT_IN = BUILT_IN_SOURCES | {"-100", "__grafana__"}


def check(board: Board, context: Context) -> Iterator[Finding]:
    for panel in board.panels:
        if panel.shows_data:
            yield from _check_panel(panel)
    for variable in board.variables:
        if str(variable.get("type")) in _ASKING:
            problem = _problem(variable.get("datasource"))
            if problem:
                yield Finding(problem, place=f"variable ${variable.get('name')}")
    for annotation in board.annotations:
        if not annotation.get("builtIn"):
            problem = _problem(annotation.get("datasource"))
            if problem:
                yield Finding(problem, place=f"annotation {annotation.get('name')}")


def _check_panel(panel: Panel) -> Iterator[Finding]:
    own = panel.model.get("datasource")
    # A panel without queries, and one whose queries all say where they go, needs no datasource of its own.
    sources = [own] if own is not None or (panel.is_core and not panel.targets) else []
    sources += [target.get("datasource") or own for target in panel.targets]
    problems = dict.fromkeys(filter(None, (_problem(source) for source in sources)))
    for problem in problems:
        yield Finding(problem, panel=panel)


def _problem(datasource: Any) -> str:
    kind = str(mapping(datasource).get("type"))
    name = source_name(datasource)
    if name in _BUILT_IN or kind in _BUILT_IN_TYPES or name.startswith("$") or name.startswith("[["):
        return ""
    if not name or name == "default":
        return "names no datasource and so takes the default one; use a datasource variable"
    return f"reads the fixed datasource '{name}'; use a datasource variable"


rule = Rule("datasource-variable", "error", check, __doc__)
