"""What every job and service has: references, times, state, and the size of its status."""

from __future__ import annotations

import json
from collections.abc import Mapping

import orjson

from sedna_dash.catalog import default_catalog
from sedna_dash.exporter.lines import Lines
from sedna_dash.exporter.resource import Resource

#: The words of all kinds in five. Stages come and go, so that a job with stages runs on after one is completed.
STATES: Mapping[str, str] = {
    "Pending": "Pending",
    "Waiting": "Pending",
    "Ready": "Pending",
    "Starting": "Pending",
    "Running": "Running",
    "Training": "Running",
    "Completed": "Succeeded",
    "Complete": "Succeeded",
    "Succeeded": "Succeeded",
    "Failed": "Failed",
}

#: Where each kind names its dataset, its model and its mining algorithm.
_REFERENCES: Mapping[str, Mapping[str, str]] = {
    "JointInferenceService": {
        "model": "spec.edgeWorker.model.name",
        "hard_example_mining": "spec.edgeWorker.hardExampleMining.name",
    },
    "IncrementalLearningJob": {
        "dataset": "spec.dataset.name",
        "model": "spec.initialModel.name",
        "hard_example_mining": "spec.deploySpec.hardExampleMining.name",
    },
    "LifelongLearningJob": {"dataset": "spec.dataset.name"},
    "FederatedLearningJob": {"model": "spec.aggregationWorker.model.name"},
    "VideoAnalyticsJob": {"model": "spec.model.name"},
    "FeatureExtractionService": {"model": "spec.model.name"},
}

_STATES = default_catalog().enums["job_state"]
_STATUSES = default_catalog().enums["condition_status"]


def write(resource: Resource, lines: Lines) -> None:
    fields, history = resource.fields, resource.history
    references = _REFERENCES.get(resource.crd.kind, {})
    lines.add("sedna_job_info", 1, **{label: fields.text(path) for label, path in references.items()})
    for family, path in (
        ("sedna_job_created_timestamp_seconds", "metadata.creationTimestamp"),
        ("sedna_job_start_timestamp_seconds", "status.startTime"),
        ("sedna_job_completion_timestamp_seconds", "status.completionTime"),
    ):
        if path in resource.crd.paths and (at := fields.instant(path)) is not None:
            lines.add(family, at)
    lines.state("sedna_job_state", "state", state(resource), _STATES)
    if history.newest is not None:
        if history.newest.at is not None:
            lines.add("sedna_job_last_transition_timestamp_seconds", history.newest.at)
        if history.newest.status in _STATUSES:
            lines.state("sedna_job_condition_status", "status", history.newest.status, _STATUSES)
        else:
            fields.wrong("status.conditions[].status")
    lines.add("sedna_job_status_conditions", history.length)
    lines.add("sedna_job_status_bytes", size(fields.raw("status")))


def state(resource: Resource) -> str:
    """The state in one of five words, from the newest condition, else the phase; without either it is Pending, or
    Unknown for a kind that GM does not handle."""
    newest = resource.history.newest
    if newest is not None:
        return "Running" if newest.stage and newest.type == "Completed" else STATES[newest.type]
    phase = resource.fields.text("status.phase") if resource.crd.phases else ""
    if phase and phase not in resource.crd.phases:
        resource.fields.wrong("status.phase")
    return STATES.get(phase, "Pending" if resource.crd.handled else "Unknown")


def size(status: object) -> int:
    """Bytes of a status as JSON; 0 without one."""
    if not status:
        return 0
    try:
        return len(orjson.dumps(status))
    except orjson.JSONEncodeError:  # it holds what is legal JSON, but no UTF-8 or no 64-bit number
        return len(json.dumps(status))
