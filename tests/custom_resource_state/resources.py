"""One resource of each kind, and some that have hardly begun, as GM leaves them."""

from __future__ import annotations

from typing import Any

from sedna_dash.crds import CRDS, GROUP, VERSION


def resource(kind: str, name: str, spec: Any = None, status: Any = None, namespace: str = "factory") -> dict[str, Any]:
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": "2026-03-01T10:00:00Z"},
        "spec": spec or {},
        **({"status": status} if status else {}),
    }


def conditions(*states: tuple[str, str], status: str = "True") -> list[dict[str, str]]:
    """Conditions of (stage, type), a minute apart; an empty stage for kinds without."""
    return [
        {
            **({"stage": stage} if stage else {}),
            "type": type_,
            "status": status,
            "lastHeartbeatTime": f"2026-03-01T10:{minute:02}:00Z",
            "lastTransitionTime": f"2026-03-01T10:{minute:02}:00Z",
        }
        for minute, (stage, type_) in enumerate(states, 1)
    ]


_BEGUN = {"startTime": "2026-03-01T10:00:01Z"}
_DONE = {"completionTime": "2026-03-01T11:30:00Z", "phase": "Succeeded", "succeeded": 1}
_ROUND = (("Train", "Waiting"), ("Train", "Ready"), ("Train", "Starting"), ("Train", "Running"), ("Train", "Completed"))


def _worker(dataset: str, node: str = "") -> dict[str, Any]:
    return {"dataset": {"name": dataset}, "template": {"spec": {"nodeName": node} if node else {}}}


RESOURCES = [
    resource(
        "Dataset",
        "faces",
        {"url": "/data/train data.txt", "format": "txt", "nodeName": "edge-1"},
        {"numberOfSamples": 1912, "updateTime": "2026-03-01T10:20:00Z"},
    ),
    resource("Dataset", "empty", {"url": 's3://b/"q\\\n', "format": "csv", "nodeName": "edge-2"}, namespace="other"),
    resource(
        "Model",
        "yolo",
        {"url": "/models/yolo.pb", "format": "pb", "device_soc_versions": ["310"]},
        {"updateTime": "2026-03-01T10:21:00Z", "metrics": [{"key": "precision", "value": "[0.9]"}]},
    ),
    resource("JointInferenceService", "gate", {}, {**_BEGUN, "active": 2, "conditions": conditions(("", "Running"))}),
    # The same name in another namespace, and nothing known of it yet.
    resource("JointInferenceService", "gate", namespace="other"),
    resource(
        "IncrementalLearningJob", "helmet", {}, {**_BEGUN, "conditions": conditions(*_ROUND, ("Eval", "Waiting"))}
    ),
    resource(
        "LifelongLearningJob",
        "comfort",
        {},
        {
            **_BEGUN,
            "conditions": conditions(("Train", "Waiting")),
            "knowledgeBase": {
                "AIModels": {
                    "numberOfAIModels": 2,
                    "listOfAIModels": [
                        {"modelID": "spring", "averagePrecision": 0.91, "numberOfTrainSamples": 10},
                        {"modelID": "summer", "averagePrecision": 0, "numberOfTrainSamples": 20},
                    ],
                },
                "AIClasses": {"numberOfAIClasses": 3, "listOfAIClasses": ["a", "b", "c"]},
                "samples": {"numberOfLabeledUnseenSample": 640, "numberOfUnseenSample": 0},
            },
        },
    ),
    resource("LifelongLearningJob", "fresh"),
    resource(
        "FederatedLearningJob",
        "surface",
        {"trainingWorkers": [_worker("plant-1", "edge-1"), _worker("plant-2", "edge-2"), _worker("plant-3")]},
        {**_BEGUN, "phase": "Running", "conditions": conditions(("", "Training"))},
    ),
    # Without the report of a worker there is no condition.
    resource(
        "FederatedLearningJob",
        "silent",
        {"trainingWorkers": [_worker("plant-1", "edge-1")]},
        {**_BEGUN, "phase": "Running"},
    ),
    resource(
        "FederatedLearningJob",
        "done",
        {"trainingWorkers": []},
        {**_BEGUN, **_DONE, "conditions": conditions(("", "Training"), ("", "Complete"))},
    ),
    resource("ReidJob", "people", {}, {**_BEGUN, **_DONE, "conditions": conditions(("", "Completed"))}),
    resource("VideoAnalyticsJob", "lobby", {}, {**_BEGUN, "phase": "Running", "active": 1}),
    resource("FeatureExtractionService", "feet", {}, {**_BEGUN, "conditions": conditions(("", "Failed"))}),
    resource("ObjectSearchService", "child", {}, {**_BEGUN, "conditions": conditions(("", "Running"), status="False")}),
    resource("ObjectTrackingService", "nobody"),
]
assert {one["kind"] for one in RESOURCES} == CRDS.keys()
