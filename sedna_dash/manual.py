"""The manual page sedna-dash(1), written from the commands' own help, so that it cannot drift from it.

It is one page for all commands, for ``man sedna-dash`` and a search in it. The wheel brings it along.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click

from sedna_dash import __version__

_HEAD = r".\" Written by sedna-dash docs (make docs). Change the help of the commands, not this page."


def manual_page(command: click.Group) -> str:
    """The page of ``command`` and all below it, in the man macros of roff."""
    root = click.Context(command, info_name="sedna-dash", **command.context_settings)
    summary, _, rest = _help_of(command).partition("\n\n")
    parts = [
        _HEAD,
        f'.TH SEDNA\\-DASH 1 "" "sedna\\-dash {_plain(__version__)}" "User Commands"',
        ".ad l",  # long paths would tear holes into lines that are stretched
        ".SH NAME",
        f"sedna\\-dash \\- {_plain(summary.rstrip('.'))}",
        ".SH SYNOPSIS",
        ".B sedna\\-dash",
        _plain(" ".join(command.collect_usage_pieces(root))),
        ".SH DESCRIPTION",
        *_paragraphs(rest),
        ".SH OPTIONS",
        *_options(root, command.get_params(root)),
        ".SH COMMANDS",
        *_commands(command, root),
    ]
    return "\n".join(parts) + "\n"


def _commands(group: click.Group, parent: click.Context) -> Iterator[str]:
    """A subsection for each command of a group, and the commands of commands after their own."""
    for name in group.list_commands(parent):
        command = group.get_command(parent, name)
        assert command is not None
        context = click.Context(command, info_name=name, parent=parent)
        yield f'.SS "{_plain(context.command_path)}"'
        yield f".B {_plain(context.command_path)}"
        yield _plain(" ".join(command.collect_usage_pieces(context)))
        yield from _paragraphs(_help_of(command))
        yield from _options(context, command.params)  # without --help, which all of them have
        if isinstance(command, click.Group):
            yield from _commands(command, context)


def _help_of(command: click.Command) -> str:
    return inspect.cleandoc(command.help or "").partition("\f")[0]


def _paragraphs(text: str) -> Iterator[str]:
    """The paragraphs of a help text. One that click keeps as it is written keeps its lines here, too."""
    for paragraph in filter(None, re.split(r"\n\s*\n", text)):
        lines = paragraph.splitlines()
        if lines[0] == "\b":
            yield from (".PP", ".nf", *map(_line, lines[1:]), ".fi")
        else:
            yield from (".PP", _line(" ".join(map(str.strip, lines))))


def _options(context: click.Context, parameters: list[click.Parameter]) -> Iterator[str]:
    for parameter in parameters:
        record = parameter.get_help_record(context)
        if record is not None:
            names, about = record
            yield from (".TP", f"\\fB{_plain(names)}\\fR", _line(about))


def _line(text: str) -> str:
    """Text as a line of its own: a dot or quote at its beginning would be a request to roff."""
    plain = _plain(text)
    return "\\&" + plain if plain.startswith((".", "'")) else plain


def _plain(text: str) -> str:
    """Text that roff prints as it is."""
    return text.replace("\\", "\\e").replace("-", "\\-")
