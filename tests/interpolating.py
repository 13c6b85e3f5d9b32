"""Queries as Grafana sends them."""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Mapping


def sent(
    text: str,
    value: str,
    typed: str,
    *,
    chosen: Mapping[str, str] | None = None,
    window: str = "1m",
    range_: str = "1h",
) -> str:
    """The query with every choice at this value and every text box with these words; ``chosen`` are exceptions by
    name. ``window`` is one step of the graph, ``range_`` the whole time range.
    """
    chosen = chosen or {}
    widths = {"__auto": window, "__interval": window, "__range": range_}

    def shown(found: re.Match[str]) -> str:
        name, form = found[1] or found[3], found[2]
        if form == "json":
            return json.dumps(chosen.get(name, typed), ensure_ascii=False)
        if form == "percentencode":
            return urllib.parse.quote(chosen.get(name, typed), safe="!'()*")
        return widths.get(name) or chosen.get(name, value)

    # Once: what somebody typed is no place for variables.
    return re.sub(r"\$\{(\w+)(?::(\w+))?\}|\$([a-z]\w*|__\w+)", shown, text)
