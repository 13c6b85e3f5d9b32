"""Dashboards and rule files of others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sedna_dash.errors import RuleError, SourceError
from sedna_dash.impact.inventory import load_inventory
from sedna_dash.impact.others import load_others_boards, load_others_rules
from tests.impact.site import REPOSITORY, dashboard, panel

PLAIN = """
groups:
  - name: site
    rules:
      - {record: "site:m:sum", expr: sum(m)}
      - alert: Low
        expr: site:m:sum < 1
        for: 5m
        labels: {severity: page, tier: 1}
        annotations: {summary: "{{ $labels.node }} is low"}
"""

FORMS = {
    "plain": PLAIN,
    "an object of the operator": "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nspec:"
    + PLAIN.replace("\n", "\n  "),
    "a list of objects": "kind: List\nitems:\n- kind: PrometheusRule\n  spec:" + PLAIN.replace("\n", "\n    "),
    "two documents": "kind: ConfigMap\ndata: {a: b}\n---" + PLAIN,
    "a namespace of Mimir": "namespace: site" + PLAIN,
    "what Mimir answers": PLAIN.replace("groups:", "my-namespace:"),
    "with an empty document": "---\n---" + PLAIN,
    "JSON": json.dumps(
        {
            "groups": [
                {
                    "name": "site",
                    "rules": [
                        {"record": "site:m:sum", "expr": "sum(m)"},
                        {
                            "alert": "Low",
                            "expr": "site:m:sum < 1",
                            "labels": {"severity": "page", "tier": 1},
                            "annotations": {"summary": "{{ $labels.node }} is low"},
                        },
                    ],
                }
            ]
        }
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_rule_file(name: str, tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(FORMS[name])
    record, alert = load_others_rules([file])
    assert (record.kind, record.group, record.name, record.expr) == ("record", "site", "site:m:sum", "sum(m)")
    assert (alert.kind, alert.name, alert.file) == ("alert", "Low", str(file))
    assert alert.texts == {"severity": "page", "tier": "1", "summary": "{{ $labels.node }} is low"}
    assert {record.language, alert.language} == {"promql"}


def test_rules_of_loki_have_the_same_form(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(PLAIN.replace("site:m:sum < 1", '\'sum(rate({app="x"} |= "error" [5m])) > 1\''))
    assert [rule.language for rule in load_others_rules([file])] == ["promql", "logql"]


def test_a_folder_is_searched_and_other_yaml_in_it_passed_over(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.yml").write_text(PLAIN)
    (tmp_path / "b.yaml").write_text("replicas: 1")
    (tmp_path / "c.txt").write_text(PLAIN)
    assert len(load_others_rules([tmp_path])) == 2


BROKEN = {
    "no rules": ("replicas: 1", r"x.yaml: holds no rules; give a rule file of Prometheus, or a PrometheusRule object"),
    "empty": ("", "x.yaml: holds no rules"),
    "no YAML": ("groups:\n  - name: [a\n    b: c", r"x.yaml:\d: .*; repair the YAML"),
    "cut off": ('groups:\n  - name: "a', r"x.yaml:\d: .*; repair the YAML"),
    "a tag": ("groups: !!python/object:os.system {}", r"x.yaml:1: .*; repair the YAML"),
    "an impossible date": ("groups: 2026-99-99", r"x.yaml:1: a value is no possible date or number"),
    "not a list": ("groups: {rules: 3}", "x.yaml: holds no rules"),
    "rules without expressions": (
        "groups: [{name: a, rules: [{alert: A}, {record: 3, expr: x}, 7]}]",
        "holds no rules",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_file(name: str, tmp_path: Path) -> None:
    text, says = BROKEN[name]
    file = tmp_path / "x.yaml"
    file.write_text(text)
    with pytest.raises(RuleError, match=says) as error:
        load_others_rules([file])
    assert "\n" not in error.value.message


def test_a_rule_file_in_another_encoding(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(b"groups: \xff\xfe")
    with pytest.raises(RuleError, match="it is not UTF-8 text"):
        load_others_rules([file])


def test_dashboards_as_the_api_gives_them(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"dashboard": dashboard("a", panel("P", "m")), "meta": {}}))
    (tmp_path / "b.json").write_text(json.dumps({"no": "dashboard"}))
    assert [board.uid for board in load_others_boards([tmp_path])] == ["a"]


def test_a_folder_without_dashboards(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no dashboard JSON"):
        load_others_boards([tmp_path])


def test_copies_of_ours_are_passed_over(tmp_path: Path) -> None:
    """Who exports all of Grafana, and gives all rules of Prometheus, has ours among them."""
    boards, rules = tmp_path / "boards", tmp_path / "rules.yaml"
    boards.mkdir()
    (boards / "ours.json").write_text(json.dumps(dashboard("sedna-fleet", panel("P", "m"))))
    (boards / "theirs.json").write_text(json.dumps(dashboard("theirs", panel("P", "m"))))
    rules.write_text(PLAIN.replace("alert: Low", "alert: SednaStageStuck"))
    inventory = load_inventory(REPOSITORY / "dashboards_src", dashboards=(boards,), rules=(rules,))
    assert [board.uid for board in inventory.others_boards] == ["theirs"]
    assert [rule.name for rule in inventory.others_rules] == ["site:m:sum"]
