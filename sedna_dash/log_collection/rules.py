"""``rules.yaml`` as plain data, checked against the metric catalog."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sedna_dash.catalog import Catalog, Metric, default_catalog
from sedna_dash.catalog.loading import DataFile

DATA = Path(__file__).with_name("rules.yaml")

#: What an entry knows of itself, as labels of metrics; a pattern's group of such a name comes first.
OWN = ("namespace", "node", "kind", "name")
#: The group that holds the number.
VALUE = "value"
#: The level of an entry that does not tell its own.
UNKNOWN = "unknown"
#: The producer in the catalog that all of this is.
SOURCE = "log-metrics"


@dataclass(frozen=True)
class Format:
    """How a program begins an entry: the groups are ``level`` and ``source``, as far as it says so."""

    name: str
    pattern: re.Pattern[str]


@dataclass(frozen=True)
class Noise:
    """Lines of an app that nobody wants: dropped, and counted under the reason."""

    reason: str
    app: str
    pattern: re.Pattern[str]


@dataclass(frozen=True)
class LineMetric:
    """Entries of an app that make a metric.

    ``labels`` are constant; ``groups`` come from the pattern, ``own`` from the entry. A counter counts; a gauge is set
    to ``value``, or to the group of that name when it is None.
    """

    metric: Metric
    app: str
    pattern: re.Pattern[str]
    labels: Mapping[str, str] = field(default_factory=dict)
    value: float | None = None

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(name for name in self.pattern.groupindex if name != VALUE)

    @property
    def own(self) -> tuple[str, ...]:
        return tuple(label for label in self.metric.labels if label not in self.groups and label not in self.labels)


@dataclass(frozen=True)
class Rules:
    """Everything in the file. ``components`` maps an app to the namespace and container that it runs in."""

    components: Mapping[str, tuple[str, str]]
    collectors: tuple[str, ...]
    first_line: str
    last_line_of_exception: str
    formats: tuple[Format, ...]
    levels: Mapping[str, str]
    noise: tuple[Noise, ...]
    secrets: tuple[re.Pattern[str], ...]
    metrics: tuple[LineMetric, ...]

    def without(self, source: str) -> Rules:
        """The rules without the metrics that another producer writes, too."""
        return replace(self, metrics=tuple(rule for rule in self.metrics if source not in rule.metric.sources))

    def level(self, word: str) -> str:
        """The level that a program's word stands for."""
        return self.levels.get(word, word.lower())


@functools.cache
def load_rules(path: Path = DATA) -> Rules:
    """Read the rules. Raises `CatalogError` with file, line and cure for what is wrong."""
    return _Reader(DataFile(path), default_catalog()).rules()


class _Reader:
    def __init__(self, file: DataFile, catalog: Catalog) -> None:
        self.file, self.catalog = file, catalog
        self.apps = catalog.logs.stream["app"]

    def rules(self) -> Rules:
        file, content = self.file, self.file.content
        keys = tuple(Rules.__dataclass_fields__)
        file.check_keys(content, keys, keys)
        file.check_texts(content, ("first_line", "last_line_of_exception"))
        for key in ("first_line", "last_line_of_exception"):
            self._pattern(content[key], key)
        levels = file.mappings(content["levels"], "levels")
        for word, level in levels.items():
            if level not in self.catalog.logs.metadata["level"]:
                file.fail(f"there is no level '{level}'; use one of log_level in enums.yaml", "levels", word)
        metrics = [self._metric(index, entry) for index, entry in enumerate(content["metrics"])]
        for index, rule in enumerate(metrics):
            first = next(one for one in metrics if one.metric is rule.metric)
            if (rule.app, rule.own) != (first.app, first.own):
                # The collectors count a metric in one place.
                file.fail(f"all rules of {rule.metric.name} must be of one app, and leave the same labels to the line",
                          "metrics", index)  # fmt: skip
        return Rules(
            components={app: self._component(app, entry) for app, entry in content["components"].items()},
            collectors=tuple(content["collectors"]),
            first_line=content["first_line"],
            last_line_of_exception=content["last_line_of_exception"],
            formats=tuple(self._format(index, entry) for index, entry in enumerate(content["formats"])),
            levels=levels,
            noise=tuple(self._noise(index, entry) for index, entry in enumerate(content["noise"])),
            secrets=tuple(self._secret(index, text) for index, text in enumerate(content["secrets"])),
            metrics=tuple(metrics),
        )

    def _component(self, app: str, entry: Any) -> tuple[str, str]:
        self._check(entry, ("namespace", "container"), "components", app)
        self._app(app, "components", app)
        return entry["namespace"], entry["container"]

    def _format(self, index: int, entry: Any) -> Format:
        self._check(entry, ("name", "pattern"), "formats", index)
        pattern = self._pattern(entry["pattern"], "formats", index, "pattern")
        if not set(pattern.groupindex) <= {"level", "source"}:
            self.file.fail("its groups can only be 'level' and 'source'", "formats", index, "pattern")
        return Format(entry["name"], pattern)

    def _noise(self, index: int, entry: Any) -> Noise:
        self._check(entry, ("reason", "app", "pattern"), "noise", index)
        self._app(entry["app"], "noise", index, "app")
        return Noise(entry["reason"], entry["app"], self._pattern(entry["pattern"], "noise", index, "pattern"))

    def _secret(self, index: int, text: Any) -> re.Pattern[str]:
        pattern = self._pattern(text, "secrets", index)
        if pattern.groups != 1:
            self.file.fail("must have one group: what is hidden", "secrets", index)
        return pattern

    def _metric(self, index: int, entry: Any) -> LineMetric:
        place = ("metrics", index)
        self.file.check_keys(
            entry, ("metric", "app", "pattern", "labels", "value"), ("metric", "app", "pattern"), *place
        )
        self.file.check_texts(entry, ("metric", "app", "pattern"), *place)
        metric = self.catalog.metrics.get(entry["metric"])
        if metric is None or SOURCE not in metric.sources:
            self.file.fail(
                f"the catalog has no metric '{entry['metric']}' with the source '{SOURCE}'", *place, "metric"
            )
        self._app(entry["app"], *place, "app")
        pattern = self._pattern(entry["pattern"], *place, "pattern")
        made = LineMetric(metric, entry["app"], pattern, entry.get("labels", {}), entry.get("value"))
        for label in (*made.groups, *made.labels):
            if label not in metric.labels:
                self.file.fail(f"{metric.name} has no label '{label}'", *place, "labels")
        for label in made.own:
            if label not in (OWN if made.app == "worker" else OWN[:2]):
                self.file.fail(f"nothing says what '{label}' is; add a group or give it in labels", *place, "labels")
        for label, value in made.labels.items():
            if metric.labels[label] and value not in metric.labels[label]:
                self.file.fail(f"'{label}' is never '{value}'", *place, "labels", label)
        counts = metric.type == "counter"
        if counts == (made.value is not None or VALUE in pattern.groupindex):
            self.file.fail("a gauge needs a value or a group 'value', a counter neither", *place)
        return made

    def _check(self, entry: Any, keys: tuple[str, ...], *place: str | int) -> None:
        self.file.check_keys(entry, keys, keys, *place)
        self.file.check_texts(entry, keys, *place)

    def _app(self, app: str, *place: str | int) -> None:
        if app not in self.apps:
            self.file.fail(f"there is no app '{app}'; use one of log_app in enums.yaml", *place)

    def _pattern(self, text: Any, *place: str | int) -> re.Pattern[str]:
        try:
            return re.compile(text)
        except (re.error, TypeError) as error:
            self.file.fail(f"is no regular expression ({error})", *place)
