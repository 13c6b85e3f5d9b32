"""Shell completion: the script that a shell sources. Click writes it; at each Tab it asks sedna-dash itself."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


def script(shell: str, command: click.Command) -> str:
    """The text that a shell, one of `SHELLS`, sources to complete ``command``."""
    complete = get_completion_class(shell)
    assert complete is not None
    # The name of the variable is the one that click derives from the name of the program.
    return complete(command, {}, "sedna-dash", "_SEDNA_DASH_COMPLETE").source()


@click.command("completion", short_help="Print the script that completes in a shell.")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion_command(context: click.Context, shell: str) -> None:
    """Print the script that completes commands, options and their values in SHELL.

    Keep it where the shell looks by itself:

    \b
      bash  ~/.local/share/bash-completion/completions/sedna-dash
      zsh   _sedna-dash, in a folder on fpath
      fish  ~/.config/fish/completions/sedna-dash.fish
    """
    click.echo(script(shell, context.find_root().command), nl=False)
