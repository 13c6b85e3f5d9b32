"""How far back the metrics go, and where they have holes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from sedna_dash.verify.report import History
from sedna_dash.verify.target import Span, Target

#: How many times a metric is looked at, and the least seconds between. A series is seen for five minutes.
_LOOKS, _LEAST_STEP = 288, 60.0
_NAMES_AT_ONCE = 25


def history(metrics: Target, names: Sequence[str], now: float, since: float) -> list[History]:
    """Since when each metric is there, within the last ``since`` seconds, and its holes, as exactly as the looks are
    apart."""
    step = max(since / _LOOKS, _LEAST_STEP)
    found: list[History] = []
    for index in range(0, len(names), _NAMES_AT_ONCE):
        some = names[index : index + _NAMES_AT_ONCE]
        span = Span(now - since, now, step)
        series = metrics.query(f'count by (__name__) ({{__name__=~"{"|".join(some)}"}})', span)
        times = {item.labels.get("__name__", ""): item.times for item in series}
        found += [_history(name, times.get(name, ()), step, now - since) for name in some]
    return found


def _history(name: str, times: Sequence[float], step: float, start: float) -> History:
    if not times:
        return History(name, None, None)
    gaps = [(one, other) for one, other in itertools.pairwise(times) if other - one > 1.5 * step]
    # What is there at the first look may have been there before.
    first = times[0] if times[0] - start > 1.5 * step else start
    return History(name, first, times[-1], gaps)
