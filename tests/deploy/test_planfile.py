"""A plan as a file."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sedna_dash.deploy.changes import Change, Plan, Policy, Seen, seen
from sedna_dash.deploy.judging import Live
from sedna_dash.deploy.marks import datasource_fields
from sedna_dash.deploy.planfile import load_plan, moved_since, plan_data, save_plan
from sedna_dash.deploy.resources import Folder, LiveDashboard
from sedna_dash.deploy.threeway import Detail
from sedna_dash.errors import OutputError, SettingsError
from sedna_dash.render.canonical import checksum
from sedna_dash.schemas import violations
from tests.deploy.conftest import board

DETAIL = Detail("panel 'Jobs'", "title", "changed", "live", "panels[7].title", "Jobs", {"a": [None]}, "eve", "noon", 2)
SOURCE = {"uid": "s", "name": "n", "type": "loki", "access": "proxy", "url": "http://a", "jsonData": {}}
THERE = LiveDashboard({**board(), "id": 1, "version": 2}, {"folderUid": "f"})
HOME = Folder("f", "Sedna", "p", 3)
PLAN = Plan(
    url="http://g:3000",
    grafana="9.3.2",
    bundle="sedna",
    deployment="0123456789ab",
    policy=Policy("merge", True, True, 7, True),
    changes=(
        Change("update", "folder", "f", "Sedna", "renamed", folder="p", seen=Seen(3, "p/Sedna")),
        Change("update", "datasource", "s", "n", body=SOURCE, seen=Seen(0, checksum(datasource_fields(SOURCE))),
               secrets={"basicAuthPassword": {"env": "X"}}),
        Change("move", "dashboard", "sedna-one", "One", "merged", (DETAIL,), board(), "f", seen(THERE), "a" * 64),
        Change("drifted", "dashboard", "x", "X \x1b[31m", kept=True),
        Change("create", "dashboard", "new", "New", body={"x": [1, None, 1.5, True]}),
    ),
    org_id=4,
)  # fmt: skip


def test_a_plan_comes_back_as_it_was(tmp_path: Path) -> None:
    save_plan(PLAN, tmp_path / "plan.json")
    assert load_plan(tmp_path / "plan.json") == PLAN


def test_the_same_plan_is_the_same_file(tmp_path: Path) -> None:
    turned = replace(PLAN, changes=tuple(
        replace(change, body=dict(reversed(change.body.items()))) for change in PLAN.changes
    ))  # fmt: skip
    for name, plan in (("a", PLAN), ("b", turned)):
        save_plan(plan, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_it_keeps_to_the_published_form() -> None:
    assert list(violations("plan", json.loads(json.dumps(plan_data(PLAN))))) == []


def test_a_plan_that_cannot_be_saved(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="name another file with --out"):
        save_plan(PLAN, tmp_path / "file" / "plan.json")


def change(data: dict[str, Any]) -> Any:
    return data["changes"][2]


TAMPERED: list[tuple[str, Callable[[dict[str, Any]], object], str]] = [
    ("another kind", lambda data: data.update(kind="sedna-dash/report"), "is no plan of sedna-dash"),
    ("no kind", lambda data: data.pop("kind"), "is no plan of sedna-dash"),
    ("a later form", lambda data: data.update(schemaVersion=2), "is of another sedna-dash"),
    ("something is missing", lambda data: data.pop("url"), "'url' is missing"),
    ("something is too much", lambda data: data.update(extra=1), "unknown key 'extra'"),
    ("no changes", lambda data: data.update(changes=None), "changes: must be a list"),
    ("a change that is none", lambda data: data.update(changes=[5]), "changes[0]: must be a mapping"),
    ("an unknown action", lambda data: change(data).update(action="destroy"), "changes[2].action"),
    ("an unknown kind", lambda data: change(data).update(kind="user"), "changes[2].kind"),
    ("a version that is a text", lambda data: change(data)["seen"].update(version="2"), "changes[2].seen"),
    ("nothing seen", lambda data: change(data).update(seen={}), "changes[2].seen"),
    ("a body that is a list", lambda data: change(data).update(body=[]), "changes[2].body: must be a mapping"),
    ("a secret itself", lambda data: data["changes"][1].update(secrets={"p": "hunter2"}), "changes[1].secrets.p"),
    ("two references", lambda data: data["changes"][1].update(secrets={"p": {"env": "a", "file": "b"}}), "secrets.p"),
    ("a policy", lambda data: data["policy"].update(onDrift="always"), "policy.onDrift"),
    ("a limit below zero", lambda data: data["policy"].update(pruneLimit=-1), "policy.pruneLimit"),
    ("a set with a path", lambda data: data.update(bundle="../x"), "bundle"),
    ("a detail", lambda data: change(data)["details"][0].update(side="nobody"), "changes[2].details[0].side"),
    ("a key that moves the cursor", lambda data: data.update({"\x1b[2J": 1}), "unknown key ' [2J'"),
]


@pytest.mark.parametrize("tamper, message", [case[1:] for case in TAMPERED], ids=[case[0] for case in TAMPERED])
def test_a_tampered_plan(tmp_path: Path, tamper: Callable[[dict[str, Any]], object], message: str) -> None:
    data = json.loads(json.dumps(plan_data(PLAN)))
    tamper(data)
    assert_refused(tmp_path, json.dumps(data).encode(), message)


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "is no plan"),
        (b"null", "is no plan"),
        (b'"sedna-dash/plan"', "is no plan"),
    ],
    ids=["empty", "cut off", "no UTF-8", "deep", "a list", "null", "a text"],
)
def test_no_plan_at_all(tmp_path: Path, content: bytes, message: str) -> None:
    assert_refused(tmp_path, content, message)


def assert_refused(folder: Path, content: bytes, message: str) -> None:
    path = folder / "plan.json"
    path.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        load_plan(path)
    said = caught.value.message
    assert said.startswith(f"--plan {path}: ") and message in said
    assert said.endswith("make it anew with: sedna-dash plan --out FILE")
    assert said.isprintable() and "hunter2" not in said and "  " not in said.replace(" [2J", "")


def test_a_plan_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_plan(tmp_path / "none.json")
    with pytest.raises(SettingsError, match="cannot be read"):
        load_plan(tmp_path)


LIVE = Live(folders=[HOME], datasources=[SOURCE], dashboards={"sedna-one": THERE, "x": LiveDashboard({"uid": "x"})})
EDITED = copy.deepcopy(dict(THERE.model))
EDITED["panels"][0]["title"] = "Mine"
ONE, SIX = "dashboard 'One' (uid sedna-one)", "dashboard 'New' (uid new)"
MOVED: list[tuple[str, dict[str, Any], list[str]]] = [
    ("nothing", {}, []),
    ("a folder was renamed", {"folders": [replace(HOME, title="Mine")]}, ["folder 'Sedna' (uid f)"]),
    ("a folder was moved", {"folders": [replace(HOME, parent="q")]}, ["folder 'Sedna' (uid f)"]),
    ("a folder was deleted", {"folders": []}, ["folder 'Sedna' (uid f)"]),
    ("only its version", {"folders": [replace(HOME, version=9)]}, []),
    ("a datasource was changed", {"datasources": [{**SOURCE, "url": "http://b"}]}, ["datasource 'n' (uid s)"]),
    ("a datasource was deleted", {"datasources": []}, ["datasource 'n' (uid s)"]),
    ("a field that is not ours", {"datasources": [{**SOURCE, "isDefault": True}]}, []),
    ("a dashboard was edited", {"dashboards": {"sedna-one": LiveDashboard(EDITED, THERE.meta)}}, [ONE]),
    ("a dashboard was saved again",
     {"dashboards": {"sedna-one": LiveDashboard({**THERE.model, "version": 3}, THERE.meta)}}, [ONE]),
    ("a dashboard was moved", {"dashboards": {"sedna-one": LiveDashboard(THERE.model, {"folderUid": "q"})}}, [ONE]),
    ("a dashboard was deleted", {"dashboards": {}}, [ONE]),
    ("one of that uid was made", {"dashboards": {"sedna-one": THERE, "new": THERE}}, [SIX]),
    ("one that the plan does not touch", {"dashboards": {"sedna-one": THERE, "x": THERE}}, []),
]  # fmt: skip


@pytest.mark.parametrize("there, wanted", [case[1:] for case in MOVED], ids=[case[0] for case in MOVED])
def test_moved_since(there: dict[str, Any], wanted: list[str]) -> None:
    assert moved_since(PLAN, replace(LIVE, **there)) == wanted


def test_creations_that_came_too_late() -> None:
    plan = replace(PLAN, changes=[
        Change("create", "folder", "f", "Sedna"), Change("create", "datasource", "s", "n"),
        Change("create", "dashboard", "sedna-one", "One"), Change("create", "record", "x", "X"),
    ])  # fmt: skip
    assert len(moved_since(plan, LIVE)) == 4
    assert moved_since(plan, Live()) == []
