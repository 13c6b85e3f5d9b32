"""What everything in the world shares: its clock, its chance, the cluster's objects, and where log lines go."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from sedna_dash.simulator.world.clock import Action, Clock, timestamp
from sedna_dash.simulator.world.logs import LogLine, coloured, klog

if TYPE_CHECKING:
    from sedna_dash.simulator.world.data import Dataset, Model
    from sedna_dash.simulator.world.knowledge_base import KnowledgeBase
    from sedna_dash.simulator.world.nodes import Nodes
    from sedna_dash.simulator.world.pods import Pod

Object = dict[str, Any]
Key = tuple[str, str, str]

#: What names of pods end with; Kubernetes leaves out what could be mistaken or make a word.
_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"


class Store(Protocol):
    """Where the objects of the cluster are kept."""

    def put(self, resource: str, obj: Mapping[str, Any]) -> Any: ...

    def delete(self, resource: str, namespace: str, name: str) -> Any: ...


class Site:
    """The shared part of a world. All chance comes from ``seed`` and a name, so neighbours do not disturb each other.

    While ``warming``, objects are kept back: only their last form is written, when `settle` is called.
    """

    def __init__(self, store: Store, clock: Clock, seed: int, on_log: Callable[[LogLine], None] | None) -> None:
        self.store, self.clock, self.seed, self.on_log = store, clock, seed, on_log
        self.nodes: Nodes
        self.knowledge_base: KnowledgeBase | None = None
        self.datasets: dict[tuple[str, str], Dataset] = {}
        self.models: dict[tuple[str, str], Model] = {}
        self.pods: dict[tuple[str, str], Pod] = {}
        self.gm: Pod | None = None
        #: What is wrong outside Sedna, by word and by the node or resource that it is about, and since when.
        self.troubles: dict[tuple[str, str], float] = {}
        self._unheard: list[Action] = []
        self._kept_back: dict[Key, Callable[[], Object]] | None = None
        self._last_line = 0

    def random(self, *names: object) -> random.Random:
        """Chance of its own for something that has a name."""
        return random.Random("/".join(map(str, (self.seed, *names))))  # noqa: S311 - a simulation

    # Trouble

    def trouble(self, what: str, about: str, seconds: float) -> None:
        """Let something be wrong outside Sedna for a while: nobody inside takes notice."""
        self.troubles[what, about] = self.clock.wall
        self.clock.after(seconds, lambda: self.troubles.pop((what, about), None))

    @property
    def gm_up(self) -> bool:
        """Whether GM runs."""
        return self.gm is None or self.gm.crashing_since is None

    def tell_gm(self, action: Action) -> None:
        """GM takes notice of something: now, or when it runs again."""
        if self.gm_up:
            action()
        else:
            self._unheard.append(action)

    def gm_is_back(self) -> None:
        """GM sees what happened while it was down."""
        unheard, self._unheard = self._unheard, []
        for action in unheard:
            action()

    # Objects

    def warm(self) -> None:
        """Keep objects back from now on."""
        self._kept_back = {}

    def settle(self) -> None:
        """Write what was kept back."""
        kept, self._kept_back = self._kept_back or {}, None
        for (resource, _, _), manifest in kept.items():
            self.store.put(resource, manifest())

    def put(self, resource: str, namespace: str, name: str, manifest: Callable[[], Object]) -> None:
        """Create or replace an object in the cluster."""
        if self._kept_back is None:
            self.store.put(resource, manifest())
        else:
            self._kept_back[resource, namespace, name] = manifest

    def delete(self, resource: str, namespace: str, name: str) -> None:
        """Remove an object from the cluster."""
        if self._kept_back is None:
            self.store.delete(resource, namespace, name)
        else:
            self._kept_back.pop((resource, namespace, name), None)

    # Log lines

    def say(self, pod: Pod | None, text: str | Callable[[float], str], *, stream: str = "stderr") -> None:
        """A line of a pod's container, as it is, or as it is made of its time.

        Of lines that are written at once each is a microsecond later than the one before: log stores take lines of
        the same time and text for one.
        """
        if self.on_log and pod and pod.crashing_since is None:
            self._last_line = max(int(self.clock.wall * 1e6), self._last_line + 1)
            now = self._last_line / 1e6
            said = text if isinstance(text, str) else text(now)
            self.on_log(LogLine(now, pod.namespace, pod.name, pod.container, pod.node.name, stream, said))

    def klog(self, pod: Pod | None, level: str, source: str, message: str) -> None:
        """A line of GM or an LC."""
        self.say(pod, lambda now: klog(now, level, source, message))

    def python_log(self, pod: Pod | None, level: str, source: str, message: str) -> None:
        """A line of Sedna's Python library."""
        self.say(pod, lambda now: coloured(now, level, source, message))


def metadata(namespace: str, name: str, uid: str, created: float) -> Object:
    """What every object has; ``created`` is its wall-clock instant."""
    return {"namespace": namespace, "name": name, "uid": uid, "creationTimestamp": timestamp(created)}


def new_uid(chance: random.Random) -> str:
    """A uid like those that the API server gives."""
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


def new_suffix(chance: random.Random, length: int = 5) -> str:
    """The random end of a pod's name."""
    return "".join(chance.choices(_SUFFIX, k=length))
