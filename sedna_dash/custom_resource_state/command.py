"""``sedna-dash ksm``: options, one call, one echo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

#: Each form with the file it goes to below a folder.
_FILES = {
    "config": "custom-resource-state.yaml",
    "rbac": "kube-state-metrics-sedna-rbac.yaml",
    "helm-values": "kube-state-metrics-values.yaml",
}
_HEADS = {
    "config": "For kube-state-metrics 2.6.0 or later: --custom-resource-state-config-file.",
    "rbac": "Rights that kube-state-metrics needs to read Sedna's resources.",
    "helm-values": "Values for the chart prometheus-community/kube-state-metrics.",
}


@click.command("ksm", short_help="Config for kube-state-metrics to read Sedna's resources.")
@click.option(
    "--format",
    "form",
    type=click.Choice([*_FILES, "all"]),
    default="config",
    show_default=True,
    help="What to write; all three need a folder as --output.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="File to write to, or a folder, where each gets its own name. [default: standard output]",
)
@click.option(
    "--service-account",
    metavar="NAMESPACE/NAME",
    default="kube-system/kube-state-metrics",
    show_default=True,
    help="Service account of kube-state-metrics, for --format rbac.",
)
@click.option(
    "--plurals",
    is_flag=True,
    help="Name Sedna's resources as collectors in the Helm values: 2.6 and 2.7 need it, newer ones refuse it.",
)
def ksm_command(form: str, output: Path | None, service_account: str, plurals: bool) -> None:
    """Write the config by which kube-state-metrics makes metrics of Sedna's resources.

    It shows times, newest conditions, datasets, models and training workers without any exporter of ours; what is
    inside of conditions it cannot show. A metric must have one writer: start the exporter with --leave-out
    custom-resource-state when kube-state-metrics has this config.
    """
    from sedna_dash.documents import write

    namespace, _, account = service_account.partition("/")
    if not namespace or not account or "/" in account:
        raise click.BadParameter("write it as namespace/name", param_hint="--service-account")
    if form == "all" and (output is None or output.is_file()):
        raise click.BadParameter("--format all needs a folder", param_hint="--output")
    forms = list(_FILES) if form == "all" else [form]
    texts = {one: _text(one, _documents(one, account, namespace, plurals)) for one in forms}
    if output is None:
        click.echo(texts[form], nl=False)
        return
    for one, text in texts.items():
        path = output / _FILES[one] if form == "all" or output.is_dir() else output
        write(path, text)
        click.echo(f"{path} written.")


def _documents(form: str, account: str, namespace: str, plurals: bool) -> list[dict[str, Any]]:
    from sedna_dash.custom_resource_state.config import config, helm_values, rbac
    from sedna_dash.custom_resource_state.mapping import default_mapping

    if form == "rbac":
        return rbac(account, namespace)
    return [config(default_mapping()) if form == "config" else helm_values(default_mapping(), plurals=plurals)]


def _text(form: str, documents: list[dict[str, Any]]) -> str:
    from sedna_dash.documents import yaml_text

    return f"# {_HEADS[form]}\n# Written by: sedna-dash ksm --format {form}\n{yaml_text(*documents)}"
