"""Which producers of metrics deliver, and what the absence of a metric means. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

from sedna_dash.catalog import Catalog, Metric
from sedna_dash.catalog.model import closest
from sedna_dash.verify.verdict import Verdict


@dataclass(frozen=True)
class Producers:
    """What a catalog says of the series names that a server has."""

    catalog: Catalog
    present: Collection[str]

    @cached_property
    def on(self) -> frozenset[str]:
        """The sources that deliver something.

        A family that several sources can write proves nothing about each of them, unless one has no family of its own
        and all others that could have written it are off.
        """
        written = [metric for metric in self.catalog.metrics.values() if self.has(metric)]
        own = {
            source for metric in self.catalog.metrics.values() if len(metric.sources) == 1 for source in metric.sources
        }
        sure = {source for metric in written if len(metric.sources) == 1 for source in metric.sources}
        shared = {
            source
            for metric in written
            if sure.isdisjoint(metric.sources)
            for source in metric.sources
            if source not in own
        }
        return frozenset(sure | shared)

    def has(self, metric: Metric) -> bool:
        """Whether the server has any series of the family."""
        if metric.prefix:
            return any(name.startswith(metric.name) for name in self.present)
        return any(name in self.present for name in metric.series_names())

    def of_missing(self, name: str) -> Verdict:
        """What it means that there is no series of this name; what is said with ``absent`` is not yet considered."""
        metric = self.catalog.find(name)
        if metric is None:
            known = [series for item in self.catalog.metrics.values() for series in item.series_names()]
            return Verdict(
                "broken",
                f"unknown metric {name}: there is no such series, and the catalog has no such metric"
                f"{closest(name, known)}",
                "correct the name in the dashboard, or declare the metric in a file for --catalog",
            )
        delivering = [source for source in metric.sources if source in self.on]
        if not delivering:
            titles = " or ".join(self.catalog.sources[source].title for source in metric.sources)
            return Verdict(
                "unknown", f"unknown metric {name}: nothing comes from {titles}", self.cure(metric.sources[0])
            )
        titles = " and ".join(self.catalog.sources[source].title for source in delivering)
        return Verdict(
            "broken",
            f"unknown metric {name}: {titles} delivers, but not this",
            f"look which version it is, what it is told to leave out, and what the scrape job drops; {metric.name} is: "
            f"{metric.help}",
        )

    def cure(self, source: str) -> str:
        """What to switch on."""
        return self.catalog.sources[source].missing.removeprefix("No data: ")

    def populations(self, label: str) -> Iterator[Metric]:
        """The info metrics that list what there is, with this label, as far as they are there."""
        for metric in self.catalog.metrics.values():
            if metric.type == "info" and label in metric.labels and self.has(metric):
                yield metric
