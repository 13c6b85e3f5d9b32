"""Marks on the time axis: stage changes, deployments, alerts, restarts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sedna_dash.authoring.promql import Expr
from sedna_dash.authoring.variables import METRICS_SOURCE

_BUILT_IN = {
    "builtIn": 1,
    "datasource": {"type": "grafana", "uid": "-- Grafana --"},
    "enable": True,
    "hide": True,
    "iconColor": "rgba(0, 211, 255, 1)",
    "name": "Annotations & Alerts",
    "type": "dashboard",
}


def at_instants(name: str, expr: Expr, *, title: str, color: str = "blue", shown: bool = True) -> dict[str, Any]:
    """A mark at the instant that each series holds as its value (in milliseconds, see `promql.as_instant`).

    The mark stands at the exact time, however coarse the step, and does not depend on a scrape having seen it.
    """
    # A small step, or Grafana would join instants that are close on a long time range.
    return {**_annotation(name, expr, title, color, shown), "useValueForTime": True, "step": "60s"}


def when(name: str, expr: Expr, *, title: str, color: str = "red", shown: bool = True) -> dict[str, Any]:
    """A mark, or a region, while the expression is not zero."""
    return _annotation(name, expr, title, color, shown)


def _annotation(name: str, expr: Expr, title: str, color: str, shown: bool) -> dict[str, Any]:
    return {
        "name": name,
        "datasource": dict(METRICS_SOURCE),
        "enable": shown,
        "hide": False,
        "iconColor": color,
        "expr": expr.text,
        "titleFormat": title,
        "textFormat": "",
        "tagKeys": ",".join(label for label in ("kind", "name", "stage", "node", "severity") if label in expr.labels),
    }


def annotation_list(annotations: Sequence[dict[str, Any]], time: str) -> list[dict[str, Any]]:
    """With Grafana's own annotations, which every dashboard has.

    ``time`` is the dashboard's usual range, like ``now-6h``. Grafana asks for 100 points of it and joins points that
    are no further apart than the step; with a smaller step, a condition that lasts is drawn as a comb of marks.
    """
    step = _step_for(time)
    return [dict(_BUILT_IN), *({"step": step, **annotation} for annotation in annotations)]


def _step_for(time: str) -> str:
    found = re.fullmatch(r"now-(\d+)([mhd])", time)
    minutes = int(found[1]) * {"m": 1, "h": 60, "d": 1440}[found[2]] if found else 360
    return f"{next(step for step in (1, 5, 15, 30, 60, 120, 240, 480, 1440) if step * 100 >= minutes)}m"
