"""Log lines as Sedna's programs write them, to the letter.

GM and LC use klog, workers and the knowledge base Python's logging through colorlog (with colours even where there is
no terminal), the servers in them uvicorn, and the knowledge base echoes all its SQL. Log collectors write logfmt.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import NamedTuple

#: What logfmt puts into quotes.
_ODD = re.compile(r'[\s="]|^$')
_COLOURS = {"DEBUG": "\x1b[37m", "INFO": "\x1b[32m", "WARNING": "\x1b[33m", "ERROR": "\x1b[31m"}


class LogLine(NamedTuple):
    """One line (or a traceback of several) that a container wrote.

    ``time`` is in seconds since 1970, in whole microseconds; no two lines of a site have the same.
    """

    time: float
    namespace: str
    pod: str
    container: str
    node: str
    stream: str
    text: str


def klog(wall: float, level: str, source: str, message: str) -> str:
    """``level`` is I, W, E or F, ``source`` a file and line such as ``upstream.go:85``."""
    when = datetime.fromtimestamp(wall, timezone.utc).strftime("%m%d %H:%M:%S.%f")
    return f"{level}{when} {1:>7} {source}] {message}"


def coloured(wall: float, level: str, source: str, message: str) -> str:
    """``level`` is a level of Python's logging, ``source`` a file and line such as ``joint_inference.py(287)``."""
    return f"{_COLOURS[level]}[{_python_time(wall)}] {source} [{level}]\x1b[0m - {message}\x1b[0m"


def uvicorn(client: str, request: str, status: str = "200 OK") -> str:
    """An access line; ``client`` is an address and port, ``request`` such as ``POST /sedna/predict``."""
    return f'INFO:     {client} - "{request} HTTP/1.1" {status}'


def sql(wall: float, statement: str) -> str:
    """The first line of SQLAlchemy's echo."""
    return f"{_python_time(wall)} INFO sqlalchemy.engine.Engine {statement}"


def logfmt(wall: float, level: str, message: str, **fields: str) -> str:
    """A line of Grafana Alloy; each field as it stands, or quoted if it has to be."""
    when = datetime.fromtimestamp(wall, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
    pairs = {"ts": when, "level": level, "msg": message, **fields}
    return " ".join(f"{key}={_quoted(value) if _ODD.search(value) else value}" for key, value in pairs.items())


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _python_time(wall: float) -> str:
    return f"{local_time(wall)},{round(wall * 1e6) // 1000 % 1000:03d}"


def local_time(wall: float) -> str:
    """A time as Sedna's Python code writes it: local, without a zone; the containers' clocks are on UTC."""
    return datetime.fromtimestamp(wall, timezone.utc).strftime("%Y-%m-%d %H:%M:%S")


def go_time(wall: float) -> str:
    """A time as Go prints it."""
    return datetime.fromtimestamp(wall, timezone.utc).strftime("%Y-%m-%d %H:%M:%S +0000 UTC")


def go_conditions(conditions: list[dict[str, str]]) -> str:
    """A list of conditions as Go prints it with ``%v``: values only, in the order of the struct."""
    return "[" + " ".join(_go_condition(condition) for condition in conditions) + "]"


def _go_condition(condition: dict[str, str]) -> str:
    times = [
        condition[key].replace("T", " ").replace("Z", " +0000 UTC")
        for key in ("lastHeartbeatTime", "lastTransitionTime")
    ]
    head = [condition["type"], condition["status"], condition.get("stage", "")]
    tail = [condition.get("reason", ""), condition.get("message", ""), condition.get("data", "")]
    return "{" + " ".join([*head, *times, *tail]) + "}"
