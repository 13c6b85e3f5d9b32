"""What a scenario may say of each thing in its world. Field names are the keys of the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NewType

#: Seconds; written as a number of them, or as 90s, 25m, 2h or 1d.
Duration = NewType("Duration", float)
#: A number from 0 to 1.
Share = NewType("Share", float)
#: The name of a node, dataset, model or job that the scenario has.
NodeName = NewType("NodeName", str)
DatasetName = NewType("DatasetName", str)
ModelName = NewType("ModelName", str)
JobName = NewType("JobName", str)
#: The plural of one of the cluster's resources.
ResourceName = NewType("ResourceName", str)


@dataclass(frozen=True, kw_only=True)
class NodeOptions:
    """A machine. With ``count`` there are several, numbered: ``edge-1``, ``edge-2`` and so on."""

    name: str
    role: Literal["cloud", "edge"]
    count: int = 1


@dataclass(frozen=True, kw_only=True)
class DatasetOptions:
    """A dataset that begins with ``samples`` and grows by ``growth`` in an hour. LC counts it ``every`` minute if its
    index file is there, that is, if it is ``readable``."""

    name: str
    node: NodeName
    namespace: str = "default"
    url: str = ""
    format: Literal["txt", "csv"] = "txt"
    samples: int = 0
    growth: float = 0.0
    readable: bool = True
    every: Duration = Duration(60)
    count: int = 1


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """A model; ``metrics`` are what its status lists, each a number or a list of them."""

    name: str
    url: str
    namespace: str = "default"
    format: str = "pb"
    metrics: Mapping[str, float | list[float]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class JobOptions:
    """What all kinds share: ``at`` is when the object is made, and with ``count`` there are several, numbered."""

    name: str
    namespace: str = "default"
    at: Duration = Duration(0)
    count: int = 1


@dataclass(frozen=True, kw_only=True)
class TimerOptions:
    """When in a day LC may start a training. It compares texts, so that ``9:00`` to ``9:30`` never comes."""

    start: str = "00:00"
    end: str = "24:00"


@dataclass(frozen=True, kw_only=True)
class StagedOptions(JobOptions):
    """What incremental and lifelong learning share.

    A round begins with ``trigger`` new training samples. ``fails`` lets every training fail, ``races`` is how often
    GM sees a worker's end before LC reports it. With ``hook`` the workers run the worker hook. ``past_rounds`` are
    those that it has behind it when it is made, all of them in its status.
    """

    node: NodeName
    dataset: DatasetName
    train_prob: Share = Share(0.8)
    trigger: int = 400
    timer: TimerOptions = TimerOptions()
    past_rounds: int = 0
    epochs: int = 5
    epoch_time: Duration = Duration(120)
    eval_time: Duration = Duration(180)
    batch_size: int = 32
    learning_rate: float = 0.001
    settings: bool = True
    fails: bool = False
    races: Share = Share(0.0)
    hook: bool = False
    frames: float = 5.0
    errors: Share = Share(0.002)


@dataclass(frozen=True, kw_only=True)
class IncrementalOptions(StagedOptions):
    """Incremental learning. ``gate`` is the metric of the deploy trigger; ``drift`` is what the deployed model loses
    in an hour, ``gain`` what a new one is better by at its birth."""

    initial_model: ModelName
    serving_model: ModelName
    framework: Literal["tensorflow", "sklearn"] = "tensorflow"
    classes: int = 4
    gate: str = "precision_delta[2]"
    gate_threshold: float = 0.02
    hot_update: bool = False
    mining: str = "IBT"
    hard_ratio: Share = Share(0.04)
    drift: float = 0.04
    quality: Share = Share(0.82)
    gain: Share = Share(0.03)


@dataclass(frozen=True, kw_only=True)
class LifelongOptions(StagedOptions):
    """Lifelong learning. ``groups`` are task groups with their tasks. A worker that ``fills`` sends the keys that the
    stock library leaves out, so that the status tells scores, classes and models."""

    inference_node: NodeName
    groups: Mapping[str, list[str]] = field(default_factory=dict)
    fills: bool = False
    classes: list[str] = field(default_factory=list)
    operator: Literal["", ">", "<", "=", ">=", "<="] = ""
    threshold: float | None = None
    unseen: Share = Share(0.03)


@dataclass(frozen=True, kw_only=True)
class ParticipantOptions:
    """One training worker of a federated job."""

    node: NodeName
    dataset: DatasetName


@dataclass(frozen=True, kw_only=True)
class FederatedOptions(JobOptions):
    """Federated learning. ``mended``: its workers name their kind, so that their reports arrive, which the stock
    library's do not; one of them is ``unreadable``, if so. Without ``exit_round`` it goes on for ever."""

    node: NodeName
    model: ModelName
    participants: list[ParticipantOptions]
    mended: bool = False
    unreadable: bool = False
    exit_round: int | None = None
    round_time: Duration = Duration(400)
    hook: bool = False


@dataclass(frozen=True, kw_only=True)
class JointInferenceOptions(JobOptions):
    """Joint inference with ``replicas`` edge workers. ``named``: they have JOB_NAME, or no report would arrive.
    ``edge_time`` is what an inference usually takes at the edge."""

    edge_node: NodeName
    cloud_node: NodeName
    edge_model: ModelName
    cloud_model: ModelName
    mining: str = "IBT"
    mining_mode: Literal["inference-then-mining", "mining-then-inference"] = "inference-then-mining"
    named: bool = True
    replicas: int = 1
    hook: bool = False
    frames: float = 10.0
    hard_ratio: Share = Share(0.08)
    errors: Share = Share(0.002)
    edge_time: Duration = Duration(0.03)
    every: Duration = Duration(30)


@dataclass(frozen=True, kw_only=True)
class OnePodOptions(JobOptions):
    """A ReidJob or VideoAnalyticsJob; without a ``run_time`` its pod never ends."""

    node: NodeName
    model: ModelName | None = None
    run_time: Duration | None = None
    fails: bool = False


@dataclass(frozen=True, kw_only=True)
class FeatureExtractionOptions(JobOptions):
    """A FeatureExtractionService, which GM calls failed whatever happens."""

    node: NodeName
    model: ModelName
    replicas: int = 1


@dataclass(frozen=True, kw_only=True)
class ObjectSearchOptions(JobOptions):
    """An ObjectSearchService or, never handled by GM, an ObjectTrackingService."""

    node: NodeName
    tracking_nodes: list[NodeName]
    replicas: int = 1


#: The options of each kind.
JOBS: Mapping[str, type[JobOptions]] = {
    "IncrementalLearningJob": IncrementalOptions,
    "LifelongLearningJob": LifelongOptions,
    "FederatedLearningJob": FederatedOptions,
    "JointInferenceService": JointInferenceOptions,
    "ReidJob": OnePodOptions,
    "VideoAnalyticsJob": OnePodOptions,
    "FeatureExtractionService": FeatureExtractionOptions,
    "ObjectSearchService": ObjectSearchOptions,
    "ObjectTrackingService": ObjectSearchOptions,
}


@dataclass(frozen=True, kw_only=True)
class BatchJobOptions:
    """A Job of Kubernetes itself; Sedna makes none, but sites have some."""

    name: str
    node: NodeName
    namespace: str = "default"
    image: str = "registry.example.com/tools/import:1.2.0"
    at: Duration = Duration(0)
    run_time: Duration = Duration(300)
    fails: bool = False


@dataclass(frozen=True, kw_only=True)
class CustomMetricOptions:
    """A metric that a user put into the knowledge base's file, with the value of each combination of labels."""

    name: str
    note: str = ""
    labels: list[str] = field(default_factory=list)
    values: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class KnowledgeBaseOptions:
    """The knowledge base, and what users added to its file."""

    node: NodeName
    custom: list[CustomMetricOptions] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class EventOptions:
    """Something that happens ``at`` a moment, and with ``every`` again and again. What it does is told by its kind."""

    at: Duration
    every: Duration | None = None


@dataclass(frozen=True, kw_only=True)
class SiteEventOptions(EventOptions):
    """Something is wrong for a while with what the site has one of."""

    lasts: Duration


@dataclass(frozen=True, kw_only=True)
class NodeEventOptions(EventOptions):
    """Something is wrong with a node for a while."""

    node: NodeName
    lasts: Duration


@dataclass(frozen=True, kw_only=True)
class RefusalOptions(EventOptions):
    """The API server refuses a ``resource``, such as ``pods``, for a while to everybody who reads the cluster."""

    resource: ResourceName
    lasts: Duration


@dataclass(frozen=True, kw_only=True)
class ShrinkOptions(EventOptions):
    """A dataset loses a share of its samples: somebody rewrote its index file."""

    dataset: DatasetName
    namespace: str = "default"
    by: Share = Share(0.5)


@dataclass(frozen=True, kw_only=True)
class JobEventOptions(EventOptions):
    """Something befalls a job; ``job`` is its name, as in ``plant-a/helmet`` when it is not in ``default``."""

    job: JobName


@dataclass(frozen=True, kw_only=True)
class DriftOptions(JobEventOptions):
    """The scene changes: the deployed model loses ``by`` of its quality at once."""

    by: Share = Share(0.25)


@dataclass(frozen=True, kw_only=True)
class SlowOptions(JobEventOptions):
    """The worker of a job on a node becomes ``factor`` times slower for a while."""

    node: NodeName
    lasts: Duration
    factor: float = 4.0


@dataclass(frozen=True, kw_only=True)
class ParticipantEventOptions(JobEventOptions):
    """Something befalls the worker of a job on a node."""

    node: NodeName


#: The options of each event.
EVENTS: Mapping[str, type[EventOptions]] = {
    "outage": NodeEventOptions,
    "registry-outage": NodeEventOptions,
    "lc-restart": NodeEventOptions,
    "lc-crash-loop": NodeEventOptions,
    "lc-disconnect": NodeEventOptions,
    "gpu-hot": NodeEventOptions,
    "disk-fills": NodeEventOptions,
    "metrics-late": NodeEventOptions,
    "logs-dropped": NodeEventOptions,
    "gm-down": SiteEventOptions,
    "kb-down": SiteEventOptions,
    "kb-unreadable": SiteEventOptions,
    "loki-rejects": SiteEventOptions,
    "api-refuses": RefusalOptions,
    "shrink": ShrinkOptions,
    "fail": JobEventOptions,
    "deploy-fails": JobEventOptions,
    "drift": DriftOptions,
    "worse-model": JobEventOptions,
    "recreate": JobEventOptions,
    "slow": SlowOptions,
    "restart-worker": ParticipantEventOptions,
}


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A world before it begins. ``warmup`` is how long it has lived when it is first seen."""

    title: str
    about: str
    nodes: list[NodeOptions]
    warmup: Duration = Duration(0)
    datasets: list[DatasetOptions] = field(default_factory=list)
    models: list[ModelOptions] = field(default_factory=list)
    jobs: list[tuple[str, JobOptions]] = field(default_factory=list)
    batch_jobs: list[BatchJobOptions] = field(default_factory=list)
    knowledge_base: KnowledgeBaseOptions | None = None
    events: list[tuple[str, EventOptions]] = field(default_factory=list)
