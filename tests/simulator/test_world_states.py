"""How states follow one another: only as Sedna's controllers and LC let them."""

import functools
import itertools
from collections import Counter

import pytest

from tests.simulator.worlds import Lived

NEXT = {"Train": "Eval", "Eval": "Deploy", "Deploy": "Train"}


@functools.cache
def day() -> Lived:
    return Lived("tour", 24)


def legal(before: tuple[str, str] | None, after: tuple[str, str], by_lc: bool) -> bool:
    """Whether one condition may follow another; ``by_lc`` is whether LC said the later one."""
    if before is None:
        return after == ("Train", "Waiting") and not by_lc
    (stage, type_), (next_stage, next_type) = before, after
    if type_ == "Completed" and after == (NEXT[stage], "Waiting"):
        return not by_lc
    if type_ == "Failed":
        return after == ("Train", "Waiting") and not by_lc
    if stage != next_stage:
        # GM saw the worker's end first, and went on before LC reported it.
        return by_lc and next_type == "Completed" and type_ == "Waiting" and stage == NEXT[next_stage]
    allowed = {
        ("Waiting", "Ready"): {True}, ("Ready", "Starting"): {False}, ("Starting", "Running"): {False},
        ("Running", "Completed"): {True, False}, ("Running", "Failed"): {False},
    }  # fmt: skip
    if stage == "Deploy":
        allowed |= {("Ready", "Completed"): {False}, ("Waiting", "Completed"): {True}, ("Running", "Completed"): {True}}
    return by_lc in allowed.get((type_, next_type), set())


@pytest.mark.parametrize("plural", ["incrementallearningjobs", "lifelonglearningjobs"])
def test_stages_follow_one_another_as_gm_and_lc_let_them(plural: str) -> None:
    jobs = day().store.items(plural)
    assert len(jobs) >= 2
    for job in jobs:
        before = None
        for condition in job["status"]["conditions"]:
            after = (condition["stage"], condition["type"])
            by_lc = condition.get("message") == "reported by lc"
            assert legal(before, after, by_lc), f"{job['metadata']['name']}: {before} -> {after}"
            before = after


@pytest.mark.parametrize("plural", ["incrementallearningjobs", "lifelonglearningjobs", "federatedlearningjobs"])
def test_conditions_are_only_ever_appended(plural: str) -> None:
    known: dict[str, list[object]] = {}
    for job in day().store.versions(plural):
        now = job.get("status", {}).get("conditions", [])
        before = known.get(job["metadata"]["uid"], [])
        assert now[: len(before)] == before
        times = [condition["lastHeartbeatTime"] for condition in now]
        assert times == sorted(times)
        known[job["metadata"]["uid"]] = now


def test_a_round_with_a_cold_deployment_appends_thirteen_conditions() -> None:
    conditions = Lived("quiet", 5).conditions("incrementallearningjobs", "helmet")
    starts = [i for i, one in enumerate(conditions) if (one["stage"], one["type"]) == ("Train", "Waiting")]
    assert len(starts) > 4
    assert {later - earlier for earlier, later in itertools.pairwise(starts)} == {13}


def counts(name: str, namespace: str = "default") -> Counter[tuple[str, str]]:
    found = day().conditions("incrementallearningjobs", name, namespace)
    return Counter((one["stage"], one["type"]) for one in found)


def test_a_gate_without_an_index_never_opens() -> None:
    seen = counts("helmet-line-b", "plant-b")
    assert seen["Deploy", "Completed"] > 10
    assert seen["Deploy", "Ready"] == 0
    assert day().truth("sedna_job_deploy_state", name="helmet-line-b", state="Waiting") == [1.0]


def test_a_training_that_always_fails_goes_round_and_round() -> None:
    seen = counts("glove-check")
    assert seen["Train", "Failed"] > 20
    assert {stage for stage, _ in seen} == {"Train"}


def test_a_hot_update_runs_through_all_states_of_the_deployment() -> None:
    seen = counts("weld-seam")
    assert seen["Deploy", "Running"] == seen["Deploy", "Starting"] > 5


def test_gm_wins_the_race_against_lc_now_and_then() -> None:
    conditions = day().conditions("incrementallearningjobs", "helmet-line-a")
    twice = [
        one
        for one, two, three in zip(conditions, conditions[1:], conditions[2:], strict=False)
        if one["type"] == three["type"] == "Completed" and one["stage"] == three["stage"] and "data" not in one
    ]
    assert len(twice) > 3
    # The round that LC counts goes on by one each time all the same.
    assert day().truth("sedna_job_iteration", name="helmet-line-a") == [counts("helmet-line-a")["Train", "Ready"]]


def test_a_failed_service_is_never_looked_at_again() -> None:
    lived = Lived("tour", 5)
    assert lived.conditions("jointinferenceservices", "gate-twins")[-1]["type"] == "Running"
    lived.live(2)
    failed = lived.store.get("jointinferenceservices", "gate-twins")["status"]
    lived.live(3)
    later = lived.store.get("jointinferenceservices", "gate-twins")["status"]
    assert [condition["type"] for condition in failed["conditions"]] == ["Running", "Failed"]
    assert later["conditions"] == failed["conditions"]
    assert later["metrics"] != failed["metrics"]  # but the counts still arrive
