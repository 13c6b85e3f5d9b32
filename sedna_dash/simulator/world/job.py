"""What all jobs and services are: an object of Sedna's, with the worker pods that GM makes for it."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from sedna_dash.crds import CRDS, GROUP, VERSION, WORKER_TYPES
from sedna_dash.simulator.world.clock import Action, Timer, timestamp, whole
from sedna_dash.simulator.world.deployments import Deployment, owner_reference, service
from sedna_dash.simulator.world.nodes import Node
from sedna_dash.simulator.world.options import JobOptions
from sedna_dash.simulator.world.pods import Pod, environment, started_at
from sedna_dash.simulator.world.site import Object, Site, metadata, new_suffix, new_uid
from sedna_dash.simulator.world.truth import Truth, state_set
from sedna_dash.worker.target import VARIABLE as HOOK

#: Where the worker hook serves, which is enough for the exporter to know that it is there.
HOOK_VALUE = "0.0.0.0:9464"

#: Seconds after which Kubernetes forgets an event.
_EVENT_LIFE = 3600.0

#: How often a worker tries to report, the seconds in between, and those until it gives up.
_TRIES, _TRY_AGAIN = 5, 3.0
GIVEN_UP = _TRIES * _TRY_AGAIN

_WORKER_STATES = {"Pending": "waiting", "Running": "active", "Succeeded": "dead", "Failed": "dead"}
_JOB_STATES = ("Pending", "Running", "Succeeded", "Failed", "Unknown")


def go_json(value: Any) -> str:
    """JSON as Go writes it: no spaces, maps in the order of their keys (ours come in the order of Go's structs)."""
    text = json.dumps(value, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


class Job(ABC):
    """One object of a kind that runs workers. ``spec`` is what its user wrote; subclasses live its life."""

    kind: ClassVar[str]
    #: How the states of its workers' variables call them, as in ``train-worker-x7k2p``.
    worker_names: ClassVar[Mapping[str, str]] = {}
    #: What can befall it besides being made anew, and the method that takes the options of that event.
    befalls: ClassVar[Mapping[str, str]] = {}
    #: The other time of its conditions.
    second_time: ClassVar[str] = "lastTransitionTime"

    def __init__(self, site: Site, options: JobOptions, name: str, *, life: int = 0) -> None:
        self.site, self.name, self.namespace, self.life = site, name, options.namespace, life
        self.crd = CRDS[self.kind]
        self.chance = site.random(self.kind, self.namespace, name, life)
        self.uid = new_uid(self.chance)
        self.created = site.clock.wall
        self.spec: Object = {}
        self.annotations: dict[str, str] = {}
        self.status: Object = {}
        self.conditions: list[Object] = []
        self.started: float | None = None
        self.completed: float | None = None
        self.workers: list[Pod] = []
        self.deployments: list[Deployment] = []
        self._others: list[tuple[str, str]] = []
        self.gone = False

    # Its user

    @abstractmethod
    def written(self) -> Object:
        """What its user writes as its spec."""

    def create(self) -> None:
        """Its user makes it; GM handles it a second later."""
        self.spec = self.written()
        self.save()
        self.after(self.chance.uniform(0.4, 1.5), lambda: self.site.tell_gm(self._seen_by_gm))

    def _seen_by_gm(self) -> None:
        if not self.gone:
            self.first_sync()

    def first_sync(self) -> None:
        """GM sees it for the first time."""
        self.started = self.site.clock.wall
        self.status["startTime"] = timestamp(self.started)

    def remove(self) -> None:
        """Its user deletes it, and everything that belongs to it goes."""
        self.gone = True
        for deployment in self.deployments:
            deployment.remove()
        for pod in list(self.workers):
            pod.remove()
        for resource, name in self._others:
            self.site.delete(resource, self.namespace, name)
        self.site.delete(self.crd.plural, self.namespace, self.name)

    def after(self, seconds: float, action: Action) -> Timer:
        """Let something happen to it later, if it is still there."""
        return self.site.clock.after(seconds, lambda: None if self.gone else action())

    # GM

    def save(self) -> None:
        if not self.gone:
            self.site.put(self.crd.plural, self.namespace, self.name, self.manifest)

    def manifest(self) -> Object:
        about = metadata(self.namespace, self.name, self.uid, self.created)
        if self.annotations:
            about["annotations"] = self.annotations
        made: Object = {"metadata": about, "spec": self.spec}
        status = {**self.status, "conditions": self.conditions} if self.conditions else self.status
        if status:
            made["status"] = status
        return made

    def condition(
        self, type_: str, *, reason: str = "", message: str = "", at: float | None = None, **more: str
    ) -> None:
        """GM appends a condition, now or in a past ``at`` some instant."""
        now = timestamp(self.site.clock.wall if at is None else at)
        made = {**more, "type": type_, "status": "True", "lastHeartbeatTime": now, self.second_time: now}
        if reason:
            made["reason"] = reason
        if message:
            made["message"] = message
        self.conditions.append(made)

    @property
    def owner(self) -> Object:
        """How what GM makes for it says so."""
        return owner_reference(f"{GROUP}/{VERSION}", self.kind, self.name, self.uid)

    def labels(self, worker_type: str) -> dict[str, str]:
        """The labels that GM puts on a worker."""
        prefix = self.crd.label_prefix
        return {f"{prefix}name": self.name, f"{prefix}uid": self.uid, f"{prefix}worker-type": worker_type}

    def injected(self, container: Object, worker_type: str, values: Mapping[str, Any]) -> Object:
        """A container of a template with the variables that GM adds."""
        known: dict[str, Any] = {"NAMESPACE": self.namespace, **values}
        if worker_type in self.worker_names:
            known["WORKER_NAME"] = f"{self.worker_names[worker_type]}-{new_suffix(self.chance)}"
        return {**container, "env": [*container.get("env", ()), *environment(known)]}

    def worker(
        self,
        worker_type: str,
        node: Node,
        container: Object,
        values: Mapping[str, Any],
        *,
        restart_policy: str = "OnFailure",
        host_network: bool = True,
        on_change: Action | None = None,
    ) -> Pod:
        """GM makes a worker's pod."""
        pod = Pod(
            self.site,
            namespace=self.namespace,
            name=f"{self.name}-{worker_type}-{new_suffix(self.chance)}",
            node=node,
            labels=self.labels(worker_type),
            containers=[self.injected(container, worker_type, values)],
            owner=self.owner,
            host_network=host_network,
            restart_policy=restart_policy,
            on_change=on_change,
        )
        self._made("worker.go:190", f"pod {pod.name} is created")
        self.workers.append(pod)
        return pod

    def make_deployment(
        self,
        worker_type: str,
        node: Node,
        container: Object,
        values: Mapping[str, Any] | None,
        *,
        replicas: int = 1,
        app: str = "",
    ) -> Deployment:
        """GM makes a Deployment of workers; if ``values`` is None it adds no variables.

        ``app`` is the type as GM spells it in the label of the app.
        """
        labels = {**self.labels(worker_type), "app.sedna.io": f"{self.name}-{app or worker_type}-svc"}
        made = Deployment(
            self.site,
            namespace=self.namespace,
            name=f"{self.name}-deployment-{worker_type}",
            nodes=[node],
            labels=labels,
            containers=[container if values is None else self.injected(container, worker_type, values)],
            replicas=replicas,
            owner=self.owner,
        )
        self._made("worker.go:250", f"deployment {made.name} is created")
        self.site.klog(self.site.gm, "I", "jointinferenceservice.go:357", "Deployment enqueued ")
        self.deployments.append(made)
        self.workers += made.pods
        return made

    def make_service(self, worker_type: str, port: int) -> str:
        """GM makes a Service for workers of a type; returns its address inside the cluster."""
        name = f"{self.name}-{worker_type}"
        self._others.append(("services", name))
        self._made("worker.go:130", f"Service {name} is created")
        return service(
            self.site,
            namespace=self.namespace,
            name=name,
            port=port,
            labels=self.labels(worker_type),
            owner=self.owner,
        )

    def put_beside(self, resource: str, name: str, manifest: Callable[[], Object]) -> None:
        """Make another object that goes with it."""
        self._others.append((resource, name))
        self.site.put(resource, self.namespace, name, manifest)

    def cannot_report(self, pod: Pod) -> None:
        """A worker tries five times to reach LC, and then gives up."""
        for number in range(_TRIES):
            self.after(number * _TRY_AGAIN, lambda: self._refused(pod))

    def _refused(self, pod: Pod) -> None:
        if pod.phase != "Running":
            return
        url = f"http://localhost:9100/sedna/workers/{pod.name}/info"
        self.site.python_log(pod, "WARNING", "client.py(62)", f"Connection refused in request {url}")

    def _made(self, source: str, what: str) -> None:
        kind = f"{GROUP}/{VERSION}, Kind={self.kind}"
        self.site.klog(self.site.gm, "I", source, f"{what} successfully for {kind} {self.namespace}/{self.name}")

    def event(self, component: str, reason: str, message: str, type_: str = "Warning") -> None:
        """GM records an event of Kubernetes."""
        now = timestamp(self.site.clock.wall)
        name = f"{self.name}.{self.chance.getrandbits(64):016x}"
        made = {
            "metadata": {"namespace": self.namespace, "name": name, "creationTimestamp": now},
            "involvedObject": {
                "apiVersion": f"{GROUP}/{VERSION}",
                "kind": self.kind,
                "namespace": self.namespace,
                "name": self.name,
                "uid": self.uid,
            },
            "reason": reason,
            "message": message,
            "type": type_,
            "source": {"component": component},
            "count": 1,
            "firstTimestamp": now,
            "lastTimestamp": now,
        }
        self.site.put("events", self.namespace, name, lambda: made)
        self.site.clock.after(_EVENT_LIFE, lambda: self.site.delete("events", self.namespace, name))

    @property
    def told(self) -> list[Node]:
        """The nodes whose LC GM tells of it; none for kinds that LC does not know."""
        return []

    # What is true of it

    @property
    def identity(self) -> dict[str, str]:
        return {"namespace": self.namespace, "kind": self.kind, "name": self.name}

    @property
    def short_identity(self) -> dict[str, str]:
        """The identity in families that only one kind has."""
        return {"namespace": self.namespace, "name": self.name}

    @property
    @abstractmethod
    def state(self) -> str:
        """Its state in the five words of all kinds."""

    def truths(self) -> Iterator[Truth]:
        """Everything required that is known of it."""
        labels = self.identity
        if self.started is not None:
            yield Truth("observability/CRD/StartTime", "sedna_job_start_timestamp_seconds", labels, whole(self.started))
        yield Truth(
            "observability/CRD/CompletionTime",
            "sedna_job_completion_timestamp_seconds",
            labels,
            None if self.completed is None else whole(self.completed),
            "" if self.completed is not None else "GM sets it for jobs that end, and only on success",
        )
        row = "observability/CRD/StageConditionStatus"
        yield from state_set([row], "sedna_job_state", labels, "state", _JOB_STATES, self.state)
        if self.conditions:
            row = "lifelong-learning/Job/JobStatus"
            statuses = ("True", "False", "Unknown")
            yield from state_set([row], "sedna_job_condition_status", labels, "status", statuses, "True")
        yield from self._worker_truths()

    def _worker_truths(self) -> Iterator[Truth]:
        states = [_WORKER_STATES[pod.phase] for pod in self.workers]
        tasks = [
            state for pod, state in zip(self.workers, states, strict=True) if _work(pod) in ("training", "inferring")
        ]
        for state in ("waiting", "active", "dead"):
            labels = {**self.identity, "state": state}
            rows = ["lifelong-learning/Worker/TotalWorkerNumber"]
            rows += ["lifelong-learning/Worker/ActiveWorkersNumber"] if state == "active" else []
            for row in rows:
                yield Truth(row, "sedna_job_workers", labels, states.count(state))
            if state == "waiting":
                continue
            rows = ["lifelong-learning/Task/TotalTasksNumber"]
            rows += ["lifelong-learning/Task/ActiveTasksNumber"] if state == "active" else []
            for row in rows:
                yield Truth(row, "sedna_job_tasks", labels, tasks.count(state))
        for pod, state in zip(self.workers, states, strict=True):
            about = {"namespace": pod.namespace, "pod": pod.name}
            type_ = _worker_type(pod)
            stage = WORKER_TYPES[type_].stage if self.crd.stages else ""
            info = {**about, **self.identity, "worker_type": type_, "stage": stage, "work": _work(pod)}
            info |= {"node": pod.node.name, "location": pod.node.location}
            info = {label: value for label, value in info.items() if value}
            both = ("lifelong-learning/Task/TasksInfo", "lifelong-learning/Worker/WorkersInfo")
            for row in both:
                yield Truth(row, "sedna_worker_info", info, 1)
            yield from state_set(both, "sedna_worker_state", about, "state", ("waiting", "active", "dead"), state)
            start = started_at(pod)
            if start is not None:
                row = "lifelong-learning/Task/TasksInfo"
                yield Truth(row, "sedna_worker_start_timestamp_seconds", about, start)
                if pod.finished is not None:
                    yield Truth(row, "sedna:worker_duration:seconds", about, whole(pod.finished) - start)


class Service(Job):
    """One of the services, which run until somebody removes them. GM never looks again at one that has failed."""

    failed = False

    @property
    def state(self) -> str:
        if self.failed:
            return "Failed"
        return "Running" if self.conditions else "Pending"


def _worker_type(pod: Pod) -> str:
    return next(value for key, value in pod.labels.items() if key.endswith("/worker-type"))


def _work(pod: Pod) -> str:
    return WORKER_TYPES[_worker_type(pod)].work


def hook_variables(hooked: bool) -> dict[str, str]:
    """The variable that turns the worker hook on, for the template of a worker."""
    return {HOOK: HOOK_VALUE} if hooked else {}


def template(node: Node, container: Object, **more: Any) -> Object:
    """The template of a worker, as users write it."""
    return {"spec": {"nodeName": node.name, **more, "containers": [container]}}
