"""What differs between Grafana 9.3 and 13, one row each."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import Any

Steps = tuple[tuple[str, Any], ...]


def row(before: Any, *steps: tuple[str, Any]) -> Any:
    """A difference: what 9.3 does, then (first version, what it does from there on)."""
    return dataclasses.field(default=before, metadata={"steps": steps})


def _key(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


@dataclass(frozen=True)
class Behaviour:
    """How a version answers.

    What 9.3 does is proven: its answers were recorded from a real 9.3.2, and `test_contract` compares. **What 10 to 13
    do comes from Grafana's documentation and published source; no such server was run.** Where those do not name the
    exact release, the row takes a likely one. A client must bear both answers anyway, and a test can ask for either:
    ``StandIn(version="12.2.0", dashboard_conflict=409)``.
    """

    # Folders
    #: A folder may lie in another: parentUid is kept (9.3 ignores it in silence), listings show one level, and there is
    #: POST /api/folders/:uid/move. Version 10 has it as a preview that is off.
    nested_folders: bool = row(False, ("11.0", True))
    #: How deep: a folder at the top is the first level.
    folder_depth: int = row(4)
    #: The status for a folder whose uid is taken.
    folder_exists: int = row(412, ("12.0", 409))
    #: GET /api/folders/:uid/counts says what would be deleted with a folder.
    folder_counts: bool = row(False, ("10.0", True))
    #: A folder's rename with an old version is refused; 12.0.0 forgot to.
    folder_versions_checked: bool = row(True, ("12.0.0", False), ("12.0.1", True))

    # Dashboards
    #: Titles need not differ: neither of two dashboards in a folder, nor of two folders, nor of a dashboard and a
    #: folder. Before, `overwrite: true` replaces the other dashboard of that title.
    same_titles: bool = row(False, ("12.0", True))
    #: The status for a save upon an old version. From 12 on it may be 409, depending on the store.
    dashboard_conflict: int = row(412)
    #: A save's message and title have a greatest length: 500 and 5000.
    long_texts_refused: bool = row(False, ("12.0", True))
    #: A dashboard is not kept as it was sent: schemaVersion is raised to 42, defaults are added, nulls dropped.
    rewrites_dashboards: bool = row(False, ("12.0", True))
    #: GET .../versions answers {"continueToken", "versions": [...]} instead of a list.
    versions_in_object: bool = row(False, ("11.5", True))
    #: A save in Grafana's pages stores the v2 format, with `elements` and `layout` instead of `panels`.
    v2_dashboards: bool = row(False, ("13.0", True))
    #: There are /apis/dashboard.grafana.app and /apis/folder.grafana.app.
    k8s_apis: bool = row(False, ("12.0", True))
    #: GET /api/search knows folderUIDs; 9.3 ignores it, and so finds the dashboards of every folder.
    search_by_folder_uid: bool = row(False, ("10.0", True))

    # Datasources
    #: GET /api/datasources/uid/:uid/health works for Prometheus and Loki.
    datasource_health: bool = row(False, ("10.0", True))
    #: The status when a datasource is renamed to a name in use.
    datasource_name_taken: int = row(500, ("10.0", 409))
    #: GET, PUT and DELETE /api/datasources/:id, by number; 13 has a toggle to bring them back.
    datasources_by_number: bool = row(True, ("13.0", False))

    # Alert rules
    #: The status for a rule that is not there.
    rule_missing: int = row(500, ("10.0", 404))
    #: The status for a rule whose uid or title is taken.
    rule_exists: int = row(500, ("10.0", 409))
    #: GET /api/v1/provisioning/alert-rules lists all of them.
    rules_listed: bool = row(False, ("10.0", True))
    #: The ruler, which Grafana's pages use, knows folders by their uid instead of their title.
    ruler_by_uid: bool = row(False, ("10.3", True))

    @classmethod
    def of(cls, version: str | None, **differently: Any) -> Behaviour:
        """That of a version; of 9.3 when a server does not tell its own."""
        values = {}
        for field in dataclasses.fields(cls):
            for since, value in field.metadata["steps"]:
                if version and _key(version) >= _key(since):
                    values[field.name] = value
        return cls(**{**values, **differently})
