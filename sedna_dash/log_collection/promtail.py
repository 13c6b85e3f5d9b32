"""Config for Promtail, which is at the end of its life but still in use.

https://grafana.com/docs/loki/latest/send-data/promtail/configuration/
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from sedna_dash.documents import yaml_text
from sedna_dash.log_collection.collecting import CREDENTIALS, Options, Relabel, found_by_api, relabels
from sedna_dash.log_collection.rules import Rules, load_rules
from sedna_dash.log_collection.stages import KEPT, LogMetricStage, Stage, identity, stages

#: A dollar sign that begins no variable of ours; -config.expand-env takes two for one, and so for backslashes.
_VARIABLE = re.compile(r"\$(?!\{[A-Z_]+\})")
#: Stages that are named otherwise than in Alloy, and settings that are the stage itself there.
_NAMES = {"label_drop": "labeldrop"}
_BARE = ("labels", "label_drop", "structured_metadata")


def promtail(options: Options, rules: Rules | None = None) -> str:
    """The config file, for ``-config.expand-env=true``. Promtail reads the rest from its environment, see `alloy`."""
    rules = options.rules(rules or load_rules())
    daemonset = options.mode == "daemonset"
    # Promtail labels its targets before it finds their files, so what a file's name tells comes in the pipeline.
    steps = identity(rules) if daemonset and not options.api else []
    steps += stages(
        rules, files=daemonset, pod_label=options.pod_label, tenant_per_namespace=options.tenant_per_namespace
    )
    config = {
        "server": {"http_listen_port": 3101, "grpc_listen_port": 0, "log_level": "warn"},
        "positions": {"filename": f"{options.state}/positions.yaml"},
        "clients": [_client(options)],
        "scrape_configs": [
            {
                "job_name": "sedna",
                **(_files(options, rules) if daemonset else _own_files(options)),
                "pipeline_stages": [_stage(step) for step in steps],
            }
        ],
    }
    return _VARIABLE.sub("$$", yaml_text(config, width=10_000).replace("\\", "\\\\"))


def _client(options: Options) -> dict[str, Any]:
    client: dict[str, Any] = {"url": "${LOKI_URL}"}
    if options.tenant:
        client["tenant_id"] = options.tenant
    if options.auth == "basic":
        client["basic_auth"] = {"username": "${LOKI_USER}", "password_file": f"{CREDENTIALS}/password"}
    elif options.auth == "bearer":
        client["bearer_token_file"] = f"{CREDENTIALS}/token"
    return {
        **client,
        "external_labels": {"cluster": "${CLUSTER}", "site": "${SITE}"},
        "batchwait": "5s",
        # 0: try again for ever. The files on the node are the buffer, and nothing is given up while they last.
        "backoff_config": {"max_retries": 0, "max_period": "5m"},
    }


def _files(options: Options, rules: Rules) -> dict[str, Any]:
    if options.api:
        selector = {"role": "pod", "field": "spec.nodeName=${NODE_NAME}"}
        found: dict[str, Any] = {"kubernetes_sd_configs": [{"role": "pod", "selectors": [selector]}]}
        rewritten = [found_by_api(options), *relabels(rules, None)]
        return {**found, "relabel_configs": _relabels(rewritten)}
    found = {"static_configs": [{"targets": ["localhost"], "labels": {"__path__": options.pattern}}]}
    return {**found, "relabel_configs": _relabels([])}


def _own_files(options: Options) -> dict[str, Any]:
    labels = {"app": "worker", "namespace": "${NAMESPACE}", "pod": "${POD_NAME}", "container": "${CONTAINER}",
              "sedna_name": "${SEDNA_NAME}", "kind": "${SEDNA_KIND}", "worker_type": "${WORKER_TYPE}",
              "node": "${NODE_NAME}"}  # fmt: skip
    found = {"targets": ["localhost"], "labels": {"__path__": options.pattern, **labels}}
    return {"static_configs": [found]}


def _relabels(rules: Iterable[Relabel]) -> list[dict[str, Any]]:
    written: list[dict[str, Any]] = []
    for rule in rules:
        one: dict[str, Any] = {"source_labels": list(rule.sources), "regex": rule.regex}
        if rule.action == "replace":
            one |= {"target_label": rule.target, "replacement": rule.replacement}
        else:
            one["action"] = rule.action
        written.append(one)
    return [*written, {"target_label": "node", "replacement": "${NODE_NAME}"}]


def _stage(stage: Stage) -> dict[str, Any]:
    name, settings = _NAMES.get(stage.name, stage.name), dict(stage.settings)
    if metric := settings.get("metric"):
        return {"metrics": _metric(metric)}
    if stage.name in _BARE:
        return {name: settings["values"]}
    return {name: {**settings, **({"stages": [_stage(one) for one in stage.inside]} if stage.inside else {})}}


def _metric(metric: LogMetricStage) -> dict[str, Any]:
    prefix, _, name = metric.name.partition("_")
    kept = {"description": metric.help, "prefix": f"{prefix}_", "max_idle_duration": KEPT}
    if metric.source:
        return {name: {"type": "Gauge", **kept, "source": metric.source, "config": {"action": "set"}}}
    return {name: {"type": "Counter", **kept, "config": {"match_all": True, "action": "inc"}}}
