"""The settings file, ``sedna-dash.yaml``: named environments, each a Grafana and what goes there.

A file that the user named is trusted. One that merely lies in the working folder may have come with a cloned
repository, and whoever wrote it could have our token sent to a host of theirs, a command run, or a local file sent
away as the secret of a datasource. So a found file decides such things only after somebody agreed to them.
"""

from __future__ import annotations

import math
import os
import re
import shlex
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn

import yaml

from sedna_dash.errors import SettingsError
from sedna_dash.schemas import KeyPath, nearest, placed, violations
from sedna_dash.secret_references import SecretReference

FILE_NAME, FILE_VARIABLE = "sedna-dash.yaml", "SEDNA_DASH_CONFIG"

#: What each role of a datasource needs as its plugin.
PLUGINS = {"metrics": "prometheus", "logs": "loki"}

_TRUST_IT = f"if you trust it, name it with --config {FILE_NAME} or {FILE_VARIABLE}"

_LARGEST_FILE, _DEEPEST = 1024 * 1024, 20

_TAG = "tag:yaml.org,2002:"

# What a terminal would obey, or show in another order than it is written, and halves of characters.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

# libyaml's parser reads the same language as the pure Python one, much faster.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class CredentialReferences:
    """A token, or a user and a password."""

    token: SecretReference | None = None
    user: str | None = None
    password: SecretReference | None = None


@dataclass(frozen=True)
class Tls:
    """Certificates, with their paths already relative to the working folder rather than the settings file."""

    ca_file: Path | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None
    insecure: bool = False


@dataclass(frozen=True)
class DatasourceEntry:
    """The datasource of one role: made by us for ``url``, or one that exists by ``uid``, ``name`` or ``type``."""

    role: str
    url: str | None = None
    uid: str | None = None
    name: str | None = None
    type: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    basic_auth_user: str | None = None
    secrets: Mapping[str, SecretReference] = field(default_factory=dict)

    @property
    def plugin(self) -> str:
        return PLUGINS[self.role]


@dataclass(frozen=True)
class Environment:
    """What the settings file says about one Grafana. All of it may be missing."""

    name: str | None = None
    url: str | None = None
    org: int | None = None
    timeout: float | None = None
    bundle: str | None = None
    folder: tuple[str, ...] = ()
    jobs: int | None = None
    on_drift: str | None = None
    alerts: bool | None = None
    tune: Path | None = None
    records: Literal["inline", "use"] | None = None
    credentials: CredentialReferences | None = None
    tls: Tls | None = None
    datasources: Mapping[str, DatasourceEntry] = field(default_factory=dict)
    variables: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    #: The file it comes from, and in which line each key stands, for messages.
    path: Path | None = field(default=None, compare=False)
    lines: Mapping[str, int] = field(default_factory=dict, repr=False, compare=False)

    def where(self, key: str) -> str:
        """The place of a key such as ``tls.ca_file``, for the head of a message."""
        line = f":{self.lines[key]}" if key in self.lines else ""
        return f"{self.path or FILE_NAME}{line}: environments.{self.name}.{key}"


@dataclass(frozen=True)
class Environments:
    """All that a settings file holds."""

    path: Path
    default: str | None
    environments: Mapping[str, Environment]


def find_environment(
    config: Path | None,
    name: str | None,
    environ: Mapping[str, str],
    cwd: Path,
    *,
    url_given: str | None,
    ask: Callable[[str], bool] | None,
) -> Environment:
    """The environment called ``name``, or the default one, from the file that was named or lies in ``cwd``.

    A file named with ``config`` or the environment is trusted. For one that was only found, ``ask`` is called with a
    question that lists what it would decide; without ``ask`` (no terminal) that is an error. Without any file the
    environment is empty. ``Path()`` as ``cwd`` keeps the paths in messages short.
    """
    named = config or environ.get(FILE_VARIABLE)
    if named:
        return chosen_environment(load_environments(cwd / named), name)
    found = cwd / FILE_NAME
    if not os.path.lexists(found):
        if name is None:
            return Environment()
        raise SettingsError(
            f"there is no {FILE_NAME} here to look up environment '{name}' in; name the file with --config"
        )
    environment = chosen_environment(_checked(found, _found_content(found, cwd)), name)
    decided = list(_to_agree_to(environment, url_given))
    if not decided:
        return environment
    if ask is None:
        keys = ", ".join(key for key, _ in decided)
        raise SettingsError(
            f"{found} was found, not named, and its environment '{environment.name}' decides where credentials go or"
            f" what is run or sent ({keys}); {_TRUST_IT}"
        )
    question = (
        f"{found} was found here; you did not name it. Its environment '{environment.name}' decides:\n"
        + "".join(f"  {key}: {meaning}\n" for key, meaning in decided)
        + "Use it?"
    )
    if not ask(question):
        raise SettingsError(f"{found} was not agreed to; work in another folder, or {_TRUST_IT}")
    return environment


def _to_agree_to(environment: Environment, url_given: str | None) -> Iterator[tuple[str, str]]:
    """What a file that was only found may not decide by itself, key by key."""
    # Equal to the letter: who knows what two spellings of one address could be made to mean.
    if environment.url and url_given is None:
        yield "url", f"{environment.url} gets your credentials for Grafana"
    elif environment.url and url_given and environment.url.rstrip("/") != url_given.rstrip("/"):
        yield "url", f"{environment.url} is not the address that you gave"
    if environment.credentials:
        if environment.credentials.token:
            yield "credentials.token", _followed(environment.credentials.token)
        if environment.credentials.password:
            yield "credentials.password", _followed(environment.credentials.password)
    if environment.tls:
        if environment.tls.insecure:
            yield "tls.insecure", "Grafana's certificate is not checked"
        for key in ("ca_file", "client_certificate", "client_key"):
            if getattr(environment.tls, key):
                yield f"tls.{key}", str(getattr(environment.tls, key))
    if environment.on_drift == "overwrite":
        yield "on_drift", "what somebody changed in Grafana is overwritten"
    for role, datasource in environment.datasources.items():
        key = f"datasources.{role}"
        if datasource.url:
            yield f"{key}.url", f"{datasource.url} is what Grafana queries"
        if datasource.settings:
            yield f"{key}.settings", ", ".join(datasource.settings)
        for name, reference in datasource.secrets.items():
            yield f"{key}.secrets.{name}", _followed(reference)


def _followed(reference: SecretReference) -> str:
    """What following the reference means. A command is shown whole: who agrees must see what is run."""
    if reference.command:
        return f"runs {shlex.join(reference.command)}"
    if reference.file:
        return f"reads the file {reference.file}"
    return f"reads the environment variable {reference.env}"


def chosen_environment(environments: Environments, name: str | None) -> Environment:
    """The environment called ``name``; without a name the default one, or the only one."""
    known = environments.environments
    wanted = name or environments.default or (next(iter(known)) if len(known) == 1 else None)
    if wanted is None:
        names = ", ".join(known)
        raise SettingsError(
            f"{environments.path} has several environments ({names}) and no default; choose one with --environment"
        )
    if wanted not in known:
        raise SettingsError(f"{environments.path} has no environment '{wanted}'{nearest(wanted, known)}")
    return known[wanted]


def load_environments(path: Path) -> Environments:
    """Read and check a settings file that somebody named. Raises `SettingsError` with file, line and cure."""
    return _checked(path, _content(path))


def _found_content(found: Path, cwd: Path) -> bytes:
    """The bytes of a file that nobody named, if only we can have put it there."""
    try:
        real = found.resolve(strict=True)
        regular = real.is_file()
    except (OSError, RuntimeError):
        # Older Pythons say RuntimeError of links in a circle.
        raise SettingsError(f"{found} leads nowhere; repair or remove it") from None
    if not real.is_relative_to(cwd.resolve()):
        raise SettingsError(f"{found} is a link that leads out of this folder; {_TRUST_IT}")
    if not regular:
        raise SettingsError(f"{found} is no regular file; remove it, or name another one with --config")
    return _content(found, _distrusted)


def _distrusted(status: os.stat_result) -> str | None:
    """Why others may have written the file, if they may."""
    # root could do anything anyway.
    if hasattr(os, "geteuid") and status.st_uid not in (os.geteuid(), 0):
        return f"belongs to another user; {_TRUST_IT}"
    if os.name == "posix" and status.st_mode & stat.S_IWOTH:
        return f"may be written by every user; run chmod o-w on it, or, {_TRUST_IT}"
    return None


def _content(path: Path, distrusted: Callable[[os.stat_result], str | None] = lambda _: None) -> bytes:
    try:
        with path.open("rb") as file:
            # Asked of the open file: nobody can swap it in between.
            problem = distrusted(os.fstat(file.fileno()))
            content = b"" if problem else file.read(_LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "that is no path"
        raise SettingsError(f"{path}: cannot be read ({why}); check the path and its rights") from None
    if problem:
        raise SettingsError(f"{path} {problem}")
    if len(content) > _LARGEST_FILE:
        raise SettingsError(f"{path}: is larger than {_LARGEST_FILE // 1024} KiB; is it the right file?")
    return content


class _Document:
    """What a YAML file holds as plain data, and in which line each part of it stands.

    No message repeats what may be a secret that somebody wrote here by mistake: no value, and no key where only
    references belong. As PyYAML's errors hold pieces of the text, ours are raised outside their handlers.
    """

    def __init__(self, path: Path, content: bytes) -> None:
        self.path = path
        self.lines: dict[KeyPath, int] = {}
        try:
            text: str | None = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = None
        if text is None:
            raise SettingsError(f"{path}: is no UTF-8 text; save it as UTF-8")
        root = self._composed(text)
        self.content: Any = None if root is None else self._plain(root, ())
        if self.content is None:
            raise SettingsError(f"{path}: is empty; begin with 'environments:' and a name below it")

    def line(self, at: KeyPath) -> int:
        """The line of what is at ``at``, or else of what should hold it."""
        while at not in self.lines:
            at = at[:-1]
        return self.lines[at]

    def fail(self, sentence: str, within: KeyPath, line: int) -> NoReturn:
        raise SettingsError(f"{self.path}:{line}: {placed(within, sentence)}")

    def _composed(self, text: str) -> yaml.Node | None:
        line, problem = 1, ""
        try:
            depth = 0
            # Before anything is built: an alias could stand for more than memory holds, and composing recurses.
            for event in yaml.parse(text, Loader=_Loader):
                line = _line(event.start_mark)
                depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
                if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                    problem = "anchors (&) and aliases (*) have no place here; write it out, or quote the text"
                    break
                if depth > _DEEPEST:
                    problem = f"is nested more than {_DEEPEST} deep; check the brackets and the indentation"
                    break
            else:
                node: yaml.Node | None = yaml.compose(text, Loader=_Loader)
                return node
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = _line(mark) if mark else line
            said = getattr(error, "problem", None) or "a character that has no place in YAML"
            # It may quote more than a sign, such as a tag that is not known.
            said = said if re.fullmatch(r"(?:[^']|'(?:[^']|<[^']*>)')*", said) else "something has no meaning there"
            problem = f"is no YAML ({said}); repair it, or quote the text"
        raise SettingsError(f"{self.path}:{line}: {problem}")

    def _plain(self, node: yaml.Node, at: KeyPath) -> Any:
        line = _line(node.start_mark)
        self.lines.setdefault(at, line)
        kind = node.tag.removeprefix(_TAG)
        if isinstance(node, yaml.MappingNode) and kind == "map":
            return self._mapping(node, at)
        if isinstance(node, yaml.SequenceNode) and kind == "seq":
            return [self._plain(item, (*at, index)) for index, item in enumerate(node.value)]
        if not isinstance(node, yaml.ScalarNode) or kind not in ("str", "int", "float", "bool", "null"):
            self.fail("is neither a text nor a number, or has a tag (!); quote it", _public(at), line)
        if _UNPRINTABLE.search(node.value):
            self.fail("has a line break or another character that cannot be seen; take it out", _public(at), line)
        value = _scalar(node)
        if isinstance(value, float) and not math.isfinite(value):
            self.fail("is no finite number; write one, or quote the text", _public(at), line)
        return value

    def _mapping(self, node: yaml.MappingNode, at: KeyPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, value in node.value:
            line = _line(key.start_mark)
            if key.tag != f"{_TAG}str" or _UNPRINTABLE.search(key.value):
                self.fail("has a key that is no plain text; quote it", _public(at), line)
            inside = (*at, key.value)
            if key.value in result:
                first = self.lines[inside]
                self.fail(f"is here for the second time, after line {first}; keep one", _public(inside), line)
            self.lines[inside] = line
            result[key.value] = self._plain(value, inside)
        return result


def _line(mark: Any) -> int:
    return int(mark.line) + 1


def _scalar(node: yaml.ScalarNode) -> Any:
    try:
        return yaml.constructor.SafeConstructor().construct_object(node)
    except (ValueError, LookupError):
        # It has the form or the tag of a number and is none, such as 0x_.
        return math.nan


def _public(at: KeyPath) -> KeyPath:
    """The path as far as it may be shown: below these keys, a key may be a secret that misses its key."""
    return next((at[: index + 1] for index, key in enumerate(at) if key in ("credentials", "secrets")), at)


def _checked(path: Path, content: bytes) -> Environments:
    document = _Document(path, content)
    # The first in the file: what comes later is often a consequence.
    found = min(
        violations("environments", document.content), key=lambda violation: document.line(violation.at), default=None
    )
    if found:
        # A secret without a reference, as in {s3cret}, has its key shown only if it is the name of something.
        hidden = found.within[-2:-1] == ("secrets",) and _value(document.content, found.within) is None
        document.fail(found.sentence, found.within[:-1] if hidden else found.within, document.line(found.at))
    default, named = document.content.get("default"), document.content["environments"]
    if default is not None and default not in named:
        document.fail(
            f"there is no environment '{default}'{nearest(default, named)}", ("default",), document.line(("default",))
        )
    lines: dict[str, dict[str, int]] = {name: {} for name in named}
    for (_, name, *keys), line in ((at, line) for at, line in document.lines.items() if len(at) > 2):
        lines[str(name)][".".join(map(str, keys))] = line
    return Environments(
        path, default, {name: _environment(path, name, entry, lines[name]) for name, entry in named.items()}
    )


def _value(content: Any, at: KeyPath) -> Any:
    for key in at:
        content = content[key]
    return content


def _environment(path: Path, name: str, entry: Mapping[str, Any], lines: Mapping[str, int]) -> Environment:
    """A checked entry as an object."""
    base = path.parent

    def reference(key: str, written: Mapping[str, Any]) -> SecretReference:
        return SecretReference(
            env=written.get("env"),
            file=_located(base, written["file"]) if "file" in written else None,
            command=_command(base, written["command"]) if "command" in written else (),
            where=f"{path}:{lines[key]}: environments.{name}.{key}",
        )

    def credentials(written: Mapping[str, Any]) -> CredentialReferences:
        parts: dict[str, Any] = {
            key: value if key == "user" else reference(f"credentials.{key}", value) for key, value in written.items()
        }
        return CredentialReferences(**parts)

    def tls(written: Mapping[str, Any]) -> Tls:
        parts: dict[str, Any] = {
            key: value if key == "insecure" else _located(base, value) for key, value in written.items()
        }
        return Tls(**parts)

    def datasource(role: str, written: Mapping[str, Any]) -> DatasourceEntry:
        given = written.get("secrets", {}).items()
        secrets = {key: reference(f"datasources.{role}.secrets.{key}", value) for key, value in given}
        return DatasourceEntry(**{**written, "role": role, "secrets": secrets})

    # Where something is left out, the defaults of the class hold.
    make: dict[str, Callable[[Any], Any]] = {
        # To the schema, 8.0 is an integer.
        "org": int,
        "jobs": int,
        "folder": _several,
        "credentials": credentials,
        "tls": tls,
        "tune": lambda written: _located(base, written),
        "datasources": lambda written: {role: datasource(role, value) for role, value in written.items()},
        "variables": lambda written: {
            key: value if isinstance(value, str) else tuple(value) for key, value in written.items()
        },
    }
    return Environment(
        name=name,
        path=path,
        lines=lines,
        **{key: make[key](value) if key in make else value for key, value in entry.items()},
    )


def _several(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _located(base: Path, written: str) -> Path:
    return Path.home() / written[2:] if written.startswith("~/") else base / written


def _command(base: Path, written: list[str]) -> tuple[str, ...]:
    """A program without a folder is looked up as a shell does; one with a folder lies beside the settings file."""
    program, *arguments = written
    # Absolute, as a path that lost its ./ would be looked up.
    return (str(_located(base, program).absolute()) if "/" in program else program, *arguments)


__all__ = [
    "FILE_NAME",
    "FILE_VARIABLE",
    "PLUGINS",
    "CredentialReferences",
    "DatasourceEntry",
    "Environment",
    "Environments",
    "Tls",
    "chosen_environment",
    "find_environment",
    "load_environments",
]
