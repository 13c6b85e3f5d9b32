"""Lifelong learning: tasks that are learned one after the other and kept in a knowledge base.

The stock library tells LC little: no metrics after training, none of the keys for scores, classes and samples. A
worker that fills them lets GM write ``status.knowledgeBase``; scores of tasks are in the log either way.
"""

from __future__ import annotations

import operator
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from sedna_dash.exposition import Sample
from sedna_dash.simulator.world.data import binomial, poisson
from sedna_dash.simulator.world.job import hook_variables, template
from sedna_dash.simulator.world.options import LifelongOptions
from sedna_dash.simulator.world.pods import Pod, container
from sedna_dash.simulator.world.site import Object, Site
from sedna_dash.simulator.world.staged import StagedJob, StoredModel
from sedna_dash.simulator.world.traffic import inferences
from sedna_dash.simulator.world.truth import Truth, state_set

_TICK = 15.0
_IMAGE = "registry.example.com/tabular/comfort-ll:2.0.3"
_METRIC = "precision_score"
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt, "<": operator.lt, "=": operator.eq, ">=": operator.ge, "<=": operator.le,
}  # fmt: skip


class LifelongJob(StagedJob):
    """One LifelongLearningJob."""

    kind: ClassVar[str] = "LifelongLearningJob"
    log_name: ClassVar[str] = "lifelonglearning"
    sample_lines: ClassVar[tuple[int, int]] = (650, 659)

    def __init__(self, site: Site, options: LifelongOptions, name: str, *, life: int = 0) -> None:
        super().__init__(site, options, name, life=life)
        self.options = options
        self.groups = options.groups or {"default": [name]}
        self.tasks = [task for tasks in self.groups.values() for task in tasks]
        #: How well each task is learned, and its score at the last evaluation (at training, before the first).
        self.skill = {task: self.chance.uniform(0.62, 0.85) for task in self.tasks}
        self.scores: dict[str, float] = {}
        self.reported_scores: dict[str, float] = {}
        self.done: dict[tuple[str, str], int] = {}
        self.ready: dict[str, int] = {"known": 0, "unknown": 0}
        self._samples_sent = 0
        self.started_line = (175, f"lifelong learning job({self.key}) is started")
        self.train_line = (261, f"job(name={self.key}) complete the Training phase triggering task successfully")

    # What its user wrote

    def written(self) -> Object:
        options, hook = self.options, hook_variables(self.options.hook)
        train = {**self.settings(), "early_stopping_rounds": "60", "metric_name": "mlogloss", **hook}
        filter_: dict[str, str] = {"operator": options.operator} if options.operator else {}
        filter_ |= {"model_threshold": f"{options.threshold:g}"} if options.threshold is not None else {}
        self._train = container("train-worker", _IMAGE, train, args="train.py")
        self._eval = container("eval-worker", _IMAGE, {"metrics": _METRIC, **filter_, **hook}, args="eval.py")
        infer = {"UT_SAVED_URL": "/unseen", "infer_dataset_url": "/data/stream.csv", **hook}
        self._infer = container("infer-worker", _IMAGE, infer, args="inference.py")
        trigger = {"operator": ">", "threshold": options.trigger, "metric": "num_of_samples"}
        more = {"restartPolicy": "Never"} if options.fails else {}
        return {
            "dataset": {"name": options.dataset, "trainProb": options.train_prob},
            "trainSpec": {
                "template": template(self.node, self._train, **more),
                "trigger": {
                    "checkPeriodSeconds": 60,
                    "timer": vars(options.timer),
                    "condition": trigger,
                },
            },
            "evalSpec": {"template": template(self.node, self._eval)},
            "deploySpec": {"template": template(self.site.nodes[options.inference_node], self._infer)},
            "outputDir": self.output,
        }

    # GM

    def begin(self) -> None:
        """Nothing is made before the first deployment."""
        if self.options.frames:
            self.after(_TICK, self._infer_samples)

    def make_worker(self, stage: str, restart_policy: str) -> Pod:
        knowledge_base = self.site.knowledge_base
        values: dict[str, Any] = {
            "JOB_NAME": self.name,
            "LC_SERVER": "http://localhost:9100",
            "KB_SERVER": knowledge_base.url if knowledge_base else "",
            "ORIGINAL_DATASET_URL": f"/home/data{self.dataset.url}",
            "OUTPUT_URL": f"/home/data{self.output}/{stage.lower()}/{self.round}",
        }
        data = f"/home/data{self.output}/data/{stage.lower()}/{self.round}/data.{self.dataset.options.format}"
        if stage == "Train":
            values |= {"TRAIN_DATASET_URL": data, "HAS_COMPLETED_INITIAL_TRAINING": str(bool(self.trained)).lower()}
            if self.trained:
                values["CLOUD_KB_INDEX"] = self.trained[0].url
        else:
            values |= {"TEST_DATASET_URL": data, "MODEL_URLS": f"/home/data{self.trained[0].url}"}
        pod = self.worker(
            {"Train": "train", "Eval": "eval"}[stage],
            self.node,
            self._train if stage == "Train" else self._eval,
            {**values, "DATA_PATH_PREFIX": "/home/data"},
            restart_policy=restart_policy if stage == "Train" else "OnFailure",
            on_change=self.worker_changed,
        )
        pod.samples = lambda: self.stage_samples(stage)
        return pod

    # A round

    def loss_floor(self) -> float:
        return 0.2 + 0.4 * (1 - sum(self.skill.values()) / len(self.skill))

    def train_input(self) -> list[StoredModel]:
        return []

    def train_output(self, pod: Pod | None) -> list[StoredModel]:
        index = f"{self.output}/train/{self.round}/index.pkl"
        for number, task in enumerate(self.tasks):
            self.site.python_log(pod, "INFO", "seen_task_learning.py(253)", f"MTL Train start {number} : {task}")
            self.skill[task] += (0.93 - self.skill[task]) * self.chance.uniform(0.05, 0.25)
        scores = self._score()
        self._upload(pod)
        text = f"Lifelong learning Train task Finished, KB index save in {index}"
        self.site.python_log(pod, "INFO", "lifelong_learning.py(280)", text)
        return [self._filled(StoredModel("pkl", index), scores)]

    def _upload(self, pod: Pod | None) -> None:
        """The worker puts what it learned into the knowledge base."""
        base = self.site.knowledge_base
        if base is None:
            return
        if not base.up:
            self.site.python_log(pod, "ERROR", "cloud_knowledge_management.py(75)", "KB update Fail !")
            return
        share = max(1, self._samples_of_round() // len(self.tasks))
        self._samples_sent = share * len(self.tasks)
        urls = {name: f"/file/download?files={name}.pkl&name={name}.pkl" for name in self.groups}
        for name in self.groups:
            base.upload(f"{name}.pkl")
            text = f"Upload task model to {urls[name]} successfully."
            self.site.python_log(pod, "INFO", "cloud_knowledge_management.py(101)", text)
        base.update(self.groups, dict.fromkeys(self.tasks, share), urls)

    def _samples_of_round(self) -> int:
        return int(self.staged.train_prob * self.dataset.counted / max(self.round, 1))

    def eval_input(self) -> list[StoredModel]:
        return [self.trained[0]]

    def eval_folder(self) -> Object:
        return {"outputDir": f"{self.output}/eval/{self.round}"}

    def eval_output(self, pod: Pod | None) -> list[StoredModel]:
        self.scores = self._score()
        source = "cloud_knowledge_management.py"
        sign, limit = self.filter
        for task, score in self.scores.items():
            self.site.python_log(pod, "INFO", f"{source}(187)", f"{task} scores: {{'{_METRIC}': {score}}}")
            if self._dropped(score):
                text = f"{task} will not be deploy because all scores {sign} {limit}"
                self.site.python_log(pod, "WARNING", f"{source}(191)", text)
        self.site.python_log(pod, "INFO", "lifelong_learning.py(398)", "Task evaluation finishes.")
        if self.site.knowledge_base and self.site.knowledge_base.up:
            self.site.knowledge_base.update_status(list(self.groups))
        mean = round(sum(self.scores.values()) / len(self.scores), 4)
        model = StoredModel("pkl", f"{self.output}/eval/{self.round}/index.pkl", {_METRIC: mean})
        return [self._filled(model, self.scores)]

    def _score(self) -> dict[str, float]:
        return {
            task: round(min(max(skill + self.chance.uniform(-0.04, 0.04), 0.02), 0.99), 4)
            for task, skill in self.skill.items()
        }

    def _filled(self, model: StoredModel, scores: Mapping[str, float]) -> StoredModel:
        """What the worker says of a model, which of the stock library's is nothing."""
        if not self.options.fills:
            return model
        current = {task: {_METRIC: score} for task, score in scores.items()}
        return model._replace(current=current, classes=self.options.classes, labeled=self._samples_sent)

    def _note_results(self, stage: str, models: list[StoredModel]) -> None:
        """GM also rebuilds the knowledge base of the status."""
        super()._note_results(stage, models)
        model = models[0]
        if stage == "Eval" or not self.evaluated:
            self.reported_scores = {task: scores[_METRIC] for task, scores in model.current.items()}
        listed = [
            {"modelID": task, "averagePrecision": _float32(scores[_METRIC]), "numberOfTrainSamples": model.labeled}
            for task, scores in model.current.items()
        ]
        classes = model.classes or []
        self.status["knowledgeBase"] = {
            "AIModels": {"numberOfAIModels": len(listed), "listOfAIModels": listed},
            "AIClasses": {"numberOfAIClasses": len(classes), "listOfAIClasses": classes},
            "samples": {"numberOfLabeledUnseenSample": model.labeled, "numberOfUnseenSample": 0},
        }

    def deploy_input(self) -> list[StoredModel] | None:
        if not self.evaluated:
            self.lc_log("I", 332, f"job({self.key}) isn't need to deploy model")
            return None
        self.lc_log("I", 344, f"job({self.key}) completed the Deploy task successfully")
        return [self.evaluated[0].bare()]

    def deploy(self) -> None:
        if self.inference is not None:
            self.workers.remove(self.inference)
            self.inference.remove()
        values = {
            "JOB_NAME": self.name,
            "LC_SERVER": "http://localhost:9100",
            "MODEL_URLS": f"/home/data{self.models['deploy'].url}",
            "OUTPUT_URL": f"/home/data{self.output}",
            "DATA_PATH_PREFIX": "/home/data",
        }
        node = self.site.nodes[self.options.inference_node]
        pod = self.worker("inference", node, self._infer, values, restart_policy="Always")
        self.done = dict.fromkeys([(t, r) for t in ("known", "unknown") for r in ("done", "error")], 0)
        pod.samples = self._inference_samples
        self.inference = pod
        text = f"lifelonglearning job {self.namespace}/{self.name} inference pod restarts successfully"
        self.gm_log(text, 391)
        self.complete("Deploy")

    # Inference

    def _infer_samples(self) -> None:
        pod = self.inference
        if pod is not None and pod.phase == "Running":
            new = poisson(self.chance, self.options.frames * _TICK)
            unknown = binomial(self.chance, new, self.options.unseen)
            for task, number in (("known", new - unknown), ("unknown", unknown)):
                errors = binomial(self.chance, number, self.options.errors)
                self.done[task, "done"] += number - errors
                self.done[task, "error"] += errors
                self.ready[task] = poisson(self.chance, 3 if task == "known" else 0.4)
            if unknown:
                self.site.python_log(pod, "INFO", "lifelong_learning.py(466)", "Unseen task is detected.")
        self.after(_TICK, self._infer_samples)

    def _inference_samples(self) -> list[Sample]:
        done = sum(count for (_, result), count in self.done.items() if result == "done")
        failed = sum(self.done.values()) - done
        found = [Sample("sedna_inference_requests_total", self.identity, done + failed)]
        found += inferences({**self.identity, "location": "edge"}, done, failed)
        found += [
            Sample("sedna_inference_samples_total", {**self.identity, "task": task, "result": result}, count)
            for (task, result), count in self.done.items()
        ]
        return found + [
            Sample("sedna_inference_samples_ready", {**self.identity, "task": task}, count)
            for task, count in self.ready.items()
        ]

    # What is true of it

    @property
    def filter(self) -> tuple[str, float]:
        """By which comparison with which limit the evaluation drops tasks."""
        limit = self.options.threshold
        return self.options.operator or ">", 0.1 if limit is None else limit

    def _dropped(self, score: float) -> bool:
        sign, limit = self.filter
        return _COMPARE[sign](score, limit)

    def truths(self) -> Iterator[Truth]:
        yield from super().truths()
        identity, short, prefix = self.identity, self.short_identity, "lifelong-learning"
        sign, limit = self.filter
        rows = [f"{prefix}/Eval/ModelFilterOperator"]
        family = "sedna_job_model_filter_operator"
        yield from state_set(rows, family, identity, "operator", _COMPARE, sign)
        yield Truth(f"{prefix}/Eval/Threshold", "sedna_job_model_filter_threshold", identity, limit)
        scored, note = self.scores, "" if self.options.fills else "only in the worker's log"
        if self.options.fills:
            scored = self.reported_scores
        for task, score in scored.items():
            labels = {**short, "task": task}
            for row in (f"{prefix}/Eval/Score", "proposal/Eval/TaskScore", "proposal/Eval/TaskEvalResult"):
                yield Truth(row, "sedna_job_task_score", labels, score, note)
            if self.options.fills:
                passes = float(not self._dropped(score))
                yield Truth("proposal/Eval/TaskStatus", "sedna_job_task_deployable", labels, passes)
        pod = self.inference
        if pod is not None and pod.serves:
            yield from self._inference_truths()

    def _inference_truths(self) -> Iterator[Truth]:
        prefix, words = "lifelong-learning/Inference", {"done": "InferenceDoneNumber", "error": "InferenceErrorNumber"}
        for (task, result), count in self.done.items():
            labels = {**self.identity, "task": task, "result": result}
            yield Truth(f"{prefix}/{words[result]}", "sedna_inference_samples_total", labels, count)
        for task, count in self.ready.items():
            labels = {**self.identity, "task": task}
            yield Truth(f"{prefix}/InferenceReadyNumber", "sedna_inference_samples_ready", labels, count)
        done = sum(count for (_, result), count in self.done.items() if result == "done")
        total = sum(self.done.values()) + sum(self.ready.values())
        if total:
            row, family = f"{prefix}/InferenceRate", "sedna:inference_completion:ratio"
            yield Truth(row, family, self.short_identity, done / total)


def _float32(value: float) -> float:
    """A number as Go's float32 has it and JSON shows it: the shortest text that means the same."""
    exact = struct.unpack("f", struct.pack("f", value))[0]
    return next(short for digits in range(1, 10) if _same(short := float(f"{exact:.{digits}g}"), exact))


def _same(one: float, other: float) -> bool:
    return struct.pack("f", one) == struct.pack("f", other)
