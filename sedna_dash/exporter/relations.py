"""Who belongs to whom: jobs, the datasets they use, their worker pods, and the nodes of these."""

from __future__ import annotations

from collections.abc import Iterable

from sedna_dash.exporter.joined import Needs
from sedna_dash.exporter.pods import Worker

#: Kind, namespace and name.
Key = tuple[str, str, str]


class Relations:
    """Indexes over what is kept of every object. Each method that changes something says whose series change by it."""

    def __init__(self) -> None:
        self.needs: dict[Key, Needs] = {}
        self.workers: dict[Key, Worker] = {}
        self.locations: dict[str, str] = {}
        self._samples: dict[tuple[str, str], float] = {}
        self._users: dict[tuple[str, str], set[Key]] = {}
        self._workers_of: dict[Key, dict[Key, Worker]] = {}
        self._pods_on: dict[str, set[Key]] = {}

    def set_job(self, key: Key, needs: Needs | None) -> None:
        """Keep what a job needs; None forgets it."""
        before = self.needs.pop(key, None)
        for dataset in before.datasets if before else ():
            users = self._users.get((key[1], dataset), set())
            users.discard(key)
            if not users:
                self._users.pop((key[1], dataset), None)
        if needs is not None:
            self.needs[key] = needs
            for dataset in needs.datasets:
                self._users.setdefault((key[1], dataset), set()).add(key)

    def set_samples(self, namespace: str, dataset: str, samples: float | None) -> Iterable[Key]:
        """Keep the size of a dataset; None forgets it. Returns the jobs that use it."""
        before = self._samples.pop((namespace, dataset), None)
        if samples is not None:
            self._samples[namespace, dataset] = samples
        return () if before == samples else tuple(self._users.get((namespace, dataset), ()))

    def set_worker(self, key: Key, worker: Worker | None) -> Iterable[Key]:
        """Keep a worker pod; None forgets it. Returns the jobs that it belongs or belonged to."""
        before = self.workers.pop(key, None)
        if before is not None:
            _take_out(self._workers_of, before.job, key)
            pods = self._pods_on.get(before.node, set())
            pods.discard(key)
            if not pods:
                self._pods_on.pop(before.node, None)
        if worker is not None:
            self.workers[key] = worker
            self._workers_of.setdefault(worker.job, {})[key] = worker
            self._pods_on.setdefault(worker.node, set()).add(key)
        return {found.job for found in (before, worker) if found is not None}

    def set_location(self, node: str, location: str | None) -> Iterable[Key]:
        """Keep where a node stands; None forgets it. Returns the pods on it, if that is news."""
        before = self.locations.pop(node, None)
        if location is not None:
            self.locations[node] = location
        return () if before == location else tuple(self._pods_on.get(node, ()))

    def workers_of(self, job: Key) -> list[Worker]:
        """The worker pods of a job."""
        return list(self._workers_of.get(job, {}).values())

    def samples_of(self, namespace: str, dataset: str) -> float | None:
        """The size of a dataset, if anybody has counted it."""
        return self._samples.get((namespace, dataset))


def _take_out(index: dict[Key, dict[Key, Worker]], job: Key, pod: Key) -> None:
    pods = index.get(job, {})
    pods.pop(pod, None)
    if not pods:
        index.pop(job, None)
