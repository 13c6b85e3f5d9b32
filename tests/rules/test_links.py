"""Where alerts lead."""

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from sedna_dash.alerts import Alert
from sedna_dash.authoring.layout import panel_id
from sedna_dash.rules.links import Site, expanded, linked_panel, variables_of
from tests.rules.making import ALL, large, rules_with


def test_variables_and_time_are_filled_in(tmp_path: Path) -> None:
    rules = rules_with(tmp_path)
    url = expanded(rules.links(large(rules), Site())["dashboard_url"], {"namespace": "a b", "name": "x&y"}, 7 * 3600)
    there = urlsplit(url)
    board, panel = linked_panel(large(rules), rules.boards)
    assert there.path == f"/d/{board.uid}"
    assert parse_qs(there.query) == {
        "viewPanel": [str(panel.id)],
        "var-namespace": ["a b"],
        "var-resource": ["x&y"],
        "from": [str(3600 * 1000)],
        "to": [str(7 * 3600 * 1000)],
    }


def test_a_label_that_is_not_there_narrows_nothing(tmp_path: Path) -> None:
    rules = rules_with(tmp_path, "expr", "max by (cluster, namespace, name) (sedna_job_status_bytes) > ${limit}")
    url = expanded(rules.links(large(rules), Site())["dashboard_url"], {"namespace": "d", "name": "a"}, 0)
    assert parse_qs(urlsplit(url).query)["var-cluster"] == ["$__all"]


def test_without_a_clock_the_time_is_relative(tmp_path: Path) -> None:
    rules = rules_with(tmp_path)
    assert rules.links(large(rules), Site(clock=False))["dashboard_url"].endswith("&from=now-21600s&to=now")


@pytest.mark.parametrize("grafana", ["https://g.example/grafana", "https://g.example/grafana/"])
def test_the_address_of_grafana_comes_first(grafana: str, tmp_path: Path) -> None:
    rules = rules_with(tmp_path)
    links = rules.links(large(rules), Site(grafana=grafana))
    assert links["dashboard_url"].startswith("https://g.example/grafana/d/sedna-inspector?")
    assert links["runbook_url"].startswith("https://g.example/grafana/d/sedna-runbooks")


def test_runbooks_may_be_elsewhere(tmp_path: Path) -> None:
    rules = rules_with(tmp_path)
    assert rules.links(large(rules), Site(runbooks="https://w/rb/"))["runbook_url"] == "https://w/rb/SednaLarge"


@pytest.mark.parametrize("alert", ALL.alerts.alerts.values(), ids=lambda alert: alert.name)
def test_every_alert_leads_to_its_panel_and_its_runbook(alert: Alert) -> None:
    board, panel = linked_panel(alert, ALL.boards)
    links = ALL.links(alert, Site())
    assert links["dashboard_url"].startswith(f"/d/{board.uid}?viewPanel={panel.id}&")
    assert links["runbook_url"] == f"/d/sedna-runbooks?viewPanel={panel_id(alert.name)}"
    # One resource, not all of them: what the board can be narrowed by, the alert narrows.
    narrowed = set(re.findall(r"var-(\w+)=", links["dashboard_url"]))
    assert narrowed >= set(variables_of(board)) & ALL.labels(alert)
