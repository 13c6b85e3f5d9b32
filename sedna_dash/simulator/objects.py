"""The objects of the simulated cluster, with the history that watches are answered from.

What the API server of Kubernetes promises is kept: each change gets the next resource version, a watcher sees every
change once and in order, and a version that was forgotten cannot be watched from.
https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

from __future__ import annotations

import json
import threading
import uuid
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

from sedna_dash.simulator.api_resources import API_RESOURCES

#: How many changes of a resource are remembered, and how many bytes of them: a status can be a megabyte.
HISTORY, HISTORY_BYTES = 10_000, 32 << 20

Object = dict[str, Any]


class Stored:
    """An object as it is at a version: never changed, only replaced. ``encoded`` is its JSON, on one line."""

    __slots__ = ("_data", "encoded", "version")

    def __init__(self, version: int, data: Object) -> None:
        self.version = version
        self.encoded = json.dumps(data, separators=(",", ":")).encode()
        self._data: Object | None = data

    @property
    def data(self) -> Object:
        """The object itself, which nobody may change."""
        data = self._data
        return json.loads(self.encoded) if data is None else data

    def fade(self) -> None:
        """Keep the JSON only: history is seldom looked at, and as objects it is many times as large."""
        self._data = None


class Event(NamedTuple):
    """One change: ``ADDED``, ``MODIFIED`` or ``DELETED``. A deleted object carries the version of its deletion.

    ``before`` is the object as it was, which a watch with a selector has to know.
    """

    type: str
    stored: Stored
    before: Stored | None


class ExpiredError(Exception):
    """A version is too old to be watched from: the client has to list again."""


class ObjectStore:
    """All objects of a cluster, by resource (its plural, such as ``pods``), namespace and name. Safe among threads.

    What ``get``, ``items`` and events hand out is shared: nobody may change it.
    """

    def __init__(self, *, history: int = HISTORY, version: int = 0) -> None:
        """Begin after a ``version``: a cluster that is made anew can so refuse what its former self handed out."""
        self._lock = threading.RLock()
        self._version = version
        self._objects: dict[str, dict[tuple[str, str], Stored]] = {plural: {} for plural in API_RESOURCES}
        self._history = history
        self._events: dict[str, deque[Event]] = {plural: deque() for plural in API_RESOURCES}
        self._sizes = dict.fromkeys(API_RESOURCES, 0)
        self._forgotten = dict.fromkeys(API_RESOURCES, version)
        self._changed = {plural: threading.Condition(self._lock) for plural in API_RESOURCES}

    @property
    def version(self) -> int:
        """The resource version of the latest change; 0 before the first."""
        return self._version

    def put(self, resource: str, obj: Mapping[str, Any]) -> Object:
        """Create or replace an object; returns it as it is kept.

        ``apiVersion``, ``kind``, ``metadata.uid``, ``resourceVersion`` and ``generation`` are filled in; a uid other
        than the one known means that the object was deleted and made anew. Nothing happens if nothing changed.
        """
        with self._lock:
            key = _key(obj)
            known = self._objects[resource].get(key)
            uid = obj["metadata"].get("uid")
            if known and uid and uid != known.data["metadata"]["uid"]:
                self.delete(resource, *key)
                known = None
            new = _completed(resource, obj, known.data if known else None)
            if known and new == known.data:
                return known.data
            self._version += 1
            new["metadata"]["resourceVersion"] = str(self._version)
            stored = Stored(self._version, new)
            self._objects[resource][key] = stored
            if known:
                known.fade()
            self._record(resource, Event("MODIFIED" if known else "ADDED", stored, known))
            return new

    def delete(self, resource: str, namespace: str, name: str) -> bool:
        """Remove an object; whether it was there. Cluster-wide resources have an empty namespace."""
        with self._lock:
            known = self._objects[resource].pop((namespace, name), None)
            if known is None:
                return False
            self._version += 1
            metadata = {**known.data["metadata"], "resourceVersion": str(self._version)}
            gone = Stored(self._version, {**known.data, "metadata": metadata})
            self._record(resource, Event("DELETED", gone, known))
            known.fade()
            gone.fade()
            return True

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        """An object, or None."""
        stored = self.get_stored(resource, namespace, name)
        return stored.data if stored else None

    def get_stored(self, resource: str, namespace: str, name: str) -> Stored | None:
        """An object with its JSON, or None."""
        with self._lock:
            return self._objects[resource].get((namespace, name))

    def items(self, resource: str) -> list[Object]:
        """All objects of a resource, by namespace and name."""
        return [stored.data for stored in self.stored(resource)[1]]

    def stored(self, resource: str) -> tuple[int, list[Stored]]:
        """All objects of a resource, by namespace and name, and the version at which this is the whole truth."""
        with self._lock:
            objects, version = list(self._objects[resource].items()), self._version
        return version, [stored for _, stored in sorted(objects, key=lambda item: item[0])]

    def events(self, resource: str, after: int, *, timeout: float = 0) -> tuple[int, list[Event]]:
        """The changes of a resource since a version, and the version they lead to.

        Waits up to ``timeout`` seconds for the first one, or until ``wake``. Raises ExpiredError if some of them are
        forgotten.
        """
        with self._lock:
            recorded = self._events[resource]
            if timeout > 0 and not self._is_news(resource, after):
                self._changed[resource].wait(timeout)
            self.check(resource, after)
            found = []
            for event in reversed(recorded):
                if event.stored.version <= after:
                    break
                found.append(event)
            return max(self._version, after), found[::-1]

    def check(self, resource: str, version: int) -> None:
        """Raises ExpiredError if what happened since a version is forgotten."""
        if version < self._forgotten[resource]:
            raise ExpiredError(f"too old resource version: {version} ({self._forgotten[resource]})")

    def forget(self) -> None:
        """Forget all history, as etcd's compaction does: versions before now cannot be watched from any more."""
        with self._lock:
            for resource, recorded in self._events.items():
                recorded.clear()
                self._sizes[resource] = 0
                # A watcher that has seen everything is none the worse for it.
                self._forgotten[resource] = self._version
                self._changed[resource].notify_all()

    def wake(self) -> None:
        """Let everybody who waits for events look again, such as when the server stops."""
        with self._lock:
            for condition in self._changed.values():
                condition.notify_all()

    def _is_news(self, resource: str, after: int) -> bool:
        recorded = self._events[resource]
        return after < self._forgotten[resource] or bool(recorded and recorded[-1].stored.version > after)

    def _record(self, resource: str, event: Event) -> None:
        recorded = self._events[resource]
        recorded.append(event)
        self._sizes[resource] += len(event.stored.encoded)
        while len(recorded) > self._history or (self._sizes[resource] > HISTORY_BYTES and len(recorded) > 1):
            oldest = recorded.popleft().stored
            self._sizes[resource] -= len(oldest.encoded)
            self._forgotten[resource] = oldest.version
        self._changed[resource].notify_all()


def _key(obj: Mapping[str, Any]) -> tuple[str, str]:
    metadata = obj["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def _completed(resource: str, obj: Mapping[str, Any], known: Object | None) -> Object:
    """A copy of an object with what the API server adds to it; its resource version is still the known one."""
    new: Object = json.loads(json.dumps(obj))  # the caller may go on changing its own
    about, metadata = API_RESOURCES[resource], new["metadata"]
    old = known["metadata"] if known else {"uid": metadata.get("uid") or str(uuid.uuid4()), "generation": 1}
    metadata.update({field: old[field] for field in ("uid", "generation", "resourceVersion") if field in old})
    if known and new.get("spec") != known.get("spec"):
        metadata["generation"] += 1
    if "creationTimestamp" in old:
        metadata.setdefault("creationTimestamp", old["creationTimestamp"])
    return {"apiVersion": about.api_version, "kind": about.kind, **new}
