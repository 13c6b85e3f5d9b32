"""What the surroundings measure: the nodes, pods and containers of the cluster at one instant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sedna_dash.crds import CRDS, WORKER_TYPES
from sedna_dash.simulator.objects import Object, ObjectStore
from sedna_dash.simulator.surroundings.counters import Counters
from sedna_dash.simulator.surroundings.log_metrics import LogMetrics

_SUFFIXES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "k": 1e3, "M": 1e6, "G": 1e9, "m": 1e-3}


@dataclass(frozen=True)
class Node:
    """One node: when it was started (Unix seconds), and what runs on it."""

    name: str
    edge: bool
    ready: bool
    address: str
    cpus: int
    memory: float
    started: float
    containers: tuple[Container, ...]


@dataclass(frozen=True)
class Container:
    """One running container; ``worker_type`` is empty unless it works for a Sedna resource."""

    namespace: str
    pod: str
    name: str
    image: str
    worker_type: str
    memory: float
    started: float

    @property
    def labels(self) -> dict[str, str]:
        """As cAdvisor names it."""
        return {"namespace": self.namespace, "pod": self.pod, "container": self.name, "image": self.image}

    @property
    def busy(self) -> float:
        """CPUs that it keeps busy when it has much to do."""
        work = WORKER_TYPES[self.worker_type].work if self.worker_type in WORKER_TYPES else ""
        return {"training": 1.8, "evaluating": 1.1, "aggregating": 0.4, "inferring": 0.6}.get(work, 0.05)


@dataclass(frozen=True)
class Scene:
    """The cluster at the instant ``now``, with the counters that outlive it."""

    now: float
    store: ObjectStore
    counters: Counters
    logs: LogMetrics
    nodes: Mapping[str, Node]
    start: float
    troubles: Mapping[tuple[str, str], float]

    def trouble(self, what: str, about: str = "") -> float:
        """For how many seconds something has been wrong; 0 while all is well. The words are those of events."""
        since = self.troubles.get((what, about))
        return 0.0 if since is None else max(self.now - since, 0.0)


def look(
    store: ObjectStore,
    now: float,
    *,
    counters: Counters,
    logs: LogMetrics,
    start: float,
    offline: Callable[[str], bool],
    troubles: Mapping[tuple[str, str], float],
) -> Scene:
    """Read the cluster as it is."""
    containers: dict[str, list[Container]] = defaultdict(list)
    for pod in store.items("pods"):
        if node := pod.get("spec", {}).get("nodeName"):
            containers[node].extend(_running(pod))
    nodes = {}
    for node in store.items("nodes"):
        name = node["metadata"]["name"]
        status = node.get("status", {})
        capacity = status.get("capacity", {})
        nodes[name] = Node(
            name=name,
            edge="node-role.kubernetes.io/edge" in (node["metadata"].get("labels") or {}),
            ready=_condition(status, "Ready") == "True" and not offline(name),
            address=next((a["address"] for a in status.get("addresses", ()) if a["type"] == "InternalIP"), name),
            cpus=int(quantity(capacity.get("cpu", "4"))),
            memory=quantity(capacity.get("memory", "8Gi")),
            started=instant(node["metadata"].get("creationTimestamp")) or start,
            containers=tuple(containers[name]),
        )
    return Scene(now, store, counters, logs, nodes, start, troubles)


def owner(pod: Object) -> tuple[str, str, str] | None:
    """Kind, name and worker type of what a pod works for, from the labels that GM gives it."""
    labels = pod["metadata"].get("labels") or {}
    for crd in CRDS.values():
        if name := labels.get(crd.label_prefix + "name"):
            return crd.kind, name, labels.get(crd.label_prefix + "worker-type", "")
    return None


def quantity(text: Any) -> float:
    """A Kubernetes quantity such as ``100m`` or ``2Gi``."""
    text = str(text)
    for suffix, factor in _SUFFIXES.items():
        if text.endswith(suffix):
            return float(text.removesuffix(suffix)) * factor
    return float(text)


@lru_cache(maxsize=8192)
def instant(text: str | None) -> float | None:
    """RFC 3339 in Unix seconds; None for nothing."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() if text else None


def _condition(status: Mapping[str, Any], kind: str) -> str:
    return next((c["status"] for c in status.get("conditions", ()) if c["type"] == kind), "Unknown")


def _running(pod: Object) -> Iterator[Container]:
    works_for = owner(pod)
    specs = {spec["name"]: spec for spec in pod["spec"].get("containers", ())}
    for status in pod.get("status", {}).get("containerStatuses", ()):
        if running := status.get("state", {}).get("running"):
            spec = specs.get(status["name"], {})
            yield Container(
                namespace=pod["metadata"]["namespace"],
                pod=pod["metadata"]["name"],
                name=status["name"],
                image=status.get("image", ""),
                worker_type=works_for[2] if works_for else "",
                memory=quantity(spec.get("resources", {}).get("limits", {}).get("memory", "256Mi")),
                started=instant(running.get("startedAt")) or 0.0,
            )
