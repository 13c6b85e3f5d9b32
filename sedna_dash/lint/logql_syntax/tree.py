"""The tree of a LogQL query, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from sedna_dash.catalog.model import LogFields
from sedna_dash.lint import re2
from sedna_dash.lint.logql_syntax.tokens import CHOOSING


@dataclass(frozen=True, slots=True)
class Matcher:
    """``label="value"``, in a stream selector or in a label filter; ``operator`` as written."""

    label: str
    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class LineFilter:
    """``|= "x"``; several values are alternatives. ``addresses`` says that the values are IP patterns."""

    operator: str
    values: tuple[str, ...]
    addresses: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a label filter; ``kind`` is text, number, duration, bytes or address."""

    label: str
    operator: str
    value: str
    kind: str


@dataclass(frozen=True, slots=True)
class LabelFilter:
    """Conditions between two bars; ``alternative`` when there is an ``or`` among them."""

    conditions: tuple[Condition, ...]
    alternative: bool = False


@dataclass(frozen=True, slots=True)
class Extraction:
    """A parser: json, logfmt, regexp, pattern, unpack. ``labels`` are those it makes, None when the lines decide."""

    parser: str
    expression: str
    labels: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Formatting:
    """line_format, label_format or decolorize; ``labels`` are those that are set, ``sources`` what they rename."""

    stage: str
    labels: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    templates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Selection:
    """drop or keep."""

    stage: str
    labels: tuple[str, ...]
    matchers: tuple[Matcher, ...] = ()


Stage: TypeAlias = LineFilter | LabelFilter | Extraction | Formatting | Selection


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """A log query: stream selector and pipeline."""

    matchers: tuple[Matcher, ...]
    stages: tuple[Stage, ...]


@dataclass(frozen=True, slots=True)
class Unwrap:
    """``| unwrap duration(x) | y > 1``"""

    label: str
    conversion: str
    filters: tuple[LabelFilter, ...]


@dataclass(frozen=True, slots=True)
class Grouping:
    """``by`` or ``without``."""

    labels: tuple[str, ...]
    without: bool


@dataclass(frozen=True, slots=True, eq=False)
class Range:
    """Lines over a range, as range functions want them. ``window`` is the text between the brackets."""

    lines: Lines
    window: str
    unwrap: Unwrap | None = None
    offset: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class OverTime:
    """A range function."""

    function: str
    range: Range
    grouping: Grouping | None
    parameter: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Aggregation:
    """sum, topk and so on."""

    operator: str
    inner: Expression
    grouping: Grouping | None
    parameter: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Binary:
    """An operator between two metric queries; ``matching`` None means that neither on nor ignoring is written."""

    operator: str
    left: Expression
    right: Expression
    matching: tuple[str, ...] | None
    ignoring: bool
    group: str
    include: tuple[str, ...]
    boolean: bool


@dataclass(frozen=True, slots=True, eq=False)
class LabelReplace:
    """label_replace()"""

    inner: Expression
    target: str
    replacement: str
    source: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Number:
    """A number, or with ``vector`` a series of it."""

    value: float
    vector: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Variants:
    """``variants(...) of (...)``"""

    expressions: tuple[Expression, ...]
    range: Range


Expression: TypeAlias = Lines | OverTime | Aggregation | Binary | LabelReplace | Number | Variants


@dataclass(frozen=True, eq=False)
class Parsed:
    """The outcome of parsing: a tree, or what is wrong and where (counted from 0)."""

    tree: Expression | None
    fault: str = ""
    position: int = 0

    @cached_property
    def nodes(self) -> tuple[Expression, ...]:
        """All metric expressions and log queries, the outer ones first."""
        return tuple(_walk(self.tree)) if self.tree is not None else ()

    @cached_property
    def lines(self) -> tuple[Lines, ...]:
        """All log queries in it."""
        return tuple(node for node in self.nodes if isinstance(node, Lines))

    @cached_property
    def ranges(self) -> tuple[Range, ...]:
        """All ranges in it."""
        return tuple(node.range for node in self.nodes if isinstance(node, (OverTime, Variants)))


#: What there is to say of a query in another language.
NOTHING = Parsed(None)


def _walk(node: Expression) -> Iterator[Expression]:
    yield node
    if isinstance(node, (OverTime, Variants)):
        for inner in node.expressions if isinstance(node, Variants) else ():
            yield from _walk(inner)
        yield node.range.lines
    elif isinstance(node, (Aggregation, LabelReplace)):
        yield from _walk(node.inner)
    elif isinstance(node, Binary):
        yield from _walk(node.left)
        yield from _walk(node.right)


def labels_of(node: Expression, fields: LogFields) -> frozenset[str] | None:
    """The labels that a result can carry, or None when the lines themselves decide."""
    if isinstance(node, Lines):
        return _labels_of_lines(node, fields)
    if isinstance(node, OverTime):
        return _grouped(_labels_of_lines(node.range.lines, fields), node.grouping)
    if isinstance(node, Aggregation):
        inner = labels_of(node.inner, fields)
        if node.grouping is None:
            return inner if node.operator in CHOOSING else frozenset()
        return inner if node.operator in CHOOSING else _grouped(inner, node.grouping)
    if isinstance(node, LabelReplace):
        inner = labels_of(node.inner, fields)
        return inner | {node.target} if inner is not None else None
    if isinstance(node, Binary):
        return _labels_of_both(node, fields)
    return None if isinstance(node, Variants) else frozenset()


def _labels_of_lines(lines: Lines, fields: LogFields) -> frozenset[str] | None:
    labels = frozenset(fields.all)
    for stage in lines.stages:
        if isinstance(stage, Extraction):
            if stage.labels is None:
                return None
            labels |= frozenset(stage.labels)
        elif isinstance(stage, Formatting):
            labels = labels - frozenset(stage.sources) | frozenset(stage.labels)
        elif isinstance(stage, Selection):
            kept = frozenset(stage.labels)
            labels = labels - kept if stage.stage == "drop" else labels & kept
    return labels


def _grouped(labels: frozenset[str] | None, grouping: Grouping | None) -> frozenset[str] | None:
    if grouping is None:
        return labels
    named = frozenset(grouping.labels)
    if grouping.without:
        return labels - named if labels is not None else None
    return named & labels if labels is not None else named


def _labels_of_both(node: Binary, fields: LogFields) -> frozenset[str] | None:
    left, right = labels_of(node.left, fields), labels_of(node.right, fields)
    if node.operator in ("and", "unless") or is_literal(node.right):
        return left
    if is_literal(node.left):
        return right
    if left is None or right is None:
        return frozenset(node.matching) if node.matching is not None and not node.ignoring else None
    if node.operator == "or":
        return left | right
    if node.group:
        return (left if node.group == "left" else right) | frozenset(node.include)
    if node.matching is not None and not node.ignoring:
        return frozenset(node.matching)
    return (left & right) - frozenset(node.matching or ())


def is_literal(node: Expression) -> bool:
    if isinstance(node, Binary):
        return is_literal(node.left) and is_literal(node.right)
    return isinstance(node, Number) and not node.vector


def may_be_empty(matcher: Matcher) -> bool:
    """Whether streams without the label match."""
    if matcher.operator in ("=", "!="):
        return (matcher.value == "") == (matcher.operator == "=")
    return re2.read(matcher.value).empty == (matcher.operator == "=~")
