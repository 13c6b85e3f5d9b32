"""A query over time has a minimum step, and it is no shorter than the scrape interval of the slowest metric in it.

Edge sites are scraped once a minute or less. With a shorter step `$__rate_interval` becomes too short for two samples,
and the line breaks into dots or vanishes.

Exceptions: queries for one instant, steps set by a variable, and metrics that the catalog does not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context, Finding, Rule

_DURATION = re.compile(r"\s*[>]?=?\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def check(board: Board, context: Context) -> Iterator[Finding]:
    analysis, sources = context.labels(board), context.catalog.sources
    for query in board.queries:
        if query.panel is None or not query.over_time:
            continue
        metrics = [analysis.judged(use.selector.name) for use in query.promql.uses]
        # The first source of a metric is the usual one; a derived series is recorded at an interval of its own.
        intervals = [sources[metric.sources[0]].interval for metric in metrics if metric is not None and metric.sources]
        if not intervals:
            continue
        slowest = max(intervals, key=_seconds)
        written = query.target.get("interval") or query.panel.model.get("interval") or ""
        if not isinstance(written, str) or "$" in written:
            continue
        if not written:
            yield Finding(f"has no minimum step; set the query's interval to {slowest}", query=query)
        elif _seconds(written) < _seconds(slowest):
            yield Finding(
                f"has a minimum step of {written}, but its metrics come every {slowest}; set it to {slowest}",
                query=query,
            )


def _seconds(text: str) -> float:
    found = _DURATION.fullmatch(text)
    return float(found[1]) * _SECONDS[found[2]] if found else 0.0


rule = Rule("min-interval", "warning", check, __doc__)
