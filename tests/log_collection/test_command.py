"""``sedna-dash logs``: what it writes can be read by whom it is for, and says what was chosen."""

import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from sedna_dash.cli import main
from sedna_dash.log_collection import load_rules
from sedna_dash.log_collection.loki_settings import profiles

COLLECTORS = ("alloy", "promtail")


def run(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(main, ["logs", *arguments])
    assert done.exit_code == code, done.output
    return done.output


@pytest.mark.parametrize("collector", COLLECTORS)
@pytest.mark.parametrize(
    ("chosen", "there", "not_there"),
    [
        ((), ["/var/log/pods/*/*/*.log"], ["tenant", "password", "token"]),
        (("--api",), ["spec.nodeName=", "incrementallearningjob_sedna_io_name"], []),
        (("--tenant", "edge"), ["tenant_id", "edge"], []),
        (("--tenant-per-namespace",), ["tenant", "namespace"], ["tenant_id"]),
        (("--auth", "basic"), ["LOKI_USER", "/etc/loki-credentials/password"], ["bearer"]),
        (("--auth", "bearer"), ["/etc/loki-credentials/token"], ["LOKI_USER"]),
        (("--mode", "sidecar"), ["/logs/*.log", "SEDNA_NAME"], ["stage.cri", "- cri:", "/var/log/pods"]),
        (("--mode", "sidecar", "--folder", "/out"), ["/out/*.log"], ["/logs/"]),
    ],
)
def test_what_is_chosen_is_in_the_config(
    collector: str, chosen: tuple[str, ...], there: list[str], not_there: list[str]
) -> None:
    text = run("config", "--collector", collector, *chosen)
    assert [word for word in there if word not in text] == []
    assert [word for word in not_there if word in text] == []


@pytest.mark.parametrize("collector", COLLECTORS)
def test_every_metric_from_logs_is_made_but_what_the_hook_counts(collector: str) -> None:
    mine, hooked = run("config", "--collector", collector), run("config", "--collector", collector, "--hook")
    for rule in load_rules().metrics:
        name = rule.metric.name.removeprefix("sedna_")
        assert name in mine
        assert (name in hooked) == ("worker-hook" not in rule.metric.sources)


@pytest.mark.parametrize("collector", COLLECTORS)
@pytest.mark.parametrize("mode", ["daemonset", "sidecar"])
def test_a_manifest_has_the_config_and_no_more_rights_than_it_needs(collector: str, mode: str) -> None:
    chosen = ["config", "--collector", collector, "--mode", mode]
    objects: list[dict[str, Any]] = list(yaml.safe_load_all(run(*chosen, "--format", "manifest")))
    config = next(iter(next(one for one in objects if one.get("kind") == "ConfigMap")["data"].values()))
    assert config in run(*chosen).replace("\t", "  ")
    assert "config.alloy: |" in run(*chosen, "--format", "manifest") or collector == "promtail"  # people read it
    spec = objects[-1]["spec"]
    container = (spec if mode == "sidecar" else spec["template"]["spec"])["containers"][-1]
    security = container["securityContext"]
    assert security["readOnlyRootFilesystem"] and not security["allowPrivilegeEscalation"]
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert not any(one.get("kind") == "ClusterRole" for one in objects)
    logs = next(mount for mount in container["volumeMounts"] if mount["mountPath"] in ("/var/log/pods", "/logs"))
    assert logs["readOnly"]


def test_with_the_api_it_may_read_pods_and_nothing_else() -> None:
    objects = list(yaml.safe_load_all(run("config", "--api", "--format", "manifest")))
    roles = [one["rules"] for one in objects if one["kind"] == "ClusterRole"]
    assert roles == [[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("config", "--tenant", "a", "--tenant-per-namespace"), "exclude each other"),
        (("config", "--mode", "sidecar", "--api"), "leave out --api"),
        (("config", "--format", "manifest", "--loki-url", "loki:3100"), "write it like http://loki:3100"),
        (("loki", "--profile", "one-box", "--listen", "here"), "ADDRESS:PORT"),
        (("loki", "--profile", "huge"), "one-box"),
        (("loki", "--output", "loki.yaml"), "--output needs --profile"),
        (("loki", "--profile", "one-cluster", "--folder", "/data"), "--folder and --listen are for one-box"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: tuple[str, ...], said: str) -> None:
    assert said in run(*arguments, code=2)


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "cannot be written" in run("config", "--output", str(tmp_path / "file/x"), code=1)
    run("config", "--output", str(tmp_path / "new/config.alloy"))
    assert "loki.process" in (tmp_path / "new/config.alloy").read_text()


def test_sizes_are_listed_with_the_lines_they_carry() -> None:
    listed = run("loki").splitlines()
    assert [line.split()[0] for line in listed] == list(profiles())
    days = [profile.lines_per_day for profile in profiles().values()]
    assert all(day > 1e6 for day in days)


@pytest.mark.parametrize("name", ["one-cluster", "object-storage", "distributed"])
def test_values_keep_what_was_asked_for(name: str) -> None:
    values = yaml.safe_load(run("loki", "--profile", name))
    loki = values["loki"]
    assert loki["compactor"]["retention_enabled"]  # else lines are kept for ever
    assert loki["limits_config"]["allow_structured_metadata"]
    assert loki["schemaConfig"]["configs"][-1]["schema"] == "v13"
    if name == "one-cluster":
        kept = values["singleBinary"]["persistence"]
        assert (kept["size"], kept["accessModes"]) == ("10Gi", ["ReadWriteOnce"])
    else:
        assert loki["storage"]["type"] == "s3"
        # Where keys come from, never the keys.
        assert loki["storage"]["s3"]["secretAccessKey"].startswith("${")


@pytest.mark.skipif(not os.environ.get("SEDNA_DASH_LOKI"), reason="SEDNA_DASH_LOKI names no Loki to check the config")
def test_loki_takes_its_config(tmp_path: Path) -> None:
    file = tmp_path / "loki.yaml"
    run("loki", "--profile", "one-box", "--folder", str(tmp_path), "--output", str(file))
    done = subprocess.run(
        [os.environ["SEDNA_DASH_LOKI"], f"-config.file={file}", "-verify-config"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "chosen",
    [
        ["config"],
        ["config", "--collector", "promtail", "--api", "--no-pod-label", "--tenant", "a b"],
        ["config", "--format", "manifest", "--loki-url", "http://l:1", "--cluster", "north"],
        ["loki", "--profile", "one-box", "--folder", "/data"],
    ],
)
def test_the_first_line_writes_the_same_again(chosen: list[str]) -> None:
    text = run(*chosen)
    line = next(line for line in text.splitlines() if "Written by: " in line)
    words = shlex.split(line.partition("Written by: ")[2])
    assert run(*words[words.index("logs") + 1 :]) == text
