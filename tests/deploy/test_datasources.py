"""What is to be done about a datasource."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sedna_dash.deploy.changes import Policy
from sedna_dash.deploy.datasources import Wanted, compare_datasource, updated_datasource
from sedna_dash.deploy.marks import DATASOURCE_MARK, datasource_fields, is_marked_datasource, marked_datasource

FIELDS: dict[str, Any] = {"uid": "sedna-loki", "name": "Sedna logs", "type": "loki", "access": "proxy",
                          "url": "http://a:1", "jsonData": {"maxLines": 1000}}  # fmt: skip
MORE = {"id": 1, "isDefault": True, "version": 4, "basicAuth": False, "basicAuthUser": "", "withCredentials": False,
        "secureJsonFields": {"httpHeaderValue1": True, "basicAuthPassword": True, "p": True}}  # fmt: skip
MARKED = {**MORE, **marked_datasource(FIELDS)}
MOVED = {**FIELDS, "url": "http://b:1"}
FEWER = {**FIELDS, "jsonData": {}}
LOGIN = {**FIELDS, "basicAuth": True, "basicAuthUser": "u"}
WITH_LOGIN = {**MORE, **marked_datasource(LOGIN)}
OTHER_LOGIN = {**LOGIN, "basicAuthUser": "v"}


def by_hand(source: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """Somebody changed it: fields, and what is in jsonData."""
    inner = settings.pop("jsonData", {})
    return {**source, **settings, "jsonData": {**source["jsonData"], **inner}}


TIMEOUT = by_hand(MARKED, jsonData={"timeout": 3})
ELSEWHERE = by_hand(MARKED, url="http://c")

DATASOURCES: list[tuple[str, dict[str, Any], list[dict[str, Any]], str, str]] = [
    ("new", FIELDS, [], "create", ""),
    ("as we left it", FIELDS, [MARKED], "unchanged", ""),
    ("ours, another address", MOVED, [MARKED], "update", ""),
    ("ours, a setting less", FEWER, [MARKED], "update", ""),
    ("ours, a login", LOGIN, [MARKED], "update", ""),
    ("ours with a login, as we left it", LOGIN, [WITH_LOGIN], "unchanged", ""),
    ("ours with a login, another one", OTHER_LOGIN, [WITH_LOGIN], "update", ""),
    ("ours with a login, and none any more", FIELDS, [WITH_LOGIN], "update", ""),
    ("a login by hand", FIELDS, [by_hand(MARKED, basicAuth=True, basicAuthUser="me")], "unchanged", ""),
    ("a login by hand, another address", MOVED, [by_hand(MARKED, basicAuth=True, basicAuthUser="me")], "update", ""),
    ("our login, changed by hand", LOGIN, [by_hand(WITH_LOGIN, basicAuthUser="me")], "conflict", ""),
    ("edited", FIELDS, [ELSEWHERE], "conflict", "use it as it is with --loki-uid sedna-loki"),
    ("added to", FIELDS, [TIMEOUT], "unchanged", ""),
    ("added to, another address", MOVED, [TIMEOUT], "conflict", ""),
    ("not ours, but equal", FIELDS, [FIELDS], "unchanged", ""),
    ("not ours", MOVED, [FIELDS], "conflict", "made by somebody else"),
    ("provisioned", MOVED, [{**FIELDS, "readOnly": True}], "unchanged", "provisioned from a file"),
    ("another type", FIELDS, [{**FIELDS, "type": "prometheus", "readOnly": True}], "conflict", "is a prometheus"),
    ("a namesake", FIELDS, [{**FIELDS, "uid": "x"}], "conflict", "--loki-uid x"),
    ("renamed, and a namesake", FIELDS, [by_hand(MARKED, name="y"), {**FIELDS, "uid": "x"}], "conflict",
     "--loki-uid x"),
    ("no settings", FIELDS, [{**FIELDS, "jsonData": None}], "conflict", ""),
]  # fmt: skip


@pytest.mark.parametrize("wanted, there, action, reason", [case[1:] for case in DATASOURCES],
                         ids=[case[0] for case in DATASOURCES])  # fmt: skip
def test_datasource(wanted: dict[str, Any], there: list[dict[str, Any]], action: str, reason: str) -> None:
    change = compare_datasource(Wanted(wanted, {"basicAuthPassword": {"env": "X"}}), there)
    assert (change.action, change.uid, change.kind) == (action, "sedna-loki", "datasource")
    assert reason in change.reason
    assert bool(change.secrets) is (action == "create")
    if action not in ("create", "update"):
        assert change.body == {}
        return
    assert change.body == marked_datasource(wanted)
    if action == "update":
        assert change.seen is not None and change.seen.version == 4
        # What Grafana holds after that is as we left it, and the rest is as it was.
        after = {**MORE, **updated_datasource(there[0], change.body)}
        assert after["isDefault"] is True
        assert compare_datasource(Wanted(wanted), [after]).action == "unchanged"
        if "by hand" not in str(there[0].get("basicAuthUser")):
            assert is_marked_datasource(after)


@pytest.mark.parametrize(
    "wanted, there, login",
    [
        (FIELDS, WITH_LOGIN, (False, "")),
        (OTHER_LOGIN, WITH_LOGIN, (True, "v")),
        (LOGIN, MARKED, (True, "u")),
        (MOVED, by_hand(MARKED, basicAuth=True, basicAuthUser="me"), (True, "me")),
        (MOVED, MARKED, (False, "")),
    ],
    ids=["ours is taken away", "ours is changed", "ours is added", "somebody's stays", "there is none"],
)
def test_a_login_after_an_update(wanted: dict[str, Any], there: dict[str, Any], login: tuple[bool, str]) -> None:
    change = compare_datasource(Wanted(wanted), [there])
    assert change.action == "update"
    after = updated_datasource(there, change.body)
    assert (after["basicAuth"], after["basicAuthUser"]) == login
    assert not {"id", "version", "readOnly", "secureJsonFields"} & set(after)


POLICIES: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any], Any, tuple[str, bool]]] = [
    # what is wanted, what is there, the policy, what we last deployed, (action, kept)
    ("edited", FIELDS, ELSEWHERE, {}, FIELDS, ("drifted", False)),
    ("edited, keep", FIELDS, ELSEWHERE, {"on_drift": "keep"}, FIELDS, ("drifted", True)),
    ("edited, merge", FIELDS, ELSEWHERE, {"on_drift": "merge"}, FIELDS, ("drifted", True)),
    ("edited, overwrite", FIELDS, ELSEWHERE, {"on_drift": "overwrite"}, FIELDS, ("update", False)),
    ("edited, base unknown", FIELDS, ELSEWHERE, {}, None, ("conflict", False)),
    ("edited, base unknown, keep", FIELDS, ELSEWHERE, {"on_drift": "keep"}, None, ("conflict", True)),
    ("edited, base unknown, merge", FIELDS, ELSEWHERE, {"on_drift": "merge"}, None, ("conflict", False)),
    ("edited, base unknown, overwrite", FIELDS, ELSEWHERE, {"on_drift": "overwrite"}, None, ("update", False)),
    ("both", MOVED, TIMEOUT, {}, FIELDS, ("conflict", False)),
    ("both, keep", MOVED, TIMEOUT, {"on_drift": "keep"}, FIELDS, ("conflict", True)),
    ("both, merge", MOVED, TIMEOUT, {"on_drift": "merge"}, FIELDS, ("update", False)),
    ("both the same field, merge", MOVED, ELSEWHERE, {"on_drift": "merge"}, FIELDS, ("conflict", False)),
    ("not ours, adopt", MOVED, FIELDS, {"adopt": True}, None, ("update", False)),
    ("not ours, overwrite", MOVED, FIELDS, {"on_drift": "overwrite"}, None, ("conflict", False)),
    ("edited, adopt", FIELDS, ELSEWHERE, {"adopt": True}, FIELDS, ("drifted", False)),
    ("provisioned, overwrite", MOVED, {**MARKED, "readOnly": True}, {"on_drift": "overwrite", "adopt": True}, None,
     ("unchanged", False)),
]  # fmt: skip


@pytest.mark.parametrize("wanted, there, policy, base, said", [case[1:] for case in POLICIES],
                         ids=[case[0] for case in POLICIES])  # fmt: skip
def test_policy(wanted: dict[str, Any], there: dict[str, Any], policy: Any, base: Any, said: tuple[str, bool]) -> None:
    change = compare_datasource(
        Wanted(wanted), [there], policy=Policy(**policy), base=datasource_fields(base) if base else None
    )
    assert (change.action, change.kept) == said
    assert all(str(detail).startswith("datasource: ") for detail in change.details)


def test_what_is_merged_still_counts_as_changed_by_somebody() -> None:
    base = datasource_fields(FIELDS)
    change = compare_datasource(Wanted(MOVED), [TIMEOUT], policy=Policy("merge"), base=base)
    after = updated_datasource(TIMEOUT, change.body)
    assert (after["url"], after["jsonData"]["timeout"]) == ("http://b:1", 3)
    assert after["jsonData"][DATASOURCE_MARK] == marked_datasource(MOVED)["jsonData"][DATASOURCE_MARK]
    assert not is_marked_datasource(after)
    # And so it is not overwritten by the next change of ours.
    next_one = {**FIELDS, "url": "http://d:1"}
    assert compare_datasource(Wanted(next_one), [after], base=datasource_fields(MOVED)).action == "conflict"


@pytest.mark.parametrize(
    "there, wanted",
    [([], True), ([MARKED], True), ([FIELDS], False), ([{**MARKED, "readOnly": True}], False)],
    ids=["new", "ours", "somebody else's", "provisioned"],
)
def test_secrets_go_as_references_and_only_when_asked(there: list[dict[str, Any]], wanted: bool) -> None:
    reference = {"basicAuthPassword": {"env": "LOKI_PASSWORD"}}
    change = compare_datasource(Wanted(FIELDS, reference), there, policy=Policy(send_secrets=True))
    assert change.secrets == (reference if wanted else {})
    if there:
        assert compare_datasource(Wanted(FIELDS, reference), there).secrets == {}
    assert "secureJsonData" not in change.body


@pytest.mark.parametrize("fields", [FIELDS, MOVED], ids=["equal", "another address"])
def test_a_secret_that_grafana_has_none_of_is_sent(fields: dict[str, Any]) -> None:
    """It shows the names of those that it has. Without its secret a datasource does not work."""
    references = {"p": {"env": "P"}, "new": {"env": "NEW"}}
    change = compare_datasource(Wanted(fields, references), [MARKED])
    assert (change.action, change.secrets) == ("update", {"new": {"env": "NEW"}})


def test_a_plan_shows_no_secret_that_grafana_holds() -> None:
    there = {**ELSEWHERE, "secureJsonData": {"p": "hunter2"}, "password": "hunter2", "basicAuthPassword": "hunter2"}
    change = compare_datasource(Wanted(FIELDS), [there], base=datasource_fields(FIELDS))
    assert change.details and "hunter2" not in json.dumps([vars(detail) for detail in change.details])


def test_credentials_in_an_address_are_not_shown() -> None:
    """Somebody typed them in Grafana, where only Admins see them."""
    live = {**marked_datasource(FIELDS), "url": "http://u:hunter2@c:1"}
    change = compare_datasource(Wanted(FIELDS), [live], base=FIELDS)
    assert "hunter2" not in repr(change.details) and "http://***@c:1" in repr(change.details)
