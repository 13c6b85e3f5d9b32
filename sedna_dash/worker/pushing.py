"""Metrics pushed over HTTP by one daemon thread: for workers that nothing can reach.

Values are totals and states, so only the newest text is worth sending: nothing queues up while the link is down.
"""

import atexit
import base64
import os
import socket
import threading
import urllib.request
from typing import Callable, Dict, Tuple
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from sedna_dash.worker.registry import TEXT
from sedna_dash.worker.trouble import note

INTERVAL = "SEDNA_DASH_PUSH_SECONDS"


def push(url: str, text: Callable[[bool], bytes]) -> str:
    """Send ``text`` to the URL from now on, and once more at the end of the process. Returns the URL without secrets.

    A URL without a path is a Pushgateway; any other takes the text as it is, by POST.
    """
    place, headers, method = _request(url)
    seconds = _interval()
    ended = threading.Event()
    process = os.getpid()

    def send(timeout: float) -> None:
        try:
            request = urllib.request.Request(place, text(False), dict(headers), method=method)  # noqa: S310 - http(s)
            with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310
                answer.read()
        except Exception as error:
            note("push", f"metrics do not reach {place}: {error!r}")

    def go_on() -> None:
        while not ended.wait(seconds):
            send(10)

    def finish() -> None:
        ended.set()
        if os.getpid() == process:  # a forked child has nothing of its parent's to say
            send(3)

    threading.Thread(target=go_on, name="sedna-dash-metrics", daemon=True).start()
    # A training may be shorter than the interval: its last values are the ones that count.
    atexit.register(finish)
    return place


def _interval() -> float:
    try:
        return max(1.0, float(os.environ.get(INTERVAL, "15")))
    except ValueError:
        note("push", f"{INTERVAL} is no number of seconds, so 15 are taken")
        return 15.0


def _request(url: str) -> Tuple[str, Dict[str, str], str]:
    parts = urlsplit(url)
    headers = {"Content-Type": TEXT}
    login, at, host = parts.netloc.rpartition("@")
    if at:
        headers["Authorization"] = "Basic " + base64.b64encode(unquote(login).encode()).decode()
    path, method = parts.path, "POST"
    if path in ("", "/"):
        worker = os.environ.get("WORKER_NAME") or socket.gethostname()
        path = "/metrics/job/sedna-worker/instance/" + quote(worker, safe="")
    if "/metrics/job/" in path:
        method = "PUT"
    return urlunsplit((parts.scheme, host, path, parts.query, "")), headers, method
