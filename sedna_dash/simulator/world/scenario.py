"""Reading scenarios: a file of YAML into options, each mistake with its line and its cure."""

from __future__ import annotations

import dataclasses
import functools
import re
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import yaml

from sedna_dash.errors import SettingsError
from sedna_dash.schemas import nearest
from sedna_dash.simulator.api_resources import API_RESOURCES
from sedna_dash.simulator.world.kinds import KINDS
from sedna_dash.simulator.world.options import (
    EVENTS,
    JOBS,
    DatasetName,
    DatasetOptions,
    Duration,
    JobEventOptions,
    JobName,
    JobOptions,
    ModelName,
    ModelOptions,
    NodeName,
    ResourceName,
    Scenario,
    Share,
    ShrinkOptions,
)

SCENARIOS = Path(__file__).with_name("scenarios")

_TAGGED: Mapping[str, tuple[str, Mapping[str, type]]] = {"jobs": ("kind", JOBS), "events": ("do", EVENTS)}
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


def scenario_names() -> list[str]:
    """The scenarios that come with sedna-dash."""
    return sorted(path.stem for path in SCENARIOS.glob("*.yaml"))


def load_scenario(name: str | Path, *, jobs: int | None = None) -> Scenario:
    """The scenario of a name, or of a file if ``name`` is one. ``jobs`` stretches or shrinks it to so many jobs.

    Raises `SettingsError`: one sentence with file, line and cure.
    """
    path = Path(name)
    if isinstance(name, str) and path.suffix not in (".yaml", ".yml"):
        if name not in scenario_names():
            raise SettingsError(f"there is no scenario '{name}'{nearest(name, scenario_names())}, or name a .yaml file")
        path = SCENARIOS / f"{name}.yaml"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise SettingsError(f"{path}: cannot be read ({why}); check the path and its rights") from None
    scenario = _Reader(path).scenario(text)
    return scenario if jobs is None else stretched(scenario, jobs)


def stretched(scenario: Scenario, jobs: int) -> Scenario:
    """The same scenario with so many jobs, as many of each kind as before in proportion, and datasets to match."""
    total = sum(options.count for _, options in scenario.jobs)
    if jobs < len(scenario.jobs):
        raise SettingsError(f"this scenario has {len(scenario.jobs)} sorts of jobs; ask for as many jobs at least")
    # One of each sort, and the rest in proportion.
    counts = [1 + options.count * (jobs - len(scenario.jobs)) // total for _, options in scenario.jobs]
    counts[0] += jobs - sum(counts)
    return dataclasses.replace(
        scenario,
        datasets=[
            dataclasses.replace(dataset, count=max(2, dataset.count * jobs // total)) if dataset.count > 1 else dataset
            for dataset in scenario.datasets
        ],
        jobs=[
            (kind, dataclasses.replace(options, count=count))
            for (kind, options), count in zip(scenario.jobs, counts, strict=True)
        ],
    )


def one_of(options: Any, scenario: Scenario, number: int) -> Any:
    """Options of one of several jobs: each name of nodes or datasets that are several becomes that of one of them."""
    counts: dict[Any, dict[str, int]] = {
        NodeName: {node.name: node.count for node in scenario.nodes},
        DatasetName: {dataset.name: dataset.count for dataset in scenario.datasets},
    }

    def chosen(value: Any, hint: Any, number: int) -> Any:
        if hint in counts:
            count = counts[hint].get(value, 1)
            return value if count == 1 else f"{value}-{number % count + 1}"
        if typing.get_origin(hint) is list:
            return [chosen(item, typing.get_args(hint)[0], number + index) for index, item in enumerate(value)]
        return one_of(value, scenario, number) if dataclasses.is_dataclass(hint) else value

    kind: Any = type(options)
    changes = {name: chosen(getattr(options, name), hint, number) for name, hint in _hints(kind).items()}
    return dataclasses.replace(options, **changes)


def numbered(name: str, count: int) -> Iterator[str]:
    """The names of several that are written once: ``edge-1``, ``edge-2`` and so on."""
    return iter([name]) if count == 1 else (f"{name}-{number}" for number in range(1, count + 1))


class _Reader:
    """Turns nodes of YAML into options, by the types of their fields."""

    def __init__(self, path: Path) -> None:
        self.path = path
        #: Names that were used, to be looked up when everything is read: type, name, node.
        self.used: list[tuple[Any, str, yaml.Node]] = []
        #: What jobs and events the file has, and where.
        self.found: list[tuple[str, Any, yaml.Node]] = []

    def scenario(self, text: str) -> Scenario:
        try:
            root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f":{mark.line + 1}" if mark else ""
            raise SettingsError(f"{self.path}{line}: is no YAML; repair it, or quote the text") from None
        if root is None:
            raise SettingsError(f"{self.path}: is empty; begin with 'title:'")
        scenario: Scenario = self._options(root, Scenario, "")
        self._check_names(scenario)
        return scenario

    def _fail(self, node: yaml.Node, sentence: str) -> NoReturn:
        raise SettingsError(f"{self.path}:{node.start_mark.line + 1}: {sentence}")

    def _options(self, node: yaml.Node, kind: Any, at: str, skip: str = "") -> Any:
        """A mapping as an object of a dataclass; the key ``skip`` was read already."""
        if not isinstance(node, yaml.MappingNode):
            self._fail(node, f"{at or 'the file'} must be a mapping of keys to values")
        types_ = _hints(kind)
        fields = {field.name: field for field in dataclasses.fields(kind)}
        given: dict[str, Any] = {}
        for key, value in node.value:
            if key.value == skip:
                continue
            place = f"{at}.{key.value}".lstrip(".")
            if key.value not in fields:
                self._fail(key, f"{at + ': ' if at else ''}unknown key '{key.value}'{nearest(key.value, fields)}")
            if key.value in given:
                self._fail(key, f"{place} is here for the second time; keep one")
            tagged = _TAGGED.get(key.value) if kind is Scenario else None
            given[key.value] = (
                self._tagged(value, place, *tagged) if tagged else self._value(value, types_[key.value], place)
            )
        for name, field in fields.items():
            if name not in given and field.default is field.default_factory is dataclasses.MISSING:
                self._fail(node, f"{at or 'the file'} lacks the key '{name}'; add it")
        return kind(**given)

    def _tagged(self, node: yaml.Node, at: str, tag: str, kinds: Mapping[str, type]) -> list[tuple[str, Any]]:
        """A list of mappings, each with a key that says which options it has."""
        found = []
        for index, item in enumerate(self._items(node, at)):
            place = f"{at}[{index}]"
            if not isinstance(item, yaml.MappingNode):
                self._fail(item, f"{place} must be a mapping of keys to values")
            said = next((value for key, value in item.value if key.value == tag), None)
            if said is None:
                self._fail(item, f"{place} lacks the key '{tag}'; add it{nearest('', kinds).replace(';', ':', 1)}")
            if said.value not in kinds:
                self._fail(said, f"{place}.{tag}: '{said.value}' is not known{nearest(said.value, kinds)}")
            options = self._options(item, kinds[said.value], place, skip=tag)
            found.append((said.value, options))
            self.found.append((said.value, options, said))
        return found

    def _items(self, node: yaml.Node, at: str) -> list[yaml.Node]:
        if not isinstance(node, yaml.SequenceNode):
            self._fail(node, f"{at} must be a list")
        return list(node.value)

    def _value(self, node: yaml.Node, kind: Any, at: str) -> Any:
        origin, arguments = typing.get_origin(kind), typing.get_args(kind)
        if origin in (typing.Union, types.UnionType):
            if isinstance(node, yaml.SequenceNode) and any(typing.get_origin(one) is list for one in arguments):
                return self._value(node, next(a for a in arguments if typing.get_origin(a) is list), at)
            return self._value(node, next(a for a in arguments if typing.get_origin(a) is None), at)
        if origin is list:
            return [self._value(item, arguments[0], f"{at}[{i}]") for i, item in enumerate(self._items(node, at))]
        if origin is not None and origin is not typing.Literal:
            if not isinstance(node, yaml.MappingNode):
                self._fail(node, f"{at} must be a mapping of keys to values")
            return {key.value: self._value(value, arguments[1], f"{at}.{key.value}") for key, value in node.value}
        if dataclasses.is_dataclass(kind):
            return self._options(node, kind, at)
        if not isinstance(node, yaml.ScalarNode):
            self._fail(node, f"{at} must be a single value")
        if origin is typing.Literal:
            if node.value not in arguments:
                self._fail(node, f"{at}: '{node.value}' is not known{nearest(node.value, filter(None, arguments))}")
            return node.value
        return self._scalar(node, kind, at)

    def _scalar(self, node: yaml.ScalarNode, kind: Any, at: str) -> Any:
        tag = node.tag.rpartition(":")[2]
        if kind in _THINGS:
            self.used.append((kind, node.value, node))
            return node.value
        if kind is str:
            if at.endswith(".name") and not _NAME.fullmatch(node.value) and "custom" not in at:
                self._fail(node, f"{at}: '{node.value}' is no name for Kubernetes; use small letters, digits and '-'")
            return node.value
        if kind is bool:
            if tag != "bool":
                self._fail(node, f"{at} must be true or false")
            return node.value.lower() in ("true", "yes", "on")
        if kind is Duration and (matched := re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", node.value)):
            return float(matched[1]) * _UNITS[matched[2]]
        if tag not in ("int", "float"):
            self._fail(node, f"{at} must be {_WORDS[kind]}")
        try:
            number = float(node.value)
        except ValueError:
            number = -1.0
        whole = kind is not int or number == int(number)
        if not (0 <= number < float("inf") and whole) or (kind is Share and number > 1):
            self._fail(node, f"{at} must be {_WORDS[kind]}")
        if at.endswith(".count") and number < 1:
            self._fail(node, f"{at} must be at least 1")
        return int(number) if kind is int else number

    def _check_names(self, scenario: Scenario) -> None:
        """Whether everything that is named exists."""
        known: dict[Any, set[str]] = {
            NodeName: {name for node in scenario.nodes for name in (node.name, *numbered(node.name, node.count))},
            DatasetName: {dataset.name for dataset in scenario.datasets},
            ModelName: {model.name for model in scenario.models},
            JobName: {job_name(options) for _, options in scenario.jobs},
            ResourceName: set(API_RESOURCES),
        }
        for kind, name, node in self.used:
            if name not in known[kind]:
                self._fail(node, f"there is no {_THINGS[kind]} '{name}'{nearest(name, known[kind])}")
        if not scenario.nodes:
            raise SettingsError(f"{self.path}: has no nodes; add one to 'nodes'")
        names = [job_name(options) for _, options in scenario.jobs]
        kinds = dict(zip(names, (kind for kind, _ in scenario.jobs), strict=True))
        data: set[tuple[type, str, str]] = {(DatasetOptions, one.namespace, one.name) for one in scenario.datasets}
        data |= {(ModelOptions, one.namespace, one.name) for one in scenario.models}
        for word, options, node in self.found:
            if isinstance(options, JobOptions):
                self._check_job(options, node, data)
                if names.count(job_name(options)) > 1:
                    self._fail(node, f"there are two jobs '{job_name(options)}'; rename one")
            elif isinstance(options, JobEventOptions):
                possible = {"recreate", *KINDS[kinds[options.job]].befalls}
                if word not in possible:
                    kind = kinds[options.job]
                    self._fail(node, f"'{word}' cannot befall '{options.job}', of kind {kind}{nearest(word, possible)}")
            elif isinstance(options, ShrinkOptions):
                if (DatasetOptions, options.namespace, options.dataset) not in data:
                    where = f"namespace '{options.namespace}'"
                    self._fail(node, f"dataset '{options.dataset}' is not in {where}; name the one that it is in")
            elif word in ("kb-down", "kb-unreadable") and not scenario.knowledge_base:
                self._fail(node, f"'{word}' needs a knowledge base; add 'knowledge_base'")

    def _check_job(self, options: Any, node: yaml.Node, data: set[tuple[type, str, str]]) -> None:
        """Whether the datasets and models of a job are in its namespace."""
        for part in (options, *getattr(options, "participants", ())):
            kind: Any = type(part)
            for field, hint in _hints(kind).items():
                thing = {DatasetName: DatasetOptions, ModelName: ModelOptions}.get(hint)
                name = getattr(part, field)
                if thing and (thing, options.namespace, name) not in data:
                    self._fail(
                        node,
                        f"{_THINGS[hint]} '{name}' is not in namespace '{options.namespace}' of the job; add it there",
                    )


def job_name(options: JobOptions) -> str:
    """How events call a job."""
    return options.name if options.namespace == "default" else f"{options.namespace}/{options.name}"


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


_WORDS: Mapping[Any, str] = {
    int: "a whole number, 0 or more",
    float: "a number, 0 or more",
    Share: "a number from 0 to 1",
    Duration: "a duration such as 90s, 25m or 2h",
}
_THINGS: Mapping[Any, str] = {
    NodeName: "node", DatasetName: "dataset", ModelName: "model", JobName: "job", ResourceName: "resource",
}  # fmt: skip
