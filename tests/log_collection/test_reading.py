"""What becomes of each golden line, and that the rules say no two things of one line."""

import re

import pytest

from sedna_dash.catalog import default_catalog
from sedna_dash.log_collection import load_rules
from sedna_dash.log_collection.reading import Dropped, counts, entry
from tests.log_collection.golden import LINES, Line

TRAIN = "factory/helmet-line-a-train-4x9z2/train-worker"
EDGE = "factory/gate-camera-deployment-edge-7c9f8d6b5-abcde/little-model"
LABEL = "incrementallearningjob.sedna.io"
RULES = load_rules()
FIELDS = default_catalog().logs


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.id)
def test_a_line_becomes_what_it_has_to_be(line: Line) -> None:
    read = entry(line)
    if line.drop:
        assert read == Dropped(line.drop)
        return
    assert not isinstance(read, Dropped)
    assert (read.metadata["level"], read.metadata.get("source", ""), read.text) == (line.level, line.source, line.after)
    assert {(count.rule.metric.name, frozenset(count.labels.items())): 1 if count.value is None else count.value
            for count in counts(read)} == line.series  # fmt: skip
    assert set(read.labels) - {"pod"} <= set(FIELDS.stream)
    assert set(read.metadata) <= set(FIELDS.metadata)
    for name, value in {**read.labels, **read.metadata}.items():
        assert not FIELDS.all[name] or value in FIELDS.all[name], name
    for count in counts(read):
        assert set(count.labels) == set(count.rule.metric.labels)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.id)
def test_at_most_one_format_matches(line: Line) -> None:
    text = re.sub(r"\x1b\[[0-9;]*m", "", line.text)
    assert sum(bool(format_.pattern.match(text)) for format_ in RULES.formats) <= 1


def test_every_rule_has_a_golden_line() -> None:
    said = {(family, dict(labels).get("change"), value if family.endswith("connected") else None)
            for line in LINES for (family, labels), value in line.series.items()}  # fmt: skip
    assert len(said) == len(RULES.metrics) - 1  # LC connects: the same gauge, set to 1
    formats = [format_.name for format_ in RULES.formats if any(format_.pattern.match(line.after) for line in LINES)]
    assert formats == [format_.name for format_ in RULES.formats]


def test_every_metric_from_logs_is_made() -> None:
    wanted = {name for name, metric in default_catalog().metrics.items() if "log-metrics" in metric.sources}
    assert {rule.metric.name for rule in RULES.metrics} == wanted


@pytest.mark.parametrize(
    ("place", "labels", "expected"),
    [
        # The labels that GM gives a pod say more than its name does.
        (TRAIN, {f"{LABEL}/name": "helmet-line-a", f"{LABEL}/worker-type": "train"},
         ("helmet-line-a", "IncrementalLearningJob", "train")),
        (TRAIN, None, ("helmet-line-a", "", "train")),
        (EDGE, None, ("gate-camera", "JointInferenceService", "edge")),
        ("a/a-train-b-eval-x2x4z/c", None, ("a-train-b", "", "eval")),
    ],
)  # fmt: skip
def test_whose_line_it_is(place: str, labels: dict[str, str] | None, expected: tuple[str, str, str]) -> None:
    read = entry(Line(place, "text"), labels)
    assert not isinstance(read, Dropped)
    assert (read.labels["sedna_name"], read.labels.get("kind", ""), read.labels["worker_type"]) == expected


def test_a_pod_without_labels_of_sedna_is_no_worker_whatever_its_name() -> None:
    assert isinstance(entry(Line(TRAIN, "text"), {"app": "mine"}), Dropped)


def test_a_pod_is_a_stream_or_it_is_not() -> None:
    for wanted in (True, False):
        read = entry(Line(TRAIN, "text"), pod_label=wanted)
        assert not isinstance(read, Dropped)
        assert ("pod" in read.labels, "pod" in read.metadata) == (wanted, not wanted)
