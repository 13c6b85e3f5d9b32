"""Leave out of a comparison what nobody meant: what Grafana's pages add and drop of themselves when somebody saves, and
what a reader changes by looking. Most of it is data, in ``noise.yaml``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from sedna_dash.deploy.marks import OWNED_TAG, tagged, without_server_keys
from sedna_dash.render.canonical import copied, spelt

Rule = Mapping[str, Any]


@cache
def _rules() -> Mapping[str, list[Rule]]:
    rules: Mapping[str, list[Rule]] = yaml.safe_load(Path(__file__).with_name("noise.yaml").read_text(encoding="utf-8"))
    return rules


def comparable(model: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the dashboard without what belongs to one server, and without noise. Nulls stay."""
    result: dict[str, Any] = copied(without_server_keys(model))
    for kind, thing in _things(result):
        for rule in _rules()[kind]:
            _leave_out(thing, rule)
    for variable in _listed(result, "templating"):
        _look_away(variable)
    tags = result.get("tags")
    if isinstance(tags, list) and all(isinstance(tag, str) for tag in tags):
        # A set, and our own tag is nobody's edit.
        result["tags"] = sorted({*tags} - {OWNED_TAG})
        _leave_out(result, {"path": ["tags"], "value": []})
    return result


def revived(merged: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """A merged dashboard with what the comparison left out, as ``wanted`` has it."""
    result: dict[str, Any] = copied(tagged(merged) if OWNED_TAG in (wanted.get("tags") or ()) else merged)
    ours = {(kind, _name(kind, thing)): thing for kind, thing in _things(wanted)}
    for kind, thing in _things(result):
        known = ours.get((kind, _name(kind, thing)))
        if known is None:
            continue
        for rule in _rules()[kind]:
            _bring_back(thing, known, rule)
        if kind == "variables":
            _look_again(thing, known)
    return result


def same_tags(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether both have the same tags, in whatever order."""
    first, second = one.get("tags"), other.get("tags")
    if not isinstance(first, list) or not isinstance(second, list):
        return False
    return sorted(map(str, first)) == sorted(map(str, second))


def _things(model: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "dashboard", model
    for annotation in _listed(model, "annotations"):
        yield "annotations", annotation
    for variable in _listed(model, "templating"):
        yield "variables", variable
    for panel in _dicts(model.get("panels")):
        yield "panels", panel
        for inner in _dicts(panel.get("panels")):
            yield "panels", inner


def _listed(model: Mapping[str, Any], key: str) -> list[Any]:
    holder = model.get(key)
    listed = holder.get("list") if isinstance(holder, Mapping) else None
    return _dicts(listed)


def _dicts(listed: Any) -> list[Any]:
    return [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []


def _name(kind: str, thing: Mapping[str, Any]) -> str:
    return "" if kind == "dashboard" else str(thing.get("id" if kind == "panels" else "name"))


def _holder(thing: Any, rule: Rule) -> dict[str, Any] | None:
    """What holds the rule's field, if it is there."""
    if "types" in rule and thing.get("type") not in rule["types"]:
        return None
    for part in rule["path"][:-1]:
        thing = thing.get(part) if isinstance(thing, dict) else None
    return thing if isinstance(thing, dict) and rule["path"][-1] in thing else None


def _leave_out(thing: Any, rule: Rule) -> None:
    holder = _holder(thing, rule)
    field = rule["path"][-1]
    if holder is not None and ("value" not in rule or spelt(holder[field]) == spelt(rule["value"])):
        del holder[field]


def _bring_back(thing: Any, known: Any, rule: Rule) -> None:
    there = _holder(known, rule)
    if there is None or _holder(thing, rule) is not None:
        return
    for part in rule["path"][:-1]:
        thing = thing.get(part) if isinstance(thing, dict) else None
    if isinstance(thing, dict):
        thing[rule["path"][-1]] = there[rule["path"][-1]]


def _look_away(variable: dict[str, Any]) -> None:
    """Without which datasource is chosen, what a variable found, which option is ticked."""
    if variable.get("type") in ("datasource", "query"):
        variable.pop("options", None)
    if variable.get("type") == "datasource":
        variable.pop("current", None)
    for option in _dicts(variable.get("options")):
        option.pop("selected", None)
    if isinstance(variable.get("current"), dict):
        # Its text follows from its value.
        variable["current"] = {"value": variable["current"].get("value")}


def _look_again(variable: dict[str, Any], known: Mapping[str, Any]) -> None:
    for key in ("options", "current"):
        if key in known and key not in variable:
            variable[key] = known[key]
    current = variable.get("current")
    if isinstance(current, dict) and "text" not in current and current.get("value") is not None:
        ours = known.get("current")
        same = isinstance(ours, dict) and ours.get("value") == current["value"]
        variable["current"] = ours if same else {"selected": True, "text": current["value"], **current}
