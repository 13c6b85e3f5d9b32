"""What a site may want otherwise."""

import re
from pathlib import Path

import pytest
import yaml

from sedna_dash.errors import RuleError
from sedna_dash.rules.forms import Placement, files
from sedna_dash.rules.tuning import Tuning, tuned
from tests.rules.making import rules_with


def tune(tmp_path: Path, text: str) -> Tuning:
    file = tmp_path / "tune.yaml"
    file.write_text(text)
    return tuned(rules_with(tmp_path), file)


def alert_in(tuning: Tuning) -> dict[str, object]:
    content = yaml.safe_load(files(tuning, Placement())["prometheus/sedna-alerts.yaml"])
    alert: dict[str, object] = content["groups"][0]["rules"][0]
    return alert


def test_an_alert_is_tuned(tmp_path: Path) -> None:
    tuning = tune(
        tmp_path,
        "alerts: {SednaLarge: {for: 30m, severity: info, parameters: {limit: 7}}}\nlabels: {team: edge}\n",
    )
    alert = alert_in(tuning)
    assert alert["for"] == "30m"
    assert alert["labels"] == {"severity": "info", "team": "edge"}
    assert str(alert["expr"]).endswith("> 7")
    assert alert["annotations"]["summary"].endswith("is above 7")  # type: ignore[index]


def test_an_alert_is_disabled(tmp_path: Path) -> None:
    tuning = tune(tmp_path, "alerts: {SednaLarge: {disabled: true}}\n")
    assert yaml.safe_load(files(tuning, Placement())["prometheus/sedna-alerts.yaml"]) == {"groups": []}


def test_a_group_is_evaluated_less_often(tmp_path: Path) -> None:
    tuning = tune(tmp_path, "groups: {fleet: {interval: 60s}}\n")
    groups = yaml.safe_load(files(tuning, Placement())["prometheus/sedna-records.yaml"])["groups"]
    assert {group["name"]: group["interval"] for group in groups}["sedna.fleet.rules"] == "60s"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("alerts: {SednaLarg: {disabled: true}}", "no alert 'SednaLarg', did you mean 'SednaLarge'"),
        ("alerts: {SednaLarge: {fro: 5m}}", "unknown key 'fro', did you mean 'for'"),
        ("alerts: {SednaLarge: {for: 5 min}}", "'5 min' is no duration"),
        ("alerts: {SednaLarge: {severity: high}}", "severity 'high' is none of"),
        ("alerts: {SednaLarge: {disabled: 'yes'}}", "'disabled' is true or false"),
        ("alerts: {SednaLarge: {parameters: {limt: 3}}}", "no parameter 'limt', did you mean 'limit'"),
        ("alerts: {SednaLarge: {parameters: {limit: 3m}}}", "'limit' must be a number"),
        ("alerts: {SednaLarge: {parameters: {window: 3}}}", "'3' is no duration"),
        ("groups: {fleat: {interval: 60s}}", "no group of records 'fleat', did you mean 'fleet'"),
        ("groups: {fleet: {interval: 10m}}", "would leave gaps; take at most 4m"),
        ("labels: {severity: high}", "'severity' cannot be a label of all alerts"),
        ("labels: {team: 5}", "'team' must be a text"),
        ("alert: {}", "unknown key 'alert', did you mean 'alerts'"),
        ("[]", "is empty or not a mapping"),
    ],
)
def test_what_does_not_exist_is_refused_with_its_line(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(RuleError, match=re.escape(said)) as caught:
        tune(tmp_path, f"\n{text}\n")
    assert re.match(rf"{re.escape(str(tmp_path))}/tune.yaml:[12]: ", caught.value.message)
