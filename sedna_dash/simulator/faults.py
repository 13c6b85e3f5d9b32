"""Faults of an API server, on demand: what the clients of a real one have to live with."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import Literal

from sedna_dash.simulator.web import Request

#: A status code; or the answer is cut in the middle of a line, is no JSON, or does not come.
Kind = int | Literal["cut", "broken", "hang"]


@dataclass
class Fault:
    """What goes wrong: the next ``times`` requests (all, if None) whose path and query match ``pattern``.

    ``watch`` limits it to watches (True) or to all others (False).
    """

    pattern: str
    kind: Kind
    times: int | None = 1
    watch: bool | None = None
    retry_after: int = 0
    hits: int = 0


class Faults:
    """The faults that are still to come, oldest first. Safe among threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        #: Set while nothing hangs: hanging requests wait for it.
        self.released = threading.Event()

    def add(
        self, pattern: str, kind: Kind, *, times: int | None = 1, watch: bool | None = None, retry_after: int = 0
    ) -> Fault:
        """Let requests fail from now on. The fault that is returned counts its ``hits``."""
        fault = Fault(pattern, kind, times, watch, retry_after)
        with self._lock:
            self._faults.append(fault)
            self.released.clear()
        return fault

    def clear(self) -> None:
        """All is well again: what hangs goes on."""
        with self._lock:
            self._faults.clear()
        self.released.set()

    def strike(self, request: Request) -> Fault | None:
        """The fault that this request meets, if any."""
        with self._lock:
            for fault in self._faults:
                watch = request.query.get("watch") in ("1", "true", "True")
                if fault.watch in (None, watch) and re.search(fault.pattern, request.target):
                    fault.hits += 1
                    if fault.times is not None:
                        fault.times -= 1
                        if not fault.times:
                            self._faults.remove(fault)
                    return fault
        return None
