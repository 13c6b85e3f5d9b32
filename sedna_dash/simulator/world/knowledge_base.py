"""The knowledge base of lifelong learning: what its server keeps in a file of sqlite, with the server's faults.

Sample and task counts of a group add up over uploads, ``deploy`` and ``is_current`` never become true, ``data_url``
stays empty, and the type of samples is text in a column for numbers, all as Sedna's server does it:
https://github.com/kubeedge/sedna lib/sedna/service/server/knowledgeBase/server.py
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from sedna_dash.simulator.world.deployments import Deployment, service
from sedna_dash.simulator.world.logs import sql, uvicorn
from sedna_dash.simulator.world.options import KnowledgeBaseOptions
from sedna_dash.simulator.world.pods import Pod, container
from sedna_dash.simulator.world.site import Site
from sedna_dash.simulator.world.truth import Truth

PORT = 9020

_PREFIX = "sedna_knowledge_base_"

_TABLES: Mapping[str, str] = {
    "ll_task_grp": "id INTEGER NOT NULL, name VARCHAR(100) NOT NULL, deploy BOOLEAN, sample_num INTEGER,"
    " task_num INTEGER, PRIMARY KEY (id), UNIQUE (name)",
    "ll_tasks": "id INTEGER NOT NULL, name VARCHAR(100) NOT NULL, task_attr TEXT,"
    " created_at DATETIME DEFAULT (CURRENT_TIMESTAMP), updated_at DATETIME DEFAULT (CURRENT_TIMESTAMP),"
    " PRIMARY KEY (id), UNIQUE (name)",
    "ll_samples": "id INTEGER NOT NULL, data_url TEXT, descr TEXT, data_type SMALLINT,"
    " updated_at DATETIME DEFAULT (CURRENT_TIMESTAMP), sample_num INTEGER, PRIMARY KEY (id)",
    "ll_task_models": "id INTEGER NOT NULL, task_id INTEGER NOT NULL, model_url TEXT, is_current BOOLEAN,"
    " created_at DATETIME DEFAULT (CURRENT_TIMESTAMP), PRIMARY KEY (id),"
    " FOREIGN KEY(task_id) REFERENCES ll_task_grp (id)",
    "ll_task_relation": "id INTEGER NOT NULL, grp_id INTEGER NOT NULL, task_id INTEGER NOT NULL,"
    " transfer_radio FLOAT, PRIMARY KEY (id), FOREIGN KEY(grp_id) REFERENCES ll_task_grp (id),"
    " FOREIGN KEY(task_id) REFERENCES ll_tasks (id)",
    "ll_task_sample": "id INTEGER NOT NULL, sample_id INTEGER NOT NULL, task_id INTEGER NOT NULL,"
    " PRIMARY KEY (id), FOREIGN KEY(sample_id) REFERENCES ll_samples (id),"
    " FOREIGN KEY(task_id) REFERENCES ll_tasks (id)",
    # These two are made by users' tools, not by the server.
    "metric": "id int primary key, `name` text, label text, note text, last_time timestamp",
    "metric_value": "id int primary key, metric_id int, label_value text, `value` float, last_time timestamp",
}

_INDEXES = (
    ("ll_task_grp", "id"), ("ll_tasks", "id"), ("ll_samples", "id"), ("ll_samples", "data_type"),
    ("ll_task_models", "task_id"), ("ll_task_models", "id"), ("ll_task_relation", "grp_id"),
    ("ll_task_relation", "id"), ("ll_task_relation", "task_id"), ("ll_task_sample", "sample_id"),
    ("ll_task_sample", "task_id"), ("ll_task_sample", "id"),
)  # fmt: skip

#: Columns as statements list them; the database itself fills in the times, and the id of a new row.
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "ll_task_grp": ("id", "name", "deploy", "sample_num", "task_num"),
    "ll_tasks": ("id", "name", "task_attr", "created_at", "updated_at"),
    "ll_samples": ("id", "data_url", "descr", "data_type", "updated_at", "sample_num"),
    "ll_task_models": ("id", "task_id", "model_url", "is_current", "created_at"),
    "ll_task_relation": ("id", "grp_id", "task_id", "transfer_radio"),
    "ll_task_sample": ("id", "sample_id", "task_id"),
}
_BY_DATABASE = ("id", "created_at", "updated_at")

Row = dict[str, Any]


class KnowledgeBase:
    """The server's pod and Service, and the rows of its tables."""

    def __init__(self, site: Site, options: KnowledgeBaseOptions) -> None:
        self.site, self.options = site, options
        labels = {"sedna": "kb"}
        written = container("kb", "kubeedge/sedna-kb:v0.7.0", {"KB_URL": "sqlite:///db/kb.sqlite3"}, memory="512Mi")
        self.deployment = Deployment(
            site,
            namespace="sedna",
            name="kb",
            nodes=[site.nodes[options.node]],
            labels=labels,
            containers=[written],
        )
        self.address = service(site, namespace="sedna", name="kb", port=PORT, labels=labels)
        self.rows: dict[str, list[Row]] = {table: [] for table in _TABLES}
        self.version = 0
        #: Whether its file can be read: not while its volume is gone.
        self.readable = True
        self._written: dict[Path, int] = {}
        #: When each statement was first made, for the echo of its parameters.
        self._statements: dict[str, float] = {}
        for number, custom in enumerate(options.custom):
            now = self._now()
            self.rows["metric"].append(
                {
                    "id": number,
                    "name": custom.name,
                    "label": ",".join(custom.labels),
                    "note": custom.note,
                    "last_time": now,
                }
            )
            for values, value in custom.values.items():
                self.rows["metric_value"].append(
                    {"id": None, "metric_id": number, "label_value": values, "value": value, "last_time": now}
                )
        self.site.python_log(
            self.pod, "INFO", "base.py(79)", f"Start knowledgebase server over http://0.0.0.0:{PORT}/knowledgebase"
        )

    @property
    def pod(self) -> Pod:
        return self.deployment.pods[0]

    @property
    def up(self) -> bool:
        """Whether its server answers."""
        return self.pod.crashing_since is None

    @property
    def url(self) -> str:
        """How workers reach it."""
        return f"http://{self.address}:{PORT}"

    # Its server

    def update(self, groups: Mapping[str, Sequence[str]], samples: Mapping[str, int], urls: Mapping[str, str]) -> None:
        """A training worker uploads its tasks: which each group has, their samples, and the groups' models."""
        self._echo("BEGIN (implicit)")
        for name, tasks in groups.items():
            group, new = self._get_or_create("ll_task_grp", name=name)
            group.setdefault("deploy", None)
            group["sample_num"] = group.get("sample_num", 0) + sum(samples[task] for task in tasks)
            group["task_num"] = group.get("task_num", 0) + len(tasks)
            self._save("ll_task_grp", group, new, "sample_num", "task_num")
            found = [self._task(task, samples[task]) for task in tasks]
            model, new = self._get_or_create("ll_task_models", task_id=group["id"])
            model |= {"model_url": urls[name], "is_current": 0}
            model.setdefault("created_at", self._now())
            self._save("ll_task_models", model, new, "model_url")
            self._commit()
            for task in found:
                relation, new = self._get_or_create("ll_task_relation", task_id=task["id"], grp_id=group["id"])
                relation["transfer_radio"] = 1 / group["task_num"]
                self._save("ll_task_relation", relation, new, "transfer_radio")
                self._commit()
            for relation in self.rows["ll_task_relation"]:
                if relation["grp_id"] == group["id"]:
                    relation["transfer_radio"] = 1 / group["task_num"]
            statement = "UPDATE ll_task_relation SET transfer_radio=? WHERE ? = ll_task_relation.grp_id"
            self._echo(statement, 1 / group["task_num"], group["id"])
        self._echo("COMMIT")
        self._access("POST /knowledgebase/update")
        self.version += 1

    def _task(self, name: str, number: int) -> Row:
        task, new = self._get_or_create("ll_tasks", name=name)
        place, _, season = name.partition("-")
        task["task_attr"] = json.dumps([place, season] if season else [place])
        task.setdefault("created_at", self._now())
        task["updated_at"] = self._now()
        sample = self._new("ll_samples", data_url="", descr=None, data_type="train", sample_num=number)
        sample["updated_at"] = self._now()
        self._save("ll_samples", sample, True)
        self._save("ll_tasks", task, new)
        self._commit()
        self._save("ll_task_sample", self._new("ll_task_sample", sample_id=sample["id"], task_id=task["id"]), True)
        return task

    def update_status(self, groups: Sequence[str]) -> None:
        """An evaluation says which groups may be deployed: the server never commits that."""
        self._echo("BEGIN (implicit)")
        marks = ", ".join("?" * len(groups))
        self._echo(f"UPDATE ll_task_grp SET deploy=? WHERE ll_task_grp.name IN ({marks})", 1, *groups)  # noqa: S608 - only shown
        self._echo("ROLLBACK")
        self._access("POST /knowledgebase/update/status")

    def upload(self, file: str) -> None:
        """A worker uploads a file."""
        self._access("POST /knowledgebase/file/upload")

    def _get_or_create(self, table: str, **key: Any) -> tuple[Row, bool]:
        """A row, and whether it is new."""
        columns = ", ".join(f"{table}.{name} AS {table}_{name}" for name in _COLUMNS[table])
        where = " AND ".join(f"{table}.{name} = ?" for name in key)
        rest = (f"FROM {table} ", f"WHERE {where}\n LIMIT ? OFFSET ?")
        self._echo(f"SELECT {columns} ", *key.values(), 1, 0, rest=rest)
        for row in self.rows[table]:
            if all(row[name] == value for name, value in key.items()):
                return row, False
        return self._new(table, **key), True

    def _new(self, table: str, **values: Any) -> Row:
        row = {"id": len(self.rows[table]) + 1, **values}
        self.rows[table].append(row)
        return row

    def _save(self, table: str, row: Row, new: bool, *changed: str) -> None:
        """Echo what saves a row: all of a ``new`` one, else what ``changed``."""
        if new:
            names = [name for name in _COLUMNS[table] if name not in _BY_DATABASE]
            marks = ", ".join("?" * len(names))
            self._echo(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", *(row.get(name) for name in names))  # noqa: S608
        elif changed:
            setting = ", ".join(f"{name}=?" for name in changed)
            values = (row[name] for name in changed)
            self._echo(f"UPDATE {table} SET {setting} WHERE {table}.id = ?", *values, row["id"])  # noqa: S608

    def _now(self) -> str:
        return datetime.fromtimestamp(self.site.clock.wall, timezone.utc).strftime("%Y-%m-%d %H:%M:%S")

    def _commit(self) -> None:
        self._echo("COMMIT")
        self._echo("BEGIN (implicit)")

    def _echo(self, statement: str, *parameters: Any, rest: Sequence[str] = ()) -> None:
        """The lines of a statement as SQLAlchemy 1.4 writes them; ``rest`` are those after the first."""
        if not self.site.on_log:
            return
        self._out(lambda now: sql(now, statement))
        for line in rest:
            self._out(line)
        if parameters:
            now = self.site.clock.wall
            key = "\n".join((statement, *rest))
            ago = now - self._statements.setdefault(key, now)
            known = f"[cached since {ago:.4g}s ago]" if ago else "[generated in 0.00012s]"
            self._out(lambda now: sql(now, f"{known} {parameters}"))

    def _access(self, request: str) -> None:
        self._out(uvicorn("10.244.1.1:51234", request))

    def _out(self, text: str | Callable[[float], str]) -> None:
        self.site.say(self.pod, text, stream="stdout")

    # Its file

    def write(self, path: Path) -> bool:
        """Bring a file of sqlite up to date in one transaction, as the server does; whether there was news."""
        if not self.readable:
            path.unlink(missing_ok=True)
            return self._written.pop(path, None) is not None
        if self._written.get(path) == self.version:
            return False
        with closing(sqlite3.connect(path)) as connection, connection:
            for table, columns in _TABLES.items():
                connection.execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns})")
            for table, column in _INDEXES:
                connection.execute(f"CREATE INDEX IF NOT EXISTS ix_{table}_{column} ON {table} ({column})")
            connection.execute("DELETE FROM metric_value")  # its rows have no key to replace them by
            for table, rows in self.rows.items():
                for row in rows:
                    columns, marks = ", ".join(f"`{name}`" for name in row), ", ".join("?" * len(row))
                    statement = f"INSERT OR REPLACE INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608
                    connection.execute(statement, list(row.values()))
        self._written[path] = self.version
        return True

    # What is true of it

    def truths(self) -> Iterator[Truth]:
        node = self.pod.node
        info = {"server": f"{self.address}:{PORT}", "node": node.name, "location": node.location}
        for row in (
            "lifelong-learning/KB/KBServer", "proposal/KB/KBServerIP", "proposal/KB/KBNodeType",
            "proposal/KB/KBNodeName", "proposal/Train/KnowledgeBase", "proposal/Eval/KnowledgeBase",
        ):  # fmt: skip
            yield Truth(row, f"{_PREFIX}info", info, 1)
        groups = {row["id"]: row for row in self.rows["ll_task_grp"]}
        tasks = {row["id"]: row for row in self.rows["ll_tasks"]}
        yield Truth("proposal/Train/KnowTaskNum", f"{_PREFIX}tasks", {}, len(tasks))
        for group in groups.values():
            row, note = "proposal/Train/TaskSampleNum", "summed over all updates, as the server keeps it"
            labels = {"group": group["name"]}
            yield Truth(row, f"{_PREFIX}task_group_samples", labels, group["sample_num"], note)
        for model in self.rows["ll_task_models"]:
            labels = {"group": groups[model["task_id"]]["name"], "url": model["model_url"]}
            for row in ("proposal/Train/TaskGroupModelFile", "proposal/Train/TaskModelSavePath"):
                yield Truth(row, f"{_PREFIX}task_model_info", labels, 1)
        for relation in self.rows["ll_task_relation"]:
            labels = {"group": groups[relation["grp_id"]]["name"], "task": tasks[relation["task_id"]]["name"]}
            row = "proposal/Train/TaskRelationship"
            yield Truth(row, f"{_PREFIX}task_transfer_ratio", labels, relation["transfer_radio"])
        for task in tasks.values():
            labels = {"task": task["name"], "attributes": task["task_attr"]}
            yield Truth("proposal/Train/TaskProperties", f"{_PREFIX}task_info", labels, 1)
            row, note = "proposal/Train/TaskSampleDir", "stock Sedna stores an empty path"
            yield Truth(row, f"{_PREFIX}task_sample_info", {"task": task["name"]}, 1, note)
        for custom in self.options.custom:
            for values, value in custom.values.items():
                labels = dict(zip(custom.labels, values.split(","), strict=False))
                yield Truth("proposal/Custom/Metrics", f"{_PREFIX}custom_{custom.name.lower()}", labels, value)
