"""The site: strict, whole, and with nothing from any network. It is built once, with a copy of what a clone holds."""

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
for needed in ("material", "jieba"):
    pytest.importorskip(needed, reason="what builds the site is not installed; pip install '.[docs]'")

#: Answers to nobody: a build or a page that asks the network ends here.
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    alone = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), NOWHERE)
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT, env={**os.environ, **alone, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr  # a page out of the navigation, a link or an anchor that leads nowhere
    return folder


class Page(HTMLParser):
    """What a page loads, where it leads, and its anchors."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.leads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag in ("script", "img", "iframe", "source") and "src" in given:
            self.loads.append(given["src"])
        elif tag == "link" and given.get("rel") != "canonical":
            self.loads.append(given["href"])
        elif tag == "a" and "href" in given:
            self.leads.append(given["href"])


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in site.rglob("*.html")}


def test_every_page_is_on_the_site(site: Path) -> None:
    hidden = ROOT / "docs/hooks"
    for page in (ROOT / "docs").rglob("*.md"):
        if not page.is_relative_to(hidden):
            assert (site / page.relative_to(ROOT / "docs")).with_suffix(".html").is_file(), page
    assert (site / "contributing.html").is_file() and (site / "changelog.html").is_file()


def test_no_page_loads_anything_from_a_network(pages: dict[Path, Page], site: Path) -> None:
    for path, page in pages.items():
        for target in page.loads:
            assert not re.match(r"(https?:)?//", target), f"{path.name} loads {target}"
            if not target.startswith(("data:", "/")):
                assert (path.parent / target.split("?")[0]).exists(), f"{path.name} loads {target}"
    for style in site.rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*[\"']?(https?:)?//", style.read_text()), style.name


def test_links_and_anchors_of_the_site_lead_somewhere(pages: dict[Path, Page]) -> None:
    for path, page in pages.items():
        if path.name == "404.html":
            continue
        for target in page.leads:
            if re.match(r"[a-z]+:", target):
                continue
            to, _, anchor = target.partition("#")
            found = (path.parent / to).resolve() if to else path
            assert found.exists(), f"{path.name}: {target}"
            if anchor and found.suffix == ".html" and anchor != "__skip":
                assert anchor in pages[found].anchors, f"{path.name}: {target}"


def test_what_lies_beside_the_pages_comes_along(pages: dict[Path, Page], site: Path) -> None:
    copy = site / "repository/examples/exporter/exporter.yaml"
    assert copy.read_bytes() == (ROOT / "examples/exporter/exporter.yaml").read_bytes()
    assert "../repository/examples/exporter/exporter.yaml" in pages[site / "how-to/exporter.html"].leads


def test_search_finds_both_languages_without_a_server(site: Path) -> None:
    script = (site / "search/search_index.js").read_text()
    index = json.loads(script.removeprefix("var __index = "))
    apart = re.compile(index["config"]["separator"])
    words = {entry["location"]: set(apart.split(entry["title"] + " " + entry["text"])) for entry in index["docs"]}
    assert any("honor" in found for place, found in words.items() if place.startswith("troubleshooting.html"))
    # Chinese has no blanks between words; whoever looks for a word has to find it within a sentence.
    assert any({"边缘", "节点", "日志"} <= found for place, found in words.items() if place.startswith("zh/"))


def test_lists_stay_lists(site: Path) -> None:
    """What belongs to an item of a list is indented by two or three blanks in our pages, as GitHub has it."""
    runbook = (site / "reference/runbooks/SednaEdgeNodeOffline.html").read_text()
    where_to_look = runbook.split("Where to look")[1].split("What to do")[0]
    assert where_to_look.count("<ol>") == 1 and where_to_look.count("<li>") >= 4


def test_a_pipe_within_a_table_has_no_backslash(site: Path) -> None:
    assert "<code>{{ $value | humanize }}</code>" in (site / "how-to/rules.html").read_text()
