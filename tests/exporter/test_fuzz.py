"""Whatever an object holds: no crash, and what comes out is read back without an error."""

import json
import os
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics

from sedna_dash.crds import CRDS
from sedna_dash.exporter.state import State
from tests.exporter.objects import series, thing

#: Takes about a minute; more for a longer search.
CASES = int(os.environ.get("SEDNA_DASH_FUZZ_CASES", "10000"))

KINDS = [*CRDS, "Pod", "Node", "Service"]
words = st.sampled_from(
    ["Train", "Eval", "Deploy", "Waiting", "Ready", "Starting", "Running", "Completed", "Failed", "Training",
     "Complete", "True", "", "Round 3 reaches at x", "2026-03-01T10:00:00Z", "1e400", "-1", "0.5", "nan", "edge", "kb",
     "sedna"]
)  # fmt: skip
leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), words)
anything = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(words, st.text(max_size=6), st.sampled_from(["models", "output", "metrics"])), inner),
    ),
    max_leaves=12,
)
data = st.one_of(st.text(max_size=20), anything.map(lambda value: json.dumps(value, default=str)))


def placed(paths: dict[str, Any]) -> dict[str, Any]:
    """An object with a value at each path, lists where the paths say so."""
    result: dict[str, Any] = {}
    for path, value in paths.items():
        at: Any = result
        *parents, last = path.split(".")
        for key in parents:
            name = key.removesuffix("[]")
            at = at.setdefault(name, [{}] if key.endswith("[]") else {}) if isinstance(at, dict) else {}
            at = at[0] if isinstance(at, list) and at else at
        if isinstance(at, dict):
            name = last.removesuffix("[]")
            at[name] = [value] if last.endswith("[]") else value
    return result


@st.composite
def objects(draw: st.DrawFn) -> tuple[str, Any]:
    """An object of a kind whose fields are there, but hold anything."""
    kind = draw(st.sampled_from(KINDS))
    if draw(st.integers(0, 9)) == 0:
        return kind, {"metadata": {"name": draw(st.text(max_size=8)), "namespace": "n"}, "status": draw(anything)}
    paths = [path for path in (CRDS[kind].paths if kind in CRDS else ()) if path.startswith(("spec.", "status."))]
    paths += ["metadata.labels", "metadata.uid", "metadata.resourceVersion", "status.phase", "spec.nodeName"]
    chosen = draw(st.lists(st.sampled_from(paths), max_size=8, unique=True)) if paths else []
    found = placed({path: draw(data if path.endswith(".data") else st.one_of(leaves, anything)) for path in chosen})
    base = thing(kind, draw(st.sampled_from(["one", "two", 'q"\\\n', "ünï"])))
    metadata = found.get("metadata", {})
    return kind, {**base, **found, "metadata": {**base["metadata"], **metadata}}


@settings(
    max_examples=CASES, deadline=None, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
@given(st.lists(objects(), min_size=1, max_size=4))
def test_no_object_makes_an_invalid_exposition(found: list[tuple[str, Any]]) -> None:
    state = State()
    for kind, obj in found:
        state.put(kind, obj)
    list(read_openmetrics(state.expose(openmetrics=True).decode()))
    assert not [line for line in series(state, "sedna_exporter_parse_errors_total") if 'field="*"' in line]
