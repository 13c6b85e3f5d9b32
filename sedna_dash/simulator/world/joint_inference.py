"""Joint inference: a small model at the edge, which asks a big one in the cloud about hard frames.

The edge worker reports its totals every 30 seconds if it inferred anything. In the mode that infers first it counts a
hard frame twice; without JOB_NAME it reports in the name of ``sedna``, and nobody is called so; of several workers the
last one to report wins; and when the LC is away once, it never reports again.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, ClassVar

from sedna_dash.exposition import Sample
from sedna_dash.simulator.world.clock import timestamp
from sedna_dash.simulator.world.deployments import Deployment
from sedna_dash.simulator.world.job import Service, go_json, hook_variables, template
from sedna_dash.simulator.world.logs import uvicorn
from sedna_dash.simulator.world.nodes import Node
from sedna_dash.simulator.world.options import (
    DriftOptions,
    EventOptions,
    JointInferenceOptions,
    ParticipantEventOptions,
    SlowOptions,
)
from sedna_dash.simulator.world.pods import Pod, container
from sedna_dash.simulator.world.site import Object, Site
from sedna_dash.simulator.world.traffic import Frames, Traffic
from sedna_dash.simulator.world.truth import Truth

PORT = 5000

#: How often GM tries to update a status.
_UPDATES = 3

_IMAGE = "registry.example.com/vision/gate"
#: What five tries in vain end in.
_GIVEN_UP = "RetryError[<Future at 0x7f2c1c0b5d30 state=finished returned NoneType>]"
_PARAMETERS = '[{"key":"threshold_img","value":"0.8"},{"key":"threshold_box","value":"0.8"}]'


class EdgeWorker:
    """One edge pod: what it counted, what it is at, and whether its reporter still lives."""

    def __init__(self, pod: Pod, traffic: Traffic, chance: random.Random) -> None:
        self.pod, self.traffic = pod, traffic
        #: When its lines come.
        self.chance = chance
        self.coming: Frames | None = None
        self.reports = True


class JointInference(Service):
    """One JointInferenceService."""

    kind: ClassVar[str] = "JointInferenceService"
    worker_names: ClassVar[Mapping[str, str]] = {"edge": "edgeworker", "cloud": "cloudworker"}

    def __init__(self, site: Site, options: JointInferenceOptions, name: str, *, life: int = 0) -> None:
        super().__init__(site, options, name, life=life)
        self.options = options
        self.edge_node, self.cloud_node = site.nodes[options.edge_node], site.nodes[options.cloud_node]
        self.edge_model = site.models[options.namespace, options.edge_model]
        self.cloud_model = site.models[options.namespace, options.cloud_model]
        self.hard_ratio: float = options.hard_ratio
        self.edges: list[EdgeWorker] = []
        #: Frames and hard ones at the last report that reached GM.
        self.reported: tuple[int, int] | None = None

    # What its user wrote

    def written(self) -> Object:
        options = self.options
        named = {"JOB_NAME": self.name} if options.named else {}
        mode = {} if options.mining_mode == "inference-then-mining" else {"MINING_MODE": options.mining_mode}
        edge = {**named, **mode, "input_shape": "320,320", "video_url": "rtsp://10.20.0.40/gate"}
        edge |= {"all_examples_inference_output": "/data/output", **hook_variables(options.hook)}
        self._edge = container("little-model", f"{_IMAGE}-edge:3.1.0", edge)
        self._cloud = container("big-model", f"{_IMAGE}-cloud:3.1.0", {**named, "input_shape": "608,608"})
        parameters = [{"key": "threshold_img", "value": "0.8"}, {"key": "threshold_box", "value": "0.8"}]
        spec: Object = {
            "edgeWorker": {
                "model": {"name": options.edge_model},
                "hardExampleMining": {"name": options.mining, "parameters": parameters},
                "template": template(self.edge_node, self._edge, dnsPolicy="ClusterFirstWithHostNet"),
            },
            "cloudWorker": {
                "model": {"name": options.cloud_model},
                "template": template(self.cloud_node, self._cloud),
            },
        }
        if options.replicas > 1:
            spec["edgeWorker"]["hpa"] = {"minReplicas": options.replicas, "maxReplicas": options.replicas + 1}
        return spec

    # GM

    def first_sync(self) -> None:
        super().first_sync()
        options, common = self.options, {"SERVICE_NAME": self.name}
        cloud_values: dict[str, Any] = {
            **common,
            "MODEL_URL": f"/home/data{self.cloud_model.url}",
            "BIG_MODEL_BIND_PORT": PORT,
        }
        address = self.make_service("cloud", PORT)
        edge_values: dict[str, Any] = {
            **common,
            "LC_SERVER": "http://localhost:9100",
            "MODEL_URL": f"/home/data{self.edge_model.url}",
            "BIG_MODEL_IP": address,
            "BIG_MODEL_PORT": PORT,
            "HEM_NAME": options.mining,
            "HEM_PARAMETERS": _PARAMETERS,
        }
        self.make_deployment("cloud", self.cloud_node, self._cloud, cloud_values, app="Cloud")
        edge = self.make_deployment(
            "edge", self.edge_node, self._edge, edge_values, replicas=options.replicas, app="Edge"
        )
        if options.replicas > 1:
            self._autoscaler(edge)
        self._watch(edge.pods)
        self.status |= {"active": 2, "failed": 0}
        self.save()
        self.after(1, self._runs)

    def _autoscaler(self, edge: Deployment) -> None:
        replicas, created = self.options.replicas, timestamp(self.site.clock.wall)
        name = f"hpa-{edge.name}"
        self.put_beside(
            "horizontalpodautoscalers",
            name,
            lambda: {
                "metadata": {
                    "namespace": self.namespace,
                    "name": name,
                    "creationTimestamp": created,
                    "labels": self.labels("edge"),
                    "ownerReferences": [self.owner],
                },
                "spec": {
                    "minReplicas": replicas,
                    "maxReplicas": replicas + 1,
                    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": edge.name},
                },
                "status": {"currentReplicas": replicas, "desiredReplicas": replicas, "conditions": []},
            },
        )

    def _watch(self, pods: list[Pod]) -> None:
        for pod in pods:
            chance = self.site.random("traffic", pod.namespace, pod.name)
            traffic = Traffic(chance, self.options.frames, self.options.edge_time)
            edge = EdgeWorker(pod, traffic, self.site.random("lines", pod.namespace, pod.name))
            pod.samples = partial(self._hook_samples, edge)
            self.edges.append(edge)
            self.after(self.chance.uniform(6, 11), partial(self._tick, edge))

    def _hook_samples(self, edge: EdgeWorker) -> list[Sample]:
        return list(edge.traffic.samples(self.identity, cloud=True, mines_first=self.mines_first))

    @property
    def mines_first(self) -> bool:
        return self.options.mining_mode == "mining-then-inference"

    def _runs(self) -> None:
        self.condition("Running")
        self.save()

    # Inference

    def _tick(self, edge: EdgeWorker) -> None:
        """Count and report what came since the last time, and let the next frames come."""
        pod, every = edge.pod, self.options.every
        if pod.gone:
            return
        self.after(every, partial(self._tick, edge))
        came, edge.coming = edge.coming, None
        if pod.phase != "Running":
            return
        if came:
            edge.traffic.count(came)
            self._report(edge, came)
        edge.coming = edge.traffic.coming(every, self.hard_ratio, self.options.errors if pod.node.linked else 1.0)
        if self.site.on_log:
            self._ask_cloud(edge, edge.coming)

    def _report(self, edge: EdgeWorker, came: Frames) -> None:
        pod = edge.pod
        if not came.number or not edge.reports:
            return
        counts = (edge.traffic.frames, edge.traffic.hard)
        if not pod.node.report(lambda: self._reported(*counts)):
            self.cannot_report(pod)
            edge.reports = False

    def _ask_cloud(self, edge: EdgeWorker, frames: Frames) -> None:
        """The lines of the hard frames among those that come, each at its time."""
        arrives = edge.pod.node.linked
        for number in range(frames.hard):
            moment = edge.chance.uniform(0, self.options.every)
            self.after(moment, partial(self._asked, edge, frames, number < frames.errors, arrives))

    def _asked(self, edge: EdgeWorker, frames: Frames, failed: bool, arrives: bool) -> None:
        """A hard frame was sent to the cloud; one that ``arrives`` there and fails, fails there."""
        pod = edge.pod
        if edge.coming is not frames or pod.phase != "Running":
            return  # its container ended before
        path = f"/{self.name if self.options.named else 'sedna'}/predict"
        if arrives:
            cloud = next((one for one in self.deployments[0].pods if one.phase == "Running"), None)
            client, status = f"{pod.address}:{edge.chance.randrange(32768, 60999)}", "500 Internal Server Error"
            self.site.say(cloud, uvicorn(client, f"POST {path}", status if failed else "200 OK"), stream="stdout")
        if failed:
            self.site.python_log(pod, "ERROR", "joint_inference.py(287)", f"get cloud result error: {_GIVEN_UP}")

    def _reported(self, frames: int, hard: int) -> None:
        """GM learns of a worker's totals, if the report is in the name of this service."""
        if not self.options.named:
            error = 'jointinferenceservices.sedna.io "sedna" not found'
            for number in range(1, _UPDATES + 1):
                text = f"Error to update {self.namespace}/sedna status, tried {number} times: {error}"
                self.site.klog(self.site.gm, "W", "common.go:176", text)
            text = f"Error to handle jointinferenceservice {self.namespace}/sedna operation(status): "
            self.site.klog(self.site.gm, "E", "upstream.go:71", f"{text}failed to update metrics, err:{error}")
        if self.gone or not self.options.named:
            return
        self.reported = (frames, hard)
        total = frames if self.mines_first else frames + hard
        values = {"inferenceNumber": total, "hardExampleNumber": hard, "uploadCloudRatio": round(hard / total, 4)}
        listed = [{"key": key, "value": go_json(value)} for key, value in values.items()]
        self.chance.shuffle(listed)
        self.status["metrics"] = listed
        self.save()

    # What befalls it

    befalls: ClassVar[Mapping[str, str]] = {
        "drift": "drift",
        "fail": "fail",
        "slow": "slow",
        "restart-worker": "restart_worker",
    }

    def drift(self, event: DriftOptions) -> None:
        """More frames are hard."""
        self.hard_ratio = min(self.hard_ratio + event.by, 0.9)

    def fail(self, event: EventOptions) -> None:
        """A Deployment is away for a moment: GM calls the service failed, and never looks again."""
        if not self.failed:
            self.failed = True
            message = "the worker of service failed"
            self.status |= {"active": 1, "failed": 1}
            self.condition("Failed", reason="workerFailed", message=message)
            self.event("jointinferenceservice-controller", "workerFailed", message)
            self.save()

    def slow(self, event: SlowOptions) -> None:
        """Its edge workers on a node get fewer frames, for a while."""
        for edge in self.edges:
            if edge.pod.node.name == event.node:
                usual, edge.traffic.rate = edge.traffic.rate, edge.traffic.rate / event.factor
                self.after(event.lasts, partial(setattr, edge.traffic, "rate", usual))

    def restart_worker(self, event: ParticipantEventOptions) -> None:
        """The containers of its edge workers on a node start anew, and count from 0."""
        for edge in self.edges:
            if edge.pod.node.name == event.node:
                edge.pod.restart("OOMKilled", 137)
                edge.traffic.reset()
                edge.reports, edge.coming = True, None

    @property
    def told(self) -> list[Node]:
        return [self.edge_node]

    # What is true of it

    def truths(self) -> Iterator[Truth]:
        yield from super().truths()
        identity, note = self.identity, ""
        edge: float | None
        cloud: float | None
        hard: float | None
        if self.options.hook:
            served = [worker.traffic for worker in self.edges if worker.pod.serves]
            if not served:
                return
            note = "sum over the workers' hooks"
            edge = sum(work.edge(mines_first=self.mines_first) for work in served)
            hard = sum(work.hard for work in served)
            cloud = hard - sum(work.errors for work in served)
        elif not self.options.named:
            edge = cloud = hard = None
            note = "without JOB_NAME the reports reach nobody"
        elif self.reported is None or self.options.replicas > 1:
            return  # nothing was reported yet, or nobody can tell whose counts these are
        else:
            frames, hard = self.reported
            edge = frames - hard if self.mines_first else frames
            cloud, note = hard, "as the worker reported last"
        for row, family, labels, value in (
            ("EdgeInferenceCount", "sedna_inferences_total", {**identity, "location": "edge"}, edge),
            ("CloudInferenceCount", "sedna_inferences_total", {**identity, "location": "cloud"}, cloud),
            ("HardSampleNum", "sedna_hard_examples_total", identity, hard),
        ):
            yield Truth(f"observability/JI/{row}", family, labels, value, note)
