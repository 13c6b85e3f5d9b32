"""A panel says what is missing when it has no data.

"No data" leaves open whether all is well, a metric is not collected, or the collector is down. The text for an empty
panel can say which.

Exceptions: retired panels and plugins, which have no such text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context, Finding, Rule

# What looks like a measured value, or says nothing.
_PLACEHOLDER = re.compile(r"[-–—\s\d.,%]*|n/?a|null|none|no data", re.IGNORECASE)


def check(board: Board, context: Context) -> Iterator[Finding]:
    for panel in board.panels:
        if not panel.is_core:
            continue
        text = panel.defaults.get("noValue")
        if not text:
            yield Finding("does not say what is missing when it is empty; set noValue", panel=panel)
        elif _PLACEHOLDER.fullmatch(str(text).strip()):
            yield Finding(f"shows '{text}' when it is empty; say what is missing", panel=panel)


rule = Rule("no-data-text", "warning", check, __doc__)
