"""Where a dashboard speaks of its variables, and of other dashboards."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sedna_dash.lint.board import Board, Panel, mappings

# $name, ${name}, ${name:format}, ${name.field}, [[name]] and [[name:format]]
_REFERENCE = re.compile(r"\$\{(\w+)(?:\.[^}:]+)?(?::[^}]*)?\}|\[\[(\w+)(?::\w+)?\]\]|\$(\w+)")


def references(text: str) -> tuple[str, ...]:
    """Names of the variables in a text, each once; Grafana's own (``__range``) and regex groups (``$1``) are none."""
    return _references(text) if "$" in text or "[[" in text else ()


# Rule after rule asks about the same queries and datasources.
@functools.lru_cache(maxsize=4096)
def _references(text: str) -> tuple[str, ...]:
    names = (braced or old or bare for braced, old, bare in _REFERENCE.findall(text))
    return tuple(dict.fromkeys(name for name in names if not name.startswith("__") and not name.isdigit()))


def variable_texts(variable: Mapping[str, Any]) -> Iterator[str]:
    """The parts of a variable that may name other variables."""
    yield from strings(variable.get("query"))
    yield from strings(variable.get("datasource"))
    regex = variable.get("regex")
    # A bare $ in a regex is its end; only the braced form is certainly a variable.
    if isinstance(regex, str):
        yield from (found[0] for found in re.finditer(r"\$\{\w+[^}]*\}", regex))


def strings(value: Any) -> Iterator[str]:
    """All strings inside a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from strings(item)


def source_name(datasource: Any) -> str:
    """The uid or name that a datasource reference holds; empty when it names none."""
    name = datasource.get("uid") if isinstance(datasource, Mapping) else datasource
    return name if isinstance(name, str) else ""


@dataclass(frozen=True)
class Link:
    """A link of a dashboard, a panel, or a value in a panel."""

    title: str
    url: str
    panel: Panel | None = None


def links(board: Board) -> Iterator[Link]:
    """Every link with an address."""
    for link in mappings(board.model.get("links")):
        yield from _link(link, None)
    for panel in board.panels:
        for link in mappings(panel.model.get("links")):
            yield from _link(link, panel)
        for link in mappings(panel.defaults.get("links")):
            yield from _link(link, panel)
        for override in panel.overrides:
            for item in mappings(override.get("properties")):
                if item.get("id") == "links":
                    for link in mappings(item.get("value")):
                        yield from _link(link, panel)


def _link(link: Mapping[str, Any], panel: Panel | None) -> Iterator[Link]:
    url = link.get("url")
    if isinstance(url, str) and url:
        yield Link(str(link.get("title") or url), url, panel)


def row_repeats(board: Board) -> dict[str, str]:
    """Title of each repeated row, and the variable that it repeats by."""
    return {
        panel.title: str(panel.model["repeat"])
        for panel in board.every_panel
        if panel.type == "row" and panel.model.get("repeat")
    }
