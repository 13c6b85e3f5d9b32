"""Dashboard variables in the shape that Grafana 9.3 to 13 stores them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from grafanalib.core import Template

from sedna_dash.authoring.logql import Lines
from sedna_dash.authoring.promql import (
    CLUSTER,
    Expr,
    Handle,
    Selector,
    active_catalog,
    metric,
)
from sedna_dash.errors import AuthoringError

#: Every panel, target, variable and annotation reaches its data through one of these two variables.
METRICS_VARIABLE, LOGS_VARIABLE = "datasource", "loki_datasource"
METRICS_SOURCE = {"type": "prometheus", "uid": "${" + METRICS_VARIABLE + "}"}
LOGS_SOURCE = {"type": "loki", "uid": "${" + LOGS_VARIABLE + "}"}

_ALL = {"selected": True, "text": ["All"], "value": ["$__all"]}


class Variable(Template):  # type: ignore[misc]
    """A grafanalib template that renders exactly ``model`` beside its name and label.

    grafanalib's own output still holds keys of Grafana 5 and a null regex.
    """

    name: str
    label: str
    hide: int

    def __init__(self, *, model: dict[str, Any], about: str = "", **fields: Any) -> None:
        super().__init__(**{"query": "", **fields})
        self.model = model
        self.about = about

    def to_json_data(self) -> dict[str, Any]:
        """The variable as Grafana stores it."""
        rendered = {
            "name": self.name,
            "label": self.label,
            "hide": self.hide,
            "skipUrlSync": False,
            **self.model,
        }
        if self.about:
            rendered["description"] = self.about
        return rendered


def metrics_source() -> Variable:
    """Which Prometheus the dashboard reads."""
    return _source(METRICS_VARIABLE, "Metrics source", "prometheus")


def logs_source() -> Variable:
    """Which Loki the dashboard reads."""
    return _source(LOGS_VARIABLE, "Logs source", "loki")


def _source(name: str, label: str, plugin: str) -> Variable:
    model = {
        "type": "datasource",
        "query": plugin,
        "regex": "",
        "refresh": 1,
        "multi": False,
        "includeAll": False,
        "current": {},
        "options": [],
    }
    return Variable(name=name, label=label, model=model)


def label_values(
    name: str, selector: Selector, label: str | None = None, *, title: str = "", all_value: str | None = None
) -> Variable:
    """A variable with the values of a label, of the series that the selector finds.

    ``all_value`` is the regular expression that "All" stands for; without one it stands for the listed values,
    so that a board about one kind never shows another.
    """
    label = label or name
    if label not in selector.labels:
        raise AuthoringError(f"variable ${name}: {selector.family.name} has no label '{label}'")
    if selector.family.expr is not None:
        raise AuthoringError(f"variable ${name}: label_values() needs a metric, not the record {selector.family.name}")
    definition = f"label_values({selector.text}, {label})"
    model = {
        "type": "query",
        "datasource": dict(METRICS_SOURCE),
        "definition": definition,
        "query": {"query": definition, "refId": "StandardVariableQuery"},
        **_multiple(all_value),
    }
    return Variable(name=name, label=title or label.replace("_", " ").capitalize(), model=model)


def query_values(
    name: str,
    expr: Expr,
    label: str | None = None,
    *,
    given: Mapping[str, str] | None = None,
    title: str = "",
    all_value: str | None = None,
    single: bool = False,
) -> Variable:
    """A variable with the values of a label, of the series that an expression gives at the end of the time range.

    For what one selector cannot find, see `label_values`. ``given`` keeps the series whose labels match other
    variables, for labels that the expression made: ``given={"kind": "$kind"}``. ``single`` is for a board about one
    thing at a time: one value is chosen, at first the first of the expression, and there is no "All".
    """
    label = label or name
    for needed in (label, *(given or {})):
        if needed not in expr.labels:
            raise AuthoringError(f"variable ${name}: the series have no label '{needed}'")
    definition = f"query_result({expr.text})"
    # Each result reads {a="x",b="y"} 1 1700000000000, its labels in alphabetical order.
    wanted = {**{other: f"(?:{value})" for other, value in (given or {}).items()}, label: '([^"]+)'}
    regex = ".*".join(f'[{{,]{key}="{wanted[key]}"' for key in sorted(wanted))
    model = {
        "type": "query",
        "datasource": dict(METRICS_SOURCE),
        "definition": definition,
        "query": {"query": definition, "refId": "StandardVariableQuery"},
        **(dict(_SINGLE) if single else _multiple(all_value)),
        "regex": f"/{regex}/",
    }
    return Variable(name=name, label=title or label.replace("_", " ").capitalize(), model=model)


def log_label_values(name: str, label: str, lines: Lines, *, title: str = "", all_value: str = ".+") -> Variable:
    """A variable with the values of a stream label of these lines, which `logql.logs` selects."""
    known = active_catalog().logs.stream
    if label not in known:
        raise AuthoringError(f"variable ${name}: logs have no stream label '{label}'; they have: {', '.join(known)}")
    stream = lines.selector
    # type 1 asks for label values, 0 for label names; Grafana's LokiVariableQueryType.
    query = {"label": label, "refId": "LokiVariableQueryEditor-VariableQuery", "stream": stream, "type": 1}
    model = {
        "type": "query",
        "datasource": dict(LOGS_SOURCE),
        "definition": f"label_values({stream}, {label})",
        "query": query,
        **_multiple(all_value),
    }
    return Variable(name=name, label=title or label.capitalize(), model=model)


_SINGLE: Mapping[str, Any] = {
    "refresh": 2,
    "sort": 0,  # as the expression gives them
    "multi": False,
    "includeAll": False,
    "current": {},
    "options": [],
}


def _multiple(all_value: str | None) -> dict[str, Any]:
    model: dict[str, Any] = {
        "regex": "",
        "refresh": 2,  # on time range change: jobs come and go
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "current": dict(_ALL),
        "options": [],
    }
    if all_value is not None:
        model["allValue"] = all_value
    return model


def cluster(handle: Handle | None = None) -> Variable:
    """Which clusters. "All" also matches series without a cluster label, so a single site needs none."""
    selector = (handle or metric("sedna_job_info"))()
    return label_values("cluster", selector, all_value=".*")


def namespace(handle: Handle | None = None) -> Variable:
    """Which namespaces, of those that hold something of interest."""
    return label_values("namespace", (handle or metric("sedna_job_info"))(CLUSTER), all_value=".*")


def choice(name: str, options: Iterable[str], *, title: str = "", all_value: str = ".*") -> Variable:
    """A variable over a fixed list, all by default."""
    options = tuple(options)
    listed = [{"selected": True, "text": "All", "value": "$__all"}]
    listed += [{"selected": False, "text": option, "value": option} for option in options]
    model = {
        "type": "custom",
        "query": ",".join(options),
        "multi": True,
        "includeAll": True,
        "allValue": all_value,
        "current": dict(_ALL),
        "options": listed,
    }
    return Variable(name=name, label=title or name.capitalize(), model=model)


def textbox(name: str, *, title: str = "", default: str = "", about: str = "") -> Variable:
    """A variable that the reader types."""
    option = {"selected": True, "text": default, "value": default}
    model = {"type": "textbox", "query": default, "current": dict(option), "options": [option]}
    return Variable(name=name, label=title or name.capitalize(), model=model, about=about)
