"""What Grafana 10 to 13 do otherwise than 9.3, row by row of `Behaviour`, over plain HTTP.

These tests hold the stand-in to its table. The table comes from Grafana's documentation and source: no server of these
versions was run.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.grafana_stand_in import Behaviour, StandIn
from tests.record_grafana import ask as send
from tests.record_grafana import basic

VERSIONS = ("9.3.2", "10.4.1", "11.6.0", "12.2.0", "13.0.0")
DB, BY_UID, FOLDERS = "/api/dashboards/db", "/api/dashboards/uid", "/api/folders"
SOURCE = {"uid": "p", "name": "p", "type": "prometheus", "access": "proxy", "url": "http://prometheus:9090"}


class Asked:
    """A stand-in, with the last status and body."""

    def __init__(self, grafana: StandIn) -> None:
        self.grafana = grafana
        self.status = 0
        self.body: Any = None

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        authorization = {"Authorization": basic("admin", "admin")}
        self.status, _, content = send(self.grafana.url, method, path, body, authorization)
        self.body = json.loads(content) if content else None
        return self.body

    def save(self, uid: str, title: str, **more: Any) -> Any:
        beside = {key: more.pop(key) for key in ("folderUid", "message", "overwrite") if key in more}
        return self("POST", DB, {"dashboard": {"uid": uid, "title": title, **more}, **beside})

    def folder(self, uid: str, title: str, parent: str = "") -> Any:
        return self("POST", FOLDERS, {"uid": uid, "title": title, "parentUid": parent})


# A function for each row, and what it finds in each of VERSIONS. --------------------------------------------------


def nested_folders(ask: Asked) -> Any:
    """Whether the folder lies where it was put, by the only way to know: reading it."""
    ask.folder("a", "A")
    ask.folder("b", "B", parent="a")
    return ask("GET", f"{FOLDERS}/b")["parentUid"] == "a"


def folder_depth(ask: Asked) -> Any:
    parent, made = "", 0
    for number in range(6):
        ask.folder(f"f{number}", f"F{number}", parent)
        made += ask.status == 200
        parent = f"f{number}"
    return made


def folder_exists(ask: Asked) -> Any:
    ask.folder("a", "A")
    ask.folder("a", "A")
    return ask.status


def folder_counts(ask: Asked) -> Any:
    ask.folder("a", "A")
    ask.save("d", "D", folderUid="a")
    ask.grafana.put_rule("r", "a")
    return ask("GET", f"{FOLDERS}/a/counts").get("alertrule") == 1


def folder_versions_checked(ask: Asked) -> Any:
    ask.folder("a", "A")
    ask("PUT", f"{FOLDERS}/a", {"title": "B", "version": 77})
    return ask.status == 412


def same_titles(ask: Asked) -> Any:
    """In two dashboards of a folder, two folders, a dashboard and a folder: all or none."""
    ask.folder("a", "A")
    ask.save("one", "Same", folderUid="a")
    found = []
    for attempt in (
        lambda: ask.save("two", "Same", folderUid="a"),
        lambda: ask.folder("b", "A"),
        lambda: ask.save("three", "A", folderUid="a"),
    ):
        attempt()
        found.append(ask.status == 200)
    assert len({*found}) == 1, found
    return found[0]


def dashboard_conflict(ask: Asked) -> Any:
    ask.save("d", "D")
    ask.save("d", "D", version=77)
    assert "changed by someone else" in ask.body["message"]
    return ask.status


def long_texts_refused(ask: Asked) -> Any:
    ask.save("fits", "Fits", message="m" * 500)
    assert ask.status == 200
    ask.save("d", "D", message="m" * 501)
    return ask.status == 400


def rewrites_dashboards(ask: Asked) -> Any:
    """What comes back: the schema's number, whether there is more than was sent, and whether a null is still there."""
    ask.save("d", "D", schemaVersion=37, panels=[{"id": 1, "max": None}])
    model = ask("GET", f"{BY_UID}/d")["dashboard"]
    return model["schemaVersion"], "preload" in model, "max" in model["panels"][0]


def versions_in_object(ask: Asked) -> Any:
    ask.save("d", "D")
    found = ask("GET", f"{BY_UID}/d/versions")
    assert len(found["versions"] if isinstance(found, dict) else found) == 1
    return isinstance(found, dict)


def v2_dashboards(ask: Asked) -> Any:
    """What is read after somebody saved in the pages."""
    ask.save("d", "D", panels=[{"id": 1, "title": "P"}])
    if not ask.grafana.behaviour.v2_dashboards:
        return False
    ask.grafana.save_as_v2("d")
    model = ask("GET", f"{BY_UID}/d")["dashboard"]
    return "elements" in model and "layout" in model and "panels" not in model


def k8s_apis(ask: Asked) -> Any:
    ask("GET", "/apis")
    return ask.status == 200


def search_by_folder_uid(ask: Asked) -> Any:
    ask.folder("a", "A")
    ask.save("inside", "Inside", folderUid="a")
    ask.save("outside", "Outside")
    return [hit["uid"] for hit in ask("GET", "/api/search?type=dash-db&folderUIDs=a")] == ["inside"]


def datasource_health(ask: Asked) -> Any:
    """One that is well, one that is down, one that is not."""
    for uid in ("p", "down"):
        ask("POST", "/api/datasources", {**SOURCE, "uid": uid, "name": uid})
    ask.grafana.down.add("down")
    found = []
    for uid in ("p", "down", "none"):
        ask("GET", f"/api/datasources/uid/{uid}/health")
        found.append((ask.status, ask.body.get("status", "")))
    return found


def datasource_name_taken(ask: Asked) -> Any:
    for uid in ("p", "q"):
        ask("POST", "/api/datasources", {**SOURCE, "uid": uid, "name": uid})
    ask("PUT", "/api/datasources/uid/q", {**SOURCE, "uid": "q", "name": "p"})
    return ask.status


def datasources_by_number(ask: Asked) -> Any:
    number = ask("POST", "/api/datasources", SOURCE)["id"]
    ask("GET", f"/api/datasources/{number}")
    return ask.status == 200


def rule_missing(ask: Asked) -> Any:
    ask("GET", "/api/v1/provisioning/alert-rules/none")
    return ask.status


def rule_exists(ask: Asked) -> Any:
    rule = {"uid": "r", "title": "R", "folderUID": "a", "ruleGroup": "g", "data": [{"refId": "A", "model": {}}],
            "for": "5m", "noDataState": "OK", "execErrState": "Error"}  # fmt: skip
    ask("POST", "/api/v1/provisioning/alert-rules", rule)
    assert ask.status == 201
    ask("POST", "/api/v1/provisioning/alert-rules", rule)
    return ask.status


def rules_listed(ask: Asked) -> Any:
    ask("GET", "/api/v1/provisioning/alert-rules")
    return ask.status == 200


def ruler_by_uid(ask: Asked) -> Any:
    ask("POST", FOLDERS, {"uid": "a", "title": "A"})
    ask("GET", "/api/ruler/grafana/api/v1/rules/a/g")
    return ask.status == 202


_NO_HEALTH = [(404, ""), (404, ""), (500, "")]
_HEALTH = [(200, "OK"), (400, "ERROR"), (404, "")]
_AS_SENT, _REWRITTEN = (37, False, True), (42, True, False)

CASES: dict[Callable[[Asked], Any], tuple[Any, ...]] = {
    # in                       9.3.2       10.4.1      11.6.0      12.2.0      13.0.0
    nested_folders:           (False,      False,      True,       True,       True),
    folder_depth:             (6,          6,          4,          4,          4),
    folder_exists:            (412,        412,        412,        409,        409),
    folder_counts:            (False,      True,       True,       True,       True),
    folder_versions_checked:  (True,       True,       True,       True,       True),
    same_titles:              (False,      False,      False,      True,       True),
    dashboard_conflict:       (412,        412,        412,        412,        412),
    long_texts_refused:       (False,      False,      False,      True,       True),
    rewrites_dashboards:      (_AS_SENT,   _AS_SENT,   _AS_SENT,   _REWRITTEN, _REWRITTEN),
    versions_in_object:       (False,      False,      True,       True,       True),
    v2_dashboards:            (False,      False,      False,      False,      True),
    k8s_apis:                 (False,      False,      False,      True,       True),
    search_by_folder_uid:     (False,      True,       True,       True,       True),
    datasource_health:        (_NO_HEALTH, _HEALTH,    _HEALTH,    _HEALTH,    _HEALTH),
    datasource_name_taken:    (500,        409,        409,        409,        409),
    datasources_by_number:    (True,       True,       True,       True,       False),
    rule_missing:             (500,        404,        404,        404,        404),
    rule_exists:              (500,        409,        409,        409,        409),
    rules_listed:             (False,      True,       True,       True,       True),
    ruler_by_uid:             (False,      True,       True,       True,       True),
}  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("observe", CASES, ids=lambda observe: observe.__name__)
def test_each_row_in_each_version(observe: Callable[[Asked], Any], version: str) -> None:
    with StandIn(version=version) as grafana:
        assert observe(Asked(grafana)) == CASES[observe][VERSIONS.index(version)]


def test_every_row_is_tested() -> None:
    assert [observe.__name__ for observe in CASES] == [field.name for field in dataclasses.fields(Behaviour)]


#: Releases at the edge of a row: row, version, what is so there.
EDGES = [
    ("versions_in_object", "11.4.9", False),
    ("versions_in_object", "11.5.0", True),
    ("folder_versions_checked", "11.6.0", True),
    ("folder_versions_checked", "12.0.0", False),
    ("folder_versions_checked", "12.0.1", True),
    ("same_titles", "12.0.0-pre", True),
    ("datasources_by_number", "12.4.1", True),
    ("datasources_by_number", "13.0.0-pre", False),
    ("nested_folders", None, False),
]


@pytest.mark.parametrize("name, version, value", EDGES)
def test_the_edge_of_a_row(name: str, version: str | None, value: object) -> None:
    assert getattr(Behaviour.of(version), name) == value


@pytest.mark.parametrize("name, value", [("dashboard_conflict", 409), ("folder_exists", 412)])
def test_a_row_can_be_switched_where_releases_differ(name: str, value: int) -> None:
    observe = next(observe for observe in CASES if observe.__name__ == name)
    with StandIn(version="12.2.0", **{name: value}) as grafana:
        assert observe(Asked(grafana)) == value


def test_12_0_0_renames_over_anything() -> None:
    with StandIn(version="12.0.0") as grafana:
        assert folder_versions_checked(Asked(grafana)) is False


# More of what nested folders and the others mean. -------------------------------------------------------------------


@pytest.fixture
def nested() -> Any:
    """Grafana 11 with top/middle/bottom, and aside."""
    with StandIn(version="11.6.0") as grafana:
        ask = Asked(grafana)
        for uid, parent in (("top", ""), ("middle", "top"), ("bottom", "middle"), ("aside", "")):
            ask.folder(uid, uid.title(), parent)
        yield ask


def test_a_nested_folder_names_its_parents(nested: Asked) -> None:
    found = nested("GET", f"{FOLDERS}/bottom")
    assert found["parentUid"] == "middle"
    assert [parent["uid"] for parent in found["parents"]] == ["top", "middle"]


def test_folders_are_listed_by_level(nested: Asked) -> None:
    def listed(more: str = "") -> list[str]:
        return [folder["uid"] for folder in nested("GET", f"{FOLDERS}{more}")]

    assert listed() == ["aside", "top"]
    assert listed("?parentUid=top") == ["middle"]
    assert nested("GET", f"{FOLDERS}?parentUid=top")[0]["parentUid"] == "top"


#: What is moved into what: status, and where it then is.
MOVES = {
    "aside": ("bottom", "aside", 200, "aside"),
    "up": ("bottom", "", 200, ""),
    "a branch": ("middle", "aside", 200, "aside"),
    "into itself": ("top", "top", 400, ""),
    "into what is in it": ("top", "bottom", 400, ""),
    "to nowhere": ("top", "none", 404, ""),
}


@pytest.mark.parametrize("name", MOVES)
def test_folders_move(nested: Asked, name: str) -> None:
    uid, parent, status, then = MOVES[name]
    nested("POST", f"{FOLDERS}/{uid}/move", {"parentUid": parent})
    assert nested.status == status
    assert nested("GET", f"{FOLDERS}/{uid}")["parentUid"] == then


def test_a_branch_does_not_move_where_it_is_too_deep(nested: Asked) -> None:
    nested.folder("deep", "Deep", "bottom")
    nested("POST", f"{FOLDERS}/top/move", {"parentUid": "aside"})
    assert (nested.status, nested.body["messageId"]) == (400, "folder.maximum-depth-reached")


def test_the_same_title_in_another_folder(nested: Asked) -> None:
    nested.folder("other", "Bottom", "aside")
    assert nested.status == 200
    nested.folder("third", "Bottom", "aside")
    assert nested.status == 409


def test_what_lies_deeper_goes_with_a_folder(nested: Asked) -> None:
    nested.save("d", "D", folderUid="bottom")
    nested.grafana.put_rule("r", "bottom")
    nested("DELETE", f"{FOLDERS}/top")
    assert nested.status == 400
    nested("DELETE", f"{FOLDERS}/top?forceDeleteRules=true")
    assert [*nested.grafana.folders] == ["aside"]
    assert not nested.grafana.dashboards and not nested.grafana.rules


def test_overwriting_replaces_no_namesake_any_more() -> None:
    """On 9.3 it does: the answer has the other's uid."""
    with StandIn(version="12.2.0") as grafana:
        ask = Asked(grafana)
        ask.save("one", "Same")
        assert ask.save("two", "Same", overwrite=True)["uid"] == "two"
        assert sorted(grafana.dashboards) == ["one", "two"]


def test_a_v2_dashboard_is_classic_when_asked_for_so() -> None:
    with StandIn(version="13.0.0") as grafana:
        ask = Asked(grafana)
        ask.save("d", "D", panels=[{"id": 7, "title": "P"}])
        grafana.save_as_v2("d")
        classic = ask("GET", f"{BY_UID}/d?apiVersion=v1beta1")["dashboard"]
        assert (classic["panels"][0]["title"], classic["version"]) == ("P", 2)
        # A classic save makes it classic again.
        ask.save("d", "D", version=2, panels=[])
        assert "panels" in ask("GET", f"{BY_UID}/d")["dashboard"]


def test_what_saves_as_v2_before_13_is_a_mistake_in_a_test() -> None:
    grafana = StandIn(version="12.2.0")
    grafana.put_dashboard({"uid": "d", "title": "D"})
    with pytest.raises(AssertionError, match="does not know"):
        grafana.save_as_v2("d")


def test_the_groups_of_apis() -> None:
    with StandIn(version="12.2.0") as grafana:
        groups = Asked(grafana)("GET", "/apis")["groups"]
        assert {"dashboard.grafana.app", "folder.grafana.app"} <= {group["name"] for group in groups}
