"""Panels: one function a kind, the only place that knows Grafana's panel options.

grafanalib supplies the panel, target and grid objects; its panel classes still write Grafana 7 options, so the
options here are our own, in the shape of Grafana's current schema (``render.profiles`` turns them into what
Grafana 9 wants). Titles, units, names and colours of states, and the text of an empty panel come from the catalog.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sedna_dash.authoring.data_panel import MAX_LINES, as_query, data_panel, reduced
from sedna_dash.authoring.logql import Counted, Lines
from sedna_dash.authoring.panel import DEFAULT_HEIGHT, HEIGHTS, Panel, Query, QueryLike, query
from sedna_dash.authoring.promql import Expr
from sedna_dash.authoring.style import PLAIN, Mapped, Thresholds, grafana_unit
from sedna_dash.errors import AuthoringError


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
    logarithmic: bool = False,
    legend: Literal["list", "table", "hidden"] = "list",
    links: Sequence[Mapping[str, Any]] = (),
    empty: str = "",
    height: int = DEFAULT_HEIGHT,
) -> Panel:
    """Lines over time, or bars. ``limits`` draws the thresholds as lines, ``logarithmic`` is for values of very
    different sizes, ``empty`` is as in `table`."""
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
        "scaleDistribution": {"type": "log", "log": 10} if logarithmic else {"type": "linear"},
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
    # Bars that do not begin at zero lie about how they compare.
    bounds = {"min": 0 if bars and minimum is None else minimum, "max": maximum}
    panel = data_panel(
        "timeseries", title, queries, why, key, unit, thresholds, options, custom,
        links=links, height=height, bounds=bounds, empty=empty,
    )  # fmt: skip
    # What an empty panel says is no answer where a line has a gap, but Grafana 9 would write it there; on a
    # logarithmic grid also beside each line without a number, so there the text is a space without width. An empty
    # text would be read as the number 0, and drawn.
    gap = {"id": "noValue", "value": "\u200b" if logarithmic else "–"}
    panel.field_config["overrides"].append({"matcher": {"id": "byType", "options": "number"}, "properties": [gap]})
    if minimum == 0 and maximum is None and panel.field_config["defaults"].get("unit") == "percentunit":
        # Nothing but zeros would be drawn on an axis up to 10,000 %.
        panel.field_config["defaults"]["custom"]["axisSoftMax"] = 0.01
    return panel


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
        "reduceOptions": reduced(),
        "orientation": "auto",
        "textMode": "auto" if names is None else "value_and_name" if names else "value",
        "colorMode": "background" if background else "value",
        "graphMode": "area" if trend else "none",
        "justifyMode": "auto",
        "wideLayout": True,
        "showPercentChange": False,
        "percentChangeColorMode": "standard",
    }
    return data_panel(
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
    empty: str = "",
    height: int = HEIGHTS["gauge"],
) -> Panel:
    """A dial per series, between a minimum and a maximum."""
    options = {
        "reduceOptions": reduced(),
        "orientation": "auto",
        "showThresholdLabels": False,
        "showThresholdMarkers": True,
        "sizing": "auto",
        "minVizWidth": 75,
        "minVizHeight": 75,
    }
    return data_panel(
        "gauge", title, queries, why, key, unit, thresholds, options, {},
        links=links, height=height, empty=empty, instant=True, bounds={"min": minimum, "max": maximum},
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
    empty: str = "",
    height: int = DEFAULT_HEIGHT,
) -> Panel:
    """Horizontal bars, one per series, largest values readable at a glance.

    Not for what may rightly be empty, such as log lines: Grafana 9 shows a grey block then. Raises `AuthoringError`.
    """
    if empty or any(isinstance(item.expr, Counted) for item in map(as_query, queries)):
        raise AuthoringError(
            f"bar gauge '{title}': without data it is a grey block; show what may be empty by table() with a column "
            "that has bar=True"
        )
    options = {
        "reduceOptions": reduced(),
        "orientation": "horizontal",
        "displayMode": "gradient",
        "showUnfilled": True,
        "minVizWidth": 0,
        "minVizHeight": 10,
        "maxVizHeight": 300,
        "sizing": "auto",
        "valueMode": "color",
        "namePlacement": "auto",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False, "calcs": []},
    }
    panel = data_panel(
        "bargauge", title, queries, why, key, unit, thresholds, options, {},
        links=links, height=height, instant=True, bounds={"min": minimum, "max": maximum},
    )  # fmt: skip
    name = as_query(queries[0]).legend if len(queries) == 1 else ""
    if name:
        # Grafana leaves out the name of a bar that is alone unless it is set.
        panel.field_config["defaults"]["displayName"] = re.sub(r"\{\{\s*(\w+)\s*\}\}", r"${__field.labels.\1}", name)
    return panel


def pie_chart(
    title: str,
    *queries: QueryLike,
    why: str,
    key: str = "",
    unit: str = "",
    legend: Literal["right", "bottom"] = "right",
    links: Sequence[Mapping[str, Any]] = (),
    empty: str = "",
    height: int = DEFAULT_HEIGHT,
) -> Panel:
    """Shares of a whole, as a ring with values in the legend; at the ``bottom`` long names fit a narrow panel."""
    options = {
        "reduceOptions": reduced(queries),
        "pieType": "donut",
        "orientation": "auto",
        "displayLabels": ["percent"],
        "legend": {
            "displayMode": "table" if legend == "right" else "list",
            "placement": legend,
            "showLegend": True,
            "calcs": [],
            # The ring says how much of the whole; a second column would not fit beside long names.
            "values": ["value"],
        },
        "tooltip": {"mode": "single", "sort": "none"},
    }
    custom = {"hideFrom": {"legend": False, "tooltip": False, "viz": False}}
    return data_panel(
        "piechart", title, queries, why, key, unit, PLAIN, options, custom,
        links=links, height=height, empty=empty, instant=True,
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
    empty: str = "",
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
        "xTickLabelMaxLength": 0,
        # Of bars stacked upright, Grafana writes the lower values onto the bars above, where they cannot be read.
        "showValue": "never" if stacked and not horizontal else "auto",
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
    panel = data_panel(
        "barchart", title, (query(expr, "{{" + split + "}}"),), why, key, unit, PLAIN, options, custom,
        links=links, height=height, empty=empty, instant=True, tabular=True,
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
    empty: str = "",
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
    return data_panel(
        "histogram", title, queries, why, key, unit, PLAIN, options, custom, height=height, empty=empty, instant=True
    )


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
        "showValue": "never",
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "tooltip": {"mode": "single", "yHistogram": False, "showColorScale": False},
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
    }
    custom = {
        "scaleDistribution": {"type": "linear"},
        "hideFrom": {"legend": False, "tooltip": False, "viz": False},
    }
    return data_panel(
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
    empty: str = "",
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
    return data_panel(
        "state-timeline", title, queries, why, key, "none", PLAIN, options, custom,
        links=links, height=height, empty=empty, mapped=mapped,
    )  # fmt: skip


def status_history(
    title: str,
    *queries: QueryLike,
    why: str,
    key: str = "",
    unit: str = "none",
    mapped: Mapped | None = None,
    thresholds: Thresholds = PLAIN,
    empty: str = "",
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
    panel = data_panel(
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
        empty=empty,
        mapped=mapped,
    )
    panel.maxDataPoints = 100  # cells must stay wide enough to see
    return panel


def node_graph(title: str, nodes: Expr, edges: Expr, *, why: str, key: str = "", height: int = 12) -> Panel:
    """Things and how they are related. ``nodes`` carries labels id and title; ``edges`` id, source and target.

    Raises `AuthoringError` when one of them is missing.
    """
    for expr, needed in ((nodes, {"id", "title"}), (edges, {"id", "source", "target"})):
        missing = needed - expr.labels
        if missing:
            raise AuthoringError(f"node graph '{title}': the series lack the labels {', '.join(sorted(missing))}")
    panel = data_panel(
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
    distinct: bool = False,
    most: int = MAX_LINES,
    height: int = HEIGHTS["logs"],
) -> Panel:
    """The matched log lines themselves, at most so many of them; of lines in a row that differ in numbers alone, only
    the first if they are to be ``distinct``."""
    options = {
        "showTime": True,
        "showLabels": False,
        "showCommonLabels": False,
        "wrapLogMessage": True,
        "prettifyLogMessage": False,
        "enableLogDetails": True,
        "showLogContextToggle": False,
        "dedupStrategy": "numbers" if distinct else "none",
        "sortOrder": "Descending" if newest_first else "Ascending",
    }
    panel = data_panel(
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
