"""The chart's objects against the schemas of Kubernetes, unknown fields forbidden.

``SEDNA_DASH_KUBERNETES_SCHEMAS`` names a folder with files such as ``deployment-apps-v1.json`` and
``_definitions.json`` (of the repository yannh/kubernetes-json-schema, or of the package kubernetes-validate) and, for
the kinds of operators, their CustomResourceDefinitions as YAML files.
"""

import functools
import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from tests.charts.helm import CASES, PROFILES, Object, needs_helm, template

FOLDER = os.environ.get("SEDNA_DASH_KUBERNETES_SCHEMAS")
pytestmark = [
    needs_helm,
    pytest.mark.skipif(not FOLDER, reason="SEDNA_DASH_KUBERNETES_SCHEMAS names no folder with Kubernetes schemas"),
]


class _Loader(yaml.CSafeLoader):
    """YAML 1.1 means something else by the word "=", which a CRD of the Prometheus operator lists among its values."""


_Loader.add_constructor("tag:yaml.org,2002:value", yaml.CSafeLoader.construct_yaml_str)


@functools.cache
def _custom() -> dict[tuple[str, str], dict[str, Any]]:
    """The schemas of custom resources by apiVersion and kind."""
    found = {}
    for path in Path(FOLDER or "").rglob("*.yaml"):
        for crd in yaml.load_all(path.read_text(), Loader=_Loader):
            if isinstance(crd, dict) and crd.get("kind") == "CustomResourceDefinition":
                for version in crd["spec"]["versions"]:
                    key = f"{crd['spec']['group']}/{version['name']}", crd["spec"]["names"]["kind"]
                    found[key] = _strict(version["schema"]["openAPIV3Schema"], top=True)
    return found


def _strict(schema: Any, top: bool = False) -> Any:
    """The schema with unknown fields forbidden: a cluster would drop them without a word."""
    if isinstance(schema, list):
        return [_strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _strict(value) for key, value in schema.items()}
    if isinstance(made.get("properties"), dict) and not made.get("x-kubernetes-preserve-unknown-fields"):
        made.setdefault("additionalProperties", False)
    if top:
        made["properties"]["metadata"] = {"type": "object"}
    return made


def _file(uri: str) -> Resource[Any]:
    return Resource.from_contents(json.loads((Path(FOLDER or "") / uri.rpartition("/")[2]).read_text()), DRAFT7)


@functools.cache
def _validator(version: str, kind: str) -> Draft7Validator:
    if (version, kind) in _custom():
        return Draft7Validator(_custom()[version, kind])
    group, _, number = version.rpartition("/")
    parts = [kind.lower(), group.partition(".")[0], number]
    name = "-".join(filter(None, parts)) + ".json"
    assert (Path(FOLDER or "") / name).is_file(), f"{FOLDER} has no schema of {version} {kind} ({name})"
    registry: Registry[Any] = Registry(retrieve=_file)  # type: ignore[call-arg]
    return Draft7Validator({"$ref": f"schema:///{name}"}, registry=registry)


def _wrong(objects: list[Object]) -> list[str]:
    return [
        f"{found['kind']} {found['metadata']['name']}: {'.'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        for found in objects
        for error in _validator(found["apiVersion"], found["kind"]).iter_errors(found)
    ]


@pytest.mark.parametrize("profile", PROFILES)
def test_profiles_are_what_kubernetes_takes(profile: str) -> None:
    assert _wrong(template(profile=profile)) == []


@pytest.mark.parametrize("case", CASES)
def test_switches_are_what_kubernetes_takes(case: str) -> None:
    assert _wrong(template(*CASES[case])) == []


def test_the_schemas_find_faults() -> None:
    objects = template(*CASES["operators"])
    for found in objects:
        if found["kind"] in ("Deployment", "ServiceMonitor"):
            found["spec"]["replica"] = 1
    assert sorted({line.partition(" ")[0] for line in _wrong(objects)}) == ["Deployment", "ServiceMonitor"]
