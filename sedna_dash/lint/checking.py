"""Run the rules over dashboards."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from sedna_dash.catalog import Catalog
from sedna_dash.lint.board import Board
from sedna_dash.lint.exclusions import UNUSED, Exclusion
from sedna_dash.lint.problem import Problem
from sedna_dash.lint.rule import Context, Rule
from sedna_dash.lint.rules import RULES


@dataclass(frozen=True)
class Report:
    """What was found. ``problems`` holds those about ``unused`` exclusions too; ``excluded`` counts the forgiven."""

    problems: tuple[Problem, ...]
    unused: tuple[Exclusion, ...] = ()
    excluded: int = 0
    dashboards: int = 0

    @property
    def errors(self) -> int:
        return sum(problem.severity == "error" for problem in self.problems)

    @property
    def warnings(self) -> int:
        return len(self.problems) - self.errors


def lint(
    boards: Sequence[Board],
    catalog: Catalog,
    exclusions: Sequence[Exclusion] = (),
    *,
    rules: Sequence[Rule] = RULES,
    partial: bool = False,
    today: datetime.date | None = None,
) -> Report:
    """Judge the dashboards by all rules, in an order that depends on nothing but them.

    ``partial`` says that ``boards`` are only some of those that the exclusions were written for.
    """
    context = Context(catalog, boards)
    found = {problem for board in boards for rule in rules for problem in rule.problems(board, context)}
    today = today or datetime.date.today()
    current = [exclusion for exclusion in exclusions if not exclusion.expired(today)]
    kept, used = [], set()
    for problem in sorted(found):
        excluding = [exclusion for exclusion in current if exclusion.excludes(problem)]
        used.update(excluding)
        if not excluding:
            kept.append(problem)
    here = {board.name for board in boards}
    unused = [
        exclusion for exclusion in exclusions if exclusion not in used and (not partial or exclusion.dashboard in here)
    ]
    kept += [_about(exclusion, exclusion.dashboard in here, today) for exclusion in unused]
    return Report(tuple(kept), tuple(unused), len(found) - len(kept) + len(unused), len(boards))


def _about(exclusion: Exclusion, present: bool, today: datetime.date) -> Problem:
    if exclusion.expired(today):
        message = f"the exclusion from {exclusion.rule} ran out on {exclusion.until}; cure the problem, or argue anew"
    elif not present:
        message = f"is excluded from {exclusion.rule}, but there is no such dashboard; remove the exclusion"
    else:
        message = f"is excluded from {exclusion.rule}, but has no such problem; remove the exclusion"
    return Problem(exclusion.file, exclusion.dashboard, exclusion.panel, "", UNUSED, "error", message, exclusion.line)
