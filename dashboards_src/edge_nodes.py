"""Edge nodes: which are offline and what that hits, whether they catch up, and whether their hardware is fit."""

from sedna_dash.authoring import (
    CLUSTER,
    DAY,
    READINESS,
    UP,
    Expr,
    Not,
    Regex,
    above,
    bar_gauge,
    below,
    board,
    board_column,
    board_of_kind,
    bottomk,
    cluster,
    count_by,
    counted,
    edge_nodes_ready,
    equals,
    ever,
    gpu_use,
    label_values,
    last_over,
    line,
    lines_then,
    log_row,
    logs,
    logs_source,
    max_by,
    metric,
    metrics_source,
    min_by,
    negative,
    node_column,
    only_where,
    open_logs,
    pie_chart,
    query,
    rate,
    ratio,
    relabel,
    row,
    search_box,
    since,
    stat,
    state_timeline,
    states,
    sum_by,
    table,
    timeseries,
    to_board,
    topk,
    unless_where,
    values,
    when,
    worker_table,
)

#: What an edge agent and its log collector keep while the link is down, if they are set up as documented.
BUFFER_HOURS = 72
OFFLINE_SECONDS = 300

NODES = {**CLUSTER, "node": "$node"}

role = metric("kube_node_role")(NODES, role="edge")
condition = metric("kube_node_status_condition")
lease = metric("kube_lease_renew_time")(CLUSTER, namespace="kube-node-lease", lease="$node")
workers = metric("sedna_worker_info")(NODES)
newest_sent = metric("prometheus_remote_storage_queue_highest_sent_timestamp_seconds")(NODES)
samples_pending = metric("prometheus_remote_storage_samples_pending")(NODES)
lines_sent = metric("loki_write_sent_entries_total")(NODES)
lines_dropped = metric("loki_write_dropped_entries_total")(NODES)
tunnel = metric("up")(NODES, job="cadvisor-edge")
lc_connected = metric("sedna_lc_connected")(NODES)
seen_by_gm = metric("sedna_gm_node_connected")(NODES)
cpu = metric("node_cpu_seconds_total")
memory_free = metric("node_memory_MemAvailable_bytes")(NODES)
memory_size = metric("node_memory_MemTotal_bytes")(NODES)
disk_free = metric("node_filesystem_avail_bytes")(NODES, mountpoint="/")
disk_size = metric("node_filesystem_size_bytes")(NODES, mountpoint="/")
REAL_DEVICES = Regex("lo|veth.*|cni.*|docker.*|br-.*|flannel.*|edgemesh.*|tunl.*", negate=True)
received = metric("node_network_receive_bytes_total")(NODES, device=REAL_DEVICES)
transmitted = metric("node_network_transmit_bytes_total")(NODES, device=REAL_DEVICES)


def at_edge(expr: Expr) -> Expr:
    """Only edge nodes. By name alone: metrics that come from the edge may bear another cluster label."""
    return only_where(expr, role, on=("node",))


def ready(*status: str) -> Expr:
    """Edge nodes whose Ready condition is one of these: 1 where it is, 0 where not."""
    return at_edge(condition(NODES, condition="Ready", status=status))


silent = since(max_by(relabel(lease, "node", "lease"), "cluster", "node"))

fleet = row(
    "Who is offline",
    line(
        edge_nodes_ready("Ready edge nodes", height=4),
        stat(
            "Edge nodes",
            query(sum_by(ready("true")), "ready"),
            query(sum_by(ready("false", "unknown")), "not ready"),
            why="How many of the chosen edge nodes are ready, and how many are not. Those that are not stand in the timeline below.",
        ),
        stat(
            "Connected to cloudcore",
            query(sum_by(metric("KubeEdge_CloudHub_connected_nodes")(CLUSTER)), "nodes"),
            why="Nodes with an open connection to cloudcore. Fewer than ready nodes: these nodes have just been lost and will turn unknown. Listens on the loopback address until you change its bind address.",
        ),
        stat(
            "Workers on silent nodes",
            query(
                counted(only_where(workers, silent > OFFLINE_SECONDS, on=("node",)), role),
                "workers",
            ),
            thresholds=above("orange when any worker is out of reach", orange=1),
            why="Worker pods on nodes that have been silent for 5 minutes. They go on working with the model that they have, but nobody hears from them.",
        ),
        shares=(1, 1, 1, 1),
    ),
    line(
        state_timeline(
            "Edge nodes that were not ready",
            query(
                only_where(
                    states(condition(NODES, condition="Ready"), "status", by=("cluster", "node")),
                    at_edge(ever(condition(NODES, condition="Ready", status=("false", "unknown")))),
                    on=("cluster", "node"),
                ),
                "{{node}}",
                mapped=READINESS,
            ),
            empty="Every edge node was ready all the time",
            why="Each edge node that was not ready at some time of the chosen range. Unknown: cloudcore does not hear from it, so check power and link. Not ready: it is connected but says that it is ill, so read the log of edgecore.",
            links=[
                to_board("sedna-cluster-resources", "Pods of the node", cluster="$cluster", node="label:node"),
                open_logs("Logs of the node", cluster="$cluster", node="label:node"),
            ],
        ),
        bar_gauge(
            "Longest silence, ten nodes",
            query(topk(10, at_edge(silent)), "{{node}}"),
            thresholds=above("orange from 5 minutes, red from an hour", orange=OFFLINE_SECONDS, red=3600),
            maximum=3600,
            why="Time since the node renewed its lease, which it does every 10 seconds. It moves long before the state turns Unknown.",
        ),
        shares=(2, 1),
    ),
    line(
        table(
            "What the silent nodes run",
            query(
                board_of_kind(
                    only_where(
                        count_by(workers, "cluster", "namespace", "kind", "name", "node"),
                        silent > OFFLINE_SECONDS,
                        on=("node",),
                    )
                ),
                "workers",
            ),
            columns=[node_column(), board_column("Job or service"), "kind", "namespace", "workers"],
            sort="node",
            descending=False,
            height=7,
            empty="No worker is on a silent node",
            why="Jobs and services with workers on nodes that have been silent for 5 minutes. Federated learning waits for such a node; joint inference goes on there without the cloud.",
        ),
        timeseries(
            "Ready edge nodes over time",
            query(sum_by(ready("true")), "ready", color="green"),
            query(count_by(role), "all", dashed=True),
            steps=True,
            minimum=0,
            height=7,
            why="Ready edge nodes against all. A dip at the same hour every day is a schedule, such as power or a mobile link; a staircase downwards needs somebody on site.",
        ),
        pie_chart(
            "Versions of KubeEdge",
            query(
                count_by(at_edge(metric("kube_node_info")(NODES)), "kubelet_version"),
                "{{kubelet_version}}",
            ),
            legend="bottom",
            height=7,
            why="Edge nodes by version, after the Kubernetes version that they are built on. A small slice left after an update missed it.",
        ),
        shares=(2, 2, 1),
    ),
)

buffered = row(
    "Do they buffer and catch up",
    line(
        timeseries(
            "How late the metrics are",
            query(
                topk(20, at_edge(since(max_by(last_over(newest_sent, DAY), "cluster", "node")))),
                "{{node}}",
            ),
            minimum=0,
            thresholds=above("from 30 minutes the boards show the past", orange=1800),
            limits=True,
            links=[lines_then(cluster="$cluster", node="label:node")],
            why="Age of the newest sample that arrived from each node, the 20 latest ones. It climbs while the link is down and falls when the node catches up. Climbing on a node that is ready: its agent or its token is broken.",
        ),
        bar_gauge(
            "Time until data is lost",
            query(
                bottomk(
                    15,
                    at_edge(
                        since(max_by(last_over(newest_sent, f"{BUFFER_HOURS}h"), "cluster", "node")) * -1
                        + BUFFER_HOURS * 3600
                    ),
                ),
                "{{node}}",
            ),
            thresholds=below("red below 6 hours, orange below a day", red=6 * 3600, orange=86400),
            maximum=BUFFER_HOURS * 3600,
            why=f"The metrics agent of a node keeps {BUFFER_HOURS} hours while it cannot send. This is what is left for the 15 nodes with the least: restore the link before it runs out, or fetch the data from the node.",
        ),
        shares=(2, 1),
    ),
)

link = row(
    "Is the link up",
    line(
        state_timeline(
            "Tunnels of the kubelet that broke",
            query(
                max_by(only_where(tunnel, ever(tunnel, 0), on=("cluster", "node", "instance")), "node"),
                "{{node}}",
            ),
            mapped=UP,
            empty="Every tunnel that is scraped worked all the time",
            why="Nodes whose container metrics could not be fetched through cloudcore at some time. Without the tunnel kubectl logs and exec fail too: check the ports 10003 and 10004 and the iptables rule on the cloud side.",
        ),
        state_timeline(
            "LC that lost GM",
            query(
                max_by(only_where(lc_connected, ever(lc_connected, 0), on=("cluster", "node")), "node"),
                "{{node}}",
            ),
            query(
                max_by(
                    unless_where(
                        only_where(seen_by_gm, ever(seen_by_gm, 0), on=("cluster", "node")),
                        lc_connected,
                        on=("cluster", "node"),
                    ),
                    "node",
                ),
                "{{node}}, as GM sees it",
            ),
            mapped=values({0: ("Lost", "red"), 1: ("Connected", "green")}),
            empty="No LC reported a lost connection",
            why="Nodes whose LC had no connection to GM at some time. A node can be ready while its LC is cut off: then check that the node reaches the port of GM.",
            links=[open_logs("Logs of LC", app="lc", cluster="$cluster", node="label:node")],
        ),
        timeseries(
            "Network",
            query(topk(10, at_edge(sum_by(rate(transmitted), "cluster", "node"))), "{{node}} out"),
            query(negative(topk(10, at_edge(sum_by(rate(received), "cluster", "node")))), "{{node}} in"),
            why="Bytes per second out (above zero) and in (below), the 10 busiest nodes. Compare with what the link can carry: at its limit, offloading and model downloads slow each other.",
        ),
    ),
)

hardware = row(
    "Is the hardware fit",
    line(
        timeseries(
            "CPU in use",
            query(
                topk(
                    20,
                    at_edge(
                        ratio(
                            sum_by(rate(cpu(NODES, mode=Not("idle"))), "cluster", "node"),
                            sum_by(rate(cpu(NODES)), "cluster", "node"),
                        )
                    ),
                ),
                "{{node}}",
            ),
            minimum=0,
            maximum=1,
            thresholds=above("above 90 % inference slows down", orange=0.9),
            limits=True,
            why="Share of CPU time in use, the 20 busiest nodes. Steadily at the top: run fewer workers there, or send more frames to the cloud.",
        ),
        timeseries(
            "Memory left",
            query(
                bottomk(
                    20,
                    at_edge(min_by(memory_free, "cluster", "node") / min_by(memory_size, "cluster", "node")),
                ),
                "{{node}}",
            ),
            minimum=0,
            thresholds=below("below 10 % the node kills workers", red=0.1),
            limits=True,
            why="Share of memory that programs can still get, the 20 fullest nodes. Below the line: set memory limits on the workers, smallest batch first.",
        ),
        bar_gauge(
            "Disk left",
            query(
                bottomk(
                    15,
                    at_edge(min_by(disk_free, "cluster", "node") / min_by(disk_size, "cluster", "node")),
                ),
                "{{node}}",
            ),
            maximum=1,
            thresholds=below("red below 10 %, orange below 20 %", red=0.1, orange=0.2),
            why="Free share of the root file system, the 15 fullest nodes. Hard samples, old model versions and buffered logs fill it: remove the oldest of them.",
        ),
    ),
    line(
        gpu_use("GPU in use", topk(20, at_edge(metric("sedna:node_gpu_utilization:ratio")(NODES)))),
        timeseries(
            "GPU temperature",
            query(topk(20, at_edge(metric("sedna:node_gpu_temperature:celsius")(NODES))), "{{node}}"),
            thresholds=above("from 85 °C the GPU slows itself down", orange=85, red=95),
            limits=True,
            why="Hottest GPU of each node. Above the line latency grows although nothing else changed: cool the box, or lower the frame rate.",
        ),
        worker_table(
            "Workers on the nodes",
            workers,
            why="Every worker pod on the chosen nodes. Click a name for its job, a pod for its log.",
        ),
        shares=(1, 1, 2),
    ),
)

buffers = row(
    "Buffers in detail",
    line(
        timeseries(
            "Samples that wait at the node",
            query(topk(20, at_edge(sum_by(samples_pending, "cluster", "node"))), "{{node}}"),
            minimum=0,
            why="Samples read from the buffer and not yet accepted, the 20 longest queues. Falling: it catches up. Flat and high: the receiver refuses them or the link is too thin.",
        ),
        timeseries(
            "Log lines sent",
            query(topk(20, at_edge(sum_by(rate(lines_sent), "cluster", "node"))), "{{node}}"),
            minimum=0,
            why="Log lines per second of the 20 busiest nodes. A burst after a gap is a node that delivers what it kept.",
        ),
        timeseries(
            "Log lines given up",
            query(
                topk(20, at_edge(sum_by(rate(lines_dropped), "cluster", "node", "reason"))),
                "{{node}} {{reason}}",
            ),
            minimum=0,
            thresholds=above("any line given up is lost for good", red=0.001),
            limits=True,
            empty="No collector gave up a line",
            why="Lines that the collector of the node gave up. Let it retry for ever, and check the age limit and the rate limit of Loki.",
        ),
    ),
    collapsed=True,
)

dashboard = board(
    "Sedna / Edge nodes",
    fleet,
    buffered,
    link,
    hardware,
    log_row(logs("lc").where(node="$node"), "LC on the chosen nodes"),
    buffers,
    uid="sedna-edge-nodes",
    question="**Which edge nodes are offline, since when, and what runs there? Do they keep their data and catch up? Is their hardware fit?**",
    time="now-24h",
    variables=[
        metrics_source(),
        logs_source(),
        cluster(metric("kube_node_info")),
        label_values("node", metric("kube_node_role")(CLUSTER, role="edge"), title="Edge node", all_value=".*"),
        search_box(),
    ],
    annotations=[
        when("Nodes not ready", equals(ready("true"), 0), title="{{node}} is not ready"),
    ],
)
