"""What verify found, as data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sedna_dash.errors import VerifyError
from sedna_dash.verify.verdict import FAILING, STATUSES, Status, Verdict

KIND, SCHEMA_VERSION = "sedna-dash/verify", 1

ItemKind = Literal["panel", "variable", "annotation"]


@dataclass(frozen=True)
class Answer:
    """One query and what came of it.

    ``first`` and ``last`` are when its data begin and end, in Unix seconds. ``constant`` ones ask for no series.
    """

    ref: str
    language: str
    text: str
    verdict: Verdict
    series: int = 0
    first: float | None = None
    last: float | None = None
    constant: bool = False


@dataclass(frozen=True)
class Item:
    """A panel, variable or annotation of a dashboard; its verdict is the worst of its queries'.

    A right emptiness counts only where no query finds anything.
    """

    kind: ItemKind
    title: str
    panel_id: int | None = None
    answers: Sequence[Answer] = ()
    verdict: Verdict = field(default_factory=lambda: Verdict("not asked"))

    @classmethod
    def of(cls, kind: ItemKind, title: str, answers: Sequence[Answer], panel_id: int | None = None) -> Item:
        """The item with its verdict."""
        counted = [answer.verdict for answer in answers if not answer.constant] or [item.verdict for item in answers]
        nothing = Verdict("not asked", "it shows no metrics and no logs")
        verdict = min(counted, key=lambda item: STATUSES.index(item.status), default=nothing)
        return cls(kind, title, panel_id, answers, verdict)


@dataclass(frozen=True)
class BoardResult:
    """All items of one dashboard."""

    uid: str
    title: str
    items: Sequence[Item]

    @property
    def counts(self) -> Mapping[Status, int]:
        return Counter(item.verdict.status for item in self.items)


@dataclass(frozen=True)
class Producer:
    """A source of metrics: how many of its families that the dashboards ask for are there, and why others are not."""

    name: str
    title: str
    on: bool
    present: int
    missing: Mapping[str, Verdict]
    cure: str
    expected: bool = False

    @property
    def failing(self) -> Mapping[str, Verdict]:
        """What is missing though it is expected."""
        if not self.expected:
            return {}
        return {name: verdict for name, verdict in self.missing.items() if verdict.status != "empty"}


@dataclass(frozen=True)
class History:
    """Since when a metric is there, until when, and the holes between, within the time that was asked for."""

    metric: str
    first: float | None
    last: float | None
    gaps: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True)
class Report:
    """The outcome of a run. Times are Unix seconds."""

    url: str
    at: float
    boards: Sequence[BoardResult]
    producers: Sequence[Producer] = ()
    since: float | None = None
    history: Sequence[History] = ()

    @property
    def counts(self) -> Mapping[Status, int]:
        return sum((Counter(board.counts) for board in self.boards), Counter())

    @property
    def error(self) -> VerifyError | None:
        """What the command ends with; None when every emptiness is explained."""
        bad = [(board, item) for board in self.boards for item in board.items if item.verdict.status in FAILING]
        if bad:
            board, item = bad[0]
            counts = ", ".join(f"{self.counts[status]} {status}" for status in STATUSES if self.counts.get(status)
                               and status in FAILING)  # fmt: skip
            return VerifyError(
                f"{counts} of {sum(self.counts.values())}; first {item.kind} '{item.title}' of {board.uid}: "
                f"{item.verdict.reason}"
            )
        lacking = [producer for producer in self.producers if producer.failing]
        if lacking:
            first = lacking[0]
            name, verdict = next(iter(first.failing.items()))
            return VerifyError(
                f"expected of {first.title}, but missing: {', '.join(list(first.failing)[:5])}"
                f"{', ...' if len(first.failing) > 5 else ''}; {verdict.cure or verdict.reason or name}"
            )
        return None


def report_data(report: Report) -> dict[str, Any]:
    """The report as JSON data, in the form of ``schemas/verify.schema.json``."""
    return {
        "kind": KIND,
        "schemaVersion": SCHEMA_VERSION,
        "url": report.url,
        "at": round(report.at, 3),
        "exitCode": report.error.exit_code if report.error else 0,
        "counts": {status: report.counts.get(status, 0) for status in STATUSES},
        "dashboards": [_board(board) for board in report.boards],
        "producers": [
            {
                "name": item.name,
                "title": item.title,
                "on": item.on,
                "expected": item.expected,
                "present": item.present,
                "missing": [{"metric": name, **_verdict(verdict)} for name, verdict in item.missing.items()],
                "cure": item.cure,
            }
            for item in report.producers
        ],
        "since": report.since,
        "history": [
            {"metric": item.metric, "first": item.first, "last": item.last, "gaps": [list(gap) for gap in item.gaps]}
            for item in report.history
        ],
    }


def _board(board: BoardResult) -> dict[str, Any]:
    return {
        "uid": board.uid,
        "title": board.title,
        "counts": {status: board.counts.get(status, 0) for status in STATUSES},
        "items": [
            {
                "kind": item.kind,
                "title": item.title,
                "panelId": item.panel_id,
                **_verdict(item.verdict),
                "queries": [
                    {
                        "ref": answer.ref,
                        "language": answer.language,
                        "query": answer.text,
                        **_verdict(answer.verdict),
                        "series": answer.series,
                        "first": answer.first,
                        "last": answer.last,
                    }
                    for answer in item.answers
                ],
            }
            for item in board.items
        ],
    }


def _verdict(verdict: Verdict) -> dict[str, str]:
    return {"status": verdict.status, "reason": verdict.reason, "cure": verdict.cure}
