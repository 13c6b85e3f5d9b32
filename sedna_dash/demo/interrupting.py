"""Ctrl-C and its relatives, looked at only where we wait: what was started is then always ended, too."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

#: What asks us to stop: Ctrl-C, a service manager, a terminal that was closed.
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
#: Seconds between two looks.
_LOOK = 0.1


class _Note:
    """That somebody wants us to stop. Nothing but a flag: a signal may come in the middle of anything, and waiting for
    a lock that the interrupted code holds, as a `threading.Event` does, would be waiting forever."""

    left = False

    def leave(self, *_: object) -> None:
        self.left = True


_note = _Note()


@contextmanager
def heeding_signals() -> Iterator[None]:
    """From here on signals only leave a note, which `heed` reads."""
    _note.left = False
    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    before = {number: signal.signal(number, _note.leave) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def heed(seconds: float = 0.0) -> None:
    """Wait so long. Raises `KeyboardInterrupt` as soon as somebody wants us to stop."""
    end = time.monotonic() + seconds
    while not _note.left:
        left = end - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(left, _LOOK))
    raise KeyboardInterrupt
