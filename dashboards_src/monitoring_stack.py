"""The monitoring stack: whether the other boards can be trusted, and what watching costs."""

from sedna_dash.authoring import (
    CLUSTER,
    UP,
    Expr,
    Regex,
    above,
    bar_gauge,
    board,
    cluster,
    constant,
    count_by,
    counted,
    equals,
    increase,
    line,
    log_row,
    logs,
    logs_source,
    matching,
    max_by,
    metric,
    metrics_source,
    min_by,
    node_column,
    pie_chart,
    quantile,
    query,
    rate,
    ratio,
    relabel,
    row,
    search_box,
    since,
    stat,
    sum_by,
    table,
    timeseries,
    topk,
    values,
    when,
)

up = metric("up")
exporter_up = up(CLUSTER, job="sedna-exporter")
synced = metric("sedna_exporter_last_sync_timestamp_seconds")(CLUSTER)
dropped_series = metric("sedna_exporter_dropped_series_total")(CLUSTER)
parse_errors = metric("sedna_exporter_parse_errors_total")(CLUSTER)
watch_errors = metric("sedna_exporter_watch_errors_total")(CLUSTER)
rule_failures = metric("prometheus_rule_evaluation_failures_total")(CLUSTER)
rule_duration = metric("prometheus_rule_group_last_duration_seconds")(CLUSTER)
rule_interval = metric("prometheus_rule_group_interval_seconds")(CLUSTER)
notifications_failed = metric("alertmanager_notifications_failed_total")(CLUSTER)
lines_dropped = metric("loki_write_dropped_entries_total")(CLUSTER)
head_series = metric("prometheus_tsdb_head_series")(CLUSTER)
samples = metric("prometheus_tsdb_head_samples_appended_total")(CLUSTER)
scraped = metric("scrape_samples_post_metric_relabeling")(CLUSTER)
ksm_lists = metric("kube_state_metrics_list_total")
ksm_watches = metric("kube_state_metrics_watch_total")
loki_lines = metric("loki_distributor_lines_received_total")(CLUSTER)
loki_bytes = metric("loki_distributor_bytes_received_total")(CLUSTER)
loki_discarded = metric("loki_discarded_samples_total")(CLUSTER)
loki_streams = metric("loki_ingester_memory_streams")(CLUSTER)
loki_duration = metric("loki_request_duration_seconds")
datasource_duration = metric("grafana_datasource_request_duration_seconds")(CLUSTER)

#: Pushes and searches; Loki's inner loops and live tails last for minutes by design.
LOKI_ROUTES = Regex("loki_api_v1_(push|query.*|label.*|series)")


def by_group(expr: Expr) -> Expr:
    """With the label ``group``: the name of a rule group, without the path of its file."""
    return relabel(expr, "group", "rule_group", "(?:.*;)?(.*)")


def share_failed(calls: Expr, failed: Expr) -> Expr:
    """Share of calls about each kind of object that failed."""
    return ratio(sum_by(failed, "resource"), sum_by(calls, "resource"))


trust = row(
    "Can the boards be trusted",
    line(
        stat(
            "Sedna exporter",
            query(min_by(exporter_up), "exporter"),
            mapped=UP,
            why="Whether the last scrape of the exporter worked. Down: every board about jobs stands still, read the log of its pod first.",
        ),
        stat(
            "Oldest state shown",
            query(max_by(since(synced)), "age"),
            thresholds=above("orange from 2 minutes, red from 10", orange=120, red=600),
            why="Time since the exporter last heard from the API server, for the kind of object with the oldest news. Red: its account lacks rights, or the API server does not answer.",
        ),
        stat(
            "Targets down",
            query(counted(equals(up(CLUSTER), 0), up(CLUSTER)), "targets"),
            thresholds=above("orange when any target is down", orange=1),
            why="Targets whose last scrape failed. They are listed below; edge nodes without a link belong here too.",
        ),
        stat(
            "Watchdog alert",
            query(max_by(metric("ALERTS")(CLUSTER, alertname="SednaWatchdog", alertstate="firing")), "watchdog"),
            mapped=values({1: ("Arrives", "green")}),
            why="An alert that always fires. When it is missing, rules are not loaded and no other alert can reach you.",
        ),
        stat(
            "Failed notifications",
            query(sum_by(increase(notifications_failed)), "failed"),
            thresholds=above("red from the first one", red=0.5),
            why="Notifications that Alertmanager could not deliver in the chosen time range. Check the address and the token of the receiver.",
        ),
        stat(
            "Log lines lost",
            query(sum_by(increase(lines_dropped)), "lines"),
            thresholds=above("red from the first line", red=0.5),
            why="Lines that the collectors gave up in the chosen time range. The board of edge nodes shows which node lost them.",
        ),
    ),
    line(
        table(
            "Targets that are down",
            query(equals(up(CLUSTER), 0)),
            columns=["job", "instance", node_column()],
            sort="job",
            descending=False,
            empty="Every target answers",
            why="What Prometheus cannot scrape now. One instance: that process or node. All of a job: a network policy, a port or a certificate.",
        ),
        timeseries(
            "Share of targets that answer",
            query(sum_by(up(CLUSTER), "job") / count_by(up(CLUSTER), "job"), "{{job}}"),
            unit="percentunit",
            minimum=0,
            maximum=1,
            why="By scrape job. A board whose job dips here has holes at the same time, and counts of that time are too low.",
        ),
    ),
)

exporter = row(
    "Inside the Sedna exporter",
    line(
        timeseries(
            "Objects held",
            query(sum_by(metric("sedna_exporter_objects")(CLUSTER), "kind"), "{{kind}}"),
            minimum=0,
            why="Sedna resources that the exporter knows. It must agree with kubectl get; zero for a kind that exists means missing rights.",
        ),
        timeseries(
            "Errors of the exporter",
            query(sum_by(rate(watch_errors), "resource"), "watch {{resource}}"),
            query(sum_by(rate(parse_errors), "kind", "field"), "read {{kind}} {{field}}"),
            minimum=0,
            thresholds=above("any error leaves something out", orange=0.001),
            limits=True,
            empty="The exporter counted no error",
            why="Watch: a list or watch at the API server failed. Read: a field of a status was not understood, often after an update of Sedna; report it with the field.",
        ),
        timeseries(
            "Time to answer a scrape",
            query(max_by(metric("sedna_exporter_scrape_duration_seconds")(CLUSTER)), "exporter"),
            minimum=0,
            thresholds=above("orange above 5 s; Prometheus gives up after 10 s by default", orange=5),
            limits=True,
            why="Time that the exporter needs to write all series. It grows with the number of jobs: split the exporter by namespace before it reaches the line.",
        ),
    ),
    line(
        bar_gauge(
            "Series by metric, 15 largest",
            query(topk(15, sum_by(metric("sedna_exporter_series")(CLUSTER), "family")), "{{family}}"),
            why="Which metrics cost most. When one grows without new jobs, a label runs away: lower its limit in the exporter.",
        ),
        timeseries(
            "Series kept out by limits",
            query(
                sum_by(rate(dropped_series), "family", "reason"),
                "{{family}} {{reason}}",
            ),
            minimum=0,
            thresholds=above("any series kept out is missing on a board", orange=0.001),
            limits=True,
            empty="No limit kept a series out",
            why="Series that the exporter refused because of a limit. The boards are incomplete for these metrics: raise the limit, or use fewer tasks and metric names.",
        ),
        table(
            "Version of the exporter",
            query(metric("sedna_exporter_build_info")(CLUSTER)),
            columns=["version", "pythonversion", "instance"],
            why="What runs. More than one row outside an update means two exporters: jobs are counted twice, stop one.",
        ),
    ),
    collapsed=True,
)

prometheus = row(
    "Prometheus",
    line(
        timeseries(
            "Series in memory",
            query(topk(20, sum_by(head_series, "instance")), "{{instance}}"),
            minimum=0,
            why="Series that each Prometheus holds; memory follows them. A steady rise without new nodes or jobs: look for the job that grows at the right.",
        ),
        timeseries(
            "Samples stored",
            query(topk(20, sum_by(rate(samples), "instance")), "{{instance}}"),
            minimum=0,
            why="Samples per second; disk follows them. A fall means that targets are lost, a step upwards that something new is scraped.",
        ),
        pie_chart(
            "Samples by scrape job",
            query(topk(10, sum_by(scraped, "job")), "{{job}}"),
            why="What one round of scrapes keeps, the 10 largest jobs. To save, drop metrics of the largest slice that no board reads.",
        ),
        shares=(1, 1, 1),
    ),
    line(
        bar_gauge(
            "Rule groups: time used of their interval",
            query(
                topk(
                    10,
                    matching(
                        max_by(by_group(rule_duration), "instance", "group"),
                        "/",
                        max_by(by_group(rule_interval), "instance", "group"),
                        on=("instance", "group"),
                    ),
                ),
                "{{group}}",
            ),
            maximum=1,
            thresholds=above("orange from half, red when runs are skipped", orange=0.5, red=1),
            why="How much of its interval the last run of each group took, the 10 slowest. At the end runs are skipped and alerts come late: split the group or lengthen the interval.",
        ),
        timeseries(
            "Failed rules",
            query(sum_by(by_group(rate(rule_failures)), "group"), "{{group}}"),
            minimum=0,
            thresholds=above("any failure silences an alert", orange=0.001),
            limits=True,
            why="Rules that failed to run. Usually two series match where one is expected: the log of Prometheus names them.",
        ),
        timeseries(
            "Failed calls of kube-state-metrics",
            query(
                share_failed(rate(ksm_lists(CLUSTER)), rate(ksm_lists(CLUSTER, result="error"))),
                "list {{resource}}",
            ),
            query(
                share_failed(rate(ksm_watches(CLUSTER)), rate(ksm_watches(CLUSTER, result="error"))),
                "watch {{resource}}",
            ),
            minimum=0,
            thresholds=above("above 1 % pods and nodes on the boards grow old", orange=0.01),
            limits=True,
            empty="No call failed",
            why="Share of lists and watches that failed, by kind of object. Near 1: its role does not allow that kind; add it.",
        ),
    ),
)

loki = row(
    "Loki",
    line(
        timeseries(
            "Lines and bytes received",
            query(sum_by(rate(loki_lines), "tenant"), "{{tenant}} lines"),
            query(sum_by(rate(loki_bytes), "tenant"), "{{tenant}} bytes", right=True, dashed=True),
            minimum=0,
            why="Log lines (left) and bytes (right, dashed) per second of each tenant. Near zero while workers run: no collector gets through.",
        ),
        timeseries(
            "Lines refused",
            query(
                sum_by(rate(loki_discarded), "tenant", "reason"),
                "{{tenant}} {{reason}}",
            ),
            minimum=0,
            thresholds=above("any refused line is missing in the logs", orange=0.001),
            limits=True,
            empty="Loki refused nothing",
            why="rate_limited: raise the rate of the tenant, or let nodes come back one by one. too_far_behind and greater_than_max_sample_age: an edge node delivered too late; raise the age limit.",
        ),
        timeseries(
            "Log lines given up by node",
            query(sum_by(rate(lines_dropped), "node", "reason") > 0, "{{node}} {{reason}}"),
            minimum=0,
            thresholds=above("any line given up is lost for good", orange=0.001),
            limits=True,
            empty="No collector gave up a line",
            why="Lines per second that collectors gave up after their last try. With the reason of Loki, mend that; without one, the collector was cut off for longer than it keeps lines.",
        ),
        timeseries(
            "Streams in memory",
            query(sum_by(loki_streams, "tenant"), "{{tenant}}"),
            query(constant(5000, "streams"), "default limit", dashed=True),
            minimum=0,
            why="Each combination of labels is a stream. At the limit new streams are refused, which are those of new workers: raise it, or keep pod names out of the labels.",
        ),
    ),
    line(
        timeseries(
            "Latency of Loki",
            query(quantile(0.99, loki_duration(CLUSTER, route=LOKI_ROUTES), "route"), "{{route}}"),
            minimum=0,
            thresholds=above("above 10 s a search on a board is no fun", orange=10),
            limits=True,
            why="99 % of the requests are faster. Slow push: collectors pile up, look at its disk or object store. Slow query: shorten the time range or choose labels first.",
        ),
        timeseries(
            "Latency of Grafana's queries",
            query(quantile(0.95, datasource_duration, "datasource"), "{{datasource}}"),
            minimum=0,
            thresholds=above("above 5 s boards feel stuck", orange=5),
            limits=True,
            why="95 % of the queries to each data source are faster. Slow only now and then: somebody looks at a long range. Slow all day: the data source is too small.",
        ),
    ),
)

dashboard = board(
    "Sedna / Monitoring stack",
    trust,
    prometheus,
    loki,
    log_row(
        logs("collector").where(level=("warning", "error", "fatal")),
        "the log collectors, warnings and worse",
    ),
    exporter,
    uid="sedna-monitoring-stack",
    question="**Can the other boards be trusted? What does watching cost, and what grows?**",
    variables=[
        metrics_source(),
        logs_source(),
        cluster(up),
        search_box(),
    ],
    annotations=[
        when("Exporter down", equals(exporter_up, 0), title="No answer from the Sedna exporter"),
    ],
)
