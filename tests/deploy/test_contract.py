"""The stand-in answers as a real Grafana 9.3.2 did, exchange for exchange.

`tests/grafana_script.py` holds the requests, `tests/record_grafana.py` wrote down the answers. The same script runs
against a real Grafana, too, when SEDNA_DASH_TEST_GRAFANA_URL names one (login from GRAFANA_USER and GRAFANA_PASSWORD,
else admin:admin); its queries only with SEDNA_DASH_TEST_PROMETHEUS_URL and SEDNA_DASH_TEST_LOKI_URL, as that Grafana
reaches them; what the script calls provisioned only with SEDNA_DASH_TEST_GRAFANA_PROVISIONED=yes.
"""

from __future__ import annotations

import json
import os
import re
import urllib.request
from typing import Any

import pytest

from tests.grafana_script import DB, SCRIPT, Step
from tests.grafana_stand_in import StandIn
from tests.record_grafana import DATA, Exchange, play, read

RECORDED = read(DATA / "grafana-9.3.2.json")

#: Keys whose values are not compared, wherever they are, and why.
IGNORED = {
    **dict.fromkeys(("created", "updated", "createdAt", "updatedAt"), "the time of the run"),
    **dict.fromkeys(("id", "dashboardId", "folderId", "namespace_id"), "a number from the server's database"),
    **dict.fromkeys(("traceID", "accessErrorId"), "drawn anew for each answer"),
    **dict.fromkeys(("avatarUrl", "expires"), "about people and snapshots, which deploy does not have"),
    "typeLogoUrl": "a picture",
    "commit": "the build of the server",
    **dict.fromkeys(("annotationsPermissions", "hasPublicDashboard", "publicDashboardAccessToken",
                     "publicDashboardUid", "publicDashboardEnabled"), "about parts that deploy leaves alone"),
    **dict.fromkeys(("values", "stats"), "what is measured at that moment"),
}  # fmt: skip
#: Of a data frame, besides: they tell which targets the Prometheus scrapes.
IGNORED_IN_FRAMES = {"schema": ("name",), "field": ("labels", "displayNameFromDS")}

#: Texts of Prometheus and Loki themselves: that there is an error is compared, not its words.
WORDS = {"broken PromQL", "one good, one broken", "broken LogQL"}

#: Actions that are compared: those that deploying needs. Grafana has some forty more.
ACTIONS = re.compile(r"(folders|dashboards|datasources|orgs|serviceaccounts|alert\.rules|alert\.provisioning):\w+")

#: Recorded exchanges that the stand-in answers otherwise, and why that is right.
NOT_MODELLED: dict[str, str] = {}


def meaningful(value: Any) -> Any:
    """An answer without what is ignored."""
    if isinstance(value, dict):
        ignored = {*IGNORED, *(IGNORED_IN_FRAMES["schema"] if "fields" in value else ())}
        ignored |= {*(IGNORED_IN_FRAMES["field"] if "typeInfo" in value else ())}
        if "gridPos" in value:
            ignored.discard("id")  # a panel's own
        if "typeInfo" in value and "config" in value:
            value = value | {"config": {key: item for key, item in value["config"].items() if key not in ignored}}
        return {key: meaningful(item) for key, item in value.items() if key not in ignored}
    if isinstance(value, str):
        return re.sub(r"dashboardId \d+", "dashboardId (a number)", value)
    return [meaningful(item) for item in value] if isinstance(value, list) else value


def answered(exchange: Exchange) -> dict[str, Any]:
    """What is compared of an exchange."""
    body = exchange.body
    if exchange.step.path.endswith("/user/permissions"):
        body = sorted(filter(ACTIONS.fullmatch, body))
    if exchange.step.name in WORDS:
        body = json.loads(re.sub(r'"error": "(\\.|[^"\\])*"', '"error": "..."', json.dumps(body)))
    kind = exchange.content_type.partition(";")[0] if exchange.body != "" else ""
    return {"status": exchange.status, "content type": kind, "body": meaningful(body)}


def differences(wanted: list[Exchange], found: list[Exchange]) -> dict[str, str]:
    """Name of the exchange to what differs, for those in both."""
    by_name = {exchange.step.name: exchange for exchange in found}
    result = {}
    for exchange in wanted:
        name = exchange.step.name
        if name not in by_name:
            continue
        expected, actual = answered(exchange), answered(by_name[name])
        if expected != actual:
            parts = [f"  {key}\n    real:  {expected[key]}\n    found: {actual[key]}"
                     for key in expected if expected[key] != actual[key]]  # fmt: skip
            result[name] = "\n".join([name, *parts])
    return result


def test_the_recording_is_of_this_script() -> None:
    """Whoever changes the script records anew."""

    def words(step: Step) -> Any:
        return json.loads(json.dumps(step))

    assert [words(exchange.step) for exchange in RECORDED] == [words(step) for step in SCRIPT]


def test_no_name_is_used_twice() -> None:
    names = [step.name for step in SCRIPT]
    assert sorted(names) == sorted(set(names))


def test_the_recording_holds_no_secret() -> None:
    text = (DATA / "grafana-9.3.2.json").read_text()
    assert "glsa_" not in text and "s3cret" not in re.sub(r'"secureJsonData": \{[^}]*\}', "", text)


def test_the_stand_in_answers_as_recorded() -> None:
    with StandIn() as grafana:
        grafana.put_datasource("provisioned", "provisioned", "prometheus", url="http://prometheus:9090", readOnly=True)
        grafana.put_folder("provisioned", "Provisioned", by="Anonymous")
        board = {"uid": "board-provisioned", "title": "Board", "panels": [], "schemaVersion": 37}
        grafana.put_dashboard(board, folder="provisioned", provisioned="board.json", by="Anonymous")
        servers = {"prometheus": "http://127.0.0.1:9090", "loki": "http://127.0.0.1:3100", "provisioned": "yes"}
        played = play(grafana.url, servers=servers)
    found = differences(RECORDED, played)
    assert len(played) == len(RECORDED)
    unexpected = {name: text for name, text in found.items() if name not in NOT_MODELLED}
    assert not unexpected, "\n".join(unexpected.values())
    assert sorted(NOT_MODELLED) == sorted(found), "NOT_MODELLED is longer than it must be"


def test_a_wrong_answer_is_seen() -> None:
    with StandIn(folder_exists=409) as grafana:
        found = differences(
            RECORDED, play(grafana.url, SCRIPT[: SCRIPT.index(next(s for s in SCRIPT if s.path == DB))])
        )
    assert sorted(found) == ["folder again", "folder again, all the same"]


def test_each_ignored_key_is_in_the_recording() -> None:
    text = json.dumps([exchange.body for exchange in RECORDED])
    assert [key for key in IGNORED if f'"{key}":' not in text] == []


def test_a_real_grafana_answers_as_recorded() -> None:
    url = os.environ.get("SEDNA_DASH_TEST_GRAFANA_URL", "").rstrip("/")
    if not url:
        pytest.skip("no SEDNA_DASH_TEST_GRAFANA_URL: the recording was not compared with a real Grafana")
    with urllib.request.urlopen(f"{url}/api/health", timeout=20) as answer:
        version = json.load(answer).get("version")
    if version != "9.3.2":
        pytest.skip(f"{url} is a Grafana {version}, the recording is of 9.3.2")
    login = (os.environ.get("GRAFANA_USER", "admin"), os.environ.get("GRAFANA_PASSWORD", "admin"))
    named = {name: os.environ.get(f"SEDNA_DASH_TEST_{name.upper()}_URL", "") for name in ("prometheus", "loki")}
    named["provisioned"] = os.environ.get("SEDNA_DASH_TEST_GRAFANA_PROVISIONED", "")
    found = differences(RECORDED, play(url, login=login, servers={key: at for key, at in named.items() if at}))
    assert not found, "\n".join(found.values())
