"""Joint inference and federated learning, where stock Sedna doubles and loses numbers."""

from typing import Any

import pytest

from tests.exporter.objects import TEN, at, node, pod, series, short, shown, template, thing


def service(inferences: Any, hard: Any, **env: str) -> dict[str, Any]:
    metrics = [{"key": "inferenceNumber", "value": inferences}, {"key": "hardExampleNumber", "value": hard}]
    return thing(
        "JointInferenceService", spec={"edgeWorker": {"template": template(**env)}}, status={"metrics": metrics}
    )


COUNTS: dict[str, tuple[dict[str, Any], list[float]]] = {
    "a hard frame is in inferenceNumber twice": (service("1250", "87"), [1163, 1163, 87, 87]),
    "unless mined first": (service("1250", "87", MINING_MODE="mining-then-inference"), [1250, 1163, 87, 87]),
    "nothing hard": (service("5", "0"), [5, 5, 0, 0]),
    "not numbers": (service("many", "0"), []),
    "more hard ones than frames": (service("3", "9"), []),
    "counted by the worker itself": (service("1250", "87", SEDNA_DASH_METRICS="9464"), []),
    "its hook is switched off": (service("5", "0", SEDNA_DASH_METRICS="off"), [5, 5, 0, 0]),
    "stock, without JOB_NAME: GM gets nothing": (thing("JointInferenceService", status={}), []),
}


@pytest.mark.parametrize(("obj", "wanted"), COUNTS.values(), ids=COUNTS)
def test_counts_of_joint_inference(obj: dict[str, Any], wanted: list[float]) -> None:
    state = shown(obj)
    found = [
        *series(state, "sedna_inference_requests_total").values(),
        *series(state, "sedna_inferences_total").values(),
        *series(state, "sedna_hard_examples_total").values(),
    ]
    assert found == wanted


KIND = "JointInferenceService"
AMBIGUOUS: dict[str, tuple[list[dict[str, Any]], float]] = {
    "one edge worker": ([pod(KIND, "one", "edge"), pod(KIND, "one", "cloud")], 0),
    "two": ([pod(KIND, "one", "edge", 0), pod(KIND, "one", "edge", 1)], 1),
    "the second has ended": ([pod(KIND, "one", "edge", 0), pod(KIND, "one", "edge", 1, phase="Failed")], 0),
    "the second belongs to another": ([pod(KIND, "one", "edge"), pod(KIND, "two", "edge")], 0),
}


@pytest.mark.parametrize(("pods", "wanted"), AMBIGUOUS.values(), ids=AMBIGUOUS)
@pytest.mark.parametrize("first", ["job", "pods"])
def test_several_edge_workers_overwrite_each_other(pods: list[dict[str, Any]], wanted: float, first: str) -> None:
    job = service("1", "0")
    state = shown(*([job, *pods] if first == "job" else [*pods, job]))
    found = series(state, "sedna_joint_inference_ambiguous_counts")
    assert [value for line, value in found.items() if 'name="one"' in line] == [wanted]
    # Nobody knows then how much was inferred, so nothing is said.
    assert len(series(state, "sedna_inference_requests_total")) == (0 if wanted else 1)


def federated(*messages: str, nodes: int = 2, **env: str) -> dict[str, Any]:
    workers = [
        {"dataset": {"name": f"tiles-{n}"}, "template": {"spec": {"nodeName": f"edge-{n}"}}} for n in range(nodes)
    ]
    conditions = [
        {"type": "Training", "status": "True", "message": message, "lastHeartbeatTime": at(minute)}
        for minute, message in enumerate(messages)
    ]
    return thing(
        "FederatedLearningJob",
        spec={"trainingWorkers": workers, "aggregationWorker": {"template": template(**env)}},
        status={"phase": "Running", "conditions": conditions},
    )


def test_rounds_come_from_messages_of_every_worker() -> None:
    state = shown(federated("Round 1 reaches at x", "Round 2 reaches at x", "Round 1 reaches at x", exit_round="10"))
    assert list(series(state, "sedna_federated_round").values()) == [2]
    assert list(series(state, "sedna_federated_round_timestamp_seconds").values()) == [TEN + 60]
    assert list(series(state, "sedna_federated_rounds_target").values()) == [10]


def test_without_reports_there_is_no_round_and_no_train_state() -> None:
    state = shown(federated())
    names = ("sedna_federated_round", "sedna_federated_train_state", "sedna_federated_rounds_target")
    assert series(state, *names) == {}


def test_who_takes_part_with_how_much() -> None:
    dataset = thing("Dataset", "tiles-1", status={"numberOfSamples": 300})
    other = thing("Dataset", "tiles-0", status={"numberOfSamples": 9}, namespace="elsewhere")
    for order in ([federated(), dataset, other], [dataset, other, federated()]):
        state = shown(*order, pod("FederatedLearningJob", "one", "train"))
        names = (
            "sedna_federated_participant_info",
            "sedna_federated_participant_samples",
            "sedna_federated_participants",
        )
        found = series(state, *names)
        assert short(found, names[0]) == {"node=edge-0,dataset=tiles-0": 1, "node=edge-1,dataset=tiles-1": 1}
        assert short(found, names[1]) == {"node=edge-1,dataset=tiles-1": 300}
        assert short(found, names[2]) == {"state=expected": 2, "state=active": 1}


def test_two_workers_on_one_node_with_one_dataset_are_one_series() -> None:
    job = federated(nodes=1)
    job["spec"]["trainingWorkers"] *= 2
    assert len(series(shown(job), "sedna_federated_participant_info")) == 1


def test_workers_and_where_they_are() -> None:
    job = thing("IncrementalLearningJob")
    worker = pod("IncrementalLearningJob", "one", "train")
    state = shown(worker, job, node("edge-1", edge=True))
    assert list(short(series(state, "sedna_worker_info"), "sedna_worker_info")) == [
        "pod=one-train-0,worker_type=train,work=training,stage=Train,node=edge-1,location=edge"
    ]
    state.put("Node", node("edge-1", edge=False))
    assert "location=cloud" in next(iter(short(series(state, "sedna_worker_info"), "sedna_worker_info")))
    state.delete("Pod", "factory", "one-train-0")
    assert series(state, "sedna_worker_info", "sedna_worker_state") == {}
    assert short(series(state, "sedna_job_workers"), "sedna_job_workers") == {
        "state=waiting": 0,
        "state=active": 0,
        "state=dead": 0,
    }


PHASES: dict[str, tuple[dict[str, Any], str]] = {
    "waits for a node": ({"phase": "Pending"}, "waiting"),
    "runs": ({"phase": "Running", "containerStatuses": [{"state": {"running": {}}}]}, "active"),
    "crashes again and again": (
        {"phase": "Running", "containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]},
        "waiting",
    ),
    "its node does not answer": ({"phase": "Unknown"}, "active"),
    "done": ({"phase": "Succeeded"}, "dead"),
    "failed": ({"phase": "Failed"}, "dead"),
}


@pytest.mark.parametrize(("status", "wanted"), PHASES.values(), ids=PHASES)
def test_states_of_workers(status: dict[str, Any], wanted: str) -> None:
    worker = pod("IncrementalLearningJob", "one", "train")
    worker["status"] = status
    state = shown(thing("IncrementalLearningJob"), worker)
    found = short(series(state, "sedna_worker_state"), "sedna_worker_state")
    assert {labels for labels, value in found.items() if value} == {f"pod=one-train-0,state={wanted}"}


def test_when_a_worker_ended() -> None:
    worker = pod("IncrementalLearningJob", "one", "train", phase="Succeeded")
    worker["status"]["containerStatuses"] = [{"state": {"terminated": {"finishedAt": at(m)}}} for m in (7, 9, 8)]
    state = shown(thing("IncrementalLearningJob"), worker)
    assert list(series(state, "sedna_worker_completion_timestamp_seconds").values()) == [TEN + 9 * 60]


def test_samples_of_a_stage_are_estimated_from_the_dataset() -> None:
    job = thing("IncrementalLearningJob", spec={"dataset": {"name": "helmets", "trainProb": 0.8}})
    state = shown(job)
    assert series(state, "sedna_job_stage_samples") == {}
    state.put("Dataset", thing("Dataset", "helmets", status={"numberOfSamples": 1001}))
    assert list(series(state, "sedna_job_stage_samples").values()) == [800, 201]
    state.delete("Dataset", "factory", "helmets")
    assert series(state, "sedna_job_stage_samples") == {}


def test_where_the_knowledge_base_runs() -> None:
    service = thing("Service", "kb", {"clusterIP": "10.1.2.3", "ports": [{"port": 9020}]}, namespace="sedna")
    worker = thing("Pod", "kb-5f6b", {"nodeName": "cloud-1"}, {"phase": "Running"}, namespace="sedna")
    worker["metadata"]["labels"] = {"sedna": "kb"}
    state = shown(service, worker, node("cloud-1", edge=False))
    assert list(series(state, "sedna_knowledge_base_info")) == [
        'sedna_knowledge_base_info{server="10.1.2.3:9020",node="cloud-1",location="cloud"}'
    ]
    state.delete("Service", "sedna", "kb")
    state.delete("Pod", "sedna", "kb-5f6b")
    assert series(state, "sedna_knowledge_base_info") == {}
