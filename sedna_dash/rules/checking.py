"""Whether rules make sense: names and labels, what survives aggregation, panels, runbooks, what silences what.

An expression is judged by the lint rules for queries, as if it stood in a panel.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sedna_dash.alerts import Alert, Inhibition
from sedna_dash.alerts.loading import GROUPS
from sedna_dash.catalog import Metric
from sedna_dash.catalog.loading import DATA
from sedna_dash.catalog.model import AMBIENT_LABELS, closest
from sedna_dash.errors import RuleError
from sedna_dash.lint import logql_syntax, promql_ast
from sedna_dash.lint.board import Board
from sedna_dash.lint.problem import Problem
from sedna_dash.lint.rule import Context, Rule
from sedna_dash.lint.rules import RULES
from sedna_dash.rules.links import linked_panel, variables_of
from sedna_dash.rules.reading import below
from sedna_dash.rules.ruleset import RuleSet

#: The lint rules that are about a query alone.
_ABOUT_QUERIES = frozenset(
    {"promql-syntax", "logql-syntax", "metric-in-catalog", "label-in-catalog", "enum-value", "counter-rated",
     "gauge-not-rated", "histogram-quantile-le", "impossible-selector", "division-by-zero", "vector-match-labels",
     "regex-needless", "logql-needs-matcher", "no-secret-in-query"}
)  # fmt: skip
_QUERY_RULES: tuple[Rule, ...] = tuple(rule for rule in RULES if rule.name in _ABOUT_QUERIES)

_LABEL_IN_TEXT = re.compile(r"\$labels\.(\w+)")
#: How a value may be shown: as it is, it has fifteen digits.
_BARE_VALUE = re.compile(r"\{\{\s*\$value\s*\}\}")
_FUNCTIONS = re.compile(r"\|\s*(\w+)|\{\{\s*(\w+)")
_KNOWN_FUNCTIONS = frozenset(
    {"humanize", "humanize1024", "humanizeDuration", "humanizePercentage", "humanizeTimestamp", "title", "printf",
     "with", "if", "else", "end", "or", "and", "not", "eq", "ne"}
)  # fmt: skip


def check(rules: RuleSet) -> list[Problem]:
    """Everything that is wrong with the rules, in the order of their files."""
    found = [*_in_records(rules)]
    for alert in rules.alerts.alerts.values():
        found += _in_alert(alert, rules)
    for index, inhibition in enumerate(rules.alerts.inhibitions):
        found += _in_inhibition(inhibition, index, rules)
    return sorted(dict.fromkeys(found))


def must_be_right(rules: RuleSet) -> None:
    """Raise `RuleError` with the first thing that is wrong, and how many more there are."""
    found = [problem for problem in check(rules) if problem.severity == "error"]
    if found:
        first, more = found[0], len(found) - 1
        others = f" ({more} more: sedna-dash rules check)" if more else ""
        raise RuleError(f"{first.file}:{first.line}: {first.message}{others}")


# --- records -----------------------------------------------------------------------------------------------------


def _in_records(rules: RuleSet) -> Iterator[Problem]:
    for record in rules.catalog.records:
        for message in _of_record(record, rules):
            yield _record_problem(record, message)


def _of_record(record: Metric, rules: RuleSet) -> Iterator[str]:
    expr = record.expr or ""
    yield from _of_query(expr, "promql", record.name, rules)
    tree = promql_ast.parse(expr).tree
    possible = rules.analysis.possible(tree) if tree is not None else None
    if possible is None:
        return
    declared = frozenset(record.labels)
    for label in sorted(declared - possible):
        yield f"declares the label '{label}', which its expression does not keep; take it out, or keep it"
    for label in sorted(possible - declared - AMBIENT_LABELS):
        yield f"its expression keeps the label '{label}', which it does not declare; add it, or aggregate it away"


def _record_problem(record: Metric, message: str) -> Problem:
    path = DATA / "records.yaml"
    return Problem(
        str(path), record.group, record.name, "", "record", "error", message, _record_line(path, record.name)
    )


def _record_line(path: Path, name: str) -> int:
    """The line on which a record begins; that of its pattern for one of several windows."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        found = re.match(r"\s*- name: (\S+)", line)
        if found and re.fullmatch(re.escape(found[1]).replace("<window>", r"\w+"), name):
            return number
    return 0


# --- alerts ------------------------------------------------------------------------------------------------------


def _in_alert(alert: Alert, rules: RuleSet) -> Iterator[Problem]:
    for message in _of_query(alert.query, alert.language, alert.name, rules):
        yield _problem(alert, message, "expr")
    if not parses(alert):
        return
    labels = rules.labels(alert)
    for key, text in (("summary", alert.summary), ("description", alert.description)):
        for message in _of_text(text, labels):
            yield _problem(alert, message, key)
    if alert.summary.endswith("."):
        yield _problem(alert, "a summary is a headline; leave out the final dot", "summary")
    yield from _in_link(alert, labels, rules)
    yield from _in_runbook(alert, rules)
    for index, case in enumerate(alert.cases):
        for number, firing in enumerate(case.fires):
            for label in sorted(firing.labels.keys() - labels - AMBIENT_LABELS):
                message = f"the test expects the label '{label}', which the expression does not keep; correct one"
                yield _problem(alert, message, "tests", index, "fires", number)


def _of_text(text: str, labels: frozenset[str]) -> Iterator[str]:
    for label in dict.fromkeys(_LABEL_IN_TEXT.findall(text)):
        if label not in labels:
            known = ", ".join(sorted(labels - AMBIENT_LABELS)) or "none"
            hint = closest(label, labels)
            yield f"shows the label '{label}', which the expression does not keep{hint}; it keeps: {known}"
    if _BARE_VALUE.search(text):
        yield "shows the value with all its digits; write {{ $value | humanize }}, humanizeDuration or the like"
    for piped, called in _FUNCTIONS.findall(text):
        function = piped or called
        if function and function not in _KNOWN_FUNCTIONS:
            yield f"uses the function '{function}', which not all that evaluate rules have; use humanize or the like"


def _in_link(alert: Alert, labels: frozenset[str], rules: RuleSet) -> Iterator[Problem]:
    try:
        board, panel = linked_panel(alert, rules.boards)
    except LookupError as error:
        cure = "name a panel that shows what the alert is about, or a folder that has it with --source"
        yield _problem(alert, f"{error}; {cure}", "panel")
        return
    known = variables_of(board)
    for name, value in alert.panel.variables.items():
        if name not in known:
            message = f"dashboard '{board.uid}' has no variable '{name}'{closest(name, known)}"
            yield _problem(alert, message, "panel", "variables", name)
        if value.startswith("$") and value[1:] not in labels:
            message = f"the alert has no label '{value[1:]}'{closest(value[1:], labels)}"
            yield _problem(alert, message, "panel", "variables", name)
    if alert.language == "promql" and panel.shows_data:
        read = raw_metrics(alert, rules)
        uses = [use for query in board.queries_of(panel) for use in query.promql.uses]
        if read and not read & {name for use in uses for name in below(use.selector.name, rules.catalog)}:
            names = ", ".join(sorted(read))
            message = f"panel '{panel.title}' of '{board.uid}' reads none of {names}; link one that shows the alert"
            yield _problem(alert, message, "panel", "title")


def parses(alert: Alert) -> bool:
    """Whether the expression can be read at all."""
    parse = promql_ast.parse if alert.language == "promql" else logql_syntax.parse
    return parse(alert.query).tree is not None


def raw_metrics(alert: Alert, rules: RuleSet) -> frozenset[str]:
    """The metrics that an alert reads, those below its records included, but the records themselves not."""
    if alert.language != "promql":
        return frozenset()
    uses = promql_ast.parse(alert.query).uses
    return frozenset(name for use in uses for name in below(use.selector.name, rules.catalog))


def _in_runbook(alert: Alert, rules: RuleSet) -> Iterator[Problem]:
    for index, step in enumerate(alert.runbook.checks):
        for text, language, key in ((step.query, "promql", "query"), (step.lines, "logql", "lines")):
            for message in _of_query(text, language, f"{alert.name} check {index + 1}", rules) if text else ():
                yield _problem(alert, message, "runbook", "checks", index, key)


def _in_inhibition(inhibition: Inhibition, index: int, rules: RuleSet) -> Iterator[Problem]:
    for name in (*inhibition.sources, *inhibition.targets):
        alert = rules.alerts.alerts[name]
        for label in inhibition.equal:
            if label not in rules.labels(alert):
                message = (
                    f"{name} does not carry the label '{label}', so that it would silence all or be silenced by all; "
                    "keep the label in its expression, or take it out of 'equal'"
                )
                yield Problem(_groups_file(rules), "inhibitions", name, "", "inhibition", "error", message, index + 1)


def _groups_file(rules: RuleSet) -> str:
    alert = next(iter(rules.alerts.alerts.values()))
    return str(alert.file.path.parent.parent / GROUPS) if alert.file else GROUPS


def _problem(alert: Alert, message: str, *where: str | int) -> Problem:
    line = alert.file.line(*where) if alert.file else 0
    path = str(alert.file.path) if alert.file else alert.name
    return Problem(path, alert.group, alert.name, "", "alert", "error", message, line)


# --- queries -----------------------------------------------------------------------------------------------------


def _of_query(text: str, language: str, name: str, rules: RuleSet) -> Iterator[str]:
    """What the lint rules for queries say."""
    board = _as_board(text, language, name)
    context = Context(rules.catalog, [board], {"labels, ours: True": rules.analysis})
    for rule in _QUERY_RULES:
        for problem in rule.problems(board, context):
            yield problem.message


def _as_board(text: str, language: str, name: str) -> Board:
    source = {"type": "prometheus" if language == "promql" else "loki", "uid": "${datasource}"}
    panel: dict[str, Any] = {
        "id": 1,
        "type": "table",
        "title": name,
        "datasource": source,
        "targets": [{"refId": "A", "expr": text, "datasource": source, "instant": True}],
    }
    return Board({"uid": "rules", "title": "Rules", "tags": ["sedna"], "panels": [panel]}, "rules")
