"""A runbook as Markdown: the same words in Grafana and in the docs."""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.alerts.model import Alert, Check

_SEVERITIES = {
    "critical": "Critical: somebody is affected now.",
    "warning": "Warning: somebody will be affected if nobody looks.",
    "info": "Info: good to know; nobody is told.",
    "none": "It always fires, and is there to be missed when it stops.",
}


def markdown(alert: Alert) -> str:
    """What the alert means, who feels it, where to look, what cures it, and the rule."""
    hold = "" if alert.hold in ("0", "0s") else f" It fires when this has been so for {alert.hold}."
    parts = [
        f"{_SEVERITIES[alert.severity]}{hold}",
        f"**What it means.** {alert.written(alert.runbook.meaning)}",
        f"**Who feels it.** {alert.written(alert.runbook.impact)}",
        "**Where to look**",
        *(f"{number}. {text}" for number, text in enumerate(map(_check, alert.runbook.checks), start=1)),
        "**What to do**",
        "\n".join(f"- {step}" for step in alert.runbook.cure),
        "**The rule**",
        f"```\n{alert.query}\n```",
    ]
    return "\n\n".join(parts)


def _check(check: Check) -> str:
    return "\n\n".join([check.what, *(f"   ```\n{_indented(code)}\n   ```" for code in _codes(check))])


def _codes(check: Check) -> Iterator[str]:
    yield from filter(None, (check.query, check.lines, check.run))


def _indented(code: str) -> str:
    return "\n".join(f"   {line}" for line in code.strip().splitlines())
