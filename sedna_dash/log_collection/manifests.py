"""The collectors as Kubernetes objects: a DaemonSet for every node, or what a worker's pod needs for a sidecar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sedna_dash.log_collection.collecting import CREDENTIALS, PODS, SHARED, Options

#: The newest releases that these configs were run on.
IMAGES = {"alloy": "grafana/alloy:v1.8.3", "promtail": "grafana/promtail:3.6.15"}
_FILES = {"alloy": "config.alloy", "promtail": "promtail.yaml"}
_PORTS = {"alloy": 12345, "promtail": 3101}
_READY = {"alloy": "/-/ready", "promtail": "/ready"}
_CONFIG = "/etc/sedna-logs"


@dataclass(frozen=True)
class Site:
    """Where a collector runs and sends to; what is not known yet is a text that says what to put there."""

    loki_url: str = "http://loki:3100/loki/api/v1/push"
    cluster: str = "main"
    site: str = "main"
    namespace: str = "monitoring"
    name: str = "sedna-logs"


def daemonset(collector: str, options: Options, config: str, site: Site) -> list[dict[str, Any]]:
    """All objects that run a collector on each node, edge nodes too, with no more rights than it needs."""
    labels = {"app.kubernetes.io/name": site.name, "app.kubernetes.io/component": collector}
    about = {"name": site.name, "namespace": site.namespace, "labels": labels}
    volumes: list[dict[str, Any]] = [
        {"name": "config", "configMap": {"name": site.name}},
        {"name": "pods", "hostPath": {"path": options.folder or PODS}},
        # What was read already, and what waits for Loki, must outlive the pod.
        {"name": "state", "hostPath": {"path": options.state, "type": "DirectoryOrCreate"}},
    ]
    mounts: list[dict[str, Any]] = [
        {"name": "config", "mountPath": _CONFIG, "readOnly": True},
        {"name": "pods", "mountPath": options.folder or PODS, "readOnly": True},
        {"name": "state", "mountPath": options.state},
    ]
    container = _container(collector, options, site, mounts, volumes)
    port = _PORTS[collector]
    container["ports"] = [{"name": "http-metrics", "containerPort": port}]
    container["readinessProbe"] = {"httpGet": {"path": _READY[collector], "port": port}}
    # The files belong to root; nothing else is root's about it.
    container["securityContext"] |= {"runAsUser": 0, "runAsGroup": 0}
    spec: dict[str, Any] = {
        "serviceAccountName": site.name,
        "automountServiceAccountToken": options.api,
        # Edge nodes are tainted, and their logs are the ones that matter.
        "tolerations": [{"operator": "Exists"}],
        "containers": [container],
        "volumes": volumes,
    }
    scraped = {"prometheus.io/scrape": "true", "prometheus.io/port": str(_PORTS[collector])}
    template = {"metadata": {"labels": labels, "annotations": scraped}, "spec": spec}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": about},
        *(_rights(site, labels) if options.api else []),
        _config_map(collector, config, about),
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": about,
            "spec": {"selector": {"matchLabels": labels}, "template": template},
        },
    ]


def sidecar(collector: str, options: Options, config: str, site: Site) -> list[dict[str, Any]]:
    """The ConfigMap, and what to add to the pod template of a worker: Sedna keeps all of the template."""
    about = {"name": site.name, "namespace": site.namespace}
    volumes: list[dict[str, Any]] = [
        {"name": "logs", "emptyDir": {}},
        {"name": "sedna-logs", "configMap": {"name": site.name}},
        # Not an emptyDir: what waits for Loki would go with the pod.
        {"name": "sedna-logs-state", "hostPath": {"path": options.state, "type": "DirectoryOrCreate"}},
    ]
    mounts: list[dict[str, Any]] = [
        {"name": "sedna-logs", "mountPath": _CONFIG, "readOnly": True},
        {"name": "logs", "mountPath": options.folder or SHARED, "readOnly": True},
        {"name": "sedna-logs-state", "mountPath": options.state, "subPathExpr": "$(POD_NAME)"},
    ]
    container = _container(collector, options, site, mounts, volumes)
    container["env"] += [
        _field("NAMESPACE", "metadata.namespace"),
        _field("POD_NAME", "metadata.name"),
        {"name": "CONTAINER", "value": "the name of the worker's container"},
        {"name": "SEDNA_NAME", "value": "the name of the job"},
        {"name": "SEDNA_KIND", "value": "the kind of the job, such as IncrementalLearningJob"},
        {"name": "WORKER_TYPE", "value": "train"},
    ]
    worker = {
        "name": "the worker's container",
        "volumeMounts": [{"name": "logs", "mountPath": options.folder or SHARED}],
    }
    return [_config_map(collector, config, about), {"spec": {"containers": [worker, container], "volumes": volumes}}]


def _container(
    collector: str, options: Options, site: Site, mounts: list[dict[str, Any]], volumes: list[dict[str, Any]]
) -> dict[str, Any]:
    # Workers share the network of their node: a sidecar that took a port would keep out the next worker's.
    address, port = ("0.0.0.0", _PORTS[collector]) if options.mode == "daemonset" else ("127.0.0.1", 0)  # noqa: S104
    arguments = {
        "alloy": ["run", "--disable-reporting", "--stability.level=experimental", f"--storage.path={options.state}",
                  f"--server.http.listen-addr={address}:{port}", f"{_CONFIG}/{_FILES['alloy']}"],
        "promtail": ["-config.expand-env=true", f"-config.file={_CONFIG}/{_FILES['promtail']}",
                     f"-server.http-listen-address={address}", f"-server.http-listen-port={port}"],
    }  # fmt: skip
    known = {"LOKI_URL": site.loki_url, "CLUSTER": site.cluster, "SITE": site.site}
    env: list[dict[str, Any]] = [{"name": name, "value": value} for name, value in known.items()]
    env.append(_field("NODE_NAME", "spec.nodeName"))
    if options.auth == "basic":
        user = {"secretKeyRef": {"name": "loki-credentials", "key": "user"}}
        env.append({"name": "LOKI_USER", "valueFrom": user})
    if options.auth != "none":
        volumes.append({"name": "credentials", "secret": {"secretName": "loki-credentials"}})
        mounts.append({"name": "credentials", "mountPath": CREDENTIALS, "readOnly": True})
    return {
        "name": collector,
        "image": IMAGES[collector],
        "args": arguments[collector],
        "env": env,
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": mounts,
    }


def _field(name: str, path: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def untabbed(config: str) -> str:
    """The same config with blanks for tabs, which would make YAML write all of it as one quoted line."""
    return config.replace("\t", "  ")


def _config_map(collector: str, config: str, about: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": {_FILES[collector]: untabbed(config)}}


def _rights(site: Site, labels: dict[str, str]) -> list[dict[str, Any]]:
    group = "rbac.authorization.k8s.io"
    rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}
    subject = {"kind": "ServiceAccount", "name": site.name, "namespace": site.namespace}
    role = {"apiGroup": group, "kind": "ClusterRole", "name": site.name}
    about = {"apiVersion": f"{group}/v1", "metadata": {"name": site.name, "labels": labels}}
    return [
        {**about, "kind": "ClusterRole", "rules": [rule]},
        {**about, "kind": "ClusterRoleBinding", "roleRef": role, "subjects": [subject]},
    ]
