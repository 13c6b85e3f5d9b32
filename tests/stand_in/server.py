"""The stand-in on a port: who asks, which route, and what tests see of it."""

from __future__ import annotations

import base64
import json
import re
import ssl
import threading
from collections.abc import Callable
from datetime import datetime, timezone
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.stand_in import accounts, alerting, dashboards, datasources, folders, queries, search
from tests.stand_in.http import Answer, Request, denied, problem
from tests.stand_in.state import State

ROUTES = [
    *accounts.ROUTES, *folders.ROUTES, *dashboards.ROUTES, *search.ROUTES, *datasources.ROUTES, *queries.ROUTES,
    *alerting.ROUTES,
]  # fmt: skip
#: What /apis lists from Grafana 12 on.
GROUPS = {"dashboard.grafana.app": ("v1beta1", "v2alpha1"), "folder.grafana.app": ("v1beta1",)}


class StandIn(State):
    """The state, and the rules by which requests change it. Use as a context manager to serve it over HTTP.

    ``version`` picks the behaviour, see `Behaviour`; more keywords change single rows of it. A server may also hide its
    version (None).
    """

    def __init__(
        self,
        *,
        version: str | None = "9.3.2",
        prefix: str = "",
        tls: ssl.SSLContext | None = None,
        **differently: Any,
    ) -> None:
        super().__init__(version, **differently)
        self.prefix, self.tls = prefix, tls
        self.requests: list[Request] = []
        #: Logins by Authorization header: name and role.
        self.logins = {
            "Basic " + base64.b64encode(b"admin:admin").decode(): ("admin", "Admin"),
            "Bearer admin-token": ("sa-admin", "Admin"),
            "Bearer editor-token": ("sa-editor", "Editor"),
            "Bearer viewer-token": ("sa-viewer", "Viewer"),
        }
        #: Asked before and after each request; what they return is sent instead. One request at a time.
        self.before: Callable[[Request], Answer | None] = lambda request: None
        self.after: Callable[[Request], Answer | None] = lambda request: None
        #: Called with each request before it is its turn, many at once: here a test may wait.
        self.meanwhile: Callable[[Request], object] = lambda request: None
        #: The most requests that were ever under way at once.
        self.most_at_once = 0
        #: The server's time, for the Date header.
        self.date: Callable[[], datetime] = lambda: datetime.now(timezone.utc)
        self._under_way = 0

    @property
    def writes(self) -> list[str]:
        """Every request that could have changed something."""
        asking = [route.path for route in queries.ROUTES]
        return [f"{item.method} {item.path}" for item in self.requests
                if item.method != "GET" and item.path not in asking]  # fmt: skip

    def __enter__(self) -> StandIn:
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        if self.tls:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self._server.server_address[1]}{self.prefix}"

    def taken(self, request: Request) -> Answer:
        """The answer to a request that came over HTTP, perhaps among others."""
        with self.lock:
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)
        try:
            self.meanwhile(request)
            with self.lock:
                answer = self.answer(request)
                if not isinstance(answer.body, bytes):
                    # Written while nothing else changes what it shows.
                    answer = Answer(
                        answer.status, json.dumps(answer.body).encode(), answer.headers, answer.content_type
                    )
                return answer
        finally:
            with self.lock:
                self._under_way -= 1

    def answer(self, request: Request) -> Answer:
        """The answer to one request."""
        self.requests.append(request)
        instead = self.before(request)
        if instead is not None:
            return instead
        below = request.path.removeprefix(self.prefix)
        if not request.path.startswith(self.prefix) or not re.match(r"/apis?(/|$)", below):
            return Answer(404, b"<!doctype html><title>Grafana</title>", content_type="text/html; charset=UTF-8")
        request.path = below
        answer = self._routed(request)
        return self.after(request) or answer

    def _routed(self, request: Request) -> Answer:
        if request.path == "/api/health":
            return Answer(200, {"database": "ok", **({"version": self.version, "commit": "x"} if self.version else {})})
        given = request.headers.get("Authorization", "")
        if given not in self.logins:
            return problem(401, "invalid username or password" if given.startswith("Basic") else "invalid API key")
        request.login, request.role = self.logins[given]
        if accounts.in_unknown_org(request):
            return problem(404, "Organization not found")
        if request.body is ...:
            return problem(400, "bad request data")
        if request.path == "/apis" and self.behaviour.k8s_apis:
            return Answer(200, _api_groups())
        for route in ROUTES:
            found = re.fullmatch(route.path, request.path)
            if found and route.method == request.method:
                if route.action and route.action not in accounts.permitted(self, request):
                    return denied(route.action)
                return route.act(self, request, *(unquote(part) for part in found.groups()))
        return problem(404, "Not found")


def _api_groups() -> dict[str, Any]:
    groups = [
        {"name": name, "versions": [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]}
        for name, versions in GROUPS.items()
    ]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128


def _handler(stand_in: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body in one packet; in two, the second waits 40 ms for the first one's receipt.
        wbufsize = -1

        def answer(self) -> None:
            address = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                body = json.loads(raw) if raw else None
            except ValueError:
                body = ...
            request = Request(self.command, address.path, parse_qs(address.query), body, headers=dict(self.headers))
            answer = stand_in.taken(request)
            self.send_response(answer.status)
            if answer.status != 204:
                self.send_header("Content-Type", answer.content_type)
                self.send_header("Content-Length", str(len(answer.body)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body if answer.status != 204 else b"")

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

        def date_time_string(self, timestamp: float | None = None) -> str:
            return format_datetime(stand_in.date(), usegmt=True)

        def log_message(self, *_: Any) -> None:
            """Tests print enough."""

    return Handler
