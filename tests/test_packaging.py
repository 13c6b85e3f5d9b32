"""The wheel holds all that an installed sedna-dash needs, away from this repository; and it is always the same."""

import os
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent

#: What `sedna-dash` itself may bring along. What serves metrics, or watches files, is an extra.
CORE = {
    "click", "grafana-client", "grafanalib", "jsonschema", "orjson", "promql-parser", "pyyaml", "rich",
}  # fmt: skip

#: Early releases of Python 3.10 and 3.11 know no filter.
SAFE: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}


def build(project: Path, folder: Path, *targets: str) -> Path:
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", *targets, "-d", str(folder)],
        cwd=project, capture_output=True, text=True, check=False,
        env=os.environ | {"SOURCE_DATE_EPOCH": "1760000000"},
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    return folder


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    (wheel,) = dist.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def sdist(dist: Path) -> Path:
    (sdist,) = dist.glob("*.tar.gz")
    return sdist


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = tmp_path_factory.mktemp("site")
    zipfile.ZipFile(wheel).extractall(site)
    return site


def run(installed: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    # -P keeps the working folder off the path; PYTHONPATH puts the unpacked wheel before the checkout.
    program = "import sys; sys.path.insert(0, sys.argv.pop(1)); from sedna_dash.cli import main; main()"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SEDNA_DASH")}
    return subprocess.run(
        [sys.executable, "-c", program, str(installed), *arguments],
        cwd=cwd, capture_output=True, text=True, check=False, env=environment, timeout=60,
    )  # fmt: skip


def test_it_builds_the_sedna_dashboards_anywhere(installed: Path, tmp_path: Path) -> None:
    done = run(installed, "build", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for path in (ROOT / "build/dashboards").glob("*.json"):
        assert (tmp_path / "out/dashboards" / path.name).read_bytes() == path.read_bytes()


WORKS = {
    "lint": ("lint", "--strict"),
    "rules": ("rules", "build", "--out", "out"),
    "the worker hook, for Pythons that cannot install it": ("worker", "configmap"),
    "a site to look at": ("simulate", "--duration", "0"),
    "configuration of kube-state-metrics": ("ksm",),
    "configuration of log collectors": ("logs", "config"),
    "schemas": ("schema", "environments"),
}


@pytest.mark.parametrize("name", WORKS)
def test_what_needs_data_files_finds_them_anywhere(name: str, installed: Path, tmp_path: Path) -> None:
    done = run(installed, *WORKS[name], cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_wheel_holds_the_package_and_its_manual_and_nothing_else(installed: Path, wheel: Path) -> None:
    tops = {path.name for path in installed.iterdir() if path.suffix != ".dist-info"}
    assert tops == {"sedna_dash", f"{wheel.name.split('-py3')[0]}.data"}
    assert (installed / "sedna_dash/py.typed").is_file()
    assert (installed / "sedna_dash/catalog/data/units.yaml").is_file()
    (data,) = installed.glob("*.data")
    assert [str(path.relative_to(data)) for path in data.rglob("*") if path.is_file()] == [
        "data/share/man/man1/sedna-dash.1"
    ]
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith((".pyc", ".orig", "~"))]


def test_both_are_small(wheel: Path, sdist: Path) -> None:
    assert wheel.stat().st_size < 1_500_000
    assert sdist.stat().st_size < 1_500_000


def test_what_it_needs_is_little_and_the_rest_are_extras(installed: Path) -> None:
    (metadata,) = installed.glob("*.dist-info/METADATA")
    asked = [Requirement(line) for line in Parser().parsestr(metadata.read_text()).get_all("Requires-Dist", [])]
    assert {requirement.name for requirement in asked if not requirement.marker} == CORE
    for extra, names in {"exporter": {"kubernetes", "bcrypt"}, "watch": {"watchfiles"}}.items():
        chosen = {item.name for item in asked if item.marker and item.marker.evaluate({"extra": extra})}
        assert chosen == names


def test_the_source_archive_makes_the_same_wheel(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, **SAFE)
    (project,) = tmp_path.iterdir()
    again = build(project, tmp_path / "again", "-t", "wheel") / wheel.name
    assert again.read_bytes() == wheel.read_bytes()


def test_neither_time_nor_place_nor_rights_change_what_is_built(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, **SAFE)
    (project,) = tmp_path.iterdir()
    for path in project.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700 if path.is_dir() else 0o600)
    again = build(project, tmp_path / "again")
    assert (again / wheel.name).read_bytes() == wheel.read_bytes()
    assert (again / sdist.name).read_bytes() == sdist.read_bytes()
