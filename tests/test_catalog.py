"""The catalog says only what is possible, and says where it does not."""

from pathlib import Path

import pytest

from sedna_dash.catalog import default_catalog, load_catalog
from sedna_dash.catalog.loading import DATA
from sedna_dash.errors import CatalogError

GOOD = """\
feature: Own
about: Somebody's own metrics.
metrics:
  - {name: sedna_own_frames_total, type: counter, unit: frames, tier: 0, sources: [exporter],
     labels: {namespace: any, location: location}, help: Frames}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "own.yaml"
    path.write_text(text)
    return path


def test_every_required_value_has_a_metric() -> None:
    catalog = default_catalog()
    satisfied = {row for metric in catalog.metrics.values() for row in metric.satisfies}
    assert set(catalog.required) - satisfied == set()
    kinds = [row.split("/")[0] for row in catalog.required]
    assert (kinds.count("observability"), kinds.count("lifelong-learning")) == (31, 30)


def test_metrics_of_ones_own_join_the_built_in_ones(tmp_path: Path) -> None:
    catalog = load_catalog(extra=[write(tmp_path, GOOD)])
    assert catalog.metrics["sedna_own_frames_total"].labels["location"] == ("edge", "cloud")
    assert "sedna_job_state" in catalog.metrics


BAD = {
    "unknown type": ("type: counter", "type: count", 4, "unknown type 'count', did you mean 'counter'?"),
    "unknown unit": ("unit: frames", "unit: framez", 4, "unknown unit 'framez', did you mean 'frames'?"),
    "unknown source": ("[exporter]", "[exportr]", 4, "unknown source 'exportr'"),
    "unknown key": ("tier: 0", "teir: 0", 4, "unknown key 'teir', did you mean 'tier'?"),
    "missing key": (", help: Frames", "", 4, "'help' is missing"),
    "unknown label": ("namespace: any", "namespaze: any", 5, "unknown label 'namespaze', did you mean 'namespace'?"),
    "unknown enum": ("location: location", "location: locations", 5, "unknown enum 'locations'"),
    "counter without _total": ("sedna_own_frames_total", "sedna_own_frames", 4, "only they, end in _total"),
    "gauge with _total": ("type: counter", "type: gauge", 4, "only they, end in _total"),
    "unit suffix": ("unit: frames", "unit: bytes", 4, "must end in _bytes"),
    "no metric name": ("sedna_own_frames_total", "sedna-own_total", 4, "no Prometheus metric name"),
    "name of another metric": ("sedna_own_frames_total", "sedna_hard_examples_total", 4, "is declared already in"),
    "foreign in quotes": ("about: Somebody's own metrics.", 'foreign: "no"', 2, "'foreign' is true or false"),
    "bad tier": ("tier: 0", "tier: 7", 4, "'tier' is 0"),
    "key written twice": ("tier: 0", "tier: 0, tier: 1", 4, "'tier' is written twice"),
    "half-written": ("help: Frames}", "help: Fra", 6, "repair the YAML"),
    "not a list": (GOOD, "feature: Own\nmetrics: {a: b}\n", 2, "'metrics' must be a list"),
    "unknown required value": ("help: Frames", "help: F, satisfies: {a/b: {}}", 5, "unknown required value 'a/b'"),
    "no source": ("[exporter]", "[]", 4, "list of one or more names"),
    "one source that is no list": ("[exporter]", "exporter", 4, "list of one or more names"),
    "null sources": ("[exporter]", "null", 4, "list of one or more names"),
    "list for a text": ("unit: frames", "unit: [frames]", 4, "'unit' must be a text"),
    "null for a text": ("help: Frames", "help: null", 5, "'help' must be a text"),
    "list for a feature": ("feature: Own", "feature: [Own]", 1, "'feature' must be a text"),
    "mapping for an enum": ("location: location", "location: {a: b}", 5, "unknown enum"),
    "numbers for values": ("location: location", "location: [1, 2]", 5, "must be texts"),
    "null labels": ("{namespace: any, location: location}", "null", 5, "labels must be a mapping"),
    "list of required values": ("help: Frames", "help: F, satisfies: [a]", 5, "must be a mapping"),
    "impossible date": ("help: Frames", "help: 2026-13-45", 1, "no possible date or number"),
    "empty": (GOOD, "", 1, "was it written to the end?"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_mistake_is_refused_with_file_and_line(name: str, tmp_path: Path) -> None:
    old, new, line, says = BAD[name]
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(CatalogError) as error:
        load_catalog(extra=[path])
    if name == "half-written":  # where YAML notices the end differs by a line between its two parsers
        assert says in error.value.message
        assert error.value.message.startswith(f"{path}:")
    else:
        assert error.value.message.startswith(f"{path}:{line}: ")
        assert says in error.value.message


def test_an_unreadable_catalog_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="no such folder"):
        load_catalog(tmp_path / "nowhere")
    with pytest.raises(CatalogError, match=r"units\.yaml: cannot be read"):
        load_catalog(tmp_path)
    binary = tmp_path / "own.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CatalogError, match="not UTF-8"):
        load_catalog(extra=[binary])


def test_series_of_a_histogram_and_of_a_prefix_are_found() -> None:
    catalog = default_catalog()
    for series, family in (
        ("sedna_inference_duration_seconds_bucket", "sedna_inference_duration_seconds"),
        ("sedna_inference_duration_seconds_count", "sedna_inference_duration_seconds"),
        ("sedna_knowledge_base_custom_recall", "sedna_knowledge_base_custom_"),
    ):
        found = catalog.find(series)
        assert found is not None
        assert found.name == family
    assert catalog.find("sedna_nothing") is None


def test_catalog_files_have_one_feature_each() -> None:
    features = [path.read_text().split("feature:")[1].split("\n")[0] for path in (DATA / "metrics").glob("*.yaml")]
    assert len(features) == len(set(features))
