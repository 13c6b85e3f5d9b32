"""What breaks when a label goes."""

from __future__ import annotations

from typing import Any

import pytest

from sedna_dash.errors import SettingsError
from sedna_dash.impact.inventory import Inventory, load_inventory
from sedna_dash.impact.labels import label_impact
from tests.impact.site import LOKI, PROMETHEUS, REPOSITORY, alert, dashboard, panel, record, site


def uses(inventory: Inventory, label: str = "here", metric: str = "") -> set[tuple[str, str, str]]:
    """Kind of place, role and detail of each use on dashboards and in the rules of others."""
    return {
        (use.place.kind, use.role, use.detail)
        for use in label_impact(label, metric, inventory).uses
        if use.place.title or use.place.file
    }


PROMQL = {
    'm{here="x"}': {("matches", 'm{here="x"}')},
    'm{here!~"$v|y"}': {("matches", 'm{here!~"$v|y"}')},
    "sum by (a, here) (m)": {("groups", "by (a, here)")},
    "sum without (here) (m)": {("drops", "without (here)")},
    "a * on (here) b": {("joins", "on (here)")},
    "a * ignoring (here) b": {("drops", "ignoring (here)")},
    "a * on (x) group_left (here) b": {("joins", "on (x) group_left (here)")},
    'label_replace(m, "x", "$1", "here", ".*")': {("reads", "label_replace")},
    'label_replace(m, "here", "$1", "x", ".*")': {("makes", "label_replace")},
    'label_join(m, "x", "-", "a", "here")': {("reads", "label_join")},
    'label_join(m, "here", "-", "a")': {("makes", "label_join")},
    'count_values("here", m)': {("makes", "count_values")},
    'sum(rate(m{here="x"}[$__rate_interval])) by (here)': {("matches", 'm{here="x"}'), ("groups", "by (here)")},
}


@pytest.mark.parametrize("expr", PROMQL)
def test_in_promql(expr: str) -> None:
    inventory = site(dashboard("b", panel("P", expr), panel("Q", 'm{here="other"}', id=2)))
    found = uses(inventory) - {("panel", "matches", 'm{here="other"}')}
    assert found == {("panel", role, detail) for role, detail in PROMQL[expr]}


LOGQL = {
    '{here="x"}': {("matches", 'here="x"')},
    '{a="x"} | here=~"$v"': {("matches", '| here=~"$v"')},
    '{a="x"} | logfmt | here > 3': {("matches", "| here > 3")},
    'sum by (here) (rate({a="x"}[5m]))': {("groups", "by (here)")},
    'sum without (here) (rate({a="x"}[5m]))': {("drops", "without (here)")},
    '{a="x"} | keep here': {("reads", "keep")},
    '{a="x"} | drop here': {("drops", "drop")},
    '{a="x"} | label_format x=here': {("reads", "label_format")},
    '{a="x"} | line_format "{{.here}} {{.msg}}"': {("shows", "line_format")},
    'sum(sum_over_time({a="x"} | unwrap here [5m]))': {("reads", "unwrap")},
    '{a="x"} | regexp "(?P<here>.*)"': {("makes", "regexp")},
    '{a="x"} | label_format here="y"': {("makes", "label_format")},
}


@pytest.mark.parametrize("expr", LOGQL)
def test_in_logql(expr: str) -> None:
    inventory = site(dashboard("b", panel("P", expr, datasource=LOKI), panel("Q", 'm{here="other"}', id=2)))
    found = uses(inventory) - {("panel", "matches", 'm{here="other"}')}
    assert found == {("panel", role, detail) for role, detail in LOGQL[expr]}


def organized(**options: Any) -> dict[str, Any]:
    return {"transformations": [{"id": "organize", "options": options}]}


def overridden(name: str, **prop: Any) -> dict[str, Any]:
    return {
        "fieldConfig": {
            "defaults": {},
            "overrides": [{"matcher": {"id": "byName", "options": name}, "properties": [prop]}],
        }
    }


def linked(url: str) -> dict[str, Any]:
    return {"fieldConfig": {"defaults": {"links": [{"title": "Go", "url": url}]}, "overrides": []}}


SHOWN: dict[str, tuple[dict[str, Any], set[tuple[str, str]]]] = {
    "legend": ({"legend": "{{a}} {{ here }}"}, {("shows", "legend {{a}} {{ here }}")}),
    "column that is renamed": (organized(renameByName={"here": "Place"}), {("shows", "column")}),
    "column that is put in order": (organized(indexByName={"here": 0}), {("shows", "column")}),
    "column that is left out": (organized(excludeByName={"here": True}), set()),
    "another column that is called so": (organized(renameByName={"a": "here"}), set()),
    "column with settings": (overridden("here", id="unit", value="s"), {("shows", "column")}),
    "column with settings by its new name": (
        {**organized(renameByName={"here": "Place"}), **overridden("Place", id="unit", value="s")},
        {("shows", "column")},
    ),
    "column kept by a filter": (
        {"transformations": [{"id": "filterFieldsByName", "options": {"include": {"names": ["here"]}}}]},
        {("shows", "column")},
    ),
    "name of a series": (overridden("x", id="displayName", value="${__field.labels.here}"), {("shows", "text")}),
    "link by label": (linked("/d/x?var-z=${__field.labels.here:percentencode}"), {("links", "Go")}),
    "link by field": (linked('/d/x?var-z=${__data.fields["here"]}'), {("links", "Go")}),
    "link by the new name of a column": (
        {**organized(renameByName={"here": "Place"}), **linked("/d/x?var-z=${__data.fields.Place}")},
        {("shows", "column"), ("links", "Go")},
    ),
    "link to a variable": (linked("/d/x?var-here=1&var-a=2"), {("links", "Go")}),
    "link with a variable": (linked("/d/x?${here:queryparam}"), {("links", "Go")}),
    "link with another variable": (linked("/d/x?${heretoo:queryparam}&var-heretoo=1"), set()),
}


@pytest.mark.parametrize("name", SHOWN)
def test_in_a_panel(name: str) -> None:
    more, says = SHOWN[name]
    variables = {"list": [{"name": "here", "type": "custom", "query": "1"}]}
    inventory = site(dashboard("b", panel("P", "m", **more), panel("Q", 'm{here="other"}', id=2), templating=variables))
    found = {(role, detail) for _, role, detail in uses(inventory)} - {("matches", 'm{here="other"}')}
    assert found == says


@pytest.mark.parametrize(
    "query", ["label_values(m, here)", "label_values(here)", {"query": 'label_values(m{a="$x"}, here)'}]
)
def test_a_variable_lists_its_values(query: Any) -> None:
    variables = {"list": [{"name": "v", "type": "query", "datasource": PROMETHEUS, "query": query}]}
    found = label_impact("here", "", site(dashboard("b", templating=variables)))
    assert [(use.place.kind, use.place.name, use.role) for use in found.broken] == [("variable", "$v", "lists")]


def test_texts_of_rules_of_others() -> None:
    texts = {
        "summary": "{{ $labels.here }} is low",
        "description": '{{ .Labels.other }} {{ index $labels "here" }}',
        "team": "here",
    }
    inventory = site(rules=(alert("Low", "sum by (here) (m) < 1", **texts),))
    assert uses(inventory) == {
        ("alert", "groups", "by (here)"), ("alert", "shows", "summary"), ("alert", "shows", "description")
    }  # fmt: skip


def test_what_only_drops_or_makes_it_breaks_nothing() -> None:
    inventory = site(
        dashboard("b", panel("P", "sum without (here) (m)"), panel("Q", 'label_replace(m, "here", "", "", "")', id=2))
    )
    found = label_impact("here", "", inventory)
    assert len(found.uses) == 2
    assert not found.breaks


@pytest.fixture(scope="module")
def ours() -> Inventory:
    return load_inventory(REPOSITORY / "dashboards_src")


def test_ours_whole(ours: Inventory) -> None:
    found = label_impact("node", "", ours)
    roles = {(use.place.kind, use.role) for use in found.uses}
    assert roles >= {
        ("panel", "matches"), ("panel", "groups"), ("panel", "joins"), ("panel", "shows"), ("panel", "links"),
        ("variable", "lists"), ("record", "joins"), ("alert", "shows"), ("alert", "links"), ("alert", "tests"),
        ("inhibition", "silences"), ("check", "groups"),
    }  # fmt: skip
    assert "sedna_worker_info" in found.carriers
    assert found.in_logs


def test_of_one_metric_only_what_stands_on_it_counts() -> None:
    inventory = site(
        dashboard(
            "b",
            panel("own", 'sedna_job_state{kind="x"}', id=1),
            panel("record", "sum by (kind) (cluster_namespace_kind_state:sedna_jobs:count)", id=2),
            panel("other", 'sedna_worker_info{kind="x"}', id=3),
            panel("join", "sedna_worker_info * on (kind) group_left () sedna_job_state", id=4),
            panel("beside it", "sum by (kind) (sedna_worker_info) / on () sum(sedna_job_state)", id=5),
            panel("shown", "sedna_job_state", id=6, **organized(indexByName={"kind": 0})),
            panel("other shown", "sedna_worker_info", id=7, **organized(indexByName={"kind": 0})),
        )
    )
    found = label_impact("kind", "sedna_job_state", inventory)
    panels = {use.place.name for use in found.uses if use.place.kind == "panel"}
    assert panels == {"own", "record", "join", "shown"}
    assert found.carriers[0] == "sedna_job_state"
    assert "cluster_namespace_kind_state:sedna_jobs:count" in found.carriers
    assert "sedna_worker_info" not in found.carriers


def test_a_metric_of_theirs() -> None:
    inventory = site(
        dashboard("b", panel("P", 'm{here="1"}'), panel("Q", 'n{here="1"}', id=2)), rules=(record("a:m:x", "m"),)
    )
    assert uses(inventory, "here", "m") == {("panel", "matches", 'm{here="1"}')}


WRONG = {
    ("stag", ""): "no series has a label 'stag', and nothing uses one, did you mean 'stage'?",
    (
        "qqqq",
        "",
    ): "no series has a label 'qqqq', and nothing uses one; give what uses it with --dashboards and --rules, or "
    "correct the name",
    ("stage", "sedna_job_inf"): "no metric or record is called 'sedna_job_inf', and nothing reads one, did you mean "
    "'sedna_job_info'?",
    ("lease", "sedna_lc_connected"): "sedna_lc_connected has no label 'lease'; it has: node",
}


@pytest.mark.parametrize(("label", "metric"), WRONG)
def test_an_unknown_name(label: str, metric: str) -> None:
    with pytest.raises(SettingsError) as error:
        label_impact(label, metric, site())
    assert error.value.message == WRONG[label, metric]
