"""Reading objects that may hold anything: what has the wrong type is reported and counts as missing."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

#: Told the path of each field that could not be read.
Report = Callable[[str], None]


class Fields:
    """An object, or a part of one, asked by path: ``fields.text("spec.dataset.name")``."""

    __slots__ = ("_path", "_report", "_value")

    def __init__(self, value: Mapping[str, Any], report: Report, path: str = "") -> None:
        self._value = value
        self._report = report
        self._path = path

    def raw(self, path: str) -> Any:
        """Whatever stands at the path; None when there is nothing, or no way to get there."""
        value: Any = self._value
        for key in _keys(path):
            if value is None:
                return None
            if not isinstance(value, dict):
                self.wrong(path)
                return None
            value = value.get(key)
        return value

    def text(self, path: str) -> str:
        """A text; empty when it is missing."""
        value = self.raw(path)
        if value is None or isinstance(value, str):
            return value or ""
        self.wrong(path)
        return ""

    def number(self, path: str) -> float | None:
        """A finite number. Numbers written as text count, too: Sedna writes many so."""
        value = self.raw(path)
        found = as_number(value)
        if found is None and value is not None:
            self.wrong(path)
        return found

    def count(self, path: str) -> float | None:
        """A number of things: not negative."""
        found = self.number(path)
        if found is not None and found < 0:
            self.wrong(path)
            return None
        return found

    def instant(self, path: str) -> float | None:
        """A time in Unix seconds."""
        value = self.raw(path)
        if value is None:
            return None
        found = as_instant(value) if isinstance(value, str) else None
        if found is None:
            self.wrong(path)
        return found

    def items(self, path: str) -> Iterator[Fields]:
        """The objects of a list; what is no object is reported."""
        for value in self.list(path):
            if isinstance(value, dict):
                yield Fields(value, self._report, f"{self._path}{path}[].")
            else:
                self.wrong(path + "[]")

    def list(self, path: str) -> list[Any]:
        """A list as it is; empty when it is missing."""
        value = self.raw(path)
        if isinstance(value, list):
            return value
        if value is not None:
            self.wrong(path)
        return []

    def mapping(self, path: str) -> dict[str, Any]:
        """An object as it is; empty when it is missing."""
        value = self.raw(path)
        if isinstance(value, dict):
            return value
        if value is not None:
            self.wrong(path)
        return {}

    def wrong(self, path: str) -> None:
        """Report that a field is not as it should be."""
        self._report(self._path + path)


def as_number(value: Any) -> float | None:
    """A finite number from a JSON number, or from a text that holds one."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        # float() also takes "1_000", "nan" and digits of other scripts; Go's and JSON's numbers are plain.
        if not value.isascii() or "_" in value:
            return None
        try:
            value = float(value)
        except ValueError:
            return None
    if not isinstance(value, (int, float)):
        return None
    try:
        value = float(value)
    except OverflowError:
        return None
    return value if math.isfinite(value) else None


@functools.lru_cache(maxsize=4096)
def as_instant(text: str) -> float | None:
    """RFC 3339, as Kubernetes writes it, as Unix seconds."""
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00").replace("z", "+00:00"))
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    try:
        return moment.timestamp()
    except (OverflowError, ValueError):
        return None


@functools.cache
def _keys(path: str) -> tuple[str, ...]:
    return tuple(path.split("."))
