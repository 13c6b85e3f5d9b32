"""What Sedna's resources look like: their kinds, the paths of their fields, and the words of their states.

The data is in ``crds.yaml``; the exporter, the config for kube-state-metrics and the simulator all read it here.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

DATA = Path(__file__).with_name("crds.yaml")

#: Fields of every object, as Kubernetes gives them.
_COMMON = {
    "apiVersion": "string",
    "kind": "string",
    "metadata.name": "string",
    "metadata.namespace": "string",
    "metadata.uid": "string",
    "metadata.generation": "integer",
    "metadata.resourceVersion": "string",
    "metadata.creationTimestamp": "date-time",
}


@dataclass(frozen=True)
class Crd:
    """One kind of Sedna's resources.

    ``paths`` maps the path of each field, such as ``status.conditions[].type``, to its type: string, integer, number,
    boolean, date-time or object. ``conditions``, ``stages`` and ``phases`` are the words of its status; a kind without
    stages has none. ``category`` is data, job or service; ``handled`` is false for kinds that GM has no controller for.
    """

    kind: str
    plural: str
    category: str
    workers: tuple[str, ...]
    conditions: tuple[str, ...]
    stages: tuple[str, ...]
    phases: tuple[str, ...]
    handled: bool
    paths: Mapping[str, str]

    @property
    def runs(self) -> bool:
        """Whether objects of this kind run workers; datasets and models do not."""
        return self.category != "data"

    @property
    def label_prefix(self) -> str:
        """What the labels begin with that GM puts on the workers' pods: ``<prefix>name``, ``uid``, ``worker-type``."""
        return f"{self.kind.lower()}.{GROUP}/"


@dataclass(frozen=True)
class WorkerType:
    """What a worker of this type does, and in which stage (empty for kinds without stages)."""

    work: str
    stage: str


@functools.cache
def _data() -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    data: dict[str, Any] = yaml.load(DATA.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - a SafeLoader
    return data


def _crd(kind: str, data: Mapping[str, Any]) -> Crd:
    fields = {f"{part}.{path}": type_ for part in ("spec", "status") for path, type_ in data[part].items()}
    return Crd(
        kind=kind,
        plural=data["plural"],
        category=data["category"],
        workers=tuple(data.get("workers", ())),
        conditions=tuple(data.get("conditions", ())),
        stages=tuple(data.get("stages", ())),
        phases=tuple(data.get("phases", ())),
        handled=data.get("controller", True),
        paths={**_COMMON, **fields},
    )


GROUP: str = _data()["group"]
VERSION: str = _data()["version"]

#: Every kind, by name.
CRDS: Mapping[str, Crd] = {kind: _crd(kind, data) for kind, data in _data()["kinds"].items()}

#: Every worker type, by the word of the pod's label.
WORKER_TYPES: Mapping[str, WorkerType] = {
    name: WorkerType(data["work"], data.get("stage", "")) for name, data in _data()["workers"].items()
}
