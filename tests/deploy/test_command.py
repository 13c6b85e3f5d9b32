"""The command lines that talk to a Grafana, as a user meets them: exit codes, what is printed, what is not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sedna_dash.cli import main
from sedna_dash.deploy import desired_alerts
from sedna_dash.deploy.alert_rules import Alerts
from sedna_dash.deploy.marks import message_for
from sedna_dash.schemas import violations
from tests.deploy.conftest import rename, rule
from tests.grafana_stand_in import Answer, Request, StandIn

MODULE = '''"""{title}?"""

from sedna_dash.authoring import board, logs_source, metrics_source

dashboard = board("{title}", uid="{uid}", question="{question}", variables=[metrics_source(), logs_source()])
'''
URLS = ["--prometheus-url", "http://prometheus:9090", "--loki-url", "http://loki:3100"]
SECRETS = {"admin-token", "wrong-token-s3cret", "hunter2", "YWRtaW46aHVudGVyMg=="}
#: What the first deployment of two dashboards writes: folder, datasources, dashboards, record.
FIRST = 6


def write_module(folder: Path, name: str, question: str = "Well?") -> None:
    text = MODULE.format(title=f"Board {name}", uid=f"board-{name}", question=question)
    (folder / f"{name}.py").write_text(text)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two dashboard modules."""
    folder = tmp_path / "boards"
    folder.mkdir()
    for name in ("one", "two"):
        write_module(folder, name)
    return folder


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own, for journals, and a working folder without a settings file."""
    for name in ("GITHUB_STEP_SUMMARY", "SEDNA_DASH_CONFIG", "GRAFANA_URL", "GRAFANA_USER", "GRAFANA_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "state" / "sedna-dash"


def call(stand_in: StandIn, *arguments: str, token: str | None = "admin-token", **runner: Any) -> Result:
    environ = {"GRAFANA_TOKEN": token} | runner.pop("env", {})
    command, *more = arguments
    result = CliRunner().invoke(main, [command, "--url", stand_in.url, *more], env=environ, **runner)
    for secret in SECRETS:
        assert secret not in result.output + repr(result.exception) + repr(result.exc_info)
    return result


def deploy(stand_in: StandIn, source: Path, *more: str, **runner: Any) -> Result:
    return call(stand_in, "deploy", "--source", str(source), *URLS, *more, **runner)


def plan(stand_in: StandIn, source: Path, *more: str, **runner: Any) -> Result:
    return call(stand_in, "plan", "--source", str(source), *URLS, *more, **runner)


def valid(name: str, text: str) -> Any:
    content = json.loads(text)
    assert list(violations(name, content)) == []
    return content


# Deploy ---------------------------------------------------------------------------------------------------------------


def test_first_and_second_run(stand_in: StandIn, source: Path, state: Path) -> None:
    first = deploy(stand_in, source)
    assert (first.exit_code, first.stderr) == (0, "")
    assert first.stdout.splitlines()[0].split() == ["create", "folder", "Sedna", "sedna"]
    assert first.stdout.endswith(f"(Grafana 9.3.2): {FIRST} created\n")
    assert len(list(state.glob("*.jsonl"))) == 1
    second = deploy(stand_in, source)
    assert second.exit_code == 0 and f"{FIRST} unchanged" in second.stdout
    assert len(stand_in.writes) == FIRST
    # A run without changes has nothing to tell.
    assert len(list(state.glob("*.jsonl"))) == 1


def test_an_edit(stand_in: StandIn, source: Path) -> None:
    deploy(stand_in, source)
    stand_in.edit("board-one", rename, by="eve")
    result = deploy(stand_in, source)
    assert result.exit_code == 3
    assert "changed since our version 1: version 2 by eve" in result.stdout
    assert "dashboard: title changed live by eve at" in result.stdout
    assert "(Board one → Mine)" in result.stdout
    assert result.stderr.startswith(
        "Error: 1 thing left alone: dashboard 'Board one'; sedna-dash pull board-one brings"
    )
    kept = deploy(stand_in, source, "--on-drift", "keep")
    assert kept.exit_code == 0 and "1 drifted" in kept.stdout
    assert stand_in.dashboards["board-one"]["model"]["title"] == "Mine"
    assert deploy(stand_in, source, "--on-drift", "overwrite").exit_code == 0
    assert stand_in.dashboards["board-one"]["model"]["title"] == "Board one"


def test_both_sides(stand_in: StandIn, source: Path) -> None:
    deploy(stand_in, source)
    stand_in.edit("board-one", rename)
    write_module(source, "one", question="Better?")
    assert deploy(stand_in, source).exit_code == 3
    merged = deploy(stand_in, source, "--on-drift", "merge")
    assert merged.exit_code == 0, merged.output
    model = stand_in.dashboards["board-one"]["model"]
    assert model["title"] == "Mine" and "Better?" in json.dumps(model)


def test_json(stand_in: StandIn, source: Path) -> None:
    shown = valid("report", deploy(stand_in, source, "--output", "json", "--dry-run").stdout)
    assert (shown["dryRun"], shown["counts"], shown["exitCode"]) == (True, {"create": FIRST}, 0)
    assert stand_in.writes == []
    deploy(stand_in, source)
    stand_in.edit("board-one", rename)
    result = deploy(stand_in, source, "--output", "json")
    shown = valid("report", result.stdout)
    assert result.exit_code == shown["exitCode"] == 3
    assert [item["details"][0]["field"] for item in shown["results"] if item["outcome"] == "drifted"] == ["title"]


def test_refusals(stand_in: StandIn, source: Path) -> None:
    for token in ("wrong-token-s3cret", "viewer-token"):
        result = deploy(stand_in, source, token=token)
        assert result.exit_code == 7 and result.stderr.startswith("Error: ")
    assert stand_in.dashboards == {}


def test_a_part(stand_in: StandIn, source: Path) -> None:
    """An Editor makes the folder, but no datasources."""
    result = deploy(stand_in, source, token="editor-token")
    assert result.exit_code == 5 and "1 created" in result.stdout
    assert result.stderr.startswith("Error: 2 failed, 3 not tried; first datasource 'Sedna metrics'")
    # Running again would not help.
    assert "the role Admin" in result.stderr and "run again" not in result.stderr


def test_a_grafana_that_is_too_old(source: Path) -> None:
    with StandIn(version="8.5.27") as old:
        result = deploy(old, source)
        assert result.exit_code == 6 and "is Grafana 8.5.27, and sedna-dash needs 9.3" in result.stderr
        assert old.writes == []


@pytest.mark.parametrize(
    "arguments, environ, code, message",
    [
        ([], {}, 2, "no credentials"),
        (["--token", "x"], {"GRAFANA_TOKEN": "admin-token"}, 2, "No such option"),
        (["--loki-uid", "x"], {"GRAFANA_TOKEN": "admin-token"}, 2, "--loki-url and --loki-uid exclude each other"),
        (["--folder", "General"], {"GRAFANA_TOKEN": "admin-token"}, 2, "--folder General"),
        (["--bundle", "No Good"], {"GRAFANA_TOKEN": "admin-token"}, 2, "--bundle 'No Good'"),
        (["--timeout", "0"], {"GRAFANA_TOKEN": "admin-token"}, 2, "--timeout"),
        (["--jobs", "99"], {"GRAFANA_TOKEN": "admin-token"}, 2, "--jobs"),
        (["--on-drift", "ignore"], {"GRAFANA_TOKEN": "admin-token"}, 2, "--on-drift"),
        (["--source", "/nowhere"], {"GRAFANA_TOKEN": "admin-token"}, 1, "no such folder"),
        (["--plan", "nothing.json"], {"GRAFANA_TOKEN": "admin-token"}, 2, "--source is settled in the plan"),
        (["--environment", "x"], {"GRAFANA_TOKEN": "admin-token"}, 2, "no sedna-dash.yaml here"),
        (["--config", "x.yaml"], {"GRAFANA_TOKEN": "admin-token"}, 2, "x.yaml: cannot be read"),
        (["--url", "http://admin:hunter2@host"], {"GRAFANA_TOKEN": "admin-token"}, 2, "holds credentials"),
        (["--url", "http://127.0.0.1:1"], {"GRAFANA_TOKEN": "admin-token"}, 4, "connection refused"),
        ([], {"GRAFANA_USER": "admin", "GRAFANA_PASSWORD": "hunter2"}, 7, "invalid username or password"),
    ],
)
def test_errors(
    stand_in: StandIn, source: Path, arguments: list[str], environ: dict[str, str], code: int, message: str
) -> None:
    result = deploy(stand_in, source, *arguments, token=None, env=environ)
    assert result.exit_code == code
    assert message in result.stderr
    assert "Traceback" not in result.output and stand_in.writes == []


def test_where_credentials_come_from(stand_in: StandIn, source: Path, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("admin-token\n")
    for arguments, more in [
        (["--token-file", str(file)], {}),
        (["--token-stdin"], {"input": "admin-token\n"}),
        ([], {"env": {"GRAFANA_USER": "admin", "GRAFANA_PASSWORD": "admin"}}),
    ]:
        assert deploy(stand_in, source, *arguments, token=None, **more).exit_code == 0


def test_existing_datasources(stand_in: StandIn, source: Path) -> None:
    stand_in.put_datasource("p", "Prometheus", "prometheus")
    stand_in.put_datasource("l", "Loki", "loki")
    stand_in.put_datasource("m", "Loki 2", "loki")
    arguments = ["deploy", "--source", str(source)]
    unclear = call(stand_in, *arguments)
    assert unclear.exit_code == 2 and "several loki datasources" in unclear.stderr
    assert stand_in.writes == []
    for clear in (["--loki-uid", "m"], ["--loki-name", "Loki 2"]):
        assert call(stand_in, *arguments, *clear).exit_code == 0
        variables = stand_in.dashboards["board-one"]["model"]["templating"]["list"]
        assert [variable["current"]["value"] for variable in variables] == ["p", "m"]
    assert set(stand_in.datasources) == {"p", "l", "m"}


def test_a_folder_of_json(stand_in: StandIn, source: Path, tmp_path: Path) -> None:
    """What build wrote deploys like the modules, where there is no Python but ours."""
    runner = CliRunner()
    assert runner.invoke(main, ["build", "--source", str(source), "--out", str(tmp_path / "build")]).exit_code == 0
    assert deploy(stand_in, source).exit_code == 0
    built = deploy(stand_in, tmp_path / "build" / "dashboards")
    assert built.exit_code == 0 and f"{FIRST} unchanged" in built.stdout
    wrong = deploy(stand_in, tmp_path / "build" / "import")
    assert wrong.exit_code == 1 and "name the folder build/dashboards" in wrong.stderr


# Plan -----------------------------------------------------------------------------------------------------------------


def test_plan_writes_nothing_and_says_what_deploy_does(stand_in: StandIn, source: Path) -> None:
    shown = plan(stand_in, source)
    assert shown.exit_code == 0 and f"would be {FIRST} created" in shown.stdout
    assert stand_in.writes == []
    assert plan(stand_in, source, "--check").exit_code == 8
    deploy(stand_in, source)
    assert plan(stand_in, source, "--check").exit_code == 0
    write_module(source, "two", question="Better?")
    changed = plan(stand_in, source)
    assert "panel 'text" in changed.stdout and "content changed here" in changed.stdout
    stand_in.edit("board-one", rename)
    drifted = plan(stand_in, source, "--check")
    assert drifted.exit_code == 3 and "would be left alone" in drifted.stderr


def test_a_saved_plan_is_done_exactly(stand_in: StandIn, source: Path, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    shown = plan(stand_in, source, "--out", str(file), "--output", "json")
    assert valid("plan", shown.stdout) == valid("plan", file.read_text())
    write_module(source, "one", question="Changed after the plan?")
    done = call(stand_in, "deploy", "--plan", str(file))
    assert done.exit_code == 0, done.output
    assert "Changed after" not in json.dumps(stand_in.dashboards["board-one"]["model"])
    again = call(stand_in, "deploy", "--plan", str(file))
    assert again.exit_code == 0 and f"{FIRST} unchanged" in again.stdout
    assert len(stand_in.writes) == FIRST


@pytest.mark.parametrize(
    "move",
    [
        lambda stand_in: stand_in.edit("board-one", rename),
        lambda stand_in: stand_in.delete("board-one"),
        lambda stand_in: stand_in.move("board-one", ""),
        lambda stand_in: stand_in.datasources["sedna-loki"].update(url="http://mine"),
    ],
    ids=["edited", "deleted", "moved", "a datasource"],
)
def test_a_plan_of_something_that_moved_since(stand_in: StandIn, source: Path, tmp_path: Path, move: Any) -> None:
    deploy(stand_in, source)
    write_module(source, "one", question="Better?")
    arguments = ["--out", str(tmp_path / "plan.json"), "--loki-url", "http://other:3100"]
    assert plan(stand_in, source, *arguments).exit_code == 0
    move(stand_in)
    before = len(stand_in.writes)
    result = call(stand_in, "deploy", "--plan", str(tmp_path / "plan.json"))
    assert result.exit_code == 3 and "make the plan anew" in result.stderr
    assert len(stand_in.writes) == before


def test_a_plan_of_another_grafana(stand_in: StandIn, source: Path, tmp_path: Path) -> None:
    plan(stand_in, source, "--out", str(tmp_path / "plan.json"))
    with StandIn() as other:
        result = call(other, "deploy", "--plan", str(tmp_path / "plan.json"))
        assert result.exit_code == 2 and "was made for" in result.stderr and other.writes == []


@pytest.mark.parametrize(
    "content, message",
    [("{", "is not JSON"), ("{}", "is no plan"), ('{"kind": "sedna-dash/plan"}', "another sedna-dash")],
)
def test_a_file_that_is_no_plan(stand_in: StandIn, tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "plan.json").write_text(content)
    result = call(stand_in, "deploy", "--plan", str(tmp_path / "plan.json"))
    assert result.exit_code == 2 and message in result.stderr


# Prune, history, rollback ---------------------------------------------------------------------------------------------


def test_prune_and_return(stand_in: StandIn, source: Path) -> None:
    deploy(stand_in, source)
    stand_in.put_dashboard({"uid": "mine", "title": "Mine", "tags": ["sedna-dash"]}, folder="sedna")
    (source / "two.py").unlink()
    left = deploy(stand_in, source)
    assert left.exit_code == 0 and "no longer in the modules; --prune deletes it" in left.stdout
    assert "foreign" in left.stdout and set(stand_in.dashboards) >= {"board-two", "mine"}
    guarded = deploy(stand_in, source, "--prune", "--prune-limit", "0")
    assert guarded.exit_code == 3 and "more than --prune-limit 0 allows" in guarded.stderr
    assert plan(stand_in, source, "--prune").exit_code == 0
    assert "board-two" in stand_in.dashboards
    pruned = deploy(stand_in, source, "--prune")
    assert pruned.exit_code == 0 and "1 deleted" in pruned.stdout
    assert set(stand_in.dashboards) == {"board-one", "mine", "sedna-dash-sedna"}
    listed = valid("history", call(stand_in, "history", "--output", "json").stdout)["deployments"]
    # The one in the middle only left it out.
    assert [item["dashboards"] for item in listed] == [1, 1, 2]
    first = listed[-1]["id"]
    assert first in call(stand_in, "history").stdout
    shown = call(stand_in, "rollback", "--to", first, "--dry-run")
    assert shown.exit_code == 0 and "would be 1 created, 1 updated" in shown.stdout
    back = call(stand_in, "rollback", "--to", first[:6])
    assert back.exit_code == 0 and "board-two" in stand_in.dashboards
    assert json.loads(call(stand_in, "history", "--output", "json").stdout)["deployments"][0]["id"] == first


def test_return_to_the_one_before(stand_in: StandIn, source: Path) -> None:
    deploy(stand_in, source)
    write_module(source, "one", question="Worse?")
    write_module(source, "three")
    deploy(stand_in, source)
    result = call(stand_in, "rollback")
    assert result.exit_code == 0, result.output
    assert "Worse?" not in json.dumps(stand_in.dashboards["board-one"]["model"])
    # What came later is deleted only when that is asked for.
    assert "board-three" in stand_in.dashboards
    assert call(stand_in, "rollback", "--to", "f00").exit_code == 2


def test_nobodys_edit_is_rolled_back(stand_in: StandIn, source: Path) -> None:
    deploy(stand_in, source)
    write_module(source, "one", question="Worse?")
    write_module(source, "two", question="Worse?")
    deploy(stand_in, source)
    stand_in.edit("board-one", rename)
    before = len(stand_in.writes)
    result = call(stand_in, "rollback")
    assert result.exit_code == 3 and len(stand_in.writes) == before
    assert call(stand_in, "rollback", "--on-drift", "overwrite").exit_code == 0
    assert "Worse?" not in json.dumps(stand_in.dashboards["board-two"]["model"])


def test_nothing_to_return_to(stand_in: StandIn, source: Path) -> None:
    assert "has no deployment" in call(stand_in, "history").stdout
    assert call(stand_in, "rollback").exit_code == 2
    deploy(stand_in, source)
    only = call(stand_in, "rollback")
    assert only.exit_code == 2 and "knows no deployment" in only.stderr


# Settings file --------------------------------------------------------------------------------------------------------

SETTINGS = """
environments:
  edge:
    url: {url}
    folder: [Sites, Edge]
    bundle: edge
    credentials: {{token: {{env: EDGE_TOKEN}}}}
    datasources:
      metrics: {{url: "http://prometheus:9090", secrets: {{httpHeaderValue1: {{env: PROM_HEADER}}}}}}
      logs: {{name: Loki}}
"""


def test_a_settings_file(stand_in: StandIn, source: Path, tmp_path: Path) -> None:
    stand_in.put_datasource("l", "Loki", "loki")
    (tmp_path / "sedna-dash.yaml").write_text(SETTINGS.format(url=stand_in.url))
    environ = {"EDGE_TOKEN": "admin-token", "PROM_HEADER": "hunter2", "GRAFANA_TOKEN": None}
    arguments = ["deploy", "--source", str(source), "--environment", "edge"]
    runner = CliRunner()
    found = runner.invoke(main, arguments, env=environ)
    # It lies here, but nobody named it: it may not decide where a token goes.
    assert found.exit_code == 2 and "--config sedna-dash.yaml" in found.stderr and stand_in.requests == []
    named = runner.invoke(main, [*arguments, "--config", "sedna-dash.yaml", "--no-journal"], env=environ)
    assert named.exit_code == 0, named.output
    assert "hunter2" not in named.output and "admin-token" not in named.output
    # No folders in folders before Grafana 11.
    assert [folder["title"] for folder in stand_in.folders.values()] == ["Sites / Edge"]
    assert stand_in.datasources["sedna-prometheus"]["secureJsonData"] == {"httpHeaderValue1": "hunter2"}
    assert "sedna-loki" not in stand_in.datasources and "sedna-dash-edge" in stand_in.dashboards
    # Secrets cannot be compared, so they are sent again only when that is asked for.
    for more, times in (([], 0), (["--send-secrets"], 1)):
        stand_in.requests.clear()
        again = runner.invoke(main, [*arguments, "--config", "sedna-dash.yaml", *more], env=environ)
        assert again.exit_code == 0, again.output
        assert sum("hunter2" in json.dumps(request.body) for request in stand_in.requests) == times


def test_a_plan_holds_where_secrets_are_and_not_the_secrets(stand_in: StandIn, source: Path, tmp_path: Path) -> None:
    stand_in.put_datasource("l", "Loki", "loki")
    (tmp_path / "sedna-dash.yaml").write_text(SETTINGS.format(url=stand_in.url))
    environ = {"EDGE_TOKEN": "admin-token", "PROM_HEADER": "hunter2", "SEDNA_DASH_CONFIG": "sedna-dash.yaml"}
    runner = CliRunner()
    made = runner.invoke(main, ["plan", "--source", str(source), "--out", "plan.json"], env=environ)
    assert made.exit_code == 0, made.output
    text = (tmp_path / "plan.json").read_text()
    assert "hunter2" not in text and '"env": "PROM_HEADER"' in text
    done = runner.invoke(main, ["deploy", "--plan", "plan.json"], env=environ)
    assert done.exit_code == 0, done.output
    assert stand_in.datasources["sedna-prometheus"]["secureJsonData"] == {"httpHeaderValue1": "hunter2"}


def test_a_secret_that_cannot_be_had(stand_in: StandIn, source: Path, tmp_path: Path) -> None:
    stand_in.put_datasource("l", "Loki", "loki")
    (tmp_path / "sedna-dash.yaml").write_text(SETTINGS.format(url=stand_in.url))
    environ = {"EDGE_TOKEN": "admin-token", "SEDNA_DASH_CONFIG": "sedna-dash.yaml"}
    result = CliRunner().invoke(main, ["deploy", "--source", str(source)], env=environ)
    assert result.exit_code == 5 and "PROM_HEADER is not set" in result.stderr
    assert stand_in.dashboards == {}


def test_variables_of_a_site(stand_in: StandIn, tmp_path: Path) -> None:
    text = f"environments: {{a: {{url: '{stand_in.url}', variables: {{cluster: edge-7}}}}}}\n"
    (tmp_path / "sedna-dash.yaml").write_text(text)
    environ = {"GRAFANA_TOKEN": "admin-token", "SEDNA_DASH_CONFIG": "sedna-dash.yaml"}
    assert CliRunner().invoke(main, ["deploy", *URLS], env=environ).exit_code == 0
    variables = stand_in.dashboards["sedna-fleet"]["model"]["templating"]["list"]
    assert next(item["current"]["value"] for item in variables if item["name"] == "cluster") in ("edge-7", ["edge-7"])
    (tmp_path / "sedna-dash.yaml").write_text(text.replace("cluster", "clutser"))
    wrong = CliRunner().invoke(main, ["deploy", *URLS], env=environ)
    assert wrong.exit_code == 2 and "did you mean 'cluster'?" in wrong.stderr


# Around it ------------------------------------------------------------------------------------------------------------


def test_the_page_of_a_workflow_step(stand_in: StandIn, source: Path, tmp_path: Path) -> None:
    page = tmp_path / "summary.md"
    page.write_text("before\n")
    assert deploy(stand_in, source, env={"GITHUB_STEP_SUMMARY": str(page)}).exit_code == 0
    text = page.read_text()
    assert text.startswith("before\n### sedna-dash deploy\n") and "| create | dashboard | Board one |" in text


def test_doctor(stand_in: StandIn) -> None:
    result = call(stand_in, "doctor", *URLS, "--output", "json")
    found = valid("doctor", result.stdout)
    assert result.exit_code == 0, result.output
    assert {check["name"] for check in found["checks"]} >= {"url", "credentials", "rights", "clock"}
    assert stand_in.writes == []
    assert call(stand_in, "doctor", token="wrong-token-s3cret").exit_code == 7


@pytest.mark.parametrize("name", ["doctor", "environments", "history", "plan", "report"])
def test_schemas_are_published(stand_in: StandIn, name: str) -> None:
    result = CliRunner().invoke(main, ["schema", name])
    assert json.loads(result.stdout)["$id"] == f"urn:sedna-dash:schemas:{name}:1"


def test_help_is_quick() -> None:
    """Nothing heavy is imported for it."""
    code = (
        "import sys; from sedna_dash.deploy.command import deploy_command;"
        "print([name for name in ('grafana_client', 'niquests', 'grafanalib', 'rich', 'yaml') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


@pytest.mark.parametrize("number", [1, 4, 6])
def test_a_kill_in_the_middle(stand_in: StandIn, source: Path, number: int, state: Path) -> None:
    """The process is killed while Grafana takes the n-th write; the next run finishes the work, and says so."""
    processes: list[subprocess.Popen[bytes]] = []

    def kill(request: Request) -> Answer | None:
        if len(stand_in.writes) == number and request.method != "GET":
            stand_in.after = lambda request: None
            os.kill(processes[0].pid, signal.SIGKILL)
            processes[0].wait()
        return None

    stand_in.after = kill
    command = [sys.executable, "-m", "sedna_dash", "deploy", "--url", stand_in.url, "--source", str(source), *URLS]
    processes.append(subprocess.Popen([*command, "--jobs", "1"], env=os.environ | {"GRAFANA_TOKEN": "admin-token"}))
    assert processes[0].wait(timeout=60) == -signal.SIGKILL
    assert len(stand_in.writes) == number
    result = deploy(stand_in, source)
    assert result.exit_code == 0
    if number < FIRST:
        assert f"was cut off after {number - 1} of {FIRST} changes" in result.stderr
    assert len(stand_in.writes) == FIRST
    assert f"{FIRST} unchanged" in deploy(stand_in, source).stdout


def test_a_record_of_another_release(stand_in: StandIn, source: Path) -> None:
    """It would be taken for none, and what it knows be forgotten."""
    deploy(stand_in, source)
    found = stand_in.dashboards["sedna-dash-sedna"]
    model, message = found["model"], found["history"][0]["message"]
    model["panels"][1]["options"]["content"] = '{"somethingNew": 1}'
    new = message_for(model, bundle="sedna", deployment="0" * 12, folder="sedna")
    found["history"][0]["message"] = new.replace("sedna-dash 0.1.0", "sedna-dash 9.0.0")
    assert message != new
    result = deploy(stand_in, source)
    assert result.exit_code == 3 and "written by sedna-dash 9.0.0" in result.stderr


def test_a_saved_plan_that_was_cut_off_goes_on(stand_in: StandIn, source: Path, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    plan(stand_in, source, "--out", str(file))
    down = Answer(502, b"<html>", {}, "text/html")
    stand_in.before = lambda request: down if len(stand_in.writes) > 4 and request.method == "POST" else None
    assert call(stand_in, "deploy", "--plan", str(file)).exit_code == 5
    stand_in.before = lambda request: None
    assert call(stand_in, "deploy", "--plan", str(file)).exit_code == 0
    assert f"{FIRST} unchanged" in deploy(stand_in, source).stdout


def test_modules_of_another_set(stand_in: StandIn, source: Path, tmp_path: Path) -> None:
    """Whoever forgets --bundle would make orphans of all that is there."""
    deploy(stand_in, source)
    other = tmp_path / "other"
    other.mkdir()
    write_module(other, "mine")
    forgotten = deploy(stand_in, other, "--prune")
    assert forgotten.exit_code == 3 and "give these a --bundle of their own" in forgotten.stderr
    assert deploy(stand_in, other, "--bundle", "mine").exit_code == 0
    assert "2 of the set" not in deploy(stand_in, source).stderr and "board-one" in stand_in.dashboards


def test_rolling_back_twice_goes_further_back(stand_in: StandIn, source: Path) -> None:
    for question in ("One?", "Two?", "Three?"):
        write_module(source, "one", question=question)
        deploy(stand_in, source)
    for question in ("Two?", "One?"):
        back = call(stand_in, "rollback")
        assert back.exit_code == 0 and back.stderr.startswith("From ")
        assert question in json.dumps(stand_in.dashboards["board-one"]["model"])
    assert call(stand_in, "rollback").exit_code == 2


def test_a_rollback_of_datasources_that_only_one_run_named(stand_in: StandIn, source: Path) -> None:
    deploy(stand_in, source)
    before = len(stand_in.writes)
    assert call(stand_in, "deploy", "--source", str(source)).exit_code == 0 and len(stand_in.writes) == before
    deploy(stand_in, source, "--loki-url", "http://other:3100")
    assert call(stand_in, "rollback").exit_code == 0
    assert stand_in.datasources["sedna-loki"]["url"] == "http://loki:3100"


def test_the_organization_of_a_token(stand_in: StandIn, source: Path) -> None:
    """Grafana ignores which one a token is asked to work in."""
    result = deploy(stand_in, source, "--org-id", "7")
    assert result.exit_code == 2 and "are of organization 1, not 7" in result.stderr and stand_in.writes == []


def test_a_dashboard_with_another_uid(stand_in: StandIn, source: Path) -> None:
    """The old one has the title, which Grafana gives only once in a folder: it goes first, or nothing does."""
    deploy(stand_in, source)
    text = (source / "two.py").read_text().replace("board-two", "board-2")
    (source / "two.py").write_text(text)
    waiting = deploy(stand_in, source)
    assert waiting.exit_code == 3 and "board-two is no longer in the modules; --prune deletes it" in waiting.stdout
    assert set(stand_in.dashboards) == {"board-one", "board-two", "sedna-dash-sedna"}
    swapped = deploy(stand_in, source, "--prune")
    assert swapped.exit_code == 0 and "takes the place of board-two" in swapped.stdout
    assert set(stand_in.dashboards) == {"board-one", "board-2", "sedna-dash-sedna"}
    assert f"{FIRST} unchanged" in deploy(stand_in, source).stdout


@pytest.mark.parametrize("number", [1, 4])
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "a job that is cancelled"])
def test_an_interrupted_run_reports_what_it_did(
    stand_in: StandIn, source: Path, number: int, sent: signal.Signals
) -> None:
    processes: list[subprocess.Popen[str]] = []

    def interrupt(request: Request) -> Answer | None:
        if len(stand_in.writes) == number and request.method != "GET":
            stand_in.after = lambda request: None
            os.kill(processes[0].pid, sent)
            time.sleep(0.2)
        return None

    stand_in.after = interrupt
    command = [sys.executable, "-m", "sedna_dash", "deploy", "--url", stand_in.url, "--source", str(source), *URLS]
    environ = os.environ | {"GRAFANA_TOKEN": "admin-token"}
    processes.append(
        subprocess.Popen(
            [*command, "--jobs", "1"], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    )
    out, err = processes[0].communicate(timeout=60)
    assert "interrupted" in out and "Traceback" not in err, err
    assert processes[0].returncode == (4 if number == 1 else 5)
    assert deploy(stand_in, source).exit_code == 0
    assert f"{FIRST} unchanged" in deploy(stand_in, source).stdout


def test_a_saved_plan_that_was_cut_off_between_the_old_uid_and_the_new(
    stand_in: StandIn, source: Path, tmp_path: Path
) -> None:
    deploy(stand_in, source)
    (source / "two.py").write_text((source / "two.py").read_text().replace("board-two", "board-2"))
    file = tmp_path / "plan.json"
    assert plan(stand_in, source, "--prune", "--out", str(file)).exit_code == 0
    down = Answer(502, b"<html>", {}, "text/html")
    stand_in.before = lambda request: (
        down if request.method == "POST" and (request.body.get("dashboard") or {}).get("uid") == "board-2" else None
    )
    assert call(stand_in, "deploy", "--plan", str(file)).exit_code == 5
    assert not {"board-two", "board-2"} & set(stand_in.dashboards)
    stand_in.before = lambda request: None
    assert call(stand_in, "deploy", "--plan", str(file)).exit_code == 0
    assert "board-2" in stand_in.dashboards


# Alert rules ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def alerts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two alert rules that come with sedna-dash."""
    rules = [rule(), rule("sedna-down", "SednaDown")]
    monkeypatch.setattr(desired_alerts, "desired_alerts", lambda *given: Alerts(rules, {"sedna-jobs": 30}))


ALERTS = """
environments:
  lab:
    url: {url}
    alerts: {alerts}
"""


@pytest.mark.parametrize(
    "setting, options, made",
    [
        (None, [], False),
        (None, ["--alerts"], True),
        ("true", [], True),
        ("true", ["--no-alerts"], False),
        ("false", [], False),
        ("false", ["--alerts"], True),
    ],
)
@pytest.mark.usefixtures("alerts")
def test_alerts_are_asked_for(
    stand_in: StandIn, source: Path, tmp_path: Path, setting: str | None, options: list[str], made: bool
) -> None:
    if setting:
        (tmp_path / "settings.yaml").write_text(ALERTS.format(url=stand_in.url, alerts=setting))
        options = [*options, "--config", str(tmp_path / "settings.yaml")]
    result = deploy(stand_in, source, *options)
    assert result.exit_code == 0 and bool(stand_in.rules) is made


@pytest.mark.usefixtures("alerts")
def test_a_plan_of_alerts(stand_in: StandIn, source: Path, tmp_path: Path) -> None:
    deploy(stand_in, source, "--alerts")
    assert {item["interval"] for item in stand_in.rules.values()} == {30}
    stand_in.edit_rule("sedna-stuck", lambda found: found.update({"for": "9m"}))
    stand_in.put_rule("theirs", "sedna", "Theirs")
    said = plan(stand_in, source, "--alerts")
    assert said.exit_code == 3
    told = [line.split() for line in said.stdout.splitlines()]
    assert ["drifted", "alert", "SednaStuck", "sedna-stuck"] in told
    assert "alert rule: for changed live (5m → 9m)" in said.stdout
    assert ["foreign", "alert", "Theirs", "theirs"] in told
    content = valid("plan", plan(stand_in, source, "--alerts", "--output", "json").stdout)
    assert {change["kind"] for change in content["changes"]} >= {"alert", "group"}
    file = tmp_path / "plan.json"
    plan(stand_in, source, "--alerts", "--on-drift", "overwrite", "--out", str(file))
    refused = call(stand_in, "deploy", "--plan", str(file), "--alerts")
    assert refused.exit_code == 2 and "--alerts is settled in the plan" in refused.stderr
    done = call(stand_in, "deploy", "--plan", str(file), "--output", "json")
    assert done.exit_code == 0 and stand_in.rules["sedna-stuck"]["for"] == "5m"
    valid("report", done.stdout)


@pytest.mark.usefixtures("alerts")
def test_the_history_of_alerts(stand_in: StandIn, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deploy(stand_in, source)
    deploy(stand_in, source, "--alerts")
    shown = call(stand_in, "history")
    assert shown.stdout.splitlines()[0].split() == ["ID", "WHEN", "BY", "RELEASE", "DASHBOARDS", "ALERTS", "FOLDER"]
    content = valid("history", call(stand_in, "history", "--output", "json").stdout)
    assert [item["alerts"] for item in content["deployments"]] == [2, 0]
    back = call(stand_in, "rollback", "--prune")
    assert back.exit_code == 0 and not stand_in.rules, back.output
    again = call(stand_in, "rollback", "--to", content["deployments"][0]["id"])
    assert again.exit_code == 0 and set(stand_in.rules) == {"sedna-stuck", "sedna-down"}
    assert {item["interval"] for item in stand_in.rules.values()} == {30}


@pytest.mark.usefixtures("alerts")
def test_the_doctor_looks_at_what_alerts_need(stand_in: StandIn, source: Path) -> None:
    deploy(stand_in, source)
    for options, code in (([], False), (["--alerts"], True)):
        result = call(stand_in, "doctor", *options, token="editor-token")
        assert ("alert.provisioning:write" in result.stdout) is code
