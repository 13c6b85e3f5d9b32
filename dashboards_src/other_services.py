"""Object search and tracking, feature extraction, re-identification and video analytics."""

from sedna_dash.authoring import (
    CLUSTER,
    NAME,
    SPACE,
    Column,
    above,
    as_instant,
    board,
    choice,
    cluster,
    count_by,
    counted,
    either,
    equals,
    kinds_and_states,
    label_values,
    line,
    lines_then,
    log_row,
    logs,
    logs_source,
    matching,
    max_by,
    metric,
    metrics_source,
    name_column,
    namespace,
    only_where,
    owners_cpu,
    owners_memory,
    pie_chart,
    pod_owners,
    query,
    row,
    search_box,
    since,
    stat,
    state_changes,
    state_timeline,
    states,
    sum_by,
    table,
    text,
    timeseries,
    to_board,
    worker_table,
)

KINDS = ("ReidJob", "VideoAnalyticsJob", "FeatureExtractionService", "ObjectSearchService", "ObjectTrackingService")
JOB = ("cluster", "namespace", "kind", "name")
POD = ("cluster", "namespace", "pod")

info = metric("sedna_job_info")
state = metric("sedna_job_state")
workers = metric("sedna_job_workers")
worker_info = metric("sedna_worker_info")

chosen = {**NAME, "kind": "$kind"}
finite = {**NAME, "kind": ("ReidJob", "VideoAnalyticsJob")}

started = max_by(metric("sedna_job_start_timestamp_seconds")(finite), *JOB)
completed = max_by(metric("sedna_job_completion_timestamp_seconds")(finite), *JOB)
took = matching(completed, "-", started, on=JOB).as_unit("seconds")
runs = only_where(since(started), equals(state(finite, state="Running"), 1), on=JOB)

owner = pod_owners(chosen)

worker_logs = logs(
    "worker",
    SPACE,
    worker_type=("fe", "reid", "videoanalytics", "userworker", "reidworker", "trackingworker"),
).where(sedna_name="$name")

lines_of_it = lines_then(cluster="$cluster", namespace="$namespace", name="label:name")

status = row(
    "Does it run",
    line(
        state_timeline(
            "State",
            query(states(state(chosen), "state", by=JOB), "{{namespace}}/{{name}}"),
            why="State of each service and job. Pending for more than a few minutes: a worker cannot start, see the pods below. Failed: read the end of the log of its dead worker, then delete and apply the resource.",
        ),
        kinds_and_states("Kinds and states", {**SPACE, "kind": "$kind"}),
        shares=(3, 2),
    ),
    line(
        table(
            "Services and jobs",
            query(states(state(chosen), "state", by=JOB), "Now"),
            query(sum_by(workers(chosen, state="active"), *JOB), "Active workers"),
            query(sum_by(workers(chosen, state="dead"), *JOB), "Dead workers"),
            query(
                as_instant(max_by(metric("sedna_job_last_transition_timestamp_seconds")(chosen), *JOB)),
                "Last change",
            ),
            columns=[
                "kind",
                name_column(),
                "namespace",
                "Now",
                "Active workers",
                Column("Dead workers", thresholds=above("orange from one dead worker", orange=1)),
                "Last change",
            ],
            sort="Last change",
            why="One line for each, newest change first. A service that is Running with dead workers serves only in part; click its name for everything about it.",
        ),
        stat(
            "Objects that nobody handles",
            query(
                counted(info(SPACE, kind="ObjectTrackingService"), info(SPACE)),
                "tracking services",
            ),
            thresholds=above("orange from the first one", orange=1),
            background=True,
            height=8,
            why="ObjectTrackingService resources. GM knows the kind but has no controller for it, so they never start: use object search, or video analytics with feature extraction and re-identification.",
        ),
        shares=(5, 1),
    ),
)

work = row(
    "Who does the work",
    line(
        timeseries(
            "Workers by type",
            query(count_by(max_by(worker_info(chosen), *POD, "worker_type"), "worker_type"), "{{worker_type}}"),
            stacked=True,
            steps=True,
            minimum=0,
            why="Worker pods of each type. Object search needs all three at once: users' workers, tracking and re-identification; a missing colour means that the service answers nothing.",
        ),
        timeseries(
            "Active and dead",
            query(sum_by(workers(chosen), "state"), "{{state}}"),
            steps=True,
            minimum=0,
            links=[lines_then(cluster="$cluster", namespace="$namespace", name="$name")],
            why="Worker pods by state. Dead workers of a finished job are normal; of a service they are not: open the pod and look why it ended.",
        ),
        pie_chart(
            "Edge and cloud",
            query(count_by(max_by(worker_info(chosen), *POD, "location"), "location"), "{{location}}"),
            why="Where the workers stand. Feature extraction belongs beside the cameras; everything in the cloud means that raw video crosses the link.",
        ),
        shares=(2, 2, 1),
    ),
    worker_table(
        "Pods",
        worker_info(chosen),
    ),
)

finished = row(
    "How far are the jobs",
    line(
        table(
            "Run time",
            query(either(took, runs), "Run time"),
            query(states(state(finite), "state", by=JOB), "Now"),
            columns=[name_column(), Column("Now", width=100), Column("Run time", bar=True)],
            sort="Run time",
            empty="No job of these kinds has started",
            why="How long re-identification and video analytics jobs took, or have been running. Much longer than its neighbours on the same video: look at the worker's CPU and GPU below.",
        ),
        stat(
            "Newest end",
            query(as_instant(max_by(completed)), "ended"),
            why="When the last of these jobs succeeded. Failed jobs and services never get such a date.",
        ),
        table(
            "Kubernetes Jobs",
            query(sum_by(metric("kube_job_status_active")(SPACE), "cluster", "namespace", "job_name"), "Active"),
            query(sum_by(metric("kube_job_status_succeeded")(SPACE), "cluster", "namespace", "job_name"), "Succeeded"),
            query(sum_by(metric("kube_job_status_failed")(SPACE), "cluster", "namespace", "job_name"), "Failed"),
            columns=[
                Column("job_name", "Job"),
                Column("namespace", width=110),
                Column("Active", width=80),
                Column("Succeeded", width=105),
                Column("Failed", width=80, thresholds=above("red from one failed pod", red=1)),
            ],
            sort="Failed",
            empty="No Kubernetes Jobs in these namespaces: Sedna itself starts pods and Deployments",
            why="Pods of each Kubernetes Job in the chosen namespaces. Sedna starts none itself, so these are yours: data preparation, conversions, uploads. One that fails often explains why a Sedna job has no data.",
        ),
        shares=(3, 1, 3),
    ),
)

flow = row(
    "Does it keep up",
    line(
        timeseries(
            "CPU of the workers",
            query(sum_by(owners_cpu(SPACE, owner), "name"), "{{name}}"),
            minimum=0,
            links=[lines_of_it],
            why="CPU cores in use by all workers of a service or job. Flat at a round number is a limit: raise it, or add workers.",
        ),
        timeseries(
            "Memory of the workers",
            query(sum_by(owners_memory(SPACE, owner), "name"), "{{name}}"),
            minimum=0,
            links=[lines_of_it],
            why="Memory in use by all workers of a service or job. A line that only climbs ends in a restart: give the video pipeline a limit on its queue, or the pod more memory.",
        ),
        timeseries(
            "GPU of their nodes",
            query(
                only_where(
                    metric("sedna:node_gpu_utilization:ratio")(CLUSTER),
                    worker_info(chosen),
                    on=("cluster", "node"),
                ),
                "{{node}}",
            ),
            minimum=0,
            maximum=1,
            thresholds=above("orange above 95 %: frames queue up", orange=0.95),
            limits=True,
            why="How busy the busiest GPU of each node with such a worker is. At the top for long: spread the workers; near zero while a job runs: it computes on the CPU, check its image.",
            links=[to_board("sedna-edge-nodes", "Edge nodes", cluster="$cluster")],
        ),
    ),
    line(
        text(
            "Kafka",
            "Feature extraction, re-identification and video analytics exchange data through Kafka only where the "
            "resource asks for it (`kafkaSupport: true`). The graph at the right fills when kafka-exporter is scraped.",
        ),
        timeseries(
            "Messages not yet read",
            query(
                sum_by(metric("kafka_consumergroup_lag")(CLUSTER), "consumergroup", "topic"),
                "{{consumergroup}} {{topic}}",
            ),
            minimum=0,
            height=6,
            why="Messages that wait in Kafka for each consumer group. Growing for more than a few minutes: the reader is slower than the writer, so add readers or send fewer frames.",
        ),
        shares=(1, 3),
    ),
)

dashboard = board(
    "Sedna / Other services and jobs",
    status,
    work,
    finished,
    flow,
    log_row(worker_logs, "the workers of these services and jobs"),
    uid="sedna-other-services",
    question="**Do object search, feature extraction, re-identification and video analytics run, with all their workers? How far are the jobs, and does the flow keep up?**",
    time="now-12h",
    variables=[
        metrics_source(),
        logs_source(),
        cluster(),
        namespace(),
        choice("kind", KINDS, all_value="|".join(KINDS)),
        label_values("name", info(SPACE, kind="$kind"), title="Service or job"),
        search_box(),
    ],
    annotations=[state_changes(chosen)],
)
