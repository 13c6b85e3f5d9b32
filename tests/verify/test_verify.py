"""The dashboards of ours on a site that is well, and on one that is not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sedna_dash.catalog import default_catalog
from sedna_dash.lint.board import Board
from sedna_dash.lint.promql_ast import parse
from sedna_dash.schemas import violations
from sedna_dash.verify.report import Item, Report, report_data
from tests.verify.conftest import ask, board, one, our_boards


@pytest.fixture(scope="module")
def well(healthy: str) -> Report:
    return ask(healthy, *our_boards(), since=3600.0)


@pytest.fixture(scope="module")
def ill(sick: str) -> Report:
    return ask(sick, *our_boards(), expected=frozenset(default_catalog().sources))


def items(report: Report) -> list[Item]:
    return [item for found in report.boards for item in found.items]


def test_every_panel_is_accounted_for(well: Report) -> None:
    shown = sum(panel.shows_data for found in our_boards() for panel in found.panels)
    assert sum(item.kind == "panel" for item in items(well)) == shown > 250
    assert {item.verdict.status for item in items(well)} == {"data", "empty", "not asked"}
    assert well.error is None


def test_only_these_are_empty_and_nothing_is_left_out(well: Report) -> None:
    empty = {(item.title, item.verdict.reason) for item in items(well) if item.verdict.status == "empty"}
    # It reads a value of each full hour, and this site need not have lived through one.
    sometimes = {("New samples and the train trigger", 'there is none with name=~"thermal-comfort", which was chosen')}
    assert empty - sometimes == {
        ("$cluster", "no series has the label cluster, which only several of them need"),
        ("Exporter down", 'the condition up{cluster=~".*",job="sedna-exporter"} == 0 holds nowhere now'),
        # The inspector is about one thing: what is a lifelong learning job is neither a dataset nor a model.
        ("As a dataset", 'there is none with dataset=~"thermal-comfort", which was chosen'),
        ("As a model", 'there is none with model=~"thermal-comfort", which was chosen'),
        ("What starts its stages", 'there is none with name=~"thermal-comfort", which was chosen'),
    }
    left = [item for item in items(well) if item.verdict.status == "not asked"]
    assert {item.verdict.reason for item in left} == {"no Loki to ask"}


def test_data_says_how_much_and_when(well: Report) -> None:
    [answer] = one(well, "Series in memory", "sedna-monitoring-stack").answers
    assert answer.series == 1 and answer.first is not None and answer.last is not None
    assert well.at - 40 * 60 - 60 <= answer.first < answer.last <= well.at


def test_a_constant_is_no_data(healthy: str) -> None:
    """Tables have a column of buttons, which is there whatever else is."""
    one_panel = board("vector(1)", "sedna_job_state == 9")
    first, second = one_panel.panels
    both = {**first.model, "targets": [*first.targets, *second.targets]}
    report = ask(healthy, Board({**one_panel.model, "panels": [both]}, "both.json"))
    assert one(report, "vector(1)").verdict.status == "empty"


def test_history(well: Report, healthy: str) -> None:
    """The site is 40 minutes old; nobody can know more."""
    assert len(well.history) > 140
    for item in well.history:
        assert item.first is not None and item.last is not None and not item.gaps
        assert 40 * 60 - 120 < well.at - item.first < 45 * 60 and well.at - item.last < 120
    short = ask(healthy, board("up"), since=900.0)
    assert [item.first for item in short.history] == [short.at - 900]


def reasons(report: Report, status: str) -> Sequence[str]:
    return [item.verdict.reason for item in items(report) if item.verdict.status == status]


def test_a_misspelt_metric_is_found(ill: Report) -> None:
    assert any("unknown metric kube_node_info: kube-state-metrics delivers, but not this" in text
               for text in reasons(ill, "broken"))  # fmt: skip


def test_a_dropped_metric_is_found(ill: Report) -> None:
    assert any("unknown metric sedna_job_status_bytes: Sedna exporter delivers, but not this" in text
               for text in reasons(ill, "broken"))  # fmt: skip


def test_a_broken_join_is_found(sick: str) -> None:
    join = "sedna_worker_info * on (namespace, pod, node) group_left () max by (namespace, pod, node) (kube_pod_info)"
    verdict = one(ask(sick, board(join)), join).verdict
    assert verdict.status == "broken"
    assert verdict.reason.startswith('join matches nothing: on (namespace, pod, node) there is {namespace="')
    assert 'on the left, but {namespace="' in verdict.reason and "node=" not in verdict.reason.split("but ")[1]


def test_a_label_that_nobody_sends_is_found(ill: Report) -> None:
    verdict = one(ill, "$node", "sedna-cluster-resources").verdict
    assert verdict.status == "broken" and "has no label node" in verdict.reason


def test_a_producer_that_is_off_is_no_fault(ill: Report, sick: str) -> None:
    found = [item for item in items(ill) if item.verdict.status == "unknown"]
    assert found and all("nothing comes from Worker hook" in item.verdict.reason for item in found)
    assert {item.verdict.cure for item in found} == {"needs the worker hook; stock Sedna does not report this"}
    hook = ask(sick, board("sedna_inference_duration_seconds_count"))
    assert hook.error is None
    [producer] = [item for item in hook.producers if item.name == "worker-hook"]
    assert not producer.on and list(producer.missing) == ["sedna_inference_duration_seconds"]


def test_unless_it_is_expected(sick: str) -> None:
    report = ask(sick, board("sedna_inference_duration_seconds_count"), expected=frozenset({"worker-hook"}))
    assert report.error is not None
    assert report.error.message == (
        "expected of Worker hook, but missing: sedna_inference_duration_seconds; needs the worker hook; stock Sedna "
        "does not report this"
    )
    assert ask(sick, board("sedna_job_info"), expected=frozenset({"exporter"})).error is None


def test_what_is_ill_fails(ill: Report) -> None:
    assert ill.error is not None and ill.error.exit_code == 1
    assert " broken of " in ill.error.message and "; first " in ill.error.message
    assert not reasons(ill, "error")


@pytest.mark.parametrize("state", ["well", "ill"])
def test_the_form_of_json(state: str, request: pytest.FixtureRequest) -> None:
    report = request.getfixturevalue(state)
    assert list(violations("verify", report_data(report))) == []


def test_what_the_catalog_says_of_absence_can_be_asked(healthy: str) -> None:
    """Every query under `unless` parses, asks for metrics of the catalog, and is one that Prometheus answers."""
    catalog = default_catalog()
    conditions = {metric.absent.unless for metric in catalog.metrics.values() if metric.absent and metric.absent.unless}
    assert len(conditions) > 20
    for text in conditions:
        parsed = parse(text)
        assert not parsed.fault, text
        assert all(catalog.find(use.selector.name) for use in parsed.uses), text
    report = ask(healthy, board(*sorted(conditions)))
    assert not reasons(report, "error")
    # On a site that has everything, each refutes the absence of something, or holds nowhere.
    assert not reasons(report, "broken")
