"""Jobs that go round through Train, Eval and Deploy for ever: incremental and lifelong learning.

LC turns a waiting stage to ready, GM makes its pod and follows it, LC passes on the worker's report; a failed stage
leads back to Train. Conditions are only ever appended. What happens is kept beside them, for `truths`.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, ClassVar, NamedTuple

from sedna_dash.exposition import Sample
from sedna_dash.simulator.world.clock import Action, timestamp
from sedna_dash.simulator.world.job import GIVEN_UP, Job, go_json
from sedna_dash.simulator.world.logs import go_conditions
from sedna_dash.simulator.world.nodes import Node
from sedna_dash.simulator.world.options import EventOptions, StagedOptions
from sedna_dash.simulator.world.pods import Pod
from sedna_dash.simulator.world.site import Object, Site
from sedna_dash.simulator.world.truth import Truth, state_set

STAGES = ("Train", "Eval", "Deploy")
TYPES = ("Waiting", "Ready", "Starting", "Running", "Completed", "Failed")

_WORKERS = {"Train": "train", "Eval": "eval"}
#: How many ended pods of each stage are kept, as a cluster's garbage collection would.
_KEPT = 3
#: Seconds that each of the past rounds took.
_PAST_ROUND = 3600.0
#: Seconds between two looks of LC at what a waiting stage needs.
_LOOK = 10.0
#: How many of the last batches of new samples an evaluation uses besides the newest.
_EVAL_BATCHES = 5

_TRACEBACK = """Traceback (most recent call last):
  File "train.py", line 61, in <module>
    main()
  File "train.py", line 54, in main
    return incremental_job.train(train_data)
  File "/home/lib/sedna/core/incremental_learning/incremental_learning.py", line 152, in train
    res = self.estimator.train(train_data=train_data, **kwargs)
  File "/home/work/interface.py", line 88, in train
    raise ValueError("label file does not match the images: 3 classes expected, 4 found")
ValueError: label file does not match the images: 3 classes expected, 4 found"""


class StoredModel(NamedTuple):
    """A model file, as ``data`` of a condition tells of it; ``more`` are keys of Sedna's Model, in Go's order."""

    format: str
    url: str
    metrics: Mapping[str, Any] = {}
    current: Mapping[str, Mapping[str, float]] = {}
    classes: list[str] | None = None
    labeled: int = 0

    def data(self) -> Object:
        found: Object = {"format": self.format, "url": self.url}
        if self.metrics:
            found["metrics"] = dict(sorted(self.metrics.items()))
        if self.current:
            found["current_metric"] = dict(sorted(self.current.items()))
        found["classes"] = self.classes
        if self.labeled:
            found["number_of_labeled_unseen_sample"] = self.labeled
        return found

    def bare(self) -> StoredModel:
        """Only where it is."""
        return StoredModel(self.format, self.url)


class Progress:
    """A worker at its epochs: when it began and will end, and its last loss."""

    def __init__(self, epochs: int, epoch_time: float) -> None:
        self.epochs, self.epoch_time = epochs, epoch_time
        self.done = 0
        self.ends = 0.0
        self.loss: float | None = None


class StagedJob(Job):
    """A job with stages. ``log_name`` is how GM calls its kind in log lines."""

    log_name: ClassVar[str]
    worker_names: ClassVar[Mapping[str, str]] = {
        "train": "train-worker",
        "eval": "eval-worker",
        "inference": "inferworker",
    }

    def __init__(self, site: Site, options: StagedOptions, name: str, *, life: int = 0) -> None:
        super().__init__(site, options, name, life=life)
        self.staged = options
        self.dataset = site.datasets[options.namespace, options.dataset]
        self.node = site.nodes[options.node]
        self.output = f"/srv/sedna/{name}"
        self.stage, self.type = "", ""
        self.stage_types: dict[str, str] = {}
        #: Trainings that LC began, and that GM knows of.
        self.round = self.iterations = 0
        self.deployed: str | None = None
        # What LC keeps in memory.
        self._seen = self._new_train = 0
        self._eval_batches: list[int] = []
        #: What it logged last of each stage's samples, and what the worker of the stage was given.
        self.logged: dict[str, int] = {}
        self.given = {"Train": 0, "Eval": 0}
        self._triggered = False
        # The worker of the stage, and its results.
        self.pod: Pod | None = None
        self.inference: Pod | None = None
        self.progress: Progress | None = None
        self.trained: list[StoredModel] = []
        self.evaluated: list[StoredModel] = []
        self.models: dict[str, StoredModel] = {}
        self.loss: float | None = None
        self.fail_next = self.deploy_fails_next = False
        self.created -= options.past_rounds * _PAST_ROUND
        self.dataset.listeners.append(self._samples_counted)

    @property
    def told(self) -> list[Node]:
        return [self.dataset.node]

    @property
    def key(self) -> str:
        """How LC calls it."""
        return f"{self.namespace}/{self.kind.lower()}/{self.name}"

    def remove(self) -> None:
        self.dataset.listeners.remove(self._samples_counted)
        super().remove()

    def _cannot_load(self) -> None:
        """LC looks for the dataset again and again."""
        line = {"incrementallearning": 472, "lifelonglearning": 204}[self.log_name]
        why = f"job({self.key}) failed to load dataset, and waiting it: %!w(<nil>)"
        self.lc_log("E", line, f"job({self.key}) failed to complete the {self.stage} task: {why}")
        self.after(_LOOK, self._cannot_load)

    # GM

    def first_sync(self) -> None:
        super().first_sync()
        self.begin()
        self._remember(self.staged.past_rounds)
        self.enter("Train", "Waiting")
        self.lc_log("I", *self.started_line)
        self.after(self.chance.uniform(1, 10), self._samples_counted)
        if not self.dataset.options.readable:
            self.after(_LOOK, self._cannot_load)

    def enter(self, stage: str, type_: str, data: Object | None = None, *, by_lc: bool = False) -> None:
        """A condition is appended, by GM itself or because LC said so."""
        said: dict[str, Any] = {"message": "reported by lc"} if by_lc else {}
        more: dict[str, Any] = {"data": go_json(data)} if data is not None else {}
        self.gm_log(f"{self.log_name} job {self.namespace}/{self.name} latest stage {self.stage or 'Train'}:", 373)
        if self.site.on_log:
            listed = go_conditions(self.conditions)
            self.gm_log(f"{self.log_name} job {self.namespace}/{self.name}, conditions: {listed}", 465)
        self.condition(type_, stage=stage, **said, **more)
        self.stage, self.type = stage, type_
        self.stage_types[stage] = type_
        if stage == "Deploy" and type_ in ("Waiting", "Failed"):
            self.deployed = {"Waiting": "Waiting", "Failed": "NotOK"}[type_]
        self.save()

    def gm_log(self, message: str, line: int, level: str = "I") -> None:
        file = "incrementallearningjob.go" if self.log_name == "incrementallearning" else "lifelonglearningjob.go"
        self.site.klog(self.site.gm, level, f"{file}:{line}", message)

    def lc_log(self, level: str, line: int, message: str) -> None:
        file = "incrementallearningjob.go" if self.log_name == "incrementallearning" else "lifelonglearningjob.go"
        self.site.klog(self.dataset.node.lc, level, f"{file}:{line}", message)

    def _next(self) -> None:
        """GM moves on from a completed or failed stage."""
        if self.type == "Failed":
            self.enter("Train", "Waiting")
        elif self.type == "Completed":
            self.enter(STAGES[(STAGES.index(self.stage) + 1) % 3], "Waiting")
        else:
            return
        if self.stage == "Train":
            self._try_trigger()
        else:
            self.after(self.chance.uniform(2, 9), {"Eval": self._ready_eval, "Deploy": self._decide}[self.stage])

    def complete(self, stage: str, data: Object | None = None, *, by_lc: bool = False) -> None:
        """The stage is completed, and GM moves on."""
        self.enter(stage, "Completed", data, by_lc=by_lc)
        self.after(0.3, self._next)

    # LC: samples and triggers

    def _samples_counted(self) -> None:
        """LC shares new samples out, within ten seconds of counting them."""
        new = self.dataset.counted - self._seen
        if new <= 0 or not self.conditions or self.gone:
            return
        self._seen = self.dataset.counted
        train = int(self.staged.train_prob * new)
        self._new_train += train
        self._eval_batches = [*self._eval_batches, new - train][-_EVAL_BATCHES - 1 :]
        self.logged = {"Train": train, "Eval": sum(self._eval_batches)}
        lines = self.sample_lines
        self.lc_log("I", lines[0], f"job({self.key})'s current train samples nums is {train}")
        self.lc_log("I", lines[1], f"job({self.key})'s current eval samples nums is {self.logged['Eval']}")
        self._try_trigger()

    def _try_trigger(self) -> None:
        waits = self.stage == "Train" and self.type == "Waiting" and not self._triggered
        if waits and self._new_train > self.staged.trigger:
            self._triggered = True
            self.after(self.chance.uniform(1, 10), self._ready_train_in_time)

    def _ready_train_in_time(self) -> None:
        """LC compares times of the day as texts: a start without its leading zero lies behind all of them."""
        start, end = self.staged.timer.start, self.staged.timer.end
        now = timestamp(self.site.clock.wall)[11:16]
        if (start <= now or now <= end) if start > end else (start <= now <= end):
            self._ready_train()
        else:
            self.after(_LOOK, self._ready_train_in_time)

    def _ready_train(self) -> None:
        self.round += 1
        self.given["Train"], self._new_train = self._new_train, 0
        self.lc_log("I", *self.train_line)
        folder = f"{self.output}/train/{self.round}"
        data_url = f"{self.output}/data/train/{self.round}/data.{self.dataset.options.format}"
        input_: Object = {"dataURL": data_url, "outputDir": folder}
        models = self.train_input()
        if models:
            input_ = {"models": [model.data() for model in models], **input_}
        self.dataset.node.to_gm(lambda: self._ready("Train", input_, models))

    def _ready_eval(self) -> None:
        if not self.trained:
            line, text = 472, f"job({self.key}) failed to complete the Eval task: not found models of the train stage"
            self.lc_log("E", line, text)
            self.after(10, self._ready_eval)
            return
        lines = {"incrementallearning": 266, "lifelonglearning": 305}
        text = f"job({self.key}) completed the Evaling phase triggering task successfully"
        self.lc_log("I", lines[self.log_name], text)
        self.given["Eval"] = sum(self._eval_batches)
        models = self.eval_input()
        data_url = f"{self.output}/data/eval/{self.round}/data.{self.dataset.options.format}"
        input_: Object = {"models": [model.data() for model in models], "dataURL": data_url, **self.eval_folder()}
        self.dataset.node.to_gm(lambda: self._ready("Eval", input_, models))

    def _ready(self, stage: str, input_: Object, models: list[StoredModel]) -> None:
        if self.gone or (self.stage, self.type) != (stage, "Waiting"):
            return
        self.enter(stage, "Ready", {"input": input_}, by_lc=True)
        if stage == "Eval" and not self.evaluated:
            self._name_evaluated(models)
        if stage == "Train":
            if models:
                self.models["train_input"] = models[0]
            self._triggered = False
            self.iterations += 1
            self.iteration_began()
        self.after(0.2, self._start)

    # Workers

    def _start(self) -> None:
        """GM makes the worker of the stage."""
        stage = self.stage
        self._collect_garbage(_WORKERS[stage])
        policy = "Never" if self.staged.fails else "OnFailure"
        self.pod = self.make_worker(stage, policy)
        self.enter(stage, "Starting")

    def _collect_garbage(self, worker_type: str) -> None:
        ended = [pod for pod in self.workers if f"-{worker_type}-" in pod.name and pod.finished is not None]
        for pod in ended[: -_KEPT + 1]:
            self.workers.remove(pod)
            pod.remove()

    def worker_changed(self) -> None:
        """Its pod changes."""
        self.site.tell_gm(self._pod_seen)

    def _pod_seen(self) -> None:
        """GM sees its pod change."""
        pod, stage = self.pod, self.stage
        if pod is None or self.gone or pod.gone or self.type not in ("Starting", "Running"):
            return
        if pod.phase == "Running" and self.type == "Starting":
            self.annotations[f"sedna.io/{stage}"] = pod.node.name
            self.enter(stage, "Running")
            self._work(stage, pod)
        elif pod.phase == "Succeeded" and stage in _WORKERS:
            self.gm_log(f"{self.log_name} job {self.namespace}/{self.name} {stage} stage completed!", 448)
            self.complete(stage)
        elif pod.phase == "Failed" and stage in _WORKERS:
            self.gm_log(f"{self.log_name} job {self.namespace}/{self.name} {stage} stage failed!", 451)
            self.enter(stage, "Failed")
            self.after(1, self._next)

    def _work(self, stage: str, pod: Pod) -> None:
        if stage == "Train":
            self._begin_epochs(pod)
        else:
            seconds = self.staged.eval_time * self.chance.uniform(0.9, 1.1)
            self.progress = Progress(1, seconds)
            self.progress.ends = self.site.clock.now + seconds
            self.after(seconds, lambda: self._worked("Eval", pod))

    def _begin_epochs(self, pod: Pod) -> None:
        self.progress = Progress(self.staged.epochs, self.staged.epoch_time * self.chance.uniform(0.9, 1.1))
        self.progress.ends = self.site.clock.now + self.progress.epochs * self.progress.epoch_time
        self.after(self.progress.epoch_time, lambda: self._epoch(pod, self.progress))

    def _epoch(self, pod: Pod, progress: Progress | None) -> None:
        """An epoch ends. An earlier container's epochs lead nowhere."""
        if progress is None or progress is not self.progress or pod is not self.pod or pod.phase != "Running":
            return
        if self.staged.fails or self.fail_next:
            self.fail_next = False
            self.site.say(pod, _TRACEBACK)
            if pod.restart_policy == "Never":
                pod.fail()
            else:
                pod.restart()
                self._begin_epochs(pod)
            return
        progress.done += 1
        left = progress.done / progress.epochs
        progress.loss = round(self.loss_floor() + 1.6 * math.exp(-3.2 * left) * self.chance.uniform(0.92, 1.08), 4)
        bar = (
            f"Epoch {progress.done}/{progress.epochs}\r 32/32 [==============================] - loss: {progress.loss}"
        )
        self.site.say(pod, bar, stream="stdout")
        if progress.done < progress.epochs:
            self.after(progress.epoch_time, lambda: self._epoch(pod, progress))
        else:
            self.loss = progress.loss
            self._worked("Train", pod)

    def _worked(self, stage: str, pod: Pod) -> None:
        """The worker is done: it reports to LC and ends; GM may see that first."""
        if pod is not self.pod or pod.phase != "Running" or self.progress is None:
            return
        models = self.train_output(pod) if stage == "Train" else self.eval_output(pod)
        self.progress = None
        data = {"output": {"models": [model.data() for model in models]}}

        def reported() -> None:
            if self.gone:
                return
            self._note_results(stage, models)
            self.complete(stage, data, by_lc=True)

        if self.chance.random() < self.staged.races:
            pod.succeed()
            self.after(0.8, partial(self._report, pod, reported))
        else:
            told = self._report(pod, reported)
            self.after(self.chance.uniform(1, 3) if told else GIVEN_UP, pod.succeed)

    def _report(self, pod: Pod, reported: Action) -> bool:
        """The worker tries to reach LC; what it cannot say is lost."""
        told = pod.node.report(reported)
        if not told:
            self.cannot_report(pod)
        return told

    def _note_results(self, stage: str, models: list[StoredModel]) -> None:
        if stage == "Train":
            self.trained = models
            self.models["train_output"] = models[0]
        else:
            self.evaluated = models
            self._name_evaluated(models)

    def _name_evaluated(self, models: list[StoredModel]) -> None:
        self.models["eval_new"] = models[0]
        if len(models) > 1:
            self.models["eval_old"] = models[1]

    def _decide(self) -> None:
        """LC decides whether to deploy."""
        models = self.deploy_input()

        def said() -> None:
            if self.gone or (self.stage, self.type) != ("Deploy", "Waiting"):
                return
            if models is None:
                self.complete("Deploy", {}, by_lc=True)
                return
            input_ = {"input": {"models": [model.data() for model in models]}}
            if self.deploy_fails_next:
                self.deploy_fails_next = False
                self.enter("Deploy", "Failed", input_, by_lc=True)
                self.after(1, self._next)
                return
            self.models["deploy"] = models[-1]
            self.deployed = "OK"
            self.enter("Deploy", "Ready", input_, by_lc=True)
            self.after(0.6, self.deploy)

        self.dataset.node.to_gm(said)

    # Its past

    def _remember(self, rounds: int) -> None:
        """What rounds have left in the status: a training, an evaluation, and LC that kept the old model."""
        if rounds:
            self.started = self.created + 1
            self.status["startTime"] = timestamp(self.started)
        for number in range(rounds):
            at = self.created + number * _PAST_ROUND
            self.round += 1
            self.iterations += 1
            self.loss = round(self.loss_floor() + 0.07 * self.chance.uniform(0.92, 1.08), 4)
            self._remember_stage("Train", at, self.train_input(), self.train_output)
            self._remember_stage("Eval", at + 0.6 * _PAST_ROUND, self.eval_input(), self.eval_output)
            self.condition("Waiting", stage="Deploy", at=at + 0.9 * _PAST_ROUND)
            end, said = at + 0.9 * _PAST_ROUND + 9, "reported by lc"
            self.condition("Completed", stage="Deploy", at=end, message=said, data=go_json({}))
            self.stage_types |= dict.fromkeys(STAGES, "Completed")
            self.deployed = "Waiting"

    def _remember_stage(
        self,
        stage: str,
        at: float,
        given: list[StoredModel],
        results: Callable[[Pod | None], list[StoredModel]],
    ) -> None:
        data_url = f"{self.output}/data/{stage.lower()}/{self.round}/data.{self.dataset.options.format}"
        input_ = {"models": [model.data() for model in given], "dataURL": data_url}
        models = results(None)
        by_lc = "reported by lc"
        self.condition("Waiting", stage=stage, at=at)
        self.condition("Ready", stage=stage, at=at + 9, message=by_lc, data=go_json({"input": input_}))
        self.condition("Starting", stage=stage, at=at + 10)
        self.condition("Running", stage=stage, at=at + 14)
        output = {"output": {"models": [model.data() for model in models]}}
        end = at + 0.25 * _PAST_ROUND
        self.condition("Completed", stage=stage, at=end, message=by_lc, data=go_json(output))
        if stage == "Train" and given:
            self.models["train_input"] = given[0]
        self._note_results(stage, models)

    # What the kinds differ in

    started_line: tuple[int, str]
    train_line: tuple[int, str]
    sample_lines: ClassVar[tuple[int, int]]

    @abstractmethod
    def begin(self) -> None:
        """What GM does at the first sync."""

    def iteration_began(self) -> None:
        """A training is ready to begin."""

    @abstractmethod
    def train_input(self) -> list[StoredModel]:
        """The models that the training starts from."""

    @abstractmethod
    def eval_input(self) -> list[StoredModel]:
        """The models to be evaluated: the new one, and the old one if it is compared."""

    def eval_folder(self) -> Object:
        """Where the evaluation writes to, if it does."""
        return {}

    @abstractmethod
    def deploy_input(self) -> list[StoredModel] | None:
        """What to deploy; None to keep what runs."""

    @abstractmethod
    def make_worker(self, stage: str, restart_policy: str) -> Pod: ...

    @abstractmethod
    def train_output(self, pod: Pod | None) -> list[StoredModel]: ...

    @abstractmethod
    def eval_output(self, pod: Pod | None) -> list[StoredModel]: ...

    @abstractmethod
    def deploy(self) -> None: ...

    @abstractmethod
    def loss_floor(self) -> float: ...

    # What befalls it

    befalls: ClassVar[Mapping[str, str]] = {"fail": "fail"}

    def fail(self, event: EventOptions) -> None:
        """Its next training fails after an epoch."""
        self.fail_next = True

    # Its worker hook

    def settings(self) -> dict[str, str]:
        """Variables of the training that users set."""
        if not self.staged.settings:
            return {}
        return {
            "batch_size": str(self.staged.batch_size),
            "epochs": str(self.staged.epochs),
            "learning_rate": f"{self.staged.learning_rate:g}",
        }

    def stage_samples(self, stage: str) -> list[Sample]:
        """What the hook of a training or evaluating worker serves."""
        progress, identity = self.progress, self.identity
        if progress is None:
            return []
        left = max(progress.ends - self.site.clock.now, 0.0) / self.site.clock.pace
        at = {**identity, "stage": stage}
        found = [
            Sample("sedna_job_stage_remaining_seconds", at, left),
            Sample("sedna_job_stage_samples", {**at, "method": "counted"}, self.given[stage]),
        ]
        if stage == "Train":
            found += [
                Sample("sedna_job_train_learning_rate", identity, self.staged.learning_rate),
                Sample("sedna_job_train_epochs", identity, self.staged.epochs),
                Sample("sedna_job_train_batch_size", identity, self.staged.batch_size),
                Sample("sedna_job_train_epoch", identity, progress.done),
            ]
            if progress.loss is not None:
                found.append(Sample("sedna_job_train_loss", identity, progress.loss))
        return found

    # What is true of it

    @property
    def state(self) -> str:
        words = {"Running": "Running", "Completed": "Running", "Failed": "Failed"}
        return words.get(self.type, "Pending")

    def truths(self) -> Iterator[Truth]:
        yield from super().truths()
        identity, mine = self.identity, self.rows
        for stage, type_ in self.stage_types.items():
            rows = ["observability/CRD/StageConditionStatus", *mine("Job/StageConditionStatus", "CurrentStatus")]
            yield from state_set(rows, "sedna_job_stage_state", {**identity, "stage": stage}, "state", TYPES, type_)
        if self.stage:
            rows = mine("Job/LearningStage", "TaskStage")
            yield from state_set(rows, "sedna_job_stage", identity, "stage", STAGES, self.stage)
        if self.deployed:
            rows = mine("Deploy/DeployStatus", "DeployStatus")
            states = ("Waiting", "OK", "NotOK")
            yield from state_set(rows, "sedna_job_deploy_state", identity, "state", states, self.deployed)
        yield from self._sample_truths()
        yield from self._model_truths()
        yield from self._training_truths()

    def _training_truths(self) -> Iterator[Truth]:
        """Loss and settings: live from a training worker with the hook, else from the status and the spec."""
        identity, note = self.identity, ""
        loss, known = self._reported_loss(), self.staged.settings
        if self.staged.hook and self.stage_types.get("Train") == "Running":
            serves = self._serves("Train")
            loss, known = (self.progress.loss if self.progress and serves else None), serves
            note = "live from the worker hook"
        if loss is not None:
            yield from (Truth(row, "sedna_job_train_loss", identity, loss, note) for row in self.rows("", "TrainLoss"))
        for row, family, value in (
            ("Train/LearningRate", "learning_rate", self.staged.learning_rate),
            ("Train/EpochNum", "epochs", self.staged.epochs),
            ("Train/BatchSize", "batch_size", self.staged.batch_size),
        ):
            if known:
                yield from (Truth(r, f"sedna_job_train_{family}", identity, value, note) for r in self.rows(row, ""))
        if self.progress and self._serves(self.stage):
            left = max(self.progress.ends - self.site.clock.now, 0.0) / self.site.clock.pace
            labels, note = {**identity, "stage": self.stage}, "falls by one each second"
            for row in self.rows("", f"{self.stage}RemainingTime"):
                yield Truth(row, "sedna_job_stage_remaining_seconds", labels, left, note)

    def _serves(self, stage: str) -> bool:
        """Whether the worker of a stage is at work and its hook can be reached."""
        return self.stage == stage and self.progress is not None and self.pod is not None and self.pod.serves

    def rows(self, lifelong: str, incremental: str) -> list[str]:
        """The ids of rows, each given as it stands in its list, or empty; only those of this kind."""
        if self.log_name == "incrementallearning":
            return [f"observability/IL/{incremental}"] if incremental else []
        return [f"lifelong-learning/{lifelong}"] if lifelong else []

    def _reported_loss(self) -> float | None:
        metrics = self.trained[0].metrics if self.trained else {}
        return metrics.get("loss")

    def _sample_truths(self) -> Iterator[Truth]:
        known = self.dataset.known
        if known is None:
            return
        train = int(self.staged.train_prob * known)
        for stage, estimate in (("Train", train), ("Eval", known - train)):
            rows = self.rows(f"Dataset/Stage{stage}Number", f"{stage}SampleNum")
            rows += self.rows(f"{stage}/{stage}SampleNum", "")
            rows += ["proposal/Eval/EvalSampleNum"] if stage == "Eval" else []
            labels = {**self.identity, "stage": stage}
            for row in rows:
                yield Truth(row, "sedna_job_stage_samples", {**labels, "method": "estimated"}, estimate)
                if self.logged:
                    logged = self.logged[stage]
                    yield Truth(row, "sedna_job_stage_samples", {**labels, "method": "reported"}, logged)
                if self._serves(stage):
                    counted = self.given[stage]
                    yield Truth(row, "sedna_job_stage_samples", {**labels, "method": "counted"}, counted)

    def _model_truths(self) -> Iterator[Truth]:
        rows = {
            "train_input": ["proposal/Train/TaskModelBaseModelPath"],
            "train_output": self.rows("Train/TrainOutputModelUrl", "TrainOutputModelUrl"),
            "eval_new": [*self.rows("Eval/EvalModelUrl", "EvalNewModelUrl"), "proposal/Eval/EvalModelUrl"],
            "deploy": self.rows("Deploy/DeployModelUrl", "DeployModelUrl"),
        }
        for role, model in self.models.items():
            labels = {**self.identity, "role": role, "url": model.url, "format": model.format}
            for row in rows.get(role, ()):
                yield Truth(row, "sedna_job_model_info", labels, 1)
