"""Log entries on their way to a Loki, as the collector of each node would send them.

What a node without a link has to say waits there and goes out, in order, when the link is back; so do entries that
Loki does not take now. https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs
"""

from __future__ import annotations

import gzip
import http.client
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterable

import orjson

from sedna_dash.errors import OutputError, SettingsError
from sedna_dash.log_collection.reading import Entry

#: Entries in one request, entries that may wait, seconds for one answer, and seconds until the next try.
_BATCH, _MOST, _PATIENCE, _PAUSE = 5_000, 2_000_000, 30, 5.0


class LokiPush:
    """Collects entries and sends them when told to. ``offline`` says which nodes have no link now.

    ``sent`` and ``lost`` count entries: lost are those that Loki refused for good, and the oldest when too many wait.
    Raises `SettingsError` for an address that is none.
    """

    def __init__(self, url: str, offline: Callable[[str], bool] = lambda node: False) -> None:
        if not url.startswith(("http://", "https://")):
            raise SettingsError(f"{url!r} is no address of a Loki; write it like http://127.0.0.1:3100")
        self.url, self._offline = url.rstrip("/"), offline
        self._waiting: dict[str, list[tuple[float, Entry]]] = defaultdict(list)
        self._next_try = 0.0
        self.sent = self.lost = 0
        self.trouble = ""

    def add(self, instant: float, entry: Entry) -> None:
        """Take in an entry that was written at an instant, in seconds since 1970."""
        waiting = self._waiting[entry.labels["node"]]
        waiting.append((instant, entry))
        if len(waiting) > _MOST:
            del waiting[: _MOST // 10]
            self.lost += _MOST // 10

    def write(self) -> None:
        """Send what can be sent now; what Loki does not take now is kept for later."""
        if time.monotonic() < self._next_try:
            return
        for node, entries in self._waiting.items():
            if entries and not self._offline(node):
                entries[:] = self._send(entries)
                if entries:
                    self._next_try = time.monotonic() + _PAUSE
                    return

    def flush(self) -> None:
        """Send all that nodes with a link have to say. Raises OutputError when Loki does not take it."""
        for attempt in range(4):
            self._next_try = 0.0
            self.write()
            if not any(entries and not self._offline(node) for node, entries in self._waiting.items()):
                return
            time.sleep(attempt)
        raise OutputError(f"Loki at {self.url} does not take the log lines ({self.trouble}); is it up, is it a Loki?")

    def _send(self, entries: list[tuple[float, Entry]]) -> list[tuple[float, Entry]]:
        """Send entries of a node; returns those that have to wait."""
        for start in range(0, len(entries), _BATCH):
            part = entries[start : start + _BATCH]
            request = urllib.request.Request(  # noqa: S310 - checked above
                f"{self.url}/loki/api/v1/push",
                gzip.compress(_body(part), 1),
                {"Content-Type": "application/json", "Content-Encoding": "gzip"},
            )
            try:
                with urllib.request.urlopen(request, timeout=_PATIENCE):  # noqa: S310
                    self.sent += len(part)
            except urllib.error.HTTPError as error:
                self.trouble = f"{error.code}: {error.read(300).decode(errors='replace').strip()}"
                if error.code == 429 or error.code >= 500:
                    return entries[start:]
                self.lost += len(part)  # it will never take them
            except (OSError, http.client.HTTPException) as error:
                self.trouble = str(getattr(error, "reason", error))
                return entries[start:]
        return []


def _body(entries: Iterable[tuple[float, Entry]]) -> bytes:
    streams: dict[tuple[tuple[str, str], ...], list[list[object]]] = defaultdict(list)
    for instant, entry in entries:
        nanoseconds = f"{instant:.6f}".replace(".", "") + "000"
        streams[tuple(entry.labels.items())].append([nanoseconds, entry.text, entry.metadata])
    return orjson.dumps({"streams": [{"stream": dict(labels), "values": lines} for labels, lines in streams.items()]})
