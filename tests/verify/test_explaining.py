"""What is said of a query that finds nothing, on a real Prometheus with a small site."""

from __future__ import annotations

import dataclasses

import pytest

from sedna_dash.catalog import default_catalog
from sedna_dash.catalog.model import Absence
from tests.verify.conftest import ask, board, one

CASES: list[tuple[str, str, str]] = [
    # The metric.
    ("sedna_job_staet == 1", "broken", "unknown metric sedna_job_staet: there is no such series, and the catalog has "
     "no such metric, did you mean 'sedna_job_state'?"),
    ("quantile_over_time(0.5, nobodys_metric[5m])", "broken", "unknown metric nobodys_metric"),
    ("-nobodys_metric", "broken", "unknown metric nobodys_metric"),
    ('{__name__=~"nobody.*"}', "broken", "no metric is called like"),
    # Its labels.
    ('sedna_job_state{state="Runing"}', "broken", "'Runing' is no value of state of sedna_job_state, did you mean"),
    ('sum(sedna_job_state{stat="Running"})', "broken", "sedna_job_state has no label stat, did you mean 'state'?"),
    ('sedna_job_info{name="nobody"}', "broken", 'no series of sedna_job_info has name="nobody"; there is \'crowd\', '),
    ('kube_node_role{role="gateway"}', "broken", "there is 'edge'"),
    ('up{nobodys_label="x"}', "broken", "the others have no label nobodys_label"),
    ('sedna_job_state{kind="ReidJob",namespace="office"}', "broken", "together with"),
    ('sedna_job_state{kind="ReidJob",name="crowd"}', "broken", 'kind="ReidJob" together with name="crowd"'),
    # What the catalog says may be missing.
    ('kube_pod_container_status_waiting_reason{reason="ErrImagePull"}', "empty", "is absent while no container waits"),
    ('ALERTS{severity="critical"}', "empty", 'there is none with severity="critical"'),
    ('sum(rate(sedna_inference_errors_total{location="cloud",name="nobody"}[5m]))', "empty", "until the first error"),
    ('sedna_job_completion_timestamp_seconds{kind="VideoAnalyticsJob",name="nobody"}', "empty", "until a job succeeds"),
    # What holds for nobody.
    ('sedna_job_state{state="Running"} > 3', "empty", "the condition sedna_job_state{state=\"Running\"} > 3"),
    ("topk(3, sum by (kind) (sedna_job_state) > 99)", "empty", "holds nowhere"),
    ("3 < sedna_job_state", "empty", "holds nowhere"),
    ("vector(1) > 2", "empty", "holds nowhere"),
    ("max_over_time((sedna_job_state == 7)[10m:1m])", "empty", "the condition sedna_job_state == 7 holds nowhere"),
    ("max_over_time((sedna_job_state == 7)[10m:1m] @ end() offset 1m)", "empty", "holds nowhere"),
    ("sedna_worker_info unless on (pod) sedna_worker_info", "empty", "for every series on the left"),
    ("sedna_job_state == on (namespace, kind, name, state) sedna_job_state + 1", "empty", "holds nowhere"),
    ('sedna_job_state{state="Failed"} == 1 and on (namespace, kind, name) sedna_job_state{state="Running"} == 1',
     "empty", "no series fulfils both sides of 'and'"),
    ("absent(up)", "empty", "because there are such series"),
    # A mistake beside what holds for nobody is a mistake.
    ("sedna_job_state == 7 and on (name) nobodys_metric", "broken", "unknown metric nobodys_metric"),
    ("(sedna_job_state == 7) or nobodys_metric", "broken", "unknown metric nobodys_metric"),
    ("(sedna_job_state == 7) unless on (name) nobodys_metric", "broken", "unknown metric nobodys_metric"),
    ("count(nobodys_metric == 1) or count(up) * 0", "broken", "in part: unknown metric nobodys_metric"),
    ("up unless on (x) nobodys_metric", "broken", "in part: unknown metric nobodys_metric"),
    ("sum_over_time((count(nobodys_metric) or count(up))[10m:1m])", "broken", "in part: unknown metric nobodys_metric"),
    # Joins.
    ("sedna_worker_info * on (node) group_left () label_replace(max by (node) (kube_node_role), \"node\", \"x-$1\", "
     "\"node\", \"(.*)\")", "broken", 'join matches nothing: on (node) there is {node="'),
    ("sedna_worker_info and sedna_job_info", "broken", "join matches nothing: on all labels there is"),
    ("max by (name) (sedna_job_info) + max by (node) (kube_node_info)", "broken", "join matches nothing"),
    ("sum(up offset 20m) by (node) and on (node) up @ 1", "empty", "so far back there is no history"),
    ('sedna_job_info{kind="ReidJob"} and on (name) sedna_worker_info{kind="VideoAnalyticsJob"}', "broken",
     "share labels, but of the series asked for there is"),
    ('kube_pod_container_status_waiting_reason{pod=~"lc-.*"} and on (pod) sedna_worker_info', "empty",
     "is absent while no container waits, so the sides"),
    # Functions.
    ("rate(sedna_inferences_total[20s])", "broken", "within its window"),
    ("histogram_quantile(0.9, sum by (name) (rate(sedna_inference_duration_seconds_bucket[5m])))", "broken",
     "its series have no label le"),
    ("sedna_job_state offset 2d", "empty", "so far back there is no history"),
    ("delta(sedna_federated_round[1h] offset 5d)", "empty", "so far back there is no history"),
    # Found.
    ("up", "data", ""),
    ("vector(1)", "data", ""),
    ("1 + 1", "data", ""),
    ("(sedna_job_state == 7) or up", "data", "in part: the condition"),
    ("absent(nobodys_metric)", "data", ""),
    # Refused.
    ("sum((", "error", "parse error: unclosed left parenthesis"),
    ("sedna_job_info * on (namespace) sedna_worker_info", "error", "prometheus says: found duplicate series"),
]  # fmt: skip


@pytest.mark.parametrize("over_time", [False, True], ids=["at the end", "over time"])
def test_what_is_said(healthy: str, over_time: bool) -> None:
    report = ask(healthy, board(*(text for text, *_ in CASES), over_time=over_time))
    wrong = []
    for text, status, reason in CASES:
        verdict = one(report, text).verdict
        if verdict.status != status or reason not in verdict.reason or (status == "broken") != bool(verdict.cure):
            wrong.append((text, verdict))
    assert not wrong, "\n".join(map(str, wrong))


def test_an_absence_can_be_refuted(healthy: str) -> None:
    """What may be missing until something happens has to be there once it did, for just those things."""
    catalog = default_catalog()
    metric = dataclasses.replace(
        catalog.metrics["sedna_job_iteration"],
        name="sedna_job_late",
        absent=Absence("until it runs", 'sedna_job_state{state="Running"} or sedna_job_info'),
    )
    more = dataclasses.replace(catalog, metrics={**catalog.metrics, "sedna_job_late": metric})
    known, nobody = "sedna_job_late", 'sedna_job_late{kind="ReidJob",namespace="office"}'
    report = ask(healthy, board(known, nobody), catalog=more)
    assert one(report, known).verdict.status == "broken"
    assert "Sedna exporter delivers, but not this" in one(report, known).verdict.reason
    assert one(report, nobody).verdict.status == "empty"
    assert one(report, nobody).verdict.reason == "sedna_job_late is absent until it runs"


def test_part_of_a_metric_may_be_missing(healthy: str) -> None:
    error = 'kube_state_metrics_list_total{result="error",resource="nobody"}'
    report = ask(healthy, board(error))
    assert one(report, error).verdict.reason.startswith("kube_state_metrics_list_total is absent until the first such")
    catalog = default_catalog()
    gone = dataclasses.replace(catalog.metrics["kube_state_metrics_list_total"], name="kube_gone")
    more = dataclasses.replace(catalog, metrics={**catalog.metrics, "kube_gone": gone})
    report = ask(healthy, board("kube_gone"), catalog=more)
    assert one(report, "kube_gone").verdict.status == "broken"


VARIABLES = [
    {"name": "kind", "type": "query", "multi": True, "includeAll": True, "datasource": {"type": "prometheus"},
     "query": {"query": 'label_values(sedna_job_info{kind="NoSuchJob"}, name)'}},
    {"name": "child", "type": "query", "multi": True, "includeAll": True, "datasource": {"type": "prometheus"},
     "query": {"query": 'label_values(sedna_job_info{name=~"$kind"}, namespace)'}},
    {"name": "label", "type": "query", "datasource": {"type": "prometheus"},
     "query": {"query": "label_values(sedna_job_info, nobodys_label)"}},
    {"name": "regex", "type": "query", "regex": "/x(y)z/", "datasource": {"type": "prometheus"},
     "query": {"query": "label_values(sedna_job_info, name)"}},
    {"name": "cluster", "type": "query", "datasource": {"type": "prometheus"},
     "query": {"query": "label_values(sedna_job_info, cluster)"}},
    {"name": "result", "type": "query", "regex": "/kind=\"([^\"]+)/", "datasource": {"type": "prometheus"},
     "query": {"query": "query_result(sedna_job_info)"}},
    {"name": "broken", "type": "query", "datasource": {"type": "prometheus"},
     "query": {"query": "query_result(sum((up)"}},
    {"name": "names", "type": "query", "datasource": {"type": "prometheus"}, "query": {"query": "label_names()"}},
]  # fmt: skip
OF_VARIABLES = [
    ("$kind", "broken", "'NoSuchJob' is no value of kind"),
    ("$child", "broken", '$kind has no value: kind="NoSuchJob" can never be'),
    ("$label", "broken", "sedna_job_info has no label nobodys_label"),
    ("$regex", "broken", "its regular expression /x(y)z/ fits none"),
    ("$cluster", "empty", "no series has the label cluster"),
    ("$result", "data", ""),
    ("$broken", "error", "prometheus says: invalid parameter"),
    ("$names", "not asked", "it asks for no series"),
    ('sedna_job_state{name=~"$kind"}', "broken", "$kind has no value"),
    ('sedna_job_state{kind=~"$result"}', "data", ""),
]


def test_what_is_said_of_variables(healthy: str) -> None:
    panels = [title for title, *_ in OF_VARIABLES if not title.startswith("$")]
    report = ask(healthy, board(*panels, variables=VARIABLES))
    for title, status, reason in OF_VARIABLES:
        verdict = one(report, title).verdict
        assert (verdict.status, reason in verdict.reason) == (status, True), (title, verdict)


def test_what_nobody_has_here(sick: str) -> None:
    """Without any ReidJob, an empty panel about them is right, and one about a kind that is here is not."""
    reid, other = 'sedna_job_state{kind="ReidJob"}', 'sedna_job_state{kind="LifelongLearningJob",namespace="shop"}'
    report = ask(sick, board(reid, other))
    assert one(report, reid).verdict.status == "empty"
    assert one(report, reid).verdict.reason.startswith('there is nothing with kind="ReidJob" here, as sedna_job_info')
    assert one(report, other).verdict.status == "broken"
