"""Links that keep the reader's time range and variables: fleet, kind, job, pod, logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from sedna_dash.authoring.layout import panel_id
from sedna_dash.authoring.promql import Expr, relabel

#: The dashboard of each kind; kinds without one of their own share a dashboard.
BOARDS: Mapping[str, str] = {
    "JointInferenceService": "sedna-joint-inference",
    "IncrementalLearningJob": "sedna-incremental-learning",
    "FederatedLearningJob": "sedna-federated-learning",
    "LifelongLearningJob": "sedna-lifelong-learning",
}
OTHER_BOARD = "sedna-other-services"

_TIME = "from=${__from}&to=${__to}"


def board_of_kind(expr: Expr) -> Expr:
    """Add a label ``board`` with the uid of the dashboard that shows the series' kind."""
    labelled = relabel(expr, "board", "kind", ".*", OTHER_BOARD)
    for kind, uid in BOARDS.items():
        labelled = relabel(labelled, "board", "kind", kind, uid)
    return labelled


def to_board(uid: str, title: str, **variables: str) -> dict[str, Any]:
    """A link to another dashboard with the datasources, cluster and namespace of this one.

    ``variables`` set more of the target's variables: ``"$name"`` passes on this board's, ``"field:name"`` takes
    the value from the clicked row, ``"label:name"`` from the clicked series, ``"legend:"`` is the name of the clicked
    slice or bar, anything else is literal.
    """
    passed = {"datasource": "$datasource", **variables}
    parts = [_parameter(name, value) for name, value in passed.items()]
    return {"title": title, "url": f"/d/{uid}?{'&'.join((*parts, _TIME))}", "targetBlank": False}


def open_panel(uid: str, key: str, title: str, **variables: str) -> dict[str, Any]:
    """A link that opens one panel of another dashboard, by the panel's key."""
    link = to_board(uid, title, **variables)
    return {**link, "url": f"{link['url']}&viewPanel={panel_id(key)}"}


def open_logs(title: str = "Logs", **variables: str) -> dict[str, Any]:
    """A link to the log lines of what was clicked."""
    return to_board("sedna-logs", title, **{"loki_datasource": "$loki_datasource", **variables})


def _parameter(name: str, value: str) -> str:
    if value.startswith("$"):
        return f"${{{value[1:]}:queryparam}}" if value[1:] == name else f"var-{name}=${{{value[1:]}:percentencode}}"
    kind, colon, field = value.partition(":")
    if colon and kind == "field":
        return f"var-{name}=${{__data.fields.{field}:percentencode}}"
    if colon and kind == "label":
        return f"var-{name}=${{__field.labels.{field}:percentencode}}"
    if colon and kind == "legend":
        return f"var-{name}=${{__field.name:percentencode}}"
    return f"var-{name}={quote(value)}"
