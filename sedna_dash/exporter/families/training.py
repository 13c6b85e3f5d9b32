"""Settings and result of the training, from the pod template and the finished training.

A worker with the hook says all of this itself, and live; the exporter is silent while such a worker trains.
"""

from __future__ import annotations

from collections.abc import Mapping

from sedna_dash.exporter.fields import Fields, as_number
from sedna_dash.exporter.lines import Lines
from sedna_dash.exporter.resource import Resource, is_hooked

#: Environment variables that users set, in lower case.
_SETTINGS: Mapping[str, tuple[str, ...]] = {
    "sedna_job_train_learning_rate": ("learning_rate", "lr"),
    "sedna_job_train_epochs": ("epochs", "epoch", "epoch_num"),
    "sedna_job_train_batch_size": ("batch_size", "batchsize"),
}
_LOSSES = ("loss", "train_loss", "training_loss")


def write(resource: Resource, lines: Lines) -> None:
    environment = train_environment(resource)
    if _says_itself(resource, environment):
        return
    lowered = {name.lower(): value for name, value in environment.items()}
    for family, names in _SETTINGS.items():
        value = next((lowered[name] for name in names if name in lowered), None)
        number = as_number(value)
        if number is not None:
            lines.add(family, number)
    loss = _loss(resource.models("Train", "Completed", "output"))
    if loss is not None:
        lines.add("sedna_job_train_loss", loss)


def train_environment(resource: Resource) -> dict[str, str]:
    """The variables of the training worker; a federated job has several, of which the first stands for all."""
    if resource.crd.kind != "FederatedLearningJob":
        return resource.environment("spec.trainSpec.template")
    first: Fields | None = next(resource.fields.items("spec.trainingWorkers"), None)
    return Resource(resource.crd, first).environment("template") if first is not None else {}


def _says_itself(resource: Resource, environment: Mapping[str, str]) -> bool:
    if not is_hooked(environment):
        return False
    if not resource.crd.stages:
        return True
    training = resource.history.stages.get("Train")
    return training is not None and training.type == "Running"


def _loss(models: list[Fields]) -> float | None:
    """The last value of the loss that the training returned; every format of one model has the same metrics."""
    metrics = models[0].mapping("metrics") if models else {}
    value = next((metrics[name] for name in _LOSSES if name in metrics), None)
    if isinstance(value, list):
        value = value[-1] if value else None
    return as_number(value)
