"""Keeping up with the API server: a list, then a watch from there, for as long as the exporter lives.

When the server is away, what is known stays and is marked as stale. A watch goes on from the last version that was
seen; only when the server no longer has that one (410) is there a new list, and what is not in it is gone.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import orjson

from sedna_dash.exporter.api_error import ApiError
from sedna_dash.exporter.state import State
from sedna_dash.exporter.targets import Target
from sedna_dash.exposition import Sample

_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0
#: A kind whose CRD is not installed, or that we may not read, is asked for again now and then.
_RARE_WAIT = 60.0
_GONE = 410

_log = logging.getLogger("sedna_dash.exporter")


class Source(Protocol):
    """What `cluster.Cluster` can do."""

    def pages(
        self, path: str, query: Mapping[str, str], *, metadata_only: bool = False
    ) -> Iterator[dict[str, Any]]: ...

    def watch(
        self, path: str, query: Mapping[str, str], version: str, *, metadata_only: bool = False
    ) -> Iterator[bytes]: ...


class Watcher:
    """One stream of objects into a `State`."""

    def __init__(
        self,
        target: Target,
        source: Source,
        state: State,
        *,
        stop: threading.Event,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.target = target
        #: Whether the first list is in, so that what is shown is whole.
        self.synced = False
        self.stale = False
        self.last_sync: float | None = None
        self.restarts = 0
        self.errors = 0
        self._source = source
        self._state = state
        self._stop = stop
        self._clock = clock
        self._version = ""
        self._known: set[tuple[str, str]] = set()
        self._complaint = ""

    def run(self) -> None:
        """Follow the stream until told to stop."""
        wait = _FIRST_WAIT
        while not self._stop.is_set():
            try:
                self.follow()
                wait = _FIRST_WAIT
            except ApiError as error:
                pause = self._pause(error, wait)
                wait = min(wait * 2, _LONGEST_WAIT)
                # Exporters that lost the same server should not come back in step.
                self._stop.wait(pause * random.uniform(0.8, 1.2))  # noqa: S311 - no secret

    def follow(self) -> None:
        """A list if there is none to go on from, then one watch until the server ends it. Raises `ApiError`."""
        resumed = bool(self._version)
        if resumed:
            self.restarts += 1
        else:
            self._list()
        try:
            for line in self._source.watch(
                self.target.path, self.target.query, self._version, metadata_only=self.target.metadata_only
            ):
                self._event(line)
                if self._stop.is_set():
                    return
        except ApiError as error:
            if error.status == _GONE:
                self._version = ""
                if resumed:
                    # A server that was restarted knows no version from before: list at once, whatever it took to come
                    # back. A list that is too old as soon as it is made is another matter, and waits.
                    return
            raise

    def samples(self) -> Iterator[Sample]:
        """What there is to say about this stream."""
        labels = {"resource": self.target.resource}
        yield Sample("sedna_exporter_stale", labels, float(self.stale))
        yield Sample("sedna_exporter_watch_restarts_total", labels, self.restarts)
        yield Sample("sedna_exporter_watch_errors_total", labels, self.errors)
        if self.last_sync is not None:
            yield Sample("sedna_exporter_last_sync_timestamp_seconds", labels, self.last_sync)

    def _list(self) -> None:
        listed: set[tuple[str, str]] = set()
        version = ""
        for page in self._source.pages(self.target.path, self.target.query, metadata_only=self.target.metadata_only):
            for obj in page.get("items") or ():
                if isinstance(obj, dict):
                    listed.add(_name(obj))
                    self._state.put(self.target.kind, obj)
            metadata = page.get("metadata")
            version = str(metadata.get("resourceVersion") or "") if isinstance(metadata, dict) else ""
        for namespace, name in self._known - listed:
            self._state.delete(self.target.kind, namespace, name)
        self._known = listed
        self._version = version
        self._heard()

    def _event(self, line: bytes) -> None:
        if not line:
            self._heard()
            return
        try:
            event = orjson.loads(line)
            kind, obj = event["type"], event["object"]
            metadata = obj.get("metadata") or {}
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise ApiError(0, "an event is not what a watch sends") from error
        if kind == "ERROR":
            raise ApiError(int(obj.get("code") or 0), str(obj.get("reason") or "the watch reports an error"))
        if kind in ("ADDED", "MODIFIED"):
            self._known.add(_name(obj))
            self._state.put(self.target.kind, obj)
        elif kind == "DELETED":
            namespace, name = _name(obj)
            self._known.discard((namespace, name))
            self._state.delete(self.target.kind, namespace, name, str(metadata.get("resourceVersion") or ""))
        self._version = str(metadata.get("resourceVersion") or self._version)
        self._heard()

    def _heard(self) -> None:
        if self._complaint:
            _log.warning("%s: the API server answers again", self.target.resource)
        self._complaint = ""
        self.synced, self.stale = True, False
        self.last_sync = self._clock()

    def _pause(self, error: ApiError, wait: float) -> float:
        """Note an error, and say how many seconds to wait."""
        if error.status == 404:
            # Sedna's install script leaves out five of the CRDs: then there are none of these objects.
            self._forget_all()
            self.synced, self.stale = True, False
            return _RARE_WAIT
        if error.status == _GONE:
            return 0.0 if wait == _FIRST_WAIT else wait
        self.errors += 1
        self.stale = True
        complaint = f"{error.status} {error.reason}" if error.status else error.reason
        if complaint != self._complaint:
            _log.warning("%s: %s; showing what is known%s", self.target.resource, complaint, _cure(error.status))
        self._complaint = complaint
        if error.retry_after is not None:
            return min(max(error.retry_after, wait), _RARE_WAIT)
        return _RARE_WAIT if error.status in (401, 403) and self.errors > 3 else wait

    def _forget_all(self) -> None:
        for namespace, name in self._known:
            self._state.delete(self.target.kind, namespace, name)
        self._known = set()
        self._version = ""


def _name(obj: Mapping[str, Any]) -> tuple[str, str]:
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict):
        return "", ""
    return str(metadata.get("namespace") or ""), str(metadata.get("name") or "")


def _cure(status: int) -> str:
    if status == 403:
        return " (the service account needs get, list and watch on it)"
    return " (the credentials are not accepted)" if status == 401 else ""
