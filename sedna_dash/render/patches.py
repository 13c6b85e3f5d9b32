"""Patches: edits that were made in Grafana, in a file beside the dashboard module, for people to review.

``fleet.patch.yaml`` says which fields of the dashboard of ``fleet.py`` have another value, and which value they had in
the module when the patch was pulled. A patch that no longer fits its module is an error, never a guess.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, NoReturn

import yaml

from sedna_dash.errors import SourceError
from sedna_dash.render.difference import MISSING, Path, differences, same, value_at
from sedna_dash.render.fieldpath import parsed, spelled
from sedna_dash.render.outline import ORDER, merged_order, model_of, name_of, outline, outlined, restored
from sedna_dash.schemas import placed, violations

KIND, SCHEMA_VERSION, SUFFIX = "sedna-dash/patch", 1, ".patch.yaml"

Model = Mapping[str, Any]
Outline = dict[str, Any]

#: What an entry may be about, besides the dashboard itself, and where that is in an outline.
_HOLDERS: Mapping[str, Path] = {
    "panel": ("panels",),
    "variable": ("templating", "list"),
    "annotation": ("annotations", "list"),
}


@dataclass(frozen=True)
class Entry:
    """One field of a dashboard: what the module has, and what is to be there. Either may be `MISSING`."""

    path: Path
    was: Any
    value: Any
    said: str = ""
    #: The title of the panel, for a person.
    title: str = ""
    line: int = 0

    @property
    def target(self) -> tuple[str, str, Path]:
        """What the entry is about (empty for the dashboard), its name, and the path below it."""
        for what, holder in _HOLDERS.items():
            name = name_of(self.path[len(holder)]) if len(self.path) > len(holder) else None
            if self.path[: len(holder)] == holder and name is not None:
                return what, name, self.path[len(holder) + 1 :]
        return "", "", self.path

    def __str__(self) -> str:
        what, name, field = self.target
        where = f"{what} '{self.title or name}'" if what else "dashboard"
        return f"{where}: {spelled(field)}" if field else where


@dataclass(frozen=True)
class Patch:
    """The changes to one dashboard, and the file that they stand in."""

    file: FilePath
    dashboard: str
    entries: Sequence[Entry]


def patch_file(module: FilePath) -> FilePath:
    """Where the patch of a module lies."""
    return module.with_name(module.stem + SUFFIX)


def changes_between(module: Model, wanted: Outline) -> list[Entry]:
    """The entries that make the module's dashboard what is wanted."""
    own = outline(module)
    entries = [
        Entry(change.path, _restored(change.before, change.path), _restored(change.after, change.path))
        for change in differences(own, wanted)
        if change.path[-1] != ORDER
    ]
    result = outline(module)
    for entry in entries:
        _set(result, entry)
    # Panels stand where their places say: which order the list had in the module decides nothing.
    orders = (
        Entry(path, MISSING if path[0] == "panels" and len(path) == 2 else value_at(own, path), value_at(wanted, path))
        for path in _reordered(result, wanted)
    )
    return [*entries, *orders]


def patched(model: Model, patch: Patch) -> dict[str, Any]:
    """The dashboard of the module, with the patch applied.

    Raises `SourceError` with file, line and cure for an entry that does not fit the module.
    """
    if patch.dashboard != model["uid"]:
        _fail(
            patch.file,
            1,
            f"is for the dashboard '{patch.dashboard}', but the module beside it has '{model['uid']}'; "
            "correct the uid, or delete the patch",
        )
    own, result = outline(model), outline(model)
    # An order is of what there is when all else is done.
    for entry in sorted(patch.entries, key=lambda entry: entry.path[-1] == ORDER):
        _check(entry, own, patch.file)
        _set(result, entry)
    return model_of(result)


def read_patch(file: FilePath) -> Patch:
    """The patch in a file. Raises `SourceError` with file, line and cure."""
    tree, content = _parsed(file)
    lines = _lines(tree)
    for found in violations("patch", content):
        within = list(found.at)
        while within and tuple(within) not in lines:
            within.pop()
        _fail(file, lines.get(tuple(within), 1), placed(found.within, found.sentence))
    entries: list[Entry] = []
    for index, item in enumerate(content["changes"]):
        entry = _entry(file, item, lines["changes", index])
        for other in entries:
            shorter = min(len(entry.path), len(other.path))
            if entry.path[:shorter] == other.path[:shorter]:
                _fail(file, entry.line, f"{entry}: line {other.line} is about the same; keep one of the two")
        entries.append(entry)
    return Patch(file, content["dashboard"], entries)


def patch_text(dashboard: str, entries: Sequence[Entry], heading: Sequence[str]) -> str:
    """The text of a patch file. ``heading`` are the lines of its comment."""
    comment = "".join(f"# {' '.join(line.splitlines())}\n" for line in heading)
    changes = [_item(entry) for entry in entries]
    content = {"kind": KIND, "schemaVersion": SCHEMA_VERSION, "dashboard": dashboard, "changes": changes}
    return comment + _dumped(content)


def _item(entry: Entry) -> dict[str, Any]:
    what, name, field = entry.target
    result: dict[str, Any] = {}
    if what == "panel":
        result = {"panel": entry.title, "id": int(name) if name.isdecimal() else name}
    elif what:
        result = {what: name}
    if field:
        result["field"] = spelled(field)
    if entry.said:
        result["said"] = entry.said
    # What a whole panel was stands in the module, and would only bury the rest.
    if entry.was is not MISSING and field:
        result["was"] = entry.was
    if entry.value is not MISSING:
        result["value"] = entry.value
    if entry.path == ("panels", ORDER):
        result["value"] = [int(name) if name.isdecimal() else name for name in entry.value]
    return result


def _entry(file: FilePath, item: Mapping[str, Any], line: int) -> Entry:
    path: Path = ()
    for what, holder in _HOLDERS.items():
        if what in item:
            path = (*holder, f"[{item['id'] if what == 'panel' else item[what]}]")
    if "field" in item:
        try:
            path += parsed(item["field"])
        except ValueError:
            _fail(file, line, f"'{item['field']}' is no path of a field; write it like targets[A].expr")
    if path[-1] == ORDER and not _is_order(item.get("value")):
        _fail(file, line, f"'{item['field']}' is an order; give the names in 'value' as a list")
    was, value = (
        _names(item.get(key, MISSING)) if path[-1] == ORDER else item.get(key, MISSING) for key in ("was", "value")
    )
    return Entry(path, was, value, item.get("said", ""), item.get("panel", ""), line)


def _names(order: Any) -> Any:
    return [str(name) for name in order] if isinstance(order, list) else order


def _is_order(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, (str, int)) for name in value)


def _check(entry: Entry, own: Outline, file: FilePath) -> None:
    """Refuse an entry that the module has gone past."""
    what, name, field = entry.target
    above = entry.path[: len(entry.path) - len(field)]
    if what and field and value_at(own, above) is MISSING:
        _fail(
            file, entry.line, f"the module has no {what} '{entry.title or name}'{_id(what, name)} any more; bring what "
            "is to stay of the value into the module and delete this entry"
        )  # fmt: skip
    there = _restored(value_at(own, entry.path), entry.path)
    # An entry without `was` adds something, or removes all of something.
    removes_all = entry.value in (None, MISSING) and not field
    if removes_all and there is not MISSING:
        return
    if entry.path[-1] == ORDER:
        unchanged, done = (_agree(there, value) for value in (entry.was, entry.value))
    else:
        unchanged, done = same(there, entry.was), same(there, entry.value)
    if unchanged and not (done and entry.path[-1] != ORDER):
        parent, key = value_at(own, entry.path[:-1]), entry.path[-1]
        if isinstance(parent, Mapping) and (ORDER in parent) == (key == ORDER or name_of(key) is not None):
            return
    elif done:
        _fail(
            file, entry.line, f"{entry}: the module has this value already; nothing is left to do, so delete the entry"
        )
    _fail(
        file, entry.line, f"{entry} was changed in the module since this was pulled; bring the value into the module "
        "and delete this entry"
    )  # fmt: skip


def _id(what: str, name: str) -> str:
    return f" (id {name})" if what == "panel" else ""


def _agree(one: Any, other: Any) -> bool:
    """Whether two orders have what both name in the same order."""
    first, second = (value if isinstance(value, list) else [] for value in (one, other))
    return [name for name in first if name in second] == [name for name in second if name in first]


def _set(result: Outline, entry: Entry) -> None:
    """Set or remove one value. Its parent exists."""
    parent, key = value_at(result, entry.path[:-1]), entry.path[-1]
    name = name_of(key)
    if key == ORDER:
        present = [known for known in map(name_of, parent) if known is not None]
        now = [known for known in parent[ORDER] if known in present]
        parent[ORDER] = merged_order(now, now, entry.value, present)
    elif entry.value is MISSING or entry.value is None:
        parent.pop(key, None)
    else:
        parent[key] = outlined("" if name is not None else key, entry.value)
    if name is not None and ORDER in parent:
        others = [known for known in parent[ORDER] if known != name]
        parent[ORDER] = parent[ORDER] if name in parent[ORDER] and key in parent else others
        if key in parent and name not in parent[ORDER]:
            parent[ORDER] = [*parent[ORDER], name]


def _reordered(one: Any, other: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of the orders that differ."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        if ORDER in one and ORDER in other and list(one[ORDER]) != list(other[ORDER]):
            yield (*path, ORDER)
        for key in other:
            if key != ORDER and key in one:
                yield from _reordered(one[key], other[key], (*path, key))


def _restored(value: Any, path: Path) -> Any:
    return value if value is MISSING or path[-1] == ORDER else restored(value, path[-1])


def _fail(file: FilePath, line: int, sentence: str) -> NoReturn:
    raise SourceError(f"{file}:{line}: {sentence}")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads dates as texts, since JSON has none, and refuses a key that is written twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"'{key.value}' is written twice; keep one", key.start_mark
                )
            seen.add(key.value)
        result: dict[Any, Any] = super().construct_mapping(node, deep)
        return result


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}


def _parsed(file: FilePath) -> tuple[yaml.Node, Any]:
    """The file's nodes, which know their lines, and its content as JSON data."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise SourceError(f"{file}: cannot be read ({reason}); check its rights") from error
    try:
        loader = _Loader(text)
        try:
            tree = loader.get_single_node()
            content = json.loads(json.dumps(loader.construct_document(tree), allow_nan=False)) if tree else None
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or "it is not YAML"
        raise SourceError(f"{file}:{mark.line + 1 if mark else 1}: {problem}; repair the YAML") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise SourceError(f"{file}: holds a value that JSON has not; write texts, numbers and lists only") from error
    return tree, content


def _lines(node: yaml.Node | None, at: tuple[str | int, ...] = ()) -> dict[tuple[str | int, ...], int]:
    """The line of every node down to the keys of an entry."""
    if node is None or len(at) > 3:
        return {}
    result = {at: node.start_mark.line + 1}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            result |= {**_lines(value, (*at, str(key.value))), (*at, str(key.value)): key.start_mark.line + 1}
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            result |= _lines(item, (*at, index))
    return result


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as such, no anchors, and lists further in than their key."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)

#: A list or object of plain values is one line up to this length.
_MOST_ON_A_LINE = 100


def _dumped(content: Mapping[str, Any]) -> str:
    dumper = _Dumper(io.StringIO(), default_flow_style=False, sort_keys=False)
    node = dumper.represent_data(content)
    dumper.dispose()
    changes = next(value for key, value in node.value if key.value == "changes")
    for change in changes.value:
        fields = {key.value: value for key, value in change.value}
        for value in fields.values():
            _flow(value)
        if fields.get("field") and fields["field"].value == "panels[]":
            fields["value"].flow_style = True
    # A query is not broken into lines.
    text: str = yaml.serialize(node, Dumper=_Dumper, allow_unicode=True, width=sys.maxsize)
    return text


def _flow(node: yaml.Node) -> None:
    if not isinstance(node, yaml.CollectionNode):
        return
    parts = [part for item in node.value for part in (item if isinstance(item, tuple) else (item,))]
    if all(isinstance(part, yaml.ScalarNode) and part.style != "|" for part in parts):
        node.flow_style = sum(len(part.value) + 2 for part in parts) <= _MOST_ON_A_LINE
    for part in parts:
        _flow(part)
