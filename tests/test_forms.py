"""Each form carries the same dashboards, in the shape that its reader takes."""

import base64
import gzip
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from sedna_dash.building import load
from sedna_dash.dashboard_schema import all_panels
from sedna_dash.errors import SourceError
from sedna_dash.render.forms import FORMS, LOGS_UID, METRICS_UID, Form, Settings, bundle, for_import
from sedna_dash.render.kubernetes_objects import Placement, needs_server_side, object_name
from sedna_dash.render.loading import LoadedDashboard
from sedna_dash.render.profiles import NEWEST, OLDEST, profile_for, restored, shaped

ROOT = Path(__file__).parent.parent
CHART = ROOT / "charts/sedna-dash/files/dashboards"


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


def test_every_form_carries_the_same_dashboards(dashboards: list[LoadedDashboard]) -> None:
    every = bundle(dashboards, OLDEST, Settings(), FORMS)
    api = models(every, "dashboards/")
    assert set(api) == {dashboard.uid for dashboard in dashboards}
    carried = {
        "provisioning": models(every, "provisioning/dashboards/files/Sedna/"),
        "configmaps": {uid: json.loads(found["data"][f"{uid}.json"]) for uid, found in objects(every, "configmaps/")},
        "operator": {uid: of_operator(found) for uid, found in objects(every, "grafana-operator/dashboards/")},
        "chart": {path.stem: json.loads(path.read_bytes()) for path in (CHART / "inline").iterdir()},
    }
    for form, found in carried.items():
        assert found == api, form
    imported = models(every, "import/")
    assert {uid: without_inputs(model) for uid, model in imported.items()} == {
        uid: without_source_variables(model) for uid, model in api.items()
    }
    # Resources have the shape of new Grafanas: both shapes lead back to what was written.
    new = {
        Path(name).stem: {**json.loads(content)["spec"], "uid": json.loads(content)["metadata"]["name"]}
        for name, content in every.items()
        if name.startswith("resources/dashboards/")
    }
    for dashboard in dashboards:
        written = dashboard.model
        assert restored(new[dashboard.uid], NEWEST, written) == restored(api[dashboard.uid], OLDEST, written) == written


def test_the_chart_carries_the_dashboards_with_records_too(dashboards: list[LoadedDashboard]) -> None:
    use = {board.uid: shaped(board.model, OLDEST) for board in load(ROOT / "dashboards_src", records="use")}
    inline = {path.stem: json.loads(path.read_bytes()) for path in (CHART / "inline").iterdir()}
    replaced = {path.stem: json.loads(path.read_bytes()) for path in (CHART / "use").iterdir()}
    assert {**inline, **replaced} == use
    assert all(inline[uid] != model for uid, model in replaced.items())


def models(files: Mapping[str, bytes], folder: str) -> dict[str, Any]:
    """The dashboards in files of JSON, by their uid."""
    found = [json.loads(content) for name, content in files.items() if name.startswith(folder)]
    return {model["uid"]: model for model in found}


def objects(files: Mapping[str, bytes], folder: str) -> list[tuple[str, Any]]:
    """The Kubernetes objects in files, with the names of the files."""
    return [(Path(name).stem, yaml.safe_load(text)) for name, text in files.items() if name.startswith(folder)]


def of_operator(found: Mapping[str, Any]) -> Any:
    spec = found["spec"]
    packed = gzip.decompress(base64.b64decode(spec["gzipJson"])) if "gzipJson" in spec else None
    return json.loads(packed or spec["json"])


#: How the two datasources are called in our dashboards, and what an import calls them.
INPUTS = {"datasource": "DS_PROMETHEUS", "loki_datasource": "DS_LOKI"}


def without_inputs(model: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in model.items() if key not in ("__inputs", "__requires")}


def without_source_variables(model: Mapping[str, Any]) -> Any:
    kept = [variable for variable in model["templating"]["list"] if variable["type"] != "datasource"]
    text = json.dumps({**model, "templating": {**model["templating"], "list": kept}})
    for variable, name in INPUTS.items():
        text = re.sub(rf"\$\{{{variable}:queryparam\}}&?", "", text).replace(f"${{{variable}}}", f"${{{name}}}")
    return json.loads(text)


def test_objects_are_what_their_readers_look_for(dashboards: list[LoadedDashboard]) -> None:
    placement = Placement("dash", {"mine": "yes"}, "home", {"grafana": "main"})
    settings = Settings("Edge AI", metrics_url="http://m/$x", placement=placement, resource_api="v1beta1")
    files = bundle(dashboards[:1], OLDEST, settings, ("configmaps", "operator", "resources"))
    uid = dashboards[0].uid
    found = yaml.safe_load(files[f"configmaps/{uid}.yaml"])["metadata"]
    assert found["namespace"] == "dash" and found["labels"]["mine"] == "yes"
    assert found["annotations"] == {"home": "Edge AI"}
    named = {name: yaml.safe_load(text) for name, text in files.items() if name.startswith("grafana-operator/")}
    assert {item["spec"]["instanceSelector"]["matchLabels"]["grafana"] for item in named.values()} == {"main"}
    assert {item["metadata"]["namespace"] for item in named.values()} == {"dash"}
    folder = named["grafana-operator/folder.yaml"]
    assert folder["spec"]["title"] == "Edge AI"
    board = named[f"grafana-operator/dashboards/{uid}.yaml"]["spec"]
    assert board["folderRef"] == folder["metadata"]["name"]
    source = named[f"grafana-operator/datasources/{METRICS_UID}.yaml"]["spec"]
    assert source["uid"] == METRICS_UID and source["datasource"]["url"] == "http://m/$x"  # nobody expands it
    resource = json.loads(files[f"resources/dashboards/{uid}.json"])
    assert resource["apiVersion"] == "dashboard.grafana.app/v1beta1" and resource["spec"]["schemaVersion"] == 42
    home = json.loads(files["resources/folders/edge-ai.json"])
    assert home["apiVersion"] == "folder.grafana.app/v1beta1" and home["spec"] == {"title": "Edge AI"}
    assert resource["metadata"]["annotations"] == {"grafana.app/folder": home["metadata"]["name"]}


def board_of(size: int, uid: str = "Big_one") -> LoadedDashboard:
    """A dashboard of some bytes that compress to a little more than half."""
    text = "".join(hashlib.sha256(f"{number}".encode()).hexdigest() for number in range(size // 64))
    return LoadedDashboard(Path("big.py"), {"uid": uid, "title": "Big", "description": text})


@pytest.mark.parametrize(
    ("size", "form", "fits", "server_side"),
    [
        (200_000, "configmaps", True, False),
        (300_000, "configmaps", True, True),
        (1_100_000, "configmaps", False, None),
        (200_000, "operator", True, False),
        (300_000, "operator", True, False),  # compressed, and so small again
        (1_600_000, "operator", False, None),
    ],
)
def test_an_object_knows_how_large_it_may_be(size: int, form: Form, fits: bool, server_side: bool | None) -> None:
    board = board_of(size)
    if not fits:
        with pytest.raises(SourceError, match=r"'Big_one' makes a .* KiB, .* less than 1,024; split the dashboard"):
            bundle([board], OLDEST, Settings(), (form,))
        return
    files = bundle([board], OLDEST, Settings(), (form,))
    name = "configmaps/big-one.yaml" if form == "configmaps" else "grafana-operator/dashboards/big-one.yaml"
    assert needs_server_side(files[name]) is server_side
    found = yaml.safe_load(files[name])
    model = json.loads(found["data"]["Big_one.json"]) if form == "configmaps" else of_operator(found)
    assert model == board.model


def test_names_are_those_of_kubernetes_and_nobody_shares_one() -> None:
    assert object_name("My_Dash-2") == "my-dash-2"
    with pytest.raises(SourceError, match=r"'A_b' and 'a-b' would both be the Kubernetes object a-b"):
        bundle([board_of(10, "A_b"), board_of(10, "a-b")], OLDEST, Settings(), ("configmaps",))


def build(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sedna_dash", "build", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def test_a_build_holds_the_forms_that_were_named(tmp_path: Path) -> None:
    done = build("--out", tmp_path, "--form", "configmaps", "--form", "resources")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"MANIFEST", "configmaps", "resources"}
    assert build("--out", tmp_path, "--form", "operator").returncode == 0
    assert [path.name for path in tmp_path.rglob("*.yaml") if path.parent.name == "configmaps"] == []


def test_a_build_says_what_needs_another_apply(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "big.json").write_text(json.dumps(board_of(300_000).model))
    done = build("--source", source, "--out", tmp_path / "out", "--form", "configmaps")
    assert done.returncode == 0, done.stderr
    assert "kubectl apply --server-side, because of their size: configmaps/big-one.yaml" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--namespace", "My_Space"), "--namespace 'My_Space' is no name in Kubernetes"),
        (("--sidecar-label", "dashboards"), "'dashboards' is no KEY=VALUE"),
        (("--sidecar-label", "a b=1"), "--sidecar-label 'a b=1' is no label of Kubernetes"),
        (("--instance-label", "a=b c"), "--instance-label 'a=b c' is no label of Kubernetes"),
        (("--folder-annotation", "a b"), "--folder-annotation 'a b' is no annotation's key"),
    ],
)
def test_what_kubernetes_would_refuse_is_refused(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    done = build("--out", tmp_path, "--form", "configmaps", *arguments)
    assert done.returncode == 2 and says in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_import_asks_for_each_datasource_and_holds_no_variable_for_it(files: dict[str, bytes]) -> None:
    for name, content in files.items():
        if not name.startswith("import/"):
            continue
        model, api = json.loads(content), json.loads(files[name.replace("import/", "dashboards/")])
        inputs = {item["name"]: item["pluginId"] for item in model.get("__inputs", ())}
        assert inputs or "__inputs" not in model
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
