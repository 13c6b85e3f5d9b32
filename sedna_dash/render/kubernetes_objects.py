"""What all Kubernetes objects that carry dashboards have in common: names, labels, and how large they may be."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from sedna_dash import __version__
from sedna_dash.documents import yaml_text
from sedna_dash.errors import SettingsError, SourceError

#: A dashboard as plain JSON data.
Model = Mapping[str, Any]

#: Bytes that Kubernetes takes in one object, https://kubernetes.io/docs/concepts/configuration/configmap/.
MOST = 1024 * 1024
#: Bytes of annotations that an object may have. ``kubectl apply`` keeps the whole object in one, unless it is told to
#: apply on the server's side.
MOST_ANNOTATIONS = 256 * 1024

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_LABEL_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?", re.ASCII)
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?)?", re.ASCII)
_HEAD = f"# Written by sedna-dash build. Change the dashboard modules, not this file.\n# sedna-dash {__version__}\n"


@dataclass(frozen=True)
class Placement:
    """How dashboards stand in a cluster.

    The Grafana sidecar takes ConfigMaps with ``sidecar_labels`` and puts them into the folder that the annotation
    ``folder_annotation`` names. The grafana-operator gives objects to each Grafana that has the labels ``instances``.
    """

    namespace: str = "monitoring"
    sidecar_labels: Mapping[str, str] = field(default_factory=lambda: {"grafana_dashboard": "1"})
    folder_annotation: str = "grafana_folder"
    instances: Mapping[str, str] = field(default_factory=lambda: {"dashboards": "grafana"})


def check_placement(placement: Placement) -> None:
    """Raise `SettingsError` for what Kubernetes would refuse."""
    if not _NAME.fullmatch(placement.namespace):
        raise SettingsError(
            f"--namespace '{placement.namespace}' is no name in Kubernetes; use small letters, digits and dashes"
        )
    if not _LABEL_KEY.fullmatch(placement.folder_annotation):
        raise SettingsError(
            f"--folder-annotation '{placement.folder_annotation}' is no annotation's key; write it like grafana_folder"
        )
    for option, labels in (("--sidecar-label", placement.sidecar_labels), ("--instance-label", placement.instances)):
        for key, value in labels.items():
            if not _LABEL_KEY.fullmatch(key) or not _LABEL_VALUE.fullmatch(value):
                raise SettingsError(f"{option} '{key}={value}' is no label of Kubernetes; write it like app=grafana")


def object_name(uid: str) -> str:
    """The name of the object that carries the dashboard with this uid."""
    return re.sub(r"[^a-z0-9]+", "-", uid.lower()).strip("-") or "dashboard"


def check_names(uids: Sequence[str]) -> None:
    """Raise `SourceError` when two dashboards would be one object."""
    taken: dict[str, str] = {}
    for uid in uids:
        other = taken.setdefault(object_name(uid), uid)
        if other != uid:
            raise SourceError(
                f"the dashboards '{other}' and '{uid}' would both be the Kubernetes object {object_name(uid)}; give "
                "one of them another uid"
            )


def about(name: str, placement: Placement, labels: Mapping[str, str], **annotations: str) -> dict[str, Any]:
    """The metadata of an object."""
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": placement.namespace,
        "labels": {"app.kubernetes.io/name": "sedna-dash", **labels},
    }
    if annotations:
        metadata["annotations"] = annotations
    return metadata


def small_json(model: Model) -> str:
    """A dashboard in as few bytes as JSON allows; equal data gives equal text. The newline at the end keeps it one
    readable block in YAML."""
    return orjson.dumps(model, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE).decode()


def object_file(content: Mapping[str, Any]) -> bytes:
    """The file of an object."""
    return (_HEAD + yaml_text(content)).encode()


def must_fit(file: bytes, kind: str, uid: str) -> bytes:
    """The file of an object that carries a dashboard. Raises `SourceError` when Kubernetes would not take it."""
    if len(file) >= MOST:
        raise SourceError(
            f"the dashboard '{uid}' makes a {kind} of {len(file) // 1024:,} KiB, and Kubernetes takes less than "
            f"{MOST // 1024:,}; split the dashboard, or bring it to Grafana with: sedna-dash deploy"
        )
    return file


def needs_server_side(file: bytes) -> bool:
    """Whether ``kubectl apply`` refuses the object without ``--server-side``: as an annotation it is a text in JSON."""
    return len(orjson.dumps(file.decode())) > MOST_ANNOTATIONS
