"""PromQL from metrics of the catalog.

An `Expr` is a query text that remembers which labels its series still carry, in which unit its values are, and
which metrics it reads. So a legend with a label that was aggregated away, or a matcher with an impossible enum
value, fails while the dashboard is built, at the line that wrote it.
"""

from __future__ import annotations

import contextvars
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

from sedna_dash.catalog import Catalog, Metric, default_catalog
from sedna_dash.catalog.model import closest
from sedna_dash.errors import AuthoringError

#: Ranges as words: the width of the chosen time range, of one step, and fixed windows that are a decision.
RANGE, STEP, HOUR, DAY = "$__range", "$__interval", "1h", "1d"
RATE_WINDOW = "$__rate_interval"

#: Scopes: the dashboard variables that narrow a query.
CLUSTER = {"cluster": "$cluster"}
SPACE = {**CLUSTER, "namespace": "$namespace"}
NAME = {**SPACE, "name": "$name"}

# Binding strengths, after https://prometheus.io/docs/prometheus/latest/querying/operators/#binary-operator-precedence
_OR, _AND, _COMPARE, _ADD, _MULTIPLY, _ATOM = 1, 2, 3, 4, 5, 9

#: Resolution of the subquery that a derived series under a range selector becomes.
SUBQUERY_STEP = "5m"

#: What becomes of a derived series: its expression, which works on any Prometheus, or its name, which is cheap where
#: the recording rules are loaded.
Records = Literal["inline", "use"]

_active: contextvars.ContextVar[tuple[Catalog | None, Records]] = contextvars.ContextVar(
    "catalog", default=(None, "inline")
)


def active_catalog() -> Catalog:
    """The catalog that dashboards are being written against."""
    return _active.get()[0] or default_catalog()


@contextmanager
def writing_against(catalog: Catalog | None = None, records: Records = "inline") -> Iterator[None]:
    """Use another catalog than the built-in one, for somebody's own metrics; ``use`` records or write them out."""
    token = _active.set((catalog, records))
    try:
        yield
    finally:
        _active.reset(token)


@dataclass(frozen=True)
class Not:
    """A matcher value that must not be: ``Not("lo")`` gives ``!=``, ``Not("a", "b")`` gives ``!~``."""

    values: tuple[str, ...]

    def __init__(self, *values: str) -> None:
        object.__setattr__(self, "values", values)


@dataclass(frozen=True)
class Regex:
    """A matcher value that is a regular expression (RE2), as in ``=~``; ``negate`` gives ``!~``."""

    pattern: str
    negate: bool = False


Value = str | Not | Regex | Iterable[str]


@dataclass(frozen=True)
class Expr:
    """A PromQL expression with the labels its series keep, their unit, and the metrics it reads."""

    text: str
    labels: frozenset[str]
    unit: str
    metrics: tuple[Metric, ...] = ()
    binding: int = _ATOM

    def within(self, binding: int) -> str:
        """The text, in parentheses if an operator of this strength would tear it apart."""
        return self.text if self.binding > binding else f"({self.text})"

    def __add__(self, other: Expr | float) -> Expr:
        return _arithmetic(self, "+", other, _ADD, self.unit)

    def __sub__(self, other: Expr | float) -> Expr:
        return _arithmetic(self, "-", other, _ADD, self.unit)

    def __mul__(self, other: Expr | float) -> Expr:
        return _arithmetic(self, "*", other, _MULTIPLY, self.unit)

    def __truediv__(self, other: Expr | float) -> Expr:
        unit = "ratio" if isinstance(other, Expr) and other.unit == self.unit else self.unit
        return _arithmetic(self, "/", other, _MULTIPLY, unit)

    def __gt__(self, other: Expr | float) -> Expr:
        return _arithmetic(self, ">", other, _COMPARE, self.unit)

    def __lt__(self, other: Expr | float) -> Expr:
        return _arithmetic(self, "<", other, _COMPARE, self.unit)

    def __ge__(self, other: Expr | float) -> Expr:
        return _arithmetic(self, ">=", other, _COMPARE, self.unit)

    def __le__(self, other: Expr | float) -> Expr:
        return _arithmetic(self, "<=", other, _COMPARE, self.unit)

    def as_unit(self, unit: str) -> Expr:
        """The same expression, read in another unit of the catalog."""
        _check_unit(unit)
        return replace(self, unit=unit)


@dataclass(frozen=True)
class Selector(Expr):
    """An instant selector: the only thing that a range function may be applied to."""

    series: str = ""
    matchers: tuple[str, ...] = ()
    #: It is the expression of a derived series, not a selector.
    written_out: bool = False

    @property
    def family(self) -> Metric:
        """The metric that is selected."""
        return self.metrics[0]

    def ranged(self, window: str, ago: str = "") -> str:
        """The selector over a window that ended ``ago`` ago; a derived series becomes a subquery."""
        moved = f" offset {ago}" if ago else ""
        if self.written_out:
            return f"{self.within(_ATOM)}[{window}:{SUBQUERY_STEP}]{moved}"
        return f"{self.text}[{window}]{moved}"


@dataclass(frozen=True)
class Handle:
    """A metric that was looked up; call it with matchers to select series of it."""

    metric: Metric

    def __call__(self, scope: Mapping[str, Value] | None = None, /, **matchers: Value) -> Selector:
        """Select series. ``scope`` and keywords map labels to values.

        A text gives ``=`` (or ``=~`` when it holds a ``$variable``), several texts give ``=~"a|b"``.
        Raises `AuthoringError` for a label the metric lacks and for a value outside the label's enum.
        """
        given = {**(scope or {}), **matchers}
        metric, catalog = self.metric, active_catalog()
        written = tuple(matcher(metric, label, value) for label, value in given.items())
        if metric.expr is not None:
            body, read = inline(catalog, metric, tuple(zip(given, written, strict=True)))
            labels, metrics = frozenset(metric.labels) | {"cluster"}, (metric, *read)
            if _active.get()[1] == "inline":
                return Selector(body, labels, metric.unit, metrics, _OR, metric.name, written, written_out=True)
            # Others may record under the same name, such as Sloth.
            fixed = tuple(write_matcher(label, value) for label, value in metric.fixed.items())
            recorded = "{" + ",".join((*fixed, *written)) + "}" if fixed or written else ""
            return Selector(metric.name + recorded, labels, metric.unit, metrics, _ATOM, metric.name, written)
        braces = "{" + ",".join(written) + "}" if written else ""
        return Selector(metric.name + braces, metric.all_labels, metric.unit, (metric,), _ATOM, metric.name, written)

    def any_name(self, scope: Mapping[str, Value] | None = None, /) -> Selector:
        """All series whose names start with this prefix metric's name."""
        given = ",".join(matcher(self.metric, label, value) for label, value in (scope or {}).items())
        text = f'{{__name__=~"{self.metric.name}.+",{given}}}'
        labels = self.metric.all_labels | {"__name__"}
        return Selector(text, labels, self.metric.unit, (self.metric,), _ATOM, self.metric.name)


def metric(name: str) -> Handle:
    """Look a metric up in the catalog. Raises `AuthoringError` when there is none."""
    catalog = active_catalog()
    found = catalog.metrics.get(name)
    if found is None:
        hint = closest(name, catalog.metrics) or "; declare it in sedna_dash/catalog/data/metrics"
        raise AuthoringError(f"no metric '{name}' in the catalog{hint}")
    return Handle(found)


def matcher(family: Metric, label: str, value: Value) -> str:
    """One label matcher of PromQL or LogQL, checked against the metric's labels and their enums."""
    if label not in family.all_labels:
        known = ", ".join(sorted(family.labels))
        raise AuthoringError(f"{family.name} has no label '{label}'{closest(label, family.labels)}; it has: {known}")
    if not isinstance(value, (str, Not, Regex)):
        value = tuple(value)  # it is read twice
    check_enum(family.name, label, value, family.labels.get(label, ()))
    return write_matcher(label, value)


def check_enum(what: str, label: str, value: Value, legal: tuple[str, ...]) -> None:
    """Raise `AuthoringError` for a literal value outside a closed set of label values."""
    if not legal or isinstance(value, Regex):
        return
    literals = value.values if isinstance(value, Not) else (value,) if isinstance(value, str) else tuple(value)
    for literal in literals:
        if "$" not in literal and literal not in legal:
            raise AuthoringError(
                f"{what}: label {label} is never '{literal}'{closest(literal, legal)}; it is: {', '.join(legal)}"
            )


def write_matcher(label: str, value: Value) -> str:
    """``label="value"`` in the form that the value asks for."""
    if isinstance(value, Regex):
        return f"{label}{'!~' if value.negate else '=~'}{quoted(value.pattern)}"
    negate, several = "", value
    if isinstance(value, Not):
        negate, several = "!", value.values
    literals = (several,) if isinstance(several, str) else tuple(several)  # type: ignore[arg-type]
    if len(literals) == 1 and "$" not in literals[0]:
        return f"{label}{negate}={quoted(literals[0])}"
    # A variable comes as a pattern already; what is meant literally must not become one.
    pattern = "|".join(text if "$" in text else _META.sub(r"\\\g<0>", text) for text in literals)
    return f"{label}{negate or '='}~{quoted(pattern)}"


#: What is no plain letter in an RE2 expression.
_META = re.compile(r"[.+*?()|\[\]{}^\\]")


def quoted(text: str) -> str:
    """A double-quoted PromQL or LogQL string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


# --- derived series -------------------------------------------------------------------------------------------


# Any identifier; whether it is a metric, the catalog knows. Quoted texts are skipped as a whole.
_REFERENCE = re.compile(
    r'"(?:[^"\\]|\\.)*"|(?P<name>[a-zA-Z_:][\w:]*)'
    r'(?P<braces>\{(?:[^{}"]|"(?:[^"\\]|\\.)*")*\})?(?P<window>\[[^\]]+\])?'
    r"(?P<moved>(?: offset -?\w+| ?@ ?(?:(?:start|end) ?\( ?\)|[\d.]+))*)"
)


def inline(catalog: Catalog, record: Metric, given: tuple[tuple[str, str], ...]) -> tuple[str, tuple[Metric, ...]]:
    """The expression that a derived series stands for, with the matchers pushed into its selectors.

    ``given`` pairs each label with its written matcher. A matcher goes to every selector whose metric carries
    the label, or the label that the record's ``push`` names instead. The second value holds the metrics that
    the expression reads in the end.
    Raises `AuthoringError` when a matcher finds no selector to narrow.
    """
    unused = {label for label, _ in given}
    read: dict[Metric, None] = {}

    def narrow(found: re.Match[str]) -> str:
        family = catalog.find(found["name"]) if found["name"] else None
        if family is None:
            return found[0]
        passed = []
        for label, written in given:
            target = label if label in family.all_labels else record.push.get(label)
            if target is not None and target in family.all_labels:
                unused.discard(label)
                passed.append((target, target + written[len(label) :]))
        if family.expr is not None:
            body, below = _written_out(catalog, family, found, passed)
            read.update(dict.fromkeys(below))
            return body
        read[family] = None
        own = (found["braces"] or "{}")[1:-1]
        parts = [part for part in (own, *(text for _, text in passed)) if part]
        braces = f"{{{','.join(parts)}}}" if parts else ""
        return found["name"] + braces + (found["window"] or "") + found["moved"]

    assert record.expr is not None
    text = _REFERENCE.sub(narrow, " ".join(record.expr.split()))
    if unused:
        raise AuthoringError(
            f"{record.name} cannot be narrowed by {', '.join(sorted(unused))}: no metric in its expression "
            "carries that label; add 'push' to the record or drop the matcher"
        )
    return text, tuple(read)


def without_records(catalog: Catalog, text: str) -> str:
    """An expression with every derived series written out, for servers that do not record them."""

    def replaced(found: re.Match[str]) -> str:
        family = catalog.find(found["name"]) if found["name"] else None
        if family is None or family.expr is None:
            return found[0]
        return _written_out(catalog, family, found, [])[0]

    return _REFERENCE.sub(replaced, " ".join(text.split()))


def _written_out(
    catalog: Catalog, record: Metric, found: re.Match[str], passed: list[tuple[str, str]]
) -> tuple[str, tuple[Metric, ...]]:
    """What a reference to a record becomes, with its matchers, its window and its offset."""
    kept = [_split_matcher(part) for part in _split_braces((found["braces"] or "{}")[1:-1])]
    narrowing = tuple((label, text) for label, text in (*kept, *passed) if label not in record.fixed)
    body, below = inline(catalog, record, narrowing)
    window, moved = (found["window"] or "")[1:-1], found["moved"]
    if window:
        step = "" if ":" in window else f":{SUBQUERY_STEP}"
        return f"({body})[{window}{step}]{moved}", below
    if moved:
        # Only selectors and subqueries can be moved in time.
        return f"last_over_time(({body})[1m:1m]{moved})", below
    return f"({body})", below


def _split_braces(body: str) -> list[str]:
    return re.findall(r'\w+(?:=~|!~|!=|=)"(?:[^"\\]|\\.)*"', body)


def _split_matcher(part: str) -> tuple[str, str]:
    return re.match(r"\w+", part)[0], part  # type: ignore[index]


# --- functions over a window ----------------------------------------------------------------------------------


def rate(selector: Selector, window: str = RATE_WINDOW, *, ago: str = "") -> Expr:
    """Per-second rate of a counter, over a window that always holds enough scrapes, or as it was ``ago``."""
    _must_be_counter("rate", selector)
    return _over("rate", selector, window, f"{selector.unit}/s", ago)


def increase(selector: Selector, window: str = RANGE) -> Expr:
    """How much a counter grew, by default in the chosen time range; a whole number where it counts things."""
    _must_be_counter("increase", selector)
    return whole(_over("increase", selector, window, selector.unit))


def delta(selector: Selector, window: str = RANGE) -> Expr:
    """How much a gauge changed; a whole number where it counts things."""
    return whole(_over("delta", selector, window, selector.unit))


def deriv(selector: Selector, window: str) -> Expr:
    """Per-second slope of a gauge."""
    return _over("deriv", selector, window, f"{selector.unit}/s")


def avg_over(selector: Selector, window: str) -> Expr:
    """Mean over a window."""
    return _over("avg_over_time", selector, window, selector.unit)


def last_over(selector: Selector, window: str) -> Expr:
    """Newest value of a window: for senders that may be silent for longer than Prometheus looks back."""
    return _over("last_over_time", selector, window, selector.unit)


def count_over(selector: Selector, window: str = RANGE) -> Expr:
    """How many samples a window holds."""
    return _over("count_over_time", selector, window, "samples")


def changes(selector: Selector, window: str) -> Expr:
    """How often a value changed in a window."""
    return _over("changes", selector, window, "events")


def ever(selector: Selector, value: Literal[0, 1] = 1) -> Expr:
    """The 0/1 series that were ``value`` at some moment of the chosen time range.

    They are the same series at every step of a graph, so this narrows a timeline to what was in trouble.
    """
    function = "max_over_time" if value else "min_over_time"
    text = f"{function}({selector.ranged(RANGE)} @ end()) == {value}"
    return Expr(text, selector.labels, selector.unit, selector.metrics, _COMPARE)


def largest(selector: Selector) -> Expr:
    """The largest value of each series in the chosen time range, the same at every step of a graph: to choose the
    series of a graph once for all of it, also those that are gone at its end."""
    text = f"max_over_time({selector.ranged(RANGE)} @ end())"
    return Expr(text, selector.labels, selector.unit, selector.metrics)


def last_time(selector: Selector, value: Literal[0, 1] = 1) -> Expr:
    """When each 0/1 series was ``value`` for the last time in the chosen range, give or take five minutes; a shorter
    time may be missed. The same at every step of a graph."""
    held = f"timestamp({selector.within(_COMPARE)} == {value})"
    text = f"max_over_time({held}[{RANGE}:{SUBQUERY_STEP}] @ end())"
    return Expr(text, selector.labels, "timestamp", selector.metrics)


def whole(grown: Expr) -> Expr:
    """What grew, rounded if it counts things: Prometheus stretches a growth to the edges of its window, and would say
    that 8.01 jobs failed."""
    unit = active_catalog().units.get(grown.unit)
    if unit is not None and unit.grafana != "short":
        return grown
    return replace(grown, text=f"round({grown.text})")


def _over(function: str, selector: Selector, window: str, unit: str, ago: str = "") -> Expr:
    if not isinstance(selector, Selector):
        raise AuthoringError(f"{function}() takes a metric selector, not an expression; apply it first, then aggregate")
    return Expr(f"{function}({selector.ranged(window, ago)})", selector.labels, unit, selector.metrics)


def _must_be_counter(function: str, selector: Expr) -> None:
    for family in selector.metrics:
        if family.type == "histogram":
            raise AuthoringError(
                f"{function}() of {family.name}: a histogram has no series of that name; use quantile() or "
                "bucket_increase()"
            )
    families = [family for family in selector.metrics if family.type != "counter"]
    if families:
        raise AuthoringError(
            f"{function}() needs a counter, but {families[0].name} is a {families[0].type}; use delta()"
        )


# --- aggregation ----------------------------------------------------------------------------------------------


def sum_by(expr: Expr, *labels: str) -> Expr:
    """Sum of all series that share these labels; of all series without labels."""
    return _aggregate("sum", expr, labels, expr.unit)


def max_by(expr: Expr, *labels: str) -> Expr:
    """Largest of all series that share these labels."""
    return _aggregate("max", expr, labels, expr.unit)


def min_by(expr: Expr, *labels: str) -> Expr:
    """Smallest of all series that share these labels."""
    return _aggregate("min", expr, labels, expr.unit)


def avg_by(expr: Expr, *labels: str) -> Expr:
    """Mean of all series that share these labels."""
    return _aggregate("avg", expr, labels, expr.unit)


def count_by(expr: Expr, *labels: str) -> Expr:
    """Number of series that share these labels."""
    return _aggregate("count", expr, labels, "series")


def _aggregate(operator: str, expr: Expr, labels: tuple[str, ...], unit: str) -> Expr:
    for label in labels:
        _must_carry(f"{operator} by", expr, label)
    by = f" by ({', '.join(labels)})" if labels else ""
    return Expr(f"{operator}{by}{' ' if by else ''}({expr.text})", frozenset(labels), unit, expr.metrics)


def topk(count: int, expr: Expr) -> Expr:
    """The ``count`` largest series; keeps all labels."""
    return replace(_plain(expr), text=f"topk({count}, {expr.text})", binding=_ATOM)


def bottomk(count: int, expr: Expr) -> Expr:
    """The ``count`` smallest series; keeps all labels."""
    return replace(_plain(expr), text=f"bottomk({count}, {expr.text})", binding=_ATOM)


def quantile(share: float, histogram: Selector, *labels: str, window: str = RATE_WINDOW) -> Expr:
    """A quantile of a histogram's observations in each window; ``histogram`` is selected by its base name."""
    buckets = _over("rate", _buckets(histogram), window, histogram.unit)
    by = ", ".join(("le", *labels))
    for label in labels:
        _must_carry("quantile by", histogram, label)
    text = f"histogram_quantile({share:g}, sum by ({by}) ({buckets.text}))"
    return Expr(text, frozenset(labels), histogram.unit, histogram.metrics)


def bucket_increase(histogram: Selector, window: str) -> Expr:
    """Observations per bucket in a window, for heatmaps and histograms."""
    inner = whole(_over("increase", _buckets(histogram), window, "observations"))
    return Expr(f"sum by (le) ({inner.text})", frozenset({"le"}), "observations", histogram.metrics)


def _buckets(histogram: Selector) -> Selector:
    family = histogram.family
    if family.type != "histogram":
        raise AuthoringError(f"{family.name} is a {family.type}, not a histogram; use it as it is")
    text = histogram.text.replace(family.name, family.name + "_bucket", 1)
    return replace(histogram, text=text, series=family.name + "_bucket", labels=histogram.labels | {"le"})


# --- arithmetic and matching ----------------------------------------------------------------------------------


def _arithmetic(left: Expr, operator: str, right: Expr | float, binding: int, unit: str) -> Expr:
    if isinstance(right, Expr):
        if bool(left.labels) != bool(right.labels):
            raise AuthoringError(f"'{operator}' never matches: only one side has labels; aggregate both sides alike")
        text = f"{left.within(binding - 1)} {operator} {right.within(binding)}"
        return Expr(text, left.labels & right.labels, unit, _merge(left, right), binding)
    return Expr(f"{left.within(binding - 1)} {operator} {right:.15g}", left.labels, unit, left.metrics, binding)


def equals(expr: Expr, value: float) -> Expr:
    """Only the series whose value is this: ``expr == value``."""
    return _arithmetic(expr, "==", value, _COMPARE, expr.unit)


def negative(expr: Expr) -> Expr:
    """Mirrored at zero, to draw one direction below the axis."""
    return replace(_plain(expr), text=f"0 - {expr.within(_ADD)}", binding=_ADD)


def ratio(part: Expr, whole: Expr) -> Expr:
    """``part / whole`` where the whole is not zero, as a number from 0 to 1."""
    positive = Expr(f"({whole.within(_COMPARE)} > 0)", whole.labels, whole.unit, whole.metrics)
    return _arithmetic(part, "/", positive, _MULTIPLY, "ratio")


def join(expr: Expr, info: Expr, on: Iterable[str], take: Iterable[str] = ()) -> Expr:
    """Many series of ``expr`` times one of ``info`` each, taking over labels of ``info``.

    ``info`` has the value 1, so the values of ``expr`` stay; series without a partner drop out.
    """
    on, take = tuple(on), tuple(take)
    for label in on:
        _must_carry("join on", expr, label)
        _must_carry("join on", info, label)
    for label in take:
        _must_carry("join taking", info, label)
    text = (
        f"{expr.within(_MULTIPLY - 1)} * on ({', '.join(on)}) group_left ({', '.join(take)}) {info.within(_MULTIPLY)}"
    )
    return Expr(text, expr.labels | set(take), expr.unit, _merge(expr, info), _MULTIPLY)


_OPERATORS = {
    "+": _ADD, "-": _ADD, "*": _MULTIPLY, "/": _MULTIPLY,
    ">": _COMPARE, "<": _COMPARE, ">=": _COMPARE, "<=": _COMPARE, "==": _COMPARE, "!=": _COMPARE,
}  # fmt: skip


def matching(left: Expr, operator: str, right: Expr, on: Iterable[str]) -> Expr:
    """Arithmetic of series that agree on these labels, one to one."""
    on = tuple(on)
    for label in on:
        _must_carry("matching on", left, label)
        _must_carry("matching on", right, label)
    if operator not in _OPERATORS:
        raise AuthoringError(f"matching() knows no operator '{operator}'; it takes {' '.join(_OPERATORS)}")
    binding = _OPERATORS[operator]
    unit = "ratio" if operator == "/" and left.unit == right.unit else left.unit
    text = f"{left.within(binding - 1)} {operator} on ({', '.join(on)}) {right.within(binding)}"
    return Expr(text, frozenset(on), unit, _merge(left, right), binding)


def only_where(expr: Expr, condition: Expr, on: Iterable[str]) -> Expr:
    """Only the series of ``expr`` for which ``condition`` has a series: ``and on (...)``."""
    return _set_operation("and", _AND, expr, condition, on)


def unless_where(expr: Expr, condition: Expr, on: Iterable[str]) -> Expr:
    """Only the series of ``expr`` for which ``condition`` has none: ``unless on (...)``."""
    return _set_operation("unless", _AND, expr, condition, on)


def either(left: Expr, right: Expr) -> Expr:
    """The series of both; where both have one, that of ``left``."""
    text = f"{left.within(_OR - 1)} or {right.within(_OR)}"
    return Expr(text, left.labels & right.labels, left.unit, _merge(left, right), _OR)


def or_zero(expr: Expr) -> Expr:
    """0 where there is no series at all; only for what has no labels, as the zero has none."""
    if expr.labels:
        raise AuthoringError("or_zero() needs an expression without labels, as its zero has none; sum it first")
    return Expr(f"{expr.within(_OR - 1)} or vector(0)", frozenset(), expr.unit, expr.metrics, _OR)


def _set_operation(operator: str, binding: int, left: Expr, right: Expr, on: Iterable[str]) -> Expr:
    on = tuple(on)
    for label in on:
        _must_carry(f"{operator} on", left, label)
        _must_carry(f"{operator} on", right, label)
    text = f"{left.within(binding - 1)} {operator} on ({', '.join(on)}) {right.within(binding)}"
    return Expr(text, left.labels, left.unit, _merge(left, right), binding)


# --- time, text and states --------------------------------------------------------------------------------------


def since(instant: Expr) -> Expr:
    """Seconds since an instant."""
    if instant.unit != "timestamp":
        raise AuthoringError(f"since() needs a timestamp, not {instant.unit}; use a *_timestamp_seconds metric")
    return Expr(f"time() - {instant.within(_ADD)}", instant.labels, "seconds", instant.metrics, _ADD)


def at_end(selector: Selector) -> Expr:
    """The value at the end of the time range, at every step: to choose the series of a graph once for all of it."""
    if selector.family.expr is not None:
        raise AuthoringError(f"at_end() needs a metric, not the record {selector.family.name}")
    return replace(_plain(selector), text=f"{selector.text} @ end()")


def as_instant(instant: Expr) -> Expr:
    """An instant in milliseconds, as Grafana's date units expect it."""
    if instant.unit != "timestamp":
        raise AuthoringError(f"as_instant() needs a timestamp, not {instant.unit}; use a *_timestamp_seconds metric")
    return Expr(f"{instant.within(_MULTIPLY - 1)} * 1000", instant.labels, "timestamp", instant.metrics, _MULTIPLY)


def constant(value: str | float, unit: str) -> Expr:
    """A number, or a dashboard variable that holds one, as a series without labels."""
    _check_unit(unit)
    return Expr(f"vector({value})", frozenset(), unit)


def relabel(expr: Expr, target: str, source: str, pattern: str = "(.*)", replacement: str = "$1") -> Expr:
    """Set label ``target`` from label ``source`` where the pattern matches it whole."""
    _must_carry("relabel", expr, source)
    # Grafana reads "$1" as it is: a variable name cannot start with a digit.
    arguments = ", ".join(quoted(text) for text in (target, replacement, source, pattern))
    return replace(
        _plain(expr),
        text=f"label_replace({expr.text}, {arguments})",
        labels=expr.labels | {target},
        binding=_ATOM,
    )


def label_join(expr: Expr, target: str, separator: str, *sources: str) -> Expr:
    """Set label ``target`` to the values of several labels, one behind the other."""
    for label in sources:
        _must_carry("label_join", expr, label)
    arguments = ", ".join(quoted(text) for text in (target, separator, *sources))
    return replace(
        _plain(expr),
        text=f"label_join({expr.text}, {arguments})",
        labels=expr.labels | {target},
        binding=_ATOM,
    )


def states(selector: Selector, label: str, by: Iterable[str]) -> Expr:
    """A state set as one number per series: 1 for the first state of the label's enum, 2 for the second, ...

    A state timeline draws one line per thing instead of one per thing and state. Panels map the numbers back to
    names and colours, see `style.state_mappings`.
    """
    family, by = selector.family, tuple(by)
    if family.expr is not None:
        raise AuthoringError(f"states() needs a metric, not the record {family.name}")
    legal = family.labels.get(label, ())
    if not legal:
        raise AuthoringError(f"{family.name}: label '{label}' has no fixed values to number; use a state set")
    terms = []
    for number, value in enumerate(legal, start=1):
        narrowed = family.name + "{" + ",".join((*selector.matchers, write_matcher(label, value))) + "}"
        terms.append(f"{narrowed} * {number}")
    inner = Expr(" or ".join(terms), selector.labels, "state", selector.metrics, _OR)
    return _aggregate("max", inner, by, f"state:{label}:{family.name}")


def cases(*numbered: tuple[Expr, int], by: Iterable[str]) -> Expr:
    """One number per series from several conditions: the number of the condition that holds, the largest wins."""
    by = tuple(by)
    # Of series with equal labels, "or" keeps those of its left side.
    ordered = sorted(numbered, key=lambda case: case[1], reverse=True)
    text = " or ".join(f"{expr.within(_MULTIPLY - 1)} * {number}" for expr, number in ordered)
    metrics = tuple(family for expr, _ in numbered for family in expr.metrics)
    labels = frozenset.intersection(*(expr.labels for expr, _ in numbered))
    return _aggregate("max", Expr(text, labels, "state", metrics, _OR), by, "state")


def _plain(expr: Expr) -> Expr:
    """Drop what only a selector has."""
    return Expr(expr.text, expr.labels, expr.unit, expr.metrics, expr.binding)


def _merge(left: Expr, right: Expr) -> tuple[Metric, ...]:
    return tuple(dict.fromkeys((*left.metrics, *right.metrics)))


def _must_carry(what: str, expr: Expr, label: str) -> None:
    if label not in expr.labels:
        carried = ", ".join(sorted(expr.labels)) or "none"
        raise AuthoringError(f"{what} '{label}': the series have no such label; they carry: {carried}")


def _check_unit(unit: str) -> None:
    units = active_catalog().units
    if unit not in units:
        raise AuthoringError(f"no unit '{unit}' in the catalog{closest(unit, units)}")
