"""The wheel holds all that an installed sedna-dash needs, away from this repository."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    site = folder / "site"
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


def test_it_lints_them_anywhere(installed: Path, tmp_path: Path) -> None:
    done = run(installed, "lint", "--strict", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_wheel_holds_the_package_and_nothing_else(installed: Path) -> None:
    tops = {path.name for path in installed.iterdir()}
    assert {name for name in tops if not name.endswith(".dist-info")} == {"sedna_dash"}
    assert (installed / "sedna_dash/py.typed").is_file()
    assert (installed / "sedna_dash/catalog/data/units.yaml").is_file()
    (wheel,) = installed.parent.glob("*.whl")
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith((".pyc", ".orig", "~"))]
