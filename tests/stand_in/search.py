"""Search for dashboards and folders, and the library's elements."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.stand_in.http import Answer, Request, Route, page, problem, slug
from tests.stand_in.state import State


def _search(grafana: State, request: Request) -> Answer:
    if request.number("limit", 1000) > 5000:
        return problem(422, "Limit is above maximum allowed (5000), use page parameter to access hits beyond limit")
    kinds = request.all("type")
    hits = [*_folders(grafana, request)] if "dash-db" not in kinds else []
    hits += [*_dashboards(grafana, request)] if "dash-folder" not in kinds else []
    wanted, tags = "".join(request.all("query")).lower(), set(request.all("tag"))
    uids = request.all("dashboardUIDs")
    found = [
        hit
        for hit in hits
        if wanted in hit["title"].lower() and tags <= set(hit["tags"]) and (not uids or hit["uid"] in uids)
    ]
    return Answer(200, page(found, request))


def _folders(grafana: State, request: Request) -> Iterable[dict[str, Any]]:
    for folder in sorted(grafana.folders.values(), key=lambda folder: folder["title"]):
        name = slug(folder["title"])
        yield {"id": folder["id"], "uid": folder["uid"], "title": folder["title"], "uri": f"db/{name}", "slug": "",
               "url": f"/dashboards/f/{folder['uid']}/{name}", "type": "dash-folder", "tags": [], "isStarred": False,
               "sortMeta": 0}  # fmt: skip


def _dashboards(grafana: State, request: Request) -> Iterable[dict[str, Any]]:
    numbers = {int(number) for text in request.all("folderIds") for number in text.split(",")}
    # 9.3 does not know folderUIDs, and so finds the dashboards of every folder.
    named = {uid for text in request.all("folderUIDs") for uid in text.split(",")}
    uids = named if grafana.behaviour.search_by_folder_uid else set()
    for uid, found in sorted(grafana.dashboards.items(), key=lambda item: item[1]["model"]["title"]):
        folder = grafana.folders.get(found["folder"])
        if numbers and (folder["id"] if folder else 0) not in numbers:
            continue
        if uids and (found["folder"] or "general") not in uids:
            continue
        name, where = slug(found["model"]["title"]), {}
        if folder:
            url = f"/dashboards/f/{folder['uid']}/{slug(folder['title'])}"
            where = {"folderId": folder["id"], "folderUid": folder["uid"], "folderTitle": folder["title"],
                     "folderUrl": url}  # fmt: skip
        yield {"id": found["id"], "uid": uid, "title": found["model"]["title"], "uri": f"db/{name}", "slug": "",
               "url": f"/d/{uid}/{name}", "type": "dash-db", "tags": sorted(found["model"].get("tags") or []),
               "isStarred": False, "sortMeta": 0, **where}  # fmt: skip


def _element(grafana: State, element: dict[str, Any]) -> dict[str, Any]:
    folder = grafana.folders.get(element["folderUid"], {"id": 0, "title": "General"})
    by = {"name": element["by"]}
    meta = {"folderName": folder["title"], "folderUid": element["folderUid"], "connectedDashboards": 0,
            "createdBy": by, "updatedBy": by}  # fmt: skip
    model = {"description": "", **element["model"]}
    return {
        "id": element["id"], "uid": element["uid"], "name": element["name"], "orgId": 1, "kind": 1, "version": 1,
        "description": "", "type": model.get("type", ""), "model": model, "folderUid": element["folderUid"],
        "folderId": folder["id"], "meta": meta,
    }  # fmt: skip


def _list_elements(grafana: State, request: Request) -> Answer:
    words = "".join(request.all("searchString")).lower()
    uids = [uid for text in request.all("folderFilterUIDs") for uid in text.split(",")]
    numbers = [int(number) for text in request.all("folderFilter") for number in text.split(",")]
    shown = [_element(grafana, element) for element in grafana.elements.values()]
    found = [
        element
        for element in shown
        if words in element["name"].lower()
        and (not uids or element["folderUid"] in uids)
        and (not numbers or element["folderId"] in numbers)
    ]
    return Answer(200, {"result": {"totalCount": len(found), "elements": found, "page": 1, "perPage": 100}})


def _create_element(grafana: State, request: Request) -> Answer:
    body = request.fields
    made = {"id": grafana.new_id(), "uid": body["uid"], "folderUid": body.get("folderUid", ""), "name": body["name"],
            "model": body["model"], "by": request.login}  # fmt: skip
    grafana.elements[made["uid"]] = made
    return Answer(200, {"result": _element(grafana, made)})


def _delete_element(grafana: State, request: Request, uid: str) -> Answer:
    return Answer(200, {"id": grafana.elements.pop(uid)["id"], "message": "Library element deleted"})


ROUTES = [
    Route("GET", "/api/search", _search),
    Route("GET", "/api/library-elements", _list_elements),
    Route("POST", "/api/library-elements", _create_element),
    Route("DELETE", "/api/library-elements/([^/]+)", _delete_element),
]
