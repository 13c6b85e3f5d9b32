"""The chart's generated files are those of the product, and are written whole or not at all."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.test_loading import GOOD

ROOT = Path(__file__).parent.parent.parent
CHART = ROOT / "charts/sedna-dash"
FILES = CHART / "files"


def chart(*arguments: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """``sedna-dash chart`` in a process of its own."""
    run = "from sedna_dash.chart.command import chart_command; chart_command()"
    command = [sys.executable, "-c", run, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=60)


def sedna_dash(*arguments: str) -> str:
    command = [sys.executable, "-m", "sedna_dash", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the chart."""
    return Path(shutil.copytree(CHART, tmp_path / "copy"))


def test_the_chart_in_the_repository_is_up_to_date() -> None:
    done = chart("--check")
    assert done.returncode == 0, done.stderr


def test_what_is_stale_is_named_and_written_again(copy: Path) -> None:
    (copy / "files/rules/loki/sedna.yaml").write_text("groups: []\n")
    (copy / "README.md").write_text("")
    (copy / "files/mine.yaml").write_text("")
    stale = chart("--out", copy, "--check")
    assert stale.returncode == 1
    assert "~ README.md" in stale.stderr and "~ files/rules/loki/sedna.yaml" in stale.stderr
    assert "mine" not in stale.stderr
    assert chart("--out", copy).returncode == 0
    for name in ("README.md", "files/rules/loki/sedna.yaml"):
        assert (copy / name).read_bytes() == (CHART / name).read_bytes()
    assert (copy / "files/mine.yaml").exists()


def test_a_site_puts_its_own_dashboards_into_it(copy: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(ROOT / "dashboards_src", source)
    (source / "mine.py").write_text(GOOD.replace('uid="mine"', 'uid="my-own"'))
    done = chart("--out", copy, "--source", source)
    assert done.returncode == 0, done.stderr
    assert json.loads((copy / "files/dashboards/inline/my-own.json").read_text())["uid"] == "my-own"
    assert chart("--out", copy).returncode == 0
    assert not (copy / "files/dashboards/inline/my-own.json").exists()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("Chart.yaml", None, "holds no Chart.yaml; name the folder of the chart with --out"),
        ("values.yaml", "a: 1\n", "values.yaml:1: a is not described"),
    ],
)
def test_what_is_no_chart_of_ours_is_refused(copy: Path, name: str, content: str | None, says: str) -> None:
    (copy / name).unlink()
    if content is not None:
        (copy / name).write_text(content)
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    done = chart("--out", copy)
    assert done.returncode == 1 and says in done.stderr and "Traceback" not in done.stderr
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before


def test_nothing_is_written_when_a_rule_is_wrong(copy: Path, tmp_path: Path) -> None:
    tune = tmp_path / "tune.yaml"
    tune.write_text("alerts:\n  SednaNoSuchAlert: {for: 1m}\n")
    (copy / "README.md").write_text("")
    done = chart("--out", copy, "--tune", tune)
    assert done.returncode == 1 and "tune.yaml:2: there is no alert 'SednaNoSuchAlert'" in done.stderr
    assert (copy / "README.md").read_text() == ""


def test_rules_are_those_of_rules_build() -> None:
    for mine, theirs in {
        "rules/prometheus/sedna-records.yaml": "prometheus/sedna-records.yaml",
        "rules/prometheus/sedna-alerts.yaml": "prometheus/sedna-alerts.yaml",
        "rules/loki/sedna.yaml": "loki/sedna.yaml",
    }.items():
        written = yaml.safe_load((FILES / mine).read_text().replace("GRAFANA_URL/d/", "/d/"))
        assert written == yaml.safe_load((ROOT / "build/rules" / theirs).read_text())


def test_configs_are_those_that_the_commands_write() -> None:
    config = yaml.safe_load((FILES / "kube-state-metrics/config.yaml").read_text())
    assert config == yaml.safe_load(sedna_dash("ksm"))
    rights = next(iter(yaml.safe_load_all(sedna_dash("ksm", "--format", "rbac"))))
    assert yaml.safe_load((FILES / "kube-state-metrics/rules.yaml").read_text())["rules"] == rights["rules"]
    for name, options in {"config.alloy": [], "config-api.alloy": ["--api"]}.items():
        head, _, text = (FILES / "collector" / name).read_text().partition("\n")
        assert head.startswith("// Written by sedna-dash chart")
        assert text == sedna_dash("logs", "config", *options).partition("\n")[2]
    sources = yaml.safe_load((FILES / "datasources.yaml").read_text())
    built = (ROOT / "build/provisioning/datasources/sedna.yaml").read_text()
    assert sources == yaml.safe_load(built)
