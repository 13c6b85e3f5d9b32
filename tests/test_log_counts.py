"""What the panels count equals what was written: lines of a simulated site in a real Loki, when one is named."""

from __future__ import annotations

import json
import os
import re
import time
import urllib.parse
import urllib.request
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sedna_dash.building import load
from sedna_dash.lint.board import Board
from sedna_dash.log_collection.reading import Dropped, Entry
from sedna_dash.simulator.kubernetes import KubernetesApi
from sedna_dash.simulator.loki import LokiPush
from sedna_dash.simulator.objects import ObjectStore
from sedna_dash.simulator.surroundings import LogMetrics, writer_in
from sedna_dash.simulator.world import LogLine, World, load_scenario
from tests.interpolating import sent

URL = os.environ.get("SEDNA_DASH_TEST_LOKI_URL", "")
if not URL:
    pytest.skip("set SEDNA_DASH_TEST_LOKI_URL to count lines in a real Loki", allow_module_level=True)

HOURS = 2
BOARDS = {found.uid: found for found in (
    Board(one.model, str(one.module)) for one in load(Path(__file__).parent.parent / "dashboards_src")
)}  # fmt: skip
#: Lines that a user's code may write, and what somebody may look for in them.
ODD = (
    'say "no" to `this`', "back\\slash C:\\new", "{brace} {{ .x }} | json", "$1 (a|b) [c]* .+ ^$", "50% %d 100%25",
    "it's", "ü€ 检查", "tab\tand more", "a && b || c", "$search ${regex:json} $__range",
)  # fmt: skip
TYPED = (
    "", "error", "Error", "predict", "joint_inference.py(287)", '"no"', "`this`", "\\slash", "C:\\new", "{brace}",
    "{{ .x }}", "| json", "(a|b)", "[c]*", ".+ ^$", "50%", "%25", "it's", "ü€", "检查", "tab\tand", "&& b ||",
    "$search",
    "${regex:json}", "no such words anywhere",
)  # fmt: skip


@pytest.fixture(scope="module")
def lines() -> Iterator[list[Entry]]:
    """Everything that was written, in Loki under a cluster of its own; the last line is a minute old."""
    cluster = f"counts-{uuid.uuid4().hex[:8]}"
    found: list[Entry] = []
    push = LokiPush(URL)
    end = time.time() - 60

    store = ObjectStore()
    reader = LogMetrics(writer_in(store))

    def take(line: LogLine) -> None:
        read = reader.read(line)
        if not isinstance(read, Dropped):
            found.append(read._replace(labels={**read.labels, "cluster": cluster}))
            push.add(line.time, found[-1])

    KubernetesApi(store)
    start = end - HOURS * 3600
    world = World(store, seed=1, start=start, scenario=load_scenario("tour"), on_log=take)
    world.advance(end)
    for number, text in enumerate(ODD):
        place = ("default", "helmet-line-a-train-4x9z2", "train-worker", "edge-gw-01", "stdout")
        take(LogLine(end - 300 + number, *place, text))
    push.flush()
    assert push.lost == 0, push.trouble
    yield found


def count(query: str) -> Counter[str]:
    """Totals of an instant query by the value of its one label."""
    parameters = urllib.parse.urlencode({"query": query, "time": f"{time.time():.0f}"})
    with urllib.request.urlopen(f"{URL}/loki/api/v1/query?{parameters}", timeout=60) as answer:
        result: list[dict[str, Any]] = json.load(answer)["data"]["result"]
    return Counter({next(iter(one["metric"].values()), ""): int(float(one["value"][1])) for one in result})


def asked(uid: str, title: str, lines: list[Entry], **chosen: str) -> Counter[str]:
    """What a panel counts over the whole time."""
    texts = [query.text for query in BOARDS[uid].queries if query.place == title]
    assert len(texts) == 1, (uid, title, texts)
    window = f"{HOURS + 1}h"
    everything = {"cluster": lines[0].labels["cluster"], **chosen}
    return count(sent(texts[0], ".*", "", chosen=everything, window=window, range_=window))


def test_the_lines_arrived(lines: list[Entry]) -> None:
    assert len(lines) > 10_000
    assert asked("sedna-logs", "Lines matched", lines) == Counter({"": len(lines)})


@pytest.mark.parametrize("typed", TYPED)
def test_a_keyword_counts_exactly(typed: str, lines: list[Entry]) -> None:
    expected = sum(typed in line.text for line in lines)
    assert asked("sedna-logs", "Lines matched", lines, search=typed)[""] == expected
    left = sum(typed not in line.text for line in lines) if typed else len(lines)
    assert asked("sedna-logs", "Lines matched", lines, exclude=typed)[""] == left


@pytest.mark.parametrize(
    "pattern", ["error", "(?i)ERROR", r"status=\d+", r"round_number=\d$", r"^I\d{4}", "检.", r"\{brace\}"]
)
def test_a_pattern_counts_exactly(pattern: str, lines: list[Entry]) -> None:
    expected = sum(bool(re.search(pattern, line.text)) for line in lines)
    assert asked("sedna-logs", "Lines matched", lines, regex=pattern)[""] == expected


@pytest.mark.parametrize("field", ["app", "level", "namespace", "node", "kind", "name", "pod"])
def test_a_choice_counts_exactly(field: str, lines: list[Entry]) -> None:
    label = {"name": "sedna_name"}.get(field, field)
    there = Counter({**line.labels, **line.metadata}.get(label, "") for line in lines)
    for value in [value for value, _ in there.most_common(3) if value]:
        assert asked("sedna-logs", "Lines matched", lines, **{field: value})[""] == there[value]


def test_shares_add_up(lines: list[Entry]) -> None:
    for title, label in (("By component", "app"), ("By level", "level"), ("Lines matched over time", "level")):
        expected = Counter({**line.labels, **line.metadata}[label] for line in lines)
        assert asked("sedna-logs", title, lines) == expected


LEARNING = ("train", "eval", "inference")
JOBS = {
    "sedna-incremental-learning": LEARNING,
    "sedna-lifelong-learning": LEARNING,
    "sedna-federated-learning": ("train", "aggregation"),
    "sedna-joint-inference": ("edge", "cloud"),
}


@pytest.mark.parametrize("uid", JOBS)
@pytest.mark.parametrize("typed", ["", "INFO", "get cloud"])
def test_a_job_counts_its_own_lines(uid: str, typed: str, lines: list[Entry]) -> None:
    names = Counter(line.labels.get("sedna_name", "") for line in lines
                    if line.labels.get("worker_type") in JOBS[uid])  # fmt: skip
    name = names.most_common(1)[0][0]
    expected = Counter(line.metadata["level"] for line in lines if line.labels.get("sedna_name") == name
                       and line.labels.get("worker_type") in JOBS[uid] and typed in line.text)  # fmt: skip
    assert asked(uid, "Matched lines", lines, name=name, search=typed) == expected
