"""Federated learning: nodes train on data that stays with them, and share only what they learned."""

from sedna_dash.authoring import (
    NAME,
    SPACE,
    Column,
    above,
    as_instant,
    at_instants,
    below,
    board,
    column,
    dataset_column,
    equals,
    gauge,
    job_variables,
    join,
    label_values,
    line,
    lines_then,
    log_row,
    logs,
    max_by,
    metric,
    min_by,
    name_column,
    node_column,
    only_where,
    pie_chart,
    query,
    rate,
    ratio,
    row,
    search_box,
    stat,
    state_timeline,
    states,
    status_history,
    sum_by,
    table,
    timeseries,
    to_board,
    when,
    worker_count,
    worker_table,
)

KIND = "FederatedLearningJob"
JOB = ("cluster", "namespace", "name")
NODE = (*JOB, "node")
NOTHING_TRAINS = "No chosen job is training"

info = metric("sedna_job_info")
state = metric("sedna_federated_train_state")
participants = metric("sedna_federated_participant_info")
samples = metric("sedna_federated_participant_samples")
node_round = metric("sedna_federated_participant_round")

worker_logs = logs("worker", SPACE, worker_type=("train", "aggregation")).where(sedna_name="$name", node="$node")

# As GM calls it: what workers report comes with the first round, and is missing when a node is.
training = equals(metric("sedna_job_state")(NAME, kind=KIND, state="Running"), 1)
done = max_by(metric("sedna_federated_round")(NAME), *JOB)
target = max_by(metric("sedna_federated_rounds_target")(NAME), *JOB)
last_round = max_by(metric("sedna_federated_round_timestamp_seconds")(NAME), *JOB)
missing = only_where(max_by(metric("sedna:federated_participants:missing")(NAME), *JOB), training, on=JOB)
newest = max_by(node_round(NAME), *JOB)
trained = max_by(node_round(NAME, node="$node"), *NODE)
# As many series as nodes, each with the newest round of its job, less the node's own round.
behind = join(trained * 0 + 1, newest, on=JOB) - trained

lines_of_job = lines_then(cluster="$cluster", namespace="label:namespace", name="label:name")

progress = row(
    "How far is it",
    line(
        state_timeline(
            "Training",
            query(states(state(NAME), "state", by=JOB), "{{namespace}}/{{name}}"),
            why="State of each job. Failed: look at the log of the aggregation worker first, it waits for all the others.",
        ),
        column(
            gauge(
                "Rounds done",
                query(ratio(done, target), "{{name}}"),
                maximum=1,
                height=4,
                empty="No job has a last round",
                why="Finished rounds of all those the job is to run. Jobs without a last round are missing here; they train until somebody stops them.",
            ),
            stat(
                "Round",
                query(done, "{{name}}"),
                query(target, "{{name}} to run"),
                why="Aggregations that each job has finished, and how many it is to run. Standing still while the job trains: see who is behind below.",
            ),
        ),
        shares=(3, 2),
    ),
    line(
        stat(
            "Time left",
            query(
                max_by(metric("sedna:federated_remaining:seconds")(NAME), *JOB),
                "{{name}}",
            ),
            empty="No round in the last hour, or no last round",
            why="Time until the last round, at the pace of the last hour. Growing instead of shrinking means that rounds become slower: find the slowest node below.",
        ),
        stat(
            "Since the last round",
            query(
                only_where(max_by(metric("sedna:federated_round_age:seconds")(NAME), *JOB), training, on=JOB),
                "{{name}}",
            ),
            thresholds=above("orange after half an hour, red after an hour without a round", orange=1800, red=3600),
            empty=NOTHING_TRAINS,
            why="Time since the last finished round of jobs that train. The aggregator waits for every node: a node that is off, or slow, stops all.",
        ),
        stat(
            "Missing nodes",
            query(missing, "{{name}}"),
            thresholds=above("red as soon as one node is missing", red=1),
            empty=NOTHING_TRAINS,
            why="Training workers that a training job asks for and that do not run. One is enough to stop the rounds: bring its node back, or take it out of the job.",
            links=[to_board("sedna-edge-nodes", "Edge nodes", cluster="$cluster", node="$node")],
        ),
        worker_count(KIND),
        stat(
            "Size of the status",
            query(max_by(metric("sedna_job_status_bytes")(NAME, kind=KIND), *JOB), "{{name}}"),
            thresholds=above(
                "orange from 1 MB, red from 1.4 MB; at 1.5 MiB Kubernetes refuses further updates",
                orange=1_000_000,
                red=1_400_000,
            ),
            why="Sedna adds an entry to the status for every worker and round and never removes one. When it comes near the limit, end the job and start a new one from its model.",
        ),
    ),
    line(
        timeseries(
            "Rounds over time",
            query(done, "{{name}} finished"),
            query(newest, "{{name}} fastest node", dashed=True),
            query(min_by(trained, *JOB), "{{name}} slowest node", dashed=True),
            steps=True,
            minimum=0,
            links=[lines_of_job],
            why="Finished aggregations, and the rounds that the fastest and the slowest node train. The lines belong close together; the slowest falling away shows since when a node has been holding up the rest.",
        ),
        timeseries(
            "Time for a round",
            query(
                max_by(metric("sedna:federated_round_seconds:avg1h")(NAME), *JOB),
                "{{name}}",
            ),
            minimum=0,
            empty="No round in the last hour",
            links=[lines_of_job],
            why="Mean time of one round over the last hour. A step upwards is a slower node, more samples, or a slower link; compare with the bytes exchanged below.",
        ),
        shares=(3, 2),
    ),
)

nodes = row(
    "Who takes part, and who holds it up",
    line(
        status_history(
            "Rounds behind the fastest node",
            query(behind, "{{name}} {{node}}"),
            unit="short",
            thresholds=above("green with the fastest, yellow one round behind, red from three rounds", yellow=1, red=3),
            why="Each node's lag, moment by moment. One red row is a slow or absent node; many red rows at the same time are the network or the aggregator.",
        ),
        pie_chart(
            "Weight of each node",
            query(max_by(samples(NAME, node="$node"), *NODE, "dataset"), "{{name}} {{node}}"),
            why="Share of the samples at each node. Averaging weighs nodes by their samples, so this is how much each one shapes the model: one node with most of them makes the others nearly useless.",
        ),
        shares=(3, 2),
    ),
    table(
        "Nodes that train",
        query(max_by(participants(NAME, node="$node"), *NODE, "dataset"), "asked for"),
        query(max_by(samples(NAME, node="$node"), *NODE, "dataset"), "samples"),
        query(trained, "round"),
        query(behind, "behind"),
        columns=[
            name_column("Job", kind=KIND),
            node_column(),
            dataset_column(),
            Column(
                "samples",
                thresholds=below("red for a node without samples", red=1),
            ),
            "round",
            Column("behind", "Rounds behind", thresholds=above("as in the picture above", yellow=1, red=3)),
        ],
        sort="behind",
        why="Every node that a job asks for, with its dataset, its samples and the round that it trains now. The lowest round of a job is that of the node its others wait for. No round at all: the worker on that node has not begun, or its log is not collected.",
    ),
)

model = row(
    "Is the model getting better",
    line(
        timeseries(
            "Values of the global model",
            query(
                only_where(
                    metric("sedna_model_metric")(SPACE),
                    info(NAME, kind=KIND),
                    on=("cluster", "namespace", "model"),
                ),
                "{{model}} {{metric}}",
            ),
            why="What the model of the job reports about itself. Flat over many rounds: training has converged, and the job may end.",
            links=[
                to_board(
                    "sedna-datasets-models",
                    "Models",
                    cluster="$cluster",
                    namespace="$namespace",
                )
            ],
        ),
        timeseries(
            "Samples behind the model, from the log",
            query(
                worker_logs.containing("recv weight")
                .extract(r"total_sample: (?P<total>\d+)", "total")
                .largest("total", "sedna_name"),
                "{{sedna_name}}",
            ),
            minimum=0,
            links=[lines_then(cluster="$cluster", name="label:sedna_name", search="recv weight")],
            why="Samples that the aggregator counted when it sent the new weights. Fewer than the nodes hold together: a node did not take part in that round.",
        ),
        timeseries(
            "Weights sent and received",
            query(
                sum_by(rate(metric("sedna_federated_update_bytes_total")(NAME, node="$node")), "direction"),
                "{{direction}}",
            ),
            minimum=0,
            why="Bytes per second of model weights between the nodes and the aggregator: the only training traffic, as data stays where it is. Only the worker hook measures it.",
        ),
    ),
)

pods = row(
    "Pods",
    worker_table(
        "Workers in detail",
        metric("sedna_worker_info")(NAME, kind=KIND, node="$node"),
    ),
    collapsed=True,
)

dashboard = board(
    "Sedna / Federated learning",
    progress,
    nodes,
    model,
    pods,
    log_row(worker_logs, "the train and aggregation workers"),
    uid="sedna-federated-learning",
    question="**Which round is it, how many are left, and who holds it up? Who takes part, with how much data? Is the global model getting better?**",
    time="now-24h",
    variables=[
        *job_variables(KIND),
        label_values("node", participants(NAME), all_value=".*"),
        search_box(),
    ],
    annotations=[
        at_instants("Rounds", as_instant(last_round), title="{{name}}: round finished", shown=False),
        when("Missing nodes", missing > 0, title="{{name}}: a node is missing"),
    ],
)
