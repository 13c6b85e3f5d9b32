"""What can go wrong with the API server."""

from __future__ import annotations


class ApiError(Exception):
    """The API server refused, broke off or is away. ``status`` is the HTTP status, 0 without an answer;
    ``retry_after`` is how many seconds it asks us to wait."""

    def __init__(self, status: int, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after
