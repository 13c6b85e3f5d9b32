"""Which programs are found, and what is said of those that are not."""

from pathlib import Path

import pytest

from sedna_dash.demo.programs import Grafana, Programs, find_programs
from sedna_dash.errors import SettingsError


def program(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / name
    made.write_text("#!/bin/sh\n")
    made.chmod(0o755)
    return made


def grafana_folder(folder: Path, command: str) -> Path:
    program(folder / "bin", command)
    (folder / "conf").mkdir()
    (folder / "conf/defaults.ini").touch()
    return folder


def test_all_on_the_path(tmp_path: Path) -> None:
    for name in ("prometheus", "promtool", "loki"):
        program(tmp_path, name)
    found = find_programs({"PATH": str(tmp_path)})
    assert (found.prometheus, found.promtool, found.loki) == tuple(
        str(tmp_path / name) for name in ("prometheus", "promtool", "loki")
    )


def test_promtool_is_also_looked_for_beside_a_prometheus_that_was_named(tmp_path: Path) -> None:
    named = program(tmp_path / "unpacked", "prometheus")
    beside = program(tmp_path / "unpacked", "promtool")
    found = find_programs({"PATH": "/nowhere", "SEDNA_DASH_PROMETHEUS": str(named)})
    assert (found.prometheus, found.promtool) == (str(named), str(beside))


@pytest.mark.parametrize(("command", "more"), [("grafana-server", ()), ("grafana", ("server",))])
def test_grafana_of_any_age_in_an_unpacked_folder(tmp_path: Path, command: str, more: tuple[str, ...]) -> None:
    for name in ("prometheus", "promtool"):
        program(tmp_path, name)
    home = grafana_folder(tmp_path / "grafana", command)
    found = find_programs({"PATH": str(tmp_path), "SEDNA_DASH_GRAFANA": str(home)})
    assert found.grafana == Grafana((str(home / "bin" / command), *more), home)


@pytest.mark.parametrize(
    ("there", "environ", "said"),
    [
        ((), {}, "Prometheus is not on the path; install it"),
        (("prometheus",), {}, "promtool, which comes with Prometheus, is neither on the path nor beside"),
        (("prometheus", "promtool"), {"SEDNA_DASH_LOKI": "/nowhere/loki"}, "SEDNA_DASH_LOKI names /nowhere/loki"),
        (("prometheus", "promtool"), {"SEDNA_DASH_GRAFANA": "/nowhere"}, "SEDNA_DASH_GRAFANA names /nowhere"),
        ((), {"SEDNA_DASH_PROMETHEUS": "/nowhere/prometheus"}, "SEDNA_DASH_PROMETHEUS names /nowhere/prometheus"),
    ],
)
def test_what_is_missing_is_said_with_its_cure(
    tmp_path: Path, there: tuple[str, ...], environ: dict[str, str], said: str
) -> None:
    for name in there:
        program(tmp_path, name)
    with pytest.raises(SettingsError) as caught:
        find_programs({"PATH": str(tmp_path), **environ})
    assert caught.value.message.startswith(said)
    assert caught.value.exit_code == 2


def test_what_would_be_nice_to_have_is_said(tmp_path: Path) -> None:
    without = Programs("prometheus", "promtool")
    assert [sentence.split()[0] for sentence in without.missing] == ["Loki", "Grafana"]
    assert all("SEDNA_DASH_" in sentence and "https://" in sentence for sentence in without.missing)
    assert Programs("prometheus", "promtool", "loki", Grafana(("grafana",), tmp_path)).missing == []
