"""A life of dashboards in one Grafana, from the first deployment to the last, as a person drives it.

It runs against the stand-in, and the same against a real Grafana when SEDNA_DASH_TEST_GRAFANA_URL names one (login from
GRAFANA_USER and GRAFANA_PASSWORD, else admin:admin). Everything it makes there has a name of its own, and is deleted.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sedna_dash.deploy.changes import Policy
from sedna_dash.deploy.grafana import Grafana
from sedna_dash.deploy.history import read_history
from sedna_dash.deploy.report import Report
from sedna_dash.deploy.run import Request, carry_out, plan_deploy, plan_rollback
from sedna_dash.deploy.sources import Choice
from sedna_dash.settings import GrafanaSettings, Login
from tests.deploy.conftest import board
from tests.grafana_stand_in import StandIn
from tests.record_grafana import ask, basic

Edit = Callable[[dict[str, Any]], object]


class Site:
    """A Grafana, what we want in it, and a colleague who works there."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url, self.headers = url, {"Authorization": basic(user, password)}
        self.word = f"life-{secrets.token_hex(4)}"
        self.grafana = Grafana(GrafanaSettings(url, Login(user, password)))
        self.boards = {name: self.board(name) for name in ("one", "two")}
        self.path = [f"Life {self.word}"]

    def board(self, name: str, **more: Any) -> dict[str, Any]:
        return board(f"{self.word}-{name}", f"{self.word} {name}", **more)

    def request(self) -> Request:
        sources = {"prometheus": Choice(uid=self.source("prometheus")), "loki": Choice(uid=self.source("loki"))}
        return Request(list(self.boards.values()), sources, self.path, self.word)

    def source(self, plugin: str) -> str:
        """A datasource that was there before us."""
        uid = f"{self.word}-{plugin}"
        body = {"uid": uid, "name": uid, "type": plugin, "access": "proxy", "url": "http://127.0.0.1:9"}
        self.ask("POST", "/api/datasources", body)
        return uid

    def deploy(self, **policy: Any) -> dict[str, str]:
        plan, live = plan_deploy(self.grafana, self.request(), Policy(**policy))
        return self.told(carry_out(self.grafana, plan, live))

    def rollback(self, to: str | None = None, **policy: Any) -> dict[str, str]:
        plan, live = plan_rollback(self.grafana, self.word, to, Policy(**policy))
        return self.told(carry_out(self.grafana, plan, live, command="rollback"))

    def told(self, report: Report) -> dict[str, str]:
        """What became of each dashboard, by its short name; ``exit`` is the exit code."""
        self.report = report
        done = {result.uid.removeprefix(f"{self.word}-"): result.outcome for result in report.results
                if result.kind == "dashboard"}  # fmt: skip
        return {**done, "exit": str(report.error.exit_code if report.error else 0)}

    def details(self) -> list[str]:
        return [str(item) for result in self.report.results for item in result.details]

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        return ask(self.url, method, path, body, self.headers)

    def live(self, name: str) -> Any:
        found = self.grafana.dashboard(f"{self.word}-{name}")
        return found and found[0]

    def edit(self, name: str, change: Edit, folder: str | None = None) -> None:
        """The colleague changes a dashboard and saves it."""
        model, meta = self.grafana.dashboard(f"{self.word}-{name}") or ({}, {})
        change(model)
        where = meta["folderUid"] if folder is None else folder
        self.grafana.save_dashboard(model, folder_uid=where, message="mine", version=model["version"])

    def clear(self) -> None:
        for hit in self.grafana.search():
            if self.word in hit.uid:
                self.ask("DELETE", f"/api/dashboards/uid/{hit.uid}")
        for folder in self.grafana.folders():
            if self.word in folder.title:
                self.ask("DELETE", f"/api/folders/{folder.uid}")
        for plugin in ("prometheus", "loki"):
            self.ask("DELETE", f"/api/datasources/uid/{self.word}-{plugin}")
        self.grafana.__exit__()


@pytest.fixture(params=["stand-in", "real"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    if request.param == "stand-in":
        with StandIn() as stand_in:
            made = Site(stand_in.url, "admin", "admin")
            yield made
            made.clear()
        return
    url = os.environ.get("SEDNA_DASH_TEST_GRAFANA_URL")
    if not url:
        pytest.skip("no SEDNA_DASH_TEST_GRAFANA_URL: no dashboard lived in a real Grafana")
    made = Site(url.rstrip("/"), os.environ.get("GRAFANA_USER", "admin"), os.environ.get("GRAFANA_PASSWORD", "admin"))
    yield made
    made.clear()


def unit(value: str) -> Edit:
    return lambda model: model["panels"][0]["fieldConfig"]["defaults"].update(unit=value)


def title(value: str) -> Edit:
    return lambda model: model["panels"][0].update(title=value)


def test_edits(site: Site) -> None:
    assert site.deploy() == {"one": "create", "two": "create", "exit": "0"}
    assert site.deploy() == {"one": "unchanged", "two": "unchanged", "exit": "0"}
    site.edit("one", title("Mine"))
    assert site.deploy() == {"one": "drifted", "two": "unchanged", "exit": "3"}
    assert any("title changed live by" in said and "(Jobs → Mine)" in said for said in site.details())
    assert site.deploy(on_drift="keep")["exit"] == "0"
    unit("bytes")(site.boards["one"])
    assert site.deploy() == {"one": "conflict", "two": "unchanged", "exit": "3"}
    assert site.deploy(on_drift="merge") == {"one": "update", "two": "unchanged", "exit": "0"}
    panel = site.live("one")["panels"][0]
    assert (panel["title"], panel["fieldConfig"]["defaults"]["unit"]) == ("Mine", "bytes")
    # What was merged is still not in the modules.
    assert site.deploy()["one"] == "drifted"
    assert site.deploy(on_drift="merge") == {"one": "drifted", "two": "unchanged", "exit": "0"}
    unit("short")(site.boards["one"])
    site.boards["one"]["panels"][0]["title"] = "Mine"
    assert site.deploy() == {"one": "update", "two": "unchanged", "exit": "0"}
    site.edit("one", unit("percent"))
    unit("s")(site.boards["one"])
    assert site.deploy(on_drift="merge")["one"] == "conflict"
    assert site.deploy(on_drift="overwrite") == {"one": "update", "two": "unchanged", "exit": "0"}
    assert site.live("one")["panels"][0]["fieldConfig"]["defaults"]["unit"] == "s"
    # Nothing that anybody saved is gone.
    messages = [version.message for version in site.grafana.versions(f"{site.word}-one")]
    assert messages.count("mine") == 2


def test_prune_and_return(site: Site) -> None:
    site.deploy()
    first = read_history(site.grafana, site.word)[0][0].id
    del site.boards["two"]
    site.boards["three"] = site.board("three")
    assert site.deploy() == {"one": "unchanged", "three": "create", "two": "orphaned", "exit": "0"}
    site.edit("two", title("Mine"))
    assert site.deploy(prune=True)["two"] == "conflict"
    site.edit("two", title("Jobs"))
    # Saved by somebody else last, if only to undo it: not ours to delete.
    assert site.deploy(prune=True)["two"] == "conflict" and site.live("two")
    site.boards["two"] = site.board("two", description="new")
    assert site.deploy(on_drift="overwrite")["two"] == "update"
    del site.boards["two"]
    assert site.deploy(prune=True) == {"one": "unchanged", "three": "unchanged", "two": "delete", "exit": "0"}
    assert site.live("two") is None
    assert len({deployment.id for deployment, _ in read_history(site.grafana, site.word)}) == 3
    # Its history went with it, but the record has copies of what we had saved.
    assert site.rollback(first, prune=True) == {"one": "unchanged", "two": "create", "three": "delete", "exit": "0"}
    assert "description" not in site.live("two")
    assert read_history(site.grafana, site.word)[0][0].id == first


def test_return_as_one(site: Site) -> None:
    site.deploy()
    first = read_history(site.grafana, site.word)[0][0].id
    for name in site.boards:
        site.boards[name]["description"] = "worse"
    site.deploy()
    site.edit("one", title("Mine"))
    assert [deployment.id for deployment, _ in read_history(site.grafana, site.word)][-1] == first
    plan, _ = plan_rollback(site.grafana, site.word, None, Policy())
    assert [change.uid for change in plan.undecided] == [f"{site.word}-one"]
    assert site.rollback(on_drift="merge") == {"one": "update", "two": "update", "exit": "0"}
    one, two = site.live("one"), site.live("two")
    assert "description" not in two and "description" not in one and one["panels"][0]["title"] == "Mine"


def test_adopt(site: Site) -> None:
    site.deploy()
    theirs = {**site.board("three"), "description": "theirs"}
    folder = site.grafana.dashboard(f"{site.word}-one")[1]["folderUid"]  # type: ignore[index]
    site.grafana.save_dashboard(theirs, folder_uid=folder, message="by hand")
    site.boards["three"] = site.board("three")
    assert site.deploy()["three"] == "conflict"
    assert site.deploy(adopt=True)["three"] == "update"
    assert site.deploy()["three"] == "unchanged"


def test_folders(site: Site) -> None:
    """Our folder gets the new title; a folder of somebody else's stays, and the dashboards go there."""
    site.deploy()
    uid = site.grafana.dashboard(f"{site.word}-one")[1]["folderUid"]  # type: ignore[index]
    site.path = [f"Other {site.word}"]
    assert site.deploy() == {"one": "unchanged", "two": "unchanged", "exit": "0"}
    folder = site.grafana.folder(uid)
    assert folder is not None and folder.title == site.path[0]
    theirs = f"{site.word}-t"
    site.ask("POST", "/api/folders", {"uid": theirs, "title": f"Theirs {site.word}"})
    site.path = [f"Theirs {site.word}"]
    assert site.deploy() == {"one": "move", "two": "move", "exit": "0"}
    assert site.grafana.dashboard(f"{site.word}-one")[1]["folderUid"] == theirs  # type: ignore[index]
    # The colleague puts one elsewhere.
    site.edit("one", lambda model: None, folder=uid)
    assert site.deploy()["one"] == "drifted"
    assert any("folder changed live by" in said for said in site.details())
    assert site.deploy(on_drift="overwrite")["one"] == "move"


def test_return_to_an_edit_that_the_modules_took_over(site: Site) -> None:
    """The version that holds it was saved by somebody, and has no mark of ours."""
    site.deploy()
    site.edit("one", title("Mine"))
    title("Mine")(site.boards["one"])
    assert site.deploy() == {"one": "unchanged", "two": "unchanged", "exit": "0"}
    site.boards["one"]["description"] = "worse"
    assert site.deploy()["one"] == "update"
    assert site.rollback() == {"one": "update", "two": "unchanged", "exit": "0"}
    live = site.live("one")
    assert live["panels"][0]["title"] == "Mine" and "description" not in live
