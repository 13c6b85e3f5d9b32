"""The shape that a Grafana version reads.

Dashboards are written in the shape of the newest Grafana. Newer Grafanas migrate older shapes by themselves when
they load a dashboard, so the oldest supported shape works everywhere; the reverse does not hold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from sedna_dash.authoring.dashboard import SCHEMA_VERSION
from sedna_dash.render.normal import all_panels


@dataclass(frozen=True)
class Profile:
    """A range of Grafana versions that read the same shape."""

    name: str
    since: tuple[int, int]
    schema_version: int
    convert: Callable[[dict[str, Any]], None]


def _nothing(model: dict[str, Any]) -> None:
    """The authored shape is already right."""


def _for_grafana_9(model: dict[str, Any]) -> None:
    """Schema 37: table cells say ``displayMode``, and Loki has no ``$__auto``."""
    for panel in all_panels(model):
        for holder in _cell_holders(panel):
            cell = holder.pop("cellOptions", None)
            if cell is not None:
                holder["displayMode"] = _DISPLAY_MODES[(cell["type"], cell.get("mode"))]
        config = panel.get("fieldConfig", {})
        for override in config.get("overrides", ()):
            for item in override["properties"]:
                if item["id"] == "custom.cellOptions":
                    cell = item["value"]
                    item.update(id="custom.displayMode", value=_DISPLAY_MODES[(cell["type"], cell.get("mode"))])
        if panel.get("type") == "table":
            panel["options"].pop("cellHeight", None)
        for target in panel.get("targets", ()):
            if target.get("datasource", {}).get("type") == "loki":
                target["expr"] = target["expr"].replace("[$__auto]", "[$__interval]")


def _cell_holders(panel: dict[str, Any]) -> list[dict[str, Any]]:
    custom = panel.get("fieldConfig", {}).get("defaults", {}).get("custom")
    return [custom] if custom and panel.get("type") == "table" else []


#: Grafana's own migration of schema 38, backwards.
_DISPLAY_MODES = {
    ("auto", None): "auto",
    ("color-background", "basic"): "color-background-solid",
    ("color-background", "gradient"): "color-background",
    ("gauge", "gradient"): "gradient-gauge",
    ("gauge", "lcd"): "lcd-gauge",
    ("color-text", None): "color-text",
}

PROFILES = (
    Profile("9.3", (9, 3), 37, _for_grafana_9),
    Profile("10", (10, 0), SCHEMA_VERSION, _nothing),
)
OLDEST, NEWEST = PROFILES[0], PROFILES[-1]


def profile_named(name: str) -> Profile:
    """The profile of that name; `KeyError` if there is none."""
    return {profile.name: profile for profile in PROFILES}[name]


def profile_for(version: tuple[int, int] | None) -> Profile:
    """The newest profile that a server of this version reads; the oldest when the version is hidden."""
    if version is None:
        return OLDEST
    return next((profile for profile in reversed(PROFILES) if version >= profile.since), OLDEST)


def shaped(model: dict[str, Any], profile: Profile) -> dict[str, Any]:
    """A copy of an authored dashboard in the profile's shape. Dashboards with another schema version than the
    authored one come from plain grafanalib or from an export, and stay as they are."""
    result: dict[str, Any] = orjson.loads(orjson.dumps(model))  # a copy, many times quicker than deepcopy
    if result.get("schemaVersion") == SCHEMA_VERSION:
        profile.convert(result)
        result["schemaVersion"] = profile.schema_version
    return result
