"""Incremental learning: a model at the edge that meets a changing scene, and is trained again when it fails there.

The deployed model gets worse while the scene drifts away from what it learned, and sees more frames as hard. A new
model has learned the present scene; LC deploys it if its trigger finds it enough better.
"""

from __future__ import annotations

import itertools
import operator
import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from sedna_dash.simulator.world.job import hook_variables, template
from sedna_dash.simulator.world.options import DriftOptions, EventOptions, IncrementalOptions
from sedna_dash.simulator.world.pods import Pod, container
from sedna_dash.simulator.world.site import Object, Site
from sedna_dash.simulator.world.staged import StagedJob, StoredModel
from sedna_dash.simulator.world.traffic import Traffic
from sedna_dash.simulator.world.truth import Truth

_TICK = 15.0
_IMAGE = "registry.example.com/vision/helmet-il:1.4.2"
#: How much better or worse each class is found than the mean.
_OFFSETS = (0.06, -0.03, 0.02, -0.05, 0.01, -0.02, 0.03, -0.04)
_CLASSES = ("worker", "helmet", "vest", "bare-head", "glove", "goggle", "mask", "boot")


class IncrementalJob(StagedJob):
    """One IncrementalLearningJob."""

    kind: ClassVar[str] = "IncrementalLearningJob"
    log_name: ClassVar[str] = "incrementallearning"
    sample_lines: ClassVar[tuple[int, int]] = (1112, 1121)

    def __init__(self, site: Site, options: IncrementalOptions, name: str, *, life: int = 0) -> None:
        super().__init__(site, options, name, life=life)
        self.options = options
        initial = site.models[options.namespace, options.initial_model]
        serving = site.models[options.namespace, options.serving_model]
        self.initial = StoredModel(initial.format, initial.url)
        self.serving = StoredModel(serving.format, serving.url)
        self.traffic = Traffic(site.random("traffic", self.namespace, name, life), options.frames)
        self.quality: float = options.quality
        self.worse_next = False
        self._drifted, self._deployed_at = 0.0, site.clock.now
        self._new_quality: float = self.quality
        self._iteration_start = (0, 0)
        self.started_line = (438, f"incremental job({self.key}) was started")
        self.train_line = (208, f"job({self.key}) completed the Training phase triggering task successfully")

    # The scene and the models

    @property
    def drifted(self) -> float:
        """How much of its quality the deployed model has lost."""
        hours = (self.site.clock.now - self._deployed_at) / 3600
        return min(self._drifted + self.options.drift * hours, 0.6)

    @property
    def hard_ratio(self) -> float:
        return min(self.options.hard_ratio + 0.8 * self.drifted, 0.9)

    befalls: ClassVar[Mapping[str, str]] = {
        **StagedJob.befalls,
        "deploy-fails": "fail_deployment",
        "drift": "drift",
        "worse-model": "make_worse",
    }

    def drift(self, event: DriftOptions) -> None:
        """The scene changes at once."""
        self._drifted += event.by

    def fail_deployment(self, event: EventOptions) -> None:
        """LC cannot put the next model that is good enough in its place: the disk is full."""
        self.deploy_fails_next = not self.options.hot_update

    def make_worse(self, event: EventOptions) -> None:
        """The next model turns out worse than the old one."""
        self.worse_next = True

    def loss_floor(self) -> float:
        return 0.18 + 0.3 * (1 - self.quality)

    def _scores(self, quality: float) -> dict[str, list[float]]:
        offsets = list(itertools.islice(itertools.cycle(_OFFSETS), self.options.classes))
        return {
            name: [round(min(max(quality + offset + shift, 0.01), 0.999), 4) for offset in offsets]
            for name, shift in (("precision", 0.0), ("recall", -0.03))
        }

    # What its user wrote

    def written(self) -> Object:
        options, hook = self.options, hook_variables(self.options.hook)
        common = {"input_shape": "416,416", "class_names": ",".join(_CLASSES[: options.classes])}
        trigger = {"operator": ">", "threshold": options.trigger, "metric": "num_of_samples"}
        gate = {"operator": ">", "threshold": options.gate_threshold, "metric": options.gate}
        parameters = [{"key": "threshold_img", "value": "0.85"}, {"key": "threshold_box", "value": "0.85"}]
        more = {"restartPolicy": "Never"} if options.fails else {}
        self._train = container("train-worker", _IMAGE, {**self.settings(), **common, **hook}, args="train.py")
        self._eval = container("eval-worker", _IMAGE, {**common, **hook}, args="eval.py")
        inference = {**common, "video_url": "rtsp://10.20.0.31/line-a", "HE_SAVED_URL": "/hard_examples", **hook}
        self._infer = container("infer-worker", _IMAGE, inference, args="inference.py")
        return {
            "initialModel": {"name": options.initial_model},
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
            "deploySpec": {
                "model": {
                    "name": options.serving_model,
                    "hotUpdateEnabled": options.hot_update,
                    "pollPeriodSeconds": 60,
                },
                "trigger": {"condition": gate},
                "hardExampleMining": {"name": options.mining, "parameters": parameters},
                "template": template(self.node, self._infer),
            },
            "outputDir": self.output,
        }

    # GM

    def begin(self) -> None:
        if self.options.hot_update:
            folder = f"{self.namespace}/{self.kind.lower()}/{self.name}"
            self.annotations["sedna.io/model-hot-update-config"] = (
                f"/var/lib/sedna/model-hot-update/{folder}/model_config.json"
            )
        self._make_inference()
        if self.options.hook:  # nobody else would learn of the frames
            self.after(_TICK, self._infer_frames)

    def _make_inference(self) -> None:
        values: dict[str, Any] = {
            "JOB_NAME": self.name,
            "LC_SERVER": "http://localhost:9100",
            "MODEL_URL": f"/home/data{self.serving.url}",
            "HEM_NAME": self.options.mining,
            "HEM_PARAMETERS": '[{"key":"threshold_img","value":"0.85"},{"key":"threshold_box","value":"0.85"}]',
            "DATA_PATH_PREFIX": "/home/data",
        }
        if self.options.hot_update:
            values |= {
                "MODEL_HOT_UPDATE": "true",
                "MODEL_POLL_PERIOD_SECONDS": 60,
                "MODEL_HOT_UPDATE_CONFIG": "/model-hot-update/model_config.json",
            }
        pod = self.worker("inference", self.node, self._infer, values, restart_policy="Always")
        self.traffic.reset()
        pod.samples = lambda: list(self.traffic.samples(self.identity, cloud=False))
        self.inference = pod

    def _infer_frames(self) -> None:
        if self.inference is not None and self.inference.phase == "Running":
            self.traffic.count(self.traffic.coming(_TICK, self.hard_ratio, 0.0))
        self.after(_TICK, self._infer_frames)

    def make_worker(self, stage: str, restart_policy: str) -> Pod:
        values: dict[str, Any] = {
            "JOB_NAME": self.name,
            "LC_SERVER": "http://localhost:9100",
            "ORIGINAL_DATASET_URL": f"/home/data{self.dataset.url}",
        }
        data = f"/home/data{self.output}/data"
        if stage == "Train":
            values |= {
                "BASE_MODEL_URL": f"/home/data{self.models['train_input'].url}",
                "MODEL_URL": f"/home/data{self.output}/train/{self.round}",
                "TRAIN_DATASET_URL": f"{data}/train/{self.round}/data.txt",
            }
        else:
            urls = ";".join(f"/home/data{model.url}" for model in self.eval_input())
            values |= {"MODEL_URLS": urls, "TEST_DATASET_URL": f"{data}/eval/{self.round}/data.txt"}
        container_ = self._train if stage == "Train" else self._eval
        pod = self.worker(
            {"Train": "train", "Eval": "eval"}[stage],
            self.node,
            container_,
            {**values, "DATA_PATH_PREFIX": "/home/data"},
            restart_policy=restart_policy if stage == "Train" else "OnFailure",
            on_change=self.worker_changed,
        )
        pod.samples = lambda: self.stage_samples(stage)
        return pod

    # A round

    def iteration_began(self) -> None:
        self._iteration_start = (self.traffic.ever_frames, self.traffic.ever_hard)

    def train_input(self) -> list[StoredModel]:
        if not self.trained:
            return [self.initial]
        return [next((model for model in self.trained if model.format == self.initial.format), self.trained[0])]

    def train_output(self, pod: Pod | None) -> list[StoredModel]:
        present = self.quality + self.options.gain
        self._new_quality = min(present + self.chance.uniform(-0.01, 0.01), 0.93)
        if self.worse_next:
            self.worse_next = False
            self._new_quality = self.quality - self.drifted - 0.12
        folder = f"{self.output}/train/{self.round}"
        metrics = {"loss": self.loss}
        if self.options.framework == "tensorflow":
            return [
                StoredModel("pb", f"{folder}/model_finetune_tensorflow.pb", metrics),
                StoredModel("ckpt", folder, metrics),
            ]
        return [StoredModel("pkl", f"{folder}/model_finetune_.pkl", metrics)]

    def eval_input(self) -> list[StoredModel]:
        return [self.trained[0], self.serving]

    def eval_output(self, pod: Pod | None) -> list[StoredModel]:
        found = []
        for model, quality in ((self.trained[0], self._new_quality), (self.serving, self.quality - self.drifted)):
            scores = self._scores(quality)
            found.append(StoredModel(model.format, model.url, scores))
            text = f"Evaluation with {model.url} : {scores} "
            self.site.python_log(pod, "INFO", "incremental_learning.py(233)", text)
        return found

    def deploy_input(self) -> list[StoredModel] | None:
        if not self._gate_opens():
            self.lc_log("I", 411, f"job({self.key}) isn't need to deploy model")
            return None
        if self.deploy_fails_next:
            trained, serving = self.trained[0].url, self.serving.url
            why = f"write /rootfs{serving}: no space left on device"
            text = f"failed to copy trained model(url={trained}) to the deploy model(url={serving}): {why}"
            self.lc_log("E", 385, f"failed to update model for job({self.key}): {text}")
        else:
            self.lc_log("I", 388, f"update model for job({self.key}) successfully")
        self.lc_log("I", 406, f"job({self.key}) completed the Deploying phase triggering task successfully")
        return [self.trained[0], self.serving]

    def _gate_opens(self) -> bool:
        """What LC's trigger says: a list without an index counts as 0."""
        new, old = self.evaluated[0].metrics, self.evaluated[1].metrics
        name, index = _split(self.options.gate)
        if index is None:
            return False
        values = new.get(name)
        if values is None:
            base = name.removesuffix("_delta")
            values = list(map(operator.sub, new.get(base, []), old.get(base, [])))
        return index < len(values) and values[index] > self.options.gate_threshold

    def deploy(self) -> None:
        if self.options.hot_update:
            # The inference worker polls for new models once a minute.
            self.enter("Deploy", "Starting")
            self.after(0.4, lambda: self._hot("Running"))
            self.after(self.chance.uniform(20, 62), lambda: self._hot("Completed"))
            return
        if self.inference is not None:
            self.workers.remove(self.inference)
            self.inference.remove()
        self._make_inference()
        self._renewed()
        text = f"incrementallearning job {self.namespace}/{self.name} inference pod restarts successfully"
        self.gm_log(text, 407)
        self.complete("Deploy")

    def _hot(self, type_: str) -> None:
        pod = self.inference
        if pod is None or self.stage != "Deploy":
            return
        if type_ == "Running":
            self.annotations["sedna.io/Deploy"] = pod.node.name
            self.enter("Deploy", "Running")
            return
        version = f"{self.site.clock.wall:.0f}"
        self.site.python_log(pod, "INFO", "base.py(91)", f"Update model start with version {version}")
        self.site.python_log(pod, "INFO", "base.py(95)", f"Update model complete with version {version}")
        self._renewed()
        if not pod.node.report(lambda: None if self.gone else self.complete("Deploy", {"output": {}}, by_lc=True)):
            self.after(60, lambda: self._hot("Completed"))

    def _renewed(self) -> None:
        """The new model serves."""
        self.quality, self._drifted, self._deployed_at = self._new_quality, 0.0, self.site.clock.now

    # What is true of it

    def truths(self) -> Iterator[Truth]:
        yield from super().truths()
        if self.iterations:
            yield Truth("observability/IL/IterationNo", "sedna_job_iteration", self.identity, self.iterations)
        for role, row, model in zip(
            ("new", "old"), ("AccuracyMetricForNewModel", "AccuracyMetricForOldModel"), self.evaluated, strict=False
        ):
            for name, values in model.metrics.items():
                for index, value in enumerate(values):
                    metric = name if index == 0 else f"{name}_{index}"
                    labels = {**self.identity, "model_role": role, "metric": metric}
                    yield Truth(f"observability/IL/{row}", "sedna_job_eval_metric", labels, value)
        if self.inference is not None and self.inference.serves and self.iterations:
            note = "give or take 10 minutes; frames since the iteration began"
            frames, hard = self._iteration_start
            traffic = self.traffic
            for row, family, count in (
                ("InferenceCount", "sedna:iteration_inference_requests:increase7d", traffic.ever_frames - frames),
                ("HardSampleNum", "sedna:iteration_hard_examples:increase7d", traffic.ever_hard - hard),
            ):
                yield Truth(f"observability/IL/Iteration{row}", family, self.short_identity, count, note)


def _split(metric: str) -> tuple[str, int | None]:
    """Name and index of a metric of a trigger."""
    matched = re.fullmatch(r"(.+?)\[(\d+)\]", metric)
    return (matched[1], int(matched[2])) if matched else (metric, None)
