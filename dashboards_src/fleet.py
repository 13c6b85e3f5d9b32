"""The first screen on call: what is broken anywhere, and where to go next."""

from sedna_dash.authoring import (
    BUDGET,
    CLUSTER,
    DAY,
    READY_SHARE,
    SPACE,
    UP,
    Column,
    Not,
    Regex,
    above,
    alert_table,
    at_end,
    bar_gauge,
    below,
    board,
    board_column,
    board_of_kind,
    cluster,
    count_by,
    counted,
    delta,
    deployments,
    edge_nodes_ready,
    gauge,
    increase,
    kinds_and_states,
    line,
    lines_then,
    logs,
    logs_source,
    managers,
    max_by,
    metric,
    metrics_source,
    min_by,
    namespace,
    only_where,
    or_zero,
    pie_chart,
    problems,
    query,
    ratio,
    row,
    stat,
    state_timeline,
    states,
    sum_by,
    table,
    timeseries,
    to_board,
    topk,
    when,
)

FIRING = {
    **CLUSTER,
    "alertname": Regex("Sedna.*"),
    "alertstate": "firing",
    "severity": ("critical", "warning", "info"),
}
JOB = ("cluster", "namespace", "kind", "name")
JOINT = "JointInferenceService"

jobs = metric("cluster_namespace_kind_state:sedna_jobs:count")
stage_state = metric("sedna_job_stage_state")
last_change = metric("sedna_job_last_transition_timestamp_seconds")
frames = metric("sedna_inference_requests_total")
hard = metric("sedna_hard_examples_total")
offload_errors = metric("sedna_inference_errors_total")
samples = metric("sedna_dataset_samples")
transitions = metric("sedna_job_stage_transitions_total")
firing = metric("ALERTS")(FIRING)

here = {"cluster": "$cluster", "namespace": "$namespace"}
moved_last = topk(12, max_by(at_end(last_change(SPACE)), *JOB))
error_lines = logs(("gm", "lc", "kb", "worker")).where(level=("error", "fatal"))

now = row(
    "Is anything broken now",
    line(
        stat(
            "Failed",
            query(sum_by(jobs(SPACE, state="Failed")), "failed"),
            thresholds=above("red from the first failed resource", red=1),
            background=True,
            why="Jobs and services that are in the state Failed. Their names are in the list of problems below; start there.",
        ),
        stat(
            "Stages that do not move",
            query(
                counted(metric("sedna:job_stage_stuck:bool")(SPACE), stage_state(SPACE)),
                "stuck",
            ),
            thresholds=above("orange from the first stuck stage", orange=1),
            background=True,
            why="Stages that have been Ready or Starting for 15 minutes, or Running for 12 hours. Ready and Starting: the pod cannot start, look at its node and image. Running: the worker hangs, read the end of its log.",
        ),
        stat(
            "Alerts that fire",
            query(count_by(firing), "firing"),
            thresholds=above("orange from the first alert, red from five", orange=1, red=5),
            background=True,
            why="Alerts of your Prometheus whose names begin with Sedna. No number means that none fires, or that the rules are not loaded: sedna-dash rules build writes them, and the list of problems below does without them.",
            links=[to_board("sedna-alerts-slo", "Alerts and SLO", **here)],
        ),
        stat(
            "Jobs and services",
            query(sum_by(jobs(SPACE)), "resources"),
            trend=True,
            why="Everything that Sedna runs in the chosen clusters and namespaces, with its history. A sudden step down means that somebody deleted resources, or that the exporter lost sight of a namespace.",
        ),
    ),
    line(
        edge_nodes_ready(
            "Edge nodes ready",
            height=5,
            links=[to_board("sedna-edge-nodes", "Edge nodes", cluster="$cluster")],
        ),
        stat(
            "GM and KB",
            *managers({**CLUSTER, "namespace": "sedna"}),
            mapped=UP,
            thresholds=below("red without an available pod", red=1),
            names=True,
            why="Available pods of the global manager and of the knowledge base, in the worst of the chosen clusters. Without GM nothing new starts, but running workers go on; without KB lifelong learning stops at the next training.",
            links=[to_board("sedna-components", "Components", cluster="$cluster")],
        ),
        gauge(
            "Local controllers ready",
            query(
                ratio(
                    sum_by(metric("kube_daemonset_status_number_ready")(CLUSTER, namespace="sedna", daemonset="lc")),
                    sum_by(
                        metric("kube_daemonset_status_desired_number_scheduled")(
                            CLUSTER, namespace="sedna", daemonset="lc"
                        )
                    ),
                ),
                "LC",
            ),
            thresholds=READY_SHARE,
            maximum=1,
            height=5,
            why="Share of nodes whose local controller is ready. A node without one neither watches its datasets nor reports the results of its workers.",
            links=[to_board("sedna-components", "Components", cluster="$cluster")],
        ),
        gauge(
            "Least error budget left, 30 days",
            query(min_by(metric("slo:period_error_budget_remaining:ratio")(SPACE)), "worst service"),
            thresholds=BUDGET,
            minimum=-1,
            maximum=1,
            height=5,
            why="The joint inference service with the least budget for failed cloud answers: 99 % of hard frames must be answered, over 30 days. See which service it is, and how fast it burns, behind the link.",
            links=[to_board("sedna-alerts-slo", "Alerts and SLO", **here)],
        ),
    ),
)

attention = row(
    "What needs you",
    line(
        table(
            "Problems",
            query(board_of_kind(problems(SPACE)), "Last change"),
            columns=[
                Column("problem", width=210),
                Column("kind", width=190),
                board_column(),
                "namespace",
                "Last change",
            ],
            sort="Last change",
            empty="Nothing needs you",
            height=9,
            why="Found in the state of the resources themselves, so it needs no alert rules: failed, stuck, not deployed, unable to start, or out of budget. Newest first; click a name for its dashboard, its inspector or its log. An empty list is good news as long as the tiles above show numbers.",
        ),
        alert_table(
            "Firing alerts",
            FIRING,
            height=9,
            why="Alerts of your own Prometheus whose names begin with Sedna, the most urgent first. An empty list means that none fires, or that no such rules are installed.",
        ),
        shares=(3, 2),
    ),
    line(
        state_timeline(
            "The twelve that moved last",
            query(
                only_where(states(metric("sedna_job_state")(SPACE), "state", by=JOB), moved_last, on=JOB),
                "{{namespace}}/{{name}}",
            ),
            height=10,
            why="State of the jobs and services with the newest changes. Several that fail at the same moment share a cause: a node, a link or a component.",
        ),
        state_timeline(
            "Their stages",
            query(
                only_where(
                    states(stage_state(SPACE), "state", by=(*JOB, "stage")),
                    topk(
                        6,
                        max_by(
                            at_end(last_change(SPACE, kind=("IncrementalLearningJob", "LifelongLearningJob"))), *JOB
                        ),
                    ),
                    on=JOB,
                ),
                "{{name}} {{stage}}",
            ),
            height=10,
            why="Train, Eval and Deploy of the six learning jobs that moved last. Look for a stage that returns to red again and again: such a job retries for ever and never deploys.",
        ),
    ),
)

running = row(
    "What runs",
    line(
        pie_chart(
            "By state",
            query(sum_by(jobs(SPACE), "state"), "{{state}}"),
            why="All jobs and services by state. Everything but Running and Succeeded deserves a question.",
        ),
        kinds_and_states("By kind and state", SPACE),
        timeseries(
            "States over time",
            query(sum_by(jobs(SPACE), "state"), "{{state}}"),
            stacked=True,
            steps=True,
            minimum=0,
            why="How the fleet came to where it is. Find the moment when red or grey began to grow, and drag over it to look at it everywhere.",
        ),
        shares=(3, 4, 5),
    ),
)

flow = row(
    "From the camera to a better model",
    line(
        bar_gauge(
            "Where the data goes, 24 hours",
            query(sum_by(increase(frames(SPACE, kind=JOINT), DAY)), "1  frames"),
            query(sum_by(increase(hard(SPACE, kind=JOINT), DAY)), "2  hard frames"),
            query(
                sum_by(increase(hard(SPACE, kind=JOINT), DAY))
                - or_zero(sum_by(increase(offload_errors(SPACE, kind=JOINT, location="cloud"), DAY))),
                "3  answered by the cloud",
            ),
            query(sum_by(delta(samples(SPACE), DAY) > 0), "4  new samples in datasets"),
            query(sum_by(metric("sedna:job_train_samples:best")(SPACE)), "5  in the last trainings"),
            query(
                sum_by(increase(transitions(SPACE, stage="Deploy", state="Completed"), DAY)),
                "6  deploy stages completed",
            ),
            why="The way from a frame to a new model. Each step is much smaller than the one before; a step at zero below a busy one shows where the flow stops: mining, the link, labelling, training or the deploy trigger.",
        ),
        timeseries(
            "Inference rate",
            query(
                sum_by(metric("cluster_namespace_name_location:sedna_inferences:rate5m")(SPACE), "location"),
                "{{location}}",
            ),
            minimum=0,
            why="Inferences per second of all services. A gap in the edge line is a camera, a node or a worker; the cloud line rising alone means harder frames.",
            links=[to_board("sedna-joint-inference", "Joint inference", **here)],
        ),
        timeseries(
            "Hard-example ratio, highest ten",
            query(
                topk(10, metric("cluster_namespace_name:sedna_hard_examples:ratio_rate5m")(SPACE)),
                "{{namespace}}/{{name}}",
            ),
            minimum=0,
            thresholds=above("orange above one half: the cloud does most of the work", orange=0.5),
            limits=True,
            empty="No service reports hard examples",
            why="Share of frames that the edge model was not sure about. Data drift shows here first: a service that climbs needs new training data.",
        ),
        shares=(4, 5, 5),
    ),
)

platform = row(
    "The platform underneath",
    line(
        timeseries(
            "Error lines",
            query(error_lines.count("app"), "{{app}}"),
            bars=True,
            stacked=True,
            why="Error and fatal lines of GM, LC, KB and the workers, over time. A burst in one of them often explains the problems above; click it for its lines.",
            links=[lines_then(cluster="$cluster", app="label:app", level=("error", "fatal"))],
        ),
        timeseries(
            "Restarts of Sedna's own pods",
            query(
                sum_by(
                    increase(
                        metric("kube_pod_container_status_restarts_total")(
                            CLUSTER, namespace="sedna", container=Not("")
                        ),
                        "$__rate_interval",
                    ),
                    "container",
                ),
                "{{container}}",
            ),
            bars=True,
            stacked=True,
            why="Restarts in the namespace of Sedna at each moment. One after an upgrade is normal; a comb of them is a crash loop: read the log of that component from before the restart.",
            links=[to_board("sedna-components", "Components", cluster="$cluster")],
        ),
    ),
)

dashboard = board(
    "Sedna / Fleet",
    now,
    attention,
    running,
    flow,
    platform,
    uid="sedna-fleet",
    question="**Is anything broken, and what do I open first? What runs, and in which state? Does data flow from the cameras to better models?**",
    refresh="30s",
    variables=[metrics_source(), logs_source(), cluster(), namespace()],
    annotations=[
        when("Alerts", firing, title="{{alertname}}", shown=False),
        deployments(SPACE),
    ],
)
