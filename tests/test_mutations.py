"""Break one thing of our own dashboards at a time: lint finds it every time."""

import copy
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sedna_dash.building import load
from sedna_dash.catalog import default_catalog
from sedna_dash.dashboard_schema import all_panels
from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context
from sedna_dash.lint.rules import RULES

CATALOG = default_catalog()
BOARDS = [Board(found.model, str(found.module)) for found in load(Path(__file__).parent.parent / "dashboards_src")]

Model = dict[str, Any]
#: What was broken, and the model with it broken.
Mutants = Iterator[tuple[str, Model]]


def targets(model: Model, kind: str) -> Iterator[Model]:
    for panel in all_panels(model):
        for target in panel.get("targets", ()):
            if target["datasource"]["type"] == kind:
                yield target


def each_target(model: Model, kind: str, change: Callable[[str], str]) -> Mutants:
    """The model with the query of one target after the other changed."""
    for index, target in enumerate(targets(model, kind)):
        changed = change(target["expr"])
        if changed != target["expr"]:
            mutant = copy.deepcopy(model)
            list(targets(mutant, kind))[index]["expr"] = changed
            yield f"{target['expr']} -> {changed}", mutant


def each_panel(model: Model, change: Callable[[Model], bool | None]) -> Mutants:
    """The model with one panel after the other changed; ``change`` says False when it has nothing to change."""
    for index, panel in enumerate(all_panels(model)):
        mutant = copy.deepcopy(model)
        if change(list(all_panels(mutant))[index]) is not False:
            yield f"{panel.get('title')} ({panel['type']})", mutant


def renamed_metric(text: str) -> str:
    return re.sub(r"\b(sedna_|kube_|container_|node_|loki_|prometheus_)(\w+)", r"\1x\2", text, count=1)


def renamed_label(text: str) -> str:
    return text.replace('namespace=~"$namespace"', 'namespaze=~"$namespace"', 1)


def renamed_group(text: str) -> str:
    return re.sub(r"by \((\w+)", r"by (\1x", text, count=1)


def wrong_state(text: str) -> str:
    return re.sub(r'(state|kind|stage|phase)="(\w+)"', r'\1="\2x"', text, count=1)


def wrong_level(text: str) -> str:
    return re.sub(r'level(=~?)"error', r'level\1"eror', text, count=1)


def undefined_variable(text: str) -> str:
    return text.replace("$cluster", "$clusther", 1)


def wrong_unit(panel: Model) -> bool | None:
    defaults = panel.get("fieldConfig", {}).get("defaults", {})
    if "unit" not in defaults:
        return False
    defaults["unit"] = "furlongs"
    return None


def no_description(panel: Model) -> bool | None:
    return False if panel.pop("description", None) is None else None


def fixed_datasource(panel: Model) -> bool | None:
    if "datasource" not in panel:
        return False
    panel["datasource"] = {"type": panel["datasource"]["type"], "uid": "PBFA97CFB590B2093"}
    return None


def out_of_the_grid(panel: Model) -> None:
    panel["gridPos"]["w"] = 30


def over_its_neighbour(model: Model) -> Mutants:
    panels = [panel for panel in model["panels"] if panel["type"] != "row"]
    for index in range(1, len(panels)):
        mutant = copy.deepcopy(model)
        moved = [panel for panel in mutant["panels"] if panel["type"] != "row"][index]
        moved["gridPos"] = dict(panels[index - 1]["gridPos"])
        yield f"{moved['title']} over {panels[index - 1]['title']}", mutant


def same_id(model: Model) -> Mutants:
    ids = [panel["id"] for panel in all_panels(model)]
    for index in range(1, len(ids)):
        mutant = copy.deepcopy(model)
        list(all_panels(mutant))[index]["id"] = ids[index - 1]
        yield f"panel {index}", mutant


def same_ref(panel: Model) -> bool | None:
    if len(panel.get("targets", ())) < 2:
        return False
    panel["targets"][1]["refId"] = "A"
    return None


def each_text(model: Model, pattern: str, replacement: str) -> Mutants:
    """The model with one text after the other changed, wherever in it the pattern is found."""

    def places(value: Any) -> Iterator[tuple[Any, Any]]:
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, item in items:
            if isinstance(item, str) and re.search(pattern, item):
                yield value, key
            yield from places(item)

    for index, (holder, key) in enumerate(places(model)):
        mutant = copy.deepcopy(model)
        inner, name = list(places(mutant))[index]
        inner[name] = re.sub(pattern, replacement, holder[key], count=1)
        yield inner[name], mutant


MUTATIONS: dict[str, Callable[[Model], Mutants]] = {
    "PromQL syntax": lambda model: each_target(model, "prometheus", lambda text: text + ")"),
    "PromQL function": lambda model: each_target(model, "prometheus", lambda text: text.replace("rate(", "raet(", 1)),
    "PromQL metric": lambda model: each_target(model, "prometheus", renamed_metric),
    "PromQL label": lambda model: each_target(model, "prometheus", renamed_label),
    "PromQL grouping": lambda model: each_target(model, "prometheus", renamed_group),
    "PromQL state": lambda model: each_target(model, "prometheus", wrong_state),
    "LogQL syntax": lambda model: each_target(model, "loki", lambda text: text.replace("}", "", 1)),
    "LogQL level": lambda model: each_target(model, "loki", wrong_level),
    "LogQL app": lambda model: each_target(model, "loki", lambda text: text.replace('app="', 'app="x', 1)),
    "variable": lambda model: each_target(model, "prometheus", undefined_variable),
    "unit": lambda model: each_panel(model, wrong_unit),
    "description": lambda model: each_panel(model, no_description),
    "datasource": lambda model: each_panel(model, fixed_datasource),
    "width": lambda model: each_panel(model, out_of_the_grid),
    "overlap": over_its_neighbour,
    "id": same_id,
    "refId": lambda model: each_panel(model, same_ref),
    "link to a dashboard": lambda model: each_text(model, r"/d/sedna-", "/d/sedna-x"),
    "link with a variable": lambda model: each_text(model, r"var-namespace=", "var-namespaze="),
}


@pytest.mark.parametrize("name", MUTATIONS)
@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_it_is_found_every_time(board: Board, name: str) -> None:
    for broken, mutant in MUTATIONS[name](dict(board.model)):
        changed = Board(mutant, board.file)
        boards = [changed if other is board else other for other in BOARDS]
        context = Context(CATALOG, boards)
        assert any(True for rule in RULES for _ in rule.problems(changed, context)), broken


@pytest.mark.parametrize("name", MUTATIONS)
def test_each_mutation_breaks_something(name: str) -> None:
    assert sum(1 for board in BOARDS for _ in MUTATIONS[name](dict(board.model))) > 2
