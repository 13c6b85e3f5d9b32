"""How to reach the servers that verify asks: addresses, credentials, TLS."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from sedna_dash.errors import SettingsError
from sedna_dash.settings import Credentials, GrafanaSettings, Login, Token
from sedna_dash.verify.server import Server, Tls
from sedna_dash.verify.spans import duration

#: Queries may take longer than what deploy asks.
TIMEOUT = 60.0


def direct(
    product: str, url: str, environ: Mapping[str, str], tls: Tls, timeout: float | None, *, path: str = ""
) -> Server:
    """A Prometheus or a Loki by its address; its credentials are in the environment: ``<PRODUCT>_TOKEN``, or ``_USER``
    and ``_PASSWORD``, and for a Loki with several tenants ``LOKI_ORG_ID``.

    Raises `SettingsError`, never with a secret in it.
    """
    name = product.upper()
    tenant = environ.get(f"{name}_ORG_ID")
    headers = {"X-Scope-OrgID": _one_word(tenant, f"{name}_ORG_ID")} if tenant else {}
    return Server(
        _checked(url, f"--{product.lower()}", product) + path,
        product,
        f"--{product.lower()}",
        _credentials(name, environ),
        tls,
        timeout or TIMEOUT,
        headers,
    )


def of_grafana(settings: GrafanaSettings, timeout: float | None) -> Server:
    """The Grafana of the settings, to ask its datasources."""
    tls = Tls(settings.ca_file, settings.verify, settings.client_certificate, settings.client_key)
    headers = {"X-Grafana-Org-Id": str(settings.org_id)} if settings.org_id is not None else {}
    return Server(settings.url, "Grafana", "--grafana", settings.credentials, tls, timeout or TIMEOUT, headers)


def chosen_values(pairs: Sequence[str]) -> dict[str, list[str]]:
    """``--set`` as values by variable. Raises `SettingsError` for what is no pair."""
    found: dict[str, list[str]] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not re.fullmatch(r"\w+", name):
            raise SettingsError(f"--set {pair}: write it as VARIABLE=VALUE, such as --set namespace=factory")
        found.setdefault(name, []).append(value)
    return found


def since_seconds(text: str | None) -> float | None:
    """``--since`` in seconds. Raises `SettingsError`."""
    if text is None:
        return None
    seconds = duration(text)
    if not seconds or seconds < 600:
        raise SettingsError(f"--since {text}: give a time of 10 minutes or more, such as 24h or 7d")
    return seconds


def _credentials(name: str, environ: Mapping[str, str]) -> Credentials | None:
    token, user, password = (environ.get(f"{name}_{part}") for part in ("TOKEN", "USER", "PASSWORD"))
    if token:
        return Token(_one_word(token.strip(), f"{name}_TOKEN"))
    if user and password:
        if ":" in user:
            raise SettingsError(f"{name}_USER has a colon, which basic authentication cannot carry; use a token")
        return Login(user, password)
    if user or password:
        raise SettingsError(f"only one of {name}_USER and {name}_PASSWORD is set; set both, or {name}_TOKEN")
    return None


def _one_word(text: str, source: str) -> str:
    if not text.isascii() or not text.isprintable() or " " in text:
        raise SettingsError(f"{source} holds what no header can carry; it should be one word")
    return text


def _checked(url: str, flag: str, product: str) -> str:
    example = f"http://{product.lower()}:{9090 if product == 'Prometheus' else 3100}"
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if usable and "@" in parts.netloc:
        name = product.upper()
        raise SettingsError(f"{flag} holds credentials; take them out and set {name}_USER and {name}_PASSWORD")
    if not usable or any(mark.isspace() for mark in url.strip()) or parts.query or parts.fragment:
        raise SettingsError(f"{flag} is not the address of a {product}; write it like {example}")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
