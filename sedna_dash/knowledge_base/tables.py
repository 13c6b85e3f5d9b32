"""Which series Sedna's own tables make: data, one entry per query.

The tables are those of ``lib/sedna/service/server/knowledgeBase/model.py``. Where stock Sedna writes what is not so,
the query goes round it: ``is_current`` and ``deploy`` never become true and are not read; ``ll_task_models.task_id`` is
the id of a group; a task gets a new row of samples with every update, so the newest one counts.
"""

from __future__ import annotations

from dataclasses import dataclass

PREFIX = "sedna_knowledge_base_"

#: What ``ll_samples.data_type`` says, as numbers in the comment of the column and as words in what is written.
DATA_TYPES = {
    "0": "train",
    "1": "evaluation",
    "2": "hard",
    "train": "train",
    "eval": "evaluation",
    "evaluation": "evaluation",
    "test": "evaluation",
    "hard": "hard",
    "hard sample": "hard",
}

#: A longer text is not even read to its end; what is shown is far shorter.
_LONGEST = 10_000


@dataclass(frozen=True)
class Single:
    """A family without labels. Several entries of one family give their largest value."""

    family: str
    sql: str


@dataclass(frozen=True)
class PerRow:
    """A family with a series per row: its labels with the columns they come from, and its value; newest rows first."""

    family: str
    labels: dict[str, str]
    value: str
    source: str
    newest: str

    @property
    def rows(self) -> str:
        """The query: label values in order, then the value; at most ``:limit`` rows."""
        labels = [f"substr(CAST({column} AS TEXT), 1, {_LONGEST})" for column in self.labels.values()]
        columns = ", ".join([*labels, self.value])
        return f"SELECT {columns} FROM {self.source} ORDER BY {self.newest} DESC LIMIT :limit"  # noqa: S608 - own texts

    @property
    def total(self) -> str:
        """The query for the number of all rows."""
        return f"SELECT count(*) FROM {self.source}"  # noqa: S608 - own texts


SINGLES = (
    Single("tasks", "SELECT count(*) FROM ll_tasks"),
    Single("task_groups", "SELECT count(*) FROM ll_task_grp"),
    Single("models", "SELECT count(*) FROM ll_task_models"),
    # Times are written by CURRENT_TIMESTAMP, which is UTC.
    *(
        Single(
            "last_update_timestamp_seconds",
            f"SELECT max(CAST(strftime('%s', {column}) AS INTEGER)) FROM {table}",  # noqa: S608 - own texts
        )
        for table, column in (
            ("ll_tasks", "updated_at"),
            ("ll_samples", "updated_at"),
            ("ll_task_models", "created_at"),
        )
    ),
)

#: Total samples by data type; total() where sum() would overflow.
SAMPLES = "SELECT substr(CAST(data_type AS TEXT), 1, 100), total(sample_num) FROM ll_samples GROUP BY 1 LIMIT 1000"

PER_ROW = (
    PerRow("task_group_samples", {"group": "name"}, "sample_num", "ll_task_grp", "id"),
    PerRow("task_info", {"task": "name", "attributes": "task_attr"}, "1", "ll_tasks", "id"),
    PerRow(
        "task_model_info",
        {"group": "g.name", "url": "m.model_url"},
        "1",
        "ll_task_models AS m JOIN ll_task_grp AS g ON g.id = m.task_id",
        "m.id",
    ),
    PerRow(
        "task_sample_info",
        {"task": "t.name", "url": "s.data_url"},
        "1",
        "(SELECT task_id, max(sample_id) AS sample_id FROM ll_task_sample GROUP BY task_id) AS newest"
        " JOIN ll_tasks AS t ON t.id = newest.task_id JOIN ll_samples AS s ON s.id = newest.sample_id",
        "t.id",
    ),
)

#: Off above a number of tasks: pairs grow with their square.
TRANSFER = PerRow(
    "task_transfer_ratio",
    {"group": "g.name", "task": "t.name"},
    "r.transfer_radio",
    "(SELECT grp_id, task_id, transfer_radio, max(id) AS id FROM ll_task_relation GROUP BY grp_id, task_id) AS r"
    " JOIN ll_task_grp AS g ON g.id = r.grp_id JOIN ll_tasks AS t ON t.id = r.task_id",
    "r.id",
)

GROUPS = f"SELECT substr(CAST(name AS TEXT), 1, {_LONGEST}) FROM ll_task_grp ORDER BY id DESC LIMIT :limit"  # noqa: S608
