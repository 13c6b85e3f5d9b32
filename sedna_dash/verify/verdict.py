"""What can be said of a query: how it went, why, and what to do. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

#: From the worst to the best. ``error``: the server refused. ``broken``: empty, and nothing explains it. ``unknown``:
#: its metrics are not there, because their producer is off. ``empty``: and rightly so. ``not asked``: nowhere to ask.
Status = Literal["error", "broken", "unknown", "data", "empty", "not asked"]
STATUSES: tuple[Status, ...] = get_args(Status)

#: What makes the command fail.
FAILING: frozenset[Status] = frozenset({"error", "broken"})


@dataclass(frozen=True)
class Verdict:
    """A status with its reason, and the cure where there is something to do."""

    status: Status
    reason: str = ""
    cure: str = ""


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The first of the worst. Of several reasons for emptiness the worst one counts: a right one hides no wrong one."""
    return min(verdicts, key=lambda verdict: STATUSES.index(verdict.status))
