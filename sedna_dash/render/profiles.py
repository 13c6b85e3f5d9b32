"""The shape that a Grafana version reads.

Dashboards are written in the shape of the newest Grafana. Newer Grafanas migrate older shapes by themselves when
they load a dashboard, so the oldest supported shape works everywhere; the reverse does not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from sedna_dash.dashboard_schema import SCHEMA_VERSION, all_panels


@dataclass(frozen=True)
class Profile:
    """A range of Grafana versions that read the same shape."""

    name: str
    since: tuple[int, int]
    schema_version: int
    convert: Callable[[dict[str, Any]], None]
    #: The way back, with the help of the dashboard as it was written.
    restore: Callable[[dict[str, Any], Mapping[str, Any]], None]


def _nothing(model: dict[str, Any], *_: object) -> None:
    """The authored shape is already right."""


def _for_grafana_9(model: dict[str, Any]) -> None:
    """Schema 37: table cells say ``displayMode``, and Loki has no ``$__auto``."""
    for panel in all_panels(model):
        for holder in _cell_holders(panel):
            if "cellOptions" in holder:
                holder["displayMode"] = _display_mode(holder.pop("cellOptions"))
        for item in _override_properties(panel):
            if item.get("id") == "custom.cellOptions":
                item.update(id="custom.displayMode", value=_display_mode(item.get("value")))
        if panel.get("type") == "table":
            panel.get("options", {}).pop("cellHeight", None)
        for target in _loki_targets(panel):
            target["expr"] = target["expr"].replace("[$__auto]", "[$__interval]")


def _from_grafana_9(model: dict[str, Any], authored: Mapping[str, Any]) -> None:
    """`_for_grafana_9` backwards. What it dropped is taken from the same panel or query as it was written."""
    written = {panel.get("id"): panel for panel in all_panels(dict(authored))}
    for panel in all_panels(model):
        known = written.get(panel.get("id"), {})
        for holder in _cell_holders(panel):
            if "displayMode" in holder:
                holder["cellOptions"] = _cell_options(holder.pop("displayMode"))
        if panel.get("type") == "table":
            for item in _override_properties(panel):
                if item.get("id") == "custom.displayMode":
                    item.update(id="custom.cellOptions", value=_cell_options(item.get("value")))
            if known.get("type") == "table" and "cellHeight" in known.get("options", {}):
                panel.setdefault("options", {})["cellHeight"] = known["options"]["cellHeight"]
        automatic = {target.get("refId") for target in _loki_targets(known) if "[$__auto]" in target["expr"]}
        for target in _loki_targets(panel):
            if target.get("refId") in automatic:
                target["expr"] = target["expr"].replace("[$__interval]", "[$__auto]")


def _cell_holders(panel: dict[str, Any]) -> list[dict[str, Any]]:
    custom = panel.get("fieldConfig", {}).get("defaults", {}).get("custom")
    return [custom] if custom and panel.get("type") == "table" else []


def _override_properties(panel: Mapping[str, Any]) -> list[dict[str, Any]]:
    overrides = panel.get("fieldConfig", {}).get("overrides") or ()
    return [item for override in overrides for item in override.get("properties") or ()]


def _loki_targets(panel: Mapping[str, Any]) -> list[dict[str, Any]]:
    # Old dashboards have a datasource's name instead of an object.
    sources = ((target, target.get("datasource")) for target in panel.get("targets") or ())
    return [
        target
        for target, source in sources
        if isinstance(source, dict) and source.get("type") == "loki" and isinstance(target.get("expr"), str)
    ]


#: Grafana's own migration of schema 38, backwards. Of two ways to say one thing, the last is how we write it.
_DISPLAY_MODES = {
    ("color-background", None): "color-background",
    ("gauge", None): "gradient-gauge",
    ("color-background", "basic"): "color-background-solid",
    ("color-background", "gradient"): "color-background",
    ("gauge", "basic"): "basic",
    ("gauge", "gradient"): "gradient-gauge",
    ("gauge", "lcd"): "lcd-gauge",
}
_CELLS = {shown: cell for cell, shown in _DISPLAY_MODES.items()}


def _display_mode(cell: Any) -> Any:
    if not isinstance(cell, dict):
        return cell
    kind = cell.get("type", "auto")
    return _DISPLAY_MODES.get((kind, cell.get("mode")), kind)


def _cell_options(shown: Any) -> Any:
    if not isinstance(shown, str):
        return shown
    kind, mode = _CELLS.get(shown, (shown, None))
    return {"type": kind, **({"mode": mode} if mode else {})}


PROFILES = (
    Profile("9.3", (9, 3), 37, _for_grafana_9, _from_grafana_9),
    Profile("10", (10, 0), SCHEMA_VERSION, _nothing, _nothing),
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
    authored one come from plain grafanalib or from an export, and stay as they are, uncopied."""
    if model.get("schemaVersion") != SCHEMA_VERSION:
        return model
    result: dict[str, Any] = orjson.loads(orjson.dumps(model))  # a copy, many times quicker than deepcopy
    profile.convert(result)
    result["schemaVersion"] = profile.schema_version
    return result


def restored(model: Mapping[str, Any], profile: Profile, authored: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a dashboard of a Grafana in the shape that dashboards are written in: `shaped` backwards. ``authored``
    is the same dashboard as it was written, which settles what the profile's shape cannot say."""
    result: dict[str, Any] = orjson.loads(orjson.dumps(model))
    if authored.get("schemaVersion") == SCHEMA_VERSION:
        profile.restore(result, authored)
        result["schemaVersion"] = SCHEMA_VERSION
    return result
