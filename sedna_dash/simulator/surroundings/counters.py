"""Values that move as measured ones do: smooth, the same for the same seed, and counters that never fall."""

from __future__ import annotations

import math
import zlib

#: Seconds after which a counter that nobody asks for is forgotten: its pod is gone.
_IDLE = 7200.0


def share(*identity: object) -> float:
    """A number from 0 to 1 that belongs to a thing for good."""
    return zlib.crc32("/".join(map(str, identity)).encode("utf-8", "replace")) / 0xFFFFFFFF


def wave(now: float, *identity: object, period: float = 1800.0) -> float:
    """A number from 0 to 1 that moves slowly, for each thing in its own way."""
    phase = share(*identity) * 2 * math.pi
    slow = math.sin(2 * math.pi * now / period + phase)
    fast = math.sin(2 * math.pi * now / (period / 4.7) + 3 * phase)
    return 0.5 + 0.35 * slow + 0.15 * fast


class Counters:
    """Counters by key; each grows by its rate since it was last asked for."""

    def __init__(self) -> None:
        self._values: dict[object, tuple[float, float]] = {}
        self._cleaned = 0.0

    def grown(self, key: object, rate: float, now: float, since: float) -> float:
        """The value of a counter that began at 0 at an instant ``since``, given its rate per second of late."""
        value, at = self._values.get(key, (0.0, min(since, now)))
        if now > at:
            value += rate * (now - at)
            at = now
        self._values[key] = value, at
        return value

    def clean(self, now: float) -> None:
        """Forget the counters of what is gone."""
        if now - self._cleaned > _IDLE:
            self._cleaned = now
            self._values = {key: entry for key, entry in self._values.items() if now - entry[1] < _IDLE}
