"""Problems that somebody decided to live with."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from sedna_dash.catalog import default_catalog
from sedna_dash.errors import LintError
from sedna_dash.lint.board import Board
from sedna_dash.lint.checking import Report, lint
from sedna_dash.lint.exclusions import Exclusion, load_exclusions
from tests.lint.test_rules import BOARD, PANEL

UNTITLED: dict[str, Any] = {**BOARD, "panels": [{**PANEL, "title": "", "id": 5}]}
TODAY = datetime.date(2026, 5, 1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lint.yaml"


def read(path: Path, text: str) -> list[Exclusion]:
    path.write_text(text, encoding="utf-8")
    return load_exclusions(path)


def judged(exclusions: list[Exclusion], **options: Any) -> Report:
    return lint([Board(UNTITLED, "b.json")], default_catalog(), exclusions, today=TODAY, **options)


ENTRY = """\
- rule: panel-title
  dashboard: sedna-test
  panel: panel 5
  reason: Its title would hide the picture.
"""


def test_without_exclusions_there_is_a_problem() -> None:
    report = judged([])
    assert [(problem.rule, problem.panel) for problem in report.problems] == [("panel-title", "panel 5")]
    assert (report.errors, report.warnings, report.excluded, report.dashboards) == (1, 0, 0, 1)


def test_a_problem_is_excluded(path: Path) -> None:
    report = judged(read(path, ENTRY))
    assert report.problems == ()
    assert report.excluded == 1


def test_an_exclusion_without_a_panel_covers_the_dashboard(path: Path) -> None:
    assert judged(read(path, ENTRY.replace("  panel: panel 5\n", ""))).problems == ()


@pytest.mark.parametrize(
    "old, new",
    [("panel 5", "panel 6"), ("panel-title\n", "panel-unit\n"), ("sedna-test", "sedna-gone")],
)
def test_what_excludes_nothing_is_an_error(path: Path, old: str, new: str) -> None:
    report = judged(read(path, ENTRY.replace(old, new)))
    assert [problem.rule for problem in report.problems] == ["panel-title", "unused-exclusion"]
    unused = report.problems[1]
    assert (unused.severity, unused.file, unused.line) == ("error", str(path), 1)
    assert unused.message.endswith("remove the exclusion")
    assert len(report.unused) == 1


def test_of_some_dashboards_only_their_exclusions_count(path: Path) -> None:
    exclusions = read(path, ENTRY + ENTRY.replace("sedna-test", "sedna-other"))
    assert judged(exclusions, partial=True).problems == ()
    assert [problem.dashboard for problem in judged(exclusions).problems] == ["sedna-other"]


def test_an_exclusion_runs_out(path: Path) -> None:
    assert judged(read(path, ENTRY + "  until: 2026-05-01\n")).problems == ()
    report = judged(read(path, ENTRY + "  until: 2026-04-30\n"))
    assert [problem.rule for problem in report.problems] == ["panel-title", "unused-exclusion"]
    assert "ran out on 2026-04-30" in report.problems[1].message


def test_an_empty_file_excludes_nothing(path: Path) -> None:
    assert read(path, "# nothing yet\n") == []


@pytest.mark.parametrize(
    "text, line, says",
    [
        (ENTRY.replace("panel-title", "panel-titel"), 1, "did you mean 'panel-title'?"),
        (ENTRY.replace("panel-title", "xyzzy"), 1, "sedna-dash lint --rules"),
        (ENTRY.replace("panel-title", "unused-exclusion"), 1, "unknown rule"),
        (ENTRY.replace("reason:", "raeson:"), 4, "did you mean 'reason'?"),
        (ENTRY.replace("  reason: Its title would hide the picture.\n", ""), 1, "'reason' is missing"),
        (ENTRY.replace("Its title would hide the picture.", "not needed"), 4, "says too little"),
        (ENTRY.replace("Its title would hide the picture.", ""), 4, "must be a text"),
        (ENTRY.replace("panel 5", "[a, b]"), 3, "must be a text"),
        (ENTRY + "  until: next year\n", 5, "is no date"),
        (ENTRY + "  panel: other\n", 5, "written twice"),
        (ENTRY + ENTRY, 5, "repeats the exclusion of line 1"),
        ("exclusions: []\n", 1, "must be a list"),
        ("- panel-title\n", 1, "is a mapping"),
        ("- rule: [\n", 2, "repair the YAML"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_line(path: Path, text: str, line: int, says: str) -> None:
    with pytest.raises(LintError) as error:
        read(path, text)
    assert error.value.message.startswith(f"{path}:{line}: ")
    assert says in error.value.message


def test_a_missing_file_and_one_that_is_no_text(path: Path) -> None:
    with pytest.raises(LintError, match="cannot be read"):
        load_exclusions(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LintError, match="UTF-8"):
        load_exclusions(path)


def test_the_order_depends_on_the_dashboards_alone() -> None:
    boards = [Board({**UNTITLED, "uid": uid, "title": uid}, f"{uid}.json") for uid in ("b", "a", "c")]
    catalog = default_catalog()
    assert lint(boards, catalog).problems == lint(boards[::-1], catalog).problems
