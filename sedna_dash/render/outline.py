"""A dashboard as nested objects with a name for everything, so that two of them can be compared and three merged.

Lists whose items have a name of their own (panels by id, queries by refId, variables by name ...) become objects with
the keys ``[name]``, and ``[]`` for the order. Panels inside collapsed rows stand beside all others, with the row's id
under ``row``: folding a row is no change to its panels. Every other list is one value, and so is an object whose parts
make no sense without each other, such as a panel's place. A list that would not come back as it was, since a name is
missing or there twice, is one value, too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

#: The key of a named list that holds the order of its names.
ORDER = "[]"

#: Objects that are one value.
WHOLE = frozenset({"gridPos", "thresholds", "current", "datasource", "color", "time", "cellOptions", "value"})

#: Which lists have named items, and what names one.
_NAMES: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "targets": lambda item: item["refId"],
    "list": lambda item: item["name"],
    "links": lambda item: item["title"],
    "overrides": lambda item: json.dumps(item["matcher"], sort_keys=True),
    "properties": lambda item: item["id"],
}


def outline(model: Mapping[str, Any]) -> dict[str, Any]:
    """The outline of a dashboard."""
    result = {_escaped(key): outlined(key, value) for key, value in model.items() if key != "panels"}
    if "panels" in model:
        result["panels"] = _outlined_panels(model["panels"])
    return result


def model_of(outlined: Mapping[str, Any]) -> dict[str, Any]:
    """The dashboard of an outline: `outline` backwards. A row without a list of panels gets an empty one."""
    result = {_unescaped(key): restored(value, key) for key, value in outlined.items() if key != "panels"}
    if "panels" in outlined:
        panels, named = restored(outlined["panels"]), outlined["panels"]
        result["panels"] = _into_rows(panels) if isinstance(named, Mapping) and ORDER in named else panels
    return result


def restored(value: Any, key: str = "") -> Any:
    """A value of an outline as the dashboard has it, panels beside their row. ``key`` is where it was."""
    if not isinstance(value, Mapping) or key in WHOLE:
        return value
    if ORDER in value:
        return [restored(value[_key(name)]) for name in value[ORDER]]
    return {_unescaped(name): restored(item, name) for name, item in value.items()}


def merged_order(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str], names: Sequence[str]) -> list[str]:
    """An order for ``names``: of the side that changed it, ours when both did; what only the other side has comes
    after what it stood behind there."""
    first, second = (theirs, ours) if list(base) == list(ours) else (ours, theirs)
    result = [name for name in first if name in names]
    for index, name in enumerate(second):
        if name in names and name not in result:
            before = [known for known in second[:index] if known in result]
            result.insert(result.index(before[-1]) + 1 if before else 0, name)
    return result


def filled(wanted: Any, known: Any) -> Any:
    """An outline that we want, with what a server added of itself to the one that it gives back."""
    if not isinstance(wanted, Mapping) or not isinstance(known, Mapping):
        return wanted
    result = {key: filled(value, known.get(key)) for key, value in wanted.items()}
    # A panel or query that is not wanted is gone; any other key may be the server's own.
    result.update({key: value for key, value in known.items() if key not in wanted and name_of(key) is None})
    return {**result, **({"schemaVersion": known["schemaVersion"]} if "schemaVersion" in known else {})}


def name_of(key: str) -> str | None:
    """The name in a key of a named list; None for any other key."""
    return key[1:-1] if key.startswith("[") and key != ORDER else None


def _key(name: str) -> str:
    return f"[{name}]"


def _escaped(key: str) -> str:
    """A key of somebody's own, which may look like that of a named list."""
    return f"\\{key}" if key.startswith(("[", "\\")) else key


def _unescaped(key: str) -> str:
    return key.removeprefix("\\")


def _outlined_panels(panels: Any) -> Any:
    if not isinstance(panels, list) or not all(map(_is_panel, panels)):
        return outlined("", panels)
    flat = [dict(panel) for panel in _flat(panels)]
    ids = [str(panel.get("id")) for panel in flat]
    rows = [{**panel, "panels": panel.get("panels", [])} if panel.get("type") == "row" else panel for panel in panels]
    if not _tell_apart(ids) or _into_rows([dict(panel) for panel in flat]) != rows:
        return panels
    return {**{_key(name): outlined("", panel) for name, panel in zip(ids, flat, strict=True)}, ORDER: ids}


def _is_panel(panel: Any) -> bool:
    inner = panel.get("panels", []) if isinstance(panel, dict) else None
    return isinstance(inner, list) and all(isinstance(item, dict) for item in inner)


def _flat(panels: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for panel in panels:
        yield {key: value for key, value in panel.items() if key != "panels"}
        yield from ({**inner, "row": panel.get("id")} for inner in panel.get("panels", ()))


def _into_rows(panels: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    rows = {str(panel.get("id")): panel for panel in panels if panel.get("type") == "row"}
    top: list[dict[str, Any]] = []
    for panel in panels:
        if panel.get("type") == "row":
            panel["panels"] = []
        row = rows.get(str(panel.pop("row", "")))
        # A panel stays in sight when its row is unfolded or gone.
        (row["panels"] if row is not None and row.get("collapsed") else top).append(panel)
    return top


def outlined(key: str, value: Any) -> Any:
    """The outline of what a dashboard has under a key."""
    if isinstance(value, Mapping):
        return dict(value) if key in WHOLE else {_escaped(name): outlined(name, item) for name, item in value.items()}
    if isinstance(value, list) and key in _NAMES:
        try:
            names = [str(_NAMES[key](item)) for item in value]
        except (KeyError, TypeError):
            return value
        if _tell_apart(names):
            items = {_key(name): outlined("", item) for name, item in zip(names, value, strict=True)}
            return {**items, ORDER: names}
    return value


def _tell_apart(names: Sequence[str]) -> bool:
    """Whether every item has a name of its own."""
    return len(set(names)) == len(names) and "" not in names
