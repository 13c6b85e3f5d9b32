"""Which series a resource makes: one module for each topic, each with ``write(resource, lines)``.

Every module looks at the resource alone; what takes other objects, too, is in `joined`. A new topic is a new module and
one line here. Where a number cannot be known, there is no series.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sedna_dash.exporter.families import (
    datasets,
    evaluation,
    federated,
    jobs,
    knowledge,
    model_files,
    models,
    stages,
    task_scores,
    training,
    triggers,
)
from sedna_dash.exporter.lines import Lines
from sedna_dash.exporter.resource import Resource

Writer = Callable[[Resource, Lines], None]

_STAGED: tuple[Writer, ...] = (stages.write, model_files.write, evaluation.write, training.write, triggers.write)

#: What each kind writes; every kind that runs something writes `jobs` as well.
WRITERS: Mapping[str, tuple[Writer, ...]] = {
    "Dataset": (datasets.write,),
    "Model": (models.write,),
    "IncrementalLearningJob": _STAGED,
    "LifelongLearningJob": (*_STAGED, knowledge.write, task_scores.write),
    "FederatedLearningJob": (federated.write, training.write),
}


def write(resource: Resource, lines: Lines) -> None:
    """All series of a resource."""
    if resource.crd.runs:
        jobs.write(resource, lines)
    for writer in WRITERS.get(resource.crd.kind, ()):
        writer(resource, lines)
