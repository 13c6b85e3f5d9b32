"""What an expression reads: records, and the metrics below them."""

from __future__ import annotations

from sedna_dash.catalog import Catalog, Metric
from sedna_dash.lint import promql_ast


def needed(expr: str, catalog: Catalog) -> list[Metric]:
    """The records that an expression reads, directly and through others, each behind those that it reads itself."""
    found: set[str] = set()

    def visit(text: str) -> None:
        for use in promql_ast.parse(text).uses:
            record = catalog.metrics.get(use.selector.name)
            if record is not None and record.expr is not None and record.name not in found:
                found.add(record.name)
                visit(record.expr)

    visit(expr)
    return [record for record in catalog.records if record.name in found]


def below(name: str, catalog: Catalog) -> set[str]:
    """The metrics below a series name: of a record those that it reads in the end, else the family itself."""
    metric = catalog.find(name)
    if metric is None or metric.expr is None:
        return {metric.name if metric else name}
    return {found for use in promql_ast.parse(metric.expr).uses for found in below(use.selector.name, catalog)}
