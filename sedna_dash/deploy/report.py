"""What was done, or would be, for a person at a terminal, for a log, for a program, for a page of GitHub."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TextIO

from sedna_dash.deploy.apply import Outcome, Result
from sedna_dash.deploy.changes import WRITES
from sedna_dash.deploy.grafana import clean
from sedna_dash.errors import ConflictError, CredentialsError, GrafanaError, PartialError, SednaDashError

KIND, SCHEMA_VERSION = "sedna-dash/report", 1

#: Details of one thing that text shows; JSON has them all.
_MOST_DETAILS = 8
#: Dashboards and alert rules of other people that text shows.
_MOST_FOREIGN = 3

_STYLES: dict[Outcome, str] = {
    "create": "green",
    "update": "yellow",
    "move": "yellow",
    "delete": "red",
    "unchanged": "dim",
    "drifted": "magenta",
    "conflict": "bold magenta",
    "orphaned": "cyan",
    "foreign": "dim",
    "failed": "bold red",
    "skipped": "red",
}
_DONE: dict[Outcome, str] = {
    "create": "created",
    "update": "updated",
    "move": "moved",
    "delete": "deleted",
    "unchanged": "unchanged",
    "drifted": "drifted",
    "conflict": "in conflict",
    "orphaned": "orphaned",
    "foreign": "foreign",
    "failed": "failed",
    "skipped": "not tried",
}


@dataclass(frozen=True)
class Report:
    """The results of a run against one Grafana."""

    command: str
    url: str
    grafana: str
    bundle: str
    deployment: str
    dry_run: bool
    results: Sequence[Result]
    #: Why nothing of it was done; empty when it was.
    stopped: str = ""

    @property
    def error(self) -> SednaDashError | None:
        """What the command ends with: a failure weighs more than a conflict; None when all is well."""
        if self.stopped:
            return ConflictError(self.stopped)
        failed = [result for result in self.results if result.outcome in ("failed", "skipped")]
        undecided = [result for result in self.results if result.outcome in ("conflict", "drifted") and not result.kept]
        if failed and not (undecided and all(result.follows for result in failed)):
            first = next((result for result in failed if result.outcome == "failed"), failed[0])
            count = Counter(result.outcome for result in failed)
            done = ", ".join(f"{count[outcome]} {_DONE[outcome]}" for outcome in _DONE if count[outcome])
            message = f"{done}; first {_named(first)}: {_shown(first.reason)}"
            if any(result.outcome in WRITES for result in self.results):
                return PartialError(message if first.denied else f"{message} (run again to finish)")
            return CredentialsError(message) if first.denied else GrafanaError(message)
        if undecided:
            left = "would be left alone" if self.dry_run else "left alone"
            if self.command == "rollback":
                left = "no longer as we left it, so nothing was done"
            names = ", ".join(_named(result) for result in undecided[:3])
            names += f" and {len(undecided) - 3} more" if len(undecided) > 3 else ""
            edited = [result for result in undecided if result.details and result.kind == "dashboard"]
            cure = (
                f"sedna-dash pull {edited[0].uid} brings the edit into the code, --on-drift decides" if edited else ""
            )
            return ConflictError(
                f"{_things(len(undecided))} {left}: {names}; {cure or 'the reasons above say what to do'}"
            )
        return None


def report_data(report: Report) -> dict[str, Any]:
    """The report as JSON data, in the form of ``sedna_dash/schemas/report.schema.json``."""
    return {
        "kind": KIND,
        "schemaVersion": SCHEMA_VERSION,
        "command": report.command,
        "url": report.url,
        "grafana": report.grafana,
        "bundle": report.bundle,
        "deployment": report.deployment,
        "dryRun": report.dry_run,
        "exitCode": report.error.exit_code if report.error else 0,
        "counts": dict(Counter(result.outcome for result in report.results)),
        "results": [asdict(result) for result in report.results],
    }


def write_report(report: Report, form: str, out: TextIO) -> None:
    """Write the report as ``text`` or ``json``. Text is in colour when ``out`` is a terminal."""
    if form == "json":
        out.write(json.dumps(report_data(report), indent=2) + "\n")
    elif out.isatty():
        _write_colours(report, out)
    else:
        out.writelines(text + "\n" for text, _ in _lines(report))


def summary(report: Report) -> str:
    """One line: how many of what."""
    count = Counter(result.outcome for result in report.results)
    done = ", ".join(f"{count[outcome]} {_DONE[outcome]}" for outcome in _DONE if count[outcome]) or "nothing to do"
    where = f"{report.url} (Grafana {report.grafana or 'of unknown version'})"
    return f"{where}: {'would be ' if report.dry_run else ''}{done}"


def step_summary(report: Report) -> str:
    """The report as Markdown, for the summary of a GitHub workflow step."""
    rows = [
        f"| {result.outcome} | {result.kind} | {_cell(result.title)} | "
        f"{_cell('; '.join([*filter(None, [result.reason]), *map(str, result.details[:_MOST_DETAILS])]))} |"
        for result in report.results
        if result.outcome not in ("unchanged", "foreign")
    ]
    table = ["", "| Action | Kind | Title | Why |", "|---|---|---|---|", *rows] if rows else []
    return "\n".join([f"### sedna-dash {report.command}", "", _cell(summary(report)), *table, ""])


def _lines(report: Report) -> Iterator[tuple[str, str]]:
    """Each line of the text, and its style."""
    shown = [result for result in report.results if result.outcome != "unchanged" or result.reason]
    foreign = [result for result in shown if result.outcome == "foreign"]
    hidden = set(map(id, foreign[_MOST_FOREIGN:])) if len(foreign) > _MOST_FOREIGN + 1 else set()
    shown = [result for result in shown if id(result) not in hidden]
    cells = [tuple(map(_shown, (result.outcome, result.kind, result.title, result.uid))) for result in shown]
    widths = [max((len(row[column]) for row in cells), default=0) for column in range(3)]
    for result, row in zip(shown, cells, strict=True):
        columns = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        yield "  ".join([*columns, row[-1]]), _STYLES[result.outcome]
        if result.reason:
            yield f"    {_shown(result.reason)}", ""
        for detail in result.details[:_MOST_DETAILS]:
            yield f"    {_shown(str(detail))}", "magenta" if detail.side == "live" else "dim"
        if len(result.details) > _MOST_DETAILS:
            yield f"    ... and {len(result.details) - _MOST_DETAILS} more fields; --output json has them all", "dim"
    if hidden:
        yield f"... and {len(hidden)} more things that are not ours; --output json lists them", "dim"
    yield summary(report), "bold"


def _write_colours(report: Report, out: TextIO) -> None:
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    console = Console(file=out)
    for text, style in _lines(report):
        # As Text: a title may hold square brackets, which rich would read as markup.
        indent = len(text) - len(text.lstrip())
        shown = Text(text.lstrip(), style=style)
        console.print(Padding(shown, (0, 0, 0, indent)) if indent else shown, soft_wrap=not indent)


def _named(result: Result) -> str:
    return f"{result.kind} '{_shown(result.title)}'"


def _things(count: int) -> str:
    return "1 thing" if count == 1 else f"{count} things"


def _shown(text: str) -> str:
    return clean(text)


def _cell(text: str) -> str:
    return re.sub(r"([\\|\[\]<>*_`])", r"\\\1", clean(text))
