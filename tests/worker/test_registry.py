"""Values and their text."""

import math
import re
import threading

import pytest

from sedna_dash.worker.registry import Registry

JOB = ("factory", "IncrementalLearningJob", "helmet")


def lines(registry: Registry, openmetrics: bool = False) -> list[str]:
    return registry.text(openmetrics).decode().splitlines()


def test_both_formats_name_a_counter_as_they_should() -> None:
    registry = Registry()
    registry.add("sedna_hard_examples_total", JOB, 2)
    series = 'sedna_hard_examples_total{namespace="factory",kind="IncrementalLearningJob",name="helmet"} 2'
    help_text = "Frames that the mining algorithm judged hard"
    assert lines(registry) == [
        f"# HELP sedna_hard_examples_total {help_text}",
        "# TYPE sedna_hard_examples_total counter",
        series,
    ]
    assert lines(registry, openmetrics=True) == [
        f"# HELP sedna_hard_examples {help_text}",
        "# TYPE sedna_hard_examples counter",
        series,
        "# EOF",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [(3, "3"), (0.5, "0.5"), (math.nan, "NaN"), (math.inf, "+Inf"), (-math.inf, "-Inf"), (1e300, "1e+300")],
)
def test_numbers(value: float, text: str) -> None:
    registry = Registry()
    registry.set("sedna_job_train_loss", JOB, value)
    assert lines(registry)[-1].endswith("} " + text)


@pytest.mark.parametrize(
    ("name", "text"),
    [('say "a"', r"say \"a\""), ("back\\slash", r"back\\slash"), ("two\nlines", r"two\nlines"), ("\ud800", "?")],
)
def test_odd_names_stay_one_label(name: str, text: str) -> None:
    registry = Registry()
    registry.set("sedna_federated_round", ("factory", name), 1)
    assert lines(registry)[-1] == f'sedna_federated_round{{namespace="factory",name="{text}"}} 1'


def test_buckets_add_up() -> None:
    registry = Registry()
    for seconds in (0.005, 0.006, 1, 31):
        registry.observe("sedna_inference_duration_seconds", (*JOB, "edge"), seconds)
    found = lines(registry)[2:]
    bounds = [match[1] for match in map(re.compile(r'le="([^"]*)"').search, found) if match]
    assert bounds == sorted(bounds, key=lambda bound: float(bound.replace("+Inf", "inf")))
    values = {bound: line.rpartition(" ")[2] for bound, line in zip([*bounds, "count", "sum"], found, strict=True)}
    assert (values["0.005"], values["0.01"], values["1.0"], values["30.0"], values["+Inf"]) == ("1", "2", "3", "3", "4")
    assert (values["count"], values["sum"]) == ("4", "32.011")


def test_time_left_runs_down_and_stops_at_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    registry = Registry()
    left = []
    registry.count_down("sedna_job_stage_remaining_seconds", (*JOB, "Train"), 30)
    for moment in (100.0, 120.0, 140.0):
        now[0] = moment
        left.append(lines(registry)[-1].rpartition(" ")[2])
    assert left == ["30", "10", "0"]
    registry.remove("sedna_job_stage_remaining_seconds", (*JOB, "Train"))
    assert lines(registry) == []


def test_threads_lose_no_count() -> None:
    registry = Registry()

    def count() -> None:
        for _ in range(2000):
            registry.add("sedna_hard_examples_total", JOB)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lines(registry)[-1].endswith(" 16000")
