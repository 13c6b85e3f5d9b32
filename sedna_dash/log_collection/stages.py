"""What happens to a line, step by step, in the stages that Alloy and Promtail share under one name.

Stages that join or drop lines come first: a ``match`` with stages inside works beside the main flow and may let a line
overtake another, which only Loki's order by time mends. References:
https://grafana.com/docs/alloy/latest/reference/components/loki/loki.process/ and
https://grafana.com/docs/loki/latest/send-data/promtail/stages/
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sedna_dash.catalog import default_catalog
from sedna_dash.log_collection.collecting import POD_FILE
from sedna_dash.log_collection.reading import HIDDEN, KIND_OF_TYPE, KINDS, WORKER_POD
from sedna_dash.log_collection.rules import UNKNOWN, VALUE, LineMetric, Rules, load_rules

#: How long a series stays that no line brings up to date: a job may be quiet over a weekend.
KEPT = "168h"
#: How long a line waits for those that belong to it.
JOINED = "3s"

#: Labels that a line has on its way, beside those that it keeps.
_PASSING = ("pod", "filename")


@dataclass(frozen=True)
class Stage:
    """A stage by its name in Alloy, its settings, and for ``match`` the stages inside."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    inside: tuple[Stage, ...] = ()


@dataclass(frozen=True)
class LogMetricStage:
    """Settings of a ``metrics`` stage: one metric; ``source`` is the extracted value of a gauge."""

    name: str
    help: str
    source: str = ""


def stages(
    rules: Rules | None = None, *, files: bool = True, pod_label: bool = True, tenant_per_namespace: bool = False
) -> list[Stage]:
    """All stages in order. ``files`` are those of the container runtime; else a program wrote them itself.
    ``pod_label`` makes each pod a stream of its own.
    """
    rules = rules or load_rules()
    found = [Stage("cri")] if files else []
    found.append(Stage("decolorize"))
    found += [_drop(noise.app, noise.pattern.pattern, noise.reason) for noise in rules.noise]
    last = rules.last_line_of_exception
    found += [
        # The last line of a traceback is indented for a moment, so that it is no first line.
        Stage("replace", {"expression": f"^({last})$", "replace": " {{ .Value }}"}),
        Stage("multiline", {"firstline": rules.first_line, "max_wait_time": JOINED}),
        Stage("replace", {"expression": rf"(?m)^( ){last}$", "replace": ""}),
    ]
    found += [Stage("replace", {"expression": secret.pattern, "replace": HIDDEN}) for secret in rules.secrets]
    found += [Stage("regex", {"expression": format_.pattern.pattern}) for format_ in rules.formats]
    found.append(
        Stage("template", {"source": "level", "template": _mapping(rules.levels, lower=True, missing=UNKNOWN)})
    )
    # Each metric in one place: two would show the same series twice, and Prometheus would take none.
    by_metric: dict[str, list[LineMetric]] = {}
    for rule in rules.metrics:
        by_metric.setdefault(rule.metric.name, []).append(rule)
    found += [_metric(f"m{number}", same) for number, same in enumerate(by_metric.values())]
    if tenant_per_namespace:
        found.append(Stage("tenant", {"label": "namespace"}))
    metadata = [name for name in default_catalog().logs.metadata if name != "pod" or not pod_label]
    found += [
        Stage("label_drop", {"values": [name for name in _PASSING if name != "pod" or not pod_label]}),
        Stage("structured_metadata", {"values": dict.fromkeys(metadata, "")}),
    ]
    return found


def identity(rules: Rules) -> list[Stage]:
    """Labels from the path of a file, for a collector that has no other way; the same as `relabels` makes."""
    kind = _choice((f'eq .worker_type "{type_}"', kind) for type_, kind in KIND_OF_TYPE.items())
    apps = [
        (f'and (eq .namespace "{namespace}") (eq .container "{container}")', app)
        for app, (namespace, container) in rules.components.items()
    ]
    apps += [(f'eq .container "{container}"', "collector") for container in rules.collectors]
    labels = ("namespace", "pod", "container", "sedna_name", "worker_type", "kind", "app")
    return [
        Stage("regex", {"source": "filename", "expression": POD_FILE}),
        Stage("regex", {"source": "pod", "expression": f"^{WORKER_POD}$"}),
        # A comparison with nothing is an error, and leaves everything as it is.
        Stage("template", {"source": "kind", "template": kind}),
        Stage("template", {"source": "app", "template": _choice([*apps, (".sedna_name", "worker")])}),
        Stage("labels", {"values": dict.fromkeys(labels, "")}),
        Stage("match", {"selector": '{app=""}', "action": "drop", "drop_counter_reason": "not_sedna"}),
    ]


def _drop(app: str, pattern: str, reason: str) -> Stage:
    settings = {"selector": selector(app, pattern), "action": "drop", "drop_counter_reason": reason}
    return Stage("match", settings)


def selector(app: str, pattern: str) -> str:
    """Lines of an app that match a pattern; a pattern without any special sign is looked for as plain text."""
    plain = re.escape(pattern).replace("\\ ", " ") == pattern
    return f'{{app="{app}"}} {"|=" if plain else "|~"} {json.dumps(pattern, ensure_ascii=False)}'


def _metric(mark: str, rules: list[LineMetric]) -> Stage:
    """One metric: within, the line bears exactly its labels. ``mark`` tells its extracted values from others."""
    metric, app = rules[0].metric, rules[0].app
    bare = [re.sub(r"\(\?P<\w+>", "(?:", rule.pattern.pattern) for rule in rules]
    lines = selector(app, bare[0] if len(bare) == 1 else f"(?:{'|'.join(bare)})")
    inside: list[Stage] = []
    for rule, pattern in zip(rules, bare, strict=True):
        known = list(_known(mark, rule))
        inside += known if len(rules) == 1 else [Stage("match", {"selector": selector(app, pattern)}, tuple(known))]
    own = {label: "sedna_name" if label == "name" else label for label in rules[0].own}
    said = {label: f"{mark}_{label}" for label in metric.labels if label not in own}
    carried = [*default_catalog().logs.stream, *_PASSING]
    counts = metric.type == "counter"
    inside += [
        Stage("label_drop", {"values": carried}),
        Stage("labels", {"values": {**own, **said}}),
        Stage("metrics", {"metric": LogMetricStage(metric.name, metric.help, "" if counts else f"{mark}_{VALUE}")}),
        Stage("label_drop", {"values": [*own, *said]}),
        Stage("labels", {"values": dict.fromkeys(carried, "")}),
    ]
    return Stage("match", {"selector": lines}, tuple(inside))


def _known(mark: str, rule: LineMetric) -> Iterator[Stage]:
    """Take what a rule says out of a line."""
    if rule.pattern.groups:
        yield Stage("regex", {"expression": re.sub(r"\(\?P<(\w+)>", rf"(?P<{mark}_\1>", rule.pattern.pattern)})
    for label in rule.groups:
        words = {"kind": KINDS, "stage": _words(rule.metric.labels.get(label, ()))}.get(label)
        if words:
            yield Stage("template", {"source": f"{mark}_{label}", "template": _mapping(words)})
    constants = {**rule.labels, **({} if rule.value is None else {VALUE: f"{rule.value:g}"})}
    for name, text in constants.items():
        yield Stage("template", {"source": f"{mark}_{name}", "template": text})


def _words(legal: Iterable[str]) -> dict[str, str]:
    return {word.lower(): word for word in legal}


def _mapping(words: Mapping[str, str], *, lower: bool = False, missing: str = "") -> str:
    """A template that turns one word into another; others stay, or become lower case."""
    cases = [(f'eq .Value "{word}"', other) for word, other in words.items()]
    # A comparison with nothing is an error.
    return _choice([("not .Value", missing), *cases], "{{ ToLower .Value }}" if lower else "{{ .Value }}")


def _choice(cases: Iterable[tuple[str, str]], otherwise: str = "") -> str:
    """A template that gives the text of the first condition that holds."""
    tests = "{{ else ".join(f"if {condition} }}}}{text}" for condition, text in cases)
    return f"{{{{ {tests}{f'{{{{ else }}}}{otherwise}' if otherwise else ''}{{{{ end }}}}"
