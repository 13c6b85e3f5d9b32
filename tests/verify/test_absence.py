"""What the catalog may say of metrics that are rightly missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from sedna_dash.catalog import default_catalog, load_catalog
from sedna_dash.catalog.model import Absence
from sedna_dash.errors import CatalogError

ENTRY = """\
feature: Own
metrics:
  - name: sedna_own_frames_total
    type: counter
    unit: frames
    sources: [exporter]
    labels: {{namespace: any}}
    help: Frames
    absent: {absent}
"""


def loaded(folder: Path, absent: str) -> Absence | None:
    path = folder / "own.yaml"
    path.write_text(ENTRY.format(absent=absent))
    return load_catalog(extra=[path]).metrics["sedna_own_frames_total"].absent


@pytest.mark.parametrize(
    ("written", "absence"),
    [
        ("until a frame comes", Absence("until a frame comes")),
        ("{why: until a frame comes}", Absence("until a frame comes")),
        ("{why: until then, unless: 'up == 1'}", Absence("until then", "up == 1")),
        ("{why: until then, partly: true}", Absence("until then", partly=True)),
    ],
)
def test_forms(tmp_path: Path, written: str, absence: Absence) -> None:
    assert loaded(tmp_path, written) == absence


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("''", "say when the metric is absent"),
        ("[a]", "must be a mapping"),
        ("true", "must be a mapping"),
        ("{unless: up}", "'why' is missing"),
        ("{why: a, until: b}", "unknown key 'until'"),
        ("{why: a, unless: 1}", "'unless' must be a text"),
        ("{why: a, partly: 'yes'}", "'partly' is true or false"),
    ],
)
def test_mistakes(tmp_path: Path, written: str, sentence: str) -> None:
    with pytest.raises(CatalogError, match=r"own\.yaml:9: ") as found:
        loaded(tmp_path, written)
    assert sentence in found.value.message


def test_reasons_go_behind_is_absent() -> None:
    reasons = {metric.absent.why for metric in default_catalog().metrics.values() if metric.absent}
    assert len(reasons) > 40
    for why in reasons:
        assert why.split()[0] in {"until", "while", "without", "unless", "for"}, why
        assert not why.endswith("."), why
