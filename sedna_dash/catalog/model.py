"""The catalog as plain data."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

#: Labels that Prometheus or its external labels may put on any series, so that every metric has them.
AMBIENT_LABELS = frozenset({"cluster", "site", "job", "instance"})

TYPES = ("counter", "gauge", "histogram", "info", "stateset")


@dataclass(frozen=True)
class Unit:
    """How values are shown: Grafana unit ids for the value itself and for its per-second rate."""

    name: str
    grafana: str
    rate: str
    suffix: str


@dataclass(frozen=True)
class Label:
    """A label: what it says and how many values one large site has (``bound``)."""

    name: str
    help: str
    bound: int


@dataclass(frozen=True)
class Source:
    """A producer of metrics. ``missing`` is what an empty panel says; ``interval`` its usual scrape interval.

    ``install`` says how to get one that every site needs, or whole dashboards stay empty; for others it is empty.
    """

    name: str
    title: str
    interval: str
    missing: str
    install: str = ""


@dataclass(frozen=True)
class Absence:
    """When a metric, or some of its series, may rightly not be there.

    ``why`` goes behind "is absent". ``unless`` is a PromQL query that can be asked: when it finds something, the metric
    has to be there after all; without one, nothing can be concluded from its absence. ``partly`` says that only some of
    its series may be missing, but not all.
    """

    why: str
    unless: str = ""
    partly: bool = False


@dataclass(frozen=True, eq=False)
class Metric:
    """One metric family, or one derived series when ``expr`` is set.

    ``labels`` maps each label (besides `AMBIENT_LABELS`) to its legal values, or to ``()`` when it is free text.
    ``satisfies`` maps the required values that this metric shows to the label values that single them out.
    """

    name: str
    type: str
    unit: str
    help: str
    labels: Mapping[str, tuple[str, ...]]
    sources: tuple[str, ...]
    feature: str
    tier: int | None = None
    foreign: bool = False
    prefix: bool = False
    satisfies: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    expr: str | None = None
    push: Mapping[str, str] = field(default_factory=dict)
    #: The group of a derived series' recording rule, and the labels that the rule puts on it.
    group: str = ""
    fixed: Mapping[str, str] = field(default_factory=dict)
    absent: Absence | None = None
    #: Who reads it where we do not see it, such as dashboards of others; empty when our own are the only ones.
    read_by: str = ""

    @property
    def all_labels(self) -> frozenset[str]:
        """The labels a series of this family can carry."""
        return frozenset(self.labels) | AMBIENT_LABELS

    def series_names(self) -> tuple[str, ...]:
        """The names that appear in queries: a histogram has three."""
        if self.type == "histogram":
            return (self.name + "_bucket", self.name + "_count", self.name + "_sum", self.name)
        return (self.name,)


@dataclass(frozen=True)
class RecordGroup:
    """Recording rules that are evaluated together, one after the other, every ``interval``."""

    name: str
    interval: str
    about: str


@dataclass(frozen=True)
class LogFields:
    """Labels of log streams, and the structured metadata of each line, with their legal values."""

    stream: Mapping[str, tuple[str, ...]]
    metadata: Mapping[str, tuple[str, ...]]

    @property
    def all(self) -> Mapping[str, tuple[str, ...]]:
        """Both together: a label filter works on either."""
        return {**self.stream, **self.metadata}


@dataclass(frozen=True)
class Catalog:
    """Everything that was declared, by name."""

    metrics: Mapping[str, Metric]
    units: Mapping[str, Unit]
    labels: Mapping[str, Label]
    enums: Mapping[str, tuple[str, ...]]
    sources: Mapping[str, Source]
    logs: LogFields
    required: Mapping[str, str]
    features: Mapping[str, str]
    record_groups: Mapping[str, RecordGroup]

    @cached_property
    def _by_series(self) -> Mapping[str, Metric]:
        return {name: metric for metric in self.metrics.values() for name in metric.series_names()}

    @cached_property
    def _prefixes(self) -> tuple[Metric, ...]:
        return tuple(metric for metric in self.metrics.values() if metric.prefix)

    @cached_property
    def records(self) -> tuple[Metric, ...]:
        """The derived series, each behind those that it reads."""
        return tuple(metric for metric in self.metrics.values() if metric.expr is not None)

    def find(self, series: str) -> Metric | None:
        """The family of a series name as it appears in a query, or None."""
        found = self._by_series.get(series)
        if found is None:
            found = next((metric for metric in self._prefixes if series.startswith(metric.name)), None)
        return found

    def owns(self, series: str) -> bool:
        """Whether the name is ours to define, so that an unknown one is certainly a mistake."""
        return series.startswith(("sedna_", "sedna:"))


def closest(name: str, known: Iterable[str]) -> str:
    """``, did you mean 'x'?`` when something similar exists, else an empty string."""
    matches = difflib.get_close_matches(name, list(known), n=1)
    return f", did you mean '{matches[0]}'?" if matches else ""
