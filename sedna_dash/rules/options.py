"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)
_F = TypeVar("_F", bound=Callable[..., Any])


def inputs(command: _F) -> _F:
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
