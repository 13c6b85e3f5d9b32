"""The pages about the stack name the charts, versions and files that there are."""

import json
import re
from pathlib import Path

import pytest

from sedna_dash.alerts import default_alerts
from sedna_dash.catalog import default_catalog
from sedna_dash.stack.upstream import releases, repositories

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "docs/how-to" / name for name in ("install.md", "edge.md", "many-sites.md")]


def commands() -> list[str]:
    """Every command of helm in the pages, on one line."""
    found = []
    for page in PAGES:
        for block in re.findall(r"```bash\n(.*?)```", page.read_text(), flags=re.DOTALL):
            found += [line for line in block.replace("\\\n", " ").splitlines() if line.startswith("helm ")]
    return found


INSTALLS = [" ".join(line.split()) for line in commands() if line.startswith("helm upgrade --install")]


@pytest.mark.parametrize("line", INSTALLS)
def test_installs_name_a_release_its_chart_and_its_files(line: str) -> None:
    words = line.split()
    name, chart = words[3:5]
    values = [words[at + 1] for at, word in enumerate(words) if word == "--values"]
    assert all((ROOT / path).is_file() for path in values), line
    assert words[words.index("--namespace") + 1] == "monitoring"
    if chart == "charts/sedna-dash":
        assert name == "sedna-dash", "Prometheus looks for its rules under that name"
        return
    files = [path.removeprefix("charts/stack/") for path in values]
    pinned = [
        one for one in releases()
        if files[0] == one.values and chart == one.chart and words[words.index("--version") + 1] == one.version
    ]  # fmt: skip
    assert len(pinned) == 1, line
    assert set(files[1:]) <= set(pinned[0].optional), line
    # A release that goes by another name in a list of all still has to be called so that the others find it.
    assert name == chart.split("/")[1] or name == "alloy-edge" == pinned[0].name, line


def test_every_release_and_repository_is_in_the_pages() -> None:
    text = "\n".join(page.read_text() for page in PAGES)
    for one in releases():
        for name in (one.values, *one.optional):
            assert f"charts/stack/{name}" in text, name
    for name, url in repositories().items():
        assert f"helm repo add {name} {url}" in commands()


def test_the_cluster_goes_all_the_way() -> None:
    """What many-sites.md says of the label."""
    for file in sorted((ROOT / "build/dashboards").glob("*.json")):
        board = json.loads(file.read_text())
        variables = [variable["name"] for variable in board["templating"]["list"]]
        assert "cluster" in variables or board["uid"] == "sedna-runbooks", board["uid"]
    for inhibition in default_alerts().inhibitions:
        assert "cluster" in inhibition.equal
    for name, metric in default_catalog().metrics.items():
        if metric.expr is not None:
            assert "cluster" in metric.labels or "cluster" in metric.expr or "by (" not in metric.expr, name
