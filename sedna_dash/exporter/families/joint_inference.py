"""Counts of joint inference, made true.

The edge worker reports inferenceNumber I and hardExampleNumber H. When it infers first and mines then, which is the
default, it counts a hard frame in I twice: once for the edge and once for the cloud.
"""

from __future__ import annotations

from sedna_dash.exporter.fields import as_number
from sedna_dash.exporter.resource import Resource

_TEMPLATE = "spec.edgeWorker.template"


#: A family with the value of its series, and the label that it has beside those of the job.
Count = tuple[str, float, dict[str, str]]


def counts(resource: Resource) -> tuple[Count, ...]:
    """What the edge worker reported last; nothing when it counts for itself. Of several workers, each overwrites what
    the others reported, so that these are then nobody's counts.
    """
    environment = resource.environment(_TEMPLATE)
    if resource.hooked(_TEMPLATE):
        return ()
    reported = _reported(resource)
    inferences, hard = reported.get("inferenceNumber"), reported.get("hardExampleNumber")
    if inferences is None or hard is None:
        return ()
    if not 0 <= hard <= inferences:
        resource.fields.wrong("status.metrics")
        return ()
    mines_first = environment.get("MINING_MODE", environment.get("mining_mode", "")) == "mining-then-inference"
    return (
        ("sedna_inference_requests_total", inferences if mines_first else inferences - hard, {}),
        ("sedna_inferences_total", inferences - hard, {"location": "edge"}),
        ("sedna_inferences_total", hard, {"location": "cloud"}),
        ("sedna_hard_examples_total", hard, {}),
    )


def _reported(resource: Resource) -> dict[str, float]:
    found: dict[str, float] = {}
    for entry in resource.fields.items("status.metrics"):
        key = entry.text("key")
        if key in ("inferenceNumber", "hardExampleNumber"):
            number = as_number(entry.raw("value"))
            if number is None:
                entry.wrong("value")
            else:
                found[key] = number
    return found
