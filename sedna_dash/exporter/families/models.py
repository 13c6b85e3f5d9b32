"""Models: where they lie and how they score. Sedna writes each value as text, often a list per epoch."""

from __future__ import annotations

import orjson

from sedna_dash.exporter.fields import as_number
from sedna_dash.exporter.limits import first
from sedna_dash.exporter.lines import Lines
from sedna_dash.exporter.resource import Resource

_METRIC = "sedna_model_metric"


def write(resource: Resource, lines: Lines) -> None:
    fields = resource.fields
    name = fields.text("metadata.name")
    lines.add("sedna_model_info", 1, model=name, url=fields.text("spec.url"), format=fields.text("spec.format"))
    updated = fields.instant("status.updateTime")
    if updated is not None:
        lines.add("sedna_model_update_timestamp_seconds", updated, model=name)
    for entry in first(fields.items("status.metrics"), resource.limits.model_metrics, _METRIC, lines):
        value = _last(entry.text("value"))
        if value is None:
            entry.wrong("value")
        else:
            lines.add(_METRIC, value, model=name, metric=entry.text("key"))


def _last(text: str) -> float | None:
    """The number that a text holds; of a list, its last element."""
    if not text.lstrip().startswith("["):
        return as_number(text)
    try:
        value = orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        return None
    return as_number(value[-1]) if value else None
