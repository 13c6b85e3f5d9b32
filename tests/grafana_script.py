"""The requests that deploy may ever send to a Grafana, and those that show what a Grafana does with them.

`tests/record_grafana.py` sends them to a real one and writes down its answers; `tests/deploy/test_contract.py` sends
them to the stand-in and compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

#: Stands for the random word of a run.
RUN = "runid"
#: A closed port: the datasource that is down.
NOWHERE = "http://127.0.0.1:9"


class Step(NamedTuple):
    """One request of the script.

    ``who``: admin (by password), or the service account of that name, or nobody. ``keep``: names to give to parts of
    the answer, which later steps write as ``<name>``. ``ours``: of a list, only what bears the word of the run is
    recorded, since a Grafana may hold other things. ``needs``: what a Grafana may lack: prometheus, loki, or
    provisioned (datasource and folder of that uid and a dashboard board-provisioned in it, from files).
    """

    name: str
    method: str
    path: str
    body: Any = None
    who: str = "admin"
    keep: dict[str, str] = {}  # noqa: RUF012
    headers: dict[str, str] = {}  # noqa: RUF012
    ours: bool = False
    needs: str = ""


FOLDERS, DB, BY_UID, SEARCH = "/api/folders", "/api/dashboards/db", "/api/dashboards/uid", "/api/search"
SOURCES, QUERY, RULES, ELEMENTS = (
    "/api/datasources",
    "/api/ds/query",
    "/api/v1/provisioning/alert-rules",
    "/api/library-elements",
)
#: The groups of the folder that rules are in, as the pages know it by its title, and as the provisioning API does.
PAGES, GROUPS = f"/api/ruler/grafana/api/v1/rules/Child%20{RUN}", f"/api/v1/provisioning/folder/g-{RUN}/rule-groups"
F, G, EDITORS = f"f-{RUN}", f"g-{RUN}", f"e-{RUN}"
ONE, TWO, THREE, LOOSE, IMPORTED = f"one-{RUN}", f"two-{RUN}", f"three-{RUN}", f"loose-{RUN}", f"imported-{RUN}"
PROM, LOKI, DOWN = f"prom-{RUN}", f"loki-{RUN}", f"down-{RUN}"
TOO_LONG = "x" * 41
PANELS = [{"id": 1, "type": "text", "title": "t", "gridPos": {"h": 4, "w": 12, "x": 0, "y": 0}, "max": 1.5, "no": None}]


def folder(uid: str, title: str, **more: Any) -> dict[str, Any]:
    return {"uid": uid, "title": f"{title} {RUN}", **more}


def save(
    uid: str, called: str, *, where: str | None = F, message: str = "m", overwrite: bool = False, **more: Any
) -> Any:
    model = {"uid": uid, "title": f"{called} {RUN}", "panels": PANELS, "schemaVersion": 37, "tags": [RUN], **more}
    folder_uid = {} if where is None else {"folderUid": where}
    return {"dashboard": model, **folder_uid, "message": message, "overwrite": overwrite}


def source(uid: str = PROM, kind: str = "prometheus", **more: Any) -> dict[str, Any]:
    return {"uid": uid, "name": uid, "type": kind, "access": "proxy", "url": "<prometheus>", **more}


def queries(*asked: dict[str, Any]) -> dict[str, Any]:
    whole = [{"intervalMs": 15000, "maxDataPoints": 100, **query} for query in asked]
    return {"from": "now-15m", "to": "now", "queries": whole}


def promql(text: str, uid: str = PROM, ref: str = "A", **more: Any) -> dict[str, Any]:
    how = more or {"instant": True}
    return {"refId": ref, "datasource": {"type": "prometheus", "uid": uid}, "expr": text, **how}


def logql(text: str, uid: str = LOKI, ref: str = "A", kind: str = "range") -> dict[str, Any]:
    return {"refId": ref, "datasource": {"type": "loki", "uid": uid}, "expr": text, "queryType": kind, "maxLines": 5}


def rule(uid: str, title: str, **more: Any) -> dict[str, Any]:
    data = {"refId": "A", "datasourceUid": PROM, "relativeTimeRange": {"from": 600, "to": 0},
            "model": {"refId": "A", "expr": "up == 0", "instant": True}}  # fmt: skip
    whole = {"uid": uid, "title": f"{title} {RUN}", "ruleGroup": "sedna", "folderUID": G, "orgID": 1, "condition": "A",
             "for": "5m", "noDataState": "OK", "execErrState": "Error", "data": [data], "labels": {"severity": "x"},
             "annotations": {"summary": "s"}}  # fmt: skip
    return {**whole, **more}


EXPRESSION = {
    "refId": "B", "datasourceUid": "__expr__", "relativeTimeRange": {"from": 0, "to": 0},
    "model": {"refId": "B", "type": "math", "expression": "$A > 0", "datasource": {"uid": "__expr__"}},
}  # fmt: skip


def timed(uid: str, **more: Any) -> dict[str, Any]:
    """A rule of the group timed."""
    return {**rule(f"{uid}-{RUN}", uid), "ruleGroup": "timed", **more}


def whole_group(interval: str, *uids: str, name: str = "timed") -> dict[str, Any]:
    """A group as the pages save it: with every rule that is to stay in it."""
    rules = [timed(uid) for uid in uids]
    return {
        "name": name,
        "interval": interval,
        "rules": [
            {
                "expr": "", "for": item["for"], "labels": item["labels"], "annotations": item["annotations"],
                "grafana_alert": {
                    "uid": item["uid"], "title": item["title"], "condition": item["condition"], "data": item["data"],
                    "no_data_state": item["noDataState"], "exec_err_state": item["execErrState"],
                },
            }
            for item in rules
        ],
    }  # fmt: skip


def _script() -> Iterator[Step]:
    yield Step("health", "GET", "/api/health", who="nobody")
    yield Step("unknown path", "GET", "/api/nope")
    yield Step("k8s-style API", "GET", "/apis")
    yield Step("k8s-style dashboards", "GET", "/apis/dashboard.grafana.app/v1beta1/namespaces/default/dashboards")
    yield Step("wrong token", "GET", FOLDERS, who="wrong token")
    yield Step("wrong password", "GET", FOLDERS, who="wrong password")
    yield from _accounts()
    yield from _folders()
    yield from _dashboards()
    yield from _reader()
    yield from _searches()
    yield from _versions()
    yield from _imports()
    yield from _sources()
    yield from _queries()
    yield from _rules()
    yield from _provisioned()
    yield from _deletions()


def _accounts() -> Iterator[Step]:
    yield Step("org", "GET", "/api/org")
    yield Step("user", "GET", "/api/user")
    yield Step("orgs of user", "GET", "/api/user/orgs")
    yield Step("permissions", "GET", "/api/access-control/user/permissions")
    yield Step("org by header", "GET", "/api/org", headers={"X-Grafana-Org-Id": "1"})
    yield Step("unknown org by header", "GET", "/api/org", headers={"X-Grafana-Org-Id": "987654"})
    yield Step("odd org by header", "GET", "/api/org", headers={"X-Grafana-Org-Id": "abc"})
    for role in ("Viewer", "Editor", "Admin"):
        accounts = "/api/serviceaccounts"
        yield Step(f"service account, {role}", "POST", accounts, {"name": f"{role}-{RUN}", "role": role},
                   keep={f"id of {role}": "id"})  # fmt: skip
        yield Step(f"token, {role}", "POST", f"{accounts}/<id of {role}>/tokens", {"name": f"{role}-{RUN}"},
                   keep={f"token of {role}": "key"})  # fmt: skip
        yield Step(f"org, {role}", "GET", "/api/org", who=role)
        yield Step(f"user, {role}", "GET", "/api/user", who=role)
        yield Step(f"orgs of user, {role}", "GET", "/api/user/orgs", who=role)
        yield Step(f"own org by header, {role}", "GET", "/api/org", who=role, headers={"X-Grafana-Org-Id": "1"})
        yield Step(
            f"unknown org by header, {role}", "GET", "/api/org", who=role, headers={"X-Grafana-Org-Id": "987654"}
        )
    yield Step("service account again", "POST", "/api/serviceaccounts", {"name": f"Viewer-{RUN}", "role": "Viewer"})
    yield Step("service account by Editor", "POST", "/api/serviceaccounts", {"name": f"x-{RUN}"}, who="Editor")


def _folders() -> Iterator[Step]:
    yield Step("folder", "POST", FOLDERS, folder(F, "Folder"))
    yield Step("folder again", "POST", FOLDERS, folder(F, "Other"))
    yield Step("folder again, all the same", "POST", FOLDERS, folder(F, "Folder"))
    yield Step("folder, same title", "POST", FOLDERS, folder(G, "Folder"))
    yield Step("folder, same title but for case", "POST", FOLDERS, folder(G, "FOLDER!"))
    yield Step("folder General", "POST", FOLDERS, {"uid": G, "title": "General"})
    yield Step("folder without title", "POST", FOLDERS, {"uid": G, "title": " "})
    yield Step("folder, long uid", "POST", FOLDERS, folder(TOO_LONG, "Long"))
    yield Step("folder, odd uid", "POST", FOLDERS, folder("a b", "Odd"))
    yield Step("folder in a folder", "POST", FOLDERS, folder(G, "Child", parentUid=F))
    yield Step("folder in an unknown folder", "POST", FOLDERS, folder(f"h-{RUN}", "Orphan", parentUid="nope"))
    yield Step("that one goes", "DELETE", f"{FOLDERS}/h-{RUN}")
    yield Step("folder by Viewer", "POST", FOLDERS, folder(f"v-{RUN}", "V"), who="Viewer")
    yield Step("folder by Editor", "POST", FOLDERS, folder(EDITORS, "By Editor"), who="Editor")
    yield Step("folder read", "GET", f"{FOLDERS}/{F}")
    yield Step("folder read by Editor", "GET", f"{FOLDERS}/{F}", who="Editor")
    yield Step("no folder", "GET", f"{FOLDERS}/nope-{RUN}")
    yield Step("no folder, Editor", "GET", f"{FOLDERS}/nope-{RUN}", who="Editor")
    yield Step("no folder, quoted uid", "GET", f"{FOLDERS}/a%2Fb")
    yield Step("folders", "GET", f"{FOLDERS}?limit=1000", ours=True)
    yield Step("folders in a folder", "GET", f"{FOLDERS}?parentUid={F}", ours=True)
    yield Step("folders, past the end", "GET", f"{FOLDERS}?limit=1000&page=9")
    yield Step("rename", "PUT", f"{FOLDERS}/{F}", {"title": f"Renamed {RUN}", "version": 1})
    yield Step("rename, stale", "PUT", f"{FOLDERS}/{F}", {"title": f"Again {RUN}", "version": 1})
    yield Step("rename, no version", "PUT", f"{FOLDERS}/{F}", {"title": f"Again {RUN}"})
    yield Step("rename, version of the future", "PUT", f"{FOLDERS}/{F}", {"title": f"Again {RUN}", "version": 77})
    yield Step("rename to what it is", "PUT", f"{FOLDERS}/{F}", {"title": f"Renamed {RUN}", "version": 2})
    yield Step("rename back, overwriting", "PUT", f"{FOLDERS}/{F}", {"title": f"Folder {RUN}", "overwrite": True})
    yield Step("rename to a title in use", "PUT", f"{FOLDERS}/{G}", {"title": f"Folder {RUN}", "version": 1})
    yield Step("the same, overwriting", "PUT", f"{FOLDERS}/{G}", {"title": f"Folder {RUN}", "overwrite": True})
    yield Step("that folder then", "GET", f"{FOLDERS}/{G}")
    yield Step("the folder with that title then", "GET", f"{FOLDERS}/{F}")
    yield Step("rename to nothing", "PUT", f"{FOLDERS}/{G}", {"title": "", "version": 1})
    yield Step("rename to General", "PUT", f"{FOLDERS}/{G}", {"title": "General", "version": 1})
    yield Step("rename of none", "PUT", f"{FOLDERS}/nope-{RUN}", {"title": "x", "version": 1})
    yield Step("rename by Viewer", "PUT", f"{FOLDERS}/{F}", {"title": "x", "version": 3}, who="Viewer")
    yield Step(
        "rename by Editor", "PUT", f"{FOLDERS}/{EDITORS}", {"title": f"Theirs {RUN}", "version": 1}, who="Editor"
    )
    yield Step("move of a folder", "POST", f"{FOLDERS}/{G}/move", {"parentUid": F})
    yield Step("counts of a folder", "GET", f"{FOLDERS}/{F}/counts")


def _dashboards() -> Iterator[Step]:
    yield Step("create", "POST", DB, save(ONE, "One", message="first"))
    yield Step("read", "GET", f"{BY_UID}/{ONE}")
    yield Step("create again", "POST", DB, save(ONE, "One"))
    yield Step("update", "POST", DB, save(ONE, "One", version=1, message="second"))
    yield Step("update without change", "POST", DB, save(ONE, "One", version=2, message="third"))
    yield Step("update, stale", "POST", DB, save(ONE, "One", version=1))
    yield Step("update from the future", "POST", DB, save(ONE, "One", version=77))
    yield Step("same title", "POST", DB, save(TWO, "One"))
    yield Step("same title but for case", "POST", DB, save(TWO, "ONE!"))
    yield Step("same title elsewhere", "POST", DB, save(THREE, "One", where=G))
    yield Step("moved onto its namesake", "POST", DB, save(THREE, "One", where=F, version=1))
    yield Step("same title, overwriting, takes the namesake", "POST", DB, save(TWO, "One", overwrite=True))
    yield Step("that made no second one", "GET", f"{BY_UID}/{TWO}")
    yield Step("moved onto its namesake, overwriting", "POST", DB, save(THREE, "One", where=F, overwrite=True))
    yield Step("the mover then", "GET", f"{BY_UID}/{THREE}")
    yield Step("the namesake then", "GET", f"{BY_UID}/{ONE}")
    yield Step("title of a folder", "POST", DB, save(TWO, "Folder"))
    yield Step("uid of a folder", "POST", DB, save(F, "Uid"))
    yield Step("uid of a dashboard for a folder", "POST", FOLDERS, folder(ONE, "Uid"))
    yield Step("folder read as dashboard", "GET", f"{BY_UID}/{F}")
    yield Step("no such folder", "POST", DB, save(TWO, "Two", where="nope"))
    yield Step("no title", "POST", DB, save(TWO, "Two", title=""))
    yield Step("long uid", "POST", DB, save(TOO_LONG, "Long"))
    yield Step("odd uid", "POST", DB, save("a b", "Odd"))
    yield Step("id of another server", "POST", DB, save(TWO, "Two", id=987654))
    yield Step("long message", "POST", DB, save(TWO, "Two", message="m" * 501))
    yield Step("by Viewer", "POST", DB, save(f"v-{RUN}", "V"), who="Viewer")
    yield Step("by Editor", "POST", DB, save(f"ed-{RUN}", "Ed"), who="Editor")
    yield Step("saved by Editor", "GET", f"{BY_UID}/ed-{RUN}")
    yield Step("versions saved by Editor", "GET", f"{BY_UID}/ed-{RUN}/versions")
    yield Step("no dashboard in the body", "POST", DB, {})
    yield Step("no JSON", "POST", DB, "{not json")
    yield Step("into General", "POST", DB, save(LOOSE, "Loose", where=""))
    yield Step("folder titled as a dashboard in General", "POST", FOLDERS, folder(f"w-{RUN}", "LOOSE"))
    yield Step("into a folder, and no version", "POST", DB, save(LOOSE, "Loose", where=F))
    yield Step("into a folder", "POST", DB, save(LOOSE, "Loose", where=F, version=1))
    yield Step("folder left out moves to General", "POST", DB, save(LOOSE, "Loose", where=None, version=2))
    yield Step("as read", "GET", f"{BY_UID}/{LOOSE}")
    yield Step("no dashboard", "GET", f"{BY_UID}/nope-{RUN}")
    yield Step("no dashboard, Editor", "GET", f"{BY_UID}/nope-{RUN}", who="Editor")


def _reader() -> Iterator[Step]:
    # Grafana remembers what an account may do for a minute. One that asked before there was a folder may not read it
    # (403) until then, so these accounts are new.
    yield Step("service account, Reader", "POST", "/api/serviceaccounts", {"name": f"Reader-{RUN}", "role": "Viewer"},
               keep={"id of Reader": "id"})  # fmt: skip
    yield Step("token, Reader", "POST", "/api/serviceaccounts/<id of Reader>/tokens", {"name": f"Reader-{RUN}"},
               keep={"token of Reader": "key"})  # fmt: skip
    yield Step("folders, Reader", "GET", f"{FOLDERS}?limit=1000", who="Reader", ours=True)
    yield Step("folder read by Reader", "GET", f"{FOLDERS}/{F}", who="Reader")
    yield Step("no folder, Reader", "GET", f"{FOLDERS}/nope-{RUN}", who="Reader")
    yield Step("read by Reader", "GET", f"{BY_UID}/{ONE}", who="Reader")
    yield Step("read in General by Reader", "GET", f"{BY_UID}/{LOOSE}", who="Reader")
    yield Step("no dashboard, Reader", "GET", f"{BY_UID}/nope-{RUN}", who="Reader")
    yield Step("search, Reader", "GET", f"{SEARCH}?type=dash-db&tag={RUN}", who="Reader")
    yield Step("search, folders, Reader", "GET", f"{SEARCH}?type=dash-folder&query={RUN}", who="Reader")
    yield Step("versions, Reader", "GET", f"{BY_UID}/{ONE}/versions", who="Reader")
    yield Step("service account, Writer", "POST", "/api/serviceaccounts", {"name": f"Writer-{RUN}", "role": "Editor"},
               keep={"id of Writer": "id"})  # fmt: skip
    yield Step("token, Writer", "POST", "/api/serviceaccounts/<id of Writer>/tokens", {"name": f"Writer-{RUN}"},
               keep={"token of Writer": "key"})  # fmt: skip
    for who in ("Reader", "Writer", "Admin"):
        yield Step(f"permissions, {who}", "GET", "/api/access-control/user/permissions", who=who)


def _searches() -> Iterator[Step]:
    yield Step("search", "GET", f"{SEARCH}?type=dash-db&limit=5000", ours=True)
    yield Step("search, one tag", "GET", f"{SEARCH}?type=dash-db&tag={RUN}")
    yield Step("search, a tag that not all have", "POST", DB, save(TWO, "Two", version=1, tags=[RUN, "zz"]))
    yield Step("search, two tags", "GET", f"{SEARCH}?type=dash-db&tag={RUN}&tag=zz")
    yield Step("search, no such tag", "GET", f"{SEARCH}?type=dash-db&tag=nope-{RUN}")
    yield Step("search, title", "GET", f"{SEARCH}?type=dash-db&query=TWO%20{RUN}")
    yield Step("search, part of the title", "GET", f"{SEARCH}?query={RUN}")
    yield Step("search, folders", "GET", f"{SEARCH}?type=dash-folder&query={RUN}")
    yield Step("search by folder uid is not heard", "GET", f"{SEARCH}?type=dash-db&tag={RUN}&folderUIDs={G}")
    yield Step("search by uid", "GET", f"{SEARCH}?type=dash-db&dashboardUIDs={ONE}")
    yield Step("search by two uids", "GET", f"{SEARCH}?type=dash-db&dashboardUIDs={ONE}&dashboardUIDs={TWO}")
    yield Step("search in General", "GET", f"{SEARCH}?type=dash-db&tag={RUN}&folderIds=0")
    yield Step("search, first page", "GET", f"{SEARCH}?type=dash-db&tag={RUN}&limit=2&page=1")
    yield Step("search, second page", "GET", f"{SEARCH}?type=dash-db&tag={RUN}&limit=2&page=2")
    yield Step("search, past the end", "GET", f"{SEARCH}?type=dash-db&tag={RUN}&limit=5000&page=9")
    yield Step("search too much", "GET", f"{SEARCH}?type=dash-db&limit=5001")


def _versions() -> Iterator[Step]:
    yield Step("versions", "GET", f"{BY_UID}/{ONE}/versions?limit=20")
    yield Step("versions, limited", "GET", f"{BY_UID}/{ONE}/versions?limit=1")
    yield Step("versions, later ones", "GET", f"{BY_UID}/{ONE}/versions?limit=2&start=1")
    yield Step("versions by Editor", "GET", f"{BY_UID}/{ONE}/versions", who="Editor")
    yield Step("versions by Viewer", "GET", f"{BY_UID}/{ONE}/versions", who="Viewer")
    yield Step("versions of none", "GET", f"{BY_UID}/nope-{RUN}/versions")
    yield Step("first version", "GET", f"{BY_UID}/{ONE}/versions/1")
    yield Step("no such version", "GET", f"{BY_UID}/{ONE}/versions/987654")
    yield Step("restore", "POST", f"{BY_UID}/{ONE}/restore", {"version": 1})
    yield Step("restore of no version", "POST", f"{BY_UID}/{ONE}/restore", {"version": 987654})
    yield Step("restore of none", "POST", f"{BY_UID}/nope-{RUN}/restore", {"version": 1})
    yield Step("versions after restore", "GET", f"{BY_UID}/{ONE}/versions?limit=20")
    yield Step("read after restore", "GET", f"{BY_UID}/{ONE}")
    many = f"many-{RUN}"
    for number in range(23):
        yield Step(f"save {number + 1} of 23", "POST", DB, save(many, "Many", version=number, message=f"m{number + 1}"))
    yield Step("more versions than are kept stay for a while", "GET", f"{BY_UID}/{many}/versions?limit=50")
    yield Step("that one goes, too", "DELETE", f"{BY_UID}/{many}")
    yield Step("and comes back", "POST", DB, save(many, "Many"))
    yield Step("without its history", "GET", f"{BY_UID}/{many}/versions")


def _imports() -> Iterator[Step]:
    asked = [{"name": "DS_P", "label": "P", "type": "datasource", "pluginId": "prometheus", "pluginName": "Prometheus"}]
    given = [{"name": "DS_P", "type": "datasource", "pluginId": "prometheus", "value": PROM}]
    panels = [{**PANELS[0], "datasource": {"type": "prometheus", "uid": "${DS_P}"}}]
    model = save(IMPORTED, "Imported")["dashboard"] | {"__inputs": asked, "panels": panels}
    where = {"folderUid": F, "overwrite": False}
    yield Step("import", "POST", "/api/dashboards/import", {"dashboard": model, "inputs": given, **where})
    yield Step("imported", "GET", f"{BY_UID}/{IMPORTED}")
    yield Step("import again", "POST", "/api/dashboards/import", {"dashboard": model, "inputs": given, **where})
    other = model | {"uid": f"i2-{RUN}", "title": f"Second {RUN}"}
    yield Step(
        "import without its input", "POST", "/api/dashboards/import", {"dashboard": other, "inputs": [], **where}
    )
    panel = {"type": "text", "title": "L"}
    element = {"uid": f"l-{RUN}", "folderUid": F, "name": f"L {RUN}", "kind": 1, "model": panel}
    yield Step("element", "POST", ELEMENTS, element, keep={"folder": "result.folderId"})
    yield Step("elements", "GET", f"{ELEMENTS}?searchString={RUN}")
    yield Step("elements of a folder, by number", "GET", f"{ELEMENTS}?folderFilter=<folder>&searchString={RUN}")
    yield Step("elements of another folder, by number", "GET", f"{ELEMENTS}?folderFilter=987654&searchString={RUN}")
    yield Step("elements of a folder", "GET", f"{ELEMENTS}?folderFilterUIDs={F}&searchString={RUN}")
    yield Step("elements of another folder", "GET", f"{ELEMENTS}?folderFilterUIDs={G}&searchString={RUN}")
    yield Step("elements of an unknown folder", "GET", f"{ELEMENTS}?folderFilterUIDs=nope&searchString={RUN}")
    yield Step("elements of a folder, no words", "GET", f"{ELEMENTS}?folderFilterUIDs={F}")
    yield Step("no elements", "GET", f"{ELEMENTS}?searchString=nope-{RUN}")


def _sources() -> Iterator[Step]:
    made = source(jsonData={"timeInterval": "30s"}, secureJsonData={"httpHeaderValue1": "s3cret"})
    yield Step("datasource", "POST", SOURCES, made)
    yield Step("datasource, same name", "POST", SOURCES, source(f"x-{RUN}", name=PROM))
    yield Step("datasource, same uid", "POST", SOURCES, source(name=f"x-{RUN}"))
    yield Step("datasource, no type", "POST", SOURCES, {"name": f"x-{RUN}", "access": "proxy"})
    yield Step("datasource, no name", "POST", SOURCES, {"type": "prometheus", "access": "proxy"})
    yield Step("datasource, bad url", "POST", SOURCES, source(f"x-{RUN}", url="::no"))
    yield Step("datasource by Editor", "POST", SOURCES, source(f"x-{RUN}"), who="Editor")
    yield Step("datasource by Viewer", "POST", SOURCES, source(f"x-{RUN}"), who="Viewer")
    yield Step("datasource read", "GET", f"{SOURCES}/uid/{PROM}")
    yield Step("datasource read by Editor", "GET", f"{SOURCES}/uid/{PROM}", who="Editor")
    yield Step("datasource read by Viewer", "GET", f"{SOURCES}/uid/{PROM}", who="Viewer")
    yield Step("datasource read by name", "GET", f"{SOURCES}/name/{PROM}")
    yield Step("no datasource by name", "GET", f"{SOURCES}/name/nope-{RUN}")
    yield Step("no datasource", "GET", f"{SOURCES}/uid/nope-{RUN}")
    yield Step("another datasource", "POST", SOURCES, source(LOKI, "loki", url="<loki>"))
    yield Step("a datasource that is down", "POST", SOURCES, source(DOWN, url=NOWHERE))
    yield Step("datasources", "GET", SOURCES, ours=True)
    yield Step("datasources by Viewer", "GET", SOURCES, who="Viewer", ours=True)
    yield Step("datasources by Editor", "GET", SOURCES, who="Editor", ours=True)
    changed = source(jsonData={"timeInterval": "15s"})
    yield Step("datasource update", "PUT", f"{SOURCES}/uid/{PROM}", changed | {"version": 1})
    yield Step("datasource update, stale", "PUT", f"{SOURCES}/uid/{PROM}", changed | {"version": 1})
    yield Step("datasource update, no version", "PUT", f"{SOURCES}/uid/{PROM}", changed)
    yield Step(
        "datasource update, another secret", "PUT", f"{SOURCES}/uid/{PROM}", changed | {"secureJsonData": {"p": "s"}}
    )
    yield Step("datasource update, a name in use", "PUT", f"{SOURCES}/uid/{PROM}", changed | {"name": LOKI})
    yield Step("datasource update, bad url", "PUT", f"{SOURCES}/uid/{PROM}", changed | {"url": "::no"})
    yield Step("datasource update, no type", "PUT", f"{SOURCES}/uid/{PROM}", {"name": PROM, "access": "proxy"})
    yield Step("datasource update by Editor", "PUT", f"{SOURCES}/uid/{PROM}", changed, who="Editor")
    yield Step("datasource update of none", "PUT", f"{SOURCES}/uid/nope-{RUN}", source(f"nope-{RUN}"))
    yield Step("datasource after all that", "GET", f"{SOURCES}/uid/{PROM}")
    yield Step("health of a datasource", "GET", f"{SOURCES}/uid/{PROM}/health")
    yield Step("health of Loki", "GET", f"{SOURCES}/uid/{LOKI}/health")
    yield Step("health of none", "GET", f"{SOURCES}/uid/nope-{RUN}/health")
    yield Step("datasource by number", "GET", f"{SOURCES}/987654")


def _queries() -> Iterator[Step]:
    def asked(name: str, *those: dict[str, Any], needs: str = "", who: str = "admin") -> Step:
        return Step(name, "POST", QUERY, queries(*those), needs=needs, who=who)

    yield asked("vector", promql("vector(1)"), needs="prometheus")
    yield asked("vector by Viewer", promql("vector(1)"), needs="prometheus", who="Viewer")
    yield asked("series", promql("up"), needs="prometheus")
    yield asked("series, range", promql("up", range=True), needs="prometheus")
    yield asked("no series", promql("nope_total"), needs="prometheus")
    yield asked("no series, range", promql("nope_total", range=True), needs="prometheus")
    yield asked("count of a series", promql("count(up)"), needs="prometheus")
    yield asked("count of no series", promql("count(nope_total)"), needs="prometheus")
    yield asked("series by matcher", promql('count({__name__="up"})'), needs="prometheus")
    yield asked("names", promql('count by (__name__) ({__name__=~"up|nope_total"})'), needs="prometheus")
    yield asked("broken PromQL", promql("sum(("), needs="prometheus")
    yield asked("one good, one broken", promql("up"), promql("sum((", ref="B"), needs="prometheus")
    yield asked("down", promql("vector(1)", DOWN))
    yield asked("one good, one down", promql("vector(1)"), promql("vector(1)", DOWN, "B"), needs="prometheus")
    yield asked("logs counted", logql('sum(count_over_time({namespace="sedna"}[5m]))'), needs="loki")
    yield asked(
        "logs counted once", logql('sum(count_over_time({namespace="sedna"}[5m]))', kind="instant"), needs="loki"
    )
    yield asked("no logs counted", logql('sum(count_over_time({namespace="nope"}[5m]))', kind="instant"), needs="loki")
    yield asked("logs", logql('{namespace="sedna"}'), needs="loki")
    yield asked("no logs", logql('{namespace="nope"}'), needs="loki")
    yield asked("broken LogQL", logql('{namespace="sedna"'), needs="loki")
    yield asked("query to no datasource", promql("up", f"nope-{RUN}"))
    yield Step("query without datasource", "POST", QUERY, queries({"refId": "A", "expr": "up"}))
    yield Step("no queries", "POST", QUERY, queries())


def _rules() -> Iterator[Step]:
    one = f"{RULES}/r1-{RUN}"
    yield Step("rule", "POST", RULES, rule(f"r1-{RUN}", "r1"))
    yield Step("rule, same uid", "POST", RULES, rule(f"r1-{RUN}", "other"))
    yield Step("rule, same title", "POST", RULES, rule(f"r2-{RUN}", "r1"))
    yield Step("rule, no data", "POST", RULES, rule(f"r3-{RUN}", "r3", data=[]))
    yield Step("rule in no folder", "POST", RULES, rule(f"r4-{RUN}", "r4", folderUID="nope"))
    yield Step("rule by Editor", "POST", RULES, rule(f"r5-{RUN}", "r5"), who="Editor")
    yield Step("rule read", "GET", one)
    yield Step("rule update", "PUT", one, rule(f"r1-{RUN}", "r1b"))
    yield Step("rule update of none", "PUT", f"{RULES}/nope-{RUN}", rule(f"nope-{RUN}", "no"))
    yield Step("no rule", "GET", f"{RULES}/nope-{RUN}")
    yield Step("rules are not listed", "GET", RULES)
    yield Step("rules of the ruler", "GET", "/api/ruler/grafana/api/v1/rules", ours=True)
    yield Step("rules of the ruler by Viewer", "GET", "/api/ruler/grafana/api/v1/rules", who="Viewer", ours=True)
    yield Step(
        "rule that pages may edit", "POST", RULES, rule(f"r7-{RUN}", "r7"), headers={"X-Disable-Provenance": "true"}
    )
    yield Step("that rule", "GET", f"{RULES}/r7-{RUN}")
    yield Step("that rule gone", "DELETE", f"{RULES}/r7-{RUN}")
    yield from _rule_groups()
    yield Step("folder with rules stays", "DELETE", f"{FOLDERS}/{G}")
    yield Step("rule gone", "DELETE", one)
    yield Step("another rule", "POST", RULES, rule(f"r6-{RUN}", "r6", folderUID=EDITORS))
    yield Step("folder with rules goes when forced", "DELETE", f"{FOLDERS}/{EDITORS}?forceDeleteRules=true")
    yield Step("its rule then", "GET", f"{RULES}/r6-{RUN}")
    yield Step("rule gone before", "DELETE", one)


def _rule_groups() -> Iterator[Step]:
    """How often a group is evaluated: what the pages do to set it, and what the provisioning API makes of its rules."""
    editable, group = {"X-Disable-Provenance": "true"}, f"{PAGES}/timed"
    for uid in ("r8", "r9"):
        yield Step(f"rule of a group, {uid}", "POST", RULES, timed(uid), headers=editable)
    yield Step("group", "GET", group)
    yield Step("group that is not there", "GET", f"{PAGES}/nope")
    yield Step("group of no folder", "GET", f"/api/ruler/grafana/api/v1/rules/nope-{RUN}/timed")
    yield Step("group saved", "POST", PAGES, whole_group("30s", "r8", "r9"))
    yield Step("group saved, then", "GET", group)
    yield Step("group saved as it is", "POST", PAGES, whole_group("30s", "r8", "r9"))
    yield Step("group saved by Viewer", "POST", PAGES, whole_group("30s", "r8", "r9"), who="Viewer")
    yield Step("group with an odd interval", "POST", PAGES, whole_group("15s", "r8", "r9"))
    yield Step("group with a rule that is not there", "POST", PAGES, whole_group("30s", "r8", "nope"))
    yield Step("group without one of its rules", "POST", PAGES, whole_group("30s", "r8"))
    yield Step("that rule is gone", "GET", f"{RULES}/r9-{RUN}")
    yield Step("rule that comes to a group", "POST", RULES, timed("r9"), headers=editable)
    yield Step("rule goes to another group", "PUT", f"{RULES}/r9-{RUN}", timed("r9", ruleGroup="new"), headers=editable)
    yield Step("that group", "GET", f"{PAGES}/new")
    yield Step("it is set to 60 s", "POST", PAGES, whole_group("1m", "r9", name="new"))
    yield Step("rule goes back", "PUT", f"{RULES}/r9-{RUN}", timed("r9"), headers=editable)
    yield Step("group of two intervals", "GET", group)
    alone = {"interval": 60}
    yield Step("only the interval", "PUT", f"{GROUPS}/timed", alone, headers=editable)
    yield Step("only the interval, then", "GET", group)
    yield Step("rule given back to the pages", "PUT", f"{RULES}/r8-{RUN}", timed("r8"), headers=editable)
    yield Step("group of the API, saved", "POST", PAGES, whole_group("30s", "r8", "r9"))
    yield Step("only the interval of no group", "PUT", f"{GROUPS}/nope", alone, headers=editable)
    yield Step("only an odd interval", "PUT", f"{GROUPS}/timed", {"interval": 15}, headers=editable)
    for uid in ("r8", "r9"):
        yield Step(f"rule of a group gone, {uid}", "DELETE", f"{RULES}/{uid}-{RUN}", headers=editable)
    query = timed("r8")["data"][0]
    odd: dict[str, dict[str, Any]] = {
        "a condition that no query answers to": {"condition": "X"},
        "a datasource that is not there": {"data": [{**query, "datasourceUid": "nope"}]},
        "a kind of query": {"data": [{**query, "model": {**query["model"], "queryType": "instant"}}]},
        "an expression": {"data": [query, EXPRESSION], "condition": "B"},
        "a duration in other words": {"for": "90s"},
        "a duration of days": {"for": "8d"},
        "no duration": {"for": "5x"},
        "no title": {"title": ""},
        "a state of other words": {"noDataState": "ok"},
        "an error state of newer servers": {"execErrState": "KeepLast"},
        "a range that ends before it begins": {"data": [{**query, "relativeTimeRange": {"from": 0, "to": 600}}]},
        "a panel of no dashboard": {"annotations": {"__panelId__": "3"}},
        "a panel without a number": {"annotations": {"__dashboardUid__": ONE, "__panelId__": "x"}},
        "no labels": {"labels": None, "annotations": None},
        "neither organization nor model defaults": {"orgID": None, "isPaused": True},
    }
    for name, change in odd.items():
        yield Step(f"rule with {name}", "POST", RULES, timed("r8", **change), headers=editable)
        yield Step(f"rule with {name}, gone", "DELETE", f"{RULES}/r8-{RUN}", headers=editable)
    long = f"{'x' * 34}-{RUN}"
    yield Step("rule with a long uid", "POST", RULES, {**timed("r8"), "uid": long}, headers=editable)
    yield Step("rule with a long uid, gone", "DELETE", f"{RULES}/{long}", headers=editable)


def _provisioned() -> Iterator[Step]:
    uid, needs = "provisioned", "provisioned"
    yield Step("provisioned datasource", "GET", f"{SOURCES}/uid/{uid}", needs=needs)
    changed = {"uid": uid, "name": uid, "type": "prometheus", "access": "proxy", "url": "http://other:9090"}
    yield Step("provisioned datasource, update", "PUT", f"{SOURCES}/uid/{uid}", changed, needs=needs)
    yield Step("provisioned datasource, delete", "DELETE", f"{SOURCES}/uid/{uid}", needs=needs)
    yield Step("provisioned dashboard", "GET", f"{BY_UID}/board-{uid}", needs=needs)
    board = {"uid": f"board-{uid}", "title": "Changed"}
    over = {"dashboard": board, "folderUid": uid, "overwrite": True}
    yield Step("provisioned dashboard, save", "POST", DB, over, needs=needs)
    yield Step("provisioned dashboard, delete", "DELETE", f"{BY_UID}/board-{uid}", needs=needs)
    yield Step("folder of a provisioned dashboard, delete", "DELETE", f"{FOLDERS}/{uid}", needs=needs)
    yield Step("the provisioned folder then", "GET", f"{FOLDERS}/{uid}", needs=needs)


def _deletions() -> Iterator[Step]:
    yield Step("element gone", "DELETE", f"{ELEMENTS}/l-{RUN}")
    yield Step("dashboard gone, Viewer", "DELETE", f"{BY_UID}/{TWO}", who="Viewer")
    yield Step("dashboard gone, Editor", "DELETE", f"{BY_UID}/{TWO}", who="Editor")
    yield Step("dashboard gone before", "DELETE", f"{BY_UID}/{TWO}")
    yield Step("dashboard gone", "DELETE", f"{BY_UID}/{LOOSE}")
    yield Step("folder gone, Viewer", "DELETE", f"{FOLDERS}/{F}", who="Viewer")
    yield Step("folder gone, with what is in it", "DELETE", f"{FOLDERS}/{F}")
    yield Step("what was in it", "GET", f"{BY_UID}/{ONE}")
    yield Step("and its history", "GET", f"{BY_UID}/{ONE}/versions")
    yield Step("folder gone before", "DELETE", f"{FOLDERS}/{F}")
    yield Step("last rule gone", "DELETE", f"{RULES}/r4-{RUN}")
    yield Step("the other folder gone", "DELETE", f"{FOLDERS}/{G}")
    yield Step("nothing left", "GET", f"{SEARCH}?query={RUN}")
    yield Step("datasource gone, Editor", "DELETE", f"{SOURCES}/uid/{PROM}", who="Editor")
    for uid in (PROM, LOKI, DOWN):
        yield Step(f"datasource gone, {uid[0]}", "DELETE", f"{SOURCES}/uid/{uid}")
    yield Step("datasource gone before", "DELETE", f"{SOURCES}/uid/{PROM}")
    for role in ("Viewer", "Editor", "Admin", "Reader", "Writer"):
        yield Step(f"service account gone, {role}", "DELETE", f"/api/serviceaccounts/<id of {role}>")


SCRIPT = tuple(_script())
