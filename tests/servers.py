"""A Loki and a Grafana of one's own, for as long as they are needed, where this machine has the programs.

They are those of ``sedna-dash demo``, looked for on the PATH; ``SEDNA_DASH_LOKI`` names a binary of Loki that is
elsewhere, and ``SEDNA_DASH_GRAFANA`` the folder of a Grafana that is unpacked somewhere.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sedna_dash.demo import processes, servers
from sedna_dash.demo.programs import find_grafana, find_loki

#: Seconds that each may take to begin.
PATIENCE = processes.PATIENCE


@contextmanager
def running(
    command: list[str], log: Path, *, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process in the background, ended with what is inside."""
    with processes.running(Path(command[0]).name, command, log, environ=env) as program:
        yield program.process


def loki_binary() -> str:
    """Where Loki is on this machine; empty when it is not."""
    return find_loki()


@contextmanager
def loki(folder: Path, rules: Path | None = None) -> Iterator[str]:
    """A Loki that evaluates the ``rules`` in a file every five seconds; yields its URL."""
    with servers.loki(folder, find_loki(), rules=rules, every="5s") as program:
        program.until_ready()
        yield program.url


@contextmanager
def grafana(folder: Path, password: str) -> Iterator[str]:
    """A Grafana with nothing in it; yields its URL. Its administrator is ``admin``."""
    found = find_grafana()
    assert found is not None
    with servers.grafana(folder, found, password) as program:
        program.until_ready()
        yield program.url
