"""A small site to ask about: dashboards, and rules of others, as plain data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sedna_dash.alerts import Alerts
from sedna_dash.catalog import default_catalog
from sedna_dash.impact.inventory import Inventory
from sedna_dash.impact.others import OthersBoard, OthersRule
from sedna_dash.lint.board import Board
from sedna_dash.rules.ruleset import RuleSet

PROMETHEUS = {"type": "prometheus", "uid": "p"}
LOKI = {"type": "loki", "uid": "l"}


def panel(title: str, *exprs: str, id: int = 1, datasource: Any = PROMETHEUS, **more: Any) -> dict[str, Any]:
    targets = [
        {"refId": "ABCDEF"[index], "expr": expr, "legendFormat": more.get("legend", "")}
        for index, expr in enumerate(exprs)
    ]
    more.pop("legend", None)
    return {"id": id, "type": "table", "title": title, "datasource": datasource, "targets": targets, **more}


def dashboard(uid: str, *panels: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"uid": uid, "title": uid.title(), "panels": list(panels), **more}


def site(*boards: dict[str, Any], rules: tuple[OthersRule, ...] = (), alerts: Alerts | None = None) -> Inventory:
    """Dashboards as if they were ours; the catalog is ours, and its records are there."""
    ours = RuleSet(alerts or Alerts({}, {}, ()), default_catalog(), [Board(board, "x.py") for board in boards])
    return Inventory(ours, (), rules)


def others(*boards: dict[str, Any]) -> Inventory:
    """The same dashboards as somebody else's."""
    ours = RuleSet(Alerts({}, {}, ()), default_catalog(), [])
    return Inventory(ours, [OthersBoard(board, "theirs.json") for board in boards])


def record(name: str, expr: str) -> OthersRule:
    return OthersRule("record", "theirs", name, expr, "theirs.yaml")


def alert(name: str, expr: str, **texts: str) -> OthersRule:
    return OthersRule("alert", "theirs", name, expr, "theirs.yaml", texts)


REPOSITORY = Path(__file__).parent.parent.parent
