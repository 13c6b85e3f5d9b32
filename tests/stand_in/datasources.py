"""Datasources: made, listed, updated, deleted, and asked for their health."""

from __future__ import annotations

from typing import Any

from tests.stand_in.http import Answer, Request, Route, problem
from tests.stand_in.queries import is_down
from tests.stand_in.state import State

MISSING = "Data source not found"
NAMES = {"prometheus": "Prometheus", "loki": "Loki"}
LOGOS = {"prometheus": "prometheus_logo.svg", "loki": "loki_icon.svg"}
HIDDEN_IN_LISTS = ("basicAuthUser", "secureJsonFields", "secureJsonData", "withCredentials", "version")


def _shown(source: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in source.items() if key != "secureJsonData"}


def _list(grafana: State, request: Request) -> Answer:
    result = []
    for item in sorted(grafana.datasources.values(), key=lambda item: item["name"].lower()):
        shown = {key: value for key, value in item.items() if key not in HIDDEN_IN_LISTS}
        kind = item["type"]
        logo = f"public/app/plugins/datasource/{kind}/img/{LOGOS.get(kind, '')}"
        result.append({**shown, "typeName": NAMES.get(kind, kind), "typeLogoUrl": logo})
    return Answer(200, result)


def _get(grafana: State, request: Request, uid: str) -> Answer:
    found = grafana.datasources.get(uid)
    return Answer(200, _shown(found)) if found else problem(404, MISSING)


def _get_by_name(grafana: State, request: Request, name: str) -> Answer:
    return _get(grafana, request, next((uid for uid, item in grafana.datasources.items() if item["name"] == name), ""))


def _uid_of(grafana: State, number: str) -> str:
    return next((uid for uid, item in grafana.datasources.items() if item["id"] == int(number)), "")


def _get_by_number(grafana: State, request: Request, number: str) -> Answer:
    if not grafana.behaviour.datasources_by_number:
        return problem(404, "Not found")
    return _get(grafana, request, _uid_of(grafana, number))


def _update_by_number(grafana: State, request: Request, number: str) -> Answer:
    if not grafana.behaviour.datasources_by_number:
        return problem(404, "Not found")
    return _update(grafana, request, _uid_of(grafana, number))


def _delete_by_number(grafana: State, request: Request, number: str) -> Answer:
    if not grafana.behaviour.datasources_by_number:
        return problem(404, "Not found")
    return _delete(grafana, request, _uid_of(grafana, number))


def _wrong(body: dict[str, Any]) -> Answer | None:
    if not all(body.get(key) for key in ("name", "type", "access")):
        return problem(400, "bad request data")
    if str(body.get("url", "")).startswith(":"):
        return problem(400, "Validation error, invalid URL")
    return None


def _create(grafana: State, request: Request) -> Answer:
    body = request.fields
    wrong = _wrong(body)
    if wrong:
        return wrong
    if body["name"] in {item["name"] for item in grafana.datasources.values()}:
        return problem(409, "data source with the same name already exists")
    uid = body.get("uid") or f"made-{grafana.new_id()}"
    if uid in grafana.datasources:
        return problem(409, "data source with the same uid already exists")
    grafana.datasources[uid] = grafana.datasource({**body, "uid": uid})
    return _receipt(grafana, uid, "Datasource added")


def _update(grafana: State, request: Request, uid: str) -> Answer:
    """All but the secrets is replaced; secrets are added to those there are."""
    found, body = grafana.datasources.get(uid), request.fields
    wrong = _wrong(body)
    if wrong:
        return wrong
    if found is None:
        return problem(404, MISSING)
    if found["readOnly"]:
        return problem(403, "Cannot update read-only data source")
    version = int(body.get("version") or 0)
    if version and found["version"] > version:
        return problem(409, "Datasource has already been updated by someone else. Please reload and try again")
    if body["name"] in {item["name"] for other, item in grafana.datasources.items() if other != uid}:
        return problem(grafana.behaviour.datasource_name_taken, "Failed to update datasource")
    secrets = {**found["secureJsonData"], **(body.get("secureJsonData") or {})}
    grafana.datasources[uid] = grafana.datasource({**body, "uid": uid, "secureJsonData": secrets}, found["id"])
    # It counts on from the version that was sent, or anew.
    grafana.datasources[uid]["version"] = version + 1
    return _receipt(grafana, uid, "Datasource updated")


def _delete(grafana: State, request: Request, uid: str) -> Answer:
    found = grafana.datasources.get(uid)
    if found is None:
        return problem(404, MISSING)
    if found["readOnly"]:
        return problem(403, "Cannot delete read-only data source")
    del grafana.datasources[uid]
    return Answer(200, {"id": found["id"], "message": "Data source deleted"})


def _receipt(grafana: State, uid: str, message: str) -> Answer:
    shown = _shown(grafana.datasources[uid])
    return Answer(200, {"datasource": shown, "id": shown["id"], "message": message, "name": shown["name"]})


def _health(grafana: State, request: Request, uid: str) -> Answer:
    if uid not in grafana.datasources:
        later = grafana.behaviour.datasource_health
        return problem(404, MISSING) if later else problem(500, "Unable to load datasource metadata")
    if not grafana.behaviour.datasource_health:
        # The plugins of 9.3 have no such check.
        return problem(404, "Not found")
    if is_down(grafana, uid):
        return Answer(400, {"status": "ERROR", "message": "dial tcp: connect: connection refused"})
    return Answer(200, {"status": "OK", "message": "Successfully queried the API."})


_ONE, _NUMBER = "/api/datasources/uid/([^/]+)", "/api/datasources/([0-9]+)"
ROUTES = [
    Route("GET", "/api/datasources", _list, "datasources:read"),
    Route("POST", "/api/datasources", _create, "datasources:create"),
    Route("GET", _ONE, _get, "datasources:read"),
    Route("GET", "/api/datasources/name/([^/]+)", _get_by_name, "datasources:read"),
    Route("PUT", _ONE, _update, "datasources:write"),
    Route("DELETE", _ONE, _delete, "datasources:delete"),
    Route("GET", f"{_ONE}/health", _health, "datasources:query"),
    Route("GET", _NUMBER, _get_by_number, "datasources:read"),
    Route("PUT", _NUMBER, _update_by_number, "datasources:write"),
    Route("DELETE", _NUMBER, _delete_by_number, "datasources:delete"),
]
