"""The alert rules that come with sedna-dash, for a Grafana that evaluates them itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sedna_dash.alerts import default_alerts
from sedna_dash.authoring.promql import Records
from sedna_dash.catalog import default_catalog, load_catalog
from sedna_dash.deploy.alert_rules import Alerts
from sedna_dash.lint.board import Board
from sedna_dash.render.loading import LoadedDashboard
from sedna_dash.rules import grafana_managed
from sedna_dash.rules.checking import must_be_right
from sedna_dash.rules.links import Site
from sedna_dash.rules.ruleset import RuleSet
from sedna_dash.rules.tuning import tuned


def desired_alerts(
    dashboards: Sequence[LoadedDashboard],
    catalogs: tuple[Path, ...] = (),
    records: Records = "inline",
    tune: Path | None = None,
    grafana: str = "",
) -> Alerts:
    """The rules, leading to panels of these dashboards, and how often each group of them is evaluated.

    Raises `RuleError` when a rule is wrong, or leads to a dashboard that is not among these.
    """
    catalog = load_catalog(extra=catalogs) if catalogs else default_catalog()
    boards = [Board(found.model, str(found.module)) for found in dashboards]
    rules = RuleSet(default_alerts(), catalog, boards)
    must_be_right(rules)
    made = grafana_managed.alert_rules(tuned(rules, tune), Site(grafana=grafana, clock=False), records)
    intervals = dict.fromkeys((rule["ruleGroup"] for rule in made), grafana_managed.INTERVAL)
    return Alerts(made, intervals)
