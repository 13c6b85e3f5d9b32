"""Runbooks as panels, so that an alert leads to them also where there is no way out of the site."""

from __future__ import annotations

from itertools import zip_longest

from sedna_dash.alerts import Alert, default_alerts
from sedna_dash.alerts.runbook_text import markdown
from sedna_dash.authoring.layout import Line, Row, line, panel_id, row
from sedna_dash.authoring.links import RUNBOOKS
from sedna_dash.authoring.panel import Panel
from sedna_dash.authoring.panels import text

#: Characters of half a dashboard's width, and how many of them make a unit of height; measured on a wide screen.
_WIDTH, _LINES = 95, 2.1


def runbook_rows() -> list[Row]:
    """A row for each group of alerts, folded, with the runbook of each alert: a panel called like the alert."""
    alerts = default_alerts()
    rows = []
    for group, about in alerts.groups.items():
        panels = [_panel(alert) for alert in alerts.of_group(group)]
        if panels:
            rows.append(row(about.rstrip("."), *_pairs(panels), collapsed=True))
    return rows


def runbook_index() -> str:
    """All alerts by group as Markdown, each a link to its runbook."""
    alerts = default_alerts()
    rows = ["| What is it about | Alerts |", "|---|---|"]
    for group, about in alerts.groups.items():
        # Relative, so that it also holds for a Grafana below a path.
        links = [
            f"[{alert.name.removeprefix('Sedna')}](d/{RUNBOOKS}?viewPanel={panel_id(alert.name)})"
            for alert in alerts.of_group(group)
        ]
        if links:
            rows.append(f"| {about} | {' · '.join(links)} |")
    return "\n".join(rows)


def _pairs(panels: list[Panel]) -> list[Line]:
    """Two panels beside each other."""
    pairs = zip_longest(panels[::2], panels[1::2])
    return [line(left, right) if right else line(left) for left, right in pairs]


def _panel(alert: Alert) -> Panel:
    content = markdown(alert)
    lines = sum(1 + len(paragraph) // _WIDTH for paragraph in content.splitlines())
    return text(alert.name, content, height=max(8, round(lines / _LINES)))
