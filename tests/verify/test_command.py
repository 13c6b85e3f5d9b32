"""``sedna-dash verify`` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sedna_dash.cli import main
from sedna_dash.schemas import violations
from tests.verify.conftest import BUILT, board
from tests.verify.servers import Reply, loki, serving

FLEET = str(BUILT / "sedna-fleet.json")


def call(*arguments: str, **env: str) -> Result:
    return CliRunner().invoke(main, ["verify", *arguments], env=env)


def written(folder: Path, *queries: str) -> str:
    file = folder / "board.json"
    file.write_text(json.dumps(board(*queries).model))
    return str(file)


def test_all_is_well(healthy: str) -> None:
    result = call("--prometheus", healthy, FLEET)
    assert (result.exit_code, result.stderr) == (0, "")
    head, row, *_, last = result.stdout.splitlines()
    assert head.split() == ["dashboard", "data", "empty", "unknown", "broken", "error", "not", "asked"]
    assert row.split()[0] == "sedna-fleet" and row.split()[3:6] == ["-", "-", "-"]
    assert last.startswith(f"{healthy} at 20") and last.endswith(" 1 not asked")


def test_something_is_wrong(healthy: str, tmp_path: Path) -> None:
    result = call("--prometheus", healthy, written(tmp_path, "up", "sedna_job_staet"))
    assert result.exit_code == 1
    assert "  broken     sedna_job_staet\n             unknown metric sedna_job_staet: " in result.stdout
    assert "\n             -> correct the name in the dashboard" in result.stdout
    assert "  data       up" not in result.stdout
    assert result.stderr.startswith("Error: 1 broken of 2; first panel 'sedna_job_staet' of test: unknown metric")
    assert "  data       up: " in call("--prometheus", healthy, written(tmp_path, "up"), "--verbose").stdout


def test_json(healthy: str, tmp_path: Path) -> None:
    result = call("--prometheus", healthy, written(tmp_path, "up", "nope"), "--output", "json", "--since", "1h")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert list(violations("verify", found)) == []
    assert (found["exitCode"], found["counts"]["broken"], found["since"]) == (1, 1, 3600)


def test_history_is_told(healthy: str, tmp_path: Path) -> None:
    result = call("--prometheus", healthy, written(tmp_path, "up", "sedna_job_info"), "--since", "24h")
    assert "History of 2 metrics in the last 1 d" in result.stdout
    assert "    2 only since 20" in result.stdout and ": sedna_job_info, up" in result.stdout


def test_only_some_dashboards_with_a_value(healthy: str) -> None:
    chosen = ["--dashboard", "sedna-joint-inference", "--set", "namespace=factory"]
    result = call("--prometheus", healthy, str(BUILT), *chosen)
    assert result.exit_code == 0 and "sedna-fleet" not in result.stdout
    assert call("--prometheus", healthy, FLEET, "--set", "namespace=nope").stderr.startswith(
        "Error: 1 broken of 24; first variable '$namespace' of sedna-fleet: it has no value 'nope'; there is factory"
    )


def test_logs_and_metrics(healthy: str) -> None:
    with serving(loki([{"app": "gm", "namespace": "sedna", "cluster": "a"}])) as url:
        result = call("--prometheus", healthy, "--loki", url, str(BUILT / "sedna-monitoring-stack.json"))
    assert result.stdout.splitlines()[-1].startswith(f"{healthy} and {url} at ")
    assert "not asked" not in result.stdout.splitlines()[-1]


def test_addresses_and_secrets_from_the_environment(tmp_path: Path) -> None:
    seen = []

    def answer(asked):  # type: ignore[no-untyped-def]
        seen.append(asked)
        return Reply(b"", 401)

    with serving(answer) as url:
        result = call(written(tmp_path, "up"), PROMETHEUS_URL=url, PROMETHEUS_USER="u", PROMETHEUS_PASSWORD="s3cret")
    assert result.exit_code == 7 and "s3cret" not in result.output
    assert seen[0].headers["Authorization"] == "Basic dTpzM2NyZXQ="


WRONG = [
    (["--prometheus", "prom:9090"], "--prometheus is not the address of a Prometheus; write it like http://prometheus:9090"),
    (["--loki", "http://x/?a=b"], "--loki is not the address of a Loki; write it like http://loki:3100"),
    (["--prometheus", "http://u:s3cret@x"], "--prometheus holds credentials; take them out and set PROMETHEUS_USER"),
    (["--prometheus", "http://x", "--grafana", "http://y"], "give it, or --prometheus and --loki"),
    (["--prometheus", "http://x", "--expect", "exportr"], "no such producer; did you mean 'exporter'?"),
    (["--prometheus", "http://x", "--dashboard", "sedna-flet"], "no such dashboard; did you mean 'sedna-fleet'?"),
    (["--prometheus", "http://x", "--set", "namespace"], "write it as VARIABLE=VALUE"),
    (["--prometheus", "http://x", "--set", "namespce=a"], "has such a variable; did you mean 'namespace'?"),
    (["--prometheus", "http://x", str(BUILT), "--set", "search=a", "--set", "search=b"], "it takes one"),
    (["--prometheus", "http://x", "--since", "5"], "--since 5: give a time of 10 minutes or more"),
    (["--prometheus", "http://x", "--ca-file", "nope.pem"], "name PEM files"),
    ([], "or ask a Prometheus itself with --prometheus"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "sentence"), WRONG, ids=[" ".join(case[0]) for case in WRONG])
def test_wrong_usage(arguments: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = call(*arguments, FLEET)
    assert result.exit_code == 2 and sentence in result.stderr and "s3cret" not in result.output
