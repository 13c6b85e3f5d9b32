"""A config for kube-state-metrics, so that it reads Sedna's resources without any exporter of ours.

`mapping` says how each family is found, checked against the CRDs and the catalog; `config` writes what
kube-state-metrics takes: its config, the rights it needs, and values for its Helm chart.
"""

from sedna_dash.custom_resource_state.config import config, helm_values, rbac
from sedna_dash.custom_resource_state.mapping import Expression, Mapping, default_mapping, load_mapping

__all__ = ["Expression", "Mapping", "config", "default_mapping", "helm_values", "load_mapping", "rbac"]
