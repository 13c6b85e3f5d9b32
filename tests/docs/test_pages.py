"""What hand-written pages say about commands, metrics, panels and empty panels is so; every board has its picture."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from sedna_dash.building import load, source_folder
from sedna_dash.catalog import default_catalog
from sedna_dash.cli import main
from sedna_dash.gallery import gallery_page
from sedna_dash.lint.board import Board
from tests.test_docs import PAGES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
#: Pages that name metrics and panels of ours in their texts.
NAMING = [DOCS / name for name in ("migration.md", "troubleshooting.md", "quick-start.md", "zh/quick-start.md")]


@cache
def boards() -> list[Board]:
    return [Board(found.model, found.module.name) for found in load(source_folder(None))]


def within_lines() -> Iterator[tuple[str, str]]:
    """Every command of ours within a line of text, with its page; those in blocks are in tests/test_docs.py."""
    for page in PAGES:
        if page.name == "CHANGELOG.md":  # it tells what once was
            continue
        text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
        for code in re.findall(r"`(?:[A-Z_]+=\S+ )?(?:\.venv/bin/)?(sedna-dash [a-z][^`]*)`", text):
            yield page.name, " ".join(code.split())


@pytest.mark.parametrize(("page", "command"), sorted(set(within_lines())), ids=lambda value: value)
def test_commands_within_lines_exist(page: str, command: str) -> None:
    words = command.split()[1:]
    found: click.Command | None = main
    while isinstance(found, click.Group) and words and not words[0].startswith("-"):
        found = found.get_command(click.Context(found), words.pop(0))
    assert found is not None, f"{page}: {command}"
    options = {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}
    named = {word.split("=")[0] for word in words if word.startswith("-") and word != "-"}
    assert named <= {*options, "--help", "--version"}, f"{page}: {command}"


@pytest.mark.parametrize("page", NAMING, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_metrics_that_a_page_names_exist(page: Path) -> None:
    metrics = default_catalog().metrics
    prefixes = tuple(metric.name for metric in metrics.values() if metric.prefix)
    code = " ".join(re.findall(r"`([^`]+)`", page.read_text()))
    named = set(re.findall(r"\bsedna_[a-z_]+", code)) - {"sedna_name"}  # a field of log lines
    assert not [name for name in named if name not in metrics and not name.startswith(prefixes)]


@pytest.mark.parametrize("page", NAMING, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_labels_that_a_page_names_exist(page: Path) -> None:
    metrics = default_catalog().metrics
    for name, labels in re.findall(r"\b(sedna_[a-z_]+)\{([^}]*)\}", page.read_text()):
        assert {re.split("=", label)[0] for label in labels.split(",")} <= set(metrics[name].labels), name


def test_panels_that_the_migration_names_exist() -> None:
    titles = {board.title.removeprefix("Sedna / "): {panel.title for panel in board.panels} for board in boards()}
    table = (DOCS / "migration.md").read_text().split("## Panels\n")[1].split("## ")[0]
    found = 0
    for row in table.strip().splitlines()[2:]:
        board = ""
        for named, panel in re.findall(r"([A-Z][a-z ]+?):|\*([^*]+)\*", row.rsplit("|", 2)[1]):
            board = named or board
            if panel:
                found += 1
                assert panel in titles[board], f"{board}: {panel}"
    assert found > 30


def test_panels_that_the_troubleshooting_names_exist() -> None:
    titles = {panel.title for board in boards() for panel in board.panels}
    titled = re.findall(r"\*([A-Z][^*]+)\* on the board", (DOCS / "troubleshooting.md").read_text())
    assert titled and not [title for title in titled if title.split(": ")[0] not in titles]


def test_each_producer_that_may_be_missing_has_its_cure() -> None:
    troubleshooting = (DOCS / "troubleshooting.md").read_text()
    for name, source in default_catalog().sources.items():
        row = next((line for line in troubleshooting.splitlines() if line.startswith(f"| {source.missing} |")), None)
        assert row is not None, f"troubleshooting.md lacks {source.missing!r}"
        assert f"`{name}`" in row


def test_each_exit_code_has_its_cure() -> None:
    codes = {error.exit_code for error in _errors(click.ClickException)} | {0, 2}
    rows = re.findall(r"^\| (\d) \| ", (DOCS / "troubleshooting.md").read_text(), flags=re.MULTILINE)
    assert codes <= {int(code) for code in rows}


def _errors(base: type[click.ClickException]) -> Iterator[type[click.ClickException]]:
    for error in base.__subclasses__():
        if error.__module__.startswith("sedna_dash"):
            yield error
        yield from _errors(error)


def test_each_board_has_a_picture_in_the_gallery() -> None:
    gallery = (DOCS / "reference/gallery.md").read_text()
    for board in boards():
        assert (DOCS / "pictures" / f"{board.uid}.png").is_file(), f"take a picture of {board.uid}"
        assert f"](../pictures/{board.uid}.png)" in gallery, "run: make docs"


def test_a_card_says_what_its_board_answers(tmp_path: Path) -> None:
    board = Board({"uid": "x-cameras", "title": "Sedna / My cameras", "description": "**Who sees\nwhat?** Why?"}, "x")
    title, picture = "**[My cameras](dashboards.md#sedna--my-cameras)**", "../pictures/x-cameras.png"
    assert f"- {title}\n\n  Who sees what? Why?\n" in gallery_page([board], tmp_path)
    (tmp_path / "x-cameras.png").touch()
    assert f"- [![My cameras]({picture})]({picture})\n\n  {title}\n" in gallery_page([board], tmp_path)


def test_the_fleet_opens_the_gallery(tmp_path: Path) -> None:
    cards = re.findall(r"\[([^]]+)\]\(dashboards", gallery_page(boards(), tmp_path))
    assert cards[0] == "Fleet" and cards[1:] == sorted(cards[1:])
