"""A value that is given a colour is given a text as well.

One man in twelve does not see the difference between red and green, and nobody does on a printed page.

Exceptions: a value that is itself a word, such as Failed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sedna_dash.lint.board import Board, Panel, mapping, mappings
from sedna_dash.lint.rule import Context, Finding, Rule


def check(board: Board, context: Context) -> Iterator[Finding]:
    for panel in board.panels:
        for value in _colored_only(panel):
            yield Finding(f"gives {value} a colour but no text; name what it means", panel=panel)
        if panel.type == "stat" and panel.options.get("textMode") == "none":
            yield Finding("shows a colour and no text; set the text mode to value, name or both", panel=panel)


def _colored_only(panel: Panel) -> Iterator[str]:
    found = mappings(panel.defaults.get("mappings"))
    for override in panel.overrides:
        for item in mappings(override.get("properties")):
            if item.get("id") == "mappings":
                found += mappings(item.get("value"))
    for entry in found:
        options = mapping(entry.get("options"))
        if entry.get("type") == "value":
            for value, result in options.items():
                if _is_bare(result) and _is_number(str(value)):
                    yield f"the value {value}"
        elif entry.get("type") == "range" and _is_bare(options.get("result")):
            yield f"the values from {_bound(options.get('from'))} to {_bound(options.get('to'))}"
        elif entry.get("type") == "special" and _is_bare(options.get("result")):
            yield f"'{options.get('match')}'"


def _is_bare(result: Any) -> bool:
    shown = mapping(result)
    return bool(shown.get("color")) and not str(shown.get("text") or "").strip()


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _bound(value: Any) -> str:
    return "anywhere" if value is None else str(value)


rule = Rule("mapping-text", "error", check, __doc__)
