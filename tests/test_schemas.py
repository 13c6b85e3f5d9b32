"""What we render is what the newest Grafana declares, key by key and value by value."""

import copy
import sys
from pathlib import Path
from typing import Any

import pytest

from sedna_dash.building import load
from sedna_dash.render.profiles import NEWEST, OLDEST, shaped

if sys.version_info < (3, 11):
    pytest.skip("the Foundation SDK with Grafana's schema needs Python 3.11", allow_module_level=True)

from tests.grafana_schema import violations

DASHBOARDS = load(Path(__file__).parent.parent / "dashboards_src")


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda found: found.uid)
def test_the_newest_shape_passes_the_newest_schema(dashboard) -> None:  # type: ignore[no-untyped-def]
    assert violations(shaped(dashboard.model, NEWEST)) == []


#: What Grafana itself migrates when it loads a dashboard of schema 37.
MIGRATED = ("displayMode", "custom.displayMode", "tooltip/show", "tooltip/mode", "tooltip/yHistogram", "tooltip: ")


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda found: found.uid)
def test_the_oldest_shape_differs_only_where_grafana_migrates_it(dashboard) -> None:  # type: ignore[no-untyped-def]
    left = [
        found for found in violations(shaped(dashboard.model, OLDEST)) if not any(part in found for part in MIGRATED)
    ]
    assert left == []


def first(model: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(panel for panel in model["panels"] if panel["type"] == kind)


def breaking(path: str, value: Any) -> Any:
    """A change of one thing below the first time series panel."""

    def change(model: dict[str, Any]) -> None:
        holder = first(model, "timeseries")
        *parents, last = path.split("/")
        for key in parents:
            holder = holder[int(key) if isinstance(holder, list) else key]  # type: ignore[index]
        holder[last] = value

    return change


BREAKS = {
    "option misspelt": breaking("options/legnd", {}),
    "legend of no kind": breaking("options/legend/displayMode", "grid"),
    "text for a switch": breaking("options/legend/showLegend", "yes"),
    "no such draw style": breaking("fieldConfig/defaults/custom/drawStyle", "curve"),
    "no such field setting": breaking("fieldConfig/defaults/custom/lineWidht", 1),
    "text for a number": breaking("fieldConfig/defaults/custom/lineWidth", "1"),
    "target key misspelt": breaking("targets/0/legendFormt", "x"),
    "grid key misspelt": breaking("gridPos/width", 3),
    "dashboard key misspelt": lambda model: model.update(refesh="1m"),
    "tooltip over no such range": lambda model: model.update(graphTooltip=9),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_mistake_would_be_found(name: str) -> None:
    model = copy.deepcopy(next(found for found in DASHBOARDS if found.uid == "sedna-joint-inference").model)
    BREAKS[name](model)
    assert violations(model), name
