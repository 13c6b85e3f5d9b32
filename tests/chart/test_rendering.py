"""What Helm makes of the generated files: nothing is lost, and nothing of theirs is taken for Helm's."""

import base64
import gzip
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from sedna_dash.rules.promtool import find_promtool

ROOT = Path(__file__).parent.parent.parent
CHART = ROOT / "charts/sedna-dash"
FILES = CHART / "files"
HELM = os.environ.get("SEDNA_DASH_HELM") or shutil.which("helm") or ""

pytestmark = pytest.mark.skipif(not HELM, reason="no helm: put it on the path, or name it in SEDNA_DASH_HELM")

OPERATORS = [
    "grafana.integreatly.org/v1beta1/GrafanaDashboard",
    "grafana.integreatly.org/v1beta1/GrafanaDatasource",
    "monitoring.coreos.com/v1/PrometheusRule",
]
OPERATED = {"dashboards": {"form": "operator"}, "rules": {"form": "operator"}}


def helm(values: Mapping[str, Any], folder: Path, *apis: str) -> subprocess.CompletedProcess[str]:
    (folder / "values.yaml").write_text(yaml.safe_dump(dict(values)))
    command = [HELM, "template", "site", str(CHART), "--namespace", "dash", "--kube-version", "1.30.0"]
    command += ["--values", str(folder / "values.yaml"), *(word for api in apis for word in ("--api-versions", api))]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def rendered(values: Mapping[str, Any], folder: Path, *apis: str) -> dict[tuple[str, str], Any]:
    """The objects, by kind and name."""
    done = helm(values, folder, *apis)
    assert done.returncode == 0, done.stderr
    objects = [found for found in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader) if found]
    return {(found["kind"], found["metadata"]["name"]): found for found in objects}


def boards(objects: Mapping[tuple[str, str], Any]) -> dict[str, Any]:
    """The dashboards that objects carry, by the name of their file."""
    found = {}
    for (kind, name), content in objects.items():
        if kind == "ConfigMap" and content["metadata"]["labels"].get("grafana_dashboard"):
            ((file, text),) = content["data"].items()
            found[Path(file).stem] = json.loads(text)
        if kind == "GrafanaDashboard":
            found[name.removeprefix("site-sedna-dash-dashboard-")] = json.loads(content["spec"]["json"])
    return found


def wanted(records: str) -> dict[str, Any]:
    folders = ["inline"] + (["use"] if records == "use" else [])
    return {
        path.stem: json.loads(path.read_bytes())
        for folder in folders
        for path in (FILES / "dashboards" / folder).iterdir()
    }


@pytest.mark.parametrize(
    ("dashboards", "rules", "records"),
    [
        ({}, {}, "inline"),  # a ConfigMap of rules waits for somebody to mount it
        ({}, {"form": "operator"}, "use"),
        ({}, {"form": "operator", "enabled": False}, "inline"),
        ({"form": "operator"}, {"form": "operator"}, "use"),
        ({"form": "operator", "records": "inline"}, {"form": "operator"}, "inline"),
        ({"records": "use"}, {"enabled": False}, "use"),  # the site loads them in its own way
    ],
)
def test_each_form_carries_all_dashboards(
    tmp_path: Path, dashboards: dict[str, Any], rules: dict[str, Any], records: str
) -> None:
    objects = rendered({"dashboards": dashboards, "rules": rules}, tmp_path, *OPERATORS)
    assert boards(objects) == wanted(records)


def test_sidecar_and_operator_find_folder_and_dashboards(tmp_path: Path) -> None:
    values = {"folder": "Edge AI", "folderAnnotation": "home", "instanceSelector": {"matchLabels": {"g": "main"}}}
    objects = rendered({"dashboards": values}, tmp_path)
    metadata = objects["ConfigMap", "site-sedna-dash-dashboard-sedna-fleet"]["metadata"]
    assert metadata["annotations"] == {"home": "Edge AI"} and metadata["namespace"] == "dash"
    objects = rendered({"dashboards": {**values, "form": "operator"}}, tmp_path, *OPERATORS)
    (folder,) = (found for (kind, _), found in objects.items() if kind == "GrafanaFolder")
    assert folder["spec"]["title"] == "Edge AI"
    board = objects["GrafanaDashboard", "site-sedna-dash-dashboard-sedna-fleet"]["spec"]
    assert board["folderRef"] == folder["metadata"]["name"]
    selectors = [folder["spec"]["instanceSelector"], board["instanceSelector"]]
    assert all(found["matchLabels"]["g"] == "main" for found in selectors)
    assert not boards(rendered({"dashboards": {"enabled": False}}, tmp_path))


def test_rules_survive_helm_and_lead_to_the_sites_grafana(tmp_path: Path) -> None:
    grafana = "https://grafana.example.com/x"
    values = {"rules": {"grafanaUrl": f"{grafana}/", "labels": {"release": "prom"}}}
    maps = rendered(values, tmp_path)
    files = {
        **maps["ConfigMap", "site-sedna-dash-rules"]["data"],
        **maps["ConfigMap", "site-sedna-dash-loki-rules"]["data"],
    }
    paths = {path.name: path for path in (FILES / "rules").rglob("*.yaml")}
    assert set(files) == set(paths)
    for name, text in files.items():
        assert yaml.safe_load(text) == yaml.safe_load(paths[name].read_text().replace("GRAFANA_URL", grafana))
    alerts = files["sedna-alerts.yaml"]
    assert "{{ $labels.name }}" in alerts and f"{grafana}/d/sedna-runbooks" in alerts
    crs = rendered({"rules": {**values["rules"], "form": "operator"}}, tmp_path, *OPERATORS)
    for part in ("records", "alerts"):
        found = crs["PrometheusRule", f"site-sedna-dash-{part}"]
        assert found["spec"] == yaml.safe_load(files[f"sedna-{part}.yaml"])
        assert found["metadata"]["labels"]["release"] == "prom"
    # Without an address, links begin at the root of Grafana.
    plain = rendered({}, tmp_path)["ConfigMap", "site-sedna-dash-rules"]["data"]["sedna-alerts.yaml"]
    assert "dashboard_url: /d/sedna-" in plain and "GRAFANA_URL" not in plain


@pytest.mark.skipif(not find_promtool(), reason="no promtool")
def test_prometheus_takes_the_rules(tmp_path: Path) -> None:
    data = rendered({"rules": {"grafanaUrl": "https://g"}}, tmp_path)["ConfigMap", "site-sedna-dash-rules"]["data"]
    for name, text in data.items():
        (tmp_path / name).write_text(text)
    files = [str(tmp_path / name) for name in data]
    done = subprocess.run([find_promtool(), "check", "rules", *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


SITE = {
    "prometheus": {"url": "http://prometheus:9090"},
    "loki": {"url": "https://loki/$x", "tenant": "edge", "tokenSecret": {"name": "logs", "key": "TOKEN"}},
}


def test_datasources_name_secrets_and_hold_none(tmp_path: Path) -> None:
    label = {"labels": {"mine": "1"}}
    objects = rendered({"datasources": {**SITE, **label}}, tmp_path)
    found = objects["ConfigMap", "site-sedna-dash-datasources"]
    assert found["metadata"]["labels"]["mine"] == "1"
    content = yaml.safe_load(found["data"]["sedna-datasources.yaml"])
    made = {item["uid"]: item for item in yaml.safe_load((FILES / "datasources.yaml").read_text())["datasources"]}
    prometheus, loki = content["datasources"]
    assert prometheus == {**made["sedna-prometheus"], "url": "http://prometheus:9090"}
    # Grafana fills in what begins with a dollar, from its environment.
    assert loki["url"] == "https://loki/$$x"
    assert loki["jsonData"]["httpHeaderName1"] == "X-Scope-OrgID"
    assert loki["secureJsonData"] == {"httpHeaderValue1": "edge", "httpHeaderValue2": "Bearer ${TOKEN}"}
    objects = rendered({"datasources": SITE, **OPERATED}, tmp_path, *OPERATORS)
    spec = objects["GrafanaDatasource", "site-sedna-dash-loki"]["spec"]
    assert spec["uid"] == "sedna-loki" and spec["datasource"]["url"] == "https://loki/$x"
    (secret,) = spec["valuesFrom"]
    assert secret["valueFrom"]["secretKeyRef"] == {"name": "logs", "key": "TOKEN"}
    assert "valuesFrom" not in objects["GrafanaDatasource", "site-sedna-dash-prometheus"]["spec"]


def test_what_has_no_address_is_left_to_grafana(tmp_path: Path) -> None:
    assert ("ConfigMap", "site-sedna-dash-datasources") not in rendered({}, tmp_path)
    off = rendered({"datasources": {**SITE, "enabled": False}}, tmp_path)
    assert ("ConfigMap", "site-sedna-dash-datasources") not in off
    one = rendered({"datasources": {"loki": SITE["loki"]}}, tmp_path)["ConfigMap", "site-sedna-dash-datasources"]
    assert len(yaml.safe_load(one["data"]["sedna-datasources.yaml"])["datasources"]) == 1


def test_kube_state_metrics_gets_its_config_and_rights(tmp_path: Path) -> None:
    account = {"name": "ksm", "namespace": "kube-system"}
    objects = rendered({"kubeStateMetrics": {"enabled": True, "serviceAccount": account}}, tmp_path)
    name = "site-sedna-dash-kube-state-metrics"
    config = yaml.safe_load(objects["ConfigMap", name]["data"]["config.yaml"])
    assert config == yaml.safe_load((FILES / "kube-state-metrics/config.yaml").read_text())
    everywhere = next(found for kind, found in objects if kind == "ClusterRole" and found.endswith(name))
    rules = objects["ClusterRole", everywhere]["rules"]
    assert rules == yaml.safe_load((FILES / "kube-state-metrics/rules.yaml").read_text())["rules"]
    assert {verb for rule in rules for verb in rule["verbs"]} <= {"get", "list", "watch"}
    binding = objects["ClusterRoleBinding", everywhere]
    assert binding["subjects"] == [{"kind": "ServiceAccount", **account}]
    assert binding["roleRef"]["name"] == everywhere
    assert ("ConfigMap", name) not in rendered({}, tmp_path)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (
            {"dashboards": {"form": "operator"}},
            "does not know grafana.integreatly.org/v1beta1/GrafanaDashboard; install",
        ),
        ({"rules": {"form": "operator"}}, "does not know monitoring.coreos.com/v1/PrometheusRule; install"),
        ({"dashboards": {"form": "crd"}}, "dashboards.form"),
        ({"dashboards": {"folder": "a/b"}}, "dashboards.folder"),
        ({"dashboards": {"records": True}}, "dashboards.records"),
        ({"dashboards": {"tags": []}}, "dashboards: Additional property tags is not allowed"),
        ({"datasources": {"loki": {"url": "loki:3100"}}}, "datasources.loki.url"),
        ({"datasources": {"loki": {"password": "x"}}}, "datasources.loki: Additional property password is not allowed"),
        ({"datasources": {"loki": {"tokenSecret": {"key": "a-b"}}}}, "datasources.loki.tokenSecret.key"),
        ({"rules": {"grafanaUrl": "grafana"}}, "rules.grafanaUrl"),
        ({"rules": {"loki": {"tenant": "a/b"}}}, "rules.loki.tenant"),
        ({"kubeStateMetrics": {"serviceAccount": {"name": ""}}}, "kubeStateMetrics.serviceAccount.name"),
    ],
)
def test_wrong_values_are_named(tmp_path: Path, values: dict[str, Any], says: str) -> None:
    done = helm(values, tmp_path)
    assert done.returncode != 0 and says in done.stderr


def test_a_release_fits_into_the_secret_that_helm_keeps_it_in(tmp_path: Path) -> None:
    # Helm writes chart and manifests as JSON, files in base64, then gzip and base64 again; Kubernetes takes 1 MiB.
    manifest = helm({"rules": {"form": "operator"}}, tmp_path, *OPERATORS).stdout
    kept = [path for path in sorted(CHART.rglob("*")) if path.is_file() and "profiles" not in path.parts]
    files = [{"name": str(path), "data": base64.b64encode(path.read_bytes()).decode()} for path in kept]
    release = json.dumps({"chart": {"files": files}, "manifest": manifest}).encode()
    size = len(base64.b64encode(gzip.compress(release, 9)))
    assert size < 0.9 * 1024 * 1024, f"{size:,} bytes"
