"""What is to be done, from what is wanted and what is there."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from sedna_dash.deploy.changes import ON_DRIFT, Change, Plan, Policy
from sedna_dash.deploy.datasources import Wanted
from sedna_dash.deploy.judging import Live, Server, same_title
from sedna_dash.deploy.marks import canonical, message_for
from sedna_dash.deploy.plan import Desired, make_plan
from sedna_dash.deploy.planfile import plan_data
from sedna_dash.deploy.record import Entry, Record, packed, read_record, record_model, unpacked
from sedna_dash.deploy.resources import Folder, Hit, LiveDashboard, Model, Version
from sedna_dash.render.canonical import checksum
from tests.deploy.conftest import board
from tests.deploy.test_outline import HOSTILE

SEDNA = Folder("sedna", "Sedna")
OURS = {"folderUid": "sedna", "folderTitle": "Sedna", "provisioned": False}
OLD, NEW_SERVER = Server("9.3.2"), Server("12.2.0", rewrites=True, nests=True, unique_titles=False)


def mark(model: Model, *, bundle: str = "sedna", folder: str = "sedna", merged: str = "") -> str:
    return message_for(model, bundle=bundle, deployment="0" * 12, folder=folder, merged=merged)


def live(
    model: Model,
    *messages: str,
    meta: Model | None = None,
    models: Sequence[Model] = (),
    by: Sequence[str] = (),
) -> LiveDashboard:
    """A dashboard whose versions have these messages, the oldest first. ``models``: what we wanted with our newest
    version, and what was saved after it."""
    who = [*by, *["eve"] * len(messages)]
    history = [Version(number, message, who[number - 1], "noon") for number, message in enumerate(messages, 1)]
    found = LiveDashboard({**model, "id": 3, "version": len(messages)}, {**OURS, **(meta or {})}, history[::-1])
    ours = found.ours.number if found.ours else 0
    return replace(found, models=list(zip(history[ours - 1 :][-len(models) :] if models else [], models, strict=True)))


def planned(
    wanted: Sequence[Model],
    there: Mapping[str, LiveDashboard | None],
    *,
    server: Server = OLD,
    hits: Sequence[Hit] = (),
    folders: Sequence[Folder] = (SEDNA,),
    record: Record | None = None,
    path: Sequence[str] = ("Sedna",),
    **policy: Any,
) -> Plan:
    found = {uid: item for uid, item in there.items() if item}
    known = [Hit(uid, str(item.model.get("title")), item.folder) for uid, item in found.items()]
    world = Live("http://g", server=server, folders=folders, dashboards=found, hits=[*known, *hits], record=record)
    return make_plan(Desired(path=path, dashboards=wanted), world, Policy(**policy))


def one(plan: Plan, uid: str = "sedna-one") -> Change:
    return next(change for change in plan.changes if change.uid == uid)


def panel(**more: Any) -> dict[str, Any]:
    """The small dashboard, with something else in its panel."""
    model = board()
    model["panels"][0].update(more)
    return model


SENT = board()
NEW = board(description="now with a description")
WITHOUT_DECIMALS = board()
del WITHOUT_DECIMALS["panels"][0]["fieldConfig"]["defaults"]["decimals"]
EDITED = panel(title="Mine")
BOTH = {**EDITED, "description": NEW["description"]}
CLASH = panel(title="Ours")
ADDED = copy.deepcopy(SENT)
ADDED["panels"][0]["fieldConfig"]["defaults"]["noValue"] = "none"
MARK = mark(SENT)
REMAPPED = board()
REMAPPED["templating"]["list"][0]["current"] = {"selected": True, "text": "P", "value": "p"}
TRUE = panel(transparent=True)

EDIT = live(EDITED, MARK, "my titles", models=[SENT, EDITED])

DASHBOARDS: list[tuple[str, Any, LiveDashboard | None, str, str]] = [
    # what is wanted, what is there, what is to be done, a part of the reason
    ("new", SENT, None, "create", ""),
    ("as we left it", SENT, live(SENT, MARK), "unchanged", ""),
    ("ours, and something new", NEW, live(SENT, MARK), "update", ""),
    ("ours, and something less", WITHOUT_DECIMALS, live(SENT, MARK), "update", ""),
    ("ours, and another datasource", REMAPPED, live(SENT, MARK), "update", ""),
    ("ours, and true instead of one", TRUE, live(panel(transparent=1), mark(panel(transparent=1))), "update", ""),
    ("saved by us after somebody", NEW, live(SENT, "x", MARK), "update", ""),
    ("edited", SENT, EDIT, "drifted", "changed since our version 1: version 2 by eve at noon ('my titles')"),
    ("edited, and something new", NEW, EDIT, "conflict", "version 2 by eve"),
    ("added to, and something new", NEW, live(ADDED, MARK, "", models=[SENT, ADDED]), "conflict", "our version 1"),
    ("edited, and the version that we made is gone", NEW, live(EDITED, MARK, ""), "conflict", "--adopt"),
    ("restored", board(description="newer"),
     live(SENT, MARK, mark(NEW), "Restored from version 1", models=[NEW, SENT]), "conflict", "Restored from version 1"),
    ("restored to what is wanted by now", panel(title="Jobs", transparent=True),
     live(SENT, MARK, mark(EDITED), "Restored from version 1", models=[EDITED, SENT]), "update", ""),
    ("restored to what is wanted", SENT, live(SENT, MARK, MARK, "Restored from version 1"), "unchanged", ""),
    ("saved by somebody who changed nothing", NEW, live(SENT, MARK, "", models=[SENT, SENT]), "update", ""),
    ("saved by somebody who changed nothing, and another datasource", REMAPPED,
     live(SENT, MARK, "", models=[SENT, SENT]), "update", ""),
    ("another datasource was looked at", SENT, live(REMAPPED, MARK, "", models=[SENT, REMAPPED]), "unchanged",
     "nothing that counts"),
    ("edited, and the modules took it over", EDITED, EDIT, "unchanged", ""),
    ("edited, and the modules took it over with more", BOTH, EDIT, "update", ""),
    ("never ours", SENT, live(EDITED, "Initial save"), "conflict", "was not made by sedna-dash"),
    ("never ours, but equal", SENT, live(SENT, "Initial save"), "unchanged", ""),
    ("no history", NEW, live(SENT), "conflict", "was not made by sedna-dash"),
    ("of another set", NEW, live(SENT, mark(SENT, bundle="other")), "conflict", "the set 'other' of dashboards"),
    ("provisioned", SENT, live(SENT, MARK, meta={"provisioned": True, "provisionedExternalId": "a.json"}), "conflict",
     "provisioned from a file (a.json)"),
    ("moved", SENT, live(SENT, MARK, "", meta={"folderUid": "x"}, models=[SENT, SENT]), "drifted", "our version 1"),
    ("moved to General", NEW, live(SENT, MARK, "", meta={"folderUid": ""}, models=[SENT, SENT]), "conflict",
     "our version 1"),
    ("never ours, elsewhere", SENT, live(SENT, "x", meta={"folderUid": ""}), "conflict", "was not made by sedna-dash"),
    ("we saved it to another folder", SENT, live(SENT, mark(SENT, folder="old"), meta={"folderUid": "old"}), "move",
     "from the folder"),
    ("somebody moved it to where we want it now", SENT,
     live(SENT, mark(SENT, folder="old"), "", models=[SENT, SENT]), "unchanged", ""),
    ("a folder", SENT, live({"title": "x"}, meta={"isFolder": True}), "conflict", "belongs to a folder"),
    ("saved in the new format", SENT, live({"title": "x", "elements": {}, "layout": {}}, MARK), "conflict",
     "new dashboard"),
]  # fmt: skip


@pytest.mark.parametrize("wanted, there, action, reason", [case[1:] for case in DASHBOARDS],
                         ids=[case[0] for case in DASHBOARDS])  # fmt: skip
def test_dashboard(wanted: Any, there: LiveDashboard | None, action: str, reason: str) -> None:
    change = one(planned([wanted], {"sedna-one": there}))
    assert (change.action, change.uid, change.kind) == (action, "sedna-one", "dashboard")
    assert reason in change.reason
    assert change.undecided is (action in ("drifted", "conflict"))
    if action in ("update", "move"):
        assert there is not None and change.seen is not None
        assert change.seen.version == there.version and change.body == wanted and change.folder == "sedna"
    if not change.writes:
        assert change.body == {} and change.seen is None


POLICIES: list[tuple[str, Any, LiveDashboard, dict[str, Any], tuple[str, bool, str], Any]] = [
    # what is wanted, what is there, the policy, (action, kept, a part of the reason), what is sent
    ("edit, keep", SENT, EDIT, {"on_drift": "keep"}, ("drifted", True, "version 2 by eve"), None),
    ("edit, merge", SENT, EDIT, {"on_drift": "merge"}, ("drifted", True, "version 2 by eve"), None),
    ("edit, overwrite", SENT, EDIT, {"on_drift": "overwrite"}, ("update", False, "overwrites: changed since"), SENT),
    ("both, keep", NEW, EDIT, {"on_drift": "keep"}, ("conflict", True, "version 2 by eve"), None),
    ("both, merge", NEW, EDIT, {"on_drift": "merge"}, ("update", False, "merged: changed since"), BOTH),
    ("both, overwrite", NEW, EDIT, {"on_drift": "overwrite"}, ("update", False, "overwrites"), NEW),
    ("clash, merge", CLASH, EDIT, {"on_drift": "merge"},
     ("conflict", False, "both sides changed panel 'Mine': title"), None),
    ("clash, overwrite", CLASH, EDIT, {"on_drift": "overwrite"}, ("update", False, "overwrites"), CLASH),
    ("adopt is not for edits", NEW, EDIT, {"adopt": True}, ("conflict", False, "version 2 by eve"), None),
    ("overwrite is not for foreign ones", NEW, live(SENT, "x"), {"on_drift": "overwrite"},
     ("conflict", False, "--adopt takes it over"), None),
    ("adopt a foreign one", NEW, live(SENT, "x"), {"adopt": True}, ("update", False, "takes over"), NEW),
    ("adopt one elsewhere", NEW, live(SENT, "x", meta={"folderUid": "y"}), {"adopt": True},
     ("move", False, "takes over"), NEW),
    ("adopt one of another set", NEW, live(SENT, mark(SENT, bundle="other")), {"adopt": True},
     ("update", False, "takes over"), NEW),
    ("adopt what lost its history", NEW, live(EDITED, MARK, ""), {"adopt": True}, ("update", False, "takes over"), NEW),
    ("adopt what a file provides", NEW, live(SENT, meta={"provisioned": True}), {"adopt": True},
     ("conflict", False, "provisioned"), None),
    ("moved, overwrite", SENT, live(SENT, MARK, "", meta={"folderUid": "x"}, models=[SENT, SENT]),
     {"on_drift": "overwrite"}, ("move", False, "overwrites"), SENT),
    ("moved, and something new, merge", NEW, live(SENT, MARK, "", meta={"folderUid": "x"}, models=[SENT, SENT]),
     {"on_drift": "merge"}, ("update", False, "merged"), NEW),
]  # fmt: skip


@pytest.mark.parametrize("wanted, there, policy, said, sent", [case[1:] for case in POLICIES],
                         ids=[case[0] for case in POLICIES])  # fmt: skip
def test_policy(wanted: Any, there: LiveDashboard, policy: Any, said: tuple[str, bool, str], sent: Any) -> None:
    change = one(planned([wanted], {"sedna-one": there}, **policy))
    assert (change.action, change.kept) == said[:2] and said[2] in change.reason
    assert change.undecided is (change.action in ("drifted", "conflict") and not change.kept)
    assert canonical(change.body) == canonical(sent or {})
    if change.reason.startswith("merged"):
        assert change.merged == checksum(canonical(wanted))
        assert change.folder == there.folder


def test_details_say_which_side_changed_what() -> None:
    change = one(planned([NEW], {"sedna-one": EDIT}))
    assert [str(detail) for detail in change.details] == [
        "dashboard: description added here",
        "panel 'Jobs': title changed live by eve at noon, version 2 (Jobs → Mine)",
    ]


@pytest.mark.parametrize("server", [OLD, NEW_SERVER], ids=["old", "new"])
@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_somebody_saved_is_judged(name: str, server: Server) -> None:
    edited = {**SENT, **HOSTILE[name]}
    there = live(edited, MARK, "", models=[SENT, edited])
    for wanted in (SENT, NEW):
        for policy in ON_DRIFT:
            change = one(planned([wanted], {"sedna-one": there}, server=server, on_drift=policy))
            assert change.writes or change.undecided or change.kept or change.action == "unchanged"
            if change.writes and policy in ("fail", "keep"):
                # Nothing of somebody's is lost: there was nothing that counts.
                assert all(detail.side == "here" for detail in change.details)
                assert canonical({**edited, "description": ""}) == canonical({**SENT, "description": ""})
            json.dumps([vars(detail) for detail in change.details])


# Grafana 12 and later brings a dashboard into a newer form ------------------------------------------------------------


def rewritten(model: Model) -> dict[str, Any]:
    return {**copy.deepcopy(dict(model)), "schemaVersion": 43, "preload": False}


EDITED_THERE = live(rewritten(EDITED), MARK, "", models=[rewritten(SENT), rewritten(EDITED)])
REWRITTEN: list[tuple[str, Any, LiveDashboard, dict[str, Any], str]] = [
    ("as we left it", SENT, live(rewritten(SENT), MARK), {}, "unchanged"),
    ("something new", NEW, live(rewritten(SENT), MARK), {}, "update"),
    ("something less", WITHOUT_DECIMALS, live(rewritten(SENT), MARK), {}, "update"),
    ("edited", SENT, EDITED_THERE, {}, "drifted"),
    ("edited, and something new", NEW, EDITED_THERE, {}, "conflict"),
    ("edited, and something less", WITHOUT_DECIMALS, EDITED_THERE, {}, "conflict"),
    ("edited, and a panel less", board(panels=[]), EDITED_THERE, {}, "conflict"),
    ("edited, merge", NEW, EDITED_THERE, {"on_drift": "merge"}, "update"),
    ("saved, and nothing changed", SENT, live(rewritten(SENT), MARK, "", models=[rewritten(SENT)] * 2), {},
     "unchanged"),
]  # fmt: skip


@pytest.mark.parametrize("wanted, there, policy, action", [case[1:] for case in REWRITTEN],
                         ids=[case[0] for case in REWRITTEN])  # fmt: skip
def test_a_dashboard_that_the_server_rewrote(wanted: Any, there: LiveDashboard, policy: Any, action: str) -> None:
    change = one(planned([wanted], {"sedna-one": there}, server=NEW_SERVER, **policy))
    assert change.action == action
    assert not [detail for detail in change.details if detail.path in ("preload", "schemaVersion")]


def test_an_old_server_does_not_rewrite() -> None:
    """So it was somebody."""
    there = live(rewritten(SENT), MARK)
    assert one(planned([NEW], {"sedna-one": there})).action == "conflict"


def test_a_merge_keeps_what_the_server_added() -> None:
    change = one(planned([NEW], {"sedna-one": EDITED_THERE}, server=NEW_SERVER, on_drift="merge"))
    assert canonical(change.body) == canonical(rewritten(BOTH))


# Names ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "title, there, wanted, action",
    [
        ("Sedna / One", None, SENT, "conflict"),
        ("SEDNA: One!", None, SENT, "conflict"),
        ("Sedna / Two", None, SENT, "create"),
        ("Two", live(SENT, MARK), board(title="Two"), "conflict"),
        # It has had that title all along, so Grafana puts up with it.
        ("Sedna / One", live(SENT, MARK), NEW, "update"),
        ("Two", live(SENT, "x"), board(title="Two"), "conflict"),
    ],
)
def test_a_namesake(title: str, there: LiveDashboard | None, wanted: Any, action: str) -> None:
    hits = [Hit("x", title, "sedna")]
    change = one(planned([wanted], {"sedna-one": there}, hits=hits, adopt=True, on_drift="overwrite"))
    assert change.action == action
    assert ("uid x" in change.reason) is (action == "conflict")
    # In another folder, or where Grafana allows it, it is none of our business.
    elsewhere = [Hit("x", title, "other")]
    for more in ({"hits": elsewhere}, {"hits": hits, "server": NEW_SERVER}):
        assert one(planned([wanted], {"sedna-one": there}, adopt=True, **more)).action in ("create", "update")


@pytest.mark.parametrize(
    "one, other, wanted",
    [
        ("Jobs", "jobs!", True),
        ("a / b", "A_b", True),
        ("Jobs", "Job", False),
        ("!", "?", False),
        ("日本", "日本", True),
    ],
)
def test_same_title(one: str, other: str, wanted: bool) -> None:
    assert same_title(one, other) is wanted


# What we no longer want -----------------------------------------------------------------------------------------------

EXTRA = board("sedna-3", "Three")
LEFT = live(EXTRA, mark(EXTRA))
LEFT_OVER: list[tuple[str, LiveDashboard | None, str, bool, str, str]] = [
    # what is there, its folder, whether to prune, what is to be done, a part of the reason
    ("ours", LEFT, "sedna", False, "orphaned", "--prune deletes it"),
    ("ours, prune", LEFT, "sedna", True, "delete", ""),
    ("edited", live(EXTRA | {"title": "x"}, mark(EXTRA), ""), "sedna", True, "conflict", "version 2 by eve"),
    ("saved once more", live(EXTRA, mark(EXTRA), ""), "sedna", True, "conflict", "version 2 by eve"),
    ("moved away", live(EXTRA, mark(EXTRA), meta={"folderUid": "x"}), "x", True, "orphaned", "moved out of our folder"),
    ("merged", live(EXTRA, mark(EXTRA, merged="0" * 64)), "sedna", True, "conflict", "is not ours"),
    ("a copy with our tag", live(EXTRA, ""), "sedna", True, "foreign", "not made by sedna-dash"),
    ("a copy with our tag, elsewhere", live(EXTRA, "", meta={"folderUid": "x"}), "x", True, "", ""),
    ("of another set", live(EXTRA, mark(EXTRA, bundle="other")), "sedna", True, "foreign", ""),
    ("provisioned", live(EXTRA, mark(EXTRA), meta={"provisioned": True}), "sedna", True, "conflict", ""),
    ("somebody else's", None, "sedna", True, "foreign", "left alone"),
    ("somebody else's, elsewhere", None, "x", True, "", ""),
]  # fmt: skip


@pytest.mark.parametrize("there, folder, prune, action, reason", [case[1:] for case in LEFT_OVER],
                         ids=[case[0] for case in LEFT_OVER])  # fmt: skip
def test_left_over(there: LiveDashboard | None, folder: str, prune: bool, action: str, reason: str) -> None:
    world = Live(
        server=OLD, folders=[SEDNA], dashboards={"sedna-3": there} if there else {}, hits=[Hit("sedna-3", "3", folder)]
    )
    plan = make_plan(Desired(dashboards=[SENT]), world, Policy(prune=prune))
    found = [change for change in plan.changes if change.uid == "sedna-3"]
    assert [change.action for change in found] == ([action] if action else [])
    assert all(reason in change.reason for change in found)
    # Who asks for a deletion hears that it does not come.
    assert bool(plan.undecided) is (action == "conflict")
    record = read_record(one(plan, "sedna-dash-sedna").body)
    assert record is not None
    if action == "delete":
        assert unpacked(record.trash["sedna-3"]) == there.model  # type: ignore[union-attr]
        assert found[0].seen is not None and plan.changes[-1] is found[0]
    else:
        assert record.trash == {}


@pytest.mark.parametrize("limit, stopped", [(3, False), (2, True), (0, True)])
def test_the_guard_of_deletions(limit: int, stopped: bool) -> None:
    there = {uid: live(board(uid, uid), mark(board(uid, uid))) for uid in ("a", "b", "c")}
    plan = planned([SENT], there, prune=True, prune_limit=limit)
    assert len(plan.deletions) == 3
    assert bool(plan.too_many_deletions) is stopped
    assert f"--prune-limit {limit}" in plan.too_many_deletions or not stopped


# The record -----------------------------------------------------------------------------------------------------------


def recorded(plan: Plan) -> Record:
    found = read_record(one(plan, "sedna-dash-sedna").body)
    assert found is not None
    return found


def kept(record: Record, *messages: str) -> LiveDashboard:
    model = record_model(record)
    return live(model, mark(model), *messages)


RECORD = Record("sedna", SEDNA, [], [], {"sedna-one": Entry("Sedna / One", checksum(canonical(SENT)))}, path=["Sedna"])
RECORDS: list[tuple[str, LiveDashboard | None, Record | None, dict[str, Any], str, bool]] = [
    # what is there, what is read of it, the policy, what is to be done, and whether a person has to decide
    ("none", None, None, {}, "create", False),
    ("the same", kept(RECORD), RECORD, {}, "unchanged", False),
    ("another", kept(replace(RECORD, dashboards={})), replace(RECORD, dashboards={}), {}, "update", False),
    ("edited, but the same state", kept(RECORD, "mine"), RECORD, {}, "unchanged", False),
    ("edited", kept(RECORD, "mine"), None, {}, "conflict", True),
    ("edited, keep", kept(RECORD, "mine"), None, {"on_drift": "keep"}, "conflict", False),
    ("edited, overwrite", kept(RECORD, "mine"), None, {"on_drift": "overwrite"}, "update", False),
    ("somebody else's", live(record_model(RECORD), "x"), None, {"on_drift": "overwrite"}, "conflict", True),
    ("provisioned", live(record_model(RECORD), meta={"provisioned": True}), None, {}, "conflict", True),
]  # fmt: skip


@pytest.mark.parametrize("there, read, policy, action, undecided", [case[1:] for case in RECORDS],
                         ids=[case[0] for case in RECORDS])  # fmt: skip
def test_record(there: LiveDashboard | None, read: Record | None, policy: Any, action: str, undecided: bool) -> None:
    plan = planned([SENT], {"sedna-one": live(SENT, MARK), "sedna-dash-sedna": there}, record=read, **policy)
    change = one(plan, "sedna-dash-sedna")
    assert (change.action, change.undecided, change.kind) == (action, undecided, "record")
    assert plan.deployment == RECORD.deployment


def test_the_record_says_what_will_be_there() -> None:
    two, three = board("sedna-two", "Two"), board("sedna-3", "Three")
    there = {"sedna-one": EDIT, "sedna-two": live(two, mark(two)), "x": live(SENT, "x")}
    plan = planned([SENT, {**two, "description": "x"}, three, board("x", "X")], there, folders=[])
    assert {uid: entry.checksum for uid, entry in recorded(plan).dashboards.items()} == {
        # What we made of it, since that is what we could return to.
        "sedna-one": checksum(canonical(SENT)),
        "sedna-two": checksum(canonical({**two, "description": "x"})),
        "sedna-3": checksum(canonical(three)),
    }
    assert recorded(plan).made == ["sedna"]


def test_the_record_keeps_our_side_of_what_is_merged() -> None:
    plan = planned([NEW], {"sedna-one": EDIT}, on_drift="merge")
    merged = one(plan)
    first = recorded(plan)
    assert first.bases == {"sedna-one": packed(NEW)}
    assert first.dashboards["sedna-one"].checksum == checksum(canonical(BOTH))
    # And as long as it is merged.
    there = live(merged.body, MARK, "", mark(merged.body, merged=merged.merged), models=[NEW])
    there = replace(there, models=[(there.history[0], NEW), (there.history[0], merged.body)])
    later = planned([NEW], {"sedna-one": there}, record=first)
    assert one(later).action == "drifted" and "the modules do not have" in one(later).reason
    assert recorded_or(later, first).bases == first.bases


def recorded_or(plan: Plan, known: Record) -> Record:
    return read_record(one(plan, "sedna-dash-sedna").body) or known


def merged_once(wanted: Model) -> tuple[LiveDashboard, Record]:
    """A dashboard into which somebody's new title was merged, and the record of that."""
    plan = planned([wanted], {"sedna-one": EDIT}, on_drift="merge")
    change = one(plan)
    there = live(change.body, MARK, "", mark(change.body, merged=change.merged))
    history = there.history
    return replace(there, models=[(history[0], wanted), (history[0], change.body)]), recorded(plan)


@pytest.mark.parametrize(
    "wanted, policy, action, merged",
    [
        (NEW, "fail", "drifted", False),
        (NEW, "merge", "drifted", False),
        (NEW, "overwrite", "update", False),
        (board(description="newer"), "fail", "conflict", False),
        (board(description="newer"), "merge", "update", True),
        # The modules took the edit over.
        (BOTH, "fail", "unchanged", False),
        ({**BOTH, "description": "newer"}, "fail", "update", False),
    ],
)
def test_after_a_merge(wanted: Model, policy: str, action: str, merged: bool) -> None:
    there, record = merged_once(NEW)
    change = one(planned([wanted], {"sedna-one": there}, record=record, on_drift=policy))
    assert (change.action, bool(change.merged)) == (action, merged)
    if merged:
        assert canonical(change.body) == canonical({**BOTH, "description": "newer"})


# All together ---------------------------------------------------------------------------------------------------------


def test_order_and_folder() -> None:
    """Folder, datasources, dashboards, the record, deletions; dashboards are judged by the folder that is used."""
    fields = {"uid": "sedna-loki", "name": "n", "type": "loki", "access": "proxy", "url": "http://a", "jsonData": {}}
    there = live(SENT, mark(SENT, folder="x"), meta={"folderUid": "x", "folderTitle": "Sedna"})
    extra = live(EXTRA, mark(EXTRA, folder="x"), meta={"folderUid": "x"})
    world = Live(
        server=OLD,
        folders=[Folder("x", "Sedna")],
        dashboards={"sedna-one": there, "sedna-3": extra},
        hits=[Hit("sedna-3", "Three", "x"), Hit("y", "Why", "x")],
    )
    plan = make_plan(Desired(datasources=[Wanted(fields)], dashboards=[SENT]), world, Policy(prune=True))
    assert [(change.kind, change.action) for change in plan.changes] == [
        ("folder", "unchanged"),
        ("datasource", "create"),
        ("dashboard", "unchanged"),
        ("dashboard", "foreign"),
        ("record", "create"),
        ("dashboard", "delete"),
    ]
    assert plan.pending and not plan.undecided


@pytest.mark.parametrize("server", [OLD, NEW_SERVER], ids=["old", "new"])
def test_the_same_input_gives_the_same_plan(server: Server) -> None:
    """Byte for byte, in whatever order Grafana tells what it has."""
    there = {"sedna-one": EDIT, "sedna-two": live(board("sedna-two"), mark(board("sedna-two"))), "sedna-3": LEFT}

    def text(found: Mapping[str, LiveDashboard]) -> str:
        plan = planned([NEW, board("sedna-two", description="x")], found, server=server, prune=True, on_drift="merge")
        return json.dumps(plan_data(plan))

    assert text(copy.deepcopy(there)) == text(there)
