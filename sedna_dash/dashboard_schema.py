"""The shape that dashboards are written in. A module of its own, so that asking for it loads nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

#: The schema of Grafana 12 and 13; `render.profiles` writes older ones.
SCHEMA_VERSION = 42


def all_panels(model: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every panel, those inside collapsed rows included."""
    for panel in model.get("panels", ()):
        yield panel
        yield from panel.get("panels", ())
