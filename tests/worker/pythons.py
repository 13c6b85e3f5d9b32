"""The interpreters that workers may have, as far as this machine has them, and what sedna they find."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import sedna_dash

HERE = Path(__file__).parent
CHECKOUT = Path(sedna_dash.__file__).parent.parent
STAND_IN = HERE / "stand_in"

#: Sedna's own library runs on these: its websockets fails on 3.10.
OLD = ("3.6", "3.7", "3.8", "3.9")


class Python(NamedTuple):
    """An interpreter, and where its sedna comes from."""

    name: str
    command: str
    sedna: Path = STAND_IN

    def run(self, *args: str, path: tuple[Path, ...] | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run it with our package and sedna on its path, in an environment of its own."""
        found = (CHECKOUT, self.sedna) if path is None else path
        return subprocess.run(
            [self.command, *args],
            env={**clean(), "PYTHONPATH": os.pathsep.join(map(str, found)), **environ},
            capture_output=True,
            text=True,
            timeout=120,
        )


def clean() -> Mapping[str, str]:
    """The environment without what would make a worker of this process, or send its requests elsewhere."""
    kept = {"PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH"}
    # An old interpreter may not write its byte code into the checkout.
    return {**{name: text for name, text in os.environ.items() if name in kept}, "PYTHONDONTWRITEBYTECODE": "1"}


THIS = Python("this", sys.executable)


@cache
def old() -> list[Python]:
    """The old interpreters of this machine: on its path, or of pyenv."""
    roots = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = []
    for version in OLD:
        commands = [shutil.which(f"python{version}"), *map(str, sorted(roots.glob(f"{version}.*/bin/python")))]
        for command in filter(None, commands):
            if subprocess.run([command, "-c", "import ssl"], capture_output=True).returncode == 0:  # no shim of pyenv
                found.append(Python(version, command))
                break
    return found


def real() -> Python | None:
    """The interpreter that can import the real library of sedna, and the folder of that, if the environment says.

    ``SEDNA_DASH_TEST_SEDNA_LIB`` is the folder ``lib`` of Sedna's sources, ``SEDNA_DASH_TEST_SEDNA_PYTHON`` an
    interpreter that has what it requires.
    """
    library = os.environ.get("SEDNA_DASH_TEST_SEDNA_LIB")
    if not library:
        return None
    return Python("sedna", os.environ.get("SEDNA_DASH_TEST_SEDNA_PYTHON", sys.executable), Path(library))
