"""A simulation from its options to its end: the world, what is served of it, and the files that it keeps."""

from __future__ import annotations

import json
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sedna_dash.errors import OutputError
from sedna_dash.exporter.options import DEFAULT_LISTEN
from sedna_dash.exporter.state import State
from sedna_dash.exposition import Sample
from sedna_dash.knowledge_base.cycle import KnowledgeBase
from sedna_dash.log_collection.reading import Dropped
from sedna_dash.simulator.backfill import ExporterHealth, backfill
from sedna_dash.simulator.blocks import find_promtool, write_blocks, write_file
from sedna_dash.simulator.files import write_kubeconfig, write_prometheus_config, write_text
from sedna_dash.simulator.kubernetes import KubernetesApi
from sedna_dash.simulator.log_files import LogFiles
from sedna_dash.simulator.loki import LokiPush
from sedna_dash.simulator.objects import ObjectStore
from sedna_dash.simulator.scraping import Site
from sedna_dash.simulator.serving import Pages
from sedna_dash.simulator.surroundings import DEFAULT, LogMetrics, Surroundings, writer_in
from sedna_dash.simulator.web import WebServer
from sedna_dash.simulator.world import LogLine, World, load_scenario

#: Seconds between two looks at the clock, and between two writes of the knowledge base.
_TICK, _KNOWLEDGE = 0.25, 5.0


@dataclass(frozen=True)
class Options:
    """What is simulated, and what is left where. Times are in seconds; what is None or empty is not wanted."""

    scenario: str = "tour"
    seed: int = 1
    pace: float = 1.0
    jobs: int | None = None
    start_ago: float = 0.0
    host: str = "127.0.0.1"
    port: int = 0
    sources: tuple[str, ...] = DEFAULT
    kubeconfig: Path | None = None
    knowledge_base: Path | None = None
    logs: Path | None = None
    loki: str = ""
    prometheus_config: Path | None = None
    exporter: str = ""
    kube_state_metrics: str = ""


class Simulation:
    """A world that was made by its options and has lived until now.

    Raises SettingsError for a scenario that is not there or wrong.
    """

    def __init__(self, options: Options, now: float | None = None) -> None:
        self.options = options
        #: When the simulation was begun, and when the site began.
        self.now = now = time.time() if now is None else now
        self.start = now - options.start_ago
        # Versions that an earlier simulation on this port gave out are too old for this one.
        self.store = ObjectStore(version=int(now * 1000))
        self._log_files = LogFiles(options.logs, self.store) if options.logs else None
        self._loki = LokiPush(options.loki, self._offline) if options.loki else None
        # The first lines are written while the world is made.
        logs = self._logs = LogMetrics(writer_in(self.store))
        # The definitions are there before anything that is defined by them.
        self.api = KubernetesApi(self.store, refuses=self._refuses)
        self.world = World(
            self.store,
            seed=options.seed,
            start=self.start,
            scenario=load_scenario(options.scenario, jobs=options.jobs),
            pace=options.pace,
            on_log=self._read_line,
        )
        offline = self.world.offline
        names = [node["metadata"]["name"] for node in self.store.items("nodes")]
        logs.assume_connected(name for name in names if not offline(name))
        surroundings = Surroundings(
            self.store,
            sources=options.sources,
            start=self.start,
            logs=logs,
            offline=offline,
            troubles=self.world.troubles,
        )
        self.site = Site(self.world, surroundings)
        self._written = 0.0

    def truth(self) -> list[dict[str, Any]]:
        """What is true now, row by row."""
        with self.site.lock:
            return [truth._asdict() for truth in self.world.truth()]

    def backfill(self, folder: Path, step: float, step_at_end: float | None = None) -> str:
        """Play from the start until now, and leave what Prometheus would have stored in a folder: a sample every
        ``step`` seconds, in the last two hours every ``step_at_end``.

        Returns a sentence that says what is where. Raises OutputError.
        """
        with tempfile.TemporaryDirectory(prefix="sedna-dash-knowledge-") as work:
            path = self.options.knowledge_base or Path(work) / "kb.sqlite3"
            knowledge, health = KnowledgeBase(path, interval=0), ExporterHealth(self._refuses)

            def more(now: float) -> list[Sample]:
                self._write_knowledge_base(path)
                self._write_logs()
                return [*knowledge.samples(), *health.samples(now)]

            scrapes = backfill(
                self.site,
                self.store,
                State(),
                start=self.start,
                end=self.now,
                step=step,
                step_at_end=step_at_end,
                exporter=self.options.exporter or DEFAULT_LISTEN,
                more=more,
                refuses=self._refuses,
            )
            if promtool := find_promtool():
                write_blocks(scrapes, folder, promtool)
                return f"History is in {folder}; start prometheus with --storage.tsdb.path={folder}."
            file = folder / "history.om"
            write_file(scrapes, file)
            return f"History is in {file}; with promtool: tsdb create-blocks-from openmetrics {file} {folder}"

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Serve the site and write the files that lead there; yields the URL."""
        options = self.options
        pages = Pages(self.api, self.site, self.truth)
        with WebServer(pages.answer, options.host, options.port) as server:
            try:
                if options.kubeconfig:
                    write_kubeconfig(options.kubeconfig, server.url)
                if options.prometheus_config:
                    write_prometheus_config(
                        options.prometheus_config,
                        server.url,
                        self.site.sources,
                        exporter=options.exporter,
                        kube_state_metrics=options.kube_state_metrics,
                    )
                yield server.url
            finally:
                self.api.close()

    def live(self, stop: threading.Event, seconds: float | None = None) -> None:
        """Let the world go with the clock until told to stop, or for so many seconds; with 0 history ends it."""
        if seconds == 0:
            return
        end = None if seconds is None else time.monotonic() + seconds
        self.advance(time.time())
        while not stop.wait(_TICK) and (end is None or time.monotonic() < end):
            self.advance(time.time())

    def advance(self, now: float) -> None:
        """Let the world live until an instant, and write down what it leaves. Raises OutputError."""
        self.site.advance(now)
        self._write_logs()
        if self.options.knowledge_base and now - self._written >= _KNOWLEDGE:
            self._written = now
            self._write_knowledge_base(self.options.knowledge_base)

    def flush_logs(self) -> str:
        """Send all log lines that wait for Loki; returns a sentence, empty without a Loki. Raises OutputError."""
        if not self._loki:
            return ""
        self._loki.flush()
        refused = f", {self._loki.lost} refused ({self._loki.trouble})" if self._loki.lost else ""
        return f"{self._loki.sent} log lines are in Loki{refused}."

    def write_truth(self, path: Path) -> None:
        """Write what is true now as JSON. Raises OutputError."""
        write_text(path, json.dumps(self.truth(), indent=2) + "\n")

    def _write_knowledge_base(self, path: Path) -> None:
        try:
            with self.site.lock:
                self.world.write_knowledge_base(path)
        except (sqlite3.Error, OSError) as error:
            raise OutputError(f"cannot write {path}: {error}; choose another --knowledge-base") from error

    def _read_line(self, line: LogLine) -> None:
        if self._log_files:
            self._log_files.add(line)
        read = self._logs.read(line)
        if self._loki and not isinstance(read, Dropped):
            self._loki.add(line.time, read)

    def _write_logs(self) -> None:
        if self._log_files:
            self._log_files.write()
        if self._loki:
            self._loki.write()

    def _refuses(self, plural: str) -> bool:
        return ("api-refuses", plural) in self.world.troubles()

    def _offline(self, node: str) -> bool:
        with self.site.lock:
            return self.world.offline(node)
