"""Series of a job that need other objects: the samples of its datasets and its worker pods."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from sedna_dash.exporter.families.federated import participants
from sedna_dash.exporter.families.joint_inference import Count, counts
from sedna_dash.exporter.lines import Lines
from sedna_dash.exporter.pods import STATES, Worker
from sedna_dash.exporter.resource import Resource

#: Samples of a dataset of the job's namespace, by name; None when nobody counted them.
SamplesOf = Callable[[str], float | None]


@dataclass(frozen=True)
class Needs:
    """What is kept of a job for its joined series. ``hooked`` is whether its edge workers count for themselves,
    ``counts`` what they reported.
    """

    identity: Mapping[str, str]
    dataset: str = ""
    train_share: float | None = None
    participants: tuple[tuple[str, str], ...] = ()
    hooked: bool = False
    counts: tuple[Count, ...] = ()

    @property
    def datasets(self) -> set[str]:
        """Names of the datasets that its series depend on."""
        return {name for name in (self.dataset, *(dataset for _, dataset in self.participants)) if name}


def needs(resource: Resource, identity: Mapping[str, str]) -> Needs:
    """What to keep of a job."""
    kind, fields = resource.crd.kind, resource.fields
    if kind == "FederatedLearningJob":
        asked = tuple(participants(resource)[: resource.limits.participants])
        return Needs(identity, participants=asked)
    if resource.crd.stages:
        share = fields.number("spec.dataset.trainProb")
        if share is not None and not 0 <= share <= 1:
            fields.wrong("spec.dataset.trainProb")
            share = None
        return Needs(identity, dataset=fields.text("spec.dataset.name"), train_share=share)
    if kind == "JointInferenceService":
        return Needs(identity, hooked=resource.hooked("spec.edgeWorker.template"), counts=counts(resource))
    return Needs(identity)


def write(job: Needs, workers: Collection[Worker], samples_of: SamplesOf, lines: Lines) -> None:
    """The joined series of a job."""
    for state in STATES:
        lines.add("sedna_job_workers", sum(worker.state == state for worker in workers), state=state)
    tasks = [worker for worker in workers if worker.is_task]
    for state in ("active", "dead"):
        lines.add("sedna_job_tasks", sum(worker.state == state for worker in tasks), state=state)
    if job.identity["kind"] == "JointInferenceService":
        edge = sum(worker.worker_type == "edge" and worker.state == "active" for worker in workers)
        lines.add("sedna_joint_inference_ambiguous_counts", float(edge > 1 and not job.hooked))
        # Counts that several workers overwrite fall and rise again, which looks like a thousand times the frames.
        for family, value, labels in job.counts if edge <= 1 else ():
            lines.add(family, value, **labels)
    if job.identity["kind"] == "FederatedLearningJob":
        active = sum(worker.worker_type == "train" and worker.state == "active" for worker in workers)
        lines.add("sedna_federated_participants", len(job.participants), state="expected")
        lines.add("sedna_federated_participants", active, state="active")
    for node, dataset in job.participants:
        samples = samples_of(dataset)
        if samples is not None:
            lines.add("sedna_federated_participant_samples", samples, node=node, dataset=dataset)
    samples = samples_of(job.dataset) if job.dataset else None
    if samples is not None and job.train_share is not None:
        # The way in which LC splits new samples: whole ones to training, the rest to evaluation.
        train = int(job.train_share * samples)
        lines.add("sedna_job_stage_samples", train, stage="Train", method="estimated")
        lines.add("sedna_job_stage_samples", samples - train, stage="Eval", method="estimated")
