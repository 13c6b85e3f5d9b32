"""The journal of a run."""

from __future__ import annotations

import errno
import itertools
import json
import os
import stat
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from sedna_dash.deploy.changes import Change, Plan, Policy
from sedna_dash.deploy.journal import KEPT, Journal, NoJournal, journal_folder
from sedna_dash.errors import OutputError
from tests.deploy.conftest import Deploy, board, exit_code, outcomes
from tests.grafana_stand_in import Request, StandIn

PLAN = Plan("http://g:3000/x", "", "sedna", "0" * 12, Policy(), [Change("create", "dashboard", "a", "A")] * 3)
_SECONDS = itertools.count()


def clock() -> datetime:
    """Each look at it is a second later."""
    return datetime(2026, 11, 23, tzinfo=timezone.utc) + timedelta(seconds=next(_SECONDS))


def journal(folder: Path, plan: Plan = PLAN) -> Journal:
    return Journal(folder, plan, clock)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


class Killed(BaseException):
    """Nothing catches it, as nothing catches a kill."""


def test_what_is_in_it(tmp_path: Path) -> None:
    with journal(tmp_path / "new" / "folder") as opened:
        opened.write("trying", uid="a", copy={"title": "ä\n"})
        assert [line["step"] for line in lines(opened.path)] == ["started", "trying"]
    assert [line["step"] for line in lines(opened.path)] == ["started", "trying", "finished"]
    assert lines(opened.path)[0] | {"at": ""} == {
        "at": "", "step": "started", "url": "http://g:3000/x", "bundle": "sedna", "deployment": "0" * 12, "changes": 3
    }  # fmt: skip
    assert stat.S_IMODE(opened.path.stat().st_mode) == 0o600
    assert opened.path.name.startswith("g_3000_x-sedna-2026")


def test_a_finished_run_leaves_nothing_to_say(tmp_path: Path) -> None:
    with journal(tmp_path):
        pass
    assert journal(tmp_path).cut_off == ""


def cut(folder: Path, done: int = 1, plan: Plan = PLAN) -> Path:
    opened = journal(folder, plan)
    with pytest.raises(Killed), opened:
        for _ in range(done):
            opened.write("trying", uid="a")
            opened.write("done", uid="a")
        opened.write("trying", uid="b")
        raise Killed
    return opened.path


def test_a_run_that_was_cut_off(tmp_path: Path) -> None:
    path = cut(tmp_path, 2)
    assert journal(tmp_path).cut_off == (
        f"The last run was cut off after 2 of 3 changes ({path}); this one goes on from what Grafana holds."
    )
    with journal(tmp_path):
        pass
    assert journal(tmp_path).cut_off == ""


@pytest.mark.parametrize(
    "content, said",
    [
        (b"", ""),
        (b"\n\n", ""),
        (b"[1]\n5\n", ""),
        (b"\xff\xfe", ""),
        (b'{"step": "started", "changes": 3}\n{"step": "do', "after 0 of 3 changes"),
        (b'{"step": "started"}\n', "after 0 of ? changes"),
    ],
)
def test_a_journal_that_was_cut_off_in_a_line(tmp_path: Path, content: bytes, said: str) -> None:
    cut(tmp_path).write_bytes(content)
    assert said in journal(tmp_path).cut_off and bool(journal(tmp_path).cut_off) is bool(said)


@pytest.mark.parametrize("plan", [
    Plan("http://h:3000/x", "", "sedna", "0" * 12, Policy(), []),
    Plan("http://g:3000/x", "", "other", "0" * 12, Policy(), []),
    # Its name begins as the other one's does.
    Plan("http://g:3000/x", "", "sedna-20261123", "0" * 12, Policy(), []),
    Plan("http://g:3000", "", "sedna", "0" * 12, Policy(), []),
])  # fmt: skip
def test_each_grafana_and_set_has_journals_of_its_own(tmp_path: Path, plan: Plan) -> None:
    cut(tmp_path, plan=plan)
    assert journal(tmp_path, PLAN).cut_off == ""


def test_the_newest_are_kept(tmp_path: Path) -> None:
    foreign = tmp_path / "g_3000_x-sedna-notes.jsonl"
    foreign.touch()
    paths = []
    for _ in range(KEPT + 5):
        with journal(tmp_path) as opened:
            paths.append(opened.path)
    assert [path.exists() for path in paths] == [False] * 5 + [True] * KEPT
    assert foreign.exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    opened = journal(tmp_path / "file")
    with pytest.raises(OutputError) as caught, opened:
        raise AssertionError
    assert "--journal" in caught.value.message and "--no-journal" in caught.value.message


class Disk:
    """Takes so many lines, then no more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
        self.room = room
        self._sync = os.fsync
        monkeypatch.setattr(os, "fsync", self.sync)

    def sync(self, handle: int) -> None:
        self.room -= 1
        if self.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        self._sync(handle)


def test_a_disk_that_is_full_from_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Disk(monkeypatch, 0)
    with pytest.raises(OutputError, match="No space left on device"), journal(tmp_path):
        raise AssertionError


def test_a_disk_that_is_full_at_the_end_spoils_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Disk(monkeypatch, 2)
    with journal(tmp_path) as opened:
        opened.write("done")
    # The file is closed: it takes nothing more, and does not complain.
    opened.write("late")


def test_without_a_journal() -> None:
    with NoJournal() as nothing:
        nothing.write("trying", uid="a")
    assert nothing.cut_off == ""


@pytest.mark.parametrize(
    "environ, wanted",
    [
        ({"XDG_STATE_HOME": "/s", "HOME": "/h"}, "/s/sedna-dash"),
        ({"XDG_STATE_HOME": "", "HOME": "/h"}, "/h/.local/state/sedna-dash"),
        ({}, ".local/state/sedna-dash"),
    ],
)
def test_where_journals_are_kept(environ: dict[str, str], wanted: str) -> None:
    assert journal_folder(environ) == Path(wanted)


# In a run -------------------------------------------------------------------------------------------------------------


def test_each_step_is_on_disk_before_its_request(stand_in: StandIn, run: Deploy, tmp_path: Path) -> None:
    opened = journal(tmp_path)
    seen: list[bool] = []

    def look(request: Request) -> None:
        if request.method == "GET":
            return
        uid = (request.fields.get("dashboard") or request.fields)["uid"]
        found = lines(opened.path)
        seen.append(any(line["step"] == "trying" and line["uid"] == uid for line in found))
        assert not any(line["step"] == "done" and line["uid"] == uid for line in found)

    stand_in.before = look  # type: ignore[assignment]
    assert exit_code(run(journal=opened)) == 0
    assert seen == [True] * 6
    assert [line["step"] for line in lines(opened.path)].count("done") == 6


def test_it_keeps_a_copy_of_what_is_replaced_or_deleted(stand_in: StandIn, run: Deploy, tmp_path: Path) -> None:
    run()
    before = stand_in.dashboards["sedna-one"]["model"], stand_in.dashboards["sedna-two"]["model"]
    opened = journal(tmp_path)
    run([board(description="new")], prune=True, journal=opened)
    copies = {line["uid"]: line["copy"] for line in lines(opened.path) if line["step"] == "trying"}
    assert (copies["sedna-one"], copies["sedna-two"]) == before


def test_a_run_that_writes_nothing_keeps_no_journal(run: Deploy, tmp_path: Path) -> None:
    run()
    run(journal=journal(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("room", range(13))
def test_a_disk_that_fills_up_in_the_middle(
    stand_in: StandIn, run: Deploy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    """Whatever is reported as done is there, and what is not there is not reported as done."""
    disk = Disk(monkeypatch, room)
    if room == 0:
        with pytest.raises(OutputError):
            run(journal=journal(tmp_path))
        assert stand_in.writes == []
        return
    report = run(journal=journal(tmp_path))
    there = {*stand_in.folders, *stand_in.datasources, *stand_in.dashboards}
    done = {uid for uid, outcome in outcomes(report).items() if outcome == "create"}
    assert done == there
    if len(there) < 6:
        assert exit_code(report) != 0 and "No space left on device" in str(report.error)
        assert {outcome for uid, outcome in outcomes(report).items() if uid not in there} <= {"failed", "skipped"}
    disk.room = 1000
    assert exit_code(run(journal=journal(tmp_path))) == 0
    assert set(outcomes(run()).values()) == {"unchanged"}
