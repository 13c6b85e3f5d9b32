"""What a rule found, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, order=True)
class Problem:
    """One finding: a sentence with the cure, and the place down to the query.

    ``file`` is the JSON file or the dashboard module, ``dashboard`` the uid, ``panel`` the title (or ``variable
    $x``, ``annotation X``), ``ref`` the refId of a query.
    """

    file: str
    dashboard: str
    panel: str
    ref: str
    rule: str
    severity: Severity
    message: str
    #: The line in ``file``, or 0 when it is not known.
    line: int = 0

    @property
    def place(self) -> str:
        """Where, for a person."""
        query = f", query {self.ref}" if self.ref else ""
        return f"{self.dashboard}" + (f": {self.panel}{query}" if self.panel else "")
