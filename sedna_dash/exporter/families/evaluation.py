"""Did the new model get better: the metrics of the newest evaluation, for the new and the old model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sedna_dash.exporter.fields import Fields, as_number
from sedna_dash.exporter.limits import first
from sedna_dash.exporter.lines import Lines
from sedna_dash.exporter.resource import Resource

FAMILY = "sedna_job_eval_metric"


def write(resource: Resource, lines: Lines) -> None:
    models = resource.models("Eval", "Completed", "output")
    for role, model in zip(("new", "old"), models, strict=False):
        metrics = model.mapping("metrics")
        for name in first(sorted(metrics), resource.limits.eval_metrics, FAMILY, lines):
            for suffix, value in elements(metrics[name], f"metrics.{name}", model, resource.limits.elements, lines):
                lines.add(FAMILY, value, model_role=role, metric=name + suffix)


def elements(value: Any, path: str, model: Fields, limit: int, lines: Lines) -> Iterator[tuple[str, float]]:
    """A number under its plain name; of a list, element 0 so and element i with ``_i``."""
    listed = value if isinstance(value, list) else [value]
    for index, item in enumerate(first(listed, limit, FAMILY, lines)):
        number = as_number(item)
        if number is None:
            model.wrong("metrics")
        else:
            yield (f"_{index}" if index else ""), number
