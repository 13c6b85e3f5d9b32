"""Panels, rows and annotations that several dashboards share, so that they look and link alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sedna_dash.authoring.annotations import at_instants
from sedna_dash.authoring.layout import Line, Row, line, row
from sedna_dash.authoring.links import open_logs, open_runbooks, to_board
from sedna_dash.authoring.logql import Lines
from sedna_dash.authoring.panel import Panel, Query, query
from sedna_dash.authoring.panels import bar_chart, gauge, log_lines, stat, state_timeline, timeseries
from sedna_dash.authoring.promql import (
    CLUSTER,
    NAME,
    SPACE,
    Expr,
    Not,
    Value,
    active_catalog,
    as_instant,
    cases,
    count_by,
    either,
    equals,
    join,
    max_by,
    metric,
    min_by,
    only_where,
    or_zero,
    rate,
    states,
    sum_by,
)
from sedna_dash.authoring.style import above, below, color_of, colored, values
from sedna_dash.authoring.tables import Column, table
from sedna_dash.authoring.variables import (
    Variable,
    cluster,
    label_values,
    logs_source,
    metrics_source,
    namespace,
    textbox,
)

#: What 0 and 1 mean for whatever runs or answers.
UP = values({0: ("Down", "red"), 1: ("Up", "green")})

#: The three values of a Ready condition, as `states` numbers them.
READINESS = values({1: ("Ready", "green"), 2: ("Not ready", "red"), 3: ("Unknown", "purple")})

#: How much of an error budget may be gone.
BUDGET = below("red when the budget is spent, orange below a quarter", red=0, orange=0.25)

#: How many of the nodes, or of what runs on each, have to be ready.
READY_SHARE = below("orange below 95 %, red below 80 %", orange=0.95, red=0.8)

#: How large the status of a resource may grow.
STATUS_SIZE = above("orange from 1 MB, red from 1.4 MB; etcd refuses 1.5 MiB", orange=1e6, red=1.4e6)

#: From the least to the most urgent.
_SEVERITIES = ("info", "warning", "critical")

# The cluster comes from this board: a local Prometheus puts no cluster label on its series, and Grafana would leave
# the placeholder of a missing field in the link.
_RESOURCE = {"cluster": "$cluster", "namespace": "field:namespace"}

_EVERY_WORKER = "Every worker pod. Click a pod for its log or its resources, a node for its link and hardware."

_POD = ("cluster", "namespace", "pod")
# Enough on a board of one kind.
_JOB = ("cluster", "namespace", "name")


def kinds() -> tuple[str, ...]:
    """All kinds of jobs and services."""
    return active_catalog().metrics["sedna_job_info"].labels["kind"]


def job_variables(kind: str, title: str = "Job") -> list[Variable]:
    """The variables that a board of one kind begins with: sources, cluster, namespace, name."""
    names = label_values("name", metric("sedna_job_info")(SPACE, kind=kind), title=title)
    return [metrics_source(), logs_source(), cluster(), namespace(), names]


def name_column(title: str = "Name", kind: str = "field:kind") -> Column:
    """The name of a Sedna resource, linked to its inspector and its logs."""
    links = (
        to_board("sedna-inspector", "Inspect", **_RESOURCE, resource="field:name", kind=kind),
        open_logs("Logs", **_RESOURCE, name="field:name"),
    )
    return Column("name", title, links=links)


def board_column(title: str = "Name") -> Column:
    """The name of a Sedna resource, linked to the dashboard of its kind; see `links.board_of_kind`."""
    here = to_board("${__data.fields.board}", "Dashboard of its kind", **_RESOURCE, name="field:name")
    inspect = to_board("sedna-inspector", "Inspect", **_RESOURCE, resource="field:name", kind="field:kind")
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


def dataset_column() -> Column:
    """A dataset, linked to its board."""
    there = to_board("sedna-datasets-models", "The dataset", **_RESOURCE, dataset="field:dataset")
    return Column("dataset", links=(there,))


def worker_table(title: str, workers: Expr, *, why: str = _EVERY_WORKER, height: int = 8) -> Panel:
    """Worker pods: whose, what they do, where. ``workers`` selects ``sedna_worker_info``."""
    columns: list[str | Column] = [
        name_column(),
        pod_column(),
        Column("worker_type", "Type", width=120),
        Column("location", width=100),
        node_column(),
    ]
    return table(title, query(workers), columns=columns, sort="pod", descending=False, why=why, height=height)


def worker_count(kind: str) -> Panel:
    """How many worker pods the chosen jobs have, by state."""
    return stat(
        "Workers",
        query(sum_by(metric("sedna_job_workers")(NAME, kind=kind), "state"), "{{state}}"),
        why=(
            "Worker pods by state. A dead worker means that its container ended: its log, linked from the pods below, "
            "says why."
        ),
    )


def counted(found: Expr, among: Expr) -> Expr:
    """How many series were found, and 0 for none as long as there are any among which to look."""
    return either(count_by(found), count_by(among) * 0)


def pod_owners(scope: Mapping[str, Value]) -> Expr:
    """Which resource each worker pod belongs to, once, also while the exporter moves from one address to another."""
    return max_by(metric("sedna_worker_info")(scope), *_POD, "kind", "name")


def of_owners(series: Expr, owners: Expr) -> Expr:
    """Series of pods with the kind and name of their resource; pods of no resource drop out. See `pod_owners`."""
    return join(series, owners, on=_POD, take=("kind", "name"))


def owners_cpu(pods: Mapping[str, Value], owners: Expr) -> Expr:
    """CPU cores that each container of these pods uses, with the kind and name of the resource."""
    return of_owners(rate(metric("container_cpu_usage_seconds_total")(pods, container=Not(""))), owners)


def owners_memory(pods: Mapping[str, Value], owners: Expr) -> Expr:
    """Memory that each container of these pods holds, with the kind and name of the resource."""
    return of_owners(metric("container_memory_working_set_bytes")(pods, container=Not("")), owners)


def gpu_use(title: str, busy: Expr) -> Panel:
    """How busy GPUs are. ``busy`` is ``sedna:node_gpu_utilization:ratio`` of some nodes."""
    return timeseries(
        title,
        query(busy, "{{node}}"),
        minimum=0,
        maximum=1,
        why=(
            "Busiest GPU of each node. Low while a worker trains or infers: it waits for data, or it runs on the CPU, "
            "so check its image and the device plugin."
        ),
    )


def managers(scope: Mapping[str, Value]) -> tuple[Query, Query]:
    """Whether GM and KB have a pod that serves, in the worst of the clusters. Show them as `UP`."""
    pods = metric("kube_deployment_status_replicas_available")
    return (
        query(min_by(pods(scope, deployment="gm")), "GM"),
        query(min_by(pods(scope, deployment="kb")), "KB"),
    )


def edge_nodes_ready(title: str, *, height: int, links: Sequence[Mapping[str, Any]] = ()) -> Panel:
    """Share of edge nodes that are ready."""
    return gauge(
        title,
        query(min_by(metric("cluster:sedna_edge_nodes:ready_ratio")(CLUSTER)), "worst cluster"),
        thresholds=READY_SHARE,
        maximum=1,
        height=height,
        why=(
            "Share of edge nodes that Kubernetes calls ready, in the worst of the chosen clusters. One or two missing "
            "nodes are usually a link; many at once are a matter of the cloud side, so look at cloudcore first."
        ),
        links=links,
    )


def kinds_and_states(title: str, scope: Mapping[str, Value]) -> Panel:
    """How many jobs and services of each kind are in each state."""
    return bar_chart(
        title,
        sum_by(metric("cluster_namespace_kind_state:sedna_jobs:count")(scope), "kind", "state") > 0,
        across="kind",
        split="state",
        horizontal=True,
        why=(
            "How many of each kind are in each state. One kind alone in trouble: its images, or its controller in GM; "
            "all kinds: a node or GM itself."
        ),
    )


def problems(scope: Mapping[str, Value]) -> Expr:
    """What needs somebody now, worked out from the state of the resources, so that it needs no alert rules.

    One series for each resource and label ``problem``; its value is the instant of the resource's last change.
    """
    return as_instant(metric("sedna:job_problem:timestamp_seconds")(scope))


def alert_table(title: str, scope: Mapping[str, Value], *, why: str, height: int = 8) -> Panel:
    """Alerts, the most urgent first. ``scope`` selects them; a severity in it may be a variable."""
    alerts = metric("ALERTS")
    kept = ("cluster", "namespace", "alertname", "severity")
    ranked = cases(
        *((alerts({**scope, "severity": severity}), rank) for rank, severity in enumerate(_SEVERITIES, start=1)),
        (alerts(scope), 0),
        by=(*kept, "alertstate", "name", "stage", "node", "pod"),
    )
    about = to_board("sedna-inspector", "Inspect", cluster="$cluster", namespace="$namespace", resource="field:name")
    urgencies: dict[float, tuple[str, str]] = {0: ("other", "#8e8e8e")}
    urgencies.update({rank: (severity, color_of(severity)) for rank, severity in enumerate(_SEVERITIES, start=1)})
    columns: list[str | Column] = [
        Column("Urgency", mapped=values(urgencies), width=90),
        Column("alertstate", "State", mapped=colored("firing", "pending"), width=80),
        Column("alertname", "Alert", links=(open_runbooks(),)),
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


def stage_timelines(kind: str) -> Line:
    """The stage that each job which learns in stages is in, and the state of each ``$stage``."""
    return line(
        state_timeline(
            "Stage",
            query(states(metric("sedna_job_stage")(NAME, kind=kind), "stage", by=_JOB), "{{namespace}}/{{name}}"),
            why=(
                "The stage each job is in: train, then evaluate, then deploy, then train again. A job that stays in "
                "one stage for days waits for its trigger or is stuck: see the state of the stage at the right."
            ),
        ),
        state_timeline(
            "State of each stage",
            query(
                states(metric("sedna_job_stage_state")(NAME, kind=kind, stage="$stage"), "state", by=(*_JOB, "stage")),
                "{{name}} {{stage}}",
            ),
            why=(
                "State of each stage over time. Sedna puts a failed stage back to Waiting at once, so red may be too "
                "short to be seen here: its mark on the time axis stays."
            ),
        ),
    )


def stuck_stages(kind: str) -> Panel:
    """How many stages of the chosen jobs do not move."""
    return stat(
        "Stuck stages",
        query(or_zero(count_by(metric("sedna:job_stage_stuck:bool")(NAME, kind=kind))), "stuck"),
        thresholds=above("red as soon as one stage is stuck", red=1),
        why=(
            "Stages that are Ready or Starting for 15 minutes, or Running for 12 hours. Look for a pod that cannot "
            "start: no node, no image, no space."
        ),
    )


def stage_samples(kind: str) -> tuple[Query, Query]:
    """Samples that training and evaluation got, and all samples of the dataset that each job reads."""

    def given(method: str) -> Expr:
        stages = metric("sedna_job_stage_samples")(NAME, kind=kind, stage=("Train", "Eval"), method=method)
        return max_by(stages, *_JOB, "stage")

    dataset = ("cluster", "namespace", "dataset")
    there = max_by(metric("sedna_dataset_samples")(SPACE), *dataset)
    read = max_by(join(metric("sedna_job_info")(NAME, kind=kind), there, on=dataset), *_JOB).as_unit("samples")
    return (
        query(either(given("counted"), either(given("reported"), given("estimated"))), "{{name}} {{stage}}"),
        query(read, "{{name}} in the dataset"),
    )


def model_table(kind: str, *, why: str) -> Panel:
    """Where the models of the chosen jobs are stored."""
    return table(
        "Models of the job",
        query(metric("sedna_job_model_info")(NAME, kind=kind)),
        columns=[name_column("Job", kind=kind), Column("role", "Used for"), Column("url", "Stored at"), "format"],
        sort="name",
        descending=False,
        why=why,
    )


def training_settings(kind: str) -> Panel:
    """Learning rate, epochs and batch size of the chosen jobs."""

    def of_each(name: str) -> Expr:
        return max_by(metric(name)(NAME, kind=kind), *_JOB)

    return table(
        "Training settings",
        query(of_each("sedna_job_info"), "job"),
        query(of_each("sedna_job_train_learning_rate"), "learning rate"),
        query(of_each("sedna_job_train_epochs"), "epochs"),
        query(of_each("sedna_job_train_batch_size"), "batch size"),
        columns=[name_column("Job", kind=kind), "learning rate", "epochs", "batch size"],
        why=(
            "What the train worker is told, as far as the job sets it under the usual names. Compare with a job that "
            "learns well."
        ),
    )


def state_changes(scope: Mapping[str, Value], *, shown: bool = True) -> dict[str, Any]:
    """A mark where a job or service changed its state; not ``shown`` at first where jobs that learn are among them."""
    changed = as_instant(metric("sedna_job_last_transition_timestamp_seconds")(scope))
    return at_instants("State changes", changed, title="{{kind}} {{name}} changed state", shown=shown)


def stage_changes(scope: Mapping[str, Value]) -> dict[str, Any]:
    """A mark where a stage of a job changed its state. Off until somebody asks: a day of four jobs has hundreds."""
    changed = as_instant(metric("sedna_job_stage_transition_timestamp_seconds")(scope))
    return at_instants("Stage changes", changed, title="{{name}}: {{stage}} changed state", shown=False)


def deployments(scope: Mapping[str, Value]) -> dict[str, Any]:
    """A mark where a new model was deployed. Off until somebody asks: jobs that learn fast deploy every hour."""
    changed = metric("sedna_job_stage_transition_timestamp_seconds")
    completed = metric("sedna_job_stage_state")(scope, stage="Deploy", state="Completed")
    # The deploy stage also completes when the trigger keeps the old model; only then its result stays Waiting.
    accepted = metric("sedna_job_deploy_state")(scope, state="OK")
    job = ("cluster", "namespace", "kind", "name")
    ended = only_where(as_instant(changed(scope, stage="Deploy")), equals(completed, 1), on=job)
    deployed = only_where(ended, equals(accepted, 1), on=job)
    return at_instants("Deployments", deployed, title="{{name}}: new model deployed", color="green", shown=False)


def stage_annotations(kind: str) -> list[dict[str, Any]]:
    """Stage transitions of the chosen jobs, and deployments of new models on their own."""
    scope = {**NAME, "kind": kind}
    return [stage_changes(scope), deployments(scope)]
