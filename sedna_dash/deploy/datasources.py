"""What to do about one datasource of ours. Pure.

The same rules as for dashboards. Datasources have no history in Grafana, so the mark in ``jsonData`` says whether one
is as we left it, and our record what that was.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sedna_dash.deploy.by_mark import judged_by_mark
from sedna_dash.deploy.changes import Change, Maker, Policy, Seen
from sedna_dash.deploy.marks import (
    DATASOURCE_MARK,
    datasource_contains,
    datasource_fields,
    is_marked_datasource,
    marked_datasource,
)
from sedna_dash.deploy.resources import Model
from sedna_dash.deploy.threeway import Detail
from sedna_dash.render.canonical import checksum


@dataclass(frozen=True)
class Wanted:
    """A datasource to make, and where its secrets are to be had."""

    fields: Model
    secrets: Mapping[str, Any] = field(default_factory=dict)


def compare_datasource(
    wanted: Wanted, datasources: Sequence[Model], *, policy: Policy | None = None, base: Model | None = None
) -> Change:
    """What to do about one datasource of ours. ``base`` is what we last deployed, where it is known."""
    policy = policy or Policy()
    fields, marked = wanted.fields, marked_datasource(wanted.fields)
    uid, name = str(fields["uid"]), str(fields["name"])
    change = Maker("datasource", uid, name)
    live = next((source for source in datasources if source.get("uid") == uid), None)
    namesake = next((item for item in datasources if item.get("name") == name and item.get("uid") != uid), None)
    if live is None and namesake is None:
        return change("create", body=marked, secrets=wanted.secrets)
    flag = f"--{fields['type']}-uid"
    if namesake is not None and (live is None or live.get("name") != name):
        other = namesake.get("uid")
        return change(
            "conflict",
            f"another datasource (uid {other}) has this name; use it with {flag} {other}, or rename it there",
        )
    assert live is not None
    if live.get("type") != fields["type"]:
        return change(
            "conflict",
            f"uid {uid} is a {live.get('type')} datasource there; delete it there, or name another with {flag}",
        )
    if live.get("readOnly"):
        return change("unchanged", "provisioned from a file; used as it is")
    there, here = datasource_fields(live), datasource_fields(fields)

    def update(body: Model, reason: str = "", details: Sequence[Detail] = ()) -> Change:
        return change(
            "update",
            reason,
            details=details,
            body=body,
            seen=Seen(int(live.get("version") or 0), checksum(there)),
            secrets=wanted.secrets if policy.send_secrets else missing,
        )

    mark = (live.get("jsonData") or {}).get(DATASOURCE_MARK)
    # Grafana shows which secrets it has, though not what they are.
    there_are = live.get("secureJsonFields") or {}
    missing = {name: reference for name, reference in wanted.secrets.items() if not there_are.get(name)}
    as_we_left_it = is_marked_datasource(live)
    if datasource_contains(live, fields) and (not as_we_left_it or mark == marked["jsonData"][DATASOURCE_MARK]):
        if mark is None or not (missing or (policy.send_secrets and wanted.secrets)):
            return change("unchanged")
        names = ", ".join(missing)
        return update(marked, f"Grafana has no {names} of it yet" if missing else "its secrets are sent again")
    verdict = judged_by_mark(base, here, there, policy, marked=mark is not None, as_we_left_it=as_we_left_it)
    details = list(map(_of_datasource, verdict.details))
    if verdict.merged is not None:
        # It keeps the mark of our side, so that it still counts as changed by somebody.
        settings = {**verdict.merged["jsonData"], DATASOURCE_MARK: marked["jsonData"][DATASOURCE_MARK]}
        return update({**verdict.merged, "jsonData": settings}, verdict.reason, details)
    if verdict.action == "update":
        return update(marked, verdict.reason, details)
    cure = "take it over with --adopt" if mark is None else "decide with --on-drift"
    reason = f"{verdict.reason}; use it as it is with {flag} {uid}, or {cure}"
    return change(verdict.action, reason, details=details, kept=verdict.kept)


def _of_datasource(item: Detail) -> Detail:
    """The words for a field of a datasource, without credentials that somebody wrote into its address."""
    shown = [
        re.sub(r"//[^/@]*@", "//***@", value) if isinstance(value, str) else value
        for value in (item.before, item.after)
    ]
    return replace(item, where="datasource", before=shown[0], after=shown[1])


def updated_datasource(live: Model, body: Model) -> dict[str, Any]:
    """All of the live datasource with our fields over it: Grafana resets what a PUT leaves out, but for secrets."""
    dropped = ("id", "orgId", "typeName", "typeLogoUrl", "readOnly", "secureJsonFields", "version", "accessControl")
    kept = {key: value for key, value in live.items() if key not in dropped}
    if (live.get("jsonData") or {}).get(DATASOURCE_MARK) == checksum(datasource_fields(live)):
        # As we left it, so a login is ours; one that somebody added is no part of the mark.
        kept |= {"basicAuth": False, "basicAuthUser": ""}
    return {**kept, **body}
