"""Every LogQL query passes the checks that Loki makes before it runs it.

Loki refuses a query that does not, also for an illegal regular expression or a sum_over_time without unwrap, and the
panel shows an error instead of data.

Exceptions: a query in which a variable stands for a function, an operator or a matcher is judged by Grafana alone,
as only Grafana knows its value.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context, Finding, Rule


def check(board: Board, context: Context) -> Iterator[Finding]:
    for query in board.queries:
        parsed = query.logql
        if parsed.fault:
            text = query.reading.text
            behind = " ".join(text[parsed.position : parsed.position + 40].split())
            at = f", at '{behind}'" if behind else ", at its end"
            yield Finding(query.written(f"is no LogQL: {parsed.fault}{at}; correct the query"), query=query)


rule = Rule("logql-syntax", "error", check, __doc__)
