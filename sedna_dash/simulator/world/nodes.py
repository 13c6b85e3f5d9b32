"""The machines of the site: in the cloud and, behind links that break, at the edge.

A node without a link goes on working. What its LC has to say to GM waits until the link is back; what workers tell
an LC that does not run is lost, as Sedna's library gives up after five tries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from sedna_dash.simulator.world.clock import Action, timestamp
from sedna_dash.simulator.world.site import Object, Site, new_uid

if TYPE_CHECKING:
    from sedna_dash.simulator.world.collectors import Collector
    from sedna_dash.simulator.world.pods import Pod

#: Seconds until Kubernetes gives a silent node up, between leases, between an LC's tries, and until it is back.
_GRACE, _LEASE, _RETRY, _RECONNECT = 40.0, 30.0, 5.0, 3.0

_GM_ADDRESS = "gm.sedna:9000"

_PRESSURES = {
    "MemoryPressure": ("KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    "DiskPressure": ("KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    "PIDPressure": ("KubeletHasSufficientPID", "kubelet has sufficient PID available"),
}


class Node:
    """One machine. ``linked``: GM and the API server can be reached; ``ready``: Kubernetes believes in it."""

    def __init__(self, site: Site, name: str, role: str, number: int) -> None:
        self.site, self.name, self.role = site, name, role
        self.uid = new_uid(site.random("node", name))
        self.address = f"10.{20 if role == 'edge' else 10}.{number // 250}.{number % 250 + 10}"
        self.created = site.clock.wall
        self.linked = self.ready = self.lc_up = True
        #: Whether images can be pulled, and whether its LC can reach GM over the link.
        self.registry = self.gm_reachable = True
        self.ready_since = self.renewed = self.created
        self.lc: Pod | None = None
        self.collector: Collector | None = None
        self.pods: list[Pod] = []
        self._waiting: list[Action] = []

    @property
    def location(self) -> str:
        """``edge`` or ``cloud``."""
        return self.role

    def save(self) -> None:
        self.site.put("nodes", "", self.name, self.manifest)
        self.site.put("leases", "kube-node-lease", self.name, self.lease)

    def renew(self) -> None:
        """Tell the API server that the node lives."""
        if self.linked:
            self.renewed = self.site.clock.wall
            self.site.put("leases", "kube-node-lease", self.name, self.lease)

    def collect(self, pod: Pod) -> None:
        """A container started: what it writes is collected from now on."""
        if self.collector:
            self.collector.tail(pod)

    def forget(self, pod: Pod) -> None:
        """A pod is gone with its log files."""
        if self.collector:
            self.collector.leave(pod)

    # What workers and LC have to say

    @property
    def talks(self) -> bool:
        """Whether its LC has a connection to GM."""
        alive = self.lc is None or self.lc.crashing_since is None
        return self.linked and self.gm_reachable and alive and self.site.gm_up

    def to_cloud(self, action: Action) -> None:
        """Something goes over the link: it takes effect now, or when the link is back."""
        if self.linked:
            action()
        else:
            self._waiting.append(lambda: self.to_cloud(action))

    def to_gm(self, action: Action) -> None:
        """The LC sends something to GM: it takes effect now, or when the connection is back."""
        if self.talks:
            action()
        else:
            self._waiting.append(lambda: self.to_gm(action))

    def report(self, action: Action) -> bool:
        """A worker reports through the LC to GM; False if no LC took it, so that it is lost."""
        if self.lc_up:
            self.to_gm(action)
        return self.lc_up

    # Trouble

    def go_dark(self, seconds: float) -> None:
        """Lose the link for so many seconds."""
        if not self.linked:
            return
        self.linked = False
        self._closed()
        self.lose_gm("i/o timeout")
        if self.collector:
            self.collector.lose_link()
        self.site.clock.after(_GRACE, self._given_up)
        self.site.clock.after(seconds, self._back)

    def _closed(self) -> None:
        """GM loses the connection of the LC."""
        site = self.site
        reason = f"read tcp 10.10.0.10:9000->{self.address}:40512: read: connection timed out"
        site.klog(site.gm, "E", "context.go:153", f"read loop of node {self.name} closed, due to: {reason}")
        site.klog(site.gm, "I", "server.go:115", f"closed connection for node {self.name}")

    def lose_gm(self, error: str) -> None:
        """The LC loses its connection, and tries to get it back."""
        site = self.site
        text = f"client received message from global manager(address: {_GM_ADDRESS}) failed, error: {error}"
        site.klog(self.lc, "E", "websocket.go:90", text)
        site.clock.after(_RETRY, self._try_again)

    def disconnect_lc(self, seconds: float) -> None:
        """GM's name cannot be resolved for so many seconds, though the link is well."""
        self.gm_reachable = False
        self._closed()
        self.lose_gm("websocket: close 1006 (abnormal closure): unexpected EOF")

        def found() -> None:
            self.gm_reachable = True
            self.reconnect()

        self.site.clock.after(seconds, found)

    def lose_registry(self, seconds: float) -> None:
        """No image can be pulled for so many seconds."""
        self.registry = False

        def back() -> None:
            self.registry = True

        self.site.clock.after(seconds, back)

    def restart_lc(self, seconds: float) -> None:
        """Stop the LC for so many seconds: what workers report meanwhile is lost."""
        self.lc_up = False
        if self.lc:
            self.lc.restart("Error", 255)

        def up() -> None:
            self.lc_up = True
            self.reconnect()

        self.site.clock.after(seconds, up)

    def crash_lc(self, seconds: float) -> None:
        """Another program has the port of the LC for so many seconds, so that it ends whenever it is started."""
        self.lc_up = False
        self.site.klog(self.lc, "F", "server.go:141", "listen tcp :9100: bind: address already in use")
        self._closed()
        if self.lc:
            self.lc.crash_loop()

        def up() -> None:
            self.lc_up = True
            if self.lc:
                self.lc.recover()
            self.reconnect()

        self.site.clock.after(seconds, up)

    def _given_up(self) -> None:
        if not self.linked and self.ready:
            self._set_ready(False)

    def _try_again(self) -> None:
        if not self.talks:
            error = "dial tcp: lookup gm.sedna on 169.254.96.16:53: i/o timeout"
            self.site.klog(
                self.lc, "I", "websocket.go:176", f"client starts to connect global manager(address: {_GM_ADDRESS})"
            )
            self.site.klog(
                self.lc,
                "E",
                "websocket.go:192",
                f"client tries to connect global manager(address: {_GM_ADDRESS}) failed, error: {error}",
            )
            self.site.clock.after(_RETRY, self._try_again)

    def _back(self) -> None:
        self.linked = True
        self.renew()
        if not self.ready:
            self._set_ready(True)
        self.site.clock.after(_RECONNECT, self.reconnect)

    def reconnect(self) -> None:
        """The LC gets its connection back, if it can: what waited is sent."""
        if self.talks:
            self.greet()
        waiting, self._waiting = self._waiting, []
        for action in waiting:
            action()

    def greet(self) -> None:
        """The LC's connection to GM opens."""
        site = self.site
        site.klog(self.lc, "I", "websocket.go:176", f"client starts to connect global manager(address: {_GM_ADDRESS})")
        site.klog(
            self.lc, "I", "websocket.go:187", f"websocket connects global manager(address: {_GM_ADDRESS}) successful"
        )
        site.klog(site.gm, "I", "server.go:109", f"established connection for node {self.name}")

    def _set_ready(self, ready: bool) -> None:
        self.ready, self.ready_since = ready, self.site.clock.wall
        self.save()
        for pod in list(self.pods):
            pod.save()
            pod.changed()

    # Objects

    def manifest(self) -> Object:
        edge = self.role == "edge"
        role = "edge" if edge else "control-plane" if self.name.endswith("01") else "worker"
        labels = {
            "kubernetes.io/hostname": self.name,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": "arm64" if edge else "amd64",
            f"node-role.kubernetes.io/{role}": "",
        }
        if edge:
            labels["node-role.kubernetes.io/agent"] = ""
        resources = {
            "cpu": "8" if edge else "32",
            "memory": "16Gi" if edge else "128Gi",
            "pods": "110",
            "ephemeral-storage": "256Gi",
        }
        return {
            "metadata": {
                "name": self.name,
                "uid": self.uid,
                "creationTimestamp": timestamp(self.created),
                "labels": labels,
            },
            "spec": {"podCIDR": "10.244.0.0/24"},
            "status": {
                "addresses": [
                    {"type": "InternalIP", "address": self.address},
                    {"type": "Hostname", "address": self.name},
                ],
                "capacity": resources,
                "allocatable": resources,
                "conditions": [*self._conditions()],
                "nodeInfo": {
                    "architecture": labels["kubernetes.io/arch"],
                    "bootID": self.uid,
                    "machineID": self.uid.replace("-", ""),
                    "systemUUID": self.uid,
                    "containerRuntimeVersion": "containerd://1.7.20",
                    "kernelVersion": "5.15.148-tegra" if edge else "6.1.0-28-amd64",
                    "kubeProxyVersion": "",
                    "kubeletVersion": "v1.29.5-kubeedge-v1.19.0" if edge else "v1.30.4",
                    "operatingSystem": "linux",
                    "osImage": "Ubuntu 22.04.5 LTS" if edge else "Debian GNU/Linux 12 (bookworm)",
                },
            },
        }

    def _conditions(self) -> Iterable[Object]:
        since, heartbeat = timestamp(self.ready_since), timestamp(self.renewed)
        unknown = {"reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status."}
        for name, (reason, message) in _PRESSURES.items():
            said = {"status": "False", "reason": reason, "message": message}
            yield {
                "type": name,
                **(said if self.ready else {"status": "Unknown", **unknown}),
                "lastHeartbeatTime": heartbeat,
                "lastTransitionTime": since,
            }
        said = {"status": "True", "reason": "EdgeReady", "message": "edge is posting ready status"}
        if self.role != "edge":
            said = {"status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status"}
        yield {
            "type": "Ready",
            **(said if self.ready else {"status": "Unknown", **unknown}),
            "lastHeartbeatTime": heartbeat,
            "lastTransitionTime": since,
        }

    def lease(self) -> Object:
        renewed = timestamp(self.renewed).replace("Z", ".000000Z")
        return {
            "metadata": {
                "namespace": "kube-node-lease",
                "name": self.name,
                "creationTimestamp": timestamp(self.created),
            },
            "spec": {"holderIdentity": self.name, "leaseDurationSeconds": 40, "renewTime": renewed},
        }


class Nodes:
    """All machines of the site, by name."""

    def __init__(self, site: Site, names_and_roles: Iterable[tuple[str, str]]) -> None:
        self._nodes = {name: Node(site, name, role, number) for number, (name, role) in enumerate(names_and_roles)}
        for node in self:
            node.save()
            site.clock.every(_LEASE, node.renew)

    def __getitem__(self, name: str) -> Node:
        return self._nodes[name]

    def __iter__(self) -> Iterator[Node]:
        return iter(self._nodes.values())

    def __contains__(self, name: str) -> bool:
        return name in self._nodes

    def first(self, role: str) -> Node:
        """The first node of a role, or of any."""
        return next((node for node in self if node.role == role), next(iter(self)))
