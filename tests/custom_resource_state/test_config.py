"""What is written for kube-state-metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from sedna_dash.cli import main
from sedna_dash.crds import CRDS
from sedna_dash.custom_resource_state import config, default_mapping, helm_values, rbac

#: Kind, name, type, path of the value, labels from paths, constant labels; in the order of the config.
JOB = [
    ("job_created_timestamp_seconds", "Gauge", "metadata.creationTimestamp", {}, ("kind",)),
    ("job_start_timestamp_seconds", "Gauge", "status.startTime", {}, ("kind",)),
    ("job_completion_timestamp_seconds", "Gauge", "status.completionTime", {}, ("kind",)),
    ("job_condition_status", "StateSet", "status.conditions.-1.status", {"status": "True False Unknown"}, ("kind",)),
    ("job_stage", "StateSet", "status.conditions.-1.stage", {"stage": "Train Eval Deploy"}, ("kind",)),
]
LIFELONG = [
    ("job_knowledge_models", "Gauge", "status.knowledgeBase.AIModels.numberOfAIModels", {}, ()),
    ("job_knowledge_classes", "Gauge", "status.knowledgeBase.AIClasses.numberOfAIClasses", {}, ()),
    (
        "job_knowledge_unseen_samples",
        "Gauge",
        "status.knowledgeBase.samples.numberOfLabeledUnseenSample",
        {},
        ("labeled",),
    ),
    (
        "job_knowledge_model_precision",
        "Gauge",
        "status.knowledgeBase.AIModels.listOfAIModels + averagePrecision",
        {"model": "modelID"},
        (),
    ),
]
FEDERATED = [
    ("federated_train_state", "StateSet", "status.conditions.-1.type", {"state": "Training Complete Failed"}, ()),
    (
        "federated_participant_info",
        "Info",
        "spec.trainingWorkers",
        {"node": "template.spec.nodeName", "dataset": "dataset.name"},
        (),
    ),
]
WITHOUT_STAGE = JOB[:4]
SERVICE = [JOB[0], JOB[1], JOB[3]]
WANTED = {
    "Dataset": [
        ("dataset_info", "Info", "", {"url": "spec.url", "format": "spec.format", "node": "spec.nodeName"}, ()),
        ("dataset_samples", "Gauge", "status.numberOfSamples", {}, ()),
        ("dataset_update_timestamp_seconds", "Gauge", "status.updateTime", {}, ()),
    ],
    "Model": [
        ("model_info", "Info", "", {"url": "spec.url", "format": "spec.format"}, ()),
        ("model_update_timestamp_seconds", "Gauge", "status.updateTime", {}, ()),
    ],
    "JointInferenceService": SERVICE,
    "IncrementalLearningJob": JOB,
    "FederatedLearningJob": [*WITHOUT_STAGE, *FEDERATED],
    "LifelongLearningJob": [*JOB, *LIFELONG],
    "ReidJob": WITHOUT_STAGE,
    "VideoAnalyticsJob": WITHOUT_STAGE,
    "FeatureExtractionService": SERVICE,
    "ObjectSearchService": SERVICE,
    "ObjectTrackingService": SERVICE,
}


def resources() -> dict[str, dict[str, Any]]:
    document = config(default_mapping())
    assert document["kind"] == "CustomResourceStateMetrics"
    return {one["groupVersionKind"]["kind"]: one for one in document["spec"]["resources"]}


def outline(metric: dict[str, Any]) -> tuple[Any, ...]:
    each = metric["each"]
    (how,) = (value for key, value in each.items() if key != "type")
    value = ".".join(how.get("path", ())) + "".join(
        f" + {'.'.join(how['valueFrom'])}" for _ in how.get("valueFrom", ())
    )
    labels = {label: ".".join(path) for label, path in how.get("labelsFromPath", {}).items()}
    if "list" in how:
        labels[how["labelName"]] = " ".join(how["list"])
    return metric["name"], each["type"], value, labels, tuple(metric.get("commonLabels", ()))


@pytest.mark.parametrize("kind", CRDS)
def test_metrics_of_a_kind(kind: str) -> None:
    found = resources()[kind]
    assert found["groupVersionKind"] == {"group": "sedna.io", "version": "v1alpha1", "kind": kind}
    assert found["resourcePlural"] == CRDS[kind].plural
    assert found["metricNamePrefix"] == "sedna"
    assert found["labelsFromPath"] == {
        "namespace": ["metadata", "namespace"],
        {"Dataset": "dataset", "Model": "model"}.get(kind, "name"): ["metadata", "name"],
    }
    assert [outline(metric) for metric in found["metrics"]] == WANTED[kind]
    for metric in found["metrics"]:
        assert metric["help"]
        assert metric.get("commonLabels", {}).get("kind", kind) == kind


def test_no_two_headers_stand_side_by_side() -> None:
    """kube-state-metrics 2.9 and later take out a header that repeats the one before, and one family with it."""
    names = [[metric["name"] for metric in found["metrics"]] for found in resources().values()]
    for one in names:
        assert len(one) == len(set(one))
        for other in names:
            assert one[-1] != other[0]


def test_rights_are_to_read_sedna_and_to_know_its_kinds() -> None:
    role, binding = rbac("ksm", "monitoring")
    assert role["rules"] == [
        {
            "apiGroups": ["sedna.io"],
            "resources": [crd.plural for crd in CRDS.values()],
            "verbs": ["get", "list", "watch"],
        },
        {"apiGroups": ["apiextensions.k8s.io"], "resources": ["customresourcedefinitions"], "verbs": ["list", "watch"]},
    ]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "ksm", "namespace": "monitoring"}]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]


def test_helm_values() -> None:
    values = helm_values(default_mapping())
    assert values["customResourceState"] == {"enabled": True, "config": config(default_mapping())}
    assert values["rbac"] == {"extraRules": rbac("a", "b")[0]["rules"]}
    assert values["metricLabelsAllowlist"] == []
    assert values["collectors"] == [
        "daemonsets", "deployments", "horizontalpodautoscalers", "jobs", "leases", "nodes", "pods"
    ]  # fmt: skip
    older = helm_values(default_mapping(), plurals=True)["collectors"]
    assert older == [*values["collectors"], *(crd.plural for crd in CRDS.values())]


def run(*arguments: str) -> Any:
    return CliRunner().invoke(main, ["ksm", *arguments])


@pytest.mark.parametrize(
    "arguments, wanted",
    [
        ([], [config(default_mapping())]),
        (["--format", "config"], [config(default_mapping())]),
        (["--format", "rbac"], rbac("kube-state-metrics", "kube-system")),
        (["--format", "rbac", "--service-account", "m/k"], rbac("k", "m")),
        (["--format", "helm-values"], [helm_values(default_mapping())]),
        (["--format", "helm-values", "--plurals"], [helm_values(default_mapping(), plurals=True)]),
    ],
)
def test_the_command_writes_yaml(tmp_path: Path, arguments: list[str], wanted: list[Any]) -> None:
    printed = run(*arguments)
    assert printed.exit_code == 0, printed.output
    assert list(yaml.safe_load_all(printed.output)) == wanted
    assert "&id" not in printed.output
    path = tmp_path / "new" / "out.yaml"
    written = run(*arguments, "--output", str(path))
    assert (written.exit_code, written.output) == (0, f"{path} written.\n")
    assert path.read_text(encoding="utf-8") == printed.output
    assert list(path.parent.iterdir()) == [path]


def test_all_go_to_a_folder(tmp_path: Path) -> None:
    result = run("--format", "all", "--output", str(tmp_path / "ksm"))
    assert result.exit_code == 0
    names = {path.name for path in (tmp_path / "ksm").iterdir()}
    assert names == {
        "custom-resource-state.yaml",
        "kube-state-metrics-sedna-rbac.yaml",
        "kube-state-metrics-values.yaml",
    }
    assert result.output.splitlines() == [f"{tmp_path / 'ksm' / name} written." for name in sorted(names)]


@pytest.mark.parametrize(
    "arguments, code, sentence",
    [
        (["--format", "all"], 2, "--format all needs a folder"),
        (["--format", "all", "--output", "FILE"], 2, "--format all needs a folder"),
        (["--output", "FILE/below/x"], 1, "cannot be written"),
        (["--service-account", "only-a-name"], 2, "write it as namespace/name"),
        (["--service-account", "a/b/c"], 2, "write it as namespace/name"),
        (["--format", "json"], 2, "'json' is not one of"),
    ],
)
def test_wrong_use(tmp_path: Path, arguments: list[str], code: int, sentence: str) -> None:
    (tmp_path / "file").write_text("mine")
    result = run(*(argument.replace("FILE", str(tmp_path / "file")) for argument in arguments))
    assert result.exit_code == code
    assert sentence in result.output
    assert "Traceback" not in result.output
    assert (tmp_path / "file").read_text() == "mine"
