"""Panels: one function a kind, the only place that knows Grafana's panel options.

grafanalib supplies the panel, target and grid objects; its panel classes still write Grafana 7 options, so the
options here are our own, in the shape of Grafana's current schema (``render.profiles`` turns them into what
Grafana 9 wants). Titles, units, names and colours of states, and the text of an empty panel come from the catalog.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from grafanalib.core import GridPos
from grafanalib.core import Panel as GrafanalibPanel
from grafanalib.core import Target as GrafanalibTarget

from sedna_dash.authoring.logql import Counted, Lines
from sedna_dash.authoring.promql import Expr, active_catalog, constant
from sedna_dash.authoring.style import COLORS, PLAIN, Mapped, Thresholds, grafana_unit, state_mappings
from sedna_dash.authoring.variables import LOGS_SOURCE, METRICS_SOURCE
from sedna_dash.catalog.model import Metric, closest
from sedna_dash.errors import AuthoringError

#: Grid units: a row of Grafana's grid is 24 wide, one unit of height is 38 pixels.
HEIGHTS = {"stat": 4, "gauge": 6, "text": 3, "logs": 12, "row": 1}
DEFAULT_HEIGHT = 8

#: Rows a log panel loads at most: enough to read, small enough for a thin link.
MAX_LINES = 500

Shown = Literal["last", "max", "min", "mean", "sum"]
_REDUCERS = {"last": "lastNotNull", "max": "max", "min": "min", "mean": "mean", "sum": "sum"}


class Panel(GrafanalibPanel):  # type: ignore[misc]
    """A grafanalib panel that renders final-shape JSON: no nulls, no retired keys.

    ``key`` names the panel for ever: its id is a hash of it, so links and alerts keep pointing at it when other
    panels come and go, or when the title changes.
    """

    # grafanalib's own fields, for the type checker: it has no types.
    title: str
    description: str
    dataSource: Mapping[str, str] | None  # noqa: N815
    targets: list[Any]
    transformations: list[dict[str, Any]]
    gridPos: GridPos | None  # noqa: N815
    id: int | None
    maxDataPoints: int | None  # noqa: N815

    # A plain __init__: attrs would spend more time on generating one for each class than all panels take to render.
    def __init__(
        self,
        *,
        kind: str,
        key: str = "",
        options: dict[str, Any] | None = None,
        field_config: dict[str, Any] | None = None,
        height_units: int = DEFAULT_HEIGHT,
        **fields: Any,
    ) -> None:
        super().__init__(**{"maxDataPoints": None, **fields})
        self.kind = kind
        self.key = key
        self.options = options or {}
        self.field_config = field_config or {}
        self.height_units = height_units

    def to_json_data(self) -> dict[str, Any]:
        """The panel as Grafana stores it."""
        rendered = {
            "id": self.id,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": self.dataSource,
            "gridPos": self.gridPos.to_json_data() if self.gridPos else None,
            "options": self.options,
            "fieldConfig": self.field_config,
            "targets": [target.to_json_data() for target in self.targets],
            "transformations": list(self.transformations),
            "links": list(self.links),
            "interval": self.interval,
            "maxDataPoints": self.maxDataPoints,
            "transparent": self.transparent or None,
        }
        if self.repeat is not None and self.repeat.variable:
            rendered.update(
                repeat=self.repeat.variable,
                repeatDirection=self.repeat.direction or "h",
                maxPerRow=self.repeat.maxPerRow,
            )
        if self.kind == "text":
            for key in ("targets", "datasource", "fieldConfig"):
                rendered.pop(key)
        optional = (
            "description",
            "transformations",
            "links",
            "interval",
            "maxDataPoints",
            "transparent",
            "maxPerRow",
        )
        return {key: value for key, value in rendered.items() if key not in optional or value not in (None, [], "")}


class Target(GrafanalibTarget):  # type: ignore[misc]
    """A grafanalib target that renders only what the query needs."""

    expr: str
    refId: str  # noqa: N815
    datasource: Mapping[str, str] | None

    def __init__(self, *, model: dict[str, Any], **fields: Any) -> None:
        super().__init__(**fields)
        self.model = model

    def to_json_data(self) -> dict[str, Any]:
        """The query as Grafana stores it."""
        return {"refId": self.refId, "datasource": self.datasource, "expr": self.expr, **self.model}


@dataclass(frozen=True)
class Query:
    """One query of a panel: the expression, its legend, and how it differs from the panel's other queries."""

    expr: Expr | Counted | Lines
    legend: str = ""
    right: bool = False
    dashed: bool = False
    color: str = ""
    mapped: Mapped | None = None
    instant: bool | None = None
    empty: str = ""


def query(
    expr: Expr | Counted | Lines,
    legend: str = "",
    *,
    right: bool = False,
    dashed: bool = False,
    color: str = "",
    mapped: Mapped | None = None,
    instant: bool | None = None,
    empty: str = "",
) -> Query:
    """A query and its legend, in which ``{{label}}`` stands for a label's value.

    ``right`` puts it on the right axis, ``dashed`` draws it as a limit, ``color`` fixes its colour. ``empty`` is what
    the panel says when nothing is found, where that is no fault: "No job is training".
    Raises `AuthoringError` when the legend names a label that the series do not carry.
    """
    if not isinstance(expr, Lines):
        for label in re.findall(r"\{\{\s*(\w+)\s*\}\}", legend):
            if label not in expr.labels:
                carried = ", ".join(sorted(expr.labels)) or "none"
                raise AuthoringError(
                    f"legend '{legend}': the series carry no label '{label}'{closest(label, expr.labels)}; "
                    f"they carry: {carried}"
                )
    return Query(expr, legend, right, dashed, color, mapped, instant, empty)


QueryLike = Query | Expr | Counted | Lines


# --- the kinds --------------------------------------------------------------------------------------------------


def timeseries(
    title: str,
    *queries: QueryLike,
    why: str,
    key: str = "",
    unit: str = "",
    bars: bool = False,
    steps: bool = False,
    stacked: bool = False,
    thresholds: Thresholds = PLAIN,
    limits: bool = False,
    minimum: float | None = None,
    maximum: float | None = None,
    legend: Literal["list", "table", "hidden"] = "list",
    links: Sequence[Mapping[str, Any]] = (),
    empty: str = "",
    height: int = DEFAULT_HEIGHT,
) -> Panel:
    """Lines over time, or bars. ``limits`` draws the thresholds as lines, ``empty`` is as in `table`."""
    custom = {
        "drawStyle": "bars" if bars else "line",
        "lineInterpolation": "stepAfter" if steps else "linear",
        "lineWidth": 1,
        "fillOpacity": 60 if bars or stacked else 8,
        "gradientMode": "none",
        "showPoints": "never" if bars else "auto",
        "pointSize": 4,
        # A scrape or two may be lost on a thin link; a longer gap is a gap.
        "spanNulls": False if bars else 300000,
        "stacking": {"group": "A", "mode": "normal" if stacked else "none"},
        "axisPlacement": "auto",
        "axisLabel": "",
        "axisColorMode": "text",
        "barAlignment": 0,
        "scaleDistribution": {"type": "linear"},
        "thresholdsStyle": {"mode": "dashed" if limits else "off"},
        "hideFrom": {"legend": False, "tooltip": False, "viz": False},
    }
    table_legend = {"calcs": ["lastNotNull", "max"]} if legend == "table" else {"calcs": []}
    options = {
        "legend": {
            "displayMode": "table" if legend == "table" else "list",
            "placement": "right" if legend == "table" else "bottom",
            "showLegend": legend != "hidden",
            **table_legend,
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    bounds = {"min": minimum, "max": maximum}
    return _data_panel(
        "timeseries", title, queries, why, key, unit, thresholds, options, custom,
        links=links, height=height, bounds=bounds, empty=empty,
    )  # fmt: skip


def stat(
    title: str,
    *queries: QueryLike,
    why: str,
    key: str = "",
    unit: str = "",
    thresholds: Thresholds = PLAIN,
    mapped: Mapped | None = None,
    trend: bool = False,
    background: bool = False,
    names: bool | None = None,
    links: Sequence[Mapping[str, Any]] = (),
    empty: str = "",
    height: int = HEIGHTS["stat"],
) -> Panel:
    """Big numbers, one per series.

    ``trend`` draws the history behind, ``background`` colours the whole tile; ``empty`` is as in `table`.
    """
    options = {
        "reduceOptions": _reduce("last"),
        "orientation": "auto",
        "textMode": "auto" if names is None else "value_and_name" if names else "value",
        "colorMode": "background" if background else "value",
        "graphMode": "area" if trend else "none",
        "justifyMode": "auto",
    }
    return _data_panel(
        "stat", title, queries, why, key, unit, thresholds, options, {},
        links=links, height=height, instant=not trend, mapped=mapped, empty=empty,
    )  # fmt: skip


def gauge(
    title: str,
    *queries: QueryLike,
    why: str,
    key: str = "",
    unit: str = "",
    thresholds: Thresholds = PLAIN,
    minimum: float = 0,
    maximum: float | None = None,
    links: Sequence[Mapping[str, Any]] = (),
    height: int = HEIGHTS["gauge"],
) -> Panel:
    """A dial per series, between a minimum and a maximum."""
    options = {
        "reduceOptions": _reduce("last"),
        "orientation": "auto",
        "showThresholdLabels": False,
        "showThresholdMarkers": True,
    }
    return _data_panel(
        "gauge", title, queries, why, key, unit, thresholds, options, {},
        links=links, height=height, instant=True, bounds={"min": minimum, "max": maximum},
    )  # fmt: skip


def bar_gauge(
    title: str,
    *queries: QueryLike,
    why: str,
    key: str = "",
    unit: str = "",
    thresholds: Thresholds = PLAIN,
    minimum: float | None = 0,
    maximum: float | None = None,
    links: Sequence[Mapping[str, Any]] = (),
    height: int = DEFAULT_HEIGHT,
) -> Panel:
    """Horizontal bars, one per series, largest values readable at a glance."""
    options = {
        "reduceOptions": _reduce("last", queries),
        "orientation": "horizontal",
        "displayMode": "gradient",
        "showUnfilled": True,
        "minVizWidth": 0,
        "minVizHeight": 10,
    }
    return _data_panel(
        "bargauge", title, queries, why, key, unit, thresholds, options, {},
        links=links, height=height, instant=True, bounds={"min": minimum, "max": maximum},
    )  # fmt: skip


def pie_chart(
    title: str,
    *queries: QueryLike,
    why: str,
    key: str = "",
    unit: str = "",
    links: Sequence[Mapping[str, Any]] = (),
    height: int = DEFAULT_HEIGHT,
) -> Panel:
    """Shares of a whole, as a ring with values in the legend."""
    options = {
        "reduceOptions": _reduce("last", queries),
        "pieType": "donut",
        "displayLabels": ["percent"],
        "legend": {
            "displayMode": "table",
            "placement": "right",
            "showLegend": True,
            "calcs": [],
            "values": ["value", "percent"],
        },
        "tooltip": {"mode": "single", "sort": "none"},
    }
    custom = {"hideFrom": {"legend": False, "tooltip": False, "viz": False}}
    return _data_panel(
        "piechart", title, queries, why, key, unit, PLAIN, options, custom,
        links=links, height=height, instant=True,
    )  # fmt: skip


def bar_chart(
    title: str,
    expr: Expr,
    *,
    across: str,
    split: str,
    why: str,
    key: str = "",
    unit: str = "",
    stacked: bool = True,
    horizontal: bool = False,
    links: Sequence[Mapping[str, Any]] = (),
    height: int = DEFAULT_HEIGHT,
) -> Panel:
    """Bars of one moment: a group per value of label ``across``, a bar per value of label ``split``.

    ``horizontal`` leaves room for long values of ``across``.
    """
    for label in (across, split):
        if label not in expr.labels:
            raise AuthoringError(f"bar chart '{title}': the series carry no label '{label}'")
    matrix = {
        "id": "groupingToMatrix",
        "options": {"rowField": across, "columnField": split, "valueField": "Value"},
    }
    options = {
        "orientation": "horizontal" if horizontal else "auto",
        "xTickLabelRotation": 0,
        "xTickLabelSpacing": 0,
        "showValue": "auto",
        "stacking": "normal" if stacked else "none",
        "groupWidth": 0.7,
        "barWidth": 0.97,
        "barRadius": 0,
        "fullHighlight": False,
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    custom = {
        "lineWidth": 1,
        "fillOpacity": 80,
        "gradientMode": "none",
        "axisPlacement": "auto",
        "axisLabel": "",
        "axisColorMode": "text",
        "scaleDistribution": {"type": "linear"},
        "thresholdsStyle": {"mode": "off"},
        "hideFrom": {"legend": False, "tooltip": False, "viz": False},
    }
    panel = _data_panel(
        "barchart", title, (query(expr, "{{" + split + "}}"),), why, key, unit, PLAIN, options, custom,
        links=links, height=height, instant=True, tabular=True,
    )  # fmt: skip
    panel.transformations = [matrix]
    return panel


def histogram(
    title: str,
    *queries: QueryLike,
    why: str,
    key: str = "",
    unit: str = "",
    bucket_size: float | None = None,
    height: int = DEFAULT_HEIGHT,
) -> Panel:
    """How many series lie in each range of values."""
    options: dict[str, Any] = {
        "bucketOffset": 0,
        "combine": True,
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False, "calcs": []},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    if bucket_size is not None:
        options["bucketSize"] = bucket_size
    custom = {
        "lineWidth": 1,
        "fillOpacity": 70,
        "gradientMode": "none",
        "hideFrom": {"legend": False, "tooltip": False, "viz": False},
    }
    return _data_panel("histogram", title, queries, why, key, unit, PLAIN, options, custom, height=height, instant=True)


def heatmap(title: str, buckets: Expr, *, why: str, key: str = "", height: int = DEFAULT_HEIGHT) -> Panel:
    """A histogram metric over time. ``buckets`` comes from `promql.bucket_increase`."""
    unit = grafana_unit(buckets.metrics[0].unit)
    options = {
        "calculate": False,
        "yAxis": {"axisPlacement": "left", "reverse": False, "unit": unit},
        "rowsFrame": {"layout": "auto"},
        "color": {
            "mode": "scheme",
            "scheme": "Oranges",
            "fill": "dark-orange",
            "scale": "exponential",
            "exponent": 0.5,
            "steps": 64,
            "reverse": False,
        },
        "cellGap": 1,
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "tooltip": {"mode": "single", "yHistogram": False, "showColorScale": False},
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
    }
    custom = {
        "scaleDistribution": {"type": "linear"},
        "hideFrom": {"legend": False, "tooltip": False, "viz": False},
    }
    return _data_panel(
        "heatmap", title, (query(buckets, "{{le}}"),), why, key, "", PLAIN, options, custom,
        height=height,
    )  # fmt: skip


def state_timeline(
    title: str,
    *queries: QueryLike,
    why: str,
    key: str = "",
    mapped: Mapped | None = None,
    links: Sequence[Mapping[str, Any]] = (),
    height: int = DEFAULT_HEIGHT,
) -> Panel:
    """One band per thing that changes colour with its state. Values come from `promql.states` or are ``mapped``."""
    options = {
        "mergeValues": True,
        "showValue": "auto",
        "alignValue": "left",
        "rowHeight": 0.85,
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False, "calcs": []},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    custom = {
        "lineWidth": 0,
        "fillOpacity": 75,
        "spanNulls": False,
        "hideFrom": {"legend": False, "tooltip": False, "viz": False},
    }
    return _data_panel(
        "state-timeline", title, queries, why, key, "none", PLAIN, options, custom,
        links=links, height=height, mapped=mapped,
    )  # fmt: skip


def status_history(
    title: str,
    *queries: QueryLike,
    why: str,
    key: str = "",
    unit: str = "none",
    mapped: Mapped | None = None,
    thresholds: Thresholds = PLAIN,
    height: int = DEFAULT_HEIGHT,
) -> Panel:
    """One row of cells per thing, a cell per moment."""
    options = {
        "showValue": "never",
        "rowHeight": 0.9,
        "colWidth": 0.9,
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False, "calcs": []},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    custom = {
        "lineWidth": 1,
        "fillOpacity": 75,
        "hideFrom": {"legend": False, "tooltip": False, "viz": False},
    }
    panel = _data_panel(
        "status-history",
        title,
        queries,
        why,
        key,
        unit,
        thresholds,
        options,
        custom,
        height=height,
        mapped=mapped,
    )
    panel.maxDataPoints = 100  # cells must stay wide enough to see
    return panel


@dataclass(frozen=True)
class Column:
    """How one column of a table looks."""

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
    unit: str = "",
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
    listed = [_as_query(item) for item in queries]
    several = len(listed) > 1
    # Grafana names the value column "Value", or "Value #A" once queries are merged.
    value_fields = {item.legend: f"Value #{ref(index)}" if several else "Value" for index, item in enumerate(listed)}
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
    options: dict[str, Any] = {"showHeader": True, "cellHeight": "sm"}
    if sort:
        options["sortBy"] = [{"displayName": names.get(value_fields.get(sort, sort), sort), "desc": descending}]
    custom = {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": True, "inspect": False}
    panel = _data_panel(
        "table", title, (*listed, _ALWAYS) if several else listed, why, key, unit, thresholds, options, custom,
        height=height, instant=True, tabular=True, empty=empty,
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


def _column_override(column: Column, shown: str, matched: Query | None) -> dict[str, Any]:
    properties: list[dict[str, Any]] = []
    unit = column.unit or (_unit_of(matched.expr) if matched else "")
    mapped = column.mapped or (_mapped(matched) if matched else None)
    if unit:
        properties.append({"id": "unit", "value": grafana_unit(unit)})
    if mapped:
        properties.append({"id": "mappings", "value": mapped.to_json_data()})
        properties.append({"id": "custom.cellOptions", "value": {"type": "color-background", "mode": "basic"}})
    if column.thresholds:
        properties.append({"id": "thresholds", "value": column.thresholds.to_json_data()})
        properties.append({"id": "custom.cellOptions", "value": {"type": "color-background", "mode": "basic"}})
    if column.bar:
        properties.append({"id": "custom.cellOptions", "value": {"type": "gauge", "mode": "gradient"}})
        properties.append({"id": "min", "value": 0})
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


def node_graph(title: str, nodes: Expr, edges: Expr, *, why: str, key: str = "", height: int = 12) -> Panel:
    """Things and how they are related. ``nodes`` carries labels id and title; ``edges`` id, source and target.

    Raises `AuthoringError` when one of them is missing.
    """
    for expr, needed in ((nodes, {"id", "title"}), (edges, {"id", "source", "target"})):
        missing = needed - expr.labels
        if missing:
            raise AuthoringError(f"node graph '{title}': the series lack the labels {', '.join(sorted(missing))}")
    panel = _data_panel(
        "nodeGraph", title, (Query(nodes), Query(edges)), why, key, "", PLAIN, {}, {},
        height=height, instant=True, tabular=True,
    )  # fmt: skip
    # The panel reads columns by these names; Grafana calls the value columns by their query.
    renamed = {"Value #A": "mainstat", "Value #B": "mainstat"}
    panel.transformations = [{"id": "organize", "options": {"renameByName": renamed, "excludeByName": {"Time": True}}}]
    return panel


def log_lines(
    title: str,
    lines: Lines,
    *,
    why: str,
    key: str = "",
    newest_first: bool = True,
    most: int = MAX_LINES,
    height: int = HEIGHTS["logs"],
) -> Panel:
    """The matched log lines themselves, at most so many of them."""
    options = {
        "showTime": True,
        "showLabels": False,
        "showCommonLabels": False,
        "wrapLogMessage": True,
        "prettifyLogMessage": False,
        "enableLogDetails": True,
        "dedupStrategy": "none",
        "sortOrder": "Descending" if newest_first else "Ascending",
    }
    panel = _data_panel(
        "logs", title, (Query(lines),), why, key, "", PLAIN, options, {},
        height=height, direction="backward" if newest_first else "forward",
    )  # fmt: skip
    panel.targets[0].model["maxLines"] = most
    return panel


def text(title: str, markdown: str, *, key: str = "", height: int = HEIGHTS["text"]) -> Panel:
    """A few lines of Markdown."""
    options = markdown_options(markdown)
    return Panel(kind="text", title=title, key=key or title, options=options, height_units=height)


def markdown_options(markdown: str) -> dict[str, Any]:
    """The options of a text panel."""
    code = {"language": "plaintext", "showLineNumbers": False, "showMiniMap": False}
    return {"mode": "markdown", "content": markdown, "code": code}


# --- what they share --------------------------------------------------------------------------------------------


def _data_panel(
    kind: str,
    title: str,
    queries: Iterable[QueryLike],
    why: str,
    key: str,
    unit: str,
    thresholds: Thresholds,
    options: dict[str, Any],
    custom: dict[str, Any],
    *,
    links: Sequence[Mapping[str, Any]] = (),
    height: int = DEFAULT_HEIGHT,
    instant: bool = False,
    tabular: bool = False,
    direction: str = "",
    mapped: Mapped | None = None,
    bounds: Mapping[str, float | None] | None = None,
    empty: str = "",
) -> Panel:
    listed = [_as_query(item) for item in queries]
    if not listed:
        raise AuthoringError(f"panel '{title}' has no query; give it one, or use text()")
    sources = [LOGS_SOURCE if isinstance(item.expr, (Counted, Lines)) else METRICS_SOURCE for item in listed]
    if len({source["type"] for source in sources}) > 1:
        raise AuthoringError(f"panel '{title}' mixes metrics and logs; make two panels")
    first = _unit_of(listed[0].expr)
    shown_unit = unit or (grafana_unit(first) if first else "")
    defaults: dict[str, Any] = {"custom": custom} if custom else {}
    if shown_unit:
        defaults["unit"] = shown_unit
    defaults["color"] = {"mode": "thresholds" if _colored_by_value(kind, thresholds) else "palette-classic"}
    defaults["thresholds"] = thresholds.to_json_data()
    mapping = mapped or _mapped(listed[0])
    defaults["mappings"] = mapping.to_json_data() if mapping else []
    defaults["noValue"] = empty or _no_value(listed)
    if links:
        defaults["links"] = [dict(link) for link in links]
    defaults.update({name: value for name, value in (bounds or {}).items() if value is not None})
    targets = [
        _target(item, ref(index), source, instant, tabular, direction)
        for index, (item, source) in enumerate(zip(listed, sources, strict=True))
    ]
    if tabular:
        # Grafana aligns the moment of a query to its step; rows of different moments would not be merged.
        families = [family for item in listed if isinstance(item.expr, Expr) for family in item.expr.metrics]
        for target in targets:
            target.model["interval"] = _slowest(families)
    overrides = _query_overrides(kind, listed, first) + _state_overrides(kind, listed)
    return Panel(
        kind=kind,
        title=title,
        key=key or title,
        description=_description(why, thresholds, listed),
        dataSource=dict(sources[0]),
        targets=targets,
        options=options,
        field_config={"defaults": defaults, "overrides": overrides},
        height_units=height,
    )


def _reduce(shown: Shown, queries: Iterable[QueryLike] = ()) -> dict[str, Any]:
    # Grafana makes one table of an instant Loki query: a row, not a series, for each combination of labels.
    rows = any(isinstance(item.expr, Counted) and item.expr.labels for item in map(_as_query, queries))
    return {"values": rows, "calcs": [_REDUCERS[shown]], "fields": ""}


def ref(index: int) -> str:
    """A, B, C ... as Grafana names queries."""
    return chr(ord("A") + index)


def _as_query(item: QueryLike) -> Query:
    return item if isinstance(item, Query) else Query(item)


def _unit_of(expr: Expr | Counted | Lines) -> str:
    return "" if isinstance(expr, Lines) else expr.unit


def _mapped(item: Query) -> Mapped | None:
    if item.mapped:
        return item.mapped
    return state_mappings(item.expr.unit) if isinstance(item.expr, Expr) else None


def _mappings(item: Query) -> list[dict[str, Any]]:
    mapped = _mapped(item)
    return mapped.to_json_data() if mapped else []


def _colored_by_value(kind: str, thresholds: Thresholds) -> bool:
    # A timeline coloured by thresholds shows the threshold's range instead of the state's name.
    return kind in ("stat", "gauge", "bargauge", "table") or (kind == "status-history" and bool(thresholds.meaning))


def _target(
    item: Query,
    ref_id: str,
    source: Mapping[str, str],
    instant: bool,
    tabular: bool,
    direction: str,
) -> Target:
    at_once = instant if item.instant is None else item.instant
    model: dict[str, Any] = {"editorMode": "code"}
    if isinstance(item.expr, Expr):
        model.update(instant=at_once, range=not at_once, exemplar=False)
        # Prometheus buckets are cumulative; as "heatmap" Grafana takes the lower ones off.
        buckets = item.expr.labels == {"le"}
        model["format"] = "table" if tabular else "heatmap" if buckets else "time_series"
        # The step never undercuts the scrape interval of what is read, or rates of edge nodes would have holes.
        model["interval"] = _slowest(item.expr.metrics)
    elif isinstance(item.expr, Lines):
        model.update(queryType="range", maxLines=MAX_LINES, direction=direction)
    else:
        model["queryType"] = "instant" if at_once else "range"
    if item.legend and not isinstance(item.expr, Lines):
        model["legendFormat"] = item.legend
    elif isinstance(item.expr, Expr):
        model["legendFormat"] = "__auto"
    return Target(expr=item.expr.text, refId=ref_id, datasource=dict(source), model=model)


def _slowest(families: Iterable[Metric]) -> str:
    catalog = active_catalog()
    seconds = {"s": 1, "m": 60, "h": 3600}
    intervals = [catalog.sources[family.sources[0]].interval for family in families if family.expr is None]
    return max(intervals, key=lambda text: int(text[:-1]) * seconds[text[-1]], default="30s")


def _query_overrides(kind: str, listed: Sequence[Query], first: str) -> list[dict[str, Any]]:
    """What single queries want different from the panel: unit, axis, dash, colour."""
    if kind == "table":
        return []
    overrides = []
    for index, item in enumerate(listed):
        properties: list[dict[str, Any]] = []
        unit = _unit_of(item.expr)
        if index and unit and grafana_unit(unit) != grafana_unit(first):
            properties.append({"id": "unit", "value": grafana_unit(unit)})
        if index and kind in ("stat", "state-timeline") and _mapped(item) != _mapped(listed[0]):
            properties.append({"id": "mappings", "value": _mappings(item)})
        if item.right:
            properties.append({"id": "custom.axisPlacement", "value": "right"})
        if item.dashed:
            properties.append({"id": "custom.lineStyle", "value": {"dash": [8, 8], "fill": "dash"}})
            properties.append({"id": "custom.fillOpacity", "value": 0})
        if item.color:
            properties.append({"id": "color", "value": {"fixedColor": item.color, "mode": "fixed"}})
        if properties:
            overrides.append({"matcher": {"id": "byFrameRefID", "options": ref(index)}, "properties": properties})
    return overrides


def _state_overrides(kind: str, listed: Sequence[Query]) -> list[dict[str, Any]]:
    """A legend that is one state label gets that state's colour in every dashboard."""
    if kind not in ("timeseries", "piechart", "barchart", "bargauge"):
        return []
    names: dict[str, None] = {}
    catalog = active_catalog()
    for item in listed:
        found = re.fullmatch(r"\{\{(\w+)\}\}", item.legend)
        if found is None:
            if item.legend in COLORS and not item.color:
                names[item.legend] = None
            continue
        domains: list[tuple[str, ...]] = []
        if isinstance(item.expr, Expr):
            domains = [family.labels.get(found[1], ()) for family in item.expr.metrics]
        elif isinstance(item.expr, Counted):
            domains = [catalog.logs.all.get(found[1], ())]
        names.update({value: None for domain in domains for value in domain if value in COLORS})
    return [
        {
            "matcher": {"id": "byName", "options": name},
            "properties": [{"id": "color", "value": {"fixedColor": COLORS[name], "mode": "fixed"}}],
        }
        for name in names
    ]


def _no_value(listed: Sequence[Query]) -> str:
    """What an empty panel says: its own words, or what is missing, from the least common source that it reads."""
    said = next((item.empty for item in listed if item.empty), "")
    if said:
        return said
    if isinstance(listed[0].expr, (Lines, Counted)):
        return "No matching log lines in this time range"
    catalog = active_catalog()
    families = [family for item in listed if isinstance(item.expr, Expr) for family in item.expr.metrics]
    if not families:
        return "No data"
    rarest = max((family for family in families if family.expr is None), key=lambda family: family.tier or 0)
    return catalog.sources[rarest.sources[0]].missing


def _description(why: str, thresholds: Thresholds, listed: Sequence[Query]) -> str:
    """What the panel means and what to do, then what it reads and from whom."""
    catalog = active_catalog()
    parts = [why.strip()]
    if thresholds.meaning:
        parts.append(f"Colours: {thresholds.meaning.strip()}")
    families = dict.fromkeys(family for item in listed if isinstance(item.expr, Expr) for family in item.expr.metrics)
    read = [f"- `{family.name}` ({catalog.sources[family.sources[0]].title}): {family.help}" for family in families]
    if read:
        parts.append("Reads:\n" + "\n".join(read))
    return "\n\n".join(parts)


def _titled(label: str) -> str:
    return label.replace("_", " ").capitalize()
