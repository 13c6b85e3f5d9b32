"""A PromQL query in pieces: each part of the tree as a query of its own, word for word, or changed in one respect.

lint's tree has no offsets and no ``@``, which a query that is to be asked must keep. So the parser's own writing of
each leaf goes along with the tree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import promql_parser

from sedna_dash.lint import promql_ast
from sedna_dash.lint.promql_ast import (
    Aggregation,
    Binary,
    Call,
    Matcher,
    Negation,
    Node,
    Selector,
    Subquery,
    matching_of,
)

# Window, @ and offset behind a selector or a subquery.
_SUFFIX = re.compile(r"(?:\[[^\[\]]*\])?(?:\s*(?:@\s*\S+|offset\s+\S+))*\Z")


@dataclass(frozen=True)
class Piece:
    """A part of a query. ``own`` is the text of a leaf, and of a subquery what stands behind its bracket."""

    node: Node
    parts: tuple[Piece, ...] = ()
    own: str = ""

    @property
    def text(self) -> str:
        """The part as a query."""
        return _write(self)

    @property
    def is_range(self) -> bool:
        """Whether it is a range of samples, which only a function can take."""
        return isinstance(self.node, Subquery) or (isinstance(self.node, Selector) and self.node.window is not None)

    @property
    def is_scalar(self) -> bool:
        return promql_ast.is_scalar(self.node)

    @property
    def suffix(self) -> str:
        """Window, ``@`` and offset of a selector or a subquery, as they are written."""
        found = _SUFFIX.search(self.own)
        return found[0] if found else ""

    @property
    def shifted(self) -> bool:
        """Whether it asks for another time than the query's."""
        return " offset " in self.suffix or "@" in self.suffix

    def selectors(self) -> Iterator[Piece]:
        """Every selector in it."""
        if isinstance(self.node, Selector):
            yield self
        for part in self.parts:
            yield from part.selectors()

    def with_matchers(self, matchers: Sequence[Matcher]) -> Piece:
        """A selector with other matchers; name, window, offset and ``@`` stay."""
        assert isinstance(self.node, Selector)
        braces = "{" + ",".join(map(str, matchers)) + "}" if matchers else ""
        node = replace(self.node, matchers=tuple(matchers))
        return Piece(node, (), self.node.name + braces + self.suffix)

    def unfiltered(self) -> Piece:
        """The same without its conditions: comparisons keep every series, and nothing is taken away by unless."""
        parts = tuple(part.unfiltered() for part in self.parts)
        if isinstance(self.node, Binary):
            if self.node.operator == "unless":
                return parts[0]
            if self.node.filters:
                return Piece(replace(self.node, boolean=True), parts)
        return Piece(self.node, parts, self.own)

    def unselective(self) -> Piece:
        """The same with all series of each metric: only the names of selectors are kept."""
        if isinstance(self.node, Selector):
            names = [found for found in self.node.matchers if found.label == "__name__"]
            return self.with_matchers(names) if self.node.name or names else self
        return Piece(self.node, tuple(part.unselective() for part in self.parts), self.own)


def pieces(text: str) -> Piece | None:
    """The query in pieces; None when it cannot be read here."""
    parsed = promql_ast.parse(text)
    if parsed.tree is None:
        return None
    try:
        return _piece(promql_parser.parse(text), parsed.tree)
    except ValueError:
        # The parser reads regular expressions in another dialect than Prometheus.
        return None


def _piece(expr: Any, node: Node) -> Piece:
    kind = type(expr).__name__
    if kind == "ParenExpr":
        return _piece(expr.expr, node)
    inner = {
        "Call": lambda: list(expr.args),
        "BinaryExpr": lambda: [expr.lhs, expr.rhs],
        "AggregateExpr": lambda: [*([expr.param] if expr.param is not None else []), expr.expr],
        "SubqueryExpr": lambda: [expr.expr],
        "UnaryExpr": lambda: [expr.expr],
    }
    below = inner[kind]() if kind in inner else []
    parts = tuple(_piece(part, child) for part, child in zip(below, promql_ast.children(node), strict=True))
    written = "" if below else expr.prettify()
    if kind == "SubqueryExpr":
        whole = expr.prettify()
        written = whole[whole.rindex("[") :]
    if kind == "Call" and not below:
        written = ""
    return Piece(node, parts, written)


def _write(piece: Piece) -> str:
    node, parts = piece.node, piece.parts
    if isinstance(node, Call):
        return f"{node.function}({', '.join(part.text for part in parts)})"
    if isinstance(node, Aggregation):
        word = "without" if node.without else "by"
        grouping = f" {word} ({', '.join(node.labels)}) " if node.grouped else ""
        return f"{node.operator}{grouping}({', '.join(part.text for part in parts)})"
    if isinstance(node, Binary):
        return f"{_operand(parts[0])} {node.operator} {matching_of(node)}{_operand(parts[1])}"
    if isinstance(node, Subquery):
        return f"({parts[0].text}){piece.own}"
    if isinstance(node, Negation):
        return f"-{_operand(parts[0])}"
    return piece.own


def _operand(piece: Piece) -> str:
    return f"({piece.text})" if isinstance(piece.node, Binary | Negation) else piece.text
