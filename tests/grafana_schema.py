"""The schema of the newest Grafana, as its Foundation SDK types it.

The SDK is generated from Grafana's own CUE schemas. Two things are asked of it: a dashboard that is read and
written again must come out the same, which finds keys that Grafana does not know; and every value must be of the
type that the SDK declares, which finds wrong values of known keys.
"""

from __future__ import annotations

import enum
import functools
import json
import types
import typing
import warnings
from collections.abc import Iterator
from typing import Any

from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder

with warnings.catch_warnings():
    # The SDK prefers the v2 layout, which Grafana reads from 12 on; the classic model is what 9.3 to 13 read.
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.models.dashboard import Dashboard

plugins.register_default_plugins()

#: Shown as one type by the schema language, several by Grafana. The value is what the SDK's type is widened to.
OPEN = {
    "MatcherConfig.options": "byName and its like take a text, others an object",
    "DynamicConfigValue.value": "of whatever the property holds",
    "VariableModel.query": "a text, or the object of a datasource plugin",
    "VariableModel.current": "empty until somebody chooses",
}


def violations(model: dict[str, Any]) -> list[str]:
    """What the newest Grafana's schema does not allow, with the path to it."""
    read = Dashboard.from_json(json.loads(json.dumps(model)))
    written = json.loads(JSONEncoder().encode(read))
    return [*_lost(model, written, ""), *_wrong(read, "")]


def _lost(before: Any, after: Any, path: str) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            if key in after:
                yield from _lost(value, after[key], f"{path}/{key}")
            else:
                yield f"{path}/{key}: unknown key"
    elif isinstance(before, list) and isinstance(after, list):
        for index, (left, right) in enumerate(zip(before, after, strict=True)):
            yield from _lost(left, right, f"{path}[{index}]")
    elif before != after:
        yield f"{path}: {before!r} becomes {after!r}"


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _wrong(value: Any, path: str) -> Iterator[str]:
    """Values of an SDK object that are not of the declared type, all the way down."""
    for name, hint in _hints(type(value)).items():
        if f"{type(value).__name__}.{name}" not in OPEN:
            yield from _mismatch(getattr(value, name, None), hint, f"{path}/{name}")


def _mismatch(value: Any, hint: Any, path: str) -> Iterator[str]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any or hint is object or isinstance(hint, typing.TypeVar):
        # Panel options are declared as anything, but the panel's own plugin has read them.
        if hasattr(value, "from_json"):
            yield from _wrong(value, path)
        return
    if origin in (typing.Union, types.UnionType):
        tries = [list(_mismatch(value, argument, path)) for argument in arguments]
        if all(tries):
            yield from min(tries, key=len)
    elif origin is typing.Literal:
        if value not in arguments:
            yield f"{path}: {value!r} is none of {arguments}"
    elif origin is list:
        if not isinstance(value, list):
            yield f"{path}: {value!r} is no list"
        else:
            for index, item in enumerate(value):
                yield from _mismatch(item, arguments[0], f"{path}[{index}]")
    elif origin is dict:
        if not isinstance(value, dict):
            yield f"{path}: {value!r} is no object"
    elif isinstance(hint, type):
        yield from _not_of(value, hint, path)


def _not_of(value: Any, hint: type, path: str) -> Iterator[str]:
    if hint is type(None):
        if value is not None:
            yield f"{path}: {value!r} is not null"
    elif issubclass(hint, enum.Enum):
        if value not in [member.value for member in hint]:
            yield f"{path}: {value!r} is none of {[member.value for member in hint]}"
    elif hint in (int, float):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            yield f"{path}: {value!r} is no number"
    elif hint in (str, bool):
        if not isinstance(value, hint):
            yield f"{path}: {value!r} is no {hint.__name__}"
    elif hasattr(hint, "from_json") and isinstance(value, dict):
        # Some parts the SDK leaves as they are; read them as what they are declared to be.
        read = hint.from_json(json.loads(json.dumps(value)))
        yield from _lost(value, json.loads(JSONEncoder().encode(read)), path)
        yield from _wrong(read, path)
    elif hasattr(value, "from_json"):
        yield from _wrong(value, path)
