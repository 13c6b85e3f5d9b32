"""A simulated site, the real exporter and a real Prometheus, together.

    python -m tests.proof [--scenario tour] [--hours 6] [--loki URL] [--keep]

plays the site's last hours into a Prometheus, lets it go on live, scrapes it for a while and runs ``sedna-dash verify``
on it: every panel has to be accounted for. ``--keep`` leaves everything running, to look at.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.synthetic import free_port, wait_for

#: What every site has that follows our guides; the rest is a matter of taste, hardware or patches.
EXPECTED = (
    "exporter", "worker-hook", "log-metrics", "kb-reader", "kube-state-metrics", "cadvisor", "node-exporter",
    "cloudcore", "prometheus", "alloy", "loki", "grafana", "alertmanager",
)  # fmt: skip
#: Seconds that a process may take to begin; all of them need a few.
PATIENCE = 120


@dataclass(frozen=True)
class Proof:
    """A running site. ``truth`` is what was true at ``end``, where its written history ends."""

    prometheus: str
    exporter: str
    kubeconfig: Path
    truth: list[dict[str, Any]]
    end: float

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
        return sedna_dash("verify", "--prometheus", self.prometheus, *expected, *options)


def sedna_dash(*options: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "sedna_dash", *options], capture_output=True, text=True, timeout=600, check=False
    )


@contextmanager
def running(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process in the background, ended with what is inside."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until(holds: Callable[[], bool], what: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for something that a process has to bring about."""
    end = time.monotonic() + PATIENCE
    while not holds():
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"{what} did not come about:\n{log.read_text()[-3000:]}")
        time.sleep(0.1)


@contextmanager
def proof(scenario: str = "quiet", hours: float = 4, *, interval: str = "2s", seed: int = 1) -> Iterator[Proof]:
    """A site that has lived for some hours and goes on living."""
    with tempfile.TemporaryDirectory(prefix="sedna-dash-proof-") as name, ExitStack() as stack:
        folder = Path(name)
        exporter, prometheus = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        base = free_port()
        common = ["--scenario", scenario, "--seed", str(seed)]
        files = {
            "--kubeconfig": folder / "kubeconfig",
            "--knowledge-base": folder / "kb.sqlite3",
            "--prometheus-config": folder / "prometheus.yml",
        }
        history = sedna_dash(
            "simulate", *common, "--backfill", f"{hours * 60:.0f}m", "--backfill-to", str(folder / "data"),
            "--step", "30s", "--duration", "0", "--truth", str(folder / "truth.json"), "--exporter", exporter,
            "--knowledge-base", str(folder / "kb-history.sqlite3"),
        )  # fmt: skip
        if history.returncode:
            raise RuntimeError(f"simulate failed: {history.stderr}")
        truth, written = json.loads((folder / "truth.json").read_text()), time.time()

        live = ["--start-ago", f"{hours * 60:.0f}m", "--listen", f"127.0.0.1:{base}", "--exporter", exporter]
        live += [text for option, path in files.items() for text in (option, str(path))]
        log = folder / "simulate.log"
        command = [sys.executable, "-m", "sedna_dash", "simulate", *common, *live]
        process = stack.enter_context(running(command, log))
        until(lambda: all(path.exists() for path in files.values()), "the simulated site", process, log)

        log = folder / "exporter.log"
        command = [sys.executable, "-m", "sedna_dash", "exporter", "--listen", exporter]
        command += ["--kubeconfig", str(files["--kubeconfig"]), "--knowledge-base", str(files["--knowledge-base"])]
        stack.enter_context(running(command, log))
        wait_for(f"http://{exporter}/readyz", PATIENCE)

        config = files["--prometheus-config"]
        config.write_text(config.read_text().replace("interval: 15s", f"interval: {interval}"))
        command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"]
        command += [f"--web.listen-address={prometheus}", "--storage.tsdb.retention.time=90d", "--log.level=error"]
        log = folder / "prometheus.log"
        process = stack.enter_context(running(command, log))
        wait_for(f"http://{prometheus}/-/ready", PATIENCE)
        found = Proof(f"http://{prometheus}", f"http://{exporter}", files["--kubeconfig"], truth, 0.0)
        newest = found.ask("max(timestamp(sedna_exporter_build_info))", written)
        until(lambda: bool(found.ask('min_over_time(up{job="sedna-exporter"}[10s]) == 1')), "a scrape", process, log)
        end = float(newest[0]["value"][1])
        yield Proof(found.prometheus, found.exporter, found.kubeconfig, truth, end)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="tour")
    parser.add_argument("--hours", type=float, default=6)
    parser.add_argument("--loki", help="a Loki to ask, too")
    parser.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C")
    options = parser.parse_args()
    print(f"Playing {options.hours:g} hours of {options.scenario} ...", flush=True)
    with proof(options.scenario, options.hours) as site:
        print(f"Prometheus: {site.prometheus}  exporter: {site.exporter}/metrics", flush=True)
        done = site.verify(*(["--loki", options.loki] if options.loki else []))
        print(done.stdout + done.stderr)
        while options.keep:
            time.sleep(3600)
    raise SystemExit(done.returncode)


if __name__ == "__main__":
    main()
