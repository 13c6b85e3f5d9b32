"""What breaks when a metric goes."""

from __future__ import annotations

import pytest

from sedna_dash.errors import SettingsError
from sedna_dash.impact.inventory import Inventory, load_inventory
from sedna_dash.impact.metrics import metric_impact
from tests.impact.site import PROMETHEUS, REPOSITORY, alert, dashboard, others, panel, record, site


@pytest.fixture(scope="module")
def ours() -> Inventory:
    return load_inventory(REPOSITORY / "dashboards_src")


def broken(inventory: Inventory, name: str) -> dict[tuple[str, str, str], tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Kind, home and name of each place of dashboards and of others' rules, to effect, refs and records between."""
    return {
        (item.place.kind, item.place.home, item.place.name): (str(item.effect), item.refs, item.through)
        for item in metric_impact(name, inventory).broken
        if item.place.title or item.place.file
    }


VARIABLE = {
    "name": "job",
    "type": "query",
    "datasource": PROMETHEUS,
    "query": {"query": 'label_values(site_m{a=~"$b"}, name)', "refId": "V"},
}
ANNOTATION = {"name": "Marks", "datasource": PROMETHEUS, "expr": "changes(site_m[5m]) > 0"}

PANELS = {
    "its only query": (panel("P", "site_m"), ("empty", ("A",), ())),
    "one of two queries": (panel("P", "site_n", "site_m"), ("partly", ("B",), ())),
    "both queries": (panel("P", "rate(site_m[5m])", "sum(site_m)"), ("empty", ("A", "B"), ())),
    "beside a log query": (
        panel("P", "site_m") | {
            "targets": [
                {"refId": "A", "expr": "site_m"},
                {"refId": "B", "expr": '{app="x"}', "datasource": {"type": "loki", "uid": "l"}},
            ]
        },
        ("partly", ("A",), ()),
    ),
    "with variables and macros": (
        panel("P", 'sum by ($by) (rate(site_m{x=~"$x"}[$__rate_interval]))'),
        ("empty", ("A",), ()),
    ),
    "in a collapsed row": (
        {"type": "row", "title": "R", "panels": [panel("P", "site_m")]},
        ("empty", ("A",), ()),
    ),
    "through a record of theirs": (panel("P", "site:m:sum"), ("empty", ("A",), ("site:m:sum",))),
    "through two records": (panel("P", "site:m:top"), ("empty", ("A",), ("site:m:top",))),
    "both ways": (panel("P", "site:m:sum / sum(site_m)"), ("empty", ("A",), ("site:m:sum",))),
}  # fmt: skip


@pytest.mark.parametrize("name", PANELS)
def test_a_panel(name: str) -> None:
    shown, says = PANELS[name]
    records = (record("site:m:top", "topk(1, site:m:sum)"), record("site:m:sum", "sum(site_m)"))
    found = broken(site(dashboard("b", shown), rules=records), "site_m")
    assert found["panel", "b", "P"] == says
    assert found["record", "theirs", "site:m:top"] == ("empty", (), ("site:m:sum",))


@pytest.mark.parametrize("expr", ["site_m2", "xsite_m", 'site_n{name="site_m"}', '{__name__=~"site"}', "$site_m"])
def test_what_only_looks_alike_is_not_broken(expr: str) -> None:
    assert broken(site(dashboard("b", panel("P", expr), panel("Q", "site_m", id=2))), "site_m").keys() == {
        ("panel", "b", "Q")
    }


def test_variables_annotations_and_rules_of_others() -> None:
    model = dashboard("b", templating={"list": [VARIABLE]}, annotations={"list": [ANNOTATION]})
    rules = (alert("Low", "site_m < 1"), alert("Away", "absent(site_m)"), alert("Both", "site_m > 1 or site_n > 1"))
    assert {place[2]: effect for place, (effect, _, _) in broken(site(model, rules=rules), "site_m").items()} == {
        "$job": "empty", "Marks": "empty", "Low": "empty", "Away": "wrong", "Both": "partly"
    }  # fmt: skip


OLD_FORMS = {
    "datasource by name": ("Prometheus", {}),
    "default datasource": (None, {}),
    "datasource by uid without its type": ({"uid": "grafanacloud-prom"}, {}),
    "an input of the Import page": (
        "${DS_PROMETHEUS}",
        {"__inputs": [{"name": "DS_PROMETHEUS", "type": "datasource", "pluginId": "prometheus"}]},
    ),
    "a variable that is not there": ("$source", {}),
}


@pytest.mark.parametrize("name", OLD_FORMS)
def test_dashboards_of_others_in_old_forms(name: str) -> None:
    datasource, more = OLD_FORMS[name]
    model = dashboard("b", panel("P", "site_m", datasource=datasource), **more)
    assert broken(others(model), "site_m") == {("panel", "b", "P"): ("empty", ("A",), ())}


VARIABLE_QUERIES = {
    'label_values(site_m{a="$b"}, name)': True,
    "query_result(topk(3, site_m))": True,
    'site_m{a="$b"}': True,
    "label_values(site_m)": False,
    "label_names()": False,
    "metrics(site_.*)": False,
}


@pytest.mark.parametrize("query", VARIABLE_QUERIES)
@pytest.mark.parametrize("wrapped", [False, True])
def test_variables_of_others(query: str, wrapped: bool) -> None:
    variable = {"name": "v", "type": "query", "query": {"query": query, "refId": "V"} if wrapped else query}
    inventory = others(dashboard("b", panel("P", "site_m"), templating={"list": [variable]}))
    assert (("variable", "b", "$v") in broken(inventory, "site_m")) == VARIABLE_QUERIES[query]
    assert [reader.query.text for reader in inventory.readers if reader.unread] == []


WITH_VARIABLES = [
    "count(topk($topK, site_m))",
    "sum(site_m{$matchers})",
    'sum(site_m{tenant=~"$tenant"}) by (tenant) > $threshold',
    "histogram_fraction(0, $le, site_m)",
    "site_m and on () (vector($shown) == -1)",
    "$function(site_m)",
    "rate(site_m[$range])",
    "site_m offset ${ago}",
    "sum by ($by) (site_m)",
]


@pytest.mark.parametrize("expr", WITH_VARIABLES)
def test_variables_anywhere_hide_no_metric(expr: str) -> None:
    inventory = others(dashboard("b", panel("P", expr)))
    assert broken(inventory, "site_m") == {("panel", "b", "P"): ("empty", ("A",), ())}


@pytest.mark.parametrize("expr", ["rate(site_${what}[5m])", "avg(si${a}_${b}) / 3", "${prefix}_m > 1"])
def test_a_name_that_a_variable_completes_may_be_it(expr: str) -> None:
    inventory = others(dashboard("b", panel("P", expr), panel("Q", "$metric + ${other}_n", id=2)))
    assert broken(inventory, "site_m") == {("panel", "b", "P"): ("partly", ("A",), ())}


def test_a_log_query_under_a_datasource_without_type_is_read_as_one() -> None:
    inventory = others(dashboard("b", panel("P", '{app="x"} |= "site_m"', "site_m", datasource=None)))
    assert broken(inventory, "site_m") == {("panel", "b", "P"): ("partly", ("B",), ())}
    assert [reader for reader in inventory.readers if reader.unread] == []


def test_a_query_that_cannot_be_read_is_named() -> None:
    inventory = site(dashboard("b", panel("P", "sum(site_m", "site_m")))
    assert [(reader.query.ref, bool(reader.unread)) for reader in inventory.readers if reader.unread] == [("A", True)]


SERIES = {
    "sedna_inference_duration_seconds": {"bucket", "count", "native"},
    "sedna_inference_duration_seconds_bucket": {"bucket"},
    "sedna_inference_duration_seconds_count": {"count"},
}


@pytest.mark.parametrize("name", SERIES)
def test_a_histogram_goes_whole_or_in_part(name: str) -> None:
    metric = "sedna_inference_duration_seconds"
    model = dashboard(
        "b",
        panel("bucket", f"histogram_quantile(0.9, sum by (le) (rate({metric}_bucket[5m])))", id=1),
        panel("count", f"rate({metric}_count[5m])", id=2),
        panel("native", f"histogram_quantile(0.9, sum(rate({metric}[5m])))", id=3),
    )
    assert {place[2] for place in broken(site(model), name)} == SERIES[name]


def test_series_under_a_prefix() -> None:
    inventory = site(dashboard("b", panel("P", "sedna_knowledge_base_custom_bytes"), panel("Q", "sedna_x", id=2)))
    assert broken(inventory, "sedna_knowledge_base_custom_").keys() == {("panel", "b", "P")}
    assert broken(inventory, "sedna_knowledge_base_custom_bytes").keys() == {("panel", "b", "P")}


def test_ours_whole(ours: Inventory) -> None:
    """One metric through records to panels, alerts, checks of runbooks, links and required values."""
    found = metric_impact("sedna_inference_samples_total", ours)
    assert found.breaks
    assert found.sources == ("Worker hook",)
    through = [item for item in found.broken if item.through == ("sedna:inference_completion:ratio",)]
    assert {item.place.kind for item in through} >= {"panel"}
    assert "lifelong-learning/Inference/InferenceRate" in found.lost


def test_alerts_that_wait_for_an_offline_node_turn_wrong(ours: Inventory) -> None:
    found = metric_impact("kube_lease_renew_time", ours)
    effects = {item.place.name: str(item.effect) for item in found.broken if item.place.kind == "alert"}
    assert effects["SednaEdgeNodeOffline"] == "empty"
    assert effects["SednaLocalControllerDown"] == "wrong"
    assert {item.place.home for item in found.broken if item.place.kind == "check"} >= {"SednaEdgeNodeOffline"}


def test_alerts_lead_to_panels_that_are_empty(ours: Inventory) -> None:
    found = metric_impact("up", ours)
    assert ("SednaExporterDown", "panel") in [(alert.name, place.kind) for alert, place in found.links]


def test_a_required_value_that_has_another_metric_is_weakened_only(ours: Inventory) -> None:
    rows = {
        row: [metric.name for metric in ours.catalog.metrics.values() if row in metric.satisfies]
        for row in ours.catalog.required
    }
    shared = next((row, names) for row, names in rows.items() if len(names) > 1)
    found = metric_impact(shared[1][0], ours)
    assert shared[0] in {**found.weakened, **found.lost}
    alone = next((row, names[0]) for row, names in rows.items() if len(names) == 1)
    assert alone[0] in metric_impact(alone[1], ours).lost


def test_every_metric_and_record_of_ours_can_be_asked(ours: Inventory) -> None:
    for metric in ours.catalog.metrics.values():
        if metric.prefix:
            continue
        assert bool(metric_impact(metric.name, ours).broken) == _is_read(metric.name, ours), metric.name


def _is_read(name: str, inventory: Inventory) -> bool:
    """By text alone: somebody else than itself has the name in a query."""
    names = inventory.catalog.metrics[name].series_names()
    return any(
        bool(reader.series & set(names)) and (reader.place.kind, reader.place.name) not in {("absence", name)}
        for reader in inventory.readers
    )


CURE = "; give what reads it with --dashboards and --rules, or correct the name"
UNKNOWN = {"sedna_job_inf": ", did you mean 'sedna_job_info'?", "zzz": CURE, "": CURE}


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_name(name: str) -> None:
    with pytest.raises(SettingsError) as error:
        metric_impact(name, site())
    assert error.value.message == f"no metric or record is called '{name}', and nothing reads one{UNKNOWN[name]}"


def test_a_metric_of_theirs_needs_no_catalog() -> None:
    assert broken(site(dashboard("b", panel("P", '{__name__=~"site_.*"}'))), "site_m") == {
        ("panel", "b", "P"): ("partly", ("A",), ())
    }
