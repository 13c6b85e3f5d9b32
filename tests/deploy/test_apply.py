"""Deploy against the stand-in: what is written, what is left alone, and what happens when something goes wrong."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sedna_dash.deploy.apply import apply
from sedna_dash.deploy.changes import Plan, Policy
from sedna_dash.deploy.journal import Journal
from sedna_dash.deploy.marks import OWNED_TAG, read_mark
from sedna_dash.deploy.planfile import load_plan, plan_data, save_plan
from sedna_dash.deploy.record import read_record
from sedna_dash.deploy.report import report_data, step_summary, write_report
from sedna_dash.deploy.run import Request as Asked
from sedna_dash.deploy.run import carry_out, check_plan, plan_deploy
from sedna_dash.deploy.sources import Choice
from sedna_dash.errors import ConflictError, SettingsError, UnsupportedError
from tests.deploy.conftest import (
    SOURCES,
    TWO,
    Deploy,
    board,
    client,
    deploy,
    exit_code,
    outcomes,
    reason,
    rename,
    rollback,
)
from tests.grafana_stand_in import Answer, Request, StandIn, denied, problem

NEW = (board(description="new"), TWO[1])
RECORD = "sedna-dash-sedna"
ALL = ["sedna", "sedna-prometheus", "sedna-loki", "sedna-one", "sedna-two", RECORD]
DB = "POST /api/dashboards/db"
UNCHANGED = dict.fromkeys(ALL, "unchanged")


def rename_panel(model: dict[str, Any]) -> None:
    model["panels"][0]["title"] = "Mine"


def panel_title(stand_in: StandIn, uid: str = "sedna-one") -> str:
    return str(stand_in.dashboards[uid]["model"]["panels"][0]["title"])


def uid_of(request: Request) -> str:
    return str((request.fields.get("dashboard") or {}).get("uid") or "")


def writes_of(stand_in: StandIn) -> list[str]:
    """What was saved, in the order in which it came."""
    return [uid_of(request) for request in stand_in.requests if request.method == "POST" and uid_of(request)]


def once(stand_in: StandIn, when: Callable[[Request], bool], act: Callable[[], object]) -> None:
    """Do something just before the first request of that kind."""

    def look(request: Request) -> Answer | None:
        if when(request):
            stand_in.before = lambda request: None
            act()
        return None

    stand_in.before = look


def saves(uid: str) -> Callable[[Request], bool]:
    return lambda request: request.method == "POST" and uid_of(request) == uid


# What is written ------------------------------------------------------------------------------------------------------


def test_the_first_run_creates_everything(stand_in: StandIn, run: Deploy) -> None:
    report = run()
    assert outcomes(report) == dict.fromkeys(ALL, "create")
    assert exit_code(report) == 0
    assert stand_in.folders["sedna"]["title"] == "Sedna"
    assert stand_in.datasources["sedna-loki"]["url"] == "http://loki:3100"
    assert stand_in.dashboards["sedna-one"]["folder"] == "sedna"
    assert read_mark(stand_in.dashboards["sedna-one"]["history"][0]["message"])
    # For 9.3 in the shape of 9.3, with our tag, and with the datasources chosen.
    model = stand_in.dashboards["sedna-one"]["model"]
    assert model["schemaVersion"] == 37
    assert model["tags"] == ["sedna", OWNED_TAG]
    assert [variable["current"] for variable in model["templating"]["list"]] == [
        {"selected": True, "text": "Sedna metrics", "value": "sedna-prometheus"},
        {"selected": True, "text": "Sedna logs", "value": "sedna-loki"},
    ]
    assert all(request.body["overwrite"] is False for request in stand_in.requests if request.path.endswith("/db"))
    # The record comes last, and says what is there.
    assert writes_of(stand_in)[-1] == RECORD
    record = read_record(stand_in.dashboards[RECORD]["model"])
    assert record is not None and record.deployment == report.deployment
    assert list(record.dashboards) == ["sedna-one", "sedna-two"]


def test_the_second_run_writes_nothing(stand_in: StandIn, run: Deploy) -> None:
    run()
    stand_in.requests.clear()
    report = run()
    assert outcomes(report) == UNCHANGED
    assert stand_in.writes == []
    assert exit_code(report) == 0


def test_a_dry_run_writes_nothing_and_says_what_a_run_would_do(stand_in: StandIn, run: Deploy) -> None:
    for dashboards in (TWO, NEW, TWO[:1]):
        planned = run(dashboards, dry_run=True, prune=True)
        assert stand_in.writes == []
        assert outcomes(planned) == outcomes(run(dashboards, prune=True))
        stand_in.requests.clear()


def test_only_what_differs_is_written(stand_in: StandIn, run: Deploy) -> None:
    run()
    stand_in.requests.clear()
    report = run(NEW, sources={**SOURCES, "loki": Choice(url="http://loki2:3100")})
    updated = {uid for uid, done in outcomes(report).items() if done == "update"}
    assert updated == {"sedna-one", "sedna-loki", RECORD}
    assert stand_in.writes == ["PUT /api/datasources/uid/sedna-loki", DB, DB]
    assert stand_in.dashboards["sedna-one"]["model"]["description"] == "new"
    assert stand_in.dashboards["sedna-one"]["model"]["version"] == 2
    assert stand_in.datasources["sedna-loki"]["url"] == "http://loki2:3100"


def test_an_update_keeps_what_somebody_added_to_the_datasource(stand_in: StandIn, run: Deploy) -> None:
    run()
    stand_in.datasources["sedna-loki"] |= {"basicAuth": True, "basicAuthUser": "u", "secureJsonData": {"p": "hunter2"}}
    report = run(sources={**SOURCES, "loki": Choice(url="http://loki2:3100")})
    assert outcomes(report)["sedna-loki"] == "update"
    kept = stand_in.datasources["sedna-loki"]
    assert (kept["url"], kept["basicAuthUser"], kept["secureJsonData"]) == ("http://loki2:3100", "u", {"p": "hunter2"})


def test_a_login_of_ours_comes_changes_and_goes(stand_in: StandIn, run: Deploy) -> None:
    def go(url: str, login: str | None, wanted: str) -> tuple[bool, str]:
        report = run(sources={**SOURCES, "loki": Choice(url=url, login=login)})
        assert outcomes(report)["sedna-loki"] == wanted and exit_code(report) == 0
        there = stand_in.datasources["sedna-loki"]
        return there["basicAuth"], there["basicAuthUser"]

    assert go("http://a", "u", "create") == (True, "u")
    assert go("http://a", "u", "unchanged") == (True, "u")
    assert go("http://b", "u", "update") == (True, "u")
    assert go("http://b", "v", "update") == (True, "v")
    assert go("http://b", None, "update") == (False, "")
    assert go("http://b", None, "unchanged") == (False, "")


# What somebody else did -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "dashboards, outcome", [(TWO, "drifted"), (NEW, "conflict")], ids=["nothing new", "something new"]
)
@pytest.mark.parametrize("policy", ["fail", "keep"])
def test_an_edit_in_grafana_survives(
    stand_in: StandIn, run: Deploy, dashboards: Any, outcome: str, policy: str
) -> None:
    run()
    stand_in.edit("sedna-one", rename_panel, by="eve", message="better title")
    edited = copy.deepcopy(stand_in.dashboards["sedna-one"])
    report = run(dashboards, on_drift=policy)
    assert outcomes(report) == UNCHANGED | {"sedna-one": outcome}
    assert "version 2 by eve" in reason(report, "sedna-one") and "better title" in reason(report, "sedna-one")
    assert exit_code(report) == (3 if policy == "fail" else 0)
    assert stand_in.dashboards["sedna-one"] == edited


def test_overwrite_takes_our_side_and_the_edit_stays_in_the_history(stand_in: StandIn, run: Deploy) -> None:
    run()
    stand_in.edit("sedna-one", rename_panel)
    assert outcomes(run(on_drift="overwrite"))["sedna-one"] == "update"
    assert panel_title(stand_in) == "Jobs"
    assert [entry["data"]["panels"][0]["title"] for entry in stand_in.dashboards["sedna-one"]["history"]] == [
        "Jobs", "Mine", "Jobs"
    ]  # fmt: skip
    assert not any(request.body["overwrite"] for request in stand_in.requests if request.path.endswith("/db"))
    assert outcomes(run()) == UNCHANGED


def test_merge_takes_both_sides_and_again(stand_in: StandIn, run: Deploy) -> None:
    run()
    stand_in.edit("sedna-one", rename_panel, by="eve")
    assert outcomes(run(NEW, on_drift="merge"))["sedna-one"] == "update"
    model = stand_in.dashboards["sedna-one"]["model"]
    assert (model["description"], panel_title(stand_in)) == ("new", "Mine")
    assert model["templating"]["list"][0]["current"]["value"] == "sedna-prometheus"
    # The edit still is nobody's but eve's.
    report = run(NEW)
    assert outcomes(report)["sedna-one"] == "drifted" and exit_code(report) == 3
    stand_in.requests.clear()
    assert exit_code(run(NEW, on_drift="merge")) == 0 and stand_in.writes == []
    # And once more, with another edit.
    stand_in.edit("sedna-one", lambda model: model["panels"][0].update(description="by bob"), by="bob")
    newer = (board(description="newer"), TWO[1])
    report = run(newer, on_drift="merge")
    assert outcomes(report)["sedna-one"] == "update" and exit_code(report) == 0
    model = stand_in.dashboards["sedna-one"]["model"]
    assert (model["description"], model["panels"][0]["description"], panel_title(stand_in)) == (
        "newer", "by bob", "Mine"
    )  # fmt: skip
    # The modules take both over: from then on it is ours as any other.
    ours = board(description="newer")
    ours["panels"][0] |= {"title": "Mine", "description": "by bob"}
    assert exit_code(run((ours, TWO[1]))) == 0
    ours["description"] = "newest"
    assert outcomes(run((ours, TWO[1])))["sedna-one"] == "update"
    mark = read_mark(stand_in.dashboards["sedna-one"]["history"][0]["message"])
    assert mark is not None and mark.merged is None


def test_merge_stops_where_both_changed_the_same(stand_in: StandIn, run: Deploy) -> None:
    run()
    stand_in.edit("sedna-one", rename_panel)
    ours = board()
    ours["panels"][0]["title"] = "Ours"
    report = run((ours, TWO[1]), on_drift="merge")
    assert outcomes(report)["sedna-one"] == "conflict" and exit_code(report) == 3
    assert panel_title(stand_in) == "Mine"


def test_an_edit_with_a_copy_of_our_message_is_an_edit(stand_in: StandIn, run: Deploy) -> None:
    run()
    message = stand_in.dashboards["sedna-one"]["history"][0]["message"]
    stand_in.edit("sedna-one", rename_panel, message=message)
    for dashboards in (TWO, NEW):
        for policy in ("fail", "merge", "overwrite"):
            assert outcomes(run(dashboards, on_drift=policy))["sedna-one"] == "conflict"
            assert panel_title(stand_in) == "Mine"


def test_of_many_edits_none_is_blamed_on_the_wrong_person(stand_in: StandIn, run: Deploy) -> None:
    run()
    stand_in.edit("sedna-one", rename_panel, by="ann")
    for number in range(15):
        stand_in.edit("sedna-one", lambda model, number=number: model.update(description=f"{number}"), by="bob")  # type: ignore[misc]
    report = run()
    details = next(result.details for result in report.results if result.uid == "sedna-one")
    assert {detail.path: detail.by for detail in details}["description"] == "bob"
    assert {detail.path: detail.by for detail in details}["panels[7].title"] in ("ann", "")


def test_the_rest_is_done_beside_a_conflict(stand_in: StandIn, run: Deploy) -> None:
    run()
    stand_in.edit("sedna-one", rename_panel)
    report = run([NEW[0], board("sedna-two", "Sedna / Two", description="new"), board("sedna-3", "Three")])
    assert [outcomes(report)[uid] for uid in ("sedna-one", "sedna-two", "sedna-3")] == ["conflict", "update", "create"]
    assert exit_code(report) == 3


def test_deleting_the_edited_dashboard_is_the_cure(stand_in: StandIn, run: Deploy) -> None:
    run()
    stand_in.edit("sedna-one", rename_panel)
    stand_in.delete("sedna-one")
    assert exit_code(run()) == 0
    assert panel_title(stand_in) == "Jobs"


def test_an_edit_whose_base_is_gone_needs_adopt(stand_in: StandIn, run: Deploy) -> None:
    run()
    for _ in range(25):
        stand_in.edit("sedna-one", rename_panel)
    stand_in.clean_up()
    for policy in ("fail", "merge", "overwrite"):
        report = run(NEW, on_drift=policy)
        assert outcomes(report)["sedna-one"] == "conflict" and "--adopt" in reason(report, "sedna-one")
    assert panel_title(stand_in) == "Mine"
    assert outcomes(run(NEW, adopt=True))["sedna-one"] == "update"


def test_a_namesake_in_the_folder(stand_in: StandIn, run: Deploy) -> None:
    run([])
    stand_in.put_dashboard({"uid": "mine", "title": "sedna - one"}, folder="sedna")
    stand_in.requests.clear()
    report = run()
    assert outcomes(report)["sedna-one"] == "conflict" and "uid mine" in reason(report, "sedna-one")
    assert outcomes(report)["sedna-two"] == "create" and outcomes(report)["mine"] == "foreign"
    assert writes_of(stand_in) == ["sedna-two", RECORD]
    assert stand_in.dashboards["mine"]["model"]["title"] == "sedna - one"


def test_a_namesake_in_another_folder_is_none_of_our_business(stand_in: StandIn, run: Deploy) -> None:
    stand_in.put_dashboard({"uid": "mine", "title": "Sedna / One"})
    assert exit_code(run()) == 0


def test_a_title_that_is_taken_by_a_folder(stand_in: StandIn, run: Deploy) -> None:
    report = run([board(title="Sedna")])
    assert outcomes(report)["sedna-one"] == "conflict"
    assert "same as folder" in reason(report, "sedna-one") and exit_code(report) == 3


def test_what_is_not_ours_is_left_alone(stand_in: StandIn, run: Deploy) -> None:
    run([])
    stand_in.put_dashboard({"uid": "sedna-one", "title": "Mine"}, folder="sedna", provisioned="/etc/a.json")
    stand_in.put_dashboard({"uid": "sedna-two", "title": "Mine too"})
    before = copy.deepcopy(stand_in.dashboards)
    report = run()
    assert "provisioned from a file (/etc/a.json)" in reason(report, "sedna-one")
    assert "not made by sedna-dash: version 1 by eve" in reason(report, "sedna-two")
    assert exit_code(report) == 3 and stand_in.dashboards == before


def test_adopt_takes_over_what_is_not_ours(stand_in: StandIn, run: Deploy) -> None:
    run([])
    stand_in.put_dashboard({"uid": "sedna-two", "title": "Mine too"})
    report = run(adopt=True)
    assert outcomes(report)["sedna-two"] == "move" and exit_code(report) == 0
    assert stand_in.dashboards["sedna-two"]["folder"] == "sedna"
    assert stand_in.dashboards["sedna-two"]["history"][1]["data"]["title"] == "Mine too"
    assert outcomes(run()) == UNCHANGED


def test_two_sets_keep_out_of_each_others_way(stand_in: StandIn, run: Deploy) -> None:
    run()
    other = [board("other-one", "Other / One")]
    report = run(other, bundle="other", path=["Other"], prune=True)
    assert exit_code(report) == 0 and report.results[-1].outcome != "delete"
    assert "sedna-one" in stand_in.dashboards and outcomes(run(prune=True)) == UNCHANGED
    report = run(NEW, bundle="other", path=["Other"], on_drift="overwrite")
    assert "the set 'sedna'" in reason(report, "sedna-one") and exit_code(report) == 3


# Folders --------------------------------------------------------------------------------------------------------------


def test_a_dashboard_that_somebody_moved_stays_until_told_otherwise(stand_in: StandIn, run: Deploy) -> None:
    run()
    stand_in.move("sedna-one", "")
    for dashboards, outcome in ((TWO, "drifted"), (NEW, "conflict")):
        report = run(dashboards)
        assert outcomes(report)["sedna-one"] == outcome and exit_code(report) == 3
        assert stand_in.dashboards["sedna-one"]["folder"] == ""
    # A merge leaves it where somebody put it, and brings our change.
    assert outcomes(run(NEW, on_drift="merge"))["sedna-one"] == "update"
    there = stand_in.dashboards["sedna-one"]
    assert (there["folder"], there["model"]["description"]) == ("", "new")
    assert outcomes(run(NEW, on_drift="overwrite"))["sedna-one"] == "move"
    assert stand_in.dashboards["sedna-one"]["folder"] == "sedna"


def test_a_renamed_folder_and_a_folder_made_by_hand(stand_in: StandIn, run: Deploy) -> None:
    run()
    stand_in.folders["sedna"]["title"] = "Sedna (edge 7)"
    assert exit_code(run()) == 0
    stand_in.put_folder("byhand", "Edge")
    report = run([board("sedna-3", "Three")], path=["Edge"], bundle="three")
    assert stand_in.dashboards["sedna-3"]["folder"] == "byhand"
    assert outcomes(report)["byhand"] == "unchanged"


def test_another_title_renames_the_folder_that_we_made(stand_in: StandIn, run: Deploy) -> None:
    run()
    report = run(path=["Edge"])
    assert outcomes(report) == UNCHANGED | {"sedna": "update", RECORD: "update"}
    assert stand_in.folders["sedna"]["title"] == "Edge" and len(stand_in.folders) == 1
    assert outcomes(run(path=["Edge"])) == UNCHANGED


def test_another_folder_that_is_there_takes_the_dashboards(stand_in: StandIn, run: Deploy) -> None:
    run()
    stand_in.put_folder("byhand", "Edge")
    report = run(path=["Edge"])
    assert {uid: done for uid, done in outcomes(report).items() if done != "unchanged"} == {
        "sedna-one": "move", "sedna-two": "move", RECORD: "update"
    }  # fmt: skip
    assert {item["folder"] for item in stand_in.dashboards.values()} == {"byhand"}
    assert "sedna" in stand_in.folders
    assert set(outcomes(run(path=["Edge"])).values()) == {"unchanged"}


def test_folders_in_folders() -> None:
    with StandIn(version="11.6.0") as stand_in:
        report = deploy(client(stand_in), path=["Edge", "Sedna"])
        assert exit_code(report) == 0
        assert stand_in.folders["edge-sedna"]["parentUid"] == "edge"
        assert set(outcomes(deploy(client(stand_in), path=["Edge", "Sedna"])).values()) == {"unchanged"}
        # And out of it again.
        assert outcomes(deploy(client(stand_in), path=["Sedna"]))["edge-sedna"] == "move"
        assert stand_in.folders["edge-sedna"]["parentUid"] == ""
        assert set(outcomes(deploy(client(stand_in), path=["Sedna"])).values()) == {"unchanged"}


def test_a_folder_that_cannot_be_made(stand_in: StandIn, run: Deploy) -> None:
    stand_in.put_dashboard({"uid": "x", "title": "SEDNA"})
    report = run()
    wanted = ["conflict", "create", "create", "skipped", "skipped", "skipped"]
    assert outcomes(report) == dict(zip(ALL, wanted, strict=True))
    assert "--folder" in reason(report, "sedna") and "folder sedna could not be made" in reason(report, "sedna-one")
    assert exit_code(report) == 3


def test_a_folder_with_the_uid_of_a_dashboard(stand_in: StandIn, run: Deploy) -> None:
    """Grafana keeps both in one table."""
    report = run([board(title="Jobs")], path=["Sedna One"])
    assert exit_code(report) == 0
    assert stand_in.dashboards["sedna-one"]["folder"].startswith("sedna-one-")


@pytest.mark.parametrize(
    "title",
    ["../../etc/passwd", "a/b?c#d%2f", "<script>alert(1)</script>", "'; DROP TABLE dashboard; --", "[red]x[/red]",
     "日本", "😀", "{{ x }} $x ${y}", "x" * 189],
)  # fmt: skip
def test_hostile_folder_titles_are_titles(stand_in: StandIn, run: Deploy, title: str) -> None:
    assert exit_code(run(path=[title])) == 0
    assert [folder["title"] for folder in stand_in.folders.values()] == [title]
    stand_in.requests.clear()
    assert exit_code(run(path=[title])) == 0
    assert stand_in.writes == []


# What we no longer want -----------------------------------------------------------------------------------------------


def test_prune_deletes_what_we_no_longer_want_and_keeps_a_copy(stand_in: StandIn, run: Deploy) -> None:
    run()
    stand_in.put_dashboard({"uid": "foreign", "title": "Foreign", "tags": [OWNED_TAG]}, folder="sedna")
    report = run(TWO[:1])
    assert outcomes(report)["sedna-two"] == "orphaned" and exit_code(report) == 0
    stand_in.requests.clear()
    report = run(TWO[:1], prune=True)
    assert outcomes(report)["sedna-two"] == "delete" and outcomes(report)["foreign"] == "foreign"
    assert set(stand_in.dashboards) == {"sedna-one", "foreign", RECORD}
    # The record with the copy is written first.
    assert stand_in.writes == [DB, "DELETE /api/dashboards/uid/sedna-two"]
    assert outcomes(run(TWO[:1], prune=True))["foreign"] == "foreign" and len(stand_in.writes) == 2


def test_no_more_is_deleted_than_allowed(stand_in: StandIn, run: Deploy) -> None:
    run([board(f"b{number}", f"Board {number}") for number in range(4)])
    stand_in.requests.clear()
    report = run([], prune=True, prune_limit=3)
    assert report.error is not None and report.error.exit_code == 3
    assert "4 dashboards would be deleted, more than --prune-limit 3" in report.error.message
    # What would be deleted is shown, and nothing is.
    assert list(outcomes(report).values()).count("delete") == 4 and report.dry_run
    assert stand_in.writes == []
    assert list(outcomes(run([], prune=True, prune_limit=4)).values()).count("delete") == 4


def test_nothing_is_deleted_when_the_copy_cannot_be_kept(stand_in: StandIn, run: Deploy) -> None:
    run()
    stand_in.before = lambda request: denied("dashboards:write") if saves(RECORD)(request) else None
    report = run(TWO[:1], prune=True)
    assert (outcomes(report)[RECORD], outcomes(report)["sedna-two"]) == ("failed", "skipped")
    assert "sedna-two" in stand_in.dashboards and exit_code(report) == 7


@pytest.mark.parametrize("how", ["edited", "saved", "moved", "deleted"])
def test_what_is_touched_at_the_last_moment_is_not_deleted(stand_in: StandIn, run: Deploy, how: str) -> None:
    run()
    acts = {
        "edited": lambda: stand_in.edit("sedna-two", rename),
        "saved": lambda: stand_in.edit("sedna-two", lambda model: None),
        "moved": lambda: stand_in.move("sedna-two", ""),
        "deleted": lambda: stand_in.delete("sedna-two"),
    }
    once(stand_in, saves(RECORD), acts[how])
    stand_in.requests.clear()
    report = run(TWO[:1], prune=True)
    assert not any(line.startswith("DELETE") for line in stand_in.writes)
    assert outcomes(report)["sedna-two"] == ("delete" if how == "deleted" else "conflict")


# Two at once ----------------------------------------------------------------------------------------------------------


def test_a_change_between_reading_and_writing_is_no_loss(stand_in: StandIn, run: Deploy) -> None:
    run()
    once(stand_in, saves("sedna-one"), lambda: stand_in.edit("sedna-one", rename_panel, by="mallory"))
    stand_in.requests.clear()
    report = run(NEW)
    assert outcomes(report)["sedna-one"] == "conflict" and outcomes(report)[RECORD] == "skipped"
    assert "by mallory" in reason(report, "sedna-one")
    assert panel_title(stand_in) == "Mine"
    assert writes_of(stand_in) == ["sedna-one"]  # and not once more


def test_one_that_is_made_between_reading_and_writing(stand_in: StandIn, run: Deploy) -> None:
    once(stand_in, saves("sedna-one"), lambda: stand_in.put_dashboard({"uid": "sedna-one", "title": "Mine"}))
    report = run()
    assert outcomes(report)["sedna-one"] == "conflict" and "not made by sedna-dash" in reason(report, "sedna-one")
    assert stand_in.dashboards["sedna-one"]["model"]["title"] == "Mine"


def test_two_runs_at_once_agree(stand_in: StandIn, run: Deploy) -> None:
    """The slower one finds that everything is there."""
    with StandIn() as twin:
        deploy(client(twin))
        other_requests = [request for request in twin.requests if request.method == "POST"]

    def other_run_first() -> None:
        for other in other_requests:
            stand_in.answer(copy.deepcopy(other))

    once(stand_in, lambda request: request.method == "POST", other_run_first)
    report = run()
    assert exit_code(report) == 0
    assert set(outcomes(report).values()) <= {"unchanged", "create"}
    assert [len(item["history"]) for item in stand_in.dashboards.values()] == [1, 1, 1]
    assert outcomes(run()) == UNCHANGED


def test_a_datasource_changed_at_the_same_moment(stand_in: StandIn, run: Deploy) -> None:
    run()
    once(
        stand_in,
        lambda request: request.method == "PUT",
        lambda: stand_in.datasources["sedna-loki"].update(version=9, url="http://mine"),
    )
    report = run(sources={**SOURCES, "loki": Choice(url="http://loki2:3100")})
    assert outcomes(report)["sedna-loki"] == "conflict"
    assert stand_in.datasources["sedna-loki"]["url"] == "http://mine"


def test_a_conflict_that_nobody_made_is_tried_again(stand_in: StandIn, run: Deploy) -> None:
    """Grafana 9.3 on SQLite speaks of somebody else when saves meet."""
    run()
    refused: list[str] = []

    def spurious(request: Request) -> Answer | None:
        if saves("sedna-one")(request) and len(refused) < 3:
            refused.append("")
            return problem(412, "The dashboard has been changed by someone else", "version-mismatch")
        return None

    stand_in.before = spurious
    assert outcomes(run(NEW))["sedna-one"] == "update"
    assert len(stand_in.dashboards["sedna-one"]["history"]) == 2


def test_a_save_that_was_done_after_all_is_not_done_twice(stand_in: StandIn, run: Deploy) -> None:
    """The answer to the first try is lost; the second one is refused, since it is done."""
    run()
    lost: list[str] = []

    def lose(request: Request) -> Answer | None:
        if saves("sedna-one")(request) and not lost:
            lost.append("")
            return Answer(502, b"<html>", {}, "text/html")
        return None

    stand_in.after = lose
    report = run(NEW)
    assert outcomes(report)["sedna-one"] == "update" and exit_code(report) == 0
    assert len(stand_in.dashboards["sedna-one"]["history"]) == 2


# Who may, and what goes wrong -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("token, wanted", [("viewer-token", 7), ("editor-token", 5), ("admin-token", 0)])
def test_roles(stand_in: StandIn, run: Deploy, token: str, wanted: int) -> None:
    report = run(token=token)
    assert exit_code(report) == wanted
    if token == "editor-token":
        # A dashboard is not pointed to a datasource that is not there.
        assert list(outcomes(report).values()) == ["create", "failed", "failed", "skipped", "skipped", "skipped"]
        assert "lack the permission datasources:create" in reason(report, "sedna-loki")
        assert "its datasource sedna-loki could not be made" in reason(report, "sedna-one")
        assert stand_in.dashboards == {}
    if token == "viewer-token":
        assert list(outcomes(report).values()) == ["failed", "failed", "failed", "skipped", "skipped", "skipped"]
        assert "folders:create" in reason(report, "sedna")


def test_a_variable_with_several_datasources_needs_none_of_ours(stand_in: StandIn, run: Deploy) -> None:
    several = {"name": "es", "type": "datasource", "query": "elasticsearch", "multi": True, "current": {"value": ["a"]}}
    report = run([board(templating={"list": [several]})], token="editor-token")
    assert (outcomes(report)["sedna-loki"], outcomes(report)["sedna-one"]) == ("failed", "create")


def test_an_editor_can_deploy_to_datasources_that_are_there(stand_in: StandIn, run: Deploy) -> None:
    stand_in.put_datasource("p", "Prometheus", "prometheus", readOnly=True)
    stand_in.put_datasource("l", "Loki", "loki", readOnly=True)
    assert exit_code(run(token="editor-token", sources=dict.fromkeys(SOURCES, Choice()))) == 0


ODD = {
    "a refusal": (lambda: denied("dashboards:write"), "failed", "dashboards:write", 5),
    "a bad request": (lambda: problem(400, "bad request data"), "failed", "bad request data", 5),
    "a fault": (lambda: problem(500, "database is locked"), "failed", "database is locked", 5),
    "a proxy's fault": (lambda: Answer(502, b"<html>", {}, "text/html"), "failed", "HTTP 502", 5),
    "too large": (lambda: Answer(413, b"<html>", {}, "text/html"), "failed", "too large", 5),
    "busy": (lambda: problem(429, "slow down"), "failed", "too many requests", 5),
    "a stale version": (lambda: problem(412, "changed", "version-mismatch"), "conflict", "changed", 3),
    "a name": (lambda: problem(412, "same name", "name-exists"), "conflict", "same name", 3),
    "provisioned": (lambda: problem(400, "Cannot save provisioned dashboard"), "conflict", "provisioned", 3),
    "a plugin's": (lambda: problem(412, "of a plugin", "plugin-dashboard"), "conflict", "of a plugin", 3),
    "another uid": (lambda: Answer(200, {"uid": "other", "version": 4}), "conflict",
                    "another dashboard (uid other)", 3),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_an_odd_answer_to_one_write(stand_in: StandIn, run: Deploy, name: str) -> None:
    """It is reported, the other dashboard is written all the same, and no record says that all is well."""
    answer, outcome, words, code = ODD[name]
    stand_in.before = lambda request: answer() if saves("sedna-one")(request) else None
    report = run()
    assert (outcomes(report)["sedna-one"], outcomes(report)["sedna-two"]) == (outcome, "create")
    assert words in reason(report, "sedna-one")
    assert exit_code(report) == code
    assert outcomes(report)[RECORD] == "skipped" and RECORD not in stand_in.dashboards
    stand_in.before = lambda request: None
    assert exit_code(run()) == 0 and outcomes(run()) == UNCHANGED


def test_when_grafana_goes_away_the_rest_is_not_tried(stand_in: StandIn) -> None:
    stand_in.before = lambda request: (
        Answer(200, b"<html>login", {}, "text/html") if request.path == "/api/dashboards/db" else None
    )
    report = deploy(client(stand_in, jobs=1))
    assert list(outcomes(report).values()) == ["create", "create", "create", "failed", "skipped", "skipped"]
    assert "not tried" in reason(report, "sedna-two")
    assert exit_code(report) == 5
    assert stand_in.writes.count(DB) == 1


def test_when_the_credentials_run_out_the_rest_is_not_tried(stand_in: StandIn) -> None:
    def expire(request: Request) -> Answer | None:
        return problem(401, "expired") if request.path == "/api/dashboards/db" else None

    stand_in.before = expire
    report = deploy(client(stand_in, jobs=1))
    assert list(outcomes(report).values()) == ["create", "create", "create", "failed", "skipped", "skipped"]
    assert report.results[3].denied and "does not take the credentials" in reason(report, "sedna-one")


def test_an_interrupted_run_says_what_it_did(stand_in: StandIn, run: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while dashboards are saved: what is under way is finished, the rest is not tried."""
    from concurrent.futures import Future

    wait, pressed = Future.result, []

    def press(future: Any, *arguments: Any) -> Any:
        result = wait(future, *arguments)
        if type(result).__name__ == "Result" and not pressed:
            pressed.append("")
            raise KeyboardInterrupt
        return result

    boards = [board(f"b{number}", f"Board {number}") for number in range(30)]
    monkeypatch.setattr(Future, "result", press)
    report = deploy(client(stand_in, jobs=1), boards)
    monkeypatch.undo()
    assert pressed
    done = {result.uid for result in report.results if result.outcome == "create" and result.kind == "dashboard"}
    assert done == set(stand_in.dashboards) and done
    assert outcomes(report)[RECORD] == "skipped" or len(done) == 31
    assert exit_code(run(boards)) == 0


class Killed(BaseException):
    """Nothing catches it, as nothing catches a kill."""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(6))
def test_a_killed_run_is_finished_by_the_next(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, number: int, when: str
) -> None:
    """Killed before or after the server took the write: either way the next run ends in the same state."""
    grafana = client(stand_in, jobs=1)
    send: Callable[..., Any] = grafana._write
    sent = []

    def killed_at(*arguments: Any) -> Any:
        sent.append(arguments)
        if len(sent) > number + 1 or (len(sent) == number + 1 and when == "before"):
            raise Killed
        answer = send(*arguments)
        if len(sent) == number + 1:
            raise Killed
        return answer

    monkeypatch.setattr(grafana, "_write", killed_at)
    with pytest.raises(Killed):
        deploy(grafana)
    report = deploy(client(stand_in))
    assert exit_code(report) == 0
    assert len(stand_in.writes) == 6
    assert [len(item["history"]) for item in stand_in.dashboards.values()] == [1, 1, 1]
    assert outcomes(deploy(client(stand_in))) == UNCHANGED


# Secrets --------------------------------------------------------------------------------------------------------------

CANARY = "c4nary-hunter2"
REFERENCE = {"env": "LOKI_PASSWORD"}
WITH_SECRET = {
    **SOURCES,
    "loki": Choice(url="http://loki:3100", login="u", secrets={"basicAuthPassword": REFERENCE}),
}


def test_secrets_are_sent_on_creation_and_then_only_when_asked(stand_in: StandIn, run: Deploy, tmp_path: Path) -> None:
    asked: list[Any] = []

    def resolve(reference: Any) -> str:
        asked.append(reference)
        return CANARY

    def go(**more: Any) -> str:
        report = run(sources=WITH_SECRET, resolve=resolve, journal=journal(tmp_path), **more)
        assert exit_code(report) == 0
        assert CANARY not in everything_said(report)
        return outcomes(report)["sedna-loki"]

    assert go() == "create"
    assert stand_in.datasources["sedna-loki"]["secureJsonData"] == {"basicAuthPassword": CANARY}
    assert asked == [REFERENCE]
    stand_in.datasources["sedna-loki"]["secureJsonData"] = {"basicAuthPassword": "rotated"}
    assert go() == "unchanged" and asked == [REFERENCE]
    assert go(send_secrets=True) == "update" and asked == [REFERENCE] * 2
    assert stand_in.datasources["sedna-loki"]["secureJsonData"] == {"basicAuthPassword": CANARY}
    assert not any(CANARY in path.read_text() for path in tmp_path.iterdir())


def journal(folder: Path) -> Journal:
    return Journal(folder, Plan("http://g", "", "sedna", "0" * 12, Policy(), []))


def everything_said(report: Any) -> str:
    import io

    out = io.StringIO()
    write_report(report, "text", out)
    return out.getvalue() + json.dumps(report_data(report)) + step_summary(report) + str(report.error)


def test_a_server_that_repeats_a_secret_is_not_repeated(stand_in: StandIn, run: Deploy, tmp_path: Path) -> None:
    stand_in.before = lambda request: (
        problem(400, f"bad password {request.fields['secureJsonData']}")
        if request.fields.get("secureJsonData")
        else None
    )
    report = run(sources=WITH_SECRET, resolve=lambda reference: CANARY, journal=journal(tmp_path))
    assert outcomes(report)["sedna-loki"] == "failed" and "bad password" in reason(report, "sedna-loki")
    assert CANARY not in everything_said(report)
    assert not any(CANARY in path.read_text() for path in tmp_path.iterdir())


def test_a_secret_that_cannot_be_read_ends_the_run(stand_in: StandIn, run: Deploy) -> None:
    def resolve(reference: Any) -> str:
        raise SettingsError("environment variable LOKI_PASSWORD is not set; set it to the secret")

    report = run(sources=WITH_SECRET, resolve=resolve)
    assert list(outcomes(report).values()) == ["create", "create", "failed", "skipped", "skipped", "skipped"]
    assert "LOKI_PASSWORD is not set" in reason(report, "sedna-loki")
    assert stand_in.dashboards == {}


# A saved plan ---------------------------------------------------------------------------------------------------------


def saved(stand_in: StandIn, path: Path, dashboards: Any = TWO, **policy: Any) -> Plan:
    plan, _ = plan_deploy(client(stand_in), Asked(dashboards, WITH_SECRET), Policy(**policy))
    assert CANARY not in json.dumps(plan_data(plan))
    save_plan(plan, path)
    return load_plan(path)


def test_a_saved_plan_is_done_exactly(stand_in: StandIn, run: Deploy, tmp_path: Path) -> None:
    plan = saved(stand_in, tmp_path / "plan.json")
    grafana = client(stand_in)
    report = carry_out(grafana, *check_plan(grafana, plan), resolve=lambda reference: CANARY)
    assert outcomes(report) == dict.fromkeys(ALL, "create")
    assert outcomes(run(sources=WITH_SECRET)) == UNCHANGED
    # Once more, as after a run that was cut off: there is nothing left of it.
    stand_in.requests.clear()
    again = carry_out(grafana, *check_plan(grafana, plan), resolve=lambda reference: CANARY)
    assert outcomes(again) == UNCHANGED and exit_code(again) == 0 and stand_in.writes == []
    plan = saved(stand_in, tmp_path / "plan.json", TWO[:1], prune=True)
    report = carry_out(grafana, *check_plan(grafana, plan))
    assert outcomes(report)["sedna-two"] == "delete" and "sedna-two" not in stand_in.dashboards


@pytest.mark.parametrize("what", ["edit", "folder", "datasource", "delete", "record"])
def test_a_saved_plan_is_not_done_when_something_moved(
    stand_in: StandIn, run: Deploy, tmp_path: Path, what: str
) -> None:
    if what != "folder":
        run()
    plan = saved(stand_in, tmp_path / "plan.json", NEW)
    acts: dict[str, Callable[[], object]] = {
        "edit": lambda: stand_in.edit("sedna-one", rename_panel),
        "folder": lambda: stand_in.put_folder("sedna", "Other"),
        "datasource": lambda: stand_in.datasources["sedna-loki"].update(url="http://x"),
        "delete": lambda: stand_in.delete("sedna-one"),
        "record": lambda: stand_in.edit(RECORD, rename),
    }
    acts[what]()
    stand_in.requests.clear()
    grafana = client(stand_in)
    with pytest.raises(ConflictError, match="so nothing was done; make the plan anew"):
        check_plan(grafana, plan)
    assert stand_in.writes == []


def test_a_saved_plan_for_another_grafana(stand_in: StandIn, tmp_path: Path) -> None:
    plan = saved(stand_in, tmp_path / "plan.json")
    with pytest.raises(SettingsError, match="was made for http://elsewhere, not for"):
        check_plan(client(stand_in), replace(plan, url="http://elsewhere"))
    with pytest.raises(SettingsError, match="in organization 7"):
        check_plan(client(stand_in), replace(plan, org_id=7))


def test_the_plan_of_the_same_twice_is_the_same_file(stand_in: StandIn, run: Deploy, tmp_path: Path) -> None:
    run()
    stand_in.edit("sedna-one", rename_panel)
    for name in ("a", "b"):
        saved(stand_in, tmp_path / name, NEW, on_drift="merge")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_what_was_done_twice_is_no_conflict(stand_in: StandIn) -> None:
    """The same plan carried out by two at once."""
    grafana = client(stand_in)
    plan, live = plan_deploy(grafana, Asked(TWO, SOURCES), Policy())
    assert {result.outcome for result in apply(plan, live, grafana)} == {"create"}
    assert {result.outcome for result in apply(plan, live, grafana)} <= {"create", "unchanged"}
    assert [len(item["history"]) for item in stand_in.dashboards.values()] == [1, 1, 1]


# Rollback -------------------------------------------------------------------------------------------------------------


def models(stand_in: StandIn) -> dict[str, Any]:
    found = {uid: item["model"] for uid, item in stand_in.dashboards.items() if uid != RECORD}
    return {uid: {key: value for key, value in model.items() if key not in ("id", "version")}
            for uid, model in found.items()}  # fmt: skip


def test_a_rollback_returns_all_of_it(stand_in: StandIn, run: Deploy) -> None:
    first = run()
    before = copy.deepcopy(models(stand_in))
    second = run(
        [NEW[0], board("sedna-3", "Three")],
        path=["Edge"],
        sources={**SOURCES, "loki": Choice(url="http://loki2:3100")},
        prune=True,
    )
    assert set(models(stand_in)) == {"sedna-one", "sedna-3"}
    report = rollback(client(stand_in), first.deployment, prune=True)
    assert exit_code(report) == 0 and report.deployment == first.deployment
    assert models(stand_in) == before
    assert stand_in.folders["sedna"]["title"] == "Sedna"
    assert stand_in.datasources["sedna-loki"]["url"] == "http://loki:3100"
    assert outcomes(run()) == UNCHANGED
    # After a return the one before is not the one that was left.
    with pytest.raises(SettingsError, match="knows no deployment"):
        rollback(client(stand_in))
    assert exit_code(rollback(client(stand_in), second.deployment, prune=True)) == 0
    assert set(models(stand_in)) == {"sedna-one", "sedna-3"}


def test_a_rollback_over_an_edit_is_a_conflict(stand_in: StandIn, run: Deploy) -> None:
    run()
    run(NEW)
    stand_in.edit("sedna-one", rename_panel)
    report = rollback(client(stand_in))
    assert outcomes(report)["sedna-one"] == "conflict" and exit_code(report) == 3
    assert panel_title(stand_in) == "Mine"
    report = rollback(client(stand_in), on_drift="merge")
    assert exit_code(report) == 0 and panel_title(stand_in) == "Mine"


@pytest.mark.parametrize("to, message", [("ffff", "no deployment is called that"), ("", "several deployments begin")])
def test_a_rollback_to_nowhere(stand_in: StandIn, run: Deploy, to: str, message: str) -> None:
    run()
    run(NEW)
    with pytest.raises(SettingsError, match=message):
        rollback(client(stand_in), to)


def test_a_rollback_without_a_past(stand_in: StandIn, run: Deploy) -> None:
    with pytest.raises(SettingsError, match="has no deployment of the set 'sedna'"):
        rollback(client(stand_in))
    run()
    with pytest.raises(SettingsError, match="knows no deployment of the set 'sedna' before"):
        rollback(client(stand_in))


def test_a_rollback_to_what_grafana_no_longer_has(stand_in: StandIn, run: Deploy) -> None:
    first = run()
    run(NEW)
    stand_in.keep_versions = 1
    del stand_in.dashboards["sedna-one"]["history"][1:]
    with pytest.raises(ConflictError, match="no longer has the version of 'Sedna / One'"):
        rollback(client(stand_in), first.deployment)


# The record -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", ["{", "[]", '{"bundle": []}', '"x"', "5"])
def test_somebody_wrote_into_the_record(stand_in: StandIn, run: Deploy, content: str) -> None:
    run()
    stand_in.edit(RECORD, lambda model: model["panels"][1]["options"].update(content=content))
    report = run(NEW)
    assert outcomes(report)["sedna-one"] == "update" and outcomes(report)[RECORD] == "conflict"
    assert exit_code(report) == 3
    assert exit_code(run(NEW, on_drift="overwrite")) == 0
    assert outcomes(run(NEW)) == UNCHANGED


def test_somebody_deleted_the_record(stand_in: StandIn, run: Deploy) -> None:
    run()
    stand_in.delete(RECORD)
    assert outcomes(run()) == UNCHANGED | {RECORD: "create"}


# Others ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "version, schema", [("9.3.2", 37), ("9.5.0", 37), ("10.4.1", 42), ("13.0.0-pre", 42), (None, 37)]
)
def test_the_servers_version_picks_the_shape(version: str | None, schema: int) -> None:
    with StandIn(version=version) as stand_in:
        deploy(client(stand_in))
        assert stand_in.dashboards["sedna-one"]["model"]["schemaVersion"] == schema


def test_a_server_that_is_too_old() -> None:
    with StandIn(version="8.5.0") as stand_in:
        with pytest.raises(UnsupportedError, match=r"Grafana 8\.5\.0, and sedna-dash needs 9\.3 or newer"):
            deploy(client(stand_in))
        assert stand_in.writes == []


@pytest.mark.parametrize("version", ["9.3.2", "10.4.1", "11.6.0", "12.2.0", "13.0.0", None])
def test_every_version_comes_to_rest(version: str | None) -> None:
    with StandIn(version=version) as stand_in:
        assert exit_code(deploy(client(stand_in))) == 0
        assert outcomes(deploy(client(stand_in))) == UNCHANGED
        stand_in.edit("sedna-one", rename_panel, by="eve")
        assert outcomes(deploy(client(stand_in), NEW))["sedna-one"] == "conflict"
        assert outcomes(deploy(client(stand_in), NEW, on_drift="merge"))["sedna-one"] == "update"
        assert stand_in.dashboards["sedna-one"]["model"]["description"] == "new"
        assert panel_title(stand_in) == "Mine"
        assert outcomes(deploy(client(stand_in), TWO[:1], prune=True, on_drift="keep"))["sedna-two"] == "delete"


def test_grafana_below_a_path() -> None:
    with StandIn(prefix="/monitoring/grafana") as stand_in:
        assert exit_code(deploy(client(stand_in))) == 0


def test_many_folders_and_dashboards(stand_in: StandIn, run: Deploy) -> None:
    """More than fit on one page of Grafana's answer."""
    for number in range(1100):
        stand_in.folders[f"f{number}"] = {"id": number, "uid": f"f{number}", "title": f"F{number:04}", "version": 1}
        stand_in.put_dashboard({"uid": f"d{number}", "title": f"Another {number:04}"}, folder="f1")
    stand_in.put_folder("last", "Sedna")
    stand_in.put_dashboard({"uid": "mine", "title": "Sedna / One"}, folder="last")
    report = run()
    assert outcomes(report)["last"] == "unchanged"
    assert "uid mine" in reason(report, "sedna-one")
    assert len(stand_in.dashboards) == 1101 + 2
