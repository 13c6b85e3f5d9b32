"""The completion scripts, sourced by the shells they are for."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAMS = Path(sys.executable).parent


def shell(name: str, program: str, cwd: Path, *arguments: str) -> str:
    """What a shell prints for a program of its language. The script is in the variable ``script``."""
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    environment = os.environ | {"PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}", "script": script(name)}
    done = subprocess.run(
        [name, "-c", program, *arguments],
        env=environment, cwd=cwd, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def script(name: str) -> str:
    done = subprocess.run(
        [PROGRAMS / "sedna-dash", "completion", name], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


BASH = """
eval "$script"
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_sedna_dash_completion sedna-dash
printf '%s\\n' "${COMPREPLY[@]}"
"""

COMPLETED = {
    "a command": (["bui"], {"build"}),
    "a command that is loaded late": (["dep"], {"deploy"}),
    "a command of a command": (["worker", "con"], {"configmap"}),
    "an option": (["build", "--dashboards-p"], {"--dashboards-path"}),
    "a value": (["lint", "--format", "s"], {"sarif"}),
    "a value after others": (["lint", "--strict", "--format", "t"], {"text"}),
    "nothing that there is": (["xyz"], {""}),
}


@pytest.mark.parametrize("name", COMPLETED)
def test_bash_completes(name: str, tmp_path: Path) -> None:
    words, expected = COMPLETED[name]
    assert set(shell("bash", BASH, tmp_path, "-", "sedna-dash", *words).splitlines()) == expected


def test_fish_completes(tmp_path: Path) -> None:
    said = shell("fish", 'echo $script | source; complete -C "sedna-dash bui"', tmp_path)
    assert [line.split("\t")[0] for line in said.splitlines()] == ["build"]


@pytest.mark.parametrize("name", ["bash", "zsh"])
def test_the_shell_can_read_it(name: str, tmp_path: Path) -> None:
    assert shell(name, f'printf %s "$script" | {name} -n', tmp_path) == ""


def test_an_unknown_shell_is_refused_with_those_that_are_known() -> None:
    done = subprocess.run(
        [PROGRAMS / "sedna-dash", "completion", "csh"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert "'bash', 'zsh', 'fish'" in done.stderr
