"""The dashboard is smaller than 250 KiB as JSON.

kubectl apply keeps a copy of a ConfigMap in an annotation, which holds 256 KiB and no more.
"""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context, Finding, Rule

_MOST = 250 * 1024


def check(board: Board, context: Context) -> Iterator[Finding]:
    try:
        size = len(orjson.dumps(board.model, option=orjson.OPT_INDENT_2))
    except TypeError:  # a number of more than 64 bits
        size = len(board.text.encode())
    if size > _MOST:
        yield Finding(f"has {size // 1024} KiB, more than {_MOST // 1024}; make two dashboards of it")


rule = Rule("json-size", "warning", check, __doc__)
