"""What the dashboards ask: metrics and logs, directly or through a Grafana."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

from sedna_dash.verify.server import RefusedQueryError, Server

_LOG_LINES = 20


@dataclass(frozen=True)
class Span:
    """When to evaluate a query: at ``end``, or, with a ``step``, every step from ``start`` to ``end``. Unix seconds."""

    start: float
    end: float
    step: float = 0

    @property
    def at_end(self) -> Span:
        """The same range, evaluated once at its end."""
        return Span(self.start, self.end)


@dataclass(frozen=True)
class Series:
    """One series of an answer, or one stream of log lines: its labels, its points, and when they begin and end.

    ``times`` are Unix seconds, in order; ``value`` is the last one, as the server wrote it.
    """

    labels: Mapping[str, str]
    times: Sequence[float]
    value: str = ""


class Target(Protocol):
    """Where one language of queries is answered.

    The methods raise `RefusedQueryError` with the server's words, and `VerifyError` when there is no server to ask.
    """

    def query(self, text: str, span: Span) -> list[Series]:
        """What the query finds."""

    def label_values(self, selector: str, label: str, span: Span) -> list[str]:
        """The values of a label on the series that the selector finds anywhere in the span, or on all without one."""

    def now(self) -> float:
        """Its clock, in Unix seconds."""


@dataclass
class Prometheus:
    """A Prometheus, or what speaks its API."""

    server: Server

    def query(self, text: str, span: Span) -> list[Series]:
        if span.step:
            form = [("query", text), ("start", _time(span.start)), ("end", _time(span.end)), ("step", _time(span.step))]
            answer = self._data(self.server.ask("/api/v1/query_range", form))
        else:
            answer = self._data(self.server.ask("/api/v1/query", [("query", text), ("time", _time(span.end))]))
        if not isinstance(answer, dict):
            raise RefusedQueryError("the answer is none that Prometheus gives")
        return prometheus_series(answer)

    def label_values(self, selector: str, label: str, span: Span) -> list[str]:
        form = [("start", _time(span.start)), ("end", _time(span.end))]
        form += [("match[]", selector)] if selector else []
        return _texts(self._data(self.server.ask(f"/api/v1/label/{label}/values", form, post=False)))

    def now(self) -> float:
        try:
            return float(self._data(self.server.ask("/api/v1/query", [("query", "time()")]))["result"][1])
        except (KeyError, IndexError, TypeError, ValueError):
            raise RefusedQueryError("it does not tell its time") from None

    def _data(self, answer: Any) -> Any:
        return answer_data(answer, self.server)


@dataclass
class Loki:
    """A Loki."""

    server: Server

    def query(self, text: str, span: Span) -> list[Series]:
        form = [("query", text), ("limit", str(_LOG_LINES)), ("direction", "backward")]
        if span.step:
            form += [("start", _nanoseconds(span.start)), ("end", _nanoseconds(span.end)), ("step", _time(span.step))]
            answer = self._data(self.server.ask("/loki/api/v1/query_range", form, post=False))
        else:
            form += [("time", _nanoseconds(span.end))]
            answer = self._data(self.server.ask("/loki/api/v1/query", form, post=False))
        if not isinstance(answer, dict):
            raise RefusedQueryError("the answer is none that Loki gives")
        if answer.get("resultType") == "streams":
            return [
                Series(_labels(item.get("stream")), sorted(int(entry[0]) / 1e9 for entry in item.get("values") or ()))
                for item in answer.get("result") or ()
            ]
        return prometheus_series(answer)

    def label_values(self, selector: str, label: str, span: Span) -> list[str]:
        form = [("start", _nanoseconds(span.start)), ("end", _nanoseconds(span.end))]
        if not selector:
            return _texts(self._data(self.server.ask(f"/loki/api/v1/label/{label}/values", form, post=False)))
        found = self._data(self.server.ask("/loki/api/v1/series", [*form, ("match[]", selector)], post=False))
        return label_values_of(found, label)

    def now(self) -> float:
        raise RefusedQueryError("Loki does not tell its time")

    def _data(self, answer: Any) -> Any:
        return answer_data(answer, self.server)


@dataclass
class Datasource:
    """A datasource of a Grafana, asked as Grafana's own panels ask it."""

    server: Server
    uid: str
    plugin: str

    def query(self, text: str, span: Span) -> list[Series]:
        in_range = span.step > 0
        asked: dict[str, Any] = {
            "refId": "A",
            "datasource": {"type": self.plugin, "uid": self.uid},
            "expr": text,
            "intervalMs": round((span.step or 15) * 1000),
            # Grafana makes the step larger when there would be more points than this, and moves the moment of an
            # instant query back to a multiple of the step.
            "maxDataPoints": int((span.end - span.start) / span.step) + 2 if in_range else 11_000,
        }
        if self.plugin == "loki":
            asked |= {"queryType": "range" if in_range else "instant", "maxLines": _LOG_LINES}
        else:
            asked |= {"range": in_range, "instant": not in_range, "format": "time_series"}
        body = {"from": str(round(span.start * 1000)), "to": str(round(span.end * 1000)), "queries": [asked]}
        answer = self.server.ask("/api/ds/query", body=body)
        result = (answer.get("results") or {}).get("A") if isinstance(answer, dict) else None
        if not isinstance(result, dict):
            raise RefusedQueryError(self._said(answer))
        if result.get("error"):
            raise RefusedQueryError(self.server.shortened(result["error"]))
        return [series for frame in result.get("frames") or () for series in frame_series(frame)]

    def label_values(self, selector: str, label: str, span: Span) -> list[str]:
        resources = f"/api/datasources/uid/{quote(self.uid, safe='')}/resources"
        if self.plugin == "loki":
            form = [("start", _nanoseconds(span.start)), ("end", _nanoseconds(span.end))]
            form += [("match[]", selector)] if selector else []
            path = "series" if selector else f"label/{label}/values"
            data = answer_data(self.server.ask(f"{resources}/{path}", form, post=False), self.server)
            return label_values_of(data, label) if selector else _texts(data)
        form = [("start", _time(span.start)), ("end", _time(span.end))]
        form += [("match[]", selector)] if selector else []
        answer = self.server.ask(f"{resources}/api/v1/label/{label}/values", form, post=False)
        return _texts(answer_data(answer, self.server))

    def now(self) -> float:
        path = f"/api/datasources/uid/{quote(self.uid, safe='')}/resources/api/v1/query"
        answer = answer_data(self.server.ask(path, [("query", "time()")], post=False), self.server)
        try:
            return float(answer["result"][1])
        except (KeyError, IndexError, TypeError, ValueError):
            raise RefusedQueryError("it does not tell its time") from None

    def _said(self, answer: Any) -> str:
        said = answer.get("message") or answer.get("error") if isinstance(answer, dict) else None
        return self.server.shortened(said or "the answer is none that Grafana gives")


def answer_data(answer: Any, server: Server) -> Any:
    """``data`` of an answer of Prometheus or Loki; its error as `RefusedQueryError`."""
    if not isinstance(answer, dict) or "data" not in answer or answer.get("status") == "error":
        said = answer.get("error") or answer.get("message") if isinstance(answer, dict) else None
        raise RefusedQueryError(server.shortened(said or f"the answer is none that {server.product} gives"))
    return answer["data"]


def prometheus_series(data: Mapping[str, Any]) -> list[Series]:
    """The series of an answer in Prometheus' form, whatever its type."""
    kind, result = data.get("resultType"), data.get("result") or []
    if kind in ("scalar", "string"):
        return [Series({}, [float(result[0])], str(result[1]))]
    found = []
    for item in result:
        points = item.get("values") or item.get("histograms") or [item.get("value") or item.get("histogram")]
        found.append(Series(_labels(item.get("metric")), [float(point[0]) for point in points], str(points[-1][1])))
    return found


def frame_series(frame: Mapping[str, Any]) -> Iterable[Series]:
    """The series of one of Grafana's data frames: one for each column of numbers, or one for all log lines."""
    fields = (frame.get("schema") or {}).get("fields") or []
    columns = (frame.get("data") or {}).get("values") or []
    times: Sequence[float] = []
    for described, column in zip(fields, columns, strict=False):
        if described.get("type") == "time" and not times:
            times = [float(value) / 1000 for value in column]
    for described, column in zip(fields, columns, strict=False):
        logs = described.get("type") == "string" and described.get("name") in ("Line", "Value")
        if (described.get("type") == "number" or logs) and len(column):
            # Between the points of a series there may be holes, which are no points.
            kept = [at for at, value in zip(times, column, strict=False) if value is not None]
            yield Series(_labels(described.get("labels")), sorted(kept), str(column[-1]))


def label_values_of(found: Any, label: str) -> list[str]:
    """The values of a label in a list of series."""
    items = found if isinstance(found, list) else []
    return sorted({str(item[label]) for item in items if isinstance(item, dict) and item.get(label)})


def _labels(value: Any) -> Mapping[str, str]:
    return value if isinstance(value, dict) else {}


def _texts(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _time(seconds: float) -> str:
    return f"{seconds:.3f}"


def _nanoseconds(seconds: float) -> str:
    return str(round(seconds * 1e9))
