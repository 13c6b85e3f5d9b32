"""Which programs of other people are on this machine, and how to get those that are not."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sedna_dash.errors import SettingsError

#: How each program comes here, and which variable names one that is not on the path.
CURES = {
    "Prometheus": "install it (Debian: apt install prometheus; macOS: brew install prometheus; else "
    "https://prometheus.io/download), or name the program in SEDNA_DASH_PROMETHEUS",
    "Loki": "unpack it from https://github.com/grafana/loki/releases and name the program in SEDNA_DASH_LOKI",
    "Grafana": "unpack it from https://grafana.com/grafana/download and name the folder in SEDNA_DASH_GRAFANA",
}
#: Where packages put Grafana: Debian and Red Hat, Homebrew on both kinds of Mac.
_GRAFANA_HOMES = (
    "/usr/share/grafana",
    *(f"{root}/opt/grafana/share/grafana" for root in ("/opt/homebrew", "/usr/local")),
)


@dataclass(frozen=True)
class Grafana:
    """How Grafana is started: its command, and its folder with ``conf`` and ``public`` in it."""

    command: tuple[str, ...]
    home: Path


@dataclass(frozen=True)
class Programs:
    """The programs that were found; ``loki`` and ``grafana`` are empty where there are none."""

    prometheus: str
    promtool: str
    loki: str = ""
    grafana: Grafana | None = None

    @property
    def missing(self) -> list[str]:
        """A sentence for each that would be nice to have."""
        absent = {"Loki": not self.loki, "Grafana": self.grafana is None}
        return [f"{name} was not found: {CURES[name]}." for name, is_absent in absent.items() if is_absent]


def find_programs(environ: Mapping[str, str] = os.environ) -> Programs:
    """Look for all programs. Raises `SettingsError` when one that is needed is missing, or one that was named."""
    prometheus, promtool = find_prometheus(environ)
    return Programs(prometheus, promtool, find_loki(environ), find_grafana(environ))


def find_prometheus(environ: Mapping[str, str] = os.environ) -> tuple[str, str]:
    """Prometheus and its promtool. Raises `SettingsError` when either is missing."""
    prometheus = _named(environ, "SEDNA_DASH_PROMETHEUS") or _on_path("prometheus", environ)
    if not prometheus:
        raise SettingsError(f"Prometheus is not on the path; {CURES['Prometheus']}")
    beside = Path(prometheus).with_name("promtool")
    promtool = _named(environ, "SEDNA_DASH_PROMTOOL") or _on_path("promtool", environ)
    if not promtool and beside.is_file():
        promtool = str(beside)
    if not promtool:
        raise SettingsError(
            f"promtool, which comes with Prometheus, is neither on the path nor beside {prometheus}; name it in "
            "SEDNA_DASH_PROMTOOL"
        )
    return prometheus, promtool


def find_loki(environ: Mapping[str, str] = os.environ) -> str:
    """Loki; empty when there is none. Raises `SettingsError` when one was named that is not there."""
    return _named(environ, "SEDNA_DASH_LOKI") or _on_path("loki", environ)


def find_grafana(environ: Mapping[str, str] = os.environ) -> Grafana | None:
    """Grafana; None when there is none. Raises `SettingsError` when a folder was named that is not one of Grafana."""
    if given := environ.get("SEDNA_DASH_GRAFANA"):
        home = Path(given).absolute()
        command = _grafana_command(str(home / "bin"))
        if not command or not (home / "conf/defaults.ini").is_file():
            raise SettingsError(
                f"SEDNA_DASH_GRAFANA names {given}, which is no folder of Grafana: bin/ and conf/ belong into it"
            )
        return Grafana(command, home)
    command = _grafana_command(environ.get("PATH", ""))
    installed = next((Path(folder) for folder in _GRAFANA_HOMES if Path(folder, "conf").is_dir()), None)
    return Grafana(command, installed) if command and installed else None


def check_exporter() -> None:
    """Raise `SettingsError` unless the libraries of the exporter are installed."""
    if not all(importlib.util.find_spec(name) for name in ("kubernetes", "bcrypt")):
        raise SettingsError("the exporter is not installed; run: pip install 'sedna-dash[exporter]'")


def _grafana_command(path: str) -> tuple[str, ...]:
    """The command of Grafana in folders: newer ones have one program with commands."""
    if server := shutil.which("grafana-server", path=path):
        return (server,)
    program = shutil.which("grafana", path=path)
    return (program, "server") if program else ()


def _on_path(name: str, environ: Mapping[str, str]) -> str:
    return shutil.which(name, path=environ.get("PATH", "")) or ""


def _named(environ: Mapping[str, str], variable: str) -> str:
    given = environ.get(variable, "")
    if given and not shutil.which(given, path=environ.get("PATH", "")):
        raise SettingsError(f"{variable} names {given}, where no program is; correct it, or unset it")
    return given
