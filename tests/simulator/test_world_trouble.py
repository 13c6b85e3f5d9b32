"""What goes wrong at a site, for as long as its scenario says: what shows it, and that all is well afterwards."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from sedna_dash.exposition import Sample
from sedna_dash.simulator.world import load_scenario
from tests.simulator.worlds import START, Lived

Options = dict[str, Any]

NODES = [
    {"name": "cloud-01", "role": "cloud"},
    {"name": "edge-01", "role": "edge"},
    {"name": "edge-02", "role": "edge"},
]
DATASETS = [
    {"name": "images", "node": "edge-01", "samples": 900, "growth": 600},
    {"name": "rooms", "node": "edge-01", "samples": 900, "growth": 3000},
    {"name": "lost", "node": "edge-01", "samples": 900, "readable": False},
]
QUICK = {"node": "edge-01", "epoch_time": "30s", "eval_time": "30s"}
HELMET: Options = {
    "kind": "IncrementalLearningJob", "name": "helmet", "dataset": "images", "initial_model": "base",
    "serving_model": "base", **QUICK,
}  # fmt: skip
COMFORT: Options = {
    "kind": "LifelongLearningJob", "name": "comfort", "dataset": "rooms", "inference_node": "edge-01", **QUICK,
}  # fmt: skip
GATE: Options = {
    "kind": "JointInferenceService", "name": "gate", "edge_node": "edge-01", "cloud_node": "cloud-01",
    "edge_model": "base", "cloud_model": "base",
}  # fmt: skip
TILE: Options = {
    "kind": "FederatedLearningJob", "name": "tile", "node": "cloud-01", "model": "base", "round_time": "60s",
    "mended": True, "participants": [{"node": "edge-01", "dataset": "images"}],
}  # fmt: skip


def site(tmp_path: Path, jobs: list[Options], *events: Options) -> Lived:
    """A world with these jobs and events, as it begins."""
    path = tmp_path / "site.yaml"
    models, base = [{"name": "base", "url": "/srv/base"}], {"node": "cloud-01"}
    content = {"title": "A site", "about": "Small", "nodes": NODES, "datasets": DATASETS, "models": models}
    path.write_text(yaml.safe_dump({**content, "knowledge_base": base, "jobs": jobs, "events": list(events)}))
    return Lived(load_scenario(path), 0)


def event(what: str, at: str, **more: Any) -> Options:
    return {"do": what, "at": at, **more}


def minutes(lived: Lived, number: float) -> Lived:
    lived.live(number / 60)
    return lived


def waiting(lived: Lived, part: str) -> set[str]:
    """Why containers of pods with such a name wait."""
    return {
        status["state"].get("waiting", {}).get("reason", "")
        for pod in lived.store.items("pods")
        if part in pod["metadata"]["name"]
        for status in pod["status"]["containerStatuses"]
    }


def said(lived: Lived, text: str) -> int:
    return sum(text in line.text for line in lived.lines)


def conditions(lived: Lived, kind: str = "incrementallearningjobs", name: str = "helmet") -> list[tuple[str, str]]:
    return [(one.get("stage", ""), one["type"]) for one in lived.conditions(kind, name)]


def served(lived: Lived, family: str) -> list[Sample]:
    """What worker hooks serve of a family."""
    samples = [sample for worker in lived.world.worker_metrics() for sample in worker.samples]
    return [sample for sample in samples if sample.family == family]


def test_a_registry_that_is_away_keeps_new_pods_from_starting(tmp_path: Path) -> None:
    lived = minutes(
        site(tmp_path, [HELMET | {"at": "2m"}], event("registry-outage", "1m", node="edge-01", lasts="20m")), 15
    )
    assert waiting(lived, "helmet-") == {"ImagePullBackOff"}
    assert conditions(lived)[-1] == ("Train", "Starting")
    assert waiting(lived, "lc-") == {""}
    minutes(lived, 15)
    assert waiting(lived, "helmet-") == {""}
    assert ("Train", "Completed") in conditions(lived)


def test_an_lc_whose_port_is_taken_crashes_until_it_is_free(tmp_path: Path) -> None:
    lived = minutes(site(tmp_path, [HELMET], event("lc-crash-loop", "10m", node="edge-01", lasts="30m")), 9)
    before = lived.truth("sedna_dataset_samples", dataset="images")
    assert waiting(lived, "lc-") == {""}
    minutes(lived, 25)
    assert waiting(lived, "lc-") == {"", "CrashLoopBackOff"}
    assert lived.store.get("daemonsets", "lc", "sedna")["status"]["numberReady"] == 2
    assert said(lived, "listen tcp :9100: bind: address already in use") == 1
    assert lived.truth("sedna_dataset_samples", dataset="images") != before  # what came before it crashed
    crashed = lived.store.get("datasets", "images")["status"]
    minutes(lived, 5)
    assert lived.store.get("datasets", "images")["status"] == crashed
    minutes(lived, 5)
    (lc,) = (pod for pod in lived.store.items("pods") if pod["spec"]["nodeName"] == "edge-01" and "lc-" in
             pod["metadata"]["name"])  # fmt: skip
    assert lc["status"]["containerStatuses"][0]["restartCount"] > 5
    assert waiting(lived, "lc-") == {""}
    assert lived.store.get("datasets", "images")["status"] != crashed


def test_an_lc_that_does_not_find_gm_keeps_what_it_has_to_say(tmp_path: Path) -> None:
    lived = minutes(site(tmp_path, [GATE], event("lc-disconnect", "10m", node="edge-01", lasts="20m")), 11)
    reported = lived.store.get("jointinferenceservices", "gate")["status"]["metrics"]
    minutes(lived, 18)
    assert lived.store.get("jointinferenceservices", "gate")["status"]["metrics"] == reported
    assert not lived.world.offline("edge-01")
    node = lived.store.get("nodes", "edge-01", "")
    assert {one["type"]: one["status"] for one in node["status"]["conditions"]}["Ready"] == "True"
    assert said(lived, "closed connection for node edge-01") == 1
    assert said(lived, "failed, error: dial tcp") > 100
    minutes(lived, 3)
    assert lived.store.get("jointinferenceservices", "gate")["status"]["metrics"] != reported
    assert said(lived, "established connection for node edge-01") == 2


def test_without_gm_nothing_is_written_and_workers_go_on(tmp_path: Path) -> None:
    jobs = [HELMET | {"dataset": "rooms"}, GATE | {"hook": True}, GATE | {"name": "late", "at": "12m"}]
    lived = minutes(site(tmp_path, jobs, event("gm-down", "10m", lasts="30m")), 11)
    assert lived.store.get("deployments", "gm", "sedna")["status"]["availableReplicas"] == 0
    assert waiting(lived, "gm-") == {"CrashLoopBackOff"}
    before = (conditions(lived), lived.store.get("datasets", "images"))
    (frames,) = served(lived, "sedna_inference_requests_total")
    lines = len([line for line in lived.lines if line.container == "gm"])
    minutes(lived, 28)
    assert (conditions(lived), lived.store.get("datasets", "images")) == before
    assert "status" not in lived.store.get("jointinferenceservices", "late")
    assert len([line for line in lived.lines if line.container == "gm"]) == lines
    assert said(lived, "failed, error: websocket: close 1006") == 3
    assert served(lived, "sedna_inference_requests_total")[0].value > frames.value + 10_000
    minutes(lived, 6)
    assert lived.store.get("deployments", "gm", "sedna")["status"]["availableReplicas"] == 1
    assert len(conditions(lived)) > len(before[0])  # LC had said in the meantime that there are enough samples
    assert lived.store.get("datasets", "images") != before[1]
    assert lived.store.get("jointinferenceservices", "late")["status"]["conditions"]


def test_what_is_uploaded_while_the_knowledge_base_is_down_is_lost(tmp_path: Path) -> None:
    lived = minutes(site(tmp_path, [COMFORT], event("kb-down", "30s", lasts="10m")), 9)
    assert lived.store.get("deployments", "kb", "sedna")["status"]["availableReplicas"] == 0
    assert lived.truth("sedna_knowledge_base_tasks") == [0]
    assert said(lived, "KB update Fail !") >= 1
    lived.until(lambda: lived.truth("sedna_knowledge_base_tasks") == [1], hours=1)
    assert lived.store.get("deployments", "kb", "sedna")["status"]["availableReplicas"] == 1


def test_a_knowledge_base_whose_volume_is_gone(tmp_path: Path) -> None:
    lived = minutes(site(tmp_path, [COMFORT], event("kb-unreadable", "10m", lasts="5m")), 9)
    file = tmp_path / "kb.sqlite3"
    lived.world.write_knowledge_base(file)
    assert file.exists()
    for passed, there in ((2, False), (6, True)):
        minutes(lived, passed)
        lived.world.write_knowledge_base(file)
        assert file.exists() is there


def test_a_dataset_that_was_rewritten_has_fewer_samples(tmp_path: Path) -> None:
    lived = minutes(site(tmp_path, [HELMET], event("shrink", "10m", dataset="images", by=0.5)), 9)
    (before,) = lived.truth("sedna_dataset_samples", dataset="images")
    minutes(lived, 3)
    (after,) = lived.truth("sedna_dataset_samples", dataset="images")
    assert before is not None and after is not None
    assert 0.4 * before < after < 0.6 * before
    assert lived.store.get("datasets", "images")["status"]["numberOfSamples"] == after


def test_a_dataset_without_its_index_file_never_gets_a_status(tmp_path: Path) -> None:
    lived = minutes(site(tmp_path, [HELMET | {"dataset": "lost"}]), 10)
    assert "status" not in lived.store.get("datasets", "lost")
    assert lived.truth("sedna_dataset_samples", dataset="lost") == [None]
    assert said(lived, "dataset(name=default/dataset/lost) get samples from") in (9, 10)
    assert 50 < said(lived, "failed to load dataset, and waiting it") <= 60
    assert conditions(lived) == [("Train", "Waiting")]


def test_a_model_that_cannot_be_put_in_its_place_is_not_deployed(tmp_path: Path) -> None:
    lived = minutes(site(tmp_path, [HELMET | {"hook": True}], event("deploy-fails", "1m", job="helmet")), 1)
    lived.until(lambda: ("Deploy", "Failed") in conditions(lived), hours=6)
    failed = next(one for one in lived.conditions("incrementallearningjobs", "helmet") if one["type"] == "Failed")
    assert failed["message"] == "reported by lc"
    assert lived.truth("sedna_job_deploy_state", state="NotOK") == [1]
    assert said(lived, "failed to update model for job(") == 1
    minutes(lived, 1)
    assert conditions(lived)[-1] == ("Train", "Waiting")
    lived.until(lambda: ("Deploy", "Ready") in conditions(lived), hours=6)  # only that one failed


def test_fewer_frames_come_for_a_while(tmp_path: Path) -> None:
    less = event("slow", "20m", job="gate", node="edge-01", lasts="20m", factor=10)
    lived = minutes(site(tmp_path, [GATE | {"hook": True}], less), 10)
    counts = []
    for _ in range(3):
        before = served(lived, "sedna_inference_requests_total")[0].value
        minutes(lived, 9)
        counts.append(served(lived, "sedna_inference_requests_total")[0].value - before)
        minutes(lived, 11)
    usual, few, again = counts
    assert few < 0.15 * usual < 0.2 * again


def test_how_long_an_inference_takes_at_the_edge(tmp_path: Path) -> None:
    def slow(lived: Lived) -> float:
        """The share of inferences at the edge that took longer than 250 ms."""
        minutes(lived, 20)
        buckets = {
            sample.labels["le"]: sample.value
            for sample in served(lived, "sedna_inference_duration_seconds_bucket")
            if sample.labels["location"] == "edge"
        }
        return 1 - buckets["0.25"] / buckets["+Inf"]

    assert slow(site(tmp_path, [GATE | {"hook": True}])) < 0.01
    assert slow(site(tmp_path, [GATE | {"hook": True, "edge_time": "0.3s"}])) > 0.5


@pytest.mark.parametrize(
    ("start", "end", "opens"),
    [("00:00", "24:00", True), ("01:00", "01:30", True), ("23:00", "01:30", True), ("02:00", "03:00", False),
     ("9:00", "9:30", False), ("1:00", "1:30", False)],
)  # fmt: skip
def test_lc_compares_the_time_of_the_day_as_text(start: str, end: str, opens: bool, tmp_path: Path) -> None:
    assert START % 86400 == 3600  # it is one o'clock
    lived = minutes(site(tmp_path, [HELMET | {"timer": {"start": start, "end": end}}]), 10)
    assert (("Train", "Ready") in conditions(lived)) is opens
    spec = lived.store.get("incrementallearningjobs", "helmet")["spec"]
    assert spec["trainSpec"]["trigger"]["timer"] == {"start": start, "end": end}


def test_a_job_can_have_rounds_behind_it(tmp_path: Path) -> None:
    lived = minutes(site(tmp_path, [HELMET | {"past_rounds": 50, "trigger": 1000000}]), 1)
    found = lived.conditions("incrementallearningjobs", "helmet")
    assert len(found) == 50 * 12 + 1
    times = [one["lastTransitionTime"] for one in found]
    assert times == sorted(times)
    assert lived.store.get("incrementallearningjobs", "helmet")["metadata"]["creationTimestamp"] <= times[0]
    assert lived.truth("sedna_job_iteration") == [50]
    assert lived.truth("sedna_job_eval_metric", model_role="new", metric="precision")
    first, last = (json.loads(found[number]["data"]) for number in (4, -9))
    assert first["output"]["models"][0]["url"].endswith("/train/1/model_finetune_tensorflow.pb")
    assert last["output"]["models"][0]["url"].endswith("/train/50/model_finetune_tensorflow.pb")


def test_a_worker_may_report_what_nobody_can_read(tmp_path: Path) -> None:
    lived = minutes(site(tmp_path, [TILE | {"unreadable": True}]), 10)
    metrics = {one["key"]: one["value"] for one in lived.store.get("models", "base")["status"]["metrics"]}
    assert metrics["categorical_accuracy"].endswith('%"')
    assert lived.truth("sedna_model_metric", metric="categorical_accuracy") == [None]
    assert lived.truth("sedna_model_metric", metric="loss") != [None]


def test_gm_rejects_the_reports_of_a_service_that_does_not_know_its_name(tmp_path: Path) -> None:
    lived = minutes(site(tmp_path, [GATE | {"named": False}]), 10)
    rejected = said(lived, "Error to handle jointinferenceservice default/sedna operation(status)")
    assert 15 < rejected <= 20
    assert said(lived, "Error to update default/sedna status, tried 3 times") == rejected
    assert "metrics" not in lived.store.get("jointinferenceservices", "gate")["status"]


def test_a_worker_tries_five_times_to_report(tmp_path: Path) -> None:
    lived = minutes(site(tmp_path, [GATE], event("lc-restart", "5m", node="edge-01", lasts="50s")), 10)
    assert said(lived, "Connection refused in request http://localhost:9100/sedna/workers/gate-deployment-edge-") == 5


def test_trouble_outside_sedna_is_known_while_it_lasts(tmp_path: Path) -> None:
    lived = site(tmp_path, [GATE], event("gpu-hot", "10m", node="edge-02", lasts="5m"),
                 event("api-refuses", "12m", resource="pods", lasts="5m"))  # fmt: skip
    assert lived.world.troubles() == {}
    hot, refused = {("gpu-hot", "edge-02"): START + 600}, {("api-refuses", "pods"): START + 720}
    for passed, expected in ((11, hot), (2, hot | refused), (3, refused), (2, {})):
        minutes(lived, passed)
        assert lived.world.troubles() == expected
