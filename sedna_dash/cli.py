"""The command line: options, one call, one echo. Nothing is decided here.

Each command imports what it needs when it runs, so that ``--help`` and shell completion answer at once.
"""

from __future__ import annotations

import errno
import gc
import importlib
import os
import sys
from pathlib import Path
from typing import Any

import click

from sedna_dash import __version__

_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)


def _pairs(context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    """What KEY=VALUE says, given several times."""
    pairs = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise click.BadParameter(f"'{text}' is no KEY=VALUE", context, parameter)
        pairs[key] = value
    return pairs


_source_option = click.option(
    "--source",
    type=_FOLDER,
    envvar="SEDNA_DASH_SOURCE",
    help="Folder of dashboard modules. [default: ./dashboards_src, else the Sedna dashboards in sedna-dash]",
)
_catalog_option = click.option(
    "--catalog",
    "catalogs",
    type=_FILE,
    multiple=True,
    help="YAML file that declares more metrics, in the form of the built-in ones. May be given several times.",
)


#: Commands that live with what they do, and are loaded only when they are asked for: command to module.
_ELSEWHERE = dict.fromkeys(("deploy", "plan", "rollback", "history", "doctor", "schema"), "sedna_dash.deploy.command")
_ELSEWHERE["ksm"] = "sedna_dash.custom_resource_state.command"
_ELSEWHERE["logs"] = "sedna_dash.log_collection.command"
_ELSEWHERE["chart"] = "sedna_dash.chart.command"
_ELSEWHERE["completion"] = "sedna_dash.completion"
_ELSEWHERE["impact"] = "sedna_dash.impact.command"
_ELSEWHERE["rules"] = "sedna_dash.rules.command"
_ELSEWHERE["simulate"] = "sedna_dash.simulator.command"
_ELSEWHERE["worker"] = "sedna_dash.worker_files"
_ELSEWHERE["stack"] = "sedna_dash.stack.command"
_ELSEWHERE["demo"] = "sedna_dash.demo.command"
_ELSEWHERE["verify"] = "sedna_dash.verify.command"
_ELSEWHERE["exporter"] = "sedna_dash.exporter.command"
_ELSEWHERE["pull"] = "sedna_dash.deploy.pull_command"


class _Lazy(click.Group):
    """A group that loads some of its commands late, so that ``--help`` answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_ELSEWHERE])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _ELSEWHERE:
            module = importlib.import_module(_ELSEWHERE[cmd_name])
            command: click.Command = getattr(module, f"{cmd_name}_command")
            return command
        return super().get_command(ctx, cmd_name)

    def main(self, *arguments: Any, **more: Any) -> Any:
        try:
            try:
                return super().main(*arguments, **more)
            finally:
                sys.stdout.flush()
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            # What is left in the buffer would be complained about once more at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            click.echo(f"Error: {error.filename or 'standard output'}: the disk is full; make room", err=True)
            sys.exit(1)


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "SEDNA_DASH"})
@click.version_option(__version__, prog_name="sedna-dash")
def main() -> None:
    """Grafana dashboards for Sedna, as code.

    Exit codes: 0 done, 1 something is wrong with the input, 2 wrong usage or settings, 3 Grafana holds what somebody
    else did and we left alone, 4 Grafana refused or could not be reached, 5 only a part was done, 6 this Grafana is
    too old, 7 the credentials are not good for it, 8 there is something to do (plan --check).
    """
    # A command lives for a second and keeps what it makes: collecting cycles would only cost.
    gc.disable()


@main.command(short_help="Render dashboard modules to JSON.")
@_source_option
@_catalog_option
@click.option("--out", type=_FOLDER, default=Path("build"), show_default=True, help="Folder to write to.")
@click.option(
    "--grafana",
    "profile",
    type=click.Choice(["9.3", "10"]),
    default="9.3",
    show_default=True,
    help="Oldest Grafana that reads the result. Newer ones read it too.",
)
@click.option("--folder", default="Sedna", show_default=True, help="Title of the Grafana folder.")
@click.option("--prometheus-url", default="http://prometheus:9090", show_default=True, help="For the datasource.")
@click.option("--loki-url", default="http://loki:3100", show_default=True, help="For the datasource.")
@click.option(
    "--dashboards-path",
    default="/etc/grafana/provisioning/dashboards/files",
    show_default=True,
    help="Where Grafana will find the provisioned dashboards.",
)
@click.option(
    "--records",
    type=click.Choice(["inline", "use"]),
    default="inline",
    show_default=True,
    help="Write derived series out, which works on any Prometheus, or use what recording rules make of them, which is "
    "cheap on a large site.",
)
@click.option(
    "--form",
    "forms",
    type=click.Choice(["api", "import", "provisioning", "configmaps", "operator", "resources"]),
    multiple=True,
    default=("api", "import", "provisioning"),
    show_default=True,
    help="What OUT holds. May be given several times; a form that is not named is removed from OUT.",
)
@click.option(
    "--namespace", "-n", default="monitoring", show_default=True, help="Namespace of ConfigMaps and operator's objects."
)
@click.option(
    "--sidecar-label",
    "sidecar_labels",
    metavar="KEY=VALUE",
    multiple=True,
    callback=_pairs,
    default=("grafana_dashboard=1",),
    show_default=True,
    help="Label of ConfigMaps, by which Grafana's sidecar finds them. May be given several times.",
)
@click.option(
    "--folder-annotation",
    default="grafana_folder",
    show_default=True,
    help="Annotation of ConfigMaps that names the Grafana folder.",
)
@click.option(
    "--instance-label",
    "instances",
    metavar="KEY=VALUE",
    multiple=True,
    callback=_pairs,
    default=("dashboards=grafana",),
    show_default=True,
    help="Label of the Grafana that grafana-operator brings dashboards to. May be given several times.",
)
@click.option(
    "--resource-api",
    type=click.Choice(["v1", "v1beta1"]),
    default="v1",
    show_default=True,
    help="Version of resources: v1 is for Grafana 13, v1beta1 for 12.",
)
@click.option("--check", is_flag=True, help="Write nothing; fail when the folder is not up to date.")
@click.option("--watch", is_flag=True, help="Build again whenever a module or the catalog changes.")
def build(
    source: Path | None,
    out: Path,
    catalogs: tuple[Path, ...],
    namespace: str,
    sidecar_labels: dict[str, str],
    folder_annotation: str,
    instances: dict[str, str],
    check: bool,
    watch: bool,
    **site: Any,
) -> None:
    """Render dashboard modules to JSON in every form Grafana takes.

    OUT/dashboards is for the HTTP API, OUT/import for Grafana's Import page, OUT/provisioning for its provisioning
    folder. With --form also: OUT/configmaps for the sidecar of Grafana's Helm chart, OUT/grafana-operator for the
    grafana-operator, OUT/resources for Git Sync and gcx of Grafana 12 and 13.
    """
    from sedna_dash import building
    from sedna_dash.render.kubernetes_objects import Placement

    if check and watch:
        raise click.UsageError("--check writes nothing and ends, --watch goes on writing; give one of them")
    placement = Placement(namespace, sidecar_labels, folder_annotation, instances)
    request = building.Request(
        source=building.source_folder(source), out=out, catalogs=catalogs, placement=placement, **site
    )
    if watch:
        building.watch(request, click.echo)
    elif check:
        building.check(request)
        click.echo(f"{out} is up to date.")
    else:
        click.echo(building.build(request))


@main.command(short_help="Check dashboards: queries, panels, links.")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@_source_option
@_catalog_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif", "github"]),
    default="text",
    show_default=True,
    help="How to print what was found.",
)
@click.option("--exclusions", type=_FILE, help="YAML file of exclusions. [default: lint.yaml in the source folder]")
@click.option("--strict", is_flag=True, help="Let warnings fail the run too.")
@click.option("--rules", "list_rules", is_flag=True, help="List the rules and stop.")
def lint(
    files: tuple[Path, ...],
    source: Path | None,
    catalogs: tuple[Path, ...],
    form: str,
    exclusions: Path | None,
    strict: bool,
    list_rules: bool,
) -> None:
    """Check dashboards: queries, panels, structure, links.

    Without FILES the dashboard modules are checked; FILES are dashboard JSON, or folders of it, from anywhere.
    """
    from sedna_dash import linting

    if list_rules:
        click.echo(linting.rule_list())
        return
    report = linting.run(files, source, catalogs, exclusions)
    click.echo(linting.written(report, form, colour=sys.stdout.isatty() and "NO_COLOR" not in os.environ), nl=False)
    raise SystemExit(linting.exit_code(report, strict))


@main.command(short_help="Start a dashboard module.")
@click.argument("name")
@click.option("--source", type=_FOLDER, default=Path("dashboards_src"), show_default=True, help="Folder to write to.")
def new(name: str, source: Path) -> None:
    """Start a dashboard module that builds at once. NAME is its file name, with underscores."""
    from sedna_dash import starting

    click.echo(starting.start(name, source))


@main.command(short_help="Write the reference pages.")
@click.option("--out", type=_FOLDER, default=Path("docs/reference"), show_default=True, help="Folder to write to.")
@click.option("--check", is_flag=True, help="Write nothing; fail when the pages are not up to date.")
def docs(out: Path, check: bool) -> None:
    """Write the reference pages: metrics, required values, dashboards, lint rules, command line."""
    from sedna_dash import documenting

    click.echo(documenting.check(out, main) if check else documenting.write_pages(out, main))
