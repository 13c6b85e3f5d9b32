"""One reading of the knowledge base: its series, and what was wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sedna_dash.exposition import Sample, cut
from sedna_dash.knowledge_base import tables
from sedna_dash.knowledge_base.custom import read_custom
from sedna_dash.knowledge_base.database import FATAL, Database, ReadError, number, opened, unfinished
from sedna_dash.knowledge_base.index import group_names

INDEX_NAME = "index.pkl"


@dataclass(frozen=True)
class Limits:
    """How much is shown and how long a reading takes.

    ``rows`` is the most series of a family that has one per row; ``tasks`` the most tasks with transfer ratios;
    ``text`` and ``url`` are characters; ``seconds`` is for all queries together, ``busy`` for waiting for a writer.
    """

    rows: int = 1000
    tasks: int = 200
    custom_labels: int = 5
    custom_series: int = 200
    text: int = 128
    url: int = 512
    seconds: float = 2.0
    busy: float = 0.5


@dataclass
class Reading:
    """What was read: ``errors`` by reason, ``dropped`` series by family and reason."""

    samples: list[Sample] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    dropped: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def whole(self) -> bool:
        """Whether the database could be read, apart from tables, columns or values that are not as they should be."""
        return not FATAL & self.errors.keys()


def read(path: Path, limits: Limits | None = None, *, copy: bool = False, index: Path | None = None) -> Reading:
    """Read the knowledge base at ``path``; never raises for what the file is or is not.

    ``copy`` says that nobody writes the file. ``index`` is the index file, by default the one beside the database; if
    there is none, it is not known which groups are deployed, and nothing is said about it.
    """
    reader = _Reader(limits or Limits())
    try:
        with opened(path, copy=copy, seconds=reader.limits.seconds, busy=reader.limits.busy) as database:
            reader.read_tables(database)
            reader.read_index(database, index or path.with_name(INDEX_NAME), asked_for=index is not None)
        reader.add("database_bytes", {}, path.stat().st_size)
        reading = reader.reading
    except ReadError as error:
        # It may have changed under our eyes: then nothing that was read holds.
        reading = Reading(errors=Counter([error.reason]))
    except OSError:
        reading = Reading(errors=Counter(["missing"]))
    if copy and unfinished(path):
        # The copy was read without it.
        reading.errors["unfinished"] += 1
    return reading


class _Reader:
    """Fills a `Reading`. A query that fails is counted, and the others still run."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.reading = Reading()
        self._seen: set[tuple[str, frozenset[tuple[str, str]]]] = set()
        self._longest = {"url": limits.url}

    def add(self, family: str, labels: Mapping[str, str], value: float) -> None:
        """One series; one with the same labels as an earlier one is dropped."""
        if not family.startswith(tables.PREFIX):
            family = tables.PREFIX + family
        shown = {label: cut(text, self._longest.get(label, self.limits.text)) for label, text in labels.items()}
        # Prometheus takes an empty label for none.
        key = (family, frozenset((label, text) for label, text in shown.items() if text))
        if key in self._seen:
            self.reading.dropped[family, "duplicate"] += 1
            return
        self._seen.add(key)
        self.reading.samples.append(Sample(family, shown, value))

    def read_tables(self, database: Database) -> None:
        """Everything that the database itself says."""
        for family in dict.fromkeys(single.family for single in tables.SINGLES):
            found = [self._attempt(database.number, one.sql) for one in tables.SINGLES if one.family == family]
            known = [value for value in found if value is not None]
            if known:
                self.add(family, {}, max(known))
        self._attempt(self._samples, database)
        for query in tables.PER_ROW:
            self._attempt(self._per_row, database, query)
        self._attempt(self._transfer, database)
        self._attempt(self._custom, database)

    def read_index(self, database: Database, path: Path, *, asked_for: bool) -> None:
        """Which of the groups the index file names; it may be missing unless it was ``asked_for``."""
        try:
            deployed = group_names(path)
        except FileNotFoundError:
            if asked_for:
                self.reading.errors["index"] += 1
            return
        except ReadError as error:
            self.reading.errors[error.reason] += 1
            return
        for (group,) in self._attempt(database.rows, tables.GROUPS, limit=self.limits.rows) or []:
            self.add("task_group_deployed", {"group": group}, group in deployed)

    def _attempt(self, what: Any, *arguments: Any, **named: Any) -> Any:
        try:
            return what(*arguments, **named)
        except ReadError as error:
            self.reading.errors[error.reason] += 1
            return None

    def _samples(self, database: Database) -> None:
        totals = dict.fromkeys(("train", "evaluation", "hard"), 0.0)
        for raw, total in database.rows(tables.SAMPLES):
            data_type = tables.DATA_TYPES.get((raw or "").strip().lower())
            if data_type:
                totals[data_type] += total
            else:
                self.reading.errors["value"] += 1
        for data_type, total in totals.items():
            self.add("samples", {"data_type": data_type}, total)

    def _per_row(self, database: Database, query: tables.PerRow) -> None:
        rows = database.rows(query.rows, limit=self.limits.rows)
        if len(rows) == self.limits.rows:
            self._drop(query, "limit", int(database.number(query.total) or 0) - len(rows))
        for *texts, value in rows:
            amount = number(value)
            if amount is None:
                self.reading.errors["value"] += 1
            else:
                self.add(query.family, dict(zip(query.labels, (text or "" for text in texts), strict=True)), amount)

    def _transfer(self, database: Database) -> None:
        tasks = database.number("SELECT count(*) FROM ll_tasks") or 0
        if tasks <= self.limits.tasks:
            self._per_row(database, tables.TRANSFER)
        else:
            self._drop(tables.TRANSFER, "tasks", int(database.number(tables.TRANSFER.total) or 0))

    def _drop(self, query: tables.PerRow, reason: str, count: int) -> None:
        if count > 0:
            self.reading.dropped[tables.PREFIX + query.family, reason] += count

    def _custom(self, database: Database) -> None:
        found = read_custom(database, labels=self.limits.custom_labels, series=self.limits.custom_series)
        for name, labels, value in found.values:
            self.add(name, labels, value)
        self.reading.errors.update(found.errors)
        for reason, count in found.dropped.items():
            self.reading.dropped[f"{tables.PREFIX}custom_", reason] += count
