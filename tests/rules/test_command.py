"""``sedna-dash rules`` as a user runs it."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sedna_dash.cli import main
from sedna_dash.rules import promtool as promtool_module
from sedna_dash.rules.promtool import find_promtool
from tests.alerts.test_loading import GOOD, changed, folder_with

if not find_promtool() and not os.environ.get("CI"):
    pytest.skip("promtool is not installed (Debian: apt install prometheus)", allow_module_level=True)

ROOT = Path(__file__).parent.parent.parent


def rules(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["rules", *map(str, arguments)], catch_exceptions=False)


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_committed_is_what_would_be_written(tmp_path: Path) -> None:
    assert rules("build", "--out", tmp_path).exit_code == 0
    assert everything(tmp_path) == everything(ROOT / "build/rules")
    assert rules("build", "--out", tmp_path).stdout.strip() == f"{tmp_path} is up to date."


def test_check_says_what_is_stale(tmp_path: Path) -> None:
    rules("build", "--out", tmp_path)
    assert rules("build", "--out", tmp_path, "--check").exit_code == 0
    (tmp_path / "loki/sedna.yaml").unlink()
    done = rules("build", "--out", tmp_path, "--check", "--grafana-url", "https://g")
    assert done.exit_code == 1
    assert "run: sedna-dash rules build" in done.stderr and "loki/sedna.yaml" in done.stderr
    assert not (tmp_path / "loki/sedna.yaml").exists()


def test_alerts_of_ones_own_are_written_and_tested(tmp_path: Path) -> None:
    own = folder_with(tmp_path, GOOD)
    done = rules("build", "--out", tmp_path / "out", "--alerts", own)
    assert done.exit_code == 0, done.stderr
    assert "alert: SednaLarge" in (tmp_path / "out/prometheus/sedna-alerts.yaml").read_text()
    assert rules("check", "--alerts", own).exit_code == 0
    done = rules("test", "SednaLarge", "--alerts", own)
    assert (done.exit_code, done.stdout) == (0, "1 alert, 2 tests: none failed.\n")


def test_a_wrong_alert_writes_nothing(tmp_path: Path) -> None:
    rules("build", "--out", tmp_path / "out")
    before = everything(tmp_path / "out")
    own = folder_with(tmp_path, changed("expr", "max by (namespace, name) (sedna_job_statusbytes) > ${limit}"))
    done = rules("build", "--out", tmp_path / "out", "--alerts", own)
    assert done.exit_code == 1
    assert f"{own}/jobs/SednaLarge.yaml:" in done.stderr and "sedna_job_statusbytes" in done.stderr
    assert everything(tmp_path / "out") == before


def test_what_promtool_refuses_is_never_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strict = tmp_path / "promtool"
    strict.write_text("#!/bin/sh\necho 'rules.yml: 3:1: group \"x\", rule 1: could not parse' >&2\nexit 1\n")
    strict.chmod(0o755)
    monkeypatch.setenv("SEDNA_DASH_PROMTOOL", str(strict))
    done = rules("build", "--out", tmp_path / "out")
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert "promtool refuses the rules" in done.stderr and "could not parse" in done.stderr
    assert not (tmp_path / "out").exists()


def test_without_promtool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promtool_module.shutil, "which", lambda name: None)
    monkeypatch.delenv("SEDNA_DASH_PROMTOOL", raising=False)
    done = rules("build", "--out", tmp_path)
    assert done.exit_code == 0 and "Not judged by promtool" in done.stdout
    done = rules("test")
    assert done.exit_code == 2
    assert "promtool is not on the path; install Prometheus" in done.stderr


def test_a_failing_test_is_told_with_its_file(tmp_path: Path) -> None:
    own = folder_with(tmp_path, changed("for", "30m"))
    done = rules("test", "SednaLarge", "--alerts", own)
    assert done.exit_code == 1
    assert f"{own}/jobs/SednaLarge.yaml: a test fails" in done.stdout
    assert "1 alert, 2 tests: 1 failed." in done.stdout
    found = json.loads(rules("test", "SednaLarge", "--alerts", own, "--output", "json").stdout)
    assert found["alerts"][0]["alert"] == "SednaLarge" and found["alerts"][0]["fault"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["test", "SednaStageStuk"], 2, "there is no alert 'SednaStageStuk', did you mean 'SednaStageStuck'"),
        (["build", "--label", "release"], 2, "'release' is no KEY=VALUE"),
        (["build", "--tune", "nowhere.yaml"], 1, "nowhere.yaml: cannot be read"),
        (["check", "--alerts", "nowhere"], 1, "nowhere: no such folder"),
        (["check", "--source", "nowhere"], 1, "nowhere: no such folder"),
    ],
)
def test_mistakes(arguments: list[str], code: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = rules(*arguments)
    assert done.exit_code == code
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_check_in_json() -> None:
    found = json.loads(rules("check", "--output", "json").stdout)
    assert found["problems"] == [] and found["alerts"] > 40 and found["records"] > 40
