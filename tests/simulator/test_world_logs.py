"""Log lines: each in the form of the program that writes it, and tied to what happens."""

import functools
import itertools
import re
from collections import Counter
from datetime import datetime, timezone

import pytest

from sedna_dash.simulator.world import LogLine
from tests.simulator.worlds import HOUR, START, Lived

KLOG = re.compile(
    r"[IWEF](?P<mmdd>\d{4}) (?P<time>\d\d:\d\d:\d\d\.\d{6})\s+(?P<pid>\d+) "
    r"(?P<file>[^:\]]+):(?P<line>\d+)\] (?P<msg>.*)"
)
ANSI = re.compile(r"\x1b\[[0-9;]*m")
PYTHON = re.compile(r"\[(?P<ts>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3})\] (?P<file>[^(]+)\((?P<line>\d+)\) "
                    r"\[(?P<level>[A-Z]+)\] - (?P<msg>.*)")  # fmt: skip
UVICORN = re.compile(
    r'INFO:     \d+\.\d+\.\d+\.\d+:\d+ - "(GET|POST) /\S+ HTTP/1.1" (200 OK|500 Internal Server Error)'
)
SERVER = re.compile(r"INFO:     (Started|Application|Uvicorn) .*")
SQL = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO sqlalchemy\.engine\.Engine "
    r"([A-Z]\S+.*|\[(generated in|cached since) \d\S+s( ago)?\] \(.*\))|FROM \w+ |WHERE .+ = \?\n LIMIT \? OFFSET \?"
)
TRACEBACK = re.compile(r"Traceback \(most recent call last\):\n(  .*\n)+[\w.]+Error: .*")
LOGFMT = re.compile(
    r"ts=\d{4}-\d\d-\d\dT(?P<time>\d\d:\d\d:\d\d\.\d{6})000Z level=(info|warn) "
    r'msg="([^"\\]|\\.)+"( \w+=([^\s"=]+|"([^"\\]|\\.)*"))*'
)
KERAS = re.compile(r"Epoch \d+/\d+\r .*loss: [\d.]+")


@functools.cache
def tour() -> Lived:
    return Lived("tour", 9)


def clock(line: LogLine) -> str:
    """The time of day of a line, as its text has it."""
    return datetime.fromtimestamp(line.time, timezone.utc).strftime("%H:%M:%S.%f")


def of(container: str) -> list[LogLine]:
    return [line for line in tour().lines if line.container == container]


@pytest.mark.parametrize("container", ["gm", "lc"])
def test_gm_and_lc_write_klog_to_standard_error(container: str) -> None:
    lines = of(container)
    assert len(lines) > 1000
    for line in lines:
        assert KLOG.fullmatch(line.text), line.text
        assert line.stream == "stderr"
        assert line.text.split()[1] == clock(line)
    assert {line.text[0] for line in lines} >= {"I", "E"}


def test_every_other_line_has_one_of_the_forms_of_python_programs() -> None:
    forms = {
        "python": PYTHON, "uvicorn": UVICORN, "sql": SQL, "traceback": TRACEBACK, "keras": KERAS, "server": SERVER,
    }  # fmt: skip
    seen: Counter[str] = Counter()
    for line in tour().lines:
        if line.container in ("gm", "lc", "alloy"):
            continue
        found = [name for name, form in forms.items() if form.fullmatch(ANSI.sub("", line.text))]
        assert len(found) == 1, line.text
        seen[found[0]] += 1
        assert line.stream == ("stderr" if found[0] in ("python", "traceback", "server") else "stdout")
        if found[0] == "python":
            assert clock(line)[:-3].replace(".", ",") in line.text
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

    def said(text: str) -> int:
        return sum(text in line.text for line in lived.lines)

    def hard() -> float:
        (value,) = lived.truth("sedna_hard_examples_total", name="gate")
        assert value is not None
        return value

    known, before = hard(), 0
    while hard() == known:  # until the worker counts again
        before = said("POST /gate/predict")
        lived.live(1 / 3600)
    assert known < before <= hard() <= said("POST /gate/predict")
    # Each comes at its own time, as frames do.
    seconds = Counter(int(line.time) for line in lived.lines if "POST /gate/predict" in line.text)
    assert max(seconds.values()) < 9
    # A call that fails is an error there, and here.
    failed = said('"POST /gate/predict HTTP/1.1" 500 Internal Server Error')
    assert said("get cloud result error: ") == failed > 5


@pytest.mark.parametrize("pace", [1.0, 600.0])
def test_no_two_lines_have_the_same_time(pace: float) -> None:
    """A log store takes lines of one stream with the same time and text for one."""
    lived = Lived("tour", 2 / pace, pace=pace, step=97 / pace)
    micros = [round(line.time * 1e6) for line in lived.lines]
    assert len(micros) > 30_000
    assert all(one < next_ for one, next_ in itertools.pairwise(micros))
    assert [micro / 1e6 for micro in micros] == [line.time for line in lived.lines]
    assert lived.lines[0].time >= START and lived.lines[-1].time < lived.now + 0.001
    streams = Counter((line.namespace, line.container, line.node, line.time) for line in lived.lines)
    assert set(streams.values()) == {1}


def test_workers_of_every_kind_that_has_any_say_something() -> None:
    kinds = {}
    for pod in tour().store.versions("pods"):
        metadata = pod["metadata"]
        owner = next((key for key in metadata["labels"] if key.endswith(".sedna.io/name")), None)
        if owner:
            kinds[metadata["namespace"], metadata["name"]] = owner.removesuffix(".sedna.io/name")
    spoke = {(line.namespace, line.pod) for line in tour().lines}
    assert {kinds[pod] for pod in spoke & set(kinds)} == {
        "incrementallearningjob", "lifelonglearningjob", "federatedlearningjob", "jointinferenceservice", "reidjob",
        "videoanalyticsjob", "featureextractionservice", "objectsearchservice",
    }  # fmt: skip
    # Once its link is back, a node that was away has told all.
    dark = [line for line in of("tracking-worker-1") if "Connection refused" in line.text]
    assert dark and {line.node for line in dark} == {"edge-gw-02"}
    assert all(95 < (line.time - START) / 60 < 118 or 455 < (line.time - START) / 60 < 478 for line in dark)


def test_a_worker_says_what_it_dies_of() -> None:
    failed = set()
    for pod in tour().store.versions("pods"):
        if pod["status"]["phase"] == "Failed" and any(".sedna.io/" in key for key in pod["metadata"]["labels"]):
            failed.add((pod["metadata"]["namespace"], pod["metadata"]["name"]))
    assert {name.split("-")[0] for _, name in failed} == {"glove", "dock"}
    last = {(line.namespace, line.pod): line.text for line in tour().lines}
    for pod_name in failed:
        assert TRACEBACK.fullmatch(last[pod_name]), last[pod_name]


def test_collectors_tell_of_the_files_that_they_read_and_of_tries_in_vain() -> None:
    lines = of("alloy")
    for line in lines:
        found = LOGFMT.fullmatch(line.text)
        assert found and found["time"] == clock(line), line.text
    read = {text.split("path=/var/log/pods/")[1] for line in lines if "tail routine: started" in (text := line.text)}
    for line in tour().lines:
        if line.container in ("gm", "big-model", "infer-worker"):
            assert any(path.startswith(f"{line.namespace}_{line.pod}_") for path in read)
    retries = [line for line in lines if 'level=warn msg="error sending batch, will retry"' in line.text]
    assert {line.node for line in retries} == {"edge-gw-02"}
    first = [line.time for line in retries if line.time < START + 3 * HOUR]
    pauses = [later - one for one, later in itertools.pairwise(first)]
    assert len(pauses) > 8 and pauses == sorted(pauses) and pauses[-1] < 5 * 60 + 11
    # Alloy's own: the link went at 95 minutes and came back 22 minutes later.
    assert 95 * 60 < first[0] - START < 96 * 60 and first[-1] - START < 117 * 60


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
