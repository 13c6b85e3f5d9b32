"""Read from Grafana what the comparison needs, and no more.

A dashboard that equals what we want is one request. Only where something differs is the history read, and only where
somebody saved after us are the versions read that tell who changed what.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from sedna_dash.deploy.folders import plan_folders
from sedna_dash.deploy.grafana import Grafana, Health, RefusedError
from sedna_dash.deploy.judging import Live, Server, as_we_left_it
from sedna_dash.deploy.marks import OWNED_TAG, canonical, describes, equal
from sedna_dash.deploy.plan import Desired
from sedna_dash.deploy.record import Record, read_record, record_uid, unpacked
from sedna_dash.deploy.resources import Folder, LiveDashboard, Model, Version
from sedna_dash.errors import ConflictError, UnsupportedError
from sedna_dash.render.canonical import checksum
from sedna_dash.render.profiles import OLDEST

#: Since which version a Grafana does what. From its documentation and release notes.
_REWRITES_SINCE, _NESTS_SINCE, _SAME_TITLES_SINCE = (12, 0), (11, 0), (12, 0)
_RULES_BY_UID_SINCE = (10, 3)

#: How many saves after ours are looked at, to say who changed what.
_MOST_EDITS = 10

#: Told after each thing that was read or written.
Tick = Callable[[], object]


def silent() -> None:
    """For callers that show no progress."""


def server_of(health: Health) -> Server:
    """What this Grafana does differently from others. One that hides its version is taken for an old one that may
    rewrite: the careful choice on both sides."""
    version = health.version
    return Server(
        health.text,
        rewrites=version is None or version >= _REWRITES_SINCE,
        nests=version is not None and version >= _NESTS_SINCE,
        unique_titles=version is None or version < _SAME_TITLES_SINCE,
        rules_by_uid=version is not None and version >= _RULES_BY_UID_SINCE,
    )


def check_supported(grafana: Grafana, health: Health) -> None:
    """Raise `UnsupportedError` for a Grafana that lacks what we need."""
    if health.version is not None and health.version < OLDEST.since:
        needed = ".".join(map(str, OLDEST.since))
        raise UnsupportedError(
            f"{grafana.url} is Grafana {health.text}, and sedna-dash needs {needed} or newer; upgrade it, or import "
            "the files of build/import by hand"
        )


def read_live(
    grafana: Grafana,
    health: Health,
    desired: Desired,
    datasources: Sequence[Mapping[str, Any]],
    tick: Tick = silent,
    *,
    copies: bool = False,
) -> Live:
    """The folders, the record, and the dashboards that have a uid or a mark of ours.

    ``copies`` of what we saved before are needed of those that may be deleted, since their history goes with them.
    """
    server = server_of(health)
    uid = record_uid(desired.bundle)
    record_dashboard = read_dashboard(grafana, uid)
    record = read_record(record_dashboard.model) if record_dashboard else None
    if record is None and record_dashboard and as_we_left_it(record_dashboard, rewrites=server.rewrites):
        mark = record_dashboard.newest.mark
        raise ConflictError(
            f"{grafana.url}: the record of deployments ({uid}) was written by sedna-dash "
            f"{mark.release if mark else ''}, and this one cannot read it; use that release or a newer one"
        )
    folders = folders_around(grafana, desired.path, record, nests=server.nests)
    rules = grafana.rules() if desired.alerts is not None else []
    wanted = {str(model["uid"]): model for model in desired.dashboards}
    _, home = plan_folders(desired.path, folders, record, nests=server.nests, taken=[*wanted, uid])
    hits = grafana.search()
    near = {home.uid, *([record.folder.uid] if record else ())}
    tagged = {hit.uid for hit in hits if OWNED_TAG in hit.tags and hit.folder in near}
    known = {hit.uid for hit in hits if record and hit.uid in record.dashboards}
    others = sorted((tagged | known) - set(wanted) - {uid})

    # Up to Grafana 11 the search asks the same database, so what it does not find need not be looked for.
    found_there = None if server.rewrites else {hit.uid for hit in hits} | {folder.uid for folder in folders}

    def read(uid: str) -> LiveDashboard | None:
        if found_there is not None and uid not in found_there:
            tick()
            return None
        found = read_dashboard(grafana, uid, wanted.get(uid), home.uid, record=record, rewrites=server.rewrites)
        tick()
        return replace(found, earlier=_earlier(grafana, found)) if copies and found and uid in others else found

    uids = [*wanted, *others]
    with workers(grafana) as pool:
        found = dict(zip(uids, pool.map(read, uids), strict=True))
    if record_dashboard:
        found[uid] = record_dashboard
    return Live(
        url=grafana.url,
        org_id=grafana.settings.org_id,
        server=server,
        folders=folders,
        datasources=datasources,
        dashboards={uid: live for uid, live in found.items() if live is not None},
        hits=hits,
        record=record,
        rules={rule.uid: rule for rule in rules or ()},
        rules_shown=rules is not None,
    )


@contextmanager
def workers(grafana: Grafana) -> Iterator[ThreadPoolExecutor]:
    """As many threads as requests may be under way at once. What has not begun is dropped when something goes wrong."""
    pool = ThreadPoolExecutor(grafana.jobs, thread_name_prefix="grafana")
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def folders_around(grafana: Grafana, path: Sequence[str], record: Record | None, *, nests: bool) -> list[Folder]:
    """The folders that the path may lead through, and the one that we used before."""
    found = grafana.folders()
    parent = ""
    for title in path[:-1] if nests else ():
        step = next((folder for folder in found if folder.title == title and folder.parent == parent), None)
        if step is None:
            break
        parent = step.uid
        found += [Folder(item.uid, item.title, parent) for item in grafana.folders(parent)]
    _, home = plan_folders(path, found, record, nests=nests)
    for uid in {home.uid, *([record.folder.uid] if record else ())} - {folder.uid for folder in found}:
        # It may have been moved into another folder, where the list does not look.
        moved = grafana.folder(uid)
        found += [moved] if moved else []
    return found


def read_dashboard(
    grafana: Grafana,
    uid: str,
    wanted: Model | None = None,
    home: str = "",
    *,
    record: Record | None = None,
    rewrites: bool = False,
) -> LiveDashboard | None:
    """A dashboard, if it exists, with as much of its history as tells what to do about it."""
    found = grafana.dashboard(uid)
    if found is None:
        return None
    live = LiveDashboard(*found)
    if live.meta.get("isFolder"):
        # Folders answer too, since they share their uids with dashboards; they have no history.
        return live
    if wanted is not None and live.folder == home and equal(live.model, wanted):
        # All of it is in what is wanted; a thousand dashboards twice would fill the memory.
        kept = {key: live.model[key] for key in ("uid", "title", "version") if key in live.model}
        return replace(live, model=kept, as_wanted=True)
    try:
        live = LiveDashboard(live.model, live.meta, grafana.versions(uid))
    except RefusedError as error:
        # Somebody may have deleted it since; Grafana 9 answers 400 then.
        if error.status in (400, 404) and grafana.dashboard(uid) is None:
            return None
        raise
    if live.ours is None or as_we_left_it(live, rewrites=rewrites):
        return live
    return LiveDashboard(
        live.model, live.meta, live.history, _since_ours(grafana, live, live.ours, wanted, record, rewrites)
    )


def _since_ours(
    grafana: Grafana, live: LiveDashboard, ours: Version, wanted: Model | None, record: Record | None, rewrites: bool
) -> list[tuple[Version, Model]]:
    """What we last wanted, and what was saved since; nothing when that is not known any more."""
    uid = str(live.model.get("uid"))
    everything = [version for version in reversed(live.history) if version.number > ours.number]
    later = everything[-_MOST_EDITS:]
    base: Model | None
    if ours.mark is not None and ours.mark.merged:
        base = _base_of_merge(ours.mark.merged, uid, wanted, record)
        later.insert(0, ours)
    else:
        base = grafana.version(uid, ours.number)
        if base is None or ours.mark is None or not describes(ours.mark, base, rewrites=rewrites):
            # Somebody saved it with a copy of our message.
            return []
    if base is None:
        return []
    saved = [(version, grafana.version(uid, version.number)) for version in later]
    if len(everything) > len(later):
        # What was changed before those is nobody's, rather than that of the wrong person.
        before = grafana.version(uid, everything[-len(later) - 1].number)
        saved.insert(0, (Version(0), before))
    return [(ours, base), *((version, model) for version, model in saved if model is not None)]


def _earlier(grafana: Grafana, live: LiveDashboard) -> list[Model]:
    """What we saved before the newest version, as far as Grafana has it."""
    uid = str(live.model.get("uid"))
    found = (grafana.version(uid, version.number) for version in live.history[1:] if version.mark)
    return [model for model in found if model is not None]


def _base_of_merge(merged: str, uid: str, wanted: Model | None, record: Record | None) -> Model | None:
    """The modules' side of a dashboard that holds somebody's edit: the record keeps it."""
    kept = unpacked(record.bases[uid]) if record and uid in record.bases else None
    candidates: Iterable[Model | None] = (wanted, kept)
    return next((model for model in candidates if model is not None and checksum(canonical(model)) == merged), None)
