"""The variables of a dashboard as Grafana has them when it opens: each query is run, All or the default is chosen."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from sedna_dash.lint.board import Board, mapping
from sedna_dash.lint.references import references, variable_texts
from sedna_dash.verify import spans
from sedna_dash.verify.target import Series

ALL = "$__all"

#: Asks one variable's query: its language and its text with everything filled in, its label if it has one.
Ask = Callable[[str, "Wanted"], Sequence[str]]

_REFERENCE = re.compile(
    r"\$\{(?P<braced>\w+)(?:\.(?P<field>[^}:]+))?(?::(?P<format>[^}]*))?\}"
    r"|\[\[(?P<old>\w+)(?::(?P<old_format>\w+))?\]\]|\$(?P<bare>\w+)"
)
_LABEL_VALUES = re.compile(r"\s*label_values\((?:(.*),)?\s*([A-Za-z_]\w*)\s*\)\s*", re.DOTALL)
_QUERY_RESULT = re.compile(r"\s*query_result\((.*)\)\s*", re.DOTALL)
_METRICS = re.compile(r"\s*metrics\((.*)\)\s*", re.DOTALL)


@dataclass(frozen=True)
class Wanted:
    """What a query variable asks for: the values of ``label`` on the series of ``selector``, or else the series that
    ``query`` finds, written out."""

    selector: str = ""
    label: str = ""
    query: str = ""


@dataclass(frozen=True)
class Variable:
    """A variable with its value: one text, or several, or one that is not escaped because its author wrote it for All.

    ``options`` are all values that there were to choose from.
    """

    name: str
    value: str | tuple[str, ...]
    options: tuple[str, ...] = ()
    escaped: bool = True
    several: bool = False

    @property
    def is_one_of(self) -> bool:
        """Whether another value could have been chosen instead of this one, and never both."""
        return not self.several and len(self.options) > 1

    @property
    def hollow(self) -> bool:
        """Whether All was chosen of nothing."""
        return self.value == ()


@dataclass(frozen=True)
class Window:
    """The time range and the steps of one panel."""

    start: float
    end: float
    step: float
    scrape: float = spans.SCRAPE_INTERVAL

    @property
    def macros(self) -> Mapping[str, str]:
        """Grafana's own variables."""
        span = self.end - self.start
        rate = spans.rate_interval(self.step, self.scrape)
        return {
            "__interval": spans.written(self.step),
            "__interval_ms": f"{self.step * 1000:.0f}",
            "__rate_interval": spans.written(rate),
            "__rate_interval_ms": f"{rate * 1000:.0f}",
            "__auto": spans.written(self.step),
            "__range": spans.written(round(span)),
            "__range_s": f"{span:.0f}",
            "__range_ms": f"{span * 1000:.0f}",
            "__from": f"{self.start * 1000:.0f}",
            "__to": f"{self.end * 1000:.0f}",
        }


@dataclass
class Values:
    """The variables of one dashboard by name."""

    variables: dict[str, Variable] = field(default_factory=dict)

    def fill(self, text: str, window: Window, form: str = "") -> str:
        """The text as Grafana sends it, values in this format unless another is written. What is no variable stays."""
        macros = window.macros

        def one(found: re.Match[str]) -> str:
            name = found["braced"] or found["old"] or found["bare"]
            if name in macros:
                return macros[name]
            variable = self.variables.get(name)
            return found[0] if variable is None else formatted(variable, found["format"] or found["old_format"] or form)

        return _REFERENCE.sub(one, text)

    def hollow_in(self, text: str) -> list[str]:
        """Names of the variables in the text that have no value at all."""
        return [name for name in references(text) if name in self.variables and self.variables[name].hollow]


def formatted(variable: Variable, form: str) -> str:
    """A value in one of Grafana's formats; without one, as a query of Prometheus or Loki takes it."""
    value = variable.value
    if not variable.escaped and form not in ("text", "percentencode"):
        return "".join(value)
    several = [value] if isinstance(value, str) else list(value)
    if form in _FORMATS:
        return _FORMATS[form](value if isinstance(value, str) else several)
    if not variable.several:
        return _regular(several[0] if several else "")
    parts = [_special(item) for item in several]
    return parts[0] if isinstance(value, str) or len(parts) == 1 else f"({'|'.join(parts)})"


def _regular(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\\\'")


def _special(text: str) -> str:
    return re.sub(r"[$^*{}\[\]'+?.()|]", r"\\\\\g<0>", text.replace("\\", "\\\\\\\\"))


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _regex(value: str | list[str]) -> str:
    parts = [re.sub(r"[\\^$*+?.()|\[\]{}/]", r"\\\g<0>", item) for item in _list(value)]
    return parts[0] if len(parts) == 1 else f"({'|'.join(parts)})"


_FORMATS: Mapping[str, Callable[[Any], str]] = {
    "json": lambda value: json.dumps(value, ensure_ascii=False),
    "raw": lambda value: ",".join(_list(value)),
    "csv": lambda value: ",".join(_list(value)),
    "text": lambda value: " + ".join(_list(value)),
    "pipe": lambda value: "|".join(_list(value)),
    "glob": lambda value: value if isinstance(value, str) else "{" + ",".join(value) + "}",
    "distributed": lambda value: ",".join(_list(value)),
    "doublequote": lambda value: ",".join('"' + item.replace('"', '\\"') + '"' for item in _list(value)),
    "singlequote": lambda value: ",".join("'" + item.replace("'", "\\'") + "'" for item in _list(value)),
    "percentencode": lambda value: quote(value if isinstance(value, str) else "{" + ",".join(value) + "}", safe=""),
    "regex": _regex,
}


def resolve(
    board: Board, chosen: Mapping[str, Sequence[str]], window: Window, ask: Ask, *, sources: Mapping[str, str]
) -> Values:
    """Give every variable its value, those first that others need.

    ``chosen`` are values that the user insists on, ``sources`` what a datasource variable of each plugin stands for.
    """
    values = Values()
    for variable in _in_order(board.variables):
        name = str(variable.get("name") or "")
        kind = variable.get("type")
        options: list[str] = []
        if kind == "query":
            options = _options(variable, board, values, window, ask)
        elif kind == "custom":
            options = [item.split(" : ")[-1].strip() for item in _split(str(variable.get("query") or ""))]
        elif kind == "interval":
            options = [item.strip() for item in str(variable.get("query") or "").split(",")]
        values.variables[name] = _valued(variable, name, options, chosen.get(name), sources)
    return values


def wanted(variable: Mapping[str, Any]) -> Wanted | None:
    """What a query variable asks for; None when it asks for something that is no query of series."""
    query = variable.get("query")
    if isinstance(query, Mapping) and isinstance(query.get("label"), str) and query["label"]:
        return Wanted(selector=str(query.get("stream") or ""), label=query["label"])
    text = str(mapping(query).get("query") or "") if isinstance(query, Mapping) else str(query or "")
    found = _LABEL_VALUES.fullmatch(text)
    if found:
        return Wanted(selector=(found[1] or "").strip(), label=found[2])
    found = _METRICS.fullmatch(text)
    if found:
        return Wanted(selector=f'{{__name__=~".*(?:{_quoted(found[1])}).*"}}', label="__name__")
    found = _QUERY_RESULT.fullmatch(text)
    return Wanted(query=found[1]) if found else None


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def as_text(series: Series) -> str:
    """A series as ``query_result()`` writes it, for the variable's regular expression to read."""
    labels = ",".join(f'{name}="{value}"' for name, value in series.labels.items() if name != "__name__")
    return f"{series.labels.get('__name__', '')}{{{labels}}} {series.value} {round(series.times[-1] * 1000)}"


def _options(variable: Mapping[str, Any], board: Board, values: Values, window: Window, ask: Ask) -> list[str]:
    asked, language = wanted(variable), board.language_of(variable.get("datasource"))
    if asked is None or language is None:
        return []
    filled = Wanted(values.fill(asked.selector, window), asked.label, values.fill(asked.query, window))
    found = list(dict.fromkeys(ask(language, filled)))
    regex = variable.get("regex")
    if isinstance(regex, str) and regex:
        found = list(dict.fromkeys(_matching(values.fill(regex, window, "regex"), found)))
    return sorted(found) if variable.get("sort") else found


def _matching(regex: str, texts: Sequence[str]) -> Iterator[str]:
    inside = re.fullmatch(r"/(.*)/([gimsuy]*)", regex, re.DOTALL)
    # To JavaScript a bracket inside of brackets is an ordinary one; Python warns of it.
    pattern = re.sub(r"(?<!\\)\[\[", r"[\\[", inside[1] if inside else regex)
    pattern = pattern.replace("(?<", "(?P<").replace("(?P<=", "(?<=").replace("(?P<!", "(?<!")
    try:
        compiled = re.compile(pattern, re.IGNORECASE if inside and "i" in inside[2] else 0)
    except re.error:
        return
    for text in texts:
        found = compiled.search(text)
        if found:
            named = found.groupdict().get("value")
            yield named if named is not None else next((part for part in found.groups() if part is not None), text)


def _valued(
    variable: Mapping[str, Any],
    name: str,
    options: list[str],
    chosen: Sequence[str] | None,
    sources: Mapping[str, str],
) -> Variable:
    kind = variable.get("type")
    if kind == "datasource":
        return Variable(name, sources.get(str(variable.get("query") or ""), ""))
    multi, with_all = bool(variable.get("multi")), bool(variable.get("includeAll"))
    several = multi or with_all
    if chosen is not None:
        return Variable(name, tuple(chosen) if multi else chosen[0], tuple(options), several=several)
    current = mapping(variable.get("current")).get("value")
    if kind in ("textbox", "constant"):
        text = current if isinstance(current, str) else str(variable.get("query") or "")
        return Variable(name, text, (text,))
    picked = [str(item) for item in current] if isinstance(current, list) else [str(current)] if current else []
    if with_all and (not picked or ALL in picked):
        whole = variable.get("allValue")
        if isinstance(whole, str) and whole:
            return Variable(name, whole, tuple(options), escaped=False, several=True)
        return Variable(name, tuple(options), tuple(options), several=True)
    # Grafana takes the first option when the one that was saved is gone.
    kept = [item for item in picked if item in options or kind == "interval"] or options[:1]
    value = tuple(kept) if multi else kept[0] if kept else ""
    return Variable(name, value, tuple(options), several=several)


def _split(text: str) -> list[str]:
    """The options of a custom variable: commas part them, unless a backslash stands before."""
    return [part.replace("\\,", ",") for part in re.split(r"(?<!\\),", text) if part.strip()]


def _in_order(variables: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Each variable behind those that it names; of a circle, as they stand."""
    by_name = {str(item.get("name") or ""): item for item in variables}
    order: dict[str, Mapping[str, Any]] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in order or name in path or name not in by_name:
            return
        # In a regular expression, too: what Grafana knows as a variable it fills in there.
        for text in [*variable_texts(by_name[name]), str(by_name[name].get("regex") or "")]:
            for needed in references(text):
                visit(needed, (*path, name))
        order[name] = by_name[name]

    for name in by_name:
        visit(name, ())
    return list(order.values())


__all__ = ["ALL", "Values", "Variable", "Wanted", "Window", "as_text", "formatted", "resolve", "wanted"]
