"""The dashboard says which schema it is written in, 36 (Grafana 9) or later.

Grafana rewrites what is older on each load, one migration for each version in between, and its newest ones refuse the
oldest.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context, Finding, Rule

_OLDEST = 36


def check(board: Board, context: Context) -> Iterator[Finding]:
    version = board.model.get("schemaVersion")
    if version is None:
        yield Finding(f"has no schemaVersion; write the number of the schema it follows, {_OLDEST} or later")
    elif not isinstance(version, int) or isinstance(version, bool):
        yield Finding(f"has the schemaVersion {version!r}; write a whole number")
    elif version < _OLDEST:
        yield Finding(f"has the schemaVersion {version}; save it with Grafana 9 or later, which makes it {_OLDEST}")


rule = Rule("schema-version", "error", check, __doc__)
