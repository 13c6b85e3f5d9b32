"""The pod of ``helm test``, run as it is: against the programs that the chart starts, with the arguments it gives."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import bcrypt
import pytest

from tests.charts.helm import CHART, Object, needs_helm, of, one, template
from tests.charts.structure import pod_of
from tests.exporter.test_process import PATIENCE, Site, api
from tests.exporter.test_server import serving
from tests.knowledge_base.world import stock

pytestmark = needs_helm


def _asks(*words: str) -> subprocess.CompletedProcess[str]:
    """The script of the chart with other addresses."""
    script = one(template(), "Pod")["spec"]["containers"][0]["args"][0]
    return subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, timeout=PATIENCE)


@contextmanager
def _started(deployment: Object, folder: Path) -> Iterator[str]:
    """The container's program as a process, its cluster and its volumes in a folder; its port."""
    container = pod_of(deployment)["spec"]["containers"][0]
    assert container["command"] == ["sedna-dash"]
    words = [word.replace("--listen=:9474", "--listen=127.0.0.1:0") for word in container["args"]]
    words = [word.replace("=/db/", f"={folder}/") for word in words]
    if "--no-kubernetes" not in words:
        words.append(f"--kubeconfig={folder / 'kubeconfig'}")
    command = [sys.executable, "-m", "sedna_dash", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split("/metrics")[0].rpartition(":")[2]
        finally:
            process.kill()


def test_what_the_chart_starts_passes_the_test_of_the_chart(tmp_path: Path) -> None:
    stock(tmp_path)
    objects = template("exporter.shards=2,exporter.namespaces={factory},knowledgeBase.enabled=true")
    families = [word.split(",")[-1] for word in one(objects, "Pod")["spec"]["containers"][0]["args"][1:]]
    with ExitStack() as stack:
        stack.enter_context(api(Site(tmp_path)))
        ports = [stack.enter_context(_started(found, tmp_path)) for found in of(objects, "Deployment")]
        done = _asks(*(f"http,127.0.0.1,{port},1,{families[number // 2]}" for number, port in enumerate(ports)))
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.count("1 of 1 pods are ready and answer") == 3


def test_a_knowledge_base_that_cannot_be_read_does_not_pass(tmp_path: Path) -> None:
    deployment = one(template("knowledgeBase.enabled=true"), "Deployment", "knowledge-base")
    with _started(deployment, tmp_path) as port:
        done = _asks(f"http,127.0.0.1,{port},1,sedna_knowledge_base_up")
    assert done.returncode == 1
    assert "sedna_knowledge_base_up is not 1" in done.stdout


def test_an_exporter_with_passwords_passes(tmp_path: Path) -> None:
    web = tmp_path / "web.yaml"
    web.write_text(f"basic_auth_users: {{reader: '{bcrypt.hashpw(b'x', bcrypt.gensalt(4)).decode()}'}}\n")
    with serving(web) as server:
        done = _asks(f"http,127.0.0.1,{server.server_address[1]},1,sedna_exporter_build_info")
    assert (done.returncode, done.stderr) == (0, "")
    assert "asks for a password" in done.stdout


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("http,127.0.0.1,{port},2,sedna_exporter_build_info", "1 of 2 pods are ready"),
        ("http,127.0.0.1,{port},1,sedna_knowledge_base_up", "sedna_knowledge_base_up is not 1"),
        ("http,127.0.0.1,1,1,sedna_exporter_build_info", "does not answer"),
        ("https,127.0.0.1,{port},1,sedna_exporter_build_info", "does not answer"),
        ("http,no-such-name.invalid,{port},1,sedna_exporter_build_info", "0 of 1 pods"),
    ],
)
def test_what_is_wrong_is_said(word: str, says: str) -> None:
    with serving() as server:
        done = _asks(word.format(port=server.server_address[1]))
    assert done.returncode == 1
    assert says in done.stdout
    assert done.stderr.startswith("Look at the pods that are not ready")


def test_it_asks_everything_that_runs() -> None:
    everything = template("exporter.shards=3,knowledgeBase.enabled=true,exporter.webConfig.tls=true")
    assert one(everything, "Pod")["spec"]["containers"][0]["args"][1:] == [
        "https,release-sedna-dash-exporter.monitoring.svc,9474,3,sedna_exporter_build_info",
        "http,release-sedna-dash-knowledge-base.monitoring.svc,9474,1,sedna_knowledge_base_up",
    ]


def test_the_image_has_the_program_that_runs_the_script() -> None:
    command = one(template(), "Pod")["spec"]["containers"][0]["command"]
    assert command == ["python3", "-c"]
    # A virtual environment, which always has a python3, is on the path.
    assert "ENV PATH=/opt/sedna-dash/bin" in (CHART.parent.parent / "Containerfile").read_text()
