"""LogQL as a tree, with the checks that Loki makes before it runs a query.

There is no LogQL parser for Python. This one reads the language of Loki 3; tests/data/logql_corpus.yaml holds what
Loki itself says of some hundred queries. Beyond Loki's parser it makes the checks that Loki makes only when it
builds the pipeline, such as those of line filters' expressions, because a query that fails then fails all the same.
Reference: https://grafana.com/docs/loki/latest/query/
"""

from sedna_dash.lint.logql_syntax.parsing import parse
from sedna_dash.lint.logql_syntax.tree import (
    NOTHING,
    Aggregation,
    Binary,
    Extraction,
    Formatting,
    Grouping,
    LabelFilter,
    LineFilter,
    Lines,
    Matcher,
    OverTime,
    Parsed,
    Selection,
    labels_of,
    may_be_empty,
)

__all__ = [
    "NOTHING",
    "Aggregation",
    "Binary",
    "Extraction",
    "Formatting",
    "Grouping",
    "LabelFilter",
    "LineFilter",
    "Lines",
    "Matcher",
    "OverTime",
    "Parsed",
    "Selection",
    "labels_of",
    "may_be_empty",
    "parse",
]
