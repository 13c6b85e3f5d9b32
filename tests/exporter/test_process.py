"""The exporter as a process, against an API server that comes, goes and misbehaves."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sedna_dash.simulator.files import write_kubeconfig
from sedna_dash.simulator.kubernetes import KubernetesApi
from sedna_dash.simulator.objects import ObjectStore
from sedna_dash.simulator.web import WebServer
from tests.exporter.objects import node, pod, thing
from tests.synthetic import wait_for

#: Commands and servers get a minute; they need a second.
PATIENCE = 60
#: RESOURCE of the store for each kind.
PLURALS = {"Pod": "pods", "Node": "nodes", "Service": "services", "Dataset": "datasets",
           "IncrementalLearningJob": "incrementallearningjobs"}  # fmt: skip


@dataclass
class Site:
    """An API server and its objects, and the exporter that watches them."""

    folder: Path
    store: ObjectStore = field(default_factory=ObjectStore)
    url: str = ""

    def put(self, *objects: dict[str, Any]) -> None:
        for obj in objects:
            found = {**obj, "metadata": {k: v for k, v in obj["metadata"].items() if k != "resourceVersion"}}
            self.store.put(PLURALS[obj["kind"]], found)

    def metrics(self) -> dict[str, float]:
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=PATIENCE) as answer:
            lines = answer.read().decode().splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}

    def until(self, holds: Callable[[dict[str, float]], bool]) -> dict[str, float]:
        """The first scrape for which something holds."""
        end = time.monotonic() + PATIENCE
        while True:
            found = self.metrics()
            if holds(found):
                return found
            assert time.monotonic() < end, "\n".join(f"{name} {value}" for name, value in found.items())
            time.sleep(0.02)

    def samples(self, name: str = "one") -> Callable[[dict[str, float]], float | None]:
        return lambda found: found.get(f'sedna_dataset_samples{{namespace="factory",dataset="{name}"}}')


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@contextmanager
def api(site: Site, port: int = 0) -> Iterator[tuple[KubernetesApi, WebServer]]:
    found = KubernetesApi(site.store, token="let-me-in")
    with WebServer(found.answer, port=port) as server:
        write_kubeconfig(site.folder / "kubeconfig", server.url, "let-me-in")
        try:
            yield found, server
        finally:
            found.close()


@contextmanager
def exporter(site: Site, *options: str) -> Iterator[subprocess.Popen[str]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SEDNA_DASH", "KUBE"))}
    command = [sys.executable, "-m", "sedna_dash", "exporter", "--listen", "127.0.0.1:0"]
    with (site.folder / "log").open("w") as errors:
        process = subprocess.Popen(
            [*command, "--kubeconfig", str(site.folder / "kubeconfig"), *options],
            stdout=subprocess.PIPE, stderr=errors, text=True, env=environment,
        )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("Serving "), (site.folder / "log").read_text()
        site.url = line.split()[1].removesuffix("/metrics")
        yield process
    finally:
        process.kill()
        process.wait(PATIENCE)
        assert process.stdout is not None
        process.stdout.close()


def dataset(samples: int, name: str = "one") -> dict[str, Any]:
    return thing("Dataset", name, status={"numberOfSamples": samples})


def log(site: Site) -> list[str]:
    return [line for line in (site.folder / "log").read_text().splitlines() if line]


def test_it_lists_watches_and_ends_at_once(site: Site) -> None:
    job = thing("IncrementalLearningJob", "helmet")
    site.put(dataset(5), job, pod("IncrementalLearningJob", "helmet", "train"), node("edge-1", edge=True))
    with api(site), exporter(site) as process:
        found = site.until(lambda found: site.samples()(found) == 5 and any("location=" in line for line in found))
        assert 'location="edge"' in next(line for line in found if line.startswith("sedna_worker_info"))
        wait_for(f"{site.url}/readyz", PATIENCE)  # other kinds may still be on their way
        site.put(dataset(6))
        site.until(lambda found: site.samples()(found) == 6)
        site.store.delete("datasets", "factory", "one")
        site.until(lambda found: site.samples()(found) is None)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    assert log(site) == []


FAULTS: dict[str, list[tuple[Any, ...]]] = {
    "refused once": [("datasets", 500)],
    "asked to wait": [("datasets", 429)],
    "lists are broken JSON, then cut": [("datasets", "broken"), ("datasets", "cut")],
    "the watch is cut": [("watch=.*datasets|datasets.*watch=", "cut")],
    "the version is too old": [("datasets.*watch=", 410)],
    "not yet allowed": [("datasets", 403), ("datasets", 401)],
}


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS)
def test_it_comes_through(faults: list[tuple[Any, ...]], site: Site) -> None:
    site.put(dataset(5))
    with api(site) as (server, _):
        for pattern, kind in faults:
            server.faults.add(pattern, kind)
        with exporter(site):
            site.until(lambda found: site.samples()(found) == 5)
            site.put(dataset(6))
            site.until(lambda found: site.samples()(found) == 6)


def test_while_the_api_server_is_away_the_last_state_is_served_and_marked(site: Site) -> None:
    site.put(dataset(5))
    stale = 'sedna_exporter_stale{resource="datasets"}'
    with api(site) as (_, server), exporter(site):
        port = int(server.url.rpartition(":")[2])
        site.until(lambda found: site.samples()(found) == 5 and found.get(stale) == 0)
        server.close()
        found = site.until(lambda found: found.get(stale) == 1)
        assert site.samples()(found) == 5
        site.put(dataset(7))
        site.store.delete("datasets", "factory", "other")
        with api(site, port):
            site.until(lambda found: site.samples()(found) == 7 and found.get(stale) == 0)
            said = [line for line in log(site) if " datasets: " in line]
    assert len(said) == 2, "said once, not at every try"
    assert "answers again" in said[-1]


def test_many_pages_and_ten_thousand_pods_of_others(site: Site) -> None:
    for number in range(1200):
        site.put(dataset(number, f"d{number:04}"))
    for number in range(10_000):
        site.store.put("pods", {"metadata": {"namespace": "other", "name": f"p{number}"}, "spec": {}, "status": {}})
    with api(site), exporter(site):
        found = site.until(lambda found: found.get('sedna_exporter_objects{kind="Dataset"}') == 1200)
        assert not [line for line in found if "other" in line]


def test_only_some_namespaces_and_labels(site: Site) -> None:
    far = thing("Dataset", "far", status={"numberOfSamples": 1}, namespace="office")
    chosen = dataset(2, "chosen")
    chosen["metadata"]["labels"] = {"team": "vision"}
    site.put(far, chosen, dataset(3, "plain"))
    with api(site), exporter(site, "--namespace", "factory", "--selector", "team=vision"):
        found = site.until(lambda found: site.samples("chosen")(found) == 2)
        assert len([line for line in found if line.startswith("sedna_dataset_samples")]) == 1


SETTINGS = {
    "no kubeconfig": (("--kubeconfig", "/nowhere"), "no cluster can be read"),
    "two kubeconfigs": (("--kubeconfig", "/a:/b"), "/a:/b: a name with ':' stands for several files"),
    "bad address": (("--listen", "everywhere"), "--listen everywhere: must be HOST:PORT"),
    "nothing to do": (("--no-kubernetes",), "leaves nothing to serve"),
    "unknown family": (("--leave-out", "sedna_jobs_state"), "did you mean"),
    "shard out of range": (("--shard", "2", "--total-shards", "2"), "counted from 0 to 1"),
}


@pytest.mark.parametrize(("options", "words"), SETTINGS.values(), ids=SETTINGS)
def test_wrong_settings_are_one_sentence(options: tuple[str, ...], words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sedna_dash", "exporter", *options], capture_output=True, text=True, timeout=PATIENCE,
        check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
