"""``sedna-dash impact`` as it is called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sedna_dash.impact.command import impact_command
from sedna_dash.schemas import violations
from tests.impact.site import REPOSITORY, dashboard, panel

SOURCE = ("--source", str(REPOSITORY / "dashboards_src"))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(impact_command, [*arguments, *SOURCE])


ASKED = {
    "a metric": ("metric", "sedna_job_stage_transition_timestamp_seconds"),
    "a record": ("metric", "sedna:job_stage_age:seconds"),
    "a metric that lets alerts lead to empty panels": ("metric", "up"),
    "a metric with a required value": ("metric", "sedna_inference_samples_total"),
    "a label": ("label", "node"),
    "a label of one metric": ("label", "stage", "--metric", "sedna_job_stage_state"),
    "a label of logs": ("label", "level"),
    "a dashboard": ("dashboard", "sedna-edge-nodes"),
    "runbooks": ("dashboard", "sedna-runbooks"),
    "a panel": ("dashboard", "sedna-runbooks", "--panel", "SednaStageStuck"),
    "what is unused": ("unused",),
}


@pytest.mark.parametrize("name", ASKED)
def test_json_keeps_its_form_and_text_names_all_of_it(name: str) -> None:
    told, shown = run(*ASKED[name], "--output", "json"), run(*ASKED[name])
    assert (told.exit_code, shown.exit_code) == (0, 0), told.output + shown.output
    data = json.loads(told.output)
    assert [found.sentence for found in violations("impact", data)] == []
    assert data["unread"] == []
    for item in (*data.get("broken", ()), *data.get("leads", ())):
        assert item["place"]["name"] in shown.output
    for item in data.get("uses", ()):
        assert item["role"] in ("makes", "drops") or item["place"]["name"] in shown.output
    for key in ("requiredLost", "shownNowhereElse"):
        assert all(text in shown.output for text in data.get(key, ()))
    for item in (*data.get("emptyLinks", ()), *data.get("metrics", ()), *data.get("readElsewhere", ())):
        assert item.get("alert", item.get("name")) in shown.output


def test_another_form_would_be_found() -> None:
    data = json.loads(run("metric", "up", "--output", "json").output)
    data["broken"][0]["effect"] = "lost"
    assert list(violations("impact", data))


SITE = """
feature: Site
metrics:
  - {name: site_idle, type: gauge, unit: number, sources: [exporter], labels: {}, help: x}
"""

CHECKED = {
    ("metric", "up"): 1,
    ("metric", "site_idle"): 0,
    # Nobody reads it by name, but no other shows its required value.
    ("metric", "sedna_knowledge_base_custom_"): 1,
    ("label", "node"): 1,
    ("label", "goversion"): 0,
    ("dashboard", "sedna-fleet"): 1,
}


@pytest.mark.parametrize("asked", CHECKED)
def test_check_fails_when_something_would_break(asked: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE)
    more = ("--catalog", str(tmp_path / "site.yaml"))
    done = run(*asked, *more, "--check")
    assert done.exit_code == CHECKED[asked]
    assert ("If it goes, nothing breaks." in done.output) == (CHECKED[asked] == 0)
    assert run(*asked, *more).exit_code == 0


def test_check_fails_when_something_is_unused(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE)
    done = run("unused", "--catalog", str(tmp_path / "site.yaml"), "--check")
    assert done.exit_code == 1
    assert "  site_idle\n" in done.output


def test_what_others_have_is_searched_and_named_with_its_file(tmp_path: Path) -> None:
    board, rules = tmp_path / "mine.json", tmp_path / "mine.yaml"
    model = dashboard("mine", panel("My [panel]", "sum(site:m:sum)", "sum(", datasource=None))
    board.write_text(json.dumps(model))
    rules.write_text(
        "groups: [{name: g, rules: [{record: 'site:m:sum', expr: sum(site_m)}, {alert: Mine, expr: absent(site_m)}]}]"
    )
    done = run("metric", "site_m", "--dashboards", str(board), "--rules", str(rules), "--check")
    assert done.exit_code == 1
    assert "made by" not in done.output
    lines = [" ".join(line.split()) for line in done.output.splitlines()]
    assert f"Mine (mine) in {board}" in lines
    assert "partly My [panel] A through site:m:sum" in lines
    assert lines[lines.index("Records") + 1 :][:2] == [str(rules), "empty site:m:sum"]
    assert lines[lines.index("Alerts") + 1 :][:2] == [str(rules), "wrong Mine"]
    assert "1 query could not be read; look yourself" in lines
    assert lines[-1].endswith("of ours; 1 dashboard and 2 rules of others.")


WRONG = {
    ("metric", "sedna_job_inf"): (2, "did you mean 'sedna_job_info'?"),
    ("label", "stag"): (2, "did you mean 'stage'?"),
    ("dashboard", "sedna-flet"): (2, "did you mean 'sedna-fleet'?"),
    ("metric", "up", "--rules", "nowhere.yaml"): (2, "'nowhere.yaml' does not exist"),
    ("metric",): (2, "Missing argument 'NAME'"),
}


@pytest.mark.parametrize("asked", WRONG)
def test_wrong_use_is_one_sentence(asked: tuple[str, ...]) -> None:
    code, says = WRONG[asked]
    done = run(*asked)
    assert done.exit_code == code
    assert says in done.output
    assert "Traceback" not in done.output


def test_in_colour_a_title_in_brackets_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """What rich would read as markup."""
    import io

    from sedna_dash.impact.metrics import metric_impact
    from sedna_dash.impact.output import write_report
    from sedna_dash.impact.report import searched
    from tests.impact.site import site

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out, inventory = Terminal(), site(dashboard("b", panel("A [red]panel[/red]", "m")))
    write_report(metric_impact("m", inventory), searched(inventory), "text", out)
    assert "A [red]panel[/red]" in out.getvalue()
    assert "\x1b[31m" in out.getvalue()
