"""All that rules are made from, loaded together: catalog, alerts, and the dashboards that alerts lead to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from sedna_dash.alerts import Alert, Alerts, default_alerts, load_alerts
from sedna_dash.building import load, source_folder
from sedna_dash.catalog import Catalog, default_catalog, load_catalog
from sedna_dash.lint import logql_syntax, promql_ast
from sedna_dash.lint.board import Board
from sedna_dash.rules.links import Site

if TYPE_CHECKING:
    from sedna_dash.authoring.promql import Records


@dataclass(frozen=True)
class RuleSet:
    """Alerts, the catalog that they ask, and the dashboards that they lead to."""

    alerts: Alerts
    catalog: Catalog
    boards: Sequence[Board]

    @cached_property
    def analysis(self) -> promql_ast.LabelAnalysis:
        """Which labels expressions keep."""
        return promql_ast.LabelAnalysis(self.catalog, ours=True)

    def labels(self, alert: Alert) -> frozenset[str]:
        """The labels that an alert can carry, as far as they are known."""
        if alert.language == "logql":
            parsed = logql_syntax.parse(alert.query)
            known = logql_syntax.labels_of(parsed.tree, self.catalog.logs) if parsed.tree is not None else None
            return frozenset(known or ())
        tree = promql_ast.parse(alert.query).tree
        return (self.analysis.possible(tree) if tree is not None else None) or frozenset()

    def links(self, alert: Alert, site: Site) -> Mapping[str, str]:
        """The annotations of an alert that are addresses. Raises `LookupError` for a panel that is not there."""
        return site.annotations(alert, self.boards, self.labels(alert))


def load_rules(
    source: Path | None = None,
    catalogs: tuple[Path, ...] = (),
    alerts: tuple[Path, ...] = (),
    records: Records = "inline",
) -> RuleSet:
    """Load everything: the dashboards in ``source``, metric files and folders of alerts besides our own. Derived series
    in dashboards are written out, or with ``use`` read as recording rules make them."""
    catalog = load_catalog(extra=catalogs) if catalogs else default_catalog()
    found = load_alerts(extra=alerts) if alerts else default_alerts()
    boards = [Board(item.model, str(item.module)) for item in load(source_folder(source), catalogs, records)]
    return RuleSet(found, catalog, boards)
