"""One shape for any dashboard: no nulls, no residue of one server, ids and refIds where they are missing.

Dashboards written with `sedna_dash.authoring` come out as they are; what plain grafanalib renders is completed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import attr
from grafanalib._gen import DashboardEncoder

from sedna_dash.authoring.layout import panel_id
from sedna_dash.errors import SourceError

#: Keys that belong to one Grafana server, or that no Grafana since 8 reads.
RESIDUE = ("id", "version", "iteration", "gnetId", "rows", "__inputs", "__requires", "hideControls",
           "sharedCrosshair", "style")  # fmt: skip


def normalised(model: dict[str, Any]) -> dict[str, Any]:
    """Plain JSON data without residue. Raises `SourceError` when there is no uid or no title."""
    plain: dict[str, Any] = _plain(model)
    for key in RESIDUE:
        plain.pop(key, None)
    for needed in ("uid", "title"):
        if not plain.get(needed):
            raise SourceError(f"dashboard '{plain.get('title') or plain.get('uid') or '?'}' has no {needed}; set it")
    for panel in all_panels(plain):
        if not panel.get("id"):
            panel["id"] = panel_id(str(panel.get("title") or panel.get("type")))
        for index, target in enumerate(panel.get("targets", ())):
            target["refId"] = target.get("refId") or chr(ord("A") + index)
    return plain


def all_panels(model: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every panel, those inside collapsed rows included."""
    for panel in model.get("panels", ()):
        yield panel
        yield from panel.get("panels", ())


def _plain(value: Any, key: str = "") -> Any:
    """JSON data without grafanalib objects and without nulls, but for the one null that means something."""
    if isinstance(value, dict):
        kept = {name: _plain(item, name) for name, item in value.items()}
        # The base step of thresholds has no value, and Grafana insists on the null.
        keep_null = "value" if "color" in kept else None
        return {name: item for name, item in kept.items() if item is not None or name == keep_null}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    if attr.has(type(value)) or hasattr(value, "to_json_data"):
        return _plain(value.to_json_data(), key)
    return json.loads(json.dumps(value, cls=DashboardEncoder))


def file_name(uid: str) -> str:
    """A safe file name for a uid."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", uid) + ".json"
