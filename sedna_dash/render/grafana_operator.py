"""Dashboards, their folder and datasources as objects of the grafana-operator, version 5.

https://grafana.github.io/grafana-operator/docs/api/
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterable, Mapping
from typing import Any

from sedna_dash.render.folder_uids import folder_uid
from sedna_dash.render.kubernetes_objects import (
    Model,
    Placement,
    about,
    check_names,
    must_fit,
    needs_server_side,
    object_file,
    object_name,
    small_json,
)

_API = "grafana.integreatly.org/v1beta1"


def operator_objects(
    models: Mapping[str, Model], placement: Placement, folder: str, datasources: Iterable[Mapping[str, Any]]
) -> dict[str, bytes]:
    """A file for each object. ``folder`` is the title of Grafana's folder, ``datasources`` are as in a provisioning
    file. The uid of a dashboard is that in its JSON.

    Raises `SourceError` for a dashboard that is too large, and when two would be one object.
    """
    check_names(list(models))
    home = object_name(folder_uid(folder))
    files = {"grafana-operator/folder.yaml": object_file(_object("GrafanaFolder", home, {"title": folder}, placement))}
    for source in datasources:
        fields = {key: value for key, value in source.items() if key != "uid"}
        content = _object("GrafanaDatasource", source["uid"], {"uid": source["uid"], "datasource": fields}, placement)
        files[f"grafana-operator/datasources/{source['uid']}.yaml"] = object_file(content)
    for uid, model in models.items():
        files[f"grafana-operator/dashboards/{object_name(uid)}.yaml"] = _dashboard(uid, model, home, placement)
    return files


def _dashboard(uid: str, model: Model, folder: str, placement: Placement) -> bytes:
    """Readable where ``kubectl apply`` takes that, else compressed."""
    text, kind = small_json(model), "GrafanaDashboard"
    file = object_file(_object(kind, object_name(uid), {"folderRef": folder, "json": text}, placement))
    if needs_server_side(file):
        packed = base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
        file = object_file(_object(kind, object_name(uid), {"folderRef": folder, "gzipJson": packed}, placement))
    return must_fit(file, kind, uid)


def _object(kind: str, name: str, content: Mapping[str, Any], placement: Placement) -> dict[str, Any]:
    selected = {
        # Grafana often runs in another namespace than what it is to show.
        "allowCrossNamespaceImport": True,
        "instanceSelector": {"matchLabels": dict(placement.instances)},
    }
    return {"apiVersion": _API, "kind": kind, "metadata": about(name, placement, {}), "spec": {**selected, **content}}
