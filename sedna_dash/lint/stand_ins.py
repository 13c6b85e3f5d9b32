"""Grafana's macros and variables, replaced by what a parser reads and a rule still recognises.

Grafana fills a query in before it is sent. Here a variable inside a string becomes one character of Unicode's
private use area, elsewhere a name, a number or a duration; a macro becomes a duration of its own. So a rule can
tell ``name="x"`` from ``name="$x"`` and ``[5m]`` from ``[$__rate_interval]``, and a message can say what is written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

#: Durations that stand for macros. They are about five minutes, so that nothing else is odd about them.
RATE_INTERVAL, INTERVAL, RANGE, AUTO, CHOSEN = (300.001, 300.002, 300.003, 300.004, 300.005)

#: What stands for a variable's name outside of strings.
NAME = "grafana_var_"

_MACROS = {"rate_interval": "300001ms", "interval": "300002ms", "range": "300003ms", "auto": "300004ms"}
_TOKEN = re.compile(
    r"""(?P<escape>\\.)|(?P<quote>["'`])|(?P<comment>\#[^\n]*)
    |(?P<macro>\$(?:\{__(?P<braced>rate_interval|interval|range|auto)\}|__(?P<bare>rate_interval|interval|range|auto)(?!\w)))
    |\$(?:\{__(?P<number>range|interval|rate_interval)_(?P<unit>ms|s)\}|__(?:range|interval|rate_interval)_(?:ms|s)(?!\w))
    |(?P<instant>\$(?:\{__(?:from|to)(?::[^}]*)?\}|__(?:from|to)(?!\w)))
    |(?P<variable>\$\{\w+(?:\.[^}:]+)?(?::(?P<format>[^}]*))?\}|\[\[\w+(?::\w+)?\]\]|\$\w+)
    |(?P<bracket>[\[\]{}()])""",
    re.VERBOSE | re.DOTALL,
)
# What nearly every query holds, and is the same wherever it stands: a matcher's string with variables, a range that is
# a macro, a keyword as JSON. Going through the text token by token takes ten times as long.
_QUICK_STRING = re.compile(r'(?<=[=~])"[^"\\\s$]*\$[^"\\\s]*"')
_QUICK_VARIABLE = re.compile(r"\$(?:(?!__|\d)\w+|\{(?!__|\d)\w+(?::[^}]*)?\})")
_QUICK_KEYWORD = re.compile(r"(?<=[|!][=~] )\$\{(?!__|\d)\w+:json\}")
_QUICK_RANGE = re.compile(r"\[\$\{?__(rate_interval|interval|range|auto)\}?(?=[\]:])")
# A digit behind the sign is a group of label_replace.
_VARIABLE = re.compile(r"\$(?:\{|[A-Za-z_])|\[\[\w")
_LABEL_LIST = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*$", re.IGNORECASE)
_MARK = re.compile(f"[\ue000-\uf8ff]|{NAME}[0-9]+")
_DURATION_UNIT = re.compile(r"(?:ms|[smhdwy])(?!\w)")
_ARGUMENTS = re.compile(r"\s*(?:\(|(?:by|without)\b)")
_OPERAND_BEHIND = re.compile(r"\s+(?!(?:and|or|unless|bool|offset)\b)[\w$({\"'`]")
_OPERAND_BEFORE = re.compile(r"(?:[\w)\]}])\s*$")
_KEYWORD_BEFORE = re.compile(r"\b(?:and|or|unless|bool|offset)\s*$")


@dataclass(frozen=True)
class Reading:
    """A query that parses, if it was one.

    ``otherwise`` is a second try, for variables that may be a number or a whole expression. ``uncertain`` says that
    a variable stands where only Grafana knows what it is, so that a failure to parse proves nothing.
    """

    text: str
    otherwise: str = ""
    uncertain: bool = False
    variables: tuple[str, ...] = ()

    def written(self, text: str) -> str:
        """Part of the query, or of what was made from it, with the variables as they are written."""
        text = text.replace("300005ms", "$…")
        for macro, duration in _MACROS.items():
            text = text.replace(duration, f"$__{macro}")
        return _MARK.sub(self._original, text)

    def _original(self, found: re.Match[str]) -> str:
        index = int(found[0][len(NAME) :]) if found[0].startswith(NAME) else ord(found[0]) - 0xE000
        return self.variables[index] if index < len(self.variables) else "$…"


def has_variable(text: str) -> bool:
    """Whether a text out of a parsed query stems from a variable, in part or as a whole."""
    return NAME in text or (not text.isascii() and _MARK.search(text) is not None)


@lru_cache(maxsize=4096)
def read(text: str) -> Reading:
    """Replace macros and variables."""
    if not _VARIABLE.search(text):
        return Reading(text)
    variables: list[str] = []

    def one(found: re.Match[str]) -> str:
        variables.append(found[0])
        return chr(0xE000 + len(variables) - 1)

    def string(found: re.Match[str]) -> str:
        return _QUICK_VARIABLE.sub(one, found[0])

    quick = _QUICK_STRING.sub(string, _QUICK_RANGE.sub(lambda found: "[" + _MACROS[found[1]], text))
    quick = _QUICK_KEYWORD.sub(lambda found: f'"{one(found)}"', quick)
    if not _VARIABLE.search(quick):
        return Reading(quick, variables=tuple(variables))
    return _Replacing(text).run()


@dataclass
class _Replacing:
    text: str
    first: list[str] = field(default_factory=list)
    second: list[str] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)
    uncertain: bool = False
    position: int = 0
    quote: str = ""
    open: list[str] = field(default_factory=list)

    def run(self) -> Reading:
        for found in _TOKEN.finditer(self.text):
            if found.start() < self.position:
                continue  # a unit behind a variable was taken with it
            if found["escape"]:
                if self.quote == "`":
                    # Raw strings know no escapes: the character behind the backslash counts for itself.
                    self.raw(found)
            elif found["quote"]:
                if not self.quote:
                    self.quote = found["quote"]
                elif self.quote == found["quote"]:
                    self.quote = ""
            elif found["bracket"]:
                if not self.quote:
                    self.nest(found)
            elif not found["comment"]:
                self.replace(found)
            elif self.quote:
                self.comment(found)
        self.put(self.text[self.position :])
        one, two = "".join(self.first), "".join(self.second)
        return Reading(one, two if two != one else "", self.uncertain, tuple(self.variables))

    def raw(self, found: re.Match[str]) -> None:
        if found[0][1] == "`":
            self.quote = ""

    def comment(self, found: re.Match[str]) -> None:
        """A ``#`` inside a string is none; what follows it has to be looked at again."""
        inner = _Replacing(found[0][1:], variables=self.variables, quote=self.quote, open=self.open)
        self.put(self.text[self.position : found.start() + 1])
        inner.run()
        self.first += inner.first
        self.second += inner.second
        self.uncertain = self.uncertain or inner.uncertain
        self.quote, self.position = inner.quote, found.end()

    def nest(self, found: re.Match[str]) -> None:
        if found[0] in "([{":
            is_list = found[0] == "(" and _LABEL_LIST.search(self.text, 0, found.start())
            self.open.append("list" if is_list else found[0])
        elif self.open:
            self.open.pop()

    def put(self, first: str, second: str | None = None) -> None:
        self.first.append(first)
        self.second.append(first if second is None else second)

    def replace(self, found: re.Match[str]) -> None:
        variable = found["variable"]
        if variable and variable.strip("${}[]")[:1].isdigit():
            return  # a group of label_replace, as in "$1"
        self.put(self.text[self.position : found.start()])
        self.position = found.end()
        if variable:
            self.put(*self.variable(found))
        elif found["macro"]:
            self.put(_MACROS[found["braced"] or found["bare"]])
        elif found["number"] and not self.quote and self.text.startswith(found["unit"], found.end()):
            # [${__range_s}s]
            self.position += len(found["unit"])
            self.put(_MACROS[found["number"]])
        else:
            self.put("1")

    def variable(self, found: re.Match[str]) -> tuple[str] | tuple[str, str]:
        """What to write for a variable, and what else it could be."""
        index = len(self.variables)
        self.variables.append(found[0])
        mark, name = chr(0xE000 + min(index, 0x18FF)), f"{NAME}{index}"
        if self.quote:
            return (mark,)
        if found["format"] in ("json", "doublequote", "singlequote"):
            return (f'"{mark}"',)
        inside = self.open[-1] if self.open else ""
        before, behind = self.text[: found.start()], self.text[found.end() : found.end() + 24]
        if inside == "[":
            unit = _DURATION_UNIT.match(behind)
            self.position += len(unit[0]) if unit else 0
            return ("300005ms",)
        if inside == "list":
            return (name,)
        if inside == "{":
            # A label's name, or whole matchers.
            self.uncertain = True
            return (name if behind.lstrip()[:1] in ("=", "!") else f'{name}="x"',)
        if behind[:1] in ("{", "[") or _adjacent(before[-1:]) or _adjacent(behind[:1]):
            return (name,)
        if (
            _ARGUMENTS.match(behind)
            or _OPERAND_BEHIND.match(behind)
            or (_OPERAND_BEFORE.search(before[-24:]) and not _KEYWORD_BEFORE.search(before[-24:]))
        ):
            self.uncertain = True  # a function or an operator
            return ("sum" if _ARGUMENTS.match(behind) else "+",)
        return ("1", name)


def _adjacent(character: str) -> bool:
    return character.isalnum() or character in ("_", ":", "$")
