"""TLS and passwords for the server, in the file format that all Prometheus exporters share.

https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bcrypt
import yaml

from sedna_dash.catalog.model import closest
from sedna_dash.errors import SettingsError

_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_CLIENTS = {
    "NoClientCert": ssl.CERT_NONE,
    "RequestClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_TLS_KEYS = ("cert_file", "key_file", "client_ca_file", "client_auth_type", "min_version", "max_version")
_HEADERS = (
    "Content-Security-Policy",
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "X-XSS-Protection",
)
#: A hash of nothing that anybody knows: unknown users must not be told apart by how long the answer takes.
_NOBODY = bcrypt.hashpw(b"nobody", bcrypt.gensalt(10))


@dataclass(frozen=True)
class Tls:
    """Certificate and key of the server, and what it asks of clients."""

    cert_file: Path
    key_file: Path
    client_ca_file: Path | None = None
    client_auth_type: str = "NoClientCert"
    min_version: str = "TLS12"
    max_version: str = "TLS13"

    def context(self) -> ssl.SSLContext:
        """A context of these files as they are now. Raises `SettingsError`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = _VERSIONS[self.min_version]
        context.maximum_version = _VERSIONS[self.max_version]
        try:
            context.load_cert_chain(self.cert_file, self.key_file)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(
                f"{self.cert_file}, {self.key_file}: hold no certificate with its key ({error}); check both files"
            ) from error
        if self.client_ca_file is not None:
            try:
                context.load_verify_locations(self.client_ca_file)
            except (OSError, ssl.SSLError) as error:
                raise SettingsError(f"{self.client_ca_file}: holds no CA certificate ({error})") from error
        context.verify_mode = _CLIENTS[self.client_auth_type]
        return context

    def stamp(self) -> tuple[int, ...]:
        """Changes when one of the files does."""
        files = [file for file in (self.cert_file, self.key_file, self.client_ca_file) if file]
        return tuple(file.stat().st_mtime_ns for file in files if file.exists())


@dataclass(frozen=True)
class WebConfig:
    """How the server speaks: ``users`` maps names to bcrypt hashes."""

    tls: Tls | None = None
    users: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


class Doorkeeper:
    """Checks passwords. One that was right is remembered as a hash, since bcrypt is slow on purpose."""

    def __init__(self, users: Mapping[str, bytes]) -> None:
        self._users = users
        self._right: dict[str, bytes] = {}

    def lets_in(self, authorization: str) -> bool:
        """Whether an Authorization header opens the door; without any users it is open."""
        if not self._users:
            return True
        scheme, _, encoded = authorization.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            user, separator, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        given = hashlib.sha256(password.encode()).digest()
        if separator and hmac.compare_digest(self._right.get(user, b""), given):
            return True
        # bcrypt reads 72 bytes and refuses more.
        right = bcrypt.checkpw(password.encode()[:72], self._users.get(user, _NOBODY)) and user in self._users
        if right:
            self._right[user] = given
        return right


def read_web_config(path: Path) -> WebConfig:
    """The file's settings. Raises `SettingsError` for what is unreadable, unknown or not supported here."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read ({error.__class__.__name__}); check the path") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise SettingsError(f"{path}:{mark.line + 1 if mark else 1}: is no YAML; repair it") from error
    top = _mapping(path, content, "the file", ("tls_server_config", "http_server_config", "basic_auth_users"))
    users = _mapping(path, top.get("basic_auth_users") or {}, "basic_auth_users", None)
    http = _mapping(path, top.get("http_server_config") or {}, "http_server_config", ("http2", "headers"))
    headers = _mapping(path, http.get("headers") or {}, "http_server_config.headers", _HEADERS)
    return WebConfig(
        tls=_tls(path, top["tls_server_config"]) if top.get("tls_server_config") else None,
        users={str(user): _hash(path, str(user), value) for user, value in users.items()},
        headers={name: str(value) for name, value in headers.items()},
    )


def _tls(path: Path, content: Any) -> Tls:
    given = _mapping(path, content, "tls_server_config", _TLS_KEYS)
    for key in ("cert_file", "key_file"):
        if not given.get(key):
            raise SettingsError(f"{path}: tls_server_config: '{key}' is missing; add it")
    for key, legal in (("client_auth_type", _CLIENTS), ("min_version", _VERSIONS), ("max_version", _VERSIONS)):
        if key in given and given[key] not in legal:
            raise SettingsError(f"{path}: tls_server_config: {key} must be one of {', '.join(legal)}")
    # Paths are relative to the file, as in every other exporter.
    settings: dict[str, Any] = {
        key: path.parent / str(value) if key.endswith("_file") else value for key, value in given.items()
    }
    tls = Tls(**settings)
    if _CLIENTS[tls.client_auth_type] != ssl.CERT_NONE and tls.client_ca_file is None:
        raise SettingsError(f"{path}: tls_server_config: {tls.client_auth_type} needs a client_ca_file; add it")
    tls.context()
    return tls


def _hash(path: Path, user: str, value: Any) -> bytes:
    text = value.encode() if isinstance(value, str) else b""
    try:
        bcrypt.checkpw(b"", text)
    except ValueError as error:
        raise SettingsError(
            f"{path}: basic_auth_users: the value of '{user}' is no bcrypt hash; make one with htpasswd -nBC 10 {user}"
        ) from error
    return text


def _mapping(path: Path, value: Any, where: str, keys: tuple[str, ...] | None) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SettingsError(f"{path}: {where} must be a mapping of keys to values")
    for key in value:
        if keys is not None and key not in keys:
            raise SettingsError(f"{path}: {where}: '{key}' is not supported here{closest(str(key), keys)}; remove it")
    return value
