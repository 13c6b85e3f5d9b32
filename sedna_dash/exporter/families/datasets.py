"""Datasets: where they lie and how many samples they hold. An empty dataset never gets a status."""

from __future__ import annotations

from sedna_dash.exporter.lines import Lines
from sedna_dash.exporter.resource import Resource


def write(resource: Resource, lines: Lines) -> None:
    fields = resource.fields
    name = fields.text("metadata.name")
    lines.add(
        "sedna_dataset_info", 1, dataset=name,
        url=fields.text("spec.url"), format=fields.text("spec.format"), node=fields.text("spec.nodeName"),
    )  # fmt: skip
    samples, updated = fields.count("status.numberOfSamples"), fields.instant("status.updateTime")
    if samples is not None:
        lines.add("sedna_dataset_samples", samples, dataset=name)
    if updated is not None:
        lines.add("sedna_dataset_update_timestamp_seconds", updated, dataset=name)
