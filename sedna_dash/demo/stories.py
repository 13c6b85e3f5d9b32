"""Stories: what goes wrong at a site, and which panels tell of it. One YAML file each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import yaml

from sedna_dash.alerts.model import seconds
from sedna_dash.demo.story_names import DATA

if TYPE_CHECKING:
    from sedna_dash.lint.board import Board


@dataclass(frozen=True)
class Look:
    """One thing to look at: a panel (or without one the whole dashboard), and what to see there.

    ``start`` and ``end`` are seconds after the site began; without them it is the whole story until now.
    """

    board: str
    see: str
    panel: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True)
class Story:
    """A scenario of the simulator with ``history`` seconds played before anybody looks, and what to look at."""

    name: str
    title: str
    scenario: str
    history: float
    about: str
    looks: tuple[Look, ...]
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Span:
    """Addresses need a time: a story began at ``start``, in seconds since 1970, or, where nobody knows yet when it
    will begin, it will have lasted for ``length`` seconds."""

    length: float
    start: float | None = None

    def of(self, look: Look) -> str:
        """The time of a look, as in an address of Grafana."""
        if self.start is None:
            return f"from=now-{self.length:.0f}s&to=now"
        ends = [
            f"{1000 * (self.start + moment):.0f}" if moment is not None else "" for moment in (look.start, look.end)
        ]
        return f"from={ends[0] or f'{1000 * self.start:.0f}'}&to={ends[1] or 'now'}"


def load_story(name: str) -> Story:
    """The story of a name."""
    content: dict[str, Any] = yaml.safe_load((DATA / f"{name}.yaml").read_text(encoding="utf-8"))
    looks = tuple(_look(**entry) for entry in content.pop("looks"))
    history = seconds(content.pop("history"))
    return Story(name, history=history, looks=looks, options=tuple(content.pop("options", ())), **content)


def address(look: Look, boards: Sequence[Board], span: Span, grafana: str) -> str:
    """Where a look leads. Raises `LookupError` for a panel that is not there."""
    board = next((board for board in boards if board.uid == look.board), None)
    if board is None:
        raise LookupError(f"there is no dashboard '{look.board}'")
    chosen = ""
    if look.panel:
        found = next((panel for panel in board.panels if panel.title == look.panel), None)
        if found is None:
            raise LookupError(f"dashboard '{look.board}' has no panel '{look.panel}'")
        chosen = f"&viewPanel={found.id}"
    passed = "".join(f"&var-{name}={quote(value)}" for name, value in look.variables.items())
    return f"{grafana}/d/{look.board}?orgId=1{chosen}{passed}&{span.of(look)}"


def _look(start: str = "", end: str = "", **entry: Any) -> Look:
    return Look(start=seconds(start) if start else None, end=seconds(end) if end else None, **entry)
