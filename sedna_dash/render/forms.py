"""The forms that a bundle is written in: what each tool of Grafana takes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import yaml

from sedna_dash import __version__
from sedna_dash.dashboard_schema import all_panels
from sedna_dash.errors import SourceError
from sedna_dash.render.config_maps import config_maps
from sedna_dash.render.grafana_operator import operator_objects
from sedna_dash.render.grafana_resources import ResourceApi, resources
from sedna_dash.render.kubernetes_objects import Placement
from sedna_dash.render.loading import LoadedDashboard
from sedna_dash.render.normal import file_name
from sedna_dash.render.profiles import NEWEST, Profile, shaped
from sedna_dash.render.writing import to_json

GENERATED = "# Written by sedna-dash build. Change the dashboard modules, not this file.\n"


@dataclass(frozen=True)
class Settings:
    """What the files say about the site they are brought to."""

    folder: str = "Sedna"
    metrics_url: str = "http://prometheus:9090"
    logs_url: str = "http://loki:3100"
    dashboards_path: str = "/etc/grafana/provisioning/dashboards/files"
    placement: Placement = field(default_factory=Placement)
    resource_api: ResourceApi = "v1"


#: The forms that dashboards are written in: for the HTTP API, Grafana's Import page and its provisioning folder; as
#: ConfigMaps for the Grafana sidecar, objects of the grafana-operator, and resources of Grafana 12 and 13.
Form = Literal["api", "import", "provisioning", "configmaps", "operator", "resources"]
FORMS: tuple[Form, ...] = get_args(Form)
USUAL_FORMS: tuple[Form, ...] = ("api", "import", "provisioning")

#: Stable uids of the two datasources that we provision, so that links and rules can name them.
METRICS_UID, LOGS_UID = "sedna-prometheus", "sedna-loki"

_PLUGINS = {"prometheus": "Prometheus", "loki": "Loki"}
_PANEL_NAMES = {"piechart": "Pie chart", "bargauge": "Bar gauge", "barchart": "Bar chart",
                "timeseries": "Time series", "nodeGraph": "Node Graph"}  # fmt: skip


def bundle(
    dashboards: Sequence[LoadedDashboard], profile: Profile, settings: Settings, forms: Sequence[Form] = USUAL_FORMS
) -> dict[str, bytes]:
    """Every file of the forms: path below the output folder to content.

    Raises `SourceError` when two dashboards would be one file, and when one is too large for a form.
    """
    models = _shaped(dashboards, profile)
    files: dict[str, bytes] = {}
    for uid, model in models.items():
        name = file_name(uid)
        written = to_json(model)
        if "api" in forms:
            files[f"dashboards/{name}"] = written
        if "import" in forms:
            files[f"import/{name}"] = to_json(for_import(model, profile))
        if "provisioning" in forms:
            files[f"provisioning/dashboards/files/{settings.folder}/{name}"] = written
    if "provisioning" in forms:
        files["provisioning/dashboards/sedna.yaml"] = _yaml(dashboard_provider(settings))
        files["provisioning/datasources/sedna.yaml"] = _yaml(datasource_provisioning(settings))
    if "configmaps" in forms:
        files |= config_maps(models, settings.placement, settings.folder)
    if "operator" in forms:
        sources = datasource_provisioning(settings)["datasources"]
        files |= operator_objects(models, settings.placement, settings.folder, sources)
    if "resources" in forms:
        # Only new Grafanas read these, and they check them against the newest schema.
        files |= resources(_shaped(dashboards, NEWEST), settings.folder, settings.resource_api)
    return files


def _shaped(dashboards: Sequence[LoadedDashboard], profile: Profile) -> dict[str, dict[str, Any]]:
    """The dashboards by their uid, in the profile's shape."""
    taken: dict[str, str] = {}
    for dashboard in dashboards:
        name = file_name(dashboard.uid)
        if taken.setdefault(name, dashboard.uid) != dashboard.uid:
            raise SourceError(
                f"{dashboard.module}: the uid '{dashboard.uid}' gives the file name {name}, which another dashboard "
                "has already; use letters, digits and dashes only"
            )
    return {dashboard.uid: shaped(dashboard.model, profile) for dashboard in dashboards}


def for_import(model: Mapping[str, Any], profile: Profile) -> dict[str, Any]:
    """The dashboard for Grafana's Import page, which asks for each datasource once and writes the answer in.

    The datasource variables go: Grafana 9 finds their value by the datasource's name, but fills in its uid.
    """
    result = dict(model)
    used: dict[str, str] = {}
    kept = []
    templating = result.get("templating", {})
    for variable in templating.get("list", []):
        if variable.get("type") == "datasource" and variable.get("query") in _PLUGINS:
            used[variable["name"]] = variable["query"]
        else:
            kept.append(variable)
    if used:
        result["templating"] = {**templating, "list": kept}
    plugins = list(used.values())
    inputs = {
        name: f"DS_{plugin.upper()}" if plugins.count(plugin) == 1 else f"DS_{plugin.upper()}_{name.upper()}"
        for name, plugin in used.items()
    }
    result = dict(_replace_sources(result, inputs))
    # A source that only links passed on is of no use here, and an input that nothing reads confuses.
    text = to_json(result).decode()
    used = {name: plugin for name, plugin in used.items() if f"${{{inputs[name]}}}" in text}
    if used:  # an empty list is left by careless tools only, says lint
        result["__inputs"] = [
            {
                "name": inputs[name],
                "label": _PLUGINS[plugin],
                "description": f"The {_PLUGINS[plugin]} that holds Sedna's {'logs' if plugin == 'loki' else 'metrics'}",
                "type": "datasource",
                "pluginId": plugin,
                "pluginName": _PLUGINS[plugin],
            }
            for name, plugin in used.items()
        ]
    version = ".".join(str(part) for part in profile.since) + ".0"
    kinds = sorted({str(panel["type"]) for panel in all_panels(result)} - {"row"})
    result["__requires"] = [
        {"type": "grafana", "id": "grafana", "name": "Grafana", "version": version},
        *({"type": "datasource", "id": plugin, "name": _PLUGINS[plugin], "version": "1.0.0"}
          for plugin in sorted(set(used.values()))),
        *({"type": "panel", "id": kind, "name": _PANEL_NAMES.get(kind, kind.replace("-", " ").capitalize()),
           "version": ""} for kind in kinds),
    ]  # fmt: skip
    return result


def _replace_sources(value: Any, inputs: Mapping[str, str]) -> Any:
    """Point every reference to a datasource variable at the import's input, and drop it from links."""
    if isinstance(value, dict):
        return {key: _replace_sources(item, inputs) for key, item in value.items()}
    if isinstance(value, list):
        return [_replace_sources(item, inputs) for item in value]
    if isinstance(value, str) and ("$" in value or "[[" in value):
        for variable, name in inputs.items():
            value = re.sub(rf"(?:var-\w+=)?\$\{{{variable}:\w+\}}&?", "", value)
            # Grafana's import fills in only the form with braces.
            value = re.sub(rf"\$\{{{variable}\}}|\[\[{variable}\]\]|\${variable}\b", f"${{{name}}}", value)
    return value


def dashboard_provider(settings: Settings) -> dict[str, Any]:
    """Grafana's dashboard provider: a folder for each directory below the path."""
    provider = {
        "name": "sedna",
        "orgId": 1,
        "type": "file",
        "disableDeletion": False,
        "updateIntervalSeconds": 30,
        "allowUiUpdates": False,
        "options": {"path": settings.dashboards_path, "foldersFromFilesStructure": True},
    }
    return {"apiVersion": 1, "providers": [provider]}


def datasource_provisioning(settings: Settings) -> dict[str, Any]:
    """Grafana's datasources: one for metrics, one for logs."""
    return {
        "apiVersion": 1,
        "datasources": [
            {"name": "Sedna metrics", "uid": METRICS_UID, "type": "prometheus", "access": "proxy",
             "url": settings.metrics_url, "editable": False,
             "jsonData": {"httpMethod": "POST", "timeInterval": "30s"}},
            {"name": "Sedna logs", "uid": LOGS_UID, "type": "loki", "access": "proxy",
             "url": settings.logs_url, "editable": False, "jsonData": {"maxLines": 1000}},
        ],
    }  # fmt: skip


def _yaml(content: dict[str, Any]) -> bytes:
    # Grafana expands $NAME in provisioning files; a literal dollar is written twice.
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True).replace("$", "$$")
    return (f"{GENERATED}# sedna-dash {__version__}\n" + text).encode()
