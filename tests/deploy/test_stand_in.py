"""What tests ask of the stand-in, besides answers like Grafana's."""

from __future__ import annotations

import json
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from tests.grafana_script import promql, queries
from tests.grafana_stand_in import StandIn
from tests.record_grafana import ask, basic

ADMIN = {"Authorization": basic("admin", "admin")}


def get(grafana: StandIn, path: str) -> Any:
    return json.loads(ask(grafana.url, "GET", path, headers=ADMIN)[2])


def test_people_make_move_and_delete() -> None:
    with StandIn() as grafana:
        grafana.put_folder("a", "A")
        grafana.put_folder("b", "B", parent="a")
        grafana.put_dashboard({"uid": "d", "title": "D", "tags": ["x"]}, folder="a")
        grafana.put_datasource("p", "P", "prometheus")
        assert get(grafana, "/api/folders/b")["parentUid"] == ""  # 9.3 has no nested folders
        grafana.move("d", "b", by="mallory")
        found = get(grafana, "/api/dashboards/uid/d")
        assert (found["meta"]["folderUid"], found["meta"]["updatedBy"], found["meta"]["version"]) == ("b", "mallory", 2)
        grafana.delete("b")
        grafana.delete("p")
        assert not grafana.dashboards and not grafana.datasources and [*grafana.folders] == ["a"]
        assert grafana.writes == []


def test_the_clock_goes_on_with_each_save_and_can_be_set() -> None:
    with StandIn() as grafana:
        grafana.put_dashboard({"uid": "d", "title": "D"})
        grafana.edit("d", lambda model: None, message="later")
        grafana.clock = datetime(2030, 1, 1, tzinfo=timezone.utc)
        grafana.edit("d", lambda model: None)
        times = [entry["created"] for entry in get(grafana, "/api/dashboards/uid/d/versions")]
        assert times == ["2030-01-01T00:00:00Z", "2026-11-23T02:05:15Z", "2026-11-23T02:05:14Z"]
        assert get(grafana, "/api/dashboards/uid/d")["meta"]["updated"] == times[0]


def test_the_date_header_is_that_of_the_servers_clock() -> None:
    with StandIn() as grafana:

        def said() -> datetime:
            with urllib.request.urlopen(f"{grafana.url}/api/health") as answer:
                return parsedate_to_datetime(answer.headers["Date"])

        assert abs(said() - datetime.now(timezone.utc)) < timedelta(minutes=1)
        grafana.date = lambda: datetime(2020, 2, 3, tzinfo=timezone.utc)
        assert said() == datetime(2020, 2, 3, tzinfo=timezone.utc)


def test_old_versions_go_when_grafana_cleans_up() -> None:
    with StandIn() as grafana:
        grafana.keep_versions = 3
        grafana.put_dashboard({"uid": "d", "title": "D"})
        for number in range(5):
            grafana.edit("d", lambda model: None, message=f"m{number}")
        assert len(get(grafana, "/api/dashboards/uid/d/versions")) == 6
        grafana.clean_up()
        assert [entry["version"] for entry in get(grafana, "/api/dashboards/uid/d/versions")] == [6, 5, 4]
        grafana.edit("d", lambda model: None)
        assert get(grafana, "/api/dashboards/uid/d")["dashboard"]["version"] == 7


def test_sixteen_at_once() -> None:
    """They are under way together, and each is taken whole."""
    together = threading.Barrier(16, timeout=20)
    with StandIn() as grafana:
        grafana.meanwhile = lambda request: together.wait()

        def save(number: int) -> int:
            body = {"dashboard": {"uid": f"d{number}", "title": f"D{number}"}, "overwrite": True}
            return ask(grafana.url, "POST", "/api/dashboards/db", body, ADMIN)[0]

        with ThreadPoolExecutor(16) as pool:
            assert [*pool.map(save, range(16))] == [200] * 16
        assert grafana.most_at_once == 16
        assert len(grafana.dashboards) == len({item["id"] for item in grafana.dashboards.values()}) == 16


def test_of_sixteen_who_save_upon_one_version_one_wins() -> None:
    with StandIn() as grafana:
        grafana.put_dashboard({"uid": "d", "title": "D"})

        def save(number: int) -> int:
            body = {"dashboard": {"uid": "d", "title": "D", "version": 1, "description": str(number)}}
            return ask(grafana.url, "POST", "/api/dashboards/db", body, ADMIN)[0]

        with ThreadPoolExecutor(16) as pool:
            assert sorted(pool.map(save, range(16))) == [200] + [412] * 15
        assert len(grafana.dashboards["d"]["history"]) == 2


#: A PromQL query, and the metrics that it finds; None is for a value without a name.
FOUND: dict[str, list[str | None]] = {
    "vector(1)": [None],
    "1 + 1": [None],
    "sedna_job_info": ["sedna_job_info"],
    'sedna_job_info{cluster="a"}': ["sedna_job_info"],
    "sum(rate(up[5m]))": [None],
    "sum(nope)": [],
    "absent(nope)": [None],
    "absent(up)": [],
    "nope or up": ["up"],
    "up and nope": [],
    "up unless nope": ["up"],
    'count by (__name__) ({__name__=~"sedna_.*"})': ["sedna_job_info"],
    '{__name__!~"sedna_.*", job=~".+"}': ["up"],
    "max_over_time(up[1h:1m])": [None],
}


def test_queries_find_the_series_that_a_test_names() -> None:
    with StandIn() as grafana:
        grafana.put_datasource("p", "P", "prometheus", url="http://prometheus:9090")
        grafana.series = {"up", "sedna_job_info"}
        found = {}
        for text in FOUND:
            status, _, content = ask(grafana.url, "POST", "/api/ds/query", queries(promql(text, "p")), ADMIN)
            frames = json.loads(content)["results"]["A"].get("frames", [])
            found[text] = [frame["schema"]["fields"][1]["labels"].get("__name__") for frame in frames]
            assert status == 200
        assert found == FOUND
        assert grafana.writes == []  # a query is no write
        grafana.down.add("p")
        assert ask(grafana.url, "POST", "/api/ds/query", queries(promql("up", "p")), ADMIN)[0] == 500
