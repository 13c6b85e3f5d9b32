"""What a reading says about a knowledge base, and that it leaves no trace."""

from __future__ import annotations

import os
import shutil
import sqlite3
from calendar import timegm
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sedna_dash.catalog import default_catalog
from sedna_dash.exposition import line
from sedna_dash.knowledge_base import KnowledgeBase, Limits, Reading, read
from sedna_dash.knowledge_base.database import ReadError, opened
from tests.knowledge_base.world import CUSTOM, STOCK, TABLES, Writer, everything, make, stock, writer

PREFIX = "sedna_knowledge_base_"
DATA = Path(__file__).parent / "data"
QUICK = Limits(busy=0.05)


def found(reading: Reading, family: str) -> dict[tuple[str, ...], float]:
    return {tuple(s.labels.values()): s.value for s in reading.samples if s.family == PREFIX + family}


def families(reading: Reading) -> set[str]:
    return {sample.family.removeprefix(PREFIX) for sample in reading.samples}


@pytest.mark.parametrize(
    "family, wanted",
    [
        ("tasks", {(): 3}),
        ("task_groups", {(): 2}),
        ("models", {(): 2}),
        ("samples", {("train",): 90, ("evaluation",): 10, ("hard",): 0}),
        ("task_group_samples", {("Spring_1.0",): 90, ("Autumn_1.0",): 10}),
        ("task_info", {("a", '["Spring", 1.0]'): 1, ("b", "{}"): 1, ("c", ""): 1}),
        # The column is called task_id and holds the id of a group.
        ("task_model_info", {("Spring_1.0", "/models/spring.pkl"): 1, ("Autumn_1.0", ""): 1}),
        # Of each task the newest row of samples.
        ("task_sample_info", {("a", "/old"): 1, ("b", ""): 1, ("c", "/data/c"): 1}),
        (
            "task_transfer_ratio",
            {("Spring_1.0", "a"): 0.5, ("Spring_1.0", "b"): 0.5, ("Autumn_1.0", "c"): 1},
        ),
        ("last_update_timestamp_seconds", {(): timegm((2026, 1, 3, 0, 0, 1))}),
        # Without an index file nothing is known, and the column that never becomes true is not asked.
        ("task_group_deployed", {}),
    ],
)
def test_stock_knowledge_base(tmp_path: Path, family: str, wanted: dict[tuple[str, ...], float]) -> None:
    reading = read(stock(tmp_path))
    assert found(reading, family) == wanted
    assert not reading.errors
    assert not reading.dropped


def test_the_size_is_that_of_the_file(tmp_path: Path) -> None:
    path = stock(tmp_path)
    assert found(read(path), "database_bytes") == {(): path.stat().st_size}


def test_every_series_is_one_of_the_catalog_and_every_family_is_made(tmp_path: Path) -> None:
    path = stock(
        tmp_path, CUSTOM, "INSERT INTO metric(name) VALUES ('f'); INSERT INTO metric_value VALUES (0,0,'',1,0)"
    )
    shutil.copy(DATA / "index-4.pkl", tmp_path / "index.pkl")
    made = set()
    for sample in KnowledgeBase(path).samples():
        metric = default_catalog().find(sample.family)
        assert metric is not None, sample
        assert "kb-reader" in metric.sources
        assert metric.prefix or set(sample.labels) == set(metric.labels), sample
        for label, value in sample.labels.items():
            assert not metric.labels[label] or value in metric.labels[label]
        made.add(metric.name)
    assert made == {name for name, metric in default_catalog().metrics.items() if "kb-reader" in metric.sources}


def test_groups_in_the_index_file_are_deployed(tmp_path: Path) -> None:
    path = stock(tmp_path, "INSERT INTO ll_task_grp(name) VALUES ('Spring_0.0')")
    shutil.copy(DATA / "index-4.pkl", tmp_path / "index.pkl")
    # NULL samples of the third group are no number.
    wanted = {("Spring_0.0",): 1, ("Spring_1.0",): 1, ("Autumn_1.0",): 0}
    assert found(read(path), "task_group_deployed") == wanted
    (tmp_path / "index.pkl").rename(tmp_path / "elsewhere")
    assert found(read(path, index=tmp_path / "elsewhere"), "task_group_deployed") == wanted
    reading = read(path, index=tmp_path / "index.pkl")
    assert reading.errors["index"] == 1
    assert reading.whole
    assert found(reading, "task_group_deployed") == {}


@pytest.mark.parametrize(
    "stored, wanted",
    [
        ("0", "train"),
        ("'train'", "train"),
        ("1", "evaluation"),
        ("'test'", "evaluation"),
        ("'eval'", "evaluation"),
        ("2", "hard"),
        ("' Hard '", "hard"),
        ("3", None),
        ("NULL", None),
        ("x'ff00'", None),
        ("'validation'", None),
    ],
)
def test_data_types(tmp_path: Path, stored: str, wanted: str | None) -> None:
    path = make(tmp_path / "kb", TABLES, f"INSERT INTO ll_samples(data_type, sample_num) VALUES ({stored}, 7)")
    reading = read(path)
    assert found(reading, "samples") == {(one,): 7.0 * (one == wanted) for one in ("train", "evaluation", "hard")}
    assert reading.errors["value"] == (wanted is None)


@contextmanager
def untouched(path: Path) -> Iterator[None]:
    yield


@contextmanager
def read_only_folder(path: Path) -> Iterator[None]:
    path.parent.chmod(0o555)
    path.chmod(0o444)
    yield
    path.parent.chmod(0o755)


@contextmanager
def written(path: Path, *statements: str) -> Iterator[Writer]:
    with writer(path) as server:
        server.run(*statements)
        yield server


def reserved(path: Path) -> object:
    return written(path, "BEGIN IMMEDIATE", "DELETE FROM ll_tasks")


def exclusive(path: Path) -> object:
    return written(path, "BEGIN EXCLUSIVE")


def log_in_use(path: Path) -> object:
    return written(path, "PRAGMA journal_mode=WAL", "INSERT INTO ll_tasks(name) VALUES ('new')")


@contextmanager
def log_closed(path: Path) -> Iterator[None]:
    make(path, "PRAGMA journal_mode=WAL", "INSERT INTO ll_tasks(name) VALUES ('new')")
    assert not path.with_name(f"{path.name}-wal").exists()
    yield


@contextmanager
def log_left(path: Path) -> Iterator[None]:
    with written(path, "PRAGMA journal_mode=WAL", "INSERT INTO ll_tasks(name) VALUES ('new')"):
        pass
    assert path.with_name(f"{path.name}-wal").exists()
    yield


@contextmanager
def log_without_index(path: Path) -> Iterator[None]:
    with log_left(path):
        path.with_name(f"{path.name}-shm").unlink()
        yield


@contextmanager
def hot_journal(path: Path) -> Iterator[None]:
    """Half of a change is in the file, and the rest of the truth in the journal."""
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
    with written(
        path,
        f"{many} INSERT INTO ll_samples(descr) SELECT hex(randomblob(200)) FROM n",
        "PRAGMA cache_size=2",
        "BEGIN",
        "UPDATE ll_samples SET descr = hex(randomblob(200))",
    ):
        pass
    assert path.with_name(f"{path.name}-journal").stat().st_size
    yield


@pytest.mark.parametrize(
    "meanwhile, tasks, reason",
    [
        (untouched, 3, None),
        (read_only_folder, 3, None),
        (reserved, 3, None),
        (exclusive, None, "locked"),
        (log_in_use, 4, None),
        (log_closed, 4, None),
        (log_left, 4, None),
        (log_without_index, None, "unfinished"),
        (hot_journal, None, "unfinished"),
    ],
)
def test_reading_changes_nothing(
    tmp_path: Path, meanwhile: Callable[[Path], object], tasks: int | None, reason: str | None
) -> None:
    folder = tmp_path / "db"
    folder.mkdir()
    path = stock(folder)
    with meanwhile(path):  # type: ignore[attr-defined]
        before = everything(folder)
        reading = read(path, QUICK)
        assert everything(folder) == before
    assert found(reading, "tasks") == ({} if tasks is None else {(): tasks})
    assert dict(reading.errors) == ({reason: 1} if reason else {})
    assert reading.whole == (reason is None)


def test_a_writer_may_write_while_we_have_the_database_open(tmp_path: Path) -> None:
    path = stock(tmp_path)
    with writer(path) as server:
        server.run("PRAGMA busy_timeout=0")
        base = KnowledgeBase(path, interval=0)
        for wanted in (4, 5, 6):
            server.run(f"INSERT INTO ll_tasks(name) VALUES ('{wanted}')")
            assert [s.value for s in base.samples() if s.family == f"{PREFIX}tasks"] == [wanted]


def test_what_changes_while_it_is_read_without_locks_is_not_believed(tmp_path: Path) -> None:
    path = make(stock(tmp_path), "PRAGMA journal_mode=WAL")
    with pytest.raises(ReadError) as raised, opened(path, copy=False, seconds=60, busy=1) as database:
        assert database.number("SELECT count(*) FROM ll_tasks") == 3
        make(path, "INSERT INTO ll_tasks(name) VALUES ('new')")
    assert raised.value.reason == "locked"


def test_a_copy_is_read_without_its_journal(tmp_path: Path) -> None:
    path = stock(tmp_path)
    assert not read(path, copy=True).errors
    with log_left(path):
        before = everything(tmp_path)
        reading = read(path, copy=True)
        assert everything(tmp_path) == before
    assert reading.errors["unfinished"] == 1
    assert found(reading, "task_groups") == {(): 2}


def broken(content: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / "kb"
        path.write_bytes(content)
        return path

    return write


def cut_off(folder: Path) -> Path:
    path = make(
        folder / "kb", TABLES, rows=[("INSERT INTO ll_tasks(name) VALUES (?)", [(f"{i}" * 50,) for i in range(2000)])]
    )
    os.truncate(path, path.stat().st_size // 2)
    return path


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "kb")
    return folder / "kb"


def forbidden(folder: Path) -> Path:
    path = stock(folder)
    path.chmod(0)
    return path


@pytest.mark.parametrize(
    "make_it, reason",
    [
        (lambda folder: folder / "nothing", "missing"),
        (lambda folder: broken(b"")(folder) / "below", "missing"),
        (lambda folder: folder, "broken"),
        (pipe, "broken"),
        (broken(b"SQLite format 3\0"), "broken"),
        (broken(b"no database " * 1000), "broken"),
        (broken(b"SQLite format 3\0" + bytes(5000)), "broken"),
        (broken(b"SQLite format 3\0\x10\0\x01\x01\0\x40\x20\x20" + b"\xff" * 9000), "broken"),
        (cut_off, "broken"),
        (forbidden, "denied"),
        (lambda folder: Path("a\0b"), "broken"),
    ],
)
@pytest.mark.parametrize("copy", [False, True])
def test_what_is_no_knowledge_base_is_an_error(
    tmp_path: Path, make_it: Callable[[Path], Path], reason: str, copy: bool
) -> None:
    path = make_it(tmp_path)
    with as_nobody() if reason == "denied" else untouched(path):
        reading = read(path, QUICK, copy=copy)
    assert set(reading.errors) == {reason}
    assert not reading.whole
    assert sorted(tmp_path.rglob("*")) == sorted({path} - {tmp_path} if path.exists() else tmp_path.rglob("*"))


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read everything; nobody else may."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield
    if root:
        os.seteuid(0)


@pytest.mark.parametrize(
    "change, lost, errors",
    [
        ("DROP TABLE ll_task_relation", {"task_transfer_ratio"}, 1),
        ("ALTER TABLE ll_task_models DROP COLUMN model_url", {"task_model_info"}, 1),
        ("ALTER TABLE ll_tasks DROP COLUMN task_attr", {"task_info"}, 1),
        (
            "DROP TABLE ll_task_sample; DROP TABLE ll_task_grp",
            {"task_sample_info", "task_groups", "task_group_samples", "task_model_info", "task_transfer_ratio"},
            5,
        ),
        # The newest time is still known from another table.
        ("ALTER TABLE ll_tasks DROP COLUMN updated_at", set(), 1),
        ("ALTER TABLE ll_tasks ADD COLUMN owner TEXT; CREATE TABLE ll_new (id)", set(), 0),
    ],
)
def test_other_forms_are_read_as_far_as_they_go(tmp_path: Path, change: str, lost: set[str], errors: int) -> None:
    if sqlite3.sqlite_version_info < (3, 35) and "DROP COLUMN" in change:
        pytest.skip("this sqlite cannot drop columns")
    whole = families(read(stock(tmp_path)))
    reading = read(make(tmp_path / "kb.sqlite3", change))
    assert families(reading) == whole - lost
    assert dict(reading.errors) == ({"form": errors} if errors else {})
    assert reading.whole


def test_an_empty_file_is_a_database_without_tables(tmp_path: Path) -> None:
    reading = read(broken(b"")(tmp_path))
    assert families(reading) == {"database_bytes"}
    assert set(reading.errors) == {"form"}


NAMES = ["a\nb", 'quote " back \\', "名前 ✓", "nul\0inside", "tab\t", "x" * 5000, "x" * 5001, " ", "{}", "\U0001f600"]


def test_odd_names_stay_apart_and_are_written_as_one_line(tmp_path: Path) -> None:
    path = make(
        tmp_path / "kb",
        TABLES,
        "INSERT INTO ll_tasks(name) VALUES (CAST(x'ff6fff' AS TEXT)), (x'01fe'), (5)",
        rows=[("INSERT INTO ll_tasks(name) VALUES (?)", [(name,) for name in NAMES])],
    )
    shown = [sample for sample in read(path).samples if sample.family == f"{PREFIX}task_info"]
    assert len({sample.labels["task"] for sample in shown}) == len(NAMES) + 3
    assert all(len(sample.labels["task"]) <= 128 for sample in shown)
    for sample in shown:
        text = line(*sample).decode()
        assert text.count("\n") == 1
        assert text.endswith("} 1\n")


def test_long_texts_are_cut_with_a_hash(tmp_path: Path) -> None:
    rows = [(f"t{i}", "[" + "1," * 3000 + f"{i}]") for i in range(2)]
    path = make(tmp_path / "kb", TABLES, rows=[("INSERT INTO ll_tasks(name, task_attr) VALUES (?, ?)", rows)])
    attributes = [attributes for _, attributes in found(read(path), "task_info")]
    assert [len(text) for text in attributes] == [128, 128]
    assert attributes[0] != attributes[1]
    assert attributes[0][:119] == attributes[1][:119] == ("[" + "1," * 3000)[:119]


def test_names_that_become_the_same_are_shown_once(tmp_path: Path) -> None:
    path = make(
        tmp_path / "kb", TABLES, "INSERT INTO ll_tasks(name) VALUES (CAST(x'ff' AS TEXT)), (CAST(x'fe' AS TEXT))"
    )
    reading = read(path)
    assert found(reading, "task_info") == {("�", ""): 1}
    assert reading.dropped == {(f"{PREFIX}task_info", "duplicate"): 1}


@pytest.mark.parametrize("value, errors", [("NULL", 1), ("'many'", 1), ("x'00'", 1), ("9223372036854775807", 0)])
def test_values_that_are_none(tmp_path: Path, value: str, errors: int) -> None:
    path = stock(tmp_path, f"UPDATE ll_task_grp SET sample_num = {value} WHERE id = 2")
    reading = read(path)
    assert reading.errors["value"] == errors
    assert len(found(reading, "task_group_samples")) == 2 - errors
    assert reading.whole


def test_a_hundred_thousand_rows(tmp_path: Path) -> None:
    many = 100_000
    path = make(
        tmp_path / "kb",
        TABLES,
        rows=[
            ("INSERT INTO ll_task_grp(name, sample_num) VALUES (?, 1)", ((f"g{i}",) for i in range(many))),
            ("INSERT INTO ll_tasks(name) VALUES (?)", ((f"t{i}",) for i in range(many))),
            ("INSERT INTO ll_samples(data_type, sample_num) VALUES ('train', ?)", ((i,) for i in range(many))),
            ("INSERT INTO ll_task_sample(task_id, sample_id) VALUES (?, ?)", ((i + 1, i + 1) for i in range(many))),
            (
                "INSERT INTO ll_task_relation(grp_id, task_id, transfer_radio) VALUES (?, ?, 1)",
                ((i + 1, i + 1) for i in range(many)),
            ),
        ],
    )
    reading = read(path, Limits(seconds=300))
    assert not reading.errors
    assert found(reading, "tasks") == {(): many}
    assert found(reading, "samples")["train",] == sum(range(many))
    assert found(reading, "task_transfer_ratio") == {}
    assert reading.dropped == {
        (f"{PREFIX}task_group_samples", "limit"): many - 1000,
        (f"{PREFIX}task_info", "limit"): many - 1000,
        (f"{PREFIX}task_sample_info", "limit"): many - 1000,
        (f"{PREFIX}task_transfer_ratio", "tasks"): many,
    }
    assert ("t99999", "") in found(reading, "task_info"), "the newest are shown"


@pytest.mark.parametrize("tasks, shown", [(200, 200), (201, 0)])
def test_transfer_ratios_end_above_200_tasks(tmp_path: Path, tasks: int, shown: int) -> None:
    path = make(
        tmp_path / "kb",
        TABLES,
        "INSERT INTO ll_task_grp(name) VALUES ('g')",
        rows=[
            ("INSERT INTO ll_tasks(name) VALUES (?)", [(f"{i}",) for i in range(tasks)]),
            ("INSERT INTO ll_task_relation VALUES (?, 1, ?, 0.1)", [(i, i) for i in range(1, tasks + 1)]),
        ],
    )
    assert len(found(read(path), "task_transfer_ratio")) == shown


def test_a_query_without_end_is_ended(tmp_path: Path) -> None:
    endless = (
        "CREATE VIEW ll_tasks AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT * FROM n"
    )
    path = make(tmp_path / "kb", TABLES, STOCK, "DROP TABLE ll_tasks", endless)
    reading = read(path, Limits(seconds=0.1))
    assert reading.errors["slow"]
    assert not reading.whole
