"""What is to be done, from what is wanted and what is there."""

from __future__ import annotations

from typing import Any

import pytest

from sedna_dash.deploy.marks import marked_datasource, message_for
from sedna_dash.deploy.plan import (
    Desired,
    Folder,
    Live,
    LiveDashboard,
    Version,
    chosen_folder,
    compare,
    compare_dashboard,
    compare_datasource,
    folder_uid,
    same_title,
)
from tests.deploy.conftest import board

SEDNA = Folder("sedna", "Sedna")
OURS = {"folderUid": "sedna", "folderTitle": "Sedna", "provisioned": False}


def live(
    model: dict[str, Any], *messages: str, meta: dict[str, Any] | None = None, by: str = "eve", **more: Any
) -> LiveDashboard:
    """A dashboard whose versions have these messages, the oldest first."""
    history = [Version(number, message, by, "noon") for number, message in enumerate(messages, 1)]
    model = {**model, "id": 3, "version": len(messages), **more}
    return LiveDashboard(model, {**OURS, **(meta or {})}, history[::-1])


SENT = board()
NEW = board(description="now with a description")
WITHOUT_DECIMALS = board()
del WITHOUT_DECIMALS["panels"][0]["fieldConfig"]["defaults"]["decimals"]
EDITED = board()
EDITED["panels"][0]["title"] = "Mine"
ADDED = board()
ADDED["panels"][0]["fieldConfig"]["defaults"]["noValue"] = "none"
MARK = message_for(SENT)
REMAPPED = board()
REMAPPED["templating"]["list"][0]["current"] = {"selected": True, "text": "P", "value": "p"}

DASHBOARDS = [
    # what is wanted, what is there, what is to be done, a part of the reason
    ("new", SENT, None, "create", ""),
    ("as we left it", SENT, live(SENT, MARK), "unchanged", ""),
    ("ours, and something new", NEW, live(SENT, MARK), "update", ""),
    ("ours, and something less", WITHOUT_DECIMALS, live(SENT, MARK), "update", ""),
    ("ours, and another datasource", REMAPPED, live(SENT, MARK), "update", ""),
    ("saved by us after somebody", NEW, live(SENT, "x", MARK), "update", ""),
    ("edited", SENT, live(EDITED, MARK, "my titles"), "conflict",
     "changed since our version 1: version 2 by eve at noon ('my titles')"),
    ("edited, and something new", NEW, live(EDITED, MARK, ""), "conflict", "version 2 by eve"),
    ("edited without a version", NEW, live(EDITED, MARK), "conflict", "its history shows no change"),
    ("edited, the version not yet listed", NEW, live(SENT, MARK, version=2), "conflict", "by eve"),
    ("added to", SENT, live(ADDED, MARK, ""), "unchanged", "last saved by somebody else: version 2 by eve"),
    ("added to, and something new", NEW, live(ADDED, MARK, ""), "conflict", "changed since our version 1"),
    ("restored", NEW, live(SENT, MARK, MARK, "Restored from version 1"), "conflict", "Restored from version 1"),
    ("restored to what is wanted", SENT, live(SENT, MARK, MARK, "Restored from version 1"), "unchanged", ""),
    ("never ours", SENT, live(EDITED, "Initial save"), "conflict", "was not made by sedna-dash"),
    ("never ours, but equal", SENT, live(SENT, "Initial save"), "unchanged", "by somebody else"),
    ("no history", NEW, live(SENT), "conflict", "was not made by sedna-dash"),
    ("provisioned", SENT, live(SENT, MARK, meta={"provisioned": True, "provisionedExternalId": "a.json"}), "conflict",
     "provisioned from a file (a.json)"),
    ("moved", SENT, live(SENT, MARK, meta={"folderUid": "x", "folderTitle": "Mine"}), "conflict",
     "in the folder 'Mine'"),
    ("moved to General", SENT, live(SENT, MARK, meta={"folderUid": "", "folderTitle": ""}), "conflict", "'General'"),
    ("never ours, elsewhere", SENT, live(SENT, "x", meta={"folderUid": ""}), "conflict", "was not made by sedna-dash"),
    ("a folder", SENT, live({"title": "x"}, meta={"isFolder": True}), "conflict", "belongs to a folder"),
    ("saved in the new format", SENT, live({"title": "x", "elements": {}, "layout": {}}, MARK), "conflict",
     "new dashboard"),
]  # fmt: skip


@pytest.mark.parametrize("wanted, there, action, reason", [case[1:] for case in DASHBOARDS],
                         ids=[case[0] for case in DASHBOARDS])  # fmt: skip
def test_dashboard(wanted: dict[str, Any], there: LiveDashboard | None, action: str, reason: str) -> None:
    change = compare_dashboard(wanted, there, folder=SEDNA, titles={"sedna-one": "Sedna / One"}, rewrites=False)
    assert (change.action, change.uid, change.kind) == (action, "sedna-one", "dashboard")
    assert reason in change.reason
    if action == "update":
        assert there is not None and change.version == there.version and change.body == wanted
    if action == "conflict":
        assert change.body == {} and change.version is None


REWRITTEN = {**SENT, "schemaVersion": 43, "preload": False}


@pytest.mark.parametrize(
    "wanted, rewrites, action",
    [(SENT, True, "unchanged"), (NEW, True, "update"), (NEW, False, "conflict"), (WITHOUT_DECIMALS, True, "update")],
)
def test_a_dashboard_that_the_server_rewrote(wanted: dict[str, Any], rewrites: bool, action: str) -> None:
    there = live(REWRITTEN, MARK)
    assert compare_dashboard(wanted, there, folder=SEDNA, titles={}, rewrites=rewrites).action == action


@pytest.mark.parametrize(
    "titles, there, wanted, action",
    [
        ({"x": "Sedna / One"}, None, SENT, "conflict"),
        ({"x": "SEDNA: One!"}, None, SENT, "conflict"),
        ({"x": "Sedna / Two"}, None, SENT, "create"),
        ({"x": "Two"}, live(SENT, MARK), board(title="Two"), "conflict"),
        # It has had that title all along, so Grafana puts up with it.
        ({"x": "Sedna / One"}, live(SENT, MARK), NEW, "update"),
    ],
)
def test_a_namesake(titles: dict[str, str], there: LiveDashboard | None, wanted: dict[str, Any], action: str) -> None:
    change = compare_dashboard(wanted, there, folder=SEDNA, titles=titles, rewrites=False)
    assert change.action == action
    assert ("uid x" in change.reason) is (action == "conflict")


FIELDS = {"uid": "sedna-loki", "name": "Sedna logs", "type": "loki", "access": "proxy", "url": "http://a:1",
          "jsonData": {"maxLines": 1000}}  # fmt: skip
MARKED = {**marked_datasource(FIELDS), "id": 1, "isDefault": True, "basicAuthUser": "u", "version": 4}
MOVED = {**FIELDS, "url": "http://b:1"}
FEWER = {**FIELDS, "jsonData": {}}

DATASOURCES: list[tuple[str, dict[str, Any], list[dict[str, Any]], str, str]] = [
    ("new", FIELDS, [], "create", ""),
    ("as we left it", FIELDS, [MARKED], "unchanged", ""),
    ("ours, another address", MOVED, [MARKED], "update", ""),
    ("ours, a setting less", FEWER, [MARKED], "update", ""),
    ("edited", FIELDS, [{**MARKED, "url": "http://c"}], "conflict", "use it as it is with --loki-uid sedna-loki"),
    ("added to", FIELDS, [{**MARKED, "jsonData": {**MARKED["jsonData"], "timeout": 3}}], "unchanged", ""),
    (
        "added to, another address",
        MOVED,
        [{**MARKED, "jsonData": {**MARKED["jsonData"], "timeout": 3}}],
        "conflict",
        "",
    ),
    ("not ours, but equal", FIELDS, [FIELDS], "unchanged", ""),
    ("not ours", MOVED, [FIELDS], "conflict", "made by somebody else"),
    ("provisioned", MOVED, [{**FIELDS, "readOnly": True}], "unchanged", "provisioned from a file"),
    ("another type", FIELDS, [{**FIELDS, "type": "prometheus", "readOnly": True}], "conflict", "is a prometheus"),
    ("a namesake", FIELDS, [{**FIELDS, "uid": "x"}], "conflict", "--loki-uid x"),
    ("renamed, and a namesake", FIELDS, [{**MARKED, "name": "y"}, {**FIELDS, "uid": "x"}], "conflict", "--loki-uid x"),
    ("no settings", FIELDS, [{**FIELDS, "jsonData": None}], "conflict", ""),
]


@pytest.mark.parametrize("wanted, there, action, reason", [case[1:] for case in DATASOURCES],
                         ids=[case[0] for case in DATASOURCES])  # fmt: skip
def test_datasource(wanted: dict[str, Any], there: list[dict[str, Any]], action: str, reason: str) -> None:
    change = compare_datasource(wanted, there)
    assert (change.action, change.uid, change.kind) == (action, "sedna-loki", "datasource")
    assert reason in change.reason
    if action == "update":
        assert change.version == 4
        assert {key: change.body[key] for key in ("isDefault", "basicAuthUser")} == {
            "isDefault": True,
            "basicAuthUser": "u",
        }
        assert not {"id", "version"} & set(change.body)


@pytest.mark.parametrize(
    "folders, wanted",
    [
        ([], None),
        ([Folder("x", "Other")], None),
        ([Folder("x", "Sedna")], "x"),
        ([Folder("sedna", "Renamed")], "sedna"),
        ([Folder("sedna", "Renamed"), Folder("x", "Sedna")], "x"),
        ([Folder("x", "Sedna"), Folder("sedna", "Sedna")], "sedna"),
    ],
)
def test_folder(folders: list[Folder], wanted: str | None) -> None:
    found = chosen_folder(SEDNA, folders)
    assert (found.uid if found else None) == wanted
    change = compare(Desired(SEDNA), Live(folders))[0]
    assert (change.action, change.uid) == (("unchanged", wanted) if wanted else ("create", "sedna"))


@pytest.mark.parametrize(
    "title, wanted",
    [
        ("Sedna", "sedna"),
        ("Edge site 7", "edge-site-7"),
        ("Taken", "taken-c76e6790"),
        ("a/b", "a-b-c14cddc0"),
        ("../../etc", "etc-74ccf3c5"),
        ("日本", "folder-cf2abf0c"),
        ("x" * 60, "x" * 31 + "-42f2d973"),
    ],
)
def test_folder_uid(title: str, wanted: str) -> None:
    uid = folder_uid(title, ["taken"])
    assert 0 < len(uid) <= 40
    assert uid.replace("-", "").isalnum() and uid.isascii() and uid == uid.lower()
    assert uid == wanted


def test_folder_uids_of_titles_that_look_alike_in_an_address() -> None:
    assert len({folder_uid(title) for title in ("a b", "a/b", "a-b!", "a_b", "A  b", "ab", "日本", "中国")}) == 8


@pytest.mark.parametrize(
    "one, other, wanted",
    [
        ("Jobs", "jobs!", True),
        ("a / b", "A_b", True),
        ("Jobs", "Job", False),
        ("!", "?", False),
        ("日本", "日本", True),
    ],
)
def test_same_title(one: str, other: str, wanted: bool) -> None:
    assert same_title(one, other) is wanted


def test_order_and_folder() -> None:
    """Folder, datasources, dashboards; dashboards are judged by the folder that is really used."""
    there = live(SENT, MARK, meta={"folderUid": "x", "folderTitle": "Sedna"})
    changes = compare(Desired(SEDNA, [FIELDS], [SENT]), Live([Folder("x", "Sedna")], [], {"sedna-one": there}))
    assert [(change.kind, change.action) for change in changes] == [
        ("folder", "unchanged"),
        ("datasource", "create"),
        ("dashboard", "unchanged"),
    ]
