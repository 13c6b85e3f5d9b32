"""A dashboard as lint sees it: plain JSON, its panels, and every query in it wherever it hides."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

Language = Literal["promql", "logql"]

#: Panel types that show no data of their own.
WITHOUT_DATA = frozenset(
    {"row", "text", "dashlist", "news", "welcome", "gettingstarted", "alertlist", "annolist", "canvas"}
)

#: Datasources that are no variable and need none: built-in, mixed, other panels, and expressions.
BUILT_IN_SOURCES = frozenset({"-- Grafana --", "-- Mixed --", "-- Dashboard --", "__expr__", "grafana"})


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is a JSON object, else an empty one: dashboards from anywhere hold anything."""
    return value if isinstance(value, Mapping) else {}


def mappings(value: Any) -> list[Mapping[str, Any]]:
    """The JSON objects of a list, and none when it is no list."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, (list, tuple)) else []


def number(value: Any) -> float | None:
    """The value if it is a number; JSON's true and false are none."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


@dataclass(frozen=True)
class Panel:
    """One panel, with the row that it stands in."""

    model: Mapping[str, Any]
    row: str = ""

    @property
    def id(self) -> int | None:
        value = self.model.get("id")
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    @property
    def title(self) -> str:
        return str(self.model.get("title") or "")

    @property
    def name(self) -> str:
        """The title, or the id of a panel without one."""
        return self.title or f"panel {self.id}"

    @property
    def type(self) -> str:
        return str(self.model.get("type") or "")

    @property
    def shows_data(self) -> bool:
        return self.type not in WITHOUT_DATA

    @property
    def targets(self) -> list[Mapping[str, Any]]:
        return mappings(self.model.get("targets"))

    @property
    def defaults(self) -> Mapping[str, Any]:
        """fieldConfig.defaults"""
        return mapping(mapping(self.model.get("fieldConfig")).get("defaults"))

    @property
    def overrides(self) -> list[Mapping[str, Any]]:
        return mappings(mapping(self.model.get("fieldConfig")).get("overrides"))

    @property
    def options(self) -> Mapping[str, Any]:
        return mapping(self.model.get("options"))


@dataclass(frozen=True)
class Query:
    """One query of a panel, variable or annotation.

    ``text`` is what the dashboard holds, ``plain`` the same with Grafana's macros and variables replaced by values
    that parse, see `plain_text`. ``place`` is the panel's name, ``variable $x`` or ``annotation x``.
    """

    text: str
    language: Language
    place: str
    ref: str = ""
    panel: Panel | None = None
    target: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def plain(self) -> str:
        return plain_text(self.text, self.language)

    @property
    def legend(self) -> str:
        legend = str(self.target.get("legendFormat") or "")
        return "" if legend == "__auto" else legend


@dataclass(frozen=True)
class Board:
    """A dashboard model and where it came from."""

    model: Mapping[str, Any]
    file: str

    @property
    def uid(self) -> str:
        return str(self.model.get("uid") or "")

    @property
    def name(self) -> str:
        return self.uid or str(self.model.get("title") or self.file)

    @property
    def title(self) -> str:
        return str(self.model.get("title") or "")

    @cached_property
    def panels(self) -> list[Panel]:
        """All panels but rows, in reading order, those inside collapsed rows included."""
        found, row = [], ""
        for model in mappings(self.model.get("panels")):
            if model.get("type") == "row":
                row = str(model.get("title") or "")
                found += [Panel(inner, row) for inner in mappings(model.get("panels"))]
            else:
                found.append(Panel(model, row))
        # Before schema 16 panels stood in rows, which had no place on the grid.
        for old_row in mappings(self.model.get("rows")):
            found += [Panel(model, str(old_row.get("title") or "")) for model in mappings(old_row.get("panels"))]
        return found

    @cached_property
    def every_panel(self) -> list[Panel]:
        """Rows too."""
        rows = [Panel(model) for model in mappings(self.model.get("panels")) if model.get("type") == "row"]
        return [*rows, *self.panels]

    @cached_property
    def variables(self) -> list[Mapping[str, Any]]:
        return mappings(mapping(self.model.get("templating")).get("list"))

    @cached_property
    def annotations(self) -> list[Mapping[str, Any]]:
        return mappings(mapping(self.model.get("annotations")).get("list"))

    @cached_property
    def queries(self) -> list[Query]:
        """Every PromQL and LogQL query: of panels, of query variables, of annotations."""
        return [*self._panel_queries(), *self._variable_queries(), *self._annotation_queries()]

    def _panel_queries(self) -> Iterator[Query]:
        for panel in self.panels:
            for target in panel.targets:
                language = self.language_of(target.get("datasource") or panel.model.get("datasource"))
                expr = target.get("expr")
                if language and isinstance(expr, str):
                    yield Query(expr, language, panel.name, str(target.get("refId") or ""), panel, target)

    def _variable_queries(self) -> Iterator[Query]:
        for variable in self.variables:
            if variable.get("type") != "query":
                continue
            language = self.language_of(variable.get("datasource"))
            query, place = variable.get("query"), f"variable ${variable.get('name')}"
            text = query.get("query") or query.get("stream") if isinstance(query, Mapping) else query
            if not language or not isinstance(text, str):
                continue
            # label_values(selector, label) and query_result(expr) are Grafana's; only the inside is a query.
            inner = re.fullmatch(r"\s*(label_values|query_result|metrics)\((.*)\)\s*", text, re.DOTALL)
            if inner is None:
                if text.strip().startswith("{") and language == "logql":
                    yield Query(text, language, place)
                continue
            function, body = inner.groups()
            if function == "label_values" and "," in body:
                yield Query(body[: body.rindex(",")].strip(), language, place)
            elif function == "query_result":
                yield Query(body, language, place)

    def _annotation_queries(self) -> Iterator[Query]:
        for annotation in self.annotations:
            language = self.language_of(annotation.get("datasource"))
            expr = annotation.get("expr") or mapping(annotation.get("target")).get("expr")
            if language and isinstance(expr, str):
                yield Query(expr, language, f"annotation {annotation.get('name')}")

    def language_of(self, datasource: Any) -> Language | None:
        """The query language of a datasource reference: by its type, or by the variable that it names."""
        kind = datasource.get("type") if isinstance(datasource, Mapping) else None
        uid = datasource.get("uid") if isinstance(datasource, Mapping) else datasource
        if kind is None and isinstance(uid, str):
            named = re.fullmatch(r"\$\{?(\w+)\}?", uid)
            for variable in self.variables:
                if named and variable.get("name") == named[1] and variable.get("type") == "datasource":
                    kind = variable.get("query")
        return {"prometheus": "promql", "loki": "logql"}.get(str(kind))  # type: ignore[return-value]


_DURATION = re.compile(r"\$\{?__(rate_interval|interval|range|auto)\}?")
_NUMBER = re.compile(r"\$\{?__(interval_ms|range_ms|range_s|from|to)(:[^}]*)?\}?")
_AS_STRING = re.compile(r"\$\{(\w+):(json|doublequote|singlequote)\}")
_VARIABLE = re.compile(r"\$\{(\w+)(?:\.[^}:]+)?(?::[^}]*)?\}|\[\[(\w+)(?::\w+)?\]\]|\$(\w+)")


def plain_text(text: str, language: Language) -> str:
    """The query with values in place of Grafana's macros and variables, so that a parser reads it.

    A variable becomes ``x1`` inside a string and ``1`` elsewhere; a macro that is a duration becomes ``5m``.
    """
    text = _DURATION.sub("5m", _NUMBER.sub("1", text))
    text = _AS_STRING.sub('"x"', text)
    parts, position, quote = [], 0, ""
    for found in re.finditer(r'\\.|["\'`]', text):
        if found[0][0] == "\\" and quote != "`":
            continue
        if not quote and found[0] in "\"'`":
            parts.append((_VARIABLE.sub("1", text[position : found.start()])))
            quote, position = found[0], found.start()
        elif found[0] == quote:
            parts.append(_VARIABLE.sub(_in_string, text[position : found.end()]))
            quote, position = "", found.end()
    parts.append(_VARIABLE.sub("1", text[position:]))
    return "".join(parts)


def _in_string(found: re.Match[str]) -> str:
    # "$1" is no Grafana variable but a group of label_replace.
    return found[0] if found[3] and found[3].isdigit() else "x1"
