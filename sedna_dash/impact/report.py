"""The findings as JSON data, in the form of ``sedna_dash/schemas/impact.schema.json``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sedna_dash.impact.dashboards import DashboardImpact
from sedna_dash.impact.inventory import Inventory, Place, Reader
from sedna_dash.impact.labels import LabelImpact
from sedna_dash.impact.metrics import MetricImpact
from sedna_dash.impact.unused import Unread, Unused

Finding = MetricImpact | LabelImpact | DashboardImpact | Unused

_KINDS = {MetricImpact: "metric", LabelImpact: "label", DashboardImpact: "dashboard", Unused: "unused"}


@dataclass(frozen=True)
class Searched:
    """How much was looked through. ``unread`` are queries of which nothing can be said."""

    dashboards: int
    records: int
    alerts: int
    others_dashboards: int
    others_rules: int
    unread: Sequence[Reader]


def searched(inventory: Inventory) -> Searched:
    """How much was looked through."""
    return Searched(
        dashboards=len(inventory.rules.boards),
        records=len(inventory.catalog.records),
        alerts=len(inventory.rules.alerts.alerts),
        others_dashboards=len(inventory.others_boards),
        others_rules=len(inventory.others_rules),
        unread=[reader for reader in inventory.readers if reader.unread],
    )


def report_data(finding: Finding, extent: Searched) -> dict[str, Any]:
    """The finding for scripts."""
    return {
        "schemaVersion": 1,
        "kind": f"sedna-dash/impact-{_KINDS[type(finding)]}",
        "breaks": finding.breaks,
        "searched": {
            "dashboards": extent.dashboards,
            "records": extent.records,
            "alerts": extent.alerts,
            "othersDashboards": extent.others_dashboards,
            "othersRules": extent.others_rules,
        },
        "unread": [
            {
                "place": _place(reader.place),
                "ref": reader.query.ref,
                "query": reader.query.text,
                "reason": reader.unread,
            }
            for reader in extent.unread
        ],
        **_of(finding),
    }


def _of(finding: Finding) -> dict[str, Any]:
    if isinstance(finding, MetricImpact):
        return _metric(finding)
    if isinstance(finding, LabelImpact):
        return _label(finding)
    if isinstance(finding, DashboardImpact):
        return _dashboard(finding)
    return _unused(finding)


def _metric(finding: MetricImpact) -> dict[str, Any]:
    return {
        "name": finding.name,
        "gone": list(finding.gone),
        "madeBy": list(finding.sources),
        "broken": [
            {
                "place": _place(item.place),
                "effect": str(item.effect),
                "refs": list(item.refs),
                "through": list(item.through),
            }
            for item in finding.broken
        ],
        "emptyLinks": [{"alert": alert.name, "panel": _place(place)} for alert, place in finding.links],
        "requiredLost": list(finding.lost),
        "requiredWeakened": list(finding.weakened),
    }


def _label(finding: LabelImpact) -> dict[str, Any]:
    return {
        "name": finding.name,
        "metric": finding.metric,
        "carriers": list(finding.carriers),
        "inLogs": finding.in_logs,
        "uses": [
            {"place": _place(use.place), "role": use.role, "ref": use.ref, "detail": use.detail} for use in finding.uses
        ],
    }


def _dashboard(finding: DashboardImpact) -> dict[str, Any]:
    return {
        "uid": finding.uid,
        "title": finding.title,
        "panel": finding.panel,
        "leads": [{"place": _place(lead.place), "how": lead.how, "panel": lead.panel} for lead in finding.leads],
        "menus": list(finding.menus),
        "shownNowhereElse": list(finding.alone),
        "requiredLost": list(finding.required),
    }


def _unused(finding: Unused) -> dict[str, Any]:
    return {
        "metrics": [_unread(item) for item in finding.metrics],
        "records": [_unread(item) for item in finding.records],
        "readElsewhere": [{"name": metric.name, "by": metric.read_by} for metric in finding.elsewhere],
        "labels": [{"name": label.name, "carriers": list(label.carriers)} for label in finding.labels],
        "missing": [{"name": name, "places": [_place(place) for place in places]} for name, places in finding.missing],
    }


def _unread(item: Unread) -> dict[str, Any]:
    return {"name": item.metric.name, "onlyReadBy": list(item.only_by)}


def _place(place: Place) -> dict[str, Any]:
    return {
        "kind": place.kind,
        "home": place.home,
        "title": place.title,
        "name": place.name,
        "panelId": place.panel_id,
        "file": place.file,
    }
