"""What all panels with data share: targets, field settings, colours of states, what an empty one says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sedna_dash.authoring.logql import Counted, Lines
from sedna_dash.authoring.panel import DEFAULT_HEIGHT, Panel, Query, QueryLike, Target, ref
from sedna_dash.authoring.promql import Expr, active_catalog
from sedna_dash.authoring.style import COLORS, Mapped, Thresholds, grafana_unit, state_mappings
from sedna_dash.authoring.variables import LOGS_SOURCE, METRICS_SOURCE
from sedna_dash.catalog.model import Metric
from sedna_dash.errors import AuthoringError

#: Points that a panel of one moment claims to draw. Grafana moves the moment back to a multiple of the step, which it
#: makes from the width of the panel: on a range of a week, "now" would be up to ten minutes ago.
_FINEST = 11_000

#: Rows a log panel loads at most: enough to read, small enough for a thin link.
MAX_LINES = 500


def data_panel(
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
    listed = [as_query(item) for item in queries]
    if not listed:
        raise AuthoringError(f"panel '{title}' has no query; give it one, or use text()")
    sources = [LOGS_SOURCE if isinstance(item.expr, (Counted, Lines)) else METRICS_SOURCE for item in listed]
    if len({source["type"] for source in sources}) > 1:
        raise AuthoringError(f"panel '{title}' mixes metrics and logs; make two panels")
    first = unit_of(listed[0].expr)
    shown_unit = unit or (grafana_unit(first) if first else "")
    defaults: dict[str, Any] = {"custom": custom} if custom else {}
    if shown_unit:
        defaults["unit"] = shown_unit
    defaults["color"] = {"mode": "thresholds" if _colored_by_value(kind, thresholds) else "palette-classic"}
    defaults["thresholds"] = thresholds.to_json_data()
    defaults["mappings"] = _mappings(mapped or mapping_of(listed[0]))
    defaults["noValue"] = empty or _no_value(listed)
    if links:
        defaults["links"] = [dict(link) for link in links]
    if kind == "stat" and shown_unit == "percentunit":
        # Grafana 9 adds these as soon as anybody saves the dashboard, which would look like an edit.
        bounds = {"min": 0, "max": 1}
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
        maxDataPoints=_FINEST if all(target.model.get("instant") for target in targets) else None,
        height_units=height,
    )


def reduced(queries: Iterable[QueryLike] = ()) -> dict[str, Any]:
    """The latest value of each series, which stat, gauge, bar gauge and pie show."""
    # Grafana makes one table of an instant Loki query: a row, not a series, for each combination of labels.
    rows = any(isinstance(item.expr, Counted) and item.expr.labels for item in map(as_query, queries))
    return {"values": rows, "calcs": ["lastNotNull"], "fields": ""}


def as_query(item: QueryLike) -> Query:
    return item if isinstance(item, Query) else Query(item)


def unit_of(expr: Expr | Counted | Lines) -> str:
    return "" if isinstance(expr, Lines) else expr.unit


def mapping_of(item: Query) -> Mapped | None:
    if item.mapped:
        return item.mapped
    return state_mappings(item.expr.unit) if isinstance(item.expr, Expr) else None


def _mappings(mapped: Mapped | None) -> list[dict[str, Any]]:
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
        unit = unit_of(item.expr)
        if index and unit and not _alike(grafana_unit(unit), grafana_unit(first)):
            properties.append({"id": "unit", "value": grafana_unit(unit)})
        if index and kind in ("stat", "state-timeline") and mapping_of(item) != mapping_of(listed[0]):
            properties.append({"id": "mappings", "value": _mappings(mapping_of(item))})
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


def _alike(unit: str, other: str) -> bool:
    """Grafana draws an axis for each unit. Plain numbers have two, and belong on one."""
    return unit == other or {unit, other} == {"none", "short"}


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
    """What is missing when a panel is empty, from the least common source that it reads."""
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
