"""Triggers and filters: what starts a stage, what lets a model pass, and whether that can ever happen."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sedna_dash.catalog import default_catalog
from sedna_dash.exporter.fields import as_number
from sedna_dash.exporter.lines import Lines
from sedna_dash.exporter.resource import Resource

#: How LC lets an operator be written, https://github.com/kubeedge/sedna pkg/localcontroller/trigger/trigger.go
_OPERATORS: Mapping[str, str] = {
    "gt": ">", ">": ">", "ge": ">=", ">=": ">=", "eq": "=", "=": "=", "==": "=",
    "ne": "!=", "!=": "!=", "le": "<=", "<=": "<=", "lt": "<", "<": "<",
}  # fmt: skip
_INDEX = re.compile(r"\[(.*)\]", re.DOTALL)
_FILTERS = default_catalog().enums["filter_operator"]
DEFAULT_FILTER, DEFAULT_THRESHOLD = ">", 0.1


def write(resource: Resource, lines: Lines) -> None:
    for stage, trigger in (("Train", "spec.trainSpec.trigger"), ("Deploy", "spec.deploySpec.trigger")):
        condition = f"{trigger}.condition"
        if f"{condition}.metric" not in resource.crd.paths:
            continue
        threshold = resource.fields.number(f"{condition}.threshold")
        operator = _OPERATORS.get(resource.fields.text(f"{condition}.operator"), "")
        metric = resource.fields.text(f"{condition}.metric")
        if threshold is not None and operator and metric:
            lines.add("sedna_job_trigger_threshold", threshold, stage=stage, metric=metric, operator=operator)
    if resource.crd.kind == "IncrementalLearningJob":
        reason = shut_gate(resource)
        lines.add("sedna_job_gate_misconfigured", float(bool(reason)), reason=reason)
    else:
        operator, limit = model_filter(resource)
        if limit is not None:
            lines.add("sedna_job_model_filter_threshold", limit)
        if operator:
            lines.state("sedna_job_model_filter_operator", "operator", operator, _FILTERS)


def shut_gate(resource: Resource) -> str:
    """Why the deploy trigger can never fire, in a word; empty when it can, or when nobody can tell yet.

    LC gives the trigger every metric of the new model, and its difference to the old one as ``<metric>_delta``, all of
    them lists. A list without an index counts as 0.
    """
    fields, condition = resource.fields, "spec.deploySpec.trigger.condition"
    if not fields.mapping(condition):
        return ""
    operator = _OPERATORS.get(fields.text(f"{condition}.operator"), "")
    metric, threshold = fields.text(f"{condition}.metric"), fields.number(f"{condition}.threshold") or 0.0
    if not operator:
        return "unknown-operator"
    found = _INDEX.search(metric)
    name = metric[: found.start()].strip() if found else metric
    if found and not re.fullmatch(r"\+?\d+", found[1]):
        return "bad-index"
    if not found and not _holds(0.0, operator, threshold):
        return "no-index"
    return _unlike_results(resource, name, int(found[1]) if found else 0)


def _unlike_results(resource: Resource, name: str, index: int) -> str:
    """What the newest evaluation lacks for the trigger."""
    models = resource.models("Eval", "Completed", "output")
    if not models:
        return ""
    if len(models) != 2:
        return "not-two-models"
    metrics = models[0].mapping("metrics")
    if not all(isinstance(value, list) for model in models for value in model.mapping("metrics").values()):
        return "no-lists"
    values = metrics.get(name, metrics.get(name.removesuffix("_delta")))
    if values is None:
        return "unknown-metric"
    return "index-out-of-range" if index >= len(values) else ""


def _holds(value: float, operator: str, threshold: float) -> bool:
    return {
        ">": value > threshold, ">=": value >= threshold, "=": value == threshold,
        "!=": value != threshold, "<=": value <= threshold, "<": value < threshold,
    }[operator]  # fmt: skip


def model_filter(resource: Resource) -> tuple[str, float | None]:
    """Operator and limit by which lifelong learning drops a task after its evaluation; None and empty if unreadable."""
    environment = resource.environment("spec.evalSpec.template")
    operator = environment.get("operator", environment.get("OPERATOR", DEFAULT_FILTER))
    limit = environment.get("model_threshold", environment.get("MODEL_THRESHOLD"))
    return operator if operator in _FILTERS else "", DEFAULT_THRESHOLD if limit is None else as_number(limit)


def dropped(score: float, operator: str, limit: float) -> bool:
    """Whether the filter drops a task with this score."""
    return _holds(score, operator, limit)
