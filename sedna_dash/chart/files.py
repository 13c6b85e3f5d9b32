"""What the chart's templates read: path below the chart's folder to content. Pure.

The templates hand these files over as they are, so that what belongs to Prometheus, Loki or Grafana in them, such as
``{{ $labels.node }}``, survives Helm. Only `GRAFANA` is replaced.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sedna_dash import __version__
from sedna_dash.custom_resource_state.config import config as custom_resource_state
from sedna_dash.custom_resource_state.config import rules as cluster_rules
from sedna_dash.custom_resource_state.mapping import default_mapping
from sedna_dash.documents import yaml_text
from sedna_dash.log_collection.alloy import alloy
from sedna_dash.log_collection.collecting import Options
from sedna_dash.render.forms import Settings, datasource_provisioning
from sedna_dash.render.kubernetes_objects import Model, check_names, object_name, small_json
from sedna_dash.render.loading import LoadedDashboard
from sedna_dash.render.profiles import OLDEST, shaped
from sedna_dash.rules.forms import groups_of
from sedna_dash.rules.groups import rule_file
from sedna_dash.rules.links import Site
from sedna_dash.rules.tuning import Tuning

#: Stands in rules for the address of Grafana; the templates put the site's there.
GRAFANA = "GRAFANA_URL"
#: Rule files for Prometheus, which promtool judges.
PROMETHEUS = ("files/rules/prometheus/sedna-records.yaml", "files/rules/prometheus/sedna-alerts.yaml")

_WRITTEN = "Written by sedna-dash chart. Change what it is made from, not this file."


def chart_files(inline: Sequence[LoadedDashboard], use: Sequence[LoadedDashboard], tuning: Tuning) -> dict[str, bytes]:
    """Every file. ``inline`` are the dashboards with derived series written out, ``use`` the same ones with the
    recording rules.

    Raises `SourceError` when two dashboards would be one Kubernetes object.
    """
    return {
        **_dashboards(inline, use),
        **{path: _yaml(content) for path, content in _settings(tuning).items()},
        **{f"files/collector/{name}.alloy": _alloy(api) for name, api in (("config", False), ("config-api", True))},
    }


def _dashboards(inline: Sequence[LoadedDashboard], use: Sequence[LoadedDashboard]) -> dict[str, bytes]:
    """All dashboards without records; with records those in which that makes a difference. Helm keeps the whole chart
    in one Secret, so that nothing is in it twice."""
    check_names([dashboard.uid for dashboard in inline])
    written = {dashboard.uid: _shape(dashboard) for dashboard in inline}
    files = {
        f"files/dashboards/inline/{object_name(uid)}.json": small_json(model).encode() for uid, model in written.items()
    }
    for dashboard in use:
        model = _shape(dashboard)
        if model != written[dashboard.uid]:
            files[f"files/dashboards/use/{object_name(dashboard.uid)}.json"] = small_json(model).encode()
    return files


def _shape(dashboard: LoadedDashboard) -> Model:
    return shaped(dashboard.model, OLDEST)


def _settings(tuning: Tuning) -> dict[str, Any]:
    records, metrics, lines = groups_of(tuning, Site(grafana=GRAFANA))
    return {
        "files/datasources.yaml": datasource_provisioning(Settings()),
        PROMETHEUS[0]: rule_file(records),
        PROMETHEUS[1]: rule_file(metrics),
        "files/rules/loki/sedna.yaml": rule_file(lines),
        "files/kube-state-metrics/config.yaml": custom_resource_state(default_mapping()),
        "files/kube-state-metrics/rules.yaml": {"rules": cluster_rules()},
    }


def _yaml(content: Any) -> bytes:
    return f"# {_WRITTEN}\n# sedna-dash {__version__}\n{yaml_text(content)}".encode()


def _alloy(api: bool) -> bytes:
    return f"// {_WRITTEN}\n{alloy(Options(api=api))}".encode()
