"""The sqlite file, opened so that nothing is ever created, changed or removed: not beside it either.

A reader holds a shared lock while a query runs, and the knowledge base server waits for it to commit; so each query is
its own transaction, and all of them together end at a deadline.
"""

from __future__ import annotations

import sqlite3
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

#: Why a reading may fail, each a value of the label ``reason``.
REASONS: Mapping[str, str] = {
    "missing": "there is no such file",
    "denied": "we may not read the file",
    "locked": "a writer held the file for too long, or changed it meanwhile",
    "unfinished": "a journal beside the file holds writes that only a writer can take over",
    "broken": "the file is no sqlite database, or damaged",
    "form": "a table or column is missing",
    "slow": "the reading took longer than it may",
    "value": "a value is of no use where it stands",
    "ambiguous": "the values of the custom metrics can be read in two ways",
    "index": "the index file cannot be understood",
}
#: After these nothing that was read can be called whole.
FATAL = frozenset({"missing", "denied", "locked", "unfinished", "broken", "slow"})

# The words of sqlite's own errors, https://www.sqlite.org/rescode.html; Python tells their codes only since 3.11.
_WORDS = {
    "no such table": "form",
    "no such column": "form",
    "no such function": "form",
    "is locked": "locked",
    "locking protocol": "locked",
    "schema has changed": "locked",
    "interrupted": "slow",
    "readonly database": "unfinished",
}
_MAGIC = b"SQLite format 3\0"
#: Where the header says how the file is written; 2 stands for a write-ahead log. https://www.sqlite.org/fileformat.html
_WRITE_VERSION = 18
_WAL = 2
_OPCODES_BETWEEN_CHECKS = 10_000


class ReadError(Exception):
    """A query, or the whole file, cannot be read; ``reason`` is one of `REASONS`."""

    def __init__(self, reason: str) -> None:
        super().__init__(REASONS[reason])
        self.reason = reason


class Database:
    """An open knowledge base. Each query is a transaction of its own."""

    def __init__(self, connection: sqlite3.Connection, seconds: float) -> None:
        self._connection = connection
        self._deadline = time.monotonic() + seconds
        connection.set_progress_handler(self._late, _OPCODES_BETWEEN_CHECKS)

    def rows(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        """All rows of a query; raises `ReadError`. The query itself has to bound them."""
        # Waiting for a writer is no progress, so nothing else would end a row of waits.
        if self._late():
            raise ReadError("slow")
        try:
            return self._connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise ReadError(_reason(error)) from error

    def number(self, sql: str, **values: Any) -> float | None:
        """The only value of a query, or None if it has none; raises `ReadError`."""
        return number(self.rows(sql, **values)[0][0])

    def _late(self) -> bool:
        return time.monotonic() > self._deadline

    def has(self, *tables: str) -> bool:
        """Whether all these tables exist; raises `ReadError`."""
        found = {name for (name,) in self.rows("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")}
        return found.issuperset(tables)


@contextmanager
def opened(path: Path, *, copy: bool, seconds: float, busy: float) -> Iterator[Database]:
    """Open the file for reading only; raises `ReadError`.

    ``copy`` says that nobody writes the file. ``seconds`` is the time that all queries together may take, ``busy`` the
    seconds to wait for a writer. Do not call it in a process that has the same file open for writing: POSIX drops all
    locks of a process on a file when it closes the file once.
    """
    before = _state(path)
    options = "mode=ro"
    still = _head(path)[_WRITE_VERSION] == _WAL and not _size(_beside(path, "-wal"))
    if copy or still:
        # Without its log, such a file is complete, but sqlite would make the log anew.
        options += "&immutable=1"
    else:
        # The index of the log is read as it is, and never made or repaired.
        options += "&readonly_shm=1"
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?{options}",
            uri=True,
            timeout=busy,
            isolation_level=None,
        )
    except sqlite3.Error as error:
        raise ReadError(_reason(error)) from error
    try:
        # Bytes that are no UTF-8 are no reason to lose a whole table.
        connection.text_factory = lambda text: text.decode("utf-8", "replace")
        database = Database(connection, seconds)
        for setting in ("query_only = ON", "trusted_schema = OFF", "temp_store = MEMORY"):
            database.rows(f"PRAGMA {setting}")
        try:
            database.rows("SELECT count(*) FROM sqlite_master")
        except ReadError as error:
            if error.reason != "broken":
                raise
            # sqlite says no more than "unable to open database file" when a log comes, goes, or has no index.
            changed = not copy and _state(path) != before
            raise ReadError(
                "locked" if changed else "unfinished" if _size(_beside(path, "-wal")) else "broken"
            ) from error
        yield database
        if still and not copy and _state(path) != before:
            raise ReadError("locked")
    finally:
        connection.close()


def unfinished(path: Path) -> bool:
    """Whether a journal with content lies beside the file."""
    return any(_size(_beside(path, ending)) for ending in ("-journal", "-wal"))


def number(value: object) -> float | None:
    """A value as a number, or None if it is none."""
    if isinstance(value, (int, float)):
        try:
            return float(value)
        except OverflowError:
            return None
    if isinstance(value, str) and len(value) < 100:
        try:
            return float(value)
        except ValueError:
            return None
    return None


def _state(path: Path) -> tuple[int, int, int, int]:
    """What tells that the file is another one, or was written; raises `ReadError` if it is no file that we can read."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ReadError("missing") from error
    except PermissionError as error:
        raise ReadError("denied") from error
    except (OSError, ValueError) as error:
        raise ReadError("broken") from error
    # A pipe would wait for a writer.
    if not stat.S_ISREG(found.st_mode):
        raise ReadError("broken")
    return found.st_ino, found.st_size, found.st_mtime_ns, _size(_beside(path, "-wal"))


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            head = file.read(100)
    except FileNotFoundError as error:
        raise ReadError("missing") from error
    except PermissionError as error:
        raise ReadError("denied") from error
    except OSError as error:
        raise ReadError("broken") from error
    if not head:
        # What sqlite makes of a database before its first table.
        return bytes(100)
    if len(head) < 100 or not head.startswith(_MAGIC):
        raise ReadError("broken")
    return head


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return 0


def _reason(error: sqlite3.Error) -> str:
    text = str(error)
    return next((reason for words, reason in _WORDS.items() if words in text), "broken")
