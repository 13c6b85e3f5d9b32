"""The dashboard has a uid of 1 to 40 letters, digits, dashes and underscores.

Without one Grafana makes one up, differently on each server, and every link to the dashboard breaks. Longer ones and
other characters are refused on upload.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context, Finding, Rule

_UID = re.compile(r"[A-Za-z0-9_-]{1,40}")


def check(board: Board, context: Context) -> Iterator[Finding]:
    uid = board.model.get("uid")
    if not uid:
        yield Finding("has no uid; choose one that will never change")
    elif not isinstance(uid, str) or not _UID.fullmatch(uid):
        yield Finding(f"has the uid '{uid}'; use 1 to 40 letters, digits, - and _")


rule = Rule("uid-format", "error", check, __doc__)
