"""Servers that answer as a test wants: a Loki with a few streams, and some that do not behave."""

from __future__ import annotations

import json
import re
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.stand_in.queries import _matches


@dataclass
class Asked:
    """One request: its path, its form or query, its headers."""

    path: str
    form: Mapping[str, list[str]]
    headers: Mapping[str, str]

    def one(self, name: str) -> str:
        return self.form.get(name, [""])[0]


@dataclass
class Reply:
    """What goes back: JSON, or bytes as they are."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """A client that did not like our certificate is no error of ours."""


@contextmanager
def serving(answer: Callable[[Asked], Reply], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server on loopback that answers so. Yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            address = urlsplit(self.path)
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            form = parse_qs(address.query + "&" + content if content else address.query)
            reply = answer(Asked(address.path, form, dict(self.headers)))
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            try:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                pass  # whoever asked is gone

        do_GET = do_POST = answer  # noqa: N815 - as http.server names them

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = _Server(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def loki(streams: Sequence[Mapping[str, str]], *, silent: Sequence[Mapping[str, str]] = ()) -> Callable[[Asked], Reply]:
    """A Loki in which each of the streams has lines, and the silent ones had some hours ago.

    Of a query only the stream selector counts; with a line filter for "nowhere" there is no line.
    """

    def answer(asked: Asked) -> Reply:
        if asked.path == "/loki/api/v1/series":
            hours = (float(asked.one("end")) - float(asked.one("start"))) / 3.6e12
            there = [*streams, *(silent if hours > 5 else ())]
            return _success([labels for labels in there if _fits(asked.one("match[]"), labels)])
        query = asked.one("query")
        if "!!" in query:
            return Reply(b"parse error at line 1, col 3: syntax error", 400)
        found = [labels for labels in streams if _fits(query, labels) and "nowhere" not in query]
        now = asked.one("end") or asked.one("time")
        if query.lstrip().startswith("{"):
            result = [{"stream": labels, "values": [[now, "a line"]]} for labels in found]
            return _success({"resultType": "streams", "result": result})
        point = [float(now) / 1e9, "1"]
        result = [{"metric": {}, "value": point, "values": [point]}] if found else []
        return _success({"resultType": "matrix" if asked.path.endswith("range") else "vector", "result": result})

    return answer


def _success(data: Any) -> Reply:
    return Reply({"status": "success", "data": data})


def _fits(query: str, labels: Mapping[str, str]) -> bool:
    selector = re.search(r"\{([^{}]*)\}", query)
    matchers = re.findall(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"', selector[1] if selector else "")
    return all(_matches(operator, value, labels.get(name, "")) for name, operator, value in matchers)
