"""The objects of the world: as Sedna's CRDs allow them, and as GM, LC and Kubernetes write them."""

import datetime
import functools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from sedna_dash.crds import CRDS
from tests.simulator.worlds import Lived

TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict}
#: Below these, the CRDs hold what is Kubernetes' own.
FOREIGN = ("template", "selector", "hpa.metrics", "metadata.labels", "metadata.annotations")


@functools.cache
def tour() -> Lived:
    return Lived("tour", 9)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, f"{path}[]")
    else:
        yield path, value


def own(path: str) -> bool:
    """Whether a path is of Sedna's own schema rather than of a pod template or the like."""
    parts = path.split(".")
    return not (
        {"annotations", "labels", "selector"} & set(parts) or "template" in [p.removesuffix("[]") for p in parts]
    )


@pytest.mark.parametrize("kind", CRDS)
def test_every_path_that_is_ever_written_is_one_of_the_schema_and_has_its_type(kind: str) -> None:
    crd, versions = CRDS[kind], tour().store.versions(CRDS[kind].plural)
    assert versions, f"the tour has no {kind}"
    for written in {json.dumps(version) for version in versions}:
        for path, value in leaves(json.loads(written)):
            if own(path):
                assert path in crd.paths, f"{kind} has no {path}"
                expected = crd.paths[path]
                if expected == "date-time":
                    datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
                else:
                    assert isinstance(value, TYPES[expected]), f"{path} is {value!r}"
                    assert expected == "boolean" or not isinstance(value, bool)


@pytest.mark.parametrize("kind", [kind for kind, crd in CRDS.items() if crd.conditions])
def test_conditions_and_phases_use_the_words_of_their_kind(kind: str) -> None:
    crd = CRDS[kind]
    for version in tour().store.versions(crd.plural):
        status = version.get("status", {})
        assert status.get("phase", "") in ("", *crd.phases)
        for condition in status.get("conditions", ()):
            assert condition["type"] in crd.conditions
            assert condition["status"] == "True"
            assert condition.get("stage", "") in (crd.stages or ("",))


def test_what_gm_never_writes_is_not_there() -> None:
    store = tour().store
    assert "status" not in store.get("datasets", "new-line-dataset")  # empty: LC has nothing new to tell
    assert "status" not in store.get("objecttrackingservices", "yard-tracking")
    assert "status" not in store.get("models", "helmet-base")
    assert "metrics" not in store.get("jointinferenceservices", "gate-stock", "plant-b")["status"]
    for plural in ("incrementallearningjobs", "lifelonglearningjobs"):
        assert not any("completionTime" in job["status"] for job in store.versions(plural) if "status" in job)
    assert "completionTime" not in store.get("videoanalyticsjobs", "dock-video")["status"]
    stock = store.versions("federatedlearningjobs")
    assert not any(
        condition["type"] == "Training"
        for job in stock if job["metadata"]["name"] == "traffic-fl"
        for condition in job.get("status", {}).get("conditions", ())
    )  # fmt: skip


def test_ends_of_each_kind() -> None:
    store = tour().store
    assert store.get("videoanalyticsjobs", "lobby-video")["status"]["phase"] == "Running"
    assert "conditions" not in store.get("videoanalyticsjobs", "lobby-video")["status"]
    done = store.get("videoanalyticsjobs", "yard-video")["status"]
    assert (done["phase"], done["succeeded"], done["conditions"][-1]["type"]) == ("Succeeded", 1, "Completed")
    assert done["completionTime"] == done["conditions"][-1]["lastHeartbeatTime"]
    lost = store.get("featureextractionservices", "person-features")["status"]
    assert [condition["type"] for condition in lost["conditions"]] == ["Running", "Failed"]
    search = store.get("objectsearchservices", "lost-child-search")["status"]
    assert (search["active"], search["failed"]) == (4, 0)


def test_data_is_json_as_go_writes_it() -> None:
    seen = set()
    for plural in ("incrementallearningjobs", "lifelonglearningjobs"):
        for job in tour().store.items(plural):
            for condition in job["status"]["conditions"]:
                by_lc = condition.get("message") == "reported by lc"
                assert ("data" in condition) == by_lc
                if not by_lc:
                    continue
                text = condition["data"]
                assert json.dumps(json.loads(text), separators=(",", ":")) == text
                data = json.loads(text)
                seen.add((plural[0], condition["stage"], condition["type"], tuple(data)))
                for part in data.values():
                    for model in part.get("models", ()):
                        assert "classes" in model  # null, but never left out
                        assert list(model)[:2] == ["format", "url"]
                        assert all(model[key] for key in model if key != "classes")  # empty ones are left out
    assert seen == {
        *((k, "Train", "Ready", ("input",)) for k in "il"), *((k, "Train", "Completed", ("output",)) for k in "il"),
        *((k, "Eval", "Ready", ("input",)) for k in "il"), *((k, "Eval", "Completed", ("output",)) for k in "il"),
        *((k, "Deploy", "Ready", ("input",)) for k in "il"),
        ("i", "Deploy", "Completed", ()), ("i", "Deploy", "Completed", ("output",)),
    }  # fmt: skip


def test_evaluations_compare_the_new_model_with_the_old_one() -> None:
    for condition in tour().conditions("incrementallearningjobs", "helmet-line-a"):
        if (condition["stage"], condition["type"]) == ("Eval", "Completed") and "data" in condition:
            new, old = json.loads(condition["data"])["output"]["models"]
            assert "/train/" in new["url"]
            assert old["url"] == "/srv/models/helmet/serving.pb"
            assert {key: len(values) for key, values in new["metrics"].items()} == {"precision": 4, "recall": 4}


def test_workers_are_named_and_labelled_as_gm_does_it() -> None:
    store = tour().store
    by_kind = {f"{kind.lower()}.sedna.io/": crd for kind, crd in CRDS.items()}
    workers = 0
    for pod in store.versions("pods"):
        metadata = pod["metadata"]
        labels = metadata["labels"]
        key = next((key for key in labels if key.endswith("/worker-type")), None)
        if key is None:
            continue
        workers += 1
        prefix = key.removesuffix("worker-type")
        crd = by_kind[prefix]
        assert labels[key] in crd.workers
        name = labels[f"{prefix}name"]
        middle = f"deployment-{labels[key]}" if "pod-template-hash" in labels else labels[key]
        assert metadata["name"].startswith(f"{name}-{middle}-")
        env = [variable["name"] for variable in pod["spec"]["containers"][0].get("env", ())]
        if crd.kind != "ObjectSearchService" or labels[key] != "reidworker":
            assert "NAMESPACE" in env
            assert ("JOB_NAME" in env) or ("SERVICE_NAME" in env)
        owner = metadata["ownerReferences"][0]
        assert owner["kind"] in (crd.kind, "ReplicaSet")
    assert workers > 500


def test_edge_workers_of_joint_inference_have_a_job_name_only_if_their_user_gave_it() -> None:
    def names(service: str, namespace: str) -> list[str]:
        for pod in tour().store.items("pods"):
            if (
                pod["metadata"]["name"].startswith(f"{service}-deployment-edge")
                and pod["metadata"]["namespace"] == namespace
            ):
                return [variable["name"] for variable in pod["spec"]["containers"][0]["env"]]
        raise AssertionError(service)

    assert "JOB_NAME" in names("gate-camera", "default")
    assert "JOB_NAME" not in names("gate-stock", "plant-b")


def test_deployments_and_what_belongs_to_them_agree() -> None:
    store = tour().store

    def owned(resource: str, uid: str) -> list[Any]:
        items = store.items(resource)
        return [one for one in items if one["metadata"].get("ownerReferences", [{}])[0].get("uid") == uid]

    for deployment in store.items("deployments"):
        metadata = deployment["metadata"]
        sets = owned("replicasets", metadata["uid"])
        assert len(sets) == 1
        pods = owned("pods", sets[0]["metadata"]["uid"])
        assert len(pods) == deployment["spec"]["replicas"] == deployment["status"]["availableReplicas"]
        assert deployment["status"]["conditions"][-1]["type"] == "Progressing"


def test_ended_workers_stay_but_not_all_of_them() -> None:
    pods = tour().store.items("pods")
    ended = [pod for pod in pods if pod["metadata"]["name"].startswith("helmet-line-a-train-")]
    assert 2 <= len(ended) <= 3
    terminated = [pod["status"]["containerStatuses"][0]["state"].get("terminated") for pod in ended]
    assert {"exitCode": 0, "reason": "Completed"}.items() <= terminated[0].items()
    failed = [pod for pod in pods if pod["metadata"]["name"].startswith("glove-check-train-")]
    assert {pod["status"]["phase"] for pod in failed} >= {"Failed"}
