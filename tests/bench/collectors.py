"""How many lines a second a collector reads with our stages, beside plain forwarding of the same files.

    python -m tests.bench.collectors [--lines 300000]

needs SEDNA_DASH_TEST_ALLOY, SEDNA_DASH_TEST_PROMTAIL or both: the programs. Lines go to a server that takes everything.
What counts is the CPU time of the collector: a collector that lags behind by a second harms nobody.

    python -m tests.bench.collectors --outage 60

says instead how long it takes after an outage of so many seconds, in which all these lines were written and refused,
until Loki has them, and how many are lost.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import tempfile
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from sedna_dash.demo.processes import free_port
from sedna_dash.log_collection.alloy import alloy
from sedna_dash.log_collection.collecting import Options
from sedna_dash.log_collection.promtail import promtail
from tests.log_collection.golden import LINES
from tests.servers import running
from tests.synthetic import wait_for

PLAIN = {
    "alloy": """
local.file_match "pods" {{ path_targets = [{{"__path__" = "{pattern}"}}] }}
loki.source.file "pods" {{
  targets    = local.file_match.pods.targets
  forward_to = [loki.process.cri.receiver]
}}
loki.process "cri" {{
  stage.cri {{ }}
  forward_to = [loki.write.central.receiver]
}}
loki.write "central" {{ endpoint {{ url = sys.env("LOKI_URL") }} }}
""",
    "promtail": """
server: {{grpc_listen_port: 0, log_level: warn}}
positions: {{filename: {state}/positions.yaml}}
clients: [{{url: "${{LOKI_URL}}"}}]
scrape_configs:
- job_name: plain
  static_configs: [{{targets: [localhost], labels: {{__path__: "{pattern}"}}}}]
  pipeline_stages: [{{cri: {{}}}}]
""",
}


class Sink(BaseHTTPRequestHandler):
    """Takes everything."""

    status = 204

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(Sink.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def fill(folder: Path, count: int) -> int:
    """Golden lines that are kept and stand alone, again and again, in the files of their pods; returns how many."""
    kept = [line for line in LINES if not line.drop and "\n" not in line.text and len(line.text) < 2000]
    files = {}
    for number in range(count):
        line = kept[number % len(kept)]
        path = folder / f"{line.namespace}_{line.pod}_uid" / line.container / "0.log"
        if path not in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            files[path] = path.open("w")
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        files[path].write(f"{stamp}.{number:09d}Z {line.stream} F {line.text}\n")
    for file in files.values():
        file.close()
    return count


def run(
    name: str, program: str, config: str, folder: Path, url: str, count: int, outage: float = 0
) -> tuple[float, float, float]:
    """Seconds of the clock and of the CPU until all lines are sent, and lines that were given up. With an outage, the
    clock begins when it ends.
    """
    folder.mkdir()
    port, file = free_port(), folder / "config"
    file.write_text(config)
    if name == "alloy":
        command = [program, "run", "--disable-reporting", "--stability.level=experimental"]
        command += [f"--storage.path={folder}", f"--server.http.listen-addr=127.0.0.1:{port}", str(file)]
    else:
        command = [program, "-config.expand-env=true", f"-config.file={file}"]
        command += ["-server.http-listen-address=127.0.0.1", f"-server.http-listen-port={port}"]
    environ = {"LOKI_URL": url, "NODE_NAME": "edge-1", "CLUSTER": "c", "SITE": "s"}
    with running(command, folder / "log", env={**os.environ, **environ}) as process:
        Sink.status = 503 if outage else 204
        began = time.monotonic()
        wait_for(f"http://127.0.0.1:{port}/metrics", 60)
        if outage:
            time.sleep(outage)
            Sink.status, began = 204, time.monotonic()
        done = lost = 0.0
        while done + lost < count:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                text = answer.read().decode()
            done, lost = total(text, "sent_entries_total"), total(text, "dropped_entries_total")
            time.sleep(0.2)
        return time.monotonic() - began, cpu(process), lost


def total(text: str, name: str) -> float:
    """The sum of a metric in a page of metrics."""
    return sum(float(number) for number in re.findall(rf"^\w+_{name}\S* (\S+)", text, re.M))


def cpu(process: subprocess.Popen[bytes]) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=300_000)
    parser.add_argument("--outage", type=float, default=0, metavar="SECONDS")
    options = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/loki/api/v1/push"
    with tempfile.TemporaryDirectory(prefix="sedna-dash-bench-") as name:
        folder = Path(name)
        count = fill(folder / "pods", options.lines)
        pattern = f"{folder}/pods/*/*/*.log"
        if not options.outage:
            print(
                f"{'collector':12}{'config':10}{'seconds':>9}{'CPU s':>8}{'lines per CPU second':>22}{'of plain':>10}"
            )
        for collector in ("alloy", "promtail"):
            program = os.environ.get(f"SEDNA_DASH_TEST_{collector.upper()}")
            if not program:
                continue
            state = folder / collector
            chosen = Options(folder=str(folder / "pods"), state=str(state))
            configs = {
                "plain": PLAIN[collector].format(pattern=pattern, state=f"{state}-plain"),
                "ours": {"alloy": alloy, "promtail": promtail}[collector](chosen).replace(
                    f"{state}/", f"{state}-ours/"
                ),
            }
            if options.outage:
                seconds, _, lost = run(
                    collector, program, configs["ours"], Path(f"{state}-ours"), url, count, options.outage
                )
                after = f"{seconds:.1f} s after an outage of {options.outage:g} s"
                print(f"{collector}: {count:,} lines {after}, {lost:g} lost")
                continue
            used = {}
            for config, text in configs.items():
                seconds, used[config], _ = run(collector, program, text, Path(f"{state}-{config}"), url, count)
                rate = count / used[config]
                ratio = used["plain"] / used[config]
                print(f"{collector:12}{config:10}{seconds:9.1f}{used[config]:8.1f}{rate:22,.0f}{ratio:9.2f}x")
    server.shutdown()


if __name__ == "__main__":
    main()
