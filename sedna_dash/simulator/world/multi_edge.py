"""The kinds for video over several edges: their workers report nothing, so that pods and logs are all there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from sedna_dash.simulator.world.clock import timestamp
from sedna_dash.simulator.world.job import Job, Service, template
from sedna_dash.simulator.world.nodes import Node
from sedna_dash.simulator.world.options import (
    EventOptions,
    FeatureExtractionOptions,
    ObjectSearchOptions,
    OnePodOptions,
)
from sedna_dash.simulator.world.pods import Pod, container
from sedna_dash.simulator.world.site import Object, Site
from sedna_dash.simulator.world.video_workers import Voice

_CAMERA = "rtsp://192.168.1.21/video/0"
_IMAGE = "registry.example.com/mei"


class OnePodJob(Job):
    """A job of a single pod, in which GM sees how the job goes."""

    worker_type: ClassVar[str]

    def __init__(self, site: Site, options: OnePodOptions, name: str, *, life: int = 0) -> None:
        super().__init__(site, options, name, life=life)
        self.options = options
        self.node = site.nodes[options.node]
        self.phase = ""
        self.pod: Pod | None = None

    def written(self) -> Object:
        env = {"fps": "5", "video_address": _CAMERA}
        self._written = container(self.name[:63], f"{_IMAGE}/{self.worker_type}:0.5.2", env, memory="4Gi")
        more = {"model": {"name": self.options.model}} if self.options.model else {}
        return {
            "backoffLimit": 5,
            "kafkaSupport": False,
            **more,
            "template": template(self.node, self._written, restartPolicy="Never"),
        }

    def first_sync(self) -> None:
        super().first_sync()
        values: dict[str, Any] = {
            "JOB_NAME": self.name,
            "LC_SERVER": "http://localhost:9100",
            "KAFKA_ENABLED": "False",
            "WORKER_NAME": self.name[:5],
        }
        self.pod = self.worker(
            self.worker_type,
            self.node,
            self._written,
            values,
            restart_policy="Never",
            host_network=False,
            on_change=self._changed,
        )
        self._voice = Voice(self.site, self.pod, self.worker_type, camera=_CAMERA, model=self.options.model or "")
        self._serve()
        self._sync()

    def _serve(self) -> None:
        """A Service, for kinds that have one."""

    def _changed(self) -> None:
        if self.pod and self.pod.phase == "Running" and self.options.run_time is not None:
            self.after(self.options.run_time, self._fail if self.options.fails else self._succeed)
        self.site.tell_gm(self._sync)

    def _succeed(self) -> None:
        if self.pod and self.pod.phase == "Running":
            self._voice.end()
            self.pod.succeed()

    def _fail(self) -> None:
        if self.pod and self.pod.phase == "Running":
            self._voice.die()
            self.pod.fail()

    def _sync(self) -> None:
        """GM counts the pods, and draws its conclusions once."""
        if self.pod is None or self.phase in ("Succeeded", "Failed"):
            return
        ended = self.pod.phase if self.pod.phase in ("Succeeded", "Failed") else ""
        self.phase = ended or "Running"
        self.status |= {
            "active": int(not ended),
            "succeeded": int(ended == "Succeeded"),
            "failed": int(ended == "Failed"),
            "phase": self.phase,
        }
        component = f"{self.kind.removesuffix('Job')}-controller"
        if ended == "Succeeded":
            self.completed = self.site.clock.wall
            self.status["completionTime"] = timestamp(self.completed)
            self.condition("Completed")
            self.event(component, "Completed", "", "Normal")
        elif ended == "Failed":
            message = f"the worker of {self.kind} failed"
            self.condition("Failed", reason="workerFailed", message=message)
            self.event(component, "workerFailed", message)
        self.save()

    befalls: ClassVar[Mapping[str, str]] = {"fail": "fail"}

    def fail(self, event: EventOptions) -> None:
        """Its pod fails."""
        self._fail()

    @property
    def state(self) -> str:
        return self.phase or "Pending"


class Reid(OnePodJob):
    """One ReidJob."""

    kind: ClassVar[str] = "ReidJob"
    worker_type: ClassVar[str] = "reid"


class VideoAnalytics(OnePodJob):
    """One VideoAnalyticsJob."""

    kind: ClassVar[str] = "VideoAnalyticsJob"
    worker_type: ClassVar[str] = "videoanalytics"

    def _serve(self) -> None:
        self.make_service(self.worker_type, 4000)


class FeatureExtraction(Service):
    """One FeatureExtractionService. GM wants as many Deployments as its spec has parts, and makes one: by the second
    sync every such service has failed, for good."""

    kind: ClassVar[str] = "FeatureExtractionService"

    def __init__(self, site: Site, options: FeatureExtractionOptions, name: str, *, life: int = 0) -> None:
        super().__init__(site, options, name, life=life)
        self.options = options
        self.node = site.nodes[options.node]

    def written(self) -> Object:
        env = {"input_shape": "256,128", "KAFKA_BIND_PORTS": "9092"}
        self._written = container(self.name, f"{_IMAGE}/features:0.5.2", env)
        return {
            "replicas": self.options.replicas,
            "kafkaSupport": True,
            "model": {"name": self.options.model},
            "selector": {"matchLabels": {"app": self.name}},
            "template": template(self.node, self._written),
        }

    def first_sync(self) -> None:
        super().first_sync()
        values = {"SERVICE_NAME": self.name, "LC_SERVER": "http://localhost:9100", "KAFKA_ENABLED": "True"}
        made = self.make_deployment("fe", self.node, self._written, values, replicas=self.options.replicas)
        for pod in made.pods:
            Voice(self.site, pod, "fe", model=self.options.model)
        self.make_service("fe", 6000)
        self.status |= {"active": self.options.replicas, "failed": 0}
        self.condition("Running")
        self.save()
        self.after(self.chance.uniform(3, 30), self._second_sync)

    def _second_sync(self) -> None:
        self.failed = True
        message = "the worker of FeatureExtractionService failed"
        self.condition("Failed", reason="workerFailed", message=message)
        self.event("featureextractionservice-controller", "workerFailed", message)
        self.save()


class ObjectSearch(Service):
    """One ObjectSearchService."""

    kind: ClassVar[str] = "ObjectSearchService"
    worker_names: ClassVar[Mapping[str, str]] = {"userworker": "userworker", "trackingworker": "trackingworker"}

    def __init__(self, site: Site, options: ObjectSearchOptions, name: str, *, life: int = 0) -> None:
        super().__init__(site, options, name, life=life)
        self.options = options
        self.node = site.nodes[options.node]
        self.tracking_nodes: list[Node] = [site.nodes[node] for node in options.tracking_nodes]
        self._voices: list[tuple[Pod, Voice]] = []

    def written(self) -> Object:
        self._user = container("user-worker", f"{_IMAGE}/search-user:v0.1.0", {})
        return {"userWorker": {"template": template(self.node, self._user)}, **self._tracking_spec()}

    def _tracking_spec(self) -> Object:
        self._reid = container("reid", f"{_IMAGE}/search-reid:v0.1.0", {})
        self._tracking = [
            container(
                f"tracking-worker-{number}", f"{_IMAGE}/search-tracking:v0.1.0", {"dataSources": f"rtsp://cam{number}"}
            )
            for number in range(len(self.tracking_nodes))
        ]
        return {
            "trackingWorkers": [
                {"template": template(node, written)}
                for node, written in zip(self.tracking_nodes, self._tracking, strict=True)
            ],
            "reidWorkers": {
                "replicas": self.options.replicas,
                "selector": {"matchLabels": {"app": "reid"}},
                "template": template(self.node, self._reid),
            },
        }

    def first_sync(self) -> None:
        super().first_sync()
        user = self.make_deployment("userworker", self.node, self._user, {"SERVICE_NAME": self.name})
        reid = self.make_deployment("reidworker", self.node, self._reid, None, replicas=self.options.replicas)
        for worker_type, made in (("userworker", user), ("reidworker", reid)):
            for pod in made.pods:
                Voice(self.site, pod, worker_type)
        self.make_service("userworker", 9379)
        self.make_service("reidworker", 9378)
        reid_url = f"{self.name}-reidworker.{self.namespace}"
        for number, (node, written) in enumerate(zip(self.tracking_nodes, self._tracking, strict=True)):
            values = {
                "SERVICE_NAME": self.name,
                "USERWORKER_URL": f"http://{self.name}-userworker.{self.namespace}:9379",
            }
            pod = self.worker("trackingworker", node, written, values, restart_policy="Always", host_network=False)
            about = {"camera": f"rtsp://cam{number}", "model": "bytetrack.pth", "callee": reid_url}
            self._voices.append((pod, Voice(self.site, pod, "trackingworker", **about)))
        self.status |= {"active": len(self.tracking_nodes) + 2, "failed": 0}
        self.condition("Running")
        self.save()

    befalls: ClassVar[Mapping[str, str]] = {"fail": "fail"}

    def fail(self, event: EventOptions) -> None:
        """A tracking pod is gone for a moment: GM calls the service failed, and never looks again."""
        if not self.failed and self.conditions:
            self.failed = True
            pod, voice = self._voices[0]
            voice.die()
            pod.restart()
            message = "the worker of service failed"
            self.status |= {"active": self.status["active"] - 1, "failed": 1}
            self.condition("Failed", reason="podFailed", message=message)
            self.event("objectsearch-controller", "podFailed", message)
            self.save()


class ObjectTracking(ObjectSearch):
    """One ObjectTrackingService, which GM has no controller for: nothing ever happens."""

    befalls: ClassVar[Mapping[str, str]] = {}
    kind: ClassVar[str] = "ObjectTrackingService"

    def written(self) -> Object:
        return self._tracking_spec()

    def first_sync(self) -> None:
        """Nobody handles it."""

    @property
    def state(self) -> str:
        return "Unknown"
