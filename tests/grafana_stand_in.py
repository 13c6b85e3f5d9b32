"""A small Grafana for tests: folders, dashboards with their history, datasources, search, as Grafana 9.3.2 answers.

`test_contract` sends the same requests to it and to a real Grafana, and compares the answers.
"""

from __future__ import annotations

import base64
import copy
import json
import re
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

WHEN = "2026-11-23T02:05:14Z"
VERSION_MISMATCH = "The dashboard has been changed by someone else"


@dataclass
class Answer:
    """What goes back: JSON by default, anything else with its own type."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


def problem(status: int, message: str, code: str = "") -> Answer:
    return Answer(status, {"message": message, **({"status": code} if code else {})})


def denied(*permissions: str) -> Answer:
    message = f"You'll need additional permissions to perform this action. Permissions needed: {', '.join(permissions)}"
    return Answer(403, {"accessErrorId": "ACE1", "message": message, "title": "Access denied"})


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, list[str]]
    body: Any
    role: str = ""
    login: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def slug(title: str) -> str:
    return re.sub(r"[\W_]+", "-", title.lower()).strip("-")


class StandIn:
    """The state, and the rules by which requests change it. Use as a context manager to serve it over HTTP."""

    def __init__(self, *, version: str | None = "9.3.2", prefix: str = "", tls: ssl.SSLContext | None = None) -> None:
        self.version, self.prefix, self.tls = version, prefix, tls
        self.folders: dict[str, dict[str, Any]] = {}
        self.dashboards: dict[str, dict[str, Any]] = {}
        self.datasources: dict[str, dict[str, Any]] = {}
        self.requests: list[Request] = []
        #: Logins by Authorization header: name and role.
        self.logins = {
            "Basic " + base64.b64encode(b"admin:admin").decode(): ("admin", "Admin"),
            "Bearer admin-token": ("sa-admin", "Admin"),
            "Bearer editor-token": ("sa-editor", "Editor"),
            "Bearer viewer-token": ("sa-viewer", "Viewer"),
        }
        #: Asked before and after each request; what they return is sent instead.
        self.before: Callable[[Request], Answer | None] = lambda request: None
        self.after: Callable[[Request], Answer | None] = lambda request: None
        self._next_id = 0
        self._lock = threading.Lock()

    @property
    def writes(self) -> list[str]:
        """Every request that could have changed something."""
        return [f"{item.method} {item.path}" for item in self.requests if item.method != "GET"]

    # What a person does in Grafana's pages ------------------------------------------------------------------------

    def edit(self, uid: str, change: Callable[[dict[str, Any]], object], *, by: str = "eve", message: str = "") -> None:
        """Somebody changes a dashboard and saves it."""
        found = self.dashboards[uid]
        model = copy.deepcopy(found["model"])
        change(model)
        self._add_version(found, model, by, message)

    def put_dashboard(self, model: dict[str, Any], *, folder: str = "", by: str = "eve", **more: Any) -> None:
        """A dashboard that was there before us."""
        found = {"id": self._id(), "folder": folder, "history": [], "provisioned": "", **more}
        self.dashboards[model["uid"]] = found
        self._add_version(found, model, by, "")

    def put_datasource(self, uid: str, name: str, kind: str, **more: Any) -> None:
        """A datasource that was there before us."""
        self.datasources[uid] = self._datasource({"uid": uid, "name": name, "type": kind, "access": "proxy", **more})

    # HTTP ---------------------------------------------------------------------------------------------------------

    def __enter__(self) -> StandIn:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Head and body in one packet; in two, the second waits 40 ms for the first one's receipt.
            wbufsize = -1

            def answer(self) -> None:
                address = urlsplit(self.path)
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                try:
                    body = json.loads(raw) if raw else None
                except ValueError:
                    body = ...
                request = Request(self.command, address.path, parse_qs(address.query), body, headers=dict(self.headers))
                with stand_in._lock:
                    answer = stand_in.answer(request)
                content = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.content_type)
                self.send_header("Content-Length", str(len(content)))
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

            def log_message(self, *_: Any) -> None:
                """Tests print enough."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        if self.tls:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self._server.server_address[1]}{self.prefix}"

    def answer(self, request: Request) -> Answer:
        """The answer to one request."""
        self.requests.append(request)
        instead = self.before(request)
        if instead is not None:
            return instead
        if not request.path.startswith(self.prefix + "/api/"):
            return Answer(404, b"<!doctype html><title>Grafana</title>", content_type="text/html; charset=UTF-8")
        request.path = request.path.removeprefix(self.prefix)
        answer = self._routed(request)
        return self.after(request) or answer

    def _routed(self, request: Request) -> Answer:
        if request.path == "/api/health":
            return Answer(200, {"database": "ok", **({"version": self.version, "commit": "x"} if self.version else {})})
        given = request.headers.get("Authorization", "")
        if given not in self.logins:
            return problem(401, "invalid username or password" if given.startswith("Basic") else "invalid API key")
        request.login, request.role = self.logins[given]
        if request.body is ...:
            return problem(400, "bad request data")
        for method, pattern, act in self._routes():
            found = re.fullmatch(pattern, request.path)
            if found and method == request.method:
                return act(request, *(unquote(part) for part in found.groups()))
        return problem(404, "Not found")

    def _routes(self) -> list[tuple[str, str, Callable[..., Answer]]]:
        return [
            ("GET", "/api/folders", self._list_folders),
            ("POST", "/api/folders", self._create_folder),
            ("GET", "/api/folders/([^/]+)", self._get_folder),
            ("GET", "/api/search", self._search),
            ("POST", "/api/dashboards/db", self._save_dashboard),
            ("GET", "/api/dashboards/uid/([^/]+)", self._get_dashboard),
            ("DELETE", "/api/dashboards/uid/([^/]+)", self._delete_dashboard),
            ("GET", "/api/dashboards/uid/([^/]+)/versions", self._list_versions),
            ("GET", "/api/dashboards/uid/([^/]+)/versions/([0-9]+)", self._get_version),
            ("POST", "/api/dashboards/uid/([^/]+)/restore", self._restore),
            ("GET", "/api/datasources", self._list_datasources),
            ("POST", "/api/datasources", self._create_datasource),
            ("GET", "/api/datasources/uid/([^/]+)", self._get_datasource),
            ("PUT", "/api/datasources/uid/([^/]+)", self._update_datasource),
            ("DELETE", "/api/datasources/uid/([^/]+)", self._delete_datasource),
        ]

    def _id(self) -> int:
        self._next_id += 1
        return self._next_id

    # Folders ------------------------------------------------------------------------------------------------------

    def _list_folders(self, request: Request) -> Answer:
        found = sorted(self.folders.values(), key=lambda folder: folder["title"])
        return Answer(200, [{key: folder[key] for key in ("id", "uid", "title")} for folder in _page(found, request)])

    def _get_folder(self, request: Request, uid: str) -> Answer:
        if uid in self.folders:
            return Answer(200, self.folders[uid])
        # Only an Admin hears that something is not there.
        return denied("folders:read") if request.role != "Admin" else problem(404, "folder not found", "not-found")

    def _create_folder(self, request: Request) -> Answer:
        if request.role == "Viewer":
            return denied("folders:create")
        uid, title = str(request.body.get("uid") or ""), str(request.body.get("title") or "").strip()
        wrong = _wrong_uid(uid)
        if not title:
            return problem(400, "folder title cannot be empty")
        if wrong:
            return wrong
        if title.casefold() == "general":
            return problem(400, "A folder with that name already exists")
        if uid in self.folders:
            return problem(412, "the folder has been changed by someone else", "version-mismatch")
        if uid in self.dashboards:
            return problem(400, "Dashboard cannot be changed to a folder")
        general = [item["model"]["title"] for item in self.dashboards.values() if not item["folder"]]
        if slug(title) in map(slug, general):
            return problem(400, "Folder name cannot be the same as one of its dashboards")
        if slug(title) in [slug(folder["title"]) for folder in self.folders.values()]:
            return problem(409, "a folder or dashboard in the general folder with the same name already exists")
        self.folders[uid] = {
            "id": self._id(), "uid": uid, "title": title, "version": 1, "parentUid": "", "createdBy": request.login,
            "url": f"/dashboards/f/{uid}/{slug(title)}",
        }  # fmt: skip
        return Answer(200, self.folders[uid])

    # Dashboards ---------------------------------------------------------------------------------------------------

    def _search(self, request: Request) -> Answer:
        if int(request.query.get("limit", ["1000"])[0]) > 5000:
            return problem(422, "Limit is above maximum allowed (5000), use page parameter to access hits beyond limit")
        # folderUIDs is unknown to 9.3 and so finds the dashboards of every folder.
        hits = []
        for uid, found in self.dashboards.items():
            folder = self.folders.get(found["folder"])
            where = {"folderUid": folder["uid"], "folderTitle": folder["title"]} if folder else {}
            hits.append({"uid": uid, "title": found["model"]["title"], "type": "dash-db", **where})
        return Answer(200, _page(sorted(hits, key=lambda hit: hit["title"]), request))

    def _get_dashboard(self, request: Request, uid: str) -> Answer:
        if uid in self.folders:
            folder = self.folders[uid]
            meta = {"isFolder": True, "folderUid": "", "provisioned": False}
            return Answer(200, {"dashboard": {"uid": uid, "title": folder["title"], "version": 1}, "meta": meta})
        if uid not in self.dashboards:
            return denied("dashboards:read") if request.role != "Admin" else problem(404, "Dashboard not found")
        found = self.dashboards[uid]
        folder = self.folders.get(found["folder"], {})
        meta = {
            "isFolder": False, "folderUid": folder.get("uid", ""), "folderTitle": folder.get("title", "General"),
            "provisioned": bool(found["provisioned"]), "provisionedExternalId": found["provisioned"],
            "version": found["model"]["version"], "updatedBy": found["history"][0]["createdBy"], "updated": WHEN,
        }  # fmt: skip
        return Answer(200, {"dashboard": found["model"], "meta": meta})

    def _save_dashboard(self, request: Request) -> Answer:
        if request.role == "Viewer":
            return denied("any of dashboards:create, dashboards:write")
        body = request.body or {}
        if "dashboard" not in body:
            return problem(400, "bad request data")
        model = copy.deepcopy(body["dashboard"])
        uid, title, folder = (
            str(model.get("uid") or ""),
            str(model.get("title") or ""),
            str(body.get("folderUid") or ""),
        )
        found, overwrite = self.dashboards.get(uid), bool(body.get("overwrite"))
        if folder and folder not in self.folders:
            return problem(400, "Folder not found")
        if not title.strip():
            return problem(400, "Dashboard title cannot be empty", "empty-name")
        wrong = _wrong_uid(uid)
        if wrong:
            return wrong
        if model.get("id") and model["id"] not in {item["id"] for item in self.dashboards.values()}:
            return problem(404, "Dashboard not found", "not-found")
        if uid in self.folders:
            return problem(400, "Dashboard cannot be changed to a folder")
        if found and found["provisioned"]:
            return problem(400, "Cannot save provisioned dashboard")
        if found and not overwrite and model.get("version") != found["model"]["version"]:
            return problem(412, VERSION_MISMATCH, "version-mismatch")
        if any(slug(item["title"]) == slug(title) for item in self.folders.values()):
            return problem(400, "Dashboard name cannot be the same as folder", "name-match")
        for other, item in self.dashboards.items():
            if other != uid and item["folder"] == folder and slug(item["model"]["title"]) == slug(title):
                if not overwrite:
                    return problem(412, "A dashboard with the same name in the folder already exists", "name-exists")
                uid, found = other, item
                model["uid"] = other
        if found is None:
            found = self.dashboards[uid] = {"id": self._id(), "history": [], "provisioned": ""}
        found["folder"] = folder
        self._add_version(found, model, request.login, str(body.get("message") or ""))
        return self._receipt(uid)

    def _receipt(self, uid: str) -> Answer:
        found = self.dashboards[uid]
        name = slug(found["model"]["title"])
        return Answer(
            200,
            {"id": found["id"], "slug": name, "status": "success", "uid": uid, "url": f"/d/{uid}/{name}",
             "version": found["model"]["version"]},
        )  # fmt: skip

    def _add_version(self, found: dict[str, Any], model: dict[str, Any], by: str, message: str) -> None:
        number = len(found["history"]) + 1
        model = {**model, "id": found["id"], "version": number}
        entry = {"version": number, "parentVersion": number - 1, "restoredFrom": 0, "message": message,
                 "created": WHEN, "createdBy": by, "data": model}  # fmt: skip
        found["model"] = model
        found["history"].insert(0, entry)

    def _delete_dashboard(self, request: Request, uid: str) -> Answer:
        if uid not in self.dashboards:
            return problem(404, "Dashboard not found")
        title = self.dashboards.pop(uid)["model"]["title"]
        return Answer(200, {"message": f"Dashboard {title} deleted", "title": title})

    def _list_versions(self, request: Request, uid: str) -> Answer:
        if request.role == "Viewer":
            return denied("dashboards:write")
        if uid not in self.dashboards:
            return problem(400, "failed to get dashboard by UID")
        entries = []
        for entry in self.dashboards[uid]["history"][: int(request.query.get("limit", ["1000"])[0])]:
            shown = {key: value for key, value in entry.items() if key != "data"}
            # The list says so of every first version, whatever it was saved with.
            entries.append({**shown, "message": "Initial save"} if not entry["parentVersion"] else shown)
        return Answer(200, entries)

    def _get_version(self, request: Request, uid: str, number: str) -> Answer:
        for entry in self.dashboards.get(uid, {"history": []})["history"]:
            if entry["version"] == int(number):
                return Answer(200, {**entry, "uid": uid})
        return problem(500, f"Dashboard version {number} not found for dashboardId 1")

    def _restore(self, request: Request, uid: str) -> Answer:
        number = request.body.get("version")
        found = self.dashboards[uid]
        for entry in found["history"]:
            if entry["version"] == number:
                self._add_version(found, entry["data"], request.login, f"Restored from version {number}")
                return self._receipt(uid)
        return problem(404, "Dashboard version not found")

    # Datasources --------------------------------------------------------------------------------------------------

    def _list_datasources(self, request: Request) -> Answer:
        hidden = ("basicAuthUser", "secureJsonFields", "secureJsonData", "withCredentials", "version")
        found = sorted(self.datasources.values(), key=lambda item: item["name"].lower())
        return Answer(200, [{k: v for k, v in item.items() if k not in hidden} for item in found])

    def _get_datasource(self, request: Request, uid: str) -> Answer:
        found = self.datasources.get(uid)
        if found is None:
            return problem(404, "Data source not found")
        return Answer(200, {key: value for key, value in found.items() if key != "secureJsonData"})

    def _create_datasource(self, request: Request) -> Answer:
        if request.role != "Admin":
            return denied("datasources:create")
        body = request.body
        if not all(body.get(key) for key in ("name", "type", "access")):
            return problem(400, "bad request data")
        if str(body.get("url", "")).startswith(":"):
            return problem(400, "Validation error, invalid URL")
        if body["name"] in {item["name"] for item in self.datasources.values()}:
            return problem(409, "data source with the same name already exists")
        if body["uid"] in self.datasources:
            return problem(409, "data source with the same uid already exists")
        self.datasources[body["uid"]] = self._datasource(body)
        return self._datasource_receipt(body["uid"], "Datasource added")

    def _update_datasource(self, request: Request, uid: str) -> Answer:
        if request.role != "Admin":
            return denied("datasources:write")
        found, body = self.datasources.get(uid), request.body
        if found is None:
            return problem(404, "Data source not found")
        if found["readOnly"]:
            return problem(403, "Cannot update read-only data source")
        version = int(body.get("version") or 0)
        if version and found["version"] > version:
            return problem(409, "Datasource has already been updated by someone else. Please reload and try again")
        secrets = {**found["secureJsonData"], **(body.get("secureJsonData") or {})}
        self.datasources[uid] = self._datasource({**body, "secureJsonData": secrets}, found["id"])
        # It counts on from the version that was sent, or anew.
        self.datasources[uid]["version"] = version + 1
        return self._datasource_receipt(uid, "Datasource updated")

    def _delete_datasource(self, request: Request, uid: str) -> Answer:
        found = self.datasources.pop(uid, None)
        return Answer(200, {"message": "Data source deleted"}) if found else problem(404, "Data source not found")

    def _datasource(self, body: dict[str, Any], number: int | None = None) -> dict[str, Any]:
        """All fields, with their defaults for those that were left out."""
        defaults = {
            "id": number or self._id(), "orgId": 1, "typeLogoUrl": "", "url": "", "user": "", "database": "",
            "basicAuth": False, "basicAuthUser": "", "withCredentials": False, "isDefault": False, "jsonData": {},
            "secureJsonData": {}, "version": 1, "readOnly": False,
        }  # fmt: skip
        made = {**defaults, **body}
        made["version"] = 1
        return {**made, "secureJsonFields": dict.fromkeys(made["secureJsonData"], True)}

    def _datasource_receipt(self, uid: str, message: str) -> Answer:
        shown = {key: value for key, value in self.datasources[uid].items() if key != "secureJsonData"}
        return Answer(200, {"datasource": shown, "id": shown["id"], "message": message, "name": shown["name"]})


def _wrong_uid(uid: str) -> Answer | None:
    if len(uid) > 40:
        return problem(400, "uid too long, max 40 characters")
    if not re.fullmatch(r"[a-zA-Z0-9\-_]*", uid):
        return problem(400, "uid contains illegal characters")
    return None


def _page(found: list[Any], request: Request) -> list[Any]:
    limit, page = int(request.query.get("limit", ["1000"])[0]), int(request.query.get("page", ["1"])[0])
    return found[(page - 1) * limit : page * limit]
