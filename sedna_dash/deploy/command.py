"""The commands that talk to a Grafana: options, one call, one echo. Nothing is decided here."""

from __future__ import annotations

import functools
import os
import signal
import sys
from pathlib import Path
from typing import Any

import click

from sedna_dash.deploy.options import (
    FILE,
    add_to_page,
    alerts_option,
    bundle_option,
    connection_options,
    content_options,
    datasource_options,
    finish,
    folder_option,
    journal_options,
    output_option,
    policy_options,
    resolve,
    site,
)
from sedna_dash.schemas import schema, schema_names


@click.command("plan", short_help="Show what deploy would do.")
@connection_options
@content_options
@policy_options
@output_option
@click.option("--out", type=FILE, help="Save the plan, for: sedna-dash deploy --plan FILE.")
@click.option("--check", is_flag=True, help="Exit 8 when there is anything to do.")
def plan_command(out: Path | None, check: bool, form: str, **given: Any) -> None:
    """Show what deploy would do, down to panel and field, and write nothing to Grafana.

    Exits 3 when somebody changed what we would write and the policy leaves that to a person.
    """
    import json

    from sedna_dash.deploy.planfile import plan_data, save_plan
    from sedna_dash.deploy.report import write_report
    from sedna_dash.deploy.run import plan_deploy, report_of
    from sedna_dash.errors import PendingError

    here = site(given)
    request = here.request()
    with here.grafana() as grafana, _reading(len(request.dashboards)) as tick:
        plan, _ = plan_deploy(grafana, request, here.policy, tick)
    if out:
        save_plan(plan, out)
    report = report_of(plan, "plan")
    if form == "json":
        click.echo(json.dumps(plan_data(plan), indent=2))
    else:
        write_report(report, form, sys.stdout)
    add_to_page(report)
    if report.error:
        raise report.error
    if check and plan.pending:
        raise PendingError(f"{plan.url} is not as the modules have it; run: sedna-dash deploy")


@click.command("deploy", short_help="Bring the dashboards to a Grafana.")
@connection_options
@content_options
@policy_options
@journal_options
@output_option
@click.option("--plan", "plan_file", type=FILE, help="Do exactly what this saved plan says, or nothing.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and write nothing.")
def deploy_command(plan_file: Path | None, dry_run: bool, form: str, **given: Any) -> None:
    """Bring the dashboards to a Grafana, with their folder and datasources.

    Only what differs is written. What somebody else made or changed is left alone and reported, exit code 3, unless
    --on-drift or --adopt says otherwise.

    Credentials come from --token-file, --token-stdin, or the environment: GRAFANA_TOKEN, else GRAFANA_USER and
    GRAFANA_PASSWORD; else from the settings file. Without a datasource option the dashboards use the datasource that
    sedna-dash made before, the only one of its type, or Grafana's default.
    """
    from sedna_dash.deploy.planfile import load_plan
    from sedna_dash.deploy.run import check_plan, plan_deploy, report_of

    here = site(given)
    if plan_file:
        _check_nothing_else(given)
        plan = load_plan(plan_file)
        with here.grafana() as grafana:
            plan, live = check_plan(grafana, plan)
            finish(report_of(plan, "deploy") if dry_run else _carry_out(grafana, plan, live, "deploy", given), form)
        return
    request = here.request()
    with here.grafana() as grafana:
        with _reading(len(request.dashboards)) as tick:
            plan, live = plan_deploy(grafana, request, here.policy, tick)
        finish(report_of(plan, "deploy") if dry_run else _carry_out(grafana, plan, live, "deploy", given), form)


@click.command("rollback", short_help="Return to an earlier deployment.")
@connection_options
@bundle_option
@policy_options
@journal_options
@output_option
@click.option("--to", metavar="ID", help="Deployment to return to, as history lists it. [default: the one before]")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and write nothing.")
def rollback_command(to: str | None, dry_run: bool, form: str, **given: Any) -> None:
    """Return folder, datasources, dashboards and alert rules to an earlier deployment, all together.

    It goes through the same plan as deploy and obeys the same policy. When somebody changed anything that it would
    write, nothing is done at all until --on-drift says what to do. Dashboards and alert rules that came later are only
    deleted with --prune.
    """
    from sedna_dash.deploy.run import plan_rollback, report_of

    here = site(given)
    with here.grafana() as grafana:
        with _reading(0) as tick:
            say = functools.partial(click.echo, err=True)
            plan, live = plan_rollback(grafana, here.bundle, to, here.policy, tick, say)
        only_shown = dry_run or bool(plan.undecided)
        report = report_of(plan, "rollback") if only_shown else _carry_out(grafana, plan, live, "rollback", given)
        finish(report, form)


@click.command("history", short_help="List our deployments.")
@connection_options
@bundle_option
@output_option
def history_command(form: str, **given: Any) -> None:
    """List the deployments that this Grafana still knows, newest first."""
    import json
    from dataclasses import asdict

    from sedna_dash.deploy.grafana import clean
    from sedna_dash.deploy.history import read_history
    from sedna_dash.deploy.run import check_bundle

    here = site(given)
    check_bundle(here.bundle)
    with here.grafana() as grafana:
        found = [deployment for deployment, _ in read_history(grafana, here.bundle)]
    if form == "json":
        content = {"kind": "sedna-dash/history", "schemaVersion": 1, "url": here.settings.url, "bundle": here.bundle}
        click.echo(json.dumps({**content, "deployments": [asdict(item) for item in found]}, indent=2))
    elif not found:
        click.echo(f"{here.settings.url} has no deployment of the set '{here.bundle}'.")
    else:
        rows = [("ID", "WHEN", "BY", "RELEASE", "DASHBOARDS", "ALERTS", "FOLDER")]
        rows += [(d.id, d.when, d.by, d.release, str(d.dashboards), str(d.alerts), d.folder) for d in found]
        widths = [max(len(clean(row[column])) for row in rows) for column in range(len(rows[0]))]
        for row in rows:
            click.echo("  ".join(clean(cell).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@click.command("doctor", short_help="Find out what stands in the way.")
@connection_options
@folder_option
@bundle_option
@datasource_options
@alerts_option
@output_option
def doctor_command(form: str, **given: Any) -> None:
    """Test address, certificate, credentials and rights, the version of Grafana, its clock, its datasources, and
    whether metrics and logs arrive. Each finding comes with its cure. Nothing is written."""
    from sedna_dash.deploy.diagnosis import write_diagnosis
    from sedna_dash.deploy.doctor import examine
    from sedna_dash.deploy.folders import checked_path
    from sedna_dash.deploy.run import check_bundle

    here = site(given)
    check_bundle(here.bundle)
    with here.grafana() as grafana:
        diagnosis = examine(
            grafana,
            here.settings,
            choices=here.choices,
            folder=checked_path(here.path),
            bundle=here.bundle,
            alerts=here.wants_alerts,
        )
    write_diagnosis(diagnosis, form, sys.stdout)
    if diagnosis.error:
        raise diagnosis.error


@click.command("schema", short_help="Print the form of a file or output.")
@click.argument("name", type=click.Choice(schema_names()))
def schema_command(name: str) -> None:
    """Print the JSON Schema of what sedna-dash reads or writes: the settings file (environments), patches, plans, the
    report of deploy and rollback, the history, and what doctor, pull, verify and impact find."""
    import json

    click.echo(json.dumps(schema(name), indent=2))


def _reading(total: int) -> Any:
    from sedna_dash.deploy.progress import progress

    return progress("Reading", total, sys.stderr)


def _carry_out(grafana: Any, plan: Any, live: Any, command: str, given: dict[str, Any]) -> Any:
    from sedna_dash.deploy.journal import Journal, NoJournal, journal_folder
    from sedna_dash.deploy.progress import progress
    from sedna_dash.deploy.run import carry_out

    folder = given["journal"] or journal_folder(os.environ)
    journal = NoJournal() if given["no_journal"] else Journal(folder, plan)
    if journal.cut_off:
        click.echo(journal.cut_off, err=True)
    # A CI that cancels a job sends SIGTERM, and a report of what was done is worth more than a quick end.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with progress("Writing", sum(change.writes for change in plan.changes), sys.stderr) as tick:
            return carry_out(grafana, plan, live, command=command, journal=journal, resolve=resolve, tick=tick)
    finally:
        signal.signal(signal.SIGTERM, before)


def _check_nothing_else(given: dict[str, Any]) -> None:
    """A saved plan has everything in it; what is given besides would be taken to count."""
    from click.core import ParameterSource

    context = click.get_current_context()
    settled = ("source", "catalogs", "path", "bundle", "on_drift", "adopt", "prune", "send_secrets", "prune_limit",
               "alerts",
               *(f"{plugin}_{way}" for plugin in ("prometheus", "loki") for way in ("url", "uid", "name")))  # fmt: skip
    for name in settled:
        if name in given and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = next(item for item in context.command.params if item.name == name)
            raise click.UsageError(f"{option.opts[0]} is settled in the plan; make the plan anew with it")
