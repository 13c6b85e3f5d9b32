"""What the API server says about itself: its version, groups, resources, and the definitions of Sedna's kinds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sedna_dash.crds import CRDS, GROUP, VERSION, Crd
from sedna_dash.simulator.api_resources import API_RESOURCES, ApiResource

Document = dict[str, Any]

#: The version that the simulated cluster claims to have.
KUBERNETES = "v1.29.4"
VERSION_DOCUMENT: Document = {
    "major": "1",
    "minor": "29",
    "gitVersion": KUBERNETES,
    "gitCommit": "simulated",
    "gitTreeState": "clean",
    "buildDate": "2024-04-16T15:01:22Z",
    "goVersion": "go1.21.9",
    "compiler": "gc",
    "platform": "linux/amd64",
}
CORE_VERSIONS: Document = {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def groups(resources: Iterable[ApiResource]) -> Document:
    """All groups but the core."""
    versions = {resource.group: resource.version for resource in resources if resource.group}
    entries = [_group(name, version) for name, version in versions.items()]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": entries}


def group(name: str, version: str) -> Document:
    """One group."""
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, version)}


def _group(name: str, version: str) -> Document:
    entry = {"groupVersion": f"{name}/{version}", "version": version}
    return {"name": name, "versions": [entry], "preferredVersion": entry}


def resource_list(api_version: str, resources: Iterable[ApiResource]) -> Document:
    """The resources of one group and version."""
    entries = [
        {
            "name": resource.plural,
            "singularName": resource.kind.lower(),
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": ["get", "list", "watch"],
        }
        for resource in resources
        if resource.api_version == api_version
    ]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version, "resources": entries}


def definition(crd: Crd) -> Document:
    """The CustomResourceDefinition of a kind, which lets any field pass."""
    names = {
        "kind": crd.kind,
        "listKind": f"{crd.kind}List",
        "plural": crd.plural,
        "singular": crd.kind.lower(),
    }
    return {
        "metadata": {"name": f"{crd.plural}.{GROUP}", "creationTimestamp": "2024-05-01T08:00:00Z"},
        "spec": {
            "group": GROUP,
            "names": names,
            "scope": "Namespaced",
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                }
            ],
        },
        "status": {
            "acceptedNames": names,
            "storedVersions": [VERSION],
            "conditions": [
                {"type": "Established", "status": "True", "lastTransitionTime": "2024-05-01T08:00:00Z"},
            ],
        },
    }


def served(defined: Iterable[str]) -> list[ApiResource]:
    """The resources of a cluster in which these definitions (by their names) are installed."""
    known = set(defined)
    custom = {crd.plural for crd in CRDS.values()}
    return [
        resource for plural, resource in API_RESOURCES.items() if plural not in custom or f"{plural}.{GROUP}" in known
    ]
