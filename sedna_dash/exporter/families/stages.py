"""Stages of incremental and lifelong learning: where each stands, since when, how often and how long."""

from __future__ import annotations

from sedna_dash.catalog import default_catalog
from sedna_dash.exporter.lines import Lines
from sedna_dash.exporter.resource import Resource

_DEPLOY_STATES = default_catalog().enums["deploy_state"]
#: These begin at 0, or increase() would miss the first one.
_FROM_ZERO = ("Completed", "Failed")


def write(resource: Resource, lines: Lines) -> None:
    history, crd = resource.history, resource.crd
    if history.newest is not None:
        lines.state("sedna_job_stage", "stage", history.newest.stage, crd.stages)
    for stage, condition in history.stages.items():
        lines.state("sedna_job_stage_state", "state", condition.type, crd.conditions, stage=stage)
        if condition.at is not None:
            lines.add("sedna_job_stage_transition_timestamp_seconds", condition.at, stage=stage)
    for stage in crd.stages:
        for type_ in crd.conditions:
            count = history.counts.get((stage, type_), 0)
            if count or type_ in _FROM_ZERO:
                lines.add("sedna_job_stage_transitions_total", count, stage=stage, state=type_)
    for stage, duration in history.durations.items():
        lines.add("sedna_job_stage_duration_seconds", duration, stage=stage)
    lines.add("sedna_job_iteration", history.counts.get(("Train", "Ready"), 0))
    if (current := deploy_state(resource)) is not None:
        lines.state("sedna_job_deploy_state", "state", current, _DEPLOY_STATES)


def deploy_state(resource: Resource) -> str | None:
    """Waiting, OK or NotOK; None before the first deploy stage. Waiting also when LC kept the old model."""
    newest = resource.history.stages.get("Deploy")
    if newest is None:
        return None
    if newest.type == "Failed":
        return "NotOK"
    if newest.type == "Waiting" or (newest.type == "Completed" and not resource.history.deployed):
        return "Waiting"
    return "OK"
