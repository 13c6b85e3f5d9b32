"""The simulated kube-state-metrics says what a real one says of the same cluster."""

import os
import re
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from sedna_dash.catalog import default_catalog
from sedna_dash.demo.processes import free_port
from sedna_dash.simulator.files import write_kubeconfig
from sedna_dash.simulator.objects import ObjectStore
from sedna_dash.simulator.surroundings import Surroundings
from tests.simulator.small_site import BEGAN, fill, node, pod, served
from tests.synthetic import wait_for

BINARY = os.environ.get("SEDNA_DASH_TEST_KSM", "")
pytestmark = pytest.mark.skipif(
    not BINARY, reason="set SEDNA_DASH_TEST_KSM to the path of a kube-state-metrics to compare with it"
)
LINE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
PAIR = re.compile(r'(\w+)="([^"]*)"')
Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(url: str) -> Series:
    """What kube-state-metrics shows of the catalog's families, with the catalog's labels."""
    catalog = default_catalog()
    found: Series = {}
    with urllib.request.urlopen(url, timeout=20) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith("#"):
                continue
            match = LINE.fullmatch(line)
            assert match, line
            metric = catalog.find(match[1])
            if metric and "kube-state-metrics" in metric.sources:
                labels = {label: value for label, value in PAIR.findall(match[2] or "") if label in metric.labels}
                found[match[1], kept(labels)] = float(match[3])
    return found


#: What the oldest supported one does not know: exit codes; and it asks for a version of autoscaling that newer
#: clusters no longer have.
LACKING = ("kube_horizontalpodautoscaler_", "kube_pod_container_status_last_terminated_exitcode")


def kept(labels: dict[str, str]) -> frozenset[tuple[str, str]]:
    # The oldest one writes "<none>" where nothing created a pod, no namespace on leases, and spells a reason otherwise.
    return frozenset(
        (label, value.replace("DeadLine", "Deadline"))
        for label, value in labels.items()
        if value not in ("", "<none>") and value != "kube-node-lease"
    )


def test_the_same_series_and_values(tmp_path: Path) -> None:
    store = ObjectStore(version=1000)
    fill(store)
    with served(store) as (url, _):
        write_kubeconfig(tmp_path / "config", url)
        port, own = free_port(), free_port()
        command = [
            BINARY, "--kubeconfig", str(tmp_path / "config"), "--host", "127.0.0.1", "--port", str(port),
            "--telemetry-host", "127.0.0.1", "--telemetry-port", str(own),
            "--resources", "pods,nodes,deployments,daemonsets,horizontalpodautoscalers,jobs,leases",
        ]  # fmt: skip
        log = (tmp_path / "log").open("wb")
        with log, subprocess.Popen(command, stdout=log, stderr=log) as process:
            try:
                metrics = f"http://127.0.0.1:{port}/metrics"
                wait_for(metrics)
                compare(store, metrics)
                # Changes arrive through its watches.
                store.put("nodes", node("edge-1", ready="Unknown"))
                store.delete("pods", "sedna", "gm")
                store.put("pods", pod("fresh", restarts=3))
                compare(store, metrics)
                with urllib.request.urlopen(f"http://127.0.0.1:{own}/metrics", timeout=20) as answer:
                    told = answer.read().decode()
                assert 'kube_state_metrics_watch_total{resource="*v1.Pod",result="success"} 1' in told
            finally:
                process.terminate()


def compare(store: ObjectStore, url: str) -> None:
    """Until both say the same, or one of them does not come round."""
    surroundings = Surroundings(store, sources=["kube-state-metrics"], start=BEGAN)
    (target,) = surroundings.targets(BEGAN)
    ours = {
        (name, kept(dict(labels))): value
        for name, labels, value in surroundings.scrape(target, BEGAN) or ()
        if not name.startswith("kube_state_metrics_")
    }
    theirs: Series = {}
    deadline = time.monotonic() + 30
    while True:  # its watches take a moment, and it tells nobody
        theirs = read(url)
        shown = {name for name, _ in theirs}
        wanted = {key: value for key, value in ours.items() if key[0] in shown or not key[0].startswith(LACKING)}
        if wanted == theirs or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    assert wanted == theirs
