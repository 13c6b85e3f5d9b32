"""All that the exporter knows: the lines of every object, and what is needed to join objects.

Objects come in any order. Each is turned into lines when it changes, and then only its lines and a few facts are kept.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sedna_dash.catalog import Catalog, default_catalog
from sedna_dash.crds import CRDS
from sedna_dash.exporter import families, joined
from sedna_dash.exporter.exposing import Ledger, deflated, gzip_stream
from sedna_dash.exporter.fields import Fields
from sedna_dash.exporter.knowledge_server import KnowledgeServer
from sedna_dash.exporter.limits import Limits
from sedna_dash.exporter.lines import Lines
from sedna_dash.exporter.pods import Worker, read_worker
from sedna_dash.exporter.relations import Key, Relations
from sedna_dash.exporter.resource import Resource
from sedna_dash.exporter.shards import Shard
from sedna_dash.exposition import END, Sample, header, line

#: KubeEdge's label of edge nodes.
_EDGE_ROLE = "node-role.kubernetes.io/edge"

_log = logging.getLogger("sedna_dash.exporter")


class State:
    """What is known of Sedna, and the text that says so. Safe for threads.

    ``leave_out`` names families that have another writer; ``shard`` says which objects are shown here.
    """

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        leave_out: frozenset[str] = frozenset(),
        shard: Shard | None = None,
        sedna_namespace: str = "sedna",
        catalog: Catalog | None = None,
    ) -> None:
        self._limits = limits or Limits()
        self._leave_out = leave_out
        self._shard = shard or Shard()
        self._catalog = catalog or default_catalog()
        self._lock = threading.Lock()
        self._ledger = Ledger()
        self._relations = Relations()
        self._knowledge = KnowledgeServer(sedna_namespace)
        self._versions: dict[Key, tuple[str, int]] = {}
        self._stage_counts: dict[Key, dict[tuple[str, str], int]] = {}
        self._shown: Counter[str] = Counter(dict.fromkeys(CRDS, 0))
        self._dropped: Counter[tuple[str, str]] = Counter()
        self._wrong: Counter[tuple[str, str]] = Counter()

    def put(self, kind: str, obj: Mapping[str, Any]) -> None:
        """An object as the API server gives it: of one of Sedna's kinds, a Pod, a Node or a Service.

        A version older than the known one is ignored, and so is what has no name. Nothing that an object holds makes
        this fail.
        """
        with self._lock:
            fields = Fields(obj, lambda path: self._report(kind, path, key))
            key: Key = (kind, "", "")
            key = (kind, fields.text("metadata.namespace"), fields.text("metadata.name"))
            uid, version = fields.text("metadata.uid"), _number(fields.text("metadata.resourceVersion"))
            known = self._versions.get(key)
            if not key[2] or (known is not None and version and version < known[1]):
                return
            if known is not None and known[0] != uid:
                self._forget(key)
            self._versions[key] = (uid, version)
            try:
                self._take(key, fields, uid)
            except Exception:
                # One odd object must not hide all others, nor end the watch that brought it.
                if not self._wrong[kind, "*"]:
                    _log.exception("%s %s/%s cannot be read and is left out; please report this as a bug", *key)
                self._wrong[kind, "*"] += 1
                self._forget(key)

    def delete(self, kind: str, namespace: str, name: str, version: str = "") -> None:
        """Forget an object, unless a newer one of the same name is known."""
        key = (kind, namespace, name)
        with self._lock:
            known = self._versions.get(key)
            if known is not None and not 0 < _number(version) < known[1]:
                del self._versions[key]
                self._forget(key)

    def expose(self, *, openmetrics: bool = False, packed: bool = False, more: Iterable[Sample] = ()) -> bytes:
        """Everything as text, gzipped if ``packed``, together with ``more`` series from elsewhere."""
        loose: dict[str, list[bytes]] = {}
        for sample in more:
            loose.setdefault(sample.family, []).append(line(*sample))
        with self._lock:
            for sample in self._samples():
                loose.setdefault(sample.family, []).append(line(*sample))
            # One piece at a time: all of them at once would be the whole text again.
            pieces = self._pieces(loose, openmetrics=openmetrics, packed=packed)
            return gzip_stream(pieces) if packed else b"".join(plain for plain, _ in pieces)

    def _samples(self) -> Iterable[Sample]:
        """What is known about the state itself, and where the knowledge base is."""
        for kind, count in self._shown.items():
            yield Sample("sedna_exporter_objects", {"kind": kind}, count)
        for family, count in self._ledger.series().items():
            yield Sample("sedna_exporter_series", {"family": family}, count)
        for (kind, field), count in self._wrong.items():
            yield Sample("sedna_exporter_parse_errors_total", {"kind": kind, "field": field}, count)
        for (family, reason), count in self._dropped.items():
            yield Sample("sedna_exporter_dropped_series_total", {"family": family, "reason": reason}, count)
        if self._shard.index == 0:
            yield from self._knowledge.samples(self._relations.locations)

    def _pieces(
        self, loose: Mapping[str, list[bytes]], *, openmetrics: bool, packed: bool
    ) -> Iterable[tuple[bytes, bytes]]:
        """Parts of the answer, as they are and, when asked for, deflated."""
        press: Callable[[bytes], bytes] = deflated if packed else lambda data: b""
        kept = self._ledger.series()
        for family in sorted({*kept, *loose}):
            metric = self._catalog.find(family)
            if metric is None:
                continue
            start = header(metric, family, openmetrics=openmetrics) + b"".join(loose.get(family, ()))
            yield start, press(start)
            if family in kept:
                plain = self._ledger.plain(family)
                yield from zip(plain, self._ledger.packed(family) if packed else plain, strict=True)
        if openmetrics:
            yield END, press(END)

    def _take(self, key: Key, fields: Fields, uid: str) -> None:
        kind, namespace, name = key
        if kind == "Pod":
            self._knowledge.pod(fields)
            self._take_worker(key, read_worker(fields))
        elif kind == "Service":
            self._knowledge.service(fields)
        elif kind == "Node":
            self._locate(name, "edge" if _EDGE_ROLE in fields.mapping("metadata.labels") else "cloud")
        else:
            if kind == "Dataset":
                self._count_samples(namespace, name, fields.count("status.numberOfSamples"))
            if self._shard.owns(uid):
                self._take_resource(key, fields)

    def _take_resource(self, key: Key, fields: Fields) -> None:
        kind, namespace, name = key
        identity = {"namespace": namespace, "kind": kind, "name": name}
        resource = Resource(CRDS[kind], fields, self._limits)
        if resource.crd.stages:
            resource.history.raise_counts(self._stage_counts.get(key, {}))
            self._stage_counts[key] = resource.history.counts
        lines = self._lines(identity)
        families.write(resource, lines)
        self._shown[kind] += key not in self._ledger
        self._show(key, lines)
        if resource.crd.runs:
            self._set_job(key, joined.needs(resource, identity))
            self._join(key)

    def _take_worker(self, key: Key, worker: Worker | None) -> None:
        if worker is not None and not self._shard.owns(worker.uid):
            worker = None
        if worker is not None or key in self._relations.workers:
            for job in self._relations.set_worker(key, worker):
                self._join(job)
            self._show_worker(key)

    def _show_worker(self, key: Key) -> None:
        worker = self._relations.workers.get(key)
        if worker is None or worker.job not in self._relations.needs:
            self._ledger.remove(key)
            return
        lines = self._lines(
            {"namespace": worker.namespace, "pod": worker.pod, "kind": worker.kind, "name": worker.name}
        )
        worker.write(self._relations.locations.get(worker.node, ""), lines)
        self._show(key, lines)

    def _set_job(self, job: Key, needs: joined.Needs | None) -> None:
        """Keep a job; its workers come and go with it."""
        news = (job in self._relations.needs) != (needs is not None)
        self._relations.set_job(job, needs)
        if news:
            for worker in self._relations.workers_of(job):
                self._show_worker(("Pod", worker.namespace, worker.pod))

    def _locate(self, node: str, location: str | None) -> None:
        for pod in self._relations.set_location(node, location):
            self._show_worker(pod)

    def _count_samples(self, namespace: str, dataset: str, samples: float | None) -> None:
        for job in self._relations.set_samples(namespace, dataset, samples):
            self._join(job)

    def _join(self, job: Key) -> None:
        """Write the series of a job that need other objects."""
        needs = self._relations.needs.get(job)
        if needs is None:
            return
        lines = self._lines(needs.identity)
        joined.write(
            needs, self._relations.workers_of(job), lambda name: self._relations.samples_of(job[1], name), lines
        )
        self._show(("joined", *job), lines)

    def _forget(self, key: Key) -> None:
        kind, namespace, name = key
        self._knowledge.forget(kind, namespace, name)
        if kind == "Pod":
            self._take_worker(key, None)
        elif kind == "Node":
            self._locate(name, None)
        elif kind in CRDS:
            self._shown[kind] -= key in self._ledger
            self._ledger.remove(key)
            self._ledger.remove(("joined", *key))
            self._stage_counts.pop(key, None)
            self._set_job(key, None)
            if kind == "Dataset":
                self._count_samples(namespace, name, None)

    def _lines(self, identity: Mapping[str, str]) -> Lines:
        return Lines(identity, leave_out=self._leave_out, catalog=self._catalog)

    def _show(self, key: tuple[str, ...], lines: Lines) -> None:
        self._ledger.set(key, lines.text())
        self._dropped.update(lines.dropped)

    def _report(self, kind: str, path: str, key: Key) -> None:
        if not self._wrong[kind, path]:
            _log.warning("%s %s/%s: %s has a value that cannot be read; counted from now on", *key, path)
        self._wrong[kind, path] += 1


def _number(version: str) -> int:
    """A resource version as a number, 0 when it is none. Kubernetes lets us compare those that are."""
    return int(version) if version.isascii() and version.isdigit() else 0
