"""Components: whether GM, LC and the knowledge base run, talk to each other and keep up."""

from sedna_dash.authoring import (
    CLUSTER,
    READINESS,
    READY_SHARE,
    STATUS_SIZE,
    UP,
    Column,
    Regex,
    above,
    board,
    board_column,
    board_of_kind,
    changes,
    cluster,
    column,
    count_by,
    either,
    ever,
    increase,
    join,
    label_values,
    line,
    lines_then,
    log_row,
    logs,
    logs_source,
    managers,
    max_by,
    metric,
    metrics_source,
    min_by,
    node_column,
    only_where,
    quantile,
    query,
    rate,
    row,
    search_box,
    since,
    stat,
    state_timeline,
    states,
    sum_by,
    table,
    text,
    timeseries,
    to_board,
    topk,
    values,
    when,
)

POD = ("cluster", "namespace", "pod")

#: Where GM, LC and KB live. Not $namespace: that one travels between boards and means the namespaces of jobs.
SYSTEM = {**CLUSTER, "namespace": "$system_namespace"}
PARTS = ("gm", "lc", "kb")

#: What the library and KB write when an update is lost.
FAILED_UPDATE = "KB update Fail|Update kb error|Upload task .*fail"

available = metric("kube_deployment_status_replicas_available")
lc_ready = metric("kube_daemonset_status_number_ready")(SYSTEM, daemonset="lc")
lc_desired = metric("kube_daemonset_status_desired_number_scheduled")(SYSTEM, daemonset="lc")
lc_pods = metric("kube_pod_info")(SYSTEM, pod=Regex("lc-.+"), node="$node")
pod_ready = metric("kube_pod_status_ready")
restarts = metric("kube_pod_container_status_restarts_total")(SYSTEM, container=PARTS)
image = metric("kube_pod_container_info")(SYSTEM, container=PARTS)
limit = metric("kube_pod_container_resource_limits")(SYSTEM, container=PARTS, resource="memory")
cpu = metric("container_cpu_usage_seconds_total")(SYSTEM, container=PARTS)
memory = metric("container_memory_working_set_bytes")(SYSTEM, container=PARTS)
# GM itself counts them with the patch only; else its log says which nodes it talks to.
connected = either(
    sum_by(metric("sedna_gm_connected_nodes")(CLUSTER)), sum_by(metric("sedna_gm_node_connected")(CLUSTER))
)
status_size = metric("sedna_job_status_bytes")
status_conditions = metric("sedna_job_status_conditions")
kb_up = metric("sedna_knowledge_base_up")
kb_size = metric("sedna_knowledge_base_database_bytes")
kb_written = metric("sedna_knowledge_base_last_update_timestamp_seconds")
kb_info = metric("sedna_knowledge_base_info")

gm_log = logs("gm")
JOB = ("cluster", "namespace", "kind", "name")

up = row(
    "Do they run",
    line(
        stat(
            "GM and KB",
            *managers(SYSTEM),
            mapped=UP,
            why="GM starts and moves every job, KB keeps what lifelong learning knows. Both have one replica and no stand-in: while GM is down, running workers go on but nothing new starts.",
        ),
        stat(
            "LC ready",
            query(sum_by(lc_ready) / sum_by(lc_desired), "ready"),
            thresholds=READY_SHARE,
            why="Share of nodes whose LC is ready. Without its LC a node reports nothing and gets no new model.",
        ),
        stat(
            "Nodes without a connection",
            query(sum_by(lc_desired) - connected, "nodes"),
            thresholds=above("orange when any LC has no connection to GM", orange=1),
            why="Nodes that should run an LC, less the connections that GM holds. Above zero for minutes: look at which node flaps below, then at the LC log of that node.",
        ),
        stat(
            "Restarts of GM, LC and KB",
            query(sum_by(increase(restarts), "container"), "{{container}}"),
            thresholds=above("orange from the first restart", orange=0.5),
            why="Restarts in the chosen time range. An LC that restarts loses the messages that it had queued. An LC in a crash loop on a node with node-exporter: both want port 9100, move one of them.",
        ),
        stat(
            "Knowledge base readable",
            query(min_by(kb_up(CLUSTER)), "KB"),
            mapped=values({0: ("No", "red"), 1: ("Yes", "green")}),
            why="Whether the last read of the database worked. No, while KB is Up: the file is missing or locked, look at the host path on the node of KB.",
        ),
    ),
    line(
        state_timeline(
            "GM and KB over time",
            query(min_by(available(SYSTEM, deployment=("gm", "kb")), "deployment"), "{{deployment}}"),
            mapped=UP,
            height=6,
            why="When GM and KB had a pod that serves. A gap of GM explains why states of jobs stood still.",
        ),
        state_timeline(
            "LC that were not ready",
            query(
                max_by(
                    join(
                        states(pod_ready(SYSTEM), "condition", by=POD),
                        max_by(
                            only_where(lc_pods, ever(pod_ready(SYSTEM, condition=("false", "unknown"))), on=POD),
                            *POD,
                            "node",
                        ),
                        on=POD,
                        take=("node",),
                    ),
                    "node",
                ),
                "{{node}}",
                mapped=READINESS,
            ),
            height=6,
            empty="Every LC was ready all the time",
            why="Each node whose LC was not ready at some time of the chosen range. One node alone: read its LC log below. Many at once: the network to the edge, or a new version of LC.",
            links=[to_board("sedna-edge-nodes", "The node", cluster="$cluster", node="label:node")],
        ),
        table(
            "Versions",
            query(count_by(image, "container", "image"), "pods"),
            columns=["container", "image", "pods"],
            sort="container",
            descending=False,
            height=6,
            why="Which images run, and in how many pods. Two images of LC outside an update mean that some nodes missed it: delete their LC pods.",
        ),
        shares=(2, 3, 3),
    ),
)

channel = row(
    "Do GM and LC talk",
    line(
        timeseries(
            "Connected nodes",
            query(connected, "connected"),
            query(sum_by(lc_desired), "expected", dashed=True),
            steps=True,
            minimum=0,
            why="LC connections that GM holds, against nodes that should have one. A lasting gap: those LC run without reporting.",
        ),
        timeseries(
            "Connections opened and closed",
            query(gm_log.containing("established connection for node").count(), "opened", color="green"),
            query(gm_log.containing("closed connection for node").count(), "closed", color="orange"),
            bars=True,
            links=[lines_then(cluster="$cluster", app="gm", search="connection for node")],
            why="From the log of GM. Pairs of both, again and again, are a link that flaps; closed alone is a node that went away.",
        ),
        table(
            "Nodes that lose their connection most",
            query(
                gm_log.containing("closed connection for node")
                .extract("closed connection for node (?P<lost_node>[^ ]+)", "lost_node")
                .count("lost_node", window="$__range")
                .top(10),
                "Times",
            ),
            columns=[
                Column("lost_node", "Node"),
                Column(
                    "Times",
                    thresholds=above("orange from 3 times, red from 10 in the chosen range", orange=3, red=10),
                ),
            ],
            sort="Times",
            empty="GM closed no connection in this time range",
            why="Closed connections by node, from the log of GM. Look at the same nodes on the board of edge nodes: heat, memory and the link are the usual causes.",
        ),
    ),
)

keeping_up = row(
    "Does GM keep up",
    line(
        timeseries(
            "Status updates that were refused",
            query(gm_log.containing("Error to update", "status, tried").count(), "refused"),
            bars=True,
            links=[lines_then(cluster="$cluster", app="gm", search="Error to update")],
            why="GM tries three times to write the status of a resource, then the report is lost and the state shown is old. A few are conflicts and harmless; many mean an overloaded API server, or a status that is too large.",
        ),
        table(
            "Largest status objects",
            query(board_of_kind(topk(15, max_by(status_size(CLUSTER), *JOB))), "size"),
            query(
                board_of_kind(
                    only_where(
                        max_by(status_conditions(CLUSTER), *JOB),
                        topk(15, max_by(status_size(CLUSTER), *JOB)),
                        on=JOB,
                    )
                ),
                "conditions",
            ),
            columns=[
                board_column(),
                "namespace",
                "kind",
                Column("size", thresholds=STATUS_SIZE),
                "conditions",
            ],
            sort="size",
            thresholds=STATUS_SIZE,
            why="GM appends a condition at every step and never removes one, so long jobs grow until etcd refuses them and the job stands still. Delete and create again what is orange, after saving its models.",
        ),
        shares=(1, 2),
    ),
)

patched = row(
    "Inside GM and LC",
    text(
        "Needs a patch",
        "Stock GM and LC have no metrics of their own. These panels fill once both run with the metrics patch; the rows above work without it.",
        height=2,
    ),
    line(
        timeseries(
            "Resources that wait for GM",
            query(sum_by(metric("sedna_gm_workqueue_depth")(CLUSTER), "controller"), "{{controller}}"),
            minimum=0,
            why="Backlog of each controller. Zero most of the time is right; a line that only rises means that this kind of job is no longer moved.",
        ),
        timeseries(
            "Time to handle a resource",
            query(
                quantile(0.95, metric("sedna_gm_reconcile_duration_seconds")(CLUSTER), "controller"),
                "{{controller}}",
            ),
            thresholds=above("orange above 1 s, red above 5 s", orange=1, red=5),
            limits=True,
            why="95 % of the passes are faster. Slow passes come from a slow API server or from very large status objects.",
        ),
        timeseries(
            "Messages that wait in LC",
            query(topk(10, max_by(metric("sedna_lc_send_queue_length")(CLUSTER, node="$node"), "node")), "{{node}}"),
            minimum=0,
            thresholds=above("orange from 80; at 100 the queue is full and workers are blocked", orange=80, red=100),
            limits=True,
            why="The 10 longest queues to GM. They live in memory: a restart of LC loses them. Repair the link before the queue is full.",
        ),
    ),
    collapsed=True,
)

knowledge_base = row(
    "Is the knowledge base safe",
    line(
        timeseries(
            "Size of the database",
            query(max_by(kb_size(CLUSTER)), "size"),
            minimum=0,
            why="Size of the database file. It lies on one node under a host path and nobody copies it: back it up. A sudden fall means that it began anew.",
        ),
        column(
            stat(
                "Last written",
                query(min_by(since(kb_written(CLUSTER))), "ago"),
                why="Time since the newest entry. During lifelong learning it is as old as the last finished training; much older: look for failed updates at the right.",
            ),
            table(
                "Where it runs",
                query(kb_info(CLUSTER)),
                columns=["server", node_column(), "location"],
                height=4,
                why="Address that workers call, and the node that holds the file. Workers at the edge must reach this address.",
            ),
        ),
        timeseries(
            "Failed updates",
            query(
                logs(("worker", "kb")).like(FAILED_UPDATE).count("app"),
                "{{app}}",
            ),
            bars=True,
            stacked=True,
            links=[lines_then(cluster="$cluster", app="label:app", regex=FAILED_UPDATE)],
            why="Log lines about updates or uploads that failed. The worker goes on without telling its job, so what it learned is missing in the knowledge base: train again.",
        ),
    ),
)

resources = row(
    "What they use",
    line(
        timeseries(
            "CPU of GM, LC and KB",
            query(max_by(sum_by(rate(cpu), *POD, "container"), "container"), "{{container}}"),
            unit="none",
            minimum=0,
            why="Cores of the busiest pod of each. GM above one core is overloaded with resources; LC on every node should stay near zero.",
        ),
        timeseries(
            "Memory of GM, LC and KB",
            query(max_by(memory, "container"), "{{container}}"),
            query(min_by(limit, "container").as_unit("bytes"), "{{container}} limit", dashed=True),
            minimum=0,
            why="Largest pod of each, against the limit at which it is killed. GM and KB grow with the number of jobs and tasks: raise the limit in the chart in time.",
        ),
    ),
)

dashboard = board(
    "Sedna / Components",
    up,
    channel,
    keeping_up,
    knowledge_base,
    resources,
    log_row(
        logs(PARTS).where(node="$node", level=("warning", "error", "fatal")),
        "GM, LC and KB on the chosen nodes, warnings and worse",
    ),
    patched,
    uid="sedna-components",
    question="**Do GM, LC and the knowledge base run? Do they reach each other? Do they keep up with the work?**",
    variables=[
        metrics_source(),
        logs_source(),
        cluster(available),
        label_values("system_namespace", available(CLUSTER, deployment="gm"), "namespace", title="Namespace of Sedna"),
        label_values("node", metric("kube_pod_info")(SYSTEM, pod=Regex("lc-.+")), all_value=".*"),
        search_box(),
    ],
    annotations=[
        when(
            "Restarts of GM",
            sum_by(
                changes(
                    metric("kube_pod_container_status_restarts_total")(SYSTEM, container="gm"),
                    "5m",
                ),
                "pod",
            )
            > 0,
            title="{{pod}} restarted",
        ),
    ],
)
