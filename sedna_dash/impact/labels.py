"""What breaks when a label goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sedna_dash.catalog import Catalog, Metric
from sedna_dash.catalog.model import AMBIENT_LABELS, closest
from sedna_dash.errors import SettingsError
from sedna_dash.impact.inventory import KINDS, Inventory
from sedna_dash.impact.label_uses import HARMLESS, LabelUse, label_uses
from sedna_dash.impact.metrics import unknown_series


@dataclass(frozen=True)
class LabelImpact:
    """Who uses a label. ``metric`` is the only one that loses it, or empty; ``carriers`` are the metrics and records
    that have it, ``in_logs`` says whether log lines do."""

    name: str
    metric: str
    help: str
    carriers: tuple[str, ...]
    in_logs: bool
    uses: Sequence[LabelUse]

    @property
    def broken(self) -> list[LabelUse]:
        """The uses that need the label."""
        return [use for use in self.uses if use.role not in HARMLESS]

    @property
    def breaks(self) -> bool:
        """Whether anything is not as before."""
        return bool(self.broken)


def label_impact(name: str, metric: str, inventory: Inventory) -> LabelImpact:
    """Who uses a label, of all series or of those of one ``metric`` and the records that keep it.

    Raises `SettingsError` for a label that nothing has and nothing uses, and for a metric without it.
    """
    catalog = inventory.catalog
    uses = label_uses(inventory)
    carriers = carriers_of(name, catalog)
    in_logs = name in catalog.logs.all
    known = {*catalog.labels, *catalog.logs.all, *AMBIENT_LABELS, *_surely_labels(uses)}
    if name not in known:
        cure = "; give what uses it with --dashboards and --rules, or correct the name"
        raise SettingsError(f"no series has a label '{name}', and nothing uses one{closest(name, known) or cure}")
    found = [use for use in uses if use.label == name]
    if metric:
        chosen = _chosen(name, metric, inventory)
        series = {item for carrier in chosen for item in _series_names(carrier, catalog)}
        carriers, in_logs = chosen, False
        found = [use for use in found if use.series & series]
    found.sort(key=lambda use: KINDS.index(use.place.kind))
    label = catalog.labels.get(name)
    return LabelImpact(name, metric, label.help if label else "", tuple(carriers), in_logs, found)


def carriers_of(label: str, catalog: Catalog) -> list[str]:
    """The metrics and records that are declared to have a label of their own."""
    return [metric.name for metric in catalog.metrics.values() if {label} & {*metric.labels, *metric.fixed}]


def _surely_labels(uses: Sequence[LabelUse]) -> set[str]:
    # A column or a variable in a link may be something else.
    return {use.label for use in uses if use.role not in ("shows", "links")}


def _chosen(label: str, name: str, inventory: Inventory) -> list[str]:
    """The metric, and the records that stand on it and have the label."""
    catalog = inventory.catalog
    metric = catalog.find(name)
    if metric is None and name not in inventory.names:
        raise unknown_series(name, inventory)
    if metric is not None and not _may_have(label, metric):
        labels = ", ".join(sorted(metric.labels)) or "none"
        raise SettingsError(f"{metric.name} has no label '{label}'{closest(label, metric.labels)}; it has: {labels}")
    family = inventory.family(name)
    on_it = [
        record.name
        for record in catalog.records
        if label in record.all_labels and family in inventory.below(frozenset((record.name,))) - {record.name}
    ]
    return [family, *on_it]


def _may_have(label: str, metric: Metric) -> bool:
    known = metric.all_labels | set(metric.fixed) | ({"le"} if metric.type == "histogram" else set())
    return metric.prefix or label in known


def _series_names(name: str, catalog: Catalog) -> tuple[str, ...]:
    metric = catalog.metrics.get(name)
    return metric.series_names() if metric is not None else (name,)
