"""What others have: dashboards as JSON, and rule files of Prometheus, its operator, Mimir and Loki."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import yaml

from sedna_dash.errors import RuleError
from sedna_dash.lint import logql_syntax, promql_ast
from sedna_dash.lint.board import BUILT_IN_SOURCES, Board, Language, Query, mapping, mappings
from sedna_dash.lint.loading import load_boards
from sedna_dash.lint.references import source_name

# libyaml's parser is ten times faster; the pure Python one reads the same language.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

#: What Grafana itself answers, or unpacks, in a variable.
_FUNCTION = re.compile(r"\s*(?:label_names|label_values|metrics|query_result)\s*\(")


class OthersBoard(Board):
    """A dashboard from anywhere. Old ones name a datasource without saying of what type it is, or none at all."""

    def language_of(self, datasource: Any) -> Language | None:
        """As for ours; where no type is said, PromQL, until the query turns out to be none."""
        known = super().language_of(datasource)
        has_type = isinstance(datasource, Mapping) and datasource.get("type")
        return known if known or has_type or source_name(datasource) in BUILT_IN_SOURCES else "promql"

    @cached_property
    def queries(self) -> list[Query]:
        """Every PromQL and LogQL query."""
        return [
            replace(query, language="logql") if query.promql.fault and _is_logql(query.plain) else query
            for query in (*super().queries, *self._plain_variables())
        ]

    def _plain_variables(self) -> Iterator[Query]:
        """Variables whose query is a selector alone, which Grafana lists the series of."""
        for variable in self.variables:
            query = variable.get("query")
            text = query.get("query") if isinstance(query, Mapping) else query
            if variable.get("type") != "query" or not isinstance(text, str) or _FUNCTION.match(text):
                continue
            if self.language_of(variable.get("datasource")) == "promql":
                yield Query(text, "promql", f"variable ${variable.get('name')}")


@dataclass(frozen=True)
class OthersRule:
    """A recording rule or an alert. ``texts`` are its labels and annotations, which may be templates."""

    kind: Literal["record", "alert"]
    group: str
    name: str
    expr: str
    file: str
    texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def language(self) -> Language:
        """LogQL when it can be nothing else: the rules of Prometheus and of Loki have the same form."""
        return "logql" if promql_ast.parse(self.expr).fault and _is_logql(self.expr) else "promql"


def _is_logql(text: str) -> bool:
    return logql_syntax.parse(text).tree is not None


def load_others_boards(paths: Iterable[Path]) -> list[OthersBoard]:
    """The dashboards in JSON files and folders of them. Raises `SourceError`."""
    return [OthersBoard(board.model, board.file) for board in load_boards(paths)]


def load_others_rules(paths: Iterable[Path]) -> list[OthersRule]:
    """The rules in files, and in the YAML files of folders: plain rule files, PrometheusRule objects, lists of them.

    Raises `RuleError` with file, line and cure for what cannot be read, and for a named file without rules.
    """
    found: list[OthersRule] = []
    for path in paths:
        files = sorted(file for file in path.rglob("*.y*ml") if file.is_file()) if path.is_dir() else [path]
        rules = [rule for file in files for rule in _rules(file)]
        if not rules:
            raise RuleError(f"{path}: holds no rules; give a rule file of Prometheus, or a PrometheusRule object")
        found += rules
    return found


def _rules(path: Path) -> Iterator[OthersRule]:
    for document in _documents(path):
        for content in mappings(document.get("items")) or [document]:
            for group in _groups(content):
                for rule in mappings(group.get("rules")):
                    yield from _rule(rule, str(group.get("name") or ""), path)


def _groups(content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    groups = content.get("groups") or mapping(content.get("spec")).get("groups")
    # What Mimir and Loki answer: the groups of each namespace.
    return mappings(groups) if groups else [group for value in content.values() for group in mappings(value)]


def _rule(rule: Mapping[str, Any], group: str, path: Path) -> Iterator[OthersRule]:
    kind: Literal["record", "alert"] = "record" if "record" in rule else "alert"
    name, expr = rule.get(kind), rule.get("expr")
    # Rules of Grafana itself are in groups, too, and have no expr.
    if isinstance(name, str) and isinstance(expr, (str, int, float)):
        texts = {**mapping(rule.get("labels")), **mapping(rule.get("annotations"))}
        yield OthersRule(kind, group, name, str(expr), str(path), {key: str(text) for key, text in texts.items()})


def _documents(path: Path) -> list[Mapping[str, Any]]:
    try:
        return mappings(list(yaml.load_all(path.read_text(encoding="utf-8"), Loader=_Loader)))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise RuleError(f"{path}: cannot be read ({reason}); check the path and its rights") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "it is not YAML"
        raise RuleError(f"{path}:{mark.line + 1 if mark else 1}: {problem}; repair the YAML") from error
    except (ValueError, AttributeError) as error:
        raise RuleError(f"{path}:1: a value is no possible date or number ({error}); quote it") from error
