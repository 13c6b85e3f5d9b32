"""Alert files: what is right is read, what is wrong is refused with file, line and cure."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from sedna_dash.alerts import default_alerts, load_alerts
from sedna_dash.alerts.model import seconds
from sedna_dash.documents import yaml_text
from sedna_dash.errors import RuleError

GOOD: dict[str, Any] = {
    "severity": "warning",
    "for": "5m",
    "parameters": {"limit": 3, "window": "15m"},
    "expr": "max by (namespace, name) (max_over_time(sedna_job_status_bytes[${window}])) > ${limit}",
    "summary": "{{ $labels.namespace }}/{{ $labels.name }} is above ${limit}",
    "description": "More than ${limit} within ${window}.",
    "panel": {"board": "sedna-inspector", "title": "Numbers of the job", "variables": {"resource": "$name"}},
    "runbook": {
        "meaning": "It is large.",
        "impact": "Nobody yet.",
        "checks": [{"what": "How large.", "query": "sedna_job_status_bytes"}],
        "cure": ["Make it smaller."],
    },
    "tests": [
        {
            "name": "large",
            "series": {'sedna_job_status_bytes{namespace="d",name="a"}': "4x20"},
            "at": "10m",
            "fires": [{"labels": {"namespace": "d", "name": "a"}, "summary": "d/a is above 3"}],
        },
        {"name": "small", "series": {'sedna_job_status_bytes{namespace="d",name="a"}': "3x20"}, "at": "10m"},
    ],
}


def folder_with(tmp_path: Path, content: Any, name: str = "SednaLarge", group: str = "jobs") -> Path:
    folder = tmp_path / "alerts"
    (folder / group).mkdir(parents=True, exist_ok=True)
    (folder / "groups.yaml").write_text("groups: {jobs: About jobs.}\n")
    text = content if isinstance(content, str) else yaml_text(content)
    (folder / group / f"{name}.yaml").write_text(text)
    return folder


def changed(path: str, value: Any) -> dict[str, Any]:
    """The good alert with one value changed; `...` takes it out."""
    content = yaml.safe_load(yaml_text(GOOD))
    *parents, last = path.split(".")
    node = content
    for key in parents:
        node = node[int(key) if key.isdigit() else key]
    key = int(last) if last.isdigit() else last
    if value is ...:
        del node[key]
    else:
        node[key] = value
    return content


def test_a_good_alert_is_read(tmp_path: Path) -> None:
    alert = load_alerts(folder_with(tmp_path, GOOD)).alerts["SednaLarge"]
    assert (alert.group, alert.severity, alert.hold) == ("jobs", "warning", "5m")
    assert alert.query == "max by (namespace, name) (max_over_time(sedna_job_status_bytes[15m])) > 3"
    assert alert.written(alert.description) == "More than 3 within 15m."
    assert [len(case.fires) for case in alert.cases] == [1, 0]


def test_a_duration_is_seconds_where_a_number_belongs(tmp_path: Path) -> None:
    content = changed("parameters", {"limit": "1h30m", "window": "1d"})
    content["expr"] = "time() - (sedna_job_status_bytes offset ${window}) > ${limit}"
    alert = load_alerts(folder_with(tmp_path, content)).alerts["SednaLarge"]
    assert alert.query == "time() - (sedna_job_status_bytes offset 1d) > 5400"


BAD = [
    ("severity", "urgent", "severity 'urgent' is none of critical, warning, info, none"),
    ("severity", ..., "'severity' is missing"),
    ("for", "5 minutes", "'5 minutes' is no duration; write it like 90s"),
    ("for", 5, "'5' is no duration"),
    ("expr", "", "'expr' is empty"),
    ("expr", "up > ${limt}", r"\${limt} is no parameter, did you mean 'limit'"),
    ("summary", 3, "'summary' must be a text"),
    ("sumary", "x", "unknown key 'sumary', did you mean 'summary'"),
    ("language", "sql", "language 'sql' is neither promql nor logql"),
    ("parameters.limit", "soon", "'soon' is no duration"),
    ("parameters.limit", [3], "'limit' must be a number, or a duration"),
    ("panel.title", ..., "'title' is missing"),
    ("panel.span", "long", "'long' is no duration"),
    ("runbook", ..., "'runbook' is missing"),
    ("runbook.cure", [], "must be a list of one or more"),
    ("runbook.cure", [{"Delete it": "now"}], "must be a sentence; quote it"),
    ("runbook.checks.0.query", ..., "no check says what to run"),
    ("runbook.checks.0.run", "kubectl get pods", "more than one of query, lines and run"),
    ("tests", ..., "'tests' is missing"),
    ("tests", [], "must be a list of one or more"),
    ("tests.1", ..., "in every test the alert fires; add one in which it stays silent"),
    ("tests.0", ..., "no test lets the alert fire"),
    ("tests.0.at", "noon", "'noon' is no duration"),
    ("tests.0.fires.0.labels.name", 5, "'name' must be a text; quote it"),
    ("tests.1.series.up", 96, "'up' must be a text; quote it"),
]


@pytest.mark.parametrize(("path", "value", "said"), BAD, ids=[f"{path}: {said}" for path, _, said in BAD])
def test_bad_alerts_are_refused(path: str, value: Any, said: str, tmp_path: Path) -> None:
    folder = folder_with(tmp_path, changed(path, value))
    with pytest.raises(RuleError, match=re.escape(said.replace("\\", ""))) as caught:
        load_alerts(folder)
    assert re.match(rf"{re.escape(str(folder))}/jobs/SednaLarge.yaml:\d+: ", caught.value.message)


def test_the_line_is_that_of_the_fault(tmp_path: Path) -> None:
    text = yaml_text(changed("tests.0.at", "noon"))
    line = next(number for number, row in enumerate(text.splitlines(), start=1) if "noon" in row)
    with pytest.raises(RuleError, match=f"SednaLarge.yaml:{line}: "):
        load_alerts(folder_with(tmp_path, text))


def test_an_unquoted_hexadecimal_is_refused(tmp_path: Path) -> None:
    # YAML reads 0x60 as 96, and promtool would play a single sample.
    text = yaml_text(GOOD).replace("4x20", "0x60")
    assert ": 0x60" in text.replace("'0x60'", "0x60")
    with pytest.raises(RuleError, match="must be a text; quote it"):
        load_alerts(folder_with(tmp_path, text.replace("'0x60'", "0x60")))


@pytest.mark.parametrize(
    ("name", "group", "said"),
    [
        ("large", "jobs", "'large' is no name of an alert"),
        ("SednaLarge", "job", "no group 'job', did you mean 'jobs'"),
    ],
)
def test_names_of_files_and_folders_count(name: str, group: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(RuleError, match=re.escape(said)):
        load_alerts(folder_with(tmp_path, GOOD, name, group))


def test_an_alert_of_ones_own_must_not_take_the_name_of_another(tmp_path: Path) -> None:
    name = next(iter(default_alerts().alerts))
    with pytest.raises(RuleError, match=f"'{name}' is declared already in .*{name}.yaml; rename one"):
        load_alerts(extra=[folder_with(tmp_path, GOOD, name)])


def test_alerts_of_ones_own_stand_beside_ours(tmp_path: Path) -> None:
    found = load_alerts(extra=[folder_with(tmp_path, GOOD)])
    assert "SednaLarge" in found.alerts and set(default_alerts().alerts) < set(found.alerts)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="no such folder"):
        load_alerts(extra=[tmp_path / "nowhere"])


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"sources": ["SednaLarg"], "targets": ["SednaLarge"], "equal": ["node"], "why": "x"}, "no alert 'SednaLarg'"),
        ({"sources": ["SednaLarge"], "targets": ["SednaLarge"], "equal": ["no de"], "why": "x"}, "is no label"),
        ({"sources": ["SednaLarge"], "targets": ["SednaLarge"], "equal": ["node"]}, "'why' is missing"),
        ({"sources": [], "targets": ["SednaLarge"], "equal": ["node"], "why": "x"}, "must be a list of one or more"),
    ],
)
def test_bad_inhibitions_are_refused(entry: dict[str, Any], said: str, tmp_path: Path) -> None:
    folder = folder_with(tmp_path, GOOD)
    (folder / "groups.yaml").write_text(yaml_text({"groups": {"jobs": "About jobs."}, "inhibitions": [entry]}))
    with pytest.raises(RuleError, match=re.escape(said)) as caught:
        load_alerts(folder)
    assert re.match(rf"{re.escape(str(folder))}/groups.yaml:\d+: ", caught.value.message)


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("90s", 90), ("1h30m", 5400), ("250ms", 0.25), ("2w", 1209600)])
def test_durations(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "-5m", "1.5h", "5M"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        seconds(text)
