"""From lines of OpenMetrics to a folder that Prometheus can be started on, made by Prometheus' own promtool."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from sedna_dash.errors import OutputError
from sedna_dash.simulator import backfill

#: promtool reads a file once for every two hours in it, so each file gets no more.
_SECONDS = 7200


def write_blocks(scrapes: Iterable[tuple[float, bytes]], folder: Path, promtool: str) -> None:
    """Write scrapes, in the order of time, as blocks of a Prometheus. Raises OutputError."""
    with tempfile.TemporaryDirectory(prefix="sedna-dash-backfill-") as work:
        maker: _Maker | None = None
        for window, part in itertools.groupby(scrapes, key=lambda scrape: int(scrape[0] // _SECONDS)):
            file = Path(work) / f"{window}.om"
            write_file(part, file)
            # One block is made while the next part is written.
            if maker:
                maker.finish()
            maker = _Maker(file, folder, promtool)
        if maker:
            maker.finish()


def write_file(scrapes: Iterable[tuple[float, bytes]], path: Path) -> None:
    """Write scrapes as one file, for promtool elsewhere. Raises OutputError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("wb", dir=path.parent, delete=False) as file:
            file.write(backfill.head())
            file.writelines(lines for _, lines in scrapes)
            file.write(backfill.tail())
        Path(file.name).replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}; choose another place") from error


def find_promtool() -> str | None:
    """Where promtool is; None if it is not installed."""
    return shutil.which("promtool")


class _Maker:
    """A promtool at work on one file, which is removed in the end."""

    def __init__(self, file: Path, folder: Path, promtool: str) -> None:
        self._file, self._folder = file, folder
        command = [promtool, "tsdb", "create-blocks-from", "openmetrics", str(file), str(folder)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def finish(self) -> None:
        """Wait for its end. Raises OutputError."""
        _, said = self._process.communicate()
        self._file.unlink()
        if self._process.returncode:
            reason = (said.strip().splitlines() or ["no reason given"])[-1]
            raise OutputError(
                f"promtool made no blocks in {self._folder}: {reason}; is there room, and may we write there?"
            )
