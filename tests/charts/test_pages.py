"""The helm commands in the pages, as they are written there."""

import re
import shlex
from pathlib import Path

import pytest

from tests.charts.helm import CHART, KUBERNETES, needs_helm, objects_of, run
from tests.charts.structure import faults

ROOT = CHART.parent.parent
PAGES = [ROOT / "docs/how-to/helm.md", CHART / "README.md"]


def _commands() -> list[str]:
    """Every line in the shell blocks of the pages that runs helm."""
    blocks = [block for page in PAGES for block in re.findall(r"```(?:ba)?sh\n(.*?)```", page.read_text(), re.DOTALL)]
    lines = [line.strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return sorted({line for line in lines if line.startswith("helm ")})


COMMANDS = _commands()


@needs_helm
@pytest.mark.parametrize("command", COMMANDS)
def test_helm_knows_every_option(command: str) -> None:
    words = shlex.split(command)
    known = run(words[1], "--help").stdout
    for word in words:
        if word.startswith("--"):
            assert re.search(rf"^ +(-\w, )?{word} ", known, re.MULTILINE), word


@needs_helm
@pytest.mark.parametrize("command", [line for line in COMMANDS if "charts/sedna-dash" in line])
def test_what_is_installed_fits_together(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    (tmp_path / "my.alloy").write_text("logging {}\n")
    text = command.replace("=my.alloy", f"={tmp_path}/my.alloy")
    # An upgrade takes values of before, which a template has not.
    words = [word for word in shlex.split(text)[2:] if not word.endswith("reuse-values")]
    done = run("template", *words, "--kube-version", KUBERNETES)
    assert done.returncode == 0, done.stderr
    assert list(faults(objects_of(done.stdout))) == []


def test_all_commands_are_found() -> None:
    assert {shlex.split(line)[1] for line in COMMANDS} == {"install", "upgrade", "test", "uninstall"}
