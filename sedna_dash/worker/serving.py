"""Metrics served over HTTP by one daemon thread, at a TCP port or a Unix socket."""

import errno
import os
import socket
import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from typing import Any, Callable, Type

from sedna_dash.worker.registry import OPENMETRICS, TEXT
from sedna_dash.worker.target import Target
from sedna_dash.worker.trouble import note

#: Workers on the node's network share its ports: the next free one of so many is taken.
PORTS = 16


class _Server(socketserver.TCPServer):
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A scraper that went away is not worth a traceback in somebody's training log."""


def serve(target: Target, text: Callable[[bool], bytes]) -> str:
    """Listen, answer in a thread from now on, and return the address. Raises OSError when there is no free port.

    ``text`` gives the answer, in OpenMetrics if its argument is true.
    """
    server = _unix_server(target.place) if target.form == "unix" else _tcp_server(target.place, target.port)
    server.RequestHandlerClass = _handler(text)
    threading.Thread(target=server.serve_forever, args=(3600,), name="sedna-dash-metrics", daemon=True).start()
    if target.form == "unix":
        return "unix:" + target.place
    port = server.server_address[1]
    host = f"[{target.place}]" if ":" in target.place else target.place
    return f"http://{host}:{port}/metrics"


def _handler(text: Callable[[bool], bytes]) -> Type[BaseHTTPRequestHandler]:
    """A request handler that serves ``text`` at /metrics, and nothing else."""

    class Handler(BaseHTTPRequestHandler):
        # One thread answers everybody: a client that says nothing may not keep it.
        timeout = 3
        server_version = "sedna-dash"
        sys_version = ""

        def do_GET(self) -> None:
            if self.path.split("?")[0] != "/metrics":
                self.send_error(404)
                return
            openmetrics = "application/openmetrics-text" in self.headers.get("Accept", "")
            body = text(openmetrics)
            self.send_response(200)
            self.send_header("Content-Type", OPENMETRICS if openmetrics else TEXT)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Scrapes are no news."""

    return Handler


def _tcp_server(host: str, port: int) -> _Server:
    class Server(_Server):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    for number in range(port, port + PORTS):
        try:
            server = Server((host, number), socketserver.BaseRequestHandler)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or number == port + PORTS - 1:
                raise
            continue
        if number != port:
            note("port", f"port {port} is taken, metrics are served at port {number}")
        return server
    raise AssertionError("unreachable")


def _unix_server(path: str) -> _Server:
    class Server(_Server):
        address_family = socket.AF_UNIX

    try:
        return Server(path, socketserver.BaseRequestHandler)  # type: ignore[arg-type]
    except OSError as error:
        if error.errno != errno.EADDRINUSE or _lives(path):
            raise
        os.unlink(path)  # noqa: PTH108 - pathlib is slow to import; it is what a killed worker left behind
        return Server(path, socketserver.BaseRequestHandler)  # type: ignore[arg-type]


def _lives(path: str) -> bool:
    probe = socket.socket(socket.AF_UNIX)
    try:
        probe.settimeout(1)
        probe.connect(path)
    except OSError as error:
        return error.errno != errno.ECONNREFUSED
    finally:
        probe.close()
    return True
