"""The words dashboards are written in, over grafanalib.

A dashboard module says ``from sedna_dash.authoring import *`` names of one flat vocabulary: metrics and PromQL,
log streams and LogQL, variables, panels, layout, and `board` that puts them together.
"""

from sedna_dash.authoring.annotations import at_instants, when
from sedna_dash.authoring.dashboard import board
from sedna_dash.authoring.layout import column, line, row
from sedna_dash.authoring.links import board_of_kind, open_logs, open_panel, to_board
from sedna_dash.authoring.logql import logs
from sedna_dash.authoring.panels import (
    Column,
    bar_chart,
    bar_gauge,
    gauge,
    heatmap,
    histogram,
    log_lines,
    node_graph,
    pie_chart,
    query,
    stat,
    state_timeline,
    status_history,
    table,
    text,
    timeseries,
)
from sedna_dash.authoring.promql import (
    CLUSTER,
    DAY,
    HOUR,
    NAME,
    RANGE,
    SPACE,
    Expr,
    Not,
    Regex,
    as_instant,
    at_end,
    avg_by,
    avg_over,
    bottomk,
    bucket_increase,
    cases,
    changes,
    constant,
    count_by,
    count_over,
    delta,
    deriv,
    either,
    equals,
    ever,
    increase,
    join,
    label_join,
    last_over,
    matching,
    max_by,
    metric,
    min_by,
    negative,
    only_where,
    or_zero,
    quantile,
    rate,
    ratio,
    relabel,
    since,
    states,
    sum_by,
    topk,
    unless_where,
)
from sedna_dash.authoring.rows import (
    board_column,
    log_row,
    name_column,
    node_column,
    pod_column,
    problems,
    search_box,
    stage_annotations,
    worker_table,
)
from sedna_dash.authoring.style import above, below, colored, values
from sedna_dash.authoring.variables import (
    choice,
    cluster,
    label_values,
    log_label_values,
    logs_source,
    metrics_source,
    namespace,
    query_values,
    textbox,
)
