"""The dashboard reloads itself every 30 seconds at most, or not at all.

Metrics are scraped every 15 to 60 seconds. Asking more often shows nothing new and multiplies the load by the number of
open browsers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context, Finding, Rule

_LEAST_SECONDS = 30
_DURATION = re.compile(r"(\d+)(ms|s|m|h|d|w|M|y)")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "M": 2592000, "y": 31536000}


def check(board: Board, context: Context) -> Iterator[Finding]:
    refresh = board.model.get("refresh")
    if refresh in (None, False, "", "off", "auto"):
        return
    found = _DURATION.fullmatch(refresh) if isinstance(refresh, str) else None
    if found is None:
        yield Finding(f"has the refresh interval {refresh!r}; write it as 1m, or leave it empty")
    elif int(found[1]) * _SECONDS[found[2]] < _LEAST_SECONDS:
        yield Finding(f"reloads every {refresh}; use 30s or more")


rule = Rule("refresh-policy", "warning", check, __doc__)
