"""Which resources the simulated cluster has: what Kubernetes calls them, and where they are found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sedna_dash.crds import CRDS, GROUP, VERSION

#: Kubernetes' own resources that the exporter and kube-state-metrics read: group and version, plural, kind.
_NAMESPACED = (
    ("v1", "pods", "Pod"),
    ("v1", "services", "Service"),
    ("v1", "secrets", "Secret"),
    ("v1", "configmaps", "ConfigMap"),
    ("v1", "endpoints", "Endpoints"),
    ("v1", "events", "Event"),
    ("v1", "limitranges", "LimitRange"),
    ("v1", "persistentvolumeclaims", "PersistentVolumeClaim"),
    ("v1", "replicationcontrollers", "ReplicationController"),
    ("v1", "resourcequotas", "ResourceQuota"),
    ("v1", "serviceaccounts", "ServiceAccount"),
    ("apps/v1", "deployments", "Deployment"),
    ("apps/v1", "daemonsets", "DaemonSet"),
    ("apps/v1", "replicasets", "ReplicaSet"),
    ("apps/v1", "statefulsets", "StatefulSet"),
    ("batch/v1", "jobs", "Job"),
    ("batch/v1", "cronjobs", "CronJob"),
    ("autoscaling/v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"),
    ("coordination.k8s.io/v1", "leases", "Lease"),
    ("networking.k8s.io/v1", "ingresses", "Ingress"),
    ("networking.k8s.io/v1", "networkpolicies", "NetworkPolicy"),
    ("policy/v1", "poddisruptionbudgets", "PodDisruptionBudget"),
    ("discovery.k8s.io/v1", "endpointslices", "EndpointSlice"),
    ("rbac.authorization.k8s.io/v1", "roles", "Role"),
    ("rbac.authorization.k8s.io/v1", "rolebindings", "RoleBinding"),
)
_CLUSTER_WIDE = (
    ("v1", "nodes", "Node"),
    ("v1", "namespaces", "Namespace"),
    ("v1", "persistentvolumes", "PersistentVolume"),
    ("apiextensions.k8s.io/v1", "customresourcedefinitions", "CustomResourceDefinition"),
    ("storage.k8s.io/v1", "storageclasses", "StorageClass"),
    ("storage.k8s.io/v1", "volumeattachments", "VolumeAttachment"),
    ("networking.k8s.io/v1", "ingressclasses", "IngressClass"),
    ("certificates.k8s.io/v1", "certificatesigningrequests", "CertificateSigningRequest"),
    ("admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io/v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration"),
    ("rbac.authorization.k8s.io/v1", "clusterroles", "ClusterRole"),
    ("rbac.authorization.k8s.io/v1", "clusterrolebindings", "ClusterRoleBinding"),
)


@dataclass(frozen=True)
class ApiResource:
    """A resource of the API: ``api_version`` is ``v1`` or ``<group>/<version>``, ``plural`` its name in paths."""

    api_version: str
    plural: str
    kind: str
    namespaced: bool

    @property
    def group(self) -> str:
        """Empty for Kubernetes' core."""
        return self.api_version.rpartition("/")[0]

    @property
    def version(self) -> str:
        """Such as ``v1alpha1``."""
        return self.api_version.rpartition("/")[2]


#: Every resource, by plural: no two groups here share one.
API_RESOURCES: Mapping[str, ApiResource] = {
    resource.plural: resource
    for resource in (
        *(ApiResource(*names, namespaced=True) for names in _NAMESPACED),
        *(ApiResource(*names, namespaced=False) for names in _CLUSTER_WIDE),
        *(ApiResource(f"{GROUP}/{VERSION}", crd.plural, crd.kind, namespaced=True) for crd in CRDS.values()),
    )
}
