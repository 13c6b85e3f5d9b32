"""Every panel that shows data says in at least eight words what the data means and what to do about it.

The title names the data. Whoever is woken by it needs to know what is normal, and what to do when it is not.

Exceptions: a list of the metrics that are read, begun with "Reads:", and words of the title are not counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context, Finding, Rule

_LEAST_WORDS = 8
_LEAST_NEW_WORDS = 5

# Chinese, Japanese and Korean do not put blanks between words; a character is counted as one.
_WORD = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]+")
_LIST = re.compile(r"^Reads:", re.MULTILINE)


def check(board: Board, context: Context) -> Iterator[Finding]:
    for panel in board.panels:
        if not panel.shows_data:
            continue
        description = panel.model.get("description")
        text = _LIST.split(description)[0] if isinstance(description, str) else ""
        words = _WORD.findall(text.lower())
        if not words:
            yield Finding("has no description; say what the data means and what to do about it", panel=panel)
        elif len(words) < _LEAST_WORDS:
            yield Finding(
                f"its description has {len(words)} of at least {_LEAST_WORDS} words; say what it means and what to do",
                panel=panel,
            )
        elif len(set(words) - set(_WORD.findall(panel.title.lower()))) < _LEAST_NEW_WORDS:
            yield Finding("has a description that repeats the title; say what to do about the data", panel=panel)


rule = Rule("panel-description", "error", check, __doc__)
