"""Where an alert leads: the panel that shows what it is about, with variables and time filled in, and its runbook."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

from sedna_dash.alerts import Alert
from sedna_dash.alerts.model import seconds
from sedna_dash.authoring.links import RUNBOOKS
from sedna_dash.lint.board import Board, Panel

# A label that is not there, such as cluster on a Prometheus that has no external labels, is no narrowing.
_ALL = "%24__all"
_LABEL = "{{{{ with $labels.{0} }}}}{{{{ . | urlquery }}}}{{{{ else }}}}" + _ALL + "{{{{ end }}}}"
#: When the rule was evaluated, less some seconds, in milliseconds, as Grafana has times in addresses.
_MOMENT = '{{{{ with query "1000 * (time() - {0:g})" }}}}{{{{ . | first | value | printf "%.0f" }}}}{{{{ end }}}}'


@dataclass(frozen=True)
class Site:
    """Addresses of a site.

    ``grafana`` is its Grafana. ``runbooks`` holds a page for each alert, and is empty where the dashboard of runbooks
    is to be opened. ``clock`` says whether templates can ask when they are evaluated: those of Prometheus can, those of
    Loki and Grafana cannot.
    """

    grafana: str = ""
    runbooks: str = ""
    clock: bool = True

    def annotations(self, alert: Alert, boards: Sequence[Board], labels: frozenset[str]) -> dict[str, str]:
        """The annotations of an alert that are addresses; ``labels`` are those that it carries."""
        return {
            "dashboard_url": self.panel_url(alert, boards, labels),
            "runbook_url": self.runbook_url(alert, boards),
        }

    def panel_url(self, alert: Alert, boards: Sequence[Board], labels: frozenset[str]) -> str:
        """The address of the panel that shows what the alert is about."""
        board, panel = linked_panel(alert, boards)
        found = {name: "$" + name for name in variables_of(board) if name in labels}
        values = {**found, **alert.panel.variables}
        passed = "".join(f"&var-{name}={_value(value)}" for name, value in values.items())
        return f"{self._address(board, panel)}{passed}&{self._time(seconds(alert.panel.span))}"

    def runbook_url(self, alert: Alert, boards: Sequence[Board]) -> str:
        """The address of what to do about it."""
        if self.runbooks:
            return f"{self.runbooks.rstrip('/')}/{alert.name}"
        # In it, a panel is called like its alert.
        board = next((board for board in boards if board.uid == RUNBOOKS), None)
        panel = next((panel for panel in board.panels if panel.title == alert.name), None) if board else None
        return self._address(board, panel) if board and panel else f"{self.grafana.rstrip('/')}/d/{RUNBOOKS}"

    def _address(self, board: Board, panel: Panel) -> str:
        return f"{self.grafana.rstrip('/')}/d/{board.uid}?viewPanel={panel.id}"

    def _time(self, span: float) -> str:
        if not self.clock:
            return f"from=now-{span:g}s&to=now"
        return f"from={_MOMENT.format(span)}&to={_MOMENT.format(0)}"


def linked_panel(alert: Alert, boards: Sequence[Board]) -> tuple[Board, Panel]:
    """The panel that an alert names. Raises `LookupError`, whose text says what is not there."""
    board = next((board for board in boards if board.uid == alert.panel.board), None)
    if board is None:
        raise LookupError(f"there is no dashboard '{alert.panel.board}'")
    panel = next((panel for panel in board.panels if panel.title == alert.panel.title), None)
    if panel is None:
        raise LookupError(f"dashboard '{board.uid}' has no panel '{alert.panel.title}'")
    return board, panel


def variables_of(board: Board) -> tuple[str, ...]:
    """The variables of a dashboard but its datasources."""
    return tuple(str(item.get("name")) for item in board.variables if item.get("type") != "datasource")


def expanded(url: str, labels: Mapping[str, str], at: float) -> str:
    """The address as Prometheus would fill it in, for tests."""

    def label(found: re.Match[str]) -> str:
        value = labels.get(found[1], "")
        return quote_plus(value) if value else _ALL

    def moment(found: re.Match[str]) -> str:
        return f"{1000 * (at - float(found[1])):.0f}"

    url = re.sub(r"\{\{ with \$labels\.(\w+) \}\}.*?\{\{ end \}\}", label, url)
    return re.sub(r'\{\{ with query "1000 \* \(time\(\) - ([\d.]+)\)" \}\}.*?\{\{ end \}\}', moment, url)


def _value(value: str) -> str:
    """What a variable is set to: ``$label``, or a literal."""
    return _LABEL.format(value[1:]) if value.startswith("$") else quote(value)
