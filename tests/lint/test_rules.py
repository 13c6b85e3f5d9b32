"""Every rule against its table of cases: what it must find, and what it must leave alone.

A table is ``cases/<rule>.yaml``; a case changes the smallest dashboard without a problem:

- ``panel:`` is merged into its panel, ``board:`` into the dashboard (lists replace),
- ``target:`` is merged into its query; ``expr:`` is its Prometheus query, ``logql:`` its Loki query,
  in a graph for a metric and in a logs panel for lines,
- ``others:`` are more dashboards of the run, each merged into the smallest one; they come before the judged one.
"""

from __future__ import annotations

import copy
import functools
import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from sedna_dash.building import load
from sedna_dash.catalog import default_catalog
from sedna_dash.lint.board import Board
from sedna_dash.lint.checking import lint
from sedna_dash.lint.problem import Problem
from sedna_dash.lint.rules import RULES

CASES = Path(__file__).parent / "cases"
SOURCE = Path(__file__).parents[2] / "dashboards_src"
NAMES = [rule.name for rule in RULES]

PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}
LOKI = {"type": "loki", "uid": "${loki_datasource}"}

TARGET: dict[str, Any] = {
    "refId": "A",
    "datasource": PROMETHEUS,
    "expr": 'sum by (name) (sedna_job_workers{name=~"$name"})',
    "legendFormat": "{{name}}",
    "interval": "30s",
    "instant": False,
    "range": True,
    "format": "time_series",
}

PANEL: dict[str, Any] = {
    "id": 7001,
    "type": "timeseries",
    "title": "Workers",
    "description": "Pods of each job that run. Fewer than the job asks for: look at their logs and at the nodes.",
    "datasource": PROMETHEUS,
    "gridPos": {"h": 8, "w": 24, "x": 0, "y": 0},
    "fieldConfig": {"defaults": {"unit": "short", "noValue": "The Sedna exporter is not scraped"}, "overrides": []},
    "options": {},
    "targets": [TARGET],
}

LOGS_TARGET: dict[str, Any] = {
    "refId": "A",
    "datasource": LOKI,
    "expr": '{app="worker"} | sedna_name=~"$name"',
    "queryType": "range",
    "maxLines": 500,
}


def _source(name: str, plugin: str) -> dict[str, Any]:
    return {"name": name, "type": "datasource", "query": plugin, "refresh": 1}


NAME_VARIABLE: dict[str, Any] = {
    "name": "name",
    "type": "query",
    "datasource": PROMETHEUS,
    "query": {"query": "label_values(sedna_job_info, name)", "refId": "A"},
    "refresh": 2,
    "multi": True,
    "includeAll": True,
    "allValue": ".*",
}

BOARD: dict[str, Any] = {
    "uid": "sedna-test",
    "title": "Sedna / Test",
    "tags": ["sedna"],
    "schemaVersion": 39,
    "editable": True,
    "timezone": "browser",
    "refresh": "1m",
    "time": {"from": "now-6h", "to": "now"},
    "templating": {"list": [_source("datasource", "prometheus"), NAME_VARIABLE]},
    "annotations": {"list": []},
    "links": [],
    "panels": [PANEL],
}


def merged(base: Any, change: Any) -> Any:
    """The base with the change in it; mappings go together, anything else replaces."""
    if not isinstance(base, dict) or not isinstance(change, dict):
        return copy.deepcopy(change)
    result = copy.deepcopy(base)
    for key, value in change.items():
        result[key] = merged(base.get(key), value)
    return result


def model_of(case: Mapping[str, Any]) -> dict[str, Any]:
    board, panel = copy.deepcopy(BOARD), copy.deepcopy(PANEL)
    if "expr" in case:
        panel["targets"][0]["expr"] = case["expr"]
        if "name=~" not in case["expr"]:
            # The base has no unused variable.
            board["title"] += " $name"
    if "logql" in case:
        board["templating"]["list"].append(_source("loki_datasource", "loki"))
        lines = case["logql"].lstrip().startswith("{")
        target = {**LOGS_TARGET, "expr": case["logql"]}
        if not lines:
            del target["maxLines"]
        panel.update(type="logs" if lines else "timeseries", datasource=LOKI, targets=[target])
    panel["targets"][0] = merged(panel["targets"][0], case.get("target", {}))
    panel = merged(panel, case.get("panel", {}))
    board["panels"] = [panel]
    return merged(board, case.get("board", {}))


def problems(case: Mapping[str, Any]) -> list[Problem]:
    judged = Board(model_of(case), "boards/test.json")
    others = [
        Board(
            merged({**BOARD, "uid": f"sedna-other-{index}", "title": f"Other {index}"}, other), f"boards/{index}.json"
        )
        for index, other in enumerate(case.get("others", ()))
    ]
    report = lint([*others, judged], default_catalog())
    return [problem for problem in report.problems if problem.file == "boards/test.json"]


def tables() -> list[tuple[str, str, dict[str, Any]]]:
    found = []
    for path in sorted(CASES.glob("*.yaml")):
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
        for kind in ("bad", "good"):
            found += [(path.stem, kind, case) for case in table.get(kind, ())]
    return found


def case_id(value: object) -> str | None:
    return value.get("name") if isinstance(value, dict) else None


@pytest.mark.parametrize(("name", "kind", "case"), tables(), ids=case_id)
def test_case(name: str, kind: str, case: dict[str, Any]) -> None:
    found = [problem for problem in problems(case) if problem.rule == name]
    if kind == "good":
        assert not found
        return
    assert found, "nothing found"
    if "says" in case:
        assert any(case["says"] in problem.message for problem in found), [problem.message for problem in found]


def test_every_rule_has_cases_and_every_table_a_rule() -> None:
    assert {path.stem for path in CASES.glob("*.yaml")} == set(NAMES)


@pytest.mark.parametrize("path", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_table_has_both_kinds_and_names_its_cases(path: Path) -> None:
    table = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert set(table) == {"bad", "good"}
    keys = {"name", "panel", "board", "target", "expr", "logql", "says", "others"}
    for cases in table.values():
        assert cases
        assert all(set(case) <= keys for case in cases)
        names = [case["name"] for case in cases]
        assert len(set(names)) == len(names)


def test_the_smallest_dashboard_has_no_problem() -> None:
    assert not problems({})


def test_the_smallest_dashboard_of_logs_has_no_problem() -> None:
    assert problems({"logql": LOGS_TARGET["expr"], "board": {"title": "Logs of $name"}}) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_is_documented_and_named_after_its_module(rule: Any) -> None:
    assert rule.check.__module__ == "sedna_dash.lint.rules." + rule.name.replace("-", "_")
    wanted, why, exceptions = rule.paragraphs
    assert wanted.endswith(".") and why.endswith(".")
    assert not exceptions or (exceptions.startswith("Exceptions: ") and exceptions.endswith("."))


def test_rules_are_in_alphabetical_order() -> None:
    assert sorted(NAMES) == NAMES


# --- dashboards of anybody --------------------------------------------------------------------------------------

ODD: list[Any] = [None, True, 0, -1, 1e308, 2**70, "", "$", "${", "text", [], [None], [[]], {}, {"list": None}, ["x"]]


@functools.cache
def built() -> list[str]:
    return [json.dumps(found.model) for found in load(SOURCE)]


@pytest.mark.parametrize("seed", range(40))
def test_no_odd_value_anywhere_makes_a_rule_fail(seed: int) -> None:
    """Rules judge dashboards that other people and programs wrote; a traceback would hide all other findings."""
    chance = random.Random(seed)
    model = json.loads(chance.choice(built()))
    for _ in range(25):
        spoil(model, chance)
    lint([Board(model, "odd.json"), Board(BOARD, "good.json")], default_catalog())


def spoil(model: dict[str, Any], chance: random.Random) -> None:
    """Put something odd in a random place."""
    value: Any = model
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = chance.choice(keys) if keys else None
        if key is None:
            return
        inner = value[key]
        if isinstance(inner, (dict, list)) and inner and chance.random() < 0.85:
            value = inner
            continue
        if isinstance(value, dict) and chance.random() < 0.2:
            del value[key]
        else:
            value[key] = copy.deepcopy(chance.choice(ODD))
        return


@pytest.mark.parametrize("model", [{}, {"panels": None}, {"panels": ["x", 1, {}]}, {"templating": []}, {"rows": [{}]}])
def test_hardly_a_dashboard(model: dict[str, Any]) -> None:
    assert lint([Board(model, "odd.json")], default_catalog()).problems
