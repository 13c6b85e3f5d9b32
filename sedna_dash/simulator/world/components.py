"""Sedna's own programs: GM in the cloud, and an LC on every node."""

from __future__ import annotations

from sedna_dash.crds import CRDS, GROUP, VERSION
from sedna_dash.simulator.world.clock import timestamp
from sedna_dash.simulator.world.deployments import Deployment, owner_reference, service
from sedna_dash.simulator.world.pods import Pod, container
from sedna_dash.simulator.world.site import Object, Site, new_suffix, new_uid

NAMESPACE = "sedna"


def install(site: Site, namespaces: set[str]) -> None:
    """Install Sedna, as its chart does, and the namespaces that jobs live in."""
    created = timestamp(site.clock.wall)
    for namespace in sorted({*namespaces, NAMESPACE, "kube-node-lease", "kube-system"}):
        _named(site, "namespaces", namespace, created, {"status": {"phase": "Active"}})
    for crd in CRDS.values():
        names = {"kind": crd.kind, "plural": crd.plural, "listKind": f"{crd.kind}List", "singular": crd.kind.lower()}
        version = {"name": VERSION, "served": True, "storage": True, "subresources": {"status": {}}}
        spec = {"group": GROUP, "names": names, "scope": "Namespaced", "versions": [version]}
        established = {"type": "Established", "status": "True", "lastTransitionTime": created}
        status = {"acceptedNames": names, "conditions": [established], "storedVersions": [VERSION]}
        name = f"{crd.plural}.{GROUP}"
        _named(site, "customresourcedefinitions", name, created, {"spec": spec, "status": status})
    gm = container("gm", "kubeedge/sedna-gm:v0.7.0", {}, memory="256Mi")
    site.gm = Deployment(
        site,
        namespace=NAMESPACE,
        name="gm",
        nodes=[site.nodes.first("cloud")],
        labels={"sedna": "gm"},
        containers=[gm],
    ).pods[0]
    service(site, namespace=NAMESPACE, name="gm", port=9000, labels={"sedna": "gm"})
    _LocalControllers(site)


def _named(site: Site, resource: str, name: str, created: str, content: Object) -> None:
    made = {"metadata": {"name": name, "creationTimestamp": created}, **content}
    site.put(resource, "", name, lambda: made)


class _LocalControllers:
    """The DaemonSet of LCs."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.created = site.clock.wall
        chance = site.random("daemonset", "lc")
        self.uid = new_uid(chance)
        env = {"GM_ADDRESS": "gm.sedna:9000", "BIND_PORT": "9100", "ROOTFS_MOUNT_DIR": "/rootfs"}
        self.container = container("lc", "kubeedge/sedna-lc:v0.7.0", env, memory="128Mi")
        self.pods: list[Pod] = []
        for node in site.nodes:
            pod = Pod(
                site,
                namespace=NAMESPACE,
                name=f"lc-{new_suffix(chance)}",
                node=node,
                labels={"sedna": "lc"},
                containers=[self.container],
                owner=owner_reference("apps/v1", "DaemonSet", "lc", self.uid),
                host_network=True,
                on_change=self.save,
            )
            node.lc = pod
            self.pods.append(pod)
            site.klog(pod, "I", "server.go:140", "server binds port 9100 successfully")
            node.greet()
        self.save()

    def save(self) -> None:
        self.site.put("daemonsets", NAMESPACE, "lc", self.manifest)

    def manifest(self) -> Object:
        ready, wanted = sum(pod.ready for pod in self.pods), len(self.pods)
        labels = {"sedna": "lc"}
        return {
            "metadata": {
                "namespace": NAMESPACE,
                "name": "lc",
                "uid": self.uid,
                "creationTimestamp": timestamp(self.created),
                "labels": labels,
            },
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"hostNetwork": True, "containers": [self.container]},
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
