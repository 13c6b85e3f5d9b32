"""Why a LogQL query finds nothing: whether there are such streams, and if so, that no line passes its filters.

Streams exist only while something is written, so a stream that was there within a day and is silent now is no fault,
and one that was never there is the log collector's, or of something that this site does not have.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from sedna_dash.catalog import Catalog
from sedna_dash.lint import logql_syntax
from sedna_dash.lint.logql_syntax import Lines, Matcher
from sedna_dash.verify.verdict import Verdict, worst

#: Values of a label on the streams that a selector finds, in the query's own time range or, with True, the last day.
Streams = Callable[[str, str, bool], Sequence[str]]

_SHOWN = 6


def why_no_lines(text: str, catalog: Catalog, streams: Streams, narrowed: Collection[str] = ()) -> Verdict:
    """Why a query without an answer has none. ``narrowed`` are values in it that the user insists on."""
    parsed = logql_syntax.parse(text)
    selections = list(_lines(parsed.tree))
    if not selections:
        return Verdict("broken", "there is no answer, and the query cannot be read here", "look at the query alone")
    return worst(_why(lines, catalog, streams, narrowed) for lines in selections)


def _lines(node: Any) -> Iterator[Lines]:
    if isinstance(node, Lines):
        yield node
    elif isinstance(node, tuple):
        for item in node:
            yield from _lines(item)
    elif is_dataclass(node):
        for item in fields(node):
            yield from _lines(getattr(node, item.name))


def _why(lines: Lines, catalog: Catalog, streams: Streams, narrowed: Collection[str]) -> Verdict:
    matchers = list(lines.matchers)
    if _there(matchers, streams):
        return Verdict("empty", f"no line of {_selector(matchers)} passes the filters in this time")
    if _there(matchers, streams, lately=True):
        return Verdict("empty", f"nothing was logged by {_selector(matchers)} in this time; there was within a day")
    for found in matchers:
        rest = [other for other in matchers if other is not found]
        if rest and any(not logql_syntax.may_be_empty(other) for other in rest) and _there(rest, streams, lately=True):
            if found.value in narrowed:
                return Verdict("empty", f"there is no stream with {_written(found)}, which was chosen")
            return _of_matcher(found, rest, catalog, streams)
    return Verdict(
        "unknown",
        f"no stream of the last day fits {_selector(matchers)}",
        "have the log collector send these logs, with the labels of the catalog",
    )


def _of_matcher(found: Matcher, rest: Sequence[Matcher], catalog: Catalog, streams: Streams) -> Verdict:
    legal = catalog.logs.all.get(found.label, ())
    there = streams(_selector(rest), found.label, True)
    known = f"there is {', '.join(there[:_SHOWN])}" if there else f"the streams have no label {found.label}"
    said = f"no stream of the last day has {_written(found)}; {known}"
    asked = found.value.strip("()").split("|")
    if legal and found.operator in ("=", "=~") and all(value.isidentifier() for value in asked):
        if not set(asked) & set(legal):
            return Verdict(
                "broken", f"{said}; the catalog has {', '.join(legal)}", "correct the value in the dashboard"
            )
        return Verdict("unknown", said, "nothing to do where this site has none; else have the log collector send it")
    return Verdict("broken", said, f"look whether {found.label} is right, and what the log collector sets")


def _there(matchers: Sequence[Matcher], streams: Streams, *, lately: bool = False) -> bool:
    # A stream that fits has the label of each matcher that no missing label fits.
    label = next((found.label for found in matchers if not logql_syntax.may_be_empty(found)), "")
    return bool(label) and bool(streams(_selector(matchers), label, lately))


def _selector(matchers: Sequence[Matcher]) -> str:
    return "{" + ", ".join(map(_written, matchers)) + "}"


def _written(found: Matcher) -> str:
    value = found.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{found.label}{found.operator}"{value}"'
