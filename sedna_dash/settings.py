"""How to reach a Grafana: address, credentials, TLS. The only reader of the environment."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from sedna_dash.errors import SettingsError

TOKEN_VARIABLE, USER_VARIABLE, PASSWORD_VARIABLE = "GRAFANA_TOKEN", "GRAFANA_USER", "GRAFANA_PASSWORD"

_HOW_TO_GET_IN = (
    f"give a service account token with --token-file, --token-stdin or {TOKEN_VARIABLE}, "
    f"or a login with {USER_VARIABLE} and {PASSWORD_VARIABLE}"
)


@dataclass(frozen=True)
class Token:
    """A service account token or API key. Its value stays out of every repr."""

    value: str = field(repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.value,)


@dataclass(frozen=True)
class Login:
    """A user and password: on an edge site there is often nothing but ``admin``."""

    user: str
    password: str = field(repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        encoded = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return (self.password, encoded)


Credentials = Token | Login


@dataclass(frozen=True)
class GrafanaSettings:
    """Where Grafana is and how to talk to it. ``url`` has no slash at its end."""

    url: str
    credentials: Credentials
    ca_file: Path | None = None
    verify: bool = True
    org_id: int | None = None
    timeout: float = 10.0


def grafana_settings(
    url: str,
    environ: Mapping[str, str],
    *,
    token_file: Path | None = None,
    read_token: Callable[[], str] | None = None,
    ca_file: Path | None = None,
    insecure: bool = False,
    org_id: int | None = None,
    timeout: float = GrafanaSettings.timeout,
) -> GrafanaSettings:
    """Check and gather what the options and the environment say. ``read_token`` reads standard input.

    Raises `SettingsError` with the cure; no message ever holds a secret.
    """
    if ca_file is not None and insecure:
        raise SettingsError("--ca-file and --insecure exclude each other; give only --ca-file")
    if ca_file is not None:
        _check_ca_file(ca_file)
    if timeout <= 0:
        raise SettingsError("--timeout must be more than 0 seconds")
    return GrafanaSettings(
        url=_checked_url(url),
        credentials=_credentials(environ, token_file, read_token),
        ca_file=ca_file,
        verify=not insecure,
        org_id=org_id,
        timeout=timeout,
    )


def _check_ca_file(ca_file: Path) -> None:
    """The HTTP library would say the same of a useless file as of an untrusted server."""
    cure = "name a PEM file with the authority's certificate"
    try:
        ssl.create_default_context(cafile=str(ca_file))
    except ssl.SSLError:
        raise SettingsError(f"--ca-file {ca_file}: holds no certificate; {cure}") from None
    except OSError as error:
        raise SettingsError(f"--ca-file {ca_file}: cannot be read ({error.strerror}); {cure}") from None


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise SettingsError("--url is not an address; write it like https://grafana.example.org") from None
    # Before anything else: the other messages show the address.
    if "@" in parts.netloc:
        raise SettingsError(f"--url holds credentials; take them out and {_HOW_TO_GET_IN}")
    if parts.scheme not in ("http", "https"):
        raise SettingsError("--url must begin with http:// or https://, like https://grafana.example.org")
    if not parts.hostname or any(mark.isspace() for mark in url.strip()) or port == 0:
        raise SettingsError("--url names no host; write it like https://grafana.example.org")
    if parts.query or parts.fragment:
        raise SettingsError("--url must end before '?' or '#'; give only the address of Grafana's start page")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _credentials(
    environ: Mapping[str, str], token_file: Path | None, read_token: Callable[[], str] | None
) -> Credentials:
    """The options first, then a token from the environment, then a login from there."""
    if token_file is not None and read_token is not None:
        raise SettingsError("--token-file and --token-stdin exclude each other; give one of them")
    if token_file is not None:
        return _token(_content(token_file), f"--token-file {token_file}")
    if read_token is not None:
        try:
            return _token(read_token(), "standard input")
        except UnicodeDecodeError:
            raise SettingsError("standard input is not text; it should hold a Grafana service account token") from None
    if environ.get(TOKEN_VARIABLE):
        return _token(environ[TOKEN_VARIABLE], TOKEN_VARIABLE)
    user, password = environ.get(USER_VARIABLE), environ.get(PASSWORD_VARIABLE)
    if user and password:
        if ":" in user:
            raise SettingsError(f"{USER_VARIABLE} has a colon, which basic authentication cannot carry; use a token")
        return Login(user, password)
    if user or password:
        raise SettingsError(f"only one of {USER_VARIABLE} and {PASSWORD_VARIABLE} is set; set both, or use a token")
    raise SettingsError(f"no credentials for Grafana; {_HOW_TO_GET_IN}")


def _content(token_file: Path) -> str:
    try:
        return token_file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SettingsError(f"--token-file {token_file}: cannot be read ({why}); name a file with the token") from None


def _token(text: str, source: str) -> Token:
    token = text.strip()
    if not token:
        raise SettingsError(f"{source} is empty; it should hold a Grafana service account token")
    # A header cannot carry anything else, and the HTTP library's complaint would show the value.
    if not token.isascii() or not token.isprintable() or " " in token:
        raise SettingsError(f"{source} holds more than a token; it should hold one word, such as glsa_...")
    return Token(token)


__all__ = ["Credentials", "GrafanaSettings", "Login", "Token", "grafana_settings"]
