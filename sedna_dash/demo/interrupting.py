"""Ctrl-C and its relatives, looked at only where we wait: what was started is then always ended, too."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: What asks us to stop: Ctrl-C, a service manager, a terminal that was closed.
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
_asked = threading.Event()


@contextmanager
def heeding_signals() -> Iterator[None]:
    """From here on signals only leave a note, which `heed` reads."""
    _asked.clear()
    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    before = {number: signal.signal(number, lambda *_: _asked.set()) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def heed(seconds: float = 0.0) -> None:
    """Wait so long. Raises `KeyboardInterrupt` as soon as somebody wants us to stop."""
    if _asked.wait(seconds):
        raise KeyboardInterrupt
