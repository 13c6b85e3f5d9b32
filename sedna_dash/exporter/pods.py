"""Sedna's worker pods: which job they belong to, what they do, and whether they live."""

from __future__ import annotations

from dataclasses import dataclass

from sedna_dash.crds import CRDS, WORKER_TYPES, Crd
from sedna_dash.exporter.fields import Fields
from sedna_dash.exporter.lines import Lines

STATES = ("waiting", "active", "dead")

#: Phases of a pod in three words. A pod whose node does not answer keeps its phase: disconnected is not dead.
_STATE_OF = {"Pending": "waiting", "Running": "active", "Unknown": "active", "Succeeded": "dead", "Failed": "dead"}


@dataclass(frozen=True)
class Worker:
    """One worker pod. ``started`` and ``ended`` are Unix seconds; ``uid`` is that of the job."""

    namespace: str
    pod: str
    kind: str
    name: str
    uid: str
    worker_type: str
    state: str
    node: str
    started: float | None
    ended: float | None

    @property
    def job(self) -> tuple[str, str, str]:
        """Kind, namespace and name of its job."""
        return self.kind, self.namespace, self.name

    @property
    def is_task(self) -> bool:
        """Whether it trains or infers."""
        return self._type_work in ("training", "inferring")

    @property
    def _type_work(self) -> str:
        found = WORKER_TYPES.get(self.worker_type)
        return found.work if found else ""

    def write(self, location: str, lines: Lines) -> None:
        """Its series; ``location`` is edge, cloud, or empty while the node is not known."""
        known = WORKER_TYPES.get(self.worker_type)
        lines.add(
            "sedna_worker_info", 1,
            worker_type=self.worker_type if known else "", work=self._type_work,
            stage=known.stage if known and CRDS[self.kind].stages else "",
            node=self.node, location=location,
        )  # fmt: skip
        lines.state("sedna_worker_state", "state", self.state, STATES)
        if self.started is not None:
            lines.add("sedna_worker_start_timestamp_seconds", self.started)
        if self.ended is not None:
            lines.add("sedna_worker_completion_timestamp_seconds", self.ended)


def read_worker(fields: Fields) -> Worker | None:
    """The worker of a pod; None for a pod that GM did not make."""
    labels = fields.mapping("metadata.labels")
    crd = next((crd for crd in CRDS.values() if crd.workers and f"{crd.label_prefix}name" in labels), None)
    if crd is None:
        return None
    phase = fields.text("status.phase")
    state = _STATE_OF.get(phase)
    if state is None:
        fields.wrong("status.phase")
        state = "waiting"
    if state == "active" and _only_waits(fields):
        state = "waiting"
    return Worker(
        namespace=fields.text("metadata.namespace"),
        pod=fields.text("metadata.name"),
        kind=crd.kind,
        name=_label(labels, crd, "name"),
        uid=_label(labels, crd, "uid"),
        worker_type=_label(labels, crd, "worker-type"),
        state=state,
        node=fields.text("spec.nodeName"),
        started=fields.instant("status.startTime"),
        ended=_ended(fields) if state == "dead" else None,
    )


def _label(labels: dict[str, object], crd: Crd, name: str) -> str:
    value = labels.get(crd.label_prefix + name)
    return value if isinstance(value, str) else ""


def _only_waits(fields: Fields) -> bool:
    """Whether no container runs, as between the restarts of one that crashes."""
    states = [container.mapping("state") for container in fields.items("status.containerStatuses")]
    return bool(states) and all("waiting" in state for state in states)


def _ended(fields: Fields) -> float | None:
    ends = [container.instant("state.terminated.finishedAt") for container in fields.items("status.containerStatuses")]
    return max((end for end in ends if end is not None), default=None)
