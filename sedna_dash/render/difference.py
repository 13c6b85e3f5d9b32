"""What differs between two dashboards, in the words of the people who made them: panel, query, variable, field."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from sedna_dash.render.canonical import checksum, plain
from sedna_dash.render.outline import ORDER, WHOLE, merged_order, name_of


class Nothing(Enum):
    """The value of a field that is not there."""

    MISSING = "missing"


MISSING = Nothing.MISSING
Path = tuple[str, ...]

#: Fields that have a name of their own in Grafana's pages.
_FIELDS = {
    ("gridPos",): "place",
    ("row",): "row",
    ("fieldConfig", "defaults", "thresholds"): "thresholds",
    ("fieldConfig", "defaults", "unit"): "unit",
    ("fieldConfig", "defaults", "decimals"): "decimals",
    ("fieldConfig", "defaults", "mappings"): "value mappings",
    ("fieldConfig", "defaults", "min"): "minimum",
    ("fieldConfig", "defaults", "max"): "maximum",
    ("type",): "visualization",
    ("current",): "default value",
}
_LISTS = {"targets": "query", "links": "link", "overrides": "override", "list": "", "properties": ""}


@dataclass(frozen=True)
class Difference:
    """One field, before and after. Either may be `MISSING`, or a null, which is as good."""

    path: Path
    before: Any
    after: Any

    @property
    def verb(self) -> str:
        if self.before is MISSING or self.before is None:
            return "added"
        return "removed" if self.after is MISSING or self.after is None else "changed"


def differences(before: Any, after: Any, path: Path = ()) -> Iterator[Difference]:
    """What differs between two outlines, field by field; a panel or query that is new or gone is one difference."""
    if same(before, after):
        return
    if _alike(before, after, path):
        for key in [*before, *(key for key in after if key not in before)]:
            if key == ORDER:
                if _reordered(before.get(key, ()), after.get(key, ()), path):
                    yield Difference((*path, key), before.get(key, MISSING), after.get(key, MISSING))
            else:
                yield from differences(before.get(key, MISSING), after.get(key, MISSING), (*path, key))
    else:
        yield Difference(path, before, after)


def same(one: Any, other: Any) -> bool:
    """Whether two values mean the same to Grafana: a null is as good as nothing, and 1.0 is 1. True is not 1."""
    if one is other:
        return True
    if one in (None, MISSING) or other in (None, MISSING):
        return one in (None, MISSING) and other in (None, MISSING)
    return checksum(plain(one)) == checksum(plain(other))


def _alike(one: Any, other: Any, path: Path) -> bool:
    """Whether both have parts that can be looked at one by one: two objects, or two lists of named items."""
    if not isinstance(one, Mapping) or not isinstance(other, Mapping) or (path and path[-1] in WHOLE):
        return False
    return (ORDER in one) == (ORDER in other)


def _reordered(before: Sequence[str], after: Sequence[str], path: Path) -> bool:
    # A panel is where its place says, not where it stands in the list.
    if path == ("panels",):
        return False
    return [name for name in before if name in after] != [name for name in after if name in before]


@dataclass
class Merged:
    """Two sides brought together. What both changed in different ways is in ``clashes``."""

    value: Any = None
    clashes: list[Path] = field(default_factory=list)


def merge(base: Any, ours: Any, theirs: Any) -> Merged:
    """Bring the changes that two sides made to ``base`` into one outline. Raises nothing; see ``clashes``."""
    result = Merged()
    result.value = _merge(base, ours, theirs, (), result.clashes)
    return result


def _merge(base: Any, ours: Any, theirs: Any, path: Path, clashes: list[Path]) -> Any:
    if same(ours, theirs) or same(base, theirs):
        return ours
    if same(base, ours):
        return theirs
    if _alike(ours, theirs, path):
        known = base if _alike(base, ours, path) else {}
        result = {}
        for key in [*ours, *(key for key in theirs if key not in ours), *(key for key in known if key == ORDER)]:
            if key != ORDER and key not in result:
                sides = [side.get(key, MISSING) for side in (known, ours, theirs)]
                value = _merge(sides[0], sides[1], sides[2], (*path, key), clashes)
                if value is not MISSING:
                    result[key] = value
        if ORDER in ours or ORDER in theirs:
            names = [name for name in map(name_of, result) if name is not None]
            orders = [side.get(ORDER, ()) for side in (known, ours, theirs)]
            result[ORDER] = merged_order(orders[0], orders[1], orders[2], names)
        return result
    clashes.append(path)
    return ours


@dataclass(frozen=True)
class Place:
    """Where a field is, for a person: ``panel 'Loss'``, ``query A``."""

    where: str
    field: str


def place(path: Path, *outlines: Mapping[str, Any]) -> Place:
    """Name a path, with the titles that panels have in the first outline that knows them."""
    if len(path) > 1 and path[0] == "panels" and path[1] != ORDER:
        return Place(f"panel '{_title(path[1], outlines)}'", _field(path[2:]))
    if len(path) > 2 and path[0] in ("templating", "annotations") and path[1] == "list" and path[2] != ORDER:
        what = "variable" if path[0] == "templating" else "annotation"
        return Place(f"{what} '{name_of(path[2])}'", _field(path[3:]))
    return Place("dashboard", _field(path))


def _title(key: str, outlines: Sequence[Mapping[str, Any]]) -> str:
    for outlined in outlines:
        panels = outlined.get("panels")
        panel = panels.get(key) if isinstance(panels, Mapping) else None
        if isinstance(panel, Mapping):
            return str(panel.get("title") or f"{panel.get('type', 'panel')} without a title")
    return str(name_of(key))


def _field(path: Path) -> str:
    if path in _FIELDS:
        return _FIELDS[path]
    if len(path) > 1 and path[0] in _LISTS and name_of(path[1]) is not None:
        rest = path[2:] if path[2:] != ("expr",) else ()
        return " ".join(filter(None, (_LISTS[path[0]], name_of(path[1]), ".".join(rest))))
    if len(path) > 2 and path[:2] == ("fieldConfig", "overrides") and name_of(path[2]) is not None:
        return _override(path)
    if path and path[-1] == ORDER:
        return f"order of {path[-2]}" if len(path) > 1 else "order"
    return re.sub(r"^(options|fieldConfig\.defaults(\.custom)?)\.", "", ".".join(path))


def _override(path: Path) -> str:
    """Like: override of 'Samples', cellOptions."""
    options = json.loads(name_of(path[2]) or "{}").get("options")
    whose = f" of '{options}'" if isinstance(options, str) else ""
    what = (name_of(path[4]) or "order").removeprefix("custom.") if len(path) > 4 else ""
    return f"override{whose}{', ' + what if what else ''}"


def dotted(path: Path) -> str:
    """A path as text: ``panels[12].targets[A].expr``."""
    return "".join(part if part.startswith("[") else f".{part}" for part in path).lstrip(".")


def value_at(outlined: Any, path: Path) -> Any:
    """The value at a path; `MISSING` when there is none."""
    for part in path:
        if not isinstance(outlined, Mapping) or part not in outlined:
            return MISSING
        outlined = outlined[part]
    return outlined
