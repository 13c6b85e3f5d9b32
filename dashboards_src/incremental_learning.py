"""Incremental learning: hard examples become training data, and a better model replaces the old one."""

from sedna_dash.authoring import (
    NAME,
    SPACE,
    Column,
    Regex,
    as_instant,
    avg_by,
    bar_chart,
    below,
    board,
    choice,
    column,
    count_by,
    equals,
    increase,
    job_variables,
    join,
    label_join,
    line,
    lines_then,
    log_row,
    logs,
    matching,
    max_by,
    metric,
    model_table,
    name_column,
    only_where,
    or_zero,
    pie_chart,
    query,
    relabel,
    row,
    search_box,
    stage_annotations,
    stage_samples,
    stage_timelines,
    stat,
    state_timeline,
    states,
    stuck_stages,
    sum_by,
    table,
    timeseries,
    training_settings,
    values,
    whole,
    worker_count,
    worker_table,
)

KIND = "IncrementalLearningJob"
JOB = ("cluster", "namespace", "name")
SCORE = (*JOB, "metric")

info = metric("sedna_job_info")
transitions = metric("sedna_job_stage_transitions_total")
threshold = metric("sedna_job_trigger_threshold")
score = metric("sedna_job_eval_metric")
deploy_state = metric("sedna_job_deploy_state")
duration = metric("sedna_job_stage_duration_seconds")
frames = metric("sedna_inference_requests_total")
hard = metric("sedna_hard_examples_total")
train_samples = metric("sedna:job_train_samples:new")

worker_logs = logs("worker", SPACE, worker_type=("train", "eval", "inference")).where(sedna_name="$name")

collected = max_by(train_samples(NAME, kind=KIND), *JOB)
wanted = max_by(threshold(NAME, kind=KIND, stage="Train", metric="num_of_samples"), *JOB).as_unit("samples")
growth = max_by(
    join(
        info(NAME, kind=KIND),
        metric("sedna:dataset_samples:deriv6h")(SPACE),
        on=("cluster", "namespace", "dataset"),
    ),
    *JOB,
)
gain = max_by(metric("sedna:job_eval_metric:delta")(NAME, kind=KIND), *SCORE)


#: Values of single classes are numbered from 1: precision_1, precision_2, ...
OF_ALL_CLASSES = Regex(".+_[1-9][0-9]*", negate=True)

lines_of_job = lines_then(cluster="$cluster", namespace="label:namespace", name="label:name")


def gate():
    """Limits on the gain, named like the values they apply to: ``precision_delta[2]`` limits ``precision_2``."""
    limits = threshold(NAME, kind=KIND, stage="Deploy", metric=Regex(".+_delta.*"))
    indexed = relabel(limits, "metric", "metric", r"(.+)(_)delta\[([1-9])\]", "$1$2$3")
    return max_by(relabel(indexed, "metric", "metric", r"(.+)_delta(\[0\])?"), *SCORE).as_unit("score")


progress = row(
    "Where is it",
    stage_timelines(KIND),
    line(
        stat(
            "Iteration",
            query(max_by(metric("sedna_job_iteration")(NAME, kind=KIND), *JOB), "{{name}}"),
            why="Training iteration that each job is in. If it stands still while samples grow, the train trigger is set too high or its time window is closed.",
        ),
        stat(
            "Time left",
            query(
                max_by(
                    metric("sedna:job_stage_remaining:seconds")(NAME, kind=KIND, stage=("Train", "Eval")),
                    *JOB,
                    "stage",
                ),
                "{{name}} {{stage}}",
            ),
            empty="Nothing trains or evaluates",
            why="Time left in running training and evaluation: as the worker hook measures, otherwise the usual duration less the time already spent. Zero for long means slower than usual: look at the log of the worker.",
        ),
        stuck_stages(KIND),
        worker_count(KIND),
        table(
            "Started and last changed",
            query(as_instant(max_by(metric("sedna_job_start_timestamp_seconds")(NAME, kind=KIND), *JOB)), "started"),
            query(
                as_instant(max_by(metric("sedna_job_stage_transition_timestamp_seconds")(NAME, kind=KIND), *JOB)),
                "changed",
            ),
            columns=[name_column("Job", kind=KIND), Column("started", width=125), Column("changed", width=125)],
            sort="changed",
            height=5,
            why="When Sedna first handled each job, and when any of its stages last changed. No start means that the global manager has not picked the job up. A change long ago is fine while too few samples arrive.",
        ),
        shares=(3, 3, 2, 3, 5),
    ),
)

verdict = row(
    "Is the new model better",
    line(
        table(
            "Last evaluation",
            query(max_by(score(NAME, kind=KIND, model_role="new"), *SCORE), "new"),
            query(max_by(score(NAME, kind=KIND, model_role="old"), *SCORE), "old"),
            query(gain, "gain"),
            query(gate(), "gate"),
            columns=[
                name_column("Job", kind=KIND),
                "metric",
                Column("new", "New model"),
                Column("old", "Old model"),
                Column("gain", thresholds=below("red where the new model is worse", red=0)),
                Column("gate", "Gain wanted"),
            ],
            sort="name",
            descending=False,
            why="What the last evaluation measured, and the gain that the deploy trigger asks for. No gain over several iterations: the new samples teach nothing new, so check their labels before training again.",
        ),
        bar_chart(
            "New against old model",
            label_join(
                max_by(score(NAME, kind=KIND, metric=OF_ALL_CLASSES), *SCORE, "model_role"),
                "what",
                " ",
                "name",
                "metric",
            ),
            across="what",
            split="model_role",
            stacked=False,
            horizontal=True,
            why="The same values side by side; those of single classes are in the table. For a value that should fall, such as a loss, the shorter bar wins.",
        ),
        shares=(3, 2),
    ),
    line(
        timeseries(
            "Gain against what the trigger wants",
            query(only_where(gain, gate(), on=SCORE), "{{name}} {{metric}}"),
            query(gate(), "{{name}} {{metric}} wanted", dashed=True),
            steps=True,
            why="New model minus old model, iteration by iteration, in the values that the deploy trigger looks at. A line above its dashed one means that the model was replaced; always just below it, the trigger asks for too much.",
        ),
        state_timeline(
            "Deployment",
            query(states(deploy_state(NAME, kind=KIND), "state", by=JOB), "{{namespace}}/{{name}}"),
            why="Result of the deploy stage. Waiting after an evaluation means that the trigger kept the old model, which is no fault. NotOK: read the log of the inference worker.",
        ),
        stat(
            "Can the trigger fire",
            query(
                max_by(metric("sedna_job_gate_misconfigured")(NAME, kind=KIND), *JOB, "reason"),
                "{{name}} {{reason}}",
            ),
            mapped=values({0: ("Yes", "green"), 1: ("Never", "red")}),
            height=8,
            why="Never: the deploy trigger names a list of values without a position, which Sedna reads as 0, so no model is ever deployed. Write precision_delta[0] instead of precision_delta in the job.",
        ),
        shares=(3, 3, 2),
    ),
)

data = row(
    "Do hard examples become training data",
    stat(
        "From frame to model",
        query(or_zero(sum_by(increase(frames(NAME, kind=KIND)))), "frames"),
        query(or_zero(sum_by(increase(hard(NAME, kind=KIND)))), "hard"),
        query(sum_by(train_samples(NAME, kind=KIND)), "samples now"),
        query(sum_by(increase(transitions(NAME, kind=KIND, stage="Train", state="Completed"))), "trainings"),
        query(sum_by(increase(transitions(NAME, kind=KIND, stage="Eval", state="Completed"))), "evaluations"),
        query(
            or_zero(count_by(equals(deploy_state(NAME, kind=KIND, state="OK"), 1))),
            "deployed now",
        ),
        why="How far data gets on its way to a better model, in the chosen time range: frames, hard examples among them, samples for the next training, trainings, evaluations, and jobs whose new model is deployed. Look for the first number that is zero: that step holds up the rest. Frames and hard examples need the worker hook and are zero without it.",
    ),
    line(
        timeseries(
            "Samples and when training starts",
            *stage_samples(KIND),
            query(wanted, "{{name}} starts training at", dashed=True),
            minimum=0,
            why="Samples for training, for evaluation and in the whole dataset, and the number at which training starts. A line that stops growing below the dashed one means that no new samples arrive: check the dataset and its labelling.",
        ),
        column(
            stat(
                "Next training in",
                query(
                    matching(wanted - collected, "/", growth > 0, on=JOB).as_unit("seconds"),
                    "{{name}}",
                ),
                empty="Unknown: no dataset grows, or no trigger counts samples",
                why="Time until enough new samples are there, at the pace of the last 6 hours. Below zero there are enough already and only the time window of the trigger is waited for.",
            ),
            table(
                "Inferences and hard examples in this iteration",
                query(whole(metric("sedna:iteration_inference_requests:increase7d")(NAME)), "frames"),
                query(whole(metric("sedna:iteration_hard_examples:increase7d")(NAME)), "hard"),
                columns=["name", "frames", Column("hard", "Hard examples")],
                sort="frames",
                empty="No frame yet in this iteration, or no worker hook",
                height=4,
                why="Frames that the deployed model has seen since the iteration began, and those that it found hard. Few hard ones over a long iteration: the model copes, or mining is set too strictly.",
            ),
        ),
        shares=(3, 2),
    ),
)

training = row(
    "How does training go",
    line(
        timeseries(
            "Loss",
            query(max_by(metric("sedna_job_train_loss")(NAME, kind=KIND), *JOB), "{{name}}"),
            links=[lines_of_job],
            why="Training loss: a point for each finished training, a curve while it runs with the worker hook. It should fall and then flatten; rising or jumping means a learning rate that is too high or broken samples.",
        ),
        timeseries(
            "How long stages take",
            query(max_by(duration(NAME, kind=KIND, stage="$stage"), *JOB, "stage"), "{{name}} {{stage}}"),
            steps=True,
            minimum=0,
            links=[lines_of_job],
            why="Duration of the last finished run of each stage. Growing with every iteration: the worker trains on all samples so far, so give it more resources or fewer epochs.",
        ),
        pie_chart(
            "Where the time of an iteration goes",
            query(avg_by(duration(NAME, kind=KIND), "stage"), "{{stage}}"),
            why="Mean duration of the last run of each stage. The largest part is where faster hardware pays off.",
        ),
        shares=(2, 2, 1),
    ),
)

lineage = row(
    "Which model serves, and what failed before",
    line(
        model_table(
            KIND,
            why="Where each model of the job is stored: what training began with and produced, what was evaluated, and what is deployed. If evaluated and deployed differ, the trigger kept the old model.",
        ),
        timeseries(
            "Stages that ended",
            query(
                sum_by(
                    increase(
                        transitions(NAME, kind=KIND, stage="$stage", state=("Completed", "Failed")),
                        "$__rate_interval",
                    ),
                    "stage",
                    "state",
                ),
                "{{stage}} {{state}}",
            ),
            bars=True,
            stacked=True,
            links=[lines_then(cluster="$cluster", namespace="$namespace", name="$name")],
            why="Runs of stages that completed or failed, over time. Every failure counts here, however soon Sedna tries again: click a bar for the lines of those minutes.",
        ),
        shares=(3, 2),
    ),
)

details = row(
    "Settings and pods",
    line(
        training_settings(KIND),
        table(
            "Triggers",
            query(threshold(NAME, kind=KIND)),
            columns=[name_column("Job", kind=KIND), "stage", "metric", "operator", Column("", "Limit")],
            sort="name",
            descending=False,
            why="What starts training and deployment. A stage that never starts: compare its limit with the values above.",
        ),
    ),
    worker_table("Pods", metric("sedna_worker_info")(NAME, kind=KIND)),
    collapsed=True,
)

dashboard = board(
    "Sedna / Incremental learning",
    progress,
    verdict,
    data,
    training,
    lineage,
    details,
    log_row(worker_logs, "the train, eval and inference workers"),
    uid="sedna-incremental-learning",
    question="**Which stage is each job in, and how long still? Is the new model better, and was it deployed? Do hard examples become training data? Which model serves now?**",
    time="now-7d",
    variables=[
        *job_variables(KIND),
        choice("stage", ("Train", "Eval", "Deploy")),
        search_box(),
    ],
    annotations=stage_annotations(KIND),
)
