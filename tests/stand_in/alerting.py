"""Alert rules: those of the provisioning API, and the ruler's list of them."""

from __future__ import annotations

from typing import Any

from tests.stand_in.http import Answer, Request, Route, problem
from tests.stand_in.state import State

MISSING = "could not find alert rule"
TAKEN = "a conflicting alert rule is found: rule title under the same organisation and folder should be unique"


def _whole(grafana: State, uid: str) -> dict[str, Any]:
    """A rule with what Grafana adds to it."""
    rule = grafana.rules[uid]
    data = [
        {"queryType": "", **query, "model": {"intervalMs": 1000, "maxDataPoints": 43200, **query["model"]}}
        for query in rule["data"]
    ]
    return {**rule, "data": data}


def _list(grafana: State, request: Request) -> Answer:
    if not grafana.behaviour.rules_listed:
        return problem(404, "Not found")
    return Answer(200, [_without_version(_whole(grafana, uid)) for uid in grafana.rules])


def _get(grafana: State, request: Request, uid: str) -> Answer:
    if uid not in grafana.rules:
        return problem(grafana.behaviour.rule_missing, MISSING)
    return Answer(200, _without_version(_whole(grafana, uid)))


def _create(grafana: State, request: Request) -> Answer:
    """Neither its folder nor its condition is looked at."""
    rule = request.fields
    if not rule.get("data"):
        return problem(400, "invalid alert rule: no queries or expressions are found")
    uid = rule.get("uid") or f"made-{grafana.new_id()}"
    beside = {(other["folderUID"], other["title"]) for other in grafana.rules.values()}
    if uid in grafana.rules or (rule["folderUID"], rule["title"]) in beside:
        return problem(grafana.behaviour.rule_exists, TAKEN)
    grafana.rules[uid] = {**rule, "uid": uid, "id": grafana.new_id(), "updated": grafana.stamp(), "version": 1,
                          "provenance": _provenance(request)}  # fmt: skip
    return Answer(201, _without_version(_whole(grafana, uid)))


def _provenance(request: Request) -> str:
    """Where a rule comes from: what came through this API cannot be edited in the pages, unless a header said so."""
    return "" if "X-Disable-Provenance" in request.headers else "api"


def _without_version(rule: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in rule.items() if key != "version" and (key, value) != ("provenance", "")}


def _update(grafana: State, request: Request, uid: str) -> Answer:
    if uid not in grafana.rules:
        return Answer(404, None, content_type="text/plain; charset=utf-8")
    old = grafana.rules[uid]
    grafana.rules[uid] = {**request.fields, "uid": uid, "id": old.get("id"), "updated": grafana.stamp(),
                          "version": old.get("version", 1) + 1, "provenance": _provenance(request)}  # fmt: skip
    return Answer(200, _without_version(_whole(grafana, uid)))


def _delete(grafana: State, request: Request, uid: str) -> Answer:
    grafana.rules.pop(uid, None)
    return Answer(204, b"")


def _ruler(grafana: State, request: Request) -> Answer:
    """Groups of rules by the title of their folder; a rule in no folder is not shown."""
    result: dict[str, list[dict[str, Any]]] = {}
    for uid in grafana.rules:
        rule = _whole(grafana, uid)
        folder = grafana.folders.get(rule["folderUID"])
        if not folder:
            continue
        groups = result.setdefault(folder["title"], [])
        group = next((group for group in groups if group["name"] == rule["ruleGroup"]), None)
        if not group:
            group = {"name": rule["ruleGroup"], "interval": "1m", "rules": []}
            groups.append(group)
        group["rules"].append(
            {
                "expr": "", "for": rule.get("for", "0s"), "labels": rule.get("labels", {}),
                "annotations": rule.get("annotations", {}),
                "grafana_alert": {
                    "id": rule.get("id"), "orgId": 1, "title": rule["title"], "condition": rule.get("condition", ""),
                    "data": rule["data"], "updated": rule.get("updated"), "intervalSeconds": 60,
                    "version": rule.get("version", 1), "uid": uid, "namespace_uid": folder["uid"],
                    "namespace_id": folder["id"], "rule_group": rule["ruleGroup"],
                    "no_data_state": rule.get("noDataState"), "exec_err_state": rule.get("execErrState"),
                    "provenance": rule.get("provenance", ""),
                },
            }
        )  # fmt: skip
    return Answer(200, result)


_ALL = "/api/v1/provisioning/alert-rules"
ROUTES = [
    Route("GET", "/api/ruler/grafana/api/v1/rules", _ruler, "alert.rules:read"),
    Route("GET", _ALL, _list, "alert.provisioning:read"),
    Route("POST", _ALL, _create, "alert.provisioning:write"),
    Route("GET", f"{_ALL}/([^/]+)", _get, "alert.provisioning:read"),
    Route("PUT", f"{_ALL}/([^/]+)", _update, "alert.provisioning:write"),
    Route("DELETE", f"{_ALL}/([^/]+)", _delete, "alert.provisioning:write"),
]
