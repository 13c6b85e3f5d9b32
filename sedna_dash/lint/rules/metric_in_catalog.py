"""Every metric of a Sedna dashboard is declared in the catalog.

A misspelt or renamed metric is no error for Prometheus: the panel is merely empty, and stays so unnoticed.

Exceptions: in dashboards without the tag `sedna`, metrics whose names do not begin like Sedna's are nobody's mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sedna_dash.catalog import Catalog
from sedna_dash.catalog.model import closest
from sedna_dash.lint import promql_ast, stand_ins
from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context, Finding, Rule

# The literal beginning of a pattern, and whether it is followed by anything but "anything".
_BEGINNING = re.compile(r"\^?([A-Za-z0-9_:]*)(?=\.[*+]|$|[^A-Za-z0-9_:*+?{])")


def check(board: Board, context: Context) -> Iterator[Finding]:
    catalog = context.catalog
    for query in board.queries:
        told = set()
        for use in query.promql.uses:
            names = promql_ast.names(use.selector)
            if names is None:
                names = tuple(_unknown_beginnings(use.selector, catalog))
                unknown = names
            else:
                unknown = tuple(name for name in names if catalog.find(name) is None)
            for name in unknown:
                certain = board.is_ours or catalog.owns(name)
                if not certain or stand_ins.has_variable(name) or not name or name in told:
                    continue
                told.add(name)
                hint = closest(name, catalog.metrics) or "; correct the name, or declare the metric in the catalog"
                yield Finding(f"the catalog has no metric '{name}'{hint}", query=query)


def _unknown_beginnings(selector: promql_ast.Selector, catalog: Catalog) -> Iterator[str]:
    """Beginnings of name patterns such as ``sedna_x_.+`` that no metric of the catalog has."""
    for matcher in selector.matchers:
        beginning = _BEGINNING.match(matcher.value)
        if matcher.label == "__name__" and matcher.operator == "=~" and beginning and beginning[1]:
            text = beginning[1]
            known = any(name.startswith(text) for name in catalog.metrics) or catalog.find(text) is not None
            if not known and catalog.owns(text):
                yield text


rule = Rule("metric-in-catalog", "error", check, __doc__)
