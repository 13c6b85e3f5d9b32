"""What is to be done about alert rules and their groups, from what is wanted and what is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from sedna_dash.deploy.alert_rules import RULE_MARK, Alerts, marked_rule, rule_fields, rule_mark
from sedna_dash.deploy.alerts import seen_rule
from sedna_dash.deploy.changes import ON_DRIFT, Change, Plan, Policy
from sedna_dash.deploy.judging import Live, Server
from sedna_dash.deploy.plan import Desired, make_plan
from sedna_dash.deploy.record import Record, read_record, record_model
from sedna_dash.deploy.resources import Folder, LiveRule, Model
from sedna_dash.render.canonical import checksum
from tests.deploy.conftest import rule

SEDNA = Folder("sedna", "Sedna")
UID = "sedna-stuck"


def asking(uid: str = UID, title: str = "SednaStuck", **more: Any) -> dict[str, Any]:
    """A rule that asks a datasource."""
    made = rule(uid, title, **more)
    made["data"][0]["datasourceUid"] = "prom"
    return made


def fields(wanted: Model, folder: str = "sedna") -> dict[str, Any]:
    return rule_fields({**wanted, "folderUID": folder})


def ours(sent: Model, now: Model | None = None, *, bundle: str = "sedna", interval: int = 60, **more: Any) -> LiveRule:
    """A rule that we sent, as it is now."""
    mark = marked_rule(fields(sent), bundle)["annotations"][RULE_MARK]
    live = {**fields(now or sent), **more}
    return LiveRule({**live, "annotations": {**live["annotations"], RULE_MARK: mark}}, interval)


def theirs(there: Model, folder: str = "sedna", provenance: str = "", interval: int = 60) -> LiveRule:
    """A rule that somebody else made."""
    return LiveRule({**fields(there, folder), "id": 3}, interval, provenance)


def recorded(*rules: Model, intervals: dict[str, int] | None = None) -> Record:
    """Our record of these rules."""
    known = {str(item["uid"]): fields(item) for item in rules}
    return Record("sedna", SEDNA, ["sedna"], path=("Sedna",), alerts=known, intervals=intervals or {})


def planned(
    wanted: Sequence[Model] | None,
    *there: LiveRule,
    record: Record | None = None,
    intervals: dict[str, int] | None = None,
    shown: bool = True,
    returning: str = "",
    path: Sequence[str] = ("Sedna",),
    folders: Sequence[Folder] = (SEDNA,),
    **policy: Any,
) -> Plan:
    live = Live("http://g", server=Server("9.3.2"), folders=folders, record=record, rules_shown=shown,
                rules={item.uid: item for item in there})  # fmt: skip
    alerts = None if wanted is None else Alerts(wanted, intervals or {})
    return make_plan(Desired(path, alerts=alerts, returning=returning), live, Policy(**policy))


def one(plan: Plan, uid: str = UID) -> Change:
    return next(change for change in plan.changes if change.uid == uid)


OLD, NEW, EDIT = asking(), asking(labels={"severity": "critical"}), asking(over=5)
BOTH = asking(over=5, labels={"severity": "critical"})
CLASH = asking(over=7)

RULES: list[tuple[str, Model, LiveRule | None, Record | None, dict[str, Any], tuple[str, bool, str], Any]] = [
    # what is wanted, what is there, our record, the policy, (action, kept, a part of the reason), what is sent
    ("new", OLD, None, None, {}, ("create", False, ""), OLD),
    ("as we left it", OLD, ours(OLD), None, {}, ("unchanged", False, ""), None),
    ("ours, and something new", NEW, ours(OLD), None, {}, ("update", False, ""), NEW),
    ("edited", OLD, ours(OLD, EDIT), recorded(OLD), {}, ("drifted", False, "changed by somebody"), None),
    ("edited, keep", OLD, ours(OLD, EDIT), recorded(OLD), {"on_drift": "keep"}, ("drifted", True, ""), None),
    ("edited, merge", OLD, ours(OLD, EDIT), recorded(OLD), {"on_drift": "merge"}, ("drifted", True, ""), None),
    ("edited, overwrite", OLD, ours(OLD, EDIT), recorded(OLD), {"on_drift": "overwrite"},
     ("update", False, "overwrites"), OLD),
    ("both", NEW, ours(OLD, EDIT), recorded(OLD), {}, ("conflict", False, "and here too"), None),
    ("both, keep", NEW, ours(OLD, EDIT), recorded(OLD), {"on_drift": "keep"}, ("conflict", True, ""), None),
    ("both, merge", NEW, ours(OLD, EDIT), recorded(OLD), {"on_drift": "merge"}, ("update", False, "merged"), BOTH),
    ("both the same field, merge", CLASH, ours(OLD, EDIT), recorded(OLD), {"on_drift": "merge"},
     ("conflict", False, "and here too"), None),
    ("both the same field, overwrite", CLASH, ours(OLD, EDIT), recorded(OLD), {"on_drift": "overwrite"},
     ("update", False, "overwrites"), CLASH),
    ("edited to what is wanted", EDIT, ours(OLD, EDIT), recorded(OLD), {}, ("unchanged", False, ""), None),
    ("edited, and taken over before", BOTH, ours(OLD, EDIT), recorded(EDIT), {}, ("update", False, ""), BOTH),
    ("edited, and our record is lost", NEW, ours(OLD, EDIT), None, {}, ("conflict", False, "--on-drift"), None),
    ("our record is lost, overwrite", NEW, ours(OLD, EDIT), None, {"on_drift": "overwrite"},
     ("update", False, "overwrites"), NEW),
    ("edited is not for adopt", NEW, ours(OLD, EDIT), recorded(OLD), {"adopt": True}, ("conflict", False, ""), None),
    ("paused", OLD, ours(OLD, OLD, isPaused=True), recorded(OLD), {}, ("drifted", False, ""), None),
    ("the mark is gone", NEW, theirs(OLD), recorded(OLD), {}, ("update", False, ""), NEW),
    ("the mark is gone, and edited", NEW, theirs(EDIT), recorded(OLD), {}, ("conflict", False, "--adopt"), None),
    ("never ours", NEW, theirs(OLD), None, {}, ("conflict", False, "made by somebody else"), None),
    ("never ours, overwrite", NEW, theirs(OLD), None, {"on_drift": "overwrite"}, ("conflict", False, "--adopt"), None),
    ("never ours, adopt", NEW, theirs(OLD), None, {"adopt": True}, ("update", False, "takes over"), NEW),
    ("never ours, but equal", OLD, theirs(OLD), None, {}, ("unchanged", False, ""), None),
    ("never ours, elsewhere, adopt", OLD, theirs(OLD, "x"), None, {"adopt": True}, ("move", False, "takes over"), OLD),
    ("of another set", NEW, ours(OLD, bundle="other"), None, {}, ("conflict", False, "the set 'other'"), None),
    ("of another set, adopt", NEW, ours(OLD, bundle="other"), None, {"adopt": True}, ("update", False, "takes"), NEW),
    ("locked", NEW, replace(ours(OLD), provenance="file"), recorded(OLD), {"on_drift": "overwrite", "adopt": True},
     ("conflict", False, "provenance 'file'"), None),
    ("locked, but equal", OLD, replace(ours(OLD), provenance="api"), recorded(OLD), {}, ("unchanged", False, ""), None),
    ("moved to another folder", OLD, ours(OLD, folderUID="x"), recorded(OLD), {}, ("drifted", False, ""), None),
    ("moved, overwrite", OLD, ours(OLD, folderUID="x"), recorded(OLD), {"on_drift": "overwrite"},
     ("move", False, "overwrites"), OLD),
    ("moved to another group, and something new, merge", NEW, ours(OLD, ruleGroup="x"), recorded(OLD),
     {"on_drift": "merge"}, ("update", False, "merged"), {**NEW, "ruleGroup": "x"}),
]  # fmt: skip


@pytest.mark.parametrize("wanted, there, record, policy, said, sent", [case[1:] for case in RULES],
                         ids=[case[0] for case in RULES])  # fmt: skip
def test_rule(wanted: Model, there: Any, record: Any, policy: Any, said: tuple[str, bool, str], sent: Any) -> None:
    change = one(planned([wanted], *filter(None, [there]), record=record, **policy))
    assert (change.kind, change.action, change.kept) == ("alert", said[0], said[1])
    assert said[2] in change.reason
    assert change.undecided is (change.action in ("drifted", "conflict") and not change.kept)
    assert change.seen == (seen_rule(there.rule) if sent and there else None)
    if sent is None:
        assert not change.writes and change.body == {}
        return
    assert rule_fields(change.body) == fields(sent) and change.folder == "sedna"
    mark = rule_mark(change.body)
    # That of a merged one speaks of our side only, so that it goes on counting as changed by somebody.
    assert mark is not None and (mark.bundle, mark.checksum) == ("sedna", checksum(fields(wanted)))


def test_details_say_which_side_changed_what() -> None:
    change = one(planned([{**NEW, "for": "6m"}], ours(OLD, EDIT), record=recorded(OLD)))
    assert sorted(map(str, change.details)) == [
        "alert rule: for changed here (5m → 6m)",
        "alert rule: labels.severity changed here (warning → critical)",
        "query B: threshold changed live (0 → 5)",
    ]
    more = asking()
    more["data"][0]["model"]["expr"] = "up"
    more["data"].append({**more["data"][0], "refId": "C"})
    assert sorted(map(str, one(planned([more], ours(OLD))).details)) == [
        "query A: expr changed here (sum(sedna_job_info) → up)",
        "query C added here",
    ]


@pytest.mark.parametrize("on_drift", ON_DRIFT)
def test_two_plans_of_the_same_are_the_same(on_drift: str) -> None:
    both = [planned([NEW], ours(OLD, EDIT), record=recorded(OLD), on_drift=on_drift) for _ in range(2)]
    assert both[0] == both[1]


# What is left over ----------------------------------------------------------------------------------------------------

OTHER = asking("sedna-other", "SednaOther")
LEFT: list[tuple[str, LiveRule, Record | None, dict[str, Any], str, str]] = [
    ("ours", ours(OTHER), recorded(OTHER), {}, "orphaned", "--prune deletes it"),
    ("ours, prune", ours(OTHER), recorded(OTHER), {"prune": True}, "delete", "no longer among"),
    ("ours, by its mark alone, prune", ours(OTHER), None, {"prune": True}, "delete", ""),
    ("ours, by our record alone, prune", theirs(OTHER), recorded(OTHER), {"prune": True}, "delete", ""),
    ("edited", ours(OTHER, asking("sedna-other", "SednaOther", over=1)), recorded(OTHER), {}, "orphaned", "changed it"),
    ("edited, prune", ours(OTHER, asking("sedna-other", "SednaOther", over=1)), recorded(OTHER), {"prune": True},
     "conflict", "delete it in Grafana"),
    ("locked, prune", replace(ours(OTHER), provenance="api"), recorded(OTHER), {"prune": True}, "conflict", ""),
    ("moved, prune", ours(OTHER, folderUID="x"), recorded(OTHER), {"prune": True}, "orphaned", "moved out"),
    ("a copy of ours, prune", ours(OLD, OTHER), None, {"prune": True}, "foreign", "copy"),
    ("of another set, prune", ours(OTHER, bundle="x"), recorded(OTHER), {"prune": True}, "foreign", "the set 'x'"),
    ("somebody's, prune", theirs(OTHER), None, {"prune": True}, "foreign", "not made by sedna-dash"),
]  # fmt: skip


@pytest.mark.parametrize("there, record, policy, action, reason", [case[1:] for case in LEFT],
                         ids=[case[0] for case in LEFT])  # fmt: skip
def test_left_over(there: LiveRule, record: Any, policy: Any, action: str, reason: str) -> None:
    change = one(planned([OLD], there, record=record, **policy), "sedna-other")
    assert (change.kind, change.action) == ("alert", action) and reason in change.reason
    assert (change.seen is not None) is (action == "delete")


def test_rules_elsewhere_are_nobodys_business() -> None:
    plan = planned([OLD], theirs(OTHER, "elsewhere"))
    assert [change.uid for change in plan.changes if change.kind == "alert"] == [UID]


def test_deletions_come_last_and_count() -> None:
    gone = [ours(asking(f"gone-{number}", f"Gone {number}")) for number in range(6)]
    plan = planned([OLD], *gone, prune=True)
    assert [change.kind for change in plan.changes] == ["folder", "alert", "group", "record", *["alert"] * 6]
    assert "6 alert rules would be deleted, more than --prune-limit 5" in plan.too_many_deletions


@pytest.mark.parametrize(
    "there, policy, action, after, reason",
    [
        (theirs(asking("theirs")), {}, "conflict", "", "has another alert rule called 'SednaStuck' (uid theirs)"),
        (ours(asking("theirs")), {}, "conflict", "", "--prune deletes it"),
        (ours(asking("theirs")), {"prune": True}, "create", "theirs", "takes the place of theirs"),
        (theirs(asking("theirs"), "elsewhere"), {}, "create", "", ""),
    ],
)
def test_a_title_is_there_once(there: LiveRule, policy: Any, action: str, after: str, reason: str) -> None:
    change = one(planned([OLD], there, **policy))
    assert (change.action, change.after) == (action, after) and reason in change.reason


def test_a_title_that_somebody_has_is_not_taken_by_an_update() -> None:
    plan = planned([asking(title="New")], ours(OLD), theirs(asking("theirs", "New")))
    assert one(plan).action == "conflict" and "another alert rule called 'New'" in one(plan).reason


# Groups ---------------------------------------------------------------------------------------------------------------

GROUPS: list[tuple[str, int, list[int], int | None, dict[str, Any], tuple[str, bool] | None]] = [
    # seconds that are wanted, seconds of the rules that are there, what we last deployed, the policy, (action, kept)
    ("new, usual", 60, [], None, {}, None),
    ("new", 30, [], None, {}, ("create", False)),
    ("as it is", 30, [30, 30], 30, {}, ("unchanged", False)),
    ("cut off before it was set", 30, [60], None, {}, ("update", False)),
    ("cut off while rules came, and so of several", 30, [30, 60], 30, {}, ("update", False)),
    ("ours", 20, [30], 30, {}, ("update", False)),
    ("changed there", 30, [50], 30, {}, ("drifted", False)),
    ("changed there, keep", 30, [50], 30, {"on_drift": "keep"}, ("drifted", True)),
    ("changed there, merge", 30, [50], 30, {"on_drift": "merge"}, ("drifted", True)),
    ("changed there, overwrite", 30, [50], 30, {"on_drift": "overwrite"}, ("update", False)),
    ("changed there to what is wanted by now", 50, [50], 30, {}, ("unchanged", False)),
    ("both", 20, [50], 30, {}, ("conflict", False)),
    ("both, keep", 20, [50], 30, {"on_drift": "keep"}, ("conflict", True)),
    ("both, merge", 20, [50], 30, {"on_drift": "merge"}, ("conflict", False)),
    ("both, overwrite", 20, [50], 30, {"on_drift": "overwrite"}, ("update", False)),
]


@pytest.mark.parametrize("wanted, there, base, policy, said", [case[1:] for case in GROUPS],
                         ids=[case[0] for case in GROUPS])  # fmt: skip
def test_group(wanted: int, there: list[int], base: int | None, policy: Any, said: tuple[str, bool] | None) -> None:
    rules = [asking(f"r-{number}", f"R {number}") for number in range(max(1, len(there)))]
    live = [ours(item, interval=interval) for item, interval in zip(rules, there, strict=False)]
    record = recorded(*rules, intervals={"sedna-jobs": base} if base else {}) if there else None
    plan = planned(rules, *live, record=record, intervals={"sedna-jobs": wanted}, **policy)
    found = [(change.action, change.kept) for change in plan.changes if change.kind == "group"]
    assert found == ([said] if said else [])
    if said and one(plan, "sedna-jobs").writes:
        assert one(plan, "sedna-jobs").body["interval"] == wanted


def test_a_rule_brings_its_interval_to_another_group() -> None:
    plan = planned(
        [asking(ruleGroup="new")], ours(OLD, interval=30), record=recorded(OLD, intervals={"sedna-jobs": 30})
    )
    change = one(plan, "new")
    assert (change.action, change.body) == ("create", {"interval": 60, "was": [30]})


def test_a_group_with_a_locked_rule() -> None:
    locked = theirs(asking("theirs", "Theirs"), provenance="api")
    change = one(planned([OLD], ours(OLD), locked, intervals={"sedna-jobs": 30}), "sedna-jobs")
    assert change.action == "conflict" and "holds the alert rule 'Theirs'" in change.reason


def test_a_group_elsewhere_of_the_same_name_is_another() -> None:
    plan = planned([OLD], theirs(asking("theirs", "Theirs"), "elsewhere", interval=10))
    assert not [change for change in plan.changes if change.kind == "group"]


# The record -----------------------------------------------------------------------------------------------------------


def record_of(plan: Plan) -> Record:
    change = next(change for change in plan.changes if change.kind == "record")
    found = read_record(change.body)
    assert found is not None
    return found


def test_the_record_says_what_was_deployed() -> None:
    plan = planned([NEW], ours(OLD), record=recorded(OLD), intervals={"sedna-jobs": 30})
    after = record_of(plan)
    assert after.alerts == {UID: fields(NEW)} and after.intervals == {"sedna-jobs": 30}
    assert plan.deployment == after.deployment != recorded(OLD).deployment


def test_of_what_is_left_it_says_what_was_deployed_before() -> None:
    before = recorded(OLD, intervals={"sedna-jobs": 60})
    plan = planned([NEW, OTHER], ours(OLD, EDIT, interval=30), theirs(OTHER), record=before, on_drift="keep")
    after = record_of(plan)
    assert after.alerts == {UID: fields(OLD), "sedna-other": fields(OTHER)} and after.intervals == {"sedna-jobs": 60}


def test_without_a_word_of_alerts_it_says_the_same_as_before() -> None:
    before = recorded(OLD, intervals={"sedna-jobs": 30})
    after = record_of(planned(None, record=before))
    assert (after.alerts, after.intervals) == (before.alerts, before.intervals)


def test_the_id_of_a_state_without_alerts_is_what_it_was() -> None:
    assert {"alerts", "intervals"}.isdisjoint(recorded().data())


@pytest.mark.parametrize(
    "alerts", [{UID: "x"}, {UID: {**fields(OLD), "title": 3}}, {UID: {**fields(OLD), "data": ["x"]}}, [], {UID: None}]
)
def test_a_record_that_somebody_wrote_into(alerts: Any) -> None:
    record = (
        replace(recorded(OLD), alerts={"x": alerts})
        if not isinstance(alerts, dict)
        else replace(recorded(), alerts=alerts)
    )
    assert read_record(record_model(record)) is None


def test_return_to_a_state_without_rules() -> None:
    plan = planned([], ours(OLD), record=recorded(OLD), returning="abc")
    assert one(plan).reason == "not in deployment abc; sedna-dash rollback --to abc --prune deletes it"


def test_what_grafana_does_not_show_is_said() -> None:
    assert "does not show its alert rules" in one(planned([OLD], shown=False)).reason


def test_rules_go_where_the_dashboards_go() -> None:
    """Our folder was given another title, and then another folder is wanted."""
    there = Folder("theirs", "Theirs")
    plan = planned([OLD], ours(OLD), record=replace(recorded(OLD), made=[]), path=("Theirs",), folders=(SEDNA, there))
    change = one(plan)
    assert (change.action, change.folder, change.reason) == ("move", "theirs", "from the folder sedna")
