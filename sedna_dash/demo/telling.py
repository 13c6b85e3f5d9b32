"""What people are told: what takes long, what runs where, and what to look at."""

from __future__ import annotations

import json
import shutil
import textwrap
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

import click

from sedna_dash.demo.stack import Stack
from sedna_dash.demo.stories import Span, Story, address
from sedna_dash.lint.board import Board

#: Letters in a line, where the terminal has room for so many.
_WIDTH = 100


@contextmanager
def stage(what: str, out: TextIO) -> Iterator[None]:
    """Say that something begins, and how long it took; on a terminal a clock runs meanwhile."""
    began = time.monotonic()
    if out.isatty():
        from rich.console import Console

        with Console(file=out).status(f"{what} ..."):
            yield
    else:
        click.echo(f"{what} ...", file=out)
        yield
    click.echo(f"{what}: {time.monotonic() - began:.0f} s", file=out)


def as_text(story: Story, boards: Sequence[Board], span: Span, stack: Stack) -> str:
    """What runs where, and the story, for people."""
    lines = [""]
    if stack.grafana:
        lines.append(f"Grafana:     {stack.grafana}  (to change things: user admin, password {stack.password})")
    lines += [f"Prometheus:  {stack.prometheus}", *([f"Loki:        {stack.loki}"] if stack.loki else [])]
    lines += [f"Exporter:    {stack.exporter}/metrics", "", story_text(story, boards, span, stack.grafana), ""]
    if not stack.grafana:
        lines += [f"To see them in a Grafana of yours: sedna-dash deploy --prometheus-url {stack.prometheus}", ""]
    return "\n".join([*lines, "The site goes on living. Stop with Ctrl-C."])


def as_data(story: Story, boards: Sequence[Board], span: Span, stack: Stack) -> str:
    """The same as one line of JSON, for programs."""
    looks = [
        {"dashboard": look.board, "panel": look.panel, "see": look.see,
         "url": address(look, boards, span, stack.grafana) if stack.grafana else ""}
        for look in story.looks
    ]  # fmt: skip
    where = {name: getattr(stack, name) for name in ("grafana", "prometheus", "loki", "exporter")}
    login = {"user": "admin", "password": stack.password} if stack.grafana else {}
    return json.dumps({"story": story.name, **where, **login, "began": stack.began, "looks": looks})


def story_text(story: Story, boards: Sequence[Board], span: Span, grafana: str) -> str:
    """A story with what to look at; without a Grafana the panels are named only."""
    lines = [story.title, _indented(story.about, "  ")]
    for number, look in enumerate(story.looks, 1):
        title = next((board.title for board in boards if board.uid == look.board), look.board)
        lines += ["", f"  {number}. {title}{': ' if look.panel else ''}{look.panel}", _indented(look.see, "     ")]
        if grafana:
            lines.append(f"     {address(look, boards, span, grafana)}")
    return "\n".join(lines)


def _indented(text: str, indent: str) -> str:
    width = min(_WIDTH, shutil.get_terminal_size((_WIDTH, 0)).columns)
    return textwrap.fill(text, width, initial_indent=indent, subsequent_indent=indent)
