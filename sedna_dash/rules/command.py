"""``sedna-dash rules``: options, one call, one echo."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)
_F = TypeVar("_F", bound=Callable[..., Any])

_form_option = click.option("--output", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)


def _inputs(command: _F) -> _F:
    """The options that say what the rules are made from."""
    for option in (
        click.option(
            "--alerts",
            type=_FOLDER,
            multiple=True,
            help="Folder of more alerts, in the form of the built-in ones. May be given several times.",
        ),
        click.option(
            "--catalog",
            "catalogs",
            type=_FILE,
            multiple=True,
            help="YAML file that declares more metrics, in the form of the built-in ones. May be given several times.",
        ),
        click.option(
            "--source",
            type=_FOLDER,
            envvar="SEDNA_DASH_SOURCE",
            help="Folder of dashboard modules, which alerts lead to. [default: ./dashboards_src, else our own]",
        ),
    ):
        command = option(command)
    return command


@click.group("rules", short_help="Recording rules and alerts.")
def rules_command() -> None:
    """Recording rules and alerts: check them, test them, write them for what evaluates them."""


@rules_command.command("test", short_help="Play the tests of alerts.")
@click.argument("names", nargs=-1, metavar="[ALERT]...")
@_inputs
@_form_option
def test_command(names: tuple[str, ...], form: str, **inputs: Any) -> None:
    """Play the tests of all alerts, or of those named, with Prometheus' own promtool."""
    from sedna_dash.rules import reporting

    outcomes = reporting.tested(names, inputs, progress=form == "text")
    click.echo(json.dumps(outcomes.data(), indent=2) if form == "json" else outcomes.text(), nl=form == "json")
    raise SystemExit(1 if outcomes.failed else 0)
