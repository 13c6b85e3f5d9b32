"""Tests of alerts, played by promtool."""

import os
from pathlib import Path
from typing import Any

import pytest

from sedna_dash.alerts import Alert
from sedna_dash.rules.links import Site
from sedna_dash.rules.promtool import find_promtool
from sedna_dash.rules.testing import Outcome, play
from tests.alerts.test_loading import GOOD
from tests.rules.making import ALL, large, rules_with

if not find_promtool() and not os.environ.get("CI"):
    pytest.skip("promtool is not installed (Debian: apt install prometheus)", allow_module_level=True)


def played(*alerts: Alert) -> list[Outcome]:
    return play(alerts, ALL.catalog, lambda alert: ALL.links(alert, Site()), find_promtool())


OURS = {outcome.alert.name: outcome for outcome in played(*ALL.alerts.alerts.values())}


@pytest.mark.parametrize("name", OURS)
def test_our_alerts_pass_their_tests(name: str) -> None:
    assert OURS[name].fault == ""


def test_a_good_alert_passes(tmp_path: Path) -> None:
    assert [outcome.fault for outcome in played(large(rules_with(tmp_path)))] == [""]


def with_test(**changes: Any) -> list[dict[str, Any]]:
    return [{**GOOD["tests"][0], **changes}, GOOD["tests"][1]]


FIRING = GOOD["tests"][0]["fires"][0]


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("expr", "max by (namespace, name) (sedna_job_status_bytes) > 5", "got:[]"),
        ("expr", "max by (namespace, name) (sedna_job_status_bytes) > 2", "small"),
        ("for", "11m", "got:[]"),
        ("summary", "{{ $labels.name }} is above ${limit}", "a is above 3"),
        ("tests", with_test(fires=[{**FIRING, "summary": "d/b is above 3"}]), "d/a is above 3"),
        ("tests", with_test(fires=[{**FIRING, "labels": {"namespace": "d", "name": "b"}}]), 'name="a"'),
        ("tests", with_test(series={"sedna job": "1x5"}), "parse error"),
    ],
)
def test_a_wrong_alert_fails(path: str, value: Any, said: str, tmp_path: Path) -> None:
    (outcome,) = played(large(rules_with(tmp_path, path, value)))
    assert said in outcome.fault


def test_the_link_is_part_of_the_test(tmp_path: Path) -> None:
    alert = large(rules_with(tmp_path))
    site = Site(grafana="https://g.example")
    wrong = {"dashboard_url": '/d/x?to={{ with query "time(" }}{{ . }}{{ end }}'}
    right = ALL.links(alert, site)
    assert play([alert], ALL.catalog, lambda _: right, find_promtool())[0].fault == ""
    assert play([alert], ALL.catalog, lambda _: wrong, find_promtool())[0].fault
