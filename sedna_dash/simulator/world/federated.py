"""Federated learning: participants train at their nodes, and an aggregator waits for all of them, round after round.

A slow participant holds the others up. One whose container restarts counts its rounds from 1 again, as each worker
keeps its own count. With the stock library LC drops every report, so that the status tells nothing before the end.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, ClassVar

from sedna_dash.exposition import Sample
from sedna_dash.simulator.world.clock import Timer
from sedna_dash.simulator.world.data import Dataset, Metrics
from sedna_dash.simulator.world.job import Job, hook_variables, template
from sedna_dash.simulator.world.logs import local_time
from sedna_dash.simulator.world.nodes import Node
from sedna_dash.simulator.world.options import EventOptions, FederatedOptions, ParticipantEventOptions, SlowOptions
from sedna_dash.simulator.world.pods import Pod, container
from sedna_dash.simulator.world.site import Object, Site
from sedna_dash.simulator.world.truth import Truth, state_set

PORT = 7363

_IMAGE = "registry.example.com/vision/tile-fl"
_COMPONENT = "FederatedLearning-controller"
_TRACEBACK = """Traceback (most recent call last):
  File "train.py", line 43, in <module>
    main()
  File "train.py", line 38, in main
    fl_job.train(train_data=train_data, valid_data=None)
  File "/home/lib/sedna/core/federated_learning/federated_learning.py", line 140, in train
    res = self.estimator.train(train_data=train_data, **kwargs)
OSError: [Errno 28] No space left on device"""
#: Bytes of the weights that go each way in a round.
_WEIGHTS = 24_500_000


class Participant:
    """A training worker: the round that it is in by its own count, and whether it sent its weights."""

    def __init__(self, node: Node, dataset: Dataset) -> None:
        self.node, self.dataset = node, dataset
        self.pod: Pod
        self.round = self.exchanged = self.received = 0
        self.sent = self.left = False
        self.factor = 1.0
        self.timer: Timer | None = None


class FederatedJob(Job):
    """One FederatedLearningJob."""

    kind: ClassVar[str] = "FederatedLearningJob"
    worker_names: ClassVar[Mapping[str, str]] = {"aggregation": "aggworker", "train": "trainworker"}
    second_time = "lastProbeTime"

    def __init__(self, site: Site, options: FederatedOptions, name: str, *, life: int = 0) -> None:
        super().__init__(site, options, name, life=life)
        self.options, self.node = options, site.nodes[options.node]
        self.model = site.models[options.namespace, options.model]
        self.participants = [
            Participant(site.nodes[asked.node], site.datasets[options.namespace, asked.dataset])
            for asked in options.participants
        ]
        #: Aggregations that are finished, and the newest that GM was told of.
        self.rounds = self.reported_round = 0
        self.phase = ""
        self.aggregator: Pod | None = None

    # What its user wrote

    def written(self) -> Object:
        options, hook = self.options, hook_variables(self.options.hook)
        ends = {} if options.exit_round is None else {"exit_round": str(options.exit_round)}
        self._aggregate = container("agg-worker", f"{_IMAGE}-aggregator:0.9.1", {**ends, **hook})
        settings = {"batch_size": "32", "learning_rate": "0.001", "epochs": "1", **hook}
        self._train = container("train-worker", f"{_IMAGE}-trainer:0.9.1", settings)
        return {
            "transmitter": {"ws": {}},
            "aggregationWorker": {"model": {"name": options.model}, "template": template(self.node, self._aggregate)},
            "trainingWorkers": [
                {"dataset": {"name": asked.dataset.name}, "template": template(asked.node, self._train)}
                for asked in self.participants
            ],
        }

    # GM

    def first_sync(self) -> None:
        super().first_sync()
        self.make_service("aggregation", PORT)
        values: dict[str, Any] = {
            "JOB_NAME": self.name,
            "MODEL_URL": f"/home/data{self.model.url}",
            "PARTICIPANTS_COUNT": len(self.participants),
            "AGG_BIND_PORT": PORT,
            "TRANSMITTER": "ws",
            "AGG_DATA_PATH": "",
        }
        self.aggregator = self.worker(
            "aggregation", self.node, self._aggregate, values, host_network=False, on_change=self._pods_changed
        )
        self.aggregator.samples = self._aggregator_samples
        for participant in self.participants:
            self._make_participant(participant)
        self._sync()

    def _make_participant(self, participant: Participant) -> None:
        values = {
            "JOB_NAME": self.name,
            "LC_SERVER": "http://localhost:9100",
            "MODEL_URL": f"/home/data{self.model.url}",
            "MODEL_NAME": self.model.name,
            "DATASET_NAME": participant.dataset.name,
            "TRAIN_DATASET_URL": f"/home/data{participant.dataset.url}",
            "AGG_IP": f"{self.name}-aggregation.{self.namespace}",
            "AGG_PORT": PORT,
            "PARTICIPANTS_COUNT": len(self.participants),
            "TRANSMITTER": "ws",
            "AGG_DATA_PATH": "",
            "DATA_PATH_PREFIX": "/home/data",
        }

        def changed() -> None:
            if participant.pod.phase == "Running" and not participant.round:
                self._joins(participant)
            self._pods_changed()

        participant.pod = self.worker("train", participant.node, self._train, values, on_change=changed)
        participant.pod.samples = lambda: self._participant_samples(participant)

    def _pods_changed(self) -> None:
        self.site.tell_gm(self._sync)

    def _sync(self) -> None:
        """GM counts the pods, and draws its conclusions once."""
        if self.gone or self.phase in ("Succeeded", "Failed"):
            return
        phases = [pod.phase for pod in self.workers]
        succeeded, failed = phases.count("Succeeded"), phases.count("Failed")
        active = len(phases) - succeeded - failed
        self.status |= {"active": active, "succeeded": succeeded, "failed": failed}
        self.phase = "Running"
        if failed:
            self.phase, message = "Failed", "the worker of FederatedLearningJob failed"
            self.condition("Failed", reason="workerFailed", message=message)
            self.event(_COMPONENT, "workerFailed", message)
        elif succeeded and not active:
            self.phase, self.completed = "Succeeded", self.site.clock.wall
            self.condition("Complete")
            self.status["completionTime"] = self.conditions[-1]["lastHeartbeatTime"]
            self.event(_COMPONENT, "Completed", "", "Normal")
        self.status["phase"] = self.phase
        self.save()

    # Rounds

    def _say(self, participant: Participant, line: int, message: str) -> None:
        self.site.python_log(participant.pod, "INFO", f"federated_learning.py({line})", message)

    def _joins(self, participant: Participant) -> None:
        name = participant.pod.name
        self._say(participant, 87, f"{name} model prepared")
        self.site.python_log(self.aggregator, "INFO", "aggregation.py(184)", "Connecting new client...")
        self.site.python_log(self.aggregator, "INFO", "aggregation.py(89)", f"Adding client {name}")
        self._train_round(participant)

    def _train_round(self, participant: Participant) -> None:
        participant.round += 1
        participant.sent = False
        self._say(participant, 137, f"Federated learning start, round_number={participant.round}")
        seconds = self.options.round_time * self.chance.uniform(0.85, 1.0) * participant.factor
        participant.timer = self.after(seconds, lambda: participant.node.to_cloud(lambda: self._sends(participant)))

    def _sends(self, participant: Participant) -> None:
        """Its weights reach the aggregator, which goes on when it has all."""
        if self.gone or participant.pod.phase != "Running":
            return
        participant.sent = True
        participant.exchanged += 1
        if all(other.sent for other in self.participants):
            self.rounds += 1
            for other in self.participants:
                self.after(self.chance.uniform(1, 4), partial(self._receives, other))

    def _receives(self, participant: Participant) -> None:
        """The new weights reach a participant."""
        if participant.pod.phase != "Running":
            return
        participant.received = self.rounds
        total = sum(other.dataset.counted for other in self.participants)
        self._say(participant, 158, f"Federated learning recv weight, round: {self.rounds}, total_sample: {total}")
        ends = self.options.exit_round is not None and self.rounds >= self.options.exit_round
        if self.options.mended:
            number, metrics, at = participant.round, self._metrics(), self.site.clock.wall
            participant.node.report(lambda: self._reported(number, metrics, at))
        if not ends:
            self._train_round(participant)
            return
        participant.left = True
        self._say(participant, 179, f"exit training from [{participant.pod.name}]")
        text = f"Removing Client {participant.pod.name} from server"
        self.site.python_log(self.aggregator, "INFO", "aggregation.py(103)", text)
        self.after(2, participant.pod.succeed)
        if all(other.left for other in self.participants) and self.aggregator:
            self.after(5, self.aggregator.succeed)

    def _metrics(self) -> Metrics:
        loss = 0.2 + 1.5 * math.exp(-0.18 * self.rounds)
        accuracy = round(0.97 - 0.5 * math.exp(-0.2 * self.rounds), 4)
        return {
            "loss": [round(loss, 4)],
            "categorical_accuracy": f"{accuracy:.0%}" if self.options.unreadable else [accuracy],
            "val_loss": [round(loss * 1.08, 4)],
        }

    def _reported(self, number: int, metrics: Metrics, at: float) -> None:
        """GM learns from LC of a participant's round."""
        if self.gone or self.phase in ("Succeeded", "Failed"):
            return
        self.condition("Training", reason="DoTraining", message=f"Round {number} reaches at {local_time(at)}")
        self.reported_round = max(self.reported_round, number)
        self.model.report(metrics)
        self.save()

    # What befalls it

    befalls: ClassVar[Mapping[str, str]] = {"fail": "fail", "slow": "slow", "restart-worker": "restart_worker"}

    def fail(self, event: EventOptions) -> None:
        """A participant's pod fails, which ends the job."""
        pod = self.participants[-1].pod
        if pod.phase == "Running":
            self.site.say(pod, _TRACEBACK)
        pod.fail()

    def _at(self, node: str) -> list[Participant]:
        return [participant for participant in self.participants if participant.node.name == node]

    def slow(self, event: SlowOptions) -> None:
        """A participant needs more time for its rounds, for a while."""
        for participant in self._at(event.node):
            participant.factor = event.factor

            def again(participant: Participant = participant) -> None:
                participant.factor = 1.0

            self.after(event.lasts, again)

    def restart_worker(self, event: ParticipantEventOptions) -> None:
        """A participant runs out of memory, and begins to count anew."""
        for participant in self._at(event.node):
            if participant.pod.phase != "Running":
                continue
            if participant.timer:
                participant.timer.cancel()
            participant.pod.restart("OOMKilled", 137)
            participant.round = participant.exchanged = participant.received = 0
            self._joins(participant)

    # Its worker hook

    def _aggregator_samples(self) -> list[Sample]:
        return [Sample("sedna_federated_round", self.short_identity, self.rounds)] if self.rounds else []

    def _participant_samples(self, participant: Participant) -> list[Sample]:
        labels = {**self.short_identity, "node": participant.node.name}
        found = [Sample("sedna_federated_participant_round", labels, participant.round)]
        if participant.received:
            found.append(Sample("sedna_federated_round", self.short_identity, participant.received))
        for direction in ("sent", "received"):
            bytes_ = _WEIGHTS * participant.exchanged
            found.append(Sample("sedna_federated_update_bytes_total", {**labels, "direction": direction}, bytes_))
        return found

    @property
    def told(self) -> list[Node]:
        return [participant.node for participant in self.participants]

    # What is true of it

    @property
    def state(self) -> str:
        return self.phase or "Pending"

    def truths(self) -> Iterator[Truth]:
        yield from super().truths()
        short, prefix = self.short_identity, "observability/FL"
        if self.conditions:
            current = {"Succeeded": "Complete", "Failed": "Failed"}.get(self.phase, "Training")
            states = ("Training", "Complete", "Failed")
            yield from state_set(
                [f"{prefix}/TrainStatus"], "sedna_federated_train_state", short, "state", states, current
            )
        for participant in self.participants:
            labels = {**short, "node": participant.node.name, "dataset": participant.dataset.name}
            yield Truth(f"{prefix}/TrainNodes", "sedna_federated_participant_info", labels, 1)
            known = participant.dataset.known
            if known is not None:
                yield Truth(f"{prefix}/NodeSampleNum", "sedna_federated_participant_samples", labels, known)
            if participant.round and (not self.options.hook or participant.pod.serves):
                labels = {**short, "node": participant.node.name}
                note = "from the worker hook" if self.options.hook else "as the worker logged last"
                row, family = f"{prefix}/IterationNo", "sedna_federated_participant_round"
                yield Truth(row, family, labels, participant.round, note)
        row, family = f"{prefix}/AggregationNo", "sedna_federated_round"
        if self.options.hook:
            if self.aggregator is not None and self.aggregator.serves and self.rounds:
                yield Truth(row, family, short, self.rounds, "from the worker hook")
        elif self.options.mended:
            if self.reported_round:
                yield Truth(row, family, short, self.reported_round)
        else:
            yield Truth(row, family, short, None, "LC drops the reports of the stock library")
