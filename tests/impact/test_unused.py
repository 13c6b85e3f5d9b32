"""What nobody reads, and what is read and nobody makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from sedna_dash.catalog import load_catalog
from sedna_dash.errors import CatalogError
from sedna_dash.impact.inventory import Inventory, load_inventory
from sedna_dash.impact.unused import unused
from tests.impact.site import LOKI, REPOSITORY, alert, dashboard, panel, record, site

RECORDS = """
feature: Site
metrics:
  - {name: site_used, type: gauge, unit: number, sources: [exporter], labels: {kind: any}, help: x}
  - {name: site_idle, type: gauge, unit: number, sources: [exporter], labels: {kind: any}, help: x}
  - {name: site_for_others, type: gauge, unit: number, sources: [exporter], labels: {}, help: x, read_by: the bosses}
"""


def names(inventory: Inventory) -> set[str]:
    found = unused(inventory)
    return {item.metric.name for item in (*found.metrics, *found.records)}


READ = {
    "a panel": (panel("P", "sedna_job_iteration"), {"sedna_job_iteration"}),
    "a panel by a pattern": (
        panel("P", '{__name__=~"sedna_job_iter.+"}'),
        {"sedna_job_iteration"},
    ),
    "a panel through records": (
        panel("P", "sedna:job_stage_stuck:bool"),
        {"sedna:job_stage_stuck:bool", "sedna:job_stage_age:seconds", "sedna_job_stage_transition_timestamp_seconds"},
    ),
    "one series of a histogram": (
        panel("P", "rate(sedna_inference_duration_seconds_count[5m])"),
        {"sedna_inference_duration_seconds"},
    ),
}


@pytest.mark.parametrize("name", READ)
def test_who_reads(name: str) -> None:
    shown, read = READ[name]
    nobody, somebody = names(site()), names(site(dashboard("b", shown)))
    assert read <= nobody
    assert not read & somebody


def test_rules_of_others_read_too() -> None:
    nobody = names(site())
    somebody = names(
        site(rules=(alert("Low", "sedna_job_iteration < 1"), record("site:x:y", "sum(sedna_dataset_samples)")))
    )
    assert nobody - somebody == {"sedna_job_iteration", "sedna_dataset_samples"}


def test_a_record_that_nobody_reads_keeps_nothing_alive() -> None:
    found = unused(site())
    age = next(item for item in found.records if item.metric.name == "sedna:job_stage_age:seconds")
    assert "sedna:job_stage_stuck:bool" in age.only_by
    transition = next(
        item for item in found.metrics if item.metric.name == "sedna_job_stage_transition_timestamp_seconds"
    )
    assert "sedna:job_stage_age:seconds" in transition.only_by


def test_what_others_made_is_not_ours_to_drop() -> None:
    assert not {
        name for name in names(site()) if name.startswith(("kube_", "node_", "up", "sedna_knowledge_base_custom"))
    }


def test_read_elsewhere_is_not_unused(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(RECORDS)
    inventory = load_inventory(REPOSITORY / "dashboards_src", catalogs=(file,))
    found = unused(inventory)
    assert {item.metric.name for item in found.metrics if item.metric.name.startswith("site_")} == {
        "site_used", "site_idle"
    }  # fmt: skip
    assert ("site_for_others", "the bosses") in [(metric.name, metric.read_by) for metric in found.elsewhere]


def test_what_sloth_reads_is_said(tmp_path: Path) -> None:
    inventory = load_inventory(REPOSITORY / "dashboards_src")
    found = unused(inventory)
    assert {metric.name for metric in found.elsewhere} >= {"slo:objective:ratio", "slo:time_period:days"}
    assert not {item.metric.name for item in found.records if item.metric.name.startswith("slo:")}


def test_who_reads_it_must_be_a_text(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(RECORDS.replace("the bosses", "[the, bosses]"))
    with pytest.raises(CatalogError, match=r"site.yaml:6: "):
        load_catalog(extra=(file,))


LABELS = {
    "matched": (panel("P", 'm{stage="Train"}'), False),
    "grouped": (panel("P", "sum by (stage) (m)"), False),
    "in a legend": (panel("P", "m", legend="{{stage}}"), False),
    "asked of logs": (panel("P", '{stage="Train"}', datasource=LOKI), False),
    "dropped": (panel("P", "sum without (stage) (m)"), True),
    "a part of another": (panel("P", 'm{stages="Train"}'), True),
}


def test_labels_of_records_are_uses() -> None:
    """The catalog's own records group by nearly all labels, so that few are left."""
    assert {label.name for label in unused(site()).labels} >= {"version"}


@pytest.mark.parametrize("name", LABELS)
def test_labels(name: str) -> None:
    shown, idle = LABELS[name]
    shown = {**shown, "targets": [{**item, **_other(item)} for item in shown["targets"]]}
    found = {label.name: label.carriers for label in unused(site(dashboard("b", shown))).labels}
    assert ("version" in found) == idle
    assert not idle or found["version"] == ("sedna_exporter_build_info",)


def _other(target: dict[str, str]) -> dict[str, str]:
    """The same query of a label that no record uses."""
    return {key: text.replace("stage", "version") for key, text in target.items()}


def test_read_but_made_by_nobody() -> None:
    inventory = site(
        dashboard(
            "b", panel("P", "sedna_gone", "sedna:made:here", "site_m", "sedna_gone * 2"), panel("Q", "sedna_gone", id=2)
        ),
        rules=(record("sedna:made:here", "sum(site_m)"),),
    )
    found = unused(inventory)
    assert [(name, [place.name for place in places]) for name, places in found.missing] == [("sedna_gone", ["P", "Q"])]
    assert found.breaks


def test_ours_read_nothing_that_nobody_makes() -> None:
    assert unused(load_inventory(REPOSITORY / "dashboards_src")).missing == []
