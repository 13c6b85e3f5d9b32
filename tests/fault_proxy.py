"""A proxy between deploy and a Grafana that breaks connections and answers, and lets other people act, as it is told.

It stands on a port of its own and speaks HTTP/1.1 on both sides, so that what the client meets is what it would meet on
a bad line: a connection that is really reset, a body that really ends too early.

`Fault` lists what can go wrong, and `Exchange` has one method for each. Which request meets which fault is decided by a
function: `Schedule` draws from a seed, a test gives one of its own. What is drawn depends on what is asked for, and how
often it was asked for, not on which of several threads was quicker.
"""

from __future__ import annotations

import http.client
import json
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


class Fault(Enum):
    """What goes wrong. ``..._DONE``: Grafana did what was asked, and only its answer is lost."""

    RESET = "the connection is reset before Grafana hears of the request"
    RESET_DONE = "the connection is reset instead of an answer"
    TRUNCATED_DONE = "the answer ends in the middle"
    GARBLED_DONE = "the answer ends in the middle, and says that this is all of it"
    LOGIN_PAGE = "a web page with a login, status 200"
    BAD_GATEWAY_PAGE = "a proxy's web page, status 502"
    UNAVAILABLE_PAGE = "a proxy's web page, status 503"
    BUSY = "429, to be tried again in so many seconds"
    BUSY_UNTIL = "429, to be tried again at a certain time"
    ERROR_500 = "500"
    ERROR_502 = "502"
    ERROR_503 = "503"
    ERROR_504 = "504"
    ERROR_500_DONE = "500, although it was done"
    ERROR_502_DONE = "502, although it was done"
    ERROR_503_DONE = "503, although it was done"
    ERROR_504_DONE = "504, although it was done"
    ECHO = "500, and the error repeats all that was sent, credentials included"
    SLOW = "no answer in time, nothing done"
    SLOW_DONE = "no answer in time, but it was done"
    LATE_DONE = "no answer in time, and it is done when nobody waits for it any more"
    EXPIRED = "401, for this and every later request"
    RESTARTING = "Grafana restarts: nothing listens for a moment"
    SOMEBODY = "somebody does something else at this moment"
    EDITED = "somebody edits the thing just before"
    DELETED = "somebody deletes the thing just before"
    MOVED = "somebody moves the thing just before"
    CREATED = "somebody creates the thing just before"
    RESET_THEN_EDITED = "the connection is reset, and somebody edits the thing before it is tried again"
    DONE_THEN_EDITED = "the connection is reset instead of an answer, and somebody edits the thing right after"
    KILLED = "the process that asks is killed before Grafana hears of the request"
    KILLED_DONE = "the process that asks is killed before it has its answer"


#: Faults by which other people act.
MEDDLING = frozenset({Fault.SOMEBODY, Fault.EDITED, Fault.DELETED, Fault.MOVED, Fault.CREATED, Fault.RESET_THEN_EDITED,
                      Fault.DONE_THEN_EDITED})  # fmt: skip
#: A kill is asked for by name.
KILLING = frozenset({Fault.KILLED, Fault.KILLED_DONE})
#: Grafana deletes whatever is there, and cannot be told which version is meant. So nobody can protect an edit that
#: arrives between the last look and the deletion; all that can be asked for is that the look is the last thing before.
UNFAIR_TO_DELETIONS = frozenset({Fault.EDITED, Fault.MOVED, Fault.CREATED, Fault.LATE_DONE, Fault.DONE_THEN_EDITED})


@dataclass(frozen=True)
class Asked:
    """A request as it came in. ``number`` counts them from 1."""

    number: int
    method: str
    target: str
    content: bytes
    headers: Mapping[str, str]

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def body(self) -> dict[str, Any]:
        """What was sent, where that is an object."""
        try:
            body = json.loads(self.content)
        except ValueError:
            return {}
        return body if isinstance(body, dict) else {}

    @property
    def writes(self) -> bool:
        return self.method != "GET"

    @property
    def uid(self) -> str:
        """The uid of the thing that is asked for or written; empty for lists."""
        parts = self.path.split("/api/", 1)[-1].split("/")
        if parts == ["dashboards", "db"]:
            return str((self.body.get("dashboard") or {}).get("uid") or "")
        if self.method == "POST" and parts[0] in ("folders", "datasources") and len(parts) == 1:
            return str(self.body.get("uid") or "")
        if parts[0] == "folders" and len(parts) > 1:
            return unquote(parts[1])
        return unquote(parts[2]) if len(parts) > 2 and parts[1] == "uid" else ""

    @property
    def kind(self) -> str:
        """In words: ``dashboard save``, ``record save``, ``folder rename``, ``versions read``."""
        parts = self.path.split("/api/", 1)[-1].split("/")
        record = self.uid.startswith("sedna-dash-")
        if parts[0] == "dashboards":
            thing = "record" if record else "dashboard"
            if self.method == "GET":
                return f"{thing} versions read" if "versions" in parts else f"{thing} read"
            return f"{thing} {'delete' if self.method == 'DELETE' else 'save'}"
        if parts[0] in ("folders", "datasources"):
            thing = parts[0].removesuffix("s")
            if self.method == "GET":
                return f"{thing} read" if self.uid else f"{parts[0]} read"
            verb = {"POST": "create", "PUT": "update", "DELETE": "delete"}[self.method]
            return f"{thing} {'move' if parts[-1] == 'move' else verb}"
        return f"{parts[0]} read"


@dataclass(frozen=True)
class Reply:
    """An answer of Grafana's, or one that is made up."""

    status: int
    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


Choose = Callable[[Asked], Fault | None]


def nothing(asked: Asked) -> Fault | None:
    """All goes well."""
    return None


def fits(fault: Fault, asked: Asked) -> bool:
    """Whether a fault makes sense for a request, and is fair."""
    if fault is Fault.SOMEBODY:
        # Not while others are looked at for the last time before they are deleted.
        return asked.method != "DELETE" and (asked.writes or asked.kind == "search read")
    if fault in MEDDLING and not (asked.writes and asked.uid):
        return False
    if asked.kind == "record save" and fault in (Fault.MOVED, Fault.DELETED):
        return False
    return not (asked.method == "DELETE" and fault in UNFAIR_TO_DELETIONS)


class Schedule:
    """Draws a fault for about one request in ``1 / rate``."""

    def __init__(self, seed: int | str, rate: float, faults: Collection[Fault]) -> None:
        self.seed, self.rate, self.faults = seed, rate, [fault for fault in Fault if fault in faults]
        self._asked: Counter[str] = Counter()

    def __call__(self, asked: Asked) -> Fault | None:
        what = f"{asked.method} {asked.target} {asked.uid}"
        self._asked[what] += 1
        draw = random.Random(f"{self.seed} {what} {self._asked[what]}")
        fitting = [fault for fault in self.faults if fits(fault, asked)]
        return draw.choice(fitting) if fitting and draw.random() < self.rate else None


def first(fault: Fault, when: Callable[[Asked], bool], times: int = 1) -> Choose:
    """The fault for the first thing of which a request fits, and only for so many requests."""
    met: list[str] = []

    def choose(asked: Asked) -> Fault | None:
        if not when(asked) or len(met) == times or (met and met[0] != asked.uid):
            return None
        met.append(asked.uid)
        return fault

    return choose


class FaultProxy:
    """The proxy. Use it as a context manager.

    ``choose`` decides about each request. ``meddle`` does what somebody else does at that moment; ``look`` is told of
    each request that is about to reach Grafana; ``kill`` kills the process that asks. ``patience`` is longer than the
    client waits for an answer, ``pause`` how long a restart takes; both in seconds.
    """

    def __init__(self, upstream: str, choose: Choose = nothing, *, patience: float = 0.4, pause: float = 0.2) -> None:
        parts = urlsplit(upstream)
        assert parts.hostname, upstream
        self.host, self.upstream_port, self.prefix = parts.hostname, parts.port or 80, parts.path
        self.choose, self.patience, self.pause = choose, patience, pause
        self.meddle: Callable[[Fault, Asked], object] = lambda fault, asked: None
        self.look: Callable[[Asked], object] = lambda asked: None
        self.kill: Callable[[], object] = lambda: None
        #: Whether Grafana takes the credentials no longer.
        self.expired = False
        #: Every request with its fault.
        self.log: list[tuple[Asked, Fault | None]] = []
        #: What `look` or `meddle` raised: the test's to look at.
        self.errors: list[BaseException] = []
        self.lock = threading.RLock()
        self._quiet = threading.Condition()
        self._under_way = 0
        self._stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._up = threading.Event()
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}{self.prefix}"

    @property
    def faults(self) -> Counter[Fault]:
        """How often each fault was met."""
        return Counter(fault for _, fault in self.log if fault)

    def __enter__(self) -> FaultProxy:
        self._listen()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self.settle()
        self._close()

    def settle(self) -> None:
        """Wait until nothing is under way and somebody listens."""
        with self._quiet:
            self._quiet.wait_for(lambda: not self._under_way)
        self._up.wait()

    def quietly(self) -> None:
        """From now on all goes well."""
        self.choose, self.expired = nothing, False
        self.settle()

    def restart(self) -> None:
        """Break every connection, listen to nobody for a moment, and come back on the same port."""
        with self.lock:
            if not self._up.is_set():
                return
            self._close()
        with self._quiet:
            self._under_way += 1
        threading.Timer(self.pause, self._come_back).start()

    def _come_back(self) -> None:
        self._listen()
        self._ended()

    def _listen(self) -> None:
        self._server = _Server(("127.0.0.1", self._port), _handler(self))
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self._up.set()

    def _close(self) -> None:
        self._up.clear()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        for connection in list(self._open):
            # Whoever reads from it hears of it, too.
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def _exchange(self, handler: BaseHTTPRequestHandler) -> Iterator[Exchange]:
        """One request, which counts as under way until it is answered."""
        length = int(handler.headers.get("Content-Length") or 0)
        content = handler.rfile.read(length)
        if len(content) < length:
            raise ConnectionError("the client hung up")
        with self._quiet:
            self._under_way += 1
        try:
            with self.lock:
                asked = Asked(len(self.log) + 1, handler.command, handler.path, content, dict(handler.headers))
                fault = Fault.EXPIRED if self.expired else self.choose(asked)
                self.log.append((asked, fault))
            yield Exchange(self, handler, asked, fault)
        finally:
            self._ended()

    def _ended(self) -> None:
        with self._quiet:
            self._under_way -= 1
            self._quiet.notify_all()

    def wait(self) -> None:
        """Longer than the client does."""
        self._stopping.wait(self.patience)


class Exchange:
    """One request on its way, and what each fault does to it."""

    def __init__(self, proxy: FaultProxy, handler: BaseHTTPRequestHandler, asked: Asked, fault: Fault | None) -> None:
        self.proxy, self.handler, self.asked, self.fault = proxy, handler, asked, fault

    def run(self) -> None:
        """Let the request meet its fault."""
        if self.fault is None:
            self.answer(self.forward())
        else:
            getattr(self, self.fault.name.lower())()

    # What can be done with a request ------------------------------------------------------------------------------

    def forward(self) -> Reply:
        """Ask Grafana."""
        self.proxy.look(self.asked)
        sent = {name: value for name, value in self.asked.headers.items() if name.lower() not in _HOP_BY_HOP}
        connection: http.client.HTTPConnection = self.handler.upstream  # type: ignore[attr-defined]
        connection.request(self.asked.method, self.asked.target, self.asked.content or None, sent)
        answer = connection.getresponse()
        kept = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP}
        return Reply(answer.status, answer.read(), kept)

    def answer(self, reply: Reply, *, length: int | None = None, cut: int | None = None) -> None:
        """Send an answer; only its first ``cut`` bytes, if that is given, whatever ``length`` says."""
        handler = self.handler
        handler.send_response_only(reply.status)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(reply.content) if length is None else length))
        handler.end_headers()
        handler.wfile.write(reply.content[:cut])
        handler.wfile.flush()

    def break_off(self) -> None:
        """Reset the connection."""
        self.handler.close_connection = True
        for file in (self.handler.rfile, self.handler.wfile):
            file.close()
        with suppress(OSError):
            linger = struct.pack("ii", 1, 0)  # closed at once: the other side sees a reset
            self.handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.handler.connection.close()

    def say(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        """Answer as Grafana answers an error."""
        content = json.dumps({"message": message}).encode()
        self.answer(Reply(status, content, {"Content-Type": "application/json", **(headers or {})}))

    def show(self, status: int, title: str) -> None:
        """Answer with a web page."""
        page = f"<!doctype html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
        self.answer(Reply(status, page.encode(), {"Content-Type": "text/html; charset=utf-8"}))

    # The faults ---------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        self.break_off()

    def reset_done(self) -> None:
        self.forward()
        self.break_off()

    def truncated_done(self) -> None:
        reply = self.forward()
        self.answer(reply, cut=len(reply.content) // 2)
        self.handler.close_connection = True

    def garbled_done(self) -> None:
        reply = self.forward()
        half = len(reply.content) // 2
        self.answer(reply, length=half, cut=half)

    def login_page(self) -> None:
        self.show(200, "Sign in")

    def bad_gateway_page(self) -> None:
        self.show(502, "502 Bad Gateway")

    def unavailable_page(self) -> None:
        self.show(503, "503 Service Unavailable")

    def busy(self) -> None:
        self.say(429, "slow down", {"Retry-After": "1"})

    def busy_until(self) -> None:
        soon = datetime.now(timezone.utc) + timedelta(seconds=1)
        self.say(429, "slow down", {"Retry-After": format_datetime(soon, usegmt=True)})

    def error_500(self) -> None:
        self.say(500, "database is locked")

    def error_502(self) -> None:
        self.say(502, "bad gateway")

    def error_503(self) -> None:
        self.say(503, "unavailable")

    def error_504(self) -> None:
        self.say(504, "gateway timeout")

    def error_500_done(self) -> None:
        self.forward()
        self.error_500()

    def error_502_done(self) -> None:
        self.forward()
        self.error_502()

    def error_503_done(self) -> None:
        self.forward()
        self.error_503()

    def error_504_done(self) -> None:
        self.forward()
        self.error_504()

    def echo(self) -> None:
        sent = self.asked.content.decode(errors="replace")
        self.say(500, f"cannot do {sent} for {self.asked.headers.get('Authorization', '')}")

    def slow(self) -> None:
        self.proxy.wait()
        self.break_off()

    def slow_done(self) -> None:
        self.forward()
        self.proxy.wait()
        self.break_off()

    def late_done(self) -> None:
        self.proxy.wait()
        self.forward()
        self.break_off()

    def expired(self) -> None:
        self.proxy.expired = True
        self.say(401, "invalid API key")

    def restarting(self) -> None:
        # First nobody listens, so that the next try finds it so.
        self.proxy.restart()
        self.break_off()

    def _meddled(self) -> None:
        assert self.fault is not None
        self.proxy.meddle(self.fault, self.asked)
        self.answer(self.forward())

    somebody = edited = deleted = moved = created = _meddled

    def reset_then_edited(self) -> None:
        # Before the client can know of the reset, so that its next try comes later.
        self.proxy.meddle(Fault.EDITED, self.asked)
        self.break_off()

    def done_then_edited(self) -> None:
        self.forward()
        self.proxy.meddle(Fault.EDITED, self.asked)
        self.break_off()

    def killed(self) -> None:
        self.proxy.kill()
        self.break_off()

    def killed_done(self) -> None:
        self.forward()
        self.proxy.kill()
        self.break_off()


_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host", "accept-encoding"})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up, or is killed, is what this is about."""


def _handler(proxy: FaultProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def setup(self) -> None:
            super().setup()
            proxy._open.add(self.connection)
            self.upstream = http.client.HTTPConnection(proxy.host, proxy.upstream_port, timeout=20)

        def finish(self) -> None:
            proxy._open.discard(self.connection)
            self.upstream.close()
            super().finish()

        def pass_on(self) -> None:
            try:
                with proxy._exchange(self) as exchange:
                    exchange.run()
            except (ConnectionError, ValueError):
                # The client is gone, or its connection was closed meanwhile.
                self.close_connection = True
            except BaseException as error:
                proxy.errors.append(error)
                raise

        do_GET = do_POST = do_PUT = do_DELETE = pass_on  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Tests print enough."""

    return Handler
