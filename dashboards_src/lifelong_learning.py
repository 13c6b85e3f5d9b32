"""Lifelong learning: the knowledge base grows task by task, and unseen tasks are learned."""

from sedna_dash.authoring import (
    CLUSTER,
    NAME,
    SPACE,
    Column,
    as_instant,
    below,
    board,
    choice,
    column,
    count_by,
    either,
    equals,
    gauge,
    histogram,
    increase,
    job_variables,
    label_join,
    label_values,
    line,
    lines_then,
    log_row,
    logs,
    max_by,
    metric,
    model_table,
    name_column,
    node_column,
    node_graph,
    only_where,
    open_logs,
    or_zero,
    pie_chart,
    pod_column,
    query,
    rate,
    ratio,
    relabel,
    row,
    search_box,
    since,
    stage_annotations,
    stage_samples,
    stage_timelines,
    stat,
    states,
    stuck_stages,
    sum_by,
    table,
    text,
    timeseries,
    training_settings,
    values,
)

KIND = "LifelongLearningJob"
JOB = ("cluster", "namespace", "name")
TASK = (*JOB, "task")
POD = ("cluster", "namespace", "pod")

workers = metric("sedna_job_workers")
tasks = metric("sedna_job_tasks")
score = metric("sedna_job_task_score")
deployable = metric("sedna_job_task_deployable")
filter_limit = metric("sedna_job_model_filter_threshold")
filter_operator = metric("sedna_job_model_filter_operator")
inferred = metric("sedna_inference_samples_total")
waiting = metric("sedna_inference_samples_ready")
unseen = metric("sedna_job_knowledge_unseen_samples")
worker_info = metric("sedna_worker_info")
group_samples = metric("sedna_knowledge_base_task_group_samples")
known_task = metric("sedna_knowledge_base_task_info")
relation = metric("sedna_knowledge_base_task_transfer_ratio")

worker_logs = logs("worker", SPACE, worker_type=("train", "eval", "inference")).where(sedna_name="$name")

PASSES = values({0: ("Dropped", "red"), 1: ("Passes", "green")})
DEPLOYED = values({0: ("No", "#8e8e8e"), 1: ("Yes", "green")})


def of_these_jobs(expr):
    """Only the pods of the chosen jobs; metrics of single pods do not name the job."""
    return only_where(max_by(expr, *POD), worker_info(NAME, kind=KIND), on=POD)


progress = row(
    "Where is it",
    stage_timelines(KIND),
    line(
        stat(
            "Newest condition",
            query(
                states(metric("sedna_job_condition_status")(NAME, kind=KIND), "status", by=JOB),
                "{{name}}",
            ),
            why="Whether the newest condition of the job holds. False or Unknown: read the message of the condition in the job's status, then the log of its worker.",
        ),
        stat(
            "Deployment",
            query(states(metric("sedna_job_deploy_state")(NAME, kind=KIND), "state", by=JOB), "{{name}}"),
            why="Result of the last deploy stage. NotOK: the new models do not serve; read the log of the inference worker.",
        ),
        stat(
            "Tasks",
            query(or_zero(sum_by(tasks(NAME, kind=KIND, state="active"))), "active"),
            query(or_zero(sum_by(tasks(NAME, kind=KIND))), "all"),
            why="Workers that train or infer: those that are active, and all. None active while the stage says Running: the pod cannot start, see the table of workers below.",
        ),
        stat(
            "Workers",
            query(or_zero(sum_by(workers(NAME, kind=KIND, state="active"))), "active"),
            query(or_zero(sum_by(workers(NAME, kind=KIND))), "all"),
            why="Worker pods of every stage: those that are active, and all. Finished ones stay in the total until Kubernetes removes them.",
        ),
        stuck_stages(KIND),
        stat(
            "Knowledge base",
            query(max_by(metric("sedna_knowledge_base_up")(CLUSTER), "cluster"), "answers"),
            mapped=values({0: ("Unreadable", "red"), 1: ("Answers", "green")}),
            why="Whether the knowledge base could be read just now. Unreadable: training and inference cannot load or save tasks either; look at its pod and its disk.",
            links=[open_logs("Log of the knowledge base", app="kb", cluster="$cluster")],
        ),
    ),
)

growth = row(
    "Does knowledge grow",
    line(
        timeseries(
            "What the knowledge base holds",
            query(sum_by(metric("sedna_knowledge_base_tasks")(CLUSTER)), "known tasks"),
            query(sum_by(metric("sedna_knowledge_base_task_groups")(CLUSTER)), "task groups"),
            query(sum_by(metric("sedna_knowledge_base_models")(CLUSTER)), "models"),
            query(sum_by(metric("sedna_job_knowledge_models")(NAME)), "models, as the jobs report", dashed=True),
            query(sum_by(metric("sedna_job_knowledge_classes")(NAME)), "classes, as the jobs report", dashed=True),
            steps=True,
            minimum=0,
            why="Tasks, groups and models of the whole cluster, and what the chosen jobs report. Flat while unseen tasks keep coming in: nothing is learned from them, so label them and train.",
        ),
        timeseries(
            "Samples of training and evaluation",
            *stage_samples(KIND),
            minimum=0,
            why="Samples in the whole dataset, and those given to training and evaluation: as the local controller logged, otherwise estimated. No growth between two trainings means that the second one learned nothing new.",
        ),
    ),
    line(
        timeseries(
            "Unseen tasks",
            query(worker_logs.containing("Unseen task is detected").count("sedna_name"), "{{sedna_name}}"),
            bars=True,
            stacked=True,
            why="How often inference met a task that it does not know, from the log. A burst means that the world changed: gather and label these samples.",
            links=[lines_then(cluster="$cluster", name="label:sedna_name", search="Unseen task is detected")],
        ),
        pie_chart(
            "Unseen samples",
            query(sum_by(unseen(NAME, labeled="true")), "labelled"),
            query(sum_by(unseen(NAME, labeled="false")), "not labelled"),
            why="Samples of unseen tasks that the jobs report. Those without labels cannot be learned: have somebody label them.",
        ),
        shares=(3, 1),
    ),
)

verdict = row(
    "Which tasks may be deployed",
    line(
        gauge(
            "Tasks that may be deployed",
            query(
                ratio(sum_by(deployable(NAME, task="$task"), *JOB), count_by(deployable(NAME, task="$task"), *JOB)),
                "{{name}}",
            ),
            thresholds=below("orange below half of the tasks, red below a tenth", orange=0.5, red=0.1),
            maximum=1,
            height=8,
            why="Share of evaluated tasks that pass the model filter. Next to none: look at the comparison first, as Sedna's own default drops the tasks with the high scores.",
        ),
        table(
            "Tasks and their scores",
            query(max_by(score(NAME, task="$task"), *TASK), "score"),
            query(max_by(deployable(NAME, task="$task"), *TASK), "verdict"),
            columns=[
                "task",
                Column("score", bar=True),
                Column("verdict", "Model filter", mapped=PASSES),
                name_column("Job", kind=KIND),
            ],
            sort="score",
            why="Score of each task at its last evaluation, and whether the model filter lets it pass. A task that always scores low needs more samples of its own, or a place in another group.",
        ),
        column(
            histogram(
                "How scores are spread",
                query(max_by(score(NAME, task="$task"), *TASK), "{{task}}"),
                height=5,
                why="Number of tasks by score. Two heaps: some tasks are learned well and some not at all, so split the groups; compare with the limit of the filter.",
            ),
            table(
                "Model filter",
                query(
                    max_by(equals(filter_operator(NAME, kind=KIND), 1), *JOB, "operator"),
                    "set",
                ),
                query(max_by(filter_limit(NAME, kind=KIND), *JOB), "limit"),
                columns=[name_column("Job", kind=KIND), Column("operator", "Drops scores"), "limit"],
                height=5,
                why="Which scores the model filter drops. Sedna's default is > 0.1, which drops the good tasks when higher is better: set the environment variable operator of the eval worker to <.",
            ),
        ),
        shares=(3, 5, 4),
    ),
)

inference = row(
    "What inference does",
    text(
        "Where these come from",
        "Stock Sedna does not count what inference handles. These panels fill once the worker hook runs in the inference workers.",
        height=2,
    ),
    line(
        gauge(
            "Samples already inferred",
            query(metric("sedna:inference_completion:ratio")(NAME), "{{name}}"),
            thresholds=below("orange below nine in ten, red below half", orange=0.9, red=0.5),
            maximum=1,
            height=8,
            why="Share of all samples that inference has done, of those done, failed and waiting. Falling: more arrive than the worker can handle.",
        ),
        stat(
            "Done, waiting and failed",
            query(sum_by(inferred(NAME, result="done")), "done", color="green"),
            query(sum_by(waiting(NAME)), "waiting", color="yellow"),
            query(sum_by(inferred(NAME, result="error")), "failed", color="red"),
            height=8,
            why="Samples since the workers began. Failed ones are lost until they are sent again: the log of the inference worker names the reason.",
        ),
        timeseries(
            "Inference of known and unknown tasks",
            query(sum_by(rate(inferred(NAME)), "task", "result"), "{{task}} {{result}}"),
            minimum=0,
            links=[lines_then(cluster="$cluster", namespace="$namespace", name="$name")],
            why="Samples per second, by whether the task is known and how it ended. Unknown overtaking known: the models no longer fit what they see.",
        ),
        pie_chart(
            "Known against unknown",
            query(sum_by(increase(inferred(NAME)), "task"), "{{task}}"),
            why="Share of samples in the chosen time range whose task is known. The unknown part is the next thing to learn.",
        ),
        shares=(3, 4, 7, 4),
    ),
)

models = row(
    "Models, settings and workers",
    line(
        model_table(
            KIND,
            why="Where the results of training, evaluation and deployment are stored; in lifelong learning this is an index of the knowledge base. If evaluated and deployed differ, the new index was not taken over.",
        ),
        training_settings(KIND),
        shares=(3, 2),
    ),
    table(
        "Tasks and workers in detail",
        query(
            max_by(
                worker_info(NAME, kind=KIND),
                *POD,
                "name",
                "worker_type",
                "work",
                "location",
                "node",
            ),
            "pods",
        ),
        query(
            only_where(
                states(metric("sedna_worker_state")(SPACE), "state", by=POD), worker_info(NAME, kind=KIND), on=POD
            ),
            "state",
        ),
        query(as_instant(of_these_jobs(metric("sedna_worker_start_timestamp_seconds")(SPACE))), "started"),
        query(of_these_jobs(metric("sedna:worker_duration:seconds")(SPACE)), "duration"),
        columns=[
            name_column("Job", kind=KIND),
            pod_column(),
            "work",
            "state",
            "started",
            "duration",
            Column("worker_type", "Type"),
            "location",
            node_column(),
        ],
        sort="started",
        why="Every worker: what it does, where, since when, for how long, and whether it lives. Click a dead one for its log.",
    ),
    collapsed=True,
)

# The nodes of the picture are groups and tasks, an edge is a task's place in a group.
graph_nodes = either(
    relabel(relabel(max_by(group_samples(CLUSTER), "group"), "id", "group", "(.*)", "group $1"), "title", "group"),
    relabel(
        relabel(count_by(relation(CLUSTER, task="$task"), "task"), "id", "task", "(.*)", "task $1"), "title", "task"
    ),
)
graph_edges = label_join(
    relabel(
        relabel(max_by(relation(CLUSTER, task="$task"), "group", "task"), "source", "group", "(.*)", "group $1"),
        "target",
        "task",
        "(.*)",
        "task $1",
    ),
    "id",
    " ",
    "source",
    "target",
)

knowledge = row(
    "Inside the knowledge base",
    line(
        table(
            "Server of the knowledge base",
            query(metric("sedna_knowledge_base_info")(CLUSTER)),
            columns=[Column("server", "Address"), "location", node_column()],
            height=6,
            why="Where the knowledge base that training and evaluation use runs. No row: it is not installed, and lifelong learning cannot work.",
        ),
        timeseries(
            "Own metrics",
            query(
                metric("sedna_knowledge_base_custom_").any_name(CLUSTER),
                "{{__name__}}",
            ),
            height=6,
            empty="Nobody has registered a metric in the knowledge base",
            why="Metrics that users registered in the knowledge base, by their own names. What they mean is up to whoever registered them.",
        ),
        shares=(2, 3),
    ),
    line(
        timeseries(
            "Samples in the knowledge base",
            query(
                sum_by(metric("sedna_knowledge_base_samples")(CLUSTER), "data_type"),
                "{{data_type}}",
            ),
            steps=True,
            minimum=0,
            why="Stored samples of the whole cluster, by what they are for, added up over all updates. Few for evaluation: the scores below are not worth much.",
        ),
        stat(
            "Last write",
            query(
                since(max_by(metric("sedna_knowledge_base_last_update_timestamp_seconds")(CLUSTER), "cluster")),
                "ago",
            ),
            query(max_by(metric("sedna_knowledge_base_database_bytes")(CLUSTER), "cluster"), "size"),
            height=8,
            why="Time since the knowledge base was last written, and the size of its database. Older than the last training: the training could not save what it learned.",
        ),
        shares=(3, 1),
    ),
    line(
        table(
            "Task groups",
            query(max_by(group_samples(CLUSTER), "cluster", "group"), "samples"),
            query(max_by(metric("sedna_knowledge_base_task_group_deployed")(CLUSTER), "cluster", "group"), "deployed"),
            query(max_by(metric("sedna_knowledge_base_task_model_info")(CLUSTER), "cluster", "group", "url"), "model"),
            columns=["group", "samples", Column("deployed", mapped=DEPLOYED), Column("url", "Model file")],
            sort="samples",
            why="Each group with its samples, the file in which its model is saved and from which it is loaded, and whether it is deployed. Repeated uploads of samples count again.",
        ),
        table(
            "Known tasks",
            query(max_by(known_task(CLUSTER, task="$task"), "cluster", "task", "attributes"), "known"),
            query(
                max_by(
                    metric("sedna_knowledge_base_task_sample_info")(CLUSTER, task="$task"), "cluster", "task", "url"
                ),
                "sampled",
            ),
            columns=["task", "attributes", Column("url", "Samples stored at")],
            sort="task",
            descending=False,
            why="Each known task with the attributes that tell it from others, and where its samples are. Stock Sedna stores no path of samples.",
        ),
    ),
    node_graph(
        "Tasks and their groups",
        graph_nodes,
        graph_edges,
        why="Which tasks share a group, and with it a model. The number at a line is the weight of the task in its group; a group shows its samples, a task its number of groups. A group with very many tasks serves none of them well.",
    ),
    table(
        "Precision of each model",
        query(max_by(metric("sedna_job_knowledge_model_precision")(NAME), *JOB, "model"), "precision"),
        columns=[
            name_column("Job", kind=KIND),
            "model",
            Column(
                "precision",
                unit="ratio",
                thresholds=below("orange below 0.8, red below 0.5", orange=0.8, red=0.5),
            ),
        ],
        sort="precision",
        descending=False,
        empty="No job reports the precision of its models",
        why="Average precision of each model that the jobs report. Retrain the task group whose model lags.",
    ),
    collapsed=True,
)

dashboard = board(
    "Sedna / Lifelong learning",
    progress,
    growth,
    verdict,
    inference,
    models,
    knowledge,
    log_row(worker_logs, "the train, eval and inference workers"),
    uid="sedna-lifelong-learning",
    question="**Which stage is each job in? Does knowledge grow? Which tasks may be deployed, and which does the filter drop? How many samples are unseen, waiting or failed?**",
    time="now-7d",
    variables=[
        *job_variables(KIND),
        choice("stage", ("Train", "Eval", "Deploy")),
        label_values("task", score(NAME), all_value=".*"),
        search_box(),
    ],
    annotations=stage_annotations(KIND),
)
