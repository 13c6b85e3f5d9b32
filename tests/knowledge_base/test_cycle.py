"""Readings over time."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from sedna_dash.knowledge_base import KnowledgeBase, Limits, cycle
from sedna_dash.knowledge_base.database import REASONS
from tests.knowledge_base.world import make, stock, writer

PREFIX = "sedna_knowledge_base_"


class Clock:
    """A clock that stands until it is moved."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Each reading of a file."""
    done: list[Path] = []

    def counted(path: Path, *arguments: Any, **named: Any) -> Any:
        done.append(path)
        return read(path, *arguments, **named)

    read = cycle.read
    monkeypatch.setattr(cycle, "read", counted)
    return done


def value(base: KnowledgeBase, family: str, **labels: str) -> float | None:
    return next((s.value for s in base.samples() if s.family == PREFIX + family and s.labels == labels), None)


def aged(path: Path, seconds: float = 60) -> Path:
    """The file as if it had been written a while ago."""
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))
    return path


def test_only_what_has_changed_is_read_again_and_not_too_often(
    tmp_path: Path, clock: Clock, readings: list[Path]
) -> None:
    path = aged(stock(tmp_path))
    base = KnowledgeBase(path, interval=10, clock=clock)
    assert value(base, "tasks") == 3
    clock.now += 100
    assert value(base, "tasks") == 3
    assert len(readings) == 1
    aged(make(path, "DELETE FROM ll_tasks WHERE id = 1"), 30)
    clock.now += 10
    assert value(base, "tasks") == 2
    assert len(readings) == 2
    aged(make(path, "DELETE FROM ll_tasks WHERE id = 2"), 20)
    clock.now += 9
    assert value(base, "tasks") == 2
    clock.now += 2
    assert value(base, "tasks") == 1
    assert len(readings) == 3


def test_a_file_written_just_now_is_read_again(tmp_path: Path, clock: Clock, readings: list[Path]) -> None:
    base = KnowledgeBase(stock(tmp_path), interval=10, clock=clock)
    base.samples()
    clock.now += 11
    base.samples()
    assert len(readings) == 2


def test_a_new_index_file_is_seen(tmp_path: Path, clock: Clock, readings: list[Path]) -> None:
    base = KnowledgeBase(aged(stock(tmp_path)), interval=10, clock=clock)
    assert value(base, "task_group_deployed", group="Spring_1.0") is None
    data = Path(__file__).parent / "data" / "index-4.pkl"
    (tmp_path / "index.pkl").write_bytes(data.read_bytes())
    clock.now += 11
    assert value(base, "task_group_deployed", group="Spring_1.0") == 1


def test_what_was_read_stays_while_it_cannot_be_read(tmp_path: Path, clock: Clock) -> None:
    path = stock(tmp_path)
    base = KnowledgeBase(path, interval=10, clock=clock, limits=Limits(busy=0.05))
    assert value(base, "up") == 1
    with writer(path) as server:
        server.run("INSERT INTO ll_tasks(name) VALUES ('new')", "BEGIN EXCLUSIVE")
        clock.now += 11
        assert value(base, "up") == 0
        assert value(base, "tasks") == 3
        assert value(base, "read_errors_total", reason="locked") == 1
        # An unchanged file is tried again as long as it could not be read.
        clock.now += 11
        assert value(base, "read_errors_total", reason="locked") == 2
    clock.now += 11
    assert value(base, "up") == 1
    assert value(base, "tasks") == 4
    assert value(base, "read_errors_total", reason="locked") == 2
    path.rename(tmp_path / "away")
    clock.now += 11
    assert (value(base, "up"), value(base, "tasks")) == (0, 4)
    assert value(base, "read_errors_total", reason="missing") == 1


def test_from_the_start_every_error_is_counted_from_zero(tmp_path: Path) -> None:
    base = KnowledgeBase(tmp_path / "none")
    samples = {(s.family.removeprefix(PREFIX), *s.labels.values()): s.value for s in base.samples()}
    assert samples == {
        ("up",): 0,
        **{("read_errors_total", reason): float(reason == "missing") for reason in REASONS},
    }


def test_what_is_gone_from_a_good_database_is_gone(tmp_path: Path, clock: Clock) -> None:
    path = stock(tmp_path)
    base = KnowledgeBase(path, interval=10, clock=clock)
    assert value(base, "task_group_samples", group="Autumn_1.0") == 10
    make(path, "DELETE FROM ll_task_grp WHERE id = 2; DROP TABLE ll_task_sample")
    clock.now += 11
    assert value(base, "task_group_samples", group="Autumn_1.0") is None
    assert value(base, "task_sample_info", task="a", url="/old") is None
    assert value(base, "read_errors_total", reason="form") == 1
    assert value(base, "up") == 1


def test_drops_add_up(tmp_path: Path, clock: Clock) -> None:
    base = KnowledgeBase(stock(tmp_path), interval=10, clock=clock, limits=Limits(rows=2))
    for wanted in (1, 2):
        base.samples()
        assert base.dropped() == {
            (f"{PREFIX}{family}", "limit"): wanted
            for family in ("task_info", "task_sample_info", "task_transfer_ratio")
        }
        clock.now += 11


def test_many_threads_share_one_reading(tmp_path: Path, clock: Clock, readings: list[Path]) -> None:
    base = KnowledgeBase(aged(stock(tmp_path)), clock=clock)
    results: list[int] = []
    threads = [threading.Thread(target=lambda: results.append(len(base.samples()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    assert len(set(results)) == 1
    assert len(readings) == 1
