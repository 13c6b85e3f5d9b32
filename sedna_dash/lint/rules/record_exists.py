"""What a recording rule computes is read from it, not computed again by a panel.

On a large site such a query reads thousands of series for each panel and viewer, where the rule reads them once. In a
module, write `metric("level:metric:operation")`: the build writes its expression out or uses the record, as it is told.

Exceptions: queries that a build has written out, which say so in the list of what their panel reads; variables and
annotations, which have no such list; other windows than the record's; matchers on labels that the record does not keep.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from sedna_dash.catalog import Catalog, Metric
from sedna_dash.lint import promql_ast
from sedna_dash.lint.board import Board, Panel
from sedna_dash.lint.promql_ast import Aggregation, Node, Selector
from sedna_dash.lint.rule import Context, Finding, Rule

#: Aggregations of which a coarser one can be made of a finer one.
_REFINED = frozenset({"sum", "max", "min"})
#: By the type of a record's outermost node: the record, that node, and what the node says itself.
_Patterns = Mapping[type[Node], list[tuple[Metric, Node, tuple[object, ...]]]]


def check(board: Board, context: Context) -> Iterator[Finding]:
    for query in board.queries if board.is_ours else ():
        if query.panel is None:
            continue
        known = _written_out(query.panel, context.catalog)
        for node, _ in query.promql.nodes:
            record = _record_of(node, context)
            if record is not None and record.name not in known:
                part = query.written(promql_ast.excerpt(node))
                yield Finding(f"computes {part}, which the record {record.name} holds; read that", query=query)


def _written_out(panel: Panel, catalog: Catalog) -> frozenset[str]:
    """The records that the panel says it reads, and those below them."""
    text = str(panel.model.get("description") or "")
    found: set[str] = set()
    waiting = [line[3:].split("`")[0] for line in text.splitlines() if line.startswith("- `")]
    while waiting:
        record = catalog.find(waiting.pop())
        if record is not None and record.expr is not None and record.name not in found:
            found.add(record.name)
            waiting += [use.selector.name for use in promql_ast.parse(record.expr).uses]
    return frozenset(found)


def _record_of(node: Node, context: Context) -> Metric | None:
    if isinstance(node, Selector):
        return None
    own = _own(node)
    for record, tree, its_own in _patterns(context).get(type(node), ()):
        if (own == its_own and _same_below(node, tree, record)) or _coarser(node, tree, record):
            return record
    return None


def _patterns(context: Context) -> _Patterns:
    """The records by what their expressions begin with, parsed once for all queries."""
    key = "records"
    if key not in context.shared:
        found = defaultdict(list)
        for record, tree in _parsed(context.catalog):
            found[type(tree)].append((record, tree, _own(tree)))
        context.shared[key] = found
    patterns: _Patterns = context.shared[key]
    return patterns


def _parsed(catalog: Catalog) -> Iterator[tuple[Metric, Node]]:
    for record in catalog.records:
        tree = promql_ast.parse(record.expr or "").tree
        if tree is not None and not isinstance(tree, Selector) and not promql_ast.is_scalar(tree):
            yield record, tree


def _coarser(node: Node, tree: Node, record: Metric) -> bool:
    """Whether the node groups by fewer labels what the record groups by more."""
    return (
        isinstance(node, Aggregation)
        and isinstance(tree, Aggregation)
        and node.operator == tree.operator
        and node.operator in _REFINED
        and not node.without
        and not tree.without
        and set(node.labels) <= set(tree.labels)
        and _same(node.inner, tree.inner, record)
    )


def _same(node: Node, tree: Node, record: Metric) -> bool:
    """Whether a query's node is the record's, but for matchers that could stand on the record."""
    if type(node) is not type(tree):
        return False
    if isinstance(node, Selector) and isinstance(tree, Selector):
        more = set(node.matchers) - set(tree.matchers)
        narrowed = all(matcher.label in record.all_labels for matcher in more)
        return node.name == tree.name and node.window == tree.window and set(tree.matchers) <= set(node.matchers) \
            and narrowed  # fmt: skip
    return _own(node) == _own(tree) and _same_below(node, tree, record)


def _same_below(node: Node, tree: Node, record: Metric) -> bool:
    inner, pattern = promql_ast.children(node), promql_ast.children(tree)
    return len(inner) == len(pattern) and all(_same(*pair, record) for pair in zip(inner, pattern, strict=True))


def _own(node: Node) -> tuple[object, ...]:
    """All that a node says besides the nodes below it."""
    below = promql_ast.children(node)
    values = (getattr(node, name) for name in node.__slots__)
    return tuple(value for value in values if value is not below and not any(value is child for child in below))


rule = Rule("record-exists", "warning", check, __doc__)
