"""Values files with places to fill: ``key: <name>`` takes whatever is called so, ``"*": <name>`` takes its entries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sedna_dash.documents import yaml_text

_PLACE = re.compile(r'^(?P<indent> *)(?P<key>[\w.-]+|"\*"): <(?P<name>[a-z-]+)>$')


def fill(text: str, products: Mapping[str, Any]) -> str:
    """The text with every place filled, each value as YAML at the depth of its place. Comments stay.

    Raises `KeyError` for a place that nothing is called like.
    """
    return "\n".join(_line(line, products) for line in text.split("\n"))


def _line(line: str, products: Mapping[str, Any]) -> str:
    place = _PLACE.match(line)
    if not place:
        return line
    value = products[place["name"]]
    entries = value if place["key"] == '"*"' else {place["key"]: value}
    return "\n".join(place["indent"] + one if one else one for one in yaml_text(entries).rstrip("\n").split("\n"))
