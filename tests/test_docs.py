"""The pages say what is there, and lead where they point."""

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml

from sedna_dash.alerts import default_alerts
from sedna_dash.catalog import default_catalog
from sedna_dash.cli import main
from sedna_dash.lint.rules import RULES

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES += sorted(path for path in (ROOT / "docs").rglob("*.md") if "reference" not in path.parts)
REFERENCE = ROOT / "docs/reference"
WORKFLOWS = sorted((ROOT / "examples/ci").iterdir())


def test_the_reference_is_up_to_date() -> None:
    # A process of its own: click remembers what other tests called a command with.
    command = [sys.executable, "-m", "sedna_dash", "docs", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_every_command_rule_and_metric_is_documented() -> None:
    cli = (REFERENCE / "cli.md").read_text()
    for command in main.list_commands(click.Context(main)):
        assert f"## {command}\n" in cli
    assert "### logs config\n" in cli  # a command of a command
    lint = (REFERENCE / "lint.md").read_text()
    for rule in RULES:
        assert f"[{rule.name}]" in lint
        assert "## Refused" in (REFERENCE / "lint" / f"{rule.name}.md").read_text()
    metrics, records = ((REFERENCE / name).read_text() for name in ("metrics.md", "records.md"))
    for metric in default_catalog().metrics.values():
        assert f"`{metric.name}" in (metrics if metric.expr is None else records)


def test_every_alert_has_its_line_and_its_runbook() -> None:
    alerts = (REFERENCE / "alerts.md").read_text()
    for alert in default_alerts().alerts.values():
        assert f"[{alert.name}](runbooks/{alert.name}.md) | {alert.severity} |" in alerts
        runbook = (REFERENCE / "runbooks" / f"{alert.name}.md").read_text()
        for part in ("What it means", "Who feels it", "Where to look", "What to do", "The rule"):
            assert f"**{part}" in runbook


@pytest.mark.parametrize("page", [*PAGES, *sorted(REFERENCE.rglob("*.md"))], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path) if path else page
        assert found.exists(), f"{page.name}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", found.read_text(), flags=re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in slugs, f"{page.name}: {target}"


def commands() -> list[tuple[str, str]]:
    """Every line in the pages that runs sedna-dash or make, with its page."""
    found = []
    for page in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(), flags=re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                command = line.split("#")[0].strip()
                if "sedna-dash " in command or command.startswith("make"):
                    found.append((page.name, command))
    for path in WORKFLOWS:
        for line in texts(yaml.safe_load(path.read_text())):
            if line.startswith("sedna-dash "):
                found.append((path.name, line))
    return found


def texts(value: object) -> list[str]:
    """Every text in a YAML file."""
    if isinstance(value, dict):
        return [text for item in value.values() for text in texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return [value] if isinstance(value, str) else []


def test_workflows_run_plan_before_deploy() -> None:
    for path in WORKFLOWS:
        run = [line.split()[1] for line in texts(yaml.safe_load(path.read_text())) if line.startswith("sedna-dash ")]
        assert run[:2] == ["lint", "plan"] and run[-1] == "deploy" and "--plan plan.json" in path.read_text()


@pytest.mark.parametrize(("page", "command"), commands(), ids=lambda value: value)
def test_commands_in_the_pages_exist(page: str, command: str) -> None:
    if command.startswith("make"):
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
        assert set(command.split()[1:]) <= set(targets)
        return
    words = command[command.index("sedna-dash ") :].split()[1:]
    found = main.get_command(click.Context(main), words[0])
    if isinstance(found, click.Group) and len(words) > 1:
        found = found.get_command(click.Context(found), words[1])
    assert found is not None, command
    options = {option for parameter in found.params for option in parameter.opts}
    assert {word.split("=")[0] for word in words[1:] if word.startswith("--")} <= options
