"""Links that keep the reader's time range and variables: fleet, kind, job, pod, logs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

#: The dashboard of what to do about each alert.
RUNBOOKS = "sedna-runbooks"

_TIME = "from=${__from}&to=${__to}"

#: Around the point that was clicked, in milliseconds. A point counts what came since the point before it, so the window
#: has to reach back by a step: that of a week is ten minutes.
_MOMENT = f"time=${{__value.time}}&time.window={20 * 60 * 1000}"


def board_of_kind(expr: Expr) -> Expr:
    """Add a label ``board`` with the uid of the dashboard that shows the series' kind."""
    labelled = relabel(expr, "board", "kind", ".*", OTHER_BOARD)
    for kind, uid in BOARDS.items():
        labelled = relabel(labelled, "board", "kind", kind, uid)
    return labelled


def to_board(uid: str, title: str, **variables: str | Sequence[str]) -> dict[str, Any]:
    """A link to another dashboard with the datasources, cluster and namespace of this one.

    ``variables`` set more of the target's variables: ``"$name"`` passes on this board's, ``"field:name"`` takes
    the value from the clicked row, ``"label:name"`` from the clicked series, ``"legend:"`` is the name of the clicked
    slice or bar, anything else is literal. Several literals choose several values.
    """
    return _to(uid, title, _TIME, variables)


def board_then(uid: str, title: str, **variables: str | Sequence[str]) -> dict[str, Any]:
    """A link from a point in a graph to another dashboard in the minutes around it; see `to_board`."""
    return _to(uid, title, _MOMENT, variables)


def boards_then(**variables: str | Sequence[str]) -> list[dict[str, Any]]:
    """Links from a point in a graph to the dashboard of each kind and to that of the other kinds, in the minutes around
    it."""
    named = [*((uid, kind) for kind, uid in BOARDS.items()), (OTHER_BOARD, "Other services")]
    return [board_then(uid, f"{name} at that moment", **variables) for uid, name in named]


def open_panel(uid: str, key: str, title: str, **variables: str | Sequence[str]) -> dict[str, Any]:
    """A link that opens one panel of another dashboard, by the panel's key."""
    link = to_board(uid, title, **variables)
    return {**link, "url": f"{link['url']}&viewPanel={panel_id(key)}"}


def open_runbooks(title: str = "Runbooks") -> dict[str, Any]:
    """A link to what to do about each alert."""
    return {"title": title, "url": f"/d/{RUNBOOKS}", "targetBlank": False}


def open_logs(title: str = "Logs", **variables: str | Sequence[str]) -> dict[str, Any]:
    """A link to the log lines of what was clicked."""
    return to_board("sedna-logs", title, **{"loki_datasource": "$loki_datasource", **variables})


def lines_then(title: str = "Lines of that moment", **variables: str | Sequence[str]) -> dict[str, Any]:
    """A link from a point in a graph to the log lines of the minutes around it."""
    return board_then("sedna-logs", title, **{"loki_datasource": "$loki_datasource", **variables})


def _to(uid: str, title: str, time: str, variables: Mapping[str, str | Sequence[str]]) -> dict[str, Any]:
    passed = {"datasource": "$datasource", **variables}
    parts = [
        _parameter(name, value)
        for name, values in passed.items()
        for value in ((values,) if isinstance(values, str) else values)
    ]
    return {"title": title, "url": f"/d/{uid}?{'&'.join((*parts, time))}", "targetBlank": False}


def _parameter(name: str, value: str) -> str:
    if value.startswith("$"):
        # Of a variable that may hold several values, every other format puts even a single one in braces.
        return f"${{{value[1:]}:queryparam}}" if value[1:] == name else f"var-{name}=${{{value[1:]}:csv}}"
    kind, colon, field = value.partition(":")
    if colon and kind == "field":
        return f"var-{name}=${{__data.fields.{field}:percentencode}}"
    if colon and kind == "label":
        return f"var-{name}=${{__field.labels.{field}:percentencode}}"
    if colon and kind == "legend":
        return f"var-{name}=${{__field.name:percentencode}}"
    return f"var-{name}={quote(value)}"
