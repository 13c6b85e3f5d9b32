"""Everything about one resource of any kind, found by its name."""

from sedna_dash.authoring import (
    CLUSTER,
    SPACE,
    STATUS_SIZE,
    Column,
    above,
    as_instant,
    board,
    board_column,
    board_of_kind,
    choice,
    cluster,
    colored,
    dataset_column,
    either,
    equals,
    increase,
    kinds,
    label_values,
    largest,
    last_over,
    last_time,
    line,
    log_lines,
    log_row,
    logs,
    logs_source,
    max_by,
    metric,
    metrics_source,
    namespace,
    node_column,
    of_owners,
    only_where,
    owners_cpu,
    owners_memory,
    pod_owners,
    query,
    query_values,
    relabel,
    row,
    search_box,
    stage_changes,
    stat,
    state_changes,
    state_timeline,
    states,
    sum_by,
    table,
    timeseries,
    to_board,
    topk,
    values,
    worker_table,
)

KINDS = (*kinds(), "Dataset", "Model")
JOB = ("cluster", "namespace", "kind", "name")
POD = ("cluster", "namespace", "pod")
CONTAINER = (*POD, "container")
DATASET = ("cluster", "namespace", "dataset")
MODEL = ("cluster", "namespace", "model")

info = metric("sedna_job_info")
state = metric("sedna_job_state")
stage_state = metric("sedna_job_stage_state")
transitions = metric("sedna_job_stage_transitions_total")
dataset_info = metric("sedna_dataset_info")
dataset_samples = metric("sedna_dataset_samples")
model_info = metric("sedna_model_info")
model_metric = metric("sedna_model_metric")
worker_info = metric("sedna_worker_info")

# Not $name: that one travels between boards, may be several, and may be All.
THIS = {**SPACE, "name": "$resource"}
job = {**THIS, "kind": "$kind"}
dataset = {**SPACE, "dataset": "$resource"}
model = {**SPACE, "model": "$resource"}
pods = {**SPACE, "pod": "$pod"}

owner = pod_owners({**job, "pod": "$pod"})

# Chosen once for the whole range: by when they started, or were last seen if they never did.
its_workers = worker_info({**job, "pod": "$pod"})
newest_pods = topk(
    12,
    either(
        max_by(
            only_where(largest(metric("sedna_worker_start_timestamp_seconds")(pods)), largest(its_workers), on=POD),
            *POD,
        ),
        max_by(last_time(its_workers), *POD),
    ),
)

worker_logs = logs("worker", SPACE).where(sedna_name="$resource", pod="$pod")
about_it = logs(("gm", "lc"), CLUSTER).like("(?:$resource)").containing("$search")


def named(selector, label: str, kind: str):
    """Series of a kind with labels of its own, under the labels that jobs and services have."""
    return max_by(relabel(relabel(selector, "name", label), "kind", label, ".*", kind), "kind", "name")


# What existed at some time in the chosen range, whatever its kind.
everything = either(
    either(
        max_by(last_over(info(SPACE), "$__range"), "kind", "name"),
        named(last_over(dataset_info(SPACE), "$__range"), "dataset", "Dataset"),
    ),
    named(last_over(model_info(SPACE), "$__range"), "model", "Model"),
)


def instant(name: str):
    """A date of each job or service."""
    return as_instant(max_by(metric(name)(job), *JOB))


# The trigger that can be wrong is that of the deploy stage, which the series itself does not say.
deploy_gate = relabel(metric("sedna_job_gate_misconfigured")(job), "stage", "kind", ".*", "Deploy")


def number(name: str):
    """A number of each job or service."""
    return max_by(metric(name)(job), *JOB)


now = row(
    "What it is, and how it is now",
    line(
        stat(
            "State",
            query(states(state(job), "state", by=JOB), "{{kind}} {{name}}"),
            background=True,
            empty="No job or service",
            height=5,
            why="State of the job or service, in the same five words for every kind. Failed: read the state history and the end of the logs below. Datasets and models have no state; see their own tables.",
        ),
        table(
            "Life",
            query(board_of_kind(states(state(job), "state", by=JOB)), "State"),
            query(states(metric("sedna_job_condition_status")(job), "status", by=JOB), "Condition"),
            query(states(metric("sedna_job_stage")(job), "stage", by=JOB), "Stage"),
            query(instant("sedna_job_created_timestamp_seconds"), "Created"),
            query(instant("sedna_job_start_timestamp_seconds"), "Started"),
            query(instant("sedna_job_last_transition_timestamp_seconds"), "Last change"),
            query(instant("sedna_job_completion_timestamp_seconds"), "Completed"),
            columns=[
                Column("kind", width=190),
                board_column(),
                Column("namespace", width=110),
                Column("State", width=90),
                Column("Condition", width=95),
                Column("Stage", width=80),
                Column("Created", width=125),
                Column("Started", width=125),
                Column("Last change", width=125),
                Column("Completed", width=125),
            ],
            sort="Last change",
            empty="No job or service of this name; see the datasets and models below",
            height=5,
            why="When it was created, when GM first handled it, when it last changed and when it completed. Created but never started: GM does not see it, look at GM's log below. Services and jobs that loop never complete.",
        ),
        shares=(1, 4),
    ),
    line(
        table(
            "What it uses",
            info(job),
            columns=[
                dataset_column(),
                Column(
                    "model",
                    links=(
                        to_board(
                            "sedna-datasets-models",
                            "The model",
                            cluster="$cluster",
                            namespace="field:namespace",
                            model="field:model",
                        ),
                    ),
                ),
                Column("hard_example_mining", "Mining", width=110),
            ],
            sort="dataset",
            descending=False,
            empty="No job or service of this name",
            height=4,
            why="Dataset, model and mining algorithm that the specification names. An empty field where you expect a name is a mistake in the specification.",
        ),
        table(
            "As a dataset",
            query(max_by(dataset_info(dataset), "cluster", "namespace", "dataset", "url", "format", "node"), "info"),
            query(max_by(dataset_samples(dataset), "cluster", "namespace", "dataset"), "Samples"),
            query(
                as_instant(
                    max_by(metric("sedna_dataset_update_timestamp_seconds")(dataset), "cluster", "namespace", "dataset")
                ),
                "Updated",
            ),
            columns=[
                Column("dataset", width=130),
                Column("Samples", width=105),
                Column("Updated", width=125),
                node_column(),
                Column("format", width=90),
                "url",
            ],
            sort="dataset",
            descending=False,
            empty="No dataset of this name",
            height=4,
            why="If a dataset has this name: its samples, when they last changed, and where it lies. No samples after a few minutes: the local controller of that node cannot read the file.",
        ),
        table(
            "As a model",
            query(max_by(model_info(model), "cluster", "namespace", "model", "url", "format"), "info"),
            query(
                as_instant(
                    max_by(metric("sedna_model_update_timestamp_seconds")(model), "cluster", "namespace", "model")
                ),
                "Updated",
            ),
            columns=["model", Column("Updated", width=125), Column("format", width=90), "url"],
            sort="model",
            descending=False,
            empty="No model of this name",
            height=4,
            why="If a model has this name: where it lies and when its status last changed. An old date although jobs train it: training never got as far as reporting metrics.",
        ),
        shares=(5, 6, 5),
    ),
)

history = row(
    "How it came here",
    line(
        state_timeline(
            "State history",
            query(states(state(job), "state", by=JOB), "{{kind}} {{name}}"),
            why="The state over time. Find where the colour turned, drag over it, and read the logs of those minutes below.",
        ),
        state_timeline(
            "Stage history",
            query(states(stage_state(job), "state", by=(*JOB, "stage")), "{{name}} {{stage}}"),
            why="Training, evaluation and deployment over time. A stage that returns to Waiting straight after Running failed in between; only jobs that learn in stages have bands here.",
        ),
    ),
    line(
        table(
            "Transitions in the time range",
            query(increase(transitions(job)) > 0.5, "Times"),
            columns=[
                "name",
                Column("stage", width=80, mapped=colored("Train", "Eval", "Deploy")),
                Column(
                    "state", width=100, mapped=colored("Waiting", "Ready", "Starting", "Running", "Completed", "Failed")
                ),
                Column("Times", width=85),
            ],
            sort="Times",
            empty="No stage changed its state in this time range",
            why="How often each stage entered each state. Many Failed and few Completed is a loop: stop the job and mend it before it fills its status.",
        ),
        timeseries(
            "Samples of the dataset",
            query(
                max_by(
                    either(dataset_samples(dataset), only_where(dataset_samples(SPACE), info(job), on=DATASET)),
                    "namespace",
                    "dataset",
                ),
                "{{namespace}}/{{dataset}}",
            ),
            steps=True,
            empty="No dataset of this name, and none that it reads",
            why="Number of samples of the dataset, or of the one that the job reads, over time. Flat for days: collection or labelling stopped. A step down: the index file was rewritten, and LC will miss what it had already counted.",
        ),
        timeseries(
            "New samples and the train trigger",
            query(
                max_by(metric("sedna:job_train_samples:new")(job), "namespace", "name"),
                "{{name}} new",
            ),
            query(
                max_by(
                    metric("sedna_job_trigger_threshold")(job, stage="Train", metric="num_of_samples"),
                    "namespace",
                    "name",
                ),
                "{{name}} starts training at",
                dashed=True,
            ),
            minimum=0,
            empty="No job that learns, or its trigger does not count samples",
            why="Samples that came since the train stage last changed its state, and the number at which training starts. Above the dashed line without a training: LC, the time window of the trigger, or the dataset on its node.",
        ),
        timeseries(
            "Metrics of the model",
            query(
                max_by(
                    either(model_metric(model), only_where(model_metric(SPACE), info(job), on=MODEL)),
                    "namespace",
                    "model",
                    "metric",
                ),
                "{{model}} {{metric}}",
            ),
            steps=True,
            empty="No model of this name, or it has no metrics yet",
            why="Each metric that the status of the model, or of the one that the job refers to, lists, over time. A step down after a deployment: the new model is worse on its own test; compare on the dashboard of the job.",
        ),
    ),
)

details = row(
    "Its numbers",
    table(
        "Numbers of the job",
        query(sum_by(metric("sedna_job_workers")(job, state="active"), *JOB), "Active workers"),
        query(number("sedna_job_iteration"), "Iteration"),
        query(number("sedna_job_train_loss"), "Loss"),
        query(number("sedna_job_train_learning_rate"), "Learning rate"),
        query(number("sedna_job_train_epochs"), "Epochs"),
        query(number("sedna_job_train_batch_size"), "Batch size"),
        query(number("sedna_job_status_conditions"), "Conditions"),
        query(number("sedna_job_status_bytes"), "Status size"),
        columns=[
            "name",
            "Active workers",
            "Iteration",
            "Loss",
            "Learning rate",
            "Epochs",
            "Batch size",
            "Conditions",
            Column("Status size", thresholds=STATUS_SIZE),
        ],
        sort="name",
        descending=False,
        empty="No job or service of this name",
        height=5,
        why="The plain numbers of the job. Watch the size of the status: etcd refuses more than 1.5 MiB and the job then stands still, so apply it afresh before that.",
    ),
    line(
        table(
            "What starts its stages",
            query(max_by(metric("sedna_job_trigger_threshold")(job), *JOB, "stage", "metric", "operator"), "Threshold"),
            query(max_by(deploy_gate, *JOB, "stage", "reason"), "Can never fire"),
            columns=[
                "name",
                "stage",
                "metric",
                "operator",
                "Threshold",
                Column("Can never fire", mapped=values({0: ("no", "green"), 1: ("yes", "red")})),
                "reason",
            ],
            sort="name",
            descending=False,
            empty="No triggers: only jobs that learn in stages have them",
            why="The condition that begins each stage. Red: the trigger compares with something that evaluation never reports, so the new model is never deployed; name one element, as in precision_delta[0].",
        ),
        table(
            "Its models",
            query(max_by(metric("sedna_job_model_info")(job), *JOB, "role", "format", "url"), "info"),
            columns=["name", "role", "format", "url"],
            sort="role",
            descending=False,
            empty="No model reported yet",
            why="Where each model of the job is stored and what it is used for. If deploy and train_output differ for long, the deploy trigger keeps the old model.",
        ),
    ),
    collapsed=True,
)

its_pods = row(
    "Its pods",
    line(
        worker_table(
            "Pods",
            its_workers,
            why="The pods that work for it now. Click a pod for its log or its resources, a node for its link and hardware.",
        ),
        table(
            "Ends and restarts",
            query(
                max_by(
                    of_owners(equals(metric("kube_pod_container_status_last_terminated_reason")(pods), 1), owner),
                    *CONTAINER,
                    "reason",
                ),
                "info",
            ),
            query(
                max_by(
                    of_owners(metric("kube_pod_container_status_last_terminated_exitcode")(pods), owner), *CONTAINER
                ),
                "Exit code",
            ),
            query(
                max_by(of_owners(metric("kube_pod_container_status_restarts_total")(pods), owner), *CONTAINER),
                "Restarts",
            ),
            columns=[
                "pod",
                "container",
                "reason",
                "Exit code",
                Column("Restarts", thresholds=above("orange from 1, red from 5", orange=1, red=5)),
            ],
            sort="Restarts",
            empty="No pods of this choice have ended or restarted",
            why="Why each container last ended, and how often it restarted. OOMKilled: raise the memory limit or make the batch smaller; Error: the traceback is at the end of the log of the pod.",
        ),
    ),
    line(
        state_timeline(
            "Phase of its twelve newest pods",
            query(
                only_where(states(metric("kube_pod_status_phase")(pods), "phase", by=POD), newest_pods, on=POD),
                "{{pod}}",
            ),
            height=10,
            empty="No pods of this choice",
            why="What Kubernetes says of each pod, over time, also of those that are gone. Long Pending: no node fits, or the image is still on its way over a thin link. Unknown: the node is out of reach.",
        ),
        timeseries(
            "CPU",
            query(
                sum_by(owners_cpu(pods, owner), "pod"),
                "{{pod}}",
            ),
            minimum=0,
            empty="No pods of this choice, or their container metrics (cAdvisor) are not scraped",
            why="CPU cores in use by each pod. Near zero in a running stage: it waits for data or hangs.",
        ),
        timeseries(
            "Memory",
            query(
                sum_by(owners_memory(pods, owner), "pod"),
                "{{pod}}",
            ),
            minimum=0,
            empty="No pods of this choice, or their container metrics (cAdvisor) are not scraped",
            why="Memory of each pod. A line that climbs until it breaks off ended out of memory: see the reason above.",
        ),
    ),
)

managers = row(
    "What GM and LC say about it",
    log_lines(
        "Lines of GM and LC with this name",
        about_it,
        height=10,
        why="Lines of the managers that mention this name and hold the text in Search. A resource that never started leaves its reason here, not in a worker's log.",
    ),
)

dashboard = board(
    "Sedna / Inspector",
    now,
    history,
    details,
    its_pods,
    log_row(worker_logs, "its workers"),
    managers,
    uid="sedna-inspector",
    question="**What is the state of this job, service, dataset or model, now and before? Why?** Choose its name at the top; the kind narrows the list of names.",
    time="now-24h",
    variables=[
        metrics_source(),
        logs_source(),
        cluster(),
        namespace(),
        choice("kind", KINDS),
        query_values("resource", everything, "name", given={"kind": "$kind"}, title="Name", single=True),
        label_values("pod", worker_info(job), all_value=".*"),
        search_box(),
    ],
    annotations=[state_changes(job, shown=False), stage_changes(job)],
)
