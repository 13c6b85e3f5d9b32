"""The dashboard opens on a time range up to now or relative to it, in the reader's time zone.

A fixed range shows the day on which somebody saved it. A fixed zone shifts every incident by hours for whoever does not
notice it.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.lint.board import Board, mapping
from sedna_dash.lint.rule import Context, Finding, Rule


def check(board: Board, context: Context) -> Iterator[Finding]:
    zone = board.model.get("timezone")
    # Empty is what the reader chose in the preferences.
    if zone not in (None, "", "browser"):
        yield Finding(f"shows times in the zone '{zone}'; set timezone to browser")
    time = mapping(board.model.get("time"))
    for end in ("from", "to"):
        moment = time.get(end)
        if moment is not None and not str(moment).startswith("now"):
            yield Finding(f"has the fixed time {moment} in time.{end}; use one relative to now")


rule = Rule("time-policy", "warning", check, __doc__)
