"""Objects as GM writes them, small enough to read in a test."""

from __future__ import annotations

import itertools
import json
from typing import Any

from sedna_dash.crds import CRDS
from sedna_dash.exporter.state import State

#: Every object gets a newer version than the one before.
_VERSIONS = itertools.count(1)


def at(minute: float) -> str:
    """An instant of 2026-03-01, in minutes after 10:00 UTC."""
    hours, rest = divmod(int(minute * 60), 3600)
    return f"2026-03-01T{10 + hours:02}:{rest // 60:02}:{rest % 60:02}Z"


#: 2026-03-01T10:00:00Z
TEN = 1772359200.0


def thing(
    kind: str, name: str = "one", spec: Any = None, status: Any = None, *, namespace: str = "factory", uid: str = ""
) -> dict[str, Any]:
    """An object of a kind."""
    metadata = {
        "name": name,
        "namespace": namespace,
        "uid": uid or f"uid-{kind}-{name}",
        "resourceVersion": str(next(_VERSIONS)),
        "creationTimestamp": at(0),
    }
    return {
        "apiVersion": "sedna.io/v1alpha1",
        "kind": kind,
        "metadata": metadata,
        "spec": spec if spec is not None else {},
        **({"status": status} if status is not None else {}),
    }


def entry(stage: str, type_: str, minute: float, data: Any = None) -> dict[str, Any]:
    """A condition of a job with stages."""
    said = {"data": json.dumps(data)} if data is not None else {}
    return {
        "stage": stage, "type": type_, "status": "True",
        "lastHeartbeatTime": at(minute), "lastTransitionTime": at(minute), **said,
    }  # fmt: skip


def template(**env: str) -> dict[str, Any]:
    """A pod template with variables."""
    variables = [{"name": name, "value": value} for name, value in env.items()]
    return {"spec": {"nodeName": "edge-1", "containers": [{"name": "worker", "env": variables}]}}


def pod(
    kind: str,
    job: str,
    worker_type: str,
    number: int = 0,
    *,
    phase: str = "Running",
    node: str = "edge-1",
    uid: str = "",
) -> dict[str, Any]:
    """A worker pod as GM labels it."""
    prefix = CRDS[kind].label_prefix
    found = thing("Pod", f"{job}-{worker_type}-{number}", {"nodeName": node}, {"phase": phase, "startTime": at(1)})
    found["metadata"]["labels"] = {
        f"{prefix}name": job, f"{prefix}uid": uid or f"uid-{kind}-{job}", f"{prefix}worker-type": worker_type,
    }  # fmt: skip
    return found


def node(name: str, *, edge: bool) -> dict[str, Any]:
    """A node, at the edge or not."""
    found = thing("Node", name, namespace="")
    del found["metadata"]["namespace"]
    found["metadata"]["labels"] = {"node-role.kubernetes.io/edge": ""} if edge else {}
    return found


def series(state: State, *families: str) -> dict[str, float]:
    """Lines of some families and their values."""
    found = {}
    for line in state.expose().decode().splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            if name.partition("{")[0] in families:
                found[name] = float(value)
    return found


def shown(*objects: dict[str, Any]) -> State:
    """A state that has seen some objects."""
    state = State()
    for obj in objects:
        state.put(obj["kind"], obj)
    return state


def short(found: dict[str, float], family: str) -> dict[str, float]:
    """The series of one family by what tells them apart: their labels without namespace, kind and name."""
    result = {}
    for line, value in found.items():
        name, _, labels = line.partition("{")
        if name == family:
            parts = [part for part in labels.rstrip("}").split(",") if part]
            kept = [part for part in parts if part.partition("=")[0] not in ("namespace", "kind", "name")]
            result[",".join(kept).replace('"', "")] = value
    return result
