"""What the condition list of an object says. GM appends to it and never trims it, oldest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sedna_dash.crds import Crd
from sedna_dash.exporter.fields import Fields

#: What ends a run of a stage.
_ENDS = ("Completed", "Failed")
#: What begins one, best first: a cold deployment goes from Ready to Completed.
_BEGINS = ("Starting", "Running", "Ready")
#: Counts are kept of thousands of jobs: they share their keys.
_KEYS: dict[tuple[str, str], tuple[str, str]] = {}
_DATA = "status.conditions[].data"


class Condition(NamedTuple):
    """One entry: ``at`` is when it was written, in Unix seconds."""

    stage: str
    type: str
    status: str
    at: float | None
    message: str


@dataclass
class History:
    """The whole list in the few facts that anybody asks for, so that its length costs nothing later.

    ``counts`` are changes of a stage to another state: GM and LC both report a completion when GM wins the race, and a
    state that is said twice is no change. ``data`` is the newest text of each stage and type that carries any.
    ``durations`` are of the last finished run of each stage, in seconds.
    """

    length: int = 0
    newest: Condition | None = None
    stages: dict[str, Condition] = field(default_factory=dict)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    data: dict[tuple[str, str], str] = field(default_factory=dict)
    durations: dict[str, float] = field(default_factory=dict)
    deployed: bool = False

    def raise_counts(self, known: Mapping[tuple[str, str], int]) -> None:
        """Let no count fall below what was known: GM writes the status from its own copy and can lose an entry that LC
        brought in between, which Prometheus would take for a restart from zero."""
        for key, count in known.items():
            self.counts[key] = max(count, self.counts.get(key, 0))


def read_history(fields: Fields, crd: Crd) -> History:
    """The history of an object. Entries that make no sense are reported and left out."""
    history = History()
    begun: dict[str, dict[str, float | None]] = {}
    for entry in fields.items("status.conditions"):
        history.length += 1
        condition = _condition(entry, crd)
        if condition is None:
            continue
        history.newest = condition
        stage, type_ = condition.stage, condition.type
        data = entry.text("data") if _DATA in crd.paths else ""
        if data:
            history.data[stage, type_] = data
        before = history.stages.get(stage)
        history.stages[stage] = condition
        if before is not None and before.type == type_:
            continue
        key = _KEYS.setdefault((stage, type_), (stage, type_))
        history.counts[key] = history.counts.get(key, 0) + 1
        if type_ in _ENDS:
            _finish(history, condition, begun.pop(stage, {}))
        elif type_ == "Waiting":
            begun.pop(stage, None)
        else:
            begun.setdefault(stage, {}).setdefault(type_, condition.at)
    return history


def _condition(entry: Fields, crd: Crd) -> Condition | None:
    type_, stage = entry.text("type"), entry.text("stage") if crd.stages else ""
    if type_ not in crd.conditions:
        entry.wrong("type")
        return None
    if crd.stages and stage not in crd.stages:
        entry.wrong("stage")
        return None
    at = entry.instant("lastTransitionTime") if entry.raw("lastTransitionTime") else entry.instant("lastHeartbeatTime")
    return Condition(stage, type_, entry.text("status"), at, entry.text("message"))


def _finish(history: History, end: Condition, begun: dict[str, float | None]) -> None:
    start = next((begun[type_] for type_ in _BEGINS if begun.get(type_) is not None), None)
    # An end before its beginning is a clock that was set back: no duration at all.
    if start is not None and end.at is not None and end.at >= start:
        history.durations[end.stage] = end.at - start
    if end.stage == "Deploy":
        # Without a Ready before it, LC's trigger said no and the old model stays.
        history.deployed = end.type == "Completed" and bool(begun)
