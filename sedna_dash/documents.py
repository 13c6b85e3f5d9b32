"""YAML that people read, and files that are written in one step."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import yaml

from sedna_dash.errors import OutputError


class _Dumper(yaml.SafeDumper):
    """Writes a text of several lines as it stands, and everything as often as it occurs."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)


def yaml_text(*documents: Any, width: int = 120) -> str:
    """One YAML document after the other, in the order of their keys."""
    return yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, width=width, allow_unicode=True)


def write(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old one or the new one. Raises OutputError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=".new-", delete=False) as file:
            temporary = Path(file.name)
            try:
                file.write(text)
                file.close()
                temporary.chmod(0o666 & ~_umask())
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"{path}: cannot be written ({reason}); check the path and its rights") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
