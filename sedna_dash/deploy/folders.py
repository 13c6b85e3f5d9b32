"""Which folder the dashboards go to, and what is to be done for it. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from sedna_dash.deploy.changes import Change, Seen
from sedna_dash.deploy.marks import OWNED_TAG
from sedna_dash.deploy.record import Record
from sedna_dash.deploy.resources import Folder, Hit
from sedna_dash.errors import SettingsError
from sedna_dash.render.folder_uids import folder_uid

#: Between the titles of a path, where a server has no folders in folders.
FLAT = " / "


def checked_path(titles: Sequence[str]) -> tuple[str, ...]:
    """A folder's titles, from the outside in. Raises `SettingsError` for what Grafana refuses or what hides things."""
    if not titles:
        raise SettingsError("--folder is empty; give the folder's title")
    return tuple(map(_checked_title, titles))


def _checked_title(title: str) -> str:
    title = title.strip()
    if not title:
        raise SettingsError("--folder is empty; give the folder's title")
    if title.casefold() == "general":
        raise SettingsError("--folder General: that is where Grafana keeps what has no folder; give another title")
    # Cc controls the terminal, Cs is half a character. Cf holds the marks that turn text around, Zl and Zp end lines.
    if any(unicodedata.category(mark) in ("Cc", "Cs", "Cf", "Zl", "Zp") for mark in title):
        raise SettingsError("--folder holds characters that cannot be seen; type the title anew")
    if len(title) > 189:  # the column's width in Grafana's MySQL database
        raise SettingsError("--folder is longer than 189 characters; shorten it")
    return title


def plan_folders(
    path: Sequence[str], folders: Sequence[Folder], record: Record | None, *, nests: bool, taken: Sequence[str] = ()
) -> tuple[list[Change], Folder]:
    """What to do for the folder of these titles, and the folder that dashboards go to.

    A folder that we made and that is now to have another title is renamed; one that somebody else renamed stays.
    """
    flat = len(path) > 1 and not nests
    titles = [FLAT.join(path)] if flat else list(path)
    changes: list[Change] = []
    parent = Folder("", "")
    for depth, title in enumerate(titles):
        innermost = depth == len(titles) - 1
        change, parent = _level(title, parent, folders, record if innermost else None, titles[: depth + 1], taken)
        changes.append(change)
    if flat:
        said = "this Grafana has no folders in folders, so one folder has all titles"
        changes = [replace(change, reason=change.reason or said) for change in changes]
    return changes, parent


def folder_of_ours(
    path: Sequence[str], changes: Sequence[Change], home: Folder, record: Record | None, *, nests: bool
) -> Folder:
    """The folder as we made or left it, which is what the next run compares with: never as somebody else renamed it."""
    title = path[-1] if nests else FLAT.join(path)
    parent = changes[-2].uid if len(changes) > 1 else ""
    if (home.title, home.parent) == (title, parent):
        return home
    return record.folder if record and record.folder.uid == home.uid else Folder(home.uid, title, parent)


def seems_ours(home: Folder, path: Sequence[str], hits: Sequence[Hit], *, nests: bool, taken: Sequence[str]) -> bool:
    """Whether we made the folder, as far as can be told without a record, such as after a run that was cut off before
    it wrote one: it has the uid that we give, and nothing in it is anybody else's."""
    titles = path if nests else [FLAT.join(path)]
    inside = [hit for hit in hits if hit.folder == home.uid]
    return home.uid == folder_uid("-".join(titles), taken) and all(OWNED_TAG in hit.tags for hit in inside)


def _level(
    title: str,
    parent: Folder,
    folders: Sequence[Folder],
    record: Record | None,
    path: Sequence[str],
    taken: Sequence[str],
) -> tuple[Change, Folder]:
    uid = folder_uid("-".join(path), taken)
    same = [folder for folder in folders if folder.title == title and folder.parent == parent.uid]
    home = next((folder for folder in folders if record and folder.uid == record.folder.uid), None)
    found = next(iter([*(item for item in same if home and item.uid == home.uid), *same]), None)
    if found is not None:
        return _unchanged(found), found
    if home is not None and record is not None and home.uid in record.made:
        return _changed(home, Folder(home.uid, title, parent.uid, home.version), record.folder)
    renamed = next((folder for folder in folders if folder.uid == uid and folder.parent == parent.uid), None)
    if renamed is not None:
        return _unchanged(renamed, f"was '{title}' once"), renamed
    wanted = Folder(uid, title, parent.uid)
    return Change("create", "folder", uid, title, folder=parent.uid), wanted


def _changed(home: Folder, wanted: Folder, recorded: Folder) -> tuple[Change, Folder]:
    """The folder that we made, when there is none at the wanted place."""
    if (wanted.title, wanted.parent) == (recorded.title, recorded.parent):
        was = f"was '{wanted.title}' once" if home.title != wanted.title else "was moved by somebody"
        return _unchanged(home, was), home
    if (home.title, home.parent) != (recorded.title, recorded.parent):
        reason = (
            f"somebody made '{home.title}' of it; rename it to '{wanted.title}' in Grafana, or name it with --folder"
        )
        return Change("conflict", "folder", home.uid, home.title, reason), home
    seen = Seen(home.version, home.place)
    if home.parent != wanted.parent:
        reason = f"from '{home.title}'" if home.title != wanted.title else ""
        return Change("move", "folder", home.uid, wanted.title, reason, folder=wanted.parent, seen=seen), wanted
    return (
        Change(
            "update", "folder", home.uid, wanted.title, f"renamed from '{home.title}'", folder=home.parent, seen=seen
        ),
        wanted,
    )


def _unchanged(folder: Folder, reason: str = "") -> Change:
    return Change("unchanged", "folder", folder.uid, folder.title, reason, folder=folder.parent)
