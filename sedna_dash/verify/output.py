"""The report of verify for a person: at a terminal, or in a log."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import TextIO

from sedna_dash.verify.report import BoardResult, History, Item, Report, report_data
from sedna_dash.verify.spans import spoken
from sedna_dash.verify.verdict import FAILING, STATUSES, Status

Line = tuple[str, str]

_STYLES: dict[Status, str] = {
    "error": "bold red",
    "broken": "red",
    "unknown": "yellow",
    "data": "green",
    "empty": "cyan",
    "not asked": "dim",
}
_HEADINGS: tuple[Status, ...] = ("data", "empty", "unknown", "broken", "error", "not asked")
#: Metrics of one producer, or of one time, that text names; JSON has them all.
_MOST = 4


def write_report(report: Report, form: str, out: TextIO, *, verbose: bool = False) -> None:
    """Write the report as ``table`` or ``json``. A table is in colour when ``out`` is a terminal."""
    if form == "json":
        out.write(json.dumps(report_data(report), indent=2, ensure_ascii=False) + "\n")
    elif out.isatty():
        _write_colours(_lines(report, verbose=verbose), out)
    else:
        out.writelines(text.rstrip() + "\n" for text, _ in _lines(report, verbose=verbose))


def _write_colours(lines: Iterator[Line], out: TextIO) -> None:
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    console = Console(file=out)
    for text, style in lines:
        # As Text: a query holds square brackets, which rich would read as markup.
        indent = len(text) - len(text.lstrip())
        shown = Text(text.lstrip(), style=style)
        console.print(Padding(shown, (0, 0, 0, indent)) if indent else shown, soft_wrap=not indent)


def _lines(report: Report, *, verbose: bool) -> Iterator[Line]:
    yield from _table(report)
    for board in report.boards:
        yield from _items(board, report, verbose=verbose)
    yield from _producers(report, verbose=verbose)
    if report.since:
        yield from _history(report.history, report.at, report.since)
    yield "", ""
    yield summary(report), "bold"


def _table(report: Report) -> Iterator[Line]:
    width = max([len(board.uid) for board in report.boards] + [9])
    heads = "  ".join(f"{name:>7}" for name in _HEADINGS)
    yield f"{'dashboard':{width}}  {heads}", "bold"
    for board in report.boards:
        yield f"{board.uid:{width}}  {_counted(board.counts)}", _row_style(board)
    if len(report.boards) > 1:
        yield f"{'all':{width}}  {_counted(report.counts)}", "bold"


def _counted(counts: Mapping[Status, int]) -> str:
    return "  ".join(f"{counts.get(name) or '-':>{max(len(name), 7)}}" for name in _HEADINGS)


def _row_style(board: BoardResult) -> str:
    return next((_STYLES[status] for status in STATUSES if board.counts.get(status) and status in FAILING), "")


def _items(board: BoardResult, report: Report, *, verbose: bool) -> Iterator[Line]:
    shown = [item for item in board.items if verbose or item.verdict.status in FAILING]
    if shown:
        yield "", ""
        yield f"{board.title or board.uid} ({board.uid})", "bold"
    for item in shown:
        yield f"  {item.verdict.status:9}  {_named(item)}{_data(item, report.at)}", _STYLES[item.verdict.status]
        if item.verdict.reason:
            yield f"             {item.verdict.reason}", ""
        if item.verdict.cure:
            yield f"             -> {item.verdict.cure}", "italic"


def _named(item: Item) -> str:
    return item.title if item.kind == "panel" else f"{item.kind} {item.title}"


def _data(item: Item, now: float) -> str:
    """How many series, from when to when; queries that ask for no series do not count."""
    found = [answer for answer in item.answers if answer.series and not answer.constant]
    if not found or item.verdict.status != "data":
        return ""
    count = sum(answer.series for answer in found)
    what = "values" if item.kind == "variable" else "series"
    firsts = [answer.first for answer in found if answer.first is not None]
    lasts = [answer.last for answer in found if answer.last is not None]
    if item.kind == "variable" or not firsts:
        return f": {count} {what}"
    first, last = min(firsts), max(lasts)
    if last - first < 1:
        return f": {count} {what}, now" if now - last < 60 else f": {count} {what}, {spoken(now - last)} ago"
    until = "now" if now - last < 600 else f"{spoken(now - last)} ago"
    return f": {count} {what}, from {spoken(now - first)} ago until {until}"


def _producers(report: Report, *, verbose: bool) -> Iterator[Line]:
    affected = Counter(
        item.verdict.cure for board in report.boards for item in board.items if item.verdict.status == "unknown"
    )
    off = [
        producer
        for producer in report.producers
        if not producer.on and producer.missing and (verbose or producer.expected or affected.get(producer.cure))
    ]
    if off:
        yield "", ""
        yield "These deliver nothing, and the panels that need them stay empty", "bold"
        width = max(len(producer.title) for producer in off)
        for producer in off:
            count = affected.get(producer.cure, 0)
            yield (
                f"  {producer.title:{width}}  {count or 'no':>3} panel{'' if count == 1 else 's'}: {producer.cure}",
                "bold yellow" if producer.expected else "yellow",
            )
    partly = [(item, item.missing if verbose else item.failing) for item in report.producers if item.on]
    for producer, missing in partly:
        if missing:
            yield "", ""
            yield f"{producer.title}: {producer.present} metrics there, these are not", "bold"
        for name, verdict in missing.items():
            yield f"  {name}: {verdict.reason}", _STYLES[verdict.status]


def _history(found: Sequence[History], now: float, since: float) -> Iterator[Line]:
    yield "", ""
    yield f"History of {len(found)} metrics in the last {spoken(since)}", "bold"
    alike: dict[str, list[str]] = {}
    for item in found:
        alike.setdefault(_span(item, now, since), []).append(item.metric)
    for said, names in sorted(alike.items(), key=lambda pair: -len(pair[1])):
        more = f", and {len(names) - _MOST} more" if len(names) > _MOST else ""
        yield f"  {len(names):>3} {said}: {', '.join(names[:_MOST])}{more}", "" if said == "whole" else "yellow"


def _span(item: History, now: float, since: float) -> str:
    if item.first is None or item.last is None:
        return "nothing"
    parts = []
    if item.first > now - since:
        parts.append(f"only since {_clock(item.first)}")
    if now - item.last > max(600, since / 100):
        parts.append(f"until {_clock(item.last)}")
    gaps = [f"{_clock(one)} to {_clock(other)}" for one, other in item.gaps[:_MOST]]
    if gaps:
        more = f" and {len(item.gaps) - _MOST} more times" if len(item.gaps) > _MOST else ""
        parts.append(f"not from {', '.join(gaps)}{more}")
    return ", ".join(parts) or "whole"


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%d %H:%MZ")


def summary(report: Report) -> str:
    """One line: how many of what."""
    counts = report.counts
    said = ", ".join(f"{counts[name]} {name}" for name in _HEADINGS if counts.get(name))
    return f"{report.url} at {_clock(report.at)}: {said or 'nothing to verify'}"
