"""The same through a Grafana: its query API in front of the real Prometheus."""

from __future__ import annotations

import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sedna_dash.cli import main
from tests.grafana_stand_in import Answer, Request, StandIn
from tests.verify.conftest import BUILT

FILES = [str(BUILT / f"{uid}.json") for uid in ("sedna-fleet", "sedna-inspector", "sedna-monitoring-stack")]
LIVE = os.environ.get("SEDNA_DASH_TEST_GRAFANA_URL", "")


@pytest.fixture
def grafana(healthy: str) -> Iterator[StandIn]:
    """A stand-in whose Prometheus datasource is the healthy site."""
    with StandIn() as found:
        found.put_datasource("metrics", "Metrics", "prometheus", url=healthy)
        found.before = lambda request: _passed_on(request, healthy)
        yield found


def _passed_on(request: Request, url: str) -> Answer | None:
    """What Grafana asks of its datasource, and how it passes the answer on."""
    resource = re.fullmatch(r"/api/datasources/uid/metrics/resources(/.*)", request.path)
    if resource:
        return Answer(200, _fetched(f"{url}{resource[1]}?{urllib.parse.urlencode(request.query, doseq=True)}"))
    if request.path != "/api/ds/query":
        return None
    [query] = request.fields["queries"]
    assert query["datasource"] == {"type": "prometheus", "uid": "metrics"}
    bounds = {name: float(request.fields[key]) / 1000 for name, key in (("start", "from"), ("end", "to"))}
    if query["range"]:
        asked = {**bounds, "step": query["intervalMs"] / 1000, "query": query["expr"]}
        answer = _fetched(f"{url}/api/v1/query_range?{urllib.parse.urlencode(asked)}")
    else:
        asked = {"time": bounds["end"], "query": query["expr"]}
        answer = _fetched(f"{url}/api/v1/query?{urllib.parse.urlencode(asked)}")
    if "data" not in answer:
        return Answer(400, {"results": {"A": {"error": f"bad_data: {answer['error']}", "status": 500}}})
    return Answer(200, {"results": {"A": {"status": 200, "frames": list(_frames(answer["data"]))}}})


def _fetched(address: str) -> Any:
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)


def _frames(data: Any) -> Iterator[dict[str, Any]]:
    series = data["result"] if data["resultType"] != "scalar" else [{"metric": {}, "value": data["result"]}]
    for item in series:
        points = item.get("values") or [item["value"]]
        fields = [{"name": "Time", "type": "time"}, {"name": "Value", "type": "number", "labels": item["metric"]}]
        columns = [[round(at * 1000) for at, _ in points], [float(value) for _, value in points]]
        if any(value != value for value in columns[1]):
            columns[1] = [None if value != value else value for value in columns[1]]
        yield {"schema": {"refId": "A", "fields": fields}, "data": {"values": columns}}


def call(url: str, *more: str, token: str = "admin-token") -> Result:
    return CliRunner().invoke(main, ["verify", "--grafana", url, *more], env={"GRAFANA_TOKEN": token})


def test_it_says_the_same_as_the_server_itself(grafana: StandIn, healthy: str) -> None:
    through = call(grafana.url, *FILES, "--output", "json")
    direct = CliRunner().invoke(main, ["verify", "--prometheus", healthy, *FILES, "--output", "json"])
    assert through.exit_code == direct.exit_code == 0, through.output
    said = [
        [(board["uid"], item["title"], item["status"], item["reason"]) for board in found for item in board["items"]]
        for found in (json.loads(result.stdout)["dashboards"] for result in (through, direct))
    ]
    assert len(said[0]) > 70 and said[0] == said[1]
    assert grafana.writes == []


@pytest.mark.parametrize(
    ("change", "code", "sentence"),
    [
        ({"token": "wrong"}, 7, "does not take the credentials"),
        ({"more": ["--prometheus-uid", "nope"]}, 2, "--prometheus-uid nope: Grafana has no such datasource"),
        ({"answer": Answer(200, b"<html>", content_type="text/html")}, 4, "does not answer like a Grafana"),
    ],
    ids=["credentials", "datasource", "page"],
)
def test_one_sentence(grafana: StandIn, change: dict[str, Any], code: int, sentence: str) -> None:
    if "answer" in change:
        grafana.before = lambda request: change["answer"]
    result = call(grafana.url, FILES[0], *change.get("more", ()), token=change.get("token", "admin-token"))
    assert result.exit_code == code and sentence in result.stderr
    assert result.stderr.count("\n") == 1 and "wrong" not in result.stderr


def test_a_datasource_that_is_down(grafana: StandIn) -> None:
    """Its clock cannot be read, and nothing else."""
    refused = Answer(500, {"message": "An error occurred within the plugin", "messageId": "plugin.downstreamError"})
    grafana.before = lambda request: refused if "/ds/query" in request.path or "resources" in request.path else None
    result = call(grafana.url, FILES[0])
    assert result.exit_code == 1
    assert "does not answer simple queries: An error occurred within the plugin" in result.stderr


@pytest.mark.skipif(not LIVE, reason="set SEDNA_DASH_TEST_GRAFANA_URL to a Grafana with its datasources")
def test_on_a_real_grafana() -> None:
    result = CliRunner().invoke(main, ["verify", "--grafana", LIVE, *FILES, "--output", "json"])
    found = json.loads(result.stdout)
    assert found["counts"]["error"] == 0 and found["counts"]["data"] > 0
