"""What nobody reads, and what is read and nobody makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sedna_dash.catalog import Metric
from sedna_dash.catalog.model import AMBIENT_LABELS
from sedna_dash.impact.inventory import Inventory, Place
from sedna_dash.impact.label_uses import HARMLESS, label_uses
from sedna_dash.impact.labels import carriers_of


@dataclass(frozen=True)
class Unread:
    """A metric or record that nobody reads but, perhaps, records that nobody reads."""

    metric: Metric
    only_by: tuple[str, ...]


@dataclass(frozen=True)
class UnusedLabel:
    """A label that no query, text or link uses, and our metrics that have it."""

    name: str
    carriers: tuple[str, ...]


@dataclass(frozen=True)
class Unused:
    """``metrics`` are ours alone. ``elsewhere`` are records that nobody reads here, but somebody elsewhere: the catalog
    says who. ``missing`` are names of ours that are read, and where, although nobody makes such series."""

    metrics: Sequence[Unread]
    records: Sequence[Unread]
    elsewhere: Sequence[Metric]
    labels: Sequence[UnusedLabel]
    missing: Sequence[tuple[str, Sequence[Place]]]

    @property
    def breaks(self) -> bool:
        """Whether there is something to tidy up."""
        return bool(self.metrics or self.records or self.labels or self.missing)


def unused(inventory: Inventory) -> Unused:
    """What could go, and what is not there."""
    catalog = inventory.catalog
    read = _read(inventory)
    kept = [metric for metric in catalog.metrics.values() if metric.read_by and metric.name not in read]
    alive = read | inventory.below(frozenset(metric.name for metric in kept))
    dead = [
        Unread(metric, _only_by(metric, inventory))
        for metric in catalog.metrics.values()
        # What stands under a prefix, the site itself names.
        if metric.name not in alive and not metric.foreign and not metric.prefix
    ]
    return Unused(
        metrics=[item for item in dead if item.metric.expr is None],
        records=[item for item in dead if item.metric.expr is not None],
        elsewhere=kept,
        labels=_labels(inventory),
        missing=_missing(inventory),
    )


def _read(inventory: Inventory) -> frozenset[str]:
    """What somebody reads who is no record, with all that the records between stand on."""
    read = (
        inventory.series_of(reader) for reader in inventory.readers if reader.place.kind not in ("record", "absence")
    )
    others = (
        inventory.series_of(reader)
        for rules in inventory.records.values()
        for reader in rules
        if reader.place.file  # what others record they need, although we do not see for what
    )
    return inventory.below(frozenset[str]().union(*read, *others))


def _only_by(metric: Metric, inventory: Inventory) -> tuple[str, ...]:
    names = set(metric.series_names())
    return tuple(
        name for name, rules in inventory.records.items() if any(inventory.series_of(rule) & names for rule in rules)
    )


def _labels(inventory: Inventory) -> list[UnusedLabel]:
    catalog = inventory.catalog
    used = {use.label for use in label_uses(inventory) if use.role not in (*HARMLESS, "tests")}
    found = []
    for name in catalog.labels:
        carriers = carriers_of(name, catalog)
        ours = [carrier for carrier in carriers if not catalog.metrics[carrier].foreign]
        # Other people's metrics have the labels that they have.
        if name not in used and (ours or not carriers) and name not in {*AMBIENT_LABELS, *catalog.logs.all}:
            found.append(UnusedLabel(name, tuple(ours)))
    return found


def _missing(inventory: Inventory) -> list[tuple[str, Sequence[Place]]]:
    found: dict[str, dict[Place, None]] = {}
    for reader in inventory.readers:
        for name in reader.series:
            if inventory.catalog.owns(name) and inventory.catalog.find(name) is None and name not in inventory.records:
                found.setdefault(name, {})[reader.place] = None
    return [(name, list(places)) for name, places in sorted(found.items())]
