"""The values files of the stack: filled in, then written or compared."""

from __future__ import annotations

from pathlib import Path

from sedna_dash import __version__
from sedna_dash.errors import StaleError
from sedna_dash.render.writing import Difference, difference
from sedna_dash.render.writing import write as write_files
from sedna_dash.stack.filling import fill
from sedna_dash.stack.products import VALUES, Site, products
from sedna_dash.stack.upstream import readme


def files(site: Site) -> dict[str, bytes]:
    """Every file: path below the output folder to content."""
    known = products(site)
    paths = sorted(VALUES.rglob("*.yaml"))
    filled = {str(path.relative_to(VALUES)): _content(path, known) for path in paths}
    return {**filled, "README.md": readme().encode()}


def write(out: Path, site: Site) -> Difference:
    """Write all files. Raises `OutputError`."""
    return write_files(out, files(site))


def check(out: Path, site: Site) -> None:
    """Raise `StaleError` when the folder does not hold what `write` would write."""
    stale = difference(out, files(site))
    if stale:
        raise StaleError(f"{out} is not up to date; run: sedna-dash stack\n{stale}")


def _content(path: Path, known: dict[str, object]) -> bytes:
    head = f"# Written by sedna-dash {__version__} stack. Put what you want otherwise into a values file of your own.\n"
    return (head + fill(path.read_text(encoding="utf-8"), known)).encode()
