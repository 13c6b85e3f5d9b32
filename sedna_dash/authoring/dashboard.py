"""A dashboard: a question, variables, rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from grafanalib.core import Dashboard as GrafanalibDashboard

from sedna_dash.authoring.annotations import annotation_list
from sedna_dash.authoring.layout import GRID, Row, panel_id, place
from sedna_dash.authoring.panels import markdown_options
from sedna_dash.authoring.variables import Variable
from sedna_dash.dashboard_schema import SCHEMA_VERSION
from sedna_dash.errors import AuthoringError

#: Grafana takes letters, digits, - and _, up to 40; its newer API makes the uid a Kubernetes name: lower case, no _.
UID = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")

_QUESTION_HEIGHT = 2


class Dashboard(GrafanalibDashboard):  # type: ignore[misc]
    """A grafanalib dashboard that renders exactly ``model``."""

    title: str
    uid: str

    def __init__(self, *, model: dict[str, Any], **fields: Any) -> None:
        super().__init__(**fields)
        self.model = model

    def to_json_data(self) -> dict[str, Any]:
        """The dashboard as Grafana stores it, without ``id`` and ``version``, which belong to one server."""
        return self.model


def board(
    title: str,
    *rows: Row,
    uid: str,
    question: str,
    variables: Sequence[Variable],
    annotations: Sequence[dict[str, Any]] = (),
    time: str = "now-6h",
    refresh: str = "1m",
    tags: Sequence[str] = ("sedna",),
    links: Sequence[dict[str, Any]] = (),
) -> Dashboard:
    """Put a dashboard together. ``question`` is what it answers: the first thing that its reader sees.

    Raises `AuthoringError` for an unusable uid and for two panels with the same key.
    """
    if not UID.fullmatch(uid):
        raise AuthoringError(f"dashboard '{title}': uid '{uid}' must be 1 to 40 lower-case letters, digits and dashes")
    keys = Counter(panel.key for item in rows for panel in item.panels())
    keys.update(f"row:{item.title}" for item in rows)
    for key, count in keys.items():
        if count > 1:
            raise AuthoringError(
                f"dashboard '{uid}': {count} panels have the key '{key}'; give one of them another title or key="
            )
    opening = {
        "id": panel_id("question"),
        "type": "text",
        "title": "",
        "transparent": True,
        "gridPos": {"h": _QUESTION_HEIGHT, "w": GRID, "x": 0, "y": 0},
        "options": markdown_options(question),
    }
    model = {
        "uid": uid,
        "title": title,
        "description": question,
        "tags": list(tags),
        "timezone": "browser",
        "editable": True,
        "graphTooltip": 1,  # one crosshair over all panels
        "fiscalYearStartMonth": 0,
        "liveNow": False,
        "weekStart": "",
        "refresh": refresh,
        "time": {"from": time, "to": "now"},
        "timepicker": {"refresh_intervals": ["30s", "1m", "5m", "15m", "30m", "1h", "2h", "1d"]},
        "schemaVersion": SCHEMA_VERSION,
        "links": [_board_menu(tags[0]), *links] if tags else list(links),
        "annotations": {"list": annotation_list(annotations, time)},
        "templating": {"list": [variable.to_json_data() for variable in variables]},
        "panels": [opening, *place(rows, top=_QUESTION_HEIGHT)],
    }
    return Dashboard(title=title, uid=uid, model=model)


def _board_menu(tag: str) -> dict[str, Any]:
    return {
        "type": "dashboards",
        "title": "Sedna dashboards" if tag == "sedna" else f"{tag.capitalize()} dashboards",
        "tags": [tag],
        "asDropdown": True,
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
        "icon": "external link",
        "tooltip": "",
        "url": "",
    }
