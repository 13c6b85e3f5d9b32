"""Read from Grafana what the comparison needs, and no more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sedna_dash.deploy.grafana import Grafana, Health
from sedna_dash.deploy.plan import Folder, Live, LiveDashboard, chosen_folder

#: Grafanas from here on may bring a dashboard into a newer form when they save or show it.
_REWRITES_SINCE = (12, 0)


def read_live(
    grafana: Grafana, health: Health, folder: Folder, uids: Iterable[str], datasources: Sequence[Mapping[str, Any]]
) -> Live:
    """The folders, the dashboards with our uids and their history, and the titles in our folder."""
    folders = grafana.folders()
    if folder.uid not in {found.uid for found in folders}:
        # It may have been moved into another folder, where the list does not look.
        moved = grafana.folder(folder.uid)
        folders += [moved] if moved else []
    chosen = chosen_folder(folder, folders)
    found = ((uid, read_dashboard(grafana, uid)) for uid in uids)
    return Live(
        folders=folders,
        datasources=datasources,
        dashboards={uid: dashboard for uid, dashboard in found if dashboard is not None},
        titles=grafana.titles_in(chosen.uid) if chosen else {},
        rewrites=health.version is None or health.version >= _REWRITES_SINCE,
    )


def read_dashboard(grafana: Grafana, uid: str) -> LiveDashboard | None:
    """A dashboard with its history, if it exists."""
    found = grafana.dashboard(uid)
    if found is None:
        return None
    model, meta = found
    # Folders answer too, since they share their uids with dashboards; they have no history.
    return LiveDashboard(model, meta, () if meta.get("isFolder") else grafana.versions(uid))
