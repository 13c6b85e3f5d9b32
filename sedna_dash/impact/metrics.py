"""What breaks when a metric goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sedna_dash.alerts import Alert
from sedna_dash.catalog import Metric
from sedna_dash.catalog.model import closest
from sedna_dash.errors import SettingsError
from sedna_dash.impact.inventory import KINDS, Inventory, Place, Reader
from sedna_dash.impact.loss import Effect, Losses, together
from sedna_dash.rules.links import linked_panel


@dataclass(frozen=True)
class Broken:
    """A place that is not as before. ``refs`` are the queries that are the cause, ``through`` the records that lie
    between."""

    place: Place
    effect: Effect
    refs: tuple[str, ...]
    through: tuple[str, ...]


@dataclass(frozen=True)
class MetricImpact:
    """What breaks. ``gone`` are the names of the series; ``metric`` is what the catalog says of them, if it knows them.

    ``links`` are alerts that lead to a panel that is empty then. ``lost`` and ``weakened`` are the required values that
    lose all or some of the metrics that show them.
    """

    name: str
    metric: Metric | None
    gone: tuple[str, ...]
    sources: tuple[str, ...]
    broken: Sequence[Broken]
    links: Sequence[tuple[Alert, Place]]
    lost: Mapping[str, str]
    weakened: Mapping[str, str]

    @property
    def breaks(self) -> bool:
        """Whether anything is not as before."""
        return bool(self.broken or self.lost)


def metric_impact(name: str, inventory: Inventory) -> MetricImpact:
    """What breaks when a metric, a record, or one of the series of a histogram goes.

    Raises `SettingsError` for a name that is neither declared nor read by anyone.
    """
    metric = inventory.catalog.find(name)
    losses = Losses(inventory, _gone(name, metric, inventory))
    broken = [
        found for place, readers in inventory.by_place.items() if (found := _broken(place, readers, losses)) is not None
    ]
    if metric is None and not broken and name not in inventory.names:
        raise unknown_series(name, inventory)
    broken.sort(key=lambda item: KINDS.index(item.place.kind))
    lost, weakened = _required(inventory, losses)
    return MetricImpact(
        name=name,
        metric=metric,
        gone=tuple(sorted(losses.gone)),
        sources=_sources(name, metric, inventory),
        broken=broken,
        links=_links(inventory, broken),
        lost=lost,
        weakened=weakened,
    )


def unknown_series(name: str, inventory: Inventory) -> SettingsError:
    """The error for a name that is neither declared nor read."""
    cure = closest(name, inventory.names) or "; give what reads it with --dashboards and --rules, or correct the name"
    return SettingsError(f"no metric or record is called '{name}', and nothing reads one{cure}")


def _gone(name: str, metric: Metric | None, inventory: Inventory) -> frozenset[str]:
    """The names of the series that go with a name: one series of a histogram goes alone."""
    if metric is None or metric.name != name:
        return frozenset((name,))
    if metric.prefix:
        return frozenset(series for series in inventory.names if series.startswith(name))
    return frozenset(metric.series_names())


def _broken(place: Place, readers: Sequence[Reader], losses: Losses) -> Broken | None:
    effects = [losses.of_reader(reader) for reader in readers]
    hit = [reader for reader, found in zip(readers, effects, strict=True) if found]
    if not hit or (place.kind == "absence" and place.name in losses.gone):
        return None
    if place.kind == "record" and place.name in losses.gone:
        return None
    refs = dict.fromkeys(reader.query.ref for reader in hit if reader.query.ref)
    through = dict.fromkeys(name for reader in hit for name in losses.through(reader))
    return Broken(place, together(effects), tuple(refs), tuple(through))


def _links(inventory: Inventory, broken: Sequence[Broken]) -> list[tuple[Alert, Place]]:
    empty = {
        (item.place.home, item.place.panel_id): item.place
        for item in broken
        if item.place.kind == "panel" and item.effect is Effect.EMPTY
    }
    found = []
    for alert in inventory.rules.alerts.alerts.values():
        try:
            board, panel = linked_panel(alert, inventory.rules.boards)
        except LookupError:
            continue  # sedna-dash rules check says so
        if (board.name, panel.id) in empty:
            found.append((alert, empty[board.name, panel.id]))
    return found


def _required(inventory: Inventory, losses: Losses) -> tuple[dict[str, str], dict[str, str]]:
    lost: dict[str, str] = {}
    weakened: dict[str, str] = {}
    for row, text in inventory.catalog.required.items():
        shown = [metric for metric in inventory.catalog.metrics.values() if row in metric.satisfies]
        without = [
            metric
            for metric in shown
            if all(losses.of_name.get(name) is Effect.EMPTY for name in metric.series_names())
        ]
        if without:
            (lost if len(without) == len(shown) else weakened)[row] = text
    return lost, weakened


def _sources(name: str, metric: Metric | None, inventory: Inventory) -> tuple[str, ...]:
    """Who makes the series."""
    if metric is not None and metric.expr is None:
        return tuple(inventory.catalog.sources[source].title for source in metric.sources)
    groups = dict.fromkeys(
        f"recording rule in {rule.place.file or 'group ' + rule.place.home}" for rule in inventory.records.get(name, ())
    )
    return tuple(groups)
