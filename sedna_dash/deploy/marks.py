"""What we write on the things we save, so that the next run knows our work from somebody else's.

A dashboard's mark is the message of its version: ``sedna-dash 0.1.0 bundle:sedna deployment:1f3a... folder:sedna
sha256:... core:...``. It names the set of dashboards that it belongs to, the state of that set, and the folder that it
was saved to, and holds two checksums of what was sent. The first is of everything but the keys that belong to a server.
Grafana up to 11 gives back exactly what it was sent, so it alone decides there. Grafana 12 and later may bring a
dashboard into a newer form, which changes that checksum; there the second one decides: of titles, places and queries,
which no migration touches.

Besides, every dashboard of ours has a tag, by which the search finds those that we no longer want. The tag alone
proves nothing: a copy of a dashboard has it too.

A datasource's mark is a key in its ``jsonData``, which Grafana keeps as it is. That of an alert rule is an annotation,
see `alert_rules`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sedna_dash import __version__
from sedna_dash.dashboard_schema import all_panels
from sedna_dash.render.canonical import checksum, contains, plain, spelt

#: Grafana cuts or refuses longer messages of a version.
MESSAGE_LIMIT = 500

#: The tag of every dashboard that we save.
OWNED_TAG = "sedna-dash"

#: Where a datasource keeps its mark, in ``jsonData``.
DATASOURCE_MARK = "sednaDash"

#: The fields of basic authentication, which a datasource has or has not.
_LOGIN = ("basicAuth", "basicAuthUser")

_SERVER_KEYS = frozenset({"id", "version", "iteration"})
_MARK = re.compile(
    r"sedna-dash (?P<release>\S+) bundle:(?P<bundle>\S+) deployment:(?P<deployment>[0-9a-f]{12}) "
    r"folder:(?P<folder>\S*) sha256:(?P<checksum>[0-9a-f]{64}) core:(?P<core>[0-9a-f]{16})"
    r"(?: merged:(?P<merged>[0-9a-f]{64}))?"
)


@dataclass(frozen=True)
class Mark:
    """What a message of ours says about the dashboard that it was saved with."""

    release: str
    bundle: str
    deployment: str
    folder: str
    checksum: str
    core: str
    #: Where somebody's edit was merged in: the checksum of the dashboard without it, as the modules have it.
    merged: str | None = None

    @property
    def wanted(self) -> str:
        """The checksum of what the modules had when it was saved."""
        return self.merged or self.checksum


def message_for(model: Mapping[str, Any], *, bundle: str, deployment: str, folder: str, merged: str = "") -> str:
    """The message to save a dashboard with."""
    own = canonical(model)
    sums = f"sha256:{checksum(own)} core:{checksum(_core(own))[:16]}" + (f" merged:{merged}" if merged else "")
    return f"sedna-dash {__version__} bundle:{bundle} deployment:{deployment} folder:{folder} {sums}"


def tagged(model: Mapping[str, Any]) -> dict[str, Any]:
    """The dashboard with our tag."""
    tags = list(model.get("tags") or ())
    return {**model, "tags": tags if OWNED_TAG in tags else [*tags, OWNED_TAG]}


def read_mark(message: str) -> Mark | None:
    """The mark in a version's message; None when somebody else wrote it."""
    found = _MARK.fullmatch(message.strip())
    return Mark(**found.groupdict()) if found else None


def describes(mark: Mark, model: Mapping[str, Any], *, rewrites: bool) -> bool:
    """Whether the dashboard is still what the mark was written for. ``rewrites``: the server may change the form."""
    own = canonical(model)
    return mark.checksum == checksum(own) or (rewrites and mark.core == checksum(_core(own))[:16])


def canonical(model: Mapping[str, Any]) -> dict[str, Any]:
    """The dashboard without what belongs to one server, with one spelling for equal values."""
    result: dict[str, Any] = plain(without_server_keys(model))
    return result


def without_server_keys(model: Mapping[str, Any]) -> dict[str, Any]:
    """The dashboard without what belongs to one server."""
    return {key: value for key, value in model.items() if key not in _SERVER_KEYS}


def equal(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether both dashboards are the same but for what belongs to a server."""
    if spelt(without_server_keys(one)) == spelt(without_server_keys(other)):
        return True  # quickly told, and what is found most of the time
    # As JSON, since in Python True equals 1.
    return spelt(canonical(one)) == spelt(canonical(other))


def _core(own: dict[str, Any]) -> dict[str, Any]:
    """What a person wrote and no server rewrites, of a canonical dashboard: titles, texts, places, queries."""
    variables = own.get("templating", {}).get("list", ())
    return {
        "title": own.get("title"),
        "tags": own.get("tags"),
        "variables": [[item.get("name"), item.get("type"), item.get("definition")] for item in variables],
        "panels": [
            [
                panel.get("id"),
                panel.get("title"),
                panel.get("description"),
                panel.get("gridPos"),
                [[target.get("refId"), target.get("expr")] for target in panel.get("targets", ())],
            ]
            for panel in all_panels(own)
        ],
    }


def marked_datasource(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The datasource with our mark."""
    own = datasource_fields(fields)
    return {**own, "jsonData": {**own["jsonData"], DATASOURCE_MARK: checksum(own)}}


def is_marked_datasource(live: Mapping[str, Any]) -> bool:
    """Whether the datasource is as we left it, whatever somebody added beside our fields."""
    mark = (live.get("jsonData") or {}).get(DATASOURCE_MARK)
    with_login = datasource_fields(live)
    without = {key: value for key, value in with_login.items() if key not in _LOGIN}
    return mark is not None and mark in (checksum(with_login), checksum(without))


def datasource_contains(live: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
    """Whether the datasource has everything that we want of it."""
    return contains(datasource_fields(live), datasource_fields(fields))


def datasource_fields(datasource: Mapping[str, Any]) -> dict[str, Any]:
    """What we set of a datasource: never a secret."""
    own = {key: datasource.get(key) for key in ("uid", "name", "type", "access", "url")}
    own |= {key: datasource[key] for key in _LOGIN if datasource.get(key)}
    settings = {key: value for key, value in (datasource.get("jsonData") or {}).items() if key != DATASOURCE_MARK}
    own["jsonData"] = settings
    result: dict[str, Any] = plain(own)
    return result
