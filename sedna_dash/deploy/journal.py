"""What a run did, as it did it: one JSON line for each step, on disk before the next step begins.

Nobody needs a journal to go on after a crash, since Grafana itself says what is done. It tells a person what a run that
was killed had got to, and keeps a copy of what was replaced or deleted.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import urlsplit

from sedna_dash.deploy.changes import Plan
from sedna_dash.errors import OutputError

#: How many journals of one Grafana and set of dashboards are kept.
KEPT = 20

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The time of day that journals are written in."""
    return datetime.now(timezone.utc)


class Journal:
    """The journal of one run. Thread-safe. Use it as a context manager: what is not finished then was cut off.

    Raises `OutputError` when it cannot be written.
    """

    def __init__(self, folder: Path, plan: Plan, clock: Clock = utc_now) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._file: TextIO | None = None
        stem = _stem(plan)
        self.path = folder / f"{stem}-{clock():%Y%m%dT%H%M%S%f}-{os.getpid()}.jsonl"
        self._others = _journals(folder, stem)
        self._start = {"url": plan.url, "bundle": plan.bundle, "deployment": plan.deployment}
        self._count = sum(change.writes for change in plan.changes)

    @property
    def cut_off(self) -> str:
        """What to say of the last run, when it was cut off; empty when it was not."""
        lines = _lines(self._others[-1]) if self._others else []
        if not lines or any(line.get("step") == "finished" for line in lines):
            return ""
        runner = self._others[-1].stem.rpartition("-")[2]
        if runner.isdigit() and _is_running(int(runner)):
            return f"Another run is under way here (process {runner}); both end in the same state."
        done = sum(line.get("step") == "done" for line in lines)
        return (
            f"The last run was cut off after {done} of {lines[0].get('changes', '?')} changes "
            f"({self._others[-1]}); this one goes on from what Grafana holds."
        )

    def __enter__(self) -> Journal:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Copies of dashboards are for nobody else to read.
            self._file = os.fdopen(
                os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
            )
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            self.write("started", **self._start, changes=self._count)
        except OutputError:
            self._close()
            raise
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        # The work is done, and its report counts for more than this line: without it, the run looks cut off.
        with suppress(OutputError, OSError):
            if kind is None:
                self.write("finished")
                for old in self._others[: max(0, len(self._others) - KEPT + 1)]:
                    old.unlink(missing_ok=True)
        self._close()

    def _close(self) -> None:
        with self._lock:
            file, self._file = self._file, None
            # A line that did not fit is tried again, in vain.
            with suppress(OSError):
                if file:
                    file.close()

    def write(self, step: str, **what: Any) -> None:
        """Add a line, and wait until it is on disk."""
        line = json.dumps({"at": self._clock().isoformat(), "step": step, **what}, sort_keys=True)
        with self._lock:
            if self._file is None:
                return
            try:
                self._file.write(line + "\n")
                self._file.flush()
                os.fsync(self._file.fileno())
            except OSError as error:
                raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> OutputError:
        return OutputError(
            f"{self.path}: the journal cannot be written ({error.strerror}); make room, name another folder with "
            "--journal, or do without with --no-journal"
        )


class NoJournal(Journal):
    """For those who do without."""

    def __init__(self) -> None:
        self._file = None

    @property
    def cut_off(self) -> str:
        """Nobody knows."""
        return ""

    def __enter__(self) -> NoJournal:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """There is nothing to close."""

    def write(self, step: str, **what: Any) -> None:
        """Write nothing."""


def journal_folder(environ: Mapping[str, str]) -> Path:
    """Where journals are kept when nobody says otherwise: the user's folder for state."""
    home = environ.get("XDG_STATE_HOME") or str(Path(environ.get("HOME") or ".") / ".local" / "state")
    return Path(home) / "sedna-dash"


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    return process != os.getpid()


def _stem(plan: Plan) -> str:
    parts = urlsplit(plan.url)
    return re.sub(r"[^A-Za-z0-9.-]+", "_", f"{parts.netloc}{parts.path}-{plan.bundle}")


def _journals(folder: Path, stem: str) -> list[Path]:
    """The journals of the same Grafana and set, oldest first; none of a set whose name goes on with a number."""
    name = re.compile(re.escape(stem) + r"-[0-9]{8}T[0-9]{12}-[0-9]+\.jsonl")
    try:
        return sorted(path for path in folder.iterdir() if name.fullmatch(path.name))
    except OSError:
        # It is made when the first line is written, or that says what is wrong with it.
        return []


def _lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a journal; one that was cut off in the middle does not count."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    found = []
    for line in text.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        found += [entry] if isinstance(entry, dict) else []
    return found
