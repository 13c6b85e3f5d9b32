"""Config for Grafana Alloy. https://grafana.com/docs/alloy/latest/reference/components/"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sedna_dash.log_collection.collecting import CREDENTIALS, Options, Relabel, found_by_api, relabels
from sedna_dash.log_collection.rules import Rules, load_rules
from sedna_dash.log_collection.stages import KEPT, LogMetricStage, Stage, stages


@dataclass(frozen=True)
class _Expression:
    """Something that Alloy computes."""

    text: str


def alloy(options: Options, rules: Rules | None = None) -> str:
    """The config file. Alloy reads the rest from its environment: LOKI_URL, CLUSTER, SITE and NODE_NAME, in a sidecar
    also NAMESPACE, POD_NAME, CONTAINER, SEDNA_NAME, SEDNA_KIND and WORKER_TYPE.
    """
    rules = options.rules(rules or load_rules())
    daemonset = options.mode == "daemonset"
    blocks = _files(options, rules) if daemonset else _own_files(options)
    steps = stages(
        rules, files=daemonset, pod_label=options.pod_label, tenant_per_namespace=options.tenant_per_namespace
    )
    process = ["forward_to = [loki.write.central.receiver]", *map(_stage, steps)]
    return "\n\n".join([*blocks, _block('loki.process "sedna"', process), _write(options)]) + "\n"


def _files(options: Options, rules: Rules) -> list[str]:
    blocks = []
    if options.api:
        selector = {"role": "pod", "field": _Expression('"spec.nodeName=" + sys.env("NODE_NAME")')}
        blocks.append(_block('discovery.kubernetes "pods"', ['role = "pod"', _block("selectors", _settings(selector))]))
        rewritten = [found_by_api(options), *relabels(rules, None)]
        blocks.append(_relabel("discovery.kubernetes.pods.targets", rewritten))
        watched = _Expression("discovery.relabel.pods.output")
        blocks.append(_block('local.file_match "pods"', _settings({"path_targets": watched})))
        targets = "local.file_match.pods.targets"
    else:
        here = _Expression(f'[{{"__path__" = {_value(options.pattern)}}}]')
        blocks.append(_block('local.file_match "pods"', _settings({"path_targets": here})))
        blocks.append(_relabel("local.file_match.pods.targets", relabels(rules, "__path__")))
        targets = "discovery.relabel.pods.output"
    return [*blocks, _source(targets)]


def _own_files(options: Options) -> list[str]:
    known = {"namespace": "NAMESPACE", "pod": "POD_NAME", "container": "CONTAINER", "sedna_name": "SEDNA_NAME",
             "kind": "SEDNA_KIND", "worker_type": "WORKER_TYPE"}  # fmt: skip
    labels = {label: _Expression(f'sys.env("{name}")') for label, name in known.items()}
    target = {"__path__": options.pattern, "app": "worker", "node": _Expression('sys.env("NODE_NAME")'), **labels}
    here = _Expression("[" + _value(target) + "]")
    return [
        _block('local.file_match "pods"', _settings({"path_targets": here})),
        _source("local.file_match.pods.targets"),
    ]


def _source(targets: str) -> str:
    settings = {"targets": _Expression(targets), "forward_to": _Expression("[loki.process.sedna.receiver]")}
    return _block('loki.source.file "pods"', _settings(settings))


def _relabel(targets: str, rules: Iterable[Relabel]) -> str:
    lines = [f"targets = {targets}"]
    for rule in (*rules, None):
        if rule is None:
            settings: dict[str, Any] = {"target_label": "node", "replacement": _Expression('sys.env("NODE_NAME")')}
        else:
            settings = {"source_labels": list(rule.sources), "regex": rule.regex}
            if rule.action == "replace":
                settings |= {"target_label": rule.target, "replacement": rule.replacement}
            else:
                settings["action"] = rule.action
        lines.append(_block("rule", _settings(settings)))
    return _block('discovery.relabel "pods"', lines)


def _write(options: Options) -> str:
    endpoint: dict[str, Any] = {"url": _Expression('sys.env("LOKI_URL")')}
    if options.tenant:
        endpoint["tenant_id"] = options.tenant
    # 0: try again for ever. The files on the node are the buffer, and nothing is given up while they last.
    endpoint |= {"max_backoff_retries": 0, "max_backoff_period": "5m", "batch_wait": "5s"}
    if options.auth == "bearer":
        endpoint["bearer_token_file"] = f"{CREDENTIALS}/token"
    inside = _settings(endpoint)
    if options.auth == "basic":
        who = {"username": _Expression('sys.env("LOKI_USER")'), "password_file": f"{CREDENTIALS}/password"}
        inside.append(_block("basic_auth", _settings(who)))
    # Survives a restart of the collector while the link is down; needs --stability.level=experimental.
    wal = _block("wal", _settings({"enabled": True, "max_segment_age": "72h"}))
    labels = {name: _Expression(f'sys.env("{name.upper()}")') for name in ("cluster", "site")}
    return _block('loki.write "central"', [f"external_labels = {_value(labels)}", _block("endpoint", inside), wal])


def _stage(stage: Stage) -> str:
    if metric := stage.settings.get("metric"):
        return _block("stage.metrics", [_metric(metric)])
    return _block(f"stage.{stage.name}", [*_settings(stage.settings), *map(_stage, stage.inside)])


def _metric(metric: LogMetricStage) -> str:
    prefix, _, name = metric.name.partition("_")
    settings = {"name": name, "prefix": f"{prefix}_", "description": metric.help, "max_idle_duration": KEPT}
    if metric.source:
        return _block("metric.gauge", _settings({**settings, "source": metric.source, "action": "set"}))
    return _block("metric.counter", _settings({**settings, "match_all": True, "action": "inc"}))


def _settings(settings: Mapping[str, Any]) -> list[str]:
    """Attributes, aligned as ``alloy fmt`` does it."""
    width = max(map(len, settings), default=0)
    return [f"{name:{width}} = {_value(value)}" for name, value in settings.items()]


def _block(name: str, lines: Iterable[str]) -> str:
    """A block of attributes and blocks; there is an empty line before each block within."""
    inside: list[str] = []
    for text in lines:
        if inside and text.endswith("}") and " = " not in text.split("\n")[0]:
            inside.append("")
        inside += text.split("\n")
    return (
        "\n".join([f"{name} {{", *(f"\t{line}" if line else "" for line in inside), "}"]) if inside else f"{name} {{ }}"
    )


def _value(value: Any) -> str:
    """In Alloy's syntax, whose strings are Go's; JSON's escapes are among theirs."""
    if isinstance(value, _Expression):
        return value.text
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(key)} = {_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
