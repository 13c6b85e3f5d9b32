"""A panel of log lines asks for a stated number of lines, at most 5000.

Without a limit the datasource's own decides, which differs from server to server. Thousands of lines freeze the browser
and a thin link.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.lint.board import Board, number
from sedna_dash.lint.rule import Context, Finding, Rule

_MOST = 5000


def check(board: Board, context: Context) -> Iterator[Finding]:
    for query in board.queries:
        if query.language != "logql" or query.panel is None or query.panel.type != "logs":
            continue
        lines = query.target.get("maxLines")
        if isinstance(lines, str) and lines.isdigit():  # as an input field of Grafana 9 stores it
            lines = int(lines)
        limit = number(lines)
        if limit is None:
            yield Finding("has no limit of lines; set maxLines, 500 is enough to read", query=query)
        elif not 0 < limit <= _MOST:
            yield Finding(f"asks for {limit:g} lines; use 1 to {_MOST}", query=query)


rule = Rule("logs-panel-limit", "warning", check, __doc__)
