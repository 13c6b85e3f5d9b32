"""How long a deployment takes, against grizzly doing the same to the same Grafana.

    GRAFANA_TOKEN=... python -m tests.bench.deploy --grafana URL [--grizzly grr] [--counts 100 1000]

The token is of a service account with the role Admin. (With a password Grafana spends most of its time on hashing it.)

It makes its own folders and dashboards (named bench-...), and deletes them at the end; use a Grafana of its own all the
same. Times are of the wall clock, since most of a deployment is waiting, and the least of several runs; memory is the
peak of the process. Nothing here asserts a time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
MODEL = ROOT / "build/dashboards/sedna-edge-nodes.json"


def ask(url: str, method: str, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {os.environ['GRAFANA_TOKEN']}", "Content-Type": "application/json"}
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(url + path, data, headers, method=method), timeout=60) as answer:
        return json.loads(answer.read() or b"null")


def write_dashboards(folder: Path, word: str, count: int) -> None:
    """As many copies of a real dashboard, each with its own uid and title."""
    model = json.loads(MODEL.read_text())
    folder.mkdir(parents=True)
    for number in range(count):
        copy = {**model, "uid": f"bench-{word}-{number}", "title": f"Bench {word} {number}"}
        (folder / f"{number}.json").write_text(json.dumps(copy))


def timed(command: list[str], environ: dict[str, str]) -> tuple[float, float]:
    """Seconds on the wall, and the peak of memory in MB."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ | environ)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, f"{command[0]} failed"
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def grizzly(command: str, url: str, word: str, folder: Path) -> tuple[list[str], dict[str, str]]:
    """How grizzly brings a folder of dashboards to Grafana. It makes no folder for them."""
    ask(url, "POST", "/api/folders", {"uid": f"bench-{word}", "title": f"Bench {word}"})
    return [command, "apply", "--disable-reporting", "-s", "-f", f"bench-{word}", str(folder)], {"GRAFANA_URL": url}


def ours(url: str, word: str, folder: Path) -> tuple[list[str], dict[str, str]]:
    """How sedna-dash does."""
    names = ["--source", str(folder), "--folder", f"Bench {word}", "--bundle", f"bench-{word}"]
    sources = ["--prometheus-url", "http://127.0.0.1:9", "--loki-url", "http://127.0.0.1:9"]
    return [sys.executable, "-m", "sedna_dash", "deploy", "--no-journal", *names, *sources], {"GRAFANA_URL": url}


def measure(url: str, word: str, count: int, grr: str | None) -> dict[str, tuple[float, float]]:
    """Make dashboards, and do it again when there is nothing left to do."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / word
        write_dashboards(folder, word, count)
        command, environ = grizzly(grr, url, word, folder) if grr else ours(url, word, folder)
        spent = {"create": timed(command, environ)}
        before = saves(url, word)
        spent["no-op"] = timed(command, environ)
        assert saves(url, word) == before, "a run with nothing to do wrote something"
    for found in ask(url, "GET", "/api/folders?limit=1000"):
        if found["title"] == f"Bench {word}":
            ask(url, "DELETE", f"/api/folders/{found['uid']}")
    return spent


def saves(url: str, word: str) -> int:
    """How often the first dashboard was saved."""
    return int(ask(url, "GET", f"/api/dashboards/uid/bench-{word}-0")["dashboard"]["version"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grafana", required=True)
    parser.add_argument("--grizzly", help="grr, to compare with")
    parser.add_argument("--counts", type=int, nargs="+", default=[100])
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    url = options.grafana.rstrip("/")
    for count in options.counts:
        best: dict[str, dict[str, tuple[float, float]]] = {}
        for run in range(options.runs):
            for tool, grr in (("ours", None), ("grizzly", options.grizzly)):
                if tool == "grizzly" and not grr:
                    continue
                spent = measure(url, f"{tool[0]}{count}r{run}", count, grr)
                known = best.setdefault(tool, spent)
                best[tool] = {what: min(known[what], spent[what]) for what in spent}
        for what, (seconds, memory) in best["ours"].items():
            each = 1000 * seconds / count
            line = f"{count:5} dashboards, {what:6} {seconds:6.2f} s {each:6.1f} ms each {memory:4.0f} MB"
            if "grizzly" in best:
                theirs = best["grizzly"][what][0]
                line += f"   grizzly {theirs:6.2f} s, ratio {seconds / theirs:.2f}"
            print(line, flush=True)


if __name__ == "__main__":
    main()
