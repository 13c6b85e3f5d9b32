"""Dashboards: saved, read, restored, imported, deleted."""

from __future__ import annotations

import copy
import json
from typing import Any

from tests.stand_in.http import Answer, Request, Route, denied, problem, slug, wrong_uid
from tests.stand_in.state import State, titled

CHANGED = ("The dashboard has been changed by someone else", "version-mismatch")
MISSING = "Dashboard not found"
NEWEST_SCHEMA = 42
#: What later versions add to a dashboard that lacks it.
DEFAULTS: dict[str, Any] = {"preload": False, "graphTooltip": 0, "links": []}


def _get(grafana: State, request: Request, uid: str) -> Answer:
    if uid in grafana.folders:
        return _folder_as_dashboard(grafana, request, uid)
    if uid not in grafana.dashboards:
        return problem(404, MISSING)
    found = grafana.dashboards[uid]
    model = found["model"]
    if request.all("apiVersion") and "classic" in found:
        model = found["classic"]
    folder = grafana.folders.get(found["folder"])
    newest, oldest = found["history"][0], found["history"][-1]
    where = {"folderId": 0, "folderUid": "", "folderTitle": "General", "folderUrl": ""}
    if folder:
        url = f"/dashboards/f/{folder['uid']}/{slug(folder['title'])}"
        where = {"folderId": folder["id"], "folderUid": folder["uid"], "folderTitle": folder["title"], "folderUrl": url}
    meta = {
        **_rights(request), **where, "type": "db", "isFolder": False, "slug": slug(model["title"]),
        "url": f"/d/{uid}/{slug(model['title'])}", "version": model["version"], "hasAcl": False,
        "created": oldest["created"], "createdBy": _named(oldest["createdBy"]),
        "updated": newest["created"], "updatedBy": _named(newest["createdBy"]),
        "provisioned": bool(found["provisioned"]), "provisionedExternalId": found["provisioned"],
    }  # fmt: skip
    return Answer(200, {"dashboard": model, "meta": meta})


def _named(login: str) -> str:
    """A service account has no name here, only in the list of versions."""
    return "Anonymous" if login.startswith("sa-") else login


def _rights(request: Request) -> dict[str, bool]:
    editor = request.role != "Viewer"
    return {"canSave": editor, "canEdit": editor, "canDelete": editor, "canAdmin": request.role == "Admin",
            "canStar": True}  # fmt: skip


def _folder_as_dashboard(grafana: State, request: Request, uid: str) -> Answer:
    """Grafana keeps folders among the dashboards, and answers so."""
    folder = grafana.folders[uid]
    model = {"id": folder["id"], "uid": uid, "title": folder["title"], "version": folder["version"],
             "schemaVersion": 17}  # fmt: skip
    meta = {
        **_rights(request), "type": "db", "isFolder": True, "folderId": 0, "folderUid": "", "folderTitle": "General",
        "folderUrl": "", "slug": slug(folder["title"]), "url": f"/dashboards/f/{uid}/{slug(folder['title'])}",
        "version": folder["version"], "hasAcl": False, "createdBy": folder.get("createdBy", ""),
        "updatedBy": folder.get("updatedBy", ""), "provisioned": False, "provisionedExternalId": "",
    }  # fmt: skip
    return Answer(200, {"dashboard": model, "meta": meta})


def _save(grafana: State, request: Request) -> Answer:
    if request.role == "Viewer":
        return denied("any of dashboards:create, dashboards:write")
    if "dashboard" not in request.fields:
        return problem(400, "bad request data")
    return save(grafana, request, request.fields["dashboard"])


def save(grafana: State, request: Request, model: dict[str, Any]) -> Answer:
    """What is refused, in Grafana's order, then the save."""
    behaviour = grafana.behaviour
    model = copy.deepcopy(model)
    uid, title = str(model.get("uid") or ""), str(model.get("title") or "")
    folder, message = str(request.fields.get("folderUid") or ""), str(request.fields.get("message") or "")
    overwrite = bool(request.fields.get("overwrite"))
    found = grafana.dashboards.get(uid)
    if folder and folder not in grafana.folders:
        return problem(400, "Folder not found")
    if not title.strip():
        return problem(400, "Dashboard title cannot be empty", "empty-name")
    if behaviour.long_texts_refused and len(title) > 5000:
        return problem(400, "Dashboard title cannot contain more than 5000 characters", "title-too-long")
    if behaviour.long_texts_refused and len(message) > 500:
        return problem(400, "message too long, max 500 characters")
    wrong = wrong_uid(uid)
    if wrong:
        return wrong
    if model.get("id") and model["id"] not in {item["id"] for item in grafana.dashboards.values()}:
        return problem(404, MISSING, "not-found")
    if uid in grafana.folders:
        return problem(400, "Dashboard cannot be changed to a folder")
    if found and found["provisioned"]:
        return problem(400, "Cannot save provisioned dashboard")
    if found and not overwrite and model.get("version") != found["model"]["version"]:
        return problem(behaviour.dashboard_conflict, *CHANGED)
    if not behaviour.same_titles:
        if titled(title, grafana.folders.values()):
            return problem(400, "Dashboard name cannot be the same as folder", "name-match")
        beside = [item["model"] for item in grafana.dashboards.values() if item["folder"] == folder and item != found]
        other = titled(title, beside)
        if other and not overwrite:
            return problem(412, "A dashboard with the same name in the folder already exists", "name-exists")
        if other:
            # Nobody asked for this: the dashboard of that title is replaced, and keeps its uid.
            uid, found = other["uid"], grafana.dashboards[other["uid"]]
            model["uid"] = uid
    if behaviour.rewrites_dashboards:
        model = _rewritten(model)
    uid = uid or f"made-{grafana.new_id()}"
    if found is None:
        found = grafana.dashboards[uid] = {"id": grafana.new_id(), "history": [], "provisioned": ""}
    found["folder"] = folder
    grafana.add_version(found, {**model, "uid": uid}, request.login, message)
    return _receipt(grafana, uid)


def _rewritten(model: dict[str, Any]) -> dict[str, Any]:
    version = max(NEWEST_SCHEMA, int(model.get("schemaVersion") or 0))
    whole: dict[str, Any] = _without_nulls({**DEFAULTS, **model, "schemaVersion": version})
    return whole


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _receipt(grafana: State, uid: str) -> Answer:
    found = grafana.dashboards[uid]
    name = slug(found["model"]["title"])
    where = {"folderUid": found["folder"]} if grafana.behaviour.nested_folders else {}
    return Answer(
        200,
        {"id": found["id"], "slug": name, "status": "success", "uid": uid, "url": f"/d/{uid}/{name}",
         "version": found["model"]["version"], **where},
    )  # fmt: skip


def _delete(grafana: State, request: Request, uid: str) -> Answer:
    if uid not in grafana.dashboards:
        return problem(404, MISSING)
    if grafana.dashboards[uid]["provisioned"]:
        return problem(400, "provisioned dashboard cannot be deleted")
    found = grafana.dashboards.pop(uid)
    title = found["model"]["title"]
    return Answer(200, {"id": found["id"], "message": f"Dashboard {title} deleted", "title": title})


def _list_versions(grafana: State, request: Request, uid: str) -> Answer:
    if uid not in grafana.dashboards:
        return problem(400, "failed to get dashboard by UID")
    found = grafana.dashboards[uid]
    start = request.number("start", 0)
    entries = []
    for entry in found["history"][start : start + request.number("limit", 1000)]:
        shown = {key: value for key, value in entry.items() if key != "data"}
        # The list says so of every first version, whatever it was saved with.
        shown["message"] = entry["message"] if entry["parentVersion"] else "Initial save"
        entries.append({**shown, "dashboardId": found["id"], "dashboardUid": ""})
    return Answer(200, {"continueToken": "", "versions": entries} if grafana.behaviour.versions_in_object else entries)


def _get_version(grafana: State, request: Request, uid: str, number: str) -> Answer:
    if uid not in grafana.dashboards:
        return problem(400, "failed to get dashboard by UID")
    found = grafana.dashboards[uid]
    for entry in found["history"]:
        if entry["version"] == int(number):
            return Answer(200, {**entry, "uid": uid, "dashboardId": found["id"]})
    return problem(500, f"Dashboard version {number} not found for dashboardId {found['id']}")


def _restore(grafana: State, request: Request, uid: str) -> Answer:
    if uid not in grafana.dashboards:
        return problem(404, MISSING)
    number, found = request.fields.get("version"), grafana.dashboards[uid]
    for entry in found["history"]:
        if entry["version"] == number:
            grafana.add_version(found, entry["data"], request.login, f"Restored from version {number}")
            return _receipt(grafana, uid)
    return problem(404, "Dashboard version not found")


def _import(grafana: State, request: Request) -> Answer:
    """As saving, but `__inputs` are asked for and put in place."""
    model, given = request.fields["dashboard"], {item["name"]: item for item in request.fields.get("inputs", [])}
    text = json.dumps({key: value for key, value in model.items() if not key.startswith("__")})
    for wanted in model.get("__inputs", []):
        if wanted["name"] not in given:
            return problem(500, "Failed to save dashboard")
        text = text.replace(f"${{{wanted['name']}}}", given[wanted["name"]]["value"])
    answer = save(grafana, request, json.loads(text))
    if answer.status != 200:
        return answer
    saved = answer.body
    name, folder = saved["slug"], grafana.dashboards[saved["uid"]]["folder"]
    return Answer(
        200,
        {"uid": saved["uid"], "title": model["title"], "slug": name, "imported": True, "importedUri": f"db/{name}",
         "importedUrl": saved["url"], "folderUid": folder, "folderId": grafana.folders.get(folder, {"id": 0})["id"],
         "dashboardId": saved["id"], "importedRevision": 1, "revision": 1, "description": "", "path": "",
         "pluginId": "", "removed": False},
    )  # fmt: skip


_ONE = "/api/dashboards/uid/([^/]+)"
ROUTES = [
    Route("POST", "/api/dashboards/db", _save),
    Route("POST", "/api/dashboards/import", _import, "dashboards:create"),
    Route("GET", _ONE, _get, "dashboards:read"),
    Route("DELETE", _ONE, _delete, "dashboards:delete"),
    Route("GET", f"{_ONE}/versions", _list_versions, "dashboards:write"),
    Route("GET", f"{_ONE}/versions/([0-9]+)", _get_version, "dashboards:write"),
    Route("POST", f"{_ONE}/restore", _restore, "dashboards:write"),
]
