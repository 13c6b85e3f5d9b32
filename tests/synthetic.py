"""A small Sedna site as synthetic series: every metric of the catalog, with identities that join.

It is no simulator: values move plausibly and nothing more. It exists so that each query of each dashboard can be run
on a real Prometheus. ``python -m tests.synthetic --serve PORT`` keeps such a Prometheus running to look at.
"""

from __future__ import annotations

import argparse
import itertools
import math
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sedna_dash.catalog import Catalog, Metric, default_catalog
from sedna_dash.demo.processes import free_port

STEP = 30


@dataclass(frozen=True)
class Job:
    kind: str
    namespace: str
    name: str
    workers: tuple[tuple[str, str], ...]  # worker type, node
    datasets: tuple[str, ...] = ("",)
    model: str = ""


JOBS = (
    Job(
        "JointInferenceService",
        "factory",
        "gate-camera",
        (("edge", "edge-1"), ("cloud", "cloud-1")),
        model="gate-small",
    ),
    Job(
        "JointInferenceService",
        "factory",
        "dock-camera",
        (("edge", "edge-2"), ("cloud", "cloud-1")),
        model="dock-small",
    ),
    Job(
        "IncrementalLearningJob",
        "factory",
        "helmet-line-a",
        (("train", "edge-3"), ("eval", "edge-3"), ("inference", "edge-3")),
        ("helmet-images",),
        "helmet-model",
    ),
    Job("IncrementalLearningJob", "factory", "helmet-line-b", (("train", "edge-4"),), ("helmet-images-b",), "helmet-b"),
    Job(
        "FederatedLearningJob",
        "factory",
        "tile-defect",
        (("aggregation", "cloud-1"), ("train", "edge-1"), ("train", "edge-2"), ("train", "edge-4")),
        ("tiles-1", "tiles-2", "tiles-4"),
        "tile-model",
    ),
    Job(
        "LifelongLearningJob",
        "office",
        "thermal-comfort",
        (("train", "edge-4"), ("eval", "edge-4"), ("inference", "edge-4")),
        ("climate",),
        "comfort-model",
    ),
    Job("ReidJob", "shop", "person-reid", (("reid", "cloud-1"),)),
    Job("VideoAnalyticsJob", "shop", "shelf-video", (("videoanalytics", "edge-2"),)),
    Job("FeatureExtractionService", "shop", "face-features", (("fe", "edge-2"),)),
    Job("ObjectSearchService", "shop", "lost-item", (("userworker", "cloud-1"), ("trackingworker", "edge-2"))),
    Job("ObjectTrackingService", "shop", "crowd", ()),
)
EDGE = ("edge-1", "edge-2", "edge-3", "edge-4")
NODES = (*EDGE, "cloud-1")

#: Which kinds report the metrics of a feature; the rest concerns all kinds.
KINDS_OF = {
    "sedna_inference": ("JointInferenceService", "IncrementalLearningJob"),
    "sedna_hard": ("JointInferenceService", "IncrementalLearningJob"),
    "sedna_joint": ("JointInferenceService",),
    "sedna_inference_samples": ("LifelongLearningJob",),
    "sedna_federated": ("FederatedLearningJob",),
    "sedna_job_stage": ("IncrementalLearningJob", "LifelongLearningJob"),
    "sedna_job_iteration": ("IncrementalLearningJob",),
    "sedna_job_eval": ("IncrementalLearningJob", "LifelongLearningJob"),
    "sedna_job_train": ("IncrementalLearningJob", "LifelongLearningJob", "FederatedLearningJob"),
    "sedna_job_deploy": ("IncrementalLearningJob", "LifelongLearningJob"),
    "sedna_job_gate": ("IncrementalLearningJob",),
    "sedna_job_trigger": ("IncrementalLearningJob", "LifelongLearningJob"),
    "sedna_job_model_filter": ("LifelongLearningJob",),
    "sedna_job_task": ("LifelongLearningJob",),
    "sedna_job_tasks": ("LifelongLearningJob", "IncrementalLearningJob"),
    "sedna_job_knowledge": ("LifelongLearningJob",),
    "sedna_job_model": ("IncrementalLearningJob", "LifelongLearningJob"),
    "sedna_job_completion": ("ReidJob",),
}

#: Values of free labels, where one made up from the label's name would not do.
FREE = {
    "metric": ("precision", "recall"),
    "task": ("spring_seattle", "autumn_dallas", "winter_oslo"),
    "group": ("group-1", "group-2"),
    "reason": ("none",),
    "resource": ("cpu", "memory"),
    "job": ("sedna-exporter", "kube-state-metrics", "cadvisor-edge"),
    "instance": ("10.0.0.1:9090",),
    "family": ("sedna_job_state", "sedna_job_stage_state", "sedna_worker_info"),
    "controller": ("jointinference", "incrementallearning"),
    "alertname": ("SednaStageStuck", "SednaJobFailed"),
    "role": ("edge",),
    "container": ("worker",),
    "mountpoint": ("/",),
    "component": ("gpu",),
    "model": ("helmet-model", "tile-model"),
    "dataset": ("helmet-images", "tiles-1", "climate"),
    "consumergroup": ("video",),
    "topic": ("frames",),
    "device": ("eth0",),
    "tenant": ("fake",),
    "route": ("loki_api_v1_push",),
    "datasource": ("Prometheus",),
    "rule_group": ("sedna.jobs",),
    "Hostname": ("cloud-1",),
    "kind": ("Dataset",),
    "attributes": ('{"season":"spring"}',),
}
BUCKETS = ("0.005", "0.025", "0.1", "0.25", "1", "2.5", "10", "+Inf")


def pods() -> Iterator[dict[str, str]]:
    """All pods: Sedna's own and every job's workers."""
    for name, node in (("gm-7d9c", "cloud-1"), ("kb-5f6b", "cloud-1"), *((f"lc-{node}", node) for node in NODES)):
        yield {"namespace": "sedna", "pod": name, "node": node, "container": name.split("-")[0]}
    for job in JOBS:
        for index, (worker, node) in enumerate(job.workers):
            stage = {"train": "Train", "eval": "Eval", "inference": "Deploy"}.get(worker, "")
            yield {
                "namespace": job.namespace,
                "pod": f"{job.name}-{worker}-{index}x7",
                "node": node,
                "container": "worker",
                "kind": job.kind,
                "name": job.name,
                "worker_type": worker,
                "location": "cloud" if node.startswith("cloud") else "edge",
                "work": {"train": "training", "eval": "evaluating", "aggregation": "aggregating"}.get(
                    worker, "inferring"
                ),
                "stage": stage if job.kind.startswith(("Incremental", "Lifelong")) else "",
            }


def identities(metric: Metric) -> Iterator[dict[str, str]]:
    """The things that a metric is about, as the labels that name them."""
    labels, name = set(metric.labels), metric.name
    if name == "ALERTS":
        everything = {"stage": "", "node": "", "pod": ""}
        for alert, job in (("SednaStageStuck", JOBS[2]), ("SednaJobFailed", JOBS[6])):
            yield {
                "alertname": alert, "alertstate": "firing", "severity": "warning",
                "namespace": job.namespace, "kind": job.kind, "name": job.name, **everything,
            }  # fmt: skip
        yield {"alertname": "SednaWatchdog", "alertstate": "firing", "severity": "none", "namespace": "", "kind": "",
               "name": "", **everything}  # fmt: skip
    elif name == "sedna_job_trigger_threshold":
        for job in JOBS[2:4]:
            base = {"namespace": job.namespace, "kind": job.kind, "name": job.name}
            yield {**base, "stage": "Train", "metric": "num_of_samples", "operator": ">"}
            yield {**base, "stage": "Deploy", "metric": "precision_delta[0]", "operator": ">"}
    elif "pod" in labels:
        for pod in pods():
            if not name.startswith("sedna_worker") or "kind" in pod:
                yield {label: value for label, value in pod.items() if label in labels}
    elif name.startswith("sedna_") and {"namespace", "name"} <= labels:
        kinds = next(
            (KINDS_OF[prefix] for prefix in sorted(KINDS_OF, key=len, reverse=True) if name.startswith(prefix)), ()
        )
        for job in JOBS:
            if kinds and job.kind not in kinds:
                continue
            base = {"namespace": job.namespace, "kind": job.kind, "name": job.name, "model": job.model}
            trainers = [node for worker, node in job.workers if worker == "train"]
            if "node" in labels:
                for node, dataset in zip(trainers, job.datasets, strict=False):
                    yield {k: v for k, v in {**base, "node": node, "dataset": dataset}.items() if k in labels}
            else:
                for dataset in job.datasets if "dataset" in labels else ("",):
                    yield {k: v for k, v in {**base, "dataset": dataset}.items() if k in labels}
    elif "dataset" in labels:
        for job in JOBS:
            trainers = [node for worker, node in job.workers if worker == "train"]
            for node, dataset in zip(trainers, job.datasets, strict=False):
                found = {"namespace": job.namespace, "dataset": dataset, "node": node}
                yield {label: value for label, value in found.items() if label in labels}
        yield {"namespace": "factory", "dataset": "left-over"}
    elif name.startswith("sedna_model") and "model" in labels:
        for job in JOBS:
            if job.model:
                yield {"namespace": job.namespace, "model": job.model}
    elif "deployment" in labels:
        for space, deployment in (("sedna", "gm"), ("sedna", "kb"), ("factory", "gate-camera-deployment-edge"),
                                  ("factory", "gate-camera-deployment-cloud")):  # fmt: skip
            yield {"namespace": space, "deployment": deployment}
    elif "daemonset" in labels:
        yield {"namespace": "sedna", "daemonset": "lc"}
    elif "horizontalpodautoscaler" in labels:
        yield {"namespace": "factory", "horizontalpodautoscaler": "hpa-gate-camera-deployment-edge"}
    elif "lease" in labels:
        for node in NODES:
            yield {"namespace": "kube-node-lease", "lease": node}
    elif "node" in labels and name == "kube_node_role":
        for node in EDGE:
            yield {"node": node, "role": "edge"}
    elif "node" in labels:
        for node in NODES:
            yield {"node": node} | ({"job": "cadvisor-edge"} if name == "up" else {})
        if name == "up":
            yield {"job": "sedna-exporter", "node": "cloud-1"}
            yield {"job": "kube-state-metrics", "node": "cloud-1"}
            yield {"job": "kafka-exporter", "node": "cloud-1"}
    elif "namespace" in labels:
        yield {"namespace": "factory"}
    else:
        yield {}


def series(metric: Metric) -> Iterator[tuple[str, dict[str, str], int]]:
    """Series of a family: name, labels, and which of the enum's values it is (for state sets)."""
    for identity in identities(metric):
        missing = [label for label in metric.labels if label not in identity]
        options = []
        for label in missing:
            legal = metric.labels[label]
            options.append(legal or FREE.get(label, (f"{label}-1",)))
        for values in itertools.product(*options) if options else [()]:
            labels = {**identity, **dict(zip(missing, values, strict=True))}
            state = 0
            if metric.type == "stateset" and missing:
                last = next(label for label in reversed(missing) if metric.labels[label])
                state = metric.labels[last].index(labels[last])
            if metric.type == "histogram":
                for bucket in BUCKETS:
                    yield metric.name + "_bucket", {**labels, "le": bucket}, BUCKETS.index(bucket)
                yield metric.name + "_count", labels, len(BUCKETS) - 1
                yield metric.name + "_sum", labels, 0
            else:
                name = metric.name + "precision" if metric.prefix else metric.name
                yield name, labels, state


def value(metric: Metric, name: str, labels: dict[str, str], state: int, now: float, start: float) -> float | None:
    """What a series reads at an instant."""
    seed = zlib.crc32((metric.name + "".join(f"{k}{v}" for k, v in sorted(labels.items()) if k != "le")).encode())
    phase, age = seed % 628 / 100, now - start
    offline = age % 3000 > 2000  # edge-4 loses its link for a while
    wave = 0.5 + 0.4 * math.sin(age / 900 + phase)
    if metric.type == "info":
        return 1
    if name == "ALERTS":
        return 1
    if metric.type == "stateset":
        named = ("namespace", "name", "pod", "node") + (() if metric.name == "sedna_job_stage" else ("stage",))
        identity = zlib.crc32("".join(str(v) for k, v in sorted(labels.items()) if k in named).encode())
        domain = len(next(metric.labels[label] for label in reversed(metric.labels) if metric.labels[label]))
        if metric.name == "kube_node_status_condition":
            ready = "unknown" if labels["node"] == "edge-4" and offline else "true"
            return float(labels["status"] == (ready if labels["condition"] == "Ready" else "false"))
        if metric.name == "kube_pod_status_ready":
            return float(labels["condition"] == ("false" if labels["pod"] == "lc-edge-4" and offline else "true"))
        if metric.name == "sedna_federated_train_state":
            return float(labels["state"] == "Training")
        if metric.name == "sedna_job_deploy_state":
            return float(labels["state"] == ("NotOK" if labels["name"] == "helmet-line-b" else "OK"))
        if metric.name == "sedna_job_stage_state" and labels["stage"] == "Deploy":
            return float(labels["state"] == "Completed")
        if metric.name == "kube_pod_status_phase":
            return float(labels["phase"] == ("Failed" if identity % 9 == 0 else "Running"))
        if metric.name == "sedna_worker_state":
            return float(labels["state"] == ("dead" if identity % 7 == 0 else "active"))
        if metric.name == "sedna_job_state":
            return float(labels["state"] == ("Failed" if labels["name"] == "person-reid" and age > 1800 else "Running"))
        return float(state == int(age / 3000 + identity) % domain)
    if metric.name == "loki_write_sent_entries_total" and labels["node"] == "edge-4":
        return 100
    if metric.type in ("counter", "histogram"):
        speed = 0.2 + seed % 50 / 10
        if "location" not in metric.labels and metric.name.startswith(("sedna_inference_requests", "sedna_hard")):
            speed = 0.6 if "hard" in metric.name else 3
        if metric.name == "sedna_inferences_total":
            speed = 0.6 if labels["location"] == "cloud" else 3
        if "error" in metric.name or "failed" in metric.name or "dropped" in metric.name or "discarded" in metric.name:
            speed = 0.004
        if metric.unit in ("transitions", "restarts"):
            # Whole numbers, seldom: these are events.
            return float(
                int(age / 1200) * (1 + seed % 2)
                if metric.unit == "transitions" or seed % 5 == 0 or labels["container"] == "gm"
                else 0
            )
        if metric.type == "histogram" and name.endswith("_bucket"):
            speed *= (0.05, 0.3, 0.7, 0.85, 0.95, 0.98, 0.99, 1)[state]
        if metric.name == "container_cpu_usage_seconds_total" or metric.name == "node_cpu_seconds_total":
            speed = 0.05 + seed % 9 / 20
        # The wave is slower than the growth, or the counter would fall and count as reset.
        return round(speed * (age + 300 * (1 + math.sin(age / 700 + phase))), 3)
    if metric.unit == "timestamp":
        if "lease" in metric.name or "sync" in metric.name or "sent" in metric.name:
            return now - (900 if "edge-4" in labels.values() and offline else 5 + seed % 20)
        return start + int(age / 3000) * 3000 - seed % 1000
    if metric.unit in ("ratio", "score") or (metric.name == "sedna_model_metric" and labels["metric"] == "precision"):
        return round(wave, 4)
    if metric.unit == "celsius":
        return round(45 + 30 * wave, 1)
    if metric.name in ("up", "sedna_lc_connected"):
        return float(labels.get("job") != "kafka-exporter" and not (labels["node"] == "edge-4" and offline))
    if metric.name == "sedna_federated_participants":
        return 3.0 if labels["state"] == "expected" else 2.0
    if metric.name == "sedna_job_trigger_threshold":
        return 0.02 if labels["stage"] == "Deploy" else 5000
    if metric.unit == "state":
        return (
            1.0
            if metric.name in ("up", "sedna_knowledge_base_up", "sedna_lc_connected")
            else float(
                metric.name.endswith(("running", "complete"))
                or (metric.name.endswith("_reason") and seed % 5 == 0)
                or seed % 3 == 0
            )
        )
    if metric.name == "sedna_federated_rounds_target":
        return 40
    if "round" in metric.name or "iteration" in metric.name:
        return float(int(age / (600 if "round" in metric.name else 3000)) + seed % 2)
    if metric.name == "sedna_dataset_samples":
        return float(int(500 + seed % 3000 + age / 20))
    if "loss" in metric.name:
        return round(2 * math.exp(-age / 5000) + wave / 10, 4)
    if metric.name == "sedna_job_status_bytes":
        return 20000 + seed % 900000
    if metric.unit == "bytes":
        return round(1e6 * (1 + seed % 200) * (0.8 + wave / 5)) * (10 if "MemTotal" in name or "size" in name else 1)
    if metric.unit == "seconds":
        return round(20 + seed % 300 + 30 * wave, 1)
    if "replicas_available" in metric.name:
        return 1
    if metric.name.startswith("kube_daemonset") or metric.name == "sedna_gm_connected_nodes":
        return float(len(NODES) - (offline and metric.name != "kube_daemonset_status_desired_number_scheduled"))
    if metric.name.startswith("kube_pod_container_resource"):
        return 4e8 if labels["resource"] == "memory" else 0.5
    if metric.unit in ("pods", "workers", "tasks", "nodes"):
        return float(1 + seed % 3)
    return round((1 + seed % 40) * (0.7 + wave / 2), 3)


def openmetrics(catalog: Catalog, start: float, end: float, cluster: str = "") -> Iterable[str]:
    """The site as OpenMetrics text with timestamps, as promtool reads it to make blocks."""
    for metric in catalog.metrics.values():
        if metric.expr is not None:
            continue
        kind = "counter" if metric.type == "counter" and metric.name.endswith("_total") else "unknown"
        family = metric.name.removesuffix("_total") if kind == "counter" else metric.name
        if metric.type != "histogram":
            yield f"# TYPE {family if not metric.prefix else metric.name + 'precision'} {kind}\n"
        seen: set[str] = set()
        for name, labels, state in series(metric):
            full = {**labels, **({"cluster": cluster} if cluster else {})}
            written = ",".join(
                '{}="{}"'.format(k, v.replace("\\", "\\\\").replace('"', '\\"')) for k, v in sorted(full.items()) if v
            )
            key = f"{name}{{{written}}}"
            if key in seen:
                continue
            seen.add(key)
            if metric.type == "histogram":
                yield f"# TYPE {name} unknown\n" if len(seen) == 1 or "_bucket" not in name else ""
            instant = start
            while instant <= end:
                number = value(metric, name, labels, state, instant, start)
                if number is not None:
                    yield f"{key} {number:.15g} {instant:.0f}\n"
                instant += STEP
    yield "# EOF\n"


@contextmanager
def prometheus(
    minutes: int, *, ahead: int = 5, cluster: str = "", port: int = 0, catalog: Catalog | None = None, rules: str = ""
) -> Iterator[str]:
    """A real Prometheus that holds the site's last minutes, and some ahead, so that it stays "now" while in use.

    ``rules`` is the content of a rule file. Yields its URL on loopback.
    """
    now = time.time() // STEP * STEP
    with tempfile.TemporaryDirectory(prefix="sedna-dash-prometheus-") as name:
        folder = Path(name)
        source = folder / "site.om"
        with source.open("w") as file:
            file.writelines(openmetrics(catalog or default_catalog(), now - minutes * 60, now + ahead * 60, cluster))
        made = subprocess.run(
            ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(source), str(folder / "data")],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if made.returncode:
            raise RuntimeError(f"promtool refused the synthetic series: {made.stderr[-2000:]}")
        source.unlink()
        (folder / "rules.yml").write_text(rules or "groups: []\n")
        (folder / "prometheus.yml").write_text("global: {scrape_interval: 30s}\nrule_files: [rules.yml]\n")
        port = port or free_port()
        process = subprocess.Popen(
            ["prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
             f"--web.listen-address=127.0.0.1:{port}", "--storage.tsdb.retention.time=90d", "--log.level=error"],
        )  # fmt: skip
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(url + "/-/ready")
            yield url
        finally:
            process.terminate()
            process.wait(20)


def wait_for(url: str, seconds: float = 60) -> None:
    """Until the URL answers 200."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            pass
        if time.monotonic() > deadline:
            raise RuntimeError(f"{url} did not answer within {seconds:g} s")
        time.sleep(0.1)


def installed() -> bool:
    """Whether a Prometheus and its promtool are there to be run."""
    return bool(shutil.which("prometheus") and shutil.which("promtool"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", type=int, required=True, metavar="PORT")
    parser.add_argument("--minutes", type=int, default=240)
    parser.add_argument("--ahead", type=int, default=240)
    parser.add_argument("--cluster", default="")
    options = parser.parse_args()
    print(f"Making {options.minutes + options.ahead} minutes of data, about half a minute ...", flush=True)
    with prometheus(options.minutes, ahead=options.ahead, cluster=options.cluster, port=options.serve) as where:
        print(where, flush=True)
        while True:
            time.sleep(3600)
