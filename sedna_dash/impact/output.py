"""The findings for a person: at a terminal, or in a log."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TextIO

from sedna_dash.impact.dashboards import DashboardImpact
from sedna_dash.impact.inventory import KINDS, Kind, Place
from sedna_dash.impact.labels import LabelImpact
from sedna_dash.impact.loss import Effect
from sedna_dash.impact.metrics import Broken, MetricImpact
from sedna_dash.impact.report import Finding, Searched, report_data
from sedna_dash.impact.unused import Unread, Unused

Line = tuple[str, str]
#: A place and what there is to say of it, in columns.
Row = tuple[Place, tuple[str, ...]]

_WORDS: dict[Kind, tuple[str, str]] = {
    "dashboard": ("dashboard's own links", "dashboards' own links"),
    "panel": ("panel", "panels"),
    "variable": ("variable", "variables"),
    "annotation": ("annotation", "annotations"),
    "record": ("record", "records"),
    "alert": ("alert", "alerts"),
    "check": ("runbook check", "runbook checks"),
    "inhibition": ("inhibition", "inhibitions"),
    "absence": ("reason for an empty panel", "reasons for empty panels"),
}
_ON_BOARDS = frozenset({"dashboard", "panel", "variable", "annotation"})
_MEANINGS = {
    Effect.EMPTY: "empty: finds nothing any more; an alert never fires.",
    Effect.PARTLY: "partly: another query, or the other side of an 'or', is left.",
    Effect.WRONG: "wrong: still answers, but something else, as 'absent', 'unless' or 'scalar' asks for it; an alert "
    "may fire for no reason.",
}
_STYLES = {"empty": "red", "wrong": "magenta", "partly": "yellow"}
#: Longer details are cut; JSON has them whole.
_LONGEST = 100
#: Unread queries that text names.
_MOST = 5


def write_report(finding: Finding, extent: Searched, form: str, out: TextIO) -> None:
    """Write the finding as ``text`` or ``json``. Text is in colour when ``out`` is a terminal."""
    if form == "json":
        out.write(json.dumps(report_data(finding, extent), indent=2, ensure_ascii=False) + "\n")
    elif out.isatty():
        _write_colours(_lines(finding, extent), out)
    else:
        out.writelines(text.rstrip() + "\n" for text, _ in _lines(finding, extent))


def _write_colours(lines: Iterator[Line], out: TextIO) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(file=out)
    for text, style in lines:
        # As Text: a query holds square brackets, which rich would read as markup.
        console.print(Text(text, style=style), soft_wrap=True)


def _lines(finding: Finding, extent: Searched) -> Iterator[Line]:
    if isinstance(finding, MetricImpact):
        yield from _metric(finding)
    elif isinstance(finding, LabelImpact):
        yield from _label(finding)
    elif isinstance(finding, DashboardImpact):
        yield from _dashboard(finding)
    else:
        yield from _unused(finding)
    yield from _unread_queries(extent)
    yield "", ""
    yield _searched(extent), "dim"


# --- a metric ----------------------------------------------------------------------------------------------------


def _metric(finding: MetricImpact) -> Iterator[Line]:
    yield f"{finding.name}{': ' + finding.metric.help if finding.metric else ''}", "bold"
    if finding.sources:
        yield f"made by: {', '.join(finding.sources)}", ""
    yield "", ""
    if not finding.breaks:
        yield "If it goes, nothing breaks.", "green"
        return
    effects = {kind: Counter[Effect]() for kind in KINDS}
    for item in finding.broken:
        effects[item.place.kind][item.effect] += 1
    said = [
        f"{_count(counts.total(), *_WORDS[kind])} ({_by_effect(counts)})" for kind, counts in effects.items() if counts
    ]
    if finding.links:
        said.append(f"{_count(len(finding.links), 'alert leads', 'alerts lead')} to an empty panel")
    if finding.lost:
        said.append(f"{_count(len(finding.lost), 'required value is', 'required values are')} lost")
    yield f"If it goes: {', '.join(said)}.", "bold"
    yield from _sections((item.place, _effect_row(item)) for item in finding.broken)
    if finding.links:
        yield from _heading("These alerts lead to a panel that is empty then")
        yield from _columns([(alert.name, f"{place.home}: {place.name}") for alert, place in finding.links])
    yield from _required("Required values that nothing shows then", finding.lost)
    yield from _required("Required values that fewer metrics show then", finding.weakened)
    used = {item.effect for item in finding.broken}
    if used:
        yield "", ""
    yield from ((text, "dim") for effect, text in _MEANINGS.items() if effect in used)


def _by_effect(counts: Mapping[Effect, int]) -> str:
    return ", ".join(f"{counts[effect]} {effect}" for effect in _MEANINGS if counts[effect])


def _effect_row(item: Broken) -> tuple[str, ...]:
    through = f"through {', '.join(item.through)}" if item.through else ""
    return str(item.effect), item.place.name, ", ".join(item.refs), through


# --- a label -----------------------------------------------------------------------------------------------------


def _label(finding: LabelImpact) -> Iterator[Line]:
    of = f" of {finding.metric}" if finding.metric else ""
    yield f"{finding.name}{of}{': ' + finding.help if finding.help else ''}", "bold"
    if finding.carriers:
        yield f"on: {', '.join(finding.carriers)}{' and log lines' if finding.in_logs else ''}", ""
    elif finding.in_logs:
        yield "on: log lines", ""
    yield "", ""
    if not finding.breaks:
        yield "If it goes, nothing breaks.", "green"
        return
    places: dict[Place, dict[str, None]] = {}
    for use in finding.broken:
        places.setdefault(use.place, {})[f"{use.ref + ': ' if use.ref else ''}{_use(use.role, use.detail)}"] = None
    roles = Counter(use.role for use in finding.broken)
    counts = Counter(place.kind for place in places)
    said = [_count(counts[kind], *_WORDS[kind]) for kind in KINDS if counts[kind]]
    yield f"If it goes: {', '.join(said)}.", "bold"
    yield f"Uses: {', '.join(f'{number} {role}' for role, number in roles.most_common())}.", ""
    yield from _sections((place, (place.name, _cut("; ".join(found)))) for place, found in places.items())


def _use(role: str, detail: str) -> str:
    """Queries speak for themselves; of the rest, the word says what it is."""
    if role == "links":
        return f"link {detail}"
    if role == "lists":
        return "lists its values"
    if role == "tests":
        return "tests"
    if role == "reads":
        return f"read by {detail}"
    return detail


# --- a dashboard -------------------------------------------------------------------------------------------------


def _dashboard(finding: DashboardImpact) -> Iterator[Line]:
    name = f"{finding.title} ({finding.uid})"
    yield f"{name}, panel {finding.panel}" if finding.panel else name, "bold"
    yield "", ""
    said = []
    kinds = Counter(lead.place.kind for lead in finding.leads)
    leads = [_count(kinds[kind], *_WORDS[kind]) for kind in KINDS if kinds[kind]]
    if leads:
        said.append(f"{', '.join(leads)} {'leads' if len(finding.leads) == 1 else 'lead'} nowhere")
    if finding.alone:
        said.append(f"{_count(len(finding.alone), 'metric is', 'metrics are')} shown nowhere else")
    if finding.required:
        said.append(f"{_count(len(finding.required), 'required value is', 'required values are')} lost")
    if finding.breaks:
        yield f"If it goes: {', '.join(said)}.", "bold"
    else:
        yield "If it goes, nothing breaks.", "green"
    if finding.menus:
        yield f"The menu of {_count(len(finding.menus), 'dashboard', 'dashboards')} gets shorter, which is no harm.", ""
    yield from _sections((lead.place, (lead.place.name, lead.panel, _cut(lead.how))) for lead in finding.leads)
    if finding.alone:
        yield from _heading("Shown nowhere else")
        yield from ((f"  {name}", "") for name in finding.alone)
    yield from _required("Required values that nothing else shows", finding.required)


# --- what is unused ----------------------------------------------------------------------------------------------


def _unused(finding: Unused) -> Iterator[Line]:
    counts = [
        _count(len(finding.metrics), "metric", "metrics"),
        _count(len(finding.records), "record", "records"),
        _count(len(finding.labels), "label", "labels"),
    ]
    yield f"Unused: {', '.join(counts)}. Read, but made by nobody: {len(finding.missing)}.", "bold"
    yield from _unread("Metrics that nobody reads", finding.metrics)
    yield from _unread("Records that nobody reads", finding.records)
    if finding.elsewhere:
        yield from _heading("Records and metrics for others, which nobody reads here")
        yield from _columns([(metric.name, metric.read_by) for metric in finding.elsewhere])
    if finding.labels:
        yield from _heading("Labels that nobody uses")
        yield from _columns(
            [(label.name, f"on {', '.join(label.carriers) or 'no metric'}") for label in finding.labels]
        )
    if finding.missing:
        yield from _heading("Read, but made by nobody")
        for name, places in finding.missing:
            yield f"  {name}", "red"
            yield from _columns([(place.kind, _home(place), place.name) for place in places], indent=4)


def _unread(title: str, found: Sequence[Unread]) -> Iterator[Line]:
    if found:
        yield from _heading(title)
        rows = [
            (item.metric.name, f"only records that nobody reads: {', '.join(item.only_by)}" if item.only_by else "")
            for item in found
        ]
        yield from _columns(rows)


# --- what they have in common ------------------------------------------------------------------------------------


def _sections(rows: Iterable[Row]) -> Iterator[Line]:
    """A section for each kind of place, and in it a heading for each dashboard, alert of a runbook, or file."""
    for kind, of_kind in groupby(sorted(rows, key=lambda row: KINDS.index(row[0].kind)), key=lambda row: row[0].kind):
        title = _WORDS[kind][1]
        yield from _heading(title[0].upper() + title[1:])
        found = sorted(of_kind, key=lambda row: (row[0].file, _home(row[0])))
        for home, inside in groupby(found, key=lambda row: _home(row[0])):
            if home:
                yield f"  {home}", ""
            yield from _columns([cells for _, cells in inside], indent=4 if home else 2)


def _home(place: Place) -> str:
    """The heading: the dashboard, the alert of a check, the file of others' rules; none for rules of ours."""
    if place.kind not in _ON_BOARDS and place.kind != "check":
        return place.file
    name = f"{place.title} ({place.home})" if place.title and place.title != place.home else place.home
    return f"{name} in {place.file}" if place.file else name


def _heading(title: str) -> Iterator[Line]:
    yield "", ""
    yield title, "bold"


def _columns(rows: Sequence[tuple[str, ...]], indent: int = 2) -> Iterator[Line]:
    """Rows with their cells below each other; the first word of an effect gives the colour."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True) if width)
        yield " " * indent + cells.rstrip(), _STYLES.get(row[0], "")


def _required(title: str, rows: Mapping[str, str]) -> Iterator[Line]:
    if rows:
        yield from _heading(title)
        yield from _columns(list(rows.items()))


def _unread_queries(extent: Searched) -> Iterator[Line]:
    if not extent.unread:
        return
    yield from _heading(f"{_count(len(extent.unread), 'query', 'queries')} could not be read; look yourself")
    rows = [
        (reader.place.kind, _home(reader.place), reader.place.name, _cut(reader.unread)) for reader in extent.unread
    ]
    yield from _columns(rows[:_MOST])
    if len(rows) > _MOST:
        yield f"  and {len(rows) - _MOST} more: --output json", ""


def _searched(extent: Searched) -> str:
    ours = ", ".join(
        (
            _count(extent.dashboards, "dashboard", "dashboards"),
            _count(extent.records, "record", "records"),
            _count(extent.alerts, "alert", "alerts"),
        )
    )
    boards, rules = extent.others_dashboards, extent.others_rules
    others = f"; {_count(boards, 'dashboard', 'dashboards')} and {_count(rules, 'rule', 'rules')} of others"
    return f"Searched: {ours} of ours{others if boards or rules else ''}."


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
