"""What the world says is true: for every required value, and just what the producers make of its objects."""

import functools
from collections.abc import Mapping
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sedna_dash.catalog import default_catalog
from sedna_dash.crds import CRDS
from sedna_dash.exporter.state import State
from sedna_dash.knowledge_base.cycle import KnowledgeBase
from sedna_dash.simulator.surroundings import LogMetrics
from sedna_dash.simulator.surroundings.log_metrics import Writer
from sedna_dash.simulator.world import LogLine, Truth, World
from tests.simulator.worlds import HOUR, START, Lived, Recorder

CATALOG = default_catalog()
#: Kubernetes' own, and what Prometheus computes.
ELSEWHERE = ("kube_", "sedna:")
Series = tuple[str, frozenset[tuple[str, str]]]


@functools.cache
def truths_of_the_tour() -> list[Truth]:
    lived = Lived("tour", 1.5)
    found = []
    for _ in range(12):
        lived.live(0.41)
        found += lived.world.truth()
    return found


def test_a_quiet_site_has_a_true_value_for_every_required_row_at_once() -> None:
    lived = Lived("quiet", 3)
    for _ in range(4):
        rows = {truth.row for truth in lived.world.truth() if truth.value is not None}
        assert rows == set(CATALOG.required)
        lived.live(0.23)


def test_the_tour_has_a_true_value_for_every_required_row_sooner_or_later() -> None:
    assert {truth.row for truth in truths_of_the_tour() if truth.value is not None} == set(CATALOG.required)


@pytest.mark.parametrize("row", CATALOG.required)
def test_each_row_is_told_in_families_that_satisfy_it_with_labels_that_they_have(row: str) -> None:
    told = [truth for truth in truths_of_the_tour() if truth.row == row]
    assert told
    for truth in told:
        family = CATALOG.find(truth.family)
        assert family is not None, truth.family
        assert row in family.satisfies, truth.family
        wanted = family.satisfies[row]
        assert wanted.items() <= truth.labels.items() or not set(wanted) <= set(truth.labels)
        if not family.prefix:
            assert set(truth.labels) <= set(family.labels), truth
        for label, value in truth.labels.items():
            allowed = family.labels.get(label, ())
            assert not allowed or value in allowed, truth


def test_what_nobody_can_know_has_to_be_absent() -> None:
    unknown = {(truth.row.rpartition("/")[2], truth.labels.get("name")) for truth in truths_of_the_tour()
               if truth.value is None}  # fmt: skip
    assert {
        ("EdgeInferenceCount", "gate-stock"),  # without JOB_NAME
        ("AggregationNo", "traffic-fl"),  # the stock library's reports are dropped
        ("CompletionTime", "helmet-line-a"),  # goes round for ever
        ("CompletionTime", "dock-video"),  # failed
        ("SampleNum", None),  # an empty dataset
    } <= unknown


class Producers:
    """Everything that makes series of a world: the exporter, the knowledge base's reader, hooks and log lines."""

    def __init__(self, scenario: str, seed: int, folder: Path) -> None:
        self.store = Recorder()
        self.logs = LogMetrics(self._writer)
        self.world = World(self.store, seed=seed, start=START, scenario=scenario, on_log=self._read)
        self.knowledge_base = folder / "kb.sqlite3"

    def _read(self, line: LogLine) -> None:
        self.logs.read(line)

    def _writer(self, namespace: str, pod: str) -> Writer:
        found = self.store.objects.get("pods", {}).get((namespace, pod))
        if found is None:
            return Writer()
        env = [variable["name"] for variable in found["spec"]["containers"][0].get("env", ())]
        return Writer(found["metadata"].get("labels", {}), "SEDNA_DASH_METRICS" in env)

    def series(self) -> Mapping[Series, float]:
        state = State()
        resources = {kind: crd.plural for kind, crd in CRDS.items()}
        for kind, resource in {**resources, "Pod": "pods", "Node": "nodes", "Service": "services"}.items():
            for obj in self.store.items(resource):
                state.put(kind, obj)
        found: dict[Series, float] = {}

        def add(family: str, labels: Mapping[str, str], value: float) -> None:
            """Counters of several workers add up; of two gauges, panels take the larger."""
            key = (family, frozenset((name, text) for name, text in labels.items() if text))
            metric = CATALOG.find(family)
            counts = metric is not None and metric.type == "counter"
            found[key] = value if key not in found else found[key] + value if counts else max(found[key], value)

        for family in text_string_to_metric_families(state.expose().decode()):
            for sample in family.samples:
                add(sample.name, sample.labels, sample.value)
        if self.world.write_knowledge_base(self.knowledge_base) or self.knowledge_base.exists():
            for one in KnowledgeBase(self.knowledge_base, interval=0).samples():
                add(*one)
        for worker in self.world.worker_metrics():
            if not self.world.offline(worker.node):
                for one in worker.samples:
                    add(*one)
        for one in self.logs.samples():
            add(*one)
        return found


@pytest.mark.parametrize(
    ("scenario", "seed", "moments"),
    [
        ("tour", 1, 40),
        ("tour", 2, 12),
        ("quiet", 3, 12),
        ("edge-site-goes-dark", 1, 12),
        ("new-model-is-worse", 1, 6),
        ("control-plane-down", 1, 8),
    ],
)
def test_the_producers_show_what_is_true(scenario: str, seed: int, moments: int, tmp_path: Path) -> None:
    producers = Producers(scenario, seed, tmp_path)
    compared = 0
    for moment in range(1, moments + 1):
        producers.world.advance(START + moment * HOUR * 0.29)
        series = producers.series()
        for truth in producers.world.truth():
            if truth.family.startswith(ELSEWHERE) or "only in the worker's log" in truth.note:
                continue
            shown = series.get((truth.family, frozenset(truth.labels.items())))
            assert shown == pytest.approx(truth.value, abs=1e-9), (moment, truth)
            compared += 1
    assert compared > 300


def test_the_worker_hook_serves_families_of_the_catalog_with_their_labels() -> None:
    lived, seen = Lived("tour", 0), set()
    for _ in range(30):
        lived.live(0.07)
        for worker in lived.world.worker_metrics():
            for sample in worker.samples:
                family = CATALOG.find(sample.family)
                assert family is not None
                assert "worker-hook" in family.sources, sample.family
                labels = set(sample.labels) - ({"le"} if family.type == "histogram" else set())
                assert labels == set(family.labels), sample.family
                assert sample.value >= 0
                seen.add(family.name)
    assert len(seen) > 15


def test_histograms_of_the_worker_hook_hold_together() -> None:
    for worker in Lived("tour", 2).world.worker_metrics():
        buckets: dict[frozenset[tuple[str, str]], list[float]] = {}
        for sample in worker.samples:
            labels = frozenset(item for item in sample.labels.items() if item[0] != "le")
            if sample.family.endswith("_bucket"):
                buckets.setdefault(labels, []).append(sample.value)
            elif sample.family.endswith("_seconds_count"):
                assert buckets[labels] == sorted(buckets[labels])
                assert buckets[labels][-1] == sample.value


def test_only_workers_with_the_hook_serve_metrics() -> None:
    lived = Lived("tour", 2)
    hooked = {
        pod["metadata"]["name"]
        for pod in lived.store.items("pods")
        if pod["status"]["phase"] == "Running"
        and "SEDNA_DASH_METRICS" in [v["name"] for v in pod["spec"]["containers"][0].get("env", ())]
    }
    assert {worker.pod for worker in lived.world.worker_metrics()} == hooked
    assert len(hooked) >= 5
