"""Sedna's own programs, GM in the cloud and an LC on every node, and the log collectors beside them."""

from __future__ import annotations

from sedna_dash.crds import CRDS, GROUP, VERSION
from sedna_dash.simulator.world.clock import timestamp
from sedna_dash.simulator.world.collectors import NAMESPACE as MONITORING
from sedna_dash.simulator.world.collectors import install_collectors
from sedna_dash.simulator.world.daemon_sets import DaemonSet
from sedna_dash.simulator.world.deployments import Deployment, service
from sedna_dash.simulator.world.pods import container
from sedna_dash.simulator.world.site import Object, Site

NAMESPACE = "sedna"


def install(site: Site, namespaces: set[str]) -> None:
    """Install Sedna, as its chart does, the log collectors, and the namespaces that jobs live in."""
    created = timestamp(site.clock.wall)
    for namespace in sorted({*namespaces, NAMESPACE, MONITORING, "kube-node-lease", "kube-system"}):
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
    _install_local_controllers(site)
    install_collectors(site)


def stop_gm(site: Site, seconds: float) -> None:
    """Let GM crash for so many seconds: no LC reaches it, and what happens meanwhile it learns afterwards."""
    gm = site.gm
    if gm is None or not site.gm_up:
        return
    gm.crash_loop()
    for node in site.nodes:
        node.lose_gm("websocket: close 1006 (abnormal closure): unexpected EOF")

    def back() -> None:
        gm.recover()
        site.gm_is_back()
        for node in site.nodes:
            node.reconnect()

    site.clock.after(seconds, back)


def stop_knowledge_base(site: Site, seconds: float) -> None:
    """Let the knowledge base crash for so many seconds: what workers upload meanwhile is lost."""
    if site.knowledge_base and site.knowledge_base.up:
        pod = site.knowledge_base.pod
        pod.crash_loop()
        site.clock.after(seconds, pod.recover)


def hide_knowledge_base(site: Site, seconds: float) -> None:
    """Let the file of the knowledge base be gone for so many seconds for who reads it."""
    base = site.knowledge_base
    if base is None:
        return
    base.readable = False

    def back() -> None:
        base.readable = True

    site.clock.after(seconds, back)


def _named(site: Site, resource: str, name: str, created: str, content: Object) -> None:
    made = {"metadata": {"name": name, "creationTimestamp": created}, **content}
    site.put(resource, "", name, lambda: made)


def _install_local_controllers(site: Site) -> None:
    env = {"GM_ADDRESS": "gm.sedna:9000", "BIND_PORT": "9100", "ROOTFS_MOUNT_DIR": "/rootfs"}
    lc = container("lc", "kubeedge/sedna-lc:v0.7.0", env, memory="128Mi")
    made = DaemonSet(site, namespace=NAMESPACE, name="lc", labels={"sedna": "lc"}, container=lc, host_network=True)
    for node, pod in zip(site.nodes, made.pods, strict=True):
        node.lc = pod
        site.klog(pod, "I", "server.go:140", "server binds port 9100 successfully")
        node.greet()
