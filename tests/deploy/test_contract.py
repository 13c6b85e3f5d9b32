"""The stand-in answers as Grafana 9.3.2 does. The same requests go to a real one when SEDNA_DASH_TEST_GRAFANA_URL
names it (login from GRAFANA_USER and GRAFANA_PASSWORD, else admin:admin)."""

from __future__ import annotations

import base64
import json
import os
import secrets
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.grafana_stand_in import StandIn

PANELS = [{"id": 1, "type": "text", "title": "t", "gridPos": {"h": 4, "w": 12, "x": 0, "y": 0}, "max": 1.5, "no": None}]
#: Stands for a few random characters, so that a run finds nothing of an earlier one.
RUN = "RUNID"
F, G = f"c-{RUN}", f"c2-{RUN}"


class Exchange(NamedTuple):
    """A request, and what its answer must have. ``has``: keys with values, by path."""

    name: str
    method: str
    path: str
    body: Any
    status: int
    message: str | None = None
    code: str | None = None
    has: dict[str, Any] = {}  # noqa: RUF012


def save(uid: str, title: str, folder: str = F, message: str = "m", **more: Any) -> dict[str, Any]:
    overwrite = more.pop("overwrite", False)
    model = {"uid": uid, "title": f"{title} {RUN}" if title else "", "panels": PANELS, "schemaVersion": 37, **more}
    return {"dashboard": model, "folderUid": folder, "message": message, "overwrite": overwrite}


def source(**more: Any) -> dict[str, Any]:
    return {
        "uid": f"ds-{RUN}",
        "name": f"ds {RUN}",
        "type": "prometheus",
        "access": "proxy",
        "url": "http://a:1",
        **more,
    }


DB, DS = "/api/dashboards/db", "/api/datasources"
ONE, TWO, HIGH = f"one-{RUN}", f"two-{RUN}", "x" * 41
CHANGED = "The dashboard has been changed by someone else"
SAME_TITLE = "a folder or dashboard in the general folder with the same name already exists"

EXCHANGES = [
    Exchange("folder", "POST", "/api/folders", {"uid": F, "title": f"Folder {RUN}"}, 200, has={"uid": F, "version": 1}),
    Exchange("folder again", "POST", "/api/folders", {"uid": F, "title": f"Other {RUN}"}, 412,
             "the folder has been changed by someone else", "version-mismatch"),
    Exchange("same title", "POST", "/api/folders", {"uid": G, "title": f"Folder {RUN}"}, 409, SAME_TITLE),
    Exchange("title but for case", "POST", "/api/folders", {"uid": G, "title": f"FOLDER! {RUN}"}, 409, SAME_TITLE),
    Exchange("General", "POST", "/api/folders", {"uid": G, "title": "General"}, 400,
             "A folder with that name already exists"),
    Exchange("no title", "POST", "/api/folders", {"uid": G, "title": " "}, 400, "folder title cannot be empty"),
    Exchange("long uid", "POST", "/api/folders", {"uid": HIGH, "title": f"L {RUN}"}, 400,
             "uid too long, max 40 characters"),
    Exchange("odd uid", "POST", "/api/folders", {"uid": "a b", "title": f"I {RUN}"}, 400,
             "uid contains illegal characters"),
    Exchange("folder read", "GET", f"/api/folders/{F}", None, 200, has={"uid": F, "title": f"Folder {RUN}"}),
    Exchange("no folder", "GET", f"/api/folders/{G}", None, 404, "folder not found", "not-found"),
    Exchange("quoted uid", "GET", "/api/folders/a%2Fb", None, 404, "folder not found", "not-found"),
    Exchange("create", "POST", DB, save(ONE, "One", message="first"), 200, code="success",
             has={"uid": ONE, "version": 1}),
    Exchange("read", "GET", f"/api/dashboards/uid/{ONE}", None, 200,
             has={"dashboard.panels": PANELS, "dashboard.version": 1, "meta.folderUid": F, "meta.provisioned": False,
                  "meta.isFolder": False, "meta.folderTitle": f"Folder {RUN}"}),
    Exchange("first message hidden", "GET", f"/api/dashboards/uid/{ONE}/versions?limit=20", None, 200,
             has={"0.version": 1, "0.message": "Initial save", "0.parentVersion": 0}),
    Exchange("first message shown", "GET", f"/api/dashboards/uid/{ONE}/versions/1", None, 200, "first",
             has={"version": 1, "data.panels": PANELS}),
    Exchange("no version", "GET", f"/api/dashboards/uid/{ONE}/versions/99", None, 500),
    Exchange("versions of none", "GET", f"/api/dashboards/uid/{TWO}/versions", None, 400,
             "failed to get dashboard by UID"),
    Exchange("create again", "POST", DB, save(ONE, "One"), 412, CHANGED, "version-mismatch"),
    Exchange("update", "POST", DB, save(ONE, "One", version=1, message="second"), 200, code="success",
             has={"version": 2, "uid": ONE}),
    Exchange("stale", "POST", DB, save(ONE, "One", version=1), 412, CHANGED, "version-mismatch"),
    Exchange("from the future", "POST", DB, save(ONE, "One", version=77), 412, CHANGED, "version-mismatch"),
    Exchange("second message", "GET", f"/api/dashboards/uid/{ONE}/versions?limit=20", None, 200,
             has={"0.version": 2, "0.message": "second", "1.message": "Initial save"}),
    Exchange("limited", "GET", f"/api/dashboards/uid/{ONE}/versions?limit=1", None, 200, has={"": 1}),
    Exchange("restore", "POST", f"/api/dashboards/uid/{ONE}/restore", {"version": 1}, 200, code="success",
             has={"version": 3}),
    Exchange("restored", "GET", f"/api/dashboards/uid/{ONE}/versions?limit=20", None, 200,
             has={"0.version": 3, "0.message": "Restored from version 1"}),
    Exchange("restore none", "POST", f"/api/dashboards/uid/{ONE}/restore", {"version": 99}, 404,
             "Dashboard version not found"),
    Exchange("new with a version", "POST", DB, save(TWO, "Two", version=5), 200, code="success", has={"version": 1}),
    Exchange("same title", "POST", DB, save(f"x-{RUN}", "One"), 412,
             "A dashboard with the same name in the folder already exists", "name-exists"),
    Exchange("title but for case", "POST", DB, save(f"x-{RUN}", "ONE!"), 412,
             "A dashboard with the same name in the folder already exists", "name-exists"),
    Exchange("title of a folder", "POST", DB, save(f"x-{RUN}", "Folder"), 400,
             "Dashboard name cannot be the same as folder", "name-match"),
    Exchange("in General", "POST", DB, save(f"general-{RUN}", "Gen", folder=""), 200, code="success"),
    Exchange("folder titled as one there", "POST", "/api/folders", {"uid": G, "title": f"GEN {RUN}"}, 400,
             "Folder name cannot be the same as one of its dashboards"),
    Exchange("out of General", "DELETE", f"/api/dashboards/uid/general-{RUN}", None, 200),
    Exchange("uid of a folder", "POST", DB, save(F, "Uid"), 400, "Dashboard cannot be changed to a folder"),
    Exchange("uid of a dashboard", "POST", "/api/folders", {"uid": ONE, "title": f"Uid {RUN}"}, 400,
             "Dashboard cannot be changed to a folder"),
    Exchange("folder as dashboard", "GET", f"/api/dashboards/uid/{F}", None, 200, has={"meta.isFolder": True}),
    Exchange("no such folder", "POST", DB, save(f"x-{RUN}", "X", folder=G), 400, "Folder not found"),
    Exchange("no title", "POST", DB, save(f"x-{RUN}", ""), 400, "Dashboard title cannot be empty", "empty-name"),
    Exchange("long uid", "POST", DB, save(HIGH, "Long"), 400, "uid too long, max 40 characters"),
    Exchange("odd uid", "POST", DB, save("a b", "Odd"), 400, "uid contains illegal characters"),
    Exchange("foreign id", "POST", DB, save(f"x-{RUN}", "Id", id=999999), 404, "Dashboard not found", "not-found"),
    Exchange("no body", "POST", DB, {}, 400, "bad request data"),
    Exchange("no dashboard", "GET", f"/api/dashboards/uid/x-{RUN}", None, 404, "Dashboard not found"),
    Exchange("overwrite takes the namesake", "POST", DB, save(f"x-{RUN}", "One", overwrite=True), 200, code="success",
             has={"uid": ONE}),
    Exchange("search", "GET", "/api/search?type=dash-db&limit=5000&page=9", None, 200, has={"": 0}),
    Exchange("search too much", "GET", "/api/search?type=dash-db&limit=6000", None, 422,
             "Limit is above maximum allowed (5000), use page parameter to access hits beyond limit"),
    Exchange("datasource", "POST", DS, source(jsonData={"a": 1}, secureJsonData={"p": "s"}), 200, "Datasource added",
             has={"datasource.version": 1, "datasource.jsonData": {"a": 1},
                  "datasource.secureJsonFields": {"p": True}}),
    Exchange("same name", "POST", DS, source(uid=f"dt-{RUN}"), 409, "data source with the same name already exists"),
    Exchange("same uid", "POST", DS, source(name=f"dt {RUN}"), 409, "data source with the same uid already exists"),
    Exchange("no type", "POST", DS, {"name": f"dt {RUN}", "access": "proxy"}, 400, "bad request data"),
    Exchange("bad url", "POST", DS, source(uid=f"dt-{RUN}", name=f"dt {RUN}", url="::no"), 400,
             "Validation error, invalid URL"),
    Exchange("datasource read", "GET", f"{DS}/uid/ds-{RUN}", None, 200,
             has={"version": 1, "readOnly": False, "jsonData": {"a": 1}}),
    Exchange("datasource update", "PUT", f"{DS}/uid/ds-{RUN}", source(version=1, jsonData={}), 200,
             "Datasource updated",
             has={"datasource.version": 2, "datasource.jsonData": {}, "datasource.secureJsonFields": {"p": True}}),
    Exchange("datasource stale", "PUT", f"{DS}/uid/ds-{RUN}", source(version=1), 409,
             "Datasource has already been updated by someone else. Please reload and try again"),
    Exchange("datasource without version", "PUT", f"{DS}/uid/ds-{RUN}", source(), 200, "Datasource updated",
             has={"datasource.version": 1}),
    Exchange("no datasource", "PUT", f"{DS}/uid/dt-{RUN}", source(uid=f"dt-{RUN}"), 404, "Data source not found"),
    Exchange("no datasource read", "GET", f"{DS}/uid/dt-{RUN}", None, 404, "Data source not found"),
    Exchange("unknown path", "GET", "/api/nope", None, 404, "Not found"),
    Exchange("datasource gone", "DELETE", f"{DS}/uid/ds-{RUN}", None, 200, "Data source deleted"),
    Exchange("dashboard gone", "DELETE", f"/api/dashboards/uid/{ONE}", None, 200, f"Dashboard One {RUN} deleted"),
    Exchange("gone before", "DELETE", f"/api/dashboards/uid/{ONE}", None, 404, "Dashboard not found"),
]  # fmt: skip


@pytest.fixture(params=["stand-in", "real"])
def target(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """Address and Authorization of what to ask."""
    if request.param == "stand-in":
        with StandIn() as grafana:
            yield grafana.url, "Basic " + base64.b64encode(b"admin:admin").decode()
        return
    url = os.environ.get("SEDNA_DASH_TEST_GRAFANA_URL")
    if not url:
        pytest.skip("no SEDNA_DASH_TEST_GRAFANA_URL: the stand-in was not compared with a real Grafana 9.3.2")
    login = f"{os.environ.get('GRAFANA_USER', 'admin')}:{os.environ.get('GRAFANA_PASSWORD', 'admin')}"
    yield url.rstrip("/"), "Basic " + base64.b64encode(login.encode()).decode()


def ask(base: str, authorization: str, method: str, path: str, body: Any) -> tuple[int, Any]:
    headers = {"Authorization": authorization, "Content-Type": "application/json"}
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(base + path, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            text = error.read()
            return error.code, json.loads(text) if text.startswith((b"{", b"[")) else None


def at(value: Any, path: str) -> Any:
    """The value at a dotted path; the length of a list for no path."""
    if not path:
        return len(value)
    for part in path.split("."):
        value = value[int(part) if part.isdigit() else part]
    return value


def test_answers(target: tuple[str, str]) -> None:
    base, authorization = target
    run_id = secrets.token_hex(4)
    differences = []
    try:
        for item in json.loads(json.dumps(EXCHANGES).replace(RUN, run_id)):
            wanted = Exchange(*item)
            status, body = ask(base, authorization, wanted.method, wanted.path, wanted.body)
            shown = body if isinstance(body, dict) else {}
            if status != wanted.status:
                differences.append(f"{wanted.name}: {status} {shown.get('message')} instead of {wanted.status}")
                continue
            has = dict(wanted.has)
            has.update({key: said for key, said in (("message", wanted.message), ("status", wanted.code)) if said})
            differences += [
                f"{wanted.name}: {path} is {at(body, path)!r} instead of {value!r}"
                for path, value in has.items()
                if at(body, path) != value
            ]
    finally:
        for path in (f"/api/folders/c-{run_id}", f"/api/datasources/uid/ds-{run_id}"):
            ask(base, authorization, "DELETE", path, None)
    assert not differences, "\n".join(differences)


@pytest.mark.parametrize("scheme, message", [("Basic", "invalid username or password"), ("Bearer", "invalid API key")])
def test_wrong_credentials(target: tuple[str, str], scheme: str, message: str) -> None:
    base, _ = target
    status, body = ask(base, f"{scheme} {base64.b64encode(b'nobody:wrong').decode()}", "GET", "/api/folders", None)
    assert (status, body["message"]) == (401, message)
