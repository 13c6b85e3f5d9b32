"""What somebody edited in Grafana comes back as a patch, and nothing else does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sedna_dash.cli import main
from sedna_dash.render.loading import load_dashboards
from sedna_dash.render.patches import read_patch
from sedna_dash.schemas import violations
from tests.deploy.conftest import Deploy, board, outcomes
from tests.grafana_stand_in import StandIn

Model = dict[str, Any]
CLUSTER = {"name": "cluster", "type": "custom", "query": "a,b", "current": {"text": "a", "value": "a"}}


def module(**more: Any) -> Model:
    """A dashboard with all that is turned into something else for Grafana 9."""
    model = board(**more)
    model["templating"]["list"].append(dict(CLUSTER))
    table = {"type": "table", "title": "Table", "id": 8, "gridPos": {"h": 8, "w": 12, "x": 12, "y": 0}}
    model["panels"] += [
        {**table, "options": {"cellHeight": "sm"}, "targets": [{"refId": "A", "expr": "up"}],
         "fieldConfig": {"defaults": {"custom": {"cellOptions": {"type": "auto"}}}, "overrides": []}},
        {"type": "logs", "title": "Logs", "id": 9, "gridPos": {"h": 8, "w": 24, "x": 0, "y": 8},
         "targets": [{"refId": "A", "expr": "rate({a=\"b\"}[$__auto])", "datasource": {"type": "loki", "uid": "x"}}]},
    ]  # fmt: skip
    return model


def panel(model: Model, number: int) -> Model:
    return next(item for item in model["panels"] if item["id"] == number)


def change_unit(model: Model) -> None:
    panel(model, 7)["fieldConfig"]["defaults"]["unit"] = "s"


def change_query(model: Model) -> None:
    target = panel(model, 9)["targets"][0]
    assert target["expr"] == 'rate({a="b"}[$__interval])'
    target["expr"] = 'rate({a="c"}[$__interval])'


def fold(model: Model) -> None:
    row = {"id": 20, "type": "row", "title": "All", "collapsed": True, "panels": model["panels"]}
    model["panels"] = [row]


def only_look(model: Model) -> None:
    model["style"] = "dark"
    model["templating"]["list"][0]["current"] = {"text": "other", "value": "other"}
    for item in model["panels"]:
        item["pluginVersion"] = "9.3.2"


#: What somebody does in Grafana, and the fields that the patch then names.
EDITS: dict[str, tuple[Callable[[Model], object], list[str]]] = {
    "nothing but looking": (only_look, []),
    "unit": (change_unit, ["panel 'Jobs': fieldConfig.defaults.unit"]),
    "query of Loki": (change_query, ["panel 'Logs': targets[A].expr"]),
    "title": (lambda model: model.update(title="Mine"), ["dashboard: title"]),
    "tag": (lambda model: model["tags"].append("mine"), ["dashboard: tags"]),
    "cell": (
        lambda model: panel(model, 8)["fieldConfig"]["defaults"]["custom"].update(displayMode="lcd-gauge"),
        ["panel 'Table': fieldConfig.defaults.custom.cellOptions"],
    ),
    "another visualization": (
        lambda model: panel(model, 8).update(
            type="text", options={"content": "x"}, fieldConfig={"defaults": {"unit": "s"}, "overrides": []}
        ),
        [
            "panel 'Table': type",
            "panel 'Table': options.cellHeight",
            "panel 'Table': options.content",
            "panel 'Table': fieldConfig.defaults.custom",
            "panel 'Table': fieldConfig.defaults.unit",
        ],
    ),
    "panel added": (lambda model: model["panels"].append({"id": 30, "type": "text", "title": "New"}), ["panel 'New'"]),
    "panel removed": (lambda model: model["panels"].pop(0), ["panel 'Jobs'"]),
    "panel moved": (
        lambda model: panel(model, 7).update(gridPos={"h": 9, "w": 9, "x": 0, "y": 0}),
        ["panel 'Jobs': gridPos"],
    ),
    "all in a folded row": (
        fold,
        ["panel 'Jobs': row", "panel 'Table': row", "panel 'Logs': row", "panel 'All'", "dashboard: panels[]"],
    ),
    "variable's default": (
        lambda model: model["templating"]["list"][2].update(current={"selected": True, "text": "b", "value": "b"}),
        ["variable 'cluster': current"],
    ),
}


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one dashboard as JSON, and nothing of the user's own around it."""
    monkeypatch.delenv("SEDNA_DASH_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "boards"
    folder.mkdir()
    write(folder, module())
    return folder


def write(folder: Path, model: Model) -> None:
    (folder / "one.json").write_text(json.dumps(model))


def loaded(folder: Path) -> list[Model]:
    return [found.model for found in load_dashboards(folder)]


def call(stand_in: StandIn, *arguments: str) -> Result:
    environment = {"GRAFANA_URL": stand_in.url, "GRAFANA_TOKEN": "admin-token"}
    return CliRunner().invoke(main, ["pull", *arguments], env=environment)


def pull(stand_in: StandIn, source: Path, *arguments: str) -> Any:
    done = call(stand_in, "--source", str(source), "--output", "json", *arguments)
    assert done.exit_code in (0, 3), done.output
    report = json.loads(done.stdout)
    assert list(violations("pull", report)) == []
    assert report["exitCode"] == done.exit_code
    return report


def entries(source: Path) -> list[str]:
    file = source / "one.patch.yaml"
    return [str(entry) for entry in read_patch(file).entries] if file.exists() else []


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.parametrize("version", ["9.3.2", "10.4.0", "12.0.0"])
def test_an_edit_comes_back_and_then_nothing_is_to_be_done(
    name: str, version: str, source: Path, run_on: Callable[[StandIn], Deploy]
) -> None:
    change, named = EDITS[name]
    if version != "9.3.2" and name in ("cell", "query of Loki", "another visualization"):
        pytest.skip("these are said differently there")
    with StandIn(version=version) as stand_in:
        run = run_on(stand_in)
        run(loaded(source))
        stand_in.edit("sedna-one", change)
        report = pull(stand_in, source)
        assert report["results"][0]["outcome"] == ("pulled" if named else "unchanged")
        assert entries(source) == named
        if named:
            outcome = outcomes(run(loaded(source), dry_run=True))["sedna-one"]
            # Grafana 12 rewrites what it is sent, so a module may say the same in other words.
            # In another order, or rewritten by the server, it is saved once more, with nothing changed in it.
            assert outcome == "unchanged" or (outcome == "update" and (version == "12.0.0" or name == "tag"))
            said = {entry.said for entry in read_patch(source / "one.patch.yaml").entries}
            assert all(" by eve at " in text and text.endswith(", version 2") for text in said), said
        assert pull(stand_in, source)["results"][0]["outcome"] == "unchanged"


@pytest.fixture
def run_on() -> Callable[[StandIn], Deploy]:
    """Deploy to a stand-in of the test's own."""
    from tests.deploy.conftest import TWO, client, deploy

    def to(stand_in: StandIn) -> Deploy:
        return lambda dashboards=TWO, **more: deploy(client(stand_in), dashboards, **more)

    return to


def test_what_the_module_changed_meanwhile_stays_its_own(stand_in: StandIn, source: Path, run: Deploy) -> None:
    run(loaded(source))
    stand_in.edit("sedna-one", change_unit)
    write(source, module(title="Sedna / New"))
    pull(stand_in, source)
    assert entries(source) == ["panel 'Jobs': fieldConfig.defaults.unit"]
    assert outcomes(run(loaded(source), dry_run=True))["sedna-one"] == "update"


def test_a_field_that_both_changed_is_left_to_a_person(stand_in: StandIn, source: Path, run: Deploy) -> None:
    run(loaded(source))
    stand_in.edit("sedna-one", change_unit)
    stand_in.edit("sedna-one", lambda model: model.update(tags=["sedna", "mine"]))
    mine = module()
    panel(mine, 7)["fieldConfig"]["defaults"]["unit"] = "m"
    write(source, mine)
    done = call(stand_in, "--source", str(source))
    assert done.exit_code == 3
    assert "left out: panel 'Jobs': unit changed live by eve" in done.output
    assert "--theirs takes what is there" in done.output
    assert entries(source) == ["dashboard: tags"]
    report = pull(stand_in, source, "--theirs")
    assert (report["exitCode"], report["results"][0]["left"]) == (0, [])
    (_, entry) = read_patch(source / "one.patch.yaml").entries
    assert (str(entry), entry.was, entry.value) == ("panel 'Jobs': fieldConfig.defaults.unit", "m", "s")
    assert "version 2" in entry.said


def test_a_panel_that_the_module_dropped_comes_back_only_on_demand(
    stand_in: StandIn, source: Path, run: Deploy
) -> None:
    run(loaded(source))
    stand_in.edit("sedna-one", change_unit)
    mine = module()
    mine["panels"].pop(0)
    write(source, mine)
    report = pull(stand_in, source)
    assert report["exitCode"] == 3
    assert [item["path"] for item in report["results"][0]["left"]] == ["panels[7].fieldConfig.defaults.unit"]
    assert entries(source) == []
    pull(stand_in, source, "--theirs")
    assert "panel 'Jobs'" in entries(source)


def test_a_dashboard_that_was_moved_is_said_to_be(stand_in: StandIn, source: Path, run: Deploy) -> None:
    run(loaded(source))
    stand_in.put_folder("mine", "Mine")
    stand_in.move("sedna-one", "mine")
    (result,) = pull(stand_in, source)["results"]
    assert (result["outcome"], entries(source)) == ("unchanged", [])
    assert result["reason"].startswith("somebody moved it to the folder 'Mine', which no patch can say")


def test_a_second_edit_is_added_to_the_patch_and_one_undone_is_removed(
    stand_in: StandIn, source: Path, run: Deploy
) -> None:
    run(loaded(source))
    stand_in.edit("sedna-one", change_unit)
    pull(stand_in, source)
    before = read_patch(source / "one.patch.yaml").entries[0]
    run(loaded(source), on_drift="overwrite")
    stand_in.edit("sedna-one", change_query)
    pull(stand_in, source)
    first, second = read_patch(source / "one.patch.yaml").entries
    assert (first.was, first.value, first.said) == (before.was, "s", before.said)
    assert second.path[-1] == "expr"
    stand_in.edit("sedna-one", lambda model: panel(model, 7)["fieldConfig"]["defaults"].update(unit="m"))
    pull(stand_in, source)
    first, _ = read_patch(source / "one.patch.yaml").entries
    assert (first.was, first.value) == ("short", "m")
    stand_in.edit("sedna-one", lambda model: panel(model, 7)["fieldConfig"]["defaults"].update(unit="short"))
    pull(stand_in, source)
    assert entries(source) == ["panel 'Logs': targets[A].expr"]
    stand_in.edit("sedna-one", lambda model: panel(model, 9)["targets"][0].update(expr='rate({a="b"}[$__interval])'))
    done = call(stand_in, "--source", str(source))
    assert "removed" in done.output
    assert not (source / "one.patch.yaml").exists()


def test_without_a_past_all_that_differs_is_pulled_and_said_so(stand_in: StandIn, source: Path) -> None:
    stand_in.put_folder("sedna", "Sedna")
    model = module()
    model["schemaVersion"] = 37
    panel(model, 8)["options"].pop("cellHeight")
    panel(model, 8)["fieldConfig"]["defaults"]["custom"] = {"displayMode": "auto"}
    panel(model, 9)["targets"][0]["expr"] = 'rate({a="b"}[$__interval])'
    change_unit(model)
    stand_in.put_dashboard(model, folder="sedna")
    pull(stand_in, source)
    assert entries(source) == ["panel 'Jobs': fieldConfig.defaults.unit"]
    assert "What was last deployed is not known there" in (source / "one.patch.yaml").read_text()


def test_what_the_settings_give_is_pulled_into_no_module(
    stand_in: StandIn, source: Path, tmp_path: Path, run: Deploy
) -> None:
    (tmp_path / "sedna-dash.yaml").write_text(
        f"default: here\nenvironments:\n  here:\n    url: {stand_in.url}\n    variables: {{cluster: b}}\n"
    )
    run(loaded(source), variables={"cluster": "b"})
    stand_in.edit("sedna-one", EDITS["unit"][0])
    config = ["--config", str(tmp_path / "sedna-dash.yaml")]
    assert pull(stand_in, source, *config)["exitCode"] == 0
    assert entries(source) == ["panel 'Jobs': fieldConfig.defaults.unit"]
    stand_in.edit("sedna-one", lambda model: model["templating"]["list"][2].update(current={"text": "c", "value": "c"}))
    done = call(stand_in, "--source", str(source), *config)
    assert done.exit_code == 3
    assert "the settings file gives this value, so change it there" in done.output
    assert entries(source) == ["panel 'Jobs': fieldConfig.defaults.unit"]


CASES: dict[str, tuple[list[str], int, str]] = {
    "not there": (["--source", "{source}"], 0, "absent  Sedna / One  sedna-one"),
    "unknown uid": (["--source", "{source}", "sedna-on"], 2, "no module has the dashboard 'sedna-on'; did you mean"),
    "all without a folder": (["--all"], 2, "--all needs a folder for the copies; give one with --out"),
    "all and theirs": (["--all", "--out", "x", "--theirs"], 2, "--theirs is for patches, --all makes none"),
    "foreign alone": (["--source", "{source}", "--foreign"], 2, "--foreign is for backups; give --all with it"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_the_command_says(name: str, stand_in: StandIn, source: Path) -> None:
    arguments, code, said = CASES[name]
    done = call(stand_in, *(item.format(source=source) for item in arguments))
    assert (done.exit_code, said in done.output) == (code, True), done.output
    assert stand_in.writes == []


def test_a_dry_run_prints_the_patch_and_out_puts_it_elsewhere(
    stand_in: StandIn, source: Path, tmp_path: Path, run: Deploy
) -> None:
    run(loaded(source))
    stand_in.edit("sedna-one", change_unit)
    done = call(stand_in, "--source", str(source), "--dry-run")
    assert "    |   - panel: Jobs" in done.output
    assert entries(source) == []
    call(stand_in, "--source", str(source), "--out", str(tmp_path / "else"))
    assert entries(source) == []
    assert entries(tmp_path / "else") == ["panel 'Jobs': fieldConfig.defaults.unit"]


def test_a_patch_that_cannot_be_read_is_never_overwritten(stand_in: StandIn, source: Path, run: Deploy) -> None:
    run(loaded(source))
    stand_in.edit("sedna-one", change_unit)
    (source / "one.patch.yaml").write_text("changes: [\n")
    done = call(stand_in, "--source", str(source))
    assert done.exit_code == 1
    assert (source / "one.patch.yaml").read_text() == "changes: [\n"


def test_a_backup_holds_what_is_ours_and_can_be_deployed(
    stand_in: StandIn, source: Path, tmp_path: Path, run: Deploy
) -> None:
    run(loaded(source))
    home = next(uid for uid in stand_in.folders)
    stand_in.edit("sedna-one", change_unit)
    stand_in.put_dashboard({"uid": "theirs", "title": "Theirs", "panels": []}, folder=home)
    stand_in.put_dashboard({"uid": "elsewhere", "title": "Elsewhere", "panels": []})
    out = tmp_path / "backup"
    assert call(stand_in, "--all", "--out", str(out)).exit_code == 0
    assert sorted(path.name for path in out.rglob("*.json")) == ["backup.json", "record.json", "sedna-one.json"]
    index = json.loads((out / "backup.json").read_text())
    assert next((item["uid"], item["version"], item["by"]) for item in index["dashboards"]) == ("sedna-one", 2, "eve")
    assert [item["uid"] for item in index["datasources"]] == ["sedna-loki", "sedna-prometheus"]
    call(stand_in, "--all", "--out", str(out), "--foreign")
    assert [path.name for path in (out / "foreign").iterdir()] == ["theirs.json"]
    stand_in.delete("sedna-one")
    assert outcomes(run(loaded(out / "dashboards")))["sedna-one"] == "create"
    saved = stand_in.dashboards["sedna-one"]["model"]
    assert panel(saved, 7)["fieldConfig"]["defaults"]["unit"] == "s"


def test_a_dashboard_that_asks_no_datasource_is_left_alone_when_nobody_changed_it(
    stand_in: StandIn, source: Path, run: Deploy
) -> None:
    """It equals what is sent to the letter, so its content is not kept; that must not pass for an empty dashboard."""
    text = {"type": "text", "title": "Runbook", "id": 7, "gridPos": {"h": 8, "w": 24, "x": 0, "y": 0}}
    write(source, {**board(panels=[text]), "templating": {"list": []}})
    run(loaded(source))
    pull(stand_in, source)
    assert not (source / "one.patch.yaml").exists()
