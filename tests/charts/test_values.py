"""Values: all are described, bad ones are refused with their path, and what a cluster lacks is said."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from sedna_dash import __version__
from sedna_dash.chart.readme import readme, values
from sedna_dash.errors import SourceError
from sedna_dash.exporter.limits import Limits
from tests.charts.helm import CHART, OPERATORS, PROFILES, needs_helm, refused

VALUES = CHART / "values.yaml"
SCHEMA = json.loads((CHART / "values.schema.json").read_text())


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref", "")
    found: dict[str, Any] = SCHEMA["definitions"][reference.rpartition("/")[2]] if reference else schema
    return found


def _keys(schema: dict[str, Any], prefix: str = "") -> set[str]:
    """The path of every value that the schema names; what is inside of free mappings is nobody's."""
    found = set()
    for key, inner in schema.get("properties", {}).items():
        inner = _resolved(inner)
        found.add(prefix + key)
        if prefix + key not in ("exporter.limits",):
            found |= _keys(inner, f"{prefix}{key}.")
    return found


def test_the_schema_and_the_values_name_the_same() -> None:
    described = {value.path for value in values(VALUES.read_text(), "values.yaml")}
    ends = (".resources.requests", ".resources.limits", ".resources.claims")
    named = {path for path in _keys(SCHEMA) - {"global"} if not path.endswith(ends)}
    assert named == described


def test_the_schema_is_strict_everywhere() -> None:
    def loose(schema: dict[str, Any], path: str) -> list[str]:
        here = [path] if "properties" in schema and schema.get("additionalProperties") is not False else []
        inner = [*schema.get("properties", {}).items(), *schema.get("definitions", {}).items()]
        return here + [found for key, value in inner for found in loose(value, f"{path}.{key}")]

    assert loose(SCHEMA, "") == []


def test_the_schema_takes_what_comes_with_the_chart() -> None:
    Draft7Validator.check_schema(SCHEMA)
    for path in (VALUES, *PROFILES.values()):
        assert [error.message for error in Draft7Validator(SCHEMA).iter_errors(yaml.safe_load(path.read_text()))] == []


def test_limits_are_those_of_the_exporter() -> None:
    known = SCHEMA["properties"]["exporter"]["properties"]["limits"]["properties"]
    assert set(known) == {field.name.replace("_", "-") for field in fields(Limits)}


def test_chart_and_product_have_one_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)


def test_the_readme_is_up_to_date() -> None:
    assert (CHART / "README.md").read_bytes() == readme(CHART), "run: sedna-dash chart"


#: A values file, and what is said of it.
BAD_COMMENTS = [
    ("a: 1\n", "v.yaml:1: a is not described; write '# -- …' above it"),
    ("# -- A.\na:\n  # -- B.\n  b: 1\n  c: 2\n", "v.yaml:5: a.c is not described; write '# -- …' above it"),
    ("- 1\n", "v.yaml: holds no mapping of values; repair it"),
    ("a: [1\n", "v.yaml: is no YAML (while parsing a flow sequence); repair it"),
]


@pytest.mark.parametrize(("text", "says"), BAD_COMMENTS)
def test_a_value_without_a_description_is_refused(text: str, says: str) -> None:
    with pytest.raises(SourceError) as caught:
        list(values(text, "v.yaml"))
    assert caught.value.message == says


def test_descriptions_go_on_over_lines_and_mappings_may_be_one_value() -> None:
    text = "# Not this.\n\n# -- First\n# second.\na: {b: 1}\n# -- Of c.\nc:\n  d: 1\n"
    found = [(value.path, value.default, value.meaning, value.children) for value in values(text, "v.yaml")]
    assert found == [("a", {"b": 1}, "First second.", False), ("c", {"d": 1}, "Of c.", False)]


def test_a_profile_that_does_not_say_what_it_is_for_is_refused(tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "values.yaml").write_text("# -- A.\na: 1\n")
    (tmp_path / "profiles/x.yaml").write_text("a: 2\n")
    with pytest.raises(SourceError, match=r"x\.yaml:1: does not say what it is for"):
        readme(tmp_path)


#: Values, and the path and the rest that helm's answer names.
BAD = [
    ("exporter.shard=2", "exporter", "shard"),
    ("exporter.shards=0", "exporter.shards", "1"),
    ("exporter.shards=two", "exporter.shards", "integer"),
    ("exporter.limits.task=5", "exporter.limits", "task"),
    ("exporter.namespaces={Factory}", "exporter.namespaces.0", "pattern"),
    ("exporter.leaveOut={a b}", "exporter.leaveOut.0", "pattern"),
    ("image.repository=registry.example.com/a:1", "image.repository", "pattern"),
    ("image.tag=a:b", "image.tag", "pattern"),
    ("image.digest=sha256:abc", "image.digest", "pattern"),
    ("image.pullPolicy=always", "image.pullPolicy", "IfNotPresent"),
    ("scrape.form=service", "scrape.form", "annotations"),
    ("scrape.interval=30", "scrape.interval", "string"),
    ("networkPolicy.apiServerPorts={70000}", "networkPolicy.apiServerPorts.0", "65535"),
    ("knowledgeBase.hostPath=kb", "knowledgeBase.hostPath", "pattern"),
    ("knowledgeBase.runAsUser=0", "knowledgeBase.runAsUser", "1"),
    ("logCollector.loki.url=loki:3100", "logCollector.loki.url", "pattern"),
    ("logCollector.loki.auth=oauth", "logCollector.loki.auth", "bearer"),
    ("logCollector.loki.tenant=a/b", "logCollector.loki.tenant", "pattern"),
    ("logCollector.loki.password=x", "logCollector.loki", "password"),
    ("exporters.enabled=true", "(root)", "exporters"),
]


@needs_helm
@pytest.mark.parametrize(("given", "path", "says"), BAD, ids=[case[0] for case in BAD])
def test_bad_values_are_refused_with_their_path(given: str, path: str, says: str) -> None:
    (line,) = [line for line in refused(given).splitlines() if line.startswith("- ")]
    assert line.startswith(f"- {path}: ")
    assert says in line.lower() if says.islower() else says in line


#: Values that need an operator, what the cluster has of it, and the kind that is missing.
MISSING = [
    ("scrape.form=operator", (), "monitoring.coreos.com/v1/ServiceMonitor"),
    (
        "scrape.form=operator,exporter.enabled=false,logCollector.enabled=true",
        (),
        "monitoring.coreos.com/v1/PodMonitor",
    ),
    ("rules.form=operator", (), "monitoring.coreos.com/v1/PrometheusRule"),
    ("rules.form=operator,scrape.form=operator", OPERATORS[2:], "monitoring.coreos.com/v1/ServiceMonitor"),
    ("dashboards.form=operator", (), "grafana.integreatly.org/v1beta1/GrafanaDashboard"),
]


@needs_helm
@pytest.mark.parametrize(("given", "apis", "kind"), MISSING)
def test_what_a_cluster_lacks_is_said_with_the_next_step(given: str, apis: tuple[str, ...], kind: str) -> None:
    said = refused(given, apis=apis)
    assert f"this cluster does not know {kind}; install the " in said
    assert f"add --api-versions {kind}" in said


@needs_helm
def test_a_config_of_ones_own_and_a_tenant_exclude_each_other() -> None:
    said = refused("logCollector.enabled=true,logCollector.config=x,logCollector.loki.tenant=a")
    assert "logCollector.loki.tenant: a config of your own says the tenant itself" in said
