"""Our deployments, as the versions of our record tell them, and how to return to one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sedna_dash.deploy.alert_rules import Alerts
from sedna_dash.deploy.datasources import Wanted
from sedna_dash.deploy.grafana import Grafana
from sedna_dash.deploy.marks import canonical, without_server_keys
from sedna_dash.deploy.plan import Desired
from sedna_dash.deploy.reading import workers
from sedna_dash.deploy.record import Entry, Record, read_record, record_uid, unpacked
from sedna_dash.deploy.resources import Version
from sedna_dash.errors import ConflictError, SettingsError
from sedna_dash.render.canonical import checksum

#: As many as Grafana keeps of a dashboard when nobody set it otherwise.
KEPT = 20


@dataclass(frozen=True)
class Deployment:
    """One deployment. ``number`` is the version of the record that tells of it."""

    id: str
    number: int
    when: str
    by: str
    release: str
    dashboards: int
    folder: str
    alerts: int = 0

    def __str__(self) -> str:
        return f"{self.id} ({self.when} by {self.by or 'somebody'})"


def read_history(grafana: Grafana, bundle: str) -> list[tuple[Deployment, Record]]:
    """Every deployment that Grafana still knows, newest first."""
    uid = record_uid(bundle)
    if grafana.dashboard(uid) is None:
        return []
    versions = [version for version in grafana.versions(uid, KEPT) if version.mark]
    with workers(grafana) as pool:
        models = list(pool.map(lambda version: grafana.version(uid, version.number), versions))
    found = []
    for version, model in zip(versions, models, strict=True):
        record = read_record(model) if model else None
        if record is not None and version.mark is not None:
            found.append((_deployment(version, version.mark.release, record), record))
    return found


def _deployment(version: Version, release: str, record: Record) -> Deployment:
    folder = " / ".join(record.path) or record.folder.title
    return Deployment(
        record.deployment,
        version.number,
        version.when,
        version.by,
        release,
        len(record.dashboards),
        folder,
        len(record.alerts),
    )


def chosen(
    history: Sequence[tuple[Deployment, Record]], to: str | None, url: str, bundle: str
) -> tuple[Deployment, Record]:
    """The deployment of that id, or the one before the newest; after a return, the one before that which was returned
    to. Raises `SettingsError` when there is none."""
    if not history:
        raise SettingsError(f"{url} has no deployment of the set '{bundle}'; check --bundle and the credentials")
    if to is None:
        newest, record = history[0]
        start = 0
        if record.returned:
            start = max(index for index, (deployment, _) in enumerate(history) if deployment.id == newest.id)
        earlier = next((item for item in history[start:] if item[0].id != newest.id), None)
        if earlier is None:
            raise SettingsError(
                f"{url} knows no deployment of the set '{bundle}' before {newest.id}; name one with --to"
            )
        return earlier
    fitting = {
        deployment.id: (deployment, record) for deployment, record in reversed(history) if deployment.id.startswith(to)
    }
    if len(fitting) != 1:
        many = "several deployments begin with" if fitting else "no deployment is called"
        raise SettingsError(f"--to {to}: {many} that; sedna-dash history lists them")
    return next(iter(fitting.values()))


def as_it_was(grafana: Grafana, record: Record, history: Sequence[tuple[Deployment, Record]]) -> Desired:
    """What was wanted in that deployment.

    Raises `ConflictError` when Grafana no longer has a version that it takes.
    """
    uids = list(record.dashboards)
    with workers(grafana) as pool:
        found = pool.map(lambda uid: _model(grafana, uid, record.dashboards[uid], history), uids)
        models = dict(zip(uids, found, strict=True))
    gone = [f"'{record.dashboards[uid].title}' ({uid})" for uid, model in models.items() if model is None]
    if gone:
        raise ConflictError(
            f"{grafana.url} no longer has the version of {', '.join(gone)} that belongs to deployment "
            f"{record.deployment}; return to a later one, or deploy that release of the modules"
        )
    return Desired(
        path=tuple(record.path),
        bundle=record.bundle,
        datasources=[Wanted(fields) for fields in record.datasources],
        dashboards=[model for model in models.values() if model is not None],
        # A deployment that said nothing of rules says nothing of them now, unless there are some of ours since.
        alerts=Alerts(list(record.alerts.values()), record.intervals)
        if record.alerts or history[0][1].alerts
        else None,
        returning=record.deployment,
    )


def _model(
    grafana: Grafana, uid: str, entry: Entry, history: Sequence[tuple[Deployment, Record]]
) -> Mapping[str, Any] | None:
    """The dashboard of that checksum: in its own history, or in the copies of what was deleted."""
    found = grafana.dashboard(uid)
    if found is not None:
        for version in grafana.versions(uid, KEPT):
            if version.mark and version.mark.checksum == entry.checksum:
                model = grafana.version(uid, version.number)
                if model:
                    return without_server_keys(model)
        # One that somebody saved, and that the modules took over as it was, has no mark of ours.
        for version in grafana.versions(uid, KEPT):
            model = grafana.version(uid, version.number) if version.mark is None else None
            if model and _is(model, entry):
                return without_server_keys(model)
    texts = [text for _, record in history for text in (record.trash.get(uid, ""), *record.earlier.get(uid, ()))]
    return next((without_server_keys(copy) for copy in map(unpacked, texts) if copy and _is(copy, entry)), None)


def _is(model: Mapping[str, Any], entry: Entry) -> bool:
    return checksum(canonical(model)) == entry.checksum
