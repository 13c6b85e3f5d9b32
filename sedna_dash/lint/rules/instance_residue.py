"""The dashboard holds nothing that belongs to one Grafana server or that no Grafana reads.

A numeric id makes another server refuse the upload or, worse, overwrite what has that id there. Version numbers and
null values change with every export and hide the real change.

Exceptions: __inputs and the null id in the form for the Import page; nulls that mean something, in thresholds and in
ranges.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sedna_dash.lint.board import Board, mapping
from sedna_dash.lint.rule import Context, Finding, Rule

#: Keys at the top of a dashboard, and why they are in the way.
_KEYS = {
    "version": "counts the saves of one server",
    "iteration": "is a clock reading of one save",
    "gnetId": "names a dashboard of grafana.com",
    "slug": "is written by the server",
    "rows": "is not read since Grafana 5",
    "hideControls": "is not read since Grafana 5",
    "sharedCrosshair": "is not read since Grafana 5; use graphTooltip",
}
# The base step of thresholds, which has to be null, in either order of its keys.
_BASE = re.compile(r'"color":"[^"]*","value":null|"value":null,"color"')


def check(board: Board, context: Context) -> Iterator[Finding]:
    model = board.model
    if model.get("id") is not None:
        yield Finding(f"holds the id {model['id']} of one server; remove the key")
    elif "id" in model and not board.is_import:
        yield Finding("holds an id that is null; remove the key")
    for key, why in _KEYS.items():
        if key in model and not (board.is_import and model[key] is None):
            yield Finding(f"holds '{key}', which {why}; remove it")
    if "__inputs" in model and not board.is_import:
        yield Finding("holds an empty '__inputs'; remove it")
    for name in _unused_inputs(board):
        yield Finding(f"asks in '__inputs' for {name} but never uses it; remove it, or upload the form for the API")
    if "$$hashKey" in board.text:
        yield Finding("holds '$$hashKey', which a browser left there; remove it everywhere")
    nulls = sum(board.text.count(mark) for mark in (":null", "[null", ",null"))
    if nulls > len(_BASE.findall(board.text)):
        places = [place for place in _nulls(model, "") if place not in ("id", "gnetId")]
        if places:
            more = f" and {len(places) - 1} more" if len(places) > 1 else ""
            yield Finding(f"holds null at {places[0]}{more}; leave out what has no value")


def _unused_inputs(board: Board) -> Iterator[str]:
    inputs = board.model.get("__inputs")
    for entry in inputs if isinstance(inputs, list) else ():
        name = mapping(entry).get("name")
        if isinstance(name, str) and f"${{{name}}}" not in board.text:
            yield name


def _nulls(value: Any, place: str) -> Iterator[str]:
    """Where nulls are, but for those that Grafana wants: the base threshold, open ends of ranges."""
    if isinstance(value, dict):
        for key, item in value.items():
            if item is None:
                meant = (key == "value" and "color" in value) or (key in ("from", "to") and "result" in value)
                if not meant:
                    yield f"{place}.{key}" if place else str(key)
            elif isinstance(item, (dict, list)):
                yield from _nulls(item, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if item is None:
                yield f"{place}[{index}]"
            elif isinstance(item, (dict, list)):
                yield from _nulls(item, f"{place}[{index}]")


rule = Rule("instance-residue", "error", check, __doc__)
