"""What counts of an alert rule, our mark in it, and what is refused before it is sent."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from sedna_dash.deploy.alert_rules import (
    RULE_MARK,
    Alerts,
    checked_alerts,
    marked_rule,
    rule_fields,
    rule_mark,
    rule_of,
    rule_outline,
    spelt_duration,
    updated_rule,
)
from sedna_dash.errors import AuthoringError
from sedna_dash.render.canonical import checksum
from tests.deploy.conftest import rule
from tests.record_grafana import DATA, read

SOURCES = ["prom", "sedna-loki"]


def asking(uid: str = "prom", **more: Any) -> dict[str, Any]:
    """A rule that asks this datasource."""
    made = rule()
    made["data"][0]["datasourceUid"] = uid
    return {**made, **more}


def changed(place: str, value: Any) -> dict[str, Any]:
    """The rule with something else in its first query."""
    made = asking()
    made["data"][0][place] = value
    return made


def test_what_grafana_adds_does_not_count() -> None:
    """As a real one did: each rule that it took is the rule that it was sent."""
    taken = [
        item for item in read(DATA / "grafana-9.3.2.json") if item.status == 201 and "/alert-rules" in item.step.path
    ]
    assert len(taken) > 5
    for exchange in taken:
        sent = {key: value for key, value in exchange.step.body.items() if key != "isPaused"}
        assert rule_fields(exchange.body) == rule_fields(sent), exchange.step.name


COUNTS: list[tuple[str, dict[str, Any], bool]] = [
    ("another title", asking(title="x"), True),
    ("another group", asking(ruleGroup="x"), True),
    ("paused", asking(isPaused=True), True),
    ("not paused", asking(isPaused=False), False),
    ("a threshold", {**asking(), "data": rule(over=1)["data"]}, True),
    ("a whole number", changed("relativeTimeRange", {"from": 600.0, "to": 0.0}), False),
    ("the duration in other words", asking(**{"for": "300s"}), False),
    ("another duration", asking(**{"for": "6m"}), True),
    ("queries in another order", asking(data=asking()["data"][::-1]), False),
    ("the usual steps", changed("model", {**asking()["data"][0]["model"], "intervalMs": 1000, "hide": False}), False),
    ("other steps", changed("model", {**asking()["data"][0]["model"], "intervalMs": 5000}), True),
    ("shown by Grafana", {**asking(), "id": 4, "updated": "now", "provenance": "", "orgID": 1}, False),
    ("without labels", asking(labels={}), True),
    ("our mark", marked_rule(asking(), "sedna"), False),
]


@pytest.mark.parametrize("found, counts", [case[1:] for case in COUNTS], ids=[case[0] for case in COUNTS])
def test_what_counts(found: dict[str, Any], counts: bool) -> None:
    assert (checksum(rule_fields(found)) != checksum(rule_fields(asking()))) is counts


def test_the_mark() -> None:
    made = marked_rule(rule_fields(rule()), "sedna")
    mark = rule_mark(made)
    assert mark is not None and mark.bundle == "sedna" and mark.checksum == checksum(rule_fields(made))
    assert rule_mark(rule()) is None
    assert rule_mark(rule(annotations={RULE_MARK: "bundle:sedna"})) is None
    assert made["annotations"]["summary"] == "Stuck"


@pytest.mark.parametrize("fields", [rule_fields(rule()), rule_fields(rule(data=[rule()["data"][0]] * 2))])
def test_an_outline_goes_back(fields: dict[str, Any]) -> None:
    before = copy.deepcopy(fields)
    assert rule_of(rule_outline(fields)) == before == fields


@pytest.mark.parametrize(
    "text, said",
    [("90s", "1m30s"), ("0", "0s"), ("5m", "5m"), ("60m", "1h"), ("8d", "8d"), ("14d", "2w"), ("1500ms", "1s500ms"),
     ("365d", "1y"), ("25h", "1d1h"), ("never", "never")],
)  # fmt: skip
def test_durations(text: str, said: str) -> None:
    assert spelt_duration(text) == said


BAD: list[tuple[str, list[dict[str, Any]], str]] = [
    ("uid too long", [{**asking(), "uid": "x" * 41}], "1 to 40 letters"),
    ("uid of other letters", [{**asking(), "uid": "a b"}], "1 to 40 letters"),
    ("no uid", [{**asking(), "uid": ""}], "1 to 40 letters"),
    ("uid twice", [asking(), asking(title="other")], "another rule has this uid"),
    ("title twice", [asking(), {**asking(), "uid": "other"}], "another rule has this title"),
    ("no title", [asking(title="")], "the title must have 1 to 190"),
    ("no group", [asking(ruleGroup=None)], "the group must have 1 to 190"),
    ("no queries", [asking(data=[])], "no list of queries"),
    ("queries in other words", [asking(data={"A": {}})], "no list of queries"),
    ("a query without a model", [changed("model", None)], "no list of queries"),
    ("refId twice", [changed("refId", "B")], "two of its queries have one refId"),
    ("condition of no query", [asking(condition="C")], "its condition C is none of its queries (A, B)"),
    ("no condition", [asking(condition=None)], "its condition None"),
    ("no such datasource", [asking("gone")], "asks a datasource gone"),
    ("a placeholder that nobody filled", [asking("${x}")], "asks a datasource ${x}"),
    ("no range", [changed("relativeTimeRange", {"from": 0, "to": 0})], "looks back from 0 to 0"),
    ("a range in words", [changed("relativeTimeRange", {"from": "now-5m"})], "looks back from now-5m to None"),
    ("conditions in other words", [changed("model", {"refId": "A", "conditions": "x"})], "no list of objects"),
    ("no duration", [asking(**{"for": "soon"})], "'soon' is no duration"),
    ("no duration at all", [asking(**{"for": None})], "is no duration"),
    ("noDataState", [asking(noDataState="ok")], "noDataState 'ok'"),
    ("execErrState", [asking(execErrState="KeepLast")], "execErrState 'KeepLast'"),
    ("a label that is a number", [asking(labels={"a": 1})], "its labels are no texts"),
    ("a panel of no dashboard", [asking(annotations={"__panelId__": "1"})], "give both"),
    ("a panel by its title", [asking(annotations={"__panelId__": "x", "__dashboardUid__": "d"})], "give both"),
]


@pytest.mark.parametrize("rules, said", [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_what_grafana_could_not_evaluate(rules: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(AuthoringError, match=r"^alert rule '") as error:
        checked_alerts(Alerts(rules), SOURCES)
    assert said in error.value.message and "\n" not in error.value.message and "; " in error.value.message


@pytest.mark.parametrize("interval", [0, -10, 15, 7.5, True, "60"])
def test_an_interval_that_grafana_does_not_take(interval: Any) -> None:
    with pytest.raises(AuthoringError, match="alert group 'sedna-jobs': the interval"):
        checked_alerts(Alerts([asking()], {"sedna-jobs": interval}), SOURCES)


def test_what_is_right_is_let_through() -> None:
    alerts = Alerts(
        [asking(), {**asking("sedna-loki", title="Two", **{"for": "0s"}), "uid": "two"}], {"sedna-jobs": 30}
    )
    assert checked_alerts(alerts, SOURCES) == alerts
    assert (alerts.interval("sedna-jobs"), alerts.interval("other")) == (30, 60)


def test_an_update_keeps_what_we_do_not_know() -> None:
    """Newer servers have more fields, and reset what a request leaves out."""
    live = {
        **rule(),
        "id": 3,
        "provenance": "",
        "updated": "x",
        "notification_settings": {"receiver": "me"},
        "isPaused": True,
    }
    sent = updated_rule(live, marked_rule(rule_fields(rule(over=4)), "sedna"))
    assert sent["notification_settings"] == {"receiver": "me"} and sent["isPaused"] is False
    assert {"id", "provenance", "updated"}.isdisjoint(sent)
    assert checksum(rule_fields(sent)) == checksum(rule_fields(rule(over=4)))
    assert json.loads(json.dumps(sent)) == sent
