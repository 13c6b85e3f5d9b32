"""Alert rules on their way into a Grafana that is busy, refuses, or is worked in by somebody else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sedna_dash.deploy.alert_rules import Alerts
from sedna_dash.deploy.changes import Policy
from sedna_dash.deploy.grafana import RefusedError
from sedna_dash.deploy.journal import Journal
from sedna_dash.deploy.report import Report, report_data
from sedna_dash.deploy.run import Request as Wanted
from sedna_dash.deploy.run import carry_out, plan_deploy
from sedna_dash.deploy.sources import NEITHER
from sedna_dash.errors import AuthoringError
from sedna_dash.schemas import violations
from tests.deploy.conftest import SOURCES, TWO, Deploy, client, exit_code, outcomes, reason, rule
from tests.grafana_stand_in import Answer, Request, StandIn, denied, problem

RULES, PAGES = "/api/v1/provisioning/alert-rules", "/api/ruler/grafana/api/v1/rules"
ONE, OTHER = rule(), rule("sedna-down", "SednaDown")
BOTH = Alerts([ONE, OTHER], {"sedna-jobs": 30})
NEWER = Alerts([rule(over=3), OTHER], {"sedna-jobs": 30})


def threshold(stand_in: StandIn, uid: str = "sedna-stuck") -> Any:
    return stand_in.rules[uid]["data"][1]["model"]["conditions"][0]["evaluator"]["params"][0]


def over(value: float) -> Callable[[dict[str, Any]], None]:
    def change(found: dict[str, Any]) -> None:
        found["data"][1]["model"]["conditions"][0]["evaluator"]["params"] = [value]

    return change


def asked(stand_in: StandIn, path: str) -> list[str]:
    """The methods of all requests below a path."""
    return [item.method for item in stand_in.requests if item.path.startswith(path)]


def between(stand_in: StandIn, alerts: Alerts, act: Callable[[], object], **policy: Any) -> Report:
    """Somebody acts after the plan is made, and before it is carried out."""
    grafana = client(stand_in)
    plan, live = plan_deploy(grafana, Wanted(TWO, SOURCES, alerts=alerts), Policy(**policy))
    act()
    return carry_out(grafana, plan, live)


def once(method: str, path: str, act: Callable[[Request], Answer | None]) -> Callable[[Request], Answer | None]:
    """A hook that acts on the first request of this kind only."""
    done: list[Request] = []

    def hook(request: Request) -> Answer | None:
        if done or (request.method, request.path) != (method, path):
            return None
        done.append(request)
        return act(request)

    return hook


# What it costs --------------------------------------------------------------------------------------------------------


def test_without_alerts_nothing_is_asked_of_them(stand_in: StandIn, run: Deploy) -> None:
    run()
    run(prune=True)
    assert not [item.path for item in stand_in.requests if "rule" in item.path]


def test_with_alerts_a_run_without_changes_asks_once_more(stand_in: StandIn, run: Deploy) -> None:
    run(alerts=BOTH)
    stand_in.requests.clear()
    run()
    without = len(stand_in.requests)
    stand_in.requests.clear()
    report = run(alerts=BOTH)
    assert len(stand_in.requests) == without + 1 and "writes" not in outcomes(report).values()
    assert set(outcomes(report).values()) == {"unchanged"}


def test_the_report_is_of_the_published_form(run: Deploy) -> None:
    report = run(alerts=BOTH)
    assert list(violations("report", json.loads(json.dumps(report_data(report))))) == []
    kinds = [result.kind for result in report.results]
    assert [kind for kind in kinds if kind in ("alert", "group")] == ["alert", "alert", "group"]


# Rights ---------------------------------------------------------------------------------------------------------------


def test_an_editor_deploys_the_boards(stand_in: StandIn, run: Deploy) -> None:
    stand_in.put_datasource("p", "P", "prometheus")
    stand_in.put_datasource("l", "L", "loki")
    sources = {"prometheus": NEITHER, "loki": NEITHER}
    report = run(alerts=BOTH, token="editor-token", sources=sources)
    assert exit_code(report) == 5 and {"sedna-one", "sedna-two"} <= set(stand_in.dashboards) and not stand_in.rules
    failed = [result for result in report.results if result.outcome == "failed"]
    assert failed and all(result.denied and result.kind == "alert" for result in failed)
    assert failed[0].reason.endswith(
        "the credentials lack the permission alert.provisioning:write; give the service account the role Admin, or "
        "deploy with --no-alerts"
    )
    assert outcomes(report)["sedna-jobs"] == "skipped"
    # Whoever may, finishes.
    assert exit_code(run(alerts=BOTH, sources=sources)) == 0 and len(stand_in.rules) == 2


def test_a_grafana_that_does_not_show_its_rules(stand_in: StandIn, run: Deploy) -> None:
    run(alerts=BOTH)
    stand_in.before = lambda request: denied("alert.rules:read") if request.path == PAGES else None
    stand_in.edit_rule("sedna-stuck", over(5))
    report = run(alerts=NEWER)
    assert outcomes(report)["sedna-stuck"] == "conflict" and threshold(stand_in) == 5
    assert outcomes(report)["sedna-down"] == "create", "it is there, as it should be"


def test_a_grafana_without_alert_rules(stand_in: StandIn, run: Deploy) -> None:
    stand_in.before = lambda request: problem(404, "Not found") if request.path == PAGES else None
    with pytest.raises(RefusedError, match="turn on its unified alerting, or deploy with --no-alerts"):
        run(alerts=BOTH)
    assert not stand_in.writes


def test_a_rule_that_grafana_could_not_evaluate_is_told_before_anything_is_sent(stand_in: StandIn, run: Deploy) -> None:
    with pytest.raises(AuthoringError, match="its condition X is none of its queries"):
        run(alerts=Alerts([rule(condition="X")]))
    assert not stand_in.writes


def test_rules_of_a_datasource_that_could_not_be_made(stand_in: StandIn, run: Deploy) -> None:
    refused = problem(400, "no")
    stand_in.before = lambda request: (
        refused if request.path == "/api/datasources" and request.method == "POST" else None
    )
    report = run(alerts=BOTH)
    assert outcomes(report)["sedna-stuck"] == "skipped" and not stand_in.rules
    assert reason(report, "sedna-stuck") == "its datasource sedna-prometheus could not be made; see there"


# Somebody else at the same time ---------------------------------------------------------------------------------------


def test_an_edit_at_this_moment(stand_in: StandIn, run: Deploy) -> None:
    run(alerts=BOTH)
    report = between(stand_in, NEWER, lambda: stand_in.edit_rule("sedna-stuck", over(5)))
    assert outcomes(report)["sedna-stuck"] == "conflict" and threshold(stand_in) == 5
    assert exit_code(report) == 3


def test_an_edit_at_the_moment_of_a_deletion(stand_in: StandIn, run: Deploy) -> None:
    run(alerts=BOTH)
    alerts = Alerts([OTHER], {"sedna-jobs": 30})
    report = between(stand_in, alerts, lambda: stand_in.edit_rule("sedna-stuck", over(5)), prune=True)
    assert outcomes(report)["sedna-stuck"] == "conflict" and threshold(stand_in) == 5


@pytest.mark.parametrize(
    "made, outcome", [({}, "conflict"), ({"uid": "theirs"}, "conflict")], ids=["of our uid", "of our title"]
)
def test_somebody_makes_one_at_this_moment(stand_in: StandIn, made: dict[str, str], outcome: str, run: Deploy) -> None:
    run()
    uid = made.get("uid", "sedna-stuck")
    report = between(stand_in, BOTH, lambda: stand_in.put_rule(uid, "sedna", "SednaStuck"))
    assert outcomes(report)["sedna-stuck"] == outcome and stand_in.rules[uid]["data"] == []
    assert outcomes(report)["sedna-down"] == "create"


def test_another_run_is_quicker(stand_in: StandIn, run: Deploy) -> None:
    report = between(stand_in, BOTH, lambda: run(alerts=BOTH))
    assert outcomes(report)["sedna-stuck"] == "create" and exit_code(report) == 0


def test_the_folder_is_deleted_at_this_moment(stand_in: StandIn, run: Deploy) -> None:
    """Grafana 9 would take the rules, and show them nowhere."""
    run()
    report = between(stand_in, BOTH, lambda: stand_in.delete("sedna"))
    assert "its folder was deleted" in reason(report, "sedna-stuck") and not stand_in.rules


def test_the_interval_is_changed_at_this_moment(stand_in: StandIn, run: Deploy) -> None:
    run(alerts=BOTH)

    def act() -> None:
        for uid in stand_in.rules:
            stand_in.edit_rule(uid, lambda found: found.update(interval=50))

    report = between(stand_in, replace(BOTH, intervals={"sedna-jobs": 10}), act)
    assert outcomes(report)["sedna-jobs"] == "conflict"
    assert {found["interval"] for found in stand_in.rules.values()} == {50}


def test_a_rule_that_comes_while_the_interval_is_set_anew(stand_in: StandIn, run: Deploy) -> None:
    """The save that nobody answered is not sent again: it would delete what came since."""

    def busy(request: Request) -> Answer:
        stand_in.put_rule("theirs", "sedna", ruleGroup="sedna-jobs", interval=60, data=ONE["data"])
        return problem(503, "busy")

    run()
    stand_in.before = once("POST", f"{PAGES}/Sedna", busy)
    report = run(alerts=BOTH)
    assert exit_code(report) == 0 and asked(stand_in, f"{PAGES}/Sedna").count("POST") == 2
    assert {uid: found["interval"] for uid, found in stand_in.rules.items()} == {
        "sedna-stuck": 30, "sedna-down": 30, "theirs": 30,
    }  # fmt: skip


def test_a_rule_that_goes_while_the_interval_is_set(stand_in: StandIn, run: Deploy) -> None:
    run()
    stand_in.put_rule("theirs", "sedna", ruleGroup="sedna-jobs", interval=60, data=ONE["data"])
    stand_in.before = once("POST", f"{PAGES}/Sedna", lambda request: stand_in.rules.pop("theirs") and None)
    report = run(alerts=BOTH)
    assert exit_code(report) == 0 and {found["interval"] for found in stand_in.rules.values()} == {30}


def test_what_somebody_chose_that_we_do_not_know_stays(stand_in: StandIn, run: Deploy) -> None:
    """Such as a contact point, on newer servers. Grafana resets what an update leaves out."""
    run(alerts=BOTH)
    stand_in.edit_rule("sedna-stuck", lambda found: found.update(notification_settings={"receiver": "me"}))
    assert outcomes(run(alerts=NEWER))["sedna-stuck"] == "update"
    assert threshold(stand_in) == 3 and stand_in.rules["sedna-stuck"]["notification_settings"] == {"receiver": "me"}


def test_a_colleagues_rule_outlives_all_that_we_do(stand_in: StandIn, run: Deploy) -> None:
    run(alerts=BOTH)
    stand_in.put_rule("theirs", "sedna", ruleGroup="sedna-jobs", interval=30, data=ONE["data"])
    before = {
        key: item for key, item in stand_in.rules["theirs"].items() if key in ("title", "data", "for", "condition")
    }
    run(alerts=NEWER)
    run(alerts=replace(NEWER, intervals={"sedna-jobs": 10}), on_drift="overwrite")
    run(alerts=Alerts([OTHER]), prune=True)
    run(alerts=Alerts(), prune=True)
    after = stand_in.rules["theirs"]
    assert {key: after[key] for key in before} == {**before, "data": after["data"]}
    assert after["data"][0]["model"]["expr"] == ONE["data"][0]["model"]["expr"] and list(stand_in.rules) == ["theirs"]


# A Grafana that is busy -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "method, path", [("POST", RULES), ("PUT", f"{RULES}/sedna-stuck"), ("DELETE", f"{RULES}/sedna-down")]
)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("status, said", [(503, "busy"), (500, "database is locked"), (429, "slow down")])
def test_busy(stand_in: StandIn, run: Deploy, method: str, path: str, when: str, status: int, said: str) -> None:
    if method != "POST":
        run(alerts=BOTH)
    setattr(stand_in, when, once(method, path, lambda request: problem(status, said)))
    wanted = BOTH if method == "POST" else Alerts(NEWER.rules[:1], NEWER.intervals)
    report = run(alerts=wanted, prune=True)
    assert exit_code(report) == 0, [result for result in report.results if result.outcome == "failed"]
    assert sorted(stand_in.rules) == sorted(item["uid"] for item in wanted.rules)
    assert asked(stand_in, path).count(method) in (1, 2, 3)


def test_a_grafana_that_stays_busy(stand_in: StandIn, run: Deploy) -> None:
    stand_in.before = lambda request: problem(503, "busy") if request.path == RULES else None
    report = run(alerts=BOTH)
    assert "did not save the alert rule sedna-stuck in 8 tries; run again" in reason(report, "sedna-stuck")
    assert exit_code(report) == 5 and "sedna-one" in stand_in.dashboards


# Elsewhere ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["9.3.2", "10.4.1", "11.6.0", "12.2.0", "13.0.0"])
@pytest.mark.parametrize("path", [("Sedna",), ("Sites / Süd?", "Sedna")], ids=["one title", "two titles"])
def test_versions_and_folders(version: str, path: tuple[str, ...]) -> None:
    with StandIn(version=version) as grafana:
        for outcome in ("create", "unchanged"):
            request = Wanted(
                TWO, SOURCES, path, alerts=replace(BOTH, rules=[rule(ruleGroup="a/b c?")], intervals={"a/b c?": 30})
            )
            link = client(grafana)
            report = carry_out(link, *plan_deploy(link, request, Policy()))
            assert (exit_code(report), outcomes(report)["sedna-stuck"]) == (0, outcome)
            assert outcomes(report)["a/b c?"] == outcome and grafana.rules["sedna-stuck"]["interval"] == 30


def test_the_journal_has_a_copy(stand_in: StandIn, tmp_path: Path, run: Deploy) -> None:
    run(alerts=BOTH)
    grafana = client(stand_in)
    plan, live = plan_deploy(grafana, Wanted(TWO, SOURCES, alerts=Alerts([rule(over=3)])), Policy(prune=True))
    carry_out(grafana, plan, live, journal=Journal(tmp_path, plan))
    lines = [json.loads(line) for line in next(tmp_path.iterdir()).read_text().splitlines()]
    copies = {line["uid"]: line["copy"] for line in lines if line["step"] == "trying" and line["kind"] == "alert"}
    assert copies["sedna-stuck"]["data"][1]["model"]["conditions"][0]["evaluator"]["params"] == [0]
    assert copies["sedna-down"]["title"] == "SednaDown"
