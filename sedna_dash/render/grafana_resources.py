"""Dashboards as resources of Grafana's own API, in files as Git Sync and gcx read them.

Grafana 13 has ``dashboard.grafana.app/v1``, Grafana 12 ``v1beta1``, which 13 reads, too.
https://grafana.com/docs/grafana/v13.2/developer-resources/api-reference/http-api/dashboard/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from sedna_dash.render.folder_uids import folder_uid
from sedna_dash.render.kubernetes_objects import Model
from sedna_dash.render.normal import file_name
from sedna_dash.render.writing import to_json

ResourceApi = Literal["v1", "v1beta1"]


def resources(models: Mapping[str, Model], folder: str, api: ResourceApi) -> dict[str, bytes]:
    """A file for each dashboard, by its uid, and one for the folder of that title.

    The models have to be in the newest shape: Grafana checks them against its newest schema.
    """
    home = folder_uid(folder, list(models))
    files = {f"resources/folders/{home}.json": to_json(_resource("folder", "Folder", api, home, {}, {"title": folder}))}
    for uid, model in models.items():
        # The name is the uid. A second one in the specification would only be able to contradict it.
        spec = {key: value for key, value in model.items() if key != "uid"}
        annotations = {"grafana.app/folder": home}
        content = _resource("dashboard", "Dashboard", api, uid, {"annotations": annotations}, spec)
        files[f"resources/dashboards/{file_name(uid)}"] = to_json(content)
    return files


def _resource(
    group: str, kind: str, api: ResourceApi, name: str, metadata: Mapping[str, Any], spec: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "apiVersion": f"{group}.grafana.app/{api}",
        "kind": kind,
        "metadata": {"name": name, **metadata},
        "spec": spec,
    }
