"""A progress bar, for people who wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO


@contextmanager
def progress(what: str, total: int, out: TextIO) -> Iterator[Callable[[], object]]:
    """Show how far it is, on a terminal; elsewhere nothing. Yields what to call after each step, in any thread."""
    if not out.isatty() or not total:
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(file=out), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)
