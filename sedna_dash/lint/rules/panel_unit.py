"""Every panel that shows numbers has one of Grafana's units, and "none" where the number is just a number.

Without a unit a reader guesses between bytes and megabytes, seconds and milliseconds, 0.5 and 50 %. Grafana shows a
unit that it does not know as text behind the number, so that a misspelt one goes unnoticed.

Exceptions: panels without numbers, such as logs, graphs of nodes and states with names; tables whose columns have units
of their own. Custom units (suffix:, prefix:, time:, si:, count:, currency:, bool:) are units.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sedna_dash.catalog.model import closest
from sedna_dash.lint.board import Board, Panel, mapping, mappings
from sedna_dash.lint.rule import Context, Finding, Rule
from sedna_dash.lint.units import UNITS, is_unit

_WITHOUT_NUMBERS = frozenset({"logs", "nodeGraph", "traces", "flamegraph", "geomap", "datagrid"})
_STATES = frozenset({"state-timeline", "status-history"})


def check(board: Board, context: Context) -> Iterator[Finding]:
    for panel in board.panels:
        units = list(_units(panel))
        for unit in units:
            if not is_unit(unit) and "$" not in str(unit):
                cure = closest(str(unit), UNITS) or f"; to show it as text, write 'suffix: {unit}'"
                yield Finding(f"has the unit '{unit}', which Grafana does not know{cure}", panel=panel)
        if not units and _needs_unit(panel, board):
            yield Finding("has no unit; choose one of Grafana's, or 'none' for a plain number", panel=panel)


def _units(panel: Panel) -> Iterator[Any]:
    """Units wherever the panel's type keeps them, those of retired panels included."""
    yield from filter(None, (panel.defaults.get("unit"),))
    for override in panel.overrides:
        for item in mappings(override.get("properties")):
            if item.get("id") == "unit" and item.get("value"):
                yield item["value"]
    if panel.type == "heatmap":
        yield from filter(None, (mapping(panel.options.get("yAxis")).get("unit"),))
        yield from filter(None, (mapping(panel.model.get("yAxis")).get("format"),))
    elif panel.type == "graph":
        yield from (axis["format"] for axis in mappings(panel.model.get("yaxes"))[:1] if axis.get("format"))
    elif panel.type == "singlestat":
        yield from filter(None, (panel.model.get("format"),))


def _needs_unit(panel: Panel, board: Board) -> bool:
    if not panel.shows_data or panel.type in _WITHOUT_NUMBERS:
        return False
    # Of a plugin we know only that it formats numbers when it has a field configuration.
    if not panel.is_core and panel.type not in ("graph", "singlestat") and not panel.model.get("fieldConfig"):
        return False
    if panel.type in _STATES and panel.defaults.get("mappings"):
        return False
    if panel.type == "table" and _hides_values(panel):
        return False
    expressions = [str(target.get("expr") or "") for target in panel.targets]
    return not (expressions and all(_LOG_LINES.match(expr) and _is_logs(panel, board) for expr in expressions))


# A LogQL query that begins with a stream selector gives lines; numbers need a function around it.
_LOG_LINES = re.compile(r"\s*\{")


def _is_logs(panel: Panel, board: Board) -> bool:
    sources = [target.get("datasource") or panel.model.get("datasource") for target in panel.targets]
    return all(board.language_of(source) == "logql" for source in sources)


def _hides_values(panel: Panel) -> bool:
    """Whether the table shows labels alone."""
    for step in mappings(panel.model.get("transformations")):
        options = mapping(step.get("options"))
        hidden = mapping(options.get("excludeByName"))
        kept = mapping(options.get("include")).get("names")
        if step.get("id") == "filterFieldsByName" and isinstance(kept, list):
            return not any(str(name).startswith("Value") for name in kept)
        if step.get("id") == "organize" and any(str(name).startswith("Value") for name, on in hidden.items() if on):
            shown = [target for target in panel.targets if not hidden.get(f"Value #{target.get('refId')}")]
            return bool(hidden.get("Value")) or not shown
    return False


rule = Rule("panel-unit", "error", check, __doc__)
