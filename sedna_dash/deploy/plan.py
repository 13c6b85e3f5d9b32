"""What to do: compare what should be with what is. Pure: data in, data out.

Nothing is ever written over a dashboard without naming the version that was looked at, and Grafana is never asked to
overwrite: whatever is replaced stays in the dashboard's history.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sedna_dash.deploy.alert_rules import Alerts
from sedna_dash.deploy.alerts import AlertJudge
from sedna_dash.deploy.changes import Change, Plan, Policy
from sedna_dash.deploy.datasources import Wanted, compare_datasource
from sedna_dash.deploy.folders import folder_of_ours, plan_folders, seems_ours
from sedna_dash.deploy.judging import Judge, Live
from sedna_dash.deploy.marks import DATASOURCE_MARK, canonical, datasource_fields
from sedna_dash.deploy.record import Entry, Record, packed, record_uid
from sedna_dash.deploy.resources import Folder, LiveDashboard, Model
from sedna_dash.render.canonical import checksum


@dataclass(frozen=True)
class Desired:
    """What Grafana should hold. ``path`` are the titles of the folder, from the outside in. ``alerts`` is None when
    nothing was said of alert rules, which then stay as they are."""

    path: Sequence[str] = ("Sedna",)
    bundle: str = "sedna"
    datasources: Sequence[Wanted] = ()
    dashboards: Sequence[Model] = ()
    alerts: Alerts | None = None
    #: The deployment that is returned to; empty when it is the modules that are deployed.
    returning: str = ""


def make_plan(desired: Desired, live: Live, policy: Policy) -> Plan:
    """What is to be done, in the order to do it in: folders, datasources, dashboards, alert rules, the record,
    deletions."""
    uids = [str(model["uid"]) for model in desired.dashboards]
    folders, home = plan_folders(
        desired.path, live.folders, live.record, nests=live.server.nests, taken=[*uids, record_uid(desired.bundle)]
    )
    known = {str(fields["uid"]): fields for fields in live.record.datasources} if live.record else {}
    datasources = [
        compare_datasource(item, live.datasources, policy=policy, base=known.get(str(item.fields["uid"])))
        for item in desired.datasources
    ]
    wanted = frozenset({*uids, record_uid(desired.bundle)})
    judge = Judge(home, live, policy, desired.bundle, desired.returning, wanted)
    dashboards = [judge.dashboard(model) for model in desired.dashboards]
    orphans = judge.left_over()
    trash = {change.uid: live.dashboards[change.uid] for change in orphans if change.action == "delete"}
    alerts: list[Change] = []
    recorded = (live.record.alerts, live.record.intervals) if live.record else ({}, {})
    if desired.alerts is not None:
        alert_judge = AlertJudge(home, live, policy, desired.bundle, desired.alerts, desired.returning)
        rules = alert_judge.rules()
        alerts = [*rules, *alert_judge.groups(rules)]
        orphans += alert_judge.left_over()
        recorded = alert_judge.recorded(alerts)
    ours = folder_of_ours(desired.path, folders, home, live.record, nests=live.server.nests)
    record = _record(desired, live, ours, [*folders, *datasources, *dashboards], trash)
    record = replace(record, alerts=recorded[0], intervals=recorded[1])
    record_change = judge.record(record)
    if record_change.action == "conflict":
        # It would hold the copies.
        why = "no longer in the modules; not deleted while our record cannot be written, see there"
        orphans = [
            replace(change, action="orphaned", reason=why, body={}, seen=None) if change.action == "delete" else change
            for change in orphans
        ]
    plan = Plan(live.url, live.server.version, desired.bundle, record.deployment, policy, (), live.org_id)
    deletions = [change for change in orphans if change.action == "delete"]
    others = [change for change in orphans if change.action != "delete"]
    changes = [*folders, *datasources, *dashboards, *alerts, *others, record_change, *deletions]
    return replace(plan, changes=tuple(changes))


def _record(
    desired: Desired, live: Live, ours: Folder, changes: Sequence[Change], trash: Mapping[str, LiveDashboard]
) -> Record:
    """What Grafana will hold of ours when all of this is done."""
    made = set(live.record.made) if live.record else set()
    taken = [*(str(model["uid"]) for model in desired.dashboards), record_uid(desired.bundle)]
    if live.record is None and seems_ours(ours, desired.path, live.hits, nests=live.server.nests, taken=taken):
        made.add(ours.uid)
    made |= {change.uid for change in changes if change.kind == "folder" and change.action == "create"}
    models = {str(model["uid"]): model for model in desired.dashboards}
    done = {change.uid: change for change in changes if change.kind == "dashboard"}
    entries: dict[str, Entry] = {}
    bases: dict[str, str] = {}
    for uid, model in models.items():
        change, there = done[uid], live.dashboards.get(uid)
        mark = there.ours.mark if there and there.ours else None
        merged = change.merged or (mark.merged if mark and not change.writes else "")
        if change.action in ("create", "update", "move", "unchanged"):
            sent = change.body if change.merged else model
            entries[uid] = Entry(str(model["title"]), checksum(canonical(sent)))
        elif mark:
            entries[uid] = Entry(change.title, mark.checksum)
        if merged and merged == checksum(canonical(model)):
            bases[uid] = packed(model)
        elif live.record and uid in live.record.bases and (merged or change.action == "unchanged"):
            # The history of an unchanged one was not read; its newest mark may still be that of a merge.
            bases[uid] = live.record.bases[uid]
    fields = {str(change.uid): change for change in changes if change.kind == "datasource"}
    known = {str(item["uid"]): item for item in live.record.datasources} if live.record else {}
    datasources = [
        # What we last deployed of one that somebody changed is still what tells who changed what.
        datasource_fields(item.fields) if done_as_wanted else known[uid]
        for item in desired.datasources
        for uid in [str(item.fields["uid"])]
        for done_as_wanted in [fields[uid].action in ("create", "update", "unchanged")]
        if done_as_wanted or uid in known
    ]
    # Those of an earlier run, where this one was told nothing of datasources, are still what the dashboards use.
    marked = {str(item.get("uid")) for item in live.datasources if DATASOURCE_MARK in (item.get("jsonData") or {})}
    wanted = {str(item.fields["uid"]) for item in desired.datasources}
    datasources += [fields_ for uid, fields_ in known.items() if uid in marked and uid not in wanted]
    return Record(
        desired.bundle,
        replace(ours, version=0),
        sorted(made),
        datasources,
        entries,
        bases,
        {uid: packed(item.model) for uid, item in trash.items()},
        {uid: list(map(packed, item.earlier)) for uid, item in trash.items() if item.earlier},
        returned=bool(desired.returning),
        path=tuple(desired.path),
    )
