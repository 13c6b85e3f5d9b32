"""What breaks when a dashboard goes, or one of its panels."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sedna_dash.authoring.links import RUNBOOKS
from sedna_dash.errors import SettingsError
from sedna_dash.impact.inventory import Inventory, Place, alert_place, board_place, place_of
from sedna_dash.lint.board import Board, Panel, mappings
from sedna_dash.lint.references import source_name, strings
from sedna_dash.schemas import nearest

_PANEL = re.compile(r"\b(?:viewPanel|panelId)=(?:panel-)?(\d+)")


@dataclass(frozen=True)
class Lead:
    """A place that leads to the dashboard, and how: the address, or the annotation of an alert.

    ``panel`` is the title of the panel that it opens, or empty.
    """

    place: Place
    how: str
    panel: str = ""


@dataclass(frozen=True)
class DashboardImpact:
    """Who leads to a dashboard, or to one panel of it, and what is shown only there.

    ``menus`` are the dashboards whose menu of dashboards gets shorter, which breaks nothing. ``alone`` are metrics and
    records that no other dashboard (or panel) reads, ``required`` the required values that no other one shows.
    """

    uid: str
    title: str
    panel: str
    leads: Sequence[Lead]
    menus: Sequence[str]
    alone: Sequence[str]
    required: Mapping[str, str]

    @property
    def breaks(self) -> bool:
        """Whether anything leads nowhere, or is not shown any more."""
        return bool(self.leads or self.alone or self.required)


def dashboard_impact(uid: str, panel: str, inventory: Inventory) -> DashboardImpact:
    """What breaks when the dashboard goes, or only the panel with this title.

    Raises `SettingsError` for an unknown dashboard or panel.
    """
    board = next((board for board in inventory.boards if board.uid == uid), None)
    if board is None:
        known = [board.uid for board in inventory.boards if board.uid]
        raise SettingsError(f"no dashboard has the uid '{uid}'{nearest(uid, known)}")
    titles = [found.name for found in board.panels]
    if panel and panel not in titles:
        raise SettingsError(f"dashboard '{uid}' has no panel '{panel}'{nearest(panel, titles)}")
    leads = [lead for lead in _leads(board, inventory) if not panel or lead.panel == panel]
    if not panel:
        leads = [
            lead for lead in leads if lead.place.home != board.name or lead.place.kind not in ("panel", "dashboard")
        ]
    alone = _alone(board, panel, inventory)
    return DashboardImpact(
        uid=uid,
        title=board.title,
        panel=panel,
        leads=leads,
        menus=[] if panel else _menus(board, inventory),
        alone=sorted(alone),
        required={
            row: text
            for row, text in inventory.catalog.required.items()
            if (shown := {metric.name for metric in inventory.catalog.metrics.values() if row in metric.satisfies})
            and shown & alone
            and not shown & _shown(board, panel, inventory, inside=False)
        },
    )


# --- who leads there ---------------------------------------------------------------------------------------------


def _leads(board: Board, inventory: Inventory) -> Iterator[Lead]:
    titles = {str(panel.id): panel.name for panel in board.panels}
    address = re.compile(rf"(?<![\w-])/?d(?:-solo)?/{re.escape(board.uid)}(?![\w-])[^\s\"'<>)]*")

    def found(place: Place, *texts: str) -> Iterator[Lead]:
        for url in dict.fromkeys(url for text in texts for url in address.findall(text)):
            opened = _PANEL.search(url)
            yield Lead(place, url, titles.get(opened[1], "") if opened else "")

    for other in inventory.boards:
        around = {key: value for key, value in other.model.items() if key not in ("panels", "rows")}
        yield from found(board_place(other, "dashboard", "links"), *strings(around))
        for panel in other.panels:
            yield from found(board_place(other, "panel", panel.name, panel.id), *strings(panel.model))
    for panel in board.panels:
        for target in _reused(panel):
            if target in titles:
                yield Lead(board_place(board, "panel", panel.name, panel.id), "shows its result", titles[target])
    for alert in inventory.rules.alerts.alerts.values():
        if alert.panel.board == board.uid:
            yield Lead(alert_place(alert), "dashboard_url", alert.panel.title)
        if board.uid == RUNBOOKS:
            yield Lead(alert_place(alert), "runbook_url", alert.name if alert.name in titles.values() else "")
    for rule in inventory.others_rules:
        yield from found(place_of(rule), *rule.texts.values())


def _reused(panel: Panel) -> list[str]:
    """The ids of the panels of its dashboard whose results a panel shows."""
    sources = [panel.model.get("datasource"), *(target.get("datasource") for target in panel.targets)]
    if "-- Dashboard --" not in map(source_name, sources):
        return []
    return [str(target.get("panelId")) for target in panel.targets if "panelId" in target]


def _menus(board: Board, inventory: Inventory) -> list[str]:
    tags = set(_tags(board.model.get("tags")))
    found = []
    for other in inventory.boards:
        lists = [link for link in mappings(other.model.get("links")) if link.get("type") == "dashboards"]
        lists += [panel.options for panel in other.panels if panel.type == "dashlist"]
        asked = [set(_tags(item.get("tags"))) for item in lists]
        if other is not board and any(wanted and wanted <= tags for wanted in asked):
            found.append(other.name)
    return found


def _tags(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, (list, tuple)) else []


# --- what is shown only there ------------------------------------------------------------------------------------


def _alone(board: Board, panel: str, inventory: Inventory) -> set[str]:
    return _shown(board, panel, inventory, inside=True) - _shown(board, panel, inventory, inside=False)


def _shown(board: Board, panel: str, inventory: Inventory, *, inside: bool) -> set[str]:
    """The metrics and records that panels read, those below included: of this dashboard or panel, or of all others."""
    found: set[str] = set()
    for reader in inventory.readers:
        if reader.place.kind != "panel":
            continue
        here = reader.place.home == board.name and (not panel or reader.place.name == panel)
        if here == inside:
            found |= inventory.below(inventory.series_of(reader))
    return found
