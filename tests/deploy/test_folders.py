"""Which folder the dashboards go to."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sedna_dash.deploy.folders import checked_path, folder_uid, plan_folders
from sedna_dash.deploy.record import Record
from sedna_dash.deploy.resources import Folder
from sedna_dash.errors import SettingsError

HOME = Folder("sedna", "Sedna", "", 3)


def recorded(home: Folder = HOME, *made: str) -> Record:
    return Record("sedna", home, made)


def planned(
    path: Sequence[str], folders: Sequence[Folder], record: Record | None = None, *, nests: bool = False
) -> tuple[list[tuple[str, str, str, str]], str]:
    changes, home = plan_folders(path, folders, record, nests=nests)
    return [(change.action, change.uid, change.title, change.folder) for change in changes], home.uid


@pytest.mark.parametrize(
    "folders, wanted",
    [
        ([], None),
        ([Folder("x", "Other")], None),
        ([Folder("x", "Sedna")], "x"),
        # Somebody renamed it: it is still ours.
        ([Folder("sedna", "Renamed")], "sedna"),
        ([Folder("sedna", "Renamed"), Folder("x", "Sedna")], "x"),
        ([Folder("x", "Sedna", "inside")], None),
    ],
)
def test_a_folder_of_that_title(folders: list[Folder], wanted: str | None) -> None:
    (change,), home = planned(["Sedna"], folders)
    assert change[:2] == (("unchanged", wanted) if wanted else ("create", "sedna"))
    assert home == (wanted or "sedna")


RECORDED: list[tuple[str, str, list[Folder], Record, tuple[str, str, str]]] = [
    # what, the title that is wanted, the folders there are, the record, (action, uid, title)
    ("as it was", "Sedna", [HOME], recorded(HOME, "sedna"), ("unchanged", "sedna", "Sedna")),
    ("we renamed it", "Edge", [HOME], recorded(HOME, "sedna"), ("update", "sedna", "Edge")),
    ("somebody made it, and we want another", "Edge", [HOME], recorded(HOME), ("create", "edge", "Edge")),
    ("somebody renamed it", "Sedna", [Folder("sedna", "Mine")], recorded(HOME, "sedna"),
     ("unchanged", "sedna", "Mine")),
    ("somebody and we renamed it", "Edge", [Folder("sedna", "Mine")], recorded(HOME, "sedna"),
     ("conflict", "sedna", "Mine")),
    ("it is gone", "Sedna", [], recorded(HOME, "sedna"), ("create", "sedna", "Sedna")),
    ("there is one of the new title", "Edge", [HOME, Folder("e", "Edge")], recorded(HOME, "sedna"),
     ("unchanged", "e", "Edge")),
    ("two of the title, and one is ours", "Sedna", [Folder("a", "Sedna"), Folder("z", "Sedna")],
     recorded(Folder("z", "Sedna"), "z"), ("unchanged", "z", "Sedna")),
]  # fmt: skip


@pytest.mark.parametrize("title, folders, record, wanted", [case[1:] for case in RECORDED],
                         ids=[case[0] for case in RECORDED])  # fmt: skip
def test_a_folder_that_we_used_before(
    title: str, folders: list[Folder], record: Record, wanted: tuple[str, str, str]
) -> None:
    (change,), home = planned([title], folders, record)
    assert change[:3] == wanted
    assert home == wanted[1]


def test_a_rename_names_what_it_saw() -> None:
    (change,), home = plan_folders(["Edge"], [HOME], recorded(HOME, "sedna"), nests=False)
    assert change.seen is not None and (change.seen.version, change.seen.checksum) == (3, "/Sedna")
    assert change.reason == "renamed from 'Sedna'" and home == Folder("sedna", "Edge", "", 3)


INNER = Folder("edge-sedna", "Sedna", "edge", 2)
NESTED: list[tuple[str, list[Folder], Record | None, list[tuple[str, str, str, str]]]] = [
    ("nothing is there", [], None, [("create", "edge", "Edge", ""), ("create", "edge-sedna", "Sedna", "edge")]),
    ("the outer one is there", [Folder("e", "Edge")], None,
     [("unchanged", "e", "Edge", ""), ("create", "edge-sedna", "Sedna", "e")]),
    ("both are there", [Folder("edge", "Edge"), INNER], None,
     [("unchanged", "edge", "Edge", ""), ("unchanged", "edge-sedna", "Sedna", "edge")]),
    ("one of the title is elsewhere", [Folder("edge", "Edge"), Folder("x", "Sedna")], None,
     [("unchanged", "edge", "Edge", ""), ("create", "edge-sedna", "Sedna", "edge")]),
    ("it was at the top", [Folder("edge", "Edge"), HOME], recorded(HOME, "sedna"),
     [("unchanged", "edge", "Edge", ""), ("move", "sedna", "Sedna", "edge")]),
    ("it was at the top, and is somebody's", [Folder("edge", "Edge"), HOME], recorded(HOME),
     [("unchanged", "edge", "Edge", ""), ("create", "edge-sedna", "Sedna", "edge")]),
    ("somebody moved it", [Folder("edge", "Edge"), Folder("edge-sedna", "Sedna", "x")], recorded(INNER, "edge-sedna"),
     [("unchanged", "edge", "Edge", ""), ("unchanged", "edge-sedna", "Sedna", "x")]),
]  # fmt: skip


@pytest.mark.parametrize("folders, record, wanted", [case[1:] for case in NESTED], ids=[case[0] for case in NESTED])
def test_folders_in_folders(
    folders: list[Folder], record: Record | None, wanted: list[tuple[str, str, str, str]]
) -> None:
    changes, home = planned(["Edge", "Sedna"], folders, record, nests=True)
    assert changes == wanted
    assert home == wanted[-1][1]


def test_a_folder_that_is_moved_and_renamed() -> None:
    changes, home = plan_folders(["Edge", "Jobs"], [Folder("edge", "Edge"), HOME], recorded(HOME, "sedna"), nests=True)
    assert [(change.action, change.title, change.reason) for change in changes] == [
        ("unchanged", "Edge", ""),
        ("move", "Jobs", "from 'Sedna'"),
    ]
    assert home == Folder("sedna", "Jobs", "edge", 3)


def test_where_folders_do_not_nest_one_has_all_titles() -> None:
    changes, home = plan_folders(["Edge", "Site 7", "Sedna"], [], None, nests=False)
    assert [(change.action, change.title) for change in changes] == [("create", "Edge / Site 7 / Sedna")]
    assert "no folders in folders" in changes[0].reason and home.title == "Edge / Site 7 / Sedna"
    again, _ = plan_folders(["Edge", "Site 7", "Sedna"], [home], None, nests=False)
    assert [change.action for change in again] == ["unchanged"]


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


def test_a_folder_keeps_clear_of_the_uids_of_dashboards() -> None:
    """Grafana up to 11 keeps both in one table."""
    changes, home = plan_folders(["Sedna"], [], None, nests=False, taken=["sedna"])
    assert changes[0].uid == home.uid and home.uid.startswith("sedna-")


def test_titles_are_trimmed() -> None:
    assert checked_path([" Edge ", "Sedna"]) == ("Edge", "Sedna")


@pytest.mark.parametrize(
    "path",
    [[], [""], ["  "], ["General"], ["gEnErAl"], ["a\x1b[31mb"], ["a\nb"], ["a\u202eb"], ["a\u200bb"], ["\udcff"],
     ["x" * 190], ["Edge", ""], ["Edge", "a\tb"], ["a\u2028b"]],
)  # fmt: skip
def test_impossible_titles(path: list[str]) -> None:
    with pytest.raises(SettingsError, match="--folder"):
        checked_path(path)
