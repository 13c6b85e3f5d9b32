"""A small HTTP server: a function from requests to answers, served by one thread per connection."""

from __future__ import annotations

import contextlib
import gzip
import socket
import sys
import threading
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sedna_dash.errors import SettingsError

#: Shorter answers are not worth compressing.
COMPRESS_FROM = 4096


@dataclass(frozen=True)
class Request:
    """What was asked: ``path`` without the query, whose parameters are in ``query``; header names in any case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Message

    @property
    def target(self) -> str:
        """Path and query together, as tests match them."""
        return self.path + "?" + "&".join(f"{name}={value}" for name, value in self.query.items())


@dataclass(frozen=True)
class Answer:
    """What to say. A body that comes in pieces is sent as they come; ``cut`` ends the connection before its end."""

    body: bytes | Generator[bytes, None, None]
    content_type: str = "application/json"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False


class WebServer:
    """Serves a function on an address until it is closed; a context manager.

    Port 0 takes a free one. Raises SettingsError if the address cannot be had.
    """

    def __init__(self, answer: Callable[[Request], Answer], host: str = "127.0.0.1", port: int = 0) -> None:
        handler = type("Handler", (_Handler,), {"answer": staticmethod(answer)})
        try:
            self._server = _Server((host, port), handler)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise SettingsError(f"cannot listen on {host}:{port}: {reason}; choose another address") from error
        self.host, self.port = host, int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it answers, without a slash at the end."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def close(self) -> None:
        """Stop, and end every open connection."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> WebServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._open: set[Any] = set()
        self._lock = threading.Lock()
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        with self._lock:
            for request in self._open:
                with contextlib.suppress(OSError):
                    request.shutdown(socket.SHUT_RDWR)
        super().server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no event; anything else is a bug and shown."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # header and body leave in one piece
    answer: Callable[[Request], Answer]

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def _any(self) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        if length := int(self.headers.get("Content-Length") or 0):
            self.rfile.read(length)
        found = self.answer(Request(self.command, parts.path, query, self.headers))
        self.send_response(found.status)
        self.send_header("Content-Type", found.content_type)
        for name, value in found.headers.items():
            self.send_header(name, value)
        if isinstance(found.body, bytes):
            self._whole(found, found.body)
        else:
            self._pieces(found, found.body)
        if found.cut:
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815 - as the base class wants

    def _whole(self, found: Answer, body: bytes) -> None:
        if len(body) >= COMPRESS_FROM and not found.cut and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, 1)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body) * (2 if found.cut else 1)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _pieces(self, found: Answer, pieces: Generator[bytes, None, None]) -> None:
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        with contextlib.closing(pieces):
            for piece in pieces:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                self.wfile.flush()
        if not found.cut:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged."""
