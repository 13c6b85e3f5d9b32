"""Which datasource each dashboard reads from, and what else it opens with. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from sedna_dash.deploy.datasources import Wanted
from sedna_dash.deploy.marks import DATASOURCE_MARK
from sedna_dash.errors import SettingsError
from sedna_dash.render.canonical import copied
from sedna_dash.render.forms import LOGS_UID, METRICS_UID, Settings, datasource_provisioning
from sedna_dash.schemas import nearest

#: The uid of the datasource that we make, by plugin.
OUR_UIDS = {"prometheus": METRICS_UID, "loki": LOGS_UID}

#: What stands for the datasource of a plugin in an alert rule, as in a panel.
_PLACEHOLDERS = {"${datasource}": "prometheus", "${loki_datasource}": "loki"}

_PORTS = {"prometheus": 9090, "loki": 3100}


@dataclass(frozen=True)
class Choice:
    """What the user said about one plugin's datasource: make one for this address, or use an existing one that has
    this uid or this name, or the only one of its type, or nothing at all.

    ``settings`` (of ``jsonData``), ``login`` and ``secrets`` go with an address. Secrets are references.
    """

    url: str | None = None
    uid: str | None = None
    name: str | None = None
    only: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    login: str | None = None
    secrets: Mapping[str, Any] = field(default_factory=dict)


NEITHER = Choice()


@dataclass(frozen=True)
class Source:
    """The datasource that is chosen in a dashboard when it opens."""

    uid: str
    name: str


def checked_choice(
    plugin: str, url: str | None = None, uid: str | None = None, name: str | None = None, *, otherwise: Choice = NEITHER
) -> Choice:
    """What the options say, else ``otherwise``.

    Raises `SettingsError` when they contradict each other or give no usable address.
    """
    given = [flag for flag, value in (("url", url), ("uid", uid), ("name", name)) if value is not None]
    if len(given) > 1:
        flags = " and ".join(f"--{plugin}-{flag}" for flag in given)
        raise SettingsError(f"{flags} exclude each other; give one of them")
    choice = Choice(url, uid, name) if given else otherwise
    if url is not None and otherwise.url is not None:
        choice = replace(otherwise, url=url)
    if choice.url is not None:
        _check_address(plugin, choice.url)
    return choice


def _check_address(plugin: str, url: str) -> None:
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
            f"--{plugin}-url holds credentials; write them as secrets in sedna-dash.yaml, or make the datasource in "
            f"Grafana and name it with --{plugin}-uid"
        )


def wanted_datasources(choices: Mapping[str, Choice]) -> list[Wanted]:
    """The datasources to make: the provisioned ones, with the given addresses."""
    settings = Settings(
        metrics_url=choices["prometheus"].url or Settings.metrics_url,
        logs_url=choices["loki"].url or Settings.logs_url,
    )
    made = datasource_provisioning(settings)["datasources"]
    return [_wanted(item, choices[item["type"]]) for item in made if choices[item["type"]].url]


def _wanted(provisioned: Mapping[str, Any], choice: Choice) -> Wanted:
    fields = {key: value for key, value in provisioned.items() if key != "editable"}
    fields["jsonData"] = {**fields["jsonData"], **choice.settings}
    if choice.login is not None:
        fields |= {"basicAuth": True, "basicAuthUser": choice.login}
    return Wanted(fields, choice.secrets)


def may_be_ours(datasource: Mapping[str, Any]) -> bool:
    """Whether it has a uid of ours or our mark."""
    return datasource.get("uid") in OUR_UIDS.values() or DATASOURCE_MARK in (datasource.get("jsonData") or {})


def needed_plugins(dashboards: Sequence[Mapping[str, Any]], rules: Sequence[Mapping[str, Any]] = ()) -> list[str]:
    """The plugins that some dashboard lets its reader choose a datasource of, or that some alert rule asks."""
    used = {variable["query"] for model in dashboards for variable in _source_variables(model)}
    asked = {query.get("datasourceUid") for rule in rules for query in rule.get("data", ())}
    used |= {plugin for name, plugin in _PLACEHOLDERS.items() if name in asked}
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
        name = next(wanted.fields["name"] for wanted in wanted_datasources({**_NO_CHOICE, plugin: choice}))
        return Source(uid, str(there[uid]["name"] if uid in there else name))
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
    if choice.name:
        named = [item for item in fitting if item.get("name") == choice.name]
        if not named:
            raise SettingsError(
                f"--{plugin}-name '{choice.name}': Grafana has no {plugin} datasource of that name; it has: {listed}"
            )
        return Source(str(named[0]["uid"]), choice.name)
    ours = [item for item in fitting if item["uid"] == uid and not choice.only]
    default = [item for item in fitting if item.get("isDefault") and not choice.only]
    for few in (ours, fitting if len(fitting) == 1 else [], default):
        if few:
            return Source(str(few[0]["uid"]), str(few[0]["name"]))
    found = f"several {plugin} datasources ({listed}) and none is the default" if fitting else f"no {plugin} datasource"
    raise SettingsError(f"Grafana has {found}; name one with --{plugin}-uid, or have one made with --{plugin}-url")


_NO_CHOICE = {plugin: Choice() for plugin in OUR_UIDS}


def with_sources(model: Mapping[str, Any], sources: Mapping[str, Source]) -> dict[str, Any]:
    """The dashboard as it opens with these datasources chosen. What does not change is not copied."""
    ours = [id(variable) for variable in _source_variables(model) if variable["query"] in sources]
    if not ours:
        return dict(model)
    variables = [
        {**item, "current": _chosen(sources[item["query"]])} if id(item) in ours else item
        for item in model["templating"]["list"]
    ]
    return {**model, "templating": {**model["templating"], "list": variables}}


def with_rule_sources(rule: Mapping[str, Any], sources: Mapping[str, Source]) -> dict[str, Any]:
    """The alert rule with these datasources in the place of ``${datasource}`` and ``${loki_datasource}``."""
    uids = {name: sources[plugin].uid for name, plugin in _PLACEHOLDERS.items() if plugin in sources}

    def filled(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: filled(item) for key, item in value.items()}
        if isinstance(value, list):
            return [filled(item) for item in value]
        return uids.get(value, value) if isinstance(value, str) else value

    return {**rule, "data": filled(rule.get("data"))}


def _chosen(source: Source) -> dict[str, Any]:
    return {"selected": True, "text": source.name, "value": source.uid}


def with_variables(
    dashboards: Sequence[Mapping[str, Any]], values: Mapping[str, str | Sequence[str]]
) -> list[dict[str, Any]]:
    """Copies of the dashboards that open with these values of their variables.

    Raises `SettingsError` for a variable that no dashboard has.
    """
    result = [copied(model) if values else dict(model) for model in dashboards]
    variables = [item for model in result for item in model.get("templating", {}).get("list", ())]
    known = {str(item["name"]) for item in variables if item.get("type") != "datasource"}
    for name, value in values.items():
        if name not in known:
            raise SettingsError(f"variables: no dashboard has a variable '{name}'{nearest(name, known)}")
        for variable in variables:
            if variable["name"] == name:
                several = [value] if isinstance(value, str) else list(value)
                if not variable.get("multi") and len(several) != 1:
                    raise SettingsError(f"variables: '{name}' takes one value; give one")
                chosen = several if variable.get("multi") else several[0]
                variable["current"] = {"selected": True, "text": chosen, "value": chosen}
    return result


def _source_variables(model: Mapping[str, Any]) -> list[dict[str, Any]]:
    variables = model.get("templating", {}).get("list", [])
    return [item for item in variables if item.get("type") == "datasource" and isinstance(item.get("query"), str)]
