"""The whole chain for real: simulator, exporter, Prometheus, verify. No panel is unexplained, every number is true."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from sedna_dash.authoring.promql import metric
from sedna_dash.catalog import default_catalog
from tests.proof import Proof, proof
from tests.synthetic import installed

if not installed() and not os.environ.get("CI"):
    pytest.skip("prometheus and promtool are not installed (Debian: apt install prometheus)", allow_module_level=True)

#: A frame counts to an iteration give or take ten minutes: what these count, to know how much comes in that time.
COUNTED = {
    "sedna:iteration_inference_requests:increase7d": "sedna_inference_requests_total",
    "sedna:iteration_hard_examples:increase7d": "sedna_hard_examples_total",
}


@pytest.fixture(scope="module", params=["quiet", "tour"])
def site(request: pytest.FixtureRequest) -> Iterator[Proof]:
    with proof(request.param, hours=4) as found:
        yield found


def query(family: str, labels: dict[str, str]) -> str:
    """The series of a truth; a derived one is written out, as the boards have it."""
    found = default_catalog().find(family)
    if found is not None and found.expr:
        return metric(family)(labels).text
    written = ",".join(f'{label}="{_escaped(value)}"' for label, value in labels.items())
    return f"{family}{{{written}}}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def wrong(site: Proof, truth: dict[str, Any]) -> str:
    """What Prometheus says instead of a truth; empty when it agrees."""
    family, labels, value = truth["family"], truth["labels"], truth["value"]
    found = [float(item["value"][1]) for item in site.ask(query(family, labels), site.end)]
    if value is None:
        return f"{family}{labels}: must be absent ({truth['note']}), but is {found}" if found else ""
    close = 1e-6 * max(1, abs(value))
    if family in COUNTED:
        counted = query(COUNTED[family], {**labels, "kind": "IncrementalLearningJob"})
        busiest = site.ask(f"max_over_time(sum(increase({counted}[10m]))[4h:1m])", site.end)
        close = 1.05 * float(busiest[0]["value"][1])
    true = [abs(number - value) <= close for number in found]
    # History carries no mark where a series ends: that of a worker that has just gone stands beside the exporter's.
    known = default_catalog().find(family)
    if any(true) if known is not None and "worker-hook" in known.sources else true and all(true):
        return ""
    return f"{family}{labels}: is {found or 'absent'}, but {value} is true ({truth['note']}; {truth['row']})"


def test_every_required_row_has_a_series_with_its_true_value(site: Proof, request: pytest.FixtureRequest) -> None:
    assert site.truth
    mistakes = [mistake for truth in site.truth if (mistake := wrong(site, truth))]
    assert not mistakes, "\n".join(mistakes[:40])
    shown = {truth["row"] for truth in site.truth if truth["value"] is not None}
    if "quiet" in request.node.callspec.id:
        assert shown == set(default_catalog().required)


def test_every_panel_is_accounted_for(site: Proof) -> None:
    done = site.verify("--output", "json")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert json.loads(done.stdout)
