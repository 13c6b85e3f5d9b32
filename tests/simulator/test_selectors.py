"""Selectors choose what Kubernetes would choose."""

import pytest

from sedna_dash.simulator.selectors import field_selector, label_selector

LABELLED = {
    "a": {"app": "gm", "tier": "cloud"},
    "b": {"app": "lc", "tier": "edge"},
    "c": {"tier": "edge", "x.sedna.io/name": "job-1"},
    "d": {},
}


@pytest.mark.parametrize(
    ("selector", "chosen"),
    [
        ("", "abcd"),
        ("app=gm", "a"),
        ("app==gm", "a"),
        ("app!=gm", "bcd"),
        ("app", "ab"),
        ("!app", "cd"),
        ("x.sedna.io/name", "c"),
        ("x.sedna.io/name = job-1", "c"),
        ("app in (gm, lc)", "ab"),
        ("app notin (gm,lc)", "cd"),
        ("tier=edge,!app", "c"),
        ("tier in (edge), app notin (gm), x.sedna.io/name", "c"),
        ("app=", ""),
    ],
)
def test_labels(selector: str, chosen: str) -> None:
    matches = label_selector(selector)
    found = [name for name, labels in LABELLED.items() if matches({"metadata": {"name": name, "labels": labels}})]
    assert "".join(found) == chosen


@pytest.mark.parametrize("selector", ["app in gm", "=gm", "app=(gm)", "app=gm tier=edge", "app in (gm"])
def test_labels_that_cannot_be_read(selector: str) -> None:
    with pytest.raises(ValueError, match="unable to parse requirement"):
        label_selector(selector)


@pytest.mark.parametrize(
    ("selector", "chosen"),
    [
        ("metadata.name=p", True),
        ("metadata.name!=p", False),
        ("spec.nodeName=edge-1,metadata.namespace=factory", True),
        ("spec.nodeName=edge-1,metadata.namespace=office", False),
        ("status.phase=Running", False),
    ],
)
def test_fields(selector: str, chosen: bool) -> None:
    pod = {"metadata": {"name": "p", "namespace": "factory"}, "spec": {"nodeName": "edge-1"}}
    assert field_selector(selector)(pod) is chosen


def test_a_field_that_cannot_be_selected_by() -> None:
    with pytest.raises(ValueError, match=r"field label not supported: spec\.colour"):
        field_selector("spec.colour=red")
