"""Everything around Sedna that Prometheus scrapes: what other people's exporters would say about the simulated cluster.

Names, labels and types are the catalog's; nodes, pods and containers are those of the cluster; values are plausible.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from sedna_dash.exposition import Sample
from sedna_dash.simulator.objects import ObjectStore
from sedna_dash.simulator.surroundings import kube_state_metrics, nodes, services
from sedna_dash.simulator.surroundings.counters import Counters
from sedna_dash.simulator.surroundings.log_metrics import LogMetrics, Writer
from sedna_dash.simulator.surroundings.scene import Node, Scene, look
from sedna_dash.worker.target import VARIABLE as HOOK

__all__ = ["DEFAULT", "SOURCES", "LogMetrics", "Source", "Surroundings", "Target", "writer_in"]


@dataclass(frozen=True)
class Source:
    """A producer of metrics, by its name in the catalog: one for the site, or one on each node, cloud or edge node."""

    name: str
    where: Literal["site", "nodes", "cloud", "edge"]
    site: Callable[[Scene], Iterable[Sample]] | None = None
    node: Callable[[Scene, Node], Iterable[Sample]] | None = None
    usual: bool = True
    port: int = 0
    #: Whether service discovery puts the node's name on its series; some carry it themselves.
    node_label: bool = True


_ALL = (
    Source("kube-state-metrics", "site", site=kube_state_metrics.samples, port=8080),
    Source("cadvisor", "nodes", node=nodes.cadvisor, port=10250),
    Source("node-exporter", "nodes", node=nodes.node_exporter, port=9101),
    Source("cloudcore", "site", site=services.cloudcore, port=9091),
    Source("prometheus", "site", site=services.prometheus, port=9090),
    Source("prometheus-agent", "edge", node=nodes.prometheus_agent, port=9095),
    Source("alertmanager", "site", site=services.alertmanager, port=9093),
    Source("loki", "site", site=services.loki, port=3100),
    Source("alloy", "nodes", node=nodes.alloy, port=12345),
    Source("grafana", "site", site=services.grafana, port=3000),
    Source("log-metrics", "site", site=lambda scene: scene.logs.samples(), port=12346),
    Source("jetson-shim", "edge", node=nodes.jetson_shim, port=9402),
    Source("kafka-exporter", "site", site=services.kafka, port=9308, usual=False),
    Source("dcgm-exporter", "cloud", node=nodes.dcgm, port=9400, usual=False, node_label=False),
    Source("tegrastats-exporter", "edge", node=nodes.tegrastats, port=9100, usual=False),
    Source("gm-patch", "site", site=services.gm_patch, port=9001, usual=False),
    Source("lc-patch", "nodes", node=nodes.lc_patch, port=9103, usual=False),
    Source("alert-rules", "site", site=services.alert_rules, port=9096, usual=False),
)
#: Every source that can be simulated, by name.
SOURCES: Mapping[str, Source] = {source.name: source for source in _ALL}
#: Those that an ordinary site has.
DEFAULT: tuple[str, ...] = tuple(source.name for source in _ALL if source.usual)


@dataclass(frozen=True)
class Target:
    """Something that is scraped: ``labels`` are put on each of its series, and on ``up``.

    ``path`` tells it from others; ``node`` is where it runs, as far as that matters.
    """

    source: str
    path: str
    labels: Mapping[str, str]
    node: str = ""


class Surroundings:
    """The surroundings of the cluster in a store, as far as the ``sources`` go. Safe among threads.

    ``offline`` says which nodes cannot be reached although the cluster does not know it yet; ``troubles`` what else is
    wrong and since when, by word and by the node that it is about.
    """

    def __init__(
        self,
        store: ObjectStore,
        *,
        sources: Iterable[str] = DEFAULT,
        start: float = 0.0,
        logs: LogMetrics | None = None,
        offline: Callable[[str], bool] = lambda node: False,
        troubles: Callable[[], Mapping[tuple[str, str], float]] = dict,
    ) -> None:
        self.sources = tuple(SOURCES[name] for name in sources)
        self._store, self._start, self._offline, self._troubles = store, start, offline, troubles
        self.logs = logs or LogMetrics(writer_in(store))
        self._counters = Counters()
        self._lock = threading.Lock()
        self._scene: Scene | None = None

    def targets(self, now: float) -> list[Target]:
        """What there is to be scraped, also where it cannot be reached now."""
        with self._lock:
            scene = self._look(now)
        return [target for source in self.sources for target in _targets(source, scene)]

    def scrape(self, target: Target, now: float) -> list[Sample] | None:
        """What a target says at an instant; None if it does not answer. Instants must not go back."""
        source = SOURCES[target.source]
        with self._lock:
            scene = self._look(now)
            if source.site:
                return list(source.site(scene))
            node = scene.nodes.get(target.node)
            return list(source.node(scene, node)) if source.node and node and node.ready else None

    def _look(self, now: float) -> Scene:
        """The cluster, read once for all targets that are asked in the same second."""
        if self._scene is None or int(self._scene.now) != int(now):
            self._counters.clean(now)
            self._scene = look(
                self._store,
                now,
                counters=self._counters,
                logs=self.logs,
                start=self._start,
                offline=self._offline,
                troubles=self._troubles(),
            )
        return self._scene


def writer_in(store: ObjectStore) -> Callable[[str, str], Writer]:
    """Tells what a pod of the cluster is."""

    def writer(namespace: str, name: str) -> Writer:
        pod = store.get("pods", namespace, name)
        if pod is None:
            return Writer()
        containers = pod.get("spec", {}).get("containers", ())
        hooked = any(entry["name"] == HOOK for container in containers for entry in container.get("env", ()))
        return Writer(pod["metadata"].get("labels") or {}, hooked)

    return writer


def _targets(source: Source, scene: Scene) -> Iterator[Target]:
    if source.where == "site":
        labels = {"job": source.name, "instance": f"{source.name}.monitoring:{source.port}"}
        yield Target(source.name, source.name, labels)
        return
    for node in scene.nodes.values():
        if source.where == "nodes" or (source.where == "edge") == node.edge:
            # The tunnel to the edge is another scrape config, so it has a name of its own.
            job = "cadvisor-edge" if source.name == "cadvisor" and node.edge else source.name
            labels = {"job": job, "instance": f"{node.address}:{source.port}"}
            if source.node_label:
                labels["node"] = node.name
            yield Target(source.name, f"{source.name}/{node.name}", labels, node.name)
