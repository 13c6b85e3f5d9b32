"""A life of alert rules in one Grafana, and of a colleague who works beside us in its pages.

It runs against the stand-in, and the same against a real Grafana when SEDNA_DASH_TEST_GRAFANA_URL names one, see
`test_life`. The colleague uses the API that Grafana's own pages use.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest

from sedna_dash.deploy.alert_rules import Alerts
from sedna_dash.deploy.changes import Policy
from sedna_dash.deploy.history import read_history
from sedna_dash.deploy.planfile import load_plan, save_plan
from sedna_dash.deploy.report import Report
from sedna_dash.deploy.run import Request, carry_out, check_plan, plan_deploy, plan_rollback
from sedna_dash.errors import ConflictError
from tests.deploy.conftest import rule
from tests.deploy.test_life import Site
from tests.grafana_stand_in import StandIn

RULES, PAGES = "/api/v1/provisioning/alert-rules", "/api/ruler/grafana/api/v1/rules"

Edit = Callable[[dict[str, Any]], object]


class Alerting(Site):
    """A Grafana, two alert rules that we want in it, and a colleague who works there."""

    def __init__(self, url: str, user: str, password: str) -> None:
        super().__init__(url, user, password)
        self.boards.pop("two")
        self.rules = {name: self.rule(name) for name in ("stuck", "down")}
        self.intervals: dict[str, int] = {}
        self.wanted = True

    def rule(self, name: str, **more: Any) -> dict[str, Any]:
        return rule(f"{self.word}-{name}", f"{self.word} {name}", **more)

    def request(self) -> Request:
        alerts = Alerts(list(self.rules.values()), self.intervals) if self.wanted else None
        usual = super().request()
        return Request(usual.dashboards, usual.sources, usual.path, usual.bundle, alerts=alerts)

    def told(self, report: Report) -> dict[str, str]:
        """What became of each rule and group, by its short name; ``exit`` is the exit code."""
        exit_code = super().told(report)["exit"]
        done = {result.uid.removeprefix(f"{self.word}-"): result.outcome for result in report.results
                if result.kind in ("alert", "group")}  # fmt: skip
        return {**done, "exit": exit_code}

    @property
    def title(self) -> str:
        return self.path[0]

    @property
    def folder(self) -> str:
        return next(folder.uid for folder in self.grafana.folders() if folder.title == self.title)

    def live_rule(self, name: str) -> dict[str, Any]:
        status, _, content = self.ask("GET", f"{RULES}/{self.word}-{name}")
        return dict(json.loads(content)) if status == 200 else {}

    def group(self, name: str = "sedna-jobs") -> dict[str, Any]:
        """A group as the pages show it."""
        return dict(json.loads(self.ask("GET", f"{PAGES}/{quote(self.title)}/{name}")[2]))

    def in_pages(self, change: Edit, name: str = "sedna-jobs") -> None:
        """The colleague changes something of a group, and saves it."""
        group = self.group(name)
        change(group)
        status, _, content = self.ask("POST", f"{PAGES}/{quote(self.title)}", group)
        assert status == 202, content

    def edit_rule(self, name: str, change: Edit) -> None:
        """The colleague changes a rule."""

        def find(group: dict[str, Any]) -> None:
            change(next(item for item in group["rules"] if item["grafana_alert"]["uid"] == f"{self.word}-{name}"))

        self.in_pages(find)

    def add_rule(self, title: str = "theirs") -> None:
        """The colleague adds a rule to our group: a copy of one of ours, with its annotations and all."""

        def add(group: dict[str, Any]) -> None:
            copy = json.loads(json.dumps(group["rules"][0]))
            copy["grafana_alert"] = {**copy["grafana_alert"], "title": f"{self.word} {title}"}
            for key in ("uid", "id"):
                del copy["grafana_alert"][key]
            group["rules"].append(copy)

        self.in_pages(add)

    def titles(self) -> dict[str, int]:
        """The rules of the group, and how often each is evaluated."""
        rules = [item["grafana_alert"] for item in self.group()["rules"]]
        return {item["title"].removeprefix(f"{self.word} "): item["intervalSeconds"] for item in rules}

    def clear(self) -> None:
        found: Mapping[str, Any] = json.loads(self.ask("GET", PAGES)[2])
        for group in (group for groups in found.values() for group in groups):
            for item in group["rules"]:
                if self.word in item["grafana_alert"]["title"]:
                    self.ask("DELETE", f"{RULES}/{item['grafana_alert']['uid']}")
        super().clear()


@pytest.fixture(params=["stand-in", "real"])
def site(request: pytest.FixtureRequest) -> Iterator[Alerting]:
    if request.param == "stand-in":
        with StandIn() as stand_in:
            made = Alerting(stand_in.url, "admin", "admin")
            yield made
            made.clear()
        return
    url = os.environ.get("SEDNA_DASH_TEST_GRAFANA_URL")
    if not url:
        pytest.skip("no SEDNA_DASH_TEST_GRAFANA_URL: no alert rule lived in a real Grafana")
    user, password = os.environ.get("GRAFANA_USER", "admin"), os.environ.get("GRAFANA_PASSWORD", "admin")
    made = Alerting(url.rstrip("/"), user, password)
    yield made
    made.clear()


def over(value: float) -> Edit:
    """What raises the threshold of a rule, ours or as the pages have it."""

    def change(found: dict[str, Any]) -> None:
        data = found.get("grafana_alert", found)["data"]
        data[1]["model"]["conditions"][0]["evaluator"]["params"] = [value]

    return change


def threshold(found: Mapping[str, Any]) -> float:
    return float(found["data"][1]["model"]["conditions"][0]["evaluator"]["params"][0])


def test_first_second_and_changed(site: Alerting) -> None:
    assert site.deploy() == {"stuck": "create", "down": "create", "exit": "0"}
    assert site.deploy() == {"stuck": "unchanged", "down": "unchanged", "sedna-jobs": "unchanged", "exit": "0"}
    live = site.live_rule("stuck")
    assert live["folderUID"] == site.folder and "provenance" not in live
    assert live["data"][0]["datasourceUid"] == f"{site.word}-prometheus"
    over(3)(site.rules["stuck"])
    site.rules["stuck"]["for"] = "90s"
    assert site.deploy()["stuck"] == "update"
    assert sorted(site.details()) == [
        "alert rule: for changed here (5m → 1m30s)",
        "query B: threshold changed here (0 → 3)",
    ]
    assert threshold(site.live_rule("stuck")) == 3
    assert site.deploy()["stuck"] == "unchanged"


def test_a_colleagues_edit(site: Alerting) -> None:
    site.deploy()
    site.in_pages(lambda group: None)
    assert site.deploy()["exit"] == "0", "saved without a change"
    site.edit_rule("stuck", over(5))
    assert site.deploy() == {"stuck": "drifted", "down": "unchanged", "sedna-jobs": "unchanged", "exit": "3"}
    assert site.details() == ["query B: threshold changed live (0 → 5)"]
    assert site.deploy(on_drift="keep")["exit"] == "0"
    site.rules["stuck"]["annotations"]["summary"] = "Stuck for long"
    assert site.deploy()["stuck"] == "conflict"
    assert site.deploy(on_drift="merge") == {
        "stuck": "update", "down": "unchanged", "sedna-jobs": "unchanged", "exit": "0"
    }  # fmt: skip
    live = site.live_rule("stuck")
    assert (threshold(live), live["annotations"]["summary"]) == (5, "Stuck for long")
    # What was merged is still not in the product's rules.
    assert site.deploy()["stuck"] == "drifted"
    over(6)(site.rules["stuck"])
    assert site.deploy(on_drift="merge")["stuck"] == "conflict"
    assert site.deploy(on_drift="overwrite")["stuck"] == "update"
    assert threshold(site.live_rule("stuck")) == 6
    # And by now it is as we left it.
    over(7)(site.rules["stuck"])
    assert site.deploy()["stuck"] == "update"


def test_the_edit_comes_into_the_rules(site: Alerting) -> None:
    site.deploy()
    site.edit_rule("stuck", over(5))
    over(5)(site.rules["stuck"])
    assert site.deploy()["stuck"] == "unchanged"
    over(6)(site.rules["stuck"])
    assert site.deploy()["stuck"] == "update"


def test_interval(site: Alerting) -> None:
    """A colleague's rule in our group stays, whatever we do to how often the group is evaluated."""
    site.intervals["sedna-jobs"] = 30
    assert site.deploy() == {"stuck": "create", "down": "create", "sedna-jobs": "create", "exit": "0"}
    assert site.titles() == {"stuck": 30, "down": 30}
    site.add_rule()
    assert site.titles() == {"stuck": 30, "down": 30, "theirs": 30}
    site.intervals["sedna-jobs"] = 20
    site.rules["third"] = site.rule("third")
    told = site.deploy()
    assert [told[name] for name in ("third", "stuck", "sedna-jobs", "exit")] == ["create", "unchanged", "update", "0"]
    assert "foreign" in told.values()
    assert site.titles() == {"stuck": 20, "down": 20, "theirs": 20, "third": 20}
    assert not any("provenance" in item["grafana_alert"] for item in site.group()["rules"])
    site.in_pages(lambda group: group.update(interval="1m"))
    assert (site.deploy()["sedna-jobs"], site.report.error is not None) == ("drifted", True)
    assert site.details() == ["alert group: interval changed live (20 → 60)"]
    assert site.deploy(on_drift="keep")["exit"] == "0"
    site.intervals["sedna-jobs"] = 10
    assert site.deploy()["sedna-jobs"] == "conflict"
    assert site.deploy(on_drift="overwrite")["sedna-jobs"] == "update"
    assert site.titles() == {"stuck": 10, "down": 10, "theirs": 10, "third": 10}
    # A rule that goes to another group takes the interval of that one.
    site.rules["third"]["ruleGroup"] = "sedna-edge"
    told = site.deploy()
    assert (told["third"], told["sedna-edge"], told["exit"]) == ("update", "create", "0")
    assert site.group("sedna-edge")["interval"] == "1m"
    assert "theirs" in site.titles()


def test_prune(site: Alerting) -> None:
    site.deploy()
    site.add_rule()
    site.edit_rule("down", over(9))
    del site.rules["stuck"], site.rules["down"]
    site.rules["new"] = site.rule("new", ruleGroup="sedna-edge")
    told = site.deploy()
    assert (told["stuck"], told["down"], told["new"], told["exit"]) == ("orphaned", "orphaned", "create", "0")
    told = site.deploy(prune=True)
    assert (told["stuck"], told["exit"]) == ("delete", "0")
    assert site.live_rule("stuck") == {}
    assert threshold(site.live_rule("down")) == 9, "edited, so not ours to delete"
    assert site.titles() == {"down": 60, "theirs": 60}


def test_return(site: Alerting) -> None:
    site.deploy()
    first = read_history(site.grafana, site.word)[0][0]
    assert first.alerts == 2
    over(3)(site.rules["stuck"])
    site.intervals["sedna-jobs"] = 30
    site.rules["new"] = site.rule("new")
    del site.rules["down"]
    assert site.deploy(prune=True)["down"] == "delete"
    second = read_history(site.grafana, site.word)[0][0].id
    site.add_rule()
    told = site.rollback(first.id, prune=True)
    assert {name: told[name] for name in ("stuck", "down", "new", "sedna-jobs", "exit")} == {
        "stuck": "update", "down": "create", "new": "delete", "sedna-jobs": "update", "exit": "0",
    }  # fmt: skip
    assert site.titles() == {"stuck": 60, "down": 60, "theirs": 60}
    assert threshold(site.live_rule("stuck")) == 0
    assert read_history(site.grafana, site.word)[0][0].id == first.id
    site.edit_rule("stuck", over(5))
    plan, _ = plan_rollback(site.grafana, site.word, second, Policy())
    assert [change.uid for change in plan.undecided] == [f"{site.word}-stuck"]


def test_without_alerts_nothing_of_them_changes(site: Alerting) -> None:
    site.deploy()
    before = read_history(site.grafana, site.word)[0][0].id
    site.edit_rule("stuck", over(5))
    site.wanted = False
    assert site.deploy() == {"exit": "0"}
    assert read_history(site.grafana, site.word)[0][0].id == before
    site.wanted = True
    assert site.deploy()["stuck"] == "drifted"


def test_adopt_and_titles(site: Alerting) -> None:
    site.deploy()
    theirs = {**site.rule("three", over=4), "folderUID": site.folder}
    theirs["data"][0]["datasourceUid"] = f"{site.word}-prometheus"
    site.ask("POST", RULES, {**theirs, "uid": f"{site.word}-other"})
    site.rules["three"] = site.rule("three")
    told = site.deploy()
    assert (told["three"], told["exit"]) == ("conflict", "3"), "its title is taken"
    site.ask("DELETE", f"{RULES}/{site.word}-other")
    site.ask("POST", RULES, theirs)
    assert site.deploy()["three"] == "conflict", "made by the API, which locks it"
    site.ask("DELETE", f"{RULES}/{site.word}-three")
    site.edit_rule("stuck", lambda found: found["annotations"].pop("__sednaDash__"))
    assert site.deploy()["exit"] == "0", "a mark that is gone is no edit"
    over(1)(site.rules["stuck"])
    assert site.deploy()["stuck"] == "update"


def test_saved_plan(site: Alerting, tmp_path: Any) -> None:
    site.intervals["sedna-jobs"] = 30
    file = tmp_path / "plan.json"

    def plan() -> None:
        save_plan(plan_deploy(site.grafana, site.request(), Policy())[0], file)

    def act() -> dict[str, str]:
        return site.told(carry_out(site.grafana, *check_plan(site.grafana, load_plan(file))))

    plan()
    assert act() == {"stuck": "create", "down": "create", "sedna-jobs": "create", "exit": "0"}
    assert act() == {"stuck": "unchanged", "down": "unchanged", "sedna-jobs": "unchanged", "exit": "0"}
    over(3)(site.rules["stuck"])
    plan()
    site.edit_rule("stuck", over(5))
    with pytest.raises(ConflictError, match="is not as the plan saw it: alert"):
        act()
    assert threshold(site.live_rule("stuck")) == 5
