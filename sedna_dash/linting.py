"""Lint from the command line: modules or files in, a report out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sedna_dash.building import load, source_folder
from sedna_dash.catalog import default_catalog, load_catalog
from sedna_dash.lint.board import Board
from sedna_dash.lint.checking import Report, lint
from sedna_dash.lint.exclusions import load_exclusions
from sedna_dash.lint.loading import load_boards
from sedna_dash.lint.output import WRITERS
from sedna_dash.lint.rules import RULES

#: Beside the dashboard modules: which findings are meant, and why.
EXCLUSIONS = "lint.yaml"


def run(files: Sequence[Path], source: Path | None, catalogs: tuple[Path, ...], exclusions: Path | None) -> Report:
    """Check the files, or else the dashboard modules of the source folder."""
    catalog = load_catalog(extra=catalogs) if catalogs else default_catalog()
    if files:
        boards = load_boards(files)
        beside = None
    else:
        folder = source_folder(source)
        boards = [Board(found.model, str(found.module)) for found in load(folder, catalogs)]
        beside = folder / EXCLUSIONS
    chosen = exclusions or (beside if beside and beside.is_file() else None)
    return lint(boards, catalog, load_exclusions(chosen) if chosen else (), partial=bool(files))


def written(report: Report, form: str, *, colour: bool = False) -> str:
    """The report as text, json, sarif or github annotations."""
    return WRITERS[form](report, colour)


def exit_code(report: Report, strict: bool) -> int:
    """0 when nothing is wrong, or only warnings without ``strict``; else 1."""
    failing = report.problems if strict else [item for item in report.problems if item.severity == "error"]
    return 1 if failing else 0


def rule_list() -> str:
    """Name, severity and purpose of every rule."""
    width = max(len(rule.name) for rule in RULES)
    return "\n".join(f"{rule.name:{width}}  {rule.severity:7}  {rule.paragraphs[0]}" for rule in RULES)
