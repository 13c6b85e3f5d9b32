"""Objects come late, twice, in any order and in any shape; what is shown is right all the same."""

import gzip
import random
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from sedna_dash.catalog import default_catalog
from sedna_dash.exporter.limits import Limits
from sedna_dash.exporter.shards import Shard
from sedna_dash.exporter.state import State
from tests.exporter.objects import entry, node, pod, series, short, shown, thing


def dataset(samples: Any, name: str = "one", version: int | None = None, uid: str = "a") -> dict[str, Any]:
    found = thing("Dataset", name, status={"numberOfSamples": samples}, uid=uid)
    if version is not None:
        found["metadata"]["resourceVersion"] = str(version)
    return found


def samples(state: State) -> list[float]:
    return list(series(state, "sedna_dataset_samples").values())


def test_the_newest_version_wins_whatever_comes_last() -> None:
    state = shown(dataset(2, version=20), dataset(1, version=10))
    assert samples(state) == [2]
    state.put("Dataset", dataset(3, version=30))
    assert samples(state) == [3]


def test_a_late_deletion_does_not_take_the_one_that_came_after() -> None:
    state = shown(dataset(1, version=30, uid="b"))
    state.delete("Dataset", "factory", "one", "20")
    assert samples(state) == [1]
    state.delete("Dataset", "factory", "one", "40")
    assert samples(state) == []
    state.delete("Dataset", "factory", "one")


def test_a_version_that_is_no_number_is_taken() -> None:
    newer = dataset(2)
    newer["metadata"]["resourceVersion"] = "abc"
    assert samples(shown(dataset(1, version=9), newer)) == [2]


def everything() -> list[dict[str, Any]]:
    jobs = [
        thing("IncrementalLearningJob", f"il-{n}", {"dataset": {"name": "one", "trainProb": 0.5}}) for n in range(3)
    ]
    workers = [pod("IncrementalLearningJob", f"il-{n}", "train", k) for n in range(3) for k in range(2)]
    return [*jobs, *workers, dataset(100, version=7), node("edge-1", edge=True)]


def test_order_does_not_matter() -> None:
    objects = everything()
    wanted = sorted(shown(*objects).expose().splitlines())
    for seed in range(20):
        shuffled = list(objects)
        random.Random(seed).shuffle(shuffled)
        assert sorted(shown(*shuffled).expose().splitlines()) == wanted


def test_what_is_deleted_leaves_nothing_behind() -> None:
    objects = everything()
    for seed in range(5):
        state = shown(*objects)
        shuffled = list(objects)
        random.Random(seed).shuffle(shuffled)
        for obj in shuffled:
            state.delete(obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        assert sorted(state.expose().splitlines()) == sorted(State().expose().splitlines())


def test_both_formats_say_the_same_and_gzip_is_a_plain_gzip() -> None:
    state = shown(*everything(), thing("Dataset", 'a "quoted"\nname\\', status={"numberOfSamples": 1}))
    text, openmetrics = state.expose(), state.expose(openmetrics=True)
    assert gzip.decompress(state.expose(packed=True)) == text
    assert gzip.decompress(state.expose(openmetrics=True, packed=True)) == openmetrics
    readers = ((read_text, text), (read_openmetrics, openmetrics))
    first, second = (
        {(s.name, *s.labels.items(), s.value) for family in read(body.decode()) for s in family.samples}
        for read, body in readers
    )
    assert first == second


def test_gzip_follows_every_change() -> None:
    state = State()
    for number in range(300):
        state.put("Dataset", dataset(number, f"d{number % 40}", uid=str(number % 40)))
        if number % 7 == 0:
            state.delete("Dataset", "factory", f"d{(number * 3) % 40}")
        assert gzip.decompress(state.expose(packed=True)) == state.expose()


def test_every_series_has_exactly_the_labels_of_its_family() -> None:
    for family in read_text(shown(*everything()).expose().decode()):
        for sample in family.samples:
            metric = default_catalog().find(sample.name)
            assert metric is not None, sample.name
            assert set(sample.labels) <= set(metric.labels), sample.name
            assert "exporter" in metric.sources


def test_a_family_with_another_writer_is_left_out() -> None:
    state = State(leave_out=frozenset({"sedna_dataset_samples"}))
    state.put("Dataset", dataset(5))
    assert samples(state) == []
    assert series(state, "sedna_dataset_info")


def test_shards_share_the_jobs_and_every_worker_is_with_its_job() -> None:
    objects = everything()
    shards = [State(shard=Shard(index, 3)) for index in range(3)]
    for state in shards:
        for obj in objects:
            state.put(obj["kind"], obj)
    names = ("sedna_job_info", "sedna_worker_info", "sedna_job_workers", "sedna_job_stage_samples")
    parts = [series(state, *names) for state in shards]
    assert sum(map(len, parts)) == len({**parts[0], **parts[1], **parts[2]})
    assert {**parts[0], **parts[1], **parts[2]} == series(shown(*objects), *names)
    assert sum(bool(part) for part in parts) > 1


def test_what_is_over_a_limit_is_counted() -> None:
    state = State(limits=Limits(eval_metrics=2, elements=3, tasks=4))
    metrics = {f"m{n}": [1, 2, 3, 4, 5] for n in range(4)}
    tasks = {f"t{n}": {"p": n / 10} for n in range(10)}
    model = {"url": "/m", "metrics": metrics, "current_metric": tasks}
    done = entry("Eval", "Completed", 1, {"output": {"models": [model]}})
    state.put("LifelongLearningJob", thing("LifelongLearningJob", status={"conditions": [done]}))
    assert len(series(state, "sedna_job_eval_metric")) == 6
    assert list(short(series(state, "sedna_job_task_score"), "sedna_job_task_score").values()) == [0, 0.1, 0.8, 0.9]
    dropped = short(series(state, "sedna_exporter_dropped_series_total"), "sedna_exporter_dropped_series_total")
    assert dropped == {
        "family=sedna_job_eval_metric,reason=limit": 2 + 2 * 2,
        "family=sedna_job_task_score,reason=limit": 6,
    }


def test_long_values_are_cut_and_stay_apart() -> None:
    state = shown(*[thing("Dataset", f"d{n}", {"url": "/x" * 600 + str(n)}) for n in range(2)])
    urls = [line.partition('url="')[2].partition('"')[0] for line in series(state, "sedna_dataset_info")]
    assert len(set(urls)) == 2
    assert {len(url) for url in urls} == {512}


def test_giant_data_is_not_read_but_counted() -> None:
    condition = entry("Eval", "Completed", 1)
    condition["data"] = '{"output": {"models": [' + " " * (1 << 20) + "]}}"
    state = shown(thing("IncrementalLearningJob", status={"conditions": [condition]}))
    found = short(series(state, "sedna_exporter_parse_errors_total"), "sedna_exporter_parse_errors_total")
    assert list(found) == ["field=status.conditions[].data"]


def test_a_scrape_costs_the_same_however_long_the_history() -> None:
    def lines(rounds: int) -> int:
        steps = [entry(stage, type_, 1) for stage in ("Train", "Eval") for type_ in ("Waiting", "Ready", "Completed")]
        found = thing("IncrementalLearningJob", status={"conditions": steps * rounds})
        return len(shown(found).expose().splitlines())

    assert lines(1) == lines(500)


ODD: dict[str, Any] = {
    "no status": {}, "status is a text": {"status": "Running"},
    "conditions are an object": {"status": {"conditions": {}}},
    "conditions are numbers": {"status": {"conditions": [1, None, "x"]}},
    "unknown words": {"status": {"conditions": [{"type": "Dancing", "stage": "Floor", "status": "Maybe"}]}},
    "time is no time": {"status": {"startTime": "yesterday"}},
    "time out of range": {"status": {"startTime": "9999-99-99"}},
    "spec is a list": {"spec": []}, "labels are a list": {"metadata": {"labels": [], "name": "x", "namespace": "y"}},
    "lone surrogate": {"metadata": {"name": "a\ud800", "namespace": "b"}},
    "status of a million": {"status": {"numberOfSamples": 10**400}},
}  # fmt: skip


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
@pytest.mark.parametrize("kind", ["Dataset", "Model", "IncrementalLearningJob", "FederatedLearningJob", "Pod", "Node"])
def test_odd_objects_hurt_nobody(kind: str, odd: dict[str, Any]) -> None:
    state = shown(dataset(5, "good"))
    state.put(kind, {**thing(kind, "odd"), **odd})
    list(read_text(state.expose().decode()))
    list(read_openmetrics(state.expose(openmetrics=True).decode()))
    assert samples(state)[0] == 5
    assert 'field="*"' not in state.expose().decode(), "the exporter itself failed"
