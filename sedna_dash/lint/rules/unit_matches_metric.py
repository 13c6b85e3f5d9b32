"""A panel that shows a metric as it is shows it in the metric's unit.

Seconds shown as bytes are off by nothing and still read wrong; a ratio shown as a percentage of 100 is off by 100, and
seconds shown as a date, which Grafana counts in milliseconds, stand in January 1970.

Exceptions: queries that calculate, panels with a unit for each series, and metrics that are not in the catalog.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sedna_dash.lint.board import Board, Panel, Query, mappings
from sedna_dash.lint.rule import Context, Finding, Rule
from sedna_dash.lint.units import BYTE_RATES, BYTES, DATES, PERCENT, TIME, UNITS

_PLAIN = frozenset({"none", "short", "locale", "sishort"})

#: Units that suit each kind of value, and a unit to suggest.
_SUITABLE = {
    "seconds": (TIME, "s"),
    "bytes": (BYTES, "bytes"),
    "bytes/s": (BYTE_RATES, "Bps"),
    "ratio": (_PLAIN | {"percentunit"}, "percentunit"),
    "percent": (_PLAIN | {"percent"}, "percent"),
    "celsius": (_PLAIN | {"celsius"}, "celsius"),
    "timestamp": (UNITS - DATES - PERCENT - BYTES, "dateTimeFromNow, for the metric * 1000"),
}

# Panels that show counts, names or one unit for each column rather than the metric's own values.
_OTHERWISE = frozenset({"table", "heatmap", "histogram", "state-timeline", "status-history", "nodeGraph", "logs"})

# What leaves a value in its unit.
_KEEPS_UNIT = frozenset(
    {"sum", "avg", "min", "max", "quantile", "topk", "bottomk", "sort", "sort_desc", "label_replace", "label_join",
     "avg_over_time", "min_over_time", "max_over_time", "last_over_time", "quantile_over_time", "abs",
     "by", "without", "on", "ignoring", "bool", "offset", "le", "histogram_quantile", "rate", "increase",
     "irate", "delta"}
)  # fmt: skip
_CONTENT = re.compile(r"""\{[^{}]*\}|\[[^\]]*\]|"[^"]*"|'[^']*'|(?:by|without)\s*\([^()]*\)""")
_NAME = re.compile(r"[a-zA-Z_:][\w:]*")
_OPERATOR = re.compile(r"[-+*/%^<>=!]|\b(?:and|or|unless|atan2)\b")


def check(board: Board, context: Context) -> Iterator[Finding]:
    for panel in board.panels:
        unit = panel.defaults.get("unit")
        if panel.type in _OTHERWISE or not isinstance(unit, str) or unit not in UNITS or _has_more_units(panel):
            continue
        queries = board.queries_of(panel)
        kinds = {kind_of(query, context) for query in queries if query.language == "promql"}
        if len(kinds) != 1 or len(queries) != len(panel.targets):
            continue
        kind = kinds.pop()
        suitable, example = _SUITABLE.get(kind, (UNITS, ""))
        if unit not in suitable:
            yield Finding(f"shows {kind} in the unit '{unit}'; choose one like {example}", panel=panel)


def _has_more_units(panel: Panel) -> bool:
    if panel.model.get("transformations"):
        return True
    return any(
        item.get("id") == "unit" for override in panel.overrides for item in mappings(override.get("properties"))
    )


def kind_of(query: Query, context: Context) -> str:
    """The kind of the values when the query shows one metric as it is, else an empty text."""
    text = _CONTENT.sub(" ", _CONTENT.sub(" ", query.text))
    if "$" in text or _OPERATOR.search(text):
        return ""
    names = set(_NAME.findall(text))
    metrics = [name for name in names if context.catalog.find(name)]
    if len(metrics) != 1 or not names - set(metrics) <= _KEEPS_UNIT:
        return ""
    metric = context.catalog.find(metrics[0])
    assert metric is not None
    if metric.type == "histogram":
        return metric.unit if metrics[0].endswith("_bucket") and "histogram_quantile" in names else ""
    if names & {"rate", "irate"}:
        return "bytes/s" if metric.unit == "bytes" and metric.type == "counter" else ""
    return metric.unit


rule = Rule("unit-matches-metric", "warning", check, __doc__)
