"""The manual page says all that the help says, and roff prints it as it is."""

import re
import shutil
import subprocess
from collections.abc import Iterator

import click
import pytest

from sedna_dash.cli import main
from sedna_dash.manual import manual_page


def commands(group: click.Group, path: str = "sedna-dash") -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")


def test_every_command_and_option_is_there() -> None:
    page = manual_page(main).replace("\\-", "-")
    sections = dict(re.findall(r'^\.SS "([^"]*)"\n(.*?)(?=^\.SS|\Z)', page, flags=re.MULTILINE | re.DOTALL))
    assert sections.keys() == {path for path, _ in commands(main)}
    for path, command in commands(main):
        shown = {option for option in command.params if isinstance(option, click.Option) and not option.hidden}
        for option in shown:
            assert option.opts[-1] in sections[path], f"{path} {option.opts[-1]}"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def odd() -> None:
    """One line. And another."""


@odd.command()
@click.option("--path", help=".hidden is a file, 'quoted' too, C:\\n is none")
@click.option("--secret", hidden=True, help="never shown")
def nasty(path: str, secret: str) -> None:
    """.TH is no request here.

    'br is none either, \\fBnor this\\fR, and --path stays whole.

    \b
      kept   as
      it     is
    """


def printed(page: str) -> str:
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    done = subprocess.run(
        ["groff", "-ww", "-man", "-Tascii", "-P-cbou"], input=page, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_what_roff_would_obey_is_printed() -> None:
    text = printed(manual_page(odd))
    for line in (
        "sedna-dash - One line. And another",
        ".TH is no request here.",
        "'br is none either, \\fBnor this\\fR, and --path stays whole.",
        "kept   as",
        "it     is",
        ".hidden is a file, 'quoted' too, C:\\n is none",
    ):
        assert line in text
    assert "secret" not in text


def test_the_whole_page_has_no_mistake_for_roff() -> None:
    text = printed(manual_page(main))
    assert text.index("sedna-dash build") < text.index("sedna-dash deploy") < text.index("sedna-dash worker podspec")
    assert text.count("-h, --help") == 1
