"""The dashboard has at least one tag.

Tags are how dashboards are found in a list of hundreds, and how menus of dashboards are made.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context, Finding, Rule


def check(board: Board, context: Context) -> Iterator[Finding]:
    tags = board.model.get("tags")
    if not isinstance(tags, list) or not tags:
        yield Finding("has no tags; add one for the product that it shows")
    elif not all(isinstance(tag, str) and tag.strip() for tag in tags):
        yield Finding("has an empty tag; remove it")
    elif len(set(tags)) < len(tags):
        yield Finding("has a tag twice; remove one")


rule = Rule("tags-required", "warning", check, __doc__)
