"""Metrics that a log collector makes from the lines of Sedna's programs, and what it counts of its own.

The texts are those of GM, LC and Sedna's Python library; the families are the catalog's with the source log-metrics.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol

from sedna_dash.crds import CRDS
from sedna_dash.exposition import Sample

_KINDS = {kind.lower(): kind for kind in CRDS}


class Line(Protocol):
    """A log line: what the world's lines have."""

    @property
    def namespace(self) -> str: ...
    @property
    def pod(self) -> str: ...
    @property
    def container(self) -> str: ...
    @property
    def node(self) -> str: ...
    @property
    def text(self) -> str: ...


class Writer(NamedTuple):
    """What a pod works for (empty for Sedna's own programs), and whether the worker hook runs in it."""

    kind: str = ""
    name: str = ""
    hooked: bool = False


class _Rule(NamedTuple):
    """A line that means something: ``labels`` are filled from the line's own and from the pattern's named groups.

    A counter counts the lines; a gauge takes the group ``value``, or the ``value`` of the rule.
    """

    container: str  # gm, lc, or worker
    pattern: re.Pattern[str]
    family: str
    labels: Mapping[str, str]
    counts: bool
    value: float = 0.0
    hook: bool = False  # the worker hook writes this, too


_JOB = {"namespace": "{namespace}", "kind": "{kind}", "name": "{name}"}
_RULES = (
    _Rule("worker", re.compile("get cloud result error"), "sedna_inference_errors_total",
          {**_JOB, "location": "cloud"}, counts=True, hook=True),
    _Rule("worker", re.compile(r"Federated learning start, round_number=(?P<value>\d+)"),
          "sedna_federated_participant_round",
          {"namespace": "{namespace}", "name": "{name}", "node": "{node}"}, counts=False, hook=True),
    _Rule("worker", re.compile("Unseen task is detected"), "sedna_inference_unseen_total", _JOB, counts=True),
    _Rule("worker", re.compile("KB update Fail|Upload task .* fail"), "sedna_knowledge_base_write_errors_total",
          _JOB, counts=True),
    _Rule("lc", re.compile(r"job\((?P<namespace>[^/]+)/(?P<kind>[^/]+)/(?P<name>[^)]+)\)'s current "
                           r"(?P<stage>train|eval) samples nums is (?P<value>\d+)"),
          "sedna_job_stage_samples", {**_JOB, "stage": "{stage}", "method": "reported"}, counts=False),
    _Rule("lc", re.compile("websocket connects global manager.* successful"), "sedna_lc_connected",
          {"node": "{node}"}, counts=False, value=1.0),
    _Rule("lc", re.compile(r"client tries to connect global manager.* failed|received message from global manager.* "
                           "failed"),
          "sedna_lc_connected", {"node": "{node}"}, counts=False),
    _Rule("gm", re.compile("established connection for node (?P<node>.+)"), "sedna_gm_connection_changes_total",
          {"node": "{node}", "change": "opened"}, counts=True),
    _Rule("gm", re.compile("closed connection for node (?P<node>.+)"), "sedna_gm_connection_changes_total",
          {"node": "{node}", "change": "closed"}, counts=True),
    _Rule("gm", re.compile("Error to update (?P<namespace>[^/ ]+)/(?P<name>[^/ ]+) status, tried"),
          "sedna_gm_status_update_errors_total", {"namespace": "{namespace}", "name": "{name}"}, counts=True),
)  # fmt: skip


class LogMetrics:
    """Reads lines, and says what they add up to. ``writer`` tells what a pod works for. Safe among threads."""

    def __init__(self, writer: Callable[[str, str], Writer]) -> None:
        self._writer = writer
        self._lock = threading.Lock()
        self._series: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
        self._connected: set[str] = set()
        self._heard = False
        #: Lines and bytes read, by node.
        self.lines: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()

    def read(self, line: Line) -> None:
        """Take in one line."""
        with self._lock:
            self.lines[line.node] += 1
            self.bytes[line.node] += len(line.text) + 1
            container = line.container if line.container in ("gm", "lc", "kb") else "worker"
            for rule in _RULES:
                if rule.container == container and (found := rule.pattern.search(line.text)):
                    self._apply(rule, found.groupdict(), line)

    def assume_connected(self, nodes: Iterable[str]) -> None:
        """The nodes whose LC has a connection, if the lines that said so were written before anybody read them."""
        with self._lock:
            for node in nodes:
                self._series.setdefault(("sedna_lc_connected", (("node", node),)), 1.0)
                self._connected.add(node)
            self._heard = True

    def samples(self) -> Iterator[Sample]:
        """The series as they stand."""
        with self._lock:
            series, connected, heard = list(self._series.items()), len(self._connected), self._heard
        for (family, labels), value in series:
            yield Sample(family, dict(labels), value)
        if heard:
            yield Sample("sedna_gm_connected_nodes", {}, float(connected))

    def _apply(self, rule: _Rule, found: dict[str, str], line: Line) -> None:
        writer = self._writer(line.namespace, line.pod) if rule.container == "worker" else Writer()
        if rule.container == "worker" and (not writer.name or (rule.hook and writer.hooked)):
            return
        known = {"namespace": line.namespace, "node": line.node, "kind": writer.kind, "name": writer.name, **found}
        known["kind"] = _KINDS.get(known["kind"].lower(), known["kind"])
        known["stage"] = known.get("stage", "").capitalize()
        labels = tuple((label, text.format(**known)) for label, text in rule.labels.items())
        if rule.counts:
            self._series[rule.family, labels] = self._series.get((rule.family, labels), 0.0) + 1
        else:
            self._series[rule.family, labels] = float(found.get("value") or rule.value)
        if rule.family == "sedna_gm_connection_changes_total":
            self._heard = True
            change = self._connected.add if ("change", "opened") in labels else self._connected.discard
            change(known["node"])
