"""``sedna-dash pull``: options, one call, one echo. Nothing is decided here."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import sedna_dash
from sedna_dash.deploy.options import (
    FOLDER,
    bundle_option,
    connection_options,
    output_option,
    site,
    source_options,
)

if TYPE_CHECKING:
    from sedna_dash.deploy.options import Site


@click.command("pull", short_help="Bring edits made in Grafana back as patches.")
@click.argument("uids", metavar="[UID]...", nargs=-1)
@connection_options
@source_options
@bundle_option
@output_option
@click.option("--out", type=FOLDER, help="Folder for the patches. [default: beside the modules]")
@click.option("--theirs", is_flag=True, help="Take what is in Grafana where the module changed the same field.")
@click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing.")
@click.option("--all", "everything", is_flag=True, help="Make no patches, but copies of all that we own, in --out.")
@click.option("--foreign", is_flag=True, help="With --all, copy the other dashboards of our folders too.")
def pull_command(
    uids: tuple[str, ...],
    out: Path | None,
    theirs: bool,
    dry_run: bool,
    everything: bool,
    foreign: bool,
    form: str,
    **given: Any,
) -> None:
    """Bring edits that were made in Grafana back as patches, for review.

    For each dashboard that somebody changed since our deployment, a patch beside its module (fleet.patch.yaml for
    fleet.py) names panel, field, old and new value. build, lint and deploy apply it from then on. What the modules
    changed meanwhile stays; a field that both changed is left out, exit code 3, unless --theirs says otherwise. UIDs
    limit it to those dashboards.

    --all --out DIR makes a backup instead: every dashboard of ours as a file that POST /api/dashboards/db takes under
    "dashboard", the record of deployments, and backup.json with folders, versions and datasources without their
    secrets. sedna-dash deploy --source DIR/dashboards brings the dashboards back.
    """
    if everything:
        if out is None:
            raise click.UsageError("--all needs a folder for the copies; give one with --out")
        if theirs:
            raise click.UsageError("--theirs is for patches, --all makes none; give one of them")
        _back_up(site(given), out, uids, foreign=foreign, dry_run=dry_run, form=form)
        return
    if foreign:
        raise click.UsageError("--foreign is for backups; give --all with it")
    _pull(site(given), out, uids, theirs=theirs, dry_run=dry_run, form=form)


def _pull(here: Site, out: Path | None, uids: tuple[str, ...], *, theirs: bool, dry_run: bool, form: str) -> None:
    import json

    from sedna_dash.building import load, source_folder
    from sedna_dash.deploy.progress import progress
    from sedna_dash.deploy.pull_report import PullReport, pull_data, pull_lines
    from sedna_dash.deploy.pulling import Origin, pull, write_patches
    from sedna_dash.deploy.reading import check_supported
    from sedna_dash.deploy.run import check_bundle
    from sedna_dash.errors import SettingsError

    check_bundle(here.bundle)
    source = source_folder(here.given["source"])
    if out is None and source.parent == Path(sedna_dash.__file__).parent:
        raise SettingsError(
            f"{source}: these dashboards come with sedna-dash, whose next release would remove the patches; "
            "name your own with --source, or another folder with --out"
        )
    dashboards = load(source, here.given["catalogs"])
    with here.grafana() as grafana, progress("Reading", len(uids or dashboards), sys.stderr) as tick:
        health = grafana.health()
        check_supported(grafana, health)
        there = Origin(grafana.url, health, here.bundle, here.environment.variables)
        found = pull(grafana, dashboards, there, uids, theirs=theirs, tick=tick)
    report = PullReport(there, [(item, out / item.file.name if out else item.file) for item in found], dry_run)
    if not dry_run:
        write_patches(report.results)
    if form == "json":
        click.echo(json.dumps(pull_data(report), indent=2))
    else:
        for line in pull_lines(report):
            click.echo(line)
    if report.error:
        raise report.error


def _back_up(here: Site, out: Path, uids: tuple[str, ...], *, foreign: bool, dry_run: bool, form: str) -> None:
    from sedna_dash.deploy.backup import INDEX, backup_files, read_backup
    from sedna_dash.deploy.progress import progress
    from sedna_dash.deploy.run import check_bundle
    from sedna_dash.render.writing import difference, write

    check_bundle(here.bundle)
    with here.grafana() as grafana, progress("Reading", 0, sys.stderr) as tick:
        health = grafana.health()
        backup = read_backup(grafana, here.bundle, uids, foreign=foreign, tick=tick)
        files = backup_files(backup, grafana.url, health, here.bundle)
    done = difference(out, files) if dry_run else write(out, files)
    if form == "json":
        click.echo(files[INDEX], nl=False)
        return
    if done:
        click.echo(done)
    count = f"{len(backup.owned)} dashboards of ours" + (f", {len(backup.foreign)} of others" if foreign else "")
    click.echo(f"{out}: {count}{' would be there' if dry_run else ''}, from {here.settings.url}.")
