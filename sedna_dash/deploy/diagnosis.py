"""What doctor found, for a person at a terminal, for a log, for a program."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TextIO

from sedna_dash.errors import SednaDashError

Status = Literal["ok", "warning", "failed", "skipped"]

SCHEMA_VERSION, KIND = 1, "sedna-dash/doctor"

_STYLES: Mapping[Status, str] = {"ok": "green", "warning": "yellow", "failed": "bold red", "skipped": "dim"}


@dataclass(frozen=True)
class Check:
    """One thing that was examined. ``fix`` says what to do about it, and is empty where nothing is to be done."""

    name: str
    status: Status
    said: str
    fix: str = ""
    #: What the command ends with when this failed.
    error: type[SednaDashError] = field(default=SednaDashError, repr=False, compare=False)


@dataclass(frozen=True)
class Diagnosis:
    """All checks of one Grafana, in the order in which they were made."""

    url: str
    grafana: str
    checks: Sequence[Check]

    @property
    def error(self) -> SednaDashError | None:
        """What the command ends with: the first failure decides; None when nothing failed."""
        failed = [check for check in self.checks if check.status == "failed"]
        if not failed:
            return None
        first = failed[0]
        count = "1 check" if len(failed) == 1 else f"{len(failed)} checks"
        return first.error(f"{count} failed, first {first.name}: {first.said}; {first.fix}")


def write_diagnosis(diagnosis: Diagnosis, output: str, out: TextIO) -> None:
    """Write the diagnosis as ``text`` or ``json``. Text is in colour when ``out`` is a terminal."""
    if output == "json":
        out.write(json.dumps(as_data(diagnosis), indent=2, ensure_ascii=False) + "\n")
    elif out.isatty():
        _write_in_colour(diagnosis, out)
    else:
        width = max(len(check.name) for check in diagnosis.checks)
        for check in diagnosis.checks:
            out.write(f"{check.status:7}  {check.name:{width}}  {check.said}\n")
            if check.fix:
                out.write(f"{'':{7 + 2 + width}}  fix: {check.fix}\n")
        out.write(summary(diagnosis) + "\n")


def as_data(diagnosis: Diagnosis) -> dict[str, Any]:
    """The diagnosis as JSON data, as ``schemas/doctor.schema.json`` has it."""
    checks = [
        {"name": check.name, "status": check.status, "said": check.said, "fix": check.fix} for check in diagnosis.checks
    ]
    return {
        "schemaVersion": SCHEMA_VERSION,
        "kind": KIND,
        "url": diagnosis.url,
        "grafana": diagnosis.grafana,
        "checks": checks,
    }


def summary(diagnosis: Diagnosis) -> str:
    """One line: how many of what."""
    count = Counter(check.status for check in diagnosis.checks)
    counted = ", ".join(f"{count[status]} {status}" for status in _STYLES if count[status])
    return f"{diagnosis.url} (Grafana {diagnosis.grafana or 'of unknown version'}): {counted}"


def _write_in_colour(diagnosis: Diagnosis, out: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    # As Text: what Grafana says may hold square brackets, which rich would read as markup.
    for check in diagnosis.checks:
        said = Text(check.said)
        if check.fix:
            said.append(f"\nfix: {check.fix}", style="bold")
        table.add_row(Text(check.status, style=_STYLES[check.status]), Text(check.name), said)
    console = Console(file=out)
    console.print(table)
    console.print(Text(summary(diagnosis)))
