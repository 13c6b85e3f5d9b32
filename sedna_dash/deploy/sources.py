"""Which datasource each dashboard reads from. Pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sedna_dash.errors import SettingsError
from sedna_dash.render.forms import LOGS_UID, METRICS_UID, Settings, datasource_provisioning

#: The uid of the datasource that we make, by plugin.
OUR_UIDS = {"prometheus": METRICS_UID, "loki": LOGS_UID}

_PORTS = {"prometheus": 9090, "loki": 3100}


@dataclass(frozen=True)
class Choice:
    """What the user said about one plugin's datasource: make one for this address, or use this one, or neither."""

    url: str | None = None
    uid: str | None = None


@dataclass(frozen=True)
class Source:
    """The datasource that is chosen in a dashboard when it opens."""

    uid: str
    name: str


def checked_choice(plugin: str, url: str | None, uid: str | None) -> Choice:
    """What the options say. Raises `SettingsError` when they contradict each other or give no usable address."""
    if url is not None and uid is not None:
        raise SettingsError(f"--{plugin}-url and --{plugin}-uid exclude each other; give one of them")
    if url is None:
        return Choice(uid=uid)
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and not any(map(str.isspace, url))
    except ValueError:
        usable = False
    if not usable:
        raise SettingsError(f"--{plugin}-url is not an address; write it like http://{plugin}:{_PORTS[plugin]}")
    if "@" in parts.netloc:
        # It would be readable for everybody who may see the datasource.
        raise SettingsError(
            f"--{plugin}-url holds credentials; make the datasource in Grafana and name it with --{plugin}-uid"
        )
    return Choice(url=url)


def wanted_datasources(choices: Mapping[str, Choice]) -> list[dict[str, Any]]:
    """The datasources to make: the provisioned ones, with the given addresses."""
    settings = Settings(
        metrics_url=choices["prometheus"].url or Settings.metrics_url,
        logs_url=choices["loki"].url or Settings.logs_url,
    )
    made = datasource_provisioning(settings)["datasources"]
    return [
        {key: value for key, value in datasource.items() if key != "editable"}
        for datasource in made
        if choices[datasource["type"]].url
    ]


def needed_plugins(dashboards: Sequence[Mapping[str, Any]]) -> list[str]:
    """The plugins that some dashboard lets its reader choose a datasource of."""
    used = {variable["query"] for model in dashboards for variable in _source_variables(model)}
    return [plugin for plugin in OUR_UIDS if plugin in used]


def choose_source(plugin: str, choice: Choice, datasources: Sequence[Mapping[str, Any]]) -> Source:
    """The datasource to show first: the one that was asked for, ours, the only one, or Grafana's default.

    Raises `SettingsError` when there is none, or no way to tell which.
    """
    there = {str(item["uid"]): item for item in datasources}
    fitting = [item for item in datasources if item.get("type") == plugin]
    listed = ", ".join(f"{item['uid']} ({item['name']})" for item in fitting) or "none"
    uid = OUR_UIDS[plugin]
    if choice.url:
        made = next(item for item in wanted_datasources({**dict.fromkeys(OUR_UIDS, Choice()), plugin: choice}))
        return Source(uid, str(there.get(uid, made)["name"]))
    if choice.uid:
        if choice.uid not in there:
            raise SettingsError(
                f"--{plugin}-uid {choice.uid}: Grafana has no such datasource; of this type it has: {listed}"
            )
        if there[choice.uid].get("type") != plugin:
            raise SettingsError(
                f"--{plugin}-uid {choice.uid}: that is a {there[choice.uid].get('type')} datasource; "
                f"of this type Grafana has: {listed}"
            )
        return Source(choice.uid, str(there[choice.uid]["name"]))
    ours = [item for item in fitting if item["uid"] == uid]
    default = [item for item in fitting if item.get("isDefault")]
    for few in (ours, fitting if len(fitting) == 1 else [], default):
        if few:
            return Source(str(few[0]["uid"]), str(few[0]["name"]))
    found = f"several {plugin} datasources ({listed}) and none is the default" if fitting else f"no {plugin} datasource"
    raise SettingsError(f"Grafana has {found}; name one with --{plugin}-uid, or have one made with --{plugin}-url")


def with_sources(model: Mapping[str, Any], sources: Mapping[str, Source]) -> dict[str, Any]:
    """A copy of the dashboard that opens with these datasources chosen."""
    result = copy.deepcopy(dict(model))
    for variable in _source_variables(result):
        source = sources.get(variable["query"])
        if source is not None:
            variable["current"] = {"selected": True, "text": source.name, "value": source.uid}
    return result


def _source_variables(model: Mapping[str, Any]) -> list[dict[str, Any]]:
    variables = model.get("templating", {}).get("list", [])
    return [item for item in variables if item.get("type") == "datasource" and isinstance(item.get("query"), str)]
