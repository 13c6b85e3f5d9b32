"""The Kubernetes API of the simulated cluster, as far as something that only reads it can tell.

Lists with pages, watches with bookmarks, selectors, discovery and errors behave as documented in
https://kubernetes.io/docs/reference/using-api/api-concepts/; answers are always JSON.
"""

from __future__ import annotations

import base64
import itertools
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any

from sedna_dash.crds import CRDS, GROUP
from sedna_dash.simulator import discovery
from sedna_dash.simulator.api_resources import API_RESOURCES, ApiResource
from sedna_dash.simulator.faults import Fault, Faults
from sedna_dash.simulator.objects import Event, ExpiredError, ObjectStore, Stored
from sedna_dash.simulator.selectors import field_selector, label_selector
from sedna_dash.simulator.web import Answer, Request

#: Seconds of silence after which a watch gets a bookmark, and how long it lasts at most if the client does not say.
BOOKMARK_SECONDS = 60.0
WATCH_SECONDS = 1800.0
#: How many lists that are read in pages are kept.
SNAPSHOTS = 64

#: What the API server calls the reasons of its refusals.
_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    410: "Expired",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}
_Encoder = Callable[[Stored], bytes]
_Selects = Callable[[Stored], bool]
_LineMaker = Callable[[Event], bytes]
_TRUE = ("1", "true", "True")


class Refusal(Exception):  # noqa: N818 - it is an answer, not an error of ours
    """A request that is answered by a Status."""

    def __init__(self, code: int, message: str, *, retry_after: int = 0, causes: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.code, self.retry_after, self.causes = code, retry_after, tuple(causes)

    def status(self) -> dict[str, Any]:
        """The Status object."""
        details: dict[str, Any] = {}
        if self.retry_after:
            details["retryAfterSeconds"] = self.retry_after
        if self.causes:
            details["causes"] = [{"reason": reason, "message": reason} for reason in self.causes]
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": str(self),
            "reason": _REASONS.get(self.code, "Unknown"),
            "details": details,
            "code": self.code,
        }

    def answer(self) -> Answer:
        """As an answer."""
        headers = {"Retry-After": str(self.retry_after)} if self.retry_after else {}
        return Answer(_json(self.status()), status=self.code, headers=headers)


@dataclass(frozen=True)
class _Target:
    """What a path means: all objects of a resource, those of a namespace, or one."""

    resource: ApiResource
    namespace: str = ""
    name: str = ""


class KubernetesApi:
    """Answers requests from what is in a store.

    The definitions of ``kinds`` are put into the store, and a kind is served while its definition is there. With a
    ``token``, requests have to bear it. ``refuses`` says which resources, by plural, may not be read now.
    """

    def __init__(
        self,
        store: ObjectStore,
        *,
        token: str | None = None,
        faults: Faults | None = None,
        kinds: Iterable[str] = CRDS,
        bookmark_seconds: float = BOOKMARK_SECONDS,
        refuses: Callable[[str], bool] = lambda plural: False,
    ) -> None:
        self._store = store
        self._token = token
        self.faults = faults or Faults()
        self._bookmark_seconds = bookmark_seconds
        self._refuses = refuses
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._snapshots: OrderedDict[str, tuple[_Target, int, list[Stored]]] = OrderedDict()
        self._ids = itertools.count(1)
        for kind in kinds:
            store.put("customresourcedefinitions", discovery.definition(CRDS[kind]))

    def close(self) -> None:
        """End all watches, and what hangs."""
        self._closed.set()
        self.faults.released.set()
        self._store.wake()

    def answer(self, request: Request) -> Answer:
        """The answer to any request."""
        try:
            if fault := self.faults.strike(request):
                return self._faulty(request, fault)
            return self._answer(request)
        except Refusal as refusal:
            return refusal.answer()
        except ExpiredError as error:
            return Refusal(410, str(error)).answer()

    def _answer(self, request: Request) -> Answer:
        if self._token is not None and request.headers.get("Authorization") != f"Bearer {self._token}":
            raise Refusal(401, "Unauthorized")
        if request.method not in ("GET", "HEAD"):
            raise Refusal(405, "the simulated cluster is read-only")
        if (document := self._document(request.path)) is not None:
            return document
        target = self._target(request.path)
        if self._refuses(target.resource.plural):
            raise Refusal(403, f'{target.resource.plural} is forbidden: User "reader" cannot read resource')
        if target.name and "watch" not in request.query:
            stored = self._store.get_stored(target.resource.plural, target.namespace, target.name)
            if stored is None:
                raise Refusal(404, f'{target.resource.plural} "{target.name}" not found')
            return Answer(_encoder(request)(stored))
        selects = _selection(target, request)
        if request.query.get("watch") in _TRUE:
            return self._watch(target, selects, request)
        return self._list(target, selects, request)

    # What is there

    def _resources(self) -> list[ApiResource]:
        return discovery.served(obj["metadata"]["name"] for obj in self._store.items("customresourcedefinitions"))

    def _document(self, path: str) -> Answer | None:
        if path in ("/healthz", "/livez", "/readyz"):
            return Answer(b"ok", "text/plain; charset=utf-8")
        if path == "/version":
            return Answer(_json(discovery.VERSION_DOCUMENT))
        if path == "/api":
            return Answer(_json(discovery.CORE_VERSIONS))
        resources = self._resources()
        if path == "/apis":
            return Answer(_json(discovery.groups(resources)))
        for resource in resources:
            if resource.group and path == f"/apis/{resource.group}":
                return Answer(_json(discovery.group(resource.group, resource.version)))
            if path == _base(resource):
                return Answer(_json(discovery.resource_list(resource.api_version, resources)))
        return None

    def _target(self, path: str) -> _Target:
        parts = path.strip("/").split("/")
        size = 2 if parts[0] == "api" else 3
        base, rest = "/" + "/".join(parts[:size]), parts[size:]
        namespace = ""
        if len(rest) > 2 and rest[0] == "namespaces":
            namespace, rest = rest[1], rest[2:]
        resource = API_RESOURCES.get(rest[0]) if rest else None
        if (
            resource is None
            or _base(resource) != base
            or len(rest) > 2
            or (namespace and not resource.namespaced)
            or (len(rest) == 2 and resource.namespaced and not namespace)
            or (resource.group == GROUP and not self._defined(resource))
        ):
            raise Refusal(404, "the server could not find the requested resource")
        return _Target(resource, namespace, rest[1] if len(rest) == 2 else "")

    def _defined(self, resource: ApiResource) -> bool:
        return self._store.get("customresourcedefinitions", "", f"{resource.plural}.{GROUP}") is not None

    # Lists

    def _list(self, target: _Target, selects: _Selects, request: Request) -> Answer:
        limit = _integer(request, "limit")
        if token := request.query.get("continue"):
            snapshot, start = _from_token(token)
            with self._lock:
                found = self._snapshots.get(snapshot)
            if found is None or found[0] != target:
                raise ExpiredError("The provided continue parameter is too old to display a consistent list result")
            _, version, objects = found
            self._store.check(target.resource.plural, version)
        else:
            snapshot, start = "", 0
            version, objects = self._store.stored(target.resource.plural)
            wanted = _integer(request, "resourceVersion")
            if wanted > version:
                raise _too_large(wanted, version)
            objects = [stored for stored in objects if selects(stored)]
        page = objects[start : start + limit] if limit else objects[start:]
        metadata: dict[str, Any] = {"resourceVersion": str(version)}
        rest = len(objects) - start - len(page)
        if rest:
            snapshot = snapshot or self._keep(target, version, objects)
            metadata |= {"continue": _token(snapshot, start + len(page)), "remainingItemCount": rest}
        kind, api_version = target.resource.kind, target.resource.api_version
        encode = _encoder(request)
        if encode is _metadata_only:
            kind, api_version = "PartialObjectMetadata", "meta.k8s.io/v1"
        head = _json({"kind": f"{kind}List", "apiVersion": api_version, "metadata": metadata})[:-1]
        return Answer(b"".join([head, b',"items":[', b",".join(map(encode, page)), b"]}\n"]))

    def _keep(self, target: _Target, version: int, objects: list[Stored]) -> str:
        with self._lock:
            snapshot = str(next(self._ids))
            self._snapshots[snapshot] = (target, version, objects)
            while len(self._snapshots) > SNAPSHOTS:
                self._snapshots.popitem(last=False)
        return snapshot

    # Watches

    def _watch(self, target: _Target, selects: _Selects, request: Request) -> Answer:
        if request.query.get("sendInitialEvents") in _TRUE:
            raise Refusal(
                422,
                'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden '
                "for watch unless the WatchList feature gate is enabled",
            )
        seconds = float(_integer(request, "timeoutSeconds") or WATCH_SECONDS)
        bookmarks = request.query.get("allowWatchBookmarks") in _TRUE
        line = _line_maker(selects, _encoder(request))
        return Answer(self._lines(target, line, _integer(request, "resourceVersion"), seconds, bookmarks))

    def _lines(
        self, target: _Target, line: _LineMaker, version: int, seconds: float, bookmarks: bool
    ) -> Generator[bytes, None, None]:
        plural = target.resource.plural
        spoken = time.monotonic()
        end = spoken + seconds
        if not version:  # from now on, beginning with all that is there
            version, objects = self._store.stored(plural)
            if initial := b"".join(line(Event("ADDED", stored, None)) for stored in objects):
                yield initial
        while not self._closed.is_set():
            due = min(end, spoken + self._bookmark_seconds)
            try:
                version, events = self._store.events(plural, version, timeout=due - time.monotonic())
            except ExpiredError as error:
                yield _event("ERROR", _json(Refusal(410, str(error)).status()))
                return
            if lines := b"".join(map(line, events)):
                spoken = time.monotonic()
                yield lines
            # Also where much happens that this watch does not select.
            if (now := time.monotonic()) >= min(end, spoken + self._bookmark_seconds):
                spoken = now
                if bookmarks:
                    yield _event("BOOKMARK", _json(_bookmark(target.resource, version)))
            if now >= end:
                return

    # Faults

    def _faulty(self, request: Request, fault: Fault) -> Answer:
        if isinstance(fault.kind, int):
            raise Refusal(fault.kind, f"simulated fault {fault.kind}", retry_after=fault.retry_after)
        if fault.kind == "hang":
            self.faults.released.wait()
            return self._answer(request)
        whole = self._answer(request)
        if isinstance(whole.body, bytes):
            part = whole.body[: len(whole.body) // 2]
            return Answer(part, cut=fault.kind == "cut")
        return Answer(_spoilt(whole.body, fault.kind), cut=fault.kind == "cut")


def _spoilt(lines: Generator[bytes, None, None], kind: str) -> Generator[bytes, None, None]:
    """A watch whose first lines are sent by half; then it ends, or goes on as if nothing was."""
    first = next(lines, b"")
    yield first[: len(first) // 2] + (b"\n" if kind == "broken" else b"")
    if kind == "broken":
        yield from lines


def _selection(target: _Target, request: Request) -> _Selects:
    """Which objects are asked for."""
    by_label, by_field = request.query.get("labelSelector", ""), request.query.get("fieldSelector", "")
    try:
        labels, fields = label_selector(by_label), field_selector(by_field)
    except ValueError as error:
        raise Refusal(400, str(error)) from error
    namespace, name = target.namespace, target.name
    if not (namespace or name or by_label or by_field):
        return lambda stored: True  # without a look into it

    def selects(stored: Stored) -> bool:
        obj = stored.data
        metadata = obj["metadata"]
        return (
            (not namespace or metadata.get("namespace") == namespace)
            and (not name or metadata["name"] == name)
            and labels(obj)
            and fields(obj)
        )

    return selects


def _line_maker(selects: _Selects, encode: _Encoder) -> _LineMaker:
    """Writes an event for a watch, or nothing: what comes to match is added, what ceases to is deleted."""

    def line(event: Event) -> bytes:
        is_there = event.type != "DELETED" and selects(event.stored)
        was_there = event.before is not None and selects(event.before)
        if not (is_there or was_there):
            return b""
        kind = "DELETED" if not is_there else "MODIFIED" if was_there else "ADDED"
        return _event(kind, encode(event.stored))

    return line


def _encoder(request: Request) -> _Encoder:
    """How the client wants objects: whole, or their metadata only."""
    return _metadata_only if "as=PartialObjectMetadata" in request.headers.get("Accept", "") else _whole


def _whole(stored: Stored) -> bytes:
    return stored.encoded


def _metadata_only(stored: Stored) -> bytes:
    metadata = stored.data["metadata"]
    return _json({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})


def _event(kind: str, encoded: bytes) -> bytes:
    return b'{"type":"%b","object":%b}\n' % (kind.encode(), encoded)


def _bookmark(resource: ApiResource, version: int) -> dict[str, Any]:
    metadata = {"resourceVersion": str(version), "creationTimestamp": None}
    return {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}


def _integer(request: Request, name: str) -> int:
    text = request.query.get(name) or "0"
    if not text.isdecimal():
        raise Refusal(400, f"invalid {name}: {text!r}")
    return int(text)


def _too_large(wanted: int, version: int) -> Refusal:
    return Refusal(
        504,
        f"Timeout: Too large resource version: {wanted}, current: {version}",
        retry_after=1,
        causes=["ResourceVersionTooLarge"],
    )


def _token(snapshot: str, start: int) -> str:
    return base64.urlsafe_b64encode(f"{snapshot}/{start}".encode()).decode()


def _from_token(token: str) -> tuple[str, int]:
    try:
        snapshot, _, start = base64.urlsafe_b64decode(token.encode()).decode().partition("/")
        return snapshot, int(start)
    except ValueError as error:
        raise Refusal(400, f"continue key is not valid: {error}") from error


def _base(resource: ApiResource) -> str:
    return f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.api_version}"


def _json(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
