"""The world as a whole: the same life from the same seed, at every pace, in any number of jobs."""

import datetime
import json
import re

import pytest

from sedna_dash.simulator.world import World, load_scenario, scenario_names
from tests.simulator.worlds import HOUR, START, Lived, Recorder

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")


def seconds(text: str) -> float:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


@pytest.mark.parametrize("scenario", ["tour", "quiet"])
def test_the_same_seed_gives_the_same_life_in_one_go_or_in_steps(scenario: str) -> None:
    one, steps, other = Lived(scenario, 3), Lived(scenario, 3, step=97), Lived(scenario, 3, seed=2)
    assert one.store.writes == steps.store.writes
    assert one.lines == steps.lines
    assert one.world.truth() == steps.world.truth()
    assert one.world.worker_metrics() == steps.world.worker_metrics()
    assert one.store.writes != other.store.writes


def test_who_listens_to_the_log_changes_nothing() -> None:
    silent = Recorder()
    world = World(silent, seed=1, start=START, scenario="quiet")
    world.advance(START + 2 * HOUR)
    assert silent.writes == Lived("quiet", 2).store.writes


def test_a_faster_world_lives_the_same_life_in_less_time() -> None:
    slow, fast = Lived("tour", 5), Lived("tour", 5 / 20, pace=20)

    def without_times(lived: Lived) -> list[tuple[str, str]]:
        texts = [(resource, TIME.sub("", text)) for resource, text in lived.store.writes]
        # Times without a zone, in messages of federated rounds.
        return [(resource, re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|\.000000Z", "", text)) for resource, text in texts]

    assert without_times(fast) == without_times(slow)
    for resource in ("incrementallearningjobs", "federatedlearningjobs"):
        for obj in slow.store.items(resource):
            metadata = obj["metadata"]
            twin = fast.store.get(resource, metadata["name"], metadata["namespace"])
            ages = [seconds(one["status"]["conditions"][-1]["lastHeartbeatTime"]) - START for one in (obj, twin)
                    if one["status"].get("conditions")]  # fmt: skip
            if ages:
                assert ages[1] == pytest.approx(ages[0] / 20, abs=1.1)
    rate = "sedna_inference_requests_total"
    counted = [
        {
            one.pod: sample.value
            for one in lived.world.worker_metrics()
            for sample in one.samples
            if sample.family == rate
        }
        for lived in (slow, fast)
    ]
    assert counted[0] == counted[1] != {}


def test_nothing_is_written_that_lies_in_the_future_or_before_the_world() -> None:
    lived = Lived("tour", 4, step=60)
    times = [seconds(text) for _, written in lived.store.writes for text in TIME.findall(written)]
    assert len(times) > 10_000
    assert min(times) >= START
    assert max(times) <= START + 4 * HOUR
    assert [line.time for line in lived.lines] == sorted(line.time for line in lived.lines)


def test_a_world_that_is_warmed_up_is_first_seen_with_its_history() -> None:
    store = Recorder()
    World(store, seed=1, start=START, scenario=load_scenario("scale", jobs=300))
    jobs = store.items("incrementallearningjobs")
    assert any(len(job["status"]["conditions"]) > 13 for job in jobs)
    assert all(seconds(job["metadata"]["creationTimestamp"]) < START for job in jobs)
    # Each object is written once, in its present form.
    names = [(resource, json.loads(text)["metadata"]["name"], json.loads(text)["metadata"].get("namespace"))
             for resource, text in store.writes]  # fmt: skip
    assert len(names) == len(set(names))


@pytest.mark.parametrize("jobs", [8, 300, 1001])
def test_a_scenario_is_stretched_to_as_many_jobs_as_asked_for(jobs: int) -> None:
    store = Recorder()
    World(store, seed=1, start=START, scenario=load_scenario("scale", jobs=jobs))
    kinds = {
        "incrementallearningjobs", "lifelonglearningjobs", "federatedlearningjobs", "jointinferenceservices",
        "reidjobs", "videoanalyticsjobs", "featureextractionservices", "objectsearchservices",
    }  # fmt: skip
    assert sum(len(store.items(kind)) for kind in kinds) == jobs
    assert all(store.items(kind) for kind in kinds)


@pytest.mark.parametrize("scenario", [name for name in scenario_names() if name != "scale"])
def test_every_scenario_lives_for_long_without_growing_for_ever(scenario: str) -> None:
    lived = Lived(scenario, 6)
    pods = len(lived.store.items("pods"))
    lived.live(12)
    assert len(lived.store.items("pods")) <= pods + 12


def test_a_job_that_is_made_anew_is_another_one() -> None:
    lived = Lived("tour", 1)
    before = lived.store.get("federatedlearningjobs", "tile-defect-fl")
    lived.live(4)
    after = lived.store.get("federatedlearningjobs", "tile-defect-fl")
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert len(after["status"]["conditions"]) < len(lived.store.writes)
    assert seconds(after["status"]["startTime"]) >= START + 4 * HOUR
    pods = [pod for pod in lived.store.items("pods") if pod["metadata"]["name"].startswith("tile-defect-fl-")]
    uids = {pod["metadata"]["labels"]["federatedlearningjob.sedna.io/uid"] for pod in pods}
    assert uids == {after["metadata"]["uid"]}
