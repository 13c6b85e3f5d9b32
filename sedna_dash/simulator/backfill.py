"""The past of a simulated site: what Prometheus would have stored, had it scraped the site all the time.

The real exporter's state reads the simulated cluster, so its series are those of a live site.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sedna_dash import __version__
from sedna_dash.catalog import Catalog, default_catalog
from sedna_dash.crds import CRDS
from sedna_dash.exporter.options import DEFAULT_LISTEN
from sedna_dash.exporter.state import State
from sedna_dash.exporter.targets import targets
from sedna_dash.exposition import END, Sample, escaped, header, line, number
from sedna_dash.simulator.api_resources import API_RESOURCES
from sedna_dash.simulator.files import EXPORTER_JOB
from sedna_dash.simulator.objects import ExpiredError, ObjectStore
from sedna_dash.simulator.scraping import Site

_READ = (*(crd.plural for crd in CRDS.values()), "pods", "nodes", "services")
#: Seconds at the end of history that may be scraped at other intervals.
_AT_END = 7200.0
#: Series whose text is kept, of one target.
_KEPT = 50_000


Refuses = Callable[[str], bool]


class Feed:
    """Keeps the exporter's state up with a store, as its watches would do, but for what the API server ``refuses``."""

    def __init__(self, store: ObjectStore, state: State, refuses: Refuses = lambda plural: False) -> None:
        self._store, self._state, self._refuses = store, state, refuses
        self._versions: dict[str, int] = {}

    def catch_up(self) -> None:
        """Tell the state all that has changed."""
        for plural in _READ:
            if self._refuses(plural):
                continue
            kind = API_RESOURCES[plural].kind
            try:
                version, events = self._store.events(plural, self._versions[plural])
            except (KeyError, ExpiredError):
                version, objects = self._store.stored(plural)
                for stored in objects:
                    self._state.put(kind, stored.data)
            else:
                for event in events:
                    metadata = event.stored.data["metadata"]
                    if event.type == "DELETED":
                        self._state.delete(kind, metadata.get("namespace", ""), metadata["name"])
                    else:
                        self._state.put(kind, event.stored.data)
            self._versions[plural] = version


def backfill(
    site: Site,
    store: ObjectStore,
    state: State,
    *,
    start: float,
    end: float,
    step: float,
    step_at_end: float | None = None,
    exporter: str = DEFAULT_LISTEN,
    more: Callable[[float], Sequence[Sample]] = lambda now: (),
    refuses: Refuses = lambda plural: False,
) -> Iterator[tuple[float, bytes]]:
    """Let the site live from ``start`` to ``end`` and scrape it every ``step`` seconds, in the last two hours every
    ``step_at_end``.

    Yields the instant of each scrape and its samples as lines of OpenMetrics without a header. ``exporter`` is the
    address of the exporter that will be scraped afterwards, so that its series go on. ``more`` are further series of
    it, such as those of its knowledge base reader. ``refuses`` says which resources it may not read now.
    """
    feed, writer = Feed(store, state, refuses), _Writer(site, exporter)
    now = start
    while now <= end:
        site.advance(now)
        feed.catch_up()
        yield now, b"".join(writer.scrape(state.expose(more=more(now)), now))
        now += step if step_at_end is None or now + step < end - _AT_END else step_at_end


class ExporterHealth:
    """What an exporter says of itself whose API server always answers, except for what it ``refuses``."""

    def __init__(self, refuses: Refuses = lambda plural: False) -> None:
        self._refuses = refuses
        self._heard: dict[str, float] = {}
        self._errors: Counter[str] = Counter()

    def samples(self, now: float) -> list[Sample]:
        """Its series at an instant; instants must not go back."""
        about = {"version": __version__, "pythonversion": platform.python_version()}
        samples = [
            Sample("sedna_exporter_build_info", about, 1.0),
            Sample("sedna_exporter_scrape_duration_seconds", {}, 0.004),
        ]
        for target in targets():
            name, labels = target.resource, {"resource": target.resource}
            refused = self._refuses(target.path.rpartition("/")[2])
            self._errors[name] += refused  # it tries about as often as it is scraped
            if not refused:
                self._heard[name] = now
            samples += [
                Sample("sedna_exporter_stale", labels, float(refused)),
                Sample("sedna_exporter_watch_restarts_total", labels, 0.0),
                Sample("sedna_exporter_watch_errors_total", labels, float(self._errors[name])),
            ]
            if name in self._heard:
                samples.append(Sample("sedna_exporter_last_sync_timestamp_seconds", labels, self._heard[name]))
        return samples


def head(catalog: Catalog | None = None) -> bytes:
    """What stands before such lines: the type of every family that can occur."""
    metrics = (catalog or default_catalog()).metrics.values()
    return b"".join(
        header(metric, metric.name, openmetrics=True) for metric in metrics if metric.expr is None and not metric.prefix
    )


def tail() -> bytes:
    """What stands after them."""
    return END


class _Target:
    """Writes the lines of one target with its labels, and keeps the text of each series: only values change."""

    def __init__(self, labels: Mapping[str, str]) -> None:
        pairs = ",".join(f'{label}="{escaped(value)}"' for label, value in labels.items())
        self._pairs = pairs.encode()
        self._texts: dict[Any, bytes] = {}

    def of_text(self, lines: bytes, now: float) -> bytes:
        """From lines without labels of the target and without a time."""
        texts, end = self._ready(), b" %d\n" % now
        parts: list[bytes] = []
        for text in lines.splitlines():
            if text.startswith(b"#"):
                continue
            series, _, value = text.rpartition(b" ")
            found = texts.get(series)
            if found is None:
                found = texts[series] = self._labelled(series)
            parts += (found, value, end)
        return b"".join(parts)

    def of_samples(self, samples: Iterable[Sample], now: float) -> bytes:
        """From samples."""
        texts, end = self._ready(), b" %d\n" % now
        parts: list[bytes] = []
        for name, labels, value in samples:
            series = (name, *labels.items())
            found = texts.get(series)
            if found is None:
                found = texts[series] = self._labelled(line(name, labels, 0).rpartition(b" ")[0])
            parts += (found, number(value).encode(), end)
        return b"".join(parts)

    def _ready(self) -> dict[Any, bytes]:
        if len(self._texts) > _KEPT:
            self._texts.clear()
        return self._texts

    def _labelled(self, series: bytes) -> bytes:
        name, _, pairs = series.partition(b"{")
        return b"%b{%b%b%b " % (name, self._pairs, b"," if pairs != b"}" else b"", pairs)


class _Writer:
    """Writes one scrape of everything after the other."""

    def __init__(self, site: Site, exporter: str) -> None:
        self._site = site
        # As in the configuration that `files.write_prometheus_config` writes.
        self._exporter = {"job": EXPORTER_JOB, "instance": exporter}
        self._targets: dict[str, _Target] = {}

    def scrape(self, exporter: bytes, now: float) -> Iterator[bytes]:
        """The lines of all targets at an instant, the exporter's among them."""
        yield self._target("exporter", self._exporter).of_text(exporter, now)
        yield self._target("exporter", self._exporter).of_samples(_health(exporter.count(b"{")), now)
        for target, samples in self._site.scrapes(now):
            written = self._target(target.path, target.labels)
            if samples is not None:
                yield written.of_samples(samples, now)
            yield written.of_samples(_health(None if samples is None else len(samples)), now)

    def _target(self, path: str, labels: Mapping[str, str]) -> _Target:
        found = self._targets.get(path)
        if found is None:
            found = self._targets[path] = _Target(labels)
        return found


def _health(samples: int | None) -> list[Sample]:
    """What Prometheus itself writes about each scrape."""
    return [
        Sample("up", {}, float(samples is not None)),
        Sample("scrape_samples_post_metric_relabeling", {}, float(samples or 0)),
    ]
