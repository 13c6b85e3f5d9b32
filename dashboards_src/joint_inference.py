"""Joint inference: the edge answers what it can, the cloud answers the hard rest."""

from sedna_dash.authoring import (
    BUDGET,
    DAY,
    HOUR,
    NAME,
    SPACE,
    Regex,
    above,
    bar_gauge,
    below,
    board,
    bucket_increase,
    column,
    constant,
    gauge,
    heatmap,
    increase,
    job_variables,
    label_values,
    line,
    lines_then,
    log_row,
    logs,
    max_by,
    metric,
    min_by,
    or_zero,
    pie_chart,
    quantile,
    query,
    rate,
    row,
    search_box,
    stat,
    state_changes,
    state_timeline,
    states,
    sum_by,
    text,
    textbox,
    timeseries,
    to_board,
    values,
    worker_count,
    worker_table,
)

KIND = "JointInferenceService"
SERVICE = {**NAME, "kind": KIND}

state = metric("sedna_job_state")
available = metric("kube_deployment_status_replicas_available")
requests = metric("sedna_inference_requests_total")
inferences = metric("sedna_inferences_total")
hard = metric("sedna_hard_examples_total")
errors = metric("sedna_inference_errors_total")
duration = metric("sedna_inference_duration_seconds")
transferred = metric("sedna_inference_transfer_bytes_total")
ambiguous = metric("sedna_joint_inference_ambiguous_counts")

edge_worker_logs = logs("worker", SPACE, worker_type=("edge", "cloud")).where(sedna_name="$name")


def replicas(metric_name: str):
    """Replicas of the autoscalers that Sedna names after the service's two deployments."""
    return metric(metric_name)(SPACE, horizontalpodautoscaler=Regex("hpa-($name)-deployment-(edge|cloud)"))


lines_of_service = lines_then(cluster="$cluster", namespace="label:namespace", name="label:name")

health = row(
    "Is it healthy",
    line(
        state_timeline(
            "State",
            query(states(state(NAME, kind=KIND), "state", by=("namespace", "name")), "{{namespace}}/{{name}}"),
            why="State of each service as Sedna reports it. Sedna never takes a Failed back, so compare it with what really serves, at the right: if replicas are available, the failure is over and only the report is stale; delete and apply the service to clear it.",
        ),
        column(
            worker_count(KIND),
            stat(
                "Available replicas, worse side",
                query(
                    min_by(available(SPACE, deployment=Regex("($name)-deployment-(edge|cloud)"))),
                    "replicas",
                ),
                thresholds=below("red when either the edge or the cloud deployment has no available pod", red=1),
                why="The smaller number of available pods of the edge and the cloud deployment: below one, part of the answers are missing whatever the state says.",
            ),
        ),
        shares=(3, 1),
    ),
    line(
        stat(
            "Answered at the edge",
            query(sum_by(increase(inferences(SERVICE, location="edge"))), "edge"),
            why="Inferences run at the edge in the chosen time range. If it stands still while the camera runs, look at the edge workers.",
        ),
        stat(
            "Answered in the cloud",
            query(sum_by(increase(inferences(SERVICE, location="cloud"))), "cloud"),
            why="Inferences run in the cloud in the chosen time range, each of them for a hard example. Without the worker hook, calls that failed count too.",
        ),
        stat(
            "Hard examples",
            query(sum_by(increase(hard(SERVICE))), "hard"),
            empty="No service reports hard examples",
            why="Frames that the mining algorithm judged hard in the chosen time range. None at all over a busy day means that mining is off or its threshold never fires.",
        ),
        stat(
            "Frames",
            query(sum_by(increase(requests(SERVICE))), "frames"),
            trend=False,
            why="Frames given to the service in the chosen time range, each counted once in either mining mode.",
        ),
        stat(
            "Counts to be trusted",
            query(max_by(ambiguous(NAME)), "counts"),
            mapped=values({0: ("Exact", "green"), 1: ("Mixed", "orange")}),
            why="Mixed: several edge workers overwrite each other's numbers in the status of the service, so its counts are one worker's at a time. The worker hook counts each worker for itself.",
        ),
        gauge(
            "Error budget left, 30 days",
            query(min_by(metric("slo:period_error_budget_remaining:ratio")(NAME)), "left"),
            thresholds=BUDGET,
            minimum=-1,
            maximum=1,
            height=4,
            why="Objective: 99 % of the hard frames get their answer from the cloud, over 30 days. Spent means: make the cloud side safe before changing anything else.",
            links=[
                to_board(
                    "sedna-alerts-slo",
                    "Alerts and SLO",
                    name="$name",
                    namespace="$namespace",
                    cluster="$cluster",
                )
            ],
        ),
    ),
)

traffic = row(
    "How much, and where",
    line(
        timeseries(
            "Inference rate by place",
            query(sum_by(rate(inferences(SERVICE)), "location"), "{{location}}"),
            links=[lines_then(cluster="$cluster", namespace="$namespace", name="$name")],
            why="Inferences per second at the edge and in the cloud. The cloud line rising alone means that frames became harder; both falling means that fewer frames arrive.",
        ),
        timeseries(
            "Frames per second, and a day before",
            query(sum_by(rate(requests(SERVICE)), "name"), "{{name}}"),
            query(sum_by(rate(requests(SERVICE), ago=DAY), "name"), "{{name}} a day before", dashed=True),
            minimum=0,
            links=[lines_of_service],
            why="Frames given to each service. Far below its dashed line while the nodes are online: the camera, the edge worker or its reports have stopped.",
        ),
        pie_chart(
            "Edge against cloud",
            query(sum_by(increase(inferences(SERVICE)), "location"), "{{location}}"),
            why="Share of inferences in the chosen time range. The more the edge answers, the less the link carries.",
        ),
        shares=(2, 2, 1),
    ),
    line(
        timeseries(
            "Hard-example ratio and its 7-day mean",
            query(metric("cluster_namespace_name:sedna_hard_examples:ratio_rate5m")(NAME), "{{name}}"),
            query(
                metric("cluster_namespace_name:sedna_hard_examples:ratio_rate7d")(NAME),
                "{{name}} 7 days",
                dashed=True,
            ),
            minimum=0,
            links=[lines_of_service],
            empty="No service reports hard examples",
            why="Share of frames judged hard. A ratio that leaves its own weekly mean is the first sign of data drift: look at recent frames, then train again. It counts each frame once, unlike uploadCloudRatio in the status.",
        ),
        timeseries(
            "Bytes to and from the cloud",
            query(sum_by(rate(transferred(SERVICE)), "direction"), "{{direction}}"),
            why="What offloading costs the link. Only the worker hook measures it.",
        ),
        timeseries(
            "Cost per 1 000 frames",
            query(
                (
                    constant("$price_inference", "number")
                    * sum_by(rate(inferences(SERVICE, location="cloud"), window=HOUR))
                    + constant("$price_gb", "number") * (or_zero(sum_by(rate(transferred(SERVICE), window=HOUR))) / 1e9)
                )
                * 1000
                / (sum_by(rate(requests(SERVICE), window=HOUR)) > 0),
                "joint",
            ),
            query(constant("$price_inference", "number") * 1000, "all in the cloud", dashed=True),
            unit="currencyUSD",
            why="Cost of joint inference against sending every frame to the cloud, from the two prices at the top. The distance between the lines is what the edge saves.",
        ),
    ),
)

failures = row(
    "What goes wrong",
    line(
        timeseries(
            "Failed cloud answers",
            query(sum_by(rate(errors(SERVICE, location="cloud")), "name"), "{{name}}"),
            links=[lines_then(cluster="$cluster", name="label:name", search="get cloud result error")],
            why="Hard frames that got no answer from the cloud, per second. Counted from the edge workers' log, so there is no line before the first failure. Check the cloud worker and the link.",
        ),
        timeseries(
            "Burn rate of the error budget",
            query(max_by(metric("slo:sli_error:ratio_rate1h")(NAME), "name") / 0.01, "{{name}} 1 h"),
            query(max_by(metric("slo:sli_error:ratio_rate6h")(NAME), "name") / 0.01, "{{name}} 6 h"),
            unit="none",
            thresholds=above(
                "at 1 the budget lasts exactly 30 days; from 6 it is gone in 5 days, from 14.4 in 2",
                yellow=1,
                orange=6,
                red=14.4,
            ),
            limits=True,
            why="How fast failed cloud answers use up the budget. Above a line for both windows: act, the short window alone may be a blip.",
        ),
        timeseries(
            "Error lines of the workers",
            query(edge_worker_logs.where(level=("error", "fatal")).count("worker_type"), "{{worker_type}}"),
            bars=True,
            stacked=True,
            why="Number of error lines over time, by worker type. Open the log lines below for the same minutes.",
            links=[
                lines_then(cluster="$cluster", namespace="$namespace", name="$name", level=("error", "fatal")),
            ],
        ),
    ),
)

latency = row(
    "How fast",
    text(
        "Where latency comes from",
        "Stock Sedna measures no latency. These three panels fill once the worker hook runs in the edge workers.",
        height=2,
    ),
    line(
        timeseries(
            "Latency",
            query(quantile(0.5, duration(SERVICE), "location"), "p50 {{location}}"),
            query(quantile(0.95, duration(SERVICE), "location"), "p95 {{location}}"),
            query(quantile(0.99, duration(SERVICE), "location"), "p99 {{location}}"),
            thresholds=above(
                "orange above 250 ms, the edge objective; red above 2.5 s, the cloud's", orange=0.25, red=2.5
            ),
            limits=True,
            links=[lines_then(cluster="$cluster", namespace="$namespace", name="$name")],
            why="Time of one inference: half, 95 % and 99 % are faster. The cloud includes the way there and back.",
        ),
        heatmap(
            "Latency at the edge",
            bucket_increase(duration(SERVICE, location="edge"), "$__rate_interval"),
            why="How many inferences took how long. Two bands mean two kinds of frames, or two kinds of devices.",
        ),
        bar_gauge(
            "Latency histogram",
            query(bucket_increase(duration(SERVICE), "$__range"), "{{le}}"),
            height=10,
            why="Inferences by duration in the chosen time range; each bar holds those up to the given seconds.",
        ),
    ),
)

scale = row(
    "Does it scale",
    line(
        timeseries(
            "Replicas and their limit",
            query(
                replicas("kube_horizontalpodautoscaler_status_current_replicas"),
                "{{horizontalpodautoscaler}}",
            ),
            query(
                replicas("kube_horizontalpodautoscaler_spec_max_replicas"),
                "limit {{horizontalpodautoscaler}}",
                dashed=True,
            ),
            steps=True,
            why="Replicas that the autoscaler runs, and the most it may run. On the limit for long: raise it, or the service falls behind. Empty without an hpa in the service.",
        ),
        worker_table(
            "Pods",
            metric("sedna_worker_info")(NAME, kind=KIND, node="$node"),
        ),
    ),
)

dashboard = board(
    "Sedna / Joint inference",
    health,
    traffic,
    failures,
    latency,
    scale,
    log_row(edge_worker_logs, "the edge and cloud workers"),
    uid="sedna-joint-inference",
    question="**Do users get answers, fast enough? How much goes to the cloud, why, and at what cost? Is the data drifting?**",
    time="now-24h",
    variables=[
        *job_variables(KIND, "Service"),
        label_values("node", metric("sedna_worker_info")(SPACE, kind=KIND), all_value=".*"),
        search_box(),
        textbox("price_inference", title="Price of a cloud inference", default="0.0005"),
        textbox("price_gb", title="Price of a GB", default="0.09"),
    ],
    annotations=[state_changes({**NAME, "kind": KIND})],
)
