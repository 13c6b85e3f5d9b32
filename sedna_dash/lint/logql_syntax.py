"""LogQL as a tree, with the checks that Loki makes before it runs a query.

There is no LogQL parser for Python. This one reads the language of Loki 3; tests/data/logql_corpus.yaml holds what
Loki itself says of some hundred queries. Beyond Loki's parser it makes the checks that Loki makes only when it
builds the pipeline, such as those of line filters' expressions, because a query that fails then fails all the same.
Reference: https://grafana.com/docs/loki/latest/query/
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple, NoReturn, TypeAlias

from sedna_dash.catalog.model import LogFields
from sedna_dash.lint import re2

# --- the tree --------------------------------------------------------------------------------------------


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


@lru_cache(maxsize=4096)
def parse(text: str) -> Parsed:
    """Parse a query in which macros and variables are replaced, see `stand_ins`."""
    try:
        return Parsed(_Parser(text).query())
    except _FaultError as error:
        return Parsed(None, error.fault, error.position)
    except RecursionError:
        return Parsed(None, "it is nested too deeply")


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
            return inner if node.operator in _CHOOSING else frozenset()
        return inner if node.operator in _CHOOSING else _grouped(inner, node.grouping)
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
    if node.operator in ("and", "unless") or _is_literal(node.right):
        return left
    if _is_literal(node.left):
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


def _is_literal(node: Expression) -> bool:
    if isinstance(node, Binary):
        return _is_literal(node.left) and _is_literal(node.right)
    return isinstance(node, Number) and not node.vector


# --- tokens ----------------------------------------------------------------------------------------------

_RANGE_FUNCTIONS = frozenset(
    {"rate", "rate_counter", "count_over_time", "bytes_rate", "bytes_over_time", "avg_over_time", "sum_over_time",
     "min_over_time", "max_over_time", "stdvar_over_time", "stddev_over_time", "quantile_over_time",
     "first_over_time", "last_over_time", "absent_over_time"}
)  # fmt: skip
_WITHOUT_UNWRAP = frozenset({"rate", "count_over_time", "bytes_rate", "bytes_over_time", "absent_over_time"})
_WITH_UNWRAP = _RANGE_FUNCTIONS - {"count_over_time", "bytes_rate", "bytes_over_time"}
_RANGE_GROUPING = frozenset(
    {"avg_over_time", "stddev_over_time", "stdvar_over_time", "quantile_over_time", "max_over_time", "min_over_time",
     "first_over_time", "last_over_time"}
)  # fmt: skip
_AGGREGATIONS = frozenset(
    {"sum", "avg", "count", "max", "min", "stddev", "stdvar", "bottomk", "topk", "sort", "sort_desc", "approx_topk"}
)
_CHOOSING = frozenset({"topk", "bottomk", "approx_topk", "sort", "sort_desc"})
_COUNTED = frozenset({"topk", "bottomk", "approx_topk"})
_CONVERSIONS = frozenset({"bytes", "duration", "duration_seconds"})
#: Words that are functions only before a parenthesis, and else may name a label.
_FUNCTIONS = _RANGE_FUNCTIONS | _AGGREGATIONS | _CONVERSIONS | {"vector", "label_replace", "ip"}
#: Words that never name a label.
_KEYWORDS = frozenset(
    {"by", "without", "bool", "unwrap", "offset", "on", "ignoring", "group_left", "group_right", "or", "and",
     "unless", "json", "regexp", "logfmt", "unpack", "pattern", "label_format", "line_format", "decolorize", "drop",
     "keep", "variants", "of"}
)  # fmt: skip

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+|\#[^\n]*)
    |(?P<string>"(?:[^"\\\n]|\\.)*")
    |(?P<raw>`[^`]*`)
    |(?P<range>\[[^\]]*\])
    |(?P<flag>--(?:strict|keep-empty)(?![^\W\d_]|-))
    |(?P<number>0[xX][0-9a-fA-F_]+|(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?)
    |(?P<word>[^\W\d]\w*)
    |(?P<sign>==|=~|=|!=|!~|!>|\|=|\|~|\|>|\||>=|>|<=|<|[(){},+*/%^-])""",
    re.VERBOSE,
)
_IS_FUNCTION = re.compile(r"\s*(?:\(|(?:by|without)\s*\()", re.IGNORECASE)
_DURATION_REST = re.compile(r"[0-9nuµmshdwy.]+")
_BYTES_REST = re.compile(r"[0-9BikKMGTP.]+")
_PROMETHEUS_DURATION = re.compile(
    r"0|(?=\d)(?:\d+y)?(?:\d+w)?(?:\d+d)?(?:\d+h)?(?:\d+m(?!s))?(?:\d+s)?(?:\d+ms)?", re.ASCII
)
_GO_DURATION = re.compile(r"-?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+", re.ASCII)
_BYTES = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:B|[kKMGTP](?:i?B|i)?)", re.ASCII)
_ESCAPE = re.compile(
    r"""\\(?:(?P<plain>[abfnrtv\\"])|x(?P<x>[0-9a-fA-F]{2})|u(?P<u>[0-9a-fA-F]{4})|U(?P<U>[0-9a-fA-F]{8})
    |(?P<octal>[0-3][0-7]{2})|(?P<bad>.?))""",
    re.VERBOSE | re.DOTALL,
)
_PLAIN = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"'}


class Token(NamedTuple):
    """``kind`` is string, range, flag, number, duration, bytes, label, function, end, or the sign or keyword."""

    kind: str
    text: str
    position: int


class _FaultError(Exception):
    def __init__(self, fault: str, position: int) -> None:
        super().__init__(fault)
        self.fault, self.position = fault, position


def _tokens(text: str) -> list[Token]:
    found: list[Token] = []
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            if text[position] in '"`':
                raise _FaultError(f"the string that begins with {text[position : position + 12]} has no end", position)
            if text[position] == "[":
                raise _FaultError("the range that begins with [ has no ]", position)
            number = _negative_duration(text, position)
            raise _FaultError(f"'{text[position]}' means nothing here{number}", position)
        kind, start, position = str(token.lastgroup), position, token.end()
        if kind == "space":
            continue
        value = token[0]
        if kind == "word":
            kind, value = _word(text, value, position)
        elif kind == "string":
            value = _unescaped(value[1:-1], start)
        elif kind == "raw":
            kind, value = "string", value[1:-1].replace("\r", "")
        elif kind == "range":
            value = value[1:-1]
            if not value or not _PROMETHEUS_DURATION.fullmatch(value):
                raise _FaultError(f"[{value}] is no range; write it like [5m]", start)
            kind = "range"
        elif kind == "number":
            kind, value = _number(text, value, position)
            position = start + len(value)
        elif kind == "sign":
            negative = _negative_duration(text, start) if value == "-" else ""
            kind, value = ("duration", negative) if negative else (value, value)
            position = start + len(value)
        found.append(Token(kind, value, start))
    found.append(Token("end", "the end", len(text)))
    return found


def _word(text: str, word: str, behind: int) -> tuple[str, str]:
    lower = word.lower()
    if lower in _FUNCTIONS:
        return ("function", lower) if _IS_FUNCTION.match(text, behind) else ("label", word)
    return (lower, lower) if lower in _KEYWORDS else ("label", word)


def _number(text: str, number: str, behind: int) -> tuple[str, str]:
    """A number, or a duration or size when a unit follows at once."""
    rest = _DURATION_REST.match(text, behind)
    if rest is not None:
        whole = number + rest[0]
        if _PROMETHEUS_DURATION.fullmatch(whole) or _GO_DURATION.fullmatch(whole):
            return "duration", whole
    rest = _BYTES_REST.match(text, behind)
    if rest is not None and _BYTES.fullmatch(number + rest[0]):
        return "bytes", number + rest[0]
    return "number", number


def _negative_duration(text: str, start: int) -> str:
    rest = _DURATION_REST.match(text, start + 1)
    return "-" + rest[0] if rest is not None and _GO_DURATION.fullmatch(rest[0]) else ""


def _unescaped(text: str, start: int) -> str:
    if "\\" not in text:
        return text

    def one(found: re.Match[str]) -> str:
        if found["plain"]:
            return _PLAIN[found["plain"]]
        if found["bad"] is not None:
            raise _FaultError(
                f"\\{found['bad']} is no escape; write \\\\{found['bad']}, or the string in backticks", start
            )
        base = 8 if found["octal"] else 16
        code = int(found["octal"] or found["x"] or found["u"] or found["U"], base)
        if code > 0x10FFFF or 0xD800 <= code < 0xE000:
            raise _FaultError(f"{found[0]} is no character", start)
        return chr(code)

    return _ESCAPE.sub(one, text)


# --- the parser ------------------------------------------------------------------------------------------

_MATCHING = frozenset({"=", "!=", "=~", "!~"})
_LINE_FILTERS = frozenset({"|=", "|~", "|>", "!=", "!~", "!>"})
_COMPARING = frozenset({"=", "==", "!=", ">", ">=", "<", "<="})
_BINDING = {"or": 1, "and": 2, "unless": 2, "==": 3, "!=": 3, "<": 3, "<=": 3, ">": 3, ">=": 3, "+": 4, "-": 4,
            "*": 5, "/": 5, "%": 5, "^": 6}  # fmt: skip
_PATTERN_CAPTURE = re.compile(r"<([A-Za-z_]\w*)>", re.ASCII)
# A variable may be part of a path, hence the private use area, see stand_ins.
_JSON_PATH = re.compile(
    r"""\s*(?:[A-Za-z_\ue000-\uf8ff][\w\ue000-\uf8ff]*|\[\s*(?:[0-9]+|"[^"\\]*")\s*\])
    (?:\s*\.\s*[A-Za-z_\ue000-\uf8ff][\w\ue000-\uf8ff]*|\s*\[\s*(?:[0-9]+|"[^"\\]*")\s*\])*\s*""",
    re.VERBOSE | re.ASCII,
)
_LOGFMT_PATH = re.compile(r'\s*(?:[A-Za-z_\ue000-\uf8ff][\w\ue000-\uf8ff]*|"[^"\\]*")\s*', re.ASCII)
_TEMPLATE_ACTION = re.compile(r"\{\{-?\s*(?P<word>\w*)")
_BLOCKS = frozenset({"if", "range", "with", "define", "block"})


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _tokens(text)
        self.index = 0
        self.token = self.tokens[0]

    # tokens

    def next(self) -> Token:
        token = self.token
        if token.kind != "end":
            self.index += 1
            self.token = self.tokens[self.index]
        return token

    def take(self, kind: str, text: str = "") -> bool:
        if self.token.kind == kind and (not text or self.token.text == text):
            self.next()
            return True
        return False

    def expect(self, kind: str, what: str = "") -> Token:
        if self.token.kind != kind:
            self.refuse(what or f"'{kind}'")
        return self.next()

    def refuse(self, wanted: str = "") -> NoReturn:
        token = self.token
        if token.kind == "end":
            here = "the query ends"
        elif token.kind == "string":
            here = f'the string "{token.text}" stands here'
        else:
            here = f"'{token.text}' stands here"
        if token.kind in _KEYWORDS and wanted == "a label":
            here += ", which is a word of LogQL and cannot name a label"
        raise _FaultError(here + (f" where {wanted} is expected" if wanted else " and fits nothing"), token.position)

    def fail(self, fault: str, token: Token) -> NoReturn:
        raise _FaultError(fault, token.position)

    # expressions

    def query(self) -> Expression:
        if self.take("variants"):
            tree: Expression = self.variants()
        else:
            tree = self.expression(0)
        if self.token.kind != "end":
            self.refuse()
        return tree

    def variants(self) -> Variants:
        self.expect("(")
        expressions = [self.metric()]
        while self.take(","):
            expressions.append(self.metric())
        self.expect(")")
        self.expect("of")
        self.expect("(")
        lines = self.range()
        self.expect(")")
        return Variants(tuple(expressions), lines)

    def metric(self) -> Expression:
        start = self.token
        inner = self.expression(0)
        if isinstance(inner, Lines):
            self.fail("these are log lines where a number is expected; count them with count_over_time(… [5m])", start)
        return inner

    def expression(self, binding: int) -> Expression:
        start = self.token
        left = self.operand()
        while _BINDING.get(self.token.kind, 0) > binding:
            operator = self.next()
            strength = _BINDING[operator.kind]
            modifier = self.modifier()
            right_start = self.token
            # ^ binds to the right.
            right = self.expression(strength - 1 if operator.kind == "^" else strength)
            for side, token in ((left, start), (right, right_start)):
                if isinstance(side, Lines):
                    self.fail(f"'{operator.text}' stands beside log lines; it works on numbers", token)
                if operator.kind in ("or", "and", "unless") and _is_literal(side):
                    self.fail(f"'{operator.text}' stands beside a number; write vector(…) around it", token)
            left = Binary(operator.kind, left, right, *modifier)
        return left

    def modifier(self) -> tuple[tuple[str, ...] | None, bool, str, tuple[str, ...], bool]:
        boolean = self.take("bool")
        matching, ignoring, group = None, False, ""
        include: tuple[str, ...] = ()
        if self.token.kind in ("on", "ignoring"):
            ignoring = self.next().kind == "ignoring"
            matching = self.label_list()
            if self.token.kind in ("group_left", "group_right"):
                group = self.next().kind.removeprefix("group_")
                include = self.label_list() if self.token.kind == "(" else ()
        return matching, ignoring, group, include, boolean

    def label_list(self) -> tuple[str, ...]:
        self.expect("(")
        if self.take(")"):
            return ()
        labels = [self.expect("label", "a label").text]
        while self.take(","):
            labels.append(self.expect("label", "a label").text)
        self.expect(")")
        return tuple(labels)

    def operand(self) -> Expression:
        token = self.token
        if token.kind == "{":
            return self.log_lines()
        if token.kind == "(":
            self.next()
            inner = self.expression(0)
            self.expect(")")
            return inner
        if token.kind in ("number", "+", "-"):
            return Number(self.literal())
        if token.kind != "function":
            if token.kind == "label" and self.tokens[self.index + 1].kind in ("(", "by", "without"):
                self.fail(f"LogQL has no function {token.text}", token)
            self.refuse('a stream selector like {app="x"} or a function')
        self.next()
        if token.text in _RANGE_FUNCTIONS:
            return self.over_time(token)
        if token.text in _AGGREGATIONS:
            return self.aggregation(token)
        if token.text == "vector":
            self.expect("(")
            value = self.number(self.expect("number", "a number"))
            self.expect(")")
            return Number(value, vector=True)
        if token.text != "label_replace":
            self.fail(f"{token.text}() is no function that gives numbers", token)
        return self.label_replace()

    def literal(self) -> float:
        sign = -1.0 if self.token.kind == "-" else 1.0
        if self.token.kind in ("+", "-"):
            self.next()
        return sign * self.number(self.expect("number", "a number"))

    @staticmethod
    def number(token: Token) -> float:
        try:
            return float(token.text)
        except ValueError:
            return float(int(token.text.replace("_", ""), 0))

    def grouping(self) -> Grouping | None:
        if self.token.kind not in ("by", "without"):
            return None
        without = self.next().kind == "without"
        return Grouping(self.label_list(), without)

    def over_time(self, function: Token) -> OverTime:
        name = function.text
        self.expect("(")
        parameter = None
        if self.token.kind == "number":
            parameter = self.number(self.next())
            self.expect(",")
        inside = self.range()
        self.expect(")")
        grouping = self.grouping()
        if grouping is not None and name not in _RANGE_GROUPING:
            self.fail(f"{name}() cannot group by itself; write sum by (…) around it", function)
        if name == "quantile_over_time" and parameter is None:
            self.fail("quantile_over_time() needs a share first, like 0.95", function)
        if name != "quantile_over_time" and parameter is not None:
            self.fail(f"{name}() takes no number", function)
        if inside.unwrap is None and name not in _WITHOUT_UNWRAP:
            self.fail(f"{name}() needs a number from each line; add | unwrap and the label that holds it", function)
        if inside.unwrap is not None and name not in _WITH_UNWRAP:
            self.fail(f"{name}() counts lines and cannot take | unwrap; remove it", function)
        return OverTime(name, inside, grouping, parameter)

    def aggregation(self, function: Token) -> Aggregation:
        name = function.text
        grouping = self.grouping()
        self.expect("(")
        parameter: Token | None = None
        if self.token.kind == "number" and self.tokens[self.index + 1].kind == ",":
            parameter = self.next()
            self.next()
        inner = self.metric()
        self.expect(")")
        if grouping is None:
            grouping = self.grouping()
        if grouping is not None and name in ("sort", "sort_desc", "approx_topk"):
            self.fail(f"{name}() cannot group; write by or without inside of it", function)
        if (parameter is not None) != (name in _COUNTED):
            wanted = "needs a number of series first, like 10" if name in _COUNTED else "takes no number"
            self.fail(f"{name}() {wanted}", function)
        if parameter is None:
            return Aggregation(name, inner, grouping, None)
        if not re.fullmatch(r"0*[1-9][0-9]*", parameter.text):
            self.fail(f"{name}() keeps a whole number of series above 0, not {parameter.text}", function)
        return Aggregation(name, inner, grouping, int(parameter.text))

    def label_replace(self) -> LabelReplace:
        self.expect("(")
        inner = self.metric()
        texts = []
        for what in ("the label to set", "the replacement", "the label to read", "the expression"):
            self.expect(",")
            texts.append(self.expect("string", f"{what} as a string"))
        self.expect(")")
        self.check_regex(texts[3])
        return LabelReplace(inner, *(token.text for token in texts))

    # log queries

    def log_lines(self) -> Lines:
        matchers = self.selector()
        return Lines(matchers, tuple(self.pipeline()))

    def selector(self) -> tuple[Matcher, ...]:
        start = self.expect("{", 'a stream selector like {app="x"}')
        matchers = []
        if self.token.kind != "}":
            matchers.append(self.matcher())
            while self.take(","):
                matchers.append(self.matcher())
        self.expect("}")
        if all(may_be_empty(matcher) for matcher in matchers):
            self.fail("every matcher of the selector also matches streams without the label, which Loki refuses;"
                      " add one that does not, like app=~\".+\"", start)  # fmt: skip
        return tuple(matchers)

    def matcher(self) -> Matcher:
        label = self.expect("label", "a label")
        if not label.text.isascii():
            self.fail(f"{label.text} cannot name a label; use a-z, 0-9 and _", label)
        if self.token.kind not in _MATCHING:
            self.refuse("one of = != =~ !~")
        operator = self.next().text
        value = self.expect("string", "a string")
        if operator in ("=~", "!~"):
            self.check_regex(value)
        return Matcher(label.text, operator, value.text)

    def pipeline(self) -> Iterator[Stage]:
        """Stages up to what is none, such as an unwrap."""
        while True:
            if self.token.kind in _LINE_FILTERS:
                # Behind a log query, != can only be a line filter: log lines cannot be compared.
                yield self.line_filter()
            elif self.token.kind == "|" and self.tokens[self.index + 1].kind != "unwrap":
                self.next()
                yield self.stage()
            else:
                return

    def line_filter(self) -> LineFilter:
        operator = self.next()
        values: list[str] = []
        addresses = False
        while True:
            if self.token.kind == "function" and self.token.text == "ip":
                # Behind `or`, Loki takes the address for plain text, and reads no further `or`.
                addresses = addresses or not values
                values.append(self.address(checked=not values))
                if len(values) == 1 and operator.kind not in ("|=", "!="):
                    self.fail("ip() works with |= and != only", operator)
                if len(values) > 1 or not self.take("or"):
                    break
                continue
            value = self.expect("string", "a string or ip(…)")
            if operator.kind in ("|~", "!~"):
                self.check_regex(value)
            elif operator.kind in ("|>", "!>"):
                self.check_line_pattern(value)
            values.append(value.text)
            if not self.take("or"):
                break
        return LineFilter(operator.kind, tuple(values), addresses)

    def address(self, *, checked: bool = True) -> str:
        self.next()
        self.expect("(")
        value = self.expect("string", "an address as a string")
        self.expect(")")
        if checked and not _is_address(value.text):
            self.fail(f"'{value.text}' is no IP address, range or network", value)
        return value.text

    def stage(self) -> Stage:
        token = self.token
        if token.kind in ("label", "(", "function"):
            return self.label_filter()
        self.next()
        if token.kind in ("json", "logfmt"):
            while token.kind == "logfmt" and self.token.kind == "flag":
                self.next()
            labels = self.extractions(token.kind) if self.token.kind == "label" else None
            return Extraction(token.kind, "", labels)
        if token.kind == "unpack":
            return Extraction("unpack", "", None)
        if token.kind in ("regexp", "pattern"):
            expression = self.expect("string", "an expression as a string")
            labels = self.groups(expression) if token.kind == "regexp" else self.captures(expression)
            return Extraction(token.kind, expression.text, labels)
        if token.kind == "line_format":
            template = self.template(self.expect("string", "a template as a string"))
            return Formatting("line_format", templates=(template,))
        if token.kind == "label_format":
            return self.label_format()
        if token.kind == "decolorize":
            return Formatting("decolorize")
        if token.kind not in ("drop", "keep"):
            self.index -= 1
            self.token = token
            self.refuse("a label filter, a parser or a format stage")
        return self.selection(token.kind)

    def extractions(self, parser: str) -> tuple[str, ...]:
        labels = []
        while True:
            label = self.expect("label", "a label").text
            if self.take("="):
                path = self.expect("string", "a path as a string")
                if not (_JSON_PATH if parser == "json" else _LOGFMT_PATH).fullmatch(path.text):
                    self.fail(f"'{path.text}' is no path into {parser}", path)
            labels.append(label)
            if not self.take(","):
                return tuple(labels)

    def groups(self, expression: Token) -> tuple[str, ...]:
        groups = self.check_regex(expression).groups
        if not groups:
            self.fail("regexp needs a named group, like (?P<node>\\S+), to know which label to set", expression)
        if len(set(groups)) != len(groups):
            self.fail("two groups of the regexp have the same name", expression)
        return groups

    def captures(self, expression: Token) -> tuple[str, ...]:
        captures = self.check_line_pattern(expression, named=True)
        if not captures:
            self.fail("pattern needs a capture, like <node>, to know which label to set", expression)
        if len(set(captures)) != len(captures):
            self.fail("two captures of the pattern have the same name", expression)
        return captures

    def template(self, template: Token) -> str:
        text = template.text
        depth, position = 0, 0
        for action in _TEMPLATE_ACTION.finditer(text):
            if action.start() < position:
                continue
            position = text.find("}}", action.end())
            if position < 0:
                self.fail("the template has {{ without }}", template)
            depth += (action["word"] in _BLOCKS) - (action["word"] == "end")
            if depth < 0:
                break
        if depth:
            self.fail("the template's if, with or range and its end do not pair", template)
        return text

    def label_format(self) -> Formatting:
        labels: list[str] = []
        sources, templates = [], []
        while True:
            label = self.expect("label", "a label")
            if label.text in labels:
                self.fail(f"label_format sets {label.text} twice", label)
            if label.text == "__error__":
                self.fail("label_format cannot set __error__", label)
            labels.append(label.text)
            self.expect("=")
            if self.token.kind == "string":
                templates.append(self.template(self.next()))
            else:
                sources.append(self.expect("label", "a label or a template").text)
            if not self.take(","):
                return Formatting("label_format", tuple(labels), tuple(sources), tuple(templates))

    def selection(self, stage: str) -> Selection:
        labels, matchers = [], []
        while True:
            if self.token.kind == "label" and self.tokens[self.index + 1].kind in _MATCHING:
                matcher = self.matcher()
                matchers.append(matcher)
                labels.append(matcher.label)
            else:
                labels.append(self.expect("label", "a label").text)
            if not self.take(","):
                # What is dropped only where it matches may still be there.
                certain = [label for label in labels if all(found.label != label for found in matchers)]
                return Selection(stage, tuple(certain if stage == "drop" else labels), tuple(matchers))

    def label_filter(self) -> LabelFilter:
        conditions: list[Condition] = []
        alternative = self.conditions(conditions)
        return LabelFilter(tuple(conditions), alternative)

    def conditions(self, found: list[Condition]) -> bool:
        """Conditions joined by and, or, commas or nothing; whether there is an or among them."""
        alternative = False
        while True:
            if self.take("("):
                alternative = self.conditions(found) or alternative
                self.expect(")")
            else:
                found.append(self.condition())
            if self.token.kind in ("and", ","):
                self.next()
            elif self.take("or"):
                alternative = True
            elif self.token.kind not in ("label", "("):
                return alternative

    def condition(self) -> Condition:
        label = self.expect("label", "a label")
        operator = self.token
        if operator.kind not in _COMPARING and operator.kind not in _MATCHING:
            self.refuse("a comparison")
        self.next()
        value = self.token
        if value.kind == "string" and operator.kind in _MATCHING:
            if operator.kind in ("=~", "!~"):
                self.check_regex(value)
            return Condition(label.text, operator.kind, self.next().text, "text")
        if operator.kind in ("=~", "!~"):
            self.refuse("a string")
        if value.kind == "function" and value.text == "ip" and operator.kind in ("=", "!="):
            return Condition(label.text, operator.kind, self.address(), "address")
        if value.kind in ("duration", "bytes"):
            return Condition(label.text, operator.kind, self.next().text, value.kind)
        if value.kind not in ("number", "+", "-"):
            self.refuse("a number, duration or size")
        return Condition(label.text, operator.kind, f"{self.literal():g}", "number")

    # ranges

    def range(self) -> Range:
        """A selector with a range behind it, before or after the pipeline, perhaps in parentheses."""
        if not self.take("("):
            return self.bare_range()
        if self.token.kind == "(":
            inner = self.range()
            self.expect(")")
            return inner
        lines = Lines(self.selector(), ())
        if self.token.kind == "range":
            inner = self.ranged(lines)
            self.expect(")")
            return inner
        lines = Lines(lines.matchers, tuple(self.pipeline()))
        unwrap = self.unwrap()
        if self.token.kind == "range":
            inner = Range(lines, self.next().text, unwrap, self.offset())
            self.expect(")")
            return inner
        self.expect(")")
        window = self.expect("range", "a range like [5m]").text
        offset = self.offset()
        if unwrap is None and not lines.stages:
            unwrap = self.unwrap()
        return Range(lines, window, unwrap, offset)

    def bare_range(self) -> Range:
        lines = Lines(self.selector(), ())
        if self.token.kind == "range":
            return self.ranged(lines)
        lines = Lines(lines.matchers, tuple(self.pipeline()))
        unwrap = self.unwrap()
        window = self.expect("range", "a range like [5m]").text
        return Range(lines, window, unwrap, self.offset())

    def ranged(self, lines: Lines) -> Range:
        """The range, and a pipeline behind it."""
        window, offset = self.next().text, self.offset()
        return Range(Lines(lines.matchers, tuple(self.pipeline())), window, self.unwrap(), offset)

    def offset(self) -> str:
        return self.expect("duration", "a duration").text if self.take("offset") else ""

    def unwrap(self) -> Unwrap | None:
        if self.token.kind != "|" or self.tokens[self.index + 1].kind != "unwrap":
            return None
        self.next()
        self.next()
        conversion = ""
        if self.token.kind == "function" and self.token.text in _CONVERSIONS:
            conversion = self.next().text
            self.expect("(")
        label = self.expect("label", "a label").text
        if conversion:
            self.expect(")")
        filters = []
        while self.take("|"):
            if self.token.kind not in ("label", "("):
                self.refuse("a label filter, the only thing behind unwrap,")
            filters.append(self.label_filter())
        return Unwrap(label, conversion, tuple(filters))

    # expressions inside strings

    def check_regex(self, token: Token) -> re2.Reading:
        reading = re2.read(token.text)
        if reading.fault:
            self.fail(f"the expression '{token.text}' is not legal: {reading.fault}", token)
        return reading

    def check_line_pattern(self, token: Token, *, named: bool = False) -> tuple[str, ...]:
        captures, end = [], -1
        for capture in _PATTERN_CAPTURE.finditer(token.text):
            if capture.start() == end:
                self.fail(f"two captures of '{token.text}' follow each other; put text between them", token)
            if capture[1] != "_":
                if not named:
                    self.fail(f"'{capture[0]}' has a name; in a line filter write <_>", token)
                captures.append(capture[1])
            end = capture.end()
        return tuple(captures)


def may_be_empty(matcher: Matcher) -> bool:
    """Whether streams without the label match."""
    if matcher.operator in ("=", "!="):
        return (matcher.value == "") == (matcher.operator == "=")
    return re2.read(matcher.value).empty == (matcher.operator == "=~")


def _is_address(text: str) -> bool:
    try:
        if "-" in text:
            low, high = text.split("-", 1)
            ipaddress.ip_address(low.strip())
            ipaddress.ip_address(high.strip())
        elif "/" in text:
            ipaddress.ip_network(text, strict=False)
        else:
            ipaddress.ip_address(text)
    except ValueError:
        # A variable stands where the address will be.
        return any("\ue000" <= character <= "\uf8ff" for character in text)
    return True
