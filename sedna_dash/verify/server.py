"""A server of ours over HTTP, asked for JSON: the only module of verify that knows how. It only ever reads.

Redirects are not followed: the credentials would go along to wherever they lead.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from sedna_dash import __version__
from sedna_dash.errors import VerifyError
from sedna_dash.settings import Credentials, Token, redactor

#: The most that is read of one answer, in bytes: a panel with more than this is of no use to anybody.
LARGEST = 256 * 1024 * 1024

_CHUNK = 1024 * 1024
_LONGEST = 300


class UnreachableServerError(VerifyError):
    """No answer came, or none that such a server gives."""

    exit_code = 4


class LateServerError(UnreachableServerError):
    """No answer came in time; to an easier question one may come."""


class DeniedServerError(VerifyError):
    """The server does not take the credentials."""

    exit_code = 7


class RefusedQueryError(Exception):
    """The server answered a query with an error; the message is in its own words."""


@dataclass(frozen=True)
class Tls:
    """How the server's certificate is checked, and what we show for ourselves."""

    ca_file: Path | None = None
    verify: bool = True
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
        if not self.verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if self.certificate:
            context.load_cert_chain(self.certificate, self.key)
        return context


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass
class Server:
    """One server. ``product`` is its name in messages, ``flag`` the option that names its address.

    May be used by several threads.
    """

    url: str
    product: str
    flag: str
    credentials: Credentials | None = None
    tls: Tls = field(default_factory=Tls)
    timeout: float = 30.0
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._safe = redactor(self.credentials.secrets if self.credentials else ())
        self._headers = {"User-Agent": f"sedna-dash/{__version__}", "Accept": "application/json", **self.headers}
        if isinstance(self.credentials, Token):
            self._headers["Authorization"] = f"Bearer {self.credentials.value}"
        elif self.credentials:
            pair = f"{self.credentials.user}:{self.credentials.password}".encode()
            self._headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        https = urllib.request.HTTPSHandler(context=self.tls.context())
        self._opener = urllib.request.build_opener(https, _NoRedirects())

    def ask(
        self,
        path: str,
        form: Iterable[tuple[str, str]] = (),
        *,
        body: Mapping[str, Any] | None = None,
        post: bool = True,
    ) -> Any:
        """The JSON that the server answers, whatever its status, as long as it is JSON.

        ``form`` goes into the body of a POST, or behind the address with ``post=False``; ``body`` is JSON. Raises
        `UnreachableServerError` and `DeniedServerError`.
        """
        address, data, headers = self.url + path, None, dict(self._headers)
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        elif post:
            data = urllib.parse.urlencode(list(form)).encode()
        else:
            address += "?" + urllib.parse.urlencode(list(form))
        status, content = self._exchange(urllib.request.Request(address, data, headers))  # noqa: S310 - checked before
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError:
            pass
        if status in (400, 422, 429, 500, 502, 503, 504) and b"<" not in content[:200]:
            # Loki tells its errors as plain text.
            return {"error": f"HTTP {status}: {content.decode(errors='replace').strip() or 'no reason given'}"}
        raise UnreachableServerError(
            f"{self.url} does not answer like {self.product} (HTTP {status}, no JSON); check {self.flag}: it must be "
            f"the address of {self.product} itself, and no login page may stand before it"
        )

    def shortened(self, text: object) -> str:
        """Foreign text for a message: without secrets, on one line, not too long."""
        line = " ".join("".join(mark if mark.isprintable() else " " for mark in self._safe(str(text))).split())
        return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"

    def _exchange(self, request: urllib.request.Request) -> tuple[int, bytes]:
        deadline = time.monotonic() + self.timeout
        try:
            try:
                answer: Any = self._opener.open(request, timeout=self.timeout)
            except urllib.error.HTTPError as error:
                answer = error
            with answer:
                self._check_status(answer)
                return answer.status, self._read(answer, deadline)
        except urllib.error.URLError as error:
            raise self._failure(error.reason) from None
        except (OSError, http.client.HTTPException) as error:
            raise self._failure(error) from None

    def _read(self, answer: Any, deadline: float) -> bytes:
        parts: list[bytes] = []
        size = 0
        # Each piece has all the time of the socket; together they have no more than one answer has.
        while part := answer.read1(_CHUNK):
            parts.append(part)
            size += len(part)
            if time.monotonic() > deadline:
                raise TimeoutError
            if size > LARGEST:
                raise UnreachableServerError(f"{self.url} sent more than {LARGEST >> 20} MiB in answer to one query")
        return b"".join(parts)

    def _check_status(self, answer: Any) -> None:
        code = answer.status
        if code == 401:
            have = "give its credentials" if self.credentials is None else "check them"
            name = self.product.upper()
            how = f"{name}_TOKEN, or {name}_USER and {name}_PASSWORD, in the environment"
            how = f"{how}; see sedna-dash deploy --help for Grafana" if name == "GRAFANA" else how
            raise DeniedServerError(f"{self.url} does not take these credentials (HTTP 401); {have}: {how}")
        if code == 403:
            raise DeniedServerError(
                f"{self.url} does not let these credentials query (HTTP 403); use some that may read metrics and logs"
            )
        if 300 <= code < 400:
            to = urllib.parse.urlsplit(answer.headers.get("Location") or "")
            place = self.shortened(f"{to.scheme}://{to.hostname}{to.path}" if to.hostname else to.path)
            raise UnreachableServerError(f"{self.url} sends us on to {place}; give the address itself with {self.flag}")
        if code == 404:
            raise UnreachableServerError(
                f"{self.url} has no query API of {self.product} (HTTP 404); check {self.flag}: it must hold the path "
                f"that {self.product} lives below"
            )

    def _failure(self, problem: object) -> UnreachableServerError:
        text = str(problem)
        if isinstance(problem, TimeoutError) or "timed out" in text:
            return LateServerError(
                f"{self.url} did not answer within {self.timeout:g} seconds; allow more with --timeout, or look what "
                f"keeps it busy"
            )
        if isinstance(problem, ssl.SSLCertVerificationError):
            by = (
                f"is not signed by the authority in {self.tls.ca_file}; give the right one with --ca-file"
                if self.tls.ca_file
                else "is not trusted here; give the file of its authority with --ca-file, or --insecure to do without"
            )
            return UnreachableServerError(f"{self.url} shows a certificate that {by}")
        if isinstance(problem, ssl.SSLError):
            return UnreachableServerError(
                f"{self.url} does not speak TLS as we do ({problem.reason}); check {self.flag}"
            )
        if isinstance(problem, ConnectionRefusedError):
            return UnreachableServerError(
                f"{self.url}: nothing listens there (connection refused); start {self.product}, or correct {self.flag}"
            )
        if "name" in text.lower() and "known" in text.lower():
            return UnreachableServerError(f"{self.url}: the name of the host is not known here; correct {self.flag}")
        return UnreachableServerError(
            f"{self.url} broke the connection ({self.shortened(text) or type(problem).__name__}); check {self.flag}, "
            f"and the log of {self.product}"
        )


__all__ = [
    "LARGEST",
    "DeniedServerError",
    "LateServerError",
    "RefusedQueryError",
    "Server",
    "Tls",
    "UnreachableServerError",
]
