"""What the log collectors of the site make of all lines: entries for Loki, metrics, and counts of their own work."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from sedna_dash.exposition import Sample
from sedna_dash.log_collection.reading import Dropped, Entry, Written, counts, entry


class Writer(NamedTuple):
    """The labels of a pod in Kubernetes, None when it is not known, and whether the worker hook runs in it."""

    labels: Mapping[str, str] | None = None
    hooked: bool = False


class LogMetrics:
    """Reads lines, and says what they add up to. ``writer`` tells what a pod is. Safe among threads."""

    def __init__(self, writer: Callable[[str, str], Writer]) -> None:
        self._writer = writer
        self._lock = threading.Lock()
        self._series: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
        #: Lines and bytes sent, by node, and dropped, by node and reason.
        self.lines: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()
        self.dropped: Counter[tuple[str, str]] = Counter()

    def read(self, line: Written) -> Entry | Dropped:
        """Take in what a container wrote; returns what becomes of it."""
        writer = self._writer(line.namespace, line.pod)
        read = entry(line, writer.labels)
        with self._lock:
            if isinstance(read, Dropped):
                self.dropped[line.node, read.reason] += 1
                return read
            self.lines[line.node] += 1
            self.bytes[line.node] += len(read.text)
            for rule, labels, value in counts(read):
                if writer.hooked and "worker-hook" in rule.metric.sources:
                    continue  # it counts itself
                series = rule.metric.name, tuple(labels.items())
                self._series[series] = self._series.get(series, 0.0) + 1 if value is None else value
        return read

    def assume_connected(self, nodes: Iterable[str]) -> None:
        """The nodes whose LC has a connection, if the lines that said so were written before anybody read them."""
        with self._lock:
            for node in nodes:
                for family in ("sedna_lc_connected", "sedna_gm_node_connected"):
                    self._series.setdefault((family, (("node", node),)), 1.0)

    def samples(self) -> Iterator[Sample]:
        """The series as they stand."""
        with self._lock:
            series = list(self._series.items())
        for (family, labels), value in series:
            yield Sample(family, dict(labels), value)
