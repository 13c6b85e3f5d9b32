"""A Loki and a Grafana of one's own, for as long as they are needed, where this machine has the programs.

They are looked for on the PATH; ``SEDNA_DASH_LOKI`` names a binary of Loki that is elsewhere, and
``SEDNA_DASH_GRAFANA`` the folder of a Grafana that is unpacked somewhere.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from sedna_dash.log_collection.loki_settings import config, profiles
from tests.synthetic import free_port, wait_for

#: Seconds that each may take to begin.
PATIENCE = 120


@contextmanager
def running(command: list[str], log: Path, **options: object) -> Iterator[subprocess.Popen[bytes]]:
    """A process in the background, ended with what is inside."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, **options)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def loki_binary() -> str | None:
    """Where Loki is on this machine."""
    return os.environ.get("SEDNA_DASH_LOKI") or shutil.which("loki")


def grafana_home() -> Path | None:
    """The folder of Grafana on this machine, with ``bin`` and ``conf`` in it."""
    if given := os.environ.get("SEDNA_DASH_GRAFANA"):
        return Path(given)
    packaged = Path("/usr/share/grafana")
    return packaged if shutil.which("grafana-server") and packaged.is_dir() else None


@contextmanager
def loki(folder: Path, rules: Path | None = None) -> Iterator[str]:
    """A Loki with the settings for one machine, but without the limits of a small site; yields its URL. It evaluates
    the ``rules`` in a file every five seconds."""
    binary = loki_binary()
    assert binary is not None
    port, file = free_port(), folder / "loki.yaml"
    settings = config(profiles()["one-box"], folder=str(folder / "loki"), address="127.0.0.1", port=port)
    settings["server"]["grpc_listen_port"] = free_port()
    # A day of logs comes within a minute, and what is asked at once shall be there at once.
    settings["limits_config"] |= {"ingestion_rate_mb": 100, "ingestion_burst_size_mb": 200}
    settings["limits_config"] |= {"per_stream_rate_limit": "100MB", "per_stream_rate_limit_burst": "200MB"}
    settings["querier"] = {"query_ingesters_within": "0s"}
    settings["ingester"] = {"lifecycler": {"min_ready_duration": "0s", "final_sleep": "0s"}}
    if rules:
        (folder / "loki-rules/fake").mkdir(parents=True)  # the only tenant is called so
        shutil.copy(rules, folder / "loki-rules/fake")
        settings["ruler"] = {
            "storage": {"type": "local", "local": {"directory": str(folder / "loki-rules")}},
            "rule_path": str(folder / "loki-scratch"), "enable_api": True, "evaluation_interval": "5s",
            "ring": {"kvstore": {"store": "inmemory"}},
        }  # fmt: skip
    file.write_text(yaml.safe_dump(settings))
    with running([binary, f"-config.file={file}"], folder / "loki.log"):
        wait_for(f"http://127.0.0.1:{port}/ready", PATIENCE)
        yield f"http://127.0.0.1:{port}"


@contextmanager
def grafana(folder: Path, password: str) -> Iterator[str]:
    """A Grafana with nothing in it; yields its URL. Its administrator is ``admin``."""
    home = grafana_home()
    assert home is not None
    port = free_port()
    settings = {
        "GF_SERVER_HTTP_ADDR": "127.0.0.1", "GF_SERVER_HTTP_PORT": str(port), "GF_PATHS_DATA": str(folder / "grafana"),
        "GF_PATHS_LOGS": str(folder / "grafana"), "GF_PATHS_PROVISIONING": str(folder / "none"),
        "GF_PATHS_PLUGINS": str(folder / "plugins"), "GF_SECURITY_ADMIN_PASSWORD": password,
        "GF_ANALYTICS_REPORTING_ENABLED": "false", "GF_ANALYTICS_CHECK_FOR_UPDATES": "false", "GF_LOG_LEVEL": "warn",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false", "GF_AUTH_ANONYMOUS_ENABLED": "true",
        "GF_SECURITY_DISABLE_GRAVATAR": "true", "GF_GRAFANA_COM_URL": "http://127.0.0.1:9",
    }  # fmt: skip
    command = [str(home / "bin/grafana-server") if (home / "bin/grafana-server").exists() else "grafana-server"]
    with running([*command, "-homepath", str(home)], folder / "grafana.log", env={**os.environ, **settings}, cwd=home):
        wait_for(f"http://127.0.0.1:{port}/api/health", PATIENCE)
        yield f"http://127.0.0.1:{port}"
