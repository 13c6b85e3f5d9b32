"""Log lines: each in the form of the program that writes it, and tied to what happens."""

import functools
import re
from collections import Counter

import pytest

from sedna_dash.simulator.world import LogLine
from tests.simulator.worlds import Lived

KLOG = re.compile(
    r"[IWEF](?P<mmdd>\d{4}) (?P<time>\d\d:\d\d:\d\d\.\d{6})\s+(?P<pid>\d+) "
    r"(?P<file>[^:\]]+):(?P<line>\d+)\] (?P<msg>.*)"
)
ANSI = re.compile(r"\x1b\[[0-9;]*m")
PYTHON = re.compile(r"\[(?P<ts>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3})\] (?P<file>[^(]+)\((?P<line>\d+)\) "
                    r"\[(?P<level>[A-Z]+)\] - (?P<msg>.*)")  # fmt: skip
UVICORN = re.compile(r'INFO:     \d+\.\d+\.\d+\.\d+:\d+ - "(GET|POST) /\S+ HTTP/1.1" 200 OK')
SQL = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO sqlalchemy\.engine\.Engine \S.*")
TRACEBACK = re.compile(r"Traceback \(most recent call last\):\n(  .*\n)+\w+Error: .*")
KERAS = re.compile(r"Epoch \d+/\d+\r .*loss: [\d.]+")


@functools.cache
def tour() -> Lived:
    return Lived("tour", 9)


def of(container: str) -> list[LogLine]:
    return [line for line in tour().lines if line.container == container]


@pytest.mark.parametrize("container", ["gm", "lc"])
def test_gm_and_lc_write_klog_to_standard_error(container: str) -> None:
    lines = of(container)
    assert len(lines) > 1000
    for line in lines:
        assert KLOG.fullmatch(line.text), line.text
        assert line.stream == "stderr"
    assert {line.text[0] for line in lines} >= {"I", "E"}


def test_every_other_line_has_one_of_the_forms_of_python_programs() -> None:
    forms = {
        "python": PYTHON, "uvicorn": UVICORN, "sql": SQL, "traceback": TRACEBACK, "keras": KERAS,
    }  # fmt: skip
    seen: Counter[str] = Counter()
    for line in tour().lines:
        if line.container in ("gm", "lc"):
            continue
        found = [name for name, form in forms.items() if form.fullmatch(ANSI.sub("", line.text))]
        assert len(found) == 1, line.text
        seen[found[0]] += 1
        assert line.stream == ("stderr" if found[0] in ("python", "traceback") else "stdout")
        # Colours are there although nobody looks at a terminal.
        assert ("\x1b[" in line.text) == (found[0] == "python")
    assert set(seen) == set(forms)


def test_lines_come_from_pods_that_were_there() -> None:
    there = set()
    for pod in tour().store.versions("pods"):
        metadata, spec = pod["metadata"], pod["spec"]
        there.add((metadata["namespace"], metadata["name"], spec["nodeName"], spec["containers"][0]["name"]))
    assert {(line.namespace, line.pod, line.node, line.container) for line in tour().lines} <= there


@pytest.mark.parametrize(
    ("container", "text"),
    [
        ("lc", r"dataset\(name=default/dataset/helmet-line-a-dataset\) get samples from data source\(url=.+\) "
               r"successfully\. number of samples: \d+"),
        ("lc", r"job\(default/incrementallearningjob/helmet-line-a\)'s current train samples nums is \d+"),
        ("lc", r"job\(default/incrementallearningjob/helmet-line-a\)'s current eval samples nums is \d+"),
        ("lc", r"job\(default/incrementallearningjob/helmet-line-a\) completed the Training phase triggering task "
               "successfully"),
        ("lc", r"job\(name=default/lifelonglearningjob/thermal-comfort\) complete the Training phase triggering task "
               "successfully"),
        ("lc", r"job\(plant-b/incrementallearningjob/helmet-line-b\) isn't need to deploy model"),
        ("lc", r"incremental job\(default/incrementallearningjob/helmet-line-a\) was started"),
        ("lc", r"client tries to connect global manager\(address: gm\.sedna:9000\) failed, error: .+"),
        ("lc", r"websocket connects global manager\(address: gm\.sedna:9000\) successful"),
        ("gm", "established connection for node edge-gw-02"),
        ("gm", "closed connection for node edge-gw-02"),
        ("gm", "read loop of node edge-gw-02 closed, due to: .+"),
        ("gm", r"pod helmet-line-a-train-\w{5} is created successfully for sedna\.io/v1alpha1, "
               "Kind=IncrementalLearningJob default/helmet-line-a"),
        ("gm", "incrementallearning job default/glove-check Train stage failed!"),
        ("gm", r"incrementallearning job default/helmet-line-a, conditions: \[.*\{Waiting True Train .*\]"),
        ("gm", r"write key jointinferenceservice/default/gate-camera to node edge-gw-01 successfully"),
        ("train-worker", r"Federated learning start, round_number=\d+"),
        ("train-worker", r"Federated learning recv weight, round: \d+, total_sample: \d+"),
        ("train-worker", r"exit training from \[.+\]"),
        ("train-worker", r"MTL Train start \d : .+"),
        ("eval-worker", r"Evaluation with .+ : \{.+\} "),
        ("eval-worker", r"summer-tokyo scores: \{'precision_score': 0\.\d+\}"),
        ("eval-worker", r"hall-day will not be deploy because all scores > 0\.1"),
        ("infer-worker", r"Unseen task is detected\."),
        ("infer-worker", r"Update model complete with version \d+"),
        ("agg-worker", r"Adding client .+"),
        ("little-model", "get cloud result error: .+"),
    ],
)  # fmt: skip
def test_the_lines_that_panels_look_for_are_there(container: str, text: str) -> None:
    form = KLOG if container in ("gm", "lc") else PYTHON
    wanted = re.compile(text)
    assert any(
        (found := form.fullmatch(ANSI.sub("", line.text))) and wanted.fullmatch(found["msg"]) for line in of(container)
    )


def test_the_big_model_answers_once_for_each_hard_frame_that_reached_it() -> None:
    lived = Lived("quiet", 1)
    answers = sum("POST /gate/predict" in line.text for line in lived.lines)
    failed = sum("get cloud result error" in line.text for line in lived.lines)
    assert lived.truth("sedna_hard_examples_total", name="gate") == [answers + failed]


def test_rounds_in_the_log_are_those_of_the_workers() -> None:
    lived = Lived("quiet", 1)
    last = {
        line.node: int(found[1])
        for line in lived.lines
        if line.pod.startswith("tile-train") and (found := re.search(r"round_number=(\d+)", line.text))
    }
    for node, number in last.items():
        assert lived.truth("sedna_federated_participant_round", name="tile", node=node) == [number]
    assert len(last) == 2
