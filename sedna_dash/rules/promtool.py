"""Prometheus' own judge of rules: it refuses what the server would refuse, and plays their tests."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from sedna_dash.errors import RuleError, SettingsError

#: Seconds that promtool may take.
_PATIENCE = 300


def find_promtool() -> str:
    """The program, from ``SEDNA_DASH_PROMTOOL`` or the search path; empty when there is none."""
    return os.environ.get("SEDNA_DASH_PROMTOOL") or shutil.which("promtool") or ""


def needed_promtool() -> str:
    """The program. Raises `SettingsError` when there is none."""
    found = find_promtool()
    if not found:
        raise SettingsError(
            "promtool is not on the path; install Prometheus, which brings it (Debian: apt install prometheus), or "
            "name the program in SEDNA_DASH_PROMTOOL"
        )
    return found


def check_rules(promtool: str, files: Sequence[Path]) -> None:
    """Raise `RuleError` with what promtool says when it refuses a rule file."""
    done = _run(promtool, "check", "rules", *map(str, files))
    if done.returncode:
        raise RuleError(f"promtool refuses the rules: {_said(done)}")


def run_tests(promtool: str, files: Sequence[Path]) -> dict[Path, str]:
    """Play test files; returns what failed in each that failed, as promtool tells it."""
    failed = {}
    for file in files:
        done = _run(promtool, "test", "rules", str(file))
        if done.returncode:
            failed[file] = done.stdout + done.stderr
    return failed


def _run(promtool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run([promtool, *arguments], capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except OSError as error:
        raise SettingsError(f"{promtool} cannot be run ({(error.strerror or str(error)).lower()}); check it") from error
    except subprocess.TimeoutExpired as error:
        raise RuleError(f"{promtool} did not end within {_PATIENCE} s; try fewer rules") from error


def _said(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line.strip() for line in (done.stderr + done.stdout).splitlines()]
    return "; ".join(line for line in lines if line and not line.startswith(("Checking", "SUCCESS", "FAILED:")))
