"""Workers of each learning class, as processes of their own, and what a scrape of them says.

The scripts in tests/worker/scripts run on a stand-in for sedna, with this interpreter and each old one of the machine,
and on the real library if `pythons.real` is told where that is.
"""

import json
import re
from typing import Any, NamedTuple

import pytest

from sedna_dash.catalog import default_catalog
from tests.worker import pythons

JOB = ("namespace", "kind", "name")


class Case(NamedTuple):
    """What a script leaves behind: whose series, their values without the job's labels, and what else it prints."""

    job: tuple[str, str]
    series: dict[str, float]
    told: dict[str, Any] = {}  # noqa: RUF012 - nobody changes it
    anything: tuple[str, ...] = ()


CASES = {
    "joint_inference": Case(
        ("JointInferenceService", "gate-camera"),
        {
            "sedna_inference_requests_total": 6,
            "sedna_hard_examples_total": 3,
            "sedna_inferences_total location=edge": 6,
            "sedna_inferences_total location=cloud": 2,
            "sedna_inference_errors_total location=edge": 0,
            "sedna_inference_errors_total location=cloud": 1,
            "sedna_inference_duration_seconds_count location=edge": 6,
            "sedna_inference_duration_seconds_count location=cloud": 2,
        },
        anything=("sedna_inference_transfer_bytes_total",),
    ),
    "mining_first": Case(
        ("JointInferenceService", "gate-camera"),
        {
            "sedna_inference_requests_total": 5,
            "sedna_hard_examples_total": 2,
            "sedna_inferences_total location=edge": 2,
            "sedna_inferences_total location=cloud": 1,
            "sedna_inference_errors_total location=edge": 1,
            "sedna_inference_errors_total location=cloud": 1,
            "sedna_inference_duration_seconds_count location=edge": 2,
            "sedna_inference_duration_seconds_count location=cloud": 1,
        },
        {"raised": ["RetryError", "RuntimeError"]},
        anything=("sedna_inference_transfer_bytes_total",),
    ),
    "outage": Case(
        ("JointInferenceService", "gate-camera"),
        {
            "sedna_hard_examples_total": 0,
            "sedna_inferences_total location=cloud": 0,
            "sedna_inference_errors_total location=edge": 0,
            "sedna_inference_errors_total location=cloud": 0,
            "sedna_inference_transfer_bytes_total direction=sent": 0,
            "sedna_inference_transfer_bytes_total direction=received": 0,
        },
        # With SEDNA_DASH_REPAIR_REPORTS on, the service goes by the name that GM knows.
        {"owner": ["jointinferenceservice", "gate-camera"], "enough": True},
        anything=(
            "sedna_inference_requests_total",
            "sedna_inferences_total location=edge",
            "sedna_inference_duration_seconds_count location=edge",
            "sedna_worker_reports_total",
            "sedna_worker_hook_errors_total reason=report",
        ),
    ),
    "incremental_learning": Case(
        ("IncrementalLearningJob", "helmet"),
        {
            "sedna_job_train_loss": 0.125,
            "sedna_job_train_learning_rate": 0.01,
            "sedna_job_train_epochs": 4,
            "sedna_job_train_epoch": 4,
            "sedna_job_train_batch_size": 32,
            "sedna_job_stage_samples stage=Train method=counted": 120,
            "sedna_job_stage_samples stage=Eval method=counted": 120,
            "sedna_inference_requests_total": 3,
            "sedna_hard_examples_total": 1,
            "sedna_inferences_total location=edge": 2,
            "sedna_inference_errors_total location=edge": 1,
            "sedna_inference_duration_seconds_count location=edge": 2,
            "sedna_worker_reports_total result=done": 2,
            "sedna_worker_reports_total result=error": 0,
        },
        # Before the first epoch and the first model nobody knows how long it takes; the second model finds it known.
        {"remaining": [False, True, True, True, True, False, True, True, True]},
    ),
    "federated_learning": Case(
        ("FederatedLearningJob", "tiles"),
        {
            "sedna_job_train_loss": 1 / 3,
            "sedna_job_train_epochs": 2,
            "sedna_federated_round": 3,
            "sedna_federated_participant_round node=edge-1": 3,
            "sedna_worker_reports_total result=done": 3,
            "sedna_worker_reports_total result=error": 0,
        },
        {"seen": [1, 2, 3], "kinds": ["federatedlearningjob"]},
        anything=("sedna_federated_update_bytes_total",),
    ),
    "lifelong_learning": Case(
        ("LifelongLearningJob", "atcii"),
        {
            "sedna_job_stage_samples stage=Train method=counted": 30,
            "sedna_job_stage_samples stage=Eval method=counted": 10,
            "sedna_inference_requests_total": 6,
            "sedna_inferences_total location=edge": 4,
            "sedna_inference_errors_total location=edge": 2,
            "sedna_inference_duration_seconds_count location=edge": 3,
            "sedna_inference_samples_total task=known result=done": 3,
            "sedna_inference_samples_total task=known result=error": 2,
            "sedna_inference_samples_total task=unknown result=done": 1,
            "sedna_inference_samples_total task=unknown result=error": 0,
            "sedna_inference_samples_ready task=known": 0,
            "sedna_inference_samples_ready task=unknown": 0,
            "sedna_worker_reports_total result=done": 2,
            "sedna_worker_reports_total result=error": 0,
        },
        {"waiting": [[1, 0], [0, 1], [2, 0], [2, 0]]},
    ),
    "keras_fit": Case(
        ("IncrementalLearningJob", "helmet"),
        {
            "sedna_job_train_learning_rate": 0.01,
            "sedna_job_train_epochs": 3,  # not the 9 of the training outside of Sedna
            "sedna_job_train_epoch": 3,
            "sedna_job_train_batch_size": 4,
            "sedna_job_stage_samples stage=Train method=counted": 8,
            "sedna_job_stage_samples stage=Eval method=counted": 8,
            "sedna_worker_reports_total result=done": 2,
            "sedna_worker_reports_total result=error": 0,
        },
        {"remaining": [True, True, True, False, True]},
        anything=("sedna_job_train_loss",),
    ),
}

PYTHONS = ["this", *(found.name for found in pythons.old()), "sedna"]


def short(series: str) -> tuple[str, tuple[str, ...], dict[str, str]]:
    """A series as the table writes it, whose it is, and its labels."""
    found = re.fullmatch(r"(\w+){(.*)}", series)
    assert found, series
    labels = dict(re.findall(r'(\w+)="([^"]*)"', found[2]))
    own = tuple(labels[label] for label in JOB if label in labels)
    rest = [f"{label}={text}" for label, text in labels.items() if label not in JOB]
    return " ".join([found[1], *rest]), own, labels


@pytest.mark.parametrize("name", PYTHONS)
@pytest.mark.parametrize("script", CASES)
def test_a_worker_shows_what_it_does(script: str, name: str) -> None:
    python = pythons.real() if name == "sedna" else next(p for p in [pythons.THIS, *pythons.old()] if p.name == name)
    if python is None:
        pytest.skip("the real library is not here: SEDNA_DASH_TEST_SEDNA_LIB names its folder")
    path = str(pythons.HERE / "scripts" / f"{script}.py")
    if name == "sedna" and script == "keras_fit" and python.run("-c", "import keras").returncode != 0:
        pytest.skip("the interpreter of the real library has no Keras")
    done = python.run(path, SEDNA_DASH_METRICS="127.0.0.1:0")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    case = CASES[script]
    kind, job = case.job
    catalog = default_catalog()
    found = {}
    for series, value in told["metrics"].items():
        text, own, labels = short(series)
        family = catalog.find(text.split(" ")[0])
        assert family is not None
        assert "worker-hook" in family.sources
        assert set(family.labels) == labels.keys() - {"le"}, series
        assert all(not legal or labels[label] in legal for label, legal in family.labels.items()), series
        assert own == tuple(v for label, v in zip(JOB, ("factory", kind, job), strict=True) if label in family.labels)
        if not re.match(r"\w+_(bucket|sum)\b", text):
            found[text] = value
    surprises = {text: v for text, v in found.items() if text not in case.series and not text.startswith(case.anything)}
    assert surprises == {}, done.stderr
    assert {text: found.get(text) for text in case.series} == pytest.approx(case.series), done.stderr
    for text in case.anything:
        assert any(key.startswith(text) and value > 0 for key, value in found.items()), text
    assert {key: told[key] for key in case.told} == case.told
