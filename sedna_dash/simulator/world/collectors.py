"""The log collectors: Grafana Alloy on every node, and what it says of its own work.

Its lines are those of Alloy 1.8 with the config that this project generates.
"""

from __future__ import annotations

from sedna_dash.simulator.world.clock import Timer
from sedna_dash.simulator.world.daemon_sets import DaemonSet
from sedna_dash.simulator.world.deployments import service
from sedna_dash.simulator.world.logs import logfmt
from sedna_dash.simulator.world.pods import Pod, container
from sedna_dash.simulator.world.site import Site

NAMESPACE = "monitoring"

#: Seconds until a batch is sent, until a try fails, between the first two tries, and the longest pause between tries.
_BATCH, _TIMEOUT, _FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 10.0, 0.5, 300.0

_LOKI = "loki.monitoring:3100"
_TAILER = {"component_path": "/", "component_id": "loki.source.file.pods", "component": "tailer"}
_WRITER = {"component_path": "/", "component_id": "loki.write.central", "component": "client"}
_COMPONENTS = ("local.file_match.pods", "discovery.relabel.pods", "loki.source.file.pods", "loki.process.sedna",
               "loki.write.central")  # fmt: skip


class Collector:
    """The collector of a node. It reads on while there is no link, and tries to send again and again."""

    def __init__(self, site: Site, pod: Pod, loki: str) -> None:
        self.site, self.pod, self._loki = site, pod, loki
        self._next: Timer | None = None
        #: The files that it reads, by pod.
        self._files: dict[Pod, str] = {}
        pod.on_start = self._begin
        pod.node.collector = self

    def _say(self, level: str, message: str, **fields: str) -> None:
        self.site.say(self.pod, lambda now: logfmt(now, level, message, **fields))

    def _begin(self) -> None:
        run = {"controller_path": "/", "controller_id": "", "trace_id": f"{self.pod.chance.getrandbits(128):032x}"}
        self._say("info", "running usage stats reporter")
        self._say("info", "starting complete graph evaluation", **run)
        for component in _COMPONENTS:
            self._say("info", "finished node evaluation", **run, node_id=component, duration="112.4µs")
        self._say("info", "finished complete graph evaluation", **run, duration="1.388593ms")
        self._say("info", "scheduling loaded components and services")
        self._say("info", "now listening for http traffic", service="http", addr="0.0.0.0:12345")
        for pod in self.pod.node.pods:
            self.tail(pod)

    def tail(self, pod: Pod) -> None:
        """Read what the container of a pod of Sedna's, or of a collector, writes from now on."""
        if self.pod.phase != "Running" or pod.phase != "Running" or not _collected(pod):
            return
        path = f"/var/log/pods/{pod.namespace}_{pod.name}_{pod.uid}/{pod.container}/{pod.restarts}.log"
        if self._files.get(pod) == path:
            return
        self._files[pod] = path
        self._say("info", "tail routine: started", **_TAILER, path=path)
        self._say("info", f"Seeked {path} - &{{Offset:0 Whence:0}}", **_TAILER)

    def leave(self, pod: Pod) -> None:
        """The files of a pod are gone."""
        if path := self._files.pop(pod, None):
            stopping = "tail routine: tail channel closed, stopping tailer"
            self._say("info", stopping, **_TAILER, path=path, reason="<nil>")
            self._say("info", "stopped tailing file", **_TAILER, path=path)

    def lose_link(self) -> None:
        """Loki cannot be reached until the link of the node is back."""
        if self._next:
            self._next.cancel()
        self._next = self.site.clock.after(_BATCH + _TIMEOUT, lambda: self._failed(_FIRST_PAUSE))

    def _failed(self, pause: float) -> None:
        """A try failed; the next one fails as late as that if the link is still gone."""
        if self.pod.node.linked:
            return
        error = f'Post "http://{_LOKI}/loki/api/v1/push": dial tcp {self._loki}:3100: i/o timeout'
        about = {"host": _LOKI, "status": "-1", "tenant": "", "error": error}
        self._say("warn", "error sending batch, will retry", **_WRITER, **about)
        longer = min(2 * pause, _LONGEST_PAUSE)
        self._next = self.site.clock.after(pause + _TIMEOUT, lambda: self._failed(longer))


def _collected(pod: Pod) -> bool:
    return pod.container == "alloy" or any(key == "sedna" or ".sedna.io/" in key for key in pod.labels)


def install_collectors(site: Site) -> None:
    """Install Alloy as a DaemonSet, and the Service of the Loki that it sends to."""
    labels = {"app.kubernetes.io/name": "alloy"}
    written = container("alloy", "grafana/alloy:v1.8.3", {}, memory="256Mi")
    address = service(site, namespace=NAMESPACE, name="loki", port=3100, labels={"app.kubernetes.io/name": "loki"})
    for pod in DaemonSet(site, namespace=NAMESPACE, name="alloy", labels=labels, container=written).pods:
        Collector(site, pod, address)
