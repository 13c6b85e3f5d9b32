"""Time in the simulated world: a queue of things to happen, and which instant of the wall clock each falls on."""

from __future__ import annotations

import functools
import heapq
import itertools
import math
from collections.abc import Callable
from datetime import datetime, timezone

Action = Callable[[], object]


class Timer:
    """Something that is going to happen, unless it is cancelled."""

    __slots__ = ("action",)

    def __init__(self, action: Action) -> None:
        self.action: Action | None = action

    def cancel(self) -> None:
        self.action = None


class Clock:
    """Seconds of the world since its start; ``pace`` of them pass in one second of the wall clock.

    Everything inside reckons in the world's seconds, so a world lives the same life at every pace. Only what it
    writes down, such as the time of a condition, is an instant of the wall clock (seconds since 1970).
    """

    def __init__(self, start: float, pace: float = 1.0, *, begin: float = 0.0) -> None:
        self.start, self.pace = start, pace
        self.now = begin
        self._queue: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()

    @property
    def wall(self) -> float:
        """The present instant, as the wall clock has it."""
        return self.start + self.now / self.pace

    def after(self, seconds: float, action: Action) -> Timer:
        """Let something happen in so many of the world's seconds."""
        return self.at(self.now + seconds, action)

    def at(self, moment: float, action: Action) -> Timer:
        """Let something happen at a moment of the world, or at once if it has passed."""
        timer = Timer(action)
        heapq.heappush(self._queue, (max(moment, self.now), next(self._order), timer))
        return timer

    def every(self, seconds: float, action: Action, *, first: float | None = None) -> None:
        """Let something happen again and again, for ever."""

        def again() -> None:
            action()
            self.after(seconds, again)

        self.after(seconds if first is None else first, again)

    def play(self, wall: float) -> None:
        """Let everything happen that is due up to an instant of the wall clock, in order."""
        until = (wall - self.start) * self.pace
        while self._queue and self._queue[0][0] <= until:
            self.now, _, timer = heapq.heappop(self._queue)
            if timer.action:
                timer.action()
        self.now = max(self.now, until)


def timestamp(wall: float) -> str:
    """An instant as Kubernetes writes it: in UTC, to the second."""
    return _timestamp(math.floor(wall))


@functools.lru_cache(maxsize=4096)
def _timestamp(second: int) -> str:
    return datetime.fromtimestamp(second, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def whole(wall: float) -> int:
    """What is left of an instant once Kubernetes has written it down."""
    return math.floor(wall)
