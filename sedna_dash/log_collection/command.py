"""``sedna-dash logs``: options, one call, one echo."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

_file_option = click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write to. [default: standard output]",
)


@click.group("logs", short_help="Configs for log collectors and for Loki.")
def logs_command() -> None:
    """Configs that bring the logs of all Sedna pods to Loki: for the collectors on the nodes, and for Loki itself."""


@logs_command.command("config", short_help="Config of a log collector.")
@click.option("--collector", type=click.Choice(["alloy", "promtail"]), default="alloy", show_default=True)
@click.option(
    "--mode",
    type=click.Choice(["daemonset", "sidecar"]),
    default="daemonset",
    show_default=True,
    help="One collector on each node, or one in the pod of a worker that writes its log to files.",
)
@click.option(
    "--api/--files",
    default=False,
    help="Look pods up in the Kubernetes API, or tell them by the names of their log files, which works on edge nodes "
    "without an API server, too.  [default: files]",
)
@click.option("--tenant", default="", metavar="NAME", help="Tenant in Loki.  [default: none]")
@click.option("--tenant-per-namespace", is_flag=True, help="Each namespace is a tenant of its own.")
@click.option(
    "--pod-label/--no-pod-label",
    default=True,
    show_default=True,
    help="Make each pod a stream of its own. Without, a site of tens of thousands of pods has fewer streams, but Loki "
    "refuses lines that come an hour later than those of another pod of the same kind on that node.",
)
@click.option("--hook", is_flag=True, help="All workers have the worker hook: do not count again what it counts.")
@click.option(
    "--auth",
    type=click.Choice(["none", "basic", "bearer"]),
    default="none",
    show_default=True,
    help="How to log in to Loki. A manifest takes user, password or token from the Secret loki-credentials.",
)
@click.option("--folder", default="", help="Where the logs are.  [default: /var/log/pods, in a sidecar /logs]")
@click.option("--state", default="/var/lib/sedna-logs", show_default=True, help="Where the collector keeps its state.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["config", "manifest"]),
    default="config",
    show_default=True,
    help="The config alone, or all Kubernetes objects that run it; for a sidecar, what to add to the worker's pod.",
)
@click.option("--loki-url", default="http://loki:3100", show_default=True, help="Address of Loki, for a manifest.")
@click.option("--cluster", default="main", show_default=True, help="Label on all lines, for a manifest.")
@click.option("--site", default="main", show_default=True, help="Label on all lines, for a manifest.")
@click.option(
    "--namespace",
    "-n",
    default="monitoring",
    show_default=True,
    help="Namespace of the objects in a manifest; for a sidecar, that of the job.",
)
@_file_option
def config_command(
    collector: str,
    form: str,
    loki_url: str,
    cluster: str,
    site: str,
    namespace: str,
    output: Path | None,
    **chosen: Any,
) -> None:
    """Write the config of a log collector.

    It keeps the lines of GM, LC, KB, all workers and the collectors, tells component, kind, job, level and source of
    each, drops the SQL that KB logs, hides the keys of object stores, counts what the dashboards show of logs, and
    waits for a link that is down.
    """
    from sedna_dash.documents import yaml_text
    from sedna_dash.log_collection.alloy import alloy
    from sedna_dash.log_collection.collecting import Options
    from sedna_dash.log_collection.manifests import Site, daemonset, sidecar
    from sedna_dash.log_collection.promtail import promtail

    if chosen["tenant"] and chosen["tenant_per_namespace"]:
        raise click.UsageError("--tenant and --tenant-per-namespace exclude each other; give one of them")
    if chosen["mode"] == "sidecar" and chosen["api"]:
        raise click.UsageError("a sidecar knows its pod from its environment; leave out --api")
    options = Options(**chosen)
    text = {"alloy": alloy, "promtail": promtail}[collector](options)
    head = f"Written by: {_written_by()}"
    if form == "manifest":
        where = Site(loki_url=_push_url(loki_url), cluster=cluster, site=site, namespace=namespace)
        objects = (daemonset if options.mode == "daemonset" else sidecar)(collector, options, text, where)
        _give(f"# {head}\n{yaml_text(*objects)}", output)
    else:
        _give(f"{'//' if collector == 'alloy' else '#'} {head}\n{text}", output)


@logs_command.command("loki", short_help="Config or Helm values of Loki.")
@click.option(
    "--profile",
    type=click.Choice(["one-box", "one-cluster", "object-storage", "distributed"]),
    help="Size of the site.  [default: list them all]",
)
@click.option("--folder", default="/var/lib/loki", show_default=True, help="Where one-box keeps the lines.")
@click.option("--listen", default="127.0.0.1:3100", show_default=True, help="Where one-box listens.")
@_file_option
def loki_command(profile: str | None, folder: str, listen: str, output: Path | None) -> None:
    """Write settings of Loki for a site of some size: a config file for one machine, values of the chart
    grafana-community/loki for a cluster. Without --profile, list the sizes and how many lines a day each carries.
    """
    from sedna_dash.documents import yaml_text
    from sedna_dash.log_collection.loki_settings import config, helm_values, profiles

    given = [parameter.opts[0] for parameter in _given(click.get_current_context())]
    if profile is None:
        if given:
            raise click.UsageError(f"{given[0]} needs --profile: without it the sizes are only listed")
        for one in profiles().values():
            day = f"{one.lines_per_day / 1e6:,.0f} million lines a day"
            click.echo(f"{one.name:15} {day:>30}, {one.retention_days:2} days  {one.title}")
        return
    chosen = profiles()[profile]
    if chosen.form == "config":
        address, _, port = listen.rpartition(":")
        if not port.isdigit():
            raise click.BadParameter("write it as ADDRESS:PORT", param_hint="--listen")
        made = config(chosen, folder=folder, address=address.strip("[]"), port=int(port))
    else:
        if {"--folder", "--listen"} & set(given):
            raise click.UsageError("--folder and --listen are for one-box; the chart has places of its own")
        made = helm_values(chosen)
    day = f"some {chosen.lines_per_day / 1e6:,.0f} million lines a day, kept for {chosen.retention_days} days"
    _give(f"# {chosen.title}: {day}\n# Written by: {_written_by()}\n{yaml_text(made)}", output)


def _written_by() -> str:
    """The command line without the file that it wrote to: run again, it writes the same."""
    context = click.get_current_context()
    words = context.command_path.split()
    for parameter in _given(context):
        name = parameter.name or ""
        if name == "output":
            continue
        value = context.params[name]
        options = parameter.opts if value is not False else parameter.secondary_opts
        words += [options[0]] if isinstance(value, bool) else [options[0], shlex.quote(str(value))]
    return " ".join(words)


def _given(context: click.Context) -> list[click.Parameter]:
    """The options that stand on this command line."""
    return [
        parameter
        for parameter in context.command.params
        if context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
    ]


def _push_url(url: str) -> str:
    """Where lines are sent: the address of a Loki, with or without the path. Raises BadParameter for what is none."""
    if not url.startswith(("http://", "https://")):
        raise click.BadParameter("write it like http://loki:3100", param_hint="--loki-url")
    path = "/loki/api/v1/push"
    return url if url.endswith("/push") else url.rstrip("/") + path


def _give(text: str, output: Path | None) -> None:
    from sedna_dash.documents import write

    if output is None:
        click.echo(text, nl=False)
    else:
        write(output, text)
        click.echo(f"{output} written.")
