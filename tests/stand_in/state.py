"""What a Grafana holds, and what people do in its pages."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone
from typing import Any

from tests.stand_in.behaviour import Behaviour
from tests.stand_in.http import slug

Model = dict[str, Any]


class State:
    """Folders, dashboards with their history, datasources, elements, alert rules, accounts, and what queries find."""

    def __init__(self, version: str | None = "9.3.2", **differently: Any) -> None:
        self.version = version
        self.behaviour = Behaviour.of(version, **differently)
        self.folders: dict[str, dict[str, Any]] = {}
        #: By uid: id, folder (its uid; empty for General), model, history (newest first), provisioned (its file).
        self.dashboards: dict[str, dict[str, Any]] = {}
        self.datasources: dict[str, dict[str, Any]] = {}
        #: Library elements.
        self.elements: dict[str, dict[str, Any]] = {}
        self.rules: dict[str, dict[str, Any]] = {}
        self.service_accounts: dict[int, dict[str, Any]] = {}
        #: Names of the metrics that every Prometheus datasource holds, one series each.
        self.series: set[str] = {"up"}
        #: Labels of the streams that every Loki datasource holds, one line each.
        self.streams: list[dict[str, str]] = [{"namespace": "sedna", "app": "gm"}]
        #: uids of datasources that do not answer. One with an address at port 9, where nothing listens, never does.
        self.down: set[str] = set()
        #: Grafana's versions_to_keep: how many `clean_up` leaves of each dashboard.
        self.keep_versions = 20
        #: The time that the next save bears. It goes on by a second with every save; set it to any other.
        self.clock = datetime(2026, 11, 23, 2, 5, 14, tzinfo=timezone.utc)
        self._next_id = 0
        #: Held while a request is answered, and while a person does something.
        self.lock = threading.RLock()

    def new_id(self) -> int:
        self._next_id += 1
        return self._next_id

    def stamp(self) -> str:
        """The time of a save."""
        moment = self.clock
        self.clock += timedelta(seconds=1)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

    # What people do -----------------------------------------------------------------------------------------------

    def edit(self, uid: str, change: Callable[[Model], object], *, by: str = "eve", message: str = "") -> None:
        """Somebody changes a dashboard and saves it."""
        with self.lock:
            found = self.dashboards[uid]
            model = copy.deepcopy(found["model"])
            change(model)
            self.add_version(found, model, by, message)

    def save_as_v2(self, uid: str, *, by: str = "eve") -> None:
        """Somebody saves a dashboard in the pages of Grafana 13, which store another format."""
        assert self.behaviour.v2_dashboards, f"Grafana {self.version} does not know the v2 format"
        with self.lock:
            found = self.dashboards[uid]
            classic = found["model"]
            elements = {
                f"panel-{panel['id']}": {"kind": "Panel", "spec": {"id": panel["id"], "title": panel.get("title", "")}}
                for panel in classic.get("panels", [])
            }
            items = [{"kind": "GridLayoutItem", "spec": {"element": {"name": name}}} for name in elements]
            model = {
                "uid": uid, "title": classic["title"], "tags": classic.get("tags", []), "elements": elements,
                "layout": {"kind": "GridLayout", "spec": {"items": items}},
            }  # fmt: skip
            self.add_version(found, model, by, "")
            found["classic"] = classic | {"version": found["model"]["version"]}

    def put_dashboard(self, model: Model, *, folder: str = "", by: str = "eve", **more: Any) -> None:
        """A dashboard that was there before us."""
        with self.lock:
            found = {"id": self.new_id(), "folder": folder, "history": [], "provisioned": "", **more}
            self.dashboards[model["uid"]] = found
            self.add_version(found, model, by, "")

    def put_folder(self, uid: str, title: str, parent: str = "", *, by: str = "eve") -> None:
        """A folder that was there before us."""
        with self.lock:
            self.add_folder(uid, title, parent if self.behaviour.nested_folders else "", by)

    def put_datasource(self, uid: str, name: str, kind: str, **more: Any) -> None:
        """A datasource that was there before us."""
        with self.lock:
            self.datasources[uid] = self.datasource({"uid": uid, "name": name, "type": kind, "access": "proxy", **more})

    def put_rule(self, uid: str, folder: str, title: str = "", **more: Any) -> None:
        """An alert rule that was there before us; a folder that holds one is not deleted."""
        with self.lock:
            usual = {"ruleGroup": "group", "condition": "A", "for": "5m", "noDataState": "OK", "execErrState": "Error"}
            self.rules[uid] = {
                "uid": uid, "folderUID": folder, "title": title or uid, **usual, "data": [], "id": self.new_id(),
                "version": 1, "updated": self.stamp(), "provenance": "", **more,
            }  # fmt: skip

    def edit_rule(self, uid: str, change: Callable[[Model], object]) -> None:
        """Somebody changes an alert rule in Grafana's pages."""
        with self.lock:
            rule = copy.deepcopy(self.rules[uid])
            change(rule)
            self.rules[uid] = {**rule, "version": rule["version"] + 1, "updated": self.stamp()}

    def put_element(self, uid: str, folder: str, name: str = "", *, by: str = "eve") -> None:
        """A library element that was there before us."""
        with self.lock:
            made = {"id": self.new_id(), "uid": uid, "folderUid": folder, "name": name or uid, "model": {}, "by": by}
            self.elements[uid] = made

    def move(self, uid: str, folder: str, *, by: str = "eve") -> None:
        """Somebody moves a dashboard, which saves it once more, or a folder."""
        with self.lock:
            if uid in self.folders:
                self.folders[uid]["parentUid"] = folder
            else:
                self.dashboards[uid]["folder"] = folder
                self.add_version(self.dashboards[uid], self.dashboards[uid]["model"], by, "")

    def delete(self, uid: str) -> None:
        """Somebody deletes a dashboard, a folder with all that is in it, or a datasource."""
        with self.lock:
            if uid in self.folders:
                self.remove_folder(uid)
            elif uid in self.dashboards:
                del self.dashboards[uid]
            else:
                del self.datasources[uid]

    def clean_up(self) -> None:
        """Grafana drops old versions every ten minutes, the newest stay; neither a save nor a restart does it."""
        with self.lock:
            for found in self.dashboards.values():
                del found["history"][self.keep_versions :]

    # What the API does, too ---------------------------------------------------------------------------------------

    def add_version(self, found: dict[str, Any], model: Model, by: str, message: str) -> None:
        number = found["model"]["version"] + 1 if found["history"] else 1
        model = {**copy.deepcopy(model), "id": found["id"], "version": number}
        found.pop("classic", None)
        found["model"] = model
        found["history"].insert(
            0,
            {"id": self.new_id(), "version": number, "parentVersion": number - 1, "restoredFrom": 0, "message": message,
             "created": self.stamp(), "createdBy": by, "data": model},
        )  # fmt: skip

    def add_folder(self, uid: str, title: str, parent: str, by: str) -> dict[str, Any]:
        when = self.stamp()
        self.folders[uid] = {
            "id": self.new_id(), "uid": uid, "title": title, "parentUid": parent, "version": 1,
            "created": when, "createdBy": by, "updated": when, "updatedBy": by,
        }  # fmt: skip
        return self.folders[uid]

    def remove_folder(self, uid: str) -> None:
        """A folder goes with all that is in it, and nobody is asked."""
        for child in [child for child in self.folders if self.folders[child].get("parentUid") == uid]:
            self.remove_folder(child)
        del self.folders[uid]
        for kind, key in ((self.dashboards, "folder"), (self.elements, "folderUid"), (self.rules, "folderUID")):
            for inside in [inside for inside, item in kind.items() if item[key] == uid]:
                del kind[inside]

    def parents(self, uid: str) -> list[dict[str, Any]]:
        """The folders that a folder lies in, outermost first."""
        parent = self.folders.get(self.folders[uid].get("parentUid", ""))
        return [*self.parents(parent["uid"]), parent] if parent else []

    def inside(self, uid: str) -> list[str]:
        """A folder and all below it."""
        children = [child for child in self.folders if self.folders[child].get("parentUid") == uid]
        return [uid, *(deeper for child in children for deeper in self.inside(child))]

    def datasource(self, body: dict[str, Any], number: int | None = None) -> dict[str, Any]:
        """All fields, with their defaults for those that were left out."""
        defaults = {
            "id": number or self.new_id(), "orgId": 1, "typeLogoUrl": "", "url": "", "user": "", "database": "",
            "basicAuth": False, "basicAuthUser": "", "withCredentials": False, "isDefault": False, "jsonData": {},
            "secureJsonData": {}, "version": 1, "readOnly": False,
        }  # fmt: skip
        made = {**defaults, **body}
        made["version"] = 1
        return {**made, "secureJsonFields": dict.fromkeys(made["secureJsonData"], True)}


def titled(title: str, items: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """The one of that title, as Grafana compares titles."""
    return next((item for item in items if slug(item["title"]) == slug(title)), None)
