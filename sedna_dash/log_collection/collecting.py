"""Which lines a collector reads, whose they are, and where they go: what is chosen, and how labels come about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from sedna_dash.crds import CRDS
from sedna_dash.log_collection.reading import KIND_OF_TYPE, WORKER_POD
from sedna_dash.log_collection.rules import Rules

#: Where the container runtime keeps logs on a node.
PODS = "/var/log/pods"
#: The path of a container's log: ``<namespace>_<pod>_<uid>/<container>/<restarts>.log``.
POD_FILE = r".*/(?P<namespace>[^/_]+)_(?P<pod>[^/_]+)_[^/_]+/(?P<container>[^/]+)/[^/]+"
#: Where a pod has the password or token for Loki.
CREDENTIALS = "/etc/loki-credentials"
#: Where a worker writes its log for a collector in its own pod.
SHARED = "/logs"


@dataclass(frozen=True)
class Options:
    """How lines are collected.

    ``api``: pods are looked up in the Kubernetes API, else known by the names of files. ``tenant`` is one tenant,
    ``tenant_per_namespace`` one for each namespace. ``pod_label``: each pod is a stream of its own, so that Loki takes
    every backlog; else pods share streams, and what is an hour behind another pod is refused. ``hook``: the workers
    count themselves, so that what the worker hook counts is not counted from lines. ``folder`` holds the logs,
    ``state`` what the collector has to remember. ``auth`` is how Loki is told who we are; the password or token is in
    a file in ``/etc/loki-credentials``.
    """

    mode: Literal["daemonset", "sidecar"] = "daemonset"
    api: bool = False
    tenant: str = ""
    tenant_per_namespace: bool = False
    pod_label: bool = True
    hook: bool = False
    auth: Literal["none", "basic", "bearer"] = "none"
    folder: str = ""
    state: str = "/var/lib/sedna-logs"

    @property
    def pattern(self) -> str:
        """The files that are read."""
        if self.mode == "sidecar":
            return f"{self.folder or SHARED}/*.log"
        return f"{self.folder or PODS}/*/*/*.log"

    def rules(self, rules: Rules) -> Rules:
        """The rules without what the worker hook counts, if all workers have it."""
        return rules.without("worker-hook") if self.hook else rules


@dataclass(frozen=True)
class Relabel:
    """A rule as in Prometheus: where the joined ``sources`` match, ``target`` becomes ``replacement``."""

    sources: tuple[str, ...]
    regex: str
    target: str = ""
    replacement: str = "$1"
    action: str = "replace"


def relabels(rules: Rules, path: str | None) -> Iterator[Relabel]:
    """How a target gets its labels: from the label ``path`` of files, or from the Kubernetes API when it is None."""
    if path is None:
        yield from _by_api()
    else:
        yield from _by_files(path)
    for app, (namespace, container) in rules.components.items():
        yield Relabel(("namespace", "container"), f"{namespace};{container}", "app", app)
    yield Relabel(("container",), "|".join(rules.collectors), "app", "collector")
    yield Relabel(("app", "sedna_name"), ";.+", "app", "worker")
    yield Relabel(("app",), ".+", action="keep")


def _by_files(path: str) -> Iterator[Relabel]:
    """The folders tell the pod, and GM's names of pods the job and the worker's type."""
    for number, label in enumerate(("namespace", "pod", "container"), start=1):
        yield Relabel((path,), POD_FILE, label, f"${number}")
    for number, label in enumerate(("sedna_name", "worker_type"), start=1):
        yield Relabel(("pod",), WORKER_POD, label, f"${number}")
    for kind in dict.fromkeys(KIND_OF_TYPE.values()):
        types = "|".join(type_ for type_, of in KIND_OF_TYPE.items() if of == kind)
        yield Relabel(("worker_type",), types, "kind", kind)


def _by_api() -> Iterator[Relabel]:
    """GM labels every pod that it makes; see `Crd.label_prefix`."""
    meta = "__meta_kubernetes_"
    for label, source in {"namespace": "namespace", "pod": "pod_name", "container": "pod_container_name"}.items():
        yield Relabel((meta + source,), "(.+)", label)
    for crd in CRDS.values():
        prefix = f"{meta}pod_label_{crd.label_prefix}".replace(".", "_").replace("/", "_")
        if crd.runs:
            yield Relabel((f"{prefix}name",), "(.+)", "sedna_name")
            yield Relabel((f"{prefix}name",), ".+", "kind", crd.kind)
            yield Relabel((f"{prefix}worker_type",), "(.+)", "worker_type")


def found_by_api(options: Options) -> Relabel:
    """Where the files of a container are that the API knows of."""
    sources = ("__meta_kubernetes_pod_uid", "__meta_kubernetes_pod_container_name")
    return Relabel(sources, "(.+);(.+)", "__path__", f"{options.folder or PODS}/*$1/$2/*.log")
