"""The gallery: every dashboard as a picture, with the question that it answers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from sedna_dash.lint.board import Board

#: Where the pictures lie, UID.png each, seen from the gallery.
_PICTURES = "../pictures"
#: What a reader opens first comes first; all others by title.
_FIRST = "sedna-fleet"
_HEAD = """\
# Gallery

Every dashboard, in a real Grafana, reading a simulated site. Click a picture to see it whole, a title for its panels.
The questions are those that the dashboard itself opens with. Stories in pictures: [the demo](../how-to/demo.md).

<div class="grid cards gallery" markdown>
"""


def gallery_page(boards: Iterable[Board], pictures: Path) -> str:
    """A card for each dashboard, the fleet first. ``pictures`` is the folder that may hold UID.png for each.

    The page is to stand in ``docs/reference``, with the pictures in ``docs/pictures``.
    """
    ordered = sorted(boards, key=lambda board: (board.uid != _FIRST, board.title))
    return "\n".join([_HEAD, *(line for board in ordered for line in _card(board, pictures)), "</div>"])


def _card(board: Board, pictures: Path) -> Iterator[str]:
    name = board.title.removeprefix("Sedna / ")
    title = f"**[{name}](dashboards.md#{_anchor(board.title)})**"
    if (pictures / f"{board.uid}.png").is_file():
        picture = f"{_PICTURES}/{board.uid}.png"
        yield f"- [![{name}]({picture})]({picture})\n"
        yield f"  {title}\n"
    else:
        yield f"- {title}\n"
    yield f"  {_question(board)}\n"


def _question(board: Board) -> str:
    """What the dashboard answers, as one line."""
    return " ".join(str(board.model.get("description") or "").replace("**", "").split())


def _anchor(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
