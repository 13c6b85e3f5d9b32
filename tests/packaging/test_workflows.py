"""The workflows of this repository: nothing runs there that can change unseen, and nothing is released untested."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
FILES = [ROOT / "action.yml", *sorted((ROOT / ".github/workflows").iterdir())]


def workflow(name: str) -> dict[str, Any]:
    # YAML 1.1 reads the key "on" as true.
    return yaml.load((ROOT / f".github/workflows/{name}.yaml").read_text(), yaml.BaseLoader)


def steps(content: dict[str, Any]) -> list[dict[str, Any]]:
    jobs = content["jobs"].values() if "jobs" in content else [content["runs"]]
    return [step for job in jobs for step in job.get("steps", ())]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_they_use_is_pinned_to_a_commit_and_says_which_version_that_is(path: Path) -> None:
    used = re.findall(r"^\s*(?:- )?uses: (.*)$", path.read_text(), flags=re.MULTILINE)
    assert used
    for line in used:
        assert line.startswith("./") or re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_one_action_has_one_version() -> None:
    used = {
        match for path in FILES for match in re.findall(r"uses: ([\w.-]+/[\w.-]+)@([0-9a-f]{40})", path.read_text())
    }
    names = [name for name, _ in used]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_scripts_are_bash_and_take_values_only_from_the_environment(path: Path) -> None:
    scripts = [step["run"] for step in steps(yaml.load(path.read_text(), yaml.BaseLoader)) if "run" in step]
    assert scripts
    for script in scripts:
        assert "${{" not in script, "a value would be run as a part of the script"
        checked = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("name", ["ci", "release"])
def test_a_job_may_do_only_what_it_says(name: str) -> None:
    content = workflow(name)
    assert content["permissions"] == {}
    for job in content["jobs"].values():
        assert "permissions" in job
        for step in job.get("steps", ()):
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] == "false"


def needed(jobs: dict[str, Any], name: str) -> set[str]:
    """All that runs before a job."""
    before = jobs[name].get("needs", [])
    direct = {before} if isinstance(before, str) else set(before)
    return direct.union(*(needed(jobs, job) for job in direct))


def test_only_what_was_tested_is_released() -> None:
    jobs = workflow("release")["jobs"]
    assert jobs["test"]["uses"] == "./.github/workflows/ci.yaml"
    publishing = {name for name, job in jobs.items() if "write" in str(job["permissions"])}
    assert publishing == {"publish", "image", "page"}
    for name in publishing:
        assert {"test", "build", "installed"} <= needed(jobs, name)


def test_nothing_long_lived_publishes() -> None:
    text = (ROOT / ".github/workflows/release.yaml").read_text()
    assert set(re.findall(r"secrets\.(\w+)", text)) <= {"GITHUB_TOKEN"}
    assert workflow("release")["jobs"]["publish"]["permissions"]["id-token"] == "write"


def test_ci_runs_what_developers_run_on_the_oldest_and_a_new_python() -> None:
    (job,) = workflow("ci")["jobs"].values()
    assert "bash .ci/run" in [step.get("run") for step in job["steps"]]
    (oldest,) = re.findall(r'requires-python = ">=(.*)"', (ROOT / "pyproject.toml").read_text())
    assert job["strategy"]["matrix"]["python"][0] == oldest
    assert workflow("release")["jobs"]["installed"]["strategy"]["matrix"]["python"][0] == oldest
