"""Dashboards as ConfigMaps, which the sidecar of the Grafana Helm chart collects.

https://github.com/kiwigrid/k8s-sidecar. One for each dashboard: Kubernetes limits the size of an object.
"""

from __future__ import annotations

from collections.abc import Mapping

from sedna_dash.render.kubernetes_objects import (
    Model,
    Placement,
    about,
    check_names,
    must_fit,
    object_file,
    object_name,
    small_json,
)
from sedna_dash.render.normal import file_name


def config_maps(models: Mapping[str, Model], placement: Placement, folder: str) -> dict[str, bytes]:
    """A file for each dashboard, by its uid. ``folder`` is the title of Grafana's folder.

    Raises `SourceError` for a dashboard that is too large, and when two would be one object.
    """
    check_names(list(models))
    files = {}
    for uid, model in models.items():
        name = object_name(uid)
        folder_of = {placement.folder_annotation: folder}
        content = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": about(f"grafana-dashboard-{name}", placement, placement.sidecar_labels, **folder_of),
            "data": {file_name(uid): small_json(model)},
        }
        files[f"configmaps/{name}.yaml"] = must_fit(object_file(content), "ConfigMap", uid)
    return files
