"""Where everything of a demo is kept while it runs, or for longer."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sedna_dash.errors import OutputError, SettingsError


@contextmanager
def working_folder(keep: Path | None) -> Iterator[Path]:
    """A folder for all files: the one to ``keep``, or one that is gone afterwards. Raises `SettingsError` for a folder
    with something in it, and `OutputError`."""
    if keep is not None:
        with _written(_kept(keep.absolute())) as folder:
            yield folder
        return
    try:
        temporary = tempfile.TemporaryDirectory(prefix="sedna-dash-demo-")
    except OSError as error:
        raise _cannot(tempfile.gettempdir(), error) from error
    with temporary as name, _written(Path(name)) as folder:
        yield folder


@contextmanager
def _written(folder: Path) -> Iterator[Path]:
    """A folder that can become full while it is used, and that is then said in a sentence."""
    try:
        yield folder
    except BrokenPipeError:  # whoever read what we say has gone; that is not about files
        raise
    except OSError as error:
        raise _cannot(error.filename or folder, error) from error


def _kept(folder: Path) -> Path:
    try:
        if folder.is_dir() and any(folder.iterdir()):
            raise SettingsError(f"--keep: {folder} is not empty; name a new folder")
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot(folder, error) from error
    return folder


def _cannot(where: str | Path, error: OSError) -> OutputError:
    return OutputError(f"{where}: cannot be written ({(error.strerror or str(error)).lower()}); choose another --keep")
