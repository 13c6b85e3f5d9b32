"""Queries: enough of PromQL and LogQL to say whether there is anything, and the errors of a broken or absent server."""

from __future__ import annotations

import re
from typing import Any

import promql_parser

from tests.stand_in.http import Answer, Request, Route, problem
from tests.stand_in.state import State

Found = list[dict[str, str]]


class BrokenQueryError(Exception):
    """A query that its server refuses, in its words."""


def is_down(grafana: State, uid: str) -> bool:
    return uid in grafana.down or str(grafana.datasources[uid]["url"]).rstrip("/").endswith(":9")


def _query(grafana: State, request: Request) -> Answer:
    asked = request.fields.get("queries") or []
    if not asked:
        return _refused(400, "No queries found", "query.noQueries")
    uids = [str((query.get("datasource") or {}).get("uid") or "") for query in asked]
    if not all(uids):
        return _refused(400, "Query does not contain a valid data source identifier", "query.invalidDatasourceId")
    if any(uid not in grafana.datasources for uid in uids):
        return problem(404, "Data source not found")
    if any(is_down(grafana, uid) for uid in uids):
        # One that is down takes the answers of the others with it.
        return _refused(500, "An error occurred within the plugin", "plugin.downstreamError")
    results, status = {}, 200
    for query, uid in zip(asked, uids, strict=True):
        answered = _loki if grafana.datasources[uid]["type"] == "loki" else _prometheus
        try:
            frames = answered(grafana, query)
        except BrokenQueryError as error:
            # Each query says so for itself, and the status for all of them.
            results[query["refId"]], status = {"error": str(error), "status": 500}, 400
            continue
        results[query["refId"]] = {"status": 200, **({} if frames is None else {"frames": frames})}
    return Answer(status, {"results": results})


def _refused(status: int, message: str, message_id: str) -> Answer:
    return Answer(status, {"message": message, "messageId": message_id, "statusCode": status})


def _prometheus(grafana: State, query: dict[str, Any]) -> list[Any] | None:
    text, in_range = query["expr"], bool(query.get("range"))
    try:
        parsed = promql_parser.parse(text)
    except ValueError as error:
        raise BrokenQueryError(f'bad_data: invalid parameter "query": 1:1: parse error: {error}') from None
    found = _evaluated(parsed, sorted(grafana.series))
    if not found:
        return [] if in_range else None
    meta = {"type": "timeseries-many", "custom": {"resultType": "matrix" if in_range else "vector"}}
    return [_frame(query, labels, f"Expr: {text}\nStep: 15s", 1, meta, 15000) for labels in found]


def _evaluated(expr: Any, series: list[str]) -> Found:
    """The labels of what a PromQL expression finds. Every value is 1."""
    if isinstance(expr, promql_parser.VectorSelector):
        return [{"__name__": name} for name in series if _selected(expr, name)]
    if isinstance(expr, promql_parser.BinaryExpr):
        left, right = _evaluated(expr.lhs, series), _evaluated(expr.rhs, series)
        operator = str(expr.op)
        if operator == "or":
            return left or right
        return left if right or operator == "unless" else []
    if isinstance(expr, promql_parser.AggregateExpr):
        inner = _evaluated(expr.expr, series)
        by_name = expr.modifier is not None and "__name__" in expr.modifier.labels
        return inner if by_name else [{}] * bool(inner)
    if isinstance(expr, promql_parser.Call):
        selectors = [argument for argument in expr.args if not _is_constant(argument)]
        inner = [labels for argument in selectors for labels in _evaluated(argument, series)]
        if expr.func.name in ("absent", "absent_over_time"):
            return [] if inner else [{}]
        return [{} for _ in inner] if selectors else [{}]
    for part in ("expr", "vector_selector"):
        if hasattr(expr, part):
            return _evaluated(getattr(expr, part), series)
    return [{}]


def _is_constant(expr: Any) -> bool:
    return isinstance(expr, promql_parser.NumberLiteral | promql_parser.StringLiteral)


_OPERATORS = {"MatchOp.Equal": "=", "MatchOp.NotEqual": "!=", "MatchOp.Re": "=~", "MatchOp.NotRe": "!~"}


def _selected(selector: Any, name: str) -> bool:
    """Whether a selector finds a metric. Other labels than its name are not looked at."""
    if selector.name and selector.name != name:
        return False
    return all(
        _matches(_OPERATORS[str(matcher.op)], matcher.value, name)
        for matcher in selector.matchers.matchers
        if matcher.name == "__name__"
    )


def _matches(operator: str, value: str, text: str) -> bool:
    same = re.fullmatch(value, text) is not None if "~" in operator else value == text
    return same != operator.startswith("!")


def _loki(grafana: State, query: dict[str, Any]) -> list[Any] | None:
    text = query["expr"]
    selector = re.search(r"\{([^{}]*)\}", text)
    if not selector:
        raise BrokenQueryError("parse error at line 1, col 1: syntax error: unexpected $end, expecting } or ,")
    matchers = re.findall(r'(\w+)\s*(=~|!~|!=|=)\s*["`]([^"`]*)["`]', selector[1])
    lines = [
        labels
        for labels in grafana.streams
        if all(_matches(operator, value, labels.get(name, "")) for name, operator, value in matchers)
    ]
    if not re.match(r"\w", text.strip()):
        return [_log_frame(query, lines)]
    if not lines:
        return [] if query.get("queryType") == "range" else None
    if query.get("queryType") == "range":
        return [_frame(query, {}, f"Expr: {text}\nStep: 15s", len(lines), {"type": "timeseries-many"}, 15000)]
    return [_frame(query, {}, f"Expr: {text}", len(lines), {"type": "timeseries-many"})]


def _frame(
    query: dict[str, Any], labels: dict[str, str], executed: str, value: int, meta: dict[str, Any], step: int = 0
) -> dict[str, Any]:
    time = {"name": "Time", "type": "time", "typeInfo": {"frame": "time.Time"}}
    name = labels.get("__name__", query["expr"])
    number = {"name": "Value", "type": "number", "typeInfo": {"frame": "float64"}, "labels": labels,
              "config": {"displayNameFromDS": name}}  # fmt: skip
    fields = [{**time, "config": {"interval": step}} if step else time, number]
    schema = {"name": name, "refId": query["refId"], "meta": {**meta, "executedQueryString": executed}}
    return {"schema": {**schema, "fields": fields}, "data": {"values": [[1795414875000], [value]]}}


def _log_frame(query: dict[str, Any], lines: Found) -> dict[str, Any]:
    columns = {"labels": ("other", "json.RawMessage"), "Time": ("time", "time.Time"), "Line": ("string", "string"),
               "tsNs": ("string", "string"), "id": ("string", "string")}  # fmt: skip
    fields = [{"name": name, "type": kind, "typeInfo": {"frame": frame}} for name, (kind, frame) in columns.items()]
    meta = {"custom": {"frameType": "LabeledTimeValues"}, "executedQueryString": f"Expr: {query['expr']}"}
    count = range(len(lines))
    values = [lines, [1795414875000 for _ in count], ["a line" for _ in count], ["1795414875000000000" for _ in count],
              [f"1795414875000000000_{number}" for number in count]]  # fmt: skip
    return {"schema": {"refId": query["refId"], "meta": meta, "fields": fields}, "data": {"values": values}}


ROUTES = [Route("POST", "/api/ds/query", _query, "datasources:query")]
