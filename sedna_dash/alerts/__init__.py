"""Alerts as data: a file for each, with its rule, its texts, its panel, its runbook and its tests."""

from sedna_dash.alerts.loading import default_alerts, load_alerts
from sedna_dash.alerts.model import Alert, Alerts, Case, Check, Firing, Inhibition, PanelLink, Runbook

__all__ = [
    "Alert",
    "Alerts",
    "Case",
    "Check",
    "Firing",
    "Inhibition",
    "PanelLink",
    "Runbook",
    "default_alerts",
    "load_alerts",
]
