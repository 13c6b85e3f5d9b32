"""The words of a LogQL query."""

from __future__ import annotations

import re
from typing import NamedTuple

RANGE_FUNCTIONS = frozenset(
    {"rate", "rate_counter", "count_over_time", "bytes_rate", "bytes_over_time", "avg_over_time", "sum_over_time",
     "min_over_time", "max_over_time", "stdvar_over_time", "stddev_over_time", "quantile_over_time",
     "first_over_time", "last_over_time", "absent_over_time"}
)  # fmt: skip
WITHOUT_UNWRAP = frozenset({"rate", "count_over_time", "bytes_rate", "bytes_over_time", "absent_over_time"})
WITH_UNWRAP = RANGE_FUNCTIONS - {"count_over_time", "bytes_rate", "bytes_over_time"}
RANGE_GROUPING = frozenset(
    {"avg_over_time", "stddev_over_time", "stdvar_over_time", "quantile_over_time", "max_over_time", "min_over_time",
     "first_over_time", "last_over_time"}
)  # fmt: skip
AGGREGATIONS = frozenset(
    {"sum", "avg", "count", "max", "min", "stddev", "stdvar", "bottomk", "topk", "sort", "sort_desc", "approx_topk"}
)
CHOOSING = frozenset({"topk", "bottomk", "approx_topk", "sort", "sort_desc"})
COUNTED = frozenset({"topk", "bottomk", "approx_topk"})
CONVERSIONS = frozenset({"bytes", "duration", "duration_seconds"})
#: Words that are functions only before a parenthesis, and else may name a label.
_FUNCTIONS = RANGE_FUNCTIONS | AGGREGATIONS | CONVERSIONS | {"vector", "label_replace", "ip"}
#: Words that never name a label.
KEYWORDS = frozenset(
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


class FaultError(Exception):
    def __init__(self, fault: str, position: int) -> None:
        super().__init__(fault)
        self.fault, self.position = fault, position


def read_tokens(text: str) -> list[Token]:
    found: list[Token] = []
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            if text[position] in '"`':
                raise FaultError(f"the string that begins with {text[position : position + 12]} has no end", position)
            if text[position] == "[":
                raise FaultError("the range that begins with [ has no ]", position)
            number = _negative_duration(text, position)
            raise FaultError(f"'{text[position]}' means nothing here{number}", position)
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
                raise FaultError(f"[{value}] is no range; write it like [5m]", start)
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
    return (lower, lower) if lower in KEYWORDS else ("label", word)


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
            raise FaultError(
                f"\\{found['bad']} is no escape; write \\\\{found['bad']}, or the string in backticks", start
            )
        base = 8 if found["octal"] else 16
        code = int(found["octal"] or found["x"] or found["u"] or found["U"], base)
        if code > 0x10FFFF or 0xD800 <= code < 0xE000:
            raise FaultError(f"{found[0]} is no character", start)
        return chr(code)

    return _ESCAPE.sub(one, text)
