"""What deploy says it did."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace

import pytest

from sedna_dash.deploy.apply import Outcome, Result
from sedna_dash.deploy.report import Report, report_data, step_summary, summary, write_report
from sedna_dash.deploy.threeway import Detail
from sedna_dash.schemas import violations

CREATED = Result("create", "folder", "sedna", "Sedna")
SAME = Result("unchanged", "dashboard", "sedna-0", "Sedna / Zero")
PROVISIONED = Result("unchanged", "datasource", "sedna-loki", "Sedna logs", "provisioned from a file; used as it is")
HERE = Detail("panel 'Jobs'", "query A", "changed", "here", "panels[7].targets[A].expr", "x", "y")
THERE = Detail("panel 'Jobs'", "title", "changed", "live", "panels[7].title", "Jobs", "Mine", "eve", "14:02", 7)
CONFLICT = Result("conflict", "dashboard", "sedna-one", "Sedna / One", "changed since our version 1", (HERE, THERE))
FAILED = Result("failed", "datasource", "sedna-loki", "Sedna logs", "refused")
SKIPPED = Result("skipped", "dashboard", "sedna-two", "Two", "not tried")
HOSTILE = "[red]Two[/red] \x1b[31m\x07\n| <img src=x> `x` *b* ![i](http://evil) \u202e"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def report(*results: Result, dry_run: bool = False, version: str = "9.3.2", command: str = "deploy") -> Report:
    return Report(command, "http://g:3000", version, "sedna", "0123456789ab", dry_run, results)


def text(*results: Result) -> str:
    out = io.StringIO()
    write_report(report(*results), "text", out)
    return out.getvalue()


def test_columns() -> None:
    assert text(CREATED, SAME, PROVISIONED, CONFLICT) == (
        "create     folder      Sedna        sedna\n"
        "unchanged  datasource  Sedna logs   sedna-loki\n"
        "    provisioned from a file; used as it is\n"
        "conflict   dashboard   Sedna / One  sedna-one\n"
        "    changed since our version 1\n"
        "    panel 'Jobs': query A changed here (x → y)\n"
        "    panel 'Jobs': title changed live by eve at 14:02, version 7 (Jobs → Mine)\n"
        "http://g:3000 (Grafana 9.3.2): 1 created, 2 unchanged, 1 in conflict\n"
    )


def test_much_of_the_same_is_cut_short() -> None:
    foreign = [Result("foreign", "dashboard", f"f{number}", f"F{number}", "left alone") for number in range(1000)]
    shown = text(replace(CONFLICT, details=[HERE] * 20), *foreign)
    assert shown.count("changed here") == 8 and "... and 12 more fields; --output json has them all" in shown
    assert shown.count("foreign    ") + shown.count("foreign  ") > 0 and shown.count("left alone") == 3
    assert "... and 997 more things that are not ours; --output json lists them" in shown
    assert shown.endswith("1 in conflict, 1000 foreign\n")
    assert len(report_data(report(*foreign))["results"]) == 1000


def test_a_terminal_gets_the_same_in_colour() -> None:
    out = Terminal()
    results = (CREATED, PROVISIONED, replace(CONFLICT, title="x" * 200), FAILED)
    write_report(report(*results), "text", out)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())
    assert plain.split() == text(*results).split()


HOSTILE_RESULT = Result(
    "conflict", "dashboard", HOSTILE, HOSTILE, HOSTILE,
    [replace(THERE, where=f"panel '{HOSTILE}'", by=HOSTILE, before=HOSTILE[:20], after="\x1b[2J")],
)  # fmt: skip


@pytest.mark.parametrize("out", [io.StringIO(), Terminal()], ids=["file", "terminal"])
def test_nothing_in_a_title_reaches_the_terminal_as_a_command(out: io.StringIO) -> None:
    write_report(report(HOSTILE_RESULT), "text", out)
    shown = out.getvalue()
    assert "[red]Two[/red]" in shown
    for command in ("\x1b[31m", "\x1b[2J", "\x07", "\u202e", "\n|"):
        assert command not in shown


def test_nothing_in_a_title_reaches_the_error_as_a_command() -> None:
    error = report(replace(HOSTILE_RESULT, outcome="failed")).error
    assert error is not None and error.message.isprintable()


def test_nothing_in_a_title_reaches_the_page_as_markup() -> None:
    shown = step_summary(report(HOSTILE_RESULT))
    lines = shown.splitlines()
    assert len(lines) == 7 and lines[4] == "| Action | Kind | Title | Why |"
    # A cell ends where a bar stands that has no backslash before it.
    assert len(re.findall(r"(?<!\\)\|", lines[6])) == 5
    left = re.sub(r"\\.", "", lines[6])
    assert not set("[]<>*`\x1b\\") & set(left)


def test_a_page_for_github() -> None:
    assert step_summary(report(CREATED, SAME, CONFLICT)) == (
        "### sedna-dash deploy\n\n"
        "http://g:3000 (Grafana 9.3.2): 1 created, 1 unchanged, 1 in conflict\n\n"
        "| Action | Kind | Title | Why |\n|---|---|---|---|\n"
        "| create | folder | Sedna |  |\n"
        "| conflict | dashboard | Sedna / One | changed since our version 1; "
        "panel 'Jobs': query A changed here (x → y); "
        "panel 'Jobs': title changed live by eve at 14:02, version 7 (Jobs → Mine) |\n"
    )
    assert "|" not in step_summary(report(SAME))


def test_json() -> None:
    out = io.StringIO()
    write_report(report(CREATED, HOSTILE_RESULT, FAILED, SKIPPED, dry_run=True), "json", out)
    shown = json.loads(out.getvalue())
    assert list(violations("report", shown)) == []
    assert {key: shown[key] for key in ("url", "grafana", "dryRun", "bundle", "exitCode", "counts")} == {
        "url": "http://g:3000", "grafana": "9.3.2", "dryRun": True, "bundle": "sedna", "exitCode": 5,
        "counts": {"create": 1, "conflict": 1, "failed": 1, "skipped": 1},
    }  # fmt: skip
    assert shown["results"][0] == {
        "outcome": "create", "kind": "folder", "uid": "sedna", "title": "Sedna", "reason": "", "details": [],
        "kept": False, "denied": False,
        "follows": False,
    }  # fmt: skip
    # A program gets everything as it is.
    assert shown["results"][1]["title"] == HOSTILE and shown["results"][1]["details"][0]["version"] == 7
    assert out.getvalue().isascii()


@pytest.mark.parametrize("command", ["plan", "deploy", "rollback"])
@pytest.mark.parametrize("results", [(), (SAME,), (CONFLICT,), (FAILED,)])
def test_json_keeps_to_the_published_form(command: str, results: tuple[Result, ...]) -> None:
    data = report_data(report(*results, command=command, version=""))
    assert list(violations("report", json.loads(json.dumps(data)))) == []


@pytest.mark.parametrize(
    "results, wanted",
    [
        ((), "nothing to do"),
        ((SAME,), "1 unchanged"),
        ((FAILED, CONFLICT, SAME, CREATED), "1 created, 1 unchanged, 1 in conflict, 1 failed"),
        ((SKIPPED, Result("move", "folder", "u", "t"), Result("delete", "dashboard", "u", "t")),
         "1 moved, 1 deleted, 1 not tried"),
    ],
)  # fmt: skip
def test_summary(results: tuple[Result, ...], wanted: str) -> None:
    assert summary(report(*results)) == f"http://g:3000 (Grafana 9.3.2): {wanted}"


def test_summary_of_a_dry_run_and_of_a_hidden_version() -> None:
    shown = summary(report(CREATED, dry_run=True, version=""))
    assert shown == "http://g:3000 (Grafana of unknown version): would be 1 created"


KEPT = replace(CONFLICT, kept=True)
DRIFTED = Result("drifted", "dashboard", "u", "t", "why")
DENIED = replace(FAILED, denied=True)


@pytest.mark.parametrize(
    "results, code",
    [
        ([], 0),
        ([CREATED, SAME], 0),
        ([CREATED, CONFLICT], 3),
        ([DRIFTED], 3),
        ([KEPT, replace(DRIFTED, kept=True), CREATED], 0),
        ([KEPT, DRIFTED], 3),
        ([Result("orphaned", "dashboard", "u", "t"), Result("foreign", "dashboard", "u", "t")], 0),
        ([FAILED], 4),
        ([CONFLICT, FAILED, SAME], 4),
        ([SKIPPED], 4),
        ([FAILED, CREATED], 5),
        ([CREATED, SKIPPED], 5),
        ([DENIED, FAILED], 7),
        ([DENIED, CREATED], 5),
    ],
)
def test_exit_code(results: list[Result], code: int) -> None:
    error = report(*results).error
    assert (error.exit_code if error else 0) == code
    assert report_data(report(*results))["exitCode"] == code
    assert error is None or "\n" not in error.message


@pytest.mark.parametrize("outcome", ["failed", "skipped"])
def test_the_first_failure_is_named(outcome: Outcome) -> None:
    error = report(CREATED, replace(FAILED, outcome=outcome), FAILED).error
    assert error is not None
    count = "2 failed" if outcome == "failed" else "1 failed, 1 not tried"
    assert error.message == f"{count}; first datasource 'Sedna logs': refused (run again to finish)"
