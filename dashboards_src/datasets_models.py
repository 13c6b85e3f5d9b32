"""Datasets and models: what there is to learn from, and what came out of it."""

from sedna_dash.authoring import (
    DAY,
    SPACE,
    Column,
    above,
    as_instant,
    at_instants,
    bar_chart,
    bar_gauge,
    below,
    board,
    board_column,
    board_of_kind,
    cluster,
    count_by,
    delta,
    either,
    equals,
    histogram,
    increase,
    label_values,
    largest,
    line,
    logs_source,
    max_by,
    metric,
    metrics_source,
    namespace,
    node_column,
    only_where,
    or_zero,
    pie_chart,
    query,
    relabel,
    row,
    since,
    stat,
    sum_by,
    table,
    timeseries,
    topk,
    unless_where,
)

DATASET = {**SPACE, "dataset": "$dataset"}
MODEL = {**SPACE, "model": "$model"}
JOB = ("cluster", "namespace", "kind", "name")
OF_DATASET = ("cluster", "namespace", "dataset")
OF_MODEL = ("cluster", "namespace", "model")

dataset_info = metric("sedna_dataset_info")
samples = metric("sedna_dataset_samples")
dataset_updated = metric("sedna_dataset_update_timestamp_seconds")
model_info = metric("sedna_model_info")
model_value = metric("sedna_model_metric")
model_updated = metric("sedna_model_update_timestamp_seconds")
job_info = metric("sedna_job_info")
transitions = metric("sedna_job_stage_transitions_total")
stage_changed = metric("sedna_job_stage_transition_timestamp_seconds")
deploy_state = metric("sedna_job_deploy_state")

# Federated jobs name a dataset for each node instead of one for the job.
federated = relabel(metric("sedna_federated_participant_info")(DATASET), "kind", "name", ".*", "FederatedLearningJob")
users = either(max_by(job_info(DATASET), *JOB, "dataset"), max_by(federated, *JOB, "dataset"))
unused_datasets = unless_where(max_by(dataset_info(DATASET), *OF_DATASET), users, on=OF_DATASET)
stale = since(max_by(dataset_updated(DATASET), *OF_DATASET)) > 2 * 86400

# Scores lie between 0 and 1; losses, latencies and whatever else a model reports would flatten them.
kept_small = max_by(largest(model_value(MODEL)), *OF_MODEL, "metric") <= 1
value = max_by(model_value(MODEL), *OF_MODEL, "metric")
scores = only_where(value, kept_small, on=(*OF_MODEL, "metric"))
other_values = unless_where(value, kept_small, on=(*OF_MODEL, "metric"))

deployed_jobs = only_where(
    max_by(stage_changed(SPACE, stage="Deploy"), *JOB), equals(deploy_state(SPACE, state="OK"), 1), on=JOB
)
chosen_deployments = only_where(deployed_jobs, job_info(MODEL), on=JOB)

overview = row(
    "What there is",
    line(
        stat(
            "Datasets",
            query(or_zero(count_by(dataset_info(DATASET))), "datasets"),
            why="Datasets in the chosen namespaces. Fewer than you applied: the exporter may not watch that namespace.",
        ),
        stat(
            "Samples",
            query(sum_by(samples(DATASET)), "samples"),
            trend=True,
            why="Samples of all chosen datasets, with their course behind. It should only rise; a fall means that data was removed.",
        ),
        stat(
            "Empty datasets",
            query(or_zero(count_by(equals(max_by(samples(DATASET), *OF_DATASET), 0))), "empty"),
            thresholds=above("red as soon as one dataset is empty", red=1),
            why="Datasets without a sample. Mostly a wrong path, or a node that does not hold the files: see the table below and the log of the local controller there.",
        ),
        stat(
            "Unchanged for 2 days",
            query(or_zero(count_by(stale)), "unchanged"),
            thresholds=above("orange as soon as one dataset has stopped growing", orange=1),
            why="Datasets whose number of samples has not changed for two days. Fine for an archive; for a camera it means that nothing arrives any more.",
        ),
        stat(
            "Unused datasets",
            query(or_zero(count_by(unused_datasets)), "unused"),
            why="Datasets that no job or service reads. They may be left over, or misspelt in the job that should read them: they are listed below.",
        ),
        stat(
            "Models",
            query(or_zero(count_by(model_info(MODEL))), "models"),
            why="Models in the chosen namespaces. A model that a job refers to and that is not here keeps the job from starting.",
        ),
    ),
)

datasets = row(
    "Datasets: how much, does it grow, who needs it",
    line(
        table(
            "Datasets and where they lie",
            query(max_by(dataset_info(DATASET), *OF_DATASET, "node", "format", "url"), "known"),
            query(max_by(samples(DATASET), *OF_DATASET), "samples"),
            query(max_by(delta(samples(DATASET), DAY), *OF_DATASET), "growth"),
            query(as_instant(max_by(dataset_updated(DATASET), *OF_DATASET)), "updated"),
            columns=[
                "dataset",
                Column("samples", thresholds=below("red for an empty dataset", red=1)),
                Column("growth", "Last 24 hours", thresholds=below("orange where samples were lost", orange=0)),
                "updated",
                "format",
                node_column(),
                Column("url", "Stored at"),
            ],
            sort="samples",
            why="Every dataset with its samples, what the last 24 hours brought, and its place. An empty one: check that the file is on that node. A shrinking one: somebody deleted data that jobs may still need.",
        ),
        pie_chart(
            "Share of each dataset, ten largest",
            query(topk(10, max_by(samples(DATASET), *OF_DATASET)), "{{dataset}}"),
            why="How the samples are spread over the ten largest datasets. One that outweighs all others will dominate what is trained from them together.",
        ),
        shares=(3, 1),
    ),
    line(
        timeseries(
            "Samples over time",
            query(max_by(samples(DATASET), *OF_DATASET), "{{dataset}}"),
            minimum=0,
            why="Samples in each dataset. A line that turns flat: find out what feeds it. A step downwards: data was removed.",
        ),
        timeseries(
            "Samples gained in a day",
            query(max_by(delta(samples(DATASET), DAY), *OF_DATASET), "{{dataset}}"),
            why="What the 24 hours before each moment brought to each dataset. Below zero it lost samples. A usual day's gain tells how soon the next training starts.",
        ),
        histogram(
            "How large datasets are",
            query(max_by(samples(DATASET), *OF_DATASET), "{{dataset}}"),
            why="Number of datasets by size. Many small ones at the left: join them, or train federated, as each alone is too little to learn from.",
        ),
        shares=(2, 2, 1),
    ),
    line(
        table(
            "Who uses a dataset",
            query(board_of_kind(users)),
            columns=["dataset", "kind", board_column("Used by"), "namespace"],
            sort="dataset",
            descending=False,
            why="Every job and service that reads a chosen dataset. Look here before you change or delete it; click a name for its dashboard.",
        ),
        table(
            "Datasets that nobody uses",
            query(unused_datasets),
            columns=["dataset", "namespace"],
            sort="dataset",
            descending=False,
            empty="Every dataset is used",
            why="Datasets that no job or service reads. Left over from a job that is gone, or misspelt in the one that should use it; ask the owner before you delete one.",
        ),
        shares=(3, 2),
    ),
)

models = row(
    "Models: how good, how old, from where",
    line(
        table(
            "Models and where they lie",
            query(max_by(model_info(MODEL), *OF_MODEL, "format", "url"), "known"),
            query(as_instant(max_by(model_updated(MODEL), *OF_MODEL)), "updated"),
            query(count_by(job_info(MODEL), *OF_MODEL), "used by"),
            columns=["model", "updated", Column("used by", "Jobs"), "format", Column("url", "Stored at")],
            sort="updated",
            why="Every model, when its status last changed, and how many jobs and services refer to it. Never updated: no job has written to it yet.",
        ),
        table(
            "Values of the models",
            query(value, "value"),
            columns=["model", "metric", "value"],
            sort="model",
            descending=False,
            why="Every value that a model reports about itself, under the key that its job chose. A value that is missing was not a number.",
        ),
        shares=(3, 2),
    ),
    line(
        timeseries(
            "Scores over time",
            query(scores, "{{model}} {{metric}}"),
            steps=True,
            empty="No model has reported a value between 0 and 1",
            why="Values that stay below 1, such as accuracy, precision and small losses, as they changed with the versions of each model. A step to the worse at an update: go back to the version before.",
        ),
        timeseries(
            "Other values over time",
            query(other_values, "{{model}} {{metric}}"),
            steps=True,
            logarithmic=True,
            empty="No model has reported a value above 1",
            why="Values that were above 1 at some time, such as losses and latencies, on a scale that shows small and large ones. A loss falls and then flattens; a latency that steps up at an update makes the service slower.",
        ),
        bar_chart(
            "Scores side by side",
            max_by(scores, "model", "metric"),
            across="metric",
            split="model",
            stacked=False,
            empty="No model has reported a value between 0 and 1",
            why="The same score of several models beside each other, for choosing one. Choose few models at the top, and only those that solve the same problem; what is no score stands in the table above.",
        ),
    ),
    line(
        table(
            "Age of deployed models",
            query(board_of_kind(topk(15, since(chosen_deployments))), "age"),
            columns=[
                board_column("Job"),
                "namespace",
                Column(
                    "age",
                    thresholds=above("orange after 30 days, red after 90", orange=30 * 86400, red=90 * 86400),
                ),
            ],
            sort="age",
            empty="No job has deployed a new model",
            why="Time since each job deployed its model, the 15 oldest. Old is fine while the hard-example ratio stays low; otherwise see why training or its deploy trigger brought nothing new.",
        ),
        bar_gauge(
            "Deploy stages that ended",
            query(
                sum_by(increase(transitions(SPACE, stage="Deploy", state="Completed")), "namespace", "name"),
                "{{namespace}}/{{name}}",
            ),
            why="How often each job came to the end of its deploy stage in the chosen time range, also when the trigger then kept the old model. None for weeks: the job has stopped learning.",
        ),
    ),
    table(
        "Which job made which model",
        query(board_of_kind(metric("sedna_job_model_info")(SPACE))),
        query(max_by(metric("sedna_job_iteration")(SPACE), *JOB), "iteration"),
        columns=[
            board_column("Job"),
            "kind",
            Column("role", "Used for"),
            Column("url", "Stored at"),
            "format",
            "iteration",
            "namespace",
        ],
        sort="name",
        descending=False,
        why="Origin of every model: the job, its iteration, what training began with and produced, what was evaluated and what is deployed. For audits, and to find the version before a bad one.",
    ),
)

dashboard = board(
    "Sedna / Datasets and models",
    overview,
    datasets,
    models,
    uid="sedna-datasets-models",
    question="**How big is each dataset, does it grow, and who uses it? Which models are there, how good and how old are they, and which job made them?**",
    time="now-7d",
    refresh="5m",
    variables=[
        metrics_source(),
        logs_source(),
        cluster(),
        namespace(),
        label_values("dataset", dataset_info(SPACE), all_value=".+"),
        label_values("model", model_info(SPACE), all_value=".+"),
    ],
    annotations=[
        at_instants("Model updates", as_instant(model_updated(MODEL)), title="{{model}} was updated", shown=False),
    ],
)
