"""The command line, as a user meets it: exit codes, what is printed, what is not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sedna_dash.cli import main
from tests.deploy.conftest import rename
from tests.grafana_stand_in import Answer, Request, StandIn

MODULE = '''"""{title}?"""

from sedna_dash.authoring import board, logs_source, metrics_source

dashboard = board("{title}", uid="{uid}", question="{title}?", variables=[metrics_source(), logs_source()])
'''
URLS = ["--prometheus-url", "http://prometheus:9090", "--loki-url", "http://loki:3100"]
SECRETS = {"admin-token", "wrong-token-s3cret", "hunter2", "YWRtaW46aHVudGVyMg=="}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two dashboard modules."""
    folder = tmp_path / "boards"
    folder.mkdir()
    for name in ("one", "two"):
        (folder / f"{name}.py").write_text(MODULE.format(title=f"Board {name}", uid=f"board-{name}"))
    return folder


def invoke(stand_in: StandIn, source: Path, *more: str, token: str | None = "admin-token", **runner: str) -> Result:
    environ = {"GRAFANA_TOKEN": token, "GRAFANA_USER": None, "GRAFANA_PASSWORD": None}
    arguments = ["deploy", "--url", stand_in.url, "--source", str(source), *URLS, *more]
    result = CliRunner().invoke(main, arguments, env=environ | runner.pop("env", {}), **runner)  # type: ignore[arg-type]
    for secret in SECRETS:
        assert secret not in result.output + repr(result.exception) + repr(result.exc_info)
    return result


def test_first_and_second_run(stand_in: StandIn, source: Path) -> None:
    first = invoke(stand_in, source)
    assert (first.exit_code, first.stderr) == (0, "")
    assert first.stdout.splitlines()[0].split() == ["ACTION", "KIND", "TITLE", "UID", "REASON"]
    assert first.stdout.endswith("(Grafana 9.3.2): 5 created\n")
    writes = len(stand_in.writes)
    second = invoke(stand_in, source)
    assert second.exit_code == 0 and "5 unchanged" in second.stdout
    assert len(stand_in.writes) == writes == 5


def test_conflict(stand_in: StandIn, source: Path) -> None:
    invoke(stand_in, source)
    stand_in.edit("board-one", rename)
    result = invoke(stand_in, source)
    assert result.exit_code == 3
    assert "changed since our version 1: version 2 by eve" in result.stdout
    assert result.stderr == "Error: 1 thing left alone because of conflicts; the reasons above say what to do\n"


def test_json(stand_in: StandIn, source: Path) -> None:
    result = invoke(stand_in, source, "--format", "json", "--dry-run")
    shown = json.loads(result.stdout)
    assert [item["outcome"] for item in shown["results"]] == ["create"] * 5
    assert stand_in.writes == []


def test_refusals(stand_in: StandIn, source: Path) -> None:
    for token in ("wrong-token-s3cret", "viewer-token"):
        result = invoke(stand_in, source, token=token)
        assert result.exit_code == 4 and result.stderr.startswith("Error: ")
    assert stand_in.dashboards == {}


@pytest.mark.parametrize(
    "arguments, environ, code, message",
    [
        ([], {}, 2, "no credentials"),
        (["--token", "x"], {"GRAFANA_TOKEN": "admin-token"}, 2, "No such option"),
        (["--loki-uid", "x"], {"GRAFANA_TOKEN": "admin-token"}, 2, "--loki-url and --loki-uid exclude each other"),
        (["--folder", "General"], {"GRAFANA_TOKEN": "admin-token"}, 2, "--folder General"),
        (["--timeout", "0"], {"GRAFANA_TOKEN": "admin-token"}, 2, "--timeout"),
        (["--source", "/nowhere"], {"GRAFANA_TOKEN": "admin-token"}, 1, "no such folder"),
        (["--url", "http://admin:hunter2@host"], {"GRAFANA_TOKEN": "admin-token"}, 2, "holds credentials"),
        (["--url", "http://127.0.0.1:1"], {"GRAFANA_TOKEN": "admin-token"}, 4, "connection refused"),
        ([], {"GRAFANA_USER": "admin", "GRAFANA_PASSWORD": "hunter2"}, 4, "invalid username or password"),
    ],
)
def test_errors(
    stand_in: StandIn, source: Path, arguments: list[str], environ: dict[str, str], code: int, message: str
) -> None:
    result = invoke(stand_in, source, *arguments, token=None, env=environ)  # type: ignore[arg-type]
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
        assert invoke(stand_in, source, *arguments, token=None, **more).exit_code == 0  # type: ignore[arg-type]


def test_existing_datasources(stand_in: StandIn, source: Path) -> None:
    stand_in.put_datasource("p", "Prometheus", "prometheus")
    stand_in.put_datasource("l", "Loki", "loki")
    stand_in.put_datasource("m", "Loki 2", "loki")
    arguments = ["deploy", "--url", stand_in.url, "--source", str(source)]
    environ = {"GRAFANA_TOKEN": "admin-token"}
    unclear = CliRunner().invoke(main, arguments, env=environ)
    assert unclear.exit_code == 2 and "several loki datasources" in unclear.stderr
    assert stand_in.writes == []
    clear = CliRunner().invoke(main, [*arguments, "--loki-uid", "m"], env=environ)
    assert clear.exit_code == 0
    variables = stand_in.dashboards["board-one"]["model"]["templating"]["list"]
    assert [variable["current"]["value"] for variable in variables] == ["p", "m"]
    assert set(stand_in.datasources) == {"p", "l", "m"}


def test_help_is_quick() -> None:
    """Nothing heavy is imported for it."""
    code = (
        "import sys; from sedna_dash.deploy.command import deploy_command;"
        "print([name for name in ('grafana_client', 'niquests', 'grafanalib', 'rich') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


@pytest.mark.parametrize("number", [1, 4])
def test_a_kill_in_the_middle(stand_in: StandIn, source: Path, number: int) -> None:
    """The process is killed while Grafana takes the n-th write; the next run finishes the work."""
    processes: list[subprocess.Popen[bytes]] = []

    def kill(request: Request) -> Answer | None:
        if len(stand_in.writes) == number and request.method != "GET":
            stand_in.after = lambda request: None
            os.kill(processes[0].pid, signal.SIGKILL)
            processes[0].wait()
        return None

    stand_in.after = kill
    command = [sys.executable, "-m", "sedna_dash", "deploy", "--url", stand_in.url, "--source", str(source), *URLS]
    processes.append(subprocess.Popen(command, env=os.environ | {"GRAFANA_TOKEN": "admin-token"}))
    assert processes[0].wait(timeout=60) == -signal.SIGKILL
    assert len(stand_in.writes) == number
    assert invoke(stand_in, source).exit_code == 0
    assert len(stand_in.writes) == 5
    assert "5 unchanged" in invoke(stand_in, source).stdout
