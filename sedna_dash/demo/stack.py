"""Everything at once: the simulated site and the programs around it, in the order in which they need each other."""

from __future__ import annotations

import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sedna_dash.demo import servers
from sedna_dash.demo.interrupting import heed
from sedna_dash.demo.past import Window, remember
from sedna_dash.demo.processes import HOST, Program, free_port, running
from sedna_dash.demo.programs import Programs
from sedna_dash.demo.servers import Play
from sedna_dash.demo.site_rules import site_rules
from sedna_dash.errors import OutputError, ProgramError
from sedna_dash.rules.ruleset import RuleSet

#: What says that something begins that takes a while, and in the end how long it took.
Stage = Callable[[str], AbstractContextManager[object]]

_SCRAPE = "15s"
#: Free bytes that a demo wants: an hour of the tour with its logs is 25 MB.
_ROOM, _ROOM_PER_HOUR = 200 << 20, 25 << 20


@dataclass(frozen=True)
class Ports:
    """Where the programs listen on loopback."""

    prometheus: int = field(default_factory=free_port)
    grafana: int = field(default_factory=free_port)
    loki: int = field(default_factory=free_port)
    exporter: int = field(default_factory=free_port)


@dataclass(frozen=True)
class Stack:
    """A running site. ``began`` is when the site began, in seconds since 1970; addresses of what does not run are
    empty."""

    began: float
    prometheus: str
    exporter: str
    loki: str
    grafana: str
    password: str
    programs: tuple[Program, ...] = ()

    def watch(self) -> None:
        """Stay until somebody wants us to stop. Raises `ProgramError` when a program ends before."""
        while True:
            for program in self.programs:
                program.check()
            heed(1.0)


@contextmanager
def stack(
    folder: Path, play: Play, programs: Programs, ports: Ports, rules: RuleSet, source: Path, stage: Stage
) -> Iterator[Stack]:
    """Bring up everything that there are programs for, with all files in a folder; ends it with what is inside.

    Raises `ProgramError` when one of them does not come up, and `OutputError` when there is no room.
    """
    check_room(folder, play, shutil.disk_usage(folder).free)
    prometheus, exporter = f"{HOST}:{ports.prometheus}", f"{HOST}:{ports.exporter}"
    grafana_url = f"http://{HOST}:{ports.grafana}" if programs.grafana else ""
    password = secrets.token_urlsafe(9)
    ours = site_rules(rules, grafana_url)
    ours.write(folder / "rules")
    with ExitStack() as opened:
        started: list[Program] = []

        def start(program: AbstractContextManager[Program]) -> Program:
            started.append(opened.enter_context(program))
            return started[-1]

        grafana = loki = None
        if programs.grafana:
            grafana = start(servers.grafana(folder, programs.grafana, password, port=ports.grafana))
        if programs.loki:
            with stage("Starting Loki"):
                loki = start(servers.loki(folder, programs.loki, port=ports.loki, rules=folder / "rules/lines.yaml"))
                loki.until_ready()
        logs = loki.url if loki else ""
        began = time.time() - play.seconds
        with stage(f"Playing {play.seconds / 3600:.3g} hours of {play.scenario}"), blaming(started):
            site = start(servers.simulator(folder, play, programs, exporter=exporter, loki=logs))
            if grafana:
                # Grafana is idle while history is played.
                grafana.until_ready()
                _deploy(folder, grafana.url, password, f"http://{prometheus}", logs, source)
            site.until_ready()
        with stage("Evaluating the rules on that history"), blaming(started):
            reader = start(servers.exporter(folder, exporter))
            reader.until_ready()
            window = Window(began, time.time(), max(play.step, 60.0))
            remember(folder, programs, folder / "rules/records.yaml", window, ours.conditions)
            files = [folder / "rules/records.yaml", folder / "rules/alerts.yaml"]
            servers.configure(folder / "prometheus.yml", files, interval=_SCRAPE)
            store = start(servers.prometheus(folder, prometheus, programs))
            store.until_ready()
        for program in started:
            program.check()
        yield Stack(began, store.url, reader.url, logs, grafana_url, password, tuple(started))


@contextmanager
def blaming(started: Sequence[Program]) -> Iterator[None]:
    """Who fails because another program ended is not to blame: raises `ProgramError` about the one that ended first."""
    try:
        yield
    except ProgramError:
        for program in started:
            program.check()
        raise


def _deploy(folder: Path, url: str, password: str, prometheus: str, loki: str, source: Path) -> None:
    """Put the dashboards and datasources into a Grafana."""
    command = [sys.executable, "-m", "sedna_dash", "deploy", "--no-journal", "--source", str(source.absolute())]
    # Its log panels need a datasource, though there is no Loki.
    command += ["--prometheus-url", prometheus, "--loki-url", loki or f"http://{HOST}:9"]
    environ = servers.own_environment(folder, GRAFANA_URL=url, GRAFANA_USER="admin", GRAFANA_PASSWORD=password)
    # In the folder, so that no settings file of somebody's real Grafana is found.
    with running("sedna-dash deploy", command, folder / "deploy.log", environ=environ, folder=folder) as program:
        program.until_done()


def check_room(folder: Path, play: Play, free: int) -> None:
    """Raise `OutputError` unless so many free bytes are enough."""
    wanted = _ROOM + int(play.seconds / 3600 * _ROOM_PER_HOUR)
    if free < wanted:
        raise OutputError(
            f"{folder}: only {free >> 20} MB are free, and the demo needs {wanted >> 20}; make room, ask for fewer "
            "--hours, or name a folder elsewhere with --keep"
        )
