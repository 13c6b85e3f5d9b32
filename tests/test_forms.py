"""Each form carries the same dashboards, in the shape that its reader takes."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from sedna_dash.building import load
from sedna_dash.dashboard_schema import all_panels
from sedna_dash.errors import SourceError
from sedna_dash.render.forms import LOGS_UID, METRICS_UID, Settings, bundle, for_import
from sedna_dash.render.loading import LoadedDashboard
from sedna_dash.render.profiles import NEWEST, OLDEST, profile_for, shaped

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def dashboards() -> list[LoadedDashboard]:
    return load(ROOT / "dashboards_src")


@pytest.fixture(scope="module")
def files(dashboards: list[LoadedDashboard]) -> dict[str, bytes]:
    return bundle(dashboards, OLDEST, Settings())


def test_equal_input_gives_equal_bytes(dashboards: list[LoadedDashboard], files: dict[str, bytes]) -> None:
    assert bundle(load(ROOT / "dashboards_src"), OLDEST, Settings()) == files
    assert all(content.endswith(b"\n") for content in files.values())


def test_provisioned_dashboards_are_those_of_the_api(files: dict[str, bytes]) -> None:
    api = {Path(name).name: content for name, content in files.items() if name.startswith("dashboards/")}
    provisioned = {
        Path(name).name: content
        for name, content in files.items()
        if name.startswith("provisioning/dashboards/files/Sedna/")
    }
    assert api == provisioned
    assert len(api) == len(list((ROOT / "dashboards_src").glob("*.py")))


def test_an_import_asks_for_each_datasource_and_holds_no_variable_for_it(files: dict[str, bytes]) -> None:
    for name, content in files.items():
        if not name.startswith("import/"):
            continue
        model, api = json.loads(content), json.loads(files[name.replace("import/", "dashboards/")])
        inputs = {item["name"]: item["pluginId"] for item in model["__inputs"]}
        assert set(inputs.values()) <= {"prometheus", "loki"}
        text = content.decode()
        assert "${datasource}" not in text
        assert "${loki_datasource}" not in text
        assert "datasource:queryparam" not in text
        for input_name in inputs:
            assert f"${{{input_name}}}" in text, f"{name} asks for {input_name} and does not use it"
        assert {item["id"] for item in model["__requires"] if item["type"] == "panel"} == {
            panel["type"] for panel in all_panels(model)
        } - {"row"}
        # The rest is the same dashboard.
        assert [panel["id"] for panel in all_panels(model)] == [panel["id"] for panel in all_panels(api)]
        assert model["uid"] == api["uid"]


def test_an_import_knows_every_way_to_name_a_datasource_variable() -> None:
    def variable(name: str) -> dict[str, str]:
        return {"type": "datasource", "name": name, "query": "prometheus"}

    links = "/d/a?${one:queryparam}&var-ds=${two:percentencode}&from=1"
    panels = [
        {"type": "stat", "datasource": name, "links": [{"url": links}]}
        for name in ("$one", "${one}", "[[two]]", "$one_more")
    ]
    model = for_import({"templating": {"list": [variable("one"), variable("two")]}, "panels": panels}, OLDEST)
    assert [panel["datasource"] for panel in model["panels"]] == [
        "${DS_PROMETHEUS_ONE}", "${DS_PROMETHEUS_ONE}", "${DS_PROMETHEUS_TWO}", "$one_more",
    ]  # fmt: skip
    assert {panel["links"][0]["url"] for panel in model["panels"]} == {"/d/a?from=1"}
    assert [item["name"] for item in model["__inputs"]] == ["DS_PROMETHEUS_ONE", "DS_PROMETHEUS_TWO"]


def test_two_dashboards_of_one_file_name_are_refused() -> None:
    two = [LoadedDashboard(Path(f"{uid}.py"), {"uid": uid, "title": uid}) for uid in ("a.b", "a-b")]
    with pytest.raises(SourceError, match=r"a-b\.json, which another dashboard has already"):
        bundle(two, OLDEST, Settings())


def test_provisioning_files_are_what_grafana_reads(files: dict[str, bytes]) -> None:
    provider = yaml.safe_load(files["provisioning/dashboards/sedna.yaml"])["providers"][0]
    assert provider["options"]["foldersFromFilesStructure"] is True
    assert "folder" not in provider  # Grafana refuses both together
    sources = yaml.safe_load(files["provisioning/datasources/sedna.yaml"])["datasources"]
    assert {source["uid"]: source["type"] for source in sources} == {METRICS_UID: "prometheus", LOGS_UID: "loki"}


def test_dollars_in_provisioning_are_written_twice() -> None:
    settings = Settings(metrics_url="http://a/$b")
    text = bundle([], OLDEST, settings)["provisioning/datasources/sedna.yaml"].decode()
    assert "http://a/$$b" in text


PANEL: dict[str, Any] = {
    "type": "table",
    "options": {"cellHeight": "sm", "showHeader": True},
    "fieldConfig": {
        "defaults": {"custom": {"cellOptions": {"type": "auto"}}},
        "overrides": [
            {
                "matcher": {"id": "byName", "options": "x"},
                "properties": [{"id": "custom.cellOptions", "value": {"type": "color-background", "mode": "basic"}}],
            }
        ],
    },
    "targets": [{"expr": "sum(count_over_time({a=\"b\"} [$__auto]))", "datasource": {"type": "loki", "uid": "x"}}],
}  # fmt: skip


def test_grafana_9_gets_its_own_table_cells_and_log_steps() -> None:
    authored = {"schemaVersion": 42, "panels": [{"type": "row", "panels": [PANEL]}]}
    old = shaped(authored, OLDEST)
    panel = old["panels"][0]["panels"][0]
    assert old["schemaVersion"] == 37
    assert panel["fieldConfig"]["defaults"]["custom"] == {"displayMode": "auto"}
    assert panel["fieldConfig"]["overrides"][0]["properties"] == [
        {"id": "custom.displayMode", "value": "color-background-solid"}
    ]
    assert panel["targets"][0]["expr"].endswith("[$__interval]))")
    assert panel["options"] == {"showHeader": True}
    # The authored dashboard is untouched, and the newest shape is as authored.
    assert shaped(authored, NEWEST) == authored


def test_a_dashboard_of_another_schema_is_left_as_it_is() -> None:
    exported = {"schemaVersion": 30, "panels": [PANEL]}
    assert shaped(exported, OLDEST) == exported


@pytest.mark.parametrize(
    ("version", "name"),
    [(None, "9.3"), ((8, 5), "9.3"), ((9, 3), "9.3"), ((9, 5), "9.3"), ((10, 0), "10"), ((13, 1), "10")],
)
def test_the_profile_of_a_server(version: tuple[int, int] | None, name: str) -> None:
    assert profile_for(version).name == name
