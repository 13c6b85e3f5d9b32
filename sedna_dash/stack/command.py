"""``sedna-dash stack``: options, one call, one echo."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click


def _address(_context: click.Context, parameter: click.Parameter, value: str) -> str:
    at = urlsplit(value)
    if at.scheme not in ("http", "https") or not at.hostname:
        raise click.BadParameter("write it like https://HOST/PATH", param_hint=f"--{parameter.name}".replace("_", "-"))
    if at.username or at.password:
        raise click.BadParameter("leave the login out; it comes from a Secret", param=parameter)
    return value


@click.command("stack", short_help="Values for the charts of Prometheus, Loki, Alloy and Grafana.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("charts/stack"),
    show_default=True,
    help="Folder to write to.",
)
@click.option("--cluster", default="main", show_default=True, help="Label on all series and lines.")
@click.option("--site", default="main", show_default=True, help="Label on all series and lines.")
@click.option(
    "--grafana-url",
    default="http://localhost:3000",
    show_default=True,
    callback=_address,
    help="Address of Grafana, for the links in alerts.",
)
@click.option(
    "--metrics-url",
    default="https://push.example.com/api/v1/write",
    show_default=True,
    callback=_address,
    help="Where edge nodes and other sites push metrics to.",
)
@click.option(
    "--logs-url",
    default="https://push.example.com/loki/api/v1/push",
    show_default=True,
    callback=_address,
    help="Where edge nodes push log lines to.",
)
@click.option(
    "--tenant",
    default="",
    metavar="NAME",
    help="Tenant that edge nodes and this site push as.  [default: none; at the center of many sites, the site]",
)
@click.option("--check", is_flag=True, help="Write nothing; fail when the folder is not up to date.")
def stack_command(out: Path, check: bool, **chosen: Any) -> None:
    """Write values for the charts of other people that make a whole stack: Prometheus with Alertmanager,
    kube-state-metrics and node-exporter, Loki, Alloy or Promtail, Grafana; for the cloud, edge nodes and many sites.

    The folder is ours: what you want otherwise goes into a values file of your own, given to Helm as the last one.
    """
    from sedna_dash.stack import writing
    from sedna_dash.stack.products import Site

    site = Site(**chosen)
    if check:
        writing.check(out, site)
        click.echo(f"{out} is up to date.")
        return
    done = writing.write(out, site)
    click.echo(f"{done}\n{out}: written." if done else f"{out} is up to date.")
