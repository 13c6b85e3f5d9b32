"""What we write on the things we save, so that the next run knows our work from somebody else's.

A dashboard's mark is the message of its version: ``sedna-dash 0.1.0 sha256:... core:...``. It holds two checksums of
what was sent. The first is of everything but the keys that belong to a server. Grafana up to 11 gives back exactly
what it was sent, so it alone decides there. Grafana 12 and later may bring a dashboard into a newer form, which
changes that checksum; there the second one decides: of titles, places and queries, which no migration touches.

A datasource's mark is a key in its ``jsonData``, which Grafana keeps as it is.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sedna_dash import __version__
from sedna_dash.render.normal import all_panels

#: Grafana cuts or refuses longer messages of a version.
MESSAGE_LIMIT = 500

#: Where a datasource keeps its mark, in ``jsonData``.
DATASOURCE_MARK = "sednaDash"

_SERVER_KEYS = frozenset({"id", "version", "iteration"})
_MARK = re.compile(r"sedna-dash (?P<release>\S+) sha256:(?P<checksum>[0-9a-f]{64}) core:(?P<core>[0-9a-f]{16})")


@dataclass(frozen=True)
class Mark:
    """What a message of ours says about the dashboard that it was saved with."""

    release: str
    checksum: str
    core: str


def message_for(model: Mapping[str, Any]) -> str:
    """The message to save a dashboard with."""
    return f"sedna-dash {__version__} sha256:{checksum(canonical(model))} core:{checksum(core(model))[:16]}"


def read_mark(message: str) -> Mark | None:
    """The mark in a version's message; None when somebody else wrote it."""
    found = _MARK.fullmatch(message.strip())
    return Mark(**found.groupdict()) if found else None


def describes(mark: Mark, model: Mapping[str, Any], *, rewrites: bool) -> bool:
    """Whether the dashboard is still what the mark was written for. ``rewrites``: the server may change the form."""
    if mark.checksum == checksum(canonical(model)):
        return True
    return rewrites and mark.core == checksum(core(model))[:16]


def canonical(model: Mapping[str, Any]) -> dict[str, Any]:
    """The dashboard without what belongs to one server, with one spelling for equal values."""
    result: dict[str, Any] = _plain({key: value for key, value in model.items() if key not in _SERVER_KEYS})
    return result


def comparable(model: Mapping[str, Any]) -> dict[str, Any]:
    """The canonical dashboard without what a reader changes by looking: which datasource is chosen, what a variable
    found, which option is ticked."""
    result = canonical(model)
    for variable in result.get("templating", {}).get("list", ()):
        if variable.get("type") in ("datasource", "query"):
            variable.pop("options", None)
        if variable.get("type") == "datasource":
            variable.pop("current", None)
        for option in (variable.get("current"), *(variable.get("options") or ())):
            if isinstance(option, dict):
                option.pop("selected", None)
    return result


def core(model: Mapping[str, Any]) -> dict[str, Any]:
    """What a person wrote and no server rewrites: titles, texts, places, queries."""
    plain = canonical(model)
    variables = plain.get("templating", {}).get("list", ())
    return {
        "title": plain.get("title"),
        "tags": plain.get("tags"),
        "variables": [[item.get("name"), item.get("type"), item.get("definition")] for item in variables],
        "panels": [
            [
                panel.get("id"),
                panel.get("title"),
                panel.get("description"),
                panel.get("gridPos"),
                [[target.get("refId"), target.get("expr")] for target in panel.get("targets", ())],
            ]
            for panel in all_panels(plain)
        ],
    }


def contains(whole: Any, part: Any) -> bool:
    """Whether everything in ``part`` is in ``whole``: objects may have more keys, lists are compared item by item."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and contains(whole[key], part[key]) for key in part)
    if isinstance(part, list):
        return isinstance(whole, list) and len(whole) == len(part) and all(map(contains, whole, part))
    # In Python True equals 1; in JSON it does not.
    return bool(whole == part) and isinstance(whole, bool) == isinstance(part, bool)


def checksum(value: Any) -> str:
    """SHA-256 of the value as JSON. Equal data gives equal sums, on every machine."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def marked_datasource(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The datasource with our mark."""
    own = _own_fields(fields)
    return {**own, "jsonData": {**own["jsonData"], DATASOURCE_MARK: checksum(own)}}


def is_marked_datasource(live: Mapping[str, Any]) -> bool:
    """Whether the datasource is as we left it."""
    return (live.get("jsonData") or {}).get(DATASOURCE_MARK) == checksum(_own_fields(live))


def datasource_contains(live: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
    """Whether the datasource has everything that we want of it."""
    return contains(_own_fields(live), _own_fields(fields))


def _own_fields(datasource: Mapping[str, Any]) -> dict[str, Any]:
    own = {key: datasource.get(key) for key in ("uid", "name", "type", "access", "url")}
    settings = {key: value for key, value in (datasource.get("jsonData") or {}).items() if key != DATASOURCE_MARK}
    own["jsonData"] = settings
    result: dict[str, Any] = _plain(own)
    return result


def _plain(value: Any) -> Any:
    """Without nulls, which some servers drop, and with whole numbers as such: 1.0 and 1 are one value in JSON."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
