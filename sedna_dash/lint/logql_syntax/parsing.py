"""From words to a tree, with the checks that Loki makes on the way."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NoReturn

from sedna_dash.lint import re2
from sedna_dash.lint.logql_syntax.tokens import (
    AGGREGATIONS,
    CONVERSIONS,
    COUNTED,
    KEYWORDS,
    RANGE_FUNCTIONS,
    RANGE_GROUPING,
    WITH_UNWRAP,
    WITHOUT_UNWRAP,
    FaultError,
    Token,
    read_tokens,
)
from sedna_dash.lint.logql_syntax.tree import (
    Aggregation,
    Binary,
    Condition,
    Expression,
    Extraction,
    Formatting,
    Grouping,
    LabelFilter,
    LabelReplace,
    LineFilter,
    Lines,
    Matcher,
    Number,
    OverTime,
    Parsed,
    Range,
    Selection,
    Stage,
    Unwrap,
    Variants,
    is_literal,
    may_be_empty,
)

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


@lru_cache(maxsize=4096)
def parse(text: str) -> Parsed:
    """Parse a query in which macros and variables are replaced, see `stand_ins`."""
    try:
        return Parsed(_Parser(text).query())
    except FaultError as error:
        return Parsed(None, error.fault, error.position)
    except RecursionError:
        return Parsed(None, "it is nested too deeply")


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = read_tokens(text)
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
        if token.kind in KEYWORDS and wanted == "a label":
            here += ", which is a word of LogQL and cannot name a label"
        raise FaultError(here + (f" where {wanted} is expected" if wanted else " and fits nothing"), token.position)

    def fail(self, fault: str, token: Token) -> NoReturn:
        raise FaultError(fault, token.position)

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
                if operator.kind in ("or", "and", "unless") and is_literal(side):
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
        if token.text in RANGE_FUNCTIONS:
            return self.over_time(token)
        if token.text in AGGREGATIONS:
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
        if grouping is not None and name not in RANGE_GROUPING:
            self.fail(f"{name}() cannot group by itself; write sum by (…) around it", function)
        if name == "quantile_over_time" and parameter is None:
            self.fail("quantile_over_time() needs a share first, like 0.95", function)
        if name != "quantile_over_time" and parameter is not None:
            self.fail(f"{name}() takes no number", function)
        if inside.unwrap is None and name not in WITHOUT_UNWRAP:
            self.fail(f"{name}() needs a number from each line; add | unwrap and the label that holds it", function)
        if inside.unwrap is not None and name not in WITH_UNWRAP:
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
        if (parameter is not None) != (name in COUNTED):
            wanted = "needs a number of series first, like 10" if name in COUNTED else "takes no number"
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
        if self.token.kind == "function" and self.token.text in CONVERSIONS:
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
