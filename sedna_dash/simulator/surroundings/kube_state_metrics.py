"""What kube-state-metrics says about Kubernetes' own objects, as far as the catalog lists it.

For sites that are simulated without a real one; a test holds both against each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sedna_dash.exposition import Sample
from sedna_dash.simulator.objects import Object
from sedna_dash.simulator.surroundings.scene import Scene, instant, quantity

_PHASES = ("Pending", "Succeeded", "Failed", "Unknown", "Running")
_STATUSES = ("true", "false", "unknown")
_UNITS = {"cpu": "core", "memory": "byte"}
_ROLE = "node-role.kubernetes.io/"
#: Why a batch/v1 Job's pods failed; kube-state-metrics has a series for each once any did.
_FAILURES = ("BackoffLimitExceeded", "DeadlineExceeded", "Evicted")


def samples(scene: Scene) -> Iterator[Sample]:
    """All of it."""
    store = scene.store
    for pod in store.items("pods"):
        yield from _pod(pod)
    for node in store.items("nodes"):
        yield from _node(node)
    for lease in store.items("leases"):
        labels = {"namespace": lease["metadata"]["namespace"], "lease": lease["metadata"]["name"]}
        if renewed := instant(lease["spec"].get("renewTime")):
            yield Sample("kube_lease_renew_time", labels, renewed)
    for plural, label, fields in _COUNTS:
        for obj in store.items(plural):
            labels = {"namespace": obj["metadata"]["namespace"], label: obj["metadata"]["name"]}
            for family, part, field in fields:
                yield Sample(family, labels, float((obj.get(part) or {}).get(field) or 0))
    for job in store.items("jobs"):
        yield from _job(job)
    for resource in _PLURALS:
        labels = {"resource": f"*v1.{resource}", "result": "success"}
        yield Sample("kube_state_metrics_list_total", labels, 1.0)
        # What is refused to it, it asks for again about twice a minute.
        rate = 1 / 30 if scene.trouble("api-refuses", _PLURALS[resource]) else 0.0
        if errors := scene.counters.grown(("ksm errors", resource), rate, scene.now, scene.start):
            yield Sample("kube_state_metrics_list_total", {**labels, "result": "error"}, float(int(errors) + 1))
        watches = scene.counters.grown(("ksm", resource), 1 / 420, scene.now, scene.start)
        yield Sample("kube_state_metrics_watch_total", labels, float(int(watches) + 1))


#: The kinds that it lists.
_PLURALS = {
    "Pod": "pods",
    "Node": "nodes",
    "Deployment": "deployments",
    "DaemonSet": "daemonsets",
    "Lease": "leases",
    "Job": "jobs",
    "HorizontalPodAutoscaler": "horizontalpodautoscalers",
}
_COUNTS = (
    ("deployments", "deployment", (("kube_deployment_status_replicas_available", "status", "availableReplicas"),)),
    (
        "daemonsets",
        "daemonset",
        (
            ("kube_daemonset_status_number_ready", "status", "numberReady"),
            ("kube_daemonset_status_desired_number_scheduled", "status", "desiredNumberScheduled"),
        ),
    ),
    (
        "horizontalpodautoscalers",
        "horizontalpodautoscaler",
        (
            ("kube_horizontalpodautoscaler_status_current_replicas", "status", "currentReplicas"),
            ("kube_horizontalpodautoscaler_spec_max_replicas", "spec", "maxReplicas"),
        ),
    ),
)


def _pod(pod: Object) -> Iterator[Sample]:
    metadata, spec, status = pod["metadata"], pod.get("spec", {}), pod.get("status", {})
    identity = {"namespace": metadata["namespace"], "pod": metadata["name"], "uid": metadata["uid"]}
    node = spec.get("nodeName", "")
    creator: Mapping[str, Any] = next(
        (owner for owner in metadata.get("ownerReferences", ()) if owner.get("controller")), {}
    )
    where = {
        "node": node,
        "host_ip": status.get("hostIP", ""),
        "pod_ip": status.get("podIP", ""),
        "created_by_kind": creator.get("kind", ""),
        "created_by_name": creator.get("name", ""),
        "host_network": str(bool(spec.get("hostNetwork"))).lower(),
    }
    yield Sample("kube_pod_info", {**identity, **where}, 1.0)
    if phase := status.get("phase"):
        for value in _PHASES:
            yield Sample("kube_pod_status_phase", {**identity, "phase": value}, float(value == phase))
    for condition in status.get("conditions", ()):
        if condition["type"] == "Ready":
            for value in _STATUSES:
                labels = {**identity, "condition": value}
                yield Sample("kube_pod_status_ready", labels, float(value == condition["status"].lower()))
    for container in spec.get("containers", ()):
        yield from _resources({**identity, "container": container["name"], "node": node}, container)
    for container in status.get("containerStatuses", ()):
        yield from _container({**identity, "container": container["name"]}, container)


def _resources(labels: Mapping[str, str], container: Mapping[str, Any]) -> Iterator[Sample]:
    for part in ("requests", "limits"):
        for resource, amount in container.get("resources", {}).get(part, {}).items():
            unit = {"resource": resource.replace("-", "_"), "unit": _UNITS.get(resource, "integer")}
            yield Sample(f"kube_pod_container_resource_{part}", {**labels, **unit}, quantity(amount))


def _container(labels: Mapping[str, str], status: Mapping[str, Any]) -> Iterator[Sample]:
    image = {
        "image": status.get("image", ""),
        "image_id": status.get("imageID", ""),
        "container_id": status.get("containerID", ""),
    }
    yield Sample("kube_pod_container_info", {**labels, **image}, 1.0)
    state = status.get("state", {})
    for value in ("running", "waiting", "terminated"):
        yield Sample(f"kube_pod_container_status_{value}", labels, float(value in state))
    if reason := state.get("waiting", {}).get("reason"):
        yield Sample("kube_pod_container_status_waiting_reason", {**labels, "reason": reason}, 1.0)
    last = status.get("lastState", {}).get("terminated")
    if last:
        family = "kube_pod_container_status_last_terminated"
        yield Sample(f"{family}_reason", {**labels, "reason": last.get("reason", "")}, 1.0)
        yield Sample(f"{family}_exitcode", labels, float(last.get("exitCode", 0)))
    yield Sample("kube_pod_container_status_restarts_total", labels, float(status.get("restartCount", 0)))


def _job(job: Object) -> Iterator[Sample]:
    labels = {"namespace": job["metadata"]["namespace"], "job_name": job["metadata"]["name"]}
    status = job.get("status", {})
    yield Sample("kube_job_status_active", labels, float(status.get("active", 0)))
    yield Sample("kube_job_status_succeeded", labels, float(status.get("succeeded", 0)))
    failed = float(status.get("failed", 0))
    if not failed:
        yield Sample("kube_job_status_failed", labels, 0.0)
        return
    reasons = {condition.get("reason") for condition in status.get("conditions", ()) if condition["type"] == "Failed"}
    known = reasons & set(_FAILURES)
    for reason in _FAILURES:
        yield Sample("kube_job_status_failed", {**labels, "reason": reason}, float(reason in known))
    if not known:
        yield Sample("kube_job_status_failed", labels, failed)


def _node(node: Object) -> Iterator[Sample]:
    name, status = node["metadata"]["name"], node.get("status", {})
    about = status.get("nodeInfo", {})
    software = {
        "kernel_version": about.get("kernelVersion", ""),
        "os_image": about.get("osImage", ""),
        "container_runtime_version": about.get("containerRuntimeVersion", ""),
        "kubelet_version": about.get("kubeletVersion", ""),
        "internal_ip": next((a["address"] for a in status.get("addresses", ()) if a["type"] == "InternalIP"), ""),
    }
    yield Sample("kube_node_info", {"node": name, **software}, 1.0)
    for label in node["metadata"].get("labels") or {}:
        if label.startswith(_ROLE):
            yield Sample("kube_node_role", {"node": name, "role": label.removeprefix(_ROLE)}, 1.0)
    for condition in status.get("conditions", ()):
        for value in _STATUSES:
            labels = {"node": name, "condition": condition["type"], "status": value}
            yield Sample("kube_node_status_condition", labels, float(value == condition["status"].lower()))
