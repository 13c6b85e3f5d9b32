"""Everything at the site that Prometheus scrapes: the surroundings, and the workers that run the worker hook."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sedna_dash.catalog import Catalog, default_catalog
from sedna_dash.exposition import Sample, line, text
from sedna_dash.simulator.surroundings import Surroundings, Target

#: Where the metrics of workers are, as a source; their series bear no label of the pod, or counts of one job would
#: be several series.
WORKERS = "workers"
_WORKER_PORT = 9464


class WorkerEndpoint(Protocol):
    """What the worker hook in a pod serves."""

    @property
    def namespace(self) -> str: ...
    @property
    def pod(self) -> str: ...
    @property
    def node(self) -> str: ...
    @property
    def samples(self) -> Sequence[Sample]: ...


class World(Protocol):
    """What is asked of the world."""

    def advance(self, now: float) -> Any: ...
    def worker_metrics(self) -> Sequence[WorkerEndpoint]: ...
    def offline(self, node: str) -> bool: ...


class Site:
    """A world with its surroundings. Safe among threads, if nobody else touches the world."""

    def __init__(self, world: World, surroundings: Surroundings) -> None:
        self._world, self._surroundings = world, surroundings
        #: Held while the world moves; who asks it something else holds it, too.
        self.lock = threading.Lock()
        self._said: tuple[int, list[tuple[Target, Sequence[Sample] | None]]] = (-1, [])

    @property
    def sources(self) -> list[str]:
        """What can be scraped, as names of jobs."""
        return [*(source.name for source in self._surroundings.sources), WORKERS]

    def advance(self, now: float) -> None:
        """Let the world live until an instant."""
        with self.lock:
            self._world.advance(now)

    def scrapes(self, now: float) -> list[tuple[Target, Sequence[Sample] | None]]:
        """Every target with what it says at an instant; None for one that does not answer."""
        found = [(target, self._surroundings.scrape(target, now)) for target in self._surroundings.targets(now)]
        return [*found, *self._workers(now)]

    def targets(self, now: float) -> list[Target]:
        """Every target, also those that cannot be reached now."""
        return [*self._surroundings.targets(now), *(target for target, _ in self._workers(now))]

    def scrape(self, target: Target, now: float) -> Sequence[Sample] | None:
        """What a target says at an instant; None if it does not answer."""
        if target.source != WORKERS:
            return self._surroundings.scrape(target, now)
        return next((samples for worker, samples in self._workers(now) if worker.path == target.path), None)

    def _workers(self, now: float) -> list[tuple[Target, Sequence[Sample] | None]]:
        """What all workers say, asked once for those who scrape one after the other in the same second."""
        with self.lock:
            if self._said[0] != int(now):
                endpoints = [
                    (endpoint, self._world.offline(endpoint.node)) for endpoint in self._world.worker_metrics()
                ]
                self._said = int(now), [(_target(one), None if dark else one.samples) for one, dark in endpoints]
            return self._said[1]


def _target(endpoint: WorkerEndpoint) -> Target:
    where = f"{endpoint.namespace}/{endpoint.pod}"
    labels = {"job": "sedna-workers", "instance": f"{endpoint.pod}.{endpoint.namespace}:{_WORKER_PORT}"}
    return Target(WORKERS, f"{WORKERS}/{where}", labels, endpoint.node)


def as_text(samples: Sequence[Sample], labels: Mapping[str, str], catalog: Catalog | None = None) -> bytes:
    """Samples as Prometheus' text, with more labels on each that does not have them."""
    catalog = catalog or default_catalog()
    families: dict[str, list[bytes]] = {}
    for name, own, value in samples:
        metric = catalog.find(name)
        family = name if metric is None or metric.prefix else metric.name
        families.setdefault(family, []).append(line(name, {**labels, **own}, value))
    return text(
        (
            (metric, family, b"".join(lines))
            for family, lines in families.items()
            if (metric := catalog.find(family)) is not None
        ),
        openmetrics=False,
    )
