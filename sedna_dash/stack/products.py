"""What the product itself puts into the values of the stack, by the names of the places. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sedna_dash.alerts import default_alerts
from sedna_dash.catalog import default_catalog
from sedna_dash.custom_resource_state.config import helm_values as kube_state_metrics
from sedna_dash.custom_resource_state.mapping import default_mapping
from sedna_dash.log_collection import alloy, promtail
from sedna_dash.log_collection.collecting import CREDENTIALS, Options
from sedna_dash.log_collection.loki_settings import helm_values as loki
from sedna_dash.log_collection.loki_settings import profiles
from sedna_dash.log_collection.manifests import Site as Collector
from sedna_dash.log_collection.manifests import daemonset, untabbed
from sedna_dash.render.forms import Settings, datasource_provisioning
from sedna_dash.rules import alertmanager

VALUES = Path(__file__).with_name("values")

#: How long an edge node keeps what it cannot send. The dashboard Edge nodes counts down from it.
BUFFER = "72h"
#: Where the pod of Alertmanager has the addresses of its receivers: not below /etc/alertmanager, where its config is
#: mounted read-only.
RECEIVERS = "/etc/alertmanager-receivers"
_RECEIVERS_IN_RULES = "/etc/alertmanager/secrets"
#: Where workers with the worker hook listen on a node: the first address, and as many more as may run there at a time.
_WORKER_PORTS = range(9464, 9468)
#: Services of the releases that the stack is made of.
_METRICS, _LOGS, _ALERTS = "http://prometheus-server", "http://loki:3100", "http://prometheus-alertmanager:9093"
#: Producers whose series an edge node sends on.
_AT_THE_EDGE = ("node-exporter", "cadvisor", "alloy", "prometheus-agent", "log-metrics")


@dataclass(frozen=True)
class Site:
    """What the stack cannot know.

    ``metrics_url`` and ``logs_url`` are where edge nodes and other sites push to, as ``tenant`` if there are tenants.
    """

    cluster: str = "main"
    site: str = "main"
    grafana_url: str = "http://localhost:3000"
    metrics_url: str = "https://push.example.com/api/v1/write"
    logs_url: str = "https://push.example.com/loki/api/v1/push"
    tenant: str = ""

    @property
    def own_tenant(self) -> str:
        """The tenant at a center that has a tenant for each site, unless another is wanted."""
        return self.tenant or self.site


def products(site: Site) -> dict[str, Any]:
    """Everything that a place in the values can be filled with."""
    resources = kube_state_metrics(default_mapping())
    small, large = loki(profiles()["one-cluster"]), loki(profiles()["distributed"])
    return {
        "cluster": site.cluster,
        "site": site.site,
        "grafana-url": site.grafana_url,
        "metrics-url": site.metrics_url,
        "tenant": site.own_tenant,
        "alertmanager-url": _ALERTS,
        "buffer": BUFFER,
        "cloud": _nodes("DoesNotExist"),
        "cadvisor-metrics": "|".join(_read_from("cadvisor")),
        "kube-state-metrics-collectors": resources["collectors"],
        "kube-state-metrics-allowed": [
            f"^{name}$" for name in _read_from("kube-state-metrics", "custom-resource-state")
        ],
        "custom-resource-state": resources["customResourceState"],
        "custom-resource-state-rights": resources["rbac"]["extraRules"],
        "alertmanager-config": _alertmanager(),
        "alertmanager-receivers": RECEIVERS,
        "loki-one-cluster": _parts(small, "singleBinary"),
        "loki-one-cluster-settings": small["loki"],
        "loki-one-cluster-binary": small["singleBinary"],
        "loki-ruler": _ruler(),
        "loki-distributed": _parts(large),
        "loki-distributed-settings": large["loki"],
        "loki-object-store-keys": {key: large["querier"][key] for key in ("extraArgs", "extraEnvFrom")},
        "alloy": _alloy(site),
        "alloy-edge": _alloy_edge(site),
        "alloy-of-site": _alloy_of_site(site),
        "promtail": _promtail(site),
        "datasources": _datasources(),
        "push-tls": [{"secretName": "sedna-push-tls", "hosts": [urlsplit(site.metrics_url).hostname]}],
        "push-rules": _push_rules(site),
    }


def _read_from(*producers: str) -> list[str]:
    """Names of the series of these producers that the dashboards, records and alerts read."""
    metrics = default_catalog().metrics.values()
    return sorted({metric.name for metric in metrics if metric.expr is None and set(metric.sources) & set(producers)})


def _alertmanager() -> dict[str, Any]:
    config = alertmanager.configuration(default_alerts())
    for receiver in config["receivers"]:
        for webhook in receiver.get("webhook_configs", ()):
            webhook["url_file"] = webhook["url_file"].replace(_RECEIVERS_IN_RULES, RECEIVERS)
    return config


def _parts(values: Mapping[str, Any], *others: str) -> dict[str, Any]:
    """All but the settings of Loki itself, and what else has a place of its own."""
    return {key: value for key, value in values.items() if key not in ("loki", *others)}


def _ruler() -> dict[str, Any]:
    return {
        "storage": {"type": "local", "local": {"directory": "/rules"}},
        "rule_path": "/var/loki/rules-temp",
        "alertmanager_url": _ALERTS,
        "enable_api": True,
        "ring": {"kvstore": {"store": "inmemory"}},
        "wal": {"dir": "/var/loki/ruler-wal"},
    }


def _datasources() -> dict[str, Any]:
    """Both datasources, each knowing the other, and Alertmanager."""
    made = datasource_provisioning(Settings(metrics_url=_METRICS, logs_url=_LOGS))
    metrics, logs = made["datasources"]
    silences = {
        "name": "Sedna alerts", "uid": "sedna-alertmanager", "type": "alertmanager", "access": "proxy", "url": _ALERTS,
        "editable": False, "jsonData": {"implementation": "prometheus"},
    }  # fmt: skip
    for datasource in (metrics, logs):
        # Grafana's pages about alerts list the rules of both, and their silences.
        datasource["jsonData"] |= {"manageAlerts": True, "alertmanagerUid": silences["uid"]}
    return {"apiVersion": 1, "datasources": [metrics, logs, silences]}


def _alloy(site: Site) -> dict[str, Any]:
    """Logs of the nodes in the cloud."""
    options = Options()
    made = _values_of_alloy(options, alloy.alloy(options), _collector(site, _LOGS + "/loki/api/v1/push"))
    made["controller"]["affinity"] = _nodes("DoesNotExist")
    return made


def _alloy_of_site(site: Site) -> dict[str, Any]:
    """The same, to the center of many sites."""
    options = Options(auth="basic", tenant=site.own_tenant)
    made = _values_of_alloy(options, alloy.alloy(options), _collector(site, site.logs_url))
    made["controller"]["affinity"] = _nodes("DoesNotExist")
    return made


def _alloy_edge(site: Site) -> dict[str, Any]:
    """Logs and metrics of edge nodes, with a login, and without anything that asks the API server."""
    options = Options(auth="basic", tenant=site.tenant)
    made = _values_of_alloy(options, edge_config(options), _collector(site, site.logs_url))
    agent, controller = made["alloy"], made["controller"]
    agent["extraEnv"].append({"name": "METRICS_URL", "value": site.metrics_url})
    host = {"root": "/", "proc": "/proc", "sys": "/sys"}
    for name, path in host.items():
        mount = {"name": name, "mountPath": f"/host/{name}", "readOnly": True}
        agent["mounts"]["extra"].append({**mount, "mountPropagation": "HostToContainer"} if name == "root" else mount)
        controller["volumes"]["extra"].append({"name": name, "hostPath": {"path": path}})
    # Measured: 210 MB for the metrics of a node alone.
    agent["resources"] = {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}}
    # edgecore and workers answer on the loopback of the node, and the address is one outside of the cluster.
    controller |= {"hostNetwork": True, "hostPID": True, "dnsPolicy": "Default", "affinity": _nodes("Exists")}
    # Edge nodes that are away must not hold up an update of the others.
    controller["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "100%"}}
    made["service"] = {"enabled": False}
    return made


def edge_config(options: Options) -> str:
    """Alloy's config for an edge node: its logs, and its metrics."""
    targets = ", ".join(f'{{"__address__" = "127.0.0.1:{port}"}}' for port in _WORKER_PORTS)
    text = (VALUES / "edge/metrics.alloy").read_text(encoding="utf-8")
    places = {
        "<workers>": f"[{targets}]",
        "<needed>": "|".join(["up", *_read_from(*_AT_THE_EDGE)]),
        "<credentials>": CREDENTIALS,
        "<buffer>": BUFFER,
        "<headers>": f'\n\t\theaders = {{"X-Scope-OrgID" = {json.dumps(options.tenant)}}}\n' if options.tenant else "",
    }
    for place, value in places.items():
        text = text.replace(place, value)
    return f"{alloy.alloy(options)}\n{text}"


def _collector(site: Site, logs_url: str) -> Collector:
    return Collector(loki_url=logs_url, cluster=site.cluster, site=site.site)


def _values_of_alloy(options: Options, config: str, collector: Collector) -> dict[str, Any]:
    """The DaemonSet of ``sedna-dash logs config`` in the words of the chart grafana/alloy."""
    pod = daemonset("alloy", options, config, collector)[-1]["spec"]["template"]["spec"]
    container = pod["containers"][0]
    repository, _, tag = container["image"].partition(":")
    return {
        "image": {"registry": "docker.io", "repository": repository, "tag": tag},
        "crds": {"create": False},
        "rbac": {"create": False},
        "serviceAccount": {"automountServiceAccountToken": pod["automountServiceAccountToken"]},
        # A new config is a new pod; nothing else has to run beside it.
        "configReloader": {"enabled": False},
        "alloy": {
            "stabilityLevel": "experimental",
            "enableReporting": False,
            "storagePath": options.state,
            "securityContext": container["securityContext"],
            "resources": container["resources"],
            "extraEnv": container["env"],
            "mounts": {"extra": _without_config(container["volumeMounts"])},
            "configMap": {"content": _for_tpl(untabbed(config))},
        },
        "controller": {
            "type": "daemonset",
            "tolerations": pod["tolerations"],
            "volumes": {"extra": _without_config(pod["volumes"])},
        },
    }


def _promtail(site: Site) -> dict[str, Any]:
    """The same with Promtail, on the nodes in the cloud."""
    options = Options()
    config = promtail.promtail(options)
    collector = _collector(site, _LOGS + "/loki/api/v1/push")
    pod = daemonset("promtail", options, config, collector)[-1]["spec"]["template"]["spec"]
    container = pod["containers"][0]
    repository, _, tag = container["image"].partition(":")
    security = dict(container["securityContext"])
    user = {name: security.pop(name) for name in ("runAsUser", "runAsGroup")}
    return {
        "image": {"registry": "docker.io", "repository": repository, "tag": tag},
        "rbac": {"create": False},
        "automountServiceAccountToken": pod["automountServiceAccountToken"],
        "podSecurityContext": user,
        "containerSecurityContext": security,
        "resources": container["resources"],
        "tolerations": pod["tolerations"],
        "affinity": _nodes("DoesNotExist"),
        "defaultVolumes": _without_config(pod["volumes"]),
        "defaultVolumeMounts": _without_config(container["volumeMounts"]),
        "extraArgs": ["-config.expand-env=true"],
        "extraEnv": container["env"],
        "config": {"file": _for_tpl(config)},
    }


def _without_config(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Volumes or mounts without that of the config, which the chart makes itself."""
    return [item for item in items if item["name"] != "config"]


def _for_tpl(config: str) -> str:
    """A config that comes out of Helm's tpl as it went in: its own templates are not Helm's."""
    return config.replace("{{", '{{ "{{" }}')


def _nodes(operator: str) -> dict[str, Any]:
    """Nodes with, or without, the label that KubeEdge gives to edge nodes."""
    edge = {"key": "node-role.kubernetes.io/edge", "operator": operator}
    terms = [{"matchExpressions": [edge]}]
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}


def _push_rules(site: Site) -> list[dict[str, Any]]:
    """One rule of an Ingress for each host, with the paths that are pushed to."""
    services = {
        site.metrics_url: {"name": "prometheus-server", "port": {"number": 80}},
        site.logs_url: {"name": "loki", "port": {"number": 3100}},
    }
    rules: dict[str | None, list[dict[str, Any]]] = {}
    for url, service in services.items():
        at = urlsplit(url)
        path = {"path": at.path, "pathType": "Exact", "backend": {"service": service}}
        rules.setdefault(at.hostname, []).append(path)
    return [{"host": host, "http": {"paths": paths}} for host, paths in rules.items()]
