"""Tables: rows of series, columns of labels and values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sedna_dash.authoring.data_panel import as_query, data_panel, mapping_of, unit_of
from sedna_dash.authoring.logql import Counted, Lines
from sedna_dash.authoring.panel import DEFAULT_HEIGHT, Panel, Query, QueryLike, ref
from sedna_dash.authoring.promql import constant
from sedna_dash.authoring.style import PLAIN, Mapped, Thresholds, grafana_unit
from sedna_dash.catalog.model import closest
from sedna_dash.errors import AuthoringError


@dataclass(frozen=True)
class Column:
    """How one column of a table looks. ``bar`` draws each value as a bar; Grafana measures it against the largest
    number of the table, so it wants to be the only column of numbers."""

    label: str
    title: str = ""
    unit: str = ""
    mapped: Mapped | None = None
    thresholds: Thresholds | None = None
    links: tuple[Mapping[str, Any], ...] = ()
    width: int | None = None
    hidden: bool = False
    bar: bool = False


def table(
    title: str,
    *queries: QueryLike,
    columns: Sequence[str | Column],
    why: str,
    key: str = "",
    sort: str = "",
    descending: bool = True,
    thresholds: Thresholds = PLAIN,
    empty: str = "",
    height: int = DEFAULT_HEIGHT,
) -> Panel:
    """Rows of series, columns of labels and values.

    ``columns`` lists, in order, labels and values; a value column is the legend of its query. Several queries are
    joined into one table by the labels they share. What is not listed is hidden. ``empty`` says what it means that
    there is no row, where that is no lack of data.
    """
    asked = [item if isinstance(item, Column) else Column(item) for item in columns]
    listed = [as_query(item) for item in queries]
    several = len(listed) > 1
    counts = [isinstance(item.expr, Counted) for item in listed]
    if several and any(counts):
        raise AuthoringError(
            f"table '{title}': several counts of log lines have no time in common; make a table of each"
        )
    # Prometheus' value column is "Value", or "Value #A" once queries are merged; Loki's is always "Value #A".
    value_fields = {
        item.legend: f"Value #{ref(index)}" if several or counts[index] else "Value"
        for index, item in enumerate(listed)
    }
    carried = frozenset().union(*(item.expr.labels for item in listed if not isinstance(item.expr, Lines)))
    # A link reads the fields of its row, so a label that only a link needs stays in the table, out of sight.
    urls = " ".join(str(link["url"]) for item in asked for link in item.links)
    linked = dict.fromkeys(re.findall(r"__data\.fields\.(\w+)", urls))
    listed_labels = {item.label for item in asked}
    asked += [Column(label, label, hidden=True) for label in linked if label in carried - listed_labels]
    overrides, order, names = [], {}, {}
    for position, column in enumerate(asked):
        field = value_fields.get(column.label)
        if field is None and column.label not in carried:
            known = ", ".join(sorted(carried | {name for name in value_fields if name}))
            raise AuthoringError(
                f"table '{title}': no column '{column.label}'{closest(column.label, carried)}; there are: {known}"
            )
        source = field or column.label
        shown = column.title or _titled(column.label)
        order[source], names[source] = position, shown
        matched = next((item for item in listed if field and item.legend == column.label), None)
        overrides.append(_column_override(column, shown, matched))
    # Listing what stays, not what goes, also keeps out __name__ and labels that a site adds to its series.
    keep = {"id": "filterFieldsByName", "options": {"include": {"names": list(order)}}}
    organize = {"id": "organize", "options": {"indexByName": order, "renameByName": names}}
    options: dict[str, Any] = {"frameIndex": 0, "showHeader": True, "cellHeight": "sm"}
    if sort:
        options["sortBy"] = [{"displayName": names.get(value_fields.get(sort, sort), sort), "desc": descending}]
    custom = {
        "align": "auto",
        "cellOptions": {"type": "auto"},
        "filterable": True,
        "inspect": False,
        # Grafana's own 150 would push the last columns out of a narrow table.
        "minWidth": _NARROWEST,
    }
    panel = data_panel(
        "table", title, (*listed, _ALWAYS) if several else listed, why, key, "", thresholds, options, custom,
        height=height, instant=True, tabular=not any(counts), empty=empty,
    )  # fmt: skip
    # A unit is for the value columns alone: Grafana would read a name as a date, and print NaN.
    panel.field_config["defaults"].pop("unit", None)
    panel.field_config["defaults"]["mappings"] = []
    panel.field_config["overrides"] = [override for override in overrides if override["properties"]]
    panel.transformations = [*([{"id": "merge", "options": {}}] if several else []), keep, organize]
    return panel


#: Grafana 9 calls a value column "Value #A" only while two queries or more have results. This one always has; it
#: shares no label with the others, so merging adds its column to their rows, and no row of its own.
_ALWAYS = Query(constant(1, "number"))

#: Pixels that a column needs at least.
_NARROWEST = 80

#: A cell without a value has no colour: the lowest threshold says nothing about it.
_NO_VALUE = {"type": "special", "options": {"match": "null+nan", "result": {"text": "–", "color": "transparent"}}}


def _column_override(column: Column, shown: str, matched: Query | None) -> dict[str, Any]:
    properties: list[dict[str, Any]] = []
    unit = column.unit or (unit_of(matched.expr) if matched else "")
    mapped = column.mapped or (mapping_of(matched) if matched else None)
    if unit:
        properties.append({"id": "unit", "value": grafana_unit(unit)})
    if mapped or column.thresholds:
        mappings = mapped.to_json_data() if mapped else []
        properties.append({"id": "mappings", "value": [*mappings, dict(_NO_VALUE)]})
    if column.thresholds:
        properties.append({"id": "thresholds", "value": column.thresholds.to_json_data()})
    if column.bar:
        properties.append({"id": "custom.cellOptions", "value": {"type": "gauge", "mode": "gradient"}})
        properties.append({"id": "min", "value": 0})
        if unit == "ratio":
            properties.append({"id": "max", "value": 1})
    elif mapped or column.thresholds:
        properties.append({"id": "custom.cellOptions", "value": {"type": "color-background", "mode": "basic"}})
    if column.links:
        properties.append({"id": "links", "value": [dict(link) for link in column.links]})
    if column.width:
        properties.append({"id": "custom.width", "value": column.width})
    if column.hidden:
        properties.append({"id": "custom.hidden", "value": True})
    else:
        # What the whole panel says without data would otherwise stand in each empty cell.
        properties.append({"id": "noValue", "value": "–"})
    return {"matcher": {"id": "byName", "options": shown}, "properties": properties}


def _titled(label: str) -> str:
    return label.replace("_", " ").capitalize()
