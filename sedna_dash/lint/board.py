"""A dashboard as lint sees it: plain JSON, its panels, and every query in it wherever it hides."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeVar

import orjson

from sedna_dash.lint import logql_syntax, promql_ast, stand_ins

Language = Literal["promql", "logql"]
_Parsed = TypeVar("_Parsed", promql_ast.Parsed, logql_syntax.Parsed)

#: Panel types that show no data of their own.
WITHOUT_DATA = frozenset(
    {"row", "text", "dashlist", "news", "welcome", "gettingstarted", "alertlist", "annolist", "canvas",
     "pluginlist", "library-panel-ref"}
)  # fmt: skip

#: Panels that show data and come with Grafana.
CORE_TYPES = frozenset(
    {"timeseries", "stat", "gauge", "bargauge", "barchart", "piechart", "histogram", "heatmap", "table", "logs",
     "state-timeline", "status-history", "candlestick", "trend", "xychart", "nodeGraph", "geomap", "traces",
     "flamegraph", "datagrid"}
)  # fmt: skip

#: Datasources that are no variable and need none: built-in, mixed, other panels, and expressions.
BUILT_IN_SOURCES = frozenset({"-- Grafana --", "-- Mixed --", "-- Dashboard --", "__expr__", "grafana"})


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is a JSON object, else an empty one: dashboards from anywhere hold anything."""
    return value if isinstance(value, dict) else {}


def mappings(value: Any) -> list[Mapping[str, Any]]:
    """The JSON objects of a list, and none when it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def compact(value: Any) -> str:
    """The value as JSON without blanks."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # a number of more than 64 bits
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def number(value: Any) -> float | None:
    """The value if it is a number; JSON's true and false are none."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


#: Panels that draw or list every series of a query.
SERIES_TYPES = frozenset(
    {"timeseries", "graph", "trend", "barchart", "bargauge", "piechart", "state-timeline", "status-history", "stat",
     "gauge"}
)  # fmt: skip


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

    @cached_property
    def type(self) -> str:
        return str(self.model.get("type") or "")

    @property
    def shows_data(self) -> bool:
        # A library panel's content is stored elsewhere; the dashboard holds its name alone.
        return self.type not in WITHOUT_DATA and not (self.model.get("libraryPanel") and not self.targets)

    @property
    def draws_series(self) -> bool:
        """Whether each series of a query is seen for itself."""
        return self.type in SERIES_TYPES

    @property
    def is_core(self) -> bool:
        """Whether the panel comes with Grafana, so that its options are known."""
        return self.type in CORE_TYPES

    @cached_property
    def targets(self) -> list[Mapping[str, Any]]:
        return mappings(self.model.get("targets"))

    @cached_property
    def defaults(self) -> Mapping[str, Any]:
        """fieldConfig.defaults"""
        return mapping(mapping(self.model.get("fieldConfig")).get("defaults"))

    @cached_property
    def overrides(self) -> list[Mapping[str, Any]]:
        return mappings(mapping(self.model.get("fieldConfig")).get("overrides"))

    @cached_property
    def options(self) -> Mapping[str, Any]:
        return mapping(self.model.get("options"))


@dataclass(frozen=True)
class Query:
    """One query of a panel, variable or annotation.

    ``text`` is what the dashboard holds. ``place`` is the panel's name, ``variable $x`` or ``annotation x``, and
    ``label`` what label_values() asks for.
    """

    text: str
    language: Language
    place: str
    ref: str = ""
    panel: Panel | None = None
    target: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""

    @cached_property
    def reading(self) -> stand_ins.Reading:
        """The text with Grafana's macros and variables replaced by what parses."""
        return stand_ins.read(self.text)

    @property
    def plain(self) -> str:
        return self.reading.text

    @cached_property
    def promql(self) -> promql_ast.Parsed:
        """The query as a tree; without tree and without fault when it is no PromQL or nothing can be said."""
        return self._parsed(promql_ast.parse, promql_ast.NOTHING, "promql")

    @cached_property
    def logql(self) -> logql_syntax.Parsed:
        """The query as a tree; without tree and without fault when it is no LogQL or nothing can be said."""
        return self._parsed(logql_syntax.parse, logql_syntax.NOTHING, "logql")

    def _parsed(self, parse: Callable[[str], _Parsed], nothing: _Parsed, language: Language) -> _Parsed:
        if language != self.language:
            return nothing
        reading = self.reading
        if not reading.text.strip():
            return nothing
        first = parse(reading.text)
        if not first.fault:
            return first
        second = parse(reading.otherwise) if reading.otherwise else first
        if not second.fault:
            return second
        return nothing if reading.uncertain else first

    def written(self, text: str) -> str:
        """A part of the tree as the dashboard writes it: variables and macros are put back."""
        return self.reading.written(text)

    @property
    def over_time(self) -> bool:
        """Whether the query is run for every step of the time range, and not once for its end."""
        if self.panel is None:
            return self.place.startswith("annotation")
        if self.language == "logql":
            return not (self.target.get("queryType") == "instant" or self.target.get("instant") is True)
        return self.target.get("instant") is not True or self.target.get("range") is True

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

    @property
    def is_import(self) -> bool:
        """Whether it is the form for Grafana's Import page, which asks for the datasources in ``__inputs``, and says in
        ``__requires`` what it was made for."""
        return any(mappings(self.model.get(key)) for key in ("__inputs", "__requires"))

    @cached_property
    def is_ours(self) -> bool:
        """Whether it is a Sedna dashboard by its tag, so that everything in it has to be in the catalog."""
        tags = self.model.get("tags")
        return isinstance(tags, (list, tuple)) and "sedna" in tags

    @cached_property
    def text(self) -> str:
        """The model as compact JSON, to search in."""
        return compact(self.model)

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

    @cached_property
    def _by_panel(self) -> dict[int, list[Query]]:
        found: dict[int, list[Query]] = {}
        for query in self.queries:
            if query.panel is not None:
                found.setdefault(id(query.panel), []).append(query)
        return found

    def queries_of(self, panel: Panel) -> list[Query]:
        """The PromQL and LogQL queries of one of the board's panels."""
        return self._by_panel.get(id(panel), [])

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
                    label = mapping(query).get("label")
                    yield Query(text, language, place, label=label if isinstance(label, str) else "")
                continue
            function, body = inner.groups()
            if function == "label_values" and "," in body:
                selector, label = body.rsplit(",", 1)
                yield Query(selector.strip(), language, place, label=label.strip())
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
            # The form for the Import page names an input where others name a variable.
            for entry in mappings(self.model.get("__inputs")):
                if named and entry.get("name") == named[1]:
                    kind = entry.get("pluginId")
        return {"prometheus": "promql", "loki": "logql"}.get(str(kind))  # type: ignore[return-value]
