"""Alerts as plain data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from sedna_dash.catalog.loading import DataFile

#: From the most to the least urgent. ``none`` never reaches a person.
SEVERITIES = ("critical", "warning", "info", "none")

Language = Literal["promql", "logql"]

_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
_DURATION = re.compile(r"(?:\d+(?:ms|[smhdwy]))+|0")
_PARAMETER = re.compile(r"(?P<window>\[|\boffset\s+)?\$\{(?P<name>\w+)\}")


def seconds(duration: str) -> float:
    """How long a Prometheus duration is: ``90s``, ``1h30m``, ``0``. Raises `ValueError` for anything else."""
    if not _DURATION.fullmatch(duration):
        raise ValueError(duration)
    return sum(float(number) * _SECONDS[unit] for number, unit in re.findall(r"(\d+)(ms|[smhdwy])", duration))


@dataclass(frozen=True)
class PanelLink:
    """The panel that shows what an alert is about.

    ``variables`` are set besides those that are called as a label of the alert: ``$name`` takes the value of a label,
    anything else is literal. ``span`` is how much time before the alert it shows.
    """

    board: str
    title: str
    variables: Mapping[str, str] = field(default_factory=dict)
    span: str = "6h"


@dataclass(frozen=True)
class Check:
    """One thing to look at: a sentence, and at most one of a PromQL query, a LogQL query, a shell command."""

    what: str
    query: str = ""
    lines: str = ""
    run: str = ""


@dataclass(frozen=True)
class Runbook:
    """What to do: what the alert means, who feels it, where to look, what cures it."""

    meaning: str
    impact: str
    checks: tuple[Check, ...]
    cure: tuple[str, ...]


@dataclass(frozen=True)
class Firing:
    """One alert that a test expects: its labels but for the severity, and its summary as a person reads it."""

    labels: Mapping[str, str]
    summary: str


@dataclass(frozen=True)
class Case:
    """One test of an alert.

    ``series`` maps series to values in promtool's notation, one value every ``interval``; for an alert on log lines
    ``lines`` maps streams to lines. ``at`` is when to look, ``fires`` what fires then.
    """

    name: str
    at: str
    series: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[str, Sequence[str]] = field(default_factory=dict)
    interval: str = "1m"
    fires: tuple[Firing, ...] = ()


@dataclass(frozen=True)
class Alert:
    """One alert. ``hold`` is the time for which the expression has to be true; ``parameters`` are what a site may
    tune, and stand in ``expr`` and in the texts as ``${name}``."""

    name: str
    group: str
    severity: str
    expr: str
    hold: str
    summary: str
    description: str
    panel: PanelLink
    runbook: Runbook
    cases: tuple[Case, ...]
    language: Language = "promql"
    parameters: Mapping[str, float | str] = field(default_factory=dict)
    file: DataFile | None = field(default=None, compare=False, repr=False)

    @property
    def query(self) -> str:
        """The expression with its parameters filled in: durations in seconds, but as they are for a window."""

        def value(found: re.Match[str]) -> str:
            given, before = self.parameters[found["name"]], found["window"] or ""
            if before or not isinstance(given, str):
                return f"{before}{given}"
            return f"{seconds(given):g}"

        return _PARAMETER.sub(value, self.expr)

    def written(self, text: str) -> str:
        """A text of the alert with its parameters filled in."""
        return _PARAMETER.sub(lambda found: f"{found['window'] or ''}{self.parameters[found['name']]}", text)

    def tuned(self, **changes: object) -> Alert:
        """The same alert with other values, as a site wants them."""
        return replace(self, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Inhibition:
    """While one of ``sources`` fires, ``targets`` stay silent where the labels in ``equal`` agree."""

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    equal: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Alerts:
    """All alerts by name, in the order of their groups; what the groups are about; and which alerts silence others."""

    alerts: Mapping[str, Alert]
    groups: Mapping[str, str]
    inhibitions: tuple[Inhibition, ...]

    def of_group(self, group: str) -> list[Alert]:
        """The alerts of one group."""
        return [alert for alert in self.alerts.values() if alert.group == group]
