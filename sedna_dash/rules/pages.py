"""The reference pages of records, alerts and runbooks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from sedna_dash.alerts import Alert, Alerts
from sedna_dash.alerts.runbook_text import markdown
from sedna_dash.catalog import Catalog, Metric
from sedna_dash.markdown import table_row


def records_page(catalog: Catalog, shown: Mapping[str, Sequence[str]]) -> str:
    """Every recording rule by group; ``shown`` says which panels read each."""
    parts = [
        "# Recording rules\n",
        "Values that take more than one step to compute, or that would make a large site's panels slow. Names are "
        "`level:metric:operation`. Dashboards write them out, or use what the rules record: "
        "`sedna-dash build --records use`. `sedna-dash rules build` writes the rules.\n",
    ]
    for group in catalog.record_groups.values():
        parts.append(f"## {group.name}\n\n{group.about} Evaluated every {group.interval}.\n")
        parts += [_record(record, shown) for record in catalog.records if record.group == group.name]
    return "\n".join(parts)


def _record(record: Metric, shown: Mapping[str, Sequence[str]]) -> str:
    panels = shown.get(record.name, ())
    places = "; ".join(panels[:3]) + (f" and {len(panels) - 3} more" if len(panels) > 3 else "")
    labels = ", ".join(f"`{label}`" for label in record.labels) or "none of its own"
    fixed = "; adds " + ", ".join(f"`{key}={value}`" for key, value in record.fixed.items()) if record.fixed else ""
    read = f" Panels: {places}." if places else ""
    return (
        f"### `{record.name}`\n\n{record.help}. Unit: {record.unit}. Labels: {labels}{fixed}.{read}\n\n"
        f"```promql\n{(record.expr or '').strip()}\n```\n"
    )


def alerts_page(alerts: Alerts) -> str:
    """Every alert in a table by group, and which alerts silence others."""
    count = len(alerts.alerts)
    parts = [
        "# Alerts\n",
        f"{count} alerts. Critical ones wake somebody, warnings are tickets, info is only to be seen. Each has a "
        "runbook, a link to the panel that shows it, and tests: `sedna-dash rules test`. What a site can tune is under "
        "*Tunable*; how: [Alerts and records](../how-to/rules.md).\n",
    ]
    for group, about in alerts.groups.items():
        members = alerts.of_group(group)
        if members:
            parts.append(f"## {group}\n\n{about}\n")
            parts.append("| Alert | Severity | After | What it says | Panel | Tunable |\n|---|---|---|---|---|---|")
            parts.append("\n".join(_alert_row(alert) for alert in members) + "\n")
    parts.append("## What silences what\n")
    parts.append("| While one of these fires | these stay silent | on the same | Why |\n|---|---|---|---|")
    for item in alerts.inhibitions:
        sources, targets = (", ".join(names) for names in (item.sources, item.targets))
        parts.append(table_row(sources, targets, ", ".join(item.equal), item.why))
    return "\n".join(parts)


def _alert_row(alert: Alert) -> str:
    hold = "at once" if alert.hold in ("0", "0s") else alert.hold
    tunable = ", ".join(f"`{name}` {value}" for name, value in alert.parameters.items()) or "-"
    panel = f"{alert.panel.board.removeprefix('sedna-')}: {alert.panel.title}"
    says = _readable(alert.written(alert.summary))
    return table_row(f"[{alert.name}](runbooks/{alert.name}.md)", alert.severity, hold, says, panel, tunable)


def _readable(template: str) -> str:
    """A template as a person reads it: labels in capitals, any number as N, and without what depends on a label."""
    text = re.sub(r"\{\{ with .*?\{\{ end \}\}", "", template)
    text = re.sub(r"\{\{ *\$labels\.(\w+).*?\}\}", lambda found: found[1].upper(), text)
    return re.sub(r"\{\{ *\$value.*?\}\}", "N", text)


def runbook_page(alert: Alert) -> str:
    """What to do about one alert."""
    return f"# {alert.name}\n\n{''.join(_introduction(alert))}{markdown(alert)}"


def _introduction(alert: Alert) -> Iterator[str]:
    yield f"Group: {alert.group}. It shows the panel *{alert.panel.title}* of `{alert.panel.board}`.\n\n"
