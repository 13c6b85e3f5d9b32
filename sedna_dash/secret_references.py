"""References to secrets, and the only code that follows them.

No exception that leaves this module knows a secret, not even in the chain behind it: a decoding error holds the
bytes, a timeout the output so far. So every error is raised after the `except` block, where nothing is chained.
"""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sedna_dash.errors import SettingsError

#: A command that takes longer is waiting for something that will not come.
COMMAND_SECONDS = 30

#: The longest secret in bytes. A chain of certificates fits many times.
LONGEST = 64 * 1024

#: Called as `subprocess.run` is.
Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


@dataclass(frozen=True)
class SecretReference:
    """Where a secret is to be found: exactly one of an environment variable, a file and a command."""

    env: str | None = None
    file: Path | None = None
    # Not in the repr: somebody may have written a password among the arguments.
    command: tuple[str, ...] = field(default=(), repr=False)
    #: Where the reference is written, like ``sedna-dash.yaml:9: environments.edge-7.credentials.token``.
    where: str = field(default="", compare=False)

    def __str__(self) -> str:
        """The reference as errors show it: with its place, and of a command only the program."""
        if self.env is not None:
            shown = f"environment variable {self.env}"
        elif self.file is not None:
            shown = f"file {self.file}"
        else:
            shown = f"command {self.command[0] if self.command else ''}"
        return f"{self.where}: {shown}" if self.where else shown


def resolved(reference: SecretReference, environ: Mapping[str, str], run: Run = subprocess.run) -> str:
    """The secret, without the line end that files and commands put behind it.

    Raises `SettingsError`, which names the reference and never what it leads to.
    """
    if reference.env is not None:
        value = environ.get(reference.env)
        if value is None:
            raise SettingsError(f"{reference} is not set; set it to the secret")
        # Bytes that were no text have become lone surrogates; encoded like this they are refused as no text again.
        return _text(value.encode("utf-8", "surrogatepass"), reference)
    if reference.file is not None:
        return _text(_content(reference.file, reference), reference)
    return _text(_output(reference, environ, run), reference)


def _text(found: bytes, reference: SecretReference) -> str:
    if len(found) > LONGEST:
        raise SettingsError(f"{reference} gives more than {LONGEST // 1024} KiB; it should give only the secret")
    try:
        text = found.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = None
    if text is None:
        raise SettingsError(f"{reference} gives no UTF-8 text; it should give only the secret")
    secret = text if reference.env is not None else text.rstrip("\r\n")
    if not secret:
        raise SettingsError(f"{reference} is empty; it should give the secret")
    return secret


def _content(path: Path, reference: SecretReference) -> bytes:
    try:
        # A pipe that nobody writes to would be waited for.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            if stat.S_ISREG(os.fstat(handle).st_mode):
                with os.fdopen(handle, "rb", closefd=False) as file:
                    return file.read(LONGEST + 1)
            why = "it is no regular file"
        finally:
            os.close(handle)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "that is no path"
    raise SettingsError(f"{reference} cannot be read ({why}); name a file that holds only the secret")


def _output(reference: SecretReference, environ: Mapping[str, str], run: Run) -> bytes:
    try:
        done = run(
            list(reference.command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            # It may say the secret there, too.
            stderr=subprocess.DEVNULL,
            timeout=COMMAND_SECONDS,
            check=False,
            env=dict(environ),
        )
        if done.returncode == 0:
            return done.stdout
        ended = f"exit code {done.returncode}" if done.returncode > 0 else f"signal {-done.returncode}"
        problem = f"failed with {ended}; run it by hand to see why"
    except subprocess.TimeoutExpired:
        problem = f"gave no answer in {COMMAND_SECONDS} seconds; it may be waiting for input, which it cannot have"
    except FileNotFoundError:
        problem = "was not found; install it, or give its whole path"
    except (OSError, ValueError) as error:
        problem = f"cannot be started ({getattr(error, 'strerror', None) or 'that is no command'}); check its path"
    raise SettingsError(f"{reference} {problem}")


__all__ = ["COMMAND_SECONDS", "LONGEST", "Run", "SecretReference", "resolved"]
