"""Label and field selectors, as lists and watches take them.

https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#api
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Matches = Callable[[Mapping[str, Any]], bool]

_SET = re.compile(r"(?P<key>[^\s!=,()]+)\s+(?P<operator>in|notin)\s*\((?P<values>[^()]*)\)")
_EQUAL = re.compile(r"(?P<key>[^\s!=,()]+)\s*(?P<operator>!=|==|=)\s*(?P<value>[^\s!=,()]*)")
_EXISTS = re.compile(r"(?P<not>!?)\s*(?P<key>[^\s!=,()]+)")
_NEXT = re.compile(r"\s*(,|$)\s*")

#: The fields that can be selected by, and how they are found; every resource knows the first two.
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "metadata.name": ("metadata", "name"),
    "metadata.namespace": ("metadata", "namespace"),
    "spec.nodeName": ("spec", "nodeName"),
    "spec.restartPolicy": ("spec", "restartPolicy"),
    "status.phase": ("status", "phase"),
}


def label_selector(text: str) -> Matches:
    """The objects that a label selector selects. Raises ValueError, which says what cannot be read."""
    requirements: list[Matches] = []
    at = 0
    text = text.strip()
    while at < len(text):
        found = _SET.match(text, at) or _EQUAL.match(text, at) or _EXISTS.match(text, at)
        end = _NEXT.match(text, found.end()) if found else None
        if found is None or end is None:
            raise ValueError(f"unable to parse requirement: found {text[at:]!r}")
        requirements.append(_requirement(found.groupdict()))
        at = end.end()
    return lambda obj: all(requirement(obj) for requirement in requirements)


def field_selector(text: str) -> Matches:
    """The objects that a field selector selects. Raises ValueError, which names an unknown field."""
    requirements: list[tuple[tuple[str, ...], bool, str]] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        found = _EQUAL.fullmatch(part)
        if found is None:
            raise ValueError(f"invalid selector: {text!r}; can't understand {part!r}")
        if found["key"] not in _FIELDS:
            raise ValueError(f"field label not supported: {found['key']}")
        requirements.append((_FIELDS[found["key"]], found["operator"] != "!=", found["value"]))
    return lambda obj: all((_value(obj, path) == value) == wanted for path, wanted, value in requirements)


def _requirement(found: Mapping[str, str]) -> Matches:
    key, operator = found["key"], found.get("operator")
    if operator is None:
        wanted = not found["not"]
        return lambda obj: (key in _labels(obj)) == wanted
    text = found["values"] if "values" in found else found["value"]
    values = {value.strip() for value in text.split(",")}
    if operator in ("notin", "!="):
        return lambda obj: _labels(obj).get(key) not in values
    return lambda obj: _labels(obj).get(key) in values


def _labels(obj: Mapping[str, Any]) -> Mapping[str, str]:
    return obj["metadata"].get("labels") or {}


def _value(obj: Mapping[str, Any], path: tuple[str, ...]) -> str:
    value: Any = obj
    for step in path:
        value = value.get(step, "") if isinstance(value, Mapping) else ""
    return str(value)
