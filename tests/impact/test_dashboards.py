"""What breaks when a dashboard or a panel goes."""

from __future__ import annotations

from typing import Any

import pytest

from sedna_dash.errors import SettingsError
from sedna_dash.impact.dashboards import dashboard_impact
from sedna_dash.impact.inventory import Inventory, load_inventory
from tests.impact.site import REPOSITORY, alert, dashboard, panel, site

TARGET = dashboard("goal", panel("First", "a", id=7), panel("Second", "b", id=8))


def leads(*boards: dict[str, Any], panel: str = "", **more: Any) -> list[tuple[str, str, str]]:
    found = dashboard_impact("goal", panel, site(TARGET, *boards, **more))
    return [(lead.place.kind, lead.place.name, lead.panel) for lead in found.leads]


def data_link(url: str) -> dict[str, Any]:
    return panel("From", "m", fieldConfig={"defaults": {"links": [{"title": "Go", "url": url}]}, "overrides": []})


LINKS = {
    "/d/goal": "",
    "/d/goal/its-name?var-a=1": "",
    "https://grafana.example.com/sub/d/goal?orgId=1": "",
    "/d-solo/goal?panelId=8": "Second",
    "/d/goal?viewPanel=7&from=now-1h": "First",
    "/d/goal/x?var-a=1&viewPanel=panel-8": "Second",
    "/d/goal?viewPanel=99": "",
    "d/goal?viewPanel=7": "First",
    "/d/goal-two": None,
    "/old-d/goal": None,
    "/d/my-goal": None,
    "/d/other?var-x=goal": None,
}


@pytest.mark.parametrize("url", LINKS)
def test_a_link_of_a_panel(url: str) -> None:
    opened = LINKS[url]
    assert leads(dashboard("b", data_link(url))) == ([] if opened is None else [("panel", "From", opened)])
    to_second = [("panel", "From", "Second")] if opened == "Second" else []
    assert leads(dashboard("b", data_link(url)), panel="Second") == to_second


PLACES = {
    "a link of a dashboard": (
        dashboard("b", links=[{"type": "link", "title": "Go", "url": "/d/goal"}]),
        ("dashboard", "links", ""),
    ),
    "a link in a text": (
        dashboard("b", {"id": 1, "type": "text", "title": "T", "options": {"content": "see [it](/d/goal?x) now"}}),
        ("panel", "T", ""),
    ),
    "a link of a column": (
        dashboard(
            "b",
            panel(
                "T",
                "m",
                fieldConfig={
                    "overrides": [
                        {"matcher": {}, "properties": [{"id": "links", "value": [{"title": "x", "url": "/d/goal"}]}]}
                    ]
                },
            ),
        ),
        ("panel", "T", ""),
    ),
}


@pytest.mark.parametrize("name", PLACES)
def test_other_places(name: str) -> None:
    board, says = PLACES[name]
    assert leads(board) == [says]


def test_an_alert_of_theirs() -> None:
    texts = {"dashboard_url": "https://g/d/goal?viewPanel=8", "summary": "look at /d/goal"}
    assert leads(rules=(alert("Low", "m < 1", **texts),)) == [("alert", "Low", "Second"), ("alert", "Low", "")]


def test_a_panel_that_shows_the_result_of_another() -> None:
    reuse = {
        "id": 9,
        "type": "stat",
        "title": "Again",
        "datasource": {"uid": "-- Dashboard --"},
        "targets": [{"refId": "A", "panelId": 7}],
    }
    inventory = site(dashboard("goal", panel("First", "a", id=7), panel("Second", "b", id=8), reuse))
    assert [lead.place.name for lead in dashboard_impact("goal", "First", inventory).leads] == ["Again"]
    assert dashboard_impact("goal", "Second", inventory).leads == []
    assert dashboard_impact("goal", "", inventory).leads == []


def test_menus_get_shorter_and_nothing_breaks() -> None:
    menu = {"type": "dashboards", "tags": ["sedna"]}
    lists = {"id": 1, "type": "dashlist", "title": "L", "options": {"tags": ["sedna", "x"]}}
    inventory = site(
        dashboard("goal", tags=["sedna"]), dashboard("a", links=[menu]), dashboard("b", lists), dashboard("c")
    )
    found = dashboard_impact("goal", "", inventory)
    assert (found.menus, found.breaks) == (["a"], False)


def test_what_is_shown_nowhere_else() -> None:
    inventory = site(
        dashboard("goal", panel("P", "sedna_job_iteration", "site_m", "sedna:worker_duration:seconds", id=1),
                  panel("Q", "site_m", "site_n", id=2)),
        dashboard("b", panel("P", "site_n", "sedna_worker_start_timestamp_seconds")),
    )  # fmt: skip
    whole, part = dashboard_impact("goal", "", inventory), dashboard_impact("goal", "P", inventory)
    below = {"sedna:worker_duration:seconds", "sedna_worker_completion_timestamp_seconds", "sedna_job_iteration"}
    assert set(whole.alone) == below | {"site_m"}
    assert set(part.alone) == below
    # lifelong-learning/Task/TasksInfo is shown by the start of workers, too.
    assert set(part.required) == {"observability/IL/IterationNo"}
    assert dashboard_impact("goal", "Q", inventory).alone == []


@pytest.fixture(scope="module")
def ours() -> Inventory:
    return load_inventory(REPOSITORY / "dashboards_src")


def test_ours_with_alerts(ours: Inventory) -> None:
    found = dashboard_impact("sedna-edge-nodes", "", ours)
    alerts = {lead.place.name: lead.panel for lead in found.leads if lead.place.kind == "alert"}
    panel_of = ours.rules.alerts.alerts["SednaEdgeNodeOffline"].panel.title
    assert alerts["SednaEdgeNodeOffline"] == panel_of
    only = dashboard_impact("sedna-edge-nodes", panel_of, ours)
    assert {lead.panel for lead in only.leads} == {panel_of}
    assert "kube_lease_renew_time" in found.alone


def test_without_runbooks_every_alert_leads_nowhere(ours: Inventory) -> None:
    found = dashboard_impact("sedna-runbooks", "", ours)
    assert {lead.place.name for lead in found.leads if lead.how == "runbook_url"} == set(ours.rules.alerts.alerts)
    one = dashboard_impact("sedna-runbooks", "SednaStageStuck", ours)
    assert ("alert", "SednaStageStuck") in [(lead.place.kind, lead.place.name) for lead in one.leads]
    # The index of runbooks has a link to each.
    assert {lead.place.home for lead in one.leads if lead.place.kind == "panel"} >= {"sedna-alerts-slo"}
    assert {lead.panel for lead in one.leads} == {"SednaStageStuck"}


WRONG = {
    ("gaol", ""): "no dashboard has the uid 'gaol'; did you mean 'goal'?",
    ("zz", ""): "no dashboard has the uid 'zz'; there is 'goal'",
    ("goal", "Frist"): "dashboard 'goal' has no panel 'Frist'; did you mean 'First'?",
    ("goal", "zzzzz"): "dashboard 'goal' has no panel 'zzzzz'; there is 'First' and 'Second'",
}


@pytest.mark.parametrize(("uid", "title"), WRONG)
def test_an_unknown_name(uid: str, title: str) -> None:
    with pytest.raises(SettingsError) as error:
        dashboard_impact(uid, title, site(TARGET))
    assert error.value.message == WRONG[uid, title]
