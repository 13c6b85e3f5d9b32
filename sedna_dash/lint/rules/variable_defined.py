"""Every variable that a query, a title, a legend or a link names is defined.

Grafana leaves an unknown variable in the text, so the query asks for a namespace called "$namespace" and finds nothing.

Exceptions: Grafana's own variables, groups of a regex, and names that a LogQL template makes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sedna_dash.catalog.model import closest
from sedna_dash.lint.board import Board, Panel, mappings
from sedna_dash.lint.references import links, references, source_name, variable_texts
from sedna_dash.lint.rule import Context, Finding, Rule

#: Variables of Grafana from before it gave them two underscores.
_OLD_BUILT_IN = frozenset({"timeFilter", "interval"})
_MADE_IN_QUERY = re.compile(r"\$(\w+)\s*(?:,\s*\$(\w+)\s*)?:?=|\(\?P?<(\w+)>")


def check(board: Board, context: Context) -> Iterator[Finding]:
    known = {str(variable.get("name")) for variable in board.variables} | _OLD_BUILT_IN
    known.update(str(entry.get("name")) for entry in mappings(board.model.get("__inputs")))

    def missing(text: str) -> Iterator[str]:
        for name in references(text):
            if name not in known:
                yield f"uses ${name}, which is not defined{closest(name, known) or '; define it'}"

    for query in board.queries:
        unknown = [name for name in references(query.text) if name not in known]
        made = {name for found in _MADE_IN_QUERY.findall(query.text) for name in found} if unknown else set()
        for name in unknown:
            if name not in made:
                message = f"uses ${name}, which is not defined{closest(name, known) or '; define it'}"
                yield Finding(message, query=query)
    for panel in board.every_panel:
        for message in dict.fromkeys(message for text in _texts(panel) for message in missing(text)):
            yield Finding(message, panel=panel)
    for link in links(board):
        for message in missing(link.url):
            yield Finding(f"has the link '{link.title}', which {message}", panel=link.panel)
    for variable in board.variables:
        if board.language_of(variable.get("datasource")):
            for message in dict.fromkeys(message for text in variable_texts(variable) for message in missing(text)):
                yield Finding(message, place=f"variable ${variable.get('name')}")
    for annotation in board.annotations:
        for message in missing(source_name(annotation.get("datasource"))):
            yield Finding(message, place=f"annotation {annotation.get('name')}")


def _texts(panel: Panel) -> Iterator[str]:
    """Where Grafana puts variables in, besides queries: what a text panel or a plugin says is its own affair."""
    yield panel.title
    yield source_name(panel.model.get("datasource"))
    if panel.model.get("repeat"):
        yield f"${panel.model['repeat']}"
    for target in panel.targets:
        yield source_name(target.get("datasource"))
        yield str(target.get("legendFormat") or "")
        yield str(target.get("interval") or "")


rule = Rule("variable-defined", "error", check, __doc__)
