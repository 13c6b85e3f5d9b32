"""One shape for any dashboard: no nulls, no residue of one server, ids and refIds where they are missing.

Dashboards written with `sedna_dash.authoring` come out as they are; what plain grafanalib renders is completed.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from sedna_dash.dashboard_schema import SCHEMA_VERSION, all_panels
from sedna_dash.errors import SourceError

#: Keys that belong to one Grafana server, or that no Grafana since 8 reads.
RESIDUE = ("id", "version", "iteration", "gnetId", "rows", "__inputs", "__requires", "hideControls",
           "sharedCrosshair", "style")  # fmt: skip


def normalised(model: dict[str, Any]) -> dict[str, Any]:
    """Plain JSON data without residue. Raises `SourceError` when there is no uid or no title."""
    # Through JSON and back: the quickest way to plain data.
    plain: dict[str, Any] = orjson.loads(orjson.dumps(model, default=_rendered))
    if plain.get("schemaVersion") != SCHEMA_VERSION:
        # grafanalib's own panels are full of nulls; what `authoring` writes has none.
        plain = _without_nulls(plain)
    return without_residue(plain)


def without_residue(plain: dict[str, Any]) -> dict[str, Any]:
    """The same dashboard without residue, with ids and refIds. Nulls stay, as in a file that somebody exported.

    Raises `SourceError` when there is no uid or no title.
    """
    for key in RESIDUE:
        plain.pop(key, None)
    for needed in ("uid", "title"):
        if not plain.get(needed):
            raise SourceError(f"dashboard '{plain.get('title') or plain.get('uid') or '?'}' has no {needed}; set it")
    for panel in all_panels(plain):
        if not panel.get("id"):
            # Imported here: dashboards that come as JSON do without grafanalib, which takes its time.
            from sedna_dash.authoring.layout import panel_id

            panel["id"] = panel_id(str(panel.get("title") or panel.get("type")))
        for index, target in enumerate(panel.get("targets", ())):
            if not target.get("refId"):
                from sedna_dash.authoring.panel import ref

                target["refId"] = ref(index)
    return plain


def _rendered(value: Any) -> Any:
    """What a grafanalib object inside a dashboard renders to."""
    if hasattr(value, "to_json_data"):
        return value.to_json_data()
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")


def _without_nulls(value: Any) -> Any:
    """The same without nulls, but for the one null that means something."""
    if isinstance(value, dict):
        # The base step of thresholds has no value, and Grafana insists on the null.
        keep_null = "value" if "color" in value else None
        return {key: _without_nulls(item) for key, item in value.items() if item is not None or key == keep_null}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def file_name(uid: str) -> str:
    """A safe file name for a uid."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", uid) + ".json"
