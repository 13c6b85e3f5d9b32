"""The HTTP server: /metrics, /healthz and /readyz, and nothing else."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sedna_dash.errors import SettingsError
from sedna_dash.exporter.web_config import Doorkeeper, Tls, WebConfig
from sedna_dash.exposition import OPENMETRICS, TEXT, accepts_openmetrics

#: Seconds that a client may take for its request, or to take the answer.
_PATIENCE = 30


@dataclass(frozen=True)
class Pages:
    """What is served. ``metrics`` is asked for OpenMetrics or not, and for gzip or not; ``waiting_for`` names what is
    not ready yet, in a sentence."""

    metrics: Callable[[bool, bool], bytes]
    waiting_for: Callable[[], str]


class Server(ThreadingHTTPServer):
    """Serves in threads. ``address`` is where it listens, also when it was asked for port 0."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, host: str, port: int, pages: Pages, web: WebConfig | None = None) -> None:
        self.pages = pages
        self.web = web or WebConfig()
        self.doorkeeper = Doorkeeper(self.web.users)
        self._tls = _Tls(self.web.tls) if self.web.tls else None
        try:
            # Looked up once, so that IPv6 addresses and names work, too.
            family, *_, found = socket.getaddrinfo(
                host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            self.address_family = family
            super().__init__(found[:2], _Handler)  # type: ignore[arg-type]
        except OSError as error:
            raise SettingsError(
                f"--listen {host}:{port}: cannot listen there ({error.strerror or error}); choose another one"
            ) from error

    @property
    def url(self) -> str:
        """Where it answers."""
        host, port = self.server_address[:2]
        shown = f"[{host!s}]" if ":" in str(host) else host
        return f"{'https' if self._tls else 'http'}://{shown!s}:{port}"

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands in the thread of the request: one slow client must not keep others from being accepted."""
        request.settimeout(_PATIENCE)
        if self._tls is not None:
            try:
                request = self._tls.context().wrap_socket(request, server_side=True)
            except (ssl.SSLError, OSError):
                return
        # A client that goes away in the middle is its own affair.
        with contextlib.suppress(ConnectionError, TimeoutError, ssl.SSLError):
            super().finish_request(request, client_address)
        if self._tls is not None:
            with contextlib.suppress(OSError):
                request.close()


class _Tls:
    """A TLS context that is made anew when the certificate is renewed."""

    def __init__(self, tls: Tls) -> None:
        self._settings = tls
        self._lock = threading.Lock()
        self._stamp = tls.stamp()
        self._context = tls.context()

    def context(self) -> ssl.SSLContext:
        with self._lock:
            stamp = self._settings.stamp()
            if stamp != self._stamp:
                # Half of a pair that is being replaced does not fit: the old pair serves until both are there.
                with contextlib.suppress(SettingsError):
                    self._context, self._stamp = self._settings.context(), stamp
            return self._context


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "sedna-dash", ""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path not in ("/metrics", "/healthz", "/readyz"):
            self._answer(404, b"Not found. Metrics are at /metrics.\n")
        elif path == "/metrics":
            self._metrics()
        elif path == "/healthz":
            self._answer(200, b"ok\n")
        else:
            waiting = self.server.pages.waiting_for()
            self._answer(503 if waiting else 200, f"{waiting or 'ok'}\n".encode())

    def do_HEAD(self) -> None:
        self.do_GET()

    def _metrics(self) -> None:
        # Probes come from the kubelet, which has no password; what is worth one is here.
        if not self.server.doorkeeper.lets_in(self.headers.get("Authorization", "")):
            self._answer(401, b"Unauthorized\n", ("WWW-Authenticate", 'Basic realm="metrics"'))
            return
        openmetrics = accepts_openmetrics(self.headers.get("Accept", ""))
        packed = _accepts_gzip(self.headers.get("Accept-Encoding", ""))
        body = self.server.pages.metrics(openmetrics, packed)
        extra = (("Content-Encoding", "gzip"),) if packed else ()
        self._answer(200, body, ("Vary", "Accept, Accept-Encoding"), *extra, kind=OPENMETRICS if openmetrics else TEXT)

    def _answer(
        self, status: int, body: bytes, *headers: tuple[str, str], kind: str = "text/plain; charset=utf-8"
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (*headers, *self.server.web.headers.items()):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Scrapes are no news."""


def _accepts_gzip(accepted: str) -> bool:
    for part in accepted.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        if name == "gzip":
            return not any(
                parameter.replace(" ", "") in ("q=0", "q=0.0", "q=0.00", "q=0.000") for parameter in parameters
            )
    return False
