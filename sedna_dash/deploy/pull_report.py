"""What was pulled, for a person and for a program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sedna_dash.deploy.grafana import clean
from sedna_dash.deploy.pulling import Origin, Outcome, Pulled
from sedna_dash.errors import ConflictError

KIND, SCHEMA_VERSION = "sedna-dash/pull", 1

#: Details of one dashboard that text shows; the patch has them all.
_MOST_DETAILS = 8
_DONE: dict[Outcome, str] = {
    "pulled": "pulled",
    "conflict": "in conflict",
    "unchanged": "unchanged",
    "absent": "not there",
}


@dataclass(frozen=True)
class PullReport:
    """The results of a pull, each with the file that its patch went to."""

    there: Origin
    results: Sequence[tuple[Pulled, Path]]
    dry_run: bool = False

    @property
    def error(self) -> ConflictError | None:
        """What the command ends with."""
        undecided = [item for item, _ in self.results if item.outcome == "conflict"]
        if not undecided:
            return None
        several = "1 dashboard has" if len(undecided) == 1 else f"{len(undecided)} dashboards have"
        return ConflictError(f"{several} changes that are in no patch; the reasons above say what to do")


def pull_data(report: PullReport) -> dict[str, Any]:
    """The report as JSON data, in the form of ``sedna_dash/schemas/pull.schema.json``."""
    return {
        "kind": KIND,
        "schemaVersion": SCHEMA_VERSION,
        "url": report.there.url,
        "grafana": report.there.health.text,
        "bundle": report.there.bundle,
        "dryRun": report.dry_run,
        "exitCode": report.error.exit_code if report.error else 0,
        "results": [
            {
                "outcome": item.outcome,
                "uid": item.uid,
                "title": item.title,
                "file": None if item.text is None else str(file),
                "reason": item.reason,
                "details": [asdict(known) for known in item.details],
                "left": [asdict(known) for known in item.left],
            }
            for item, file in report.results
        ],
    }


def pull_lines(report: PullReport) -> Iterator[str]:
    """The report as text."""
    for item, file in report.results:
        if item.outcome == "unchanged" and not item.reason and item.text is None:
            continue
        yield f"{item.outcome}  {clean(item.title)}  {item.uid}{_where(item, file, report.dry_run)}"
        if item.reason:
            yield f"    {clean(item.reason)}"
        for known in item.details[:_MOST_DETAILS]:
            yield f"    {clean(str(known))}"
        if len(item.details) > _MOST_DETAILS:
            yield f"    ... and {len(item.details) - _MOST_DETAILS} more fields; the patch has them all"
        for known in item.left:
            yield f"    left out: {clean(str(known))}; {_cure(item, known.path)}"
        if report.dry_run and item.text:
            yield from (f"    | {line}" for line in item.text.splitlines())
    count = Counter(item.outcome for item, _ in report.results)
    done = ", ".join(f"{count[outcome]} {_DONE[outcome]}" for outcome in _DONE if count[outcome]) or "nothing to pull"
    yield f"{report.there}: {'would be ' if report.dry_run else ''}{done}"


def _where(item: Pulled, file: Path, dry_run: bool) -> str:
    if item.text is None:
        return ""
    verb = ("would write" if dry_run else "wrote") if item.text else ("would remove" if dry_run else "removed")
    return f"  {verb} {file}"


def _cure(item: Pulled, path: str) -> str:
    if path in item.by_settings:
        return "the settings file gives this value, so change it there"
    return "the module changed it too, --theirs takes what is there"
