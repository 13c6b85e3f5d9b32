"""Copies of what we own in a Grafana, as files that can be sent to one again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sedna_dash.deploy.grafana import Grafana, Health
from sedna_dash.deploy.marks import DATASOURCE_MARK, OWNED_TAG, datasource_fields, without_server_keys
from sedna_dash.deploy.reading import Tick, read_dashboard, workers
from sedna_dash.deploy.record import read_record, record_uid
from sedna_dash.deploy.resources import Folder, LiveDashboard
from sedna_dash.render.normal import file_name
from sedna_dash.render.writing import to_json

KIND, SCHEMA_VERSION = "sedna-dash/backup", 1

#: The list of what is there, with versions.
INDEX = "backup.json"


@dataclass(frozen=True)
class Backup:
    """What was found: ``owned`` by us, ``foreign`` beside it, and the record, where there is one."""

    owned: Sequence[LiveDashboard]
    foreign: Sequence[LiveDashboard]
    record: LiveDashboard | None
    folders: Sequence[Folder]
    datasources: Sequence[dict[str, Any]]


def read_backup(
    grafana: Grafana, bundle: str, uids: Sequence[str] = (), *, foreign: bool = False, tick: Tick = lambda: None
) -> Backup:
    """Read all that carries a mark of the bundle, or those of it that have these ``uids``; ``foreign`` adds the other
    dashboards of its folders. Raises `GrafanaError`."""
    record_there = read_dashboard(grafana, record_uid(bundle))
    record = read_record(record_there.model) if record_there else None
    recorded = set(record.dashboards) if record else set()
    hits = [hit for hit in grafana.search() if hit.uid != record_uid(bundle)]

    def read(uid: str) -> LiveDashboard | None:
        found = grafana.dashboard(uid)
        tick()
        return LiveDashboard(*found, grafana.versions(uid)) if found else None

    def read_all(wanted: Sequence[str]) -> list[LiveDashboard]:
        with workers(grafana) as pool:
            return [live for live in pool.map(read, wanted) if live is not None]

    candidates = [hit.uid for hit in hits if OWNED_TAG in hit.tags or hit.uid in recorded]
    owned = [live for live in read_all(candidates) if live.model["uid"] in recorded or live.bundle == bundle]
    ours = {str(live.model["uid"]) for live in owned}
    homes = {live.folder for live in owned} | ({record.folder.uid} if record else set())
    others = [hit.uid for hit in hits if hit.folder in homes and hit.uid not in ours] if foreign else []
    return Backup(
        [live for live in owned if not uids or live.model["uid"] in uids],
        [live for live in read_all(others) if not uids or live.model["uid"] in uids],
        record_there,
        [folder for folder in map(grafana.folder, sorted(homes - {""})) if folder],
        [datasource_fields(item) for item in grafana.datasources() if DATASOURCE_MARK in (item.get("jsonData") or {})],
    )


def backup_files(backup: Backup, url: str, health: Health, bundle: str) -> dict[str, bytes]:
    """The files of a backup. Each dashboard is what ``POST /api/dashboards/db`` takes under ``dashboard``."""
    files: dict[str, bytes] = {}
    entries = []
    for kind, dashboards in (("dashboards", backup.owned), ("foreign", backup.foreign)):
        for live in dashboards:
            name = f"{kind}/{file_name(str(live.model['uid']))}"
            files[name] = to_json(without_server_keys(live.model))
            entries.append(_entry(live, name))
    if backup.record:
        files["record.json"] = to_json(without_server_keys(backup.record.model))
        entries.append(_entry(backup.record, "record.json"))
    files[INDEX] = to_json(
        {
            "kind": KIND,
            "schemaVersion": SCHEMA_VERSION,
            "url": url,
            "grafana": health.text,
            "bundle": bundle,
            "folders": [{"uid": item.uid, "title": item.title, "parent": item.parent} for item in backup.folders],
            "datasources": list(backup.datasources),
            "dashboards": entries,
        }
    )
    return files


def _entry(live: LiveDashboard, name: str) -> dict[str, Any]:
    return {
        "uid": live.model["uid"],
        "title": live.model.get("title"),
        "file": name,
        "folder": live.folder,
        "version": live.version,
        "by": live.newest.by,
        "when": live.newest.when,
        "deployment": live.ours.mark.deployment if live.ours and live.ours.mark else None,
    }
