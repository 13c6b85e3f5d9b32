"""What is listed and watched: Sedna's resources, the pods that GM made for them, nodes, and the knowledge base."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sedna_dash.crds import CRDS, GROUP, VERSION
from sedna_dash.exporter import knowledge_server


@dataclass(frozen=True)
class Target:
    """One stream of objects. ``resource`` names it in metrics and logs; of ``metadata_only`` ones nothing else is
    asked for."""

    kind: str
    resource: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    metadata_only: bool = False


def targets(namespaces: Iterable[str] = (), selector: str = "", sedna_namespace: str = "sedna") -> list[Target]:
    """All streams. ``namespaces`` limits jobs and their pods (none means all), ``selector`` limits Sedna's resources.

    Pods are asked for by the label of each kind, so that in a cluster of 100,000 pods only Sedna's come over the wire.
    """
    return list(_targets(tuple(namespaces) or ("",), {"labelSelector": selector} if selector else {}, sedna_namespace))


def _targets(namespaces: tuple[str, ...], chosen: Mapping[str, str], sedna_namespace: str) -> Iterator[Target]:
    for crd in CRDS.values():
        for namespace in namespaces:
            path = f"/apis/{GROUP}/{VERSION}{_inside(namespace)}/{crd.plural}"
            yield Target(crd.kind, crd.plural, path, chosen)
            if crd.workers:
                by_label = {"labelSelector": f"{crd.label_prefix}name"}
                yield Target("Pod", f"pods of {crd.plural}", f"/api/v1{_inside(namespace)}/pods", by_label)
    yield Target("Node", "nodes", "/api/v1/nodes", metadata_only=True)
    base, name = f"/api/v1{_inside(sedna_namespace)}", knowledge_server.NAME
    yield Target("Pod", "pods of the knowledge base", f"{base}/pods", {"labelSelector": f"sedna={name}"})
    yield Target(
        "Service", "service of the knowledge base", f"{base}/services", {"fieldSelector": f"metadata.name={name}"}
    )


def _inside(namespace: str) -> str:
    return f"/namespaces/{namespace}" if namespace else ""
