"""Dashboard JSON from anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sedna_dash.errors import SourceError
from sedna_dash.lint.loading import load_boards

MODEL: dict[str, Any] = {"uid": "a", "title": "A", "panels": []}


def written(folder: Path, content: Any, name: str = "a.json") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "content",
    [
        MODEL,
        {"dashboard": MODEL, "meta": {"version": 3}},
        {"dashboard": MODEL, "overwrite": True},
        {"apiVersion": "dashboard.grafana.app/v1beta1", "kind": "Dashboard", "metadata": {"name": "x"}, "spec": MODEL},
    ],
    ids=["bare", "api", "upload", "kubernetes"],
)
def test_every_form_of_the_classic_model(tmp_path: Path, content: Any) -> None:
    path = written(tmp_path, content)
    (board,) = load_boards([path])
    assert board.model == MODEL
    assert board.file == str(path)


def test_the_form_for_the_import_page(tmp_path: Path) -> None:
    inputs = [{"name": "DS_X", "pluginId": "loki"}]
    panel = {"datasource": "${DS_X}", "targets": [{"expr": '{a="b"}'}]}
    (board,) = load_boards([written(tmp_path, {**MODEL, "__inputs": inputs, "id": None, "panels": [panel]})])
    assert board.is_import
    assert [query.language for query in board.queries] == ["logql"]


def test_a_kubernetes_name_is_the_uid(tmp_path: Path) -> None:
    content = {"kind": "Dashboard", "metadata": {"name": "x"}, "spec": {"title": "A", "panels": []}}
    assert load_boards([written(tmp_path, content)])[0].uid == "x"


def test_a_byte_order_mark(tmp_path: Path) -> None:
    assert load_boards([written(tmp_path, "\ufeff" + json.dumps(MODEL))])[0].uid == "a"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"panels": [], "title": "\\ud800"}', "half a character"),
        ('{"panels": [], "n": ' + "1" * 5000 + "}", "thousands of digits"),
    ],
    ids=["half a character", "endless number"],
)
def test_json_that_no_output_could_hold(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SourceError, match=says):
        load_boards([written(tmp_path, text)])
    assert load_boards([written(tmp_path, '{"panels": [], "title": "\\ud83d\\ude00"}')])[0].title == "\U0001f600"


def test_the_new_schema_is_refused(tmp_path: Path) -> None:
    spec = {"elements": {}, "layout": {"kind": "GridLayout"}, "title": "A"}
    for content in (spec, {"apiVersion": "dashboard.grafana.app/v2", "kind": "Dashboard", "spec": spec}):
        with pytest.raises(SourceError, match=r"new schema .* export it as classic"):
            load_boards([written(tmp_path, content)])


def test_half_a_file_is_refused_with_its_line(tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps(MODEL, indent=1)[:-8])
    with pytest.raises(SourceError) as error:
        load_boards([path])
    assert error.value.message.startswith(f"{path}:4: ")
    with pytest.raises(SourceError, match="written to the end"):
        load_boards([tmp_path])


@pytest.mark.parametrize("content", ["", "[" * 100_000], ids=["empty", "deep"])
def test_other_files_that_are_no_json(tmp_path: Path, content: str) -> None:
    with pytest.raises(SourceError, match=r"a\.json:1: "):
        load_boards([written(tmp_path, content)])


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'{"title": "\xff"}')
    with pytest.raises(SourceError, match="UTF-8"):
        load_boards([path])


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        load_boards([tmp_path / "none.json"])


@pytest.mark.parametrize("content", [[], 7, {"name": "x"}, {"dashboard": {"name": "x"}}])
def test_a_named_file_must_be_a_dashboard(tmp_path: Path, content: Any) -> None:
    with pytest.raises(SourceError, match="no dashboard"):
        load_boards([written(tmp_path, content)])


def test_a_folder_is_searched_in_order_and_other_json_passed_over(tmp_path: Path) -> None:
    for name in ("b/z.json", "b/a.json", "a.json"):
        written(tmp_path, {**MODEL, "uid": name}, name)
    written(tmp_path, {"name": "package"}, "package.json")
    written(tmp_path, "no JSON", "notes.txt")
    assert [board.uid for board in load_boards([tmp_path])] == ["a.json", "b/a.json", "b/z.json"]


def test_a_folder_without_dashboards(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no dashboard JSON"):
        load_boards([tmp_path])
