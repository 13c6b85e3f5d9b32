"""Write a set of files so that a reader sees the old set or the new one, file by file, never half of one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from sedna_dash.errors import OutputError


def to_json(model: Any) -> bytes:
    """Canonical JSON: sorted keys, two spaces, a newline at the end. Equal data gives equal bytes."""
    return orjson.dumps(model, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


@dataclass(frozen=True)
class Difference:
    """How a folder differs from what would be written to it: relative paths."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)

    def __str__(self) -> str:
        marked = [("+", self.added), ("~", self.changed), ("-", self.removed)]
        return "\n".join(f"{mark} {path}" for mark, paths in marked for path in paths)


def difference(folder: Path, files: Mapping[str, bytes], owned: tuple[str, ...], *, mark: bytes = b"") -> Difference:
    """Compare a folder with ``files``. A file that fits one of the ``owned`` patterns, begins with ``mark``, and is not
    in ``files`` is one too many; besides, the folder may hold what it likes.

    Raises `OutputError` when a file cannot be read.
    """
    added, changed = [], []
    try:
        present = {
            path.relative_to(folder).as_posix()
            for pattern in owned
            for path in folder.glob(pattern)
            if path.is_file() and (not mark or path.read_bytes().startswith(mark))
        }
        for name, content in files.items():
            path = folder / name
            if not path.is_file():
                added.append(name)
            elif path.read_bytes() != content:
                changed.append(name)
    except OSError as error:
        where = error.filename or folder
        raise OutputError(f"{where}: cannot be read ({error.strerror}); check its rights") from error
    return Difference(tuple(sorted(added)), tuple(sorted(changed)), tuple(sorted(present - set(files))))


def write(folder: Path, files: Mapping[str, bytes], owned: tuple[str, ...], *, mark: bytes = b"") -> Difference:
    """Bring the folder to hold ``files``, touching only what differs, see `difference`. Returns what it did.

    Raises `OutputError` when the folder cannot be written.
    """
    todo = difference(folder, files, owned, mark=mark)
    try:
        for name in (*todo.added, *todo.changed):
            replace_file(folder / name, files[name])
        for name in todo.removed:
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        where = error.filename or folder
        raise OutputError(
            f"{where}: cannot be written ({error.strerror}); check its rights or name another --out"
        ) from error
    return todo


def replace_file(path: Path, content: bytes) -> None:
    """Write beside the file, then rename over it: the old content or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        # mkstemp makes files that only their owner reads; Grafana runs as somebody else.
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
