"""Metrics that users register."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sedna_dash.catalog.loading import LABEL_NAME, METRIC_NAME
from sedna_dash.catalog.model import AMBIENT_LABELS
from sedna_dash.exposition import line
from sedna_dash.knowledge_base import read
from sedna_dash.knowledge_base.custom import label_names, metric_names, resolve
from tests.knowledge_base.world import CUSTOM, TABLES, make

PREFIX = "sedna_knowledge_base_custom_"


@pytest.mark.parametrize(
    "ids, references, wanted",
    [
        # What the exporter writes that comes with Sedna: no ids at all.
        ([None, None], [0, 1], {0: 0, 1: 1}),
        ([None, None], [0, 7], {0: 0, 1: 1}),
        # Ids that are positions as well say the same.
        ([0, 1, 2], [0, 2], {0: 0, 1: 1, 2: 2}),
        # 3 is no position, so 1 and 2 are ids as well.
        ([1, 2, 3], [1, 2, 3], {1: 0, 2: 1, 3: 2}),
        ([10, 20], [10], {10: 0, 20: 1}),
        # 0 is no id, so 1 is a position as well.
        ([1, 2, 3], [0, 1], {0: 0, 1: 1, 2: 2}),
        # The first metric by id, or the second by position?
        ([1, 2, 3], [1], None),
        ([1, 2, 3], [1, 2], None),
        ([1, 2], [0, 2], None),
        # No reference, no question.
        ([1, 2], [], {1: 0, 2: 1}),
        ([], [0], {}),
        # An id that two metrics have leads to neither.
        ([5, 5, 6], [6], {6: 2}),
        ([5, 5], [0, 1], {0: 0, 1: 1}),
    ],
)
def test_what_a_value_belongs_to(ids: list[int | None], references: list[int], wanted: dict[int, int] | None) -> None:
    assert resolve(ids, references) == wanted


@pytest.mark.parametrize(
    "raw, wanted",
    [
        (["Recall", "Precision"], ["Recall", "Precision"]),
        (["train loss", "größe"], ["train_loss", "gr__e"]),
        (["1st", "a:b"], ["1st", "a_b"]),
        (["", "  ", "___", "✓"], [None, None, None, None]),
        (["same", "same"], ["same", "same"]),
        (["a b", "a_b", "a.b"], ["a_b", "a_b_648fa9b3", "a_b_2e7336dc"]),
        (["x" * 200, "x" * 201], ["x" * 128, "x" * 128 + "_84a0678c"]),
    ],
)
def test_metric_names(raw: list[str], wanted: list[str | None]) -> None:
    names = metric_names(raw)
    assert names == wanted
    assert all(METRIC_NAME.fullmatch(PREFIX + name) for name in names if name)


@pytest.mark.parametrize(
    "raw, wanted",
    [
        (["task", "model"], ["task", "model"]),
        (["my task", "my-task", "my_task"], ["my_task", "my_task_2", "my_task_3"]),
        (["a_2", "a", "a"], ["a_2", "a", "a_3"]),
        (["", "1st", "__name__", "ü"], ["label_0", "label_1st", "label_name__", "label_3"]),
        (sorted(AMBIENT_LABELS), [f"label_{name}" for name in sorted(AMBIENT_LABELS)]),
        (["le"], ["label_le"]),
    ],
)
def test_label_names(raw: list[str], wanted: list[str]) -> None:
    names = label_names(raw)
    assert names == wanted
    assert all(LABEL_NAME.fullmatch(name) and not name.startswith("__") for name in names)


@pytest.mark.parametrize(
    "metrics, values, wanted, dropped, errors",
    [
        (
            [("Recall", "task, group"), ("loss", "")],
            [(0, "a, g1", 0.5), (0, "b,g1", 0.25), (1, "", 3), (1, None, 4)],
            {("Recall", ("a", "g1")): 0.5, ("Recall", ("b", "g1")): 0.25, ("loss", ()): 4},
            # Nothing and an empty text are the same: no labels.
            {},
            {},
        ),
        # The newest value of the same labels.
        ([("m", "a")], [(0, "x", 1), (0, "y", 2), (0, "x", 3)], {("m", ("x",)): 3, ("m", ("y",)): 2}, {}, {}),
        (
            [("m", "a,b")],
            [(0, "x", 1), (0, "x,y,z", 1), (0, "x,y", 1)],
            {("m", ("x", "y")): 1},
            {"label_values": 2},
            {},
        ),
        ([("m", "a,b,c,d,e,f")], [(0, "1,2,3,4,5,6", 1)], {}, {"labels": 1}, {}),
        ([("m", None)], [(5, "", 1), (0, "", "0.5")], {("m", ()): 0.5}, {"unknown_metric": 1}, {}),
        ([("m", "l")], [(0, "a", None), (0, "b", "high")], {}, {}, {"value": 2}),
        ([(None, "")], [(0, "", 1)], {}, {"no_name": 1}, {}),
    ],
)
def test_registered_metrics(
    tmp_path: Path,
    metrics: list[tuple[str | None, str | None]],
    values: list[tuple[int, str | None, object]],
    wanted: dict[tuple[str, tuple[str, ...]], float],
    dropped: dict[str, int],
    errors: dict[str, int],
) -> None:
    path = make(
        tmp_path / "kb",
        TABLES,
        CUSTOM,
        rows=[
            ("INSERT INTO metric(name, label) VALUES (?, ?)", metrics),
            ("INSERT INTO metric_value(metric_id, label_value, value) VALUES (?, ?, ?)", values),
        ],
    )
    reading = read(path)
    shown = {
        (sample.family.removeprefix(PREFIX), tuple(sample.labels.values())): sample.value
        for sample in reading.samples
        if sample.family.startswith(PREFIX)
    }
    assert shown == wanted
    counted: dict[str, int] = {}
    for (_, reason), count in reading.dropped.items():
        counted[reason] = counted.get(reason, 0) + count
    assert counted == dropped
    assert dict(reading.errors) == errors


def test_at_most_200_series(tmp_path: Path) -> None:
    path = make(
        tmp_path / "kb",
        TABLES,
        CUSTOM,
        "INSERT INTO metric(name, label) VALUES ('m', 'l')",
        rows=[("INSERT INTO metric_value VALUES (NULL, 0, ?, 1, 0)", [(i,) for i in range(1000)])],
    )
    reading = read(path)
    assert sum(sample.family.startswith(PREFIX) for sample in reading.samples) == 200
    assert reading.dropped == {(PREFIX, "limit"): 800}


def test_values_that_can_be_read_in_two_ways_are_not_shown(tmp_path: Path) -> None:
    path = make(
        tmp_path / "kb",
        TABLES,
        CUSTOM,
        "INSERT INTO metric(id, name) VALUES (1, 'one'), (2, 'two'); INSERT INTO metric_value VALUES (1, 1, '', 5, 0)",
    )
    reading = read(path)
    assert reading.errors == {"ambiguous": 1}
    assert reading.whole
    assert not [sample for sample in reading.samples if sample.family.startswith(PREFIX)]


def test_the_example_of_the_guide(tmp_path: Path) -> None:
    guide = Path(__file__).parents[2] / "docs" / "how-to" / "knowledge-base.md"
    (example,) = re.findall(r"```sql\n(.*?)```", guide.read_text(encoding="utf-8"), re.DOTALL)
    shown = [line(*sample).decode() for sample in read(make(tmp_path / "kb", TABLES, example)).samples]
    (wanted,) = re.findall(rf"`({PREFIX}\S+{{.*?}} \S+)`", guide.read_text(encoding="utf-8"))
    assert wanted.replace(", ", ",") + "\n" in shown


@pytest.mark.parametrize("script", ["", CUSTOM.split(";")[0]])
def test_a_knowledge_base_without_them_is_no_error(tmp_path: Path, script: str) -> None:
    assert not read(make(tmp_path / "kb", TABLES, script)).errors
