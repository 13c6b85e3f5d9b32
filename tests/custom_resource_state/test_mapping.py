"""What is wrong in a mapping is refused with file, line and cure."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from sedna_dash.catalog import default_catalog
from sedna_dash.crds import CRDS
from sedna_dash.custom_resource_state.mapping import DATA, OBJECTS, SOURCE, default_mapping, keys, load_mapping
from sedna_dash.errors import CatalogError

TEXT = DATA.read_text(encoding="utf-8")
CASES = yaml.safe_load(Path(__file__).with_name("wrong_mappings.yaml").read_text(encoding="utf-8"))


def line_of(text: str, part: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["says"])
def test_wrong_mappings(tmp_path: Path, case: dict[str, str]) -> None:
    assert TEXT.count(case["old"]) == 1
    text = TEXT.replace(case["old"], case["new"])
    path = tmp_path / "mapping.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CatalogError) as raised:
        load_mapping(path, default_catalog())
    message = raised.value.message
    assert "\n" not in message
    assert message.startswith(f"{path}:{line_of(text, case['at'])}: "), message
    assert case["says"] in message


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="cannot be read"):
        load_mapping(tmp_path / "none.yaml", default_catalog())


def test_every_family_of_the_source_is_expressed() -> None:
    catalog = default_catalog()
    assert default_mapping().families == {name for name, one in catalog.metrics.items() if SOURCE in one.sources}
    for expression in default_mapping().expressions:
        assert "exporter" in expression.metric.sources, "whoever has the exporter misses nothing"


def test_jobs_and_services_of_every_kind_are_shown() -> None:
    kinds = {one.metric.name: set(one.kinds) for one in default_mapping().expressions}
    running = {kind for kind, crd in CRDS.items() if crd.runs}
    assert kinds["sedna_job_created_timestamp_seconds"] == running
    assert kinds["sedna_job_condition_status"] == running
    assert kinds["sedna_job_stage"] == {kind for kind, crd in CRDS.items() if crd.stages}


def test_the_collectors_are_those_that_our_metrics_need() -> None:
    names = {name for name, metric in default_catalog().metrics.items() if OBJECTS in metric.sources}
    assert set(default_mapping().collectors) <= {f"{name.split('_')[1]}s" for name in names}


@pytest.mark.parametrize(
    "path, wanted",
    [
        ("metadata.name", ("metadata", "name")),
        ("status.conditions[-1].type", ("status", "conditions", "-1", "type")),
    ],
)
def test_keys(path: str, wanted: tuple[str, ...]) -> None:
    assert keys(path) == wanted
