"""What the world knows about itself, to hold panels against."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple


class Truth(NamedTuple):
    """One true value: ``row`` is the id of a required value, ``family`` and ``labels`` the series that must show it.

    ``value`` None means that nobody can know the value, so that the series has to be absent. It is what was true at
    the last moment a producer could learn of it: a count that a worker reports every 30 seconds is as of its last
    report. ``note`` says what to allow for.
    """

    row: str
    family: str
    labels: Mapping[str, str]
    value: float | None
    note: str = ""


def state_set(
    rows: Iterable[str], family: str, labels: Mapping[str, str], label: str, values: Iterable[str], current: str
) -> Iterator[Truth]:
    """A state set: 1 for the value that holds, 0 for the others."""
    rows = tuple(rows)
    for value in values:
        for row in rows:
            yield Truth(row, family, {**labels, label: value}, float(value == current))
