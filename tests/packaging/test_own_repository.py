"""The GitHub Action and the pre-commit hooks, run as they would be in somebody else's repository of dashboards."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.grafana_stand_in import StandIn

ROOT = Path(__file__).parent.parent.parent
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
HOOKS = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
METRIC = (
    "feature: Own\nmetrics:\n  - {name: camera_frames_total, type: counter, unit: frames, sources: [exporter],\n"
    "     labels: {namespace: any}, help: Frames}\n"
)


def run(command: list[str], cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("SEDNA_DASH", "GRAFANA"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command,
        cwd=cwd, env=inherited | {"PATH": path} | environment,
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One dashboard module, built; one dashboard that Grafana exported, with a mistake; metrics of one's own."""
    here = tmp_path_factory.mktemp("started")
    for command in (["new", "edge_cameras"], ["build"]):
        done = run(["sedna-dash", *command], here)
        assert done.returncode == 0, done.stderr
    board = {"uid": "x", "title": "X", "schemaVersion": 39, "panels": [{"id": 1, "type": "graph", "title": ""}]}
    (here / "exported").mkdir()
    (here / "exported/bad.json").write_text(json.dumps(board))
    (here / "own.yaml").write_text(METRIC)
    return here


@pytest.fixture
def repository(started: Path, tmp_path: Path) -> Path:
    return shutil.copytree(started, tmp_path / "dashboards of ours")


@pytest.fixture
def grafana() -> Iterator[StandIn]:
    with StandIn() as server:
        server.put_datasource("p", "Prometheus", "prometheus")
        yield server


def act(repository: Path, inputs: dict[str, str], **environment: str) -> tuple[list[str], str]:
    """The steps that ran, and all that they said. Ends after the first that fails, as GitHub does."""
    assert inputs.keys() <= ACTION["inputs"].keys()
    given = {name: str(about["default"]) for name, about in ACTION["inputs"].items()} | inputs
    ran, said = [], ""
    for step in ACTION["runs"]["steps"]:
        condition = step.get("if", "")
        if condition == "inputs.build != ''" and not given["build"]:
            continue
        if condition == "inputs.plan == 'true'" and given["plan"] != "true":
            continue
        # What this machine has installed is what we test; the network is left out.
        if "uses" in step or step["name"] == "Install sedna-dash":
            continue
        values = {key: given[value.split("inputs.")[1].split(" ")[0]] for key, value in step["env"].items()}
        done = run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]], repository, **values, **environment
        )
        ran.append(step["name"])
        said += done.stdout + done.stderr
        if done.returncode:
            return [*ran, f"failed with {done.returncode}"], said
    return ran, said


BUILD = "Compare the built dashboards with their modules"
ACTIONS: dict[str, tuple[dict[str, str], list[str], str]] = {
    "modules": ({}, ["Lint"], ""),
    "a folder of modules": ({"source": "dashboards_src"}, ["Lint"], ""),
    "JSON that is good": ({"files": "build/dashboards build/import"}, ["Lint"], ""),
    "JSON, one of it bad": ({"files": "build/dashboards\nexported/bad.json"}, ["Lint", "failed with 1"], "::error"),
    "more metrics": ({"catalog": "own.yaml"}, ["Lint"], ""),
    "metrics that are not there": ({"catalog": "other.yaml"}, ["Lint", "failed with 1"], "other.yaml"),
    "a build that is up to date": ({"build": "build"}, ["Lint", BUILD], "up to date"),
    "a build that is not": ({"build": "exported"}, ["Lint", BUILD, "failed with 1"], "not up to date"),
    "a value that would be a command": ({"source": "$(touch hacked); x"}, ["Lint", "failed with 1"], "no such folder"),
}  # fmt: skip


@pytest.mark.parametrize("name", ACTIONS)
def test_the_action(name: str, repository: Path) -> None:
    inputs, expected, says = ACTIONS[name]
    ran, said = act(repository, inputs)
    assert ran == expected, said
    assert says in said
    assert not (repository / "hacked").exists()


def test_the_action_shows_the_plan(repository: Path, grafana: StandIn, tmp_path: Path) -> None:
    (repository / "site.yaml").write_text(
        f"environments:\n  lab: {{url: '{grafana.url}'}}\n  other: {{url: 'http://127.0.0.1:9'}}\n"
    )
    page = tmp_path / "summary.md"
    inputs = {"plan": "true", "config": "site.yaml", "environment": "lab"}
    ran, said = act(repository, inputs, GRAFANA_TOKEN="admin-token", GITHUB_STEP_SUMMARY=str(page))
    assert ran == ["Lint", "Plan"], said
    assert "| create | dashboard | Edge cameras |" in page.read_text()


def test_the_action_says_that_a_token_is_missing(repository: Path, grafana: StandIn) -> None:
    (repository / "sedna-dash.yaml").write_text(f"environments:\n  lab: {{url: '{grafana.url}'}}\n")
    ran, said = act(repository, {"plan": "true"})
    assert ran == ["Lint", "Plan", "failed with 2"]
    assert "GRAFANA_TOKEN" in said


def hook(name: str, repository: Path, *files: str) -> subprocess.CompletedProcess[str]:
    """Run a hook as pre-commit does: the words of its entry, and the files unless it wants none."""
    assert HOOKS[name].get("pass_filenames", True) is bool(files)
    return run([*shlex.split(HOOKS[name]["entry"]), *files], repository)


def test_the_hook_for_json_finds_what_is_wrong(repository: Path) -> None:
    good = "build/dashboards/edge-cameras.json"
    assert hook("sedna-dash-lint-json", repository, good).returncode == 0
    found = hook("sedna-dash-lint-json", repository, good, "exported/bad.json")
    assert found.returncode == 1
    assert "exported/bad.json" in found.stdout


def test_the_hook_for_modules_finds_what_is_wrong(repository: Path) -> None:
    assert hook("sedna-dash-lint", repository).returncode == 0
    module = repository / "dashboards_src/edge_cameras.py"
    module.write_text(module.read_text().replace('metric("sedna_job_state")', 'metric("sedna_job_stat")'))
    found = hook("sedna-dash-lint", repository)
    assert found.returncode == 1
    assert "edge_cameras.py" in found.stderr


def test_the_hook_for_built_dashboards_finds_what_was_forgotten(repository: Path) -> None:
    assert hook("sedna-dash-build-check", repository).returncode == 0
    module = repository / "dashboards_src/edge_cameras.py"
    module.write_text(module.read_text().replace('"By state"', '"In which state"'))
    assert hook("sedna-dash-build-check", repository).returncode == 1


def test_hooks_are_installed_as_python() -> None:
    known: dict[str, Any] = {"id", "name", "description", "entry", "language", "types", "files"} | {
        "pass_filenames": 0, "require_serial": 0,
    }.keys()  # fmt: skip
    for about in HOOKS.values():
        assert about.keys() <= known
        assert about["language"] == "python"
        assert about["entry"].startswith("sedna-dash ")


def test_the_page_tells_of_every_hook_and_input_that_there_is() -> None:
    page = (ROOT / "docs/how-to/own-repository.md").read_text()
    hooks, workflow = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL))
    assert {hook["id"] for hook in hooks["repos"][0]["hooks"]} == HOOKS.keys()
    (used,) = (step for step in workflow["jobs"]["check"]["steps"] if "/sedna-dash@" in step["uses"])
    assert used["with"].keys() <= ACTION["inputs"].keys()
    table = page[page.index("| Input |") :].split("\n\n")[0]
    assert set(re.findall(r"`([a-z-]+)`", "".join(re.findall(r"^\| (`.*?) \|", table, flags=re.MULTILINE)))) == (
        ACTION["inputs"].keys()
    )
