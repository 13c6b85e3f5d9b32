"""Entries on their way to a Loki that may be busy, refuse, or be away."""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from sedna_dash.errors import OutputError, SettingsError
from sedna_dash.log_collection.reading import Entry
from sedna_dash.simulator.loki import LokiPush


class FakeLoki:
    """Takes lines, or answers with the next of its errors."""

    def __init__(self) -> None:
        self.errors: list[int] = []
        self.lines: list[tuple[str, list[Any]]] = []
        self.url = ""


@pytest.fixture
def server() -> Iterator[FakeLoki]:
    fake = FakeLoki()
    with serving(fake):
        yield fake


@contextmanager
def serving(fake: FakeLoki) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = gzip.decompress(self.rfile.read(int(self.headers["Content-Length"])))
            status = fake.errors.pop(0) if fake.errors else 204
            if status == 204:
                for stream in json.loads(body)["streams"]:
                    fake.lines += [(stream["stream"]["node"], value) for value in stream["values"]]
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{http.server_address[1]}"
    threading.Thread(target=http.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        http.shutdown()
        http.server_close()


def said(number: int, node: str = "edge-1") -> tuple[float, Entry]:
    return 1_700_000_000.25 + number, Entry({"node": node}, {"level": "info"}, f"line {number}")


def test_lines_arrive_with_their_time_and_metadata(server: FakeLoki) -> None:
    push = LokiPush(server.url)
    for number in range(12_000):  # more than one request
        push.add(*said(number))
    push.flush()
    assert [value[1] for _, value in server.lines] == [f"line {number}" for number in range(12_000)]
    assert server.lines[0] == ("edge-1", ["1700000000250000000", "line 0", {"level": "info"}])
    assert (push.sent, push.lost) == (12_000, 0)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_loki_does_not_take_now_comes_later_in_order(server: FakeLoki, status: int) -> None:
    server.errors = [status, status]
    push = LokiPush(server.url)
    push.add(*said(1))
    push.write()
    assert server.lines == []
    push.add(*said(2))
    push.flush()
    assert [value[1] for _, value in server.lines] == ["line 1", "line 2"]
    assert push.lost == 0


def test_what_loki_will_never_take_is_counted(server: FakeLoki) -> None:
    server.errors = [400]
    push = LokiPush(server.url)
    push.add(*said(1))
    push.flush()
    assert (push.sent, push.lost, server.lines) == (0, 1, [])


def test_a_node_without_a_link_sends_when_it_is_back(server: FakeLoki) -> None:
    dark = {"edge-2"}
    push = LokiPush(server.url, lambda node: node in dark)
    for number, node in enumerate(("edge-1", "edge-2", "edge-2", "edge-1")):
        push.add(*said(number, node))
    push.flush()
    assert [node for node, _ in server.lines] == ["edge-1", "edge-1"]
    dark.clear()
    push.flush()
    assert [value[1] for node, value in server.lines if node == "edge-2"] == ["line 1", "line 2"]


def test_a_loki_that_is_not_there() -> None:
    push = LokiPush("http://127.0.0.1:9")
    push.add(*said(1))
    with pytest.raises(OutputError, match="does not take the log lines"):
        push.flush()
    with pytest.raises(SettingsError, match="no address of a Loki"):
        LokiPush("127.0.0.1:3100")
