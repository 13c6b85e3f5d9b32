"""The collectors themselves, with our configs, on files as a node keeps them; what they make goes to a real Loki.

They run where ``SEDNA_DASH_TEST_ALLOY`` and ``SEDNA_DASH_TEST_PROMTAIL`` name the programs and
``SEDNA_DASH_TEST_LOKI_URL`` a Loki; what each made is told apart by its label ``cluster``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sedna_dash.crds import CRDS
from sedna_dash.demo.processes import free_port
from sedna_dash.log_collection.alloy import alloy
from sedna_dash.log_collection.collecting import Options
from sedna_dash.log_collection.promtail import promtail
from sedna_dash.log_collection.reading import Dropped, entry
from tests.log_collection.golden import LINES, Line
from tests.servers import running
from tests.synthetic import wait_for

LOKI = os.environ.get("SEDNA_DASH_TEST_LOKI_URL", "")
PROGRAMS = {name: os.environ.get(f"SEDNA_DASH_TEST_{name.upper()}", "") for name in ("alloy", "promtail")}
if not LOKI or not any(PROGRAMS.values()):
    pytest.skip(
        "set SEDNA_DASH_TEST_LOKI_URL and SEDNA_DASH_TEST_ALLOY or SEDNA_DASH_TEST_PROMTAIL to run the collectors",
        allow_module_level=True,
    )

#: Loki itself adds these.
ADDED = {"service_name", "detected_level"}
PART = 16 * 1024


def cri(stream: str, text: str, instant: float) -> Iterator[bytes]:
    """Lines as the container runtime writes them."""
    moment = datetime.fromtimestamp(instant, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f000Z").encode()
    for line in text.split("\n"):
        for start in range(0, max(len(line), 1), PART):
            tag = "P" if start + PART < len(line) else "F"
            part = line[start : start + PART].encode(errors="surrogateescape")
            yield b"%b %b %b %b\n" % (moment, stream.encode(), tag.encode(), part)


def file_of(folder: Path, line: Line) -> Path:
    """The file of a line's container, which is there afterwards."""
    uid = uuid.uuid5(uuid.NAMESPACE_DNS, line.pod)
    path = folder / "pods" / f"{line.namespace}_{line.pod}_{uid}" / line.container / "0.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def write(folder: Path, lines: Iterable[Line], begin: float) -> None:
    """All lines, a second apart, in the files of their containers."""
    for number, line in enumerate(lines):
        with file_of(folder, line).open("ab") as file:
            file.writelines(cri(line.stream, line.text, begin + number))


class Collector:
    """A running collector."""

    def __init__(self, name: str, folder: Path, cluster: str, options: Options) -> None:
        self.name, self.folder, self.cluster = name, folder, cluster
        self.address = f"127.0.0.1:{free_port()}"
        self.config = folder / ("config.alloy" if name == "alloy" else "config.yaml")
        if name == "alloy":
            self.config.write_text(alloy(options))
        else:
            self.config.write_text(promtail(options))

    @contextmanager
    def runs(self, loki: str = LOKI, *, files: int | None = None, **environ: str) -> Iterator[subprocess.Popen[bytes]]:
        program, state = PROGRAMS[self.name], self.folder / "state"
        state.mkdir(exist_ok=True)
        if self.name == "alloy":
            command = [program, "run", "--disable-reporting", "--stability.level=experimental"]
            command += [f"--storage.path={state}", f"--server.http.listen-addr={self.address}", str(self.config)]
        else:
            host, port = self.address.split(":")
            command = [program, "-config.expand-env=true", f"-config.file={self.config}"]
            command += [f"-server.http-listen-address={host}", f"-server.http-listen-port={port}"]
        given = {"LOKI_URL": f"{loki}/loki/api/v1/push", "CLUSTER": self.cluster, "SITE": "s", "NODE_NAME": "edge-1"}
        with running(command, self.folder / "log", env={**os.environ, **given, **environ}) as process:
            wait_for(f"http://{self.address}/metrics", 60)
            # While it takes in new files, Alloy may swap two lines that it reads.
            if files is None:
                files = len({file_of(self.folder, line) for line in (*LINES, said(0)) if not line.drop})
            until(lambda: self.reads() >= files)
            yield process

    def reads(self) -> float:
        """How many files it reads."""
        return self.total("files_active_total")

    def total(self, name: str) -> float:
        """The sum of a metric, by the end of its name."""
        return sum(value for (family, _), value in self.metrics().items() if family.endswith(name))

    def metrics(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        with urllib.request.urlopen(f"http://{self.address}/metrics") as answer:
            families = list(text_string_to_metric_families(answer.read().decode()))
        found = {}
        for sample in (sample for family in families for sample in family.samples):
            own = {name: text for name, text in sample.labels.items() if not name.startswith("component_")}
            found[sample.name, frozenset(own.items())] = sample.value
        return found


def stored(cluster: str) -> list[tuple[dict[str, str], str]]:
    """Labels with metadata, and text, of all that came; oldest first."""
    query = {"query": f'{{cluster="{cluster}"}}', "start": f"{time.time() - 86400:.0f}", "limit": "5000",
             "direction": "forward"}  # fmt: skip
    with urllib.request.urlopen(f"{LOKI}/loki/api/v1/query_range?{urllib.parse.urlencode(query)}") as answer:
        streams = json.load(answer)["data"]["result"]
    found = [(int(at), {k: v for k, v in one["stream"].items() if k not in ADDED}, text)
             for one in streams for at, text in one["values"]]  # fmt: skip
    return [(labels, text) for _, labels, text in sorted(found, key=lambda item: item[0])]


def until(holds: Callable[[], Any], seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while not (found := holds()) and time.monotonic() < end:
        time.sleep(0.5)
    return found


def expected(lines: list[Line], cluster: str, *, pod_label: bool = True) -> list[tuple[dict[str, str], str]]:
    reads = [entry(line, pod_label=pod_label) for line in lines]
    return [({**read.labels, **read.metadata, "cluster": cluster, "site": "s"}, read.text)
            for read in reads if not isinstance(read, Dropped)]  # fmt: skip


@pytest.fixture(params=[name for name, program in PROGRAMS.items() if program])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("pod_label", [True, False], ids=["pod is a label", "pod is metadata"])
def test_golden_lines_become_what_they_have_to_be(name: str, pod_label: bool, tmp_path: Path) -> None:
    cluster = f"golden-{uuid.uuid4().hex[:8]}"
    options = Options(folder=str(tmp_path / "pods"), state=str(tmp_path / "state"), pod_label=pod_label)
    collector = Collector(name, tmp_path, cluster, options)
    wanted = expected(LINES, cluster, pod_label=pod_label)
    with collector.runs():
        write(tmp_path, LINES, time.time() - 600)
        until(lambda: len(stored(cluster)) >= len(wanted))
        assert stored(cluster) == wanted
        made = {series: value for series, value in collector.metrics().items() if series[0].startswith("sedna_")}
        assert made == {series: value for line in LINES for series, value in line.series.items()}
        dropped = {series: value for series, value in collector.metrics().items() if "dropped_lines" in series[0]}
        assert sum(value for (_, labels), value in dropped.items() if ("reason", "kb_sql") in labels) == 2


@contextmanager
def link(refuses: Callable[[], int]) -> Iterator[str]:
    """A way to Loki that answers with an error of its own instead, while ``refuses`` says which; 0 lets all pass."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = refuses()
            if not status:
                kept = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                request = urllib.request.Request(f"{LOKI}{self.path}", body, kept)
                try:
                    with urllib.request.urlopen(request) as answer:
                        status = answer.status
                except urllib.error.HTTPError as error:
                    status = error.code
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def daemonset(folder: Path) -> Options:
    return Options(folder=str(folder / "pods"), state=str(folder / "state"))


def said(number: int) -> Line:
    return Line("factory/line-a-train-4x9z2/worker", f"[2025-03-04 02:06:41,517] x.py(1) [INFO] - line {number}")


def numbers(cluster: str) -> list[int]:
    return [int(text.rpartition(" ")[2]) for _, text in stored(cluster)]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_nothing_is_lost_while_loki_takes_nothing(name: str, status: int, tmp_path: Path) -> None:
    """And when the collector is killed meanwhile and started again."""
    cluster, begin = f"fault-{uuid.uuid4().hex[:8]}", time.time() - 3000
    answers = [status]
    collector = Collector(name, tmp_path, cluster, daemonset(tmp_path))
    with link(lambda: answers[0]) as url:
        with collector.runs(url) as process:
            write(tmp_path, map(said, range(50)), begin)
            until(
                lambda: sum(value for (name, _), value in collector.metrics().items() if name.endswith("retries_total"))
            )
            process.kill()
        with collector.runs(url):
            write(tmp_path, map(said, range(50, 100)), begin + 50)
            answers[0] = 0
            until(lambda: len(set(numbers(cluster))) == 100)
    # What was under way when it was killed may come twice, but in its place.
    assert sorted(set(numbers(cluster))) == list(range(100))
    assert numbers(cluster) == sorted(numbers(cluster))


def test_odd_lines_stop_nothing(name: str, tmp_path: Path) -> None:
    cluster, begin = f"odd-{uuid.uuid4().hex[:8]}", time.time() - 600
    place = "factory/line-a-train-4x9z2/worker"
    braces, letters = "{{ .Value }} $1 ${HOME} %s", "e\u0301\u202e\U0001f600"
    texts = ["first", "x" * 1_000_000, "\udcff\udcfe bytes \x00\x07", "", braces, letters, "last"]
    lines = [Line(place, text, stream="stdout") for text in texts]
    collector = Collector(name, tmp_path, cluster, daemonset(tmp_path))
    with collector.runs():
        write(tmp_path, lines, begin)
        until(lambda: any(text == "last" for _, text in stored(cluster)))
    found = [text for _, text in stored(cluster)]
    assert found[0] == "first" and found[-1] == "last"
    # Cut by Loki, as its settings say, and counted there.
    assert 200_000 < len(next(text for text in found if text.startswith("xxx"))) <= 262_144
    assert any(text.endswith("bytes \x00\x07\n") or text.endswith("bytes \x00\x07") for text in found)
    assert {braces, letters} <= set(found)


def test_a_clock_that_jumps_loses_nothing_unseen(name: str, tmp_path: Path) -> None:
    """Loki refuses what is hours older than the newest line of its stream; what comes after arrives, and it is told."""
    cluster, begin = f"clock-{uuid.uuid4().hex[:8]}", time.time() - 600
    collector = Collector(name, tmp_path, cluster, daemonset(tmp_path))
    with collector.runs():
        write(tmp_path, [said(0)], begin)
        until(lambda: stored(cluster))
        write(tmp_path, [said(1)], begin - 4 * 3600)
        until(lambda: collector.total("dropped_entries_total"))
        write(tmp_path, [said(2)], begin + 1)
        until(lambda: len(stored(cluster)) == 2)
    assert numbers(cluster) == [0, 2]
    # Unless the clock jumps by less than Loki bears.
    with collector.runs():
        write(tmp_path, [said(3)], begin - 1800)
        until(lambda: len(stored(cluster)) == 3)
    assert numbers(cluster) == [3, 0, 2]


def test_files_that_are_rotated_or_cut(name: str, tmp_path: Path) -> None:
    cluster, begin = f"rotated-{uuid.uuid4().hex[:8]}", time.time() - 600
    collector = Collector(name, tmp_path, cluster, daemonset(tmp_path))
    file = file_of(tmp_path, said(0))
    with collector.runs():
        write(tmp_path, map(said, range(10)), begin)
        until(lambda: len(numbers(cluster)) == 10)
        file.rename(file.with_name("0.log.20260304-020000"))
        write(tmp_path, map(said, range(10, 20)), begin + 10)
        until(lambda: len(numbers(cluster)) == 20)
        file.write_bytes(b"")
        time.sleep(2)  # a kubelet that cuts a file gives its readers time, too
        write(tmp_path, map(said, range(20, 30)), begin + 20)
        until(lambda: len(numbers(cluster)) == 30)
    assert numbers(cluster) == list(range(30))


@pytest.mark.parametrize("per_namespace", [False, True])
def test_lines_go_to_their_tenant(name: str, per_namespace: bool, tmp_path: Path) -> None:
    tenants: list[str | None] = []
    options = Options(folder=str(tmp_path / "pods"), state=str(tmp_path / "state"),
                      tenant="" if per_namespace else "edge", tenant_per_namespace=per_namespace)  # fmt: skip

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            tenants.append(self.headers["X-Scope-OrgID"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with Collector(name, tmp_path, "c", options).runs(f"http://127.0.0.1:{server.server_address[1]}"):
        write(tmp_path, [said(1)], time.time())
        until(lambda: tenants)
    server.shutdown()
    server.server_close()
    assert tenants[0] == ("factory" if per_namespace else "edge")


def test_a_sidecar_reads_what_its_worker_writes(name: str, tmp_path: Path) -> None:
    cluster = f"sidecar-{uuid.uuid4().hex[:8]}"
    options = Options(mode="sidecar", folder=str(tmp_path / "logs"), state=str(tmp_path / "state"))
    (tmp_path / "logs").mkdir()
    own = {"NAMESPACE": "factory", "POD_NAME": "p", "CONTAINER": "c", "SEDNA_NAME": "helmet-line-a",
           "SEDNA_KIND": "IncrementalLearningJob", "WORKER_TYPE": "train"}  # fmt: skip
    text = "[2025-03-04 02:06:41,517] x.py(1) [ERROR] - out of memory"
    with Collector(name, tmp_path, cluster, options).runs(files=0, **own):
        (tmp_path / "logs/worker.log").write_text(f"{text}\n")
        found = until(lambda: stored(cluster))
    about = {"namespace": "factory", "pod": "p", "container": "c", "sedna_name": "helmet-line-a", "app": "worker",
             "kind": "IncrementalLearningJob", "worker_type": "train", "node": "edge-1", "cluster": cluster,
             "site": "s", "level": "error", "source": "x.py(1)"}  # fmt: skip
    assert found == [(about, text)]


def test_with_the_api_it_reads_the_pods_of_its_node_and_knows_their_kinds(name: str, tmp_path: Path) -> None:
    """The simulator's API stands for the cluster's."""
    cluster, kubeconfig = f"api-{uuid.uuid4().hex[:8]}", tmp_path / "kubeconfig"
    options = Options(api=True, folder=str(tmp_path / "pods"), state=str(tmp_path / "state"))
    site = [sys.executable, "-m", "sedna_dash", "simulate", "--scenario", "quiet", "--start-ago", "30m"]
    site += ["--kubeconfig", str(kubeconfig), "--logs", str(tmp_path / "pods")]
    with running(site, tmp_path / "site"):
        until(kubeconfig.exists)
        collector = Collector(name, tmp_path, cluster, options)
        text = collector.config.read_text()
        if name == "alloy":
            one, more = 'role = "pod"\n', f'kubeconfig_file = "{kubeconfig}"\n'
        else:
            one, more = "- role: pod\n", f"  kubeconfig_file: {kubeconfig}\n"
        indent = " " * (len(text.split(one)[0]) - text.split(one)[0].rfind("\n") - 1)
        collector.config.write_text(text.replace(one, f"{one}{indent}{more}", 1))
        with collector.runs(files=3, NODE_NAME="edge-01", HOSTNAME="edge-01"):
            until(lambda: {labels.get("app") for labels, _ in stored(cluster)} >= {"lc", "worker"})
    found = [labels for labels, _ in stored(cluster)]
    assert {labels["node"] for labels in found} == {"edge-01"}
    kinds = {labels["kind"] for labels in found if labels["app"] == "worker"}
    assert kinds and kinds <= set(CRDS)
    assert all(labels["sedna_name"] and labels["worker_type"] for labels in found if labels["app"] == "worker")
