"""Markdown that is written from data."""

from __future__ import annotations


def table_row(*cells: str) -> str:
    """A row of a table; what would end a cell is escaped."""
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
