"""Which charts of other people the stack is made of, and which values files each release takes."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sedna_dash.catalog.loading import DataFile

DATA = Path(__file__).with_name("charts.yaml")


@dataclass(frozen=True)
class Release:
    """One release: ``chart`` as ``repository/name``, and its values files, of which those in ``optional`` go on top."""

    name: str
    chart: str
    version: str
    values: str
    optional: tuple[str, ...]


@functools.cache
def repositories() -> Mapping[str, str]:
    """Name of each repository of charts to its address."""
    found: Mapping[str, str] = DataFile(DATA).content["repositories"]
    return found


@functools.cache
def releases() -> tuple[Release, ...]:
    """All releases."""
    content = DataFile(DATA).content
    found = []
    for name, entry in content["releases"].items():
        chart = content["charts"][entry["chart"]]
        where = f"{chart['repository']}/{entry['chart']}"
        found.append(Release(name, where, chart["version"], entry["values"], tuple(entry.get("optional", ()))))
    return tuple(found)


def readme() -> str:
    """What the folder of values says about itself."""
    lines = [
        "# Values for the charts of other people",
        "",
        "Written by `sedna-dash stack`. How to use them: [install](../../docs/how-to/install.md),",
        "[edge nodes](../../docs/how-to/edge.md), [many sites](../../docs/how-to/many-sites.md).",
        "",
        "| Release | Chart | Version | Values | On top, where wanted |",
        "|---|---|---|---|---|",
    ]
    for one in releases():
        optional = ", ".join(f"`{name}`" for name in one.optional)
        lines.append(f"| {one.name} | {one.chart} | {one.version} | `{one.values}` | {optional} |")
    lines += [
        "",
        "`sedna-dash.yaml` is for our own chart. `edge/ingress.yaml` is an Ingress to apply, no values file.",
        "",
    ]
    lines += [*(f"- `helm repo add {name} {url}`" for name, url in repositories().items()), ""]
    return "\n".join(lines)
