"""DaemonSets: one pod on every node."""

from __future__ import annotations

from collections.abc import Mapping

from sedna_dash.simulator.world.clock import timestamp
from sedna_dash.simulator.world.deployments import owner_reference
from sedna_dash.simulator.world.pods import Pod
from sedna_dash.simulator.world.site import Object, Site, new_suffix, new_uid


class DaemonSet:
    """A DaemonSet; ``pods`` are in the order of the site's nodes."""

    def __init__(
        self,
        site: Site,
        *,
        namespace: str,
        name: str,
        labels: Mapping[str, str],
        container: Object,
        host_network: bool = False,
    ) -> None:
        self.site, self.namespace, self.name = site, namespace, name
        self.labels, self.container, self.host_network = dict(labels), container, host_network
        self.created = site.clock.wall
        chance = site.random("daemonset", name)
        self.uid = new_uid(chance)
        self.pods: list[Pod] = []
        for node in site.nodes:
            pod = Pod(
                site,
                namespace=namespace,
                name=f"{name}-{new_suffix(chance)}",
                node=node,
                labels=labels,
                containers=[container],
                owner=owner_reference("apps/v1", "DaemonSet", name, self.uid),
                host_network=host_network,
                on_change=self.save,
            )
            self.pods.append(pod)
        self.save()

    def save(self) -> None:
        self.site.put("daemonsets", self.namespace, self.name, self.manifest)

    def manifest(self) -> Object:
        ready, wanted = sum(pod.ready for pod in self.pods), len(self.pods)
        return {
            "metadata": {
                "namespace": self.namespace,
                "name": self.name,
                "uid": self.uid,
                "creationTimestamp": timestamp(self.created),
                "labels": self.labels,
            },
            "spec": {
                "selector": {"matchLabels": self.labels},
                "template": {
                    "metadata": {"labels": self.labels},
                    "spec": {"hostNetwork": self.host_network, "containers": [self.container]},
                },
            },
            "status": {
                "currentNumberScheduled": wanted,
                "desiredNumberScheduled": wanted,
                "numberMisscheduled": 0,
                "numberReady": ready,
                "numberAvailable": ready,
                "numberUnavailable": wanted - ready,
                "updatedNumberScheduled": wanted,
                "observedGeneration": 1,
            },
        }
