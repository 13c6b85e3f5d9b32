"""The collectors themselves, with our configs, on files as a node keeps them; what they make goes to a real Loki.

They run where ``SEDNA_DASH_TEST_ALLOY`` and ``SEDNA_DASH_TEST_PROMTAIL`` name the programs and
``SEDNA_DASH_TEST_LOKI_URL`` a Loki; what each made is told apart by its label ``cluster``.
"""

from __future__ import annotations

import json
import os
import time
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sedna_dash.log_collection.alloy import alloy
from sedna_dash.log_collection.collecting import Options
from sedna_dash.log_collection.promtail import promtail
from sedna_dash.log_collection.reading import Dropped, entry
from tests.log_collection.golden import LINES, Line
from tests.servers import running
from tests.synthetic import free_port, wait_for

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
    def runs(self, loki: str = LOKI, **environ: str) -> Iterator[None]:
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
        with running(command, self.folder / "log", env={**os.environ, **given, **environ}):
            wait_for(f"http://{self.address}/metrics", 60)
            # While it takes in new files, Alloy may swap two lines that it reads.
            files = len({file_of(self.folder, line) for line in LINES if not line.drop})
            until(lambda: self.reads() >= files)
            yield

    def reads(self) -> float:
        """How many files it reads."""
        return sum(value for (name, _), value in self.metrics().items() if name.endswith("files_active_total"))

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
