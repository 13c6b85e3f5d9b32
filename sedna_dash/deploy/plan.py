"""What to do: compare what should be with what is. Pure: data in, data out.

A thing that equals what we want is left as it is. A thing that differs is updated only when we can explain it, that
is, when it is still what we made of it; otherwise it is a conflict, and a person decides.

A dashboard is explained when the newest version in its history carries our mark and the dashboard is still what the
mark describes (see `marks`). Then the mark also says whether what we would send is what we sent, which finds removed
settings too. A dashboard that somebody else saved last is compared with what we want instead: when all of that is in
it, nothing is to be done, whatever it has besides; else it is a conflict.

Datasources work alike, with the mark in ``jsonData``. A datasource that Grafana reads from a file is used as it is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sedna_dash.deploy.marks import (
    DATASOURCE_MARK,
    canonical,
    checksum,
    comparable,
    contains,
    datasource_contains,
    describes,
    is_marked_datasource,
    marked_datasource,
    read_mark,
)

Action = Literal["create", "update", "unchanged", "conflict"]
Kind = Literal["folder", "datasource", "dashboard"]
Model = Mapping[str, Any]


@dataclass(frozen=True)
class Folder:
    """A folder, wanted or found."""

    uid: str
    title: str


@dataclass(frozen=True)
class Version:
    """One entry of a dashboard's history."""

    number: int
    message: str = ""
    by: str = ""
    when: str = ""

    def __str__(self) -> str:
        said = "" if read_mark(self.message) or not self.message else f" ('{self.message}')"
        return f"version {self.number} by {self.by or 'somebody'} at {self.when or 'an unknown time'}{said}"


@dataclass(frozen=True)
class LiveDashboard:
    """A dashboard in Grafana, with its history, newest first."""

    model: Model
    meta: Model = field(default_factory=dict)
    history: Sequence[Version] = ()

    @property
    def version(self) -> int:
        return int(self.model.get("version") or self.meta.get("version") or 0)


@dataclass(frozen=True)
class Desired:
    """What Grafana should hold."""

    folder: Folder
    datasources: Sequence[Model] = ()
    dashboards: Sequence[Model] = ()


@dataclass(frozen=True)
class Live:
    """What Grafana holds, as far as it concerns us."""

    folders: Sequence[Folder] = ()
    datasources: Sequence[Model] = ()
    #: Those that have a uid of ours.
    dashboards: Mapping[str, LiveDashboard] = field(default_factory=dict)
    #: Every dashboard of our folder: uid to title.
    titles: Mapping[str, str] = field(default_factory=dict)
    #: The server may bring dashboards into a newer form than they were sent in.
    rewrites: bool = False


@dataclass(frozen=True)
class Change:
    """What is to be done about one thing, and why."""

    action: Action
    kind: Kind
    uid: str
    title: str
    reason: str = ""
    #: What is to be sent, for create and update.
    body: Model = field(default_factory=dict, repr=False)
    #: What Grafana must still have when it takes the update.
    version: int | None = None


def compare(desired: Desired, live: Live) -> list[Change]:
    """What is to be done, in the order to do it in: folder, datasources, dashboards."""
    folder = chosen_folder(desired.folder, live.folders)
    return [
        _compare_folder(desired.folder, live.folders),
        *(compare_datasource(wanted, live.datasources) for wanted in desired.datasources),
        *(
            compare_dashboard(
                wanted,
                live.dashboards.get(str(wanted["uid"])),
                folder=folder or desired.folder,
                titles=live.titles,
                rewrites=live.rewrites,
            )
            for wanted in desired.dashboards
        ),
    ]


def folder_uid(title: str, taken: Sequence[str] = ()) -> str:
    """The uid of a folder that we create: the title as it would be in an address.

    Titles that lose something on the way, and titles whose uid a dashboard has (``taken``; Grafana up to 11 keeps
    both in one table), get a checksum behind it.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    if slug == title.lower().replace(" ", "-") and len(slug) <= 40 and slug not in taken:
        return slug
    digest = hashlib.sha256(title.encode()).hexdigest()[:8]
    return f"{slug[:31].strip('-')}-{digest}" if slug else f"folder-{digest}"


def chosen_folder(wanted: Folder, folders: Sequence[Folder]) -> Folder | None:
    """The folder to use, if there is one: of that title, or else the one that we made and somebody renamed."""
    same_title = [folder for folder in folders if folder.title == wanted.title]
    same_uid = [folder for folder in folders if folder.uid == wanted.uid]
    both = [folder for folder in same_title if folder.uid == wanted.uid]
    return next(iter([*both, *same_title, *same_uid]), None)


def _compare_folder(wanted: Folder, folders: Sequence[Folder]) -> Change:
    found = chosen_folder(wanted, folders)
    if found is None:
        return Change("create", "folder", wanted.uid, wanted.title)
    renamed = found.title != wanted.title
    return Change("unchanged", "folder", found.uid, found.title, f"was '{wanted.title}' once" if renamed else "")


def compare_datasource(wanted: Model, datasources: Sequence[Model]) -> Change:
    """What to do about one datasource of ours."""
    uid, name = str(wanted["uid"]), str(wanted["name"])

    def change(action: Action, reason: str = "", **more: Any) -> Change:
        return Change(action, "datasource", uid, name, reason, **more)

    marked = marked_datasource(wanted)
    live = next((source for source in datasources if source.get("uid") == uid), None)
    namesake = next((item for item in datasources if item.get("name") == name and item.get("uid") != uid), None)
    if live is None and namesake is None:
        return change("create", body=marked)
    flag = f"--{wanted['type']}-uid"
    if namesake is not None and (live is None or live.get("name") != name):
        other = namesake.get("uid")
        return change(
            "conflict",
            f"another datasource (uid {other}) has this name; use it with {flag} {other}, or rename it there",
        )
    assert live is not None
    if live.get("type") != wanted["type"]:
        return change(
            "conflict",
            f"uid {uid} is a {live.get('type')} datasource there; delete it there, or name another with {flag}",
        )
    if live.get("readOnly"):
        return change("unchanged", "provisioned from a file; used as it is")
    if is_marked_datasource(live):
        if live["jsonData"][DATASOURCE_MARK] == marked["jsonData"][DATASOURCE_MARK]:
            return change("unchanged")
        return change("update", body=_updated(live, marked), version=live.get("version"))
    if datasource_contains(live, wanted):
        return change("unchanged")
    return change(
        "conflict",
        "changed or made by somebody else, and differs from what we want; "
        f"use it as it is with {flag} {uid}, or delete it there to have it written anew",
    )


def _updated(live: Model, marked: Model) -> dict[str, Any]:
    """All of the live datasource with our fields over it: Grafana resets what a PUT leaves out, but for secrets."""
    dropped = ("id", "orgId", "typeName", "typeLogoUrl", "readOnly", "secureJsonFields", "version", "accessControl")
    return {**{key: value for key, value in live.items() if key not in dropped}, **marked}


def compare_dashboard(
    wanted: Model, live: LiveDashboard | None, *, folder: Folder, titles: Mapping[str, str], rewrites: bool
) -> Change:
    """What to do about one dashboard."""
    uid, title = str(wanted["uid"]), str(wanted["title"])

    def change(action: Action, reason: str = "", **more: Any) -> Change:
        return Change(action, "dashboard", uid, title, reason, **more)

    namesake = next((other for other, name in titles.items() if other != uid and same_title(name, title)), None)
    clash = (
        f"folder '{folder.title}' has another dashboard called '{titles[namesake]}' (uid {namesake}); "
        "rename or delete that one in Grafana"
        if namesake
        else ""
    )
    if live is None:
        return change("conflict", clash) if clash else change("create", body=wanted)
    obstacle = _obstacle(live, folder)
    if obstacle:
        return change("conflict", obstacle)
    newest = live.history[0] if live.history else None
    mark = read_mark(newest.message) if newest else None
    if newest and mark and newest.number == live.version and describes(mark, live.model, rewrites=rewrites):
        if mark.checksum == checksum(canonical(wanted)):
            return change("unchanged")
        if clash and not same_title(str(live.model.get("title")), title):
            return change("conflict", clash)
        return change("update", body=wanted, version=live.version)
    if contains(comparable(live.model), comparable(wanted)):
        return change("unchanged", f"last saved by somebody else: {newest}" if newest else "")
    return change("conflict", _unexplained(live))


def same_title(one: str, other: str) -> bool:
    """Whether Grafana 9 takes both for the same title: it compares them without case and punctuation."""
    return _address(one) == _address(other)


def _address(title: str) -> str:
    return re.sub(r"[\W_]+", "-", title.casefold()).strip("-") or title


def _obstacle(live: LiveDashboard, folder: Folder) -> str:
    """Why this dashboard is not ours to touch, whatever is in it; empty when nothing speaks against it."""
    meta = live.meta
    if meta.get("isFolder"):
        return "this uid belongs to a folder there; delete or rename the folder, or give the dashboard another uid"
    if meta.get("provisioned"):
        source = f" ({meta['provisionedExternalId']})" if meta.get("provisionedExternalId") else ""
        return (
            f"provisioned from a file{source}, which only the file can change; "
            "change the file, or take it out of Grafana's provisioning folder and deploy again"
        )
    if "elements" in live.model or "layout" in live.model:
        return "somebody saved it in the new dashboard format; delete it there to have it written anew"
    if str(meta.get("folderUid") or "") != folder.uid:
        if not any(read_mark(version.message) for version in live.history):
            return _unexplained(live)
        where = meta.get("folderTitle") or "General"
        return f"it is in the folder '{where}', and deploy does not move dashboards; move it to '{folder.title}' there"
    return ""


def _unexplained(live: LiveDashboard) -> str:
    ours = next((version for version in live.history if read_mark(version.message)), None)
    newest = live.history[0] if live.history else Version(live.version)
    if ours is None:
        return (
            f"exists and was not made by sedna-dash: {newest}; "
            "save it there under another title and delete this one, or give the dashboard module another uid"
        )
    if newest is ours:
        what = f"differs from what sedna-dash saved as {newest}, though its history shows no change"
    else:
        what = f"changed since our version {ours.number}: {newest}"
    return (
        f"{what}; bring the change into the dashboard module, "
        "or delete the dashboard there to have it written anew (save it under another title first to keep it)"
    )
