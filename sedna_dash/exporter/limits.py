"""How much one object may show. Beyond a limit, series are left out and counted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from sedna_dash.exporter.lines import Lines

T = TypeVar("T")


@dataclass(frozen=True)
class Limits:
    """``data_bytes`` is the longest ``data`` of a condition that is read; the others count series of one object."""

    eval_metrics: int = 10
    elements: int = 8
    model_metrics: int = 20
    tasks: int = 100
    participants: int = 1000
    data_bytes: int = 1 << 20


def first(values: Iterable[T], limit: int, family: str, lines: Lines) -> list[T]:
    """At most ``limit`` of the values; the rest is counted as dropped."""
    found = list(values)
    if len(found) > limit:
        lines.drop(family, "limit", len(found) - limit)
    return found[:limit]
