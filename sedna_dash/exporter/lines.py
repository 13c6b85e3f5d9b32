"""The series of one object, collected as text by family."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from sedna_dash.catalog import Catalog, Metric, default_catalog
from sedna_dash.exposition import cut, escaped, number


class Lines:
    """Collects series of one object. ``identity`` are the labels that say which; each family takes those it has.

    A series that comes twice is kept once, and ``dropped`` counts it by family and reason: Prometheus refuses a whole
    scrape for one duplicate. What is in ``leave_out`` has another writer.
    """

    def __init__(
        self, identity: Mapping[str, str], *, leave_out: frozenset[str] = frozenset(), catalog: Catalog | None = None
    ) -> None:
        self.identity = identity
        self._leave_out = leave_out
        self.dropped: dict[tuple[str, str], int] = {}
        self._catalog = catalog or default_catalog()
        self._prefixes: dict[tuple[str, ...], str] = {}
        self._series: dict[str, dict[str, float]] = {}

    def add(self, family: str, value: float, **labels: str) -> None:
        """One series of the family, with the labels beside the identity. Empty ones are left out."""
        if family in self._leave_out:
            return
        text = self._prefix(family)
        for label, said in labels.items():
            if said:
                text += f'{label}="{escaped(cut(said))}",'
        series = self._series.setdefault(family, {})
        if text in series:
            self.drop(family, "duplicate")
        else:
            series[text] = value

    def state(self, family: str, label: str, current: str, legal: Iterable[str], **labels: str) -> None:
        """A state set: 1 for the current value, 0 for every other legal one."""
        for value in legal:
            self.add(family, float(value == current), **labels, **{label: value})

    def drop(self, family: str, reason: str, count: int = 1) -> None:
        """Count series that are not shown."""
        self.dropped[family, reason] = self.dropped.get((family, reason), 0) + count

    def text(self) -> dict[str, bytes]:
        """The lines by family."""
        return {family: self._lines(family, series) for family, series in self._series.items()}

    @staticmethod
    def _lines(family: str, series: Mapping[str, float]) -> bytes:
        text = "".join([f"{family}{{{labels[:-1]}}} {number(value)}\n" for labels, value in series.items()])
        # A lone surrogate, which JSON can carry, is no UTF-8: Prometheus would refuse the whole scrape.
        return text.encode("utf-8", "replace")

    def _prefix(self, family: str) -> str:
        wanted = _identity_of(self._catalog.metrics[family])
        found = self._prefixes.get(wanted)
        if found is None:
            pairs = [(label, self.identity.get(label, "")) for label in wanted]
            found = "".join([f'{label}="{escaped(cut(value))}",' for label, value in pairs if value])
            self._prefixes[wanted] = found
        return found


@cache
def _identity_of(metric: Metric) -> tuple[str, ...]:
    return tuple(label for label in ("namespace", "kind", "name", "pod") if label in metric.labels)
