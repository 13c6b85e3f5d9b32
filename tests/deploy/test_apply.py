"""Deploy against the stand-in: what is written, what is left alone, and what happens when something goes wrong."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from sedna_dash.deploy.marks import read_mark
from sedna_dash.deploy.run import checked_folder, deploy
from sedna_dash.deploy.sources import Choice
from sedna_dash.errors import SettingsError
from tests.deploy.conftest import SOURCES, TWO, Deploy, board, client, outcomes, reason
from tests.grafana_stand_in import Answer, Request, StandIn, denied, problem

NEW = (board(description="new"), TWO[1])
ALL = ["sedna", "sedna-prometheus", "sedna-loki", "sedna-one", "sedna-two"]
DB = "POST /api/dashboards/db"


def exit_code(report: Any) -> int:
    return report.error.exit_code if report.error else 0


def rename_panel(model: dict[str, Any]) -> None:
    model["panels"][0]["title"] = "Mine"


def test_the_first_run_creates_everything(stand_in: StandIn, run: Deploy) -> None:
    report = run()
    assert outcomes(report) == dict.fromkeys(ALL, "create")
    assert exit_code(report) == 0
    assert stand_in.folders["sedna"]["title"] == "Sedna"
    assert stand_in.datasources["sedna-loki"]["url"] == "http://loki:3100"
    assert stand_in.dashboards["sedna-one"]["folder"] == "sedna"
    assert read_mark(stand_in.dashboards["sedna-one"]["history"][0]["message"])
    # For 9.3 in the shape of 9.3, and with the datasources chosen.
    model = stand_in.dashboards["sedna-one"]["model"]
    assert model["schemaVersion"] == 37
    assert [variable["current"] for variable in model["templating"]["list"]] == [
        {"selected": True, "text": "Sedna metrics", "value": "sedna-prometheus"},
        {"selected": True, "text": "Sedna logs", "value": "sedna-loki"},
    ]
    assert all(request.body["overwrite"] is False for request in stand_in.requests if request.path.endswith("/db"))


def test_the_second_run_writes_nothing(stand_in: StandIn, run: Deploy) -> None:
    run()
    stand_in.requests.clear()
    report = run()
    assert outcomes(report) == dict.fromkeys(ALL, "unchanged")
    assert stand_in.writes == []
    assert exit_code(report) == 0


def test_a_dry_run_writes_nothing_and_says_what_a_run_would_do(stand_in: StandIn, run: Deploy) -> None:
    for dashboards in (TWO, NEW):
        planned = run(dashboards, dry_run=True)
        assert stand_in.writes == []
        assert outcomes(planned) == outcomes(run(dashboards))
        stand_in.requests.clear()


def test_only_what_differs_is_written(stand_in: StandIn, run: Deploy) -> None:
    run()
    stand_in.requests.clear()
    report = run(NEW, sources={**SOURCES, "loki": Choice(url="http://loki2:3100")})
    assert {uid for uid, done in outcomes(report).items() if done == "update"} == {"sedna-one", "sedna-loki"}
    assert stand_in.writes == ["PUT /api/datasources/uid/sedna-loki", DB]
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


@pytest.mark.parametrize("dashboards", [TWO, NEW], ids=["nothing new", "something new"])
def test_an_edit_in_grafana_survives(stand_in: StandIn, run: Deploy, dashboards: Any) -> None:
    run()
    stand_in.edit("sedna-one", rename_panel, by="eve", message="better title")
    edited = copy.deepcopy(stand_in.dashboards["sedna-one"])
    report = run(dashboards)
    assert outcomes(report) | {"sedna-one": ""} == dict.fromkeys(ALL, "unchanged") | {"sedna-one": ""}
    assert "version 2 by eve" in reason(report, "sedna-one") and "better title" in reason(report, "sedna-one")
    assert exit_code(report) == 3
    assert stand_in.dashboards["sedna-one"] == edited


def test_the_rest_is_done_beside_a_conflict(stand_in: StandIn, run: Deploy) -> None:
    run()
    stand_in.edit("sedna-one", rename_panel)
    report = run([NEW[0], board("sedna-two", "Sedna / Two", description="new"), board("sedna-3", "Three")])
    assert [outcomes(report)[uid] for uid in ("sedna-one", "sedna-two", "sedna-3")] == ["conflict", "update", "create"]
    assert exit_code(report) == 3


def test_deleting_the_edited_dashboard_is_the_cure(stand_in: StandIn, run: Deploy) -> None:
    run()
    stand_in.edit("sedna-one", rename_panel)
    del stand_in.dashboards["sedna-one"]
    assert exit_code(run()) == 0
    assert stand_in.dashboards["sedna-one"]["model"]["panels"][0]["title"] == "Jobs"


def test_a_change_between_reading_and_writing_is_a_conflict(stand_in: StandIn, run: Deploy) -> None:
    run()

    def edit_first(request: Request) -> Answer | None:
        if request.method == "POST":
            stand_in.before = lambda request: None
            stand_in.edit("sedna-one", rename_panel, by="mallory")
        return None

    stand_in.before = edit_first
    stand_in.requests.clear()
    report = run(NEW)
    assert outcomes(report)["sedna-one"] == "conflict"
    assert "by mallory" in reason(report, "sedna-one")
    assert stand_in.dashboards["sedna-one"]["model"]["panels"][0]["title"] == "Mine"
    assert stand_in.writes == [DB]  # and not once more


def test_two_runs_at_once_agree(stand_in: StandIn, run: Deploy) -> None:
    """The slower one finds that everything is there."""

    def other_run_first(request: Request) -> Answer | None:
        if request.method == "POST":
            stand_in.before = lambda request: None
            for other in (item for item in other_requests if item.method == "POST"):
                stand_in.answer(copy.deepcopy(other))
        return None

    with StandIn() as twin:
        deploy(client(twin), TWO, sources=SOURCES)
        other_requests = list(twin.requests)
    stand_in.before = other_run_first
    report = run()
    assert outcomes(report) == dict.fromkeys(ALL, "unchanged")
    assert exit_code(report) == 0


def test_a_datasource_changed_at_the_same_moment(stand_in: StandIn, run: Deploy) -> None:
    run()

    def edit_first(request: Request) -> Answer | None:
        if request.method == "PUT":
            stand_in.datasources["sedna-loki"] |= {"version": 9, "url": "http://mine"}
        return None

    stand_in.before = edit_first
    report = run(sources={**SOURCES, "loki": Choice(url="http://loki2:3100")})
    assert outcomes(report)["sedna-loki"] == "conflict"
    assert stand_in.datasources["sedna-loki"]["url"] == "http://mine"


def test_a_namesake_in_the_folder(stand_in: StandIn, run: Deploy) -> None:
    run([])
    stand_in.put_dashboard({"uid": "mine", "title": "sedna - one"}, folder="sedna")
    stand_in.requests.clear()
    report = run()
    assert outcomes(report)["sedna-one"] == "conflict" and "uid mine" in reason(report, "sedna-one")
    assert outcomes(report)["sedna-two"] == "create"
    assert stand_in.writes == [DB]
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


def test_a_moved_dashboard_stays_where_it_is(stand_in: StandIn, run: Deploy) -> None:
    run()
    stand_in.dashboards["sedna-one"]["folder"] = ""
    report = run(NEW)
    assert "it is in the folder 'General', and deploy does not move dashboards" in reason(report, "sedna-one")
    assert stand_in.dashboards["sedna-one"]["folder"] == "" and exit_code(report) == 3


def test_a_renamed_folder_and_a_folder_made_by_hand(stand_in: StandIn, run: Deploy) -> None:
    run()
    stand_in.folders["sedna"]["title"] = "Sedna (edge 7)"
    assert exit_code(run()) == 0
    stand_in.folders["byhand"] = {"id": 99, "uid": "byhand", "title": "Edge", "version": 1}
    report = run([board("sedna-3", "Three")], folder="Edge")
    assert stand_in.dashboards["sedna-3"]["folder"] == "byhand"
    assert outcomes(report)["byhand"] == "unchanged"


def test_a_folder_that_cannot_be_made(stand_in: StandIn, run: Deploy) -> None:
    stand_in.put_dashboard({"uid": "x", "title": "SEDNA"})
    report = run()
    assert outcomes(report) == dict(zip(ALL, ["conflict", "create", "create", "conflict", "conflict"], strict=True))
    assert "--folder" in reason(report, "sedna") and "folder could not be made" in reason(report, "sedna-one")
    assert exit_code(report) == 3


def test_a_folder_with_the_uid_of_a_dashboard(stand_in: StandIn, run: Deploy) -> None:
    """Grafana keeps both in one table."""
    report = run([board(title="Jobs")], folder="Sedna One")
    assert exit_code(report) == 0
    assert stand_in.dashboards["sedna-one"]["folder"].startswith("sedna-one-")


@pytest.mark.parametrize(
    "title",
    ["../../etc/passwd", "a/b?c#d%2f", "<script>alert(1)</script>", "'; DROP TABLE dashboard; --", "[red]x[/red]",
     "日本", "😀", "{{ x }} $x ${y}", "x" * 189],
)  # fmt: skip
def test_hostile_folder_titles_are_titles(stand_in: StandIn, run: Deploy, title: str) -> None:
    assert exit_code(run(folder=title)) == 0
    assert [folder["title"] for folder in stand_in.folders.values()] == [title]
    stand_in.requests.clear()
    assert exit_code(run(folder=title)) == 0
    assert stand_in.writes == []


@pytest.mark.parametrize(
    "title", ["", "  ", "General", "gEnErAl", "a\x1b[31mb", "a\nb", "a\u202eb", "a\u200bb", "\udcff", "x" * 190]
)
def test_impossible_folder_titles(title: str) -> None:
    with pytest.raises(SettingsError, match="--folder"):
        checked_folder(title, [])


@pytest.mark.parametrize("token, wanted", [("viewer-token", 4), ("editor-token", 4), ("admin-token", 0)])
def test_roles(stand_in: StandIn, run: Deploy, token: str, wanted: int) -> None:
    report = run(token=token)
    assert exit_code(report) == wanted
    if token == "editor-token":
        # A dashboard is not pointed to a datasource that is not there.
        assert [outcomes(report)[uid] for uid in ALL] == ["create", "failed", "failed", "failed", "failed"]
        assert "lack the permission datasources:create" in reason(report, "sedna-loki")
        assert "its datasource sedna-loki could not be made" in reason(report, "sedna-one")
        assert stand_in.dashboards == {}
    if token == "viewer-token":
        assert outcomes(report) == dict.fromkeys(ALL, "failed")
        assert "folders:create" in reason(report, "sedna")


def test_an_editor_can_deploy_to_datasources_that_are_there(stand_in: StandIn, run: Deploy) -> None:
    stand_in.put_datasource("p", "Prometheus", "prometheus", readOnly=True)
    stand_in.put_datasource("l", "Loki", "loki", readOnly=True)
    assert exit_code(run(token="editor-token", sources=dict.fromkeys(SOURCES, Choice()))) == 0


ODD = {
    "a refusal": (lambda: denied("dashboards:write"), "failed", "dashboards:write", 4),
    "a bad request": (lambda: problem(400, "bad request data"), "failed", "bad request data", 4),
    "a fault": (lambda: problem(500, "database is locked"), "failed", "database is locked", 4),
    "a proxy's fault": (lambda: Answer(502, b"<html>", {}, "text/html"), "failed", "HTTP 502", 4),
    "too large": (lambda: Answer(413, b"<html>", {}, "text/html"), "failed", "too large", 4),
    "busy": (lambda: problem(429, "slow down"), "failed", "too many requests", 4),
    "a stale version": (lambda: problem(412, "changed", "version-mismatch"), "conflict", "changed", 3),
    "a name": (lambda: problem(412, "same name", "name-exists"), "conflict", "same name", 3),
    "provisioned": (lambda: problem(400, "Cannot save provisioned dashboard"), "conflict", "provisioned", 3),
    "a plugin's": (lambda: problem(412, "of a plugin", "plugin-dashboard"), "conflict", "of a plugin", 3),
    "another uid": (lambda: Answer(200, {"uid": "other", "version": 4}), "conflict",
                    "another dashboard (uid other)", 3),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_an_odd_answer_to_one_write(stand_in: StandIn, run: Deploy, name: str) -> None:
    """It is reported, sent only once, and the other dashboard is written all the same."""
    answer, outcome, words, code = ODD[name]
    stand_in.before = lambda request: (
        answer()
        if request.method == "POST" and (request.body.get("dashboard") or {}).get("uid") == "sedna-one"
        else None
    )
    report = run()
    assert (outcomes(report)["sedna-one"], outcomes(report)["sedna-two"]) == (outcome, "create")
    assert words in reason(report, "sedna-one")
    assert exit_code(report) == code
    assert stand_in.writes.count(DB) == 2


def test_when_grafana_goes_away_the_rest_is_not_tried(stand_in: StandIn, run: Deploy) -> None:
    stand_in.before = lambda request: (
        Answer(200, b"<html>login", {}, "text/html") if request.path == "/api/dashboards/db" else None
    )
    report = run()
    assert [outcomes(report)[uid] for uid in ALL] == ["create", "create", "create", "failed", "failed"]
    assert "not tried" in reason(report, "sedna-two")
    assert exit_code(report) == 4
    assert stand_in.writes.count(DB) == 1


class Killed(BaseException):
    """Nothing catches it, as nothing catches a kill."""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(5))
def test_a_killed_run_is_finished_by_the_next(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, number: int, when: str
) -> None:
    """Killed before or after the server took the write: either way the next run ends in the same state."""
    grafana = client(stand_in)
    send: Callable[..., Any] = grafana._write
    sent = []

    def killed_at(*arguments: Any) -> Any:
        sent.append(arguments)
        if len(sent) == number + 1 and when == "before":
            raise Killed
        answer = send(*arguments)
        if len(sent) == number + 1:
            raise Killed
        return answer

    monkeypatch.setattr(grafana, "_write", killed_at)
    with pytest.raises(Killed):
        deploy(grafana, TWO, sources=SOURCES)
    report = deploy(client(stand_in), TWO, sources=SOURCES)
    assert exit_code(report) == 0
    assert len(stand_in.writes) == 5
    assert [len(item["history"]) for item in stand_in.dashboards.values()] == [1, 1]
    assert outcomes(deploy(client(stand_in), TWO, sources=SOURCES)) == dict.fromkeys(ALL, "unchanged")


@pytest.mark.parametrize(
    "version, schema", [("9.3.2", 37), ("8.5.0", 37), ("10.4.1", 42), ("13.0.0-pre", 42), (None, 37)]
)
def test_the_servers_version_picks_the_shape(version: str | None, schema: int) -> None:
    with StandIn(version=version) as stand_in:
        deploy(client(stand_in), TWO, sources=SOURCES)
        assert stand_in.dashboards["sedna-one"]["model"]["schemaVersion"] == schema


def test_grafana_below_a_path() -> None:
    with StandIn(prefix="/monitoring/grafana") as stand_in:
        assert exit_code(deploy(client(stand_in), TWO, sources=SOURCES)) == 0


def test_many_folders_and_dashboards(stand_in: StandIn, run: Deploy) -> None:
    """More than fit on one page of Grafana's answer."""
    for number in range(1100):
        stand_in.folders[f"f{number}"] = {"id": number, "uid": f"f{number}", "title": f"F{number:04}", "version": 1}
        stand_in.put_dashboard({"uid": f"d{number}", "title": f"Another {number:04}"}, folder="f1")
    stand_in.folders["last"] = {"id": 9999, "uid": "last", "title": "Sedna", "version": 1}
    stand_in.put_dashboard({"uid": "mine", "title": "Sedna / One"}, folder="last")
    report = run()
    assert outcomes(report)["last"] == "unchanged"
    assert "uid mine" in reason(report, "sedna-one")
