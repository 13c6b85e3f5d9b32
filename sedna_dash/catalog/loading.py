"""Read ``data/*.yaml`` into a `Catalog`, refusing what is wrong with file, line and cure."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import yaml

from sedna_dash.catalog.model import (
    TYPES,
    Absence,
    Catalog,
    Label,
    LogFields,
    Metric,
    RecordGroup,
    Source,
    Unit,
    closest,
)
from sedna_dash.errors import CatalogError, SednaDashError

DATA = Path(__file__).parent / "data"

# Prometheus data model, https://prometheus.io/docs/concepts/data_model/; colons are for recorded series.
METRIC_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
RECORD_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*(:[a-zA-Z_][a-zA-Z0-9_]*)+")
RECORD_NAME_IN_TEXT = re.compile(RECORD_NAME.pattern.replace("(:", "(?::"))
LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")

#: What stands for each of a record's windows.
WINDOW = "<window>"

_COMMON_KEYS = {"name", "type", "unit", "help", "labels", "sources", "tier", "satisfies", "absent", "read_by"}
_METRIC_KEYS = _COMMON_KEYS | {"prefix"}
_RECORD_KEYS = _COMMON_KEYS | {"expr", "push", "group", "fixed", "windows"}

# libyaml's parser reads the catalog ten times faster; the pure Python one reads the same language.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """Refuses a key that is written twice, which plain YAML loaders swallow."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        if len(mapping) != len(node.value):
            seen: set[str] = set()
            for key, _ in node.value:
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"'{key.value}' is written twice; keep one", key.start_mark
                    )
                seen.add(key.value)
        return mapping


class DataFile:
    """One YAML file and the means to say where in it something is wrong."""

    #: What is raised for it.
    error: type[SednaDashError] = CatalogError

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise self.error(f"{path}: cannot be read ({reason}); check the path and its rights") from error
        try:
            self.content: Any = yaml.load(self.text, Loader=_Loader)  # noqa: S506 - a SafeLoader
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = mark.line + 1 if mark else 1
            problem = getattr(error, "problem", None) or "it is not YAML"
            raise self.error(f"{path}:{line}: {problem}; repair the YAML") from error
        except (ValueError, AttributeError) as error:
            # What looks like a date or a number and is none; PyYAML lets the error of Python's own type through.
            raise self.error(f"{path}:1: a value is no possible date or number ({error}); quote it") from error
        if not isinstance(self.content, dict):
            raise self.error(f"{path}:1: is empty or not a mapping; was it written to the end?")

    def fail(self, problem: str, *keys: str | int) -> NoReturn:
        """Raise with the line of the value that the path of ``keys`` leads to."""
        raise self.error(f"{self.path}:{self.line(*keys)}: {problem}")

    def line(self, *keys: str | int) -> int:
        """The line of the value that the path of ``keys`` leads to, or as far as it leads."""
        node: Any = yaml.compose(self.text, Loader=_Base)
        line = 0
        for key in keys:
            if isinstance(node, yaml.MappingNode):
                pairs = {k.value: (k, v) for k, v in node.value}
                if key not in pairs:
                    break
                start, node = pairs[key]
                line = start.start_mark.line
            elif isinstance(node, yaml.SequenceNode) and isinstance(key, int):
                node = node.value[key]
                line = node.start_mark.line
        return line + 1

    def check_keys(self, mapping: Any, known: Iterable[str], required: Iterable[str], *keys: str | int) -> None:
        if not isinstance(mapping, dict):
            self.fail("must be a mapping of keys to values", *keys)
        for key in mapping:
            if key not in known:
                self.fail(f"unknown key '{key}'{closest(str(key), known)}", *keys, key)
        for key in required:
            if key not in mapping:
                self.fail(f"'{key}' is missing; add it", *keys)

    def check_texts(self, mapping: Mapping[str, Any], names: Iterable[str], *keys: str | int) -> None:
        """Refuse numbers, lists and nothing at all where a text belongs; a key may be left out."""
        for name in names:
            if not isinstance(mapping.get(name, ""), str):
                self.fail(f"'{name}' must be a text; quote it", *keys, name)

    def mappings(self, value: Any, *keys: str | int) -> dict[str, Any]:
        """The value, which may be left out, as a mapping."""
        if not isinstance(value, (dict, type(None))):
            self.fail("must be a mapping of keys to values", *keys)
        return value or {}


def load_catalog(folder: Path = DATA, *, extra: Iterable[Path] = ()) -> Catalog:
    """Load the catalog in ``folder``, and the metric files in ``extra`` (somebody's own metrics).

    Raises `CatalogError` with file, line and cure for what is unreadable, unknown, misnamed or declared twice.
    """
    if not folder.is_dir():
        raise CatalogError(f"{folder}: no such folder; a catalog is a folder with units.yaml, metrics/ and so on")
    units = _section(folder / "units.yaml", "units", _unit)
    labels = _section(folder / "labels.yaml", "labels", _label)
    enums = _section(folder / "enums.yaml", "enums", _enum)
    sources = _section(folder / "sources.yaml", "sources", _source)
    required_file = DataFile(folder / "required_values.yaml")
    required: dict[str, str] = {}
    for index, row in enumerate(_list(required_file, "required")):
        required_file.check_keys(row, {"id", "text"}, ("id", "text"), "required", index)
        required_file.check_texts(row, ("id", "text"), "required", index)
        if row["id"] in required:
            required_file.fail(f"'{row['id']}' is listed twice; keep one", "required", index)
        required[row["id"]] = row["text"]
    reader = _MetricReader(units, labels, enums, sources, required)
    for path in (*sorted((folder / "metrics").glob("*.yaml")), *extra):
        reader.read(DataFile(path), "metrics", _METRIC_KEYS)
    records_file = DataFile(folder / "records.yaml")
    groups = _record_groups(records_file)
    reader.read(records_file, "records", _RECORD_KEYS, groups)
    logs_file = DataFile(folder / "logs.yaml")
    logs_file.check_keys(logs_file.content, {"stream_labels", "metadata"}, ("stream_labels", "metadata"))
    logs = LogFields(
        stream=reader.domains(logs_file, logs_file.content["stream_labels"], "stream_labels"),
        metadata=reader.domains(logs_file, logs_file.content["metadata"], "metadata"),
    )
    metrics = {name: metric for name, metric in reader.metrics.items() if metric.expr is None}
    metrics |= {record.name: record for record in _in_order(records_file, reader.metrics)}
    return Catalog(metrics, units, labels, enums, sources, logs, required, reader.features, groups)


@functools.cache
def default_catalog() -> Catalog:
    """The catalog that ships with sedna-dash, loaded once."""
    return load_catalog()


def _section(path: Path, key: str, make: Callable[[DataFile, str, Any], Any]) -> dict[str, Any]:
    file = DataFile(path)
    file.check_keys(file.content, {key}, (key,))
    if not isinstance(file.content[key], dict):
        file.fail(f"'{key}' must be a mapping of names", key)
    return {str(name): make(file, str(name), entry) for name, entry in file.content[key].items()}


def _list(file: DataFile, key: str) -> list[Any]:
    file.check_keys(file.content, {key, "feature", "about", "foreign", "groups"}, (key,))
    content = file.content[key]
    if not isinstance(content, list):
        file.fail(f"'{key}' must be a list", key)
    return content


def _record_groups(file: DataFile) -> dict[str, RecordGroup]:
    groups = {}
    for name, entry in file.mappings(file.content.get("groups"), "groups").items():
        file.check_keys(entry, {"interval", "about"}, ("interval", "about"), "groups", name)
        file.check_texts(entry, ("about",), "groups", name)
        _check_interval(file, entry["interval"], "groups", name, "interval")
        groups[str(name)] = RecordGroup(str(name), entry["interval"], entry["about"])
    return groups


def _check_interval(file: DataFile, interval: Any, *where: str | int) -> None:
    if not re.fullmatch(r"\d+[smh]", str(interval)):
        file.fail(f"'{interval}' is no duration; write it as 30s", *where)


def _in_order(file: DataFile, metrics: Mapping[str, Metric]) -> list[Metric]:
    """The records of the file, each behind those that it reads. Refuses a circle."""
    ordered: dict[str, Metric] = {}
    entries = file.content["records"]

    def visit(record: Metric, path: tuple[str, ...]) -> None:
        if record.name in path:
            index = next(i for i, entry in enumerate(entries) if record.name in _expanded_names(entry))
            circle = " reads ".join((*path[path.index(record.name) :], record.name))
            file.fail(f"{circle}; break the circle", "records", index, "expr")
        if record.name not in ordered:
            for name in dict.fromkeys(RECORD_NAME_IN_TEXT.findall(record.expr or "")):
                below = metrics.get(name)
                if below is not None and below.expr is not None:
                    visit(below, (*path, record.name))
            ordered[record.name] = record

    for metric in metrics.values():
        if metric.expr is not None:
            visit(metric, ())
    return list(ordered.values())


def _expanded_names(entry: Mapping[str, Any]) -> list[str]:
    return [entry["name"].replace(WINDOW, str(window)) for window in entry.get("windows", ("",))]


def _for_each_window(file: DataFile, entry: Mapping[str, Any], *where: str | int) -> list[dict[str, Any]]:
    """The entry once for each of its ``windows``, or as it is when it has none."""
    plain = {key: value for key, value in entry.items() if key != "windows"}
    if "windows" not in entry:
        return [plain]
    windows = entry["windows"]
    if not isinstance(windows, list) or not windows:
        file.fail("'windows' must be a list such as [5m, 1h]", *where, "windows")
    if WINDOW not in str(entry["name"]):
        file.fail(f"the name must hold {WINDOW}, or it is the same for all windows", *where, "name")
    for window in windows:
        if not re.fullmatch(r"\d+[smhdw]", str(window)):
            file.fail(f"'{window}' is no duration; write it as 5m", *where, "windows")
    return [{key: _with_window(value, str(window)) for key, value in plain.items()} for window in windows]


def _with_window(value: Any, window: str) -> Any:
    if isinstance(value, dict):
        return {key: _with_window(item, window) for key, item in value.items()}
    return value.replace(WINDOW, window) if isinstance(value, str) else value


def _unit(file: DataFile, name: str, entry: Any) -> Unit:
    file.check_keys(entry, {"grafana", "rate", "suffix"}, ("grafana",), "units", name)
    file.check_texts(entry, ("grafana", "rate", "suffix"), "units", name)
    return Unit(name, entry["grafana"], entry.get("rate", "cps"), entry.get("suffix", ""))


def _label(file: DataFile, name: str, entry: Any) -> Label:
    file.check_keys(entry, {"help", "bound"}, ("help", "bound"), "labels", name)
    file.check_texts(entry, ("help",), "labels", name)
    if not LABEL_NAME.fullmatch(name) or name.startswith("__"):
        file.fail(f"'{name}' is no Prometheus label name; use letters, digits and _", "labels", name)
    if not isinstance(entry["bound"], int) or entry["bound"] < 1:
        file.fail("'bound' must be a number of values, 1 or more", "labels", name, "bound")
    return Label(name, entry["help"], entry["bound"])


def _enum(file: DataFile, name: str, entry: Any) -> tuple[str, ...]:
    if not isinstance(entry, list) or not entry or not all(isinstance(value, str) for value in entry):
        file.fail(f"enum '{name}' must be a list of texts; quote True, False and numbers", "enums", name)
    return tuple(entry)


def _source(file: DataFile, name: str, entry: Any) -> Source:
    needed = ("title", "interval", "missing")
    file.check_keys(entry, {*needed, "install"}, needed, "sources", name)
    file.check_texts(entry, ("title", "missing", "install"), "sources", name)
    _check_interval(file, entry["interval"], "sources", name, "interval")
    return Source(name, entry["title"], entry["interval"], entry["missing"], entry.get("install", ""))


class _MetricReader:
    """Collects metrics over several files, so that a name used twice is found."""

    def __init__(
        self,
        units: Mapping[str, Unit],
        labels: Mapping[str, Label],
        enums: Mapping[str, tuple[str, ...]],
        sources: Mapping[str, Source],
        required: Mapping[str, str],
    ) -> None:
        self._units, self._labels, self._enums = units, labels, enums
        self._sources, self._required = sources, required
        self.metrics: dict[str, Metric] = {}
        self.features: dict[str, str] = {}
        self._home: dict[str, Path] = {}

    def read(
        self, file: DataFile, section: str, keys: set[str], groups: Mapping[str, RecordGroup] | None = None
    ) -> None:
        """Take in the metrics of a file; ``groups`` when they are records."""
        entries = _list(file, section)
        records = groups is not None
        known = {"feature", "about", "foreign", section, *(["groups"] if records else ())}
        file.check_keys(file.content, known, ("feature",))
        file.check_texts(file.content, ("feature", "about"))
        feature, foreign = file.content["feature"], file.content.get("foreign", False)
        if not isinstance(foreign, bool):
            file.fail("'foreign' is true or false, without quotes", "foreign")
        self.features[feature] = file.content.get("about", "")
        needed = ["name", "type", "unit", "help", "labels", *(["expr", "group"] if records else ["sources"])]
        for index, entry in enumerate(entries):
            where = (section, index)
            file.check_keys(entry, keys, needed, *where)
            file.check_texts(entry, ("type", "unit", "help", "expr", "group", "read_by"), *where)
            if groups is not None:
                self._check_choice(file, entry["group"], groups, "group", *where, "group")
            for each in _for_each_window(file, entry, *where):
                metric = self._metric(file, each, feature, foreign, records, where)
                if metric.name in self.metrics:
                    home = self._home[metric.name]
                    file.fail(f"'{metric.name}' is declared already in {home}; keep one", *where, "name")
                self.metrics[metric.name], self._home[metric.name] = metric, file.path

    def _metric(
        self, file: DataFile, entry: Any, feature: str, foreign: bool, record: bool, where: tuple[str | int, ...]
    ) -> Metric:
        name, kind = entry["name"], entry["type"]
        self._check_choice(file, kind, TYPES, "type", *where, "type")
        self._check_choice(file, entry["unit"], self._units, "unit", *where, "unit")
        self._check_name(file, name, kind, self._units[entry["unit"]], foreign, record, *where, "name")
        sources = ["recording-rule"] if record else entry["sources"]
        if not isinstance(sources, list) or not sources:
            file.fail("'sources' must be a list of one or more names", *where, "sources")
        for source in sources:
            self._check_choice(file, source, self._sources, "source", *where, "sources")
        satisfies = {}
        for row, matchers in file.mappings(entry.get("satisfies"), *where, "satisfies").items():
            self._check_choice(file, row, self._required, "required value", *where, "satisfies", row)
            satisfies[row] = file.mappings(matchers, *where, "satisfies", row)
        if entry.get("tier") not in (None, 0, 1, 2):
            file.fail("'tier' is 0 (untouched Sedna), 1 (worker hook) or 2 (patched GM or LC)", *where, "tier")
        labels = self.domains(file, entry["labels"], *where, "labels")
        for row, matchers in satisfies.items():
            for label in matchers:
                self._check_choice(file, label, labels, "label", *where, "satisfies", row)
        return Metric(
            name=name,
            type=kind,
            unit=entry["unit"],
            help=entry["help"],
            labels=labels,
            sources=tuple(sources),
            feature=feature,
            tier=entry.get("tier"),
            foreign=foreign,
            prefix=bool(entry.get("prefix", False)),
            satisfies=satisfies,
            expr=entry.get("expr"),
            push=file.mappings(entry.get("push"), *where, "push"),
            group=entry.get("group", ""),
            fixed=self._fixed(file, entry, labels, *where),
            absent=self._absence(file, entry, *where, "absent"),
            read_by=entry.get("read_by", ""),
        )

    @staticmethod
    def _fixed(file: DataFile, entry: Any, labels: Mapping[str, Any], *where: str | int) -> dict[str, str]:
        """``fixed``: labels that the recording rule adds, besides those of the expression."""
        fixed = file.mappings(entry.get("fixed"), *where, "fixed")
        file.check_texts(fixed, fixed, *where, "fixed")
        for label in fixed:
            if not LABEL_NAME.fullmatch(str(label)) or label in labels:
                file.fail(f"'{label}' must be a label name that the series do not have yet", *where, "fixed", label)
        return fixed

    @staticmethod
    def _absence(file: DataFile, entry: Any, *where: str | int) -> Absence | None:
        """``absent``: a text, or a text with the query that refutes it."""
        if "absent" not in entry:
            return None
        absent = entry["absent"]
        if isinstance(absent, str):
            absent = {"why": absent}
        file.check_keys(absent, {"why", "unless", "partly"}, ("why",), *where)
        file.check_texts(absent, ("why", "unless"), *where)
        if not absent["why"].strip():
            file.fail("say when the metric is absent, such as: until the first job succeeds", *where)
        partly = absent.get("partly", False)
        if not isinstance(partly, bool):
            file.fail("'partly' is true or false, without quotes", *where, "partly")
        return Absence(absent["why"], absent.get("unless", ""), partly)

    def domains(self, file: DataFile, mapping: Any, *where: str | int) -> dict[str, tuple[str, ...]]:
        """Label name to legal values; ``any`` gives ``()``."""
        if not isinstance(mapping, dict):
            file.fail("labels must be a mapping like {namespace: any, state: job_state}", *where)
        result: dict[str, tuple[str, ...]] = {}
        for label, domain in mapping.items():
            self._check_choice(file, label, self._labels, "label", *where, label)
            if isinstance(domain, list):
                if not domain or not all(isinstance(value, str) for value in domain):
                    file.fail(f"the values of '{label}' must be texts; quote True, False and numbers", *where, label)
                result[label] = tuple(domain)
            elif domain == "any":
                result[label] = ()
            else:
                self._check_choice(file, domain, self._enums, "enum", *where, label)
                result[label] = self._enums[domain]
        return result

    @staticmethod
    def _check_choice(file: DataFile, value: Any, known: Iterable[str], what: str, *where: str | int) -> None:
        if not isinstance(value, str) or value not in known:
            file.fail(f"unknown {what} '{value}'{closest(str(value), known) or '; declare it first'}", *where)

    @staticmethod
    def _check_name(
        file: DataFile, name: Any, kind: str, unit: Unit, foreign: bool, record: bool, *where: str | int
    ) -> None:
        pattern = RECORD_NAME if record else METRIC_NAME
        if not isinstance(name, str) or not pattern.fullmatch(name):
            form = "level:metric:operation" if record else "letters, digits and _"
            file.fail(f"'{name}' is no Prometheus metric name; use {form}", *where)
        if foreign or record:
            return
        if (kind == "counter") != name.endswith("_total"):
            file.fail(f"'{name}' is a {kind}; counters, and only they, end in _total", *where)
        if (kind == "info") != name.endswith("_info"):
            file.fail(f"'{name}' is of type {kind}; info metrics, and only they, end in _info", *where)
        if unit.suffix and not name.removesuffix("_total").endswith(unit.suffix):
            file.fail(f"'{name}' is in {unit.name} and must end in {unit.suffix}", *where)
