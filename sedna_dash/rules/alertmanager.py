"""An Alertmanager that routes Sedna's alerts: what silences what, who is told, and what belongs together."""

from __future__ import annotations

from typing import Any

from sedna_dash.alerts import Alerts

_ABOUT = (
    "# An example to merge into your own configuration: inhibit_rules as they are, the rest to your taste.\n"
    "# Receivers name files for addresses that are secrets, so that none stands here.\n"
)


def text(alerts: Alerts, yaml: str) -> str:
    """The file, from its content as YAML, with the reason for each inhibition."""
    lines = []
    reasons = iter(alerts.inhibitions)
    for line in yaml.splitlines():
        if line.startswith("- source_matchers:"):
            lines.append(f"# {next(reasons).why}")
        lines.append(line)
    return _ABOUT + "\n".join(lines) + "\n"


def configuration(alerts: Alerts) -> dict[str, Any]:
    """Routes by severity, and inhibitions."""
    return {
        "route": {
            "receiver": "tickets",
            "group_by": ["alertname", "cluster", "namespace", "name", "node"],
            "group_wait": "30s",
            "group_interval": "5m",
            "repeat_interval": "12h",
            "routes": [
                # It is there to be missed when it stops.
                {"receiver": "dead-mans-switch", "matchers": ['alertname = "SednaWatchdog"'],
                 "group_wait": "0s", "group_interval": "1m", "repeat_interval": "1m"},
                {"receiver": "nobody", "matchers": ['alertname =~ "Sedna.+"', 'severity = "info"']},
                {"receiver": "pager", "matchers": ['alertname =~ "Sedna.+"', 'severity = "critical"'],
                 "repeat_interval": "4h"},
            ],
        },
        "inhibit_rules": [
            {
                "source_matchers": [_one_of(item.sources)],
                "target_matchers": [_one_of(item.targets)],
                "equal": list(item.equal),
            }
            for item in alerts.inhibitions
        ],
        "receivers": [
            {"name": "nobody"},
            {"name": "pager", "webhook_configs": [{"url_file": "/etc/alertmanager/secrets/pager-url"}]},
            {"name": "tickets", "webhook_configs": [{"url_file": "/etc/alertmanager/secrets/tickets-url"}]},
            {"name": "dead-mans-switch",
             "webhook_configs": [{"url_file": "/etc/alertmanager/secrets/watchdog-url", "send_resolved": False}]},
        ],
    }  # fmt: skip


def _one_of(names: tuple[str, ...]) -> str:
    if len(names) == 1:
        return f'alertname = "{names[0]}"'
    return f'alertname =~ "{"|".join(names)}"'
