"""The quick start, run as it is written: every command but those that go on for ever or set up a machine."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.grafana_stand_in import StandIn

ROOT = Path(__file__).parents[2]
ENGLISH, CHINESE = ROOT / "docs/quick-start.md", ROOT / "docs/zh/quick-start.md"
#: These serve until somebody ends them or want metrics (tests/test_proof.py runs them), or set up a machine.
NOT_RUN = ("sedna-dash exporter", "sedna-dash simulate", "sedna-dash verify", "prometheus ", "pipx ", "make ")
#: What the reader puts in from his own site.
ADDRESS, TOKEN = "https://grafana.example", "export GRAFANA_TOKEN=..."
#: In the place of kubectl, as there is no cluster: it keeps each file that it is to apply, the last of its arguments.
KUBECTL = (
    '#!/bin/sh\nfor last in "$@"; do :; done\n[ "$last" = - ] && last=/dev/stdin\ncat "$last" > "$APPLIED/$$.yaml"\n'
)


def commands(page: Path) -> list[str]:
    """The commands of a page in their order, without comments, each on one line."""
    blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in re.sub(r" *\\\n *", " ", block).splitlines()]
    return [re.sub(r"\s+#.*", "", line) for line in lines]


def test_both_languages_give_the_same_commands() -> None:
    assert len(commands(ENGLISH)) > 10
    assert commands(CHINESE) == commands(ENGLISH)


def test_both_languages_have_the_same_parts() -> None:
    for pattern in (r"^(#+) ", r"^\*\*(\d)\.", r"^(\|---.*\|)$"):
        english, chinese = (re.findall(pattern, page.read_text(), flags=re.MULTILINE) for page in (ENGLISH, CHINESE))
        assert english == chinese and english


def test_each_reader_is_named_in_the_first_screen() -> None:
    for page in (ENGLISH, CHINESE):
        first = page.read_text().splitlines()[:9]
        headings = re.findall(r"^## (.*)$", page.read_text(), flags=re.MULTILINE)[:4]
        assert all(any(f"[{heading}](#" in line for line in first) for heading in headings)


@dataclass(frozen=True)
class Reader:
    """Somebody with a clone and a Grafana, who has typed every command. ``applied`` is what went to kubectl."""

    clone: Path
    grafana: StandIn
    applied: list[dict[str, Any]]
    ran: dict[str, subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    clone, home, tools, applied = (tmp_path_factory.mktemp(name) for name in ("clone", "home", "tools", "applied"))
    for name in ("dashboards_src", "build/dashboards"):
        shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tools / "kubectl").write_text(KUBECTL)
    (tools / "sedna-dash").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sedna_dash "$@"\n')
    for tool in tools.iterdir():
        tool.chmod(0o755)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("GRAFANA", "SEDNA_DASH", "XDG"))},
        "PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "HOME": str(home), "APPLIED": str(applied),
        "GRAFANA_TOKEN": "admin-token",
    }  # fmt: skip
    ran = {}
    with StandIn() as grafana:
        for command in commands(ENGLISH):
            if command != TOKEN and not command.startswith(NOT_RUN):
                ran[command] = subprocess.run(
                    ["bash", "-o", "pipefail", "-c", command.replace(ADDRESS, grafana.url)],
                    cwd=clone, env=environment, capture_output=True, text=True, check=False, timeout=120,
                )  # fmt: skip
        documents = [item for path in applied.iterdir() for item in yaml.safe_load_all(path.read_text())]
        yield Reader(clone, grafana, documents, ran)


def test_every_command_does_its_work(reader: Reader) -> None:
    for command, done in reader.ran.items():
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def test_the_operator_has_dashboards_rules_and_collectors(reader: Reader) -> None:
    built = {path.stem for path in (ROOT / "build/dashboards").glob("*.json")}
    assert built <= set(reader.grafana.dashboards)
    assert ADDRESS not in (rules := (reader.clone / "rules/prometheus/sedna-alerts.yaml").read_text())
    assert f"{reader.grafana.url}/d/sedna-" in rules
    assert "DaemonSet" in [document["kind"] for document in reader.applied]


def test_the_engineer_has_the_hook_in_the_cluster(reader: Reader) -> None:
    assert any("auto.py" in document.get("data", {}) for document in reader.applied)


def test_the_importer_has_his_addresses_in_the_files(reader: Reader) -> None:
    datasources = (reader.clone / "site/provisioning/datasources/sedna.yaml").read_text()
    assert "http://mimir.example/prometheus" in datasources and "http://loki.example:3100" in datasources


def test_the_contributor_has_a_dashboard_more(reader: Reader) -> None:
    before = {path.name for path in (ROOT / "build/dashboards").iterdir()}
    after = {path.name for path in (reader.clone / "build/dashboards").iterdir()}
    assert len(after - before) == 1
