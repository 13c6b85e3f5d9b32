"""The file of the knowledge base: in the server's schema, with the server's faults, written as a server writes."""

import dataclasses
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sedna_dash.simulator.world import load_scenario
from tests.simulator.worlds import HOUR, Lived

COLUMNS = {
    "ll_task_grp": ["id INTEGER", "name VARCHAR(100)", "deploy BOOLEAN", "sample_num INTEGER", "task_num INTEGER"],
    "ll_tasks": ["id INTEGER", "name VARCHAR(100)", "task_attr TEXT", "created_at DATETIME", "updated_at DATETIME"],
    "ll_samples": ["id INTEGER", "data_url TEXT", "descr TEXT", "data_type SMALLINT", "updated_at DATETIME",
                   "sample_num INTEGER"],
    "ll_task_models": ["id INTEGER", "task_id INTEGER", "model_url TEXT", "is_current BOOLEAN", "created_at DATETIME"],
    "ll_task_relation": ["id INTEGER", "grp_id INTEGER", "task_id INTEGER", "transfer_radio FLOAT"],
    "ll_task_sample": ["id INTEGER", "sample_id INTEGER", "task_id INTEGER"],
    "metric": ["id INT", "name TEXT", "label TEXT", "note TEXT", "last_time timestamp"],
    "metric_value": ["id INT", "metric_id INT", "label_value TEXT", "value float", "last_time timestamp"],
}  # fmt: skip


def query(path: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture
def written(tmp_path: Path) -> tuple[Lived, Path]:
    lived, path = Lived("quiet", 3), tmp_path / "kb.sqlite3"
    assert lived.world.write_knowledge_base(path)
    return lived, path


def test_the_tables_are_those_of_the_server(written: tuple[Lived, Path]) -> None:
    _, path = written
    tables = [name for (name,) in query(path, "SELECT name FROM sqlite_master WHERE type='table' ORDER BY name")]
    assert tables == sorted(COLUMNS)
    for table, columns in COLUMNS.items():
        info = query(path, f"PRAGMA table_info({table})")
        found = [f"{name} {type_}".lower() for _, name, type_, *_ in info]
        assert found == [column.lower() for column in columns]
    indexes = query(path, "SELECT name FROM sqlite_master WHERE type='index' AND name LIKE 'ix_%'")
    assert len(indexes) == 12


def test_the_rows_have_the_servers_faults(written: tuple[Lived, Path]) -> None:
    lived, path = written
    rounds = lived.truth("sedna_knowledge_base_tasks")
    assert rounds == [3.0]
    assert query(path, "SELECT count(*) FROM ll_task_grp WHERE deploy") == [(0,)]
    assert query(path, "SELECT count(*) FROM ll_task_models WHERE is_current") == [(0,)]
    assert query(path, "SELECT DISTINCT data_url, typeof(data_type), data_type FROM ll_samples") == [
        ("", "text", "train")
    ]
    # Two tasks are in a group of three after each upload: counts add up, and weights fall.
    uploads = query(path, "SELECT count(*) FROM ll_samples")[0][0] // 3
    assert uploads >= 3
    numbers = dict(query(path, "SELECT name, task_num FROM ll_task_grp"))
    assert numbers == {"spring": 2 * uploads, "summer": uploads}
    shares = query(path, "SELECT DISTINCT transfer_radio FROM ll_task_relation ORDER BY 1")
    assert shares == [(1 / (2 * uploads),), (1 / uploads,)]


def test_the_file_is_brought_up_to_date_in_place_and_only_when_there_is_news(written: tuple[Lived, Path]) -> None:
    lived, path = written
    inode, before = path.stat().st_ino, path.read_bytes()
    assert not lived.world.write_knowledge_base(path)
    assert path.read_bytes() == before
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as reader:
        count = "SELECT count(*) FROM ll_samples"
        (old,) = reader.execute(count).fetchone()
        lived.live(2)
        assert lived.world.write_knowledge_base(path)
        assert reader.execute(count).fetchone()[0] > old
    assert path.stat().st_ino == inode
    rows = lived.world.knowledge_base_rows()
    assert {table: query(path, f"SELECT count(*) FROM {table}")[0][0] for table in rows} == {
        table: len(content) for table, content in rows.items()
    }


def test_a_second_file_gets_everything(written: tuple[Lived, Path], tmp_path: Path) -> None:
    lived, path = written
    other = tmp_path / "copy.sqlite3"
    assert lived.world.write_knowledge_base(other)
    sql = "SELECT * FROM ll_task_grp"
    assert query(other, sql) == query(path, sql)


def test_a_world_without_a_knowledge_base_writes_none(tmp_path: Path) -> None:
    lived = Lived(dataclasses.replace(load_scenario("edge-site-goes-dark"), knowledge_base=None), 60 / HOUR)
    assert not lived.world.write_knowledge_base(tmp_path / "kb.sqlite3")
    assert not (tmp_path / "kb.sqlite3").exists()
    assert lived.world.knowledge_base_rows() == {}
