"""Whether Kubernetes objects fit together: what a cluster would only tell by pods that never get ready. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

Object = dict[str, Any]

#: Accounts that others make.
_FOREIGN_ACCOUNTS = {"default", "kube-state-metrics"}
#: The containers that have to be root, and the folders of a node that they and others see, with the right to write.
_ROOT = {"alloy"}
_HOST_PATHS = {("alloy", "/var/log/pods"): False, ("alloy", "/var/lib/sedna-logs"): True,
               ("knowledge-base", "/opt/kb-data"): False}  # fmt: skip


def faults(objects: list[Object]) -> Iterator[str]:
    """Every fault, as a sentence."""
    seen = set()
    for obj in objects:
        identity = (obj["kind"], obj["metadata"].get("namespace"), obj["metadata"]["name"])
        if identity in seen:
            yield f"{identity} is there twice"
        seen.add(identity)
        if obj["kind"] == "Secret":
            yield f"{identity} is a Secret: nobody keeps secrets in a chart"
    for obj in workloads(objects):
        yield from _workload(obj, objects)
    for obj in objects:
        yield from _SPECIAL.get(obj["kind"], _nothing)(obj, objects)


def workloads(objects: list[Object]) -> list[Object]:
    """All that makes pods, and pods."""
    return [obj for obj in objects if obj["kind"] in ("Deployment", "DaemonSet", "StatefulSet", "Pod")]


def pod_of(workload: Object) -> Object:
    """The pod, or what it is made from."""
    found: Object = workload if workload["kind"] == "Pod" else workload["spec"]["template"]
    return found


def _name(obj: Object) -> str:
    return f"{obj['kind']} {obj['metadata']['name']}"


def _matches(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def _pods(selector: Mapping[str, str], objects: list[Object]) -> list[Object]:
    pods = [pod_of(workload) for workload in workloads(objects)]
    return [pod for pod in pods if _matches(selector, pod["metadata"]["labels"])]


def _ports(pod: Object) -> set[Any]:
    ports = [port for container in pod["spec"]["containers"] for port in container.get("ports", ())]
    return {port["name"] for port in ports} | {port["containerPort"] for port in ports}


def _workload(obj: Object, objects: list[Object]) -> Iterator[str]:
    pod, where = pod_of(obj), _name(obj)
    if obj["kind"] != "Pod":
        selector = obj["spec"]["selector"]["matchLabels"]
        if not _matches(selector, pod["metadata"]["labels"]):
            yield f"{where}: the selector does not match its own pods"
        if len(_pods(selector, objects)) > 1:
            yield f"{where}: the selector matches pods of others, too"
    account = pod["spec"].get("serviceAccountName", "default")
    accounts = {found["metadata"]["name"] for found in objects if found["kind"] == "ServiceAccount"}
    if account not in accounts | _FOREIGN_ACCOUNTS:
        yield f"{where}: there is no ServiceAccount {account}"
    if account == "default" and pod["spec"].get("automountServiceAccountToken") is not False:
        yield f"{where}: has a token that it does not need"
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes", ())}
    used = set()
    for container in pod["spec"]["containers"]:
        yield from _container(container, pod, where)
        for mount in container.get("volumeMounts", ()):
            used.add(mount["name"])
            if mount["name"] not in volumes:
                yield f"{where}: there is no volume {mount['name']}"
            elif path := volumes[mount["name"]].get("hostPath", {}).get("path"):
                writes = not mount.get("readOnly", False)
                if _HOST_PATHS.get((container["name"], path)) is not writes:
                    yield f"{where}: {container['name']} sees {path} of the node, writing {writes}"
    if unused := volumes.keys() - used:
        yield f"{where}: nobody mounts {sorted(unused)}"
    maps = {found["metadata"]["name"]: found for found in objects if found["kind"] == "ConfigMap"}
    for volume in volumes.values():
        name = volume.get("configMap", {}).get("name")
        if name is not None and not maps.get(name, {}).get("data"):
            yield f"{where}: there is no ConfigMap {name}, or it is empty"


def _container(container: Object, pod: Object, where: str) -> Iterator[str]:
    where = f"{where}: {container['name']}"
    security = {**pod["spec"].get("securityContext", {}), **container.get("securityContext", {})}
    wanted = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    if container["name"] not in _ROOT:
        wanted["runAsNonRoot"] = True
    for key, value in wanted.items():
        if security.get(key) != value:
            yield f"{where}: securityContext.{key} is {security.get(key)}"
    if container["name"] not in _ROOT and not security.get("runAsUser"):
        yield f"{where}: Kubernetes cannot tell that its user is not root"
    resources = container.get("resources", {})
    if not {"cpu", "memory"} <= resources.get("requests", {}).keys() or "memory" not in resources.get("limits", {}):
        yield f"{where}: asks for no cpu or memory, or has no limit of memory"
    image = container["image"]
    if image.endswith(":latest") or (":" not in image.rpartition("/")[2] and "@" not in image):
        yield f"{where}: {image} may be another one tomorrow"
    for probe in ("readinessProbe", "livenessProbe"):
        port = container.get(probe, {}).get("httpGet", {}).get("port")
        if port is not None and port not in _ports(pod):
            yield f"{where}: {probe} asks port {port}, which is none"


def _service(obj: Object, objects: list[Object]) -> Iterator[str]:
    pods = _pods(obj["spec"]["selector"], objects)
    if not pods:
        yield f"{_name(obj)}: selects no pod"
    for port in obj["spec"]["ports"]:
        if any(port["targetPort"] not in _ports(pod) for pod in pods):
            yield f"{_name(obj)}: port {port['targetPort']} is none of its pods'"


def _monitor(obj: Object, objects: list[Object]) -> Iterator[str]:
    selector = obj["spec"]["selector"]["matchLabels"]
    if obj["kind"] == "PodMonitor":
        pods, endpoints = _pods(selector, objects), obj["spec"]["podMetricsEndpoints"]
        offered = [_ports(pod) for pod in pods]
    else:
        services = [found for found in objects if found["kind"] == "Service"]
        chosen = [found for found in services if _matches(selector, found["metadata"]["labels"])]
        offered, endpoints = (
            [{port["name"] for port in found["spec"]["ports"]} for found in chosen],
            obj["spec"]["endpoints"],
        )
    if len(offered) != 1:
        yield f"{_name(obj)}: selects {len(offered)} instead of one"
    for endpoint in endpoints:
        if any(endpoint["port"] not in ports for ports in offered):
            yield f"{_name(obj)}: port {endpoint['port']} is none"
        if endpoint.get("honorLabels") is not True:
            yield f"{_name(obj)}: the labels of the job would be lost"


def _policy(obj: Object, objects: list[Object]) -> Iterator[str]:
    pods = _pods(obj["spec"]["podSelector"]["matchLabels"], objects)
    if not pods:
        yield f"{_name(obj)}: selects no pod"
    for rule in obj["spec"]["ingress"]:
        for port in rule["ports"]:
            if any(port["port"] not in _ports(pod) for pod in pods):
                yield f"{_name(obj)}: port {port['port']} is none of its pods'"


def _budget(obj: Object, objects: list[Object]) -> Iterator[str]:
    if len(_pods(obj["spec"]["selector"]["matchLabels"], objects)) < 2:
        yield f"{_name(obj)}: would keep the node of a single pod from being drained"


def _role(obj: Object, objects: list[Object]) -> Iterator[str]:
    for rule in obj["rules"]:
        if more := set(rule["verbs"]) - {"get", "list", "watch"}:
            yield f"{_name(obj)}: may {sorted(more)}"
        for key in ("apiGroups", "resources"):
            if "*" in rule[key] or not rule[key]:
                yield f"{_name(obj)}: {key} is {rule[key]}"
        if "secrets" in rule["resources"]:
            yield f"{_name(obj)}: may read secrets"


def _binding(obj: Object, objects: list[Object]) -> Iterator[str]:
    role, place = obj["roleRef"], obj["metadata"].get("namespace")
    roles = [(found["kind"], found["metadata"]["name"], found["metadata"].get("namespace")) for found in objects]
    if (role["kind"], role["name"], place if role["kind"] == "Role" else None) not in roles:
        yield f"{_name(obj)}: there is no {role['kind']} {role['name']} in {place}"
    accounts = {
        (found["metadata"]["name"], found["metadata"]["namespace"])
        for found in objects
        if found["kind"] == "ServiceAccount"
    }
    for subject in obj["subjects"]:
        if subject["name"] not in _FOREIGN_ACCOUNTS and (subject["name"], subject["namespace"]) not in accounts:
            yield f"{_name(obj)}: there is no ServiceAccount {subject['name']} in {subject['namespace']}"


def _config_map(obj: Object, objects: list[Object]) -> Iterator[str]:
    if (size := sum(len(text.encode()) for text in obj["data"].values())) > 1_000_000:
        yield f"{_name(obj)}: has {size} bytes, more than Kubernetes takes"


def _nothing(obj: Object, objects: list[Object]) -> Iterator[str]:
    return iter(())


_SPECIAL = {
    "Service": _service,
    "ServiceMonitor": _monitor,
    "PodMonitor": _monitor,
    "NetworkPolicy": _policy,
    "PodDisruptionBudget": _budget,
    "Role": _role,
    "ClusterRole": _role,
    "RoleBinding": _binding,
    "ClusterRoleBinding": _binding,
    "ConfigMap": _config_map,
}
