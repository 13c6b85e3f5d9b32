"""Panels, rows and annotations that several dashboards share, so that they look and link alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sedna_dash.authoring.annotations import at_instants
from sedna_dash.authoring.layout import Row, row
from sedna_dash.authoring.links import open_logs, to_board
from sedna_dash.authoring.logql import Lines
from sedna_dash.authoring.panels import Column, Panel, log_lines, query, table, timeseries
from sedna_dash.authoring.promql import (
    NAME,
    Expr,
    Value,
    as_instant,
    cases,
    count_by,
    either,
    equals,
    join,
    max_by,
    metric,
    only_where,
    relabel,
)
from sedna_dash.authoring.style import color_of, colored, values
from sedna_dash.authoring.variables import Variable, textbox

#: From the least to the most urgent.
_SEVERITIES = ("info", "warning", "critical")

# The cluster comes from this board: a local Prometheus puts no cluster label on its series, and Grafana would leave
# the placeholder of a missing field in the link.
_RESOURCE = {"cluster": "$cluster", "namespace": "field:namespace"}


def name_column(title: str = "Name", kind: str = "field:kind") -> Column:
    """The name of a Sedna resource, linked to its inspector and its logs."""
    links = (
        to_board("sedna-inspector", "Inspect", **_RESOURCE, name="field:name", kind=kind),
        open_logs("Logs", **_RESOURCE, name="field:name"),
    )
    return Column("name", title, links=links)


def board_column(title: str = "Name") -> Column:
    """The name of a Sedna resource, linked to the dashboard of its kind; see `links.board_of_kind`."""
    here = to_board("${__data.fields.board}", "Dashboard of its kind", **_RESOURCE, name="field:name")
    inspect = to_board("sedna-inspector", "Inspect", **_RESOURCE, name="field:name", kind="field:kind")
    return Column("name", title, links=(here, inspect, open_logs("Logs", **_RESOURCE, name="field:name")))


def pod_column() -> Column:
    """A pod, linked to its log and its resources."""
    links = (
        open_logs("Logs of the pod", **_RESOURCE, pod="field:pod"),
        to_board("sedna-cluster-resources", "Resources of the pod", **_RESOURCE, pod="field:pod"),
    )
    return Column("pod", links=links)


def node_column() -> Column:
    """A node, linked to its link and hardware."""
    return Column("node", links=(to_board("sedna-edge-nodes", "The node", cluster="$cluster", node="field:node"),))


def worker_table(title: str, workers: Expr, *, why: str, height: int = 8) -> Panel:
    """Worker pods: whose, what they do, where. ``workers`` selects ``sedna_worker_info``."""
    columns: list[str | Column] = [name_column(), pod_column(), "worker_type", "location", node_column()]
    return table(title, query(workers), columns=columns, sort="pod", descending=False, why=why, height=height)


def problems(scope: Mapping[str, Value]) -> Expr:
    """What needs somebody now, worked out from the state of the resources, so that it needs no alert rules.

    One series for each resource and label ``problem``; its value is the instant of the resource's last change.
    """
    job = ("cluster", "namespace", "kind", "name")

    def found(condition: Expr, problem: str) -> Expr:
        return max_by(relabel(condition, "problem", "kind", ".*", problem), *job, "problem")

    stuck = relabel(metric("sedna:job_stage_stuck:bool")(scope), "problem", "stage", "(.*)", "$1 is stuck")
    blocked = metric("kube_pod_container_status_waiting_reason")(
        {key: value for key, value in scope.items() if key != "name"},
        reason=("CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull"),
    )
    owner = max_by(metric("sedna_worker_info")(scope), *job, "pod")
    spent = count_by(metric("slo:error_budget_remaining:ratio")(scope) < 0, "cluster", "namespace", "name")
    union = found(equals(metric("sedna_job_state")(scope, state="Failed"), 1), "Failed")
    for other in (
        max_by(stuck, *job, "problem"),
        found(equals(metric("sedna_job_deploy_state")(scope, state="NotOK"), 1), "Deployment failed"),
        found(equals(metric("sedna_job_gate_misconfigured")(scope), 1), "Deploy trigger can never fire"),
        found(
            join(equals(blocked, 1), owner, on=("cluster", "namespace", "pod"), take=("kind", "name")),
            "A pod cannot start",
        ),
        found(count_by(max_by(metric("sedna_job_status_bytes")(scope), *job) > 1e6, *job), "Status outgrows etcd"),
        found(relabel(spent, "kind", "name", ".*", "JointInferenceService"), "Error budget is spent"),
    ):
        union = either(union, other)
    changed = as_instant(max_by(metric("sedna_job_last_transition_timestamp_seconds")(scope), *job))
    return join(union, changed, on=job).as_unit("timestamp")


def alert_table(title: str, scope: Mapping[str, Value], *, why: str, height: int = 8) -> Panel:
    """Alerts, the most urgent first. ``scope`` selects them; a severity in it may be a variable."""
    alerts = metric("ALERTS")
    kept = ("cluster", "namespace", "alertname", "severity")
    ranked = cases(
        *((alerts({**scope, "severity": severity}), rank) for rank, severity in enumerate(_SEVERITIES, start=1)),
        (alerts(scope), 0),
        by=(*kept, "alertstate", "name", "stage", "node", "pod"),
    )
    about = to_board("sedna-inspector", "Inspect", cluster="$cluster", namespace="$namespace", name="field:name")
    urgencies: dict[float, tuple[str, str]] = {0: ("other", "#8e8e8e")}
    urgencies.update({rank: (severity, color_of(severity)) for rank, severity in enumerate(_SEVERITIES, start=1)})
    columns: list[str | Column] = [
        Column("Urgency", mapped=values(urgencies), width=90),
        Column("alertstate", "State", mapped=colored("firing", "pending"), width=80),
        Column("alertname", "Alert"),
        Column("name", links=(about,)),
        "stage",
        node_column(),
        "pod",
    ]
    shown = query(only_where(ranked, alerts(scope), on=kept), "Urgency")
    return table(title, shown, columns=columns, sort="Urgency", why=why, height=height)


def search_box() -> Variable:
    """The text that log panels look for."""
    return textbox("search", about="Keep log lines that hold this text; upper and lower case matter")


def log_row(lines: Lines, who: str, *, search: bool = True) -> Row:
    """All lines matched, and how many over time by level. The board needs `search_box` unless ``search`` is off."""
    kept = lines.containing("$search") if search else lines
    holding = " that hold the text in Search" if search else ""
    return row(
        "Logs",
        timeseries(
            "Matched lines",
            query(kept.count("level"), "{{level}}"),
            bars=True,
            stacked=True,
            height=5,
            why=f"Number of lines of {who} over time{holding}, by level. Drag over a spike to see its lines below.",
        ),
        log_lines(
            "Lines",
            kept,
            why=f"All lines of {who}{holding}, newest first. Click a line for its fields and the pod that wrote it.",
        ),
    )


def stage_annotations(kind: str) -> list[dict[str, Any]]:
    """Stage transitions of the chosen jobs, and deployments of new models on their own."""
    changed = metric("sedna_job_stage_transition_timestamp_seconds")
    completed = metric("sedna_job_stage_state")(NAME, kind=kind, stage="Deploy", state="Completed")
    # The deploy stage also completes when the trigger keeps the old model; only then its result stays Waiting.
    accepted = metric("sedna_job_deploy_state")(NAME, kind=kind, state="OK")
    job = ("cluster", "namespace", "kind", "name")
    ended = only_where(as_instant(changed(NAME, kind=kind, stage="Deploy")), equals(completed, 1), on=job)
    deployments = only_where(ended, equals(accepted, 1), on=job)
    return [
        at_instants("Stage changes", as_instant(changed(NAME, kind=kind)), title="{{name}}: {{stage}} changed state"),
        at_instants("Deployments", deployments, title="{{name}}: new model deployed", color="green"),
    ]
