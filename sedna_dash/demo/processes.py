"""Programs that run for us in the background, and end with us."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sedna_dash.demo.interrupting import heed
from sedna_dash.errors import ProgramError, SettingsError

#: Seconds that a program may take to begin, and to end.
PATIENCE, GRACE = 120.0, 20.0
#: Seconds between two looks.
_PAUSE = 0.1
#: How much of what a program said last is told.
_LINES, _LETTERS = 3, 300
#: Free bytes below which a program cannot even say why it ended.
_FULL = 1 << 20
HOST = "127.0.0.1"
#: Opens addresses of loopback. A proxy of the site's would look for them on itself.
open_here = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


@dataclass(frozen=True)
class Program:
    """A program that was started: what people call it, where its output goes and where it will answer."""

    title: str
    process: subprocess.Popen[bytes]
    log: Path
    url: str = ""
    answers: Callable[[], bool] = lambda: True
    patience: float = PATIENCE

    def until_ready(self) -> None:
        """Wait until it answers. Raises `ProgramError` with its last lines."""
        self.until(self.answers)

    def until(self, holds: Callable[[], bool], what: str = "") -> None:
        """Wait for something that it has to bring about. Raises `ProgramError`."""
        end = time.monotonic() + self.patience
        while not holds():
            self.check()
            if time.monotonic() > end:
                raise ProgramError(f"{self._did_not(what)} within {self.patience:g} s; {self._said()}")
            heed(_PAUSE)

    def until_done(self) -> None:
        """Wait for its good end. Raises `ProgramError`."""
        self.until(lambda: self.process.poll() == 0, "end")

    def check(self) -> None:
        """Raise `ProgramError` when it has ended."""
        code = self.process.poll()
        if code is not None:
            raise ProgramError(f"{self.title} {_how(code)}; {self._said()}")

    def _did_not(self, what: str) -> str:
        return f"{self.title} did not {what or 'answer'}"

    def _said(self) -> str:
        lines = [line.strip()[:_LETTERS] for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        said = f"it said last: {' / '.join(lines[-_LINES:])}" if lines else "it said nothing"
        if shutil.disk_usage(self.log.parent).free < _FULL:
            return f"the disk of {self.log.parent} is full, so make room or name another with --keep; {said}"
        return said


def _how(code: int) -> str:
    """How a program ended that had this exit code."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


@contextmanager
def running(
    title: str,
    command: Sequence[str],
    log: Path,
    *,
    url: str = "",
    answers: Callable[[], bool] = lambda: True,
    patience: float = PATIENCE,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Iterator[Program]:
    """A program in the background, ended with what is inside; without ``environ`` it has our environment. Raises
    `ProgramError` when it cannot be started."""
    with log.open("ab") as output:
        try:
            # In a session of its own: Ctrl-C is ours, and everything is ended in its order.
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environ, cwd=folder,
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise ProgramError(f"{title}: {command[0]} cannot be started ({error.strerror or error})") from error
    try:
        yield Program(title, process, log, url, answers, patience)
    finally:
        process.terminate()
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def answers(url: str) -> bool:
    """Whether an address answers 200."""
    try:
        with open_here(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def free_port(wanted: int = 0, option: str = "") -> int:
    """A port of loopback that nobody listens on: the wanted one, else any. Raises `SettingsError` if it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise SettingsError(
                f"{option}: port {wanted} cannot be had ({reason}); give another, or none for a free one"
            ) from error
        return int(probe.getsockname()[1])
