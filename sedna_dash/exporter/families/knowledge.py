"""What a lifelong-learning job reports of the knowledge base.

GM writes numberOfUnseenSample as 0 whatever is true, so there is no series for unlabelled samples.
"""

from __future__ import annotations

from sedna_dash.exporter.limits import first
from sedna_dash.exporter.lines import Lines
from sedna_dash.exporter.resource import Resource

_BASE = "status.knowledgeBase"
_PRECISION = "sedna_job_knowledge_model_precision"


def write(resource: Resource, lines: Lines) -> None:
    fields = resource.fields
    for family, path, labels in (
        ("sedna_job_knowledge_models", "AIModels.numberOfAIModels", {}),
        ("sedna_job_knowledge_classes", "AIClasses.numberOfAIClasses", {}),
        ("sedna_job_knowledge_unseen_samples", "samples.numberOfLabeledUnseenSample", {"labeled": "true"}),
    ):
        count = fields.count(f"{_BASE}.{path}")
        if count is not None:
            lines.add(family, count, **labels)
    models = fields.items(f"{_BASE}.AIModels.listOfAIModels")
    for model in first(models, resource.limits.tasks, _PRECISION, lines):
        precision = model.number("averagePrecision")
        if precision is not None:
            lines.add(_PRECISION, precision, model=model.text("modelID"))
