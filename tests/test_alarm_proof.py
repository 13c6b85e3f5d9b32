"""What the proof of the alerts takes for right, and that each alert has a scenario in which it is to fire."""

from pathlib import Path

import pytest
import yaml

from sedna_dash.alerts import default_alerts
from sedna_dash.simulator.world import load_scenario
from tests.alarm_proof import PHASES, Report
from tests.hasty_rules import BROKEN, hasty_rules
from tests.panel_browser import trouble_of


def test_every_alert_is_expected_in_a_phase_that_there_is() -> None:
    named = [name for phase in PHASES for name in (*phase.alerts, *phase.last)]
    assert len(named) == len(set(named))
    assert set(named) < set(default_alerts().alerts)
    for phase in PHASES:
        assert load_scenario(phase.scenario)


def test_rules_in_a_hurry_are_the_same_rules(tmp_path: Path) -> None:
    for place in ("prometheus", "loki"):
        (tmp_path / place).mkdir()
        rules = [{"record": "a:b", "expr": "up"}, {"alert": f"Of{place}", "expr": "up == 0", "for": "1h"},
                 {"alert": f"At{place}", "expr": "up == 0"}]  # fmt: skip
        content = {"groups": [{"name": place, "interval": "2m", "rules": rules}]}
        (tmp_path / place / "rules.yaml").write_text(yaml.safe_dump(content))
    found = hasty_rules(tmp_path, logs=True)
    assert found.alerts == ("Ofprometheus", "Atprometheus", "Ofloki", "Atloki")
    assert found.prometheus == [
        {"name": "prometheus", "rules": [
            {"record": "a:b", "expr": "up"}, {"alert": "Ofprometheus", "expr": "up == 0", "for": "2s"},
            {"alert": "Atprometheus", "expr": "up == 0"}]},
        BROKEN,
    ]  # fmt: skip
    assert found.records == [{"name": "prometheus", "rules": [{"record": "a:b", "expr": "up"}]}]
    assert hasty_rules(tmp_path, logs=False).loki == []


@pytest.mark.parametrize(
    ("panels", "trouble"),
    [
        ([], "it shows 0 panels, not one"),
        ([("", False), ("", False)], "it shows 2 panels, not one"),
        ([("Missing nodes\n2", True)], "its panel has an error"),
        ([("Missing nodes\nNo data: the exporter is not scraped", False)], "its panel says 'No data'"),
        ([("Missing nodes\nNo chosen job\nis training", False)], "its panel says 'No chosen job is training'"),
        ([("Missing nodes\n2", False)], ""),
    ],
)
def test_a_panel_without_data_is_not_right(panels: list[tuple[str, bool]], trouble: str) -> None:
    seen = [{"title": "Missing nodes", "text": text, "error": error} for text, error in panels]
    assert trouble_of(seen, "No chosen job is training") == trouble


def test_a_dash_in_a_cell_is_no_lack_of_data() -> None:
    assert trouble_of([{"title": "Table", "text": "Table\nhelmet –", "error": False}], "–") == ""


def test_the_report_fails_for_one_that_is_silent_or_led_astray() -> None:
    fired = {"labels": {"alertname": "A", "node": "edge-01"}, "annotations": {"summary": "A is so"}}
    report = Report(("A", "B"), {"A": fired}, {"A": ""})
    assert not report.right
    text = "\n".join(report.lines())
    assert "fired      A  {node=edge-01}" in text
    assert "NOT FIRED  B" in text
    assert "1 of 2 alerts fired. Not fired: B." in text
    report.fired["B"] = fired
    assert report.right
    report.links["A"] = "it shows 0 panels, not one"
    assert not report.right
