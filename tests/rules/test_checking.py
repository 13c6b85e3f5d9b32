"""What only shows when an expression is understood."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from sedna_dash.alerts import Inhibition
from sedna_dash.catalog import Catalog
from sedna_dash.errors import RuleError
from sedna_dash.rules.checking import check, must_be_right
from tests.rules.making import ALL, rules_with


def test_our_rules_are_right() -> None:
    assert [f"{item.file}:{item.line}: {item.message}" for item in check(ALL)] == []


def test_a_good_alert_is_right(tmp_path: Path) -> None:
    assert check(rules_with(tmp_path)) == []


BAD = [
    ("expr", "sedna_job_statusbytes > ${limit}", "expr", "sedna_job_statusbytes"),
    ("expr", "max by (nam) (sedna_job_status_bytes) > ${limit}", "expr", "'nam'"),
    ("expr", 'sedna_job_state{state="Faild"} == ${limit}', "expr", "'Faild'"),
    ("expr", "max by (name (sedna_job_status_bytes) > ${limit}", "expr", "is no PromQL"),
    ("expr", "sedna_hard_examples_total / rate(sedna_inference_requests_total[5m]) > ${limit}", "expr", "divide by"),
    ("expr", "max by (name) (sedna_job_status_bytes) > ${limit}", "summary", "the label 'namespace'"),
    ("summary", "{{ $labels.pod }} is large", "summary", "the label 'pod', which the expression does not keep"),
    ("description", "{{ $value }} bytes", "description", "with all its digits"),
    ("description", '{{ query "up" }}', "description", "the function 'query'"),
    ("description", "{{ $value | humanizeBytes }}", "description", "the function 'humanizeBytes'"),
    ("summary", "It is large.", "summary", "leave out the final dot"),
    ("panel.board", "sedna-inspect", "panel", "there is no dashboard 'sedna-inspect'"),
    ("panel.title", "Stat", "panel", "dashboard 'sedna-inspector' has no panel 'Stat'"),
    ("panel.title", "CPU", "panel", "reads none of sedna_job_status_bytes"),
    ("panel.variables", {"resurce": "$name"}, "panel", "has no variable 'resurce', did you mean 'resource'"),
    ("panel.variables", {"resource": "$nam"}, "panel", "the alert has no label 'nam'"),
    ("runbook.checks.0.query", "sedna_job_statusbytes", "runbook", "sedna_job_statusbytes"),
    ("tests.0.fires.0.labels", {"namespace": "d", "nam": "a"}, "tests", "the label 'nam'"),
]


@pytest.mark.parametrize(("path", "value", "where", "said"), BAD, ids=[f"{path}: {said}" for path, _, _, said in BAD])
def test_what_makes_no_sense_is_found_at_its_line(path: str, value: Any, where: str, said: str, tmp_path: Path) -> None:
    rules = rules_with(tmp_path, path, value)
    found = [item for item in check(rules) if said in item.message]
    assert found, [item.message for item in check(rules)]
    text = Path(found[0].file).read_text().splitlines()

    def part(line: int) -> str:
        return [row.split(":")[0] for row in text[:line] if row[:1].isalpha()][-1]

    assert where in {part(item.line) for item in found}


def test_the_first_fault_is_said_and_the_others_counted(tmp_path: Path) -> None:
    rules = rules_with(tmp_path, "expr", "max by (name) (sedna_job_statusbytes) > ${limit}")
    with pytest.raises(RuleError, match=r"SednaLarge.yaml:\d+: .*\(\d+ more: sedna-dash rules check\)"):
        must_be_right(rules)


def test_an_inhibition_by_a_label_that_is_not_there(tmp_path: Path) -> None:
    rules = rules_with(tmp_path)
    silencing = Inhibition(("SednaLarge",), ("SednaLarge",), ("namespace", "node"), "Because.")
    rules = dataclasses.replace(rules, alerts=dataclasses.replace(rules.alerts, inhibitions=(silencing,)))
    assert "does not carry the label 'node'" in check(rules)[0].message


def changed_record(catalog: Catalog, **changes: Any) -> Catalog:
    record = catalog.metrics["sedna:job_eval_metric:delta"]
    metrics = {**catalog.metrics, record.name: dataclasses.replace(record, **changes)}
    return dataclasses.replace(catalog, metrics=metrics)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"labels": {"namespace": (), "kind": (), "name": (), "metric": (), "stage": ()}},
            "the label 'stage'",
        ),
        ({"labels": {"namespace": (), "kind": (), "name": ()}}, "keeps the label 'metric', which it does not declare"),
        ({"expr": "max by (cluster, namespace, kind, name, metric) (sedna_job_evalmetric)"}, "sedna_job_evalmetric"),
    ],
)
def test_a_wrong_record(changes: dict[str, Any], said: str) -> None:
    rules = dataclasses.replace(ALL, catalog=changed_record(ALL.catalog, **changes))
    found = [item for item in check(rules) if item.panel == "sedna:job_eval_metric:delta"]
    assert any(said in item.message for item in found), found
    line = Path(found[0].file).read_text().splitlines()[found[0].line - 1]
    assert re.fullmatch(r"\s*- name: sedna:job_eval_metric:delta", line)
