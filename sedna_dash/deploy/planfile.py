"""A plan as a file: saved by ``plan --out``, applied exactly by ``deploy --plan``.

The form is published as ``sedna_dash/schemas/plan.schema.json``. It holds what is to be sent, but never a secret: only
where a secret is to be had.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from sedna_dash.deploy.alerts import seen_rule
from sedna_dash.deploy.changes import Change, Plan, Policy, Seen, seen
from sedna_dash.deploy.grafana import clean
from sedna_dash.deploy.judging import Live
from sedna_dash.deploy.marks import datasource_contains, datasource_fields
from sedna_dash.deploy.threeway import Detail
from sedna_dash.errors import OutputError, SettingsError
from sedna_dash.render.canonical import checksum
from sedna_dash.render.writing import replace_file
from sedna_dash.schemas import violation

KIND, SCHEMA_VERSION = "sedna-dash/plan", 1


def plan_data(plan: Plan) -> dict[str, Any]:
    """The plan as JSON data."""
    return {
        "kind": KIND,
        "schemaVersion": SCHEMA_VERSION,
        "url": plan.url,
        "orgId": plan.org_id,
        "grafana": plan.grafana,
        "bundle": plan.bundle,
        "deployment": plan.deployment,
        "policy": {
            "onDrift": plan.policy.on_drift,
            "adopt": plan.policy.adopt,
            "prune": plan.policy.prune,
            "pruneLimit": plan.policy.prune_limit,
            "sendSecrets": plan.policy.send_secrets,
        },
        "changes": [_change_data(change) for change in plan.changes],
    }


def _change_data(change: Change) -> dict[str, Any]:
    return {
        "action": change.action,
        "kind": change.kind,
        "uid": change.uid,
        "title": change.title,
        "folder": change.folder,
        "reason": change.reason,
        "kept": change.kept,
        "details": [asdict(item) for item in change.details],
        "seen": asdict(change.seen) if change.seen else None,
        "merged": change.merged,
        "after": change.after,
        "body": dict(change.body),
        "secrets": dict(change.secrets),
    }


def save_plan(plan: Plan, path: Path) -> None:
    """Write the plan. Raises `OutputError` when it cannot be written."""
    try:
        replace_file(path, (json.dumps(plan_data(plan), indent=2, sort_keys=True) + "\n").encode())
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); name another file with --out") from error


def load_plan(path: Path) -> Plan:
    """Read a plan. Raises `SettingsError` when the file holds none of ours."""
    cure = "make it anew with: sedna-dash plan --out FILE"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"--plan {path}: cannot be read ({error.strerror}); {cure}") from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"--plan {path}: is not JSON ({error}); {cure}") from error
    if not isinstance(data, dict) or data.get("kind") != KIND:
        raise SettingsError(f"--plan {path}: is no plan of sedna-dash; {cure}")
    if data.get("schemaVersion") != SCHEMA_VERSION:
        raise SettingsError(f"--plan {path}: is of another sedna-dash, which wrote plans differently; {cure}")
    wrong = violation("plan", data)
    if wrong:
        raise SettingsError(f"--plan {path}: {clean(wrong)}; {cure}")
    policy = data["policy"]
    return Plan(
        url=data["url"],
        grafana=data["grafana"],
        bundle=data["bundle"],
        deployment=data["deployment"],
        policy=Policy(policy["onDrift"], policy["adopt"], policy["prune"], policy["pruneLimit"], policy["sendSecrets"]),
        changes=tuple(map(_change, data["changes"])),
        org_id=data["orgId"],
    )


def _change(data: Mapping[str, Any]) -> Change:
    return Change(
        **{key: data[key] for key in ("action", "kind", "uid", "title", "folder", "reason", "kept", "merged", "after")},
        details=tuple(Detail(**item) for item in data["details"]),
        seen=Seen(**data["seen"]) if data["seen"] else None,
        body=data["body"],
        secrets=data["secrets"],
    )


def without_done(plan: Plan, live: Live) -> Plan:
    """The plan with what Grafana already holds of it as unchanged."""
    changes = tuple(
        replace(change, action="unchanged", reason="done before")
        if change.writes and _is_done(change, plan, live)
        else change
        for change in plan.changes
    )
    return replace(plan, changes=changes)


def _is_done(change: Change, plan: Plan, live: Live) -> bool:
    if change.kind == "folder":
        folder = next((item for item in live.folders if item.uid == change.uid), None)
        return folder is not None and (folder.title, folder.parent) == (change.title, change.folder)
    if change.kind == "datasource":
        source = next((item for item in live.datasources if item.get("uid") == change.uid), None)
        has = (source or {}).get("secureJsonFields") or {}
        return source is not None and all(map(has.get, change.secrets)) and datasource_contains(source, change.body)
    if change.kind == "group":
        return _intervals(change, live) == {change.body["interval"]}
    if change.kind == "alert":
        rule = live.rules.get(change.uid)
        if rule is None or change.action == "delete":
            return rule is None and change.action == "delete"
        return seen_rule(rule.rule) == seen_rule(change.body)
    dashboard = live.dashboards.get(change.uid)
    if dashboard is None:
        return change.action == "delete"
    return change.action != "delete" and dashboard.newest.message == plan.message(change)


def moved_since(plan: Plan, live: Live) -> list[str]:
    """What is no longer as the plan saw it, of all that the plan would touch."""
    return [
        f"{change.kind} '{change.title}' (uid {change.uid})"
        for change in plan.changes
        if change.writes and not _as_seen(change, live)
    ]


def _as_seen(change: Change, live: Live) -> bool:
    if change.kind == "folder":
        folder = next((item for item in live.folders if item.uid == change.uid), None)
        if folder is None or change.seen is None:
            return folder is None and change.seen is None
        return folder.place == change.seen.checksum
    if change.kind == "datasource":
        source = next((item for item in live.datasources if item.get("uid") == change.uid), None)
        if source is None or change.seen is None:
            return source is None and change.seen is None
        return checksum(datasource_fields(source)) == change.seen.checksum
    if change.kind == "group":
        return _intervals(change, live) <= {change.body["interval"], *change.body["was"]}
    if change.kind == "alert":
        rule = live.rules.get(change.uid)
        return (seen_rule(rule.rule) if rule else None) == change.seen
    dashboard = live.dashboards.get(change.uid)
    if dashboard is None or change.seen is None:
        return dashboard is None and change.seen is None
    return seen(dashboard) == change.seen


def _intervals(change: Change, live: Live) -> set[int]:
    """How often the rules of a group are evaluated, which should be one number."""
    return {rule.interval for rule in live.rules.values() if (rule.folder, rule.group) == (change.folder, change.uid)}
