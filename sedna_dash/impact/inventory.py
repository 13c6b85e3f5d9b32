"""Everything that reads series: dashboards, records, alerts, checks of runbooks; ours, and what others gave us."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from sedna_dash.alerts import Alert
from sedna_dash.catalog import Catalog
from sedna_dash.impact.others import OthersBoard, OthersRule, load_others_boards, load_others_rules
from sedna_dash.lint import promql_ast, stand_ins
from sedna_dash.lint.board import Board, Query
from sedna_dash.rules.ruleset import RuleSet, load_rules

Kind = Literal["dashboard", "panel", "variable", "annotation", "record", "alert", "check", "inhibition", "absence"]

#: In the order in which they are reported.
KINDS: tuple[Kind, ...] = (
    "dashboard", "panel", "variable", "annotation", "record", "alert", "check", "inhibition", "absence"
)  # fmt: skip


_VARIABLE = re.compile(rf"{stand_ins.NAME}\d+")


@dataclass(frozen=True)
class Place:
    """Where something is read, shown or linked.

    ``home`` is the uid of the dashboard, the group of the rule, or for a check its alert; ``title`` that of the
    dashboard. ``name`` is the panel's title, or what the variable, annotation, rule or check is called. ``file`` is
    empty for what is ours.
    """

    kind: Kind
    home: str
    name: str
    title: str = ""
    panel_id: int | None = None
    file: str = ""


@dataclass(frozen=True, eq=False)
class Reader:
    """A query and where it stands."""

    place: Place
    query: Query

    @cached_property
    def series(self) -> frozenset[str]:
        """The names of the series that it reads, as far as the text has them."""
        return frozenset(name for use in self.query.promql.uses for name in names_of(use.selector))

    @property
    def unread(self) -> str:
        """Why nothing can be said of the query, or an empty text."""
        parsed = self.query.promql if self.query.language == "promql" else self.query.logql
        if parsed.tree is not None or not self.query.plain.strip():
            return ""
        return parsed.fault or "a variable stands where only Grafana knows what it is"


@dataclass(frozen=True)
class Inventory:
    """Ours (``rules``, whose dashboards use records) and what others have."""

    rules: RuleSet
    others_boards: Sequence[OthersBoard] = ()
    others_rules: Sequence[OthersRule] = ()

    @property
    def catalog(self) -> Catalog:
        return self.rules.catalog

    @cached_property
    def boards(self) -> list[Board]:
        """Ours, then those of others."""
        return [*self.rules.boards, *self.others_boards]

    @cached_property
    def readers(self) -> list[Reader]:
        """Every query."""
        found = [reader for board in self.boards for reader in of_board(board)]
        for record in self.catalog.records:
            found.append(_rule("record", record.group, record.name, record.expr or ""))
        for alert in self.rules.alerts.alerts.values():
            found += _of_alert(alert)
        for metric in self.catalog.metrics.values():
            if metric.absent is not None and metric.absent.unless:
                found.append(_rule("absence", metric.feature, metric.name, metric.absent.unless))
        for rule in self.others_rules:
            found.append(Reader(place_of(rule), Query(rule.expr, rule.language, rule.name)))
        return found

    @cached_property
    def by_place(self) -> dict[Place, list[Reader]]:
        """The queries of each place: a panel has several."""
        found: dict[Place, list[Reader]] = {}
        for reader in self.readers:
            found.setdefault(reader.place, []).append(reader)
        return found

    @cached_property
    def records(self) -> dict[str, list[Reader]]:
        """Name of each record, and the rules that make it: others may make one with several."""
        found: dict[str, list[Reader]] = {}
        for reader in self.readers:
            if reader.place.kind == "record":
                found.setdefault(reader.place.name, []).append(reader)
        return found

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of all series that are declared, recorded or read."""
        declared = {name for metric in self.catalog.metrics.values() for name in metric.series_names()}
        return frozenset(declared.union(self.records, *(reader.series for reader in self.readers)))

    def family(self, series: str) -> str:
        """The metric that a series belongs to."""
        metric = self.catalog.find(series)
        return metric.name if metric is not None else series

    def below(self, series: frozenset[str]) -> frozenset[str]:
        """The metrics and records of these series, and all that the records stand on."""
        found: set[str] = set()
        waiting = list(series)
        while waiting:
            name = waiting.pop()
            if self.family(name) not in found:
                found.add(self.family(name))
                waiting += [below for rule in self.records.get(name, ()) for below in self.series_of(rule)]
        return frozenset(found)

    def series_of(self, reader: Reader) -> frozenset[str]:
        """The names of the series that a query reads, by a pattern too."""
        patterns = [use.selector for use in reader.query.promql.uses if not names_of(use.selector)]
        found = (name for pattern in patterns for name in self.names if matches_name(pattern, name))
        return reader.series.union(found)


def load_inventory(
    source: Path | None = None,
    catalogs: tuple[Path, ...] = (),
    alerts: tuple[Path, ...] = (),
    dashboards: tuple[Path, ...] = (),
    rules: tuple[Path, ...] = (),
) -> Inventory:
    """Load ours as `load_rules` does, dashboard JSON of others, and their rule files.

    What others have under the uid or the name of something of ours is a copy of it, and passed over.
    """
    ours = load_rules(source, catalogs, alerts, records="use")
    uids = {board.uid for board in ours.boards}
    names = {record.name for record in ours.catalog.records} | set(ours.alerts.alerts)
    boards = [board for board in load_others_boards(dashboards) if board.uid not in uids]
    return Inventory(ours, boards, [rule for rule in load_others_rules(rules) if rule.name not in names])


def names_of(selector: promql_ast.Selector) -> tuple[str, ...]:
    """The names that a selector asks for, without those that a variable decides; none when it is a pattern."""
    return tuple(name for name in promql_ast.names(selector) or () if not stand_ins.has_variable(name))


def matches_name(selector: promql_ast.Selector, name: str) -> bool:
    """Whether a selector asks for series by a pattern that the name fits, or by a name that a variable completes."""
    if stand_ins.has_variable(selector.name):
        literal = _VARIABLE.sub("", selector.name)
        completed = ".*".join(map(re.escape, _VARIABLE.split(selector.name)))
        # A variable alone may be anything, which says nothing.
        return bool(literal) and re.fullmatch(completed, name) is not None
    patterns = [item.value for item in selector.matchers if (item.label, item.operator) == ("__name__", "=~")]
    try:
        return bool(patterns) and all(
            not stand_ins.has_variable(pattern) and re.fullmatch(pattern, name) for pattern in patterns
        )
    except re.error:  # what Go's dialect has and Python's has not
        return False


def of_board(board: Board) -> Iterator[Reader]:
    """The queries of a dashboard."""
    for query in board.queries:
        kind: Kind = "panel"
        name, panel_id = query.place, None
        if query.panel is not None:
            panel_id = query.panel.id
        elif name.startswith("variable "):
            kind, name = "variable", name.removeprefix("variable ")
        else:
            kind, name = "annotation", name.removeprefix("annotation ")
        yield Reader(board_place(board, kind, name, panel_id), query)


def board_place(board: Board, kind: Kind, name: str, panel_id: int | None = None) -> Place:
    """A place on a dashboard."""
    file = board.file if isinstance(board, OthersBoard) else ""
    return Place(kind, board.name, name, board.title, panel_id, file)


def alert_place(alert: Alert) -> Place:
    """The place of one of our alerts."""
    return Place("alert", alert.group, alert.name)


def place_of(rule: OthersRule) -> Place:
    """The place of a rule of somebody else."""
    return Place(rule.kind, rule.group, rule.name, file=rule.file)


def _of_alert(alert: Alert) -> Iterator[Reader]:
    yield Reader(alert_place(alert), Query(alert.query, alert.language, alert.name))
    for check in alert.runbook.checks:
        place = Place("check", alert.name, check.what)
        if check.query:
            yield Reader(place, Query(check.query, "promql", check.what))
        elif check.lines:
            yield Reader(place, Query(check.lines, "logql", check.what))


def _rule(kind: Kind, home: str, name: str, expr: str) -> Reader:
    return Reader(Place(kind, home, name), Query(expr, "promql", name))
