"""Queries are built from metrics, and mistakes fail where they are made."""

from collections.abc import Callable

import pytest

from sedna_dash.authoring import (
    CLUSTER,
    HOUR,
    NAME,
    SPACE,
    Expr,
    Not,
    Regex,
    as_instant,
    avg_over,
    cases,
    constant,
    count_by,
    delta,
    deriv,
    either,
    equals,
    increase,
    join,
    largest,
    last_time,
    matching,
    max_by,
    metric,
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
from sedna_dash.errors import AuthoringError

J = 'cluster=~"$cluster",namespace=~"$namespace",name=~"$name"'

state = metric("sedna_job_state")
inferences = metric("sedna_inferences_total")
hard = metric("sedna_hard_examples_total")
samples = metric("sedna_dataset_samples")
info = metric("sedna_worker_info")
started = metric("sedna_worker_start_timestamp_seconds")
duration = metric("sedna_inference_duration_seconds")

TEXTS: list[tuple[Expr, str]] = [
    (state(NAME), f"sedna_job_state{{{J}}}"),
    (state(), "sedna_job_state"),
    (state(kind="ReidJob"), 'sedna_job_state{kind="ReidJob"}'),
    (state(kind=("ReidJob", "VideoAnalyticsJob")), 'sedna_job_state{kind=~"ReidJob|VideoAnalyticsJob"}'),
    (state(name=("a.b", "c+d", "$name")), 'sedna_job_state{name=~"a\\\\.b|c\\\\+d|$name"}'),
    (state(state=Not("Unknown")), 'sedna_job_state{state!="Unknown"}'),
    (state(state=Not("Failed", "Unknown")), 'sedna_job_state{state!~"Failed|Unknown"}'),
    (
        state(kind=(kind for kind in ("ReidJob", "VideoAnalyticsJob"))),
        'sedna_job_state{kind=~"ReidJob|VideoAnalyticsJob"}',
    ),
    (state(name="a\nb"), 'sedna_job_state{name="a\\nb"}'),
    (state(name=Regex("a.*", negate=True)), 'sedna_job_state{name!~"a.*"}'),
    (state(name='with "quotes" and \\'), 'sedna_job_state{name="with \\"quotes\\" and \\\\"}'),
    (rate(inferences(CLUSTER)), 'rate(sedna_inferences_total{cluster=~"$cluster"}[$__rate_interval])'),
    # Things are counted in whole numbers, seconds are not.
    (increase(hard()), "round(increase(sedna_hard_examples_total[$__range]))"),
    (increase(hard(), window=HOUR), "round(increase(sedna_hard_examples_total[1h]))"),
    (
        increase(metric("container_cpu_usage_seconds_total")(), window=HOUR),
        "increase(container_cpu_usage_seconds_total[1h])",
    ),
    (delta(metric("sedna_dataset_samples")(), "1d"), "round(delta(sedna_dataset_samples[1d]))"),
    (largest(state()), "max_over_time(sedna_job_state[$__range] @ end())"),
    (
        last_time(metric("kube_pod_status_phase")(phase="Failed")),
        'max_over_time(timestamp(kube_pod_status_phase{phase="Failed"} == 1)[$__range:5m] @ end())',
    ),
    (deriv(samples(), "6h"), "deriv(sedna_dataset_samples[6h])"),
    (sum_by(rate(inferences()), "location"), "sum by (location) (rate(sedna_inferences_total[$__rate_interval]))"),
    (sum_by(state()), "sum(sedna_job_state)"),
    (topk(5, count_by(info(), "node")), "topk(5, count by (node) (sedna_worker_info))"),
    (or_zero(sum_by(state())), "sum(sedna_job_state) or vector(0)"),
    ((samples() + 1) * 2, "(sedna_dataset_samples + 1) * 2"),
    (samples() - (samples() - 1), "sedna_dataset_samples - (sedna_dataset_samples - 1)"),
    (samples() / 0.01, "sedna_dataset_samples / 0.01"),
    (
        ratio(sum_by(rate(hard()), "name"), sum_by(rate(hard()), "name")),
        "sum by (name) (rate(sedna_hard_examples_total[$__rate_interval]))"
        " / (sum by (name) (rate(sedna_hard_examples_total[$__rate_interval])) > 0)",
    ),
    (
        join(started(), info(), on=("namespace", "pod"), take=("name",)),
        "sedna_worker_start_timestamp_seconds * on (namespace, pod) group_left (name) sedna_worker_info",
    ),
    (only_where(state(), info(), on=("name",)), "sedna_job_state and on (name) sedna_worker_info"),
    (unless_where(state(), info(), on=("name",)), "sedna_job_state unless on (name) sedna_worker_info"),
    (equals(either(state(), state()), 1), "(sedna_job_state or sedna_job_state) == 1"),
    (
        matching(max_by(samples(), "dataset"), "-", max_by(samples(), "dataset"), on=("dataset",)),
        "max by (dataset) (sedna_dataset_samples) - on (dataset) max by (dataset) (sedna_dataset_samples)",
    ),
    (since(started()), "time() - sedna_worker_start_timestamp_seconds"),
    (as_instant(started()), "sedna_worker_start_timestamp_seconds * 1000"),
    (constant("$price", "number") * 1000, "vector($price) * 1000"),
    (
        relabel(state(), "board", "kind", "ReidJob", "x"),
        'label_replace(sedna_job_state, "board", "x", "kind", "ReidJob")',
    ),
    (
        quantile(0.95, duration(CLUSTER), "location"),
        "histogram_quantile(0.95, sum by (le, location) "
        '(rate(sedna_inference_duration_seconds_bucket{cluster=~"$cluster"}[$__rate_interval])))',
    ),
    (
        metric("sedna_knowledge_base_custom_").any_name(CLUSTER),
        '{__name__=~"sedna_knowledge_base_custom_.+",cluster=~"$cluster"}',
    ),
]


@pytest.mark.parametrize(("expr", "text"), TEXTS, ids=[text for _, text in TEXTS])
def test_text(expr: Expr, text: str) -> None:
    assert expr.text == text


MISTAKES: dict[str, tuple[Callable[[], object], str]] = {
    "no such metric": (lambda: metric("sedna_job_stat"), "no metric 'sedna_job_stat' in the catalog, did you mean"),
    "no such label": (lambda: state(namespaze="a"), "no label 'namespaze', did you mean 'namespace'?"),
    "no such value": (lambda: state(state="Runing"), "never 'Runing', did you mean 'Running'?"),
    "no such value in a list": (lambda: state(state=("Running", "Done")), "never 'Done'"),
    "no such value negated": (lambda: state(state=Not("Done")), "never 'Done'"),
    "label aggregated away": (
        lambda: sum_by(sum_by(state(), "name"), "kind"),
        "sum by 'kind': the series have no such",
    ),
    "rate of a gauge": (lambda: rate(samples()), "needs a counter, but sedna_dataset_samples is a gauge"),
    "rate of an expression": (lambda: rate(sum_by(hard(), "name")), "takes a metric selector"),  # type: ignore[arg-type]
    "quantile of a gauge": (lambda: quantile(0.5, samples()), "is a gauge, not a histogram"),
    "zero beside labels": (lambda: or_zero(state()), "needs an expression without labels"),
    "join on a missing label": (lambda: join(state(), samples(), on=("pod",)), "join on 'pod'"),
    "sides that never match": (lambda: sum_by(state()) / state(), "only one side has labels"),
    "age of a number": (lambda: since(samples()), "needs a timestamp"),
    "rate of a whole histogram": (lambda: rate(duration()), "a histogram has no series of that name"),
    "states of a record": (
        lambda: states(metric("sedna:job_stage_age:seconds")(), "stage", by=("name",)),
        "not the record sedna:job_stage_age:seconds",
    ),
    "states of free text": (lambda: states(state(), "name", by=("kind",)), "has no fixed values"),
    "no such operator": (lambda: matching(state(), "=<", state(), on=("name",)), "knows no operator '=<'"),
    "no such unit": (lambda: constant("1", "furlongs"), "no unit 'furlongs'"),
    "record with a label that it lacks": (
        lambda: metric("sedna:federated_round_age:seconds")(node="a"),
        "has no label 'node'",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_refused(name: str) -> None:
    act, says = MISTAKES[name]
    with pytest.raises(AuthoringError) as error:
        act()
    assert says in error.value.message


def test_labels_units_and_metrics_travel() -> None:
    expr = sum_by(rate(inferences(NAME)), "location")
    assert expr.labels == {"location"}
    assert expr.unit == "inferences/s"
    assert [family.name for family in expr.metrics] == ["sedna_inferences_total"]
    assert ratio(sum_by(rate(hard())), sum_by(rate(hard()))).unit == "ratio"
    assert since(started()).unit == "seconds"
    assert (samples() / samples()).unit == "ratio"


def test_states_number_the_enum_in_order() -> None:
    text = states(metric("sedna_job_deploy_state")(SPACE), "state", by=("name",)).text
    assert text.startswith("max by (name) (sedna_job_deploy_state{")
    assert [part.split('state="')[1] for part in text.split(" or ")] == [
        'Waiting"} * 1',
        'OK"} * 2',
        'NotOK"} * 3)',
    ]


def test_the_largest_of_several_cases_wins() -> None:
    # Of series with equal labels "or" keeps the left one, so the largest number stands first.
    many = max_by(samples(), "dataset")
    assert cases((many > 1, 1), (many > 9, 2), by=("dataset",)).text == (
        "max by (dataset) ((max by (dataset) (sedna_dataset_samples) > 9) * 2"
        " or (max by (dataset) (sedna_dataset_samples) > 1) * 1)"
    )


def test_a_record_becomes_its_expression_with_the_matchers_inside() -> None:
    age = metric("sedna:job_stage_age:seconds")(NAME, stage="Train")
    assert age.text == (
        "time() - max by (cluster, namespace, kind, name, stage) "
        f'(sedna_job_stage_transition_timestamp_seconds{{{J},stage="Train"}})'
    )
    assert [family.name for family in age.metrics] == [
        "sedna:job_stage_age:seconds",
        "sedna_job_stage_transition_timestamp_seconds",
    ]
    # Records inside records are expanded too, and bind as one operand.
    stuck = metric("sedna:job_stage_stuck:bool")(NAME).text
    assert "sedna:" not in stuck
    assert "(time() - max by" in stuck
    assert stuck.count('name=~"$name"') == 4
    # A result label that a metric calls otherwise.
    gpu = metric("sedna:node_gpu_utilization:ratio")(node="$node").text
    assert 'DCGM_FI_DEV_GPU_UTIL{Hostname=~"$node"}' in gpu
    assert 'sedna_jetson_gpu_utilization_ratio{node=~"$node"}' in gpu


def test_a_record_under_a_window_becomes_a_subquery() -> None:
    assert avg_over(metric("sedna:federated_round_age:seconds")(), "7d").text.endswith(")[7d:5m])")
