"""What the tests with faults share: a Grafana to look into, a colleague at work in it, and runs of deploy."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sedna_dash.deploy.changes import Plan, Policy
from sedna_dash.deploy.grafana import Grafana
from sedna_dash.deploy.journal import Journal
from sedna_dash.deploy.report import Report
from sedna_dash.deploy.run import Request, carry_out, plan_deploy
from sedna_dash.settings import GrafanaSettings, Token
from tests.grafana_stand_in import StandIn
from tests.record_grafana import ask, basic

Model = dict[str, Any]

#: A token and a datasource's secret that must never be seen anywhere.
TOKEN, SECRET = f"canary-token-{secrets.token_hex(8)}", f"canary-secret-{secrets.token_hex(8)}"

#: Seconds that a client waits among faults; elsewhere it has all the time it needs.
SHORT, LONG = 0.3, 20.0

_MARK = re.compile(r"sedna-dash \S+ bundle:(?P<bundle>\S+) deployment:\S+ folder:(?P<folder>\S*) .*?"
                   r"(?P<merged> merged:\S+)?")  # fmt: skip


# What a Grafana holds -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Saved:
    """One version of a dashboard. ``bundle`` is empty when somebody else saved it."""

    number: int
    model: Model = field(repr=False)
    bundle: str = ""
    folder: str = ""
    merged: bool = False

    @classmethod
    def of(cls, number: int, message: str, model: Model) -> Saved:
        mark = _MARK.fullmatch(message)
        if mark is None:
            return cls(number, model)
        return cls(number, model, mark["bundle"], mark["folder"], bool(mark["merged"]))


@dataclass(frozen=True)
class Held:
    """A dashboard with its whole history, oldest first."""

    folder: str
    model: Model = field(repr=False)
    history: Sequence[Saved]
    provisioned: bool = False

    @property
    def newest(self) -> Saved:
        return self.history[-1]


class Site:
    """A stand-in, looked into directly."""

    def __init__(self, stand_in: StandIn) -> None:
        self.stand_in, self.url = stand_in, stand_in.url
        self.token, self.admin = TOKEN, basic("admin", "admin")
        stand_in.logins[f"Bearer {TOKEN}"] = ("sa-deploy", "Admin")

    def dashboards(self) -> dict[str, Held]:
        """Every dashboard there is."""
        with self.stand_in.lock:
            return {uid: self._held(found) for uid, found in self.stand_in.dashboards.items()}

    def dashboard(self, uid: str) -> Held | None:
        """One of them."""
        with self.stand_in.lock:
            found = self.stand_in.dashboards.get(uid)
            return self._held(found) if found else None

    @staticmethod
    def _held(found: Mapping[str, Any]) -> Held:
        history = [Saved.of(item["version"], item["message"], item["data"]) for item in reversed(found["history"])]
        return Held(found["folder"], found["model"], history, bool(found["provisioned"]))

    def folders(self) -> dict[str, str]:
        """uid to title."""
        with self.stand_in.lock:
            return {uid: str(folder["title"]) for uid, folder in self.stand_in.folders.items()}

    def datasources(self) -> dict[str, Model]:
        """uid to datasource."""
        with self.stand_in.lock:
            return {uid: dict(source) for uid, source in self.stand_in.datasources.items()}

    def clear(self, mine: str) -> None:
        """A stand-in is thrown away."""


class RealSite(Site):
    """A real Grafana, of which only what bears the run's word is looked at."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.admin = basic(os.environ.get("GRAFANA_USER", "admin"), os.environ.get("GRAFANA_PASSWORD", "admin"))
        name = f"sedna-dash-test-{secrets.token_hex(4)}"
        self._account = self._ask("POST", "/serviceaccounts", {"name": name, "role": "Admin"})["id"]
        self.token = self._ask("POST", f"/serviceaccounts/{self._account}/tokens", {"name": name})["key"]

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        status, _, content = ask(self.url, method, f"/api{path}", body, {"Authorization": self.admin})
        return json.loads(content) if status < 300 and content else None

    def dashboards(self) -> dict[str, Held]:
        hits = self._ask("GET", "/search?type=dash-db&limit=5000")
        found = {hit["uid"]: self.dashboard(hit["uid"]) for hit in hits}
        return {uid: held for uid, held in found.items() if held}

    def dashboard(self, uid: str) -> Held | None:
        found = self._ask("GET", f"/dashboards/uid/{uid}")
        if found is None:
            return None
        listed = self._ask("GET", f"/dashboards/uid/{uid}/versions?limit=1000") or []
        versions = [self._ask("GET", f"/dashboards/uid/{uid}/versions/{item['version']}") for item in listed]
        history = [Saved.of(item["version"], item["message"], item["data"]) for item in versions if item]
        history.sort(key=lambda saved: saved.number)
        return Held(found["meta"].get("folderUid") or "", found["dashboard"], history, found["meta"]["provisioned"])

    def folders(self) -> dict[str, str]:
        return {item["uid"]: item["title"] for item in self._ask("GET", "/folders?limit=1000")}

    def datasources(self) -> dict[str, Model]:
        uids = [item["uid"] for item in self._ask("GET", "/datasources")]
        return {uid: self._ask("GET", f"/datasources/uid/{uid}") for uid in uids}

    def clear(self, mine: str) -> None:
        """Delete what bears the word, and our datasources."""
        for uid in [hit["uid"] for hit in self._ask("GET", "/search?type=dash-db&limit=5000") if mine in hit["uid"]]:
            self._ask("DELETE", f"/dashboards/uid/{uid}")
        for uid, title in self.folders().items():
            if mine in title or mine in uid:
                self._ask("DELETE", f"/folders/{uid}")
        for uid in ("sedna-prometheus", "sedna-loki"):
            self._ask("DELETE", f"/datasources/uid/{uid}")

    def leave(self) -> None:
        """Delete the account, too."""
        self._ask("DELETE", f"/serviceaccounts/{self._account}")


def leaves(model: Any, path: str = "") -> dict[str, Any]:
    """Every single value in a dashboard by its path; panels, queries and variables by their name, not their place."""
    if isinstance(model, Mapping):
        found: dict[str, Any] = {}
        for key, value in model.items():
            if value is not None and (path or key not in ("id", "version", "iteration")):
                found |= leaves(value, f"{path}.{key}")
        return found
    if isinstance(model, list) and all(isinstance(item, Mapping) for item in model):
        found = {}
        for index, item in enumerate(model):
            name = item.get("id") or item.get("refId") or item.get("name") or index
            found |= leaves(item, f"{path}[{name}]")
        return found
    return {path: model}


def edits(before: Model, after: Model) -> dict[str, Any]:
    """Path to new value of all that differs; None for what is gone."""
    old, new = leaves(before), leaves(after)
    return {path: new.get(path) for path in {**old, **new} if old.get(path) != new.get(path)}


# What people do in it -----------------------------------------------------------------------------------------------


class Colleague:
    """Somebody who works in Grafana's pages, and remembers what he did."""

    def __init__(self, site: Site, mine: str) -> None:
        self.site, self.mine, self._count = site, mine, 0
        #: (uid, version) of each save, with the values that it left, as paths.
        self.saved: dict[tuple[str, int], Model] = {}
        #: Where he moved a dashboard to.
        self.moved: dict[str, str] = {}
        self.made: set[str] = set()
        self.deleted: set[str] = set()
        #: Fields that he set in datasources.
        self.sources: dict[str, Model] = {}

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        status, _, content = ask(self.site.url, method, f"/api{path}", body, {"Authorization": self.site.admin})
        return json.loads(content) if status < 300 and content else None

    def words(self) -> str:
        """Words that nobody else uses."""
        self._count += 1
        return f"mine {self.mine} {self._count}"

    def edit(self, uid: str, change: Callable[[Model], object] | None = None, folder: str | None = None) -> None:
        """Change a dashboard, and save it in its folder or another one."""
        found = self._ask("GET", f"/dashboards/uid/{quote(uid)}")
        if found is None or found["meta"].get("isFolder") or found["meta"].get("provisioned"):
            return
        model = found["dashboard"]
        if change:
            change(model)
        elif folder is None:
            model["description"] = self.words()
        home = found["meta"].get("folderUid") or ""
        self._save(model, home if folder is None else folder)
        if folder is not None:
            self.moved[uid] = folder

    def create(self, model: Model, folder: str = "") -> None:
        """Make a dashboard."""
        if self._save({**model, "description": self.words()}, folder):
            self.made.add(model["uid"])
            self.deleted.discard(model["uid"])

    def copy(self, uid: str, folder: str) -> None:
        """Save a dashboard under another name: it keeps all its tags."""
        found = self._ask("GET", f"/dashboards/uid/{quote(uid)}")
        if found is not None:
            words = self.words()
            model = {key: value for key, value in found["dashboard"].items() if key not in ("id", "version")}
            self.create({**model, "uid": f"{self.mine}-copy-{self._count}", "title": words}, folder)

    def _save(self, model: Model, folder: str) -> bool:
        answer = self._ask("POST", "/dashboards/db", {"dashboard": model, "folderUid": folder, "message": ""})
        if answer is None:
            return False
        self.saved[answer["uid"], answer["version"]] = leaves(model)
        return True

    def delete(self, uid: str) -> None:
        """Delete a dashboard. What he did to it is his own loss."""
        if self._ask("DELETE", f"/dashboards/uid/{quote(uid)}") is not None:
            self.forget(uid)

    def forget(self, uid: str) -> None:
        self.deleted.add(uid)
        self.made.discard(uid)
        self.moved.pop(uid, None)
        self.saved = {known: model for known, model in self.saved.items() if known[0] != uid}

    def create_folder(self, uid: str, title: str) -> None:
        self._ask("POST", "/folders", {"uid": uid, "title": title})

    def rename_folder(self, uid: str) -> None:
        there = self._ask("GET", f"/folders/{quote(uid)}")
        if there:
            self._ask("PUT", f"/folders/{quote(uid)}", {"title": self.words(), "version": there["version"]})

    def edit_source(self, uid: str) -> None:
        """Change a datasource's address or one of its settings."""
        there = self._ask("GET", f"/datasources/uid/{quote(uid)}")
        if there:
            fields = {"url": f"http://{self.words().replace(' ', '-')}:9090"}
            if self._ask("PUT", f"/datasources/uid/{quote(uid)}", {**there, **fields}) is None:
                return
            self.sources[uid] = fields

    def create_source(self, uid: str, name: str, kind: str) -> None:
        fields = {"url": f"http://{self.words().replace(' ', '-')}:9090"}
        body = {"uid": uid, "name": name, "type": kind, "access": "proxy", **fields}
        if self._ask("POST", "/datasources", body) is not None:
            self.sources[uid] = fields

    def delete_source(self, uid: str) -> None:
        self._ask("DELETE", f"/datasources/uid/{quote(uid)}")
        self.sources.pop(uid, None)


# Runs ---------------------------------------------------------------------------------------------------------------


def board(uid: str, title: str, *, panels: int = 1, words: str = "x", **more: Any) -> Model:
    """A dashboard in the shape that modules are loaded to."""
    sources = [
        {"name": "datasource", "type": "datasource", "query": "prometheus", "current": {}, "options": []},
        {"name": "loki_datasource", "type": "datasource", "query": "loki", "current": {}, "options": []},
    ]
    return {
        "uid": uid,
        "title": title,
        "tags": ["sedna"],
        "schemaVersion": 42,
        "templating": {"list": sources},
        "panels": [
            {
                "id": number,
                "type": "timeseries",
                "title": f"Jobs {number}",
                "gridPos": {"h": 8, "w": 12, "x": 0, "y": 8 * number},
                "datasource": {"type": "prometheus", "uid": "${datasource}"},
                "fieldConfig": {"defaults": {"unit": "short", "decimals": 1}, "overrides": []},
                "targets": [{"refId": "A", "expr": f'sum(sedna_job_info{{x="{words}"}})'}],
            }
            for number in range(1, panels + 1)
        ],
        **more,
    }


@contextmanager
def client(url: str, token: str = TOKEN, *, timeout: float = LONG, jobs: int = 4) -> Iterator[Grafana]:
    """A client that does not sleep."""
    settings = GrafanaSettings(url, Token(token), timeout=timeout, jobs=jobs)
    with Grafana(settings, sleep=lambda seconds: None) as grafana:
        yield grafana


def secret(reference: Any) -> str:
    """Whatever is asked for."""
    return SECRET


def run(
    url: str, request: Request, policy: Policy, *, token: str = TOKEN, journal: Path | None = None, **how: Any
) -> Report:
    """Plan and carry out."""
    with client(url, token, **how) as grafana:
        plan, live = plan_deploy(grafana, request, policy)
        return carry_out(grafana, plan, live, journal=Journal(journal, plan) if journal else None, resolve=secret)


def planned(url: str, request: Request, policy: Policy, token: str = TOKEN) -> Plan:
    """Only plan."""
    with client(url, token) as grafana:
        return plan_deploy(grafana, request, policy)[0]


def child(url: str, request: Request, policy: Policy, token: str, journal: Path, timeout: float) -> None:
    """A run in a process of its own, to be killed."""
    try:
        run(url, request, policy, token=token, journal=journal, timeout=timeout)
    except Exception:  # What it said nobody hears; Grafana is looked at
        os._exit(1)
