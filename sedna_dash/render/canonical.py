"""One spelling for equal values, and what can be told of values that are spelt so."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import orjson


def plain(value: Any) -> Any:
    """Without nulls, which some servers drop, and with whole numbers as such: 1.0 and 1 are one value in JSON."""
    kind = type(value)
    if kind is str or kind is int:
        return value
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def spelt(value: Any) -> bytes:
    """The value as JSON with sorted keys. Equal data gives equal bytes, on every machine."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        # Halves of characters and huge numbers, which nobody writes but JSON allows.
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def checksum(value: Any) -> str:
    """SHA-256 of the value as JSON."""
    return hashlib.sha256(spelt(value)).hexdigest()


def copied(value: Any) -> Any:
    """A deep copy of JSON data, in the same order, many times quicker than deepcopy."""
    try:
        return orjson.loads(orjson.dumps(value))
    except (TypeError, orjson.JSONDecodeError):
        return json.loads(json.dumps(value))


def contains(whole: Any, part: Any) -> bool:
    """Whether everything in ``part`` is in ``whole``: objects may have more keys, lists are compared item by item."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and contains(whole[key], part[key]) for key in part)
    if isinstance(part, list):
        return isinstance(whole, list) and len(whole) == len(part) and all(map(contains, whole, part))
    # In Python True equals 1; in JSON it does not.
    return bool(whole == part) and isinstance(whole, bool) == isinstance(part, bool)
