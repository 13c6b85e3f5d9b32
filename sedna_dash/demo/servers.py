"""The programs around a site, each as the demo starts it: all on loopback, all files in one folder."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sedna_dash.demo.processes import HOST, Program, answers, free_port, running
from sedna_dash.demo.programs import Grafana, Programs
from sedna_dash.log_collection.loki_settings import config, profiles

#: Seconds that writing history may take.
_HISTORY = 1800.0
_SEDNA_DASH = (sys.executable, "-m", "sedna_dash")
#: Variables that are about somebody's real servers, and none of the programs here may see.
_OTHERS = ("SEDNA_DASH_", "GRAFANA_", "GF_", "PROMETHEUS_", "LOKI_", "KUBECONFIG")


@dataclass(frozen=True)
class Play:
    """What the simulator plays: a scenario, how many seconds of history, a sample every ``step`` seconds of it, in its
    last two hours every ``step_at_end``."""

    scenario: str
    seconds: float
    step: float = 30.0
    step_at_end: float | None = None
    options: tuple[str, ...] = ()


def own_environment(folder: Path, **more: str) -> dict[str, str]:
    """The environment of our own commands: nobody else's settings, no proxy between programs of one machine, and
    temporary files in the folder."""
    scratch = folder / "tmp"
    scratch.mkdir(exist_ok=True)
    own = (name for name in os.environ if not name.startswith(_OTHERS) and not name.upper().endswith("_PROXY"))
    kept = {name: os.environ[name] for name in own}
    return {**kept, "TMPDIR": str(scratch), **more}


def simulator(
    folder: Path, play: Play, programs: Programs, *, exporter: str, loki: str = ""
) -> AbstractContextManager[Program]:
    """A site that has lived for so long, and goes on living, whose exporter will be at an address. Once it is ready it
    has left ``truth.json``, ``kubeconfig``, ``kb.sqlite3``, ``prometheus.yml`` and history as ``data`` in the folder.
    """
    files = {
        "--truth-of-history": folder / "truth.json",
        "--kubeconfig": folder / "kubeconfig",
        "--knowledge-base": folder / "kb.sqlite3",
        "--prometheus-config": folder / "prometheus.yml",
    }
    # One process, so that what is scraped later goes on where history ends.
    command = [*_SEDNA_DASH, "simulate", "--scenario", play.scenario, "--exporter", exporter]
    command += [
        "--backfill",
        f"{play.seconds:.0f}s",
        "--backfill-to",
        str(folder / "data"),
        "--step",
        f"{play.step:g}s",
    ]
    command += ["--step-at-end", f"{play.step_at_end:g}s"] if play.step_at_end else []
    command += [*(["--loki", loki] if loki else []), *play.options]
    command += [text for option, path in files.items() for text in (option, str(path))]
    path = os.pathsep.join([str(Path(programs.promtool).parent), os.environ.get("PATH", "")])
    # That file is written last, once everything is served.
    return running(
        "the simulator", command, folder / "simulator.log", answers=(folder / "prometheus.yml").exists,
        patience=_HISTORY, environ=own_environment(folder, PATH=path),
    )  # fmt: skip


def exporter(folder: Path, address: str) -> AbstractContextManager[Program]:
    """The real exporter on the simulated site in the folder. Ready it answers, but need not have read everything."""
    command = [*_SEDNA_DASH, "exporter", "--listen", address]
    command += ["--kubeconfig", str(folder / "kubeconfig"), "--knowledge-base", str(folder / "kb.sqlite3")]
    url = f"http://{address}"
    return running(
        "the exporter", command, folder / "exporter.log", url=url, answers=lambda: answers(f"{url}/healthz"),
        environ=own_environment(folder),
    )  # fmt: skip


def prometheus(folder: Path, address: str, programs: Programs) -> AbstractContextManager[Program]:
    """A Prometheus on ``prometheus.yml`` and ``data`` in the folder."""
    command = [programs.prometheus, f"--config.file={folder / 'prometheus.yml'}"]
    command += [f"--storage.tsdb.path={folder / 'data'}", "--storage.tsdb.retention.time=90d"]
    command += [f"--web.listen-address={address}", "--log.level=warn"]
    # An alert that fired when history ended goes on firing, however long its "for" is.
    command += ["--rules.alert.for-grace-period=0s"]
    url = f"http://{address}"
    return running("Prometheus", command, folder / "prometheus.log", url=url, answers=lambda: answers(f"{url}/-/ready"))


def configure(config: Path, rules: Sequence[Path], *, interval: str, evaluation: str = "15s", itself: str = "") -> None:
    """Change the configuration of a Prometheus: how often it scrapes and evaluates, the rules that it evaluates, and,
    where its own address is given, that it scrapes itself, too."""
    content = yaml.safe_load(config.read_text())
    content["global"] = {"scrape_interval": interval, "evaluation_interval": evaluation}
    content["rule_files"] = [str(file) for file in rules]
    if itself:
        target = {"targets": [itself], "labels": {"job": "prometheus"}}
        content["scrape_configs"].append({"job_name": "itself", "honor_labels": True, "static_configs": [target]})
    config.write_text(yaml.safe_dump(content))


@contextmanager
def loki(
    folder: Path, binary: str, *, port: int = 0, rules: Path | None = None, every: str = "15s"
) -> Iterator[Program]:
    """A Loki with the settings for one machine, but without the limits of a small site. It evaluates the ``rules`` in a
    file ``every`` so often."""
    port = port or free_port()
    settings = loki_settings(str(folder / "loki"), port)
    settings["server"]["grpc_listen_port"] = free_port()
    if rules:
        (folder / "loki-rules/fake").mkdir(parents=True)  # the only tenant is called so
        shutil.copy(rules, folder / "loki-rules/fake")
        settings["ruler"] = ruler(str(folder / "loki-rules"), str(folder / "loki-scratch"), every)
    file = folder / "loki.yaml"
    file.write_text(yaml.safe_dump(settings))
    url = f"http://{HOST}:{port}"
    with running(
        "Loki", [binary, f"-config.file={file}"], folder / "loki.log", url=url, answers=lambda: answers(f"{url}/ready")
    ) as program:
        yield program


def loki_settings(folder: str, port: int, address: str = HOST) -> dict[str, Any]:
    """The settings of a Loki that takes a day of logs within a minute and shows them at once."""
    settings = config(profiles()["one-box"], folder=folder, address=address, port=port)
    settings["limits_config"] |= {"ingestion_rate_mb": 100, "ingestion_burst_size_mb": 200}
    settings["limits_config"] |= {"per_stream_rate_limit": "100MB", "per_stream_rate_limit_burst": "200MB"}
    settings["querier"] = {"query_ingesters_within": "0s"}
    settings["ingester"] = {"lifecycler": {"min_ready_duration": "0s", "final_sleep": "0s"}}
    return settings


def ruler(rules: str, scratch: str, every: str) -> dict[str, Any]:
    """The settings of Loki's ruler on a folder of rules."""
    return {
        "storage": {"type": "local", "local": {"directory": rules}},
        "rule_path": scratch, "enable_api": True, "evaluation_interval": every,
        "ring": {"kvstore": {"store": "inmemory"}},
    }  # fmt: skip


def grafana(folder: Path, found: Grafana, password: str, *, port: int = 0) -> AbstractContextManager[Program]:
    """A Grafana with nothing in it. Its administrator is ``admin``; whoever comes may look."""
    port = port or free_port()
    provisioning = folder / "provisioning"
    for name in ("access-control", "alerting", "dashboards", "datasources", "notifiers", "plugins"):
        # One that is missing is an error in its log, and its log is what we show when it does not come up.
        (provisioning / name).mkdir(parents=True, exist_ok=True)
    settings = {
        **grafana_settings(port), "GF_SERVER_HTTP_ADDR": HOST, "GF_SECURITY_ADMIN_PASSWORD": password,
        "GF_PATHS_DATA": str(folder / "grafana"), "GF_PATHS_LOGS": str(folder / "grafana"),
        "GF_PATHS_PROVISIONING": str(provisioning), "GF_PATHS_PLUGINS": str(folder / "plugins"),
    }  # fmt: skip
    url = f"http://{HOST}:{port}"
    return running(
        "Grafana", [*found.command, "-homepath", str(found.home)], folder / "grafana.log", url=url,
        answers=lambda: answers(f"{url}/api/health"), environ=own_environment(folder, **settings), folder=found.home,
    )  # fmt: skip


def grafana_settings(port: int) -> Mapping[str, str]:
    """The settings of a Grafana that everybody here may look at and that asks nobody elsewhere."""
    return {
        "GF_SERVER_HTTP_PORT": str(port), "GF_AUTH_ANONYMOUS_ENABLED": "true", "GF_LOG_LEVEL": "warn",
        "GF_ANALYTICS_REPORTING_ENABLED": "false", "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false", "GF_SECURITY_DISABLE_GRAVATAR": "true",
        "GF_GRAFANA_COM_URL": f"http://{HOST}:9",
    }  # fmt: skip
