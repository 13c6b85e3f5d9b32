"""What becomes of a line: the same as in a collector with our config, in Python."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

from sedna_dash.crds import CRDS, WORKER_TYPES
from sedna_dash.log_collection.rules import UNKNOWN, VALUE, LineMetric, Rules, load_rules

#: What stands in place of a secret.
HIDDEN = "<hidden>"

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_TYPES = "|".join(WORKER_TYPES)
#: GM names pods ``<job>-<type>-<5>`` and deployments' pods ``<job>-deployment-<type>-<hash>-<5>``.
WORKER_POD = rf"(?P<sedna_name>.+?)-(?:deployment-)?(?P<worker_type>{_TYPES})-(?:[a-z0-9]{{5,10}}-)?[a-z0-9]{{5}}"
_WORKER_POD = re.compile(WORKER_POD)

#: The kind by what it is in labels of pods and in lines.
KINDS: Mapping[str, str] = {kind.lower(): kind for kind in CRDS}
#: The kind by the type of worker, where no other kind has such.
KIND_OF_TYPE: Mapping[str, str] = {
    type_: kinds[0]
    for type_ in WORKER_TYPES
    if len(kinds := [crd.kind for crd in CRDS.values() if type_ in crd.workers]) == 1
}


class Written(Protocol):
    """What a container wrote: a line, or several that belong together, with colours and all."""

    @property
    def namespace(self) -> str: ...
    @property
    def pod(self) -> str: ...
    @property
    def container(self) -> str: ...
    @property
    def node(self) -> str: ...
    @property
    def stream(self) -> str: ...
    @property
    def text(self) -> str: ...


class Dropped(NamedTuple):
    """A line that goes nowhere, and why."""

    reason: str


class Entry(NamedTuple):
    """What goes to Loki: labels of the stream, structured metadata, and the text."""

    labels: dict[str, str]
    metadata: dict[str, str]
    text: str


class Count(NamedTuple):
    """What an entry does to a metric: adds 1 when ``value`` is None, else sets it."""

    rule: LineMetric
    labels: dict[str, str]
    value: float | None


def entry(
    written: Written,
    pod_labels: Mapping[str, str] | None = None,
    rules: Rules | None = None,
    *,
    pod_label: bool = True,
) -> Entry | Dropped:
    """Read what a container wrote. ``pod_labels`` are those in Kubernetes; None when nobody could be asked.
    ``pod_label`` makes each pod a stream of its own.
    """
    rules = rules or load_rules()
    labels = identity(written, pod_labels, rules)
    if not labels:
        return Dropped("no part of Sedna")
    metadata: dict[str, str] = {}
    (labels if pod_label else metadata)["pod"] = written.pod
    text = _COLOUR.sub("", written.text)
    for noise in rules.noise:
        if noise.app == labels["app"] and noise.pattern.search(text):
            return Dropped(noise.reason)
    for secret in rules.secrets:
        text = secret.sub(_hidden, text)
    metadata["level"] = UNKNOWN
    for format_ in rules.formats:
        if found := format_.pattern.match(text):
            said = found.groupdict()
            if said.get("level"):
                said["level"] = rules.level(said["level"])
            metadata |= {name: value for name, value in said.items() if value}
    return Entry(labels, metadata, text)


def identity(written: Written, pod_labels: Mapping[str, str] | None, rules: Rules) -> dict[str, str]:
    """The labels, which do not depend on the text; none when the pod is no part of Sedna."""
    whose: dict[str, str] = {}
    here = (written.namespace, written.container)
    app = next((name for name, place in rules.components.items() if place == here), "")
    if not app and written.container in rules.collectors:
        app = "collector"
    if not app:
        whose = dict(zip(("kind", "sedna_name", "worker_type"), _work(written.pod, pod_labels), strict=True))
        app = "worker" if whose["sedna_name"] else ""
    if not app:
        return {}
    labels = {"namespace": written.namespace, "app": app, "node": written.node, "container": written.container,
              "stream": written.stream}  # fmt: skip
    return {**labels, **{name: value for name, value in whose.items() if value}}


def counts(read: Entry, rules: Rules | None = None) -> Iterator[Count]:
    """What an entry adds to the metrics from logs."""
    about = {**read.labels, **read.metadata, "name": read.labels.get("sedna_name", "")}
    for rule in (rules or load_rules()).metrics:
        if rule.app == read.labels["app"] and (found := rule.pattern.search(read.text)):
            said = found.groupdict()
            value = float(said.pop(VALUE)) if VALUE in said else rule.value
            labels = {name: cased(name, said[name]) for name in rule.groups}
            yield Count(rule, {**{name: about.get(name, "") for name in rule.own}, **rule.labels, **labels}, value)


def cased(label: str, value: str) -> str:
    """Kinds and stages as the catalog writes them; Sedna's programs log them in lower case."""
    if label == "kind":
        return KINDS.get(value, value)
    return value.capitalize() if label == "stage" else value


def _work(pod: str, pod_labels: Mapping[str, str] | None) -> tuple[str, str, str]:
    """Kind, name and type of what a pod works for; what is not known is empty."""
    if pod_labels is not None:
        for crd in CRDS.values():
            if name := pod_labels.get(crd.label_prefix + "name"):
                return crd.kind, name, pod_labels.get(crd.label_prefix + "worker-type", "")
        return "", "", ""
    if found := _WORKER_POD.fullmatch(pod):
        return KIND_OF_TYPE.get(found[2], ""), found[1], found[2]
    return "", "", ""


def _hidden(found: re.Match[str]) -> str:
    start, end = found.start(1) - found.start(), found.end(1) - found.start()
    return found[0][:start] + HIDDEN + found[0][end:]
