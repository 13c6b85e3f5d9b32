"""Every PromQL query parses, in panels of any type, variables and annotations.

Prometheus refuses a query that does not, and the panel shows an error instead of data.

Exceptions: a query in which a variable stands for a function, an operator or a matcher is judged by Grafana alone,
as only Grafana knows its value.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context, Finding, Rule


def check(board: Board, context: Context) -> Iterator[Finding]:
    for query in board.queries:
        fault = query.promql.fault
        if fault:
            shown = " ".join(query.text.split())
            shown = shown if len(shown) <= 70 else shown[:69] + "…"
            yield Finding(f"is no PromQL: {query.written(fault)}, in '{shown}'; correct the query", query=query)


rule = Rule("promql-syntax", "error", check, __doc__)
