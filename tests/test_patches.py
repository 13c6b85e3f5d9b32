"""Edits that were pulled from a Grafana: written, read, applied, refused when they do not fit any more."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sedna_dash.building import load
from sedna_dash.errors import SourceError
from sedna_dash.linting import run as lint
from sedna_dash.render.canonical import plain
from sedna_dash.render.fieldpath import parsed, spelled
from sedna_dash.render.loading import load_dashboards
from sedna_dash.render.outline import outline
from sedna_dash.render.patches import changes_between, patch_text, patched, read_patch
from sedna_dash.render.profiles import PROFILES, Profile, restored, shaped
from tests.test_loading import GOOD

Model = dict[str, Any]
DASHBOARDS = load(Path(__file__).parent.parent / "dashboards_src")

PANEL = {
    "id": 7,
    "type": "table",
    "title": "Jobs",
    "gridPos": {"h": 8, "w": 12, "x": 0, "y": 1},
    "fieldConfig": {
        "defaults": {"unit": "short", "custom": {"cellOptions": {"type": "auto"}}},
        "overrides": [
            {"matcher": {"id": "byName", "options": 'a] "b.c'}, "properties": [{"id": "unit", "value": "s"}]}
        ],
    },
    "options": {"cellHeight": "sm"},
    "targets": [{"refId": "A", "expr": "up"}, {"refId": "B", "expr": "down"}],
}
ROW = {
    "id": 1,
    "type": "row",
    "title": "Now",
    "collapsed": False,
    "panels": [],
    "gridPos": {"h": 1, "w": 24, "x": 0, "y": 0},
}
LAST = {
    "id": 9,
    "type": "text",
    "title": "Notes",
    "gridPos": {"h": 4, "w": 24, "x": 0, "y": 9},
    "options": {"content": "Hi"},
}
BOARD: Model = {
    "uid": "one",
    "title": "One",
    "tags": ["sedna"],
    "schemaVersion": 42,
    "templating": {"list": [{"name": "cluster", "type": "custom", "query": "a,b", "current": {"value": "a"}}]},
    "annotations": {"list": []},
    "panels": [ROW, PANEL, LAST],
}


def at(model: Model, number: int) -> Model:
    inner = [*model["panels"], *(item for panel in model["panels"] for item in panel.get("panels", ()))]
    return next(panel for panel in inner if panel["id"] == number)


def fold(model: Model) -> None:
    row, *inner = model["panels"]
    row.update(collapsed=True, panels=inner)
    model["panels"] = [row]


def rename_override(model: Model) -> None:
    at(model, 7)["fieldConfig"]["overrides"][0]["matcher"]["options"] = "d"


EDITS: dict[str, Callable[[Model], object]] = {
    "title": lambda model: model.update(title="Two"),
    "tags": lambda model: model.update(tags=["sedna", "mine"]),
    "a key with a dot": lambda model: model.update({"x.y[": {"[z]": 1}}),
    "unit": lambda model: at(model, 7)["fieldConfig"]["defaults"].update(unit="s"),
    "unit removed": lambda model: at(model, 7)["fieldConfig"]["defaults"].pop("unit"),
    "thresholds": lambda model: at(model, 7)["fieldConfig"]["defaults"].update(
        thresholds={"mode": "absolute", "steps": [{"color": "green", "value": None}, {"color": "red", "value": 2.5}]}
    ),
    "text of several lines": lambda model: at(model, 9)["options"].update(content="# Hi\n\n  there \n\ttab: yes\n"),
    "texts that YAML takes for something else": lambda model: model.update(
        tags=["yes", "1e3", "2024-01-01", "~", "# no", "=", "a: b", "ü ", "\x07", ""]
    ),
    "query": lambda model: at(model, 7)["targets"][0].update(expr='sum(up{a="b"}) # c'),
    "query added": lambda model: at(model, 7)["targets"].append({"refId": "C", "expr": "x"}),
    "query added first": lambda model: at(model, 7)["targets"].insert(0, {"refId": "C", "expr": "x"}),
    "query removed": lambda model: at(model, 7)["targets"].pop(0),
    "queries turned round": lambda model: at(model, 7)["targets"].reverse(),
    "queries with one name": lambda model: at(model, 7)["targets"][1].update(refId="A"),
    "override": lambda model: at(model, 7)["fieldConfig"]["overrides"][0]["properties"][0].update(value="m"),
    "override of another column": rename_override,
    "panel moved": lambda model: at(model, 7).update(gridPos={"h": 8, "w": 12, "x": 12, "y": 1}),
    "panel added": lambda model: model["panels"].append({"id": 99, "type": "text", "title": "New"}),
    "panel added first": lambda model: model["panels"].insert(0, {"id": 99, "type": "text", "title": "New"}),
    "panel removed": lambda model: model["panels"].pop(1),
    "panels with one id": lambda model: at(model, 9).update(id=7),
    "all panels removed": lambda model: model.update(panels=[]),
    "row folded": fold,
    "variable's default": lambda model: model["templating"]["list"][0].update(current={"value": "b", "text": "b"}),
    "variable added": lambda model: model["templating"]["list"].append({"name": "x", "type": "constant"}),
    "variable removed": lambda model: model["templating"]["list"].pop(),
    "annotation added": lambda model: model["annotations"]["list"].append({"name": "Alerts", "enable": True}),
}


def edited(change: Callable[[Model], object]) -> Model:
    model = copy.deepcopy(BOARD)
    change(model)
    return model


def written(folder: Path, wanted: Model, module: Model = BOARD) -> Path:
    file = folder / "one.patch.yaml"
    file.write_text(patch_text("one", changes_between(module, outline(wanted)), ["Pulled\nfrom: here"]))
    return file


@pytest.mark.parametrize("name", EDITS)
def test_a_patch_brings_the_dashboard_to_what_it_was_pulled_from(name: str, tmp_path: Path) -> None:
    wanted = edited(EDITS[name])
    own = copy.deepcopy(BOARD)
    assert plain(patched(own, read_patch(written(tmp_path, wanted)))) == plain(wanted)
    assert own == BOARD, "the module's own dashboard is not to be touched"


@pytest.mark.parametrize("name", EDITS)
def test_what_the_module_took_over_is_said_to_be_done(name: str, tmp_path: Path) -> None:
    wanted = edited(EDITS[name])
    if name in ("query added first", "panel added first"):
        return  # an order beside an addition goes with it
    with pytest.raises(SourceError, match=r"one\.patch\.yaml:\d+: .* delete (the|this) entry"):
        patched(wanted, read_patch(written(tmp_path, wanted)))


def test_a_patch_reads_like_a_review(tmp_path: Path) -> None:
    def change(model: Model) -> None:
        at(model, 7)["targets"][0]["expr"] = "up > 0"
        at(model, 7)["gridPos"] = {"h": 8, "w": 24, "x": 0, "y": 1}
        model["panels"].pop()
        model["panels"].append({"id": 99, "type": "text", "title": "New", "options": {"content": "a\nb\n"}})

    text = written(tmp_path, edited(change)).read_text()
    assert text.splitlines() == [
        "# Pulled from: here",
        "kind: sedna-dash/patch",
        "schemaVersion: 1",
        "dashboard: one",
        "changes:",
        "  - panel: ''",
        "    id: 7",
        "    field: gridPos",
        "    was: {h: 8, w: 12, x: 0, y: 1}",
        "    value: {h: 8, w: 24, x: 0, y: 1}",
        "  - panel: ''",
        "    id: 7",
        "    field: targets[A].expr",
        "    was: up",
        "    value: up > 0",
        "  - panel: ''",
        "    id: 9",
        "  - panel: ''",
        "    id: 99",
        "    value:",
        "      id: 99",
        "      type: text",
        "      title: New",
        "      options:",
        "        content: |",
        "          a",
        "          b",
    ]


HEAD = "kind: sedna-dash/patch\nschemaVersion: 1\ndashboard: one\nchanges:\n"
UNIT = "  - {panel: Jobs, id: 7, field: fieldConfig.defaults.unit, was: short, value: s}\n"
WRONG = {
    "changed in the module": (UNIT.replace("short", "ms"), "5: panel 'Jobs': fieldConfig.defaults.unit was changed in"),
    "done in the module": (
        UNIT.replace("value: s", "value: short").replace("was: short", "was: m"),
        "5: panel 'Jobs': fi",
    ),
    "added in the module": (UNIT.replace("was: short, ", ""), "5: panel 'Jobs': fieldConfig.defaults.unit was changed"),
    "no such panel": (UNIT.replace("id: 7", "id: 8"), "5: the module has no panel 'Jobs' (id 8) any more; bring"),
    "no such variable": ("  - {variable: x, field: query, was: a}\n", "5: the module has no variable 'x' any more"),
    "panel removed already": (
        "  - {panel: Old, id: 8}\n",
        "5: panel 'Old': the module has this value already; nothing",
    ),
    "holder gone": ("  - {panel: Jobs, id: 7, field: a.b.c, value: 1}\n", "5: panel 'Jobs': a.b.c was changed in the"),
    "no list of names": (
        "  - {panel: Jobs, id: 7, field: 'options[A]', value: 1}\n",
        "5: panel 'Jobs': options[A] was",
    ),
    "twice": (UNIT + UNIT, "6: panel 'Jobs': fieldConfig.defaults.unit: line 5 is about the same; keep one of the two"),
    "field of a removed panel": (UNIT + "  - {panel: Jobs, id: 7}\n", "6: panel 'Jobs': line 5 is about the same"),
    "no path": (UNIT.replace("defaults.unit", "'targets[A'"), "5: "),
    "order of no names": (
        "  - {field: 'panels[]', value: 3}\n",
        "5: 'panels[]' is an order; give the names in 'value'",
    ),
    "id missing": (UNIT.replace("id: 7, ", ""), "5: changes[0]: names a panel without its id; add it"),
    "about nothing": ("  - {was: 1}\n", "5: changes[0]: must name a panel and its id, a variable, an annotation or a"),
    "about two": (
        UNIT.replace("id: 7", "id: 7, variable: x"),
        "5: changes[0]: is about a panel or a variable, not both",
    ),
    "unknown key": (UNIT + UNIT.replace("value", "valeu"), "6: changes[1]: unknown key 'valeu'; did you mean 'value'?"),
    "key twice": ("  - {field: title, field: title}\n", "5: 'field' is written twice; keep one"),
    "no changes": ("  []\n", "4: changes: "),
    "no YAML": ("  - {\n", "6: "),
    "no JSON": ("  - {field: title, value: !!binary aGk=}\n", "holds a value that JSON has not"),
    "not a number": ("  - {field: title, value: .nan}\n", "holds a value that JSON has not"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_refused_with_its_line(name: str, tmp_path: Path) -> None:
    changes, said = WRONG[name]
    file = tmp_path / "one.patch.yaml"
    file.write_text(HEAD + changes)
    with pytest.raises(SourceError) as caught:
        patched(copy.deepcopy(BOARD), read_patch(file))
    assert caught.value.message.startswith(f"{file}:")
    assert said in caught.value.message


HEADS = {
    "another dashboard": (HEAD.replace("one", "two"), "is for the dashboard 'two', but the module beside it has 'one'"),
    "another kind": (HEAD.replace("sedna-dash/patch", "x"), "1: kind: must be sedna-dash/patch"),
    "a later version": (HEAD.replace("1", "2"), "2: schemaVersion: must be 1; upgrade sedna-dash"),
}


@pytest.mark.parametrize("name", HEADS)
def test_a_patch_of_another_kind_is_refused(name: str, tmp_path: Path) -> None:
    head, said = HEADS[name]
    file = tmp_path / "one.patch.yaml"
    file.write_text(head + UNIT)
    with pytest.raises(SourceError) as caught:
        patched(copy.deepcopy(BOARD), read_patch(file))
    assert said in caught.value.message


PATHS = {
    "targets[A].expr": ("targets", "[A]", "expr"),
    "targets[]": ("targets", "[]"),
    "panels[]": ("panels", "[]"),
    'overrides[{"id": "byName", "options": "a] b."}]': ("overrides", '[{"id": "byName", "options": "a] b."}]'),
    'links["a]b"].url': ("links", "[a]b]", "url"),
    'options."x.y"': ("options", "x.y"),
    'options."\\\\[z]"': ("options", "\\[z]"),
}


@pytest.mark.parametrize("text", PATHS)
def test_paths_are_read_as_they_are_written(text: str) -> None:
    assert spelled(PATHS[text]) == text
    assert parsed(text) == PATHS[text]


@pytest.mark.parametrize("text", ["a..b", ".a", "a[", "a[b", "a[]b", "a[].b", 'a["b]', "a[{]", 'a."b', "a[1]b", "a]"])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parsed(text)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
@pytest.mark.parametrize("found", DASHBOARDS, ids=lambda found: found.uid)
def test_the_way_to_a_grafana_and_back_changes_nothing(found: Any, profile: Profile) -> None:
    assert restored(shaped(found.model, profile), profile, found.model) == found.model


CELLS = ["auto", "color-background", "color-background-solid", "gradient-gauge", "lcd-gauge", "basic", "color-text",
         "json-view", "image", "of tomorrow"]  # fmt: skip


@pytest.mark.parametrize("shown", CELLS)
def test_every_cell_of_grafana_9_comes_back_as_it_was(shown: str) -> None:
    profile, model = PROFILES[0], shaped(BOARD, PROFILES[0])
    at(model, 7)["fieldConfig"]["defaults"]["custom"]["displayMode"] = shown
    properties = at(model, 7)["fieldConfig"]["overrides"][0]["properties"]
    properties.append({"id": "custom.displayMode", "value": shown})
    assert shaped(restored(model, profile, BOARD), profile) == model


def test_a_patch_beside_a_module_is_built_and_linted(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(GOOD)
    (before,) = load_dashboards(tmp_path)
    wanted = copy.deepcopy(before.model)
    wanted["panels"][-1]["fieldConfig"]["defaults"]["unit"] = "no such unit"
    (tmp_path / "mine.patch.yaml").write_text(patch_text("mine", changes_between(before.model, outline(wanted)), []))
    (after,) = load_dashboards(tmp_path)
    assert after.model == wanted
    assert (after.unpatched, after.module) == (before.model, tmp_path / "mine.py")
    problems = lint((), tmp_path, (), None).problems
    assert any("no such unit" in problem.message for problem in problems), problems


def test_a_patch_beside_a_file_of_json_is_applied(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps(BOARD))
    written(tmp_path, edited(EDITS["unit"]))
    (found,) = load_dashboards(tmp_path)
    assert at(found.model, 7)["fieldConfig"]["defaults"]["unit"] == "s"


def test_a_patch_without_its_module_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(GOOD)
    written(tmp_path, edited(EDITS["unit"]))
    with pytest.raises(SourceError, match=r"one\.patch\.yaml:1: there is no one\.py for it"):
        load_dashboards(tmp_path)
