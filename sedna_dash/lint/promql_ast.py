"""PromQL as a tree of plain values, and which labels its results carry.

promql-parser reads the query; its objects are turned once into small dataclasses, so that rules are typed and do
not depend on a version of it. The parser keeps no positions, so messages show the part of the query instead, see
`excerpt`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, TypeAlias

import promql_parser

from sedna_dash.catalog import Catalog, Metric
from sedna_dash.lint import re2, stand_ins

#: Functions that turn a counter into something that can be drawn.
RATES = frozenset({"rate", "irate", "increase"})

#: Binary operators that compare and, without ``bool``, drop what does not compare.
COMPARISONS = frozenset({"==", "!=", ">", "<", ">=", "<="})

#: Aggregations that choose series instead of making new ones.
CHOOSING = frozenset({"topk", "bottomk", "limitk", "limit_ratio"})

#: Functions without labels, whatever they are given.
_WITHOUT_LABELS = frozenset({"vector", "scalar", "time", "pi"})

_EXCERPT = 70


class Matcher(NamedTuple):
    """A label matcher; ``operator`` is ``=``, ``!=``, ``=~`` or ``!~``."""

    label: str
    operator: str
    value: str

    def __str__(self) -> str:
        value = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.label}{self.operator}"{value}"'


@dataclass(slots=True, eq=False)
class Selector:
    """Series by name and matchers; ``window`` is the range in seconds, if there is one. ``name`` is empty when no
    matcher fixes it."""

    name: str
    matchers: tuple[Matcher, ...]
    window: float | None = None


@dataclass(slots=True, eq=False)
class Call:
    """A function."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(slots=True, eq=False)
class Aggregation:
    """``labels`` are those of ``by``, or of ``without``; None when neither is written, which is ``by ()``."""

    operator: str
    inner: Node
    parameter: Node | None
    labels: tuple[str, ...]
    without: bool
    grouped: bool


@dataclass(slots=True, eq=False)
class Binary:
    """``matching`` holds the labels of ``on``, or of ``ignoring`` when ``ignoring`` is set; None when neither is
    written. ``group`` is ``left`` or ``right`` and ``include`` its labels."""

    operator: str
    left: Node
    right: Node
    matching: tuple[str, ...] | None
    ignoring: bool
    group: str
    include: tuple[str, ...]
    boolean: bool

    @property
    def filters(self) -> bool:
        """Whether it is a comparison that drops series."""
        return self.operator in COMPARISONS and not self.boolean


@dataclass(slots=True, eq=False)
class Subquery:
    """An expression over a range."""

    inner: Node
    window: float
    step: float | None


@dataclass(slots=True, eq=False)
class Negation:
    """A minus sign."""

    inner: Node


@dataclass(slots=True, eq=False)
class Number:
    """A number."""

    value: float


@dataclass(slots=True, eq=False)
class Text:
    """A string."""

    value: str


Node: TypeAlias = Selector | Call | Aggregation | Binary | Subquery | Negation | Number | Text


@dataclass(frozen=True, eq=False)
class Use:
    """A selector and the nodes around it, the outermost first."""

    selector: Selector
    path: tuple[Node, ...]

    @property
    def function(self) -> str:
        """The function that the selector, or its subquery, is the direct argument of."""
        for node in reversed(self.path):
            if not isinstance(node, Subquery):
                return node.function if isinstance(node, Call) else ""
        return ""

    @property
    def functions(self) -> frozenset[str]:
        """All functions around the selector."""
        return frozenset(node.function for node in self.path if isinstance(node, Call))


@dataclass(frozen=True, eq=False)
class Parsed:
    """The outcome of parsing: a tree, or what is wrong."""

    tree: Node | None
    fault: str = ""

    @cached_property
    def nodes(self) -> tuple[tuple[Node, tuple[Node, ...]], ...]:
        """Every node with the nodes around it."""
        return tuple(_walk(self.tree, ())) if self.tree is not None else ()

    @cached_property
    def uses(self) -> tuple[Use, ...]:
        """Every selector with its surroundings, in the order of the text."""
        return tuple(Use(node, path) for node, path in self.nodes if isinstance(node, Selector))


#: What there is to say of a query in another language.
NOTHING = Parsed(None)


@lru_cache(maxsize=4096)
def parse(text: str) -> Parsed:
    """Parse a query in which macros and variables are replaced, see `stand_ins`."""
    try:
        return Parsed(_converted(promql_parser.parse(_REGEX.sub(_as_text, text))))
    except ValueError as error:
        return Parsed(None, str(error).replace(_MARK, ""))
    except RecursionError:
        return Parsed(None, "it is nested too deeply")


# The parser compiles every regular expression in Rust's dialect, which is not Go's and takes longer than all the rest.
# So it gets them as plain texts with a mark, and they are read here.
_REGEX = re.compile(r"""([=!])~(\s*["'`])""")
_MARK = "\U000f0000"


def _as_text(found: re.Match[str]) -> str:
    return f"{'=' if found[1] == '=' else '!='}{found[2]}{_MARK}"


def _matcher(found: Any) -> Matcher:
    operator, value = _OPERATORS[str(found.op)], found.value
    if not value.startswith(_MARK):
        return Matcher(found.name, operator, value)
    fault = re2.read(value[1:]).fault
    if fault:
        raise ValueError(f"the expression '{value[1:]}' is not legal: {fault}")
    return Matcher(found.name, "=~" if operator == "=" else "!~", value[1:])


def _may_be_empty(matcher: Matcher) -> bool:
    if matcher.operator in ("=", "!="):
        return (matcher.value == "") == (matcher.operator == "=")
    return re2.read(matcher.value).empty == (matcher.operator == "=~")


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below."""
    if isinstance(node, Call):
        return node.arguments
    if isinstance(node, Binary):
        return (node.left, node.right)
    if isinstance(node, Aggregation):
        return (node.inner,) if node.parameter is None else (node.parameter, node.inner)
    if isinstance(node, (Subquery, Negation)):
        return (node.inner,)
    return ()


def is_scalar(node: Node) -> bool:
    """Whether the value is a number, not a vector."""
    if isinstance(node, Binary):
        return is_scalar(node.left) and is_scalar(node.right)
    if isinstance(node, Negation):
        return is_scalar(node.inner)
    return isinstance(node, (Number, Text)) or (isinstance(node, Call) and node.function in ("scalar", "time", "pi"))


def excerpt(node: Node) -> str:
    """The node as text, cut short."""
    text = _text(node)
    return text if len(text) <= _EXCERPT else text[: _EXCERPT - 1] + "…"


# --- from promql-parser's objects ------------------------------------------------------------------------


def _converted(expr: Any) -> Node:
    converter = _CONVERTERS.get(type(expr).__name__)
    if converter is None:
        raise ValueError(f"unknown syntax {type(expr).__name__}")
    return converter(expr)


def _selector(expr: Any) -> Selector:
    matchers = [_matcher(found) for found in expr.matchers.matchers]
    name = expr.name or ""
    if not name:
        name = next((found.value for found in matchers if (found.label, found.operator) == ("__name__", "=")), "")
        matchers = [found for found in matchers if not name or found != Matcher("__name__", "=", name)]
    if not name and all(map(_may_be_empty, matchers)):
        raise ValueError("every matcher of a selector without a name also matches the empty text")
    # Prometheus knows no `or` between matchers, although the parser does.
    if expr.matchers.or_matchers:
        raise ValueError("Prometheus has no 'or' between matchers")
    return Selector(name, tuple(matchers))


def _matrix(expr: Any) -> Selector:
    inner = _selector(expr.vector_selector)
    return Selector(inner.name, inner.matchers, expr.range.total_seconds())


def _call(expr: Any) -> Node:
    function, arguments = expr.func.name, tuple(_converted(argument) for argument in expr.args)
    pattern = arguments[-1] if function == "label_replace" else None
    if isinstance(pattern, Text) and re2.read(pattern.value).fault:
        raise ValueError(f"the expression '{pattern.value}' is not legal: {re2.read(pattern.value).fault}")
    return Call(function, arguments)


def _aggregation(expr: Any) -> Node:
    modifier = expr.modifier
    parameter = _converted(expr.param) if expr.param is not None else None
    labels = tuple(modifier.labels) if modifier is not None else ()
    without = modifier is not None and modifier.type == promql_parser.AggModifierType.Without
    return Aggregation(str(expr.op), _converted(expr.expr), parameter, labels, without, modifier is not None)


def _binary(expr: Any) -> Node:
    matching, ignoring, group, include, boolean = None, False, "", (), False
    modifier = expr.modifier
    if modifier is not None:
        boolean, include = bool(modifier.return_bool), tuple(modifier.group_labels or ())
        group = {"ManyToOne": "left", "OneToMany": "right"}.get(str(modifier.card).rsplit(".", 1)[-1], "")
        if modifier.matching is not None:
            matching = tuple(modifier.matching.labels)
            ignoring = modifier.matching.type == promql_parser.LabelModifierType.Exclude
    left, right = _converted(expr.lhs), _converted(expr.rhs)
    return Binary(str(expr.op), left, right, matching, ignoring, group, include, boolean)


def _subquery(expr: Any) -> Node:
    step = expr.step.total_seconds() if expr.step is not None else None
    return Subquery(_converted(expr.expr), expr.range.total_seconds() if expr.range else 0.0, step)


# The parser's enumeration is not hashable.
_OPERATORS = {"MatchOp.Equal": "=", "MatchOp.NotEqual": "!=", "MatchOp.Re": "=~", "MatchOp.NotRe": "!~"}
_CONVERTERS: dict[str, Callable[[Any], Node]] = {
    "VectorSelector": _selector,
    "MatrixSelector": _matrix,
    "Call": _call,
    "AggregateExpr": _aggregation,
    "BinaryExpr": _binary,
    "SubqueryExpr": _subquery,
    "ParenExpr": lambda expr: _converted(expr.expr),
    "UnaryExpr": lambda expr: Negation(_converted(expr.expr)),
    "NumberLiteral": lambda expr: Number(expr.val),
    "StringLiteral": lambda expr: Text(expr.val.replace(_MARK, "")),
}


def _walk(node: Node, path: tuple[Node, ...]) -> Iterator[tuple[Node, tuple[Node, ...]]]:
    yield node, path
    inner = (*path, node)
    for child in children(node):
        yield from _walk(child, inner)


# --- back to text ----------------------------------------------------------------------------------------


def _text(node: Node) -> str:
    if isinstance(node, Selector):
        braces = "{" + ",".join(str(found) for found in node.matchers) + "}" if node.matchers else ""
        window = f"[{_duration(node.window)}]" if node.window is not None else ""
        return node.name + braces + window
    if isinstance(node, Call):
        return f"{node.function}({', '.join(_text(argument) for argument in node.arguments)})"
    if isinstance(node, Aggregation):
        word = "without" if node.without else "by"
        grouping = f" {word} ({', '.join(node.labels)}) " if node.grouped else ""
        parameter = f"{_text(node.parameter)}, " if node.parameter is not None else ""
        return f"{node.operator}{grouping}({parameter}{_text(node.inner)})"
    if isinstance(node, Binary):
        return f"{_operand(node.left)} {node.operator} {matching_of(node)}{_operand(node.right)}"
    if isinstance(node, Subquery):
        step = _duration(node.step) if node.step else ""
        return f"{_operand(node.inner)}[{_duration(node.window)}:{step}]"
    if isinstance(node, Negation):
        return f"-{_operand(node.inner)}"
    return f"{node.value:g}" if isinstance(node, Number) else f'"{node.value}"'


def _operand(node: Node) -> str:
    return f"({_text(node)})" if isinstance(node, Binary) else _text(node)


def matching_of(node: Binary) -> str:
    """``bool``, ``on``, ``ignoring`` and ``group_left`` of a binary operator, with a blank behind each."""
    text = "bool " if node.boolean else ""
    if node.matching is not None:
        text += f"{'ignoring' if node.ignoring else 'on'} ({', '.join(node.matching)}) "
    if node.group:
        text += f"group_{node.group} ({', '.join(node.include)}) "
    return text


def _duration(seconds: float) -> str:
    # What stands for a macro is no whole second; it goes back by its milliseconds, see stand_ins.
    if seconds != int(seconds):
        return f"{seconds * 1000:.0f}ms"
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s"


# --- labels ----------------------------------------------------------------------------------------------


class LabelAnalysis:
    """Which labels the result of a node carries, as far as the catalog knows its metrics.

    ``judges`` decides whether the catalog's list of a metric's labels is complete; for other people's dashboards
    and metrics that are not ours, it is not.
    """

    def __init__(self, catalog: Catalog, *, ours: bool) -> None:
        self.catalog, self.ours = catalog, ours
        self._series: dict[str, frozenset[str] | None] = {}
        self._possible: dict[Node, frozenset[str] | None] = {}
        self._certain: dict[Node, frozenset[str]] = {}

    def judged(self, name: str) -> Metric | None:
        """The metric of a series name, if what the catalog says of it is to be insisted on."""
        if not name or stand_ins.has_variable(name):
            return None
        metric = self.catalog.find(name)
        return metric if metric is not None and (self.ours or not metric.foreign) else None

    def of_series(self, selector: Selector) -> frozenset[str] | None:
        """The labels of a selector's series, or None when they are not known."""
        name = selector.name
        if name not in self._series:
            metric = self.judged(name)
            # Whoever registers a metric under a prefix gives it labels of his own.
            known = metric.all_labels if metric is not None and not metric.prefix else None
            bucket = metric is not None and metric.type == "histogram" and name.endswith("_bucket")
            self._series[name] = known | {"le"} if known is not None and bucket else known
        return self._series[name]

    def possible(self, node: Node) -> frozenset[str] | None:
        """All labels that the result can carry, or None when that is unknown."""
        if node not in self._possible:
            self._possible[node] = self._find_possible(node)
        return self._possible[node]

    def certain(self, node: Node) -> frozenset[str]:
        """Labels that the result surely carries: what was aggregated by, and what our own metrics declare."""
        if node not in self._certain:
            self._certain[node] = self._find_certain(node)
        return self._certain[node]

    def _find_possible(self, node: Node) -> frozenset[str] | None:
        if isinstance(node, Selector):
            return self.of_series(node)
        if isinstance(node, Aggregation):
            return self._aggregated(node)
        if isinstance(node, Binary):
            return self._combined(node)
        if isinstance(node, Call):
            return self._called(node)
        if isinstance(node, (Subquery, Negation)):
            return self.possible(node.inner)
        return frozenset()

    def _aggregated(self, node: Aggregation) -> frozenset[str] | None:
        inner, labels = self.possible(node.inner), frozenset(node.labels)
        if node.operator in CHOOSING:
            return inner
        if node.without:
            result = inner - labels if inner is not None else None
        elif any(stand_ins.has_variable(label) for label in labels):
            result = None
        else:
            result = labels & inner if inner is not None else labels
        if node.operator == "count_values" and isinstance(node.parameter, Text) and result is not None:
            result |= {node.parameter.value}
        return result

    def _combined(self, node: Binary) -> frozenset[str] | None:
        left, right = self.possible(node.left), self.possible(node.right)
        if is_scalar(node.right) or node.operator in ("and", "unless"):
            return left
        if is_scalar(node.left):
            return right
        if node.operator == "or":
            return left | right if left is not None and right is not None else None
        if node.group:
            many = left if node.group == "left" else right
            return many | frozenset(node.include) if many is not None else None
        if node.matching is not None and not node.ignoring:
            return frozenset(node.matching)
        ignored = frozenset(node.matching or ())
        known = [side - ignored for side in (left, right) if side is not None]
        # One to one: the sides agree on every label, so the result has no more than either.
        return frozenset.intersection(*known) if known else None

    def _called(self, node: Call) -> frozenset[str] | None:
        function, arguments = node.function, node.arguments
        if function in _WITHOUT_LABELS or not arguments:
            return frozenset()
        vector = next((argument for argument in arguments if not is_scalar(argument)), arguments[0])
        if function in ("absent", "absent_over_time"):
            selector = vector.inner if isinstance(vector, Subquery) else vector
            if not isinstance(selector, Selector):
                return frozenset()
            return frozenset(found.label for found in selector.matchers if found.operator == "=")
        if function == "info":
            return None
        labels = self.possible(vector)
        if labels is None:
            return None
        if function in ("histogram_quantile", "histogram_fraction"):
            return labels - {"le"}
        if function == "histogram_quantiles" and len(arguments) > 1 and isinstance(arguments[1], Text):
            return labels - {"le"} | {arguments[1].value}
        if function in ("label_replace", "label_join") and len(arguments) > 1 and isinstance(arguments[1], Text):
            return labels | {arguments[1].value}
        return labels

    def _find_certain(self, node: Node) -> frozenset[str]:
        if isinstance(node, Selector):
            metric = self.judged(node.name)
            own = metric is not None and not metric.prefix and self.catalog.owns(metric.name)
            return frozenset(metric.labels) if metric is not None and own else frozenset()
        if isinstance(node, Aggregation):
            if node.operator in CHOOSING:
                return self.certain(node.inner)
            if node.without:
                return self.certain(node.inner) - frozenset(node.labels)
            possible = self.possible(node)
            return frozenset(node.labels) & possible if possible is not None else frozenset()
        if isinstance(node, Binary):
            return self._certain_of_both(node)
        if isinstance(node, Call):
            if node.function in _WITHOUT_LABELS or node.function.startswith("absent") or node.function == "info":
                return frozenset()
            vectors = [argument for argument in node.arguments if not is_scalar(argument)]
            return self.certain(vectors[0]) - ({"le"} if node.function.startswith("histogram_") else frozenset()) \
                if vectors else frozenset()  # fmt: skip
        if isinstance(node, (Subquery, Negation)):
            return self.certain(node.inner)
        return frozenset()

    def _certain_of_both(self, node: Binary) -> frozenset[str]:
        left, right = self.certain(node.left), self.certain(node.right)
        if is_scalar(node.right) or node.operator in ("and", "unless"):
            return left
        if is_scalar(node.left):
            return right
        if node.operator == "or":
            return left & right
        if node.group:
            return left if node.group == "left" else right
        if node.matching is not None and not node.ignoring:
            return (left | right) & frozenset(node.matching)
        return (left | right) - frozenset(node.matching or ())


def names(selector: Selector) -> tuple[str, ...] | None:
    """The metric names that a selector asks for: one, those of a plain alternation, or None when it is a pattern."""
    if selector.name:
        return (selector.name,)
    for found in selector.matchers:
        if found.label == "__name__" and found.operator == "=~":
            return re2.words(found.value)
    return None
