"""A simulated past can be put into a real Prometheus, and says there what happened."""

import json
import re
import shutil
import subprocess
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from sedna_dash.catalog import default_catalog
from sedna_dash.demo.processes import free_port
from sedna_dash.errors import OutputError
from sedna_dash.exporter.state import State
from sedna_dash.exposition import Sample
from sedna_dash.simulator.backfill import ExporterHealth, backfill
from sedna_dash.simulator.blocks import find_promtool, write_blocks, write_file
from sedna_dash.simulator.files import write_prometheus_config
from sedna_dash.simulator.kubernetes import KubernetesApi
from sedna_dash.simulator.objects import ObjectStore
from sedna_dash.simulator.scraping import Site
from sedna_dash.simulator.serving import Pages
from sedna_dash.simulator.surroundings import Surroundings
from sedna_dash.simulator.web import Request
from tests.simulator.small_site import BEGAN, Endpoint, World, fill, get, job, node
from tests.synthetic import wait_for

PROMTOOL = find_promtool()
START = BEGAN - BEGAN % 7200 + 6000  # two hours end soon
JOB = {"namespace": "factory", "kind": "IncrementalLearningJob", "name": "line-a"}
EXPORTER = "10.0.0.9:9474"
#: What was hard to write: quotes, backslashes, line ends.
ODD = 'C:\\models\\"new"\nlast'

needs_prometheus = pytest.mark.skipif(
    not (PROMTOOL and shutil.which("prometheus")), reason="install prometheus to put history into it"
)


def scrapes(store: ObjectStore) -> Iterator[tuple[float, bytes]]:
    """Fifty minutes, in which a job appears and goes, a node loses its link, and a worker's loss falls."""
    world = World(endpoints=[Endpoint("factory", "line-a-train-x7", "edge-1", [])])
    fill(store)

    def loss() -> None:
        world.endpoints[0].samples[:] = [Sample("sedna_job_train_loss", JOB, 1 / (world.now - START + 1))]

    world.plan = {
        **{START + 60 * minute: loss for minute in range(51)},
        START + 300.5: lambda: store.put("incrementallearningjobs", job(ODD)),
        START + 600.5: lambda: store.put("nodes", node("edge-22", ready="Unknown")),
        START + 900.5: lambda: world.dark.add("edge-1"),
        START + 1200.5: world.dark.clear,
        START + 1800.5: lambda: store.delete("incrementallearningjobs", "factory", ODD),
    }
    site = Site(world, Surroundings(store, start=START, offline=world.offline))
    return backfill(
        site, store, State(), start=START, end=START + 3000, step=60, exporter=EXPORTER, more=ExporterHealth().samples
    )


@contextmanager
def prometheus(data: Path) -> Iterator[str]:
    """A real Prometheus on a folder of blocks."""
    (data.parent / "prometheus.yml").write_text("{}")
    url = f"http://127.0.0.1:{free_port()}"
    command = [
        "prometheus", f"--config.file={data.parent / 'prometheus.yml'}", f"--storage.tsdb.path={data}",
        f"--web.listen-address={url.removeprefix('http://')}", "--storage.tsdb.retention.time=20y", "--log.level=error",
    ]  # fmt: skip
    with subprocess.Popen(command) as process:
        try:
            wait_for(url + "/-/ready")
            yield url
        finally:
            process.terminate()


def ask(url: str, query: str, minute: float) -> list[tuple[dict[str, str], float]]:
    """What a query gave at a minute of the history."""
    asked = urllib.parse.urlencode({"query": query, "time": START + 60 * minute})
    answer: dict[str, Any] = get(f"{url}/api/v1/query?{asked}")
    return [(entry["metric"], float(entry["value"][1])) for entry in answer["data"]["result"]]


@needs_prometheus
def test_history_in_a_real_prometheus(tmp_path: Path) -> None:
    assert PROMTOOL
    write_blocks(scrapes(ObjectStore()), tmp_path / "data", PROMTOOL)
    assert len(list((tmp_path / "data").iterdir())) == 2  # one for each two hours
    with prometheus(tmp_path / "data") as url:
        # Every scrape is there, over the border between the blocks.
        exporter = f'up{{job="sedna-exporter",instance="{EXPORTER}"}}'
        assert ask(url, f"count_over_time({exporter}[50m])", 49.99)[0][1] == 50
        # Names of any kind come back as they were.
        created = "sedna_job_created_timestamp_seconds"
        assert {metric["name"] for metric, _ in ask(url, created, 4)} == {"line-a", "gate", "shelf"}
        assert {metric["name"] for metric, _ in ask(url, created, 10)} == {"line-a", "gate", "shelf", ODD}
        assert {metric["name"] for metric, _ in ask(url, created, 40)} == {"line-a", "gate", "shelf"}
        # A link that breaks is seen on the target, and the series end.
        for name, minute in (("edge-22", 20), ("edge-1", 18)):
            assert ask(url, f'up{{job="node-exporter",node="{name}"}}', minute)[0][1] == 0
        assert ask(url, 'up{job="node-exporter",node="edge-1"}', 25)[0][1] == 1
        assert ask(url, 'up{job="cadvisor-edge",node="edge-1"}', 25)[0][1] == 1
        assert ask(url, 'count_over_time(node_memory_MemTotal_bytes{node="edge-22"}[50m])', 49.99)[0][1] == 11
        ready = 'kube_node_status_condition{node="edge-22",condition="Ready",status="true"}'
        assert [ask(url, ready, minute)[0][1] for minute in (5, 20)] == [1, 0]
        # A worker's series bear its job and no pod.
        ((loss, value),) = ask(url, "sedna_job_train_loss", 30)
        assert value == pytest.approx(1 / 1801)
        assert loss == {"__name__": "sedna_job_train_loss", "job": "sedna-workers", **JOB,
                        "instance": "line-a-train-x7.factory:9464"}  # fmt: skip
        # Counters grow, and types of the exporter's families fit.
        ((_, cores),) = ask(url, 'rate(container_cpu_usage_seconds_total{pod="line-a-train-x7"}[10m])', 45)
        assert 0.5 < cores < 2
        assert ask(url, "sedna_exporter_objects{kind='IncrementalLearningJob'}", 10)[0][1] == 2
        ((_, seconds),) = ask(url, "histogram_quantile(0.99, rate(loki_request_duration_seconds_bucket[20m]))", 45)[:1]
        assert 0 < seconds < 10


def test_what_is_scraped_later_goes_on_where_history_ends(tmp_path: Path) -> None:
    """A target of another name would be a second one for five minutes, and every sum twice as large."""
    (_, lines) = next(scrapes(store := ObjectStore()))
    history = set(re.findall(r'^up\{job="([^"]+)",instance="([^"]+)"(?:,node="([^"]+)")?\} 1', lines.decode(), re.M))
    write_prometheus_config(tmp_path / "config", "http://127.0.0.1:1", ["loki"], exporter=EXPORTER)
    config = yaml.safe_load((tmp_path / "config").read_text())["scrape_configs"]
    live = {(job["job_name"], address, "") for job in config for found in job.get("static_configs", ())
            for address in found["targets"]}  # fmt: skip
    world = World(endpoints=[Endpoint("factory", "line-a-train-x7", "edge-1", [])])
    pages = Pages(KubernetesApi(store), Site(world, Surroundings(store, start=START)), list, lambda: START)
    for found in json.loads(cast("bytes", pages.answer(Request("GET", "/sd", {}, {})).body)):
        labels = found["labels"]
        live.add((labels["job"], labels["instance"], labels.get("node", "")))
    assert history == live


def test_an_exporter_in_history_has_the_health_of_a_real_one() -> None:
    catalog = default_catalog()
    for name, labels, _ in ExporterHealth().samples(START):
        assert set(labels) == set(catalog.metrics[name].labels)


def test_what_the_api_server_refuses_grows_stale_in_history() -> None:
    """As a real exporter does, it shows what it knew, and says so."""
    store, refused = ObjectStore(), set[str]()
    fill(store)
    world = World()
    world.plan = {
        START + 300.5: lambda: refused.add("incrementallearningjobs"),
        START + 600.5: lambda: (store.put("incrementallearningjobs", job("later")), store.put("datasets", job("d"))),
        START + 1200.5: refused.clear,
    }
    health = ExporterHealth(refused.__contains__)
    lines = dict(
        backfill(
            Site(world, Surroundings(store, start=START)), store, State(), start=START, end=START + 1500, step=60,
            exporter=EXPORTER, more=health.samples, refuses=refused.__contains__,
        )
    )  # fmt: skip

    def value(family: str, resource: str, minute: int) -> float:
        (found,) = re.findall(
            rf'^{family}\{{[^}}]*resource="{resource}"\}} (\S+)', lines[START + 60 * minute].decode(), re.M
        )
        return float(found)

    for resource, minute, stale, synced in (
        ("incrementallearningjobs", 4, 0, 4), ("incrementallearningjobs", 18, 1, 5), ("datasets", 18, 0, 18),
        ("incrementallearningjobs", 22, 0, 22),
    ):  # fmt: skip
        assert value("sedna_exporter_stale", resource, minute) == stale
        assert value("sedna_exporter_last_sync_timestamp_seconds", resource, minute) == START + 60 * synced
    assert value("sedna_exporter_watch_errors_total", "incrementallearningjobs", 25) == 15
    created = b'sedna_job_created_timestamp_seconds{job="sedna-exporter"'
    assert [b'name="later"' in lines[START + 60 * minute] for minute in (15, 22)] == [False, True]
    assert created in lines[START]


def test_the_end_of_history_can_be_told_in_smaller_steps() -> None:
    site, end = Site(World(), Surroundings(ObjectStore(), start=START)), START + 9000
    scraped = backfill(site, ObjectStore(), State(), start=START, end=end, step=600, step_at_end=60)
    assert [now - START for now, _ in scraped] == [0, 600, 1200, *range(1260, 9001, 60)]


def test_scrapes_come_one_by_one() -> None:
    """Memory does not grow with the history: the first scrape is there before the world has gone on."""
    store = ObjectStore()
    steps = scrapes(store)
    first, lines = next(steps)
    assert first == START and store.get("incrementallearningjobs", "factory", ODD) is None
    assert lines.startswith(b"sedna_") and lines.endswith(b" %d\n" % START)
    assert [now for now, _ in steps] == [START + 60 * minute for minute in range(1, 51)]


def test_a_series_comes_once_per_scrape() -> None:
    for now, lines in scrapes(ObjectStore()):
        series = [line.rpartition(b" ")[0].rpartition(b" ")[0] for line in lines.splitlines()]
        assert len(set(series)) == len(series), now


@needs_prometheus
def test_one_file_for_a_promtool_elsewhere(tmp_path: Path) -> None:
    write_file(scrapes(ObjectStore()), tmp_path / "new" / "history.om")
    text = (tmp_path / "new" / "history.om").read_bytes()
    assert text.startswith(b"# HELP ") and text.endswith(b"# EOF\n")
    assert b"# TYPE sedna_job_stage_transitions counter\n" in text
    command = [str(PROMTOOL), "tsdb", "create-blocks-from", "openmetrics", str(tmp_path / "new" / "history.om")]
    made = subprocess.run([*command, str(tmp_path / "data")], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr


@needs_prometheus
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"promtool made no blocks in .*/file/data: .*; is there room"):
        write_blocks(scrapes(ObjectStore()), tmp_path / "file" / "data", str(PROMTOOL))
    with pytest.raises(OutputError, match=r"cannot write .*/file/history.om: .*; choose another place"):
        write_file(scrapes(ObjectStore()), tmp_path / "file" / "history.om")
