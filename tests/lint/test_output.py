"""The forms of a report."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sedna_dash.lint.checking import Report
from sedna_dash.lint.output import WRITERS, as_github, as_json, as_sarif, as_text
from sedna_dash.lint.problem import Problem
from sedna_dash.lint.rules import RULES

NASTY = Problem("my boards/a,b:c.json", "sedna-a", "50 %\nof: all", "B", "panel-unit", "error", "has 'x'\r\nin 100 %")
PLAIN = Problem("x.json", "sedna-b", "", "", "tags-required", "warning", "has no tags; add one")
UNUSED = Problem("lint.yaml", "sedna-c", "", "", "unused-exclusion", "error", "excludes nothing", 7)
REPORT = Report((NASTY, PLAIN, UNUSED), (), excluded=2, dashboards=3)


def test_text_groups_by_dashboard_and_counts() -> None:
    assert as_text(REPORT).splitlines() == [
        "sedna-a (my boards/a,b:c.json)",
        "  error    50 % of: all, query B: has 'x' in 100 %  [panel-unit]",
        "",
        "sedna-b (x.json)",
        "  warning  has no tags; add one  [tags-required]",
        "",
        "sedna-c (lint.yaml)",
        "  error    excludes nothing (line 7)  [unused-exclusion]",
        "",
        "3 dashboards: 2 errors, 1 warning, 2 excluded",
    ]


def test_text_has_colour_only_when_asked() -> None:
    assert "\x1b[" not in as_text(REPORT)
    assert "\x1b[31m" in as_text(REPORT, True)


def test_text_of_nothing() -> None:
    assert as_text(Report((), dashboards=1)) == "1 dashboard: 0 errors, 0 warnings\n"


def test_json() -> None:
    content = json.loads(as_json(REPORT))
    assert (content["version"], content["errors"], content["warnings"], content["excluded"]) == (1, 2, 1, 2)
    assert content["problems"][0] == {
        "file": "my boards/a,b:c.json",
        "line": None,
        "dashboard": "sedna-a",
        "panel": "50 %\nof: all",
        "query": "B",
        "rule": "panel-unit",
        "severity": "error",
        "message": "has 'x'\r\nin 100 %",
    }


def test_github_escapes_what_would_end_a_command() -> None:
    assert as_github(REPORT).splitlines() == [
        "::error file=my boards/a%2Cb%3Ac.json,title=panel-unit::"
        "sedna-a: 50 %25%0Aof: all, query B: has 'x'%0D%0Ain 100 %25",
        "::warning file=x.json,title=tags-required::sedna-b: has no tags; add one",
        "::error file=lint.yaml,line=7,title=unused-exclusion::sedna-c: excludes nothing",
    ]


def test_sarif_has_the_required_shape() -> None:
    log = json.loads(as_sarif(REPORT))
    check_shape(log)
    run = log["runs"][0]
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == {*(rule.name for rule in RULES), UNUSED.rule}
    first, _, last = run["results"]
    assert first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "my%20boards/a%2Cb%3Ac.json"
    assert last["locations"][0]["physicalLocation"]["region"] == {"startLine": 7}


def check_shape(log: dict[str, Any]) -> None:
    """What the SARIF 2.1.0 schema requires of the parts that we write."""
    assert set(log) == {"$schema", "version", "runs"} and log["version"] == "2.1.0"
    for run in log["runs"]:
        assert set(run) == {"tool", "columnKind", "results"}
        assert run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")
        rules = run["tool"]["driver"]["rules"]
        assert run["tool"]["driver"]["name"]
        assert len({rule["id"] for rule in rules}) == len(rules)
        for rule in rules:
            assert set(rule) == {"id", "shortDescription", "fullDescription", "help", "defaultConfiguration"}
            assert all(rule[key]["text"] for key in ("shortDescription", "fullDescription", "help"))
            assert rule["defaultConfiguration"]["level"] in ("error", "warning", "note", "none")
        for result in run["results"]:
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
            assert result["level"] in ("error", "warning", "note", "none")
            assert result["message"]["text"]
            assert all(isinstance(value, str) for value in result["partialFingerprints"].values())
            for location in result["locations"]:
                place = location["physicalLocation"]
                assert " " not in place["artifactLocation"]["uri"]
                assert place["region"]["startLine"] >= 1
                assert all(item["fullyQualifiedName"] for item in location["logicalLocations"])


def test_a_fingerprint_survives_another_number_in_the_message() -> None:
    def fingerprint(problem: Problem) -> Any:
        return json.loads(as_sarif(Report((problem,))))["runs"][0]["results"][0]["partialFingerprints"]

    changed = Problem(PLAIN.file, PLAIN.dashboard, "", "", PLAIN.rule, "warning", "has 3 tags")
    assert fingerprint(changed) == fingerprint(PLAIN)
    assert fingerprint(NASTY) != fingerprint(PLAIN)


@pytest.mark.parametrize("form", WRITERS)
def test_every_form_ends_its_last_line(form: str) -> None:
    assert WRITERS[form](REPORT, False).endswith("\n")
    assert WRITERS[form](REPORT, False) == WRITERS[form](REPORT, False)
