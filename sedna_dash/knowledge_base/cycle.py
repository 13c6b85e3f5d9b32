"""Readings repeated: what was last read whole stays until it can be read again."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from sedna_dash.exposition import Sample
from sedna_dash.knowledge_base.database import REASONS
from sedna_dash.knowledge_base.reading import INDEX_NAME, Limits, Reading, read
from sedna_dash.knowledge_base.tables import PREFIX

#: A file that was written less long ago than this may be written again without that its time tells.
_TICK_NS = 2_000_000_000

_State = tuple[tuple[int, int, int], ...]


class KnowledgeBase:
    """The knowledge base at ``path``, read again when it has changed, but at most every ``interval`` seconds.

    ``copy`` says that nobody writes the file; ``index`` is the index file, by default the one beside the database.
    Safe among threads: one reads, the others wait for it.
    """

    def __init__(
        self,
        path: Path,
        *,
        copy: bool = False,
        index: Path | None = None,
        interval: float = 10.0,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path, self._copy, self._index = path, copy, index
        self._interval, self._limits, self._clock = interval, limits or Limits(), clock
        self._lock = threading.Lock()
        self._next = float("-inf")
        self._state: _State | None = None
        self._up = False
        self._samples: list[Sample] = []
        self._errors: Counter[str] = Counter()
        self._dropped: Counter[tuple[str, str]] = Counter()

    def samples(self) -> list[Sample]:
        """Every series now: the last good ones, whether the last reading was whole, and errors so far by reason."""
        with self._lock:
            self._refresh()
            return [
                Sample(f"{PREFIX}up", {}, float(self._up)),
                *(Sample(f"{PREFIX}read_errors_total", {"reason": one}, self._errors[one]) for one in REASONS),
                *self._samples,
            ]

    def dropped(self) -> Mapping[tuple[str, str], int]:
        """How many series were left out so far, by family and reason; each reading of a changed file adds its own."""
        with self._lock:
            return dict(self._dropped)

    def _refresh(self) -> None:
        now = self._clock()
        if now < self._next:
            return
        self._next = now + self._interval
        state = self._look()
        if self._up and state == self._state:
            return
        reading = read(self._path, self._limits, copy=self._copy, index=self._index)
        # Written a moment ago: look again even if nothing seems to change.
        fresh = any(abs(time.time_ns() - written) < _TICK_NS for _, _, written in state)
        self._state = None if fresh else state
        self._take(reading)

    def _take(self, reading: Reading) -> None:
        self._up = reading.whole
        self._errors.update(reading.errors)
        self._dropped.update(reading.dropped)
        if not reading.whole:
            known = {sample.family for sample in reading.samples}
            reading.samples.extend(sample for sample in self._samples if sample.family not in known)
        self._samples = reading.samples

    def _look(self) -> _State:
        """Which files there are: inode, size and time of each; zeros for one that is not there."""
        journals = (self._path.with_name(self._path.name + ending) for ending in ("-journal", "-wal"))
        return tuple(_look(path) for path in (self._path, *journals, self._index or self._path.with_name(INDEX_NAME)))


def _look(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return 0, 0, 0
    return found.st_ino, found.st_size, found.st_mtime_ns
