"""A site is found and scraped over HTTP as Prometheus does it."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from sedna_dash.exposition import Sample
from sedna_dash.simulator import log_files
from sedna_dash.simulator.files import write_prometheus_config
from sedna_dash.simulator.kubernetes import KubernetesApi
from sedna_dash.simulator.log_files import LogFiles
from sedna_dash.simulator.objects import ObjectStore
from sedna_dash.simulator.scraping import Site
from sedna_dash.simulator.serving import Pages
from sedna_dash.simulator.surroundings import DEFAULT, Surroundings
from sedna_dash.simulator.web import WebServer
from tests.simulator.small_site import BEGAN, Endpoint, World, fill, get, node

JOB = {"namespace": "factory", "kind": "IncrementalLearningJob", "name": "line-a"}


@dataclass
class Served:
    url: str
    store: ObjectStore
    world: World
    site: Site


@pytest.fixture
def served() -> Iterator[Served]:
    store, world = ObjectStore(), World()
    fill(store)
    world.endpoints = [
        Endpoint("factory", "line-a-train-x7", "edge-1", [Sample("sedna_job_train_loss", JOB, 0.25)]),
        Endpoint("factory", "line-b-train-x7", "edge-22", [Sample("sedna_job_train_loss", JOB, 0.5)]),
    ]
    site = Site(world, Surroundings(store, start=BEGAN, offline=world.offline))
    pages = Pages(KubernetesApi(store), site, lambda: [{"row": "a"}], clock=lambda: BEGAN + 60)
    with WebServer(pages.answer) as server:
        yield Served(server.url, store, world, site)


def text(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as answer:
        body: str = answer.read().decode()
        return body


def status(url: str) -> tuple[int, str]:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url, timeout=20)
    with caught.value as answer:
        return answer.code, answer.read().decode()


def test_every_target_is_discovered_and_answers(served: Served) -> None:
    host = served.url.removeprefix("http://")
    found = get(served.url + "/sd")
    assert {entry["targets"][0] for entry in found} == {host}
    for entry in found:
        path = entry["labels"]["__metrics_path__"]
        assert "# TYPE" in text(served.url + path) or path in ("/metrics/log-metrics", "/metrics/cadvisor/edge-22")
    identities = {(entry["labels"]["job"], entry["labels"]["instance"]) for entry in found}
    assert len(identities) == len(found)
    address = served.store.items("nodes")[1]["status"]["addresses"][0]["address"]
    (edge,) = (entry["labels"] for entry in found if entry["labels"]["__metrics_path__"].endswith("cadvisor/edge-1"))
    assert edge == {
        "job": "cadvisor-edge", "instance": f"{address}:10250", "node": "edge-1",
        "__metrics_path__": "/metrics/cadvisor/edge-1", "__meta_sedna_node": "edge-1",
    }  # fmt: skip


def test_workers_bring_no_labels_of_their_pod(served: Served) -> None:
    found = get(served.url + "/sd/workers")
    assert [entry["labels"] for entry in found] == [
        {
            "job": "sedna-workers", "instance": f"{name}.factory:9464",
            "__metrics_path__": f"/metrics/workers/factory/{name}", "__meta_sedna_node": where,
        }
        for name, where in (("line-a-train-x7", "edge-1"), ("line-b-train-x7", "edge-22"))
    ]  # fmt: skip
    said = text(served.url + "/metrics/workers/factory/line-a-train-x7")
    assert 'sedna_job_train_loss{namespace="factory",kind="IncrementalLearningJob",name="line-a"} 0.25\n' in said
    assert said.count("\n") == 3


def test_a_page_of_a_source_names_its_nodes(served: Served) -> None:
    said = text(served.url + "/metrics/node-exporter")
    for name in ("cloud-1", "edge-1", "edge-22"):
        assert f'node_memory_MemTotal_bytes{{node="{name}"}} 8589934592\n' in said
    assert said.count("# TYPE node_memory_MemTotal_bytes gauge\n") == 1
    assert 'node="' not in text(served.url + "/metrics/node-exporter/edge-1")


def test_what_is_out_of_reach(served: Served) -> None:
    served.world.dark.add("edge-1")
    served.store.put("nodes", node("edge-22", ready="Unknown"))
    for name in ("edge-1", "edge-22"):
        assert status(f"{served.url}/metrics/node-exporter/{name}")[0] == 503
    assert status(served.url + "/metrics/workers/factory/line-a-train-x7")[0] == 503
    assert "sedna_job_train_loss" in text(served.url + "/metrics/workers/factory/line-b-train-x7")
    assert 'node="cloud-1"' in text(served.url + "/metrics/node-exporter")
    assert 'node="edge-1"' not in text(served.url + "/metrics/node-exporter")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/metrics/nothing", "nothing is scraped at nothing; see /sd\n"),
        ("/metrics/node-exporter/edge-9", "nothing is scraped at node-exporter/edge-9; see /sd\n"),
        ("/sd/dcgm-exporter", "no source dcgm-exporter; there are: kube-state-metrics, "),
    ],
)
def test_what_is_not_there(served: Served, path: str, said: str) -> None:
    code, body = status(served.url + path)
    assert code == 404 and body.startswith(said)


def test_the_api_and_the_truth_are_on_the_same_address(served: Served) -> None:
    assert get(served.url + "/version")["major"] == "1"
    assert len(get(served.url + "/api/v1/nodes")["items"]) == 3
    assert get(served.url + "/truth") == [{"row": "a"}]
    assert "/metrics/SOURCE" in text(served.url + "/")


def test_the_configuration_of_a_prometheus(tmp_path: Path) -> None:
    file = tmp_path / "new" / "prometheus.yml"
    write_prometheus_config(file, "http://127.0.0.1:1", ["loki", "workers"], exporter="127.0.0.1:9474", interval="5s")
    config: dict[str, Any] = yaml.safe_load(file.read_text())
    assert [job["job_name"] for job in config["scrape_configs"]] == [
        "sedna-exporter", "simulated-loki", "simulated-workers",
    ]  # fmt: skip
    assert all(job["honor_labels"] for job in config["scrape_configs"])
    assert config["scrape_configs"][2]["http_sd_configs"][0]["url"] == "http://127.0.0.1:1/sd/workers"
    assert set(DEFAULT) >= {"loki"}


@dataclass(frozen=True)
class Line:
    time: float
    text: str
    namespace: str = "sedna"
    pod: str = "lc"
    container: str = "lc"
    stream: str = "stderr"
    node: str = "edge-1"


def test_logs_lie_as_on_a_node(tmp_path: Path) -> None:
    store = ObjectStore()
    fill(store)
    uid = store.items("pods")[3]["metadata"]["uid"]
    files = LogFiles(tmp_path, store)
    files.add(Line(BEGAN + 0.5, "I1114 one"))
    files.add(Line(BEGAN + 1, "Traceback\n  \u00fc", stream="stdout"))
    files.add(Line(BEGAN + 2, "x" * 16385))
    assert list(tmp_path.iterdir()) == []
    files.write()
    files.write()
    (file,) = tmp_path.rglob("*.log")
    assert file == tmp_path / f"sedna_lc_{uid}" / "lc" / "0.log"
    stamp = "2023-11-14T22:13:2"
    assert file.read_text(encoding="utf-8").splitlines() == [
        f"{stamp}0.500000000Z stderr F I1114 one",
        f"{stamp}1.000000000Z stdout F Traceback",
        f"{stamp}1.000000000Z stdout F   \u00fc",
        f"{stamp}2.000000000Z stderr P {'x' * 16384}",
        f"{stamp}2.000000000Z stderr F x",
    ]


def test_full_log_files_are_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_files, "_FULL", 1000)
    store = ObjectStore()
    fill(store)
    files = LogFiles(tmp_path, store)
    for number in range(8):
        files.add(Line(BEGAN + number, "x" * 1100))
        files.write()
    names = sorted(path.name for path in tmp_path.rglob("*.log*"))
    assert names == [f"0.log.20231114-2213{second}" for second in (24, 25, 26, 27)]
