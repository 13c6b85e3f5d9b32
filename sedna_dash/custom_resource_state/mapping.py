"""How kube-state-metrics finds each family in a resource: ``mapping.yaml``, checked against catalog and CRDs."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sedna_dash.catalog import Catalog, Metric, default_catalog
from sedna_dash.catalog.loading import DataFile
from sedna_dash.catalog.model import closest
from sedna_dash.crds import CRDS

DATA = Path(__file__).with_name("mapping.yaml")
#: The producer's name in the catalog, and that of Kubernetes' own objects.
SOURCE = "custom-resource-state"
OBJECTS = "kube-state-metrics"

_KEYS = {"kinds", "path", "labels", "constants"}
_SEGMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\[-1\]|\[\])?")
#: What kube-state-metrics makes a number of; a time becomes seconds.
_NUMBERS = frozenset({"integer", "number", "boolean", "date-time"})


@dataclass(frozen=True)
class Expression:
    """A family as kube-state-metrics expresses it.

    ``each`` leads to the value, or to a list whose items make a series each; ``value`` goes on from such an item. The
    paths of ``labels`` begin where ``each`` ends if ``each`` is a list, else at the resource. Paths are tuples of keys
    and, for the newest item of a list, "-1".
    """

    metric: Metric
    kinds: tuple[str, ...]
    each: tuple[str, ...]
    value: tuple[str, ...]
    labels: dict[str, tuple[str, ...]]
    constants: dict[str, str]

    @property
    def state_label(self) -> str:
        """Of a state set, the label that holds its words."""
        return _own_labels(self.metric)[0]


@dataclass(frozen=True)
class Mapping:
    """All expressions in the order of the file, the label of each kind's own name, and the collectors that we need."""

    expressions: tuple[Expression, ...]
    name_labels: dict[str, str]
    collectors: tuple[str, ...]

    @property
    def families(self) -> frozenset[str]:
        """The families that kube-state-metrics can write."""
        return frozenset(expression.metric.name for expression in self.expressions)


@functools.cache
def default_mapping() -> Mapping:
    """The mapping of the catalog that ships with sedna-dash."""
    return load_mapping(DATA, default_catalog())


def load_mapping(path: Path, catalog: Catalog) -> Mapping:
    """Read a mapping; raises `CatalogError` with file, line and cure for what does not fit catalog and CRDs.

    Every family whose sources name ``custom-resource-state`` must have its entry, and no other may.
    """
    file = DataFile(path)
    file.check_keys(file.content, {"name_labels", "families", "collectors"}, ("families",))
    name_labels = dict.fromkeys(CRDS, "name") | file.mappings(file.content.get("name_labels"), "name_labels")
    for kind in name_labels.keys() - CRDS.keys():
        file.fail(f"unknown kind '{kind}'{closest(str(kind), CRDS)}", "name_labels", kind)
    entries = file.mappings(file.content["families"], "families")
    wanted = {name: metric for name, metric in catalog.metrics.items() if SOURCE in metric.sources}
    for family in entries:
        if family not in catalog.metrics:
            file.fail(f"unknown family '{family}'{closest(str(family), wanted)}", "families", family)
        if family not in wanted:
            file.fail(
                f"the catalog does not name {SOURCE} as a source of {family}; add it there or take it out here",
                "families",
                family,
            )
    for family in wanted.keys() - entries.keys():
        file.fail(f"the catalog names {SOURCE} as a source of {family}; say here how it is found", "families")
    reader = _Reader(file, name_labels)
    return Mapping(
        expressions=tuple(reader.expression(wanted[family], entry) for family, entry in entries.items()),
        name_labels=name_labels,
        collectors=_collectors(file, catalog),
    )


class _Reader:
    def __init__(self, file: DataFile, name_labels: dict[str, str]) -> None:
        self._file = file
        self._name_labels = name_labels

    def expression(self, metric: Metric, entry: Any) -> Expression:
        """One entry, checked."""
        file, at = self._file, ("families", metric.name)
        file.check_keys(entry, _KEYS, ("labels",) if metric.type == "info" else ("path",), *at)
        file.check_texts(entry, ("path",), *at)
        labels = file.mappings(entry.get("labels"), *at, "labels")
        constants = file.mappings(entry.get("constants"), *at, "constants")
        file.check_texts(labels, labels, *at, "labels")
        file.check_texts(constants, constants, *at, "constants")
        if metric.type == "info" and "path" in entry:
            file.fail("an info metric has no value, and so no path; give only labels", *at, "path")
        if metric.type not in ("gauge", "stateset", "info"):
            file.fail(f"kube-state-metrics cannot make a {metric.type} of a resource; take the family out", *at)
        texts: dict[tuple[str, ...], str] = {(*at, "labels", label): path for label, path in labels.items()}
        if "path" in entry:
            texts |= {(*at, "path"): entry["path"]}
        kinds = self._kinds(metric, entry, texts, at)
        for kind in kinds:
            self._check_labels(metric, kind, {*labels, *constants}, at)
            for where, path in texts.items():
                self._check_path(metric, kind, path, where)
        for label, value in constants.items():
            if metric.labels[label] and value not in metric.labels[label]:
                file.fail(f"'{value}' is no value of '{label}' in the catalog", *at, "constants", label)
        each, rest = self._split(texts, at)
        return Expression(
            metric=metric,
            kinds=kinds,
            each=each,
            value=rest.pop((*at, "path"), ()),
            labels={str(where[-1]): path for where, path in rest.items()},
            constants=constants,
        )

    def _kinds(
        self, metric: Metric, entry: Any, texts: dict[tuple[str, ...], str], at: tuple[str, ...]
    ) -> tuple[str, ...]:
        """The kinds that are named, or else all of the label ``kind`` that have the paths."""
        given = entry.get("kinds")
        if given is None:
            known = [
                kind for kind in metric.labels.get("kind", ()) if all(_type(kind, path) for path in texts.values())
            ]
            if "kind" not in metric.labels:
                self._file.fail(f"{metric.name} has no label kind, so name its kinds", *at)
            if not known:
                where, path = next(iter(texts.items()))
                self._file.fail(f"no kind has the path '{path}'{self._closest(path, CRDS)}", *where)
            return tuple(known)
        if not isinstance(given, list) or not given:
            self._file.fail("'kinds' must be a list of kinds", *at, "kinds")
        for kind in given:
            if kind not in CRDS:
                self._file.fail(f"unknown kind '{kind}'{closest(str(kind), CRDS)}", *at, "kinds")
        return tuple(given)

    def _check_labels(self, metric: Metric, kind: str, given: set[str], at: tuple[str, ...]) -> None:
        """The labels together must be exactly those of the catalog."""
        identity = {"namespace", "kind", self._name_labels[kind]} & metric.labels.keys()
        state = set(_own_labels(metric)) if metric.type == "stateset" else set()
        for label in sorted(given - metric.labels.keys()):
            part = "labels" if label in self._file.content["families"][metric.name].get("labels", {}) else "constants"
            self._file.fail(f"{metric.name} has no label '{label}'{closest(label, metric.labels)}", *at, part, label)
        missing = metric.labels.keys() - identity - state - given
        if missing:
            self._file.fail(f"no path for the label '{min(missing)}' of {metric.name} at {kind}; add it", *at)

    def _check_path(self, metric: Metric, kind: str, path: str, where: tuple[str, ...]) -> None:
        """The CRD must have the path, with a type that becomes what it is for."""
        type_ = _type(kind, path)
        if type_ is None:
            self._file.fail(f"{kind} has no field '{path}'{self._closest(path, [kind])}", *where)
        is_number = where[-1] == "path" and metric.type == "gauge"
        if (type_ in _NUMBERS) != is_number or type_ == "object":
            wanted = "a number or a time" if is_number else "a text"
            self._file.fail(f"'{path}' of {kind} is of type {type_}, and this takes {wanted}", *where)

    def _split(
        self, texts: dict[tuple[str, ...], str], at: tuple[str, ...]
    ) -> tuple[tuple[str, ...], dict[tuple[str, ...], tuple[str, ...]]]:
        """The path that they have in common up to a list, and what follows it in each.

        Without a list, ``each`` is the path of the value itself, and labels are found from the resource.
        """
        lists = {path.rpartition("[]")[0] for path in texts.values()}
        if len(lists) > 1:
            self._file.fail("value and labels must be in the same list ([])", *at)
        (head,) = lists
        if head:
            each = keys(head)
            return each, {where: keys(path[len(head) + 3 :]) for where, path in texts.items()}
        value = texts.get((*at, "path"))
        rest = {where: keys(path) for where, path in texts.items() if where[-1] != "path" or len(where) > len(at) + 1}
        return keys(value) if value else (), rest

    @staticmethod
    def _closest(path: str, kinds: Iterable[str]) -> str:
        return closest(path, {known for kind in kinds for known in CRDS[kind].paths})


def keys(path: str) -> tuple[str, ...]:
    """A path as kube-state-metrics writes it: ``a.b[-1].c`` is a, b, -1, c."""
    return tuple(part for segment in path.split(".") for part in re.split(r"\[(-1)\]", segment) if part)


def _type(kind: str, path: str) -> str | None:
    """The type of a field, or None if the CRD has no such path."""
    if not all(_SEGMENT.fullmatch(segment) for segment in path.split(".")):
        return None
    return CRDS[kind].paths.get(path.replace("[-1]", "[]"))


def _own_labels(metric: Metric) -> list[str]:
    """The labels with a set of words, besides the kind."""
    return [label for label, words in metric.labels.items() if words and label != "kind"]


def _collectors(file: DataFile, catalog: Catalog) -> tuple[str, ...]:
    """The collectors of kube-state-metrics that the catalog's metrics of Kubernetes' objects need."""
    given = file.mappings(file.content.get("collectors"), "collectors")
    file.check_texts(given, given, "collectors")
    found = set()
    for name, metric in catalog.metrics.items():
        if OBJECTS in metric.sources:
            beginning = max((start for start in given if name.startswith(start)), key=len, default=None)
            if beginning is None:
                file.fail(f"no collector for {name}; add the beginning of its name", "collectors")
            found.add(given[beginning])
    return tuple(sorted(found - {""}))
