"""Condition lists, with all that GM and LC do to them, become the truth."""

from typing import Any

import pytest

from tests.exporter.objects import TEN, entry, series, short, shown, thing

ROUND = [
    ("Train", "Waiting", 0), ("Train", "Ready", 10), ("Train", "Starting", 11), ("Train", "Running", 12),
    ("Train", "Completed", 32), ("Eval", "Waiting", 32), ("Eval", "Ready", 33), ("Eval", "Starting", 33),
    ("Eval", "Running", 34), ("Eval", "Completed", 39), ("Deploy", "Waiting", 39), ("Deploy", "Ready", 40),
    ("Deploy", "Completed", 41), ("Train", "Waiting", 41),
]  # fmt: skip


def job(*steps: tuple[str, str, float], kind: str = "IncrementalLearningJob") -> dict[str, Any]:
    return thing(kind, status={"conditions": [entry(*step) for step in steps]})


def of(steps: Any, family: str) -> dict[str, float]:
    return short(series(shown(job(*steps)), family), family)


def current(steps: Any, family: str) -> set[str]:
    return {labels for labels, value in of(steps, family).items() if value == 1}


STATES: dict[str, tuple[Any, set[str]]] = {
    "nothing yet": ([], set()),
    "waits for samples": (ROUND[:1], {"stage=Train,state=Waiting"}),
    "trains": (ROUND[:4], {"stage=Train,state=Running"}),
    "evaluates": (ROUND[:9], {"stage=Train,state=Completed", "stage=Eval,state=Running"}),
    "a whole round": (
        ROUND,
        {"stage=Train,state=Waiting", "stage=Eval,state=Completed", "stage=Deploy,state=Completed"},
    ),
    "an evaluation failed": (
        [*ROUND[:9], ("Eval", "Failed", 36), ("Train", "Waiting", 36)],
        {"stage=Train,state=Waiting", "stage=Eval,state=Failed"},
    ),
}


@pytest.mark.parametrize(("steps", "wanted"), STATES.values(), ids=STATES)
def test_each_stage_has_the_state_of_its_own_newest_condition(steps: Any, wanted: set[str]) -> None:
    assert current(steps, "sedna_job_stage_state") == wanted


def test_the_stage_of_the_job_is_that_of_the_newest_condition() -> None:
    assert current(ROUND[:9], "sedna_job_stage") == {"stage=Eval"}
    assert current(ROUND, "sedna_job_stage") == {"stage=Train"}


ITERATIONS = {
    "waits for the first": (ROUND[:1], 0),
    "in the first": (ROUND[:4], 1),
    "waits for the second": (ROUND, 1),
    "in the second": ([*ROUND, ("Train", "Ready", 60)], 2),
    "failed, and waits again": ([*ROUND[:4], ("Train", "Failed", 14), ("Train", "Waiting", 14)], 1),
    "tries again": ([*ROUND[:4], ("Train", "Failed", 14), ("Train", "Waiting", 14), ("Train", "Ready", 20)], 2),
}


@pytest.mark.parametrize(("steps", "wanted"), ITERATIONS.values(), ids=ITERATIONS)
def test_an_iteration_begins_when_training_gets_ready(steps: Any, wanted: int) -> None:
    assert of(steps, "sedna_job_iteration") == {"": wanted}


#: GM sees the pod's end before LC reports it: both write Completed, and the next Waiting follows twice.
RACE = [*ROUND[:5], ("Eval", "Waiting", 32), ("Train", "Completed", 32.1), ("Eval", "Waiting", 32.1), *ROUND[6:]]


def test_a_completion_that_two_report_counts_once() -> None:
    counts = of(RACE, "sedna_job_stage_transitions_total")
    assert counts["stage=Train,state=Completed"] == 1
    assert counts["stage=Eval,state=Waiting"] == 1
    assert of(RACE, "sedna_job_stage_duration_seconds") == of(ROUND, "sedna_job_stage_duration_seconds")


def test_completions_and_failures_begin_at_zero() -> None:
    counts = of(ROUND[:1], "sedna_job_stage_transitions_total")
    assert counts == {
        "stage=Train,state=Waiting": 1,
        **{f"stage={stage},state={end}": 0 for stage in ("Train", "Eval", "Deploy") for end in ("Completed", "Failed")},
    }


DURATIONS: dict[str, tuple[Any, dict[str, float]]] = {
    "from Starting; a cold deployment from Ready": (
        ROUND,
        {"stage=Train": 1260, "stage=Eval": 360, "stage=Deploy": 60},
    ),
    "the last finished one": (
        [*ROUND, ("Train", "Ready", 50), ("Train", "Starting", 51), ("Train", "Failed", 53)],
        {"stage=Train": 120, "stage=Eval": 360, "stage=Deploy": 60},
    ),
    "not of a run that goes on": (ROUND[:4], {}),
    "none when the clock was set back": ([*ROUND[:4], ("Train", "Completed", 2)], {}),
    "none when LC keeps the old model": ([("Deploy", "Waiting", 1), ("Deploy", "Completed", 2)], {}),
}


@pytest.mark.parametrize(("steps", "wanted"), DURATIONS.values(), ids=DURATIONS)
def test_durations(steps: Any, wanted: dict[str, float]) -> None:
    assert of(steps, "sedna_job_stage_duration_seconds") == wanted


DEPLOYS = {
    "waits": ([("Deploy", "Waiting", 1)], "Waiting"),
    "goes on": ([("Deploy", "Waiting", 1), ("Deploy", "Ready", 2)], "OK"),
    "done": ([("Deploy", "Waiting", 1), ("Deploy", "Ready", 2), ("Deploy", "Completed", 3)], "OK"),
    "LC keeps the old model": ([("Deploy", "Waiting", 1), ("Deploy", "Completed", 3)], "Waiting"),
    "keeps it after one that was deployed": (
        [*ROUND, ("Deploy", "Waiting", 60), ("Deploy", "Completed", 61)],
        "Waiting",
    ),
    "failed": ([("Deploy", "Ready", 2), ("Deploy", "Starting", 2), ("Deploy", "Failed", 3)], "NotOK"),
}


@pytest.mark.parametrize(("steps", "wanted"), DEPLOYS.values(), ids=DEPLOYS)
def test_deploy_state(steps: Any, wanted: str) -> None:
    assert current(steps, "sedna_job_deploy_state") == {f"state={wanted}"}


def test_no_deploy_state_before_the_first_deploy_stage() -> None:
    assert of(ROUND[:9], "sedna_job_deploy_state") == {}


def test_counts_do_not_fall_when_gm_loses_an_entry() -> None:
    state = shown(job(*ROUND))
    state.put("IncrementalLearningJob", job(*ROUND[:5]))
    counts = short(series(state, "sedna_job_stage_transitions_total"), "sedna_job_stage_transitions_total")
    assert counts["stage=Eval,state=Completed"] == 1
    assert counts["stage=Train,state=Waiting"] == 2


def test_counts_begin_anew_with_another_job_of_the_same_name() -> None:
    state = shown(job(*ROUND))
    again = job(*ROUND[:1])
    again["metadata"]["uid"] = "another"
    state.put("IncrementalLearningJob", again)
    counts = short(series(state, "sedna_job_stage_transitions_total"), "sedna_job_stage_transitions_total")
    assert counts["stage=Eval,state=Completed"] == 0


def test_when_the_newest_condition_began() -> None:
    found = series(shown(job(*ROUND[:4])), "sedna_job_last_transition_timestamp_seconds")
    assert list(found.values()) == [TEN + 12 * 60]


WORDS = {
    ("IncrementalLearningJob", "Waiting"): "Pending",
    ("IncrementalLearningJob", "Running"): "Running",
    ("IncrementalLearningJob", "Completed"): "Running",
    ("IncrementalLearningJob", "Failed"): "Failed",
    ("JointInferenceService", "Running"): "Running",
    ("ReidJob", "Completed"): "Succeeded",
    ("FederatedLearningJob", "Training"): "Running",
    ("FederatedLearningJob", "Complete"): "Succeeded",
    ("ObjectSearchService", "Failed"): "Failed",
}


@pytest.mark.parametrize(("kind", "word"), WORDS, ids=lambda value: str(value))
def test_every_kind_speaks_the_same_five_words(kind: str, word: str) -> None:
    found = thing(kind, status={"conditions": [entry("Train", word, 1)]})
    states = short(series(shown(found), "sedna_job_state"), "sedna_job_state")
    assert {labels for labels, value in states.items() if value} == {f"state={WORDS[kind, word]}"}
    assert len(states) == 5


PHASES: dict[str, tuple[str, Any, str]] = {
    "no status yet": ("ReidJob", None, "Pending"),
    "runs, without any condition": ("ReidJob", {"phase": "Running"}, "Running"),
    "federated, reports lost": ("FederatedLearningJob", {"phase": "Running"}, "Running"),
    "GM does not handle it": ("ObjectTrackingService", None, "Unknown"),
}


@pytest.mark.parametrize(("kind", "status", "wanted"), PHASES.values(), ids=PHASES)
def test_without_conditions_the_phase_speaks(kind: str, status: Any, wanted: str) -> None:
    states = short(series(shown(thing(kind, status=status)), "sedna_job_state"), "sedna_job_state")
    assert {labels for labels, value in states.items() if value} == {f"state={wanted}"}
