"""Requests, answers, and the few forms that all of Grafana's answers share."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


@dataclass
class Answer:
    """What goes back: JSON by default, anything else with its own type."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, list[str]]
    body: Any
    role: str = ""
    login: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def all(self, key: str) -> list[str]:
        """Every value of a query parameter that may be repeated."""
        return self.query.get(key, [])

    def number(self, key: str, default: int) -> int:
        return int(self.query.get(key, [str(default)])[0])

    @property
    def fields(self) -> dict[str, Any]:
        """The body, where an object is expected."""
        return self.body if isinstance(self.body, dict) else {}

    @property
    def by_token(self) -> bool:
        return self.headers.get("Authorization", "").startswith("Bearer")


class Route(NamedTuple):
    """``action``: the permission it needs; without it the answer is 403, before anything else is looked at."""

    method: str
    path: str
    act: Callable[..., Answer]
    action: str = ""


def problem(status: int, message: str, code: str = "") -> Answer:
    return Answer(status, {"message": message, **({"status": code} if code else {})})


def denied(*permissions: str) -> Answer:
    message = f"You'll need additional permissions to perform this action. Permissions needed: {', '.join(permissions)}"
    return Answer(403, {"accessErrorId": "ACE1", "message": message, "title": "Access denied"})


def page(found: Sequence[T], request: Request) -> list[T]:
    limit = request.number("limit", 1000)
    start = (request.number("page", 1) - 1) * limit
    return list(found[start : start + limit])


@functools.cache
def slug(title: str) -> str:
    return re.sub(r"[\W_]+", "-", title.lower()).strip("-")


def wrong_uid(uid: str) -> Answer | None:
    if len(uid) > 40:
        return problem(400, "uid too long, max 40 characters")
    if not re.fullmatch(r"[a-zA-Z0-9\-_]*", uid):
        return problem(400, "uid contains illegal characters")
    return None
