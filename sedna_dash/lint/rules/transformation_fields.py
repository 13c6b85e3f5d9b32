"""Transformations, overrides and the order of a table name queries, fields and columns that exist.

Grafana passes over a name that it does not find, without a word: the column keeps its raw name, the unit is missing,
the table is not sorted.

Exceptions: fields that cannot be known, such as labels of metrics outside the catalog and columns of SQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sedna_dash.catalog.model import closest
from sedna_dash.lint.board import Board, Panel, mapping, mappings
from sedna_dash.lint.rule import Context, Finding, Rule

_VALUE = re.compile(r"Value #(.+)")
_LABEL = re.compile(r"[a-zA-Z_]\w*")
_IN_LEGEND = re.compile(r"\{\{.*?\}\}|\$\{[^}]*\}|\[\[.*?\]\]|\$\w+")

#: Transformations that leave the names of fields alone, so that those after them are still known.
_KEEPS_NAMES = frozenset({"merge", "sortBy", "filterByValue", "filterByRefId", "limit"})


def check(board: Board, context: Context) -> Iterator[Finding]:
    for panel in board.panels:
        refs = {str(target.get("refId") or "A") for target in panel.targets}
        if not refs or not panel.shows_data:
            continue
        # A plugin or another panel's data may bring fields of any name.
        for name, where in _value_columns(panel):
            found = _VALUE.fullmatch(name)
            if found and found[1] not in refs and not _makes_fields(panel):
                yield Finding(
                    f"names the field '{name}' in {where}, but has no query {found[1]}{closest(found[1], refs)}",
                    panel=panel,
                )
        for override in panel.overrides:
            matcher = mapping(override.get("matcher"))
            asked = matcher.get("options")
            unknown = matcher.get("id") == "byFrameRefID" and isinstance(asked, str) and asked not in refs
            if unknown and not panel.model.get("transformations"):
                yield Finding(f"has an override for query {asked}, but has no such query; correct it", panel=panel)
        yield from _check_legends(board, panel)
        yield from _check_table(board, panel, refs, context)


def _makes_fields(panel: Panel) -> bool:
    return str(panel.model.get("datasource") or "").find("-- Dashboard --") >= 0


def _value_columns(panel: Panel) -> Iterator[tuple[str, str]]:
    """Names of fields as they come from the queries, and who names them."""
    for step in mappings(panel.model.get("transformations")):
        options = mapping(step.get("options"))
        if step.get("id") == "organize":
            for key in ("excludeByName", "indexByName", "renameByName"):
                for name in mapping(options.get(key)):
                    yield str(name), "organize"
    for override in panel.overrides:
        matcher = mapping(override.get("matcher"))
        if matcher.get("id") == "byName":
            yield str(matcher.get("options")), "an override"


def _named_by_overrides(panel: Panel) -> Iterator[tuple[str, bool]]:
    """Each name that an override asks for, and whether it is a name that an earlier override gave."""
    given: set[str] = set()
    for override in panel.overrides:
        matcher = mapping(override.get("matcher"))
        if matcher.get("id") == "byName" and isinstance(matcher.get("options"), str):
            yield matcher["options"], matcher["options"] in given
        given.update(
            str(item.get("value")) for item in mappings(override.get("properties")) if item.get("id") == "displayName"
        )


def _check_legends(board: Board, panel: Panel) -> Iterator[Finding]:
    """Overrides by the name of a series, where every series is named by a legend."""
    if panel.type == "table" or panel.model.get("transformations") or panel.defaults.get("displayName"):
        return
    asked = list(_named_by_overrides(panel))
    if not asked:
        return
    patterns = []
    for target in panel.targets:
        legend = str(target.get("legendFormat") or "")
        language = board.language_of(target.get("datasource") or panel.model.get("datasource"))
        if not language or not legend or legend == "__auto" or target.get("format") == "table":
            return
        texts = _IN_LEGEND.split(legend)
        patterns.append(re.compile(".*".join(re.escape(text) for text in texts), re.DOTALL))
    static = [str(target.get("legendFormat")) for target in panel.targets]
    for name, given in asked:
        # Once an override has renamed series, the next ones may mean the new names.
        if given or name in ("Time", "Value") or _IN_LEGEND.search(name):
            continue
        if patterns and not any(pattern.fullmatch(name) for pattern in patterns):
            yield Finding(
                f"has an override for '{name}', but no legend gives a series that name{closest(name, static)}",
                panel=panel,
            )


def _check_table(board: Board, panel: Panel, refs: set[str], context: Context) -> Iterator[Finding]:
    """Columns of a table of Prometheus series: labels, Time, Value, and what organize makes of them."""
    if not (panel.overrides or panel.model.get("transformations") or panel.options.get("sortBy")):
        return
    for target in panel.targets:
        language = board.language_of(target.get("datasource") or panel.model.get("datasource"))
        if language != "promql" or target.get("format") != "table":
            return
    values = {f"Value #{ref}" for ref in refs} if len(refs) > 1 else {"Value"}
    if any(target.get("hide") for target in panel.targets):
        values |= {"Value"}
    labels = _labels(board, panel, context)
    renamed: dict[str, str] = {}  # new names by old ones
    for step in mappings(panel.model.get("transformations")):
        options = mapping(step.get("options"))
        if step.get("id") == "organize":
            names = {str(old): new for old, new in mapping(options.get("renameByName")).items()}
            for old in (*names, *map(str, mapping(options.get("indexByName")))):
                if not _exists(old, values, labels, renamed):
                    cure = closest(old, values | set(renamed.values()) | (labels or set()))
                    yield Finding(f"names the field '{old}' in organize, which no query gives{cure}", panel=panel)
            renamed.update({old: new for old, new in names.items() if isinstance(new, str) and new})
        elif step.get("id") == "filterFieldsByName":
            include = mapping(options.get("include"))
            kept = {str(name) for name in _listed(include.get("names"))} if not include.get("pattern") else set()
            for name in sorted(kept):
                if not _exists(name, values, labels, renamed):
                    cure = closest(name, values | set(renamed.values()) | (labels or set()))
                    yield Finding(f"keeps the field '{name}', which no query gives{cure}", panel=panel)
            if kept:
                values, labels = values & kept, frozenset(kept) - values
        elif str(step.get("id")) not in _KEEPS_NAMES:
            return
    given = {name for _, name in _display_names(panel)}
    for name, by in (*((name, "an override") for name, _ in _named_by_overrides(panel)), *_sorted_by(panel)):
        # Grafana matches overrides by the old name too, but sorts by what is shown.
        old_is_fine = by == "an override"
        if name in given or _exists(name, values, labels, renamed, old_names=old_is_fine):
            continue
        shown = renamed.get(name)
        cure = (
            f"; it is called '{shown}'" if shown else closest(name, set(renamed.values()) | values | (labels or set()))
        )
        yield Finding(f"names the column '{name}' in {by}, but has none of that name{cure}", panel=panel)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _display_names(panel: Panel) -> Iterator[tuple[str, str]]:
    for override in panel.overrides:
        for item in mappings(override.get("properties")):
            if item.get("id") == "displayName" and isinstance(item.get("value"), str):
                yield str(mapping(override.get("matcher")).get("options")), str(item.get("value"))


def _sorted_by(panel: Panel) -> Iterator[tuple[str, str]]:
    for item in mappings(panel.options.get("sortBy")):
        if isinstance(item.get("displayName"), str) and item["displayName"]:
            yield item["displayName"], "its order"


def _labels(board: Board, panel: Panel, context: Context) -> frozenset[str] | None:
    """The labels that the panel's series can carry, or None when a metric is not known well enough."""
    analysis = context.labels(board)
    found: set[str] = {"__name__"}
    for query in board.queries_of(panel):
        possible = analysis.possible(query.promql.tree) if query.promql.tree is not None else None
        if possible is None:
            return None
        found |= possible
    return frozenset(found)


def _exists(
    name: str, values: set[str], labels: frozenset[str] | None, renamed: dict[str, str], *, old_names: bool = True
) -> bool:
    if name in renamed.values():
        return True
    if name in renamed:
        return old_names
    if _VALUE.fullmatch(name) and len(values) > 1:
        return True  # looked at already, with the letter of its query
    if name in values or name == "Time":
        return True
    # An unknown label cannot be told from a misspelt one, but a name with a blank is no label.
    return name in labels if labels is not None else bool(_LABEL.fullmatch(name) and name != "Value")


rule = Rule("transformation-fields", "error", check, __doc__)
