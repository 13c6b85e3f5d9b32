"""The committed values are those that the product writes, and say what the product says."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards_src import edge_nodes
from sedna_dash.alerts import default_alerts
from sedna_dash.catalog import default_catalog
from sedna_dash.custom_resource_state.config import config
from sedna_dash.custom_resource_state.mapping import default_mapping
from sedna_dash.log_collection.alloy import alloy
from sedna_dash.log_collection.collecting import Options
from sedna_dash.log_collection.manifests import untabbed
from sedna_dash.log_collection.promtail import promtail
from sedna_dash.rules.alertmanager import configuration
from sedna_dash.stack.products import BUFFER, Site
from sedna_dash.stack.upstream import releases
from sedna_dash.stack.writing import check, files

ROOT = Path(__file__).parent.parent.parent
STACK = ROOT / "charts/stack"


def values(name: str, site: Site | None = None) -> Any:
    return yaml.safe_load(files(site or Site())[name])


def test_the_folder_is_up_to_date() -> None:
    check(STACK, Site())


def test_every_values_file_belongs_to_a_release() -> None:
    named = {name for one in releases() for name in (one.values, *one.optional)}
    written = {name for name in files(Site()) if name.endswith(".yaml")}
    assert written == {*named, "sedna-dash.yaml", "edge/ingress.yaml"}


def test_no_place_is_left_open_and_no_key_is_there_twice() -> None:
    class Strict(yaml.SafeLoader):
        pass

    def mapping(loader: Strict, node: yaml.MappingNode) -> dict[str, Any]:
        keys = [key.value for key, _ in node.value]
        assert len(set(keys)) == len(keys), f"{node.start_mark}: {keys}"
        return loader.construct_mapping(node, deep=True)

    Strict.add_constructor("tag:yaml.org,2002:map", mapping)
    for name, content in files(Site()).items():
        if name.endswith(".yaml"):
            yaml.load(content, Strict)
        assert not re.search(rb"^ *\S+: <(?!hidden>)[a-z-]+>$", content, flags=re.MULTILINE), name


def test_what_the_site_says_goes_everywhere() -> None:
    site = Site(
        cluster="north", site="hall-7", grafana_url="https://g.example",
        metrics_url="https://m.example/api/v1/push", logs_url="https://l.example/loki/api/v1/push",
    )  # fmt: skip
    made = files(site)
    prometheus = values("prometheus.yaml", site)
    assert prometheus["server"]["global"]["external_labels"] == {"cluster": "north", "site": "hall-7"}
    for name, job in prometheus["scrapeConfigs"].items():
        fixed = {rule["target_label"]: rule["replacement"] for rule in job.get("relabel_configs", ()) if
                 "source_labels" not in rule}  # fmt: skip
        # Joins of series from the edge with series from here ask for the same labels.
        assert "relabel_configs" not in job or {"cluster": "north", "site": "hall-7"}.items() <= fixed.items(), name
    for agent in ("alloy.yaml", "edge/alloy.yaml", "promtail.yaml"):
        chart = values(agent, site)
        env = {one["name"]: one.get("value") for one in chart.get("alloy", chart)["extraEnv"]}
        assert (env["CLUSTER"], env["SITE"]) == ("north", "hall-7"), agent
    edge = {one["name"]: one.get("value") for one in values("edge/alloy.yaml", site)["alloy"]["extraEnv"]}
    assert (edge["METRICS_URL"], edge["LOKI_URL"]) == (site.metrics_url, site.logs_url)
    assert [rule["host"] for rule in values("edge/ingress.yaml", site)["spec"]["rules"]] == ["m.example", "l.example"]
    assert values("sedna-dash.yaml", site)["rules"]["grafanaUrl"] == "https://g.example"
    assert b"example.com" not in b"".join(made.values())


def without_tpl(text: str) -> str:
    return text.replace('{{ "{{" }}', "{{")


def test_collectors_have_the_config_of_the_product() -> None:
    assert without_tpl(values("alloy.yaml")["alloy"]["configMap"]["content"]) == untabbed(alloy(Options()))
    assert without_tpl(values("promtail.yaml")["config"]["file"]) == promtail(Options())
    edge = without_tpl(values("edge/alloy.yaml")["alloy"]["configMap"]["content"])
    assert edge.startswith(untabbed(alloy(Options(auth="basic"))))


def test_alertmanager_has_the_routes_of_the_rules() -> None:
    made = values("prometheus.yaml")["alertmanager"]
    wanted = configuration(default_alerts())
    assert {**made["config"], "receivers": None} == {**wanted, "receivers": None}
    mount = made["extraVolumeMounts"][0]["mountPath"]
    for receiver, original in zip(made["config"]["receivers"], wanted["receivers"], strict=True):
        for webhook, before in zip(
            receiver.get("webhook_configs", ()), original.get("webhook_configs", ()), strict=True
        ):
            assert Path(webhook["url_file"]).parent == Path(mount)
            assert Path(webhook["url_file"]).name == Path(before["url_file"]).name


def test_kube_state_metrics_has_the_config_of_the_product() -> None:
    assert values("without-exporter.yaml")["kube-state-metrics"]["customResourceState"]["config"] == config(
        default_mapping()
    )
    assert values("prometheus.yaml")["kube-state-metrics"]["collectors"] == list(default_mapping().collectors)


@pytest.mark.parametrize(
    ("job", "producer"),
    [
        ("sedna-exporter", "exporter"), ("sedna-workers", "worker-hook"), ("sedna-logs", "log-metrics"),
        ("kube-state-metrics", "kube-state-metrics"), ("node-exporter", "node-exporter"), ("cadvisor", "cadvisor"),
        ("cadvisor-edge", "cadvisor"), ("cloudcore", "cloudcore"), ("alertmanager", "alertmanager"), ("loki", "loki"),
        ("grafana", "grafana"), ("dcgm-exporter", "dcgm-exporter"), ("kafka-exporter", "kafka-exporter"),
        ("prometheus", "prometheus"),
    ],
)  # fmt: skip
def test_jobs_scrape_as_often_as_the_panels_expect(job: str, producer: str) -> None:
    prometheus = values("prometheus.yaml")
    usual = prometheus["server"]["global"]["scrape_interval"]
    interval = prometheus["scrapeConfigs"][job].get("scrape_interval", usual)
    assert interval == default_catalog().sources[producer].interval


def test_workers_are_found_as_the_examples_say() -> None:
    example = yaml.safe_load((ROOT / "examples/worker/prometheus.yaml").read_text())["scrape_configs"][0]
    job = values("prometheus.yaml")["scrapeConfigs"]["sedna-workers"]
    assert job["relabel_configs"][: len(example["relabel_configs"])] == example["relabel_configs"]
    assert job["honor_labels"] and example["honor_labels"]
    on_nodes = yaml.safe_load((ROOT / "examples/worker/prometheus-on-the-node.yaml").read_text())
    agent = values("edge/alloy.yaml")["alloy"]["configMap"]["content"]
    for target in on_nodes["scrape_configs"][0]["static_configs"][0]["targets"]:
        assert f'"{target}"' in agent


def test_edge_nodes_keep_what_the_dashboard_counts_down_from() -> None:
    assert f"{edge_nodes.BUFFER_HOURS}h" == BUFFER
    agent = values("edge/alloy.yaml")["alloy"]["configMap"]["content"]
    assert f'max_keepalive_time = "{BUFFER}"' in agent and f'max_segment_age = "{BUFFER}"' in agent
    assert values("edge/receiver.yaml")["server"]["tsdb"]["out_of_order_time_window"] == BUFFER


def test_edge_nodes_send_every_series_that_is_read_of_them() -> None:
    agent = without_tpl(values("edge/alloy.yaml")["alloy"]["configMap"]["content"])
    block = agent.split('prometheus.relabel "needed"')[1].split("\n}\n")[0]
    needed = re.compile(re.search(r'regex +(?:= )"(.+)"', block)[1])  # type: ignore[index]
    for name, metric in default_catalog().metrics.items():
        from_the_edge = {"node-exporter", "cadvisor", "alloy", "prometheus-agent", "log-metrics"} & set(metric.sources)
        if from_the_edge and metric.expr is None:
            assert needed.fullmatch(name), name
    assert needed.fullmatch("up") and not needed.fullmatch("node_filesystem_files")


def test_nothing_but_the_edge_agent_runs_at_the_edge() -> None:
    away = values("edge/alloy.yaml")["controller"]
    prometheus, loki = values("prometheus.yaml"), values("loki.yaml")
    here = [
        prometheus["server"], prometheus["alertmanager"], prometheus["kube-state-metrics"],
        prometheus["prometheus-node-exporter"], loki["singleBinary"], values("grafana.yaml"),
        values("alloy.yaml")["controller"], values("promtail.yaml"),
    ]  # fmt: skip
    for place, operator in [(away, "Exists"), *((one, "DoesNotExist") for one in here)]:
        terms = place["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        assert terms["nodeSelectorTerms"] == [
            {"matchExpressions": [{"key": "node-role.kubernetes.io/edge", "operator": operator}]}
        ]
