"""A simulated site, the real exporter and a real Prometheus, together; with Loki and Grafana where they are installed.

    python -m tests.proof [--scenario tour] [--hours 6] [--keep]

plays the site's last hours into a Prometheus and a Loki, lets it go on live, scrapes it for a while and runs
``sedna-dash verify`` on it, directly and through Grafana: every panel has to be accounted for. ``--keep`` leaves
everything running, to look at. How Loki and Grafana are found: tests/servers.py.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.servers import PATIENCE, grafana, grafana_home, loki, loki_binary, running
from tests.synthetic import free_port, wait_for

#: What every site has that follows our guides; the rest is a matter of taste, hardware or patches.
EXPECTED = (
    "exporter", "worker-hook", "log-metrics", "kb-reader", "kube-state-metrics", "cadvisor", "node-exporter",
    "cloudcore", "prometheus", "alloy", "loki", "grafana", "alertmanager",
)  # fmt: skip
#: Seconds that writing history may take.
HISTORY = 900
#: Of a Grafana that lives for minutes, on loopback.
PASSWORD = "proof"


@dataclass(frozen=True)
class Proof:
    """A running site. ``truth`` is what was true at ``end``, where its written history ends."""

    prometheus: str
    exporter: str
    kubeconfig: Path
    truth: list[dict[str, Any]]
    end: float
    loki: str = ""

    def ask(self, query: str, at: float | None = None) -> list[dict[str, Any]]:
        """The series of an instant query."""
        body = urllib.parse.urlencode({"query": query, **({"time": at} if at else {})}).encode()
        try:
            with urllib.request.urlopen(f"{self.prometheus}/api/v1/query", body, timeout=PATIENCE) as answer:
                found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
                return found
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{json.load(error)['error']}: {query}") from error

    def verify(self, *options: str) -> subprocess.CompletedProcess[str]:
        """``sedna-dash verify`` on it."""
        expected = [option for source in EXPECTED for option in ("--expect", source)]
        direct = ["--prometheus", self.prometheus, *(["--loki", self.loki] if self.loki else [])]
        return sedna_dash("verify", *direct, *expected, *options)

    def deploy(self, url: str) -> None:
        """Put the dashboards and datasources of this site into a Grafana."""
        there = {"GRAFANA_URL": url, "GRAFANA_USER": "admin", "GRAFANA_PASSWORD": PASSWORD}
        sources = ["--prometheus-url", self.prometheus, "--loki-url", self.loki or "http://127.0.0.1:9"]
        done = sedna_dash("deploy", *sources, environ=there)
        if done.returncode:
            raise RuntimeError(f"deploy failed: {done.stdout}{done.stderr}")

    def verify_through(self, url: str) -> subprocess.CompletedProcess[str]:
        """``sedna-dash verify`` through a Grafana that has the dashboards."""
        there = {"GRAFANA_URL": url, "GRAFANA_USER": "admin", "GRAFANA_PASSWORD": PASSWORD}
        expected = [option for source in EXPECTED for option in ("--expect", source)]
        return sedna_dash("verify", "--grafana", url, *expected, environ=there)


def sedna_dash(*options: str, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "sedna_dash", *options], capture_output=True, text=True, timeout=900, check=False,
        env={**os.environ, **(environ or {})},
    )  # fmt: skip


def until(
    holds: Callable[[], bool], what: str, process: subprocess.Popen[bytes], log: Path, patience: float = PATIENCE
) -> None:
    """Wait for something that a process has to bring about."""
    end = time.monotonic() + patience
    while not holds():
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"{what} did not come about:\n{log.read_text()[-3000:]}")
        time.sleep(0.1)


@contextmanager
def simulated(folder: Path, exporter: str, scenario: str, history: str, step: str, *options: str) -> Iterator[None]:
    """A site that has lived for so long, and goes on living. It leaves ``truth.json``, ``kubeconfig``, ``kb.sqlite3``,
    ``prometheus.yml`` and the history as ``data`` in the folder."""
    files = {
        "--truth-of-history": folder / "truth.json",
        "--kubeconfig": folder / "kubeconfig",
        "--knowledge-base": folder / "kb.sqlite3",
        "--prometheus-config": folder / "prometheus.yml",
    }
    # One process, so that what is scraped later goes on where history ends.
    command = [sys.executable, "-m", "sedna_dash", "simulate", "--scenario", scenario, "--exporter", exporter]
    command += ["--backfill", history, "--backfill-to", str(folder / "data"), "--step", step, *options]
    command += [text for option, path in files.items() for text in (option, str(path))]
    log = folder / "simulate.log"
    with running(command, log) as process:
        # It is written last, once everything is served.
        until((folder / "prometheus.yml").exists, "the simulated site", process, log, HISTORY)
        yield


@contextmanager
def exporting(folder: Path, exporter: str) -> Iterator[None]:
    """The real exporter on a simulated site. It answers, but need not have read everything."""
    command = [sys.executable, "-m", "sedna_dash", "exporter", "--listen", exporter]
    command += ["--kubeconfig", str(folder / "kubeconfig"), "--knowledge-base", str(folder / "kb.sqlite3")]
    with running(command, folder / "exporter.log"):
        wait_for(f"http://{exporter}/healthz", PATIENCE)
        yield


@contextmanager
def storing(folder: Path, prometheus: str) -> Iterator[subprocess.Popen[bytes]]:
    """A real Prometheus at an address, on the config and the history in the folder."""
    command = ["prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
    command += [f"--web.listen-address={prometheus}", "--storage.tsdb.retention.time=90d", "--log.level=error"]
    with running(command, folder / "prometheus.log") as process:
        wait_for(f"http://{prometheus}/-/ready", PATIENCE)
        yield process


@contextmanager
def proof(
    scenario: str = "quiet", hours: float = 4, *, interval: str = "2s", seed: int = 1, logs: str = ""
) -> Iterator[Proof]:
    """A site that has lived for some hours and goes on living; its lines go to the Loki at ``logs``."""
    with tempfile.TemporaryDirectory(prefix="sedna-dash-proof-") as name, ExitStack() as stack:
        folder = Path(name)
        exporter, prometheus = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        options = ["--seed", str(seed), *(["--loki", logs] if logs else [])]
        stack.enter_context(simulated(folder, exporter, scenario, f"{hours * 60:.0f}m", "30s", *options))
        truth, written = json.loads((folder / "truth.json").read_text()), time.time()
        stack.enter_context(exporting(folder, exporter))
        wait_for(f"http://{exporter}/readyz", PATIENCE)
        config = folder / "prometheus.yml"
        config.write_text(config.read_text().replace("interval: 15s", f"interval: {interval}"))
        process = stack.enter_context(storing(folder, prometheus))
        found = Proof(f"http://{prometheus}", f"http://{exporter}", folder / "kubeconfig", truth, 0.0, logs)
        history = found.ask("sedna_exporter_build_info[1h]", written)
        scraped = 'min_over_time(up{job="sedna-exporter"}[10s]) == 1'
        until(lambda: bool(found.ask(scraped)), "a scrape", process, folder / "prometheus.log")
        end = float(history[0]["values"][-1][0])
        yield replace(found, end=end)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="tour")
    parser.add_argument("--hours", type=float, default=6)
    parser.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sedna-dash-servers-") as name, ExitStack() as stack:
        folder, logs = Path(name), ""
        if loki_binary():
            logs = stack.enter_context(loki(folder))
        print(f"Loki: {logs or 'not installed, so no log panel is proven'}", flush=True)
        print(f"Playing {options.hours:g} hours of {options.scenario} ...", flush=True)
        site = stack.enter_context(proof(options.scenario, options.hours, logs=logs))
        print(f"Prometheus: {site.prometheus}  exporter: {site.exporter}/metrics", flush=True)
        runs = [site.verify()]
        print(runs[0].stdout + runs[0].stderr, flush=True)
        if grafana_home():
            url = stack.enter_context(grafana(folder, PASSWORD))
            site.deploy(url)
            print(f"Grafana: {url}, user admin, password {PASSWORD}", flush=True)
            runs.append(site.verify_through(url))
            print(runs[1].stdout + runs[1].stderr, flush=True)
        else:
            print("Grafana: not installed, so the queries were only asked directly")
        while options.keep:
            time.sleep(3600)
    raise SystemExit(max(run.returncode for run in runs))


if __name__ == "__main__":
    main()
