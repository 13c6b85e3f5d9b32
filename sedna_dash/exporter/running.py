"""The exporter as a whole: watchers, the knowledge base reader and the server, started and stopped together."""

from __future__ import annotations

import platform
import threading
import time
from collections.abc import Callable, Iterable, Iterator

from sedna_dash import __version__
from sedna_dash.exporter.server import Pages, Server
from sedna_dash.exporter.state import State
from sedna_dash.exporter.targets import Target
from sedna_dash.exporter.watching import Source, Watcher
from sedna_dash.exporter.web_config import WebConfig
from sedna_dash.exposition import Sample

#: Series from elsewhere, asked for at each scrape.
Samples = Callable[[], Iterable[Sample]]


class Exporter:
    """Watches and serves. ``more`` are series of other parts, such as the knowledge base reader."""

    def __init__(
        self,
        state: State,
        *,
        source: Source | None = None,
        targets: Iterable[Target] = (),
        more: Iterable[Samples] = (),
    ) -> None:
        self.state = state
        self._stop = threading.Event()
        self._more = tuple(more)
        self._took = 0.0
        self.watchers = [Watcher(target, source, state, stop=self._stop) for target in targets] if source else []

    def metrics(self, openmetrics: bool = False, packed: bool = False) -> bytes:
        """What a scrape gets."""
        begun = time.perf_counter()
        body = self.state.expose(openmetrics=openmetrics, packed=packed, more=self._own())
        self._took = time.perf_counter() - begun
        return body

    def waiting_for(self) -> str:
        """What has not been listed yet, in a sentence; empty when all has."""
        missing = [watcher.target.resource for watcher in self.watchers if not watcher.synced]
        return f"The first list is missing of: {', '.join(missing)}." if missing else ""

    def serve(self, host: str, port: int, web: WebConfig | None = None) -> Server:
        """Begin to watch and to listen; the server answers once `run` or its own ``serve_forever`` is called."""
        server = Server(host, port, Pages(self.metrics, self.waiting_for), web)
        for watcher in self.watchers:
            threading.Thread(target=watcher.run, name=watcher.target.resource, daemon=True).start()
        return server

    def stop(self) -> None:
        """Tell the watchers to end. They are daemons: one that waits for the API server does not keep us."""
        self._stop.set()

    def _own(self) -> Iterator[Sample]:
        yield Sample(
            "sedna_exporter_build_info", {"version": __version__, "pythonversion": platform.python_version()}, 1
        )
        yield Sample("sedna_exporter_scrape_duration_seconds", {}, self._took)
        for watcher in self.watchers:
            yield from watcher.samples()
        for samples in self._more:
            yield from samples()
