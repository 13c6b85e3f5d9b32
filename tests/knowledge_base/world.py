"""Knowledge bases as the server writes them, and worse ones."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

TABLES = """
CREATE TABLE ll_task_grp (id INTEGER NOT NULL, name VARCHAR(100) NOT NULL, deploy BOOLEAN, sample_num INTEGER,
    task_num INTEGER, PRIMARY KEY (id), UNIQUE (name));
CREATE TABLE ll_tasks (id INTEGER NOT NULL, name VARCHAR(100) NOT NULL, task_attr TEXT,
    created_at DATETIME DEFAULT (CURRENT_TIMESTAMP), updated_at DATETIME DEFAULT (CURRENT_TIMESTAMP),
    PRIMARY KEY (id), UNIQUE (name));
CREATE TABLE ll_samples (id INTEGER NOT NULL, data_url TEXT, descr TEXT, data_type SMALLINT,
    updated_at DATETIME DEFAULT (CURRENT_TIMESTAMP), sample_num INTEGER, PRIMARY KEY (id));
CREATE TABLE ll_task_models (id INTEGER NOT NULL, task_id INTEGER NOT NULL, model_url TEXT, is_current BOOLEAN,
    created_at DATETIME DEFAULT (CURRENT_TIMESTAMP), PRIMARY KEY (id));
CREATE TABLE ll_task_relation (id INTEGER NOT NULL, grp_id INTEGER NOT NULL, task_id INTEGER NOT NULL,
    transfer_radio FLOAT, PRIMARY KEY (id));
CREATE TABLE ll_task_sample (id INTEGER NOT NULL, sample_id INTEGER NOT NULL, task_id INTEGER NOT NULL,
    PRIMARY KEY (id));
"""
#: As the exporter makes them that Sedna comes with: no primary key is a row id there, so ids stay empty.
CUSTOM = """
CREATE TABLE metric(id int primary key, `name` text, label text, note text, last_time timestamp);
CREATE TABLE metric_value(id int primary key, metric_id int, label_value text, `value` float, last_time timestamp);
"""
#: Two groups; the first has two tasks. Each task has samples of two updates, as the library writes them.
STOCK = """
INSERT INTO ll_task_grp VALUES (1, 'Spring_1.0', 0, 90, 2), (2, 'Autumn_1.0', 0, 10, 1);
INSERT INTO ll_tasks VALUES (1, 'a', '["Spring", 1.0]', '2026-01-01 00:00:00', '2026-01-02 00:00:00'),
    (2, 'b', '{}', '2026-01-01 00:00:00', '2026-01-01 00:00:00'), (3, 'c', NULL, NULL, NULL);
INSERT INTO ll_samples VALUES (1, '', '', 'train', '2026-01-02 00:00:00', 40),
    (2, '/old', '', 'train', '2026-01-03 00:00:00', 50), (3, '/data/c', '', 'test', '2026-01-03 00:00:01', 10);
INSERT INTO ll_task_models VALUES (1, 1, '/models/spring.pkl', 0, '2026-01-01 00:00:00'), (2, 2, '', 0, NULL);
INSERT INTO ll_task_relation VALUES (1, 1, 1, 0.5), (2, 1, 2, 0.5), (3, 2, 3, 1.0);
INSERT INTO ll_task_sample VALUES (1, 2, 1), (2, 1, 2), (3, 3, 3), (4, 1, 1);
"""


def make(path: Path, *scripts: str, rows: Iterable[tuple[str, Iterable[Iterable[Any]]]] = ()) -> Path:
    """A database from scripts, and statements with their rows."""
    with closing(sqlite3.connect(path)) as connection:
        for script in scripts:
            connection.executescript(script)
        for statement, values in rows:
            connection.executemany(statement, values)
        connection.commit()
    return path


def stock(folder: Path, *more: str) -> Path:
    """The knowledge base of `STOCK`."""
    return make(folder / "kb.sqlite3", TABLES, STOCK, *more)


_WRITER = """
import json, os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for line in sys.stdin:
    connection.execute(json.loads(line)).fetchall()
    print("done", flush=True)
os._exit(0)
"""


class Writer:
    """A server that has the database open, in a process of its own: locks are between processes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, *statements: str) -> None:
        """Run them, and return when they are done."""
        assert self._process.stdin and self._process.stdout
        for statement in statements:
            self._process.stdin.write(json.dumps(statement) + "\n")
            self._process.stdin.flush()
            assert self._process.stdout.readline() == "done\n"


@contextmanager
def writer(path: Path) -> Iterator[Writer]:
    """A `Writer`; at the end it dies without closing anything."""
    command = [sys.executable, "-c", _WRITER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Writer(process)
        process.kill()


def everything(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Each file below the folder: its bytes, when it was written, and its rights; and the folders' own times."""
    return {
        str(path.relative_to(folder)): (
            path.read_bytes() if path.is_file() else b"",
            path.stat().st_mtime_ns,
            path.stat().st_mode,
        )
        for path in sorted((folder, *folder.rglob("*")))
    }
