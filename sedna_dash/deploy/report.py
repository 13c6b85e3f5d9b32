"""What deploy did, for a person at a terminal, for a log, for a program."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TextIO

from sedna_dash.deploy.apply import Outcome, Result
from sedna_dash.deploy.grafana import clean
from sedna_dash.errors import ConflictError, GrafanaError, SednaDashError

#: Columns of a terminal from which on reasons stand beside what they are about.
_WIDE = 110
_HEADINGS = ("ACTION", "KIND", "TITLE", "UID", "REASON")
_STYLES: dict[Outcome, str] = {
    "create": "green",
    "update": "yellow",
    "unchanged": "dim",
    "conflict": "bold magenta",
    "failed": "bold red",
}
_DONE: dict[Outcome, str] = {
    "create": "created",
    "update": "updated",
    "unchanged": "unchanged",
    "conflict": "in conflict",
    "failed": "failed",
}


@dataclass(frozen=True)
class Report:
    """The results of a run against one Grafana."""

    url: str
    grafana: str
    dry_run: bool
    results: Sequence[Result]

    @property
    def error(self) -> SednaDashError | None:
        """What the command ends with: a failure weighs more than a conflict; None when all is well."""
        count = Counter(result.outcome for result in self.results)
        if count["failed"]:
            first = next(result for result in self.results if result.outcome == "failed")
            return GrafanaError(f"{_things(count['failed'])} failed, first {_named(first)}: {_shown(first.reason)}")
        if count["conflict"]:
            return ConflictError(
                f"{_things(count['conflict'])} left alone because of conflicts; the reasons above say what to do"
            )
        return None


def write_report(report: Report, form: str, out: TextIO) -> None:
    """Write the report as ``text`` or ``json``. Text is a table, in colour when ``out`` is a terminal."""
    if form == "json":
        out.write(json.dumps(asdict(report), indent=2) + "\n")
    elif out.isatty():
        _write_table(report, out)
    else:
        _write_columns(report, out)


def summary(report: Report) -> str:
    """One line: how many of what."""
    count = Counter(result.outcome for result in report.results)
    done = ", ".join(f"{count[outcome]} {_DONE[outcome]}" for outcome in _DONE if count[outcome]) or "nothing to do"
    where = f"{report.url} (Grafana {report.grafana or 'of unknown version'})"
    return f"{where}: {'would be ' if report.dry_run else ''}{done}"


def _rows(report: Report) -> list[tuple[str, ...]]:
    return [
        tuple(map(_shown, (result.outcome, result.kind, result.title, result.uid, result.reason)))
        for result in report.results
    ]


def _write_columns(report: Report, out: TextIO) -> None:
    rows = [_HEADINGS, *_rows(report)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS) - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        out.write("  ".join([*cells, row[-1]]).rstrip() + "\n")
    out.write(summary(report) + "\n")


def _write_table(report: Report, out: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=out)
    # A reason squeezed into a narrow column takes many lines, and a cut uid is of no use: below, it gets its own line.
    beside = console.width >= _WIDE
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in _HEADINGS if beside else _HEADINGS[:-1]:
        table.add_column(heading, no_wrap=heading in ("ACTION", "KIND"), overflow="fold")
    # As Text: a title may hold square brackets, which rich would read as markup.
    for result, row in zip(report.results, _rows(report), strict=True):
        shown = row if beside else row[:-1]
        table.add_row(Text(shown[0], style=_STYLES[result.outcome]), *map(Text, shown[1:]))
    console.print(table)
    for result, row in zip(report.results, _rows(report), strict=True):
        if row[-1] and not beside:
            console.print(Text(f"{row[3]}: ", style=_STYLES[result.outcome]) + Text(row[-1]))
    console.print(Text(summary(report)))


def _named(result: Result) -> str:
    return f"{result.kind} '{_shown(result.title)}'"


def _things(count: int) -> str:
    return "1 thing" if count == 1 else f"{count} things"


def _shown(text: str) -> str:
    return clean(text)
