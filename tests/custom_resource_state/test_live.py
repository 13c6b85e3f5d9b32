"""A real kube-state-metrics with our config says what the exporter says.

Set SEDNA_DASH_TEST_KSM to the paths of one or more kube-state-metrics, with ':' between them.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from sedna_dash.crds import CRDS
from sedna_dash.custom_resource_state import config, default_mapping
from sedna_dash.demo.processes import free_port
from sedna_dash.exporter.state import State
from sedna_dash.simulator.kubernetes import KubernetesApi
from sedna_dash.simulator.objects import ObjectStore
from sedna_dash.simulator.web import WebServer
from tests.custom_resource_state.comparing import differences, parsed
from tests.custom_resource_state.resources import RESOURCES, conditions, resource
from tests.synthetic import wait_for

BINARIES = [path for path in os.environ.get("SEDNA_DASH_TEST_KSM", "").split(":") if path]
_REASON = "set SEDNA_DASH_TEST_KSM to the path of a kube-state-metrics, or several with ':' between them"
_KINDS = {crd.plural: kind for kind, crd in CRDS.items()}


@contextmanager
def running(binary: str, folder: Path, url: str) -> Iterator[str]:
    """A kube-state-metrics that reads only Sedna's resources; gives the address of its metrics."""
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config(default_mapping())))
    port, own = free_port(), free_port()
    command = [
        binary, "--apiserver", url, "--custom-resource-state-config-file", str(path),
        "--host", "127.0.0.1", "--port", str(port), "--telemetry-host", "127.0.0.1", "--telemetry-port", str(own),
    ]  # fmt: skip
    usage = subprocess.run([binary, "--help"], capture_output=True, text=True)
    if "--custom-resource-state-only" in usage.stdout + usage.stderr:
        command.append("--custom-resource-state-only")
    else:
        command.append(f"--resources={','.join(_KINDS)}")
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            address = f"http://127.0.0.1:{port}/metrics"
            wait_for(address)
            yield address
        finally:
            process.terminate()


def told(address: str, accept: str = "text/plain") -> str:
    request = urllib.request.Request(address, headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=20) as answer:
        text: str = answer.read().decode()
        return text


def agreed(address: str, store: ObjectStore) -> str:
    """What kube-state-metrics says once it says what the exporter says; fails with what differs if it never does."""
    state = State()
    for plural, kind in _KINDS.items():
        for obj in store.items(plural):
            state.put(kind, obj)
    wanted = state.expose().decode()
    deadline = time.monotonic() + 60
    while True:  # its watches take a moment, and it tells nobody
        text = told(address)
        found = differences(wanted, text, default_mapping().families)
        if not found:
            return text
        if time.monotonic() > deadline:
            pytest.fail("\n".join(found))
        time.sleep(0.1)


@pytest.mark.skipif(not BINARIES, reason=_REASON)
@pytest.mark.parametrize("binary", BINARIES)
def test_the_same_as_the_exporter(tmp_path: Path, binary: str) -> None:
    store = ObjectStore()
    api = KubernetesApi(store)
    for obj in RESOURCES:
        store.put(CRDS[obj["kind"]].plural, obj)
    with WebServer(api.answer) as server:
        try:
            with running(binary, tmp_path, server.url) as address:
                text = agreed(address, store)
                assert default_mapping().families <= parsed(text).keys(), "every family has a series"
                strange = {name for name in parsed(text) if name.startswith("sedna_")} - default_mapping().families
                assert not strange
                # Both formats must be fit to scrape.
                openmetrics = told(address, "application/openmetrics-text;version=1.0.0").removesuffix("# EOF\n")
                assert not differences(text, openmetrics, default_mapping().families)
                _change(store)
                agreed(address, store)
        finally:
            api.close()
    assert not re.search(r"^E\d", (tmp_path / "log").read_text(), re.MULTILINE), (
        "nothing that is only missing is an error"
    )


def _change(store: ObjectStore) -> None:
    """A new object, a changed one, and one that is gone."""
    store.put("datasets", resource("Dataset", "new", {"url": "/n", "format": "txt", "nodeName": "edge-3"}))
    store.put(
        "incrementallearningjobs",
        resource(
            "IncrementalLearningJob",
            "helmet",
            {},
            {"startTime": "2026-03-01T10:00:01Z", "conditions": conditions(("Eval", "Waiting"), ("Deploy", "Ready"))},
        ),
    )
    store.delete("reidjobs", "factory", "people")
