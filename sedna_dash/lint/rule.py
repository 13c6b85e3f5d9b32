"""What a rule is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sedna_dash.catalog import Catalog
from sedna_dash.lint.board import Board, Panel, Query
from sedna_dash.lint.problem import Problem, Severity
from sedna_dash.lint.promql_ast import LabelAnalysis


@dataclass(frozen=True)
class Context:
    """What a rule may look at besides the dashboard it judges: the catalog, and all dashboards of the run."""

    catalog: Catalog
    boards: Sequence[Board]
    #: Results that several rules need, by name; filled by whoever asks first.
    shared: dict[str, Any] = field(default_factory=dict)

    def labels(self, board: Board) -> LabelAnalysis:
        """What the catalog tells of the labels in this dashboard's queries."""
        key = f"labels, ours: {board.is_ours}"
        if key not in self.shared:
            self.shared[key] = LabelAnalysis(self.catalog, ours=board.is_ours)
        analysis: LabelAnalysis = self.shared[key]
        return analysis


@dataclass(frozen=True)
class Finding:
    """What a rule's check yields: a sentence that says what is wrong and the cure, and where in the board."""

    message: str
    panel: Panel | None = None
    query: Query | None = None
    #: A variable's or annotation's name, when it is neither in a panel nor in a query.
    place: str = ""


Check = Callable[[Board, Context], Iterator[Finding]]


@dataclass(frozen=True)
class Rule:
    """One check with a name. The module that defines it documents it: its docstring is the rule's page.

    The docstring's first paragraph says what the rule wants, the second why; ``Exceptions:`` begins a third.
    """

    name: str
    severity: Severity
    check: Check
    doc: str

    @property
    def paragraphs(self) -> tuple[str, str, str]:
        """What the rule wants, why, and its exceptions, each as one line; the last may be empty."""
        parts = [" ".join(part.split()) for part in self.doc.strip().split("\n\n")]
        return (parts[0], parts[1], " ".join(parts[2:]))

    def problems(self, board: Board, context: Context) -> Iterator[Problem]:
        """Run the check on one dashboard."""
        for finding in self.check(board, context):
            query = finding.query
            place = query.place if query else finding.panel.name if finding.panel else finding.place
            ref = query.ref if query else ""
            yield Problem(board.file, board.name, place, ref, self.name, self.severity, finding.message)
