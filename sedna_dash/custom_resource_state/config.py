"""What kube-state-metrics takes: its config, the rights it needs, and values for its Helm chart.

The config works with kube-state-metrics 2.6.0 and later; before, there was no ``metricNamePrefix``.
https://github.com/kubernetes/kube-state-metrics/blob/main/docs/metrics/extend/customresourcestate-metrics.md
"""

from __future__ import annotations

from typing import Any

from sedna_dash.crds import CRDS, GROUP, VERSION
from sedna_dash.custom_resource_state.mapping import Expression, Mapping

PREFIX = "sedna"
#: A missing value (no completion yet) is no error; it is logged from this verbosity on.
_QUIET = 5
_TYPES = {"gauge": ("Gauge", "gauge"), "stateset": ("StateSet", "stateSet"), "info": ("Info", "info")}

Document = dict[str, Any]


def config(mapping: Mapping) -> Document:
    """The CustomResourceStateMetrics config of all kinds."""
    return {"kind": "CustomResourceStateMetrics", "spec": {"resources": [_resource(kind, mapping) for kind in CRDS]}}


def rbac(service_account: str, namespace: str) -> list[Document]:
    """A ClusterRole with the least that kube-state-metrics needs for Sedna, bound to its service account."""
    name = "kube-state-metrics-sedna"
    api = "rbac.authorization.k8s.io"
    return [
        {"apiVersion": f"{api}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules()},
        {
            "apiVersion": f"{api}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": service_account, "namespace": namespace}],
        },
    ]


def rules() -> list[Document]:
    """Reading Sedna's resources, and learning which of them the cluster has."""
    return [
        {"apiGroups": [GROUP], "resources": [crd.plural for crd in CRDS.values()], "verbs": ["get", "list", "watch"]},
        {
            "apiGroups": ["apiextensions.k8s.io"],
            "resources": ["customresourcedefinitions"],
            "verbs": ["list", "watch"],
        },
    ]


def helm_values(mapping: Mapping, *, plurals: bool = False) -> Document:
    """Values for the chart prometheus-community/kube-state-metrics, with only the collectors that our boards read.

    ``plurals`` adds Sedna's resources to the collectors: kube-state-metrics 2.6 and 2.7 leave them out otherwise, and
    the newest ones do not start with them.
    """
    own = [crd.plural for crd in CRDS.values()] if plurals else []
    return {
        "customResourceState": {"enabled": True, "config": config(mapping)},
        "rbac": {"extraRules": rules()},
        "collectors": [*mapping.collectors, *own],
        "metricLabelsAllowlist": [],
    }


def _resource(kind: str, mapping: Mapping) -> Document:
    return {
        "groupVersionKind": {"group": GROUP, "version": VERSION, "kind": kind},
        # Without it, kube-state-metrics guesses.
        "resourcePlural": CRDS[kind].plural,
        "metricNamePrefix": PREFIX,
        "errorLogV": _QUIET,
        "labelsFromPath": {
            "namespace": ["metadata", "namespace"],
            mapping.name_labels[kind]: ["metadata", "name"],
        },
        "metrics": [_metric(one, kind) for one in mapping.expressions if kind in one.kinds],
    }


def _metric(expression: Expression, kind: str) -> Document:
    metric = expression.metric
    constants = {**({"kind": kind} if "kind" in metric.labels else {}), **expression.constants}
    word, key = _TYPES[metric.type]
    how: Document = {"path": list(expression.each)} if expression.each else {}
    if metric.type == "stateset":
        how |= {"labelName": expression.state_label, "list": list(metric.labels[expression.state_label])}
    if expression.value:
        how["valueFrom"] = list(expression.value)
    if expression.labels:
        how["labelsFromPath"] = {label: list(path) for label, path in expression.labels.items()}
    return {
        "name": metric.name.removeprefix(f"{PREFIX}_"),
        "help": metric.help,
        **({"commonLabels": constants} if constants else {}),
        "each": {"type": word, key: how},
    }
