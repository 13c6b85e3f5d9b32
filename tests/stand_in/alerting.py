"""Alert rules: those of the provisioning API, and the groups of the ruler, which Grafana's own pages use.

A rule is kept in the shape of the provisioning API, with three more fields: ``version``, ``interval`` (seconds; Grafana
keeps it with each rule) and ``place`` in its group.
"""

from __future__ import annotations

import re
from typing import Any

from tests.stand_in.http import Answer, Request, Route, denied, problem
from tests.stand_in.state import State

MISSING = "could not find alert rule"
TAKEN = "a conflicting alert rule is found: rule title under the same organisation and folder should be unique"
USUAL_INTERVAL = 60

_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_OWN = ("version", "interval", "place")


def _whole(grafana: State, uid: str) -> dict[str, Any]:
    """A rule with what Grafana adds to it."""
    rule = grafana.rules[uid]
    data = [
        {
            "queryType": query["model"].get("queryType", ""),
            **query,
            "model": {"intervalMs": 1000, "maxDataPoints": 43200, **query["model"]},
        }
        for query in rule["data"]
    ]
    return {**rule, "data": data}


def _shown(grafana: State, uid: str) -> Answer:
    rule, empty = _whole(grafana, uid), ("provenance", "labels", "annotations")
    hidden = {*_OWN, *(key for key in empty if not rule.get(key))}
    return Answer(200, {key: value for key, value in rule.items() if key not in hidden})


def _seconds(duration: str) -> int | None:
    if not re.fullmatch(r"(?:\d+w)?(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+s)?|0", duration) or not duration:
        return None
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([wdhms])", duration))


def _spelt(seconds: int) -> str:
    if not seconds:
        return "0s"
    if seconds % _UNITS["w"] == 0:
        return f"{seconds // _UNITS['w']}w"
    result = ""
    for unit in "dhms":
        number, seconds = divmod(seconds, _UNITS[unit])
        result += f"{number}{unit}" if number else ""
    return result


def _refused(rule: dict[str, Any]) -> Answer | None:
    """What Grafana looks at. Neither the folder nor the condition nor the length of a uid is among it."""
    if _seconds(str(rule.get("for"))) is None:
        return problem(400, "bad request data")
    known = {
        "noDataState": ("NoData", ("NoData", "Alerting", "OK")),
        "execErrState": ("Error", ("Error", "Alerting", "OK")),
    }
    for key, (name, states) in known.items():
        if rule.get(key) not in states:
            return problem(500, f"unknown {name} state option {rule.get(key)}")
    if not rule.get("data"):
        return problem(400, "invalid alert rule: no queries or expressions are found")
    for query in rule["data"]:
        span = query.get("relativeTimeRange") or {"from": 0, "to": 0}
        if span["from"] < span["to"]:
            said = f"{{From:{_spelt(span['from'])} To:{span['to'] // 60}m0s}}"
            return problem(500, f"invalid alert query {query['refId']}: invalid relative time range: {said}")
    if not rule.get("title"):
        return problem(400, "invalid alert rule: title is empty")
    annotations = rule.get("annotations") or {}
    if ("__dashboardUid__" in annotations) != ("__panelId__" in annotations):
        return problem(500, "both annotations __dashboardUid__ and __panelId__ must be specified")
    if not annotations.get("__panelId__", "0").isdecimal():
        return problem(500, "annotation __panelId__ must be a valid integer Panel ID")
    return None


def _taken(grafana: State, uid: str, rule: dict[str, Any]) -> bool:
    titles = {(other["folderUID"], other["title"]) for name, other in grafana.rules.items() if name != uid}
    return (rule["folderUID"], rule["title"]) in titles


def _kept(grafana: State, rule: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A rule as it is kept: 9.3 knows nothing of pausing, and gives back durations in its own words."""
    own = {key: value for key, value in rule.items() if key != "isPaused"}
    duration = _spelt(_seconds(str(rule["for"])) or 0)
    return {**own, "orgID": 1, "for": duration, "updated": grafana.stamp(), "place": 0, **more}


def _group(grafana: State, folder: str, name: str) -> list[str]:
    """The uids of a group's rules, in its order."""
    inside = [uid for uid, rule in grafana.rules.items() if (rule["folderUID"], rule["ruleGroup"]) == (folder, name)]
    return sorted(inside, key=lambda uid: (grafana.rules[uid].get("place", 0), grafana.rules[uid].get("id", 0)))


def _interval(grafana: State, uids: list[str]) -> int:
    """How often a group is evaluated, as far as Grafana says: as often as its first rule."""
    return int(grafana.rules[uids[0]].get("interval", USUAL_INTERVAL)) if uids else USUAL_INTERVAL


# The provisioning API -----------------------------------------------------------------------------------------------


def _list(grafana: State, request: Request) -> Answer:
    if not grafana.behaviour.rules_listed:
        return problem(404, "Not found")
    return Answer(200, [_shown(grafana, uid).body for uid in grafana.rules])


def _get(grafana: State, request: Request, uid: str) -> Answer:
    if uid not in grafana.rules:
        return problem(grafana.behaviour.rule_missing, MISSING)
    return _shown(grafana, uid)


def _create(grafana: State, request: Request) -> Answer:
    """Neither its folder nor its condition is looked at."""
    rule = request.fields
    refused = _refused(rule)
    if refused:
        return refused
    uid = rule.get("uid") or f"made-{grafana.new_id()}"
    if uid in grafana.rules or _taken(grafana, uid, rule):
        return problem(grafana.behaviour.rule_exists, TAKEN)
    interval = _interval(grafana, _group(grafana, rule["folderUID"], rule["ruleGroup"]))
    grafana.rules[uid] = _kept(
        grafana, rule, uid=uid, id=grafana.new_id(), version=1, interval=interval, provenance=_provenance(request)
    )
    return Answer(201, _shown(grafana, uid).body)


def _provenance(request: Request) -> str:
    """Where a rule comes from: what came through this API cannot be edited in the pages, unless a header said so."""
    return "" if "X-Disable-Provenance" in request.headers else "api"


def _update(grafana: State, request: Request, uid: str) -> Answer:
    """A rule that goes to another group keeps its own interval."""
    if uid not in grafana.rules:
        return Answer(404, None, content_type="text/plain; charset=utf-8")
    old, provenance = grafana.rules[uid], _provenance(request)
    refused = _refused(request.fields)
    if refused:
        return refused
    if old.get("provenance", "") not in ("", provenance):
        return problem(500, f"cannot changed provenance from '{old['provenance']}' to '{provenance}'")
    if _taken(grafana, uid, request.fields):
        return problem(grafana.behaviour.rule_exists, TAKEN)
    grafana.rules[uid] = _kept(
        grafana, request.fields, uid=uid, id=old.get("id"), version=old.get("version", 1) + 1, provenance=provenance,
        interval=old.get("interval", USUAL_INTERVAL),
    )  # fmt: skip
    return _shown(grafana, uid)


def _delete(grafana: State, request: Request, uid: str) -> Answer:
    grafana.rules.pop(uid, None)
    return Answer(204, b"")


def _set_interval(grafana: State, request: Request, folder: str, name: str) -> Answer:
    """With an interval and no rules only that is set; but all rules become those of the API, whatever a header says."""
    interval = request.fields["interval"]
    if not interval or interval % 10:
        said = f"interval ({interval}s) should be non-zero and divided exactly by scheduler interval: 10"
        return problem(400, f"invalid alert rule: {said}")
    group = [grafana.rules[uid] for uid in _group(grafana, folder, name)]
    if any(rule.get("interval", USUAL_INTERVAL) != interval for rule in group):
        for rule in group:
            rule |= {"interval": interval, "version": rule.get("version", 1) + 1, "provenance": "api"}
    return Answer(200, {"title": name, "folderUid": folder, "interval": interval, "rules": None})


# The ruler ----------------------------------------------------------------------------------------------------------


def _in_pages(grafana: State, uid: str) -> dict[str, Any]:
    rule = _whole(grafana, uid)
    folder = grafana.folders[rule["folderUID"]]
    provenance = {"provenance": rule["provenance"]} if rule.get("provenance") else {}
    return {
        "expr": "", "for": rule.get("for", "0s"),
        **{key: rule[key] for key in ("labels", "annotations") if rule.get(key)},
        "grafana_alert": {
            "id": rule.get("id"), "orgId": 1, "title": rule["title"], "condition": rule.get("condition", ""),
            "data": rule["data"], "updated": rule.get("updated"),
            "intervalSeconds": rule.get("interval", USUAL_INTERVAL), "version": rule.get("version", 1), "uid": uid,
            "namespace_uid": folder["uid"], "namespace_id": folder["id"], "rule_group": rule["ruleGroup"],
            "no_data_state": rule.get("noDataState"), "exec_err_state": rule.get("execErrState"), **provenance,
        },
    }  # fmt: skip


def _group_in_pages(grafana: State, folder: str, name: str) -> dict[str, Any]:
    uids = _group(grafana, folder, name)
    interval = {"interval": _spelt(_interval(grafana, uids))} if uids else {}
    return {"name": name, **interval, "rules": [_in_pages(grafana, uid) for uid in uids]}


def _ruler(grafana: State, request: Request) -> Answer:
    """Groups of rules by the title of their folder; a rule in no folder is not shown."""
    result: dict[str, list[dict[str, Any]]] = {}
    groups = dict.fromkeys((rule["folderUID"], rule["ruleGroup"]) for rule in grafana.rules.values())
    for folder, name in groups:
        if folder in grafana.folders:
            shown = _group_in_pages(grafana, folder, name)
            result.setdefault(grafana.folders[folder]["title"], []).append(shown)
    return Answer(200, result)


def _folder_of_pages(grafana: State, name: str) -> str | None:
    """Its uid. The pages name it by its title, later by its uid."""
    if grafana.behaviour.ruler_by_uid:
        return name if name in grafana.folders else None
    return next((uid for uid, folder in grafana.folders.items() if folder["title"] == name), None)


_NO_FOLDER = problem(404, "folder not found", "not-found")


def _ruler_group(grafana: State, request: Request, namespace: str, name: str) -> Answer:
    folder = _folder_of_pages(grafana, namespace)
    return _NO_FOLDER if folder is None else Answer(202, _group_in_pages(grafana, folder, name))


def _save_group(grafana: State, request: Request, namespace: str) -> Answer:
    """Save a group as the pages do: a rule that is left out is deleted."""
    if request.role == "Viewer":
        return denied("any of alert.rules:write, alert.rules:create, alert.rules:delete")
    folder, name = _folder_of_pages(grafana, namespace), request.fields["name"]
    if folder is None:
        return _NO_FOLDER
    interval = _seconds(request.fields.get("interval", "1m"))
    if not interval or interval % 10:
        said = f"rule evaluation interval ({interval} second) should be positive number that is multiple of the base"
        return problem(400, f"{said} interval of 10 seconds")
    there, sent = _group(grafana, folder, name), request.fields.get("rules") or []
    for rule in sent:
        uid = rule["grafana_alert"].get("uid")
        if uid and uid not in grafana.rules:
            said = f"failed to update rule with UID {uid} because {MISSING}"
            return problem(404, f"failed to update rule group: {said}")
    if any(grafana.rules[uid].get("provenance") for uid in there):
        said = f"alert rule group [{{orgID: 1, namespaceUID: {folder}, groupName: {name}}}]"
        return problem(
            400, f"failed to update rule group: request affects resources created via provisioning API: {said}"
        )
    saved = []
    for place, rule in enumerate(sent, 1):
        own = rule["grafana_alert"]
        uid = own.get("uid") or f"made-{grafana.new_id()}"
        old = grafana.rules.get(uid, {"id": grafana.new_id(), "version": 0})
        given = {
            "title": own["title"], "condition": own["condition"], "data": own["data"], "for": rule["for"],
            "noDataState": own["no_data_state"], "execErrState": own["exec_err_state"], "folderUID": folder,
            "ruleGroup": name, "labels": rule.get("labels"), "annotations": rule.get("annotations"),
        }  # fmt: skip
        grafana.rules[uid] = _kept(
            grafana, given, uid=uid, id=old["id"], version=old["version"] + 1, interval=interval, place=place
        )
        saved.append(uid)
    for uid in set(there) - set(saved):
        del grafana.rules[uid]
    return Answer(202, {"message": "rule group updated successfully"})


_ALL, _RULER = "/api/v1/provisioning/alert-rules", "/api/ruler/grafana/api/v1/rules"
_FOLDERS = "/api/v1/provisioning/folder"
ROUTES = [
    Route("GET", _RULER, _ruler, "alert.rules:read"),
    Route("GET", f"{_RULER}/([^/]+)/([^/]+)", _ruler_group, "alert.rules:read"),
    Route("POST", f"{_RULER}/([^/]+)", _save_group),
    Route("GET", _ALL, _list, "alert.provisioning:read"),
    Route("POST", _ALL, _create, "alert.provisioning:write"),
    Route("GET", f"{_ALL}/([^/]+)", _get, "alert.provisioning:read"),
    Route("PUT", f"{_ALL}/([^/]+)", _update, "alert.provisioning:write"),
    Route("DELETE", f"{_ALL}/([^/]+)", _delete, "alert.provisioning:write"),
    Route("PUT", f"{_FOLDERS}/([^/]+)/rule-groups/([^/]+)", _set_interval, "alert.provisioning:write"),
]
