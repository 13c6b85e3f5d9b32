"""Folders: made, listed, renamed, moved, and deleted with all that is in them."""

from __future__ import annotations

from typing import Any

from tests.stand_in.http import Answer, Request, Route, denied, page, problem, slug, wrong_uid
from tests.stand_in.state import State, titled

STALE = ("the folder has been changed by someone else", "version-mismatch")
SAME_TITLE = "a folder or dashboard in the general folder with the same name already exists"


def shown(grafana: State, request: Request, uid: str, *, made: bool = False) -> dict[str, Any]:
    """A folder as answers hold it."""
    folder = grafana.folders[uid]
    admin = request.role == "Admin"
    # 9.3 has not yet given its maker the rights to a folder when it answers that it is made.
    editor = admin or (request.role == "Editor" and not made)
    result = {
        "parentUid": "", "hasAcl": False, "canSave": editor, "canEdit": editor, "canAdmin": admin, "canDelete": editor,
        **folder, "url": f"/dashboards/f/{uid}/{slug(folder['title'])}",
    }  # fmt: skip
    parents = grafana.parents(uid) if grafana.behaviour.nested_folders else []
    if parents:
        result["parents"] = [
            {"id": parent["id"], "uid": parent["uid"], "title": parent["title"],
             "url": f"/dashboards/f/{parent['uid']}/{slug(parent['title'])}"}
            for parent in parents
        ]  # fmt: skip
    return result


def _missing(request: Request, action: str) -> Answer:
    """Only an Admin hears that a folder is not there."""
    return problem(404, "folder not found", "not-found") if request.role == "Admin" else denied(action)


def _wrong_title(title: str) -> Answer | None:
    if not title:
        return problem(400, "folder title cannot be empty")
    if title.casefold() == "general":
        return problem(400, "A folder with that name already exists")
    return None


def _list(grafana: State, request: Request) -> Answer:
    found = sorted(grafana.folders.values(), key=lambda folder: folder["title"])
    keys = ["id", "uid", "title"]
    if grafana.behaviour.nested_folders:
        parent = "".join(request.all("parentUid")[:1])
        found = [folder for folder in found if folder.get("parentUid", "") == parent]
        keys += ["parentUid"] if parent else []
    return Answer(200, [{key: folder[key] for key in keys} for folder in page(found, request)])


def _get(grafana: State, request: Request, uid: str) -> Answer:
    return Answer(200, shown(grafana, request, uid)) if uid in grafana.folders else _missing(request, "folders:read")


def _create(grafana: State, request: Request) -> Answer:
    uid, title = str(request.fields.get("uid") or ""), str(request.fields.get("title") or "").strip()
    parent = str(request.fields.get("parentUid") or "") if grafana.behaviour.nested_folders else ""
    wrong = _wrong_title(title) or wrong_uid(uid)
    if wrong:
        return wrong
    if uid in grafana.folders:
        return problem(grafana.behaviour.folder_exists, *STALE)
    if uid in grafana.dashboards:
        return problem(400, "Dashboard cannot be changed to a folder")
    if parent and parent not in grafana.folders:
        return _missing(request, "folders:read")
    if _too_deep(grafana, parent):
        return _TOO_DEEP
    if not grafana.behaviour.same_titles:
        general = [item["model"] for item in grafana.dashboards.values() if not item["folder"]]
        if titled(title, general):
            return problem(400, "Folder name cannot be the same as one of its dashboards")
        if _namesake(grafana, title, parent):
            return problem(409, SAME_TITLE)
    uid = uid or f"made-{grafana.new_id()}"
    grafana.add_folder(uid, title, parent, "Anonymous" if request.by_token else request.login)
    return Answer(200, shown(grafana, request, uid, made=True))


def _namesake(grafana: State, title: str, parent: str) -> dict[str, Any] | None:
    beside = [folder for folder in grafana.folders.values() if folder.get("parentUid", "") == parent]
    return titled(title, beside)


def _update(grafana: State, request: Request, uid: str) -> Answer:
    """A new title. An old version is refused unless ``overwrite`` is set."""
    if uid not in grafana.folders:
        return _missing(request, "folders:write")
    title, overwrite = str(request.fields.get("title") or "").strip(), bool(request.fields.get("overwrite"))
    wrong = _wrong_title(title)
    if wrong:
        return wrong
    stale = request.fields.get("version") != grafana.folders[uid]["version"]
    if stale and not overwrite and grafana.behaviour.folder_versions_checked:
        return problem(412, *STALE)
    other = _namesake(grafana, title, grafana.folders[uid].get("parentUid", ""))
    if other and other["uid"] != uid and not grafana.behaviour.same_titles:
        if not overwrite:
            return problem(409, SAME_TITLE)
        # As with dashboards: it is the namesake that is written.
        uid = other["uid"]
    grafana.folders[uid] |= {
        "title": title, "version": grafana.folders[uid]["version"] + 1, "updated": grafana.stamp(),
        "updatedBy": "Anonymous" if request.by_token else request.login,
    }  # fmt: skip
    return Answer(200, shown(grafana, request, uid))


_TOO_DEEP = Answer(400, {"message": "Maximum nested folder depth reached", "messageId": "folder.maximum-depth-reached"})


def _too_deep(grafana: State, parent: str, below: int = 1) -> bool:
    """Whether a folder with so many levels, itself counted, has no room in another."""
    above = len(grafana.parents(parent)) + 1 if parent else 0
    return above + below > grafana.behaviour.folder_depth


def _move(grafana: State, request: Request, uid: str) -> Answer:
    if not grafana.behaviour.nested_folders:
        return problem(404, "To use this service, you need to activate nested folder feature.")
    parent = str(request.fields.get("parentUid") or "")
    if uid not in grafana.folders or (parent and parent not in grafana.folders):
        return _missing(request, "folders:write")
    inside = grafana.inside(uid)
    if parent in inside:
        return Answer(400, {"message": "Circular reference detected", "messageId": "folder.circular-reference"})
    levels = max(len(grafana.parents(deeper)) for deeper in inside) - len(grafana.parents(uid)) + 1
    if _too_deep(grafana, parent, levels):
        return _TOO_DEEP
    grafana.folders[uid] |= {"parentUid": parent, "updated": grafana.stamp()}
    return Answer(200, shown(grafana, request, uid))


def _delete(grafana: State, request: Request, uid: str) -> Answer:
    """Its dashboards go with it, in silence. Alert rules hold it back, unless forced."""
    if uid not in grafana.folders:
        return _missing(request, "folders:delete")
    inside = grafana.inside(uid)
    rules = [rule for rule in grafana.rules.values() if rule["folderUID"] in inside]
    if rules and request.all("forceDeleteRules") != ["true"]:
        return problem(400, "folder cannot be deleted: folder contains alert rules")
    grafana.remove_folder(uid)
    return Answer(200, b"")


def _counts(grafana: State, request: Request, uid: str) -> Answer:
    if not grafana.behaviour.folder_counts:
        return problem(404, "Not found")
    if uid not in grafana.folders:
        return _missing(request, "folders:read")
    inside = grafana.inside(uid)
    counts = {
        "folder": len(inside) - 1,
        "dashboard": sum(item["folder"] in inside for item in grafana.dashboards.values()),
        "librarypanel": sum(item["folderUid"] in inside for item in grafana.elements.values()),
        "alertrule": sum(item["folderUID"] in inside for item in grafana.rules.values()),
    }
    return Answer(200, counts)


ROUTES = [
    Route("GET", "/api/folders", _list),
    Route("POST", "/api/folders", _create, "folders:create"),
    Route("GET", "/api/folders/([^/]+)", _get),
    Route("PUT", "/api/folders/([^/]+)", _update, "folders:write"),
    Route("DELETE", "/api/folders/([^/]+)", _delete, "folders:delete"),
    Route("POST", "/api/folders/([^/]+)/move", _move, "folders:write"),
    Route("GET", "/api/folders/([^/]+)/counts", _counts),
]
