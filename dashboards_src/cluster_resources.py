"""Cluster resources: which pods, containers and Jobs are unwell, and whether CPU, memory and GPU are enough."""

from sedna_dash.authoring import (
    CLUSTER,
    SPACE,
    Column,
    Expr,
    Not,
    above,
    board,
    cases,
    changes,
    cluster,
    count_by,
    counted,
    deployments,
    equals,
    gpu_use,
    histogram,
    increase,
    join,
    label_values,
    largest,
    last_time,
    line,
    lines_then,
    log_row,
    logs,
    logs_source,
    matching,
    max_by,
    metric,
    metrics_source,
    namespace,
    only_where,
    pie_chart,
    pod_column,
    query,
    rate,
    ratio,
    row,
    search_box,
    stat,
    state_timeline,
    states,
    sum_by,
    table,
    timeseries,
    to_board,
    topk,
    values,
    when,
)

POD = ("cluster", "namespace", "pod")
CONTAINER = (*POD, "container")
PODS = {**SPACE, "pod": "$pod"}

pod_info = metric("kube_pod_info")
phase = metric("kube_pod_status_phase")
running = metric("kube_pod_container_status_running")
waiting = metric("kube_pod_container_status_waiting")
terminated = metric("kube_pod_container_status_terminated")
waiting_reason = metric("kube_pod_container_status_waiting_reason")
ended_reason = metric("kube_pod_container_status_last_terminated_reason")
exit_code = metric("kube_pod_container_status_last_terminated_exitcode")
restarts = metric("kube_pod_container_status_restarts_total")
booked = metric("kube_pod_container_resource_requests")
limit = metric("kube_pod_container_resource_limits")
job_active = metric("kube_job_status_active")
job_succeeded = metric("kube_job_status_succeeded")
job_failed = metric("kube_job_status_failed")
node_condition = metric("kube_node_status_condition")
workers = metric("sedna_worker_info")

# cAdvisor also reports whole pods (no container) and the pause container (no image).
REAL = {**PODS, "node": "$node", "container": Not(""), "image": Not("")}
cpu = metric("container_cpu_usage_seconds_total")(REAL)
memory = metric("container_memory_working_set_bytes")(REAL)
throttled = metric("container_cpu_cfs_throttled_periods_total")(REAL)
periods = metric("container_cpu_cfs_periods_total")(REAL)

memory_used = matching(
    max_by(memory, *CONTAINER), "/", max_by(limit(PODS, resource="memory"), *CONTAINER), on=CONTAINER
).as_unit("ratio")


def chosen(expr: Expr) -> Expr:
    """Only what belongs to pods on the chosen nodes: pod series of kube-state-metrics do not name their node."""
    return only_where(expr, pod_info(PODS, node="$node"), on=POD)


# Chosen once for the whole range, also among pods that are gone by now.
troubled_last = topk(
    12,
    max_by(
        only_where(
            last_time(phase(PODS, phase=("Pending", "Failed", "Unknown"))),
            largest(pod_info(PODS, node="$node")),
            on=POD,
        ),
        *POD,
    ),
)


def by_kind(expr: Expr) -> Expr:
    """Sum over the worker pods of each kind of Sedna resource."""
    owners = max_by(workers(SPACE, node="$node"), *POD, "kind")
    return sum_by(join(sum_by(expr, *POD), owners, on=POD, take=("kind",)), "kind")


lines_of_pod = lines_then(cluster="$cluster", namespace="label:namespace", pod="label:pod")

now = row(
    "What is wrong now",
    line(
        stat(
            "Pods not running",
            query(sum_by(chosen(phase(PODS, phase=("Pending", "Failed", "Unknown"))), "phase"), "{{phase}}"),
            thresholds=above("orange when any pod is in this phase", orange=1),
            why="Pending for long: no node has room, or the image does not arrive. Failed: read the log of the pod. Unknown: its node is out of reach.",
        ),
        stat(
            "Containers that wait",
            query(sum_by(chosen(waiting(PODS))), "waiting"),
            thresholds=above("orange when any container waits", orange=1),
            why="Containers that should run and cannot yet. The table below says why.",
        ),
        stat(
            "Restarts",
            query(sum_by(chosen(increase(restarts(PODS)))), "restarts"),
            thresholds=above("orange from the first restart, red from 10", orange=0.5, red=10),
            why="Container restarts in the chosen time range. Each restart of an edge worker starts its counts again from zero.",
        ),
        stat(
            "Killed for memory",
            query(counted(chosen(equals(ended_reason(PODS, reason="OOMKilled"), 1)), pod_info(CLUSTER)), "containers"),
            thresholds=above("red when any container was killed", red=1),
            why="Containers whose last end was the out-of-memory killer. Raise their memory limit, or train with smaller batches.",
        ),
        stat(
            "Nodes under pressure",
            query(
                counted(
                    max_by(
                        equals(
                            node_condition(
                                CLUSTER,
                                node="$node",
                                condition=("MemoryPressure", "DiskPressure", "PIDPressure"),
                                status="true",
                            ),
                            1,
                        ),
                        "cluster",
                        "node",
                    ),
                    pod_info(CLUSTER),
                ),
                "nodes",
            ),
            thresholds=above("red when any node is short of memory, disk or process ids", red=1),
            why="A node under pressure evicts pods. Free its disk, or move workers away.",
            links=[to_board("sedna-edge-nodes", "Edge nodes", cluster="$cluster", node="$node")],
        ),
    ),
    line(
        pie_chart(
            "Pods by phase",
            query(sum_by(chosen(phase(PODS)), "phase"), "{{phase}}"),
            why="Every pod of the chosen namespaces once. Succeeded pods are finished workers: they use nothing, but they fill the list until somebody deletes their job.",
        ),
        pie_chart(
            "Containers by state",
            query(sum_by(chosen(running(PODS))), "Running"),
            query(sum_by(chosen(waiting(PODS))), "Waiting"),
            query(sum_by(chosen(terminated(PODS))), "Terminated"),
            why="Every container once. A growing Waiting share means that images, volumes or room are missing.",
        ),
        pie_chart(
            "Kubernetes Jobs",
            query(
                sum_by(job_active(SPACE)),
                "Active",
                color="green",
            ),
            query(sum_by(job_succeeded(SPACE)), "Succeeded"),
            query(sum_by(job_failed(SPACE)), "Failed"),
            empty="There are no Kubernetes Jobs in these namespaces; Sedna needs none",
            why="Pods of Kubernetes Jobs by result. Sedna starts pods and Deployments, never Jobs: these are your own, such as data preparation. Sedna's jobs are on the boards of their kind.",
        ),
        timeseries(
            "Pod phases over time",
            query(sum_by(chosen(phase(PODS)), "phase"), "{{phase}}"),
            stacked=True,
            why="Number of pods by phase. A step in Pending or Failed marks the moment to look at in the logs.",
        ),
        shares=(2, 2, 2, 3),
    ),
)

trouble = row(
    "Who is in trouble",
    state_timeline(
        "The twelve pods that were in trouble last",
        query(only_where(states(phase(PODS), "phase", by=POD), troubled_last, on=POD), "{{namespace}}/{{pod}}"),
        height=10,
        empty="Every pod was Running or Succeeded all the time",
        why="Phase of the pods that were the last to be Pending, Failed or Unknown for five minutes in the chosen range; those that still are come first. A long Pending is a node without room. Every pod is in the last row.",
    ),
    line(
        table(
            "Why containers wait",
            query(
                chosen(equals(waiting_reason(PODS), 1)),
            ),
            columns=[Column("namespace", width=110), pod_column(), "container", "reason"],
            sort="reason",
            empty="No container is waiting",
            why="CrashLoopBackOff: the program ends at once, read its log. ImagePullBackOff: wrong image name, or no registry from the edge. CreateContainerConfigError: a Secret or ConfigMap is missing.",
        ),
        table(
            "Most restarts",
            query(
                topk(20, sum_by(chosen(increase(restarts(PODS))), "cluster", "namespace", "pod", "container")) > 0.5,
                "restarts",
            ),
            columns=[
                pod_column(),
                Column("container", width=130),
                Column("restarts", width=95, thresholds=above("orange from 1, red from 5 restarts", orange=0.5, red=5)),
            ],
            sort="restarts",
            thresholds=above("orange from the first restart, red from 5", orange=0.5, red=5),
            empty="No container restarted in this time range",
            why="The 20 containers that restarted most in the chosen time range. Compare with the reason of their last end at the right.",
        ),
        table(
            "Why containers ended",
            query(
                chosen(
                    join(
                        exit_code(PODS),
                        max_by(equals(ended_reason(PODS, reason=Not("Completed")), 1), *CONTAINER, "reason"),
                        on=CONTAINER,
                        take=("reason",),
                    )
                ),
                "exit code",
            ),
            columns=[
                pod_column(),
                Column("container", width=130),
                Column("reason", width=110),
                Column("exit code", width=105),
            ],
            sort="reason",
            empty="No container ended with a fault",
            why="The last end of each container that ended with a fault. OOMKilled or exit code 137: out of memory. Exit code 1: an exception, its traceback is in the log. 143: Kubernetes stopped it.",
        ),
    ),
)

use = row(
    "Is there enough",
    line(
        timeseries(
            "CPU, 20 busiest pods",
            query(topk(20, sum_by(rate(cpu), *POD)), "{{pod}}"),
            unit="none",
            minimum=0,
            links=[lines_of_pod],
            why="CPU cores in use. A training that uses less than it booked wastes the rest; a flat line at the limit means that it is throttled.",
        ),
        timeseries(
            "Memory, 20 largest pods",
            query(topk(20, sum_by(memory, *POD)), "{{pod}}"),
            minimum=0,
            links=[lines_of_pod],
            why="Memory that cannot easily be freed. A line that rises steadily over days is a leak: it ends with the out-of-memory killer.",
        ),
        timeseries(
            "Throttled share, worst 20 pods",
            query(
                topk(20, ratio(sum_by(rate(throttled), *POD), sum_by(rate(periods), *POD))),
                "{{pod}}",
            ),
            minimum=0,
            thresholds=above("a pod throttled a quarter of the time answers late", orange=0.25),
            limits=True,
            links=[lines_of_pod],
            why="Share of time slices in which a pod hit its CPU limit. Slow inference with a high share: raise the limit, or remove it.",
        ),
    ),
    line(
        table(
            "Memory against its limit, fullest 15",
            query(topk(15, memory_used), "used"),
            columns=[
                pod_column(),
                Column("container", width=130),
                Column(
                    "used",
                    bar=True,
                    thresholds=above("orange from 80 %, red from 95 % of the limit", orange=0.8, red=0.95),
                ),
            ],
            sort="used",
            height=10,
            empty="No container has a memory limit, or container metrics (cAdvisor) are not scraped",
            why="Who is killed next. Raise the limit of the red ones before they restart. Containers without a limit are not listed.",
        ),
        histogram(
            "How full the memory limits are",
            query(memory_used, "containers"),
            bucket_size=0.1,
            why="Number of containers by share of their memory limit in use. A heap far at the left: limits are too generous and block room for others.",
        ),
        gpu_use("GPU use by node", metric("sedna:node_gpu_utilization:ratio")(CLUSTER, node="$node")),
    ),
    table(
        "What each kind books and uses",
        query(by_kind(booked(PODS, resource="cpu")), "cpu booked"),
        query(by_kind(rate(cpu)), "cpu used"),
        query(by_kind(booked(PODS, resource="memory")), "memory booked"),
        query(by_kind(memory), "memory used"),
        columns=[
            "kind",
            Column("cpu booked", "CPU booked, cores", unit="number"),
            Column("cpu used", "CPU used, cores", unit="number"),
            Column("memory booked", unit="bytes"),
            Column("memory used", unit="bytes"),
        ],
        sort="memory used",
        height=9,
        why="Requests of the worker pods of each kind, beside what they really use. Much more booked than used keeps other pods Pending; much less lets a node run full. Lower or raise the requests in the worker template.",
    ),
)

everything = row(
    "Every pod, container and Job",
    state_timeline(
        "Phase of every pod",
        query(chosen(states(phase(PODS), "phase", by=POD)), "{{namespace}}/{{pod}}"),
        height=12,
        why="One band for each pod. Choose pods at the top when the list is too long.",
    ),
    line(
        state_timeline(
            "State of every container",
            query(
                chosen(
                    cases(
                        (equals(running(PODS), 1), 1),
                        (equals(waiting(PODS), 1), 2),
                        (equals(terminated(PODS), 1), 3),
                        by=CONTAINER,
                    )
                ),
                "{{pod}} {{container}}",
            ),
            mapped=values({1: ("Running", "green"), 2: ("Waiting", "orange"), 3: ("Terminated", "#8e8e8e")}),
            height=12,
            why="One band for each container. Running and Waiting in turn is a crash loop.",
        ),
        state_timeline(
            "State of every Kubernetes Job",
            query(
                cases(
                    (count_by(job_failed(SPACE) > 0, "cluster", "namespace", "job_name"), 1),
                    (count_by(job_active(SPACE) > 0, "cluster", "namespace", "job_name"), 2),
                    (count_by(job_succeeded(SPACE) > 0, "cluster", "namespace", "job_name"), 3),
                    by=("namespace", "job_name"),
                ),
                "{{namespace}}/{{job_name}}",
            ),
            mapped=values({1: ("Failed", "red"), 2: ("Running", "green"), 3: ("Succeeded", "blue")}),
            height=12,
            empty="There are no Kubernetes Jobs in these namespaces; Sedna needs none",
            why="One band for each Kubernetes Job. Failed stays until a retry runs or succeeds.",
        ),
    ),
    collapsed=True,
)

dashboard = board(
    "Sedna / Cluster resources",
    now,
    trouble,
    use,
    log_row(
        logs((), SPACE).where(node="$node", pod="$pod", level=("warning", "error", "fatal")),
        "the chosen pods, warnings and worse",
    ),
    everything,
    uid="sedna-cluster-resources",
    question="**Which pods, containers and Jobs are unwell, and why? Are CPU, memory and GPU enough?**",
    time="now-3h",
    variables=[
        metrics_source(),
        logs_source(),
        cluster(pod_info),
        namespace(pod_info),
        label_values("node", pod_info(SPACE), all_value=".*"),
        label_values("pod", pod_info(SPACE, node="$node"), all_value=".*"),
        search_box(),
    ],
    annotations=[
        when("Restarts", sum_by(changes(restarts(PODS), "5m"), "namespace", "pod") > 0, title="{{pod}} restarted"),
        deployments(SPACE),
    ],
)
