"""The agent of an edge node, run for real: what it measures arrives, also what it measured while the link was down."""

import os
import re
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
import pytest

from sedna_dash.demo.processes import free_port
from sedna_dash.log_collection.collecting import CREDENTIALS, Options
from sedna_dash.stack.products import edge_config
from tests.servers import running
from tests.synthetic import installed, wait_for

ALLOY = os.environ.get("SEDNA_DASH_TEST_ALLOY")
pytestmark = pytest.mark.skipif(
    not (ALLOY and installed()), reason="set SEDNA_DASH_TEST_ALLOY to run the agent; it needs prometheus on the PATH"
)


class Node(ThreadingHTTPServer):
    """What answers on the loopback of an edge node, and the gateway that takes its log lines."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.scrapes = 0
        self.scraped = threading.Condition()

    def wait_for_scrapes(self, number: int) -> None:
        with self.scraped:
            assert self.scraped.wait_for(lambda: self.scrapes >= number, timeout=90)


class _Handler(BaseHTTPRequestHandler):
    server: Node

    def do_GET(self) -> None:
        if self.path == "/metrics/cadvisor":
            labels = '{namespace="default",pod="p",container="c",image="i"}'
            text = f"container_memory_working_set_bytes{labels} 5\ncontainer_memory_rss{labels} 4\n"
        else:
            with self.server.scraped:
                self.server.scrapes += 1
                self.server.scraped.notify_all()
                number = self.server.scrapes
            text = (
                f'# TYPE sedna_inferences_total counter\nsedna_inferences_total{{namespace="mine",name="j"}} {number}\n'
            )
            text += "python_gc_total 1\n"
        self._answer(200, text.encode())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer(204, b"")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def node() -> Iterator[Node]:
    server = Node()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def config_here(node: Node, folder: Path) -> str:
    """The agent's config for this machine: other paths and ports, and a scrape a second."""
    text = edge_config(Options(auth="basic", folder=str(folder / "pods"), state=str(folder / "state")))
    here = f"127.0.0.1:{node.server_port}"
    text, hosts = re.subn(r"/host/(proc|sys|root)\b", lambda found: {"root": "/"}.get(found[1], f"/{found[1]}"), text)
    text, often = re.subn(r'"60s"', '"1s"', text)
    text = re.sub(r"\tscrape_timeout +=.*\n", "", text)
    text = re.sub(r'(scrape_interval += "1s")', r'\1\n\tscrape_timeout = "1s"', text)
    text = text.replace("127.0.0.1:10350", here).replace("127.0.0.1:9464", here)
    text = text.replace(CREDENTIALS, str(folder)).replace('"5s"', '"1s"').replace('"5m"', '"1s"')
    assert (hosts, often) == (3, 4)
    return text


def test_everything_arrives_with_its_labels_and_nothing_is_lost_in_an_outage(node: Node, tmp_path: Path) -> None:
    assert ALLOY
    (tmp_path / "password").write_text("secret")
    (tmp_path / "pods").mkdir()
    config, prometheus_config = tmp_path / "config.alloy", tmp_path / "prometheus.yml"
    config.write_text(config_here(node, tmp_path))
    prometheus_config.write_text("storage: {tsdb: {out_of_order_time_window: 72h}}\n")
    port, own = free_port(), free_port()
    receiver = [
        "prometheus", f"--config.file={prometheus_config}", f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver",
    ]  # fmt: skip
    environment = {
        **os.environ, "CLUSTER": "north", "SITE": "hall", "NODE_NAME": "edge-1", "LOKI_USER": "edge",
        "METRICS_URL": f"http://127.0.0.1:{port}/api/v1/write",
        "LOKI_URL": f"http://127.0.0.1:{node.server_port}/loki/api/v1/push",
    }  # fmt: skip
    agent = [ALLOY, "run", "--disable-reporting", "--stability.level=experimental", str(config),
             f"--storage.path={tmp_path / 'state'}", f"--server.http.listen-addr=127.0.0.1:{own}"]  # fmt: skip

    def ask(query: str) -> list[dict[str, Any]]:
        url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": query})
        with urllib.request.urlopen(url, timeout=10) as answer:
            found: list[dict[str, Any]] = orjson.loads(answer.read())["data"]["result"]
        return found

    def until(what: Callable[[], bool]) -> None:
        pause = threading.Event()
        for _ in range(300):
            if what():
                return
            pause.wait(0.3)
        pytest.fail((tmp_path / "agent.log").read_text()[-3000:])

    with running(agent, tmp_path / "agent.log", env=environment):
        with running(receiver, tmp_path / "prometheus.log"):
            wait_for(f"http://127.0.0.1:{port}/-/ready")
            place = {"cluster": "north", "site": "hall", "node": "edge-1"}
            for query, labels in [
                ("node_memory_MemTotal_bytes", {"job": "node-exporter"}),
                ("node_cpu_seconds_total", {"job": "node-exporter"}),
                ('node_filesystem_size_bytes{mountpoint="/"}', {"job": "node-exporter"}),
                ("node_exporter_build_info", {"job": "node-exporter"}),
                ("container_memory_working_set_bytes", {"job": "cadvisor", "pod": "p", "namespace": "default"}),
                ("sedna_inferences_total", {"job": "sedna-workers", "namespace": "mine"}),
                ("prometheus_remote_storage_queue_highest_sent_timestamp_seconds", {"job": "sedna-edge-agent"}),
                ("prometheus_remote_storage_samples_pending", {"job": "sedna-edge-agent"}),
                ('up{job="cadvisor"}', {}),
            ]:
                until(lambda query=query: bool(ask(query)))  # type: ignore[misc]
                found = ask(query)[0]["metric"]
                assert {**place, **labels}.items() <= found.items(), query
            for absent in (
                "container_memory_rss",
                "node_filesystem_files",
                "python_gc_total",
                'up{job="sedna-workers"}',
            ):
                assert not ask(absent), absent
        before = node.scrapes
        node.wait_for_scrapes(before + 5)
        with running(receiver, tmp_path / "prometheus.log"):
            wait_for(f"http://127.0.0.1:{port}/-/ready")
            wanted = set(range(before + 1, before + 6))

            def arrived() -> bool:
                series = ask("sedna_inferences_total[10m]")
                return wanted <= {int(value) for one in series for _, value in one["values"]}

            until(arrived)
