"""Time ranges and intervals as Grafana computes them when it opens a dashboard. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "M": 2592000, "y": 31536000}
_RELATIVE = re.compile(r"now(?:-(\d+)([smhdwMy]))?(?:/[smhdwMy])?")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdwMy])")

#: How long a dashboard without a range, or with one that cannot be read, looks back.
DEFAULT_RANGE = 6 * 3600.0
#: Pixels that a panel of full width has on an ordinary screen: Grafana asks for as many points.
SCREEN = 1800
#: How often Grafana takes metrics to be scraped, unless query or datasource says otherwise.
SCRAPE_INTERVAL = 15.0

# Grafana's own steps: the interval up to which each counts.
_ROUNDED = (
    (0.01, 0.001), (0.015, 0.01), (0.035, 0.02), (0.075, 0.05), (0.15, 0.1), (0.35, 0.2), (0.75, 0.5), (1.5, 1),
    (3.5, 2), (7.5, 5), (12.5, 10), (17.5, 15), (25, 20), (45, 30), (90, 60), (210, 120), (450, 300), (750, 600),
    (1050, 900), (1500, 1200), (2700, 1800), (5400, 3600), (9000, 7200), (16200, 10800), (32400, 21600), (86400, 43200),
    (604800, 86400), (1814400, 604800), (3628800, 2592000),
)  # fmt: skip


def duration(text: object) -> float | None:
    """Seconds of ``90s``, ``1h30m`` or ``>1m``; None when it is no duration."""
    plain = str(text or "").strip().lstrip(">")
    parts = _DURATION.findall(plain)
    if not parts or "".join(number + unit for number, unit in parts) != plain:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def time_range(model: Mapping[str, Any], now: float) -> tuple[float, float]:
    """The dashboard's own time range, from and to, in Unix seconds. Rounding to days and so on is left out."""
    time = model.get("time")
    bounds = time if isinstance(time, Mapping) else {}
    end = _instant(bounds.get("to"), now)
    start = _instant(bounds.get("from"), now)
    end = now if end is None else end
    return (start, end) if start is not None and start < end else (end - DEFAULT_RANGE, end)


def _instant(text: object, now: float) -> float | None:
    relative = _RELATIVE.fullmatch(str(text or ""))
    if relative:
        return now - (int(relative[1]) * _UNITS[relative[2]] if relative[1] else 0)
    try:
        return datetime.fromisoformat(str(text).replace("Z", "+00:00")).timestamp()
    except ValueError:
        return None


def interval(seconds: float, points: int, least: float = 0) -> float:
    """The step that Grafana takes for a range: about ``points`` points, rounded, and not below ``least``."""
    exact = seconds / max(points, 1)
    rounded = next((step for bound, step in _ROUNDED if exact < bound), 31536000)
    return max(float(rounded), least)


def rate_interval(step: float, scrape: float) -> float:
    """``$__rate_interval``: at least four scrapes, and not less than the step and one scrape."""
    return max(step + scrape, 4 * scrape)


def written(seconds: float) -> str:
    """Seconds as a duration in a query."""
    if seconds >= 1 and seconds == int(seconds):
        return f"{int(seconds)}s"
    return f"{max(round(seconds * 1000), 1)}ms"


def spoken(seconds: float) -> str:
    """Seconds for a person: ``3 h``, ``2 d 4 h``, ``12 min``."""
    for size, unit, below, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            whole, rest = divmod(round(seconds), size)
            return f"{whole} {unit}" + (f" {rest // below} {small}" if rest // below and whole < 10 else "")
    return f"{round(seconds)} s"
