"""Alerts, the problems behind them, and the objectives of joint inference and learning."""

from sedna_dash.authoring import (
    BUDGET,
    CLUSTER,
    DAY,
    NAME,
    SPACE,
    Column,
    above,
    alert_table,
    avg_by,
    bar_chart,
    below,
    board,
    board_column,
    board_of_kind,
    choice,
    cluster,
    column,
    count_by,
    count_over,
    gauge,
    increase,
    label_values,
    line,
    lines_then,
    logs_source,
    max_by,
    metric,
    metrics_source,
    min_by,
    namespace,
    negative,
    only_where,
    or_zero,
    problems,
    query,
    ratio,
    row,
    runbook_index,
    stat,
    state_timeline,
    states,
    sum_by,
    table,
    text,
    textbox,
    timeseries,
    to_board,
    topk,
    values,
    when,
)

# The objective: 99 of 100 hard frames get their answer from the cloud, so one of 100 may fail.
MAY_FAIL = 0.01
SERVICE = ("cluster", "namespace", "name")
LEARNING = ("IncrementalLearningJob", "LifelongLearningJob")

alert = metric("ALERTS")
transitions = metric("sedna_job_stage_transitions_total")
stage_duration = metric("sedna_job_stage_duration_seconds")
hard = metric("sedna_hard_examples_total")
budget_left = metric("slo:period_error_budget_remaining:ratio")

chosen_alerts = {**SPACE, "alertname": "$alert", "severity": "$severity"}


def failed_share(window: str):
    """Share of hard frames without an answer from the cloud over a window, of each service."""
    return max_by(metric(f"slo:sli_error:ratio_rate{window}")(NAME), *SERVICE)


def burn_rate(window: str):
    """How many times faster than allowed the budget is used."""
    return failed_share(window) / MAY_FAIL


def runs(*results: str):
    """Stage runs that ended so, in the last day, by kind and stage."""
    return sum_by(increase(transitions(SPACE, kind=LEARNING, state=results), DAY), "kind", "stage")


def runs_in_range(*results: str):
    """Stage runs that ended so in the chosen time range."""
    return sum_by(increase(transitions(SPACE, kind=LEARNING, state=results)))


lines_of_service = lines_then(
    cluster="$cluster", namespace="label:namespace", name="label:name", level=("error", "fatal")
)

alerts = row(
    "What fires, and what needs you",
    line(
        alert_table(
            "Alerts now",
            chosen_alerts,
            height=9,
            why="Every pending and firing alert that matches the choice at the top, the most urgent first. Critical: users or data suffer already; warnings become critical if nobody looks. Empty: see the note at the right.",
        ),
        column(
            stat(
                "Firing",
                query(count_by(alert(chosen_alerts, alertstate="firing"), "severity"), "{{severity}}"),
                thresholds=above("orange from the first alert", orange=1),
                names=True,
                why="Firing alerts by severity. Many at the same time usually have one cause: open the oldest in the history below first.",
            ),
            stat(
                "Alert rules",
                query(
                    or_zero(max_by(alert(CLUSTER, alertname="SednaWatchdog", alertstate="firing"))),
                    "rules",
                ),
                mapped=values({0: ("Not loaded", "orange"), 1: ("Loaded", "green")}),
                trend=False,
                height=5,
                why="Not loaded: the alert that always fires does not, so nothing else can fire either; load what sedna-dash rules build writes. Problems now, below, needs no rules: it reads the resources themselves. Rules that Grafana itself evaluates are under Alerting.",
            ),
        ),
        shares=(3, 1),
    ),
    line(
        table(
            "Problems now",
            query(board_of_kind(problems(SPACE)), "Last change"),
            columns=[
                Column("problem", width=210),
                Column("kind", width=190),
                board_column(),
                Column("namespace", width=110),
                "Last change",
            ],
            sort="Last change",
            empty="Nothing needs you",
            why="What deserves an alert, found without alert rules: resources that failed, stages that do not move, deployments that went wrong or can never happen, pods that cannot start, budgets that are spent. Click a name to go there.",
        ),
        timeseries(
            "Problems over time",
            query(count_by(problems(SPACE), "problem"), "{{problem}}"),
            stacked=True,
            steps=True,
            minimum=0,
            empty="No problem in this time range",
            why="How many resources had each problem. A step that stays is a fault that nobody took; a comb is a job that retries for ever.",
        ),
    ),
    line(
        state_timeline(
            "History of alerts",
            query(
                states(alert(chosen_alerts), "alertstate", by=("alertname", "name", "node")),
                "{{alertname}} {{name}}{{node}}",
            ),
            why="One band for each alert: orange while it waits to be sure, red while it fires. The one that began first is closest to the cause.",
        ),
        table(
            "Noisiest alerts",
            query(sum_by(count_over(alert(chosen_alerts, alertstate="firing")), "alertname"), "times"),
            columns=[Column("alertname", "Alert"), Column("times", unit="samples", bar=True)],
            sort="times",
            why="How often Prometheus found each alert firing in the chosen time range. The longest bar is either your worst problem or a rule that cries wolf: mend the one, tune the other.",
        ),
        shares=(2, 1),
    ),
)

objective = row(
    "Do hard frames get their answer",
    line(
        gauge(
            "Error budget left, 30 days",
            query(budget_left(NAME), "{{namespace}}/{{name}}"),
            thresholds=BUDGET,
            minimum=-1,
            maximum=1,
            height=8,
            why="Objective: the cloud answers 99 % of the hard frames, over 30 days; the budget is the 1 % that may fail. Orange: put off risky changes of this service. Red: make its cloud side and its link safe before anything else.",
        ),
        table(
            "Services and their objective",
            query(negative(failed_share("30d")) + 1, "Answered, 30 days"),
            query(max_by(budget_left(NAME), *SERVICE), "Budget left"),
            query(burn_rate("1h"), "Burn, 1 hour"),
            query(burn_rate("3d"), "Burn, 3 days"),
            query(sum_by(increase(hard(NAME, kind="JointInferenceService"), DAY), *SERVICE), "Hard frames a day"),
            columns=[
                Column(
                    "name",
                    links=(
                        to_board(
                            "sedna-joint-inference",
                            "Joint inference",
                            cluster="$cluster",
                            namespace="field:namespace",
                            name="field:name",
                        ),
                    ),
                ),
                Column("namespace", width=125),
                Column("Answered, 30 days", width=170, thresholds=below("red below the objective of 99 %", red=0.99)),
                Column("Budget left", width=125, thresholds=BUDGET),
                Column("Burn, 1 hour", unit="number", width=130, thresholds=above("red from 14.4", orange=6, red=14.4)),
                Column("Burn, 3 days", unit="number", width=130, thresholds=above("orange from 1", orange=1)),
                Column("Hard frames a day", width=170),
            ],
            sort="Budget left",
            descending=False,
            why="Least budget first. Red under Burn, 1 hour: it breaks now. Orange under Burn, 3 days: it leaks slowly and the month will not last. A service with few hard frames a day swings widely; trust its longer windows.",
        ),
        shares=(1, 2),
    ),
    line(
        timeseries(
            "Fast burn",
            query(burn_rate("1h"), "{{name}} 1 h"),
            query(burn_rate("5m"), "{{name}} 5 min", dashed=True),
            unit="none",
            minimum=0,
            maximum=30,
            thresholds=above("from 6 the budget of 30 days is gone in 5 days, from 14.4 in 2", orange=6, red=14.4),
            limits=True,
            links=[lines_of_service],
            why="How many times faster than allowed the budget goes, up to 30 times. Both lines of a service above red: act now. The dashed one back below while the other is still up: it is over already.",
        ),
        timeseries(
            "Slow burn",
            query(burn_rate("3d"), "{{name}} 3 d"),
            query(burn_rate("6h"), "{{name}} 6 h", dashed=True),
            unit="none",
            minimum=0,
            maximum=6,
            thresholds=above("at 1 the budget lasts exactly 30 days, from 3 only 10", orange=1, red=3),
            limits=True,
            links=[lines_of_service],
            why="The same over longer windows, up to 6 times. Both lines of a service above 1 for hours: no emergency, but somebody has to find the leak this week, often a link that drops now and then.",
        ),
        timeseries(
            "Budget over time",
            query(min_by(budget_left(NAME), *SERVICE), "{{name}}"),
            minimum=-1,
            maximum=1,
            thresholds=below("red below zero: overspent", red=0),
            limits=True,
            why="What was left of each budget at each moment; a line that leaves at the bottom has overspent twice. A cliff is one outage, a slope is a permanent fault; it recovers only as bad days leave the window of 30 days.",
        ),
    ),
    line(
        timeseries(
            "Slow answers at the edge",
            query(max_by(metric("sedna:ji_edge_slow:ratio_rate1h")(NAME), *SERVICE), "{{name}}"),
            minimum=0,
            thresholds=above("orange above 1 %, the objective for the edge", orange=0.01),
            limits=True,
            why="Share of inferences at the edge that took longer than 250 ms, over an hour. Above the line for long: the device is hot, shared, or the model too big for it.",
        ),
        text(
            "Latency needs the worker hook",
            "Stock Sedna measures no latency; the graph at the left fills once the worker hook runs in the edge workers. "
            "The objectives above need no hook: they count failed cloud answers in the log of the edge workers, and hard "
            "frames in the status of the service. A service that has not had a hard frame has no objective to miss, and no line.",
        ),
        shares=(2, 1),
    ),
)

learning = row(
    "Does learning succeed",
    line(
        stat(
            "Stage runs that completed",
            query(ratio(runs_in_range("Completed"), runs_in_range("Failed", "Completed")), "completed"),
            thresholds=below("orange below the objective of 95 %, red below 80 %", red=0.8, orange=0.95),
            height=8,
            why="Share of training, evaluation and deployment runs that ended well in the chosen time range. Below the objective: see at the right which stage fails.",
        ),
        timeseries(
            "Failed stage runs",
            query(ratio(runs("Failed"), runs("Failed", "Completed")), "{{kind}} {{stage}}"),
            minimum=0,
            maximum=1,
            thresholds=above("orange above 5 %, the objective; red above 20 %", orange=0.05, red=0.2),
            limits=True,
            why="Share of runs that failed, over a day, by kind and stage. Training alone: memory or data; evaluation alone: the model file or its URL; deployment alone: disk or credentials on the node.",
        ),
        shares=(1, 4),
    ),
    line(
        stat(
            "Mean time to a new model",
            query(avg_by(sum_by(stage_duration(SPACE, kind=LEARNING), "cluster", "namespace", "kind", "name")), "mean"),
            height=8,
            why="Training, evaluation and deployment together, mean of all learning jobs: how long it takes to answer a change in the world once there is enough data.",
        ),
        bar_chart(
            "Time to a new model, slowest ten jobs",
            only_where(
                max_by(stage_duration(SPACE, kind=LEARNING), "name", "stage"),
                topk(10, sum_by(stage_duration(SPACE, kind=LEARNING), "name")),
                on=("name",),
            ),
            across="name",
            split="stage",
            why="How long the last run of each stage took. Where one colour is most of the bar, that stage is the one to speed up: a GPU for training, a smaller set for evaluation.",
        ),
        shares=(1, 4),
    ),
    text("Runbooks", runbook_index(), height=11),
)

dashboard = board(
    "Sedna / Alerts and SLO",
    alerts,
    objective,
    learning,
    uid="sedna-alerts-slo",
    question="**What fires, and what needs somebody although nothing fires? How much of the error budget is left, and how fast does it go? Does learning end in new models?**",
    time="now-7d",
    refresh="5m",
    variables=[
        metrics_source(),
        logs_source(),
        cluster(),
        namespace(),
        label_values("name", hard(SPACE, kind="JointInferenceService"), title="Service"),
        choice("severity", ("critical", "warning", "info"), all_value="|critical|warning|info"),
        textbox(
            "alert", title="Alert names", default="Sedna.*", about="Regular expression for names of alerts; .* is all"
        ),
    ],
    annotations=[
        when("Alerts", alert(chosen_alerts, alertstate="firing"), title="{{alertname}}", shown=False),
    ],
)
