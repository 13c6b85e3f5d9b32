"""Deploy, from beginning to end."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from sedna_dash.deploy.apply import apply, planned
from sedna_dash.deploy.grafana import Grafana
from sedna_dash.deploy.plan import Desired, Folder, compare, folder_uid
from sedna_dash.deploy.reading import read_live
from sedna_dash.deploy.report import Report
from sedna_dash.deploy.sources import Choice, choose_source, needed_plugins, wanted_datasources, with_sources
from sedna_dash.errors import SettingsError
from sedna_dash.render.profiles import profile_for, shaped


def deploy(
    grafana: Grafana,
    dashboards: Sequence[Mapping[str, Any]],
    *,
    folder: str = "Sedna",
    sources: Mapping[str, Choice],
    dry_run: bool = False,
) -> Report:
    """Bring the dashboards, their folder and their datasources to Grafana.

    ``sources`` says for each plugin which datasource to use. With ``dry_run`` nothing is written.
    Raises `SettingsError` and `GrafanaError` before anything is written; what fails later is in the report.
    """
    wanted_folder = checked_folder(folder, [str(model["uid"]) for model in dashboards])
    health = grafana.health()
    datasources = grafana.datasources()
    chosen = {plugin: choose_source(plugin, sources[plugin], datasources) for plugin in needed_plugins(dashboards)}
    profile = profile_for(health.version)
    desired = Desired(
        folder=wanted_folder,
        datasources=wanted_datasources(sources),
        dashboards=[with_sources(shaped(dict(model), profile), chosen) for model in dashboards],
    )
    live = read_live(grafana, health, wanted_folder, [str(model["uid"]) for model in dashboards], datasources)
    changes = compare(desired, live)
    results = planned(changes) if dry_run else apply(changes, live, grafana)
    return Report(grafana.url, health.text, dry_run, results)


def checked_folder(title: str, taken: Sequence[str]) -> Folder:
    """The folder of this title. Raises `SettingsError` for titles that Grafana refuses or that hide something."""
    title = title.strip()
    if not title:
        raise SettingsError("--folder is empty; give the folder's title")
    if title.casefold() == "general":
        raise SettingsError("--folder General: that is where Grafana keeps what has no folder; give another title")
    # Cc controls the terminal, Cs is half a character. Cf holds the marks that turn text around.
    if any(unicodedata.category(mark) in ("Cc", "Cs", "Cf") for mark in title):
        raise SettingsError("--folder holds characters that cannot be seen; type the title anew")
    if len(title) > 189:  # the column's width in Grafana's MySQL database
        raise SettingsError("--folder is longer than 189 characters; shorten it")
    return Folder(folder_uid(title, taken), title)
