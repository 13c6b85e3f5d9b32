"""Logs of everything: find the lines, count them, see where and when they began."""

from sedna_dash.authoring import (
    CLUSTER,
    NAME,
    SPACE,
    Column,
    Regex,
    board,
    board_then,
    boards_then,
    choice,
    cluster,
    column,
    count_by,
    either,
    increase,
    kinds,
    label_values,
    last_over,
    line,
    log_label_values,
    log_lines,
    logs,
    logs_source,
    max_by,
    metric,
    metrics_source,
    node_column,
    only_where,
    open_logs,
    pie_chart,
    query,
    query_values,
    rate,
    row,
    search_box,
    stage_changes,
    stat,
    sum_by,
    table,
    text,
    textbox,
    timeseries,
    unless_where,
    when,
)

APPS = ("gm", "lc", "kb", "worker", "collector")
LEVELS = ("fatal", "error", "warning", "info", "debug", "unknown")
BAD = ("error", "fatal")

info = metric("sedna_job_info")
worker_info = metric("sedna_worker_info")
pod_info = metric("kube_pod_info")
sent = metric("loki_write_sent_entries_total")
dropped = metric("loki_process_dropped_lines_total")(CLUSTER)
given_up = metric("loki_write_dropped_entries_total")(CLUSTER)
refused = metric("loki_discarded_samples_total")(CLUSTER)

# Texts first: they are the quickest to look for. What to leave out last: it costs most.
matched = (
    logs("$app", SPACE)
    .containing("$search")
    .like("$regex")
    .where(kind="$kind", sedna_name="$name", node="$node", pod="$pod", level="$level")
    .excluding("$exclude")
)

# Pods of the workers and of Sedna itself, also those that ended within the time range.
pods = either(
    max_by(last_over(worker_info(NAME, kind="$kind", node="$node"), "$__range"), "pod"),
    max_by(last_over(pod_info(CLUSTER, namespace="sedna", node="$node"), "$__range"), "pod"),
)

with_controller = max_by(pod_info(CLUSTER, namespace="sedna", pod=Regex("lc-.*")), "cluster", "node")
delivering = sum_by(increase(sent(CLUSTER), "30m"), "cluster", "node") > 0


errors = matched.where(level=BAD).with_message()
new_errors = errors.count("app", "message", window="$__range").unless(
    errors.count("app", "message", window="$__range", offset="$__range")
)

CHOSEN = ("cluster", "app", "namespace", "kind", "name", "node", "pod", "level", "search", "regex", "exclude")
about = {name: f"${name}" for name in ("cluster", "namespace", "name")}


def keep_only(title: str, **variable: str | tuple[str, ...]):
    """A link to this board with everything as it is, but one variable."""
    return open_logs(title, **{**{name: f"${name}" for name in CHOSEN}, **variable})


how_many = row(
    "How many lines match, and when",
    line(
        column(
            stat(
                "Lines matched",
                query(matched.count(window="$__range"), "lines"),
                why="Number of lines in the chosen time range that match everything chosen at the top. If it is zero, widen one choice after the other: first the text, then level, then the pod.",
            ),
            stat(
                "Errors among them",
                query(matched.where(level=BAD).count(window="$__range"), "errors"),
                why="How many of the matched lines are errors or worse. Set Level to error to see just those.",
                links=[keep_only("Only errors", level=BAD)],
            ),
        ),
        timeseries(
            "Lines matched over time",
            query(matched.count("level"), "{{level}}"),
            bars=True,
            stacked=True,
            minimum=0,
            links=[
                board_then(
                    "sedna-inspector",
                    "Inspector at that moment",
                    cluster="$cluster",
                    namespace="$namespace",
                    resource="$name",
                    kind="$kind",
                ),
                *boards_then(**about),
            ],
            why="Number of matched lines at each moment, by level. Drag over the first bar of a burst: what began it is usually there, see the first errors below. Click the top of a bar to see what the job or service chosen above did at that moment.",
        ),
        timeseries(
            "Lines per second",
            query(matched.rate("level"), "{{level}}"),
            logarithmic=True,
            why="Rate of the matched lines, by level, on a scale that shows a few errors beside many other lines. Unlike the counts it does not depend on the length of the time range, so compare with a good day.",
        ),
        shares=(2, 9, 5),
    ),
)

where = row(
    "Where they come from",
    line(
        pie_chart(
            "By component",
            query(matched.count("app", window="$__range"), "{{app}}"),
            why="Share of GM, LC, KB, workers and log collectors in the matched lines. Click a slice to keep only that one.",
            links=[keep_only("Only this component", app="legend:")],
        ),
        pie_chart(
            "By level",
            query(matched.count("level", window="$__range"), "{{level}}"),
            why="Share of each level in the matched lines. Click a slice to keep only that level.",
            links=[keep_only("Only this level", level="legend:")],
        ),
        table(
            "By pod, ten loudest",
            query(matched.count("pod", window="$__range").top(10), "lines"),
            columns=[
                Column("pod", links=(keep_only("Only this pod", pod="field:pod"),)),
                Column("lines", width=180, bar=True),
            ],
            sort="lines",
            why="The pods that wrote most of the matched lines. One pod with nearly all of them: the fault is there; all alike: it is in what they share. Click a pod to keep only that one.",
        ),
    ),
    line(
        table(
            "Noisiest source lines",
            query(matched.where(source=Regex(".+")).count("app", "source", window="$__range").top(15), "lines"),
            columns=[Column("app", "Component", width=115), "source", Column("lines", bar=True)],
            sort="lines",
            height=10,
            why="The places in the program text (file and line) that wrote most of the matched lines. An error at the top that nobody minds is noise: leave it out with the text to leave out, and tell its authors.",
        ),
        table(
            "New error patterns",
            query(new_errors.top(15), "lines"),
            columns=[Column("app", "Component", width=115), "message", Column("lines", width=160, bar=True)],
            sort="lines",
            empty="Every error was there before, or there is none",
            height=10,
            why="Errors among the matched lines that were not there in as much time before: the 15 most frequent, without the numbers, ids and quoted texts in which lines of one kind differ. Something new after a change is the first suspect; old errors that went on are not in this list. Search for a part of the text to see its lines.",
        ),
        shares=(2, 3),
    ),
)

lines = row(
    "Lines",
    log_lines(
        "First errors in the time range",
        matched.where(level=BAD),
        newest_first=False,
        distinct=True,
        most=200,
        height=8,
        why="The 200 oldest errors that match; what repeats stands there once, with its number. The cause is usually among the first, what follows are its consequences; click a line for its pod and node.",
    ),
    log_lines(
        "Lines that match",
        matched,
        height=18,
        why="All lines that match, newest first, 500 at most: shorten the time range to see others. Click a line for its fields.",
    ),
)

volume = row(
    "Do all logs arrive, and what do they cost",
    line(
        timeseries(
            "Bytes by namespace",
            query(logs().size("namespace"), "{{namespace}}"),
            bars=True,
            stacked=True,
            minimum=0,
            why="Size of all log lines over time, whatever is chosen at the top except the cluster. The tallest colour is what storage and links pay for; lower the level of that worker, or drop its noise in the collector.",
        ),
        timeseries(
            "Dropped and lost lines",
            query(sum_by(rate(given_up), "reason"), "given up: {{reason}}"),
            query(sum_by(rate(refused), "reason"), "refused: {{reason}}"),
            query(sum_by(rate(dropped), "reason"), "noise left out: {{reason}}", right=True, dashed=True),
            minimum=0,
            empty="No line was dropped or lost, or neither collectors nor Loki are scraped",
            why="Lines per second that are in no panel. Noise (right, dashed) is left out on purpose by a rule of the collectors. Given up: a collector could not deliver for too long. Refused: Loki did not take them; rate_limited asks for a higher limit, too_far_behind for a higher age limit.",
        ),
        table(
            "Silent nodes",
            only_where(
                unless_where(with_controller, delivering, on=("cluster", "node")),
                count_by(sent(CLUSTER), "cluster"),
                on=("cluster",),
            ),
            columns=[node_column(), "cluster"],
            sort="node",
            descending=False,
            empty="Every node delivers its logs, or the collectors are not scraped",
            why="Nodes with a local controller whose log collector has sent nothing for 30 minutes. The link may be down, or the collector: what it gathered comes later as long as its disk holds. Meanwhile no line from them is no sign of health.",
        ),
        shares=(3, 3, 2),
    ),
    text(
        "How to search",
        "**Search** is plain text, upper and lower case matter. **Pattern** is a regular expression "
        "([RE2](https://github.com/google/re2/wiki/Syntax)); `(?i)` at its start ignores case. **Leave out** drops lines "
        "that hold this text. Empty boxes change nothing, and all three work together. GM, LC and KB belong to no kind and "
        "no job: leave Kind and Job or service at All to see them, and search for the name of the job instead.",
        height=4,
    ),
)

dashboard = board(
    "Sedna / Logs",
    how_many,
    where,
    lines,
    volume,
    uid="sedna-logs",
    question="**What do the logs of this pod, job or component say about this word? When did it start, how often, and where? Which nodes say nothing at all?**",
    time="now-1h",
    refresh="",  # lines that jump away cannot be read
    variables=[
        metrics_source(),
        logs_source(),
        cluster(),
        choice("app", APPS, title="Component", all_value="|".join(APPS)),
        log_label_values("namespace", "namespace", logs("$app", CLUSTER)),
        choice("kind", kinds()),
        label_values("name", info(SPACE, kind="$kind"), title="Job or service", all_value=".*"),
        log_label_values("node", "node", logs("$app", SPACE), all_value=".*"),
        query_values("pod", pods, all_value=".*"),
        choice("level", LEVELS),
        search_box(),
        textbox("regex", title="Pattern", about="Keep log lines that match this regular expression"),
        textbox("exclude", title="Leave out", about="Drop log lines that hold this text"),
    ],
    annotations=[
        stage_changes({**NAME, "kind": "$kind"}),
        when(
            "Alerts",
            metric("ALERTS")(SPACE, alertname=Regex("Sedna.*"), alertstate="firing", severity=("critical", "warning")),
            title="{{alertname}}",
            shown=False,
        ),
    ],
)
