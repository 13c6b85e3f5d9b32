"""The three-way view: what we last deployed, what is live, what we want now. Pure.

What somebody changed since our last deployment is *theirs*, what the modules changed since is *ours*. A change of
theirs that the modules have meanwhile taken over is nobody's any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sedna_dash.deploy.resources import Version
from sedna_dash.render.difference import (
    MISSING,
    Difference,
    Merged,
    Path,
    differences,
    dotted,
    merge,
    place,
    same,
    value_at,
)
from sedna_dash.render.outline import restored

Outline = Mapping[str, Any]
Side = Literal["here", "live"]


@dataclass(frozen=True)
class Detail:
    """One field that differs, for a person and for a program.

    ``side`` says who changed it: the modules (``here``) or somebody in Grafana (``live``, with who, when and in which
    version). ``before`` and ``after`` are None where there is nothing.
    """

    where: str
    field: str
    verb: str
    side: Side
    path: str
    before: Any = None
    after: Any = None
    by: str = ""
    when: str = ""
    version: int | None = None

    def __str__(self) -> str:
        if self.side == "here":
            said = f"{self.verb} here{self._values()}"
        else:
            who = f" by {self.by}" if self.by else ""
            when = f" at {self.when}" if self.when else ""
            version = f", version {self.version}" if self.version else ""
            said = f"{self.verb} live{who}{when}{version}{self._values()}"
        return f"{self.where}: {self.field} {said}" if self.field else f"{self.where} {said}"

    def _values(self) -> str:
        shown = [_short(value) for value in (self.before, self.after)]
        return f" ({shown[0]} → {shown[1]})" if self.verb == "changed" and all(shown) else ""


def _short(value: Any) -> str:
    if isinstance(value, Mapping) and isinstance(value.get("steps"), list):
        # Thresholds: "green, red 3".
        steps = [step for step in value["steps"] if isinstance(step, Mapping)]
        value = ", ".join(
            f"{step.get('color')} {'' if step.get('value') is None else step['value']}".strip() for step in steps
        )
    if isinstance(value, list) and all(isinstance(item, (str, int, float)) for item in value):
        value = ", ".join(map(str, value))
    text = str(value) if isinstance(value, (str, int, float)) else ""
    return text if len(text) <= 40 else ""


@dataclass(frozen=True)
class Comparison:
    """What each side changed, and both together where that can be told."""

    ours: Sequence[Detail] = ()
    theirs: Sequence[Detail] = ()
    merged: Merged = field(default_factory=Merged)

    @property
    def details(self) -> list[Detail]:
        return [*self.ours, *self.theirs]


def compared(
    base: Outline, wanted: Outline, live: Outline, saved: Iterable[tuple[Version, Outline]] = ()
) -> Comparison:
    """Compare three outlines. ``saved`` are the versions after the base, oldest first: they tell who changed what."""
    ours = list(differences(base, wanted))
    theirs = [change for change in differences(base, live) if not same(value_at(wanted, change.path), change.after)]
    known = [(Version(0), base), *saved]
    names = (wanted, live, base)
    return Comparison(
        [detail(change, "here", names) for change in ours if not same(value_at(live, change.path), change.after)],
        [detail(change, "live", names, _author(change.path, known)) for change in theirs],
        merge(base, wanted, live),
    )


def from_common_ground(saved: Sequence[tuple[Version, Outline]], here: Outline) -> Sequence[tuple[Version, Outline]]:
    """The versions from the newest one that the modules have already, such as by a patch; else all, which begin with
    what we last deployed."""
    for index in range(len(saved) - 1, 0, -1):
        if next(differences(saved[index][1], here), None) is None:
            return saved[index:]
    return saved


def detail(change: Difference, side: Side, names: Sequence[Outline], by: Version | None = None) -> Detail:
    """A difference with the words for it."""
    where = place(change.path, *names)
    key = change.path[-1] if change.path else ""
    before, after = (None if value is MISSING else restored(value, key) for value in (change.before, change.after))
    who = (by.by, by.when, by.number) if by else ("", "", None)
    return Detail(where.where, where.field, change.verb, side, dotted(change.path), before, after, *who)


def _author(path: Path, versions: Sequence[tuple[Version, Outline]]) -> Version | None:
    """Who gave the field the value that it has: the last version in which it changed."""
    for (_, before), (version, after) in zip(reversed(versions[:-1]), reversed(versions[1:]), strict=True):
        if not same(value_at(before, path), value_at(after, path)):
            return version
    return None
