"""How to reach a Grafana: address, credentials, TLS. Options, process environment and settings file come together."""

from __future__ import annotations

import base64
import json
import re
import ssl
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus, urlsplit

from sedna_dash.environments import FILE_NAME, Environment
from sedna_dash.errors import SettingsError
from sedna_dash.secret_references import Run, resolved

TOKEN_VARIABLE, USER_VARIABLE, PASSWORD_VARIABLE = "GRAFANA_TOKEN", "GRAFANA_USER", "GRAFANA_PASSWORD"

#: More at once is of no use to Grafana's database.
MOST_JOBS = 16

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
    client_certificate: Path | None = None
    client_key: Path | None = None
    #: Requests that may be under way at once.
    #: Requests under way at once; None leaves it to what the link is like.
    jobs: int | None = None


def grafana_settings(
    url: str | None,
    environ: Mapping[str, str],
    *,
    token_file: Path | None = None,
    read_token: Callable[[], str] | None = None,
    ca_file: Path | None = None,
    insecure: bool = False,
    client_certificate: Path | None = None,
    client_key: Path | None = None,
    org_id: int | None = None,
    timeout: float | None = None,
    jobs: int | None = None,
    environment: Environment | None = None,
    run: Run = subprocess.run,
) -> GrafanaSettings:
    """Check and gather what the options, the process environment and the settings file say, the first the strongest.

    ``read_token`` reads standard input. ``run`` is how a command that prints a secret is run; a reference to a secret
    is followed only when nothing stronger was given. Raises `SettingsError` with the cure; no message ever holds a
    secret, nor does an exception behind it.
    """
    file = environment or Environment()
    # Before the credentials: a command should not ask for a password in vain.
    address = _address(url, file)
    authority, verify = _authority(ca_file, insecure, file)
    certificate, key = _client_pair(client_certificate, client_key, file)
    return GrafanaSettings(
        url=address,
        credentials=_credentials(environ, token_file, read_token, file, run),
        ca_file=authority,
        verify=verify,
        org_id=file.org if org_id is None else org_id,
        timeout=_timeout(timeout, file),
        client_certificate=certificate,
        client_key=key,
        jobs=_jobs(jobs, file),
    )


def redactor(secrets: Iterable[str]) -> Callable[[str], str]:
    """A function that blanks the secrets out of a text, also as base64, quoted in a URL, and escaped in JSON."""
    forms = {form for secret in secrets for form in _forms(secret)}
    if not forms:
        return lambda text: text
    # The longest first: a secret may be the beginning of another.
    pattern = re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True))))
    return lambda text: pattern.sub("***", text)


def _forms(secret: str) -> Iterator[str]:
    if not secret:
        return
    encoded = secret.encode("utf-8", "surrogatepass")
    quoted = {quote(encoded, safe=safe) for safe in ("", "/")} | {quote_plus(encoded)}
    yield secret
    yield from quoted
    yield from (re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), form) for form in quoted)
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        # The padding is no secret, and not all programs write it.
        yield encode(encoded).decode().rstrip("=")
    for ascii_only in (True, False):
        yield json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
    # A message may quote one line of a key.
    if "\n" in secret:
        yield from (line for line in map(str.strip, secret.splitlines()) if len(line) > 15 and line[:5] != "-----")


def _address(url: str | None, file: Environment) -> str:
    if url is not None:
        return _checked_url(url, "--url")
    if file.url is not None:
        return _checked_url(file.url, file.where("url"))
    if file.name is None:
        raise SettingsError(f"no address of Grafana; give --url or GRAFANA_URL, or write it into {FILE_NAME}")
    raise SettingsError(f"{file.path}: environment '{file.name}' has no url; add it, or give --url or GRAFANA_URL")


def _timeout(timeout: float | None, file: Environment) -> float:
    if timeout is None:
        return GrafanaSettings.timeout if file.timeout is None else file.timeout
    if not timeout > 0:
        raise SettingsError("--timeout must be more than 0 seconds")
    return timeout


def _jobs(jobs: int | None, file: Environment) -> int | None:
    if jobs is None:
        return file.jobs
    if not 1 <= jobs <= MOST_JOBS:
        raise SettingsError(f"--jobs must be from 1 to {MOST_JOBS}")
    return jobs


def _authority(ca_file: Path | None, insecure: bool, file: Environment) -> tuple[Path | None, bool]:
    """The file with the authority's certificate, and whether Grafana's certificate is checked at all."""
    if ca_file is not None and insecure:
        raise SettingsError("--ca-file and --insecure exclude each other; give only --ca-file")
    if insecure:
        return None, False
    source = f"--ca-file {ca_file}"
    if ca_file is None and file.tls is not None:
        if file.tls.insecure:
            return None, False
        ca_file, source = file.tls.ca_file, f"{file.where('tls.ca_file')} ({file.tls.ca_file})"
    if ca_file is not None:
        _check_ca_file(ca_file, source)
    return ca_file, True


def _check_ca_file(ca_file: Path, source: str) -> None:
    """The HTTP library would say the same of a useless file as of an untrusted server."""
    cure = "name a PEM file with the authority's certificate"
    try:
        ssl.create_default_context(cafile=str(ca_file))
    except ssl.SSLError:
        raise SettingsError(f"{source}: holds no certificate; {cure}") from None
    except OSError as error:
        raise SettingsError(f"{source}: cannot be read ({error.strerror}); {cure}") from None


def _client_pair(
    certificate: Path | None, key: Path | None, file: Environment
) -> tuple[Path, Path] | tuple[None, None]:
    """The files of the certificate that we show and of its key."""
    sources = "--client-certificate", "--client-key"
    if certificate is None and key is None and file.tls is not None:
        certificate, key = file.tls.client_certificate, file.tls.client_key
        sources = file.where("tls.client_certificate"), file.where("tls.client_key")
    if certificate is None and key is None:
        return None, None
    if certificate is None or key is None:
        raise SettingsError("--client-certificate and --client-key belong together; give both")
    for path, source in zip((certificate, key), sources, strict=True):
        _check_readable(path, f"{source} {path}" if source[0] == "-" else f"{source} ({path})")
    _check_pair(certificate, key)
    return certificate, key


def _check_readable(path: Path, source: str) -> None:
    try:
        with path.open("rb"):
            return
    except OSError as error:
        raise SettingsError(f"{source}: cannot be read ({error.strerror}); name a PEM file") from None


def _check_pair(certificate: Path, key: Path) -> None:
    """The TLS library would say so only when it connects, or stop and ask for the passphrase of the key."""
    encrypted = False

    def asked_for_a_passphrase() -> str:
        nonlocal encrypted
        encrypted = True
        return "-"

    cure = "name the certificate and its key, both as PEM"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, asked_for_a_passphrase)
        problem = None
    except ssl.SSLError as error:
        mismatch = error.reason == "KEY_VALUES_MISMATCH"
        problem = f"do not belong together; {cure}" if mismatch else f"hold no certificate with its key; {cure}"
    except OSError as error:
        problem = f"cannot be read ({error.strerror}); {cure}"
    if encrypted:
        raise SettingsError(f"the client key {key} is encrypted, which cannot be used; give one without a passphrase")
    if problem:
        raise SettingsError(f"the client certificate {certificate} and key {key} {problem}")


def _checked_url(url: str, source: str) -> str:
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        parts = None
    # Out here, so that the error that would be behind this one, with a part of the address, is not.
    if parts is None:
        raise SettingsError(f"{source} is not an address; write it like https://grafana.example.org")
    # Before anything else: the other messages show the address.
    if "@" in parts.netloc:
        raise SettingsError(f"{source} holds credentials; take them out and {_HOW_TO_GET_IN}")
    if parts.scheme not in ("http", "https"):
        raise SettingsError(f"{source} must begin with http:// or https://, like https://grafana.example.org")
    if not parts.hostname or any(mark.isspace() for mark in url.strip()) or port == 0:
        raise SettingsError(f"{source} names no host; write it like https://grafana.example.org")
    if parts.query or parts.fragment:
        raise SettingsError(f"{source} must end before '?' or '#'; give only the address of Grafana's start page")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _credentials(
    environ: Mapping[str, str],
    token_file: Path | None,
    read_token: Callable[[], str] | None,
    file: Environment,
    run: Run,
) -> Credentials:
    """The options first, then a token from the process environment, then a login from there, then the settings file."""
    if token_file is not None and read_token is not None:
        raise SettingsError("--token-file and --token-stdin exclude each other; give one of them")
    if token_file is not None:
        return _token(_content(token_file), f"--token-file {token_file}")
    if read_token is not None:
        return _token(_piped(read_token), "standard input")
    if environ.get(TOKEN_VARIABLE):
        return _token(environ[TOKEN_VARIABLE], TOKEN_VARIABLE)
    user, password = environ.get(USER_VARIABLE), environ.get(PASSWORD_VARIABLE)
    if user and password:
        return _login(user, password)
    if user or password:
        raise SettingsError(f"only one of {USER_VARIABLE} and {PASSWORD_VARIABLE} is set; set both, or use a token")
    written = file.credentials
    if written is not None and written.token is not None:
        return _token(resolved(written.token, environ, run), str(written.token))
    if written is not None and written.user and written.password is not None:
        return Login(written.user, resolved(written.password, environ, run))
    raise SettingsError(f"no credentials for Grafana; {_HOW_TO_GET_IN}")


def _content(token_file: Path) -> str:
    try:
        return token_file.read_text(encoding="utf-8-sig")
    except OSError as error:
        why = error.strerror
    except UnicodeDecodeError:
        why = "it is not text"
    # Out here, so that the error that would be behind this one, with the content of the file, is not.
    raise SettingsError(f"--token-file {token_file}: cannot be read ({why}); name a file with the token")


def _piped(read_token: Callable[[], str]) -> str:
    try:
        return read_token()
    except UnicodeDecodeError:
        pass
    raise SettingsError("standard input is not text; it should hold a Grafana service account token")


def _login(user: str, password: str) -> Login:
    if ":" in user:
        raise SettingsError(f"{USER_VARIABLE} has a colon, which basic authentication cannot carry; use a token")
    # Bytes that are no text become these; encoding them later would fail with the password in the complaint.
    if re.search("[\ud800-\udfff]", user + password):
        raise SettingsError(f"{USER_VARIABLE} or {PASSWORD_VARIABLE} is no UTF-8 text; set it anew, or use a token")
    return Login(user, password)


def _token(text: str, source: str) -> Token:
    token = text.strip()
    if not token:
        raise SettingsError(f"{source} is empty; it should hold a Grafana service account token")
    # A header cannot carry anything else, and the HTTP library's complaint would show the value.
    if not token.isascii() or not token.isprintable() or " " in token:
        raise SettingsError(f"{source} holds more than a token; it should hold one word, such as glsa_...")
    return Token(token)


__all__ = ["MOST_JOBS", "Credentials", "GrafanaSettings", "Login", "Token", "grafana_settings", "redactor"]
