"""What the surroundings say is in the catalog, belongs to objects of the cluster, and hangs together."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping

import pytest

from sedna_dash.catalog import default_catalog
from sedna_dash.exposition import Sample
from sedna_dash.simulator.objects import ObjectStore
from sedna_dash.simulator.surroundings import DEFAULT, SOURCES, Surroundings, Target
from tests.simulator.small_site import BEGAN, World, fill, node, pod

#: Prometheus writes these itself, with the labels of the target.
BY_PROMETHEUS = {"up", "scrape_samples_post_metric_relabeling"}
LINES = (
    ("lc", "lc", "job(factory/incrementallearningjob/line-a)'s current train samples nums is 800"),
    ("lc", "lc", "websocket connects global manager(address: gm.sedna:9000) successful"),
    ("gm", "gm", "established connection for node edge-1"),
    ("gm", "gm", "Error to update factory/line-a status, tried 1 times: conflict"),
    ("line-a-train-x7", "worker", "Unseen task is detected."),
    ("line-a-train-x7", "worker", "Federated learning start, round_number=3"),
    ("line-a-train-x7", "worker", "KB update Fail"),
    ("line-a-train-x7", "worker", "x.py(1) [INFO] - spring seattle scores: {'f1': 0.5, 'recall': 0.25}"),
    ("gate-edge-1", "worker", "get cloud result error: timeout"),
    ("kb", "kb", "2025-03-04 02:09:31,100 INFO sqlalchemy.engine.Engine SELECT 1"),
)


class Line:
    """A log line."""

    stream, time = "stderr", BEGAN

    def __init__(self, pod: str, container: str, text: str) -> None:
        self.namespace = "sedna" if pod in ("gm", "lc", "kb") else "factory"
        self.pod, self.container, self.text = pod, container, text
        self.node = "cloud-1" if pod == "gm" else "edge-1"


@pytest.fixture
def store() -> ObjectStore:
    store = ObjectStore()
    fill(store)
    return store


def everything(surroundings: Surroundings, now: float) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """All series with the labels of their targets; none may come twice."""
    found: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for target in surroundings.targets(now):
        for name, labels, value in surroundings.scrape(target, now) or ():
            key = (name, frozenset({**target.labels, **labels}.items()))
            assert key not in found, key
            found[key] = value
    return found


def values(samples: Iterable[Sample] | None, family: str) -> dict[tuple[str, ...], float]:
    return {tuple(sample.labels.values()): sample.value for sample in samples or () if sample.family == family}


def target_of(surroundings: Surroundings, path: str) -> Target:
    return next(target for target in surroundings.targets(BEGAN) if target.path == path)


def test_only_families_of_the_catalog_with_exactly_their_labels(store: ObjectStore) -> None:
    """Every source is on, and every family that the catalog expects of it comes."""
    catalog = default_catalog()
    surroundings = Surroundings(store, sources=SOURCES, start=BEGAN)
    for line in LINES:
        surroundings.logs.read(Line(*line))
    store.put("nodes", node("edge-22", ready="Unknown"))
    store.put("pods", pod("broken", kind="JointInferenceService", owner="gate", worker="edge") | {
        "status": {"phase": "Failed"}
    })  # fmt: skip
    found: set[str] = set()
    for target in surroundings.targets(BEGAN + 60):
        for name, labels, _ in surroundings.scrape(target, BEGAN + 60) or ():
            metric = catalog.find(name)
            assert metric is not None, name
            assert target.source in metric.sources, (name, target.source)
            has = {*labels, *target.labels} - {"job", "instance", "le"}
            optional = {"created_by_kind", "reason"} | (set(metric.labels) if name == "ALERTS" else set())
            wanted = set(metric.labels) - {"instance"}
            assert wanted - optional <= has <= wanted, name
            for label, legal in metric.labels.items():
                assert not legal or labels.get(label, legal[0]) in legal, (name, label)
            found.add(metric.name)
    expected = {
        metric.name for metric in catalog.metrics.values() for source in metric.sources if source in SOURCES
    } - BY_PROMETHEUS
    assert expected == found


def test_the_usual_sources_leave_out_what_few_sites_have() -> None:
    assert not {"kafka-exporter", "dcgm-exporter", "tegrastats-exporter", "gm-patch", "lc-patch"} & set(DEFAULT)
    assert {source for source in SOURCES if source in default_catalog().sources} == set(SOURCES)


def test_counters_never_fall_but_when_their_container_starts_again(store: ObjectStore) -> None:
    surroundings = Surroundings(store, start=BEGAN)
    catalog = default_catalog()
    before = everything(surroundings, BEGAN)
    for step in range(1, 200):
        now = everything(surroundings, BEGAN + 60 * step)
        for key, value in now.items():
            metric = catalog.find(key[0])
            if metric and metric.type in ("counter", "histogram") and key in before:
                assert value >= before[key], key
        before = now
    used = {key: value for key, value in before.items() if key[0] == "container_cpu_usage_seconds_total"}
    assert all(value > 100 for value in used.values())
    again = pod("line-a-train-x7", kind="IncrementalLearningJob", owner="line-a", worker="train",
                restarts=1, state={"running": {"startedAt": "2023-11-15T01:33:10Z"}})  # fmt: skip
    store.put("pods", again)
    restarted = everything(surroundings, BEGAN + 60 * 200)
    (key,) = (key for key in used if ("pod", "line-a-train-x7") in key[1])
    assert restarted[key] < 60 < used[key]


def test_several_scrapers_see_the_same_counters(store: ObjectStore) -> None:
    one, two = Surroundings(store, start=BEGAN), Surroundings(store, start=BEGAN)
    for step in range(1, 20):
        everything(one, BEGAN + 30 * step)
    for step in range(1, 40):
        everything(two, BEGAN + 15 * step)
    for (name, labels), value in everything(one, BEGAN + 600).items():
        assert everything(two, BEGAN + 600)[name, labels] == pytest.approx(value, rel=0.05, abs=2)


@pytest.mark.parametrize("how", ["not ready", "dark"])
def test_a_node_without_a_link_cannot_be_scraped(store: ObjectStore, how: str) -> None:
    world = World()
    surroundings = Surroundings(store, start=BEGAN, offline=world.offline)
    if how == "dark":
        world.dark.add("edge-1")
    else:
        store.put("nodes", node("edge-1", ready="Unknown"))
    for source in ("node-exporter", "cadvisor", "alloy"):
        assert surroundings.scrape(target_of(surroundings, f"{source}/edge-1"), BEGAN) is None
        assert surroundings.scrape(target_of(surroundings, f"{source}/cloud-1"), BEGAN)
    cloud = surroundings.scrape(target_of(surroundings, "cloudcore"), BEGAN)
    assert values(cloud, "KubeEdge_CloudHub_connected_nodes") == {(): 1.0}


def test_a_node_is_as_busy_as_its_containers(store: ObjectStore) -> None:
    surroundings = Surroundings(store, start=BEGAN)
    for step in range(60):
        everything(surroundings, BEGAN + 60 * step)
    idle = {
        name: sum(
            value
            for labels, value in values(
                surroundings.scrape(target_of(surroundings, f"node-exporter/{name}"), BEGAN + 3600),
                "node_cpu_seconds_total",
            ).items()
            if "idle" in labels
        )
        for name in ("edge-1", "edge-22")
    }
    # A worker trains on edge-1, and that on edge-22 has not started.
    assert idle["edge-1"] < 0.8 * idle["edge-22"]
    containers = surroundings.scrape(target_of(surroundings, "cadvisor/edge-22"), BEGAN + 3600)
    assert containers == []


def test_requests_take_as_long_as_they_do_where_all_is_well(store: ObjectStore) -> None:
    """Half of them tens of milliseconds, and few of them a second."""
    surroundings = Surroundings(store, sources=["loki", "grafana", "gm-patch"], start=BEGAN)
    everything(surroundings, BEGAN)
    histograms: dict[tuple[str, ...], dict[float, float]] = defaultdict(dict)
    for (name, labels), value in everything(surroundings, BEGAN + 3 * 3600).items():
        if name.endswith("_bucket"):
            series = dict(labels)
            bound = float(series.pop("le"))
            histograms[(name, *map(str, sorted(series.items())))][bound] = value
    assert len(histograms) > 10
    for buckets in histograms.values():
        count = buckets[math.inf]
        assert 0.4 * count < buckets[0.1] and 0.98 * count - 1 < buckets[0.5]
        assert buckets[0.005] < 0.6 * count


def test_lines_become_metrics(store: ObjectStore) -> None:
    surroundings = Surroundings(store, sources=["log-metrics", "alloy", "loki"], start=BEGAN)
    for line in (*LINES, *LINES):
        surroundings.logs.read(Line(*line))
    surroundings.logs.read(Line("gm", "gm", "closed connection for node edge-1"))
    surroundings.logs.read(Line("lc", "lc", "client tries to connect global manager(address: a) failed, error: b"))
    # What is no worker of Sedna, or another program, means nothing.
    surroundings.logs.read(Line("stranger", "worker", "Unseen task is detected."))
    surroundings.logs.read(Line("lc", "lc", "Unseen task is detected."))
    line_a = {"namespace": "factory", "kind": "IncrementalLearningJob", "name": "line-a"}
    lifelong = {**line_a, "kind": "LifelongLearningJob"}
    gate = {"namespace": "factory", "kind": "JointInferenceService", "name": "gate"}
    expected: list[tuple[str, Mapping[str, str], float]] = [
        ("sedna_job_stage_samples", {**line_a, "stage": "Train", "method": "reported"}, 800),
        ("sedna_lc_connected", {"node": "edge-1"}, 0),
        ("sedna_gm_connection_changes_total", {"node": "edge-1", "change": "opened"}, 2),
        ("sedna_gm_connection_changes_total", {"node": "edge-1", "change": "closed"}, 1),
        ("sedna_gm_status_update_errors_total", {"namespace": "factory", "name": "line-a"}, 2),
        ("sedna_inference_unseen_total", lifelong, 2),
        ("sedna_federated_participant_round", {"namespace": "factory", "name": "line-a", "node": "edge-1"}, 3),
        ("sedna_knowledge_base_write_errors_total", lifelong, 2),
        ("sedna_inference_errors_total", {**gate, "location": "cloud"}, 2),
        ("sedna_job_task_score", {"namespace": "factory", "name": "line-a", "task": "spring seattle"}, 0.5),
        ("sedna_gm_node_connected", {"node": "edge-1"}, 0),
    ]
    found = {(name, frozenset(labels.items())): value for name, labels, value in surroundings.logs.samples()}
    assert found == {(name, frozenset(labels.items())): value for name, labels, value in expected}
    sent = surroundings.scrape(target_of(surroundings, "alloy/edge-1"), BEGAN)
    assert list(values(sent, "loki_write_sent_entries_total").values()) == [len(LINES) * 2 - 6 + 2]
    received = surroundings.scrape(target_of(surroundings, "loki"), BEGAN)
    assert list(values(received, "loki_distributor_lines_received_total").values()) == [len(LINES) * 2 - 2 + 3]


def test_what_the_worker_hook_says_is_not_said_again(store: ObjectStore) -> None:
    store.put("pods", pod("hooked", kind="FederatedLearningJob", owner="tiles", worker="train", hooked=True))
    surroundings = Surroundings(store, sources=["log-metrics"], start=BEGAN)
    for text in ("Federated learning start, round_number=3", "get cloud result error", "Unseen task is detected."):
        surroundings.logs.read(Line("hooked", "worker", text))
    assert [sample.family for sample in surroundings.logs.samples()] == ["sedna_inference_unseen_total"]


@pytest.mark.parametrize(
    ("trouble", "target", "family", "labels", "least", "most"),
    [
        (("gpu-hot", "edge-1"), "tegrastats-exporter/edge-1", "tegrastats_temperature_celsius", ("gpu",), 85, 130),
        (("gpu-hot", "cloud-1"), "dcgm-exporter/cloud-1", "DCGM_FI_DEV_GPU_TEMP", None, 80, 130),
        (("disk-fills", "edge-1"), "node-exporter/edge-1", "node_filesystem_avail_bytes", None, 1e9, 20e9),
        (("metrics-late", "edge-1"), "prometheus-agent/edge-1",
         "prometheus_remote_storage_queue_highest_sent_timestamp_seconds", None, BEGAN - 20, BEGAN),
        (("logs-dropped", "edge-1"), "alloy/edge-1", "loki_write_dropped_entries_total",
         ("loki.monitoring:3100", "fake", "rate_limited"), 1000, 1e6),
        (("loki-rejects", ""), "loki", "loki_discarded_samples_total", None, 10_000, 1e7),
        (("api-refuses", "leases"), "kube-state-metrics", "kube_state_metrics_list_total", ("*v1.Lease", "error"),
         100, 1e4),
    ],
)  # fmt: skip
def test_trouble_shows_in_what_is_measured_and_nowhere_else(
    trouble: tuple[str, str], target: str, family: str, labels: tuple[str, ...] | None, least: float, most: float,
    store: ObjectStore,
) -> None:  # fmt: skip
    well = Surroundings(store, sources=SOURCES, start=BEGAN)
    ill = Surroundings(store, sources=SOURCES, start=BEGAN, troubles=lambda: {trouble: BEGAN})
    now = BEGAN
    for now in range(int(BEGAN), int(BEGAN) + 20 * 3600, 600):
        found, others = everything(ill, now), everything(well, now)
    different = {key for key in found if found[key] != others.get(key)}
    shown = values(ill.scrape(target_of(ill, target), now), family)
    assert least <= (shown[labels] if labels else next(iter(shown.values()))) <= most
    assert family in {name for name, _ in different}
    about = {dict(labels).get("node") or dict(labels).get("Hostname") for _, labels in different}
    assert about <= {trouble[1] if trouble[0] != "api-refuses" else None, None}
