"""Metrics that users register in the knowledge base: the tables ``metric`` and ``metric_value``.

``metric.label`` and ``metric_value.label_value`` are lists with commas. ``metric_value.metric_id`` is, to who made the
tables, the position of the metric in the order of ids, from 0; but the name of the column invites ids. So the values
are read as positions if all of them are positions and not all are ids, and as ids if it is the other way round. If
both can be meant, and say different things, none is shown: a value under a wrong name is worse than no value.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sedna_dash.catalog.model import AMBIENT_LABELS
from sedna_dash.knowledge_base.database import Database, ReadError, number

PREFIX = "sedna_knowledge_base_custom_"
TABLES = ("metric", "metric_value")

#: Metrics that are looked at; each needs a value to be shown, so there are never more than series.
_METRICS = 1000
_LONGEST = 10_000
_ILLEGAL = re.compile(r"[^a-zA-Z0-9_]")
_METRIC_LIST = (
    f"SELECT id, substr(CAST(name AS TEXT), 1, {_LONGEST}), substr(CAST(label AS TEXT), 1, {_LONGEST})"  # noqa: S608
    " FROM metric ORDER BY id, rowid LIMIT :limit"
)
_REFERENCES = "SELECT DISTINCT metric_id FROM metric_value LIMIT :limit"
# max() makes sqlite take the other columns from the same row: the newest one of these labels.
_VALUES = (
    f"SELECT metric_id, substr(CAST(label_value AS TEXT), 1, {_LONGEST}), value, max(rowid)"  # noqa: S608
    " FROM metric_value GROUP BY metric_id, coalesce(label_value, '') ORDER BY 1, 2 LIMIT :limit"
)
_ALL_VALUES = "SELECT count(*) FROM (SELECT 1 FROM metric_value GROUP BY metric_id, coalesce(label_value, ''))"


@dataclass
class Custom:
    """Found values as (full name, labels, value), what was left out by reason, and errors by reason."""

    values: list[tuple[str, dict[str, str], float]] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)


def read_custom(database: Database, *, labels: int, series: int) -> Custom:
    """The registered metrics, each with at most ``labels`` labels, and at most ``series`` in all.

    A database without the tables has none. Raises `ReadError`.
    """
    found = Custom()
    if not database.has(*TABLES):
        return found
    metrics = database.rows(_METRIC_LIST, limit=_METRICS)
    references = [reference for (reference,) in database.rows(_REFERENCES, limit=_METRICS + 1)]
    by_reference = resolve([id_ for id_, _, _ in metrics], references)
    if by_reference is None:
        raise ReadError("ambiguous")
    names = metric_names([name or "" for _, name, _ in metrics])
    rows = database.rows(_VALUES, limit=series)
    total = int(database.number(_ALL_VALUES) or 0)
    if total > len(rows):
        found.dropped["limit"] += total - len(rows)
    for reference, texts, value, _ in rows:
        at = by_reference.get(reference)
        amount = number(value)
        if at is None or names[at] is None:
            found.dropped["unknown_metric" if at is None else "no_name"] += 1
        elif amount is None:
            found.errors["value"] += 1
        else:
            keys, texts_of = parts(metrics[at][2]), parts(texts)
            if len(keys) > labels:
                found.dropped["labels"] += 1
            elif len(keys) != len(texts_of):
                found.dropped["label_values"] += 1
            else:
                found.values.append(
                    (f"{PREFIX}{names[at]}", dict(zip(label_names(keys), texts_of, strict=True)), amount)
                )
    return found


def resolve(ids: Sequence[object], references: Iterable[object]) -> dict[object, int] | None:
    """What each reference stands for, as a position in ``ids``; None if it could be either of two metrics."""
    used = set(references)
    positions: dict[object, int] = {position: position for position in range(len(ids))}
    # Any number of rows may have no id, or the same one.
    times = Counter(ids)
    named = {id_: position for position, id_ in enumerate(ids) if id_ is not None and times[id_] == 1}
    if not named:
        return positions
    are_positions, are_ids = used <= positions.keys(), used <= named.keys()
    if are_positions != are_ids:
        return positions if are_positions else named
    return named if all(named.get(one) == positions.get(one) for one in used) else None


def metric_names(raw: Iterable[str]) -> list[str | None]:
    """A legal name for each metric, behind our prefix; None for one without a name.

    Two different names never become one: the later one gets a hash of what it was.
    """
    taken: dict[str, str] = {}
    result: list[str | None] = []
    for name in raw:
        legal = _ILLEGAL.sub("_", name.strip())[:128]
        if not legal.strip("_"):
            result.append(None)
            continue
        if taken.setdefault(legal, name) != name:
            legal = f"{legal}_{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:8]}"
            taken.setdefault(legal, name)
        result.append(legal)
    return result


def label_names(raw: Iterable[str]) -> list[str]:
    """A legal and different name for each label; what Prometheus itself or a scrape gives a meaning stays free."""
    result: list[str] = []
    for position, name in enumerate(raw):
        legal = _ILLEGAL.sub("_", name)[:128]
        if not legal.strip("_"):
            legal = f"label_{position}"
        elif legal[0].isdigit() or legal.startswith("__") or legal in AMBIENT_LABELS or legal in ("le", "quantile"):
            legal = f"label_{legal.lstrip('_')}"
        base, number_ = legal, 2
        while legal in result:
            legal, number_ = f"{base}_{number_}", number_ + 1
        result.append(legal)
    return result


def parts(text: str | None) -> list[str]:
    """The parts of a list with commas; of nothing, none."""
    return [part.strip() for part in text.split(",")] if text and text.strip() else []
