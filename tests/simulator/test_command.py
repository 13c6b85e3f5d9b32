"""``sedna-dash simulate`` as a process: what it serves and leaves, how it stops, and what it says when it cannot."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from sedna_dash.demo.processes import free_port
from tests.simulator.small_site import get
from tests.synthetic import wait_for

RUN = "from sedna_dash.simulator.command import simulate_command; simulate_command(prog_name='sedna-dash simulate')"


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-c", RUN, *map(str, arguments)]


@contextmanager
def simulated(*arguments: str | Path) -> Iterator[tuple[dict[str, Any], subprocess.Popen[str]]]:
    """A simulation that serves: what it said about itself, and its process."""
    with subprocess.Popen(command("--output", "json", *arguments), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield json.loads(process.stdout.readline()), process
        finally:
            process.kill()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_what_it_says_and_stops_when_told(tmp_path: Path, how: signal.Signals) -> None:
    files = {name: tmp_path / name for name in ("kubeconfig", "prometheus-config", "knowledge-base", "truth")}
    options = [part for name, path in files.items() for part in (f"--{name}", path)]
    with simulated("--seed", "7", "--pace", "60", "--logs", tmp_path / "logs", *options) as (said, process):
        assert (said["seed"], said["scenario"], said["pace"]) == (7, "tour", 60.0)
        url = said["url"]
        assert yaml.safe_load(files["kubeconfig"].read_text())["clusters"][0]["cluster"] == {"server": url}
        assert "sedna-exporter" in files["prometheus-config"].read_text()
        jobs = get(url + "/apis/sedna.io/v1alpha1/incrementallearningjobs")
        assert jobs["items"]
        assert {truth["row"] for truth in get(url + "/truth")} >= {"observability/CRD/SampleNum"}
        assert len(get(said["discovery"])) > 20
        # The world goes on by itself: leases are renewed, and lines are written.
        version = jobs["metadata"]["resourceVersion"]
        watched = f"{url}/apis/coordination.k8s.io/v1/leases?watch=1&resourceVersion={version}&timeoutSeconds=20"
        assert next(events(watched))["type"] == "MODIFIED"
        while not list((tmp_path / "logs").rglob("0.log")):
            time.sleep(0.05)
        process.send_signal(how)
        assert process.wait(20) == 0
    assert files["knowledge-base"].read_bytes().startswith(b"SQLite format 3")
    assert {"row", "family", "labels", "value", "note"} == set(json.loads(files["truth"].read_text())[0])


def events(url: str) -> Iterator[dict[str, Any]]:
    import urllib.request

    with urllib.request.urlopen(url, timeout=30) as answer:
        for line in answer:
            yield json.loads(line)


@pytest.mark.skipif(not shutil.which("prometheus"), reason="install prometheus to let it scrape the simulated site")
def test_a_real_prometheus_scrapes_it_by_the_configuration_it_wrote(tmp_path: Path) -> None:
    port = free_port()
    config = tmp_path / "prometheus.yml"
    with simulated("--prometheus-config", config, "--exporter", "", "--with", "kafka-exporter") as (said, _):
        expected = {entry["labels"]["__metrics_path__"] for entry in get(said["discovery"])}
        text = config.read_text().replace("15s", "1s")
        config.write_text(text)
        started = [
            "prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}", "--log.level=error",
        ]  # fmt: skip
        with subprocess.Popen(started) as process:
            try:
                url = f"http://127.0.0.1:{port}"
                wait_for(url + "/-/ready")
                deadline = time.monotonic() + 60
                while True:
                    targets = get(url + "/api/v1/targets")["data"]["activeTargets"]
                    health = {target["scrapeUrl"]: target["health"] for target in targets}
                    if set(health.values()) == {"up"} and len(health) >= len(expected):
                        break
                    assert time.monotonic() < deadline, {t["scrapeUrl"]: t["lastError"] for t in targets}
                    time.sleep(0.2)
                found = get(url + "/api/v1/query?query=node_memory_MemTotal_bytes")["data"]["result"]
                assert {"exported_node", "exported_job"}.isdisjoint({label for one in found for label in one["metric"]})
                assert {one["metric"]["job"] for one in found} == {"node-exporter"}
                assert get(url + "/api/v1/query?query=kafka_consumergroup_lag")["data"]["result"]
            finally:
                process.terminate()


def test_it_stops_by_itself_and_tells_the_truth(tmp_path: Path) -> None:
    done = subprocess.run(
        command("--scenario", "quiet", "--start-ago", "1h", "--duration", "0", "--truth", "-", "--output", "json"),
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    first, rest = done.stdout.split("\n", 1)
    assert json.loads(first)["scenario"] == "quiet" and json.loads(rest)


def test_it_tells_people_where_everything_is(tmp_path: Path) -> None:
    done = subprocess.run(
        command("--scenario", "quiet", "--duration", "0", "--kubeconfig", tmp_path / "kube"),
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert lines[0] == "Simulating quiet with seed 1."
    assert lines[1].startswith("Kubernetes API and metrics: http://127.0.0.1:")
    assert lines[3] == f"Read it: sedna-dash exporter --kubeconfig {tmp_path / 'kube'}"


def test_history_comes_first(tmp_path: Path) -> None:
    done = subprocess.run(
        command("--scenario", "quiet", "--backfill", "10m", "--backfill-to", tmp_path / "data", "--duration", "2",
                "--pace", "60", "--truth-of-history", tmp_path / "then", "--truth", tmp_path / "now"),
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"History is in {tmp_path / 'data'}")
    assert list((tmp_path / "data").iterdir())
    then, now = (
        {json.dumps(truth["labels"]): truth["value"] for truth in json.loads((tmp_path / name).read_text())
         if truth["family"] == "sedna_dataset_samples"}
        for name in ("then", "now")
    )  # fmt: skip
    # The same world some minutes later: its datasets grew.
    assert set(then) == set(now) and all(now[labels] >= value for labels, value in then.items()) and then != now


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--scenario", "tours"], 2, "there is no scenario 'tours'; did you mean 'tour'?"),
        (["--scenario", "nowhere.yaml"], 2, "nowhere.yaml: cannot be read (No such file or directory)"),
        (["--listen", "here"], 2, "--listen here: must be HOST:PORT"),
        (["--listen", "203.0.113.1:1"], 2, "cannot listen on 203.0.113.1:1: cannot assign requested address; choose"),
        (["--start-ago", "yesterday"], 2, "'yesterday' is no duration; write it like 90s, 30m, 24h or 7d"),
        (["--without", "nothing"], 2, "'nothing' is not one of"),
        (["--backfill", "1h"], 2, "--backfill and --backfill-to belong together"),
        (["--backfill", "1h", "--backfill-to", "x", "--start-ago", "1h"], 2, "leave out --start-ago"),
        (["--truth-of-history", "x"], 2, "--truth-of-history needs --backfill: without it there is no history"),
        (["--step", "30s"], 2, "--step and --step-at-end need --backfill"),
        (["--step", "0"], 2, "--step and --step-at-end must be longer than nothing"),
        (["--step-at-end", "0s"], 2, "--step and --step-at-end must be longer than nothing"),
        (
            ["--kubeconfig", "/dev/null/config"],
            1,
            "cannot write /dev/null/config: File exists; choose another place",
        ),
        (["--logs", "/dev/null/logs"], 1, "cannot write /dev/null/logs/"),
        (["--knowledge-base", "/dev/null/kb"], 1, "cannot write /dev/null/kb"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(arguments: list[str], code: int, said: str) -> None:
    done = subprocess.run(
        command("--duration", "5", *arguments), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    (sentence,) = (line for line in done.stderr.splitlines() if line.startswith("Error: "))
    assert sentence.count("Error") == 1
    assert "Traceback" not in done.stderr


def test_a_taken_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            command("--listen", f"127.0.0.1:{port}"), capture_output=True, text=True, check=False, timeout=60
        )
    assert done.returncode == 2
    assert done.stderr == f"Error: cannot listen on 127.0.0.1:{port}: address already in use; choose another address\n"
