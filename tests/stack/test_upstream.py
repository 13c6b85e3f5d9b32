"""Our values in the charts of other people: every key exists there, and what comes out is what we mean."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from sedna_dash.stack.products import Site
from sedna_dash.stack.upstream import Release, releases
from tests.servers import loki_binary
from tests.stack.charts import (
    FREE,
    STACK,
    data,
    folder,
    helm,
    known_values,
    pods,
    relabelled,
    rendered,
    rendered_ours,
    run,
    targets,
    unknown,
    ways,
)

pytestmark = pytest.mark.skipif(
    not (folder() and helm()),
    reason="set SEDNA_DASH_UPSTREAM_CHARTS to a folder with the charts, and SEDNA_DASH_HELM if helm is not on the PATH",
)


def chart_of(release: Release) -> Path:
    charts = folder()
    assert charts
    return charts / release.chart.split("/")[1]


def release(name: str) -> Release:
    return next(one for one in releases() if one.name == name)


def objects(name: str, *extra: str) -> list[dict[str, Any]]:
    one = release(name)
    return rendered(one, (one.values, *extra))


@pytest.mark.parametrize("one", releases(), ids=lambda one: one.name)
def test_the_chart_is_the_one_that_is_pinned(one: Release) -> None:
    about = yaml.safe_load((chart_of(one) / "Chart.yaml").read_text())
    assert about["version"] == one.version


@pytest.mark.parametrize("one", releases(), ids=lambda one: one.name)
def test_the_chart_knows_every_key(one: Release) -> None:
    known = known_values(chart_of(one))
    for name in (one.values, *one.optional):
        values = yaml.safe_load((STACK / name).read_text())
        assert not unknown(values, known, FREE.get(one.chart.split("/")[1], set())), name


def test_an_unknown_key_is_found() -> None:
    known = known_values(chart_of(release("prometheus")))
    wrong = {"server": {"retentoin": "1d"}, "kube-state-metrics": {"colectors": []}, "servr": {}}
    assert unknown(wrong, known, set()) == ["server.retentoin", "kube-state-metrics.colectors", "servr"]


@pytest.mark.parametrize(("one", "values"), ways(), ids=[" ".join(values) for _, values in ways()])
def test_helm_lints_and_renders(one: Release, values: tuple[str, ...]) -> None:
    done = run("lint", one, values)
    assert done.returncode == 0, done.stdout
    made = rendered(one, values)
    kinds = {(made_of["kind"], made_of["metadata"]["name"]) for made_of in made}
    assert len(kinds) == len(made)
    assert not any(made_of["kind"] == "CustomResourceDefinition" for made_of in made)


@pytest.mark.parametrize("name", ["prometheus", "loki", "alloy", "promtail", "grafana"])
def test_nobody_takes_port_9100_of_a_host(name: str) -> None:
    for pod in pods(objects(name)):
        for container in pod["spec"]["containers"]:
            for port in container.get("ports") or ():
                taken = port.get("hostPort") or (pod["spec"].get("hostNetwork") and port["containerPort"])
                assert taken != 9100 and "9100" not in json.dumps(container.get("args") or ())


def test_volumes_stay_when_the_releases_go() -> None:
    made = [one for name in ("prometheus", "loki", "grafana") for one in objects(name)]
    claims = [one for one in made if one["kind"] == "PersistentVolumeClaim"]
    assert {one["metadata"]["name"] for one in claims} == {"prometheus-server", "grafana"}
    for claim in claims:
        # Helm deletes what it made, unless told otherwise. What a StatefulSet made is not Helm's.
        assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    sets = [one for one in made if one["kind"] == "StatefulSet"]
    assert {one["metadata"]["name"] for one in sets} == {"prometheus-alertmanager", "loki"}
    for one in sets:
        assert "persistentVolumeClaimRetentionPolicy" not in one["spec"]
        (claim,) = one["spec"]["volumeClaimTemplates"]
        assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    (lines,) = [one["spec"]["volumeClaimTemplates"][0] for one in sets if one["metadata"]["name"] == "loki"]
    assert lines["spec"]["resources"]["requests"]["storage"] == "10Gi"


def test_services_are_called_as_the_others_call_them() -> None:
    made = [one for name in ("prometheus", "loki", "grafana") for one in objects(name)]
    found = [one for one in made if one["kind"] == "Service"]
    services = {(one["metadata"]["name"], port["port"]) for one in found for port in one["spec"]["ports"]}
    wanted = {("prometheus-server", 80), ("prometheus-alertmanager", 9093), ("loki", 3100), ("grafana", 80)}
    assert wanted <= services
    ingress = yaml.safe_load((STACK / "edge/ingress.yaml").read_text())
    for rule in ingress["spec"]["rules"]:
        for path in rule["http"]["paths"]:
            service = path["backend"]["service"]
            assert (service["name"], service["port"]["number"]) in services


def prometheus_server(made: list[dict[str, Any]]) -> dict[str, Any]:
    return next(pod for pod in pods(made) if pod["spec"]["serviceAccountName"] == "prometheus-server")


def scrape_configs(*extra: str) -> dict[str, dict[str, Any]]:
    config = yaml.safe_load(data(objects("prometheus", *extra), "prometheus.yml"))
    return {job["job_name"]: job for job in config["scrape_configs"]}


def test_each_producer_is_scraped_once_under_the_name_that_dashboards_ask_for() -> None:
    everything = [one for name in ("prometheus", "loki", "alloy", "alloy-edge", "promtail", "grafana")
                  for one in objects(name)]  # fmt: skip
    everything += rendered_ours("--set", "knowledgeBase.enabled=true,logCollector.enabled=true")
    found: list[tuple[str, str, str, str]] = []
    for pod in pods(everything):
        for target in targets(pod):
            for name, job in scrape_configs().items():
                if any(discovery.get("role") != "pod" for discovery in job.get("kubernetes_sd_configs", [{}])):
                    continue
                labels = relabelled({**target, "job": name}, job["relabel_configs"])
                if labels is not None:
                    site = Site()
                    assert (labels["cluster"], labels["site"]) == (site.cluster, site.site)
                    container = target["__meta_kubernetes_pod_container_name"]
                    found.append((labels["job"], container, labels["__address__"], labels.get("node", "")))
    assert sorted(found) == [
        ("alertmanager", "alertmanager", "10.0.0.1:9093", ""),
        ("grafana", "grafana", "10.0.0.1:3000", ""),
        ("kube-state-metrics", "kube-state-metrics", "10.0.0.1:8080", ""),
        ("kube-state-metrics", "kube-state-metrics", "10.0.0.1:8081", ""),  # about itself
        ("loki", "loki", "10.0.0.1:3100", ""),
        ("node-exporter", "node-exporter", "10.0.0.1:9101", "node-1"),
        ("sedna-exporter", "exporter", "10.0.0.1:9474", ""),
        ("sedna-knowledge-base", "knowledge-base", "10.0.0.1:9474", ""),
        ("sedna-logs", "alloy", "10.0.0.1:12345", "node-1"),  # of the chart alloy
        ("sedna-logs", "alloy", "10.0.0.1:12345", "node-1"),  # of the chart sedna-dash
        ("sedna-logs", "promtail", "10.0.0.1:3101", "node-1"),
    ]


def test_prometheus_reads_the_rules_of_our_chart() -> None:
    server = prometheus_server(objects("prometheus"))
    volume = next(one for one in server["spec"]["volumes"] if one["name"] == "sedna-rules")
    made = rendered_ours()
    maps = {one["metadata"]["name"]: one for one in made if one["kind"] == "ConfigMap"}
    assert sorted(maps[volume["configMap"]["name"]]["data"]) == ["sedna-alerts.yaml", "sedna-records.yaml"]
    for container in server["spec"]["containers"]:
        assert any(mount["name"] == "sedna-rules" for mount in container["volumeMounts"]), container["name"]
    reloader = next(one for one in server["spec"]["containers"] if "reload" in one["name"])
    assert "--watched-dir=/etc/sedna-rules" in reloader["args"]
    config = yaml.safe_load(data(objects("prometheus"), "prometheus.yml"))
    assert "/etc/sedna-rules/*.yaml" in config["rule_files"]
    lines = next(one for name, one in maps.items() if name.endswith("-loki-rules"))
    assert lines["metadata"]["labels"]["loki_rule"]
    assert lines["metadata"]["annotations"]["k8s-sidecar-target-directory"] == "fake"
    datasources = [name for name in maps if "datasource" in name]
    assert not datasources, "Grafana's own values have them"


def test_edge_nodes_are_asked_through_the_tunnel_or_push_but_never_both() -> None:
    assert "cadvisor-edge" not in scrape_configs() and "cadvisor-edge" not in scrape_configs("edge/receiver.yaml")
    job = scrape_configs("edge/tunnel.yaml")["cadvisor-edge"]
    node = {"__meta_kubernetes_node_name": "edge-1", "__meta_kubernetes_node_labelpresent_node_role_kubernetes_io_edge":
            "true", "__address__": "10.1.1.1:10351"}  # fmt: skip
    asked = relabelled(node, job["relabel_configs"])
    assert asked is not None and asked["node"] == "edge-1"
    assert asked["__metrics_path__"] == "/api/v1/nodes/edge-1/proxy/metrics/cadvisor"
    assert relabelled(node, scrape_configs()["cadvisor"]["relabel_configs"]) is None
    made = objects("prometheus", "edge/tunnel.yaml")
    binding = next(one for one in made if one["metadata"]["name"] == "sedna-prometheus-edge-tunnel"
                   and one["kind"] == "ClusterRoleBinding")  # fmt: skip
    accounts = [one["metadata"] for one in made if one["kind"] == "ServiceAccount"]
    subject = binding["subjects"][0]
    assert (subject["name"], subject["namespace"]) in {(one["name"], one["namespace"]) for one in accounts}


def test_the_receiver_takes_old_samples() -> None:
    made = objects("prometheus", "edge/receiver.yaml")
    assert yaml.safe_load(data(made, "prometheus.yml"))["storage"]["tsdb"] == {"out_of_order_time_window": "72h"}
    text = json.dumps(made)
    assert "--web.enable-remote-write-receiver" in text and "--web.enable-lifecycle" in text
    assert "--web.enable-remote-write-receiver" not in json.dumps(objects("prometheus"))


def test_a_site_writes_everything_to_the_center() -> None:
    made = objects("prometheus", "many-sites/site.yaml")
    config = yaml.safe_load(data(made, "prometheus.yml"))
    (central,) = config["remote_write"]
    assert central["headers"] == {"X-Scope-OrgID": "main"}
    assert config["global"]["external_labels"] == {"cluster": "main", "site": "main"}
    server = prometheus_server(made)
    mounts = {mount["mountPath"] for container in server["spec"]["containers"] for mount in container["volumeMounts"]}
    assert str(Path(central["basic_auth"]["password_file"]).parent) in mounts


def test_collectors_come_out_of_helm_as_they_went_in() -> None:
    from sedna_dash.log_collection.alloy import alloy
    from sedna_dash.log_collection.collecting import Options
    from sedna_dash.log_collection.manifests import untabbed
    from sedna_dash.log_collection.promtail import promtail
    from sedna_dash.stack.products import edge_config

    # Helm takes off the newline at the end.
    assert data(objects("alloy"), "config.alloy").strip() == untabbed(alloy(Options())).strip()
    edge = untabbed(edge_config(Options(auth="basic")))
    assert data(objects("alloy-edge"), "config.alloy").strip() == edge.strip()
    assert data(objects("promtail"), "promtail.yaml").strip() == promtail(Options()).strip()


def test_the_edge_agent_asks_no_api_server() -> None:
    made = objects("alloy-edge")
    assert {one["kind"] for one in made} == {"ConfigMap", "DaemonSet", "ServiceAccount"}
    account = next(one for one in made if one["kind"] == "ServiceAccount")
    assert account["automountServiceAccountToken"] is False
    (pod,) = pods(made)
    assert pod["spec"]["hostNetwork"] and pod["spec"]["hostPID"] and pod["spec"]["dnsPolicy"] == "Default"
    (container,) = pod["spec"]["containers"]
    security = container["securityContext"]
    assert security["readOnlyRootFilesystem"] and security["capabilities"] == {"drop": ["ALL"]}
    volumes = {one["name"] for one in pod["spec"]["volumes"]}
    assert {one["name"] for one in container["volumeMounts"]} == volumes
    writable = {one["name"] for one in container["volumeMounts"] if not one.get("readOnly")}
    assert writable == {"config", "state"}  # the chart mounts a ConfigMap, which nobody can write to
    known = {one["name"] for one in container["env"]}
    assert {"LOKI_URL", "METRICS_URL", "LOKI_USER", "CLUSTER", "SITE", "NODE_NAME"} <= known


# What the programs say of the configs inside.


def said(command: list[str], **more: Any) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
@pytest.mark.parametrize("extra", [(), *((name,) for name in release("prometheus").optional)], ids=str)
def test_promtool_takes_the_config(extra: tuple[str, ...], tmp_path: Path) -> None:
    config = yaml.safe_load(data(objects("prometheus", *extra), "prometheus.yml"))
    if "kubernetes_sd_configs not found" in _promtool_of_debian(tmp_path):
        for job in [*config["scrape_configs"], *config["alerting"]["alertmanagers"]]:
            job.pop("kubernetes_sd_configs", None)
    file = tmp_path / "prometheus.yml"
    file.write_text(yaml.safe_dump(config))
    said(["promtool", "check", "config", "--syntax-only", str(file)])


def _promtool_of_debian(folder: Path) -> str:
    """What it says of a discovery in Kubernetes: Debian builds it without."""
    file = folder / "probe.yml"
    file.write_text("scrape_configs: [{job_name: a, kubernetes_sd_configs: [{role: pod}]}]\n")
    done = subprocess.run(["promtool", "check", "config", str(file)], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.skipif(not shutil.which("amtool"), reason="amtool is not installed (Debian: prometheus-alertmanager)")
def test_amtool_takes_the_routes(tmp_path: Path) -> None:
    text = data(objects("prometheus"), "alertmanager.yml")
    file = tmp_path / "alertmanager.yml"
    version = said(["amtool", "--version"])
    # Debian's amtool is older than url_file.
    old = "version 0.25" in version
    file.write_text(text.replace("url_file: /", "url: http://127.0.0.1/") if old else text)
    assert "SUCCESS" in said(["amtool", "check-config", str(file)])


@pytest.mark.skipif(not loki_binary(), reason="Loki is not installed")
@pytest.mark.parametrize("name", ["loki", "loki-center"])
def test_loki_takes_the_config(name: str, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(data(objects(name), "config.yaml").replace("/var/loki", str(tmp_path)))
    keys = {f"LOKI_S3_{key}": "http://127.0.0.1:9" for key in ("ENDPOINT", "ACCESS_KEY", "SECRET_KEY")}
    command = [str(loki_binary()), "-config.expand-env=true", f"-config.file={file}", "-verify-config"]
    assert "config is valid" in said(command, env={**os.environ, **keys})
