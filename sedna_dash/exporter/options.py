"""Options of the exporter, checked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace

from sedna_dash.catalog import Catalog
from sedna_dash.catalog.model import closest
from sedna_dash.errors import SettingsError
from sedna_dash.exporter.limits import Limits
from sedna_dash.exporter.shards import Shard

#: The first port above those that are listed for exporters, and no one's in Sedna or KubeEdge.
DEFAULT_LISTEN = "127.0.0.1:9474"


def address(text: str) -> tuple[str, int]:
    """Host and port of ``HOST:PORT``; ``:PORT`` listens everywhere, and an IPv6 address stands in brackets."""
    host, separator, port = text.rpartition(":")
    if not separator or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise SettingsError(f"--listen {text}: must be HOST:PORT, such as {DEFAULT_LISTEN} or :9474")
    return host.removeprefix("[").removesuffix("]"), int(port)


def shard(index: int, total: int) -> Shard:
    """One of ``total`` exporters, counted from 0."""
    if total < 1 or not 0 <= index < total:
        raise SettingsError(f"--shard {index} --total-shards {total}: shards are counted from 0 to {max(total, 1) - 1}")
    return Shard(index, total)


def left_out(names: Iterable[str], catalog: Catalog) -> frozenset[str]:
    """Families that another producer writes, from names of families and of producers."""
    found: set[str] = set()
    for name in names:
        if name in catalog.sources:
            found |= {metric.name for metric in catalog.metrics.values() if name in metric.sources}
        elif name in catalog.metrics:
            found.add(name)
        else:
            known = [*catalog.sources, *catalog.metrics]
            raise SettingsError(
                f"--leave-out {name}: is no family and no producer of the catalog{closest(name, known)}; "
                "see docs/reference/metrics.md"
            )
    return frozenset(found)


def limits(given: Iterable[str]) -> Limits:
    """Limits with some changed, each as ``NAME=NUMBER``."""
    known = {field.name.replace("_", "-"): field.name for field in fields(Limits)}
    result = Limits()
    for text in given:
        name, separator, value = text.partition("=")
        if not separator or name not in known or not value.isdigit():
            raise SettingsError(
                f"--limit {text}: must be NAME=NUMBER with one of {', '.join(known)}{closest(name, known)}"
            )
        result = replace(result, **{known[name]: int(value)})
    return result
