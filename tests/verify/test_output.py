"""How the report is shown to a person."""

from __future__ import annotations

import io

import pytest

from sedna_dash.verify.output import write_report
from sedna_dash.verify.report import Answer, BoardResult, History, Item, Producer, Report
from sedna_dash.verify.verdict import Verdict

NOW = 1_800_000_000.0  # 2027-01-15 08:00
HOUR = 3600.0


def report(*items: Item, producers: tuple[Producer, ...] = (), history: tuple[History, ...] = ()) -> Report:
    boards = [BoardResult("one", "Board [one]", items)]
    return Report("http://prometheus", NOW, boards, producers, 24 * HOUR if history else None, history)


def text(found: Report, *, verbose: bool = False, terminal: bool = False) -> str:
    out = Terminal() if terminal else io.StringIO()
    write_report(found, "table", out, verbose=verbose)
    return out.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def panel(verdict: Verdict, **more: float) -> Item:
    return Item.of("panel", "Jobs [5m]", [Answer("A", "promql", "x[5m]", verdict, **more)], 1)  # type: ignore[arg-type]


DATA = Verdict("data")


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        (NOW, NOW, "3 series, now"),
        (NOW - 3 * HOUR, NOW - 3 * HOUR, "3 series, 3 h ago"),
        (NOW - 3 * HOUR, NOW - 30, "3 series, from 3 h ago until now"),
        (NOW - 48 * HOUR, NOW - 5 * HOUR, "3 series, from 2 d ago until 5 h ago"),
    ],
)
def test_from_when_to_when(first: float, last: float, said: str) -> None:
    found = report(panel(DATA, series=3, first=first, last=last))
    assert f"  data       Jobs [5m]: {said}\n" in text(found, verbose=True)
    assert "Jobs" not in text(found)


@pytest.mark.parametrize("terminal", [False, True])
def test_what_is_wrong_with_its_cure(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    said = text(report(panel(Verdict("broken", "no x[5m]", "send it"))), terminal=terminal)
    assert "Board [one] (one)" in said and "broken     Jobs [5m]" in said
    assert "no x[5m]" in said and "-> send it" in said
    assert terminal or "\x1b[" not in said


def test_what_is_off() -> None:
    hook = Producer("hook", "Worker hook", False, 0, {"x": Verdict("unknown", "no x")}, "turn it on")
    jetson = Producer("jetson", "Jetson", False, 0, {"y": Verdict("unknown", "no y")}, "start it")
    said = text(report(panel(Verdict("unknown", "no x", "turn it on")), producers=(hook, jetson)))
    assert "  Worker hook    1 panel: turn it on\n" in said and "Jetson" not in said
    assert said.endswith("http://prometheus at 2027-01-15 08:00Z: 1 unknown\n")


def test_history() -> None:
    start = NOW - 24 * HOUR
    histories = (
        History("a", start, NOW),
        History("b", NOW - HOUR, NOW),
        History("c", start, NOW - 2 * HOUR, [(NOW - 9 * HOUR, NOW - 8 * HOUR)]),
        History("d", None, None),
        History("e", start, NOW),
    )
    lines = text(report(history=histories)).splitlines()
    assert lines[lines.index("History of 5 metrics in the last 1 d") + 1 :][:4] == [
        "    2 whole: a, e",
        "    1 only since 2027-01-15 07:00Z: b",
        "    1 until 2027-01-15 06:00Z, not from 2027-01-14 23:00Z to 2027-01-15 00:00Z: c",
        "    1 nothing: d",
    ]
