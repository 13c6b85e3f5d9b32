"""A cluster of three nodes and a few objects, and a world in which nothing happens by itself."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sedna_dash.exposition import Sample
from sedna_dash.simulator.kubernetes import KubernetesApi
from sedna_dash.simulator.objects import ObjectStore
from sedna_dash.simulator.web import WebServer

BEGAN = 1_700_000_000.0
STAMP = "2023-11-14T22:13:20Z"
ENDED = {"exitCode": 137, "reason": "OOMKilled", "startedAt": STAMP, "finishedAt": STAMP}


def node(name: str, *, role: str = "edge", ready: str = "True") -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "creationTimestamp": STAMP,
            "labels": {f"node-role.kubernetes.io/{role}": "", "zone": name[-1]},
        },
        "spec": {},
        "status": {
            "capacity": {"cpu": "4", "memory": "8Gi"},
            "addresses": [{"type": "InternalIP", "address": f"10.0.0.{sum(map(ord, name)) % 250}"}],
            "conditions": [
                {"type": "MemoryPressure", "status": "False"},
                {"type": "Ready", "status": ready},
            ],
            "nodeInfo": {
                "architecture": "arm64",
                "bootID": name,
                "kubeProxyVersion": "",
                "machineID": name,
                "operatingSystem": "linux",
                "systemUUID": name,
                "kernelVersion": "6.1",
                "osImage": "Debian 12",
                "containerRuntimeVersion": "containerd://1.7",
                "kubeletVersion": "v1.29.4",
            },
        },
    }


def pod(
    name: str,
    *,
    on: str = "edge-1",
    restarts: int = 0,
    kind: str = "",
    owner: str = "",
    worker: str = "",
    namespace: str = "factory",
    hooked: bool = False,
    state: dict[str, Any] | None = None,
) -> dict[str, Any]:
    prefix = f"{kind.lower()}.sedna.io/"
    labels = {prefix + "name": owner, prefix + "worker-type": worker} if kind else {"sedna": name}
    container: dict[str, Any] = {
        "name": name if not kind else "worker",
        "image": "example/worker:1",
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "2Gi"}},
    }
    if hooked:
        container["env"] = [{"name": "SEDNA_DASH_METRICS", "value": "on"}]
    return {
        "metadata": {"namespace": namespace, "name": name, "labels": labels, "creationTimestamp": STAMP},
        "spec": {"nodeName": on, "hostNetwork": True, "containers": [container]},
        "status": {
            "phase": "Running",
            "hostIP": "10.0.0.6",
            "podIP": "10.0.0.6",
            "startTime": STAMP,
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [
                {
                    "name": container["name"],
                    "image": "example/worker:1",
                    "imageID": "example/worker@sha256:1",
                    "containerID": "containerd://1",
                    "ready": True,
                    "restartCount": restarts,
                    "state": state or {"running": {"startedAt": STAMP}},
                    "lastState": {"terminated": ENDED} if restarts else {},
                }
            ],
        },
    }


def job(name: str, kind: str = "IncrementalLearningJob", namespace: str = "factory") -> dict[str, Any]:
    return {
        "metadata": {"namespace": namespace, "name": name, "creationTimestamp": STAMP},
        "spec": {"dataset": {"name": "images"}},
        "status": {"startTime": STAMP, "conditions": []},
    }


def fill(store: ObjectStore) -> None:
    """Something of everything that the surroundings tell of."""
    store.put("nodes", node("cloud-1", role="control-plane"))
    store.put("nodes", node("edge-1"))
    store.put("nodes", node("edge-22"))
    store.put("pods", pod("gm", on="cloud-1", namespace="sedna"))
    store.put("pods", pod("lc", on="edge-1", namespace="sedna", restarts=2))
    store.put("pods", pod("line-a-train-x7", kind="IncrementalLearningJob", owner="line-a", worker="train"))
    store.put(
        "pods",
        pod("gate-edge-1", on="edge-22", kind="JointInferenceService", owner="gate", worker="edge",
            state={"waiting": {"reason": "CrashLoopBackOff"}}),
    )  # fmt: skip
    store.put("incrementallearningjobs", job("line-a"))
    store.put("jointinferenceservices", job("gate", "JointInferenceService"))
    store.put("videoanalyticsjobs", job("shelf", "VideoAnalyticsJob"))
    there = {"namespace": "factory", "creationTimestamp": STAMP}
    store.put(
        "deployments",
        {
            "metadata": {**there, "name": "gate-deployment-edge"},
            "spec": {"replicas": 1},
            "status": {"availableReplicas": 1},
        },
    )
    store.put(
        "daemonsets",
        {
            "metadata": {**there, "name": "lc"},
            "spec": {},
            "status": {"numberReady": 1, "desiredNumberScheduled": 2, "currentNumberScheduled": 2},
        },
    )
    store.put(
        "horizontalpodautoscalers",
        {
            "metadata": {**there, "name": "hpa-gate"},
            "spec": {
                "minReplicas": 1,
                "maxReplicas": 3,
                "scaleTargetRef": {"kind": "Deployment", "name": "gate-deployment-edge"},
            },
            "status": {"currentReplicas": 1, "desiredReplicas": 1},
        },
    )
    store.put("jobs", {"metadata": {**there, "name": "clean"}, "spec": {}, "status": {"active": 1, "succeeded": 2}})
    store.put(
        "jobs",
        {
            "metadata": {**there, "name": "broken"},
            "spec": {},
            "status": {"failed": 1, "conditions": [{"type": "Failed", "reason": "BackoffLimitExceeded"}]},
        },
    )
    store.put(
        "leases",
        {
            "metadata": {"namespace": "kube-node-lease", "name": "edge-1"},
            "spec": {"holderIdentity": "edge-1", "renewTime": "2023-11-14T22:13:20.000000Z"},
        },
    )


@dataclass(frozen=True)
class Endpoint:
    namespace: str
    pod: str
    node: str
    samples: list[Sample]


@dataclass
class World:
    """Does what it is told: each entry of ``plan`` happens once its time has come."""

    plan: dict[float, Any] = field(default_factory=dict)
    endpoints: list[Endpoint] = field(default_factory=list)
    dark: set[str] = field(default_factory=set)
    now: float = 0.0

    def advance(self, now: float) -> None:
        self.now = now
        for moment in sorted(moment for moment in self.plan if moment <= now):
            self.plan.pop(moment)()

    def worker_metrics(self) -> list[Endpoint]:
        return self.endpoints

    def offline(self, name: str) -> bool:
        return name in self.dark


@contextmanager
def served(store: ObjectStore, **options: Any) -> Iterator[tuple[str, KubernetesApi]]:
    """The Kubernetes API of a store on loopback."""
    api = KubernetesApi(store, **options)
    with WebServer(api.answer) as server:
        try:
            yield server.url, api
        finally:
            api.close()


def get(url: str) -> Any:
    """JSON from a URL."""
    with urllib.request.urlopen(url, timeout=20) as answer:
        return json.load(answer)
