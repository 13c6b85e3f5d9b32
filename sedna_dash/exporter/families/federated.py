"""Federated learning: state, rounds, and who takes part."""

from __future__ import annotations

import re

from sedna_dash.exporter.fields import as_instant, as_number
from sedna_dash.exporter.limits import first
from sedna_dash.exporter.lines import Lines
from sedna_dash.exporter.resource import Resource

#: What GM writes for each worker and round, https://github.com/kubeedge/sedna controllers/federatedlearning/upstream.go
_ROUND = re.compile(r"Round (\d{1,9}) reaches at ?")


def write(resource: Resource, lines: Lines) -> None:
    newest = resource.history.newest
    if newest is not None:
        lines.state("sedna_federated_train_state", "state", newest.type, ("Training", "Complete", "Failed"))
    for node, dataset in first(
        participants(resource), resource.limits.participants, "sedna_federated_participant_info", lines
    ):
        lines.add("sedna_federated_participant_info", 1, node=node, dataset=dataset)
    target = as_number(resource.environment("spec.aggregationWorker.template").get("exit_round"))
    if target is not None:
        lines.add("sedna_federated_rounds_target", target)
    _rounds(resource, lines)


def participants(resource: Resource) -> list[tuple[str, str]]:
    """Node and dataset of each training worker that the job asks for, each pair once."""
    return list(
        dict.fromkeys(
            (worker.text("template.spec.nodeName"), worker.text("dataset.name"))
            for worker in resource.fields.items("spec.trainingWorkers")
        )
    )


def _rounds(resource: Resource, lines: Lines) -> None:
    """The newest round, unless the aggregation worker says so itself."""
    if resource.hooked("spec.aggregationWorker.template"):
        return
    found, at = 0, None
    for condition in resource.fields.items("status.conditions"):
        message = condition.text("message")
        matched = _ROUND.match(message)
        if matched and int(matched[1]) > found:
            found, at = int(matched[1]), condition.raw("lastHeartbeatTime")
    if found:
        lines.add("sedna_federated_round", found)
        instant = as_instant(at) if isinstance(at, str) else None
        if instant is not None:
            lines.add("sedna_federated_round_timestamp_seconds", instant)
