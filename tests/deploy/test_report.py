"""What deploy says it did."""

from __future__ import annotations

import io
import json

import pytest

from sedna_dash.deploy.apply import Outcome, Result
from sedna_dash.deploy.report import Report, summary, write_report

CREATED = Result("create", "folder", "sedna", "Sedna")
SAME = Result("unchanged", "dashboard", "sedna-one", "Sedna / One", "provisioned from a file; used as it is")
CONFLICT = Result("conflict", "dashboard", "sedna-two", "[red]Two[/red] \x1b[31m", "changed since our version 1\n\x07")
FAILED = Result("failed", "datasource", "sedna-loki", "Sedna logs", "refused")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def report(*results: Result, dry_run: bool = False, version: str = "9.3.2") -> Report:
    return Report("http://g:3000", version, dry_run, results)


def test_columns() -> None:
    out = io.StringIO()
    write_report(report(CREATED, SAME), "text", out)
    assert out.getvalue() == (
        "ACTION     KIND       TITLE        UID        REASON\n"
        "create     folder     Sedna        sedna\n"
        "unchanged  dashboard  Sedna / One  sedna-one  provisioned from a file; used as it is\n"
        "http://g:3000 (Grafana 9.3.2): 1 created, 1 unchanged\n"
    )


@pytest.mark.parametrize("out", [io.StringIO(), Terminal()])
def test_nothing_in_a_title_reaches_the_terminal_as_a_command(out: io.StringIO) -> None:
    write_report(report(CONFLICT), "text", out)
    shown = out.getvalue()
    assert "[red]Two[/red]" in shown
    assert "\x1b[31m" not in shown and "\x07" not in shown


def test_json() -> None:
    out = io.StringIO()
    write_report(report(CREATED, CONFLICT, dry_run=True), "json", out)
    shown = json.loads(out.getvalue())
    assert {key: shown[key] for key in ("url", "grafana", "dry_run")} == {
        "url": "http://g:3000", "grafana": "9.3.2", "dry_run": True
    }  # fmt: skip
    assert shown["results"][0] == {
        "outcome": "create", "kind": "folder", "uid": "sedna", "title": "Sedna", "reason": ""
    }  # fmt: skip
    assert shown["results"][1]["title"] == CONFLICT.title
    assert out.getvalue().isascii()


@pytest.mark.parametrize(
    "results, wanted",
    [
        ((), "nothing to do"),
        ((SAME,), "1 unchanged"),
        ((FAILED, CONFLICT, SAME, CREATED), "1 created, 1 unchanged, 1 in conflict, 1 failed"),
    ],
)
def test_summary(results: tuple[Result, ...], wanted: str) -> None:
    assert summary(report(*results)) == f"http://g:3000 (Grafana 9.3.2): {wanted}"


def test_summary_of_a_dry_run_and_of_a_hidden_version() -> None:
    shown = summary(report(CREATED, dry_run=True, version=""))
    assert shown == "http://g:3000 (Grafana of unknown version): would be 1 created"


@pytest.mark.parametrize(
    "outcomes, code",
    [(["create", "unchanged"], 0), (["create", "conflict"], 3), (["conflict", "failed", "create"], 4), ([], 0)],
)
def test_exit_code(outcomes: list[Outcome], code: int) -> None:
    error = report(*(Result(outcome, "folder", "u", "t", "why") for outcome in outcomes)).error
    assert (error.exit_code if error else 0) == code
