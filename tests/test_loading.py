"""A module that cannot be loaded is one sentence with file and line."""

from pathlib import Path

import pytest

from sedna_dash.errors import SednaDashError, SourceError
from sedna_dash.render.loading import load_dashboards
from sedna_dash.starting import start

GOOD = """\
from sedna_dash.authoring import board, metric, metrics_source, row, stat

dashboard = board(
    "Mine",
    row("Now", stat("Jobs", metric("sedna_job_created_timestamp_seconds")(), why="Jobs there are.")),
    uid="mine",
    question="How many?",
    variables=[metrics_source()],
)
"""

PLAIN = """\
from grafanalib.core import Dashboard, Stat, Target, TimeSeries

dashboard = Dashboard(
    title="Plain",
    uid="plain",
    panels=[
        TimeSeries(title="A", dataSource="Prometheus", targets=[Target(expr="up"), Target(expr="up")]),
        Stat(title="B", dataSource="Prometheus", targets=[Target(expr="up")]),
    ],
)
"""

BAD = {
    "raises": ("1 / 0\n", "1: ZeroDivisionError: division by zero"),
    "raises in a function": ("def f():\n    raise ValueError('no')\n\nf()\n", "2: ValueError: no"),
    "leaves": ("import sys\n\nsys.exit(0)\n", "3: it ends the program"),
    "all names of the vocabulary": ("from sedna_dash.authoring import *\n", "does not define it"),
    "syntax": ("dashboard = (\n", "1: '(' was never closed"),
    "imports what is not there": ("import nothing_of_that_name\n", "1: ModuleNotFoundError: No module named"),
    "no dashboard": ("x = 1\n", "does not define it"),
    "dashboard of another type": ("dashboard = {'title': 'x'}\n", "sets it to a dict"),
    "unknown metric": (GOOD.replace("sedna_job_created_t", "sedna_job_creatd_t"), "5: no metric"),
    "unknown label": (GOOD.replace("seconds\")()", "seconds\")(nam='x')"), "seconds has no label 'nam', did you mean"),
    "unknown enum value": (GOOD.replace("seconds\")()", "seconds\")(kind='Job')"), ": label kind is never 'Job'"),
    "not to be written as JSON": (PLAIN.replace("panels=[", "tags=[{1}], panels=["), "cannot be rendered: Type is not"),
    "no uid": (PLAIN.replace('    uid="plain",\n', ""), "dashboard 'Plain' has no uid; set it"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_module_is_refused(name: str, tmp_path: Path) -> None:
    source, says = BAD[name]
    (tmp_path / "mine.py").write_text(source)
    with pytest.raises(SednaDashError) as error:
        load_dashboards(tmp_path)
    assert says in error.value.message
    assert "mine.py" in error.value.message
    assert "\n" not in error.value.message


def test_two_modules_with_one_uid_or_title_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(GOOD)
    (tmp_path / "b.py").write_text(GOOD)
    with pytest.raises(SourceError, match=r"b\.py: has the uid 'mine' of .*a\.py"):
        load_dashboards(tmp_path)
    (tmp_path / "b.py").write_text(GOOD.replace('uid="mine"', 'uid="other"'))
    with pytest.raises(SourceError, match=r"b\.py: has the title 'Mine' of .*a\.py"):
        load_dashboards(tmp_path)


def test_a_folder_without_dashboards_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no dashboard modules"):
        load_dashboards(tmp_path)
    with pytest.raises(SourceError, match="no such folder"):
        load_dashboards(tmp_path / "nowhere")


@pytest.mark.parametrize("relative", [False, True])
def test_helpers_beside_the_modules_can_be_imported_and_are_forgotten(
    relative: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, title in (("one", "First"), ("two", "Second")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "_shared.py").write_text(f"TITLE = {title!r}\n")
        (folder / "mine.py").write_text("from _shared import TITLE\n" + GOOD.replace('"Mine"', "TITLE"))
        assert [found.title for found in load_dashboards(Path(name) if relative else folder)] == [title]


def test_a_plain_grafanalib_dashboard_is_completed(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text(PLAIN)
    model = load_dashboards(tmp_path)[0].model
    assert [[target["refId"] for target in panel["targets"]] for panel in model["panels"]] == [["A", "B"], ["A"]]
    ids = [panel["id"] for panel in model["panels"]]
    assert len(set(ids)) == 2
    assert not {"id", "version", "__inputs", "rows", "style"} & model.keys()


def test_a_started_module_builds(tmp_path: Path) -> None:
    assert "sedna-dash build" in start("edge-cameras", tmp_path)
    assert [found.uid for found in load_dashboards(tmp_path)] == ["edge-cameras"]


@pytest.mark.parametrize("name", ["", "1st", "Über", "a/b", "../up", "x" * 60])
def test_a_name_that_is_no_module_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be a module name"):
        start(name, tmp_path)


def test_an_existing_module_is_never_overwritten(tmp_path: Path) -> None:
    start("mine", tmp_path)
    (tmp_path / "mine.py").write_text("kept")
    with pytest.raises(SourceError, match="exists already"):
        start("mine", tmp_path)
    assert (tmp_path / "mine.py").read_text() == "kept"
