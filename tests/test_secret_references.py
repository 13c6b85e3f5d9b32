"""References lead to secrets, or to a sentence that names the reference; nothing else knows the secret."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sedna_dash.errors import SettingsError
from sedna_dash.secret_references import COMMAND_SECONDS, LONGEST, SecretReference, resolved

CANARY = "c4nary-in-the-mine"


def everything_said_by(error: BaseException | None) -> Iterator[str]:
    """All that somebody could read out of an exception and of those behind it."""
    if error is not None:
        yield f"{error} {error!r} {error.args} {vars(error)}"
        # What UnicodeDecodeError and TimeoutExpired keep.
        yield " ".join(str(getattr(error, name, "")) for name in ("object", "output", "stdout", "stderr", "cmd"))
        yield from everything_said_by(error.__cause__)
        yield from everything_said_by(error.__context__)


def python(code: str) -> SecretReference:
    return SecretReference(command=(sys.executable, "-c", code))


def printing(path: Path | None) -> SecretReference:
    return python(f"import sys; sys.stdout.buffer.write(open({str(path)!r}, 'rb').read())")


def file(tmp_path: Path, content: bytes) -> SecretReference:
    path = tmp_path / "secret"
    path.write_bytes(content)
    return SecretReference(file=path)


@pytest.mark.parametrize(
    "content, wanted",
    [
        (b"s3cret", "s3cret"),
        (b"s3cret\n", "s3cret"),
        (b"s3cret\r\n", "s3cret"),
        (b" s3cret ", " s3cret "),
        (b"two\nlines\n", "two\nlines"),
        ("\ufeffwörd\n".encode(), "wörd"),
        (b"x" * LONGEST, "x" * LONGEST),
    ],
)
def test_files_and_commands(tmp_path: Path, content: bytes, wanted: str) -> None:
    reference = file(tmp_path, content)
    assert resolved(reference, {}) == wanted
    assert resolved(printing(reference.file), {}) == wanted


def test_a_variable_is_taken_as_it_is() -> None:
    assert resolved(SecretReference(env="TOKEN"), {"TOKEN": " s3cret\n"}) == " s3cret\n"


def test_a_link_to_a_file_is_a_file(tmp_path: Path) -> None:
    file(tmp_path, b"mounted by Kubernetes")
    (tmp_path / "link").symlink_to("secret")
    assert resolved(SecretReference(file=tmp_path / "link"), {}) == "mounted by Kubernetes"


def test_no_shell_reads_a_command() -> None:
    echo = (sys.executable, "-c", "import sys; print(sys.argv[1])")
    assert resolved(SecretReference(command=(*echo, "$HOME; `id` | x")), {}) == "$HOME; `id` | x"


def test_a_command_gets_our_environment_and_nothing_to_read() -> None:
    code = "import os, sys; print(os.environ['LOCKER'], repr(sys.stdin.read()))"
    assert resolved(python(code), {"LOCKER": "9"}) == "9 ''"


@pytest.mark.parametrize(
    "environ, message",
    [
        ({}, "environment variable TOKEN is not set; set it"),
        ({"OTHER": CANARY}, "not set"),
        ({"TOKEN": ""}, "is empty"),
        ({"TOKEN": f"{CANARY}\udcff"}, "no UTF-8 text"),
        ({"TOKEN": f"{CANARY}\ud800"}, "no UTF-8 text"),
    ],
)
def test_variables_that_give_nothing(environ: dict[str, str], message: str) -> None:
    refuses(SecretReference(env="TOKEN"), message, environ)


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "is empty"),
        (b"\n\r\n", "is empty"),
        (CANARY.encode() + b"\xff", "no UTF-8 text"),
        (CANARY.encode() * LONGEST, "more than 64 KiB"),
    ],
)
def test_content_that_is_no_secret(tmp_path: Path, content: bytes, message: str) -> None:
    reference = file(tmp_path, content)
    refuses(reference, message)
    refuses(printing(reference.file), message)


def test_what_is_no_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for name, why in [
        ("pipe", "no regular file"),
        (".", "no regular file"),
        ("loop", "symbolic links"),
        ("none", "No such file"),
        ("a\0b", "that is no path"),
    ]:
        refuses(SecretReference(file=tmp_path / name), why)
    refuses(SecretReference(file=Path(os.devnull)), "no regular file")


@pytest.mark.parametrize(
    "command, message",
    [
        (("no-such-program-here", CANARY), "command no-such-program-here was not found; install it"),
        (("/", CANARY), "cannot be started"),
        (("a\0b", CANARY), "that is no command"),
        ((sys.executable, "-c", f"print('{CANARY}'); raise SystemExit('{CANARY}')"), "exit code 1; run it by hand"),
        ((sys.executable, "-c", f"import os; print('{CANARY}', flush=True); os.kill(os.getpid(), 9)"), "signal 9"),
        ((sys.executable, "-c", f"import sys; sys.stderr.write('{CANARY}')"), "is empty"),
    ],
)
def test_commands_that_fail(command: tuple[str, ...], message: str, capfd: pytest.CaptureFixture[str]) -> None:
    refuses(SecretReference(command=command), message, {"PATH": os.environ["PATH"]})
    assert CANARY not in "".join(capfd.readouterr())


def test_a_command_that_waits() -> None:
    def waits(command: list[str], *, timeout: float, **_: Any) -> subprocess.CompletedProcess[bytes]:
        raise subprocess.TimeoutExpired([*command, CANARY], timeout, output=CANARY.encode(), stderr=CANARY.encode())

    with pytest.raises(SettingsError, match=f"no answer in {COMMAND_SECONDS} seconds") as caught:
        resolved(SecretReference(command=("pass", "show")), {}, waits)
    assert CANARY not in " ".join(everything_said_by(caught.value))


def test_the_place_of_a_reference_is_in_its_errors_but_arguments_are_not() -> None:
    reference = SecretReference(command=("no-such-program-here", "-p", CANARY), where="sedna-dash.yaml:9: credentials")
    with pytest.raises(SettingsError) as caught:
        resolved(reference, {})
    assert caught.value.message.startswith("sedna-dash.yaml:9: credentials: command no-such-program-here was not found")
    assert CANARY not in " ".join(everything_said_by(caught.value))
    assert CANARY not in repr(reference) + str(reference)


def refuses(reference: SecretReference, message: str, environ: dict[str, str] | None = None) -> None:
    with pytest.raises(SettingsError) as caught:
        resolved(reference, environ or {})
    assert message in caught.value.message
    assert "\n" not in caught.value.message
    assert CANARY not in " ".join(everything_said_by(caught.value))
