"""How values look, once for all dashboards: colours of states, thresholds, units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sedna_dash.authoring.promql import active_catalog
from sedna_dash.errors import AuthoringError

#: One colour per state everywhere; the text is always shown too, so that colour is never the only signal.
COLORS: Mapping[str, str] = {
    # progress
    "Running": "green",
    "Training": "green",
    "active": "green",
    "Completed": "blue",
    "Succeeded": "blue",
    "Complete": "blue",
    "OK": "blue",
    "Waiting": "#8e8e8e",
    "Pending": "#8e8e8e",
    "waiting": "#8e8e8e",
    "Ready": "yellow",
    "Starting": "yellow",
    "Failed": "red",
    "NotOK": "red",
    "dead": "dark-red",
    "Terminated": "#8e8e8e",
    "Unknown": "purple",
    # stages
    "Train": "blue",
    "Eval": "yellow",
    "Deploy": "green",
    # conditions
    "True": "green",
    "False": "red",
    "true": "green",
    "false": "red",
    "unknown": "purple",
    # places and models
    "edge": "#5794f2",
    "cloud": "#b877d9",
    "new": "#5794f2",
    "old": "#8e8e8e",
    # results
    "done": "green",
    "ready": "yellow",
    "error": "red",
    "known": "blue",
    # severities and log levels
    "critical": "red",
    "warning": "orange",
    "info": "blue",
    "pending": "orange",
    "firing": "red",
    "debug": "#8e8e8e",
    "fatal": "dark-red",
}


@dataclass(frozen=True)
class Thresholds:
    """Colour steps with a stated meaning; ``steps`` starts with the base colour at ``None``."""

    meaning: str
    steps: tuple[tuple[str, float | None], ...]

    def to_json_data(self) -> dict[str, Any]:
        """Grafana's shape. The base step's value is a real null."""
        return {
            "mode": "absolute",
            "steps": [{"color": color, "value": value} for color, value in self.steps],
        }


def above(meaning: str, **limits: float) -> Thresholds:
    """Green, then each colour from its limit upwards: ``above("why", orange=0.8, red=0.95)``."""
    ordered = sorted(limits.items(), key=lambda limit: limit[1])
    return Thresholds(meaning, (("green", None), *((color, value) for color, value in ordered)))


def below(meaning: str, **limits: float) -> Thresholds:
    """Green, and each colour under its limit: ``below("why", orange=0.2, red=0.1)``."""
    ordered = sorted(limits.items(), key=lambda limit: limit[1])
    colors = [color for color, _ in ordered[1:]] + ["green"]
    steps = [(ordered[0][0], None), *zip(colors, (value for _, value in ordered), strict=True)]
    return Thresholds(meaning, tuple(steps))


#: No judgement: one colour, and not the green that would say "good".
PLAIN = Thresholds("", (("blue", None),))


@dataclass(frozen=True)
class Mapped:
    """Names and colours for numbers, or for texts."""

    texts: Mapping[float, tuple[str, str]] | Mapping[str, tuple[str, str]]

    def to_json_data(self) -> list[dict[str, Any]]:
        """Grafana's value mappings."""
        options = {
            value if isinstance(value, str) else f"{value:g}": {"text": text, "color": color, "index": index}
            for index, (value, (text, color)) in enumerate(self.texts.items())
        }
        return [{"type": "value", "options": options}]


def values(texts: Mapping[float, tuple[str, str]]) -> Mapped:
    """Value mappings: ``values({0: ("Down", "red"), 1: ("Up", "green")})``."""
    return Mapped(texts)


def colored(*states: str) -> Mapped:
    """Texts in the colours that these states have everywhere, for a table column that is a label."""
    return Mapped({state: (state, color_of(state)) for state in states})


def color_of(state: str) -> str:
    """The colour of a state. Raises `AuthoringError` when nobody chose one."""
    if state not in COLORS:
        raise AuthoringError(f"state '{state}' has no colour; add it to COLORS in sedna_dash/authoring/style.py")
    return COLORS[state]


def state_mappings(unit: str) -> Mapped | None:
    """The names behind the numbers of `promql.states`, from the unit that it left on the expression."""
    if not unit.startswith("state:"):
        return None
    _, label, family = unit.split(":", 2)
    legal = active_catalog().metrics[family].labels[label]
    texts: dict[float, tuple[str, str]] = {0: ("Not reported", "purple")}
    texts.update({number: (value, color_of(value)) for number, value in enumerate(legal, start=1)})
    return Mapped(texts)


def grafana_unit(unit: str) -> str:
    """The Grafana unit id for a catalog unit, or for a rate of one (``samples/s``)."""
    if unit.startswith("state:"):
        return "none"
    units = active_catalog().units
    base, slash, _ = unit.partition("/")
    found = units.get(base)
    if found is None:
        # What expressions count: series, events, observations. Grafana's plain number.
        return "cps" if slash else "short"
    return found.rate if slash else found.grafana
