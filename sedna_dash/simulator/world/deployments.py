"""Deployments with their ReplicaSets and pods, and Services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sedna_dash.simulator.world.clock import Action, timestamp
from sedna_dash.simulator.world.nodes import Node
from sedna_dash.simulator.world.pods import Pod
from sedna_dash.simulator.world.site import Object, Site, metadata, new_suffix, new_uid


def owner_reference(api_version: str, kind: str, name: str, uid: str) -> Object:
    """What an object says of the one that made it."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "name": name,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


class Deployment:
    """A Deployment; its pods are spread over ``nodes``, one after the other."""

    def __init__(
        self,
        site: Site,
        *,
        namespace: str,
        name: str,
        nodes: Sequence[Node],
        labels: Mapping[str, str],
        containers: Sequence[Object],
        replicas: int = 1,
        owner: Object | None = None,
        host_network: bool = False,
        on_change: Action | None = None,
    ) -> None:
        self.site, self.namespace, self.name = site, namespace, name
        self.labels, self.containers, self.owner, self.on_change = dict(labels), list(containers), owner, on_change
        self.created = self.changed_at = site.clock.wall
        chance = site.random("deployment", namespace, name, site.clock.now)
        self.uid, self._set_uid, self._hash = new_uid(chance), new_uid(chance), new_suffix(chance, 10)
        self._available = 0
        self.pods: list[Pod] = []
        self.pods = [
            Pod(
                site,
                namespace=namespace,
                name=f"{name}-{self._hash}-{new_suffix(chance)}",
                node=nodes[number % len(nodes)],
                labels={**labels, "pod-template-hash": self._hash},
                containers=containers,
                owner=owner_reference("apps/v1", "ReplicaSet", f"{name}-{self._hash}", self._set_uid),
                host_network=host_network,
                on_change=self._pod_changed,
            )
            for number in range(replicas)
        ]
        self.save()

    @property
    def available(self) -> int:
        """Its pods that serve."""
        return sum(pod.ready for pod in self.pods)

    def _pod_changed(self) -> None:
        if self.available != self._available:
            self._available, self.changed_at = self.available, self.site.clock.wall
            self.save()
            if self.on_change:
                self.on_change()

    def save(self) -> None:
        self.site.put("deployments", self.namespace, self.name, self.manifest)
        self.site.put("replicasets", self.namespace, f"{self.name}-{self._hash}", self.replica_set)

    def remove(self) -> None:
        """Delete it, and what belongs to it."""
        self.on_change = None
        for pod in self.pods:
            pod.remove()
        self.site.delete("replicasets", self.namespace, f"{self.name}-{self._hash}")
        self.site.delete("deployments", self.namespace, self.name)

    def _spec(self, labels: Mapping[str, str]) -> Object:
        template = {"metadata": {"labels": dict(labels)}, "spec": {"containers": self.containers}}
        return {"replicas": len(self.pods), "selector": {"matchLabels": dict(labels)}, "template": template}

    def manifest(self) -> Object:
        about = metadata(self.namespace, self.name, self.uid, self.created) | {"labels": self.labels}
        if self.owner:
            about["ownerReferences"] = [self.owner]
        wanted, available = len(self.pods), self.available
        since = timestamp(self.changed_at)
        # GM looks at the last of the conditions, and takes a service for active while that is Progressing.
        conditions = [
            {
                "type": "Available",
                "status": "True" if available == wanted else "False",
                "reason": "MinimumReplicasAvailable" if available == wanted else "MinimumReplicasUnavailable",
                "lastUpdateTime": since,
                "lastTransitionTime": since,
            },
            {
                "type": "Progressing",
                "status": "True",
                "reason": "NewReplicaSetAvailable" if available == wanted else "ReplicaSetUpdated",
                "lastUpdateTime": since,
                "lastTransitionTime": timestamp(self.created),
            },
        ]
        return {
            "metadata": about,
            "spec": {**self._spec(self.labels), "strategy": {"type": "RollingUpdate"}},
            "status": {
                "observedGeneration": 1,
                "replicas": wanted,
                "updatedReplicas": wanted,
                "readyReplicas": available,
                "availableReplicas": available,
                "unavailableReplicas": wanted - available,
                "conditions": conditions,
            },
        }

    def replica_set(self) -> Object:
        labels = {**self.labels, "pod-template-hash": self._hash}
        return {
            "metadata": {
                "namespace": self.namespace,
                "name": f"{self.name}-{self._hash}",
                "uid": self._set_uid,
                "creationTimestamp": timestamp(self.created),
                "labels": labels,
                "ownerReferences": [owner_reference("apps/v1", "Deployment", self.name, self.uid)],
            },
            "spec": self._spec(labels),
            "status": {
                "replicas": len(self.pods),
                "fullyLabeledReplicas": len(self.pods),
                "readyReplicas": self.available,
                "availableReplicas": self.available,
                "observedGeneration": 1,
            },
        }


def service(
    site: Site, *, namespace: str, name: str, port: int, labels: Mapping[str, str], owner: Object | None = None
) -> str:
    """Make a Service; returns its address inside the cluster."""
    chance = site.random("service", namespace, name)
    address = f"10.96.{chance.randrange(1, 250)}.{chance.randrange(2, 250)}"
    created = site.clock.wall
    uid = new_uid(chance)

    def manifest() -> Object:
        about = metadata(namespace, name, uid, created) | {"labels": dict(labels)}
        if owner:
            about["ownerReferences"] = [owner]
        ports = [{"name": "tcp-0", "protocol": "TCP", "port": port, "targetPort": port}]
        spec = {"type": "ClusterIP", "clusterIP": address, "selector": dict(labels), "ports": ports}
        return {"metadata": about, "spec": spec, "status": {"loadBalancer": {}}}

    site.put("services", namespace, name, manifest)
    return address
