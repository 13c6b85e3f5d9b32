"""Plan, deploy, return: from beginning to end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sedna_dash.deploy.alert_rules import Alerts, checked_alerts
from sedna_dash.deploy.apply import Resolve, apply, planned
from sedna_dash.deploy.changes import Plan, Policy
from sedna_dash.deploy.folders import checked_path
from sedna_dash.deploy.grafana import Grafana, Health
from sedna_dash.deploy.history import as_it_was, chosen, read_history
from sedna_dash.deploy.journal import Journal, NoJournal
from sedna_dash.deploy.judging import Live
from sedna_dash.deploy.marks import tagged
from sedna_dash.deploy.plan import Desired, make_plan
from sedna_dash.deploy.planfile import moved_since, without_done
from sedna_dash.deploy.reading import Tick, check_supported, read_dashboard, read_live, server_of, silent, workers
from sedna_dash.deploy.record import is_bundle_name
from sedna_dash.deploy.report import Report
from sedna_dash.deploy.sources import (
    Choice,
    choose_source,
    may_be_ours,
    needed_plugins,
    wanted_datasources,
    with_rule_sources,
    with_sources,
    with_variables,
)
from sedna_dash.errors import ConflictError, SettingsError
from sedna_dash.render.profiles import profile_for, shaped


@dataclass(frozen=True)
class Request:
    """What is to be in Grafana. ``sources`` says for each plugin which datasource to use."""

    dashboards: Sequence[Mapping[str, Any]]
    sources: Mapping[str, Choice]
    path: Sequence[str] = ("Sedna",)
    bundle: str = "sedna"
    #: Somebody named the bundle, so that it is not taken by mistake.
    bundle_named: bool = True
    variables: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    #: The alert rules that Grafana is to evaluate; None leaves those that are there as they are.
    alerts: Alerts | None = None


def plan_deploy(grafana: Grafana, request: Request, policy: Policy, tick: Tick = silent) -> tuple[Plan, Live]:
    """What a deployment would do, and what that was worked out from. Nothing is written.

    Raises `SettingsError`, `AuthoringError` for an alert rule that Grafana could not evaluate, and `GrafanaError`.
    """
    check_bundle(request.bundle)
    path = checked_path(request.path)
    dashboards = with_variables(request.dashboards, request.variables)
    health = _supported(grafana)
    datasources = _datasources(grafana)
    chosen_sources = {
        plugin: choose_source(plugin, request.sources[plugin], datasources)
        for plugin in needed_plugins(dashboards, request.alerts.rules if request.alerts else ())
    }
    made = wanted_datasources(request.sources)
    alerts = request.alerts
    if alerts is not None:
        uids = [str(item["uid"]) for item in (*datasources, *(wanted.fields for wanted in made))]
        rules = [with_rule_sources(rule, chosen_sources) for rule in alerts.rules]
        alerts = checked_alerts(replace(alerts, rules=rules), uids)
    profile = profile_for(health.version)
    desired = Desired(
        path=path,
        bundle=request.bundle,
        datasources=made,
        dashboards=[tagged(with_sources(shaped(model, profile), chosen_sources)) for model in dashboards],
        alerts=alerts,
    )
    live = read_live(grafana, health, desired, datasources, tick, copies=policy.prune)
    known = set(live.record.dashboards) if live.record else set()
    if known and not request.bundle_named and not known & {str(model["uid"]) for model in dashboards}:
        raise ConflictError(
            f"{grafana.url}: none of the {len(known)} dashboards of the set '{request.bundle}' is in these modules; "
            f"give these a --bundle of their own, or --bundle {request.bundle} if they are to take their place"
        )
    return make_plan(desired, live, policy), live


def plan_rollback(
    grafana: Grafana,
    bundle: str,
    to: str | None,
    policy: Policy,
    tick: Tick = silent,
    tell: Callable[[str], object] = lambda said: None,
) -> tuple[Plan, Live]:
    """What returning to an earlier deployment would do. Nothing is written.

    Raises `ConflictError` when Grafana no longer has all that belongs to it.
    """
    check_bundle(bundle)
    health = _supported(grafana)
    history = read_history(grafana, bundle)
    deployment, record = chosen(history, to, grafana.url, bundle)
    tell(f"From {history[0][0]} to {deployment}.")
    desired = as_it_was(grafana, record, history)
    datasources = _datasources(grafana)
    if desired.alerts is not None:
        checked_alerts(desired.alerts, [str(item["uid"]) for item in (*datasources, *record.datasources)])
    live = read_live(grafana, health, desired, datasources, tick, copies=policy.prune)
    return make_plan(desired, live, policy), live


def carry_out(
    grafana: Grafana,
    plan: Plan,
    live: Live,
    *,
    command: str = "deploy",
    journal: Journal | None = None,
    resolve: Resolve | None = None,
    tick: Tick = silent,
) -> Report:
    """Do what the plan says; nothing when it would delete more than the policy allows."""
    if plan.too_many_deletions:
        return report_of(plan, command)
    more = {"resolve": resolve} if resolve else {}
    with journal if journal and plan.pending else NoJournal() as writing:
        results = apply(plan, live, grafana, journal=writing, tick=tick, **more)
    return report_of(plan, command, results=results)


def report_of(plan: Plan, command: str, *, results: Sequence[Any] | None = None) -> Report:
    """The report of a plan: of what was done, or else of what would be."""
    return Report(
        command=command,
        url=plan.url,
        grafana=plan.grafana,
        bundle=plan.bundle,
        deployment=plan.deployment,
        dry_run=results is None,
        results=planned(plan.changes) if results is None else results,
        stopped=plan.too_many_deletions,
    )


def check_plan(grafana: Grafana, plan: Plan) -> tuple[Plan, Live]:
    """What is left of a saved plan, and what Grafana holds of all that it would touch. What an earlier run with it did,
    such as one that was cut off, is unchanged now.

    Raises `SettingsError` for a plan of another Grafana, `ConflictError` when something moved since.
    """
    if (plan.url, plan.org_id) != (grafana.url, grafana.settings.org_id):
        org = f" in organization {plan.org_id}" if plan.org_id else ""
        raise SettingsError(f"--plan: was made for {plan.url}{org}, not for {grafana.url}; give that one with --url")
    health = _supported(grafana)
    touched = [change.uid for change in plan.changes if change.writes and change.kind in ("dashboard", "record")]
    folders = {change.uid for change in plan.changes if change.writes and change.kind == "folder"}
    with workers(grafana) as pool:
        found = dict(zip(touched, pool.map(lambda uid: read_dashboard(grafana, uid), touched), strict=True))
    concerns_rules = any(change.writes and change.kind in ("alert", "group") for change in plan.changes)
    rules = grafana.rules() if concerns_rules else []
    live = Live(
        url=grafana.url,
        org_id=grafana.settings.org_id,
        server=server_of(health),
        folders=[folder for folder in map(grafana.folder, sorted(folders)) if folder is not None],
        datasources=_datasources(grafana),
        dashboards={uid: item for uid, item in found.items() if item is not None},
        rules={rule.uid: rule for rule in rules or ()},
        rules_shown=rules is not None,
    )
    plan = without_done(plan, live)
    moved = moved_since(plan, live)
    if moved:
        more = f" and {len(moved) - 3} more" if len(moved) > 3 else ""
        raise ConflictError(
            f"{grafana.url} is not as the plan saw it: {', '.join(moved[:3])}{more} changed since, so nothing was "
            "done; make the plan anew with: sedna-dash plan --out FILE"
        )
    return plan, live


def _datasources(grafana: Grafana) -> list[Mapping[str, Any]]:
    """All datasources; those that may be ours with all their settings, of which the list leaves out some."""
    return [
        (grafana.datasource(str(item["uid"])) or item) if may_be_ours(item) else item for item in grafana.datasources()
    ]


def check_bundle(bundle: str) -> None:
    """Raise `SettingsError` for a name that cannot be part of a uid."""
    if not is_bundle_name(bundle):
        raise SettingsError(
            f"--bundle '{bundle}' is no name for a set of dashboards; give up to 24 small letters, digits and dashes"
        )


def _supported(grafana: Grafana) -> Health:
    health = grafana.health()
    check_supported(grafana, health)
    wanted, actual = grafana.settings.org_id, grafana.organization_id() if grafana.settings.org_id else None
    if wanted != actual:
        raise SettingsError(f"{grafana.url}: the credentials are of organization {actual}, not {wanted}; see --org-id")
    return health
