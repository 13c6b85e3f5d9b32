"""What the exporter costs, beside a real kube-state-metrics that reads the same jobs from the same API.

    python -m tests.bench.exporter --ksm PATH [--jobs 10000]

For each: resident memory, size and series of a scrape, seconds of a scrape (best of several, plain and gzipped), and
CPU for each watch event. Then the exporter alone with more and more jobs, for the slope, and with a long history.
Nothing here asserts a time.
"""

from __future__ import annotations

import argparse
import gzip
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sedna_dash.custom_resource_state import config, default_mapping
from sedna_dash.demo.processes import free_port
from sedna_dash.simulator.files import write_kubeconfig
from sedna_dash.simulator.kubernetes import KubernetesApi
from sedna_dash.simulator.objects import ObjectStore
from sedna_dash.simulator.web import WebServer
from tests.exporter.objects import entry, template, thing

TICKS = os.sysconf("SC_CLK_TCK")
EVENTS = 2000
RUNS = 7


def job(number: int, rounds: int = 2) -> dict[str, Any]:
    """An incremental-learning job as it is after some rounds: 13 conditions each, some with data."""
    base = {"format": "pb", "url": f"/srv/jobs/{number}/train/1/model_finetune_tensorflow.pb", "classes": None}
    scored = {**base, "metrics": {"precision": [0.95, 0.81, 0.88, 0.79], "recall": [0.91, 0.77, 0.84, 0.72]}}
    conditions = []
    for _ in range(rounds):
        for stage in ("Train", "Eval"):
            conditions += [
                entry(stage, "Waiting", 1),
                entry(stage, "Ready", 2, {"input": {"models": [base, base], "dataURL": "/srv/data.txt"}}),
                entry(stage, "Starting", 3),
                entry(stage, "Running", 4),
                entry(stage, "Completed", 5, {"output": {"models": [scored, scored]}}),
            ]
        conditions += [entry("Deploy", "Waiting", 6), entry("Deploy", "Ready", 7), entry("Deploy", "Completed", 8)]
    trigger = {"condition": {"operator": ">", "metric": "precision_delta[0]", "threshold": 0.1}}
    spec = {
        "dataset": {"name": f"data-{number}", "trainProb": 0.8},
        "initialModel": {"name": "base"},
        "trainSpec": {"template": template(epochs="5", batch_size="32"), "trigger": trigger},
        "evalSpec": {"template": template()},
        "deploySpec": {"template": template(), "trigger": trigger, "model": {"name": "serving"}},
    }
    found = thing("IncrementalLearningJob", f"job-{number:06}", spec, {"conditions": conditions}, uid=f"uid-{number}")
    del found["metadata"]["resourceVersion"]
    return found


@dataclass
class Cost:
    """What one of the two costs. Times in seconds, sizes in bytes."""

    name: str
    series: int
    size: int
    memory: int
    plain: float
    packed: float
    event: float

    def row(self) -> str:
        each = f"{self.memory / self.series:6.0f} B, {self.plain / self.series * 1e6:5.2f} us, "
        return (
            f"{self.name:20} {self.series:8} series {self.size / 1e6:7.1f} MB  resident {self.memory / 1e6:6.0f} MB  "
            f"scrape {self.plain:.3f} s, gzip {self.packed:.3f} s  event {self.event * 1e6:6.0f} us CPU   "
            f"per series: {each}gzip {self.packed / self.series * 1e6:5.2f} us"
        )


@contextmanager
def serving(store: ObjectStore, folder: Path) -> Iterator[Path]:
    """The API with what is in a store; yields a kubeconfig."""
    api = KubernetesApi(store)
    with WebServer(api.answer) as server:
        write_kubeconfig(folder / "kubeconfig", server.url)
        try:
            yield folder / "kubeconfig"
        finally:
            api.close()


def exporter(kubeconfig: Path, port: int) -> list[str]:
    command = [sys.executable, "-m", "sedna_dash", "exporter", "--listen", f"127.0.0.1:{port}"]
    return [*command, "--kubeconfig", str(kubeconfig)]


def kube_state_metrics(binary: str, kubeconfig: Path, port: int) -> list[str]:
    rules = kubeconfig.with_name("custom-resource-state.yaml")
    rules.write_text(yaml.safe_dump(config(default_mapping())))
    return [
        binary, f"--kubeconfig={kubeconfig}", f"--custom-resource-state-config-file={rules}",
        "--custom-resource-state-only", "--host=127.0.0.1", f"--port={port}", "--telemetry-host=127.0.0.1",
        f"--telemetry-port={free_port()}", "--enable-gzip-encoding",
    ]  # fmt: skip


def scrape(port: int, *, packed: bool = False) -> tuple[float, bytes]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics")
    request.add_header("Accept-Encoding", "gzip" if packed else "identity")
    begun = time.perf_counter()
    with urllib.request.urlopen(request, timeout=600) as answer:
        body = answer.read()
    return time.perf_counter() - begun, body


def lines(body: bytes) -> int:
    return sum(1 for line in body.splitlines() if not line.startswith(b"#"))


def used(process: subprocess.Popen[bytes]) -> tuple[int, float]:
    """Resident bytes and CPU seconds of a process."""
    memory = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return memory, (int(fields[11]) + int(fields[12])) / TICKS


def measure(name: str, command: list[str], port: int, store: ObjectStore, jobs: int) -> Cost:
    """Run it until it shows every job, then scrape it and send it events."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    marker = b"\nsedna_job_created_timestamp_seconds{"

    def shown() -> bytes:
        """The text once it is whole, asked for as Prometheus does."""
        while True:
            try:
                body = gzip.decompress(scrape(port, packed=True)[1])
                if body.count(marker) >= jobs:
                    return body
            except (OSError, gzip.BadGzipFile):
                pass
            time.sleep(0.5)

    try:
        body = shown()
        packed = min(scrape(port, packed=True)[0] for _ in range(RUNS))
        memory = used(process)[0]  # as with Prometheus, which always asks for gzip
        plain = min(scrape(port)[0] for _ in range(RUNS))
        before = used(process)[1]
        for number in range(EVENTS):
            changed = job(number % jobs)
            changed["status"]["conditions"].append(entry("Train", "Waiting", 9 + number))
            changed["metadata"]["annotations"] = {"n": f"{name}{number}"}
            store.put("incrementallearningjobs", changed)
        quiet = -1.0
        while used(process)[1] != quiet:  # until it has nothing more to do
            quiet = used(process)[1]
            time.sleep(1)
        event = (quiet - before) / EVENTS
        return Cost(name, lines(body), len(body), memory, plain, packed, event)
    finally:
        process.kill()
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ksm", help="a kube-state-metrics to compare with")
    parser.add_argument("--jobs", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sedna-dash-bench-") as name:
        folder = Path(name)
        for jobs in (options.jobs // 4, options.jobs // 2, options.jobs):
            store = ObjectStore()
            for number in range(jobs):
                store.put("incrementallearningjobs", job(number))
            with serving(store, folder) as kubeconfig:
                port = free_port()
                found = measure(f"exporter {jobs}", exporter(kubeconfig, port), port, store, jobs)
                print(found.row(), flush=True)
                if options.ksm and jobs == options.jobs:
                    port = free_port()
                    command = kube_state_metrics(options.ksm, kubeconfig, port)
                    peer = measure("kube-state-metrics", command, port, store, jobs)
                    print(peer.row())
                    for what, ours, theirs in (
                        ("memory per series", found.memory / found.series, peer.memory / peer.series),
                        ("scrape per series", found.plain / found.series, peer.plain / peer.series),
                        ("gzipped scrape per series", found.packed / found.series, peer.packed / peer.series),
                        ("memory", found.memory, peer.memory),
                        ("CPU per event", found.event, peer.event),
                    ):
                        print(f"{what:28} {ours / theirs:.2f}x of kube-state-metrics")
        few = min(options.jobs, 500)
        for rounds in (2, 40):
            store = ObjectStore()
            for number in range(few):
                store.put("incrementallearningjobs", job(number, rounds))
            with serving(store, folder) as kubeconfig:
                port = free_port()
                print(
                    measure(f"{13 * rounds} conditions", exporter(kubeconfig, port), port, store, few).row(), flush=True
                )


if __name__ == "__main__":
    main()
