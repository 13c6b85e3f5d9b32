"""What the services say that watch over the site or carry its messages: one of each, in the cloud."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from sedna_dash.crds import CRDS
from sedna_dash.exposition import Sample
from sedna_dash.simulator.surroundings.counters import wave
from sedna_dash.simulator.surroundings.scene import Scene, owner

#: Upper bounds in seconds.
_BUCKETS = ("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf")
#: How much durations vary, and how many are outliers, that take so many times as long.
_SPREAD, _OUTLIERS, _SLOWER = 0.5, 0.002, 12.0
#: How often each is called in a second, and for how long it is usually at it.
_ROUTES = (
    ("POST", "loki_api_v1_push", "204", 1.0, 0.012),
    ("GET", "loki_api_v1_query_range", "200", 0.2, 0.06),
    ("GET", "loki_api_v1_query", "200", 0.1, 0.04),
    ("GET", "loki_api_v1_labels", "200", 0.02, 0.008),
)
_RULE_GROUPS = ("/etc/prometheus/rules/sedna.yaml;sedna.jobs", "/etc/prometheus/rules/sedna.yaml;sedna.nodes")


def cloudcore(scene: Scene) -> Iterator[Sample]:
    """Edge nodes that cloudcore holds a connection to."""
    nodes = scene.nodes.values()
    yield Sample("KubeEdge_CloudHub_connected_nodes", {}, float(sum(node.edge and node.ready for node in nodes)))


def prometheus(scene: Scene) -> Iterator[Sample]:
    """Prometheus about itself."""
    series = 800.0 + 40 * len(scene.store.items("pods")) + 80 * len(scene.nodes)
    yield Sample("prometheus_tsdb_head_series", {}, float(int(series * (1 + 0.1 * wave(scene.now, "head")))))
    appended = scene.counters.grown("appended", series / 30, scene.now, scene.start)
    yield Sample("prometheus_tsdb_head_samples_appended_total", {"type": "float"}, float(int(appended)))
    yield Sample("prometheus_tsdb_head_samples_appended_total", {"type": "histogram"}, 0.0)
    for group in _RULE_GROUPS:
        labels = {"rule_group": group}
        seconds = round(0.004 + 0.02 * wave(scene.now, group), 6)
        yield Sample("prometheus_rule_group_last_duration_seconds", labels, seconds)
        yield Sample("prometheus_rule_group_interval_seconds", labels, 30.0)
        yield Sample("prometheus_rule_evaluation_failures_total", labels, 0.0)


def alertmanager(scene: Scene) -> Iterator[Sample]:
    """Notifications that failed: a mail server is away now and then."""
    for integration, rate in (("email", 1 / 7200), ("webhook", 0.0)):
        failed = scene.counters.grown(("alertmanager", integration), rate, scene.now, scene.start)
        labels = {"integration": integration, "reason": "other"}
        yield Sample("alertmanager_notifications_failed_total", labels, float(int(failed)))


def loki(scene: Scene) -> Iterator[Sample]:
    """Lines that arrived, as many as were written, and how long requests took."""
    lines, size = scene.logs.lines.total(), scene.logs.bytes.total()
    yield Sample("loki_distributor_lines_received_total", {"tenant": "fake"}, float(lines))
    yield Sample("loki_distributor_bytes_received_total", {"tenant": "fake", "retention_hours": "168"}, float(size))
    refused = scene.counters.grown("refused", 6.0 if scene.trouble("loki-rejects") else 0.0, scene.now, scene.start)
    yield Sample("loki_discarded_samples_total", {"tenant": "fake", "reason": "too_far_behind"}, float(int(refused)))
    containers = sum(len(node.containers) for node in scene.nodes.values())
    yield Sample("loki_ingester_memory_streams", {"tenant": "fake"}, float(containers))
    for method, route, status, speed, usual in _ROUTES:
        labels = {"method": method, "route": route, "status_code": status}
        rate = speed * (0.2 + 0.1 * len(scene.nodes))
        yield from _histogram(scene, "loki_request_duration_seconds", labels, rate, usual)


def grafana(scene: Scene) -> Iterator[Sample]:
    """How long Grafana's data sources took to answer."""
    for name, kind, seconds in (("Prometheus", "prometheus", 0.03), ("Loki", "loki", 0.07)):
        labels = {"datasource": name, "datasource_type": kind, "code": "200", "method": "POST"}
        yield from _histogram(scene, "grafana_datasource_request_duration_seconds", labels, 0.7, seconds)


def kafka(scene: Scene) -> Iterator[Sample]:
    """Messages that wait, for each service that takes video."""
    for plural in ("videoanalyticsjobs", "featureextractionservices", "reidjobs"):
        for obj in scene.store.items(plural):
            name = obj["metadata"]["name"]
            labels = {"consumergroup": name, "topic": f"{name}-frames", "partition": "0"}
            yield Sample("kafka_consumergroup_lag", labels, float(int(60 * wave(scene.now, name, "lag") ** 3)))


def gm_patch(scene: Scene) -> Iterator[Sample]:
    """The nodes that GM talks to, work that waits in its controllers, and how long they take."""
    yield Sample("sedna_gm_connected_nodes", {}, float(sum(node.ready for node in scene.nodes.values())))
    for kind, crd in CRDS.items():
        if crd.runs and crd.handled:
            labels = {"controller": kind.removesuffix("Job").removesuffix("Service").lower()}
            depth = float(int(3 * wave(scene.now, kind, "depth", period=700) ** 2))
            yield Sample("sedna_gm_workqueue_depth", labels, depth)
            yield from _histogram(scene, "sedna_gm_reconcile_duration_seconds", labels, 0.05, 0.02)


def alert_rules(scene: Scene) -> Iterator[Sample]:
    """Alerts that would fire, as Prometheus' rules write them."""
    yield Sample("ALERTS", {"alertname": "SednaWatchdog", "alertstate": "firing", "severity": "none"}, 1.0)
    for node in scene.nodes.values():
        if not node.ready:
            yield _alert("SednaNodeNotReady", "critical", node=node.name)
    for pod in scene.store.items("pods"):
        works_for = owner(pod)
        if works_for and pod.get("status", {}).get("phase") == "Failed":
            metadata = pod["metadata"]
            of_it = {"namespace": metadata["namespace"], "kind": works_for[0], "name": works_for[1]}
            yield _alert("SednaWorkerFailed", "warning", **of_it, pod=metadata["name"])


def _alert(alertname: str, severity: str, /, **labels: str) -> Sample:
    return Sample("ALERTS", {"alertname": alertname, "alertstate": "firing", "severity": severity, **labels}, 1.0)


def _histogram(scene: Scene, family: str, labels: Mapping[str, str], rate: float, usual: float) -> Iterator[Sample]:
    """Durations of what happens so often in a second; what is usual goes up and down."""
    key = (family, *labels.values())
    rate *= 0.6 + 0.8 * wave(scene.now, *key)
    median = usual * (0.6 + 0.8 * wave(scene.now, *key, "slow", period=5400))

    def grown(part: str, speed: float) -> float:
        return scene.counters.grown((*key, part), speed, scene.now, scene.start)

    for bound in _BUCKETS:
        within = (1 - _OUTLIERS) * _within(bound, median) + _OUTLIERS * _within(bound, median * _SLOWER)
        yield Sample(f"{family}_bucket", {**labels, "le": bound}, float(int(grown(bound, rate * within))))
    mean = median * math.exp(_SPREAD**2 / 2) * (1 - _OUTLIERS + _OUTLIERS * _SLOWER)
    yield Sample(f"{family}_sum", labels, round(grown("sum", rate * mean), 3))
    yield Sample(f"{family}_count", labels, float(int(grown("+Inf", rate))))


def _within(bound: str, median: float) -> float:
    """The share of durations up to a bound; they are spread as a log-normal distribution."""
    return 0.5 * (1 + math.erf(math.log(float(bound) / median) / (_SPREAD * math.sqrt(2))))
