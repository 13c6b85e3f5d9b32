"""The record: a small dashboard of ours in Grafana that says what was deployed.

Its history is the history of our deployments. Each version says, for a person, which dashboards of which checksum
were deployed, and, for us, what it takes to return there: the folder, the datasources without their secrets, the
checksum of each dashboard, a copy of what was pruned, and the modules' side of what was merged. Without it nothing is
lost but that: dashboards carry marks of their own.

A deployment's id is a checksum of the state, so the same state has the same id, on every machine and every time.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sedna_dash.deploy.alert_rules import rule_fields
from sedna_dash.deploy.marks import OWNED_TAG
from sedna_dash.deploy.resources import Folder
from sedna_dash.render.canonical import checksum

_DATA_PANEL, _TEXT_PANEL = 2, 1
#: What a record holds besides the state.
_COPIES = frozenset({"trash", "earlier", "bases", "returned"})
#: Long enough for any set of dashboards, and short enough that a forged record cannot fill the memory.
_MOST_BYTES = 64 * 1024 * 1024
_BUNDLE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,22}[a-z0-9])?")


def is_bundle_name(name: str) -> bool:
    """Whether the name can be part of a uid and of a mark."""
    return _BUNDLE.fullmatch(name) is not None


def record_uid(bundle: str) -> str:
    """The uid of the record of a set of dashboards."""
    return f"sedna-dash-{bundle}"


@dataclass(frozen=True)
class Entry:
    """One dashboard of a deployment."""

    title: str
    checksum: str


@dataclass(frozen=True)
class Record:
    """What was deployed. ``made`` are the uids of the folders that we made. Copies are models, packed."""

    bundle: str
    folder: Folder
    made: Sequence[str] = ()
    datasources: Sequence[Mapping[str, Any]] = ()
    dashboards: Mapping[str, Entry] = field(default_factory=dict)
    #: The modules' side of dashboards that hold somebody's edit: uid to packed model.
    bases: Mapping[str, str] = field(default_factory=dict)
    #: Dashboards that were deleted by this deployment: uid to packed model.
    trash: Mapping[str, str] = field(default_factory=dict)
    #: What those were in earlier deployments: Grafana deletes the history with the dashboard.
    earlier: Mapping[str, Sequence[str]] = field(default_factory=dict)
    #: It was returned to, and not deployed anew.
    returned: bool = False
    #: The titles of the folder, from the outside in.
    path: Sequence[str] = ()
    #: The alert rules that Grafana evaluates, by uid, and how often each group of them is evaluated, in seconds.
    alerts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    intervals: Mapping[str, int] = field(default_factory=dict)

    @property
    def deployment(self) -> str:
        """The id of this state."""
        state = {key: value for key, value in self.data().items() if key not in _COPIES}
        return checksum(state)[:12]

    def data(self) -> dict[str, Any]:
        """Everything, as JSON data."""
        data = asdict(self)
        # The folder's version counts renames, which are no part of the state.
        data["folder"].pop("version")
        for key in ("alerts", "intervals"):
            if not data[key]:
                # The id of a state without alert rules is what it was before there were any.
                del data[key]
        lists = {"made": list(self.made), "path": list(self.path)}
        return {**data, **lists, "datasources": [dict(item) for item in self.datasources]}


def record_model(record: Record) -> dict[str, Any]:
    """The dashboard that holds a record."""
    lines = [
        f"**{len(record.dashboards)} dashboards** of the set *{record.bundle}*, deployed by sedna-dash as "
        f"**{record.deployment}**. The versions of this dashboard (Settings, Versions) are the deployments; "
        f"`sedna-dash rollback --to ID` returns to one.",
        "",
        *([f"With {len(record.alerts)} alert rules.", ""] if record.alerts else []),
        "| Dashboard | Checksum |",
        "|---|---|",
        *(f"| [{_cell(entry.title)}](d/{uid}) | `{entry.checksum[:12]}` |" for uid, entry in record.dashboards.items()),
    ]
    height = len(record.dashboards) * 4 // 5 + (7 if record.alerts else 6)
    data = json.dumps(record.data(), sort_keys=True, separators=(",", ":"))
    return {
        "uid": record_uid(record.bundle),
        "title": f"Deployments of {record.bundle}",
        "description": "What sedna-dash deployed here. Written by sedna-dash; changing it changes nothing else.",
        "tags": [OWNED_TAG],
        "schemaVersion": 37,
        "editable": True,
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": []},
        "annotations": {"list": []},
        "panels": [
            _text(_TEXT_PANEL, "Deployed", "markdown", "\n".join(lines), height, 0),
            _text(_DATA_PANEL, "For rollback", "code", data, 8, height),
        ],
    }


def read_record(model: Mapping[str, Any]) -> Record | None:
    """The record in a dashboard; None when there is none, or none that we can read."""
    try:
        panel = next(item for item in model["panels"] if item.get("id") == _DATA_PANEL)
        data = json.loads(panel["options"]["content"])
        folder = data["folder"]
        return Record(
            bundle=_known(data["bundle"]),
            folder=Folder(_known(folder["uid"]), _known(folder["title"]), _known(folder["parent"])),
            made=list(map(_known, data["made"])),
            datasources=[{**item, "uid": _known(item["uid"])} for item in data["datasources"]],
            dashboards={
                uid: Entry(_known(item["title"]), _known(item["checksum"])) for uid, item in data["dashboards"].items()
            },
            bases={uid: _known(text) for uid, text in data["bases"].items()},
            trash={uid: _known(text) for uid, text in data["trash"].items()},
            earlier={uid: list(map(_known, texts)) for uid, texts in data["earlier"].items()},
            returned=data["returned"] is True,
            path=list(map(_known, data["path"])),
            alerts={_known(uid): _rule(uid, item) for uid, item in data.get("alerts", {}).items()},
            intervals={_known(name): int(seconds) for name, seconds in data.get("intervals", {}).items()},
        )
    except (KeyError, TypeError, ValueError, StopIteration, AttributeError, RecursionError):
        return None


def _known(text: Any) -> str:
    """A text, as everything in a record is that we use. People can write into it."""
    if not isinstance(text, str):
        raise TypeError
    return text


def _rule(uid: str, rule: Any) -> dict[str, Any]:
    fields = rule_fields(rule)
    for key in ("title", "folderUID", "ruleGroup"):
        _known(fields[key])
    return {**fields, "uid": uid}


def packed(model: Mapping[str, Any]) -> str:
    """A model as text that fits into a record."""
    text = json.dumps(model, sort_keys=True, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def unpacked(text: str) -> dict[str, Any] | None:
    """The model in such a text; None when it holds none."""
    try:
        engine = zlib.decompressobj()
        content = engine.decompress(base64.b64decode(text, validate=True), _MOST_BYTES)
        model = json.loads(content) if engine.eof else None
    except (ValueError, zlib.error, RecursionError):
        return None
    return model if isinstance(model, dict) else None


def _text(number: int, title: str, mode: str, content: str, height: int, y: int) -> dict[str, Any]:
    options: dict[str, Any] = {"mode": mode, "content": content}
    if mode == "code":
        options["code"] = {"language": "json", "showLineNumbers": False, "showMiniMap": False}
    return {
        "id": number,
        "type": "text",
        "title": title,
        "gridPos": {"h": height, "w": 24, "x": 0, "y": y},
        "options": options,
    }


def _cell(text: str) -> str:
    return re.sub(r"([\\|\[\]<>*_`])", r"\\\1", " ".join(text.split()))
