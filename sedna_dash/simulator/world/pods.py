"""Pods: GM's, the LCs', the knowledge base's, and those of the workers."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sedna_dash.exposition import Sample
from sedna_dash.simulator.world.clock import Action, Timer, timestamp, whole
from sedna_dash.simulator.world.nodes import Node
from sedna_dash.simulator.world.site import Object, Site, metadata, new_uid
from sedna_dash.simulator.world.truth import Truth, state_set
from sedna_dash.worker.target import VARIABLE as HOOK

_PHASES = ("Pending", "Running", "Succeeded", "Failed", "Unknown")
#: Seconds between two tries to get an image, and the first and the longest pause of a container that fails at once.
_PULL_AGAIN, _FIRST_PAUSE, _LONGEST_PAUSE = 300.0, 10.0, 300.0


class Pod:
    """One pod with one container. It is pending until its node can be reached, and then for some seconds.

    ``on_change`` is called after its phase or readiness changed, ``on_start`` whenever its container has started.
    ``samples`` gives what its worker hook serves.
    """

    def __init__(
        self,
        site: Site,
        *,
        namespace: str,
        name: str,
        node: Node,
        labels: Mapping[str, str],
        containers: Sequence[Object],
        owner: Object | None = None,
        host_network: bool = False,
        restart_policy: str = "Always",
        on_change: Action | None = None,
    ) -> None:
        self.site, self.namespace, self.name, self.node = site, namespace, name, node
        self.labels, self.containers, self.owner = dict(labels), list(containers), owner
        self.host_network, self.restart_policy = host_network, restart_policy
        self.on_change = on_change
        self.on_start: Action | None = None
        self.samples: Callable[[], list[Sample]] = list
        self.chance: random.Random = site.random("pod", namespace, name)
        self.uid = new_uid(self.chance)
        self.phase = "Pending"
        self.created = site.clock.wall
        self.started: float | None = None
        self.running_since: float | None = None
        self.finished: float | None = None
        self.restarts = 0
        self.end: Object | None = None
        self.last_end: Object | None = None
        #: Why its container does not run yet, and since when it fails as soon as it starts.
        self.waits_for = "ContainerCreating"
        self.crashing_since: float | None = None
        self._next_try: Timer | None = None
        self.gone = False
        self._address = f"10.244.{self.chance.randrange(1, 250)}.{self.chance.randrange(2, 250)}"
        site.pods[namespace, name] = self
        node.pods.append(self)
        self.save()
        node.to_cloud(self._pull)

    # What is asked of it

    @property
    def container(self) -> str:
        """The name of its container."""
        return str(self.containers[0]["name"])

    @property
    def address(self) -> str:
        return self.node.address if self.host_network else self._address

    @property
    def ready(self) -> bool:
        return self.phase == "Running" and self.node.ready and self.crashing_since is None

    @property
    def hooked(self) -> bool:
        """Whether the worker hook runs in it."""
        return any(entry["name"] == HOOK for entry in self.containers[0].get("env", ()))

    @property
    def serves(self) -> bool:
        """Whether its worker hook can be reached."""
        return self.hooked and self.phase == "Running" and self.node.linked

    # What happens to it

    def _pull(self) -> None:
        """Its node learns of it, and gets the image if it can."""
        if self.node.registry:
            self.site.clock.after(self.chance.uniform(2.5, 5.5), self._run)
        elif not self.gone:
            self.waits_for = "ImagePullBackOff"
            self.save()
            self.site.clock.after(_PULL_AGAIN, self._pull)

    def _run(self) -> None:
        if self.gone or self.phase != "Pending":
            return
        self.phase = "Running"
        self.started = min(self.site.clock.wall, self.created + 1 / self.site.clock.pace)
        self.running_since = self.site.clock.wall
        self.save()
        self._began()
        self.changed()

    def _began(self) -> None:
        if self.on_start:
            self.on_start()
        self.node.collect(self)

    def succeed(self) -> None:
        """Its container ended well."""
        self._ended("Succeeded", "Completed", 0)

    def fail(self, reason: str = "Error", exit_code: int = 1) -> None:
        """Its container failed, and is not started again."""
        self._ended("Failed", reason, exit_code)

    def _ended(self, phase: str, reason: str, exit_code: int) -> None:
        end, finished = self._terminated(reason, exit_code), self.site.clock.wall

        def told() -> None:
            if not self.gone and self.phase == "Running":
                self.phase, self.finished, self.end = phase, finished, end
                self.save()
                self.changed()

        self.node.to_cloud(told)

    def restart(self, reason: str = "Error", exit_code: int = 1) -> None:
        """Its container ended and was started again at once."""
        if self.phase == "Running":
            self.restarts += 1
            self.last_end = self._terminated(reason, exit_code)
            self.running_since = self.site.clock.wall
            self.save()
            self._began()

    def crash_loop(self) -> None:
        """From now on its container fails whenever it is started, until it can `recover`."""
        self.crashing_since = self.site.clock.wall
        self._crash(_FIRST_PAUSE)
        self.changed()

    def _crash(self, pause: float) -> None:
        self.restarts += 1
        self.last_end = self._terminated("Error", 255)
        self.save()
        self._next_try = self.site.clock.after(pause, lambda: self._crash(min(2 * pause, _LONGEST_PAUSE)))

    def recover(self) -> None:
        """Its container runs again."""
        if self._next_try:
            self._next_try.cancel()
        self.crashing_since, self.running_since = None, self.site.clock.wall
        self.save()
        self._began()
        self.changed()

    def _terminated(self, reason: str, exit_code: int) -> Object:
        now = timestamp(self.site.clock.wall)
        return {
            "exitCode": exit_code,
            "reason": reason,
            "startedAt": timestamp(self.running_since or self.created),
            "finishedAt": now,
            "containerID": self._container_id(self.restarts),
        }

    def remove(self) -> None:
        """Delete it."""
        if not self.gone:
            self.gone = True
            self.site.pods.pop((self.namespace, self.name), None)
            self.node.pods.remove(self)
            self.node.forget(self)
            self.site.delete("pods", self.namespace, self.name)

    def changed(self) -> None:
        """Tell who watches it."""
        if self.on_change and not self.gone:
            self.on_change()

    # How it looks

    def save(self) -> None:
        if not self.gone:
            self.site.put("pods", self.namespace, self.name, self.manifest)

    def manifest(self) -> Object:
        about = metadata(self.namespace, self.name, self.uid, self.created) | {"labels": self.labels}
        if self.owner:
            about["ownerReferences"] = [self.owner]
        status: Object = {"phase": self.phase, "hostIP": self.node.address, "conditions": self._conditions()}
        if self.started is not None:
            status |= {"podIP": self.address, "startTime": timestamp(self.started)}
        status["containerStatuses"] = [self._container_status()]
        return {
            "metadata": about,
            "spec": {
                "nodeName": self.node.name,
                "hostNetwork": self.host_network,
                "restartPolicy": self.restart_policy,
                "containers": self.containers,
            },
            "status": status,
        }

    def _conditions(self) -> list[Object]:
        started = self.phase != "Pending"
        since = self.running_since if started else self.created
        if self.finished is not None:
            since = self.finished
        elif self.crashing_since is not None:
            since = self.crashing_since
        elif started and not self.node.ready:
            since = self.node.ready_since
        ready = {"status": "True" if self.ready else "False", "lastTransitionTime": timestamp(since or self.created)}
        if self.phase == "Succeeded":
            ready["reason"] = "PodCompleted"
        created = timestamp(self.created)
        return [
            {"type": "Initialized", "status": "True", "lastTransitionTime": created},
            {"type": "Ready", **ready},
            {"type": "ContainersReady", **ready},
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": created},
        ]

    def _container_status(self) -> Object:
        image = str(self.containers[0].get("image", ""))
        state: Object
        if self.end:
            state = {"terminated": self.end}
        elif self.crashing_since is not None:
            state = {"waiting": {"reason": "CrashLoopBackOff"}}
        elif self.running_since is not None:
            state = {"running": {"startedAt": timestamp(self.running_since)}}
        else:
            state = {"waiting": {"reason": self.waits_for}}
        running = self.phase == "Running" and self.crashing_since is None
        status: Object = {
            "name": self.container,
            "image": image,
            "imageID": f"{image.split(':')[0]}@sha256:{self.uid.replace('-', '') * 2}" if self.started else "",
            "ready": running,
            "started": running,
            "restartCount": self.restarts,
            "state": state,
            "lastState": {"terminated": self.last_end} if self.last_end else {},
        }
        if self.running_since is not None:
            status["containerID"] = self._container_id(self.restarts)
        return status

    def _container_id(self, restart: int) -> str:
        return f"containerd://{self.uid.replace('-', '')}{restart:032x}"

    # What is true of it

    def truths(self) -> Iterator[Truth]:
        labels = {"namespace": self.namespace, "pod": self.name, "uid": self.uid}
        yield from state_set(
            ["observability/Common/PodStatus"], "kube_pod_status_phase", labels, "phase", _PHASES, self.phase
        )
        crashing = self.crashing_since is not None
        states = {
            "running": self.phase == "Running" and not crashing,
            "waiting": self.phase == "Pending" or crashing,
            "terminated": self.phase in ("Succeeded", "Failed"),
        }
        for state, holds in states.items():
            yield Truth(
                "observability/Common/ContainerStatus",
                f"kube_pod_container_status_{state}",
                {**labels, "container": self.container},
                float(holds),
            )


def environment(values: Mapping[str, Any]) -> list[Object]:
    """Variables as a container lists them."""
    return [{"name": name, "value": str(value)} for name, value in values.items()]


def container(name: str, image: str, env: Mapping[str, Any], *, memory: str = "2Gi", args: str = "") -> Object:
    """A container as users write it into the template of a worker."""
    written: Object = {"name": name, "image": image, "imagePullPolicy": "IfNotPresent"}
    if args:
        written["args"] = [args]
    if env:
        written["env"] = environment(env)
    return {**written, "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": memory}}}


def started_at(pod: Pod) -> int | None:
    """When the pod started, as far as Kubernetes tells."""
    return None if pod.started is None else whole(pod.started)
