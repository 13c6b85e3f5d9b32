"""A simulated site, the real exporter and a real Prometheus, together; with Loki and Grafana where they are installed.

    python -m tests.proof [--scenario tour] [--hours 6] [--keep]

plays the site's last hours into a Prometheus with our rules and a Loki, lets it go on live, scrapes it for a while and
runs ``sedna-dash verify`` on it, directly and through Grafana: every panel has to be accounted for. ``--keep`` leaves
everything running, to look at. How Loki and Grafana are found: tests/servers.py.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sedna_dash.demo import servers
from sedna_dash.demo.past import Window, remember
from sedna_dash.demo.processes import HOST, PATIENCE, answers, free_port
from sedna_dash.demo.programs import find_grafana, find_programs
from sedna_dash.demo.site_rules import site_rules
from sedna_dash.rules.ruleset import load_rules
from tests.servers import grafana, loki, loki_binary

#: What every site has that follows our guides; the rest is a matter of taste, hardware or patches.
EXPECTED = (
    "exporter", "worker-hook", "log-metrics", "kb-reader", "kube-state-metrics", "cadvisor", "node-exporter",
    "cloudcore", "prometheus", "alloy", "loki", "grafana", "alertmanager",
)  # fmt: skip
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


@contextmanager
def proof(
    scenario: str = "quiet", hours: float = 4, *, interval: str = "2s", seed: int = 1, logs: str = "", grafana: str = ""
) -> Iterator[Proof]:
    """A site that has lived for some hours and goes on living; its lines go to the Loki at ``logs``. Its Prometheus
    evaluates our rules, and has what they would have made of these hours; alerts lead to ``grafana``."""
    programs = find_programs()
    with tempfile.TemporaryDirectory(prefix="sedna-dash-proof-") as name, ExitStack() as stack:
        folder = Path(name)
        exporter, prometheus = f"{HOST}:{free_port()}", f"{HOST}:{free_port()}"
        rules = site_rules(load_rules(), grafana)
        rules.write(folder / "rules")
        play = servers.Play(scenario, hours * 3600, options=("--seed", str(seed)))
        stack.enter_context(servers.simulator(folder, play, programs, exporter=exporter, loki=logs)).until_ready()
        truth, written = json.loads((folder / "truth.json").read_text()), time.time()
        reader = stack.enter_context(servers.exporter(folder, exporter))
        reader.until(lambda: answers(f"{reader.url}/readyz"), "read everything")
        window = Window(written - play.seconds, written, 60.0)
        remember(folder, programs, folder / "rules/records.yaml", window, rules.conditions)
        files = [folder / "rules/records.yaml", folder / "rules/alerts.yaml"]
        servers.configure(folder / "prometheus.yml", files, interval=interval)
        program = stack.enter_context(servers.prometheus(folder, prometheus, programs))
        program.until_ready()
        found = Proof(program.url, f"http://{exporter}", folder / "kubeconfig", truth, 0.0, logs)
        history = found.ask("sedna_exporter_build_info[1h]", written)
        scraped = 'min_over_time(up{job="sedna-exporter"}[10s]) == 1'
        program.until(lambda: bool(found.ask(scraped)), "scrape")
        end = float(history[0]["values"][-1][0])
        yield replace(found, end=end)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="tour")
    parser.add_argument("--hours", type=float, default=6)
    parser.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what it started ends with it
    with tempfile.TemporaryDirectory(prefix="sedna-dash-servers-") as name, ExitStack() as stack:
        folder, logs, url = Path(name), "", ""
        if loki_binary():
            logs = stack.enter_context(loki(folder))
        print(f"Loki: {logs or 'not installed, so no log panel is proven'}", flush=True)
        if find_grafana():
            url = stack.enter_context(grafana(folder, PASSWORD))
        print(f"Playing {options.hours:g} hours of {options.scenario} ...", flush=True)
        site = stack.enter_context(proof(options.scenario, options.hours, logs=logs, grafana=url))
        print(f"Prometheus: {site.prometheus}  exporter: {site.exporter}/metrics", flush=True)
        runs = [site.verify()]
        print(runs[0].stdout + runs[0].stderr, flush=True)
        if url:
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
