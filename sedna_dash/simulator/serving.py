"""What the simulator serves: the Kubernetes API, a page of metrics for each target, and where they all are."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from sedna_dash.exposition import TEXT, Sample
from sedna_dash.simulator.kubernetes import KubernetesApi
from sedna_dash.simulator.scraping import Site, as_text
from sedna_dash.simulator.surroundings import Target
from sedna_dash.simulator.web import Answer, Request

_PLAIN = "text/plain; charset=utf-8"
_INDEX = """The simulated site of sedna-dash.

/api, /apis, /version         the Kubernetes API
/sd, /sd/SOURCE               targets, for http_sd_configs of Prometheus
/metrics/SOURCE               metrics of a source, of all its nodes
/metrics/SOURCE/NODE          metrics of a source on one node
/metrics/workers/NAMESPACE/POD   metrics of a worker
/truth                        what is true in the world now, as JSON

Sources: {sources}
"""


class Pages:
    """Answers requests from an API and a site. ``truth`` gives what can be written as JSON."""

    def __init__(
        self, api: KubernetesApi, site: Site, truth: Callable[[], Any], clock: Callable[[], float] = time.time
    ) -> None:
        self._api, self._site, self._truth, self._clock = api, site, truth, clock

    def answer(self, request: Request) -> Answer:
        """The answer to any request."""
        first, _, rest = request.path.strip("/").partition("/")
        if first == "metrics" and rest:
            return self._metrics(rest)
        if first == "sd":
            return self._discovery(rest, request.headers.get("Host", ""))
        if request.path == "/truth":
            return Answer(json.dumps(self._truth()).encode())
        if request.path == "/":
            return Answer(_INDEX.format(sources=", ".join(self._site.sources)).encode(), _PLAIN)
        return self._api.answer(request)

    def _discovery(self, source: str, host: str) -> Answer:
        if source and source not in self._site.sources:
            return _missing(f"no source {source}; there are: {', '.join(self._site.sources)}")
        targets = [target for target in self._site.targets(self._clock()) if source in ("", target.source)]
        return Answer(json.dumps([_discovered(target, host) for target in targets]).encode())

    def _metrics(self, path: str) -> Answer:
        now = self._clock()
        targets = self._site.targets(now)
        for target in targets:
            if target.path == path:
                samples = self._site.scrape(target, now)
                if samples is None:
                    return Answer(b"the node cannot be reached\n", _PLAIN, status=503)
                return Answer(as_text(samples, {}), TEXT)
        together = [target for target in targets if target.source == path]
        if not together:
            return _missing(f"nothing is scraped at {path}; see /sd")
        return Answer(as_text(self._all(together, now), {}), TEXT)

    def _all(self, targets: Sequence[Target], now: float) -> list[Sample]:
        """Several targets on one page: what would come with the target stands in the series."""
        return [
            Sample(name, {"node": target.node, **labels} if "node" in target.labels else labels, value)
            for target in targets
            for name, labels, value in self._site.scrape(target, now) or ()
        ]


def _discovered(target: Target, host: str) -> dict[str, Any]:
    """A target as Prometheus discovers it."""
    about = {"__metrics_path__": f"/metrics/{target.path}", "__meta_sedna_node": target.node}
    return {"targets": [host], "labels": {**target.labels, **about}}


def _missing(message: str) -> Answer:
    return Answer(f"{message}\n".encode(), _PLAIN, status=404)
