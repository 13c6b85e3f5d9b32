"""What is written for each program that evaluates rules."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from sedna_dash.alerts import Alert
from sedna_dash.catalog import default_catalog
from sedna_dash.lint import promql_ast
from sedna_dash.rules.forms import PROMETHEUS, Placement, files
from sedna_dash.rules.grafana_managed import uid
from sedna_dash.rules.links import Site
from sedna_dash.rules.promtool import find_promtool
from sedna_dash.rules.tuning import tuned
from tests.rules.making import ALL

TUNING = tuned(ALL, None)
WRITTEN = {path: content.decode() for path, content in files(TUNING, Placement()).items()}
CONTENT: dict[str, Any] = {path: yaml.safe_load(text) for path, text in WRITTEN.items()}
ALERTS = list(ALL.alerts.alerts.values())
ON_METRICS = {alert.name for alert in ALERTS if alert.language == "promql"}
ON_LINES = {alert.name for alert in ALERTS if alert.language == "logql"}

if not find_promtool() and not os.environ.get("CI"):
    pytest.skip("promtool is not installed (Debian: apt install prometheus)", allow_module_level=True)


def names(groups: list[dict[str, Any]]) -> set[str]:
    return {rule.get("record") or rule["alert"] for group in groups for rule in group["rules"]}


RECORDS = {record.name for record in default_catalog().records}


@pytest.mark.parametrize(
    ("path", "at", "wanted"),
    [
        ("prometheus/sedna-records.yaml", (), RECORDS),
        ("prometheus/sedna-alerts.yaml", (), ON_METRICS),
        ("prometheus-operator/sedna-records.yaml", ("spec",), RECORDS),
        ("prometheus-operator/sedna-alerts.yaml", ("spec",), ON_METRICS),
        ("mimir/sedna.yaml", (), RECORDS | ON_METRICS),
        ("loki/sedna.yaml", (), ON_LINES),
    ],
)
def test_every_form_holds_all_rules(path: str, at: tuple[str, ...], wanted: set[str]) -> None:
    content = CONTENT[path]
    for key in at:
        content = content[key]
    assert names(content["groups"]) == wanted


@pytest.mark.parametrize("path", [*PROMETHEUS, "mimir/sedna.yaml"])
def test_promtool_takes_them(path: str, tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    # mimirtool takes the namespace out before it sends the groups.
    content = {"groups": CONTENT[path]["groups"]}
    file.write_text(yaml.safe_dump(content))
    done = subprocess.run(
        [find_promtool(), "check", "rules", "--lint-fatal", str(file)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not shutil.which("amtool"), reason="amtool is not installed (Debian: prometheus-alertmanager)")
def test_amtool_takes_the_routes(tmp_path: Path) -> None:
    file = tmp_path / "alertmanager.yaml"
    # Debian's amtool is older than url_file, which keeps addresses that are secrets out of the file.
    file.write_text(WRITTEN["alertmanager/alertmanager.yaml"].replace("url_file: /", "url: http://localhost/"))
    done = subprocess.run(["amtool", "check-config", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    for labels, receiver in [
        (("alertname=SednaServiceFailed", "severity=critical"), "pager"),
        (("alertname=SednaStageStuck", "severity=warning"), "tickets"),
        (("alertname=SednaDatasetStale", "severity=info"), "nobody"),
        (("alertname=SednaWatchdog", "severity=none"), "dead-mans-switch"),
        (("alertname=Other", "severity=critical"), "tickets"),
    ]:
        routed = subprocess.run(
            ["amtool", "config", "routes", "test", f"--config.file={file}", *labels], capture_output=True, text=True
        )
        assert routed.stdout.strip() == receiver, labels


def test_each_inhibition_says_why() -> None:
    text = WRITTEN["alertmanager/alertmanager.yaml"]
    assert ALL.alerts.inhibitions
    for item in ALL.alerts.inhibitions:
        assert f"# {item.why}\n" in text
    assert len(CONTENT["alertmanager/alertmanager.yaml"]["inhibit_rules"]) == len(ALL.alerts.inhibitions)


def test_the_operators_objects_are_where_they_are_wanted() -> None:
    placement = Placement(namespace="observability", labels={"release": "prometheus"})
    content = yaml.safe_load(files(TUNING, placement)["prometheus-operator/sedna-alerts.yaml"])
    assert content["metadata"]["namespace"] == "observability"
    assert content["metadata"]["labels"]["release"] == "prometheus"


def test_no_alert_asks_the_time_where_it_cannot() -> None:
    assert '{{ with query "' in WRITTEN["prometheus/sedna-alerts.yaml"]
    assert '{{ with query "' not in WRITTEN["loki/sedna.yaml"]
    assert '{{ with query "' not in WRITTEN["grafana/sedna-alerts.yaml"]


# --- Grafana's own rules -----------------------------------------------------------------------------------------

IN_GRAFANA = {
    rule["title"]: rule for group in CONTENT["grafana/sedna-alerts.yaml"]["groups"] for rule in group["rules"]
}


def test_grafana_has_every_alert_but_the_watchdog() -> None:
    assert set(IN_GRAFANA) == (ON_METRICS | ON_LINES) - {"SednaWatchdog"}


@pytest.mark.parametrize("alert", [alert for alert in ALERTS if alert.name in IN_GRAFANA], ids=lambda alert: alert.name)
def test_a_rule_of_grafana_is_whole(alert: Alert) -> None:
    rule = IN_GRAFANA[alert.name]
    assert len(rule["uid"]) <= 40 and rule["uid"] == uid(alert)
    refs = {query["refId"] for query in rule["data"]}
    assert rule["condition"] in refs
    assert rule["data"][0]["datasourceUid"] == {"promql": "sedna-prometheus", "logql": "sedna-loki"}[alert.language]
    text = rule["data"][0]["model"]["expr"].replace("$$", "$")
    if alert.language == "promql":
        parsed = promql_ast.parse(text)
        assert parsed.fault == ""
        assert not RECORDS & {use.selector.name for use in parsed.uses}, "a record that this site does not record"
    assert "$value " not in rule["annotations"]["summary"]
    assert rule["dashboardUid"] == alert.panel.board and isinstance(rule["panelId"], int)


def test_uids_differ() -> None:
    assert len({rule["uid"] for rule in IN_GRAFANA.values()}) == len(IN_GRAFANA)


def test_grafanas_rules_may_use_records() -> None:
    content = yaml.safe_load(files(TUNING, Placement(records="use"))["grafana/sedna-alerts.yaml"])
    texts = [rule["data"][0]["model"]["expr"] for group in content["groups"] for rule in group["rules"]]
    assert any(record in text for record in RECORDS for text in texts)


def test_the_address_of_grafana_is_in_every_link() -> None:
    written = files(TUNING, Placement(Site(grafana="https://g.example")))
    for group in yaml.safe_load(written["prometheus/sedna-alerts.yaml"])["groups"]:
        for rule in group["rules"]:
            assert rule["annotations"]["dashboard_url"].startswith("https://g.example/d/")
            assert rule["annotations"]["runbook_url"].startswith("https://g.example/d/sedna-runbooks?viewPanel=")
