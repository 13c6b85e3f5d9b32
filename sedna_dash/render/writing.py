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


#: Lists, in the folder itself, the files that we wrote there. Only what it lists is ever removed: the folder may be
#: one that people work in, or Grafana's own.
MANIFEST = "MANIFEST"
_HEAD = "# Files that sedna-dash wrote here. One that it no longer writes is removed; no other file is touched.\n"


def listed(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files, and the manifest that lists them."""
    return {**files, MANIFEST: (_HEAD + "".join(f"{name}\n" for name in sorted(files))).encode()}


def difference(folder: Path, files: Mapping[str, bytes]) -> Difference:
    """Compare a folder with ``files``. What the folder's manifest lists and ``files`` do not hold is one too many.

    Raises `OutputError` when a file cannot be read.
    """
    wanted = listed(files)
    added, changed = [], []
    try:
        for name, content in wanted.items():
            path = folder / name
            if not path.is_file():
                added.append(name)
            elif path.read_bytes() != content:
                changed.append(name)
        removed = [name for name in _written_before(folder) if name not in wanted and (folder / name).is_file()]
    except OSError as error:
        where = error.filename or folder
        raise OutputError(f"{where}: cannot be read ({error.strerror}); check its rights") from error
    return Difference(tuple(sorted(added)), tuple(sorted(changed)), tuple(sorted(removed)))


def _written_before(folder: Path) -> list[str]:
    manifest = folder / MANIFEST
    if not manifest.is_file():
        return []
    names = manifest.read_text(encoding="utf-8", errors="replace").splitlines()
    # A manifest is a file like any other: nothing that it says may lead out of the folder.
    return [name for name in names if not name.startswith(("#", "/")) and ".." not in Path(name).parts]


def write(folder: Path, files: Mapping[str, bytes]) -> Difference:
    """Bring the folder to hold ``files``, touching only what differs, see `difference`. Returns what it did.

    Raises `OutputError` when the folder cannot be written.
    """
    todo, wanted = difference(folder, files), listed(files)
    try:
        for name in todo.removed:
            (folder / name).unlink(missing_ok=True)
        # The manifest comes last: until then it lists what the folder held before, so a second run finishes the work.
        for name in sorted((*todo.added, *todo.changed), key=lambda name: name == MANIFEST):
            replace_file(folder / name, wanted[name])
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
