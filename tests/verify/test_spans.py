"""Time ranges and intervals, as Grafana has them."""

from __future__ import annotations

from typing import Any

import pytest

from sedna_dash.verify import spans

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("1h30m", 5400), (">1m", 60), ("500ms", 0.5), ("7d", 604800), ("1.5h", 5400), ("", None),
     (None, None), ("soon", None), ("5", None), ("5m ", 300), ("5m x", None)],
)  # fmt: skip
def test_durations(text: Any, seconds: float | None) -> None:
    assert spans.duration(text) == seconds


@pytest.mark.parametrize(
    ("time", "start", "end"),
    [
        ({"from": "now-6h", "to": "now"}, NOW - 21600, NOW),
        ({"from": "now-7d", "to": "now-1d"}, NOW - 7 * 86400, NOW - 86400),
        ({"from": "now-2d/d", "to": "now/d"}, NOW - 2 * 86400, NOW),
        ({"from": "2027-01-15T07:00:00Z", "to": "2027-01-15T08:00:00.000Z"}, NOW - 3600, NOW),
        ({"from": "yesterday", "to": "now"}, NOW - spans.DEFAULT_RANGE, NOW),
        ({"from": "now", "to": "now-1h"}, NOW - 3600 - spans.DEFAULT_RANGE, NOW - 3600),
        (None, NOW - spans.DEFAULT_RANGE, NOW),
        ("6h", NOW - spans.DEFAULT_RANGE, NOW),
    ],
)
def test_the_range_of_a_dashboard(time: Any, start: float, end: float) -> None:
    assert spans.time_range({"time": time}, NOW) == (start, end)


@pytest.mark.parametrize(
    ("seconds", "points", "least", "step"),
    [(3600, 1800, 0, 2), (3600, 1800, 15, 15), (6 * 3600, 900, 15, 20), (7 * 86400, 1800, 15, 300), (900, 0, 0, 900),
     (30 * 86400, 100, 0, 21600)],
)  # fmt: skip
def test_the_step_that_grafana_takes(seconds: float, points: int, least: float, step: float) -> None:
    assert spans.interval(seconds, points, least) == step


@pytest.mark.parametrize(("step", "scrape", "window"), [(15, 15, 60), (300, 15, 315), (20, 30, 120)])
def test_rates_look_back_four_scrapes(step: float, scrape: float, window: float) -> None:
    assert spans.rate_interval(step, scrape) == window


@pytest.mark.parametrize(("seconds", "text"), [(60, "60s"), (0.5, "500ms"), (1.5, "1500ms"), (0, "1ms")])
def test_durations_in_queries(seconds: float, text: str) -> None:
    assert spans.written(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(5, "5 s"), (90, "1 min 30 s"), (3600, "1 h"), (3 * 3600 + 120, "3 h 2 min"), (100 * 3600, "4 d 4 h"),
     (86400 * 30, "30 d")],
)  # fmt: skip
def test_durations_for_people(seconds: float, text: str) -> None:
    assert spans.spoken(seconds) == text
