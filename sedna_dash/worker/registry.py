"""The values of all series of this process, and how they are written.

A forked child starts with no values of its own: what its parent counted is the parent's to show.
"""

import os
import threading
import time
from typing import Callable, Dict, List, Optional, Tuple, Union

from sedna_dash.worker.families import BUCKETS, FAMILIES

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

Labels = Tuple[str, ...]
_Key = Tuple[str, Labels]


class _Histogram:
    """Counts by bucket, the last of which has no bound, and the sum of what was observed."""

    __slots__ = ("counts", "sum")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.sum = 0.0


class Registry:
    """Series by family and label values. ``wake`` is called once, at the next change: it brings them to the outside."""

    def __init__(self) -> None:
        self.wake: Optional[Callable[[], None]] = None
        self.on_fork: Optional[Callable[[], None]] = None
        self._clear()

    def _clear(self) -> None:
        self._pid = os.getpid()
        # The old lock may be held by a thread that does not live on in a forked child.
        self._lock = threading.Lock()
        self._numbers: Dict[_Key, float] = {}
        self._endings: Dict[_Key, float] = {}
        self._histograms: Dict[_Key, _Histogram] = {}

    def _prepare(self) -> None:
        if self._pid != os.getpid():
            self._clear()
            if self.on_fork is not None:
                self.on_fork()
        if self.wake is not None:
            wake, self.wake = self.wake, None
            wake()

    def add(self, family: str, labels: Labels, amount: float = 1) -> None:
        """Count. An amount of 0 makes the series appear."""
        self._prepare()
        key = (family, labels)
        with self._lock:
            self._numbers[key] = self._numbers.get(key, 0) + amount

    def set(self, family: str, labels: Labels, value: float) -> None:
        """Set a gauge."""
        self._prepare()
        with self._lock:
            self._numbers[family, labels] = value

    def count_down(self, family: str, labels: Labels, seconds: float) -> None:
        """Set a gauge that falls by itself, by one each second, down to 0."""
        self._prepare()
        with self._lock:
            self._endings[family, labels] = time.monotonic() + seconds

    def observe(self, family: str, labels: Labels, value: float) -> None:
        """Put a value into a histogram."""
        self._prepare()
        index = 0
        for bound in BUCKETS:
            if value <= bound:
                break
            index += 1
        key = (family, labels)
        with self._lock:
            histogram = self._histograms.get(key)
            if histogram is None:
                histogram = self._histograms[key] = _Histogram()
            histogram.counts[index] += 1
            histogram.sum += value

    def remove(self, family: str, labels: Labels) -> None:
        """Forget a gauge, if it is there: what it said is no longer so."""
        self._prepare()
        with self._lock:
            self._numbers.pop((family, labels), None)
            self._endings.pop((family, labels), None)

    def text(self, openmetrics: bool = False) -> bytes:
        """All series in the text format of Prometheus, or in OpenMetrics."""
        with self._lock:
            numbers = list(self._numbers.items())
            now = time.monotonic()
            numbers += [(key, max(0.0, ending - now)) for key, ending in self._endings.items()]
            histograms = [(key, list(found.counts), found.sum) for key, found in self._histograms.items()]
        lines: Dict[str, List[str]] = {}
        for (family, labels), value in numbers:
            lines.setdefault(family, []).append(_line(family, family, labels, value))
        for (family, labels), counts, total in histograms:
            lines.setdefault(family, []).extend(_histogram_lines(family, labels, counts, total))
        parts: List[str] = []
        for name, family_ in FAMILIES.items():
            if name in lines:
                short = name[: -len("_total")] if openmetrics and family_.type == "counter" else name
                parts.append(f"# HELP {short} {family_.help}\n# TYPE {short} {family_.type}\n")
                parts += sorted(lines[name])
        if openmetrics:
            parts.append("# EOF\n")
        # A lone surrogate, which an environment variable can carry, is no UTF-8.
        return "".join(parts).encode("utf-8", "replace")


def _histogram_lines(family: str, labels: Labels, counts: List[int], total: float) -> List[str]:
    lines = []
    below = 0
    for bound, count in zip([*map(repr, BUCKETS), "+Inf"], counts):
        below += count
        lines.append(_line(family, family + "_bucket", labels, below, f',le="{bound}"'))
    lines.append(_line(family, family + "_count", labels, below))
    lines.append(_line(family, family + "_sum", labels, total))
    # They are sorted by the caller, which would put buckets out of order: keep them one text.
    return ["".join(lines)]


def _line(family: str, name: str, labels: Labels, value: float, more: str = "") -> str:
    pairs = ",".join('{}="{}"'.format(*pair) for pair in zip(FAMILIES[family].labels, map(_escaped, labels)))
    return f"{name}{{{pairs}{more}}} {_number(value)}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _number(value: Union[int, float]) -> str:
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


#: The one registry of this process.
REGISTRY = Registry()
