"""Every use of every label: in queries, in what panels show, in links, in the texts of alerts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sedna_dash.alerts import Alert
from sedna_dash.impact.inventory import Inventory, Place, Reader, alert_place, board_place, names_of, place_of
from sedna_dash.lint import logql_syntax, promql_ast, references
from sedna_dash.lint.board import Board, Panel, Query, mapping, mappings
from sedna_dash.lint.logql_syntax import tree as logql
from sedna_dash.rules.links import linked_panel, variables_of

#: ``matches`` by its value, ``groups`` or ``joins`` by it, ``reads`` it in a function, ``lists`` its values in a
#: variable, ``shows`` it, ``links`` with it, ``silences`` where it is equal, ``tests`` for it. ``makes`` says that the
#: query itself sets it, ``drops`` that it is to be left out: these two need it from nobody.
Role = Literal[
    "matches", "groups", "joins", "reads", "lists", "shows", "links", "silences", "tests", "makes", "drops"
]  # fmt: skip

HARMLESS: frozenset[Role] = frozenset({"makes", "drops"})

_LEGEND = re.compile(r"\{\{\s*\.?(\w+)\s*\}\}")
#: ${__field.labels.name}, ${__field.labels["name"]}, ${__data.fields.name}, ${__data.fields[name]:percentencode}
_FIELD = re.compile(r"""\$\{__(?:field\.labels|data\.fields)(?:\.|\[["']?)([^}\]"':.]+)""")
_PASSED = re.compile(r"\bvar-(\w+)=")
_TEMPLATE = re.compile(r"""\$labels\.(\w+)|\.Labels\.(\w+)|index\s+(?:\$labels|\.Labels)\s+["`](\w+)["`]""")
_SERIES_LABEL = re.compile(r"[{,]\s*(\w+)\s*=")
_SERIES_NAME = re.compile(r"^\s*([a-zA-Z_:][\w:]*)")


@dataclass(frozen=True)
class LabelUse:
    """One use of a label. ``series`` are those that the query, or the part of it, reads."""

    label: str
    role: Role
    place: Place
    detail: str
    ref: str = ""
    series: frozenset[str] = field(default=frozenset(), compare=False)


def label_uses(inventory: Inventory) -> list[LabelUse]:
    """Every use of every label, each once. What only looks like a label, as the column ``Value``, is among them."""
    found: list[LabelUse] = []
    for reader in inventory.readers:
        found += _of_reader(reader)
    for board in inventory.boards:
        found += _of_board(board)
    for alert in inventory.rules.alerts.alerts.values():
        found += _of_alert(alert, inventory)
    for inhibition in inventory.rules.alerts.inhibitions:
        place = Place("inhibition", ", ".join(inhibition.sources), ", ".join(inhibition.targets))
        names = (*inhibition.sources, *inhibition.targets)
        series = frozenset[str]().union(*(_series_of(inventory.rules.alerts.alerts[name]) for name in names))
        found += [LabelUse(label, "silences", place, inhibition.why, "", series) for label in inhibition.equal]
    for rule in inventory.others_rules:
        series = _series(Query(rule.expr, rule.language, rule.name))
        for key, text in rule.texts.items():
            found += [LabelUse(label, "shows", place_of(rule), key, "", series) for label in _in_template(text)]
    return _each_once(found)


def _each_once(uses: Iterable[LabelUse]) -> list[LabelUse]:
    found: dict[LabelUse, frozenset[str]] = {}
    for use in uses:
        found[use] = found.get(use, frozenset()) | use.series
    return [replace(use, series=series) for use, series in found.items()]


# --- queries -----------------------------------------------------------------------------------------------------


def _of_reader(reader: Reader) -> Iterator[LabelUse]:
    query = reader.query
    uses = _in_promql(query) if query.language == "promql" else _in_logql(query)
    for label, role, detail, series in uses:
        yield LabelUse(label, role, reader.place, query.written(detail), query.ref, series)
    if query.label:
        yield LabelUse(query.label, "lists", reader.place, query.label, query.ref, _series(query))
    for label in _LEGEND.findall(query.legend):
        yield LabelUse(label, "shows", reader.place, f"legend {query.legend}", query.ref, _series(query))


_Found = tuple[str, Role, str, frozenset[str]]


def _in_promql(query: Query) -> Iterator[_Found]:
    for node, _ in query.promql.nodes:
        series = _series_below(node)
        for label, role, detail in _of_node(node):
            yield label, role, detail, series


def _of_node(node: promql_ast.Node) -> Iterator[tuple[str, Role, str]]:
    if isinstance(node, promql_ast.Selector):
        for matcher in node.matchers:
            yield matcher.label, "matches", f"{node.name}{{{matcher}}}"
    elif isinstance(node, promql_ast.Aggregation):
        word: Role = "drops" if node.without else "groups"
        text = f"{'without' if node.without else 'by'} ({', '.join(node.labels)})"
        yield from ((label, word, text) for label in node.labels)
        if node.operator == "count_values" and isinstance(node.parameter, promql_ast.Text):
            yield node.parameter.value, "makes", "count_values"
    elif isinstance(node, promql_ast.Binary):
        text = promql_ast.matching_of(node).strip()
        yield from ((label, "drops" if node.ignoring else "joins", text) for label in node.matching or ())
        yield from ((label, "joins", text) for label in node.include)
    elif isinstance(node, promql_ast.Call):
        texts = [argument.value for argument in node.arguments if isinstance(argument, promql_ast.Text)]
        if node.function == "label_replace" and len(texts) == 4:
            yield from _made(node.function, texts[0], [texts[2]])
        elif node.function == "label_join" and len(texts) > 1:
            yield from _made(node.function, texts[0], texts[2:])
        elif node.function.startswith("sort_by_label"):
            yield from ((label, "reads", node.function) for label in texts)


def _made(function: str, target: str, sources: Iterable[str]) -> Iterator[tuple[str, Role, str]]:
    yield target, "makes", function
    yield from ((source, "reads", function) for source in sources)


def _series_below(node: promql_ast.Node) -> frozenset[str]:
    if isinstance(node, promql_ast.Selector):
        return frozenset(names_of(node))
    return frozenset[str]().union(*(_series_below(child) for child in promql_ast.children(node)))


def _series(query: Query) -> frozenset[str]:
    return frozenset(name for use in query.promql.uses for name in names_of(use.selector))


def _series_of(alert: Alert) -> frozenset[str]:
    return _series(Query(alert.query, alert.language, alert.name))


def _in_logql(query: Query) -> Iterator[_Found]:
    for node in query.logql.nodes:
        for label, role, detail in _of_log_node(node):
            yield label, role, detail, frozenset()
    for found in query.logql.ranges:
        if found.unwrap is not None:
            yield found.unwrap.label, "reads", "unwrap", frozenset()
            for condition in (item for each in found.unwrap.filters for item in each.conditions):
                yield condition.label, "matches", _condition(condition), frozenset()


def _of_log_node(node: logql.Expression) -> Iterator[tuple[str, Role, str]]:
    if isinstance(node, logql_syntax.Lines):
        yield from ((item.label, "matches", _condition(item)) for item in node.matchers)
        for stage in node.stages:
            yield from _of_stage(stage)
    elif isinstance(node, (logql_syntax.Aggregation, logql_syntax.OverTime)):
        if node.grouping is not None:
            without, labels = node.grouping.without, node.grouping.labels
            text = f"{'without' if without else 'by'} ({', '.join(labels)})"
            yield from ((label, "drops" if without else "groups", text) for label in labels)
    elif isinstance(node, logql_syntax.Binary):
        text = f"{'ignoring' if node.ignoring else 'on'} ({', '.join(node.matching or ())})"
        yield from ((label, "drops" if node.ignoring else "joins", text) for label in node.matching or ())
        yield from ((label, "joins", f"group_{node.group} ({label})") for label in node.include)
    elif isinstance(node, logql.LabelReplace):
        yield from _made("label_replace", node.target, [node.source])


def _of_stage(stage: logql.Stage) -> Iterator[tuple[str, Role, str]]:
    if isinstance(stage, logql_syntax.LabelFilter):
        yield from ((item.label, "matches", f"| {_condition(item)}") for item in stage.conditions)
    elif isinstance(stage, logql_syntax.Extraction):
        yield from ((label, "makes", stage.parser) for label in stage.labels or ())
    elif isinstance(stage, logql_syntax.Formatting):
        yield from ((label, "makes", stage.stage) for label in stage.labels)
        yield from ((label, "reads", stage.stage) for label in stage.sources)
        for template in stage.templates:
            yield from ((label, "shows", stage.stage) for label in re.findall(r"\{\{[^}]*?\.(\w+)", template))
    elif isinstance(stage, logql_syntax.Selection):
        role: Role = "drops" if stage.stage == "drop" else "reads"
        labels = dict.fromkeys((*stage.labels, *(item.label for item in stage.matchers)))
        yield from ((label, role, stage.stage) for label in labels)


def _condition(item: Any) -> str:
    quoted = getattr(item, "kind", "text") == "text"
    return f'{item.label}{item.operator}"{item.value}"' if quoted else f"{item.label} {item.operator} {item.value}"


# --- dashboards --------------------------------------------------------------------------------------------------


def _of_board(board: Board) -> Iterator[LabelUse]:
    variables = frozenset(variables_of(board))
    for panel in board.panels:
        place = board_place(board, "panel", panel.name, panel.id)
        series = frozenset[str]().union(*(_series(query) for query in board.queries_of(panel)))
        for label, where in _shown(panel):
            yield LabelUse(label, "shows", place, where, "", series)
    for link in references.links(board):
        place = board_place(board, "dashboard", "links")
        series = frozenset()
        renamed: Mapping[str, str] = {}
        if link.panel is not None:
            place = board_place(board, "panel", link.panel.name, link.panel.id)
            series = frozenset[str]().union(*(_series(query) for query in board.queries_of(link.panel)))
            renamed = _renamed(link.panel)
        read = [renamed.get(label, label) for label in _FIELD.findall(link.url)]
        passed = [*_PASSED.findall(link.url), *(name for name in references.references(link.url) if name in variables)]
        for label in dict.fromkeys((*read, *passed)):
            # What a variable passes on is no matter of one metric.
            yield LabelUse(label, "links", place, link.title, "", series if label in read else frozenset())
    for variable in board.variables:
        # Board has no query for it, as no series are named.
        text = variable.get("query")
        text = text.get("query") if isinstance(text, Mapping) else text
        found = re.fullmatch(r"\s*label_values\(\s*(\w+)\s*\)\s*", text) if isinstance(text, str) else None
        if found:
            yield LabelUse(found[1], "lists", board_place(board, "variable", f"${variable.get('name')}"), found[1])


def _shown(panel: Panel) -> Iterator[tuple[str, str]]:
    """Names of columns, and labels in texts, each with the word for it: column or text."""
    renamed = _renamed(panel)
    for item in mappings(panel.model.get("transformations")):
        options = {key: value for key, value in mapping(item.get("options")).items() if key != "excludeByName"}
        yield from ((text, "column") for text in _keys_and_texts(options))
    for override in panel.overrides:
        name = mapping(override.get("matcher")).get("options")
        if isinstance(name, str):
            yield renamed.get(name, name), "column"
    texts = [panel.title, str(panel.model.get("description") or "")]
    texts += references.strings({key: value for key, value in panel.defaults.items() if key != "links"})
    for override in panel.overrides:
        for item in mappings(override.get("properties")):
            if item.get("id") != "links":
                texts += references.strings(item.get("value"))
    for text in texts:
        yield from ((renamed.get(label, label), "text") for label in _FIELD.findall(text))


def _renamed(panel: Panel) -> dict[str, str]:
    """What columns are called, and what they were before."""
    found: dict[str, str] = {}
    for item in mappings(panel.model.get("transformations")):
        for before, after in mapping(mapping(item.get("options")).get("renameByName")).items():
            if isinstance(after, str) and after:
                found[after] = found.get(before, before)
    return found


def _keys_and_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            # What a column is renamed to is no label.
            yield from _keys_and_texts(item) if key != "renameByName" else map(str, mapping(item))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _keys_and_texts(item)


# --- alerts ------------------------------------------------------------------------------------------------------


def _of_alert(alert: Alert, inventory: Inventory) -> Iterator[LabelUse]:
    place, series = alert_place(alert), _series_of(alert)
    for key, text in (("summary", alert.summary), ("description", alert.description)):
        yield from (LabelUse(label, "shows", place, key, "", series) for label in _in_template(text))
    passed = {value[1:] for value in alert.panel.variables.values() if value.startswith("$")}
    try:
        board, _ = linked_panel(alert, inventory.rules.boards)
        passed |= set(variables_of(board)) & inventory.rules.labels(alert)
    except LookupError:
        pass  # sedna-dash rules check says so
    for label in sorted(passed):
        yield LabelUse(label, "links", place, f"{alert.panel.board}: {alert.panel.title}", "", series)
    for case in alert.cases:
        for text in case.series:
            name = _SERIES_NAME.match(text)
            own = frozenset({name[1]} if name else ())
            yield from (LabelUse(label, "tests", place, case.name, "", own) for label in _SERIES_LABEL.findall(text))
        for firing in case.fires:
            yield from (LabelUse(label, "tests", place, case.name, "", series) for label in firing.labels)


def _in_template(text: str) -> Iterator[str]:
    for found in _TEMPLATE.findall(text):
        yield next(label for label in found if label)
