"""Grafana over HTTP: the only module that knows the client library. Every failure leaves it as one sentence of ours.

What the client library does not do by itself, and this module does: quote uids, refuse redirects (a followed POST
becomes a GET), tell a web page from an answer, keep addresses with credentials out of every message, wait and try
again when a read meets a server that is busy for a moment. A write is never sent twice.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cached_property, partial
from typing import Any
from urllib.parse import quote, urlsplit

from sedna_dash import __version__
from sedna_dash.deploy.plan import Folder, Version
from sedna_dash.errors import GrafanaError
from sedna_dash.settings import GrafanaSettings, Token

#: Seconds before each further try of a read. A server's Retry-After counts instead, up to the limit.
PAUSES, LONGEST_PAUSE = (0.5, 1.0, 2.0), 10.0

_BUSY = frozenset({429, 502, 503, 504})
_PAGE = 1000


class UnreachableError(GrafanaError):
    """No answer came, or none that a Grafana gives: going on makes no sense."""

    def __init__(self, message: str, *, passing: bool = False) -> None:
        super().__init__(message)
        #: The connection broke; the next one may hold.
        self.passing = passing


class RefusedError(GrafanaError):
    """Grafana answered, with an error."""

    def __init__(self, message: str, *, status: int, code: str = "", said: str = "") -> None:
        super().__init__(message)
        self.status = status
        #: Grafana's own short name of the error, where it has one: ``version-mismatch``, ``name-exists``.
        self.code = code
        #: Grafana's own sentence.
        self.said = said


@dataclass(frozen=True)
class Health:
    """What Grafana says about itself. ``version`` is None when it keeps it to itself."""

    version: tuple[int, int] | None
    text: str = ""


@dataclass(frozen=True)
class Saved:
    """Grafana's receipt for a dashboard."""

    uid: str
    version: int


class Grafana:
    """One Grafana, with the credentials of the settings. Nothing is sent before the first call.

    Use it as a context manager, so that its connections are closed.
    """

    def __init__(self, settings: GrafanaSettings, sleep: Callable[[float], object] = time.sleep) -> None:
        self.settings = settings
        self._sleep = sleep
        self._retry_after = ""

    def __enter__(self) -> Grafana:
        return self

    def __exit__(self, *_: object) -> None:
        if "_api" in self.__dict__:
            self._api.client.s.close()

    @property
    def url(self) -> str:
        """The address, as it may be shown."""
        return self.settings.url

    def health(self) -> Health:
        """Whether a Grafana answers, and which."""
        # The client's own health check asks for settings, which need a login.
        answer = self._read("tell its version", lambda: self._api.client.GET("/health"))
        if not isinstance(answer, dict) or not ({"database", "version", "commit"} & set(answer)):
            raise UnreachableError(self._not_grafana())
        text = str(answer.get("version") or "")
        numbers = text.split(".")[:2]
        known = len(numbers) == 2 and all(part.isdigit() for part in numbers)
        return Health((int(numbers[0]), int(numbers[1])) if known else None, clean(text))

    def folders(self) -> list[Folder]:
        """The folders that are in no other."""
        found = self._pages("list folders", "/folders", {})
        return [Folder(str(item.get("uid") or ""), str(item.get("title") or "")) for item in found]

    def folder(self, uid: str) -> Folder | None:
        """One folder, if it exists and may be seen."""
        answer = self._read_one(f"show the folder {uid}", lambda: self._api.folder.get_folder(_quoted(uid)))
        return Folder(str(answer["uid"]), str(answer["title"])) if answer else None

    def create_folder(self, folder: Folder) -> Folder:
        """Make the folder; what Grafana made of it."""
        answer = self._write(
            f"create the folder '{folder.title}'", lambda: self._api.folder.create_folder(folder.title, uid=folder.uid)
        )
        return Folder(str(answer.get("uid") or ""), str(answer.get("title") or ""))

    def datasources(self) -> list[dict[str, Any]]:
        """All datasources, without their secrets."""
        return self._list("list datasources", lambda: self._api.datasource.list_datasources())

    def datasource(self, uid: str) -> dict[str, Any] | None:
        """One datasource with all its settings, if it exists."""
        return self._read_one(
            f"show the datasource {uid}", lambda: self._api.datasource.get_datasource_by_uid(_quoted(uid))
        )

    def create_datasource(self, body: Mapping[str, Any]) -> None:
        """Add a datasource."""
        self._write(
            f"create the datasource '{body['name']}'", lambda: self._api.datasource.create_datasource(dict(body))
        )

    def update_datasource(self, body: Mapping[str, Any], version: int | None) -> None:
        """Replace a datasource that still has this version. Secrets that are not sent stay."""
        # Grafana refuses a version that is too old, but starts counting anew when there is none.
        locked = {**body, **({"version": version} if version else {})}
        self._write(
            f"update the datasource '{body['name']}'",
            lambda: self._api.datasource.update_datasource_by_uid(_quoted(str(body["uid"])), locked),
        )

    def dashboard(self, uid: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """A dashboard's model and what Grafana knows about it, if it exists."""
        answer = self._read_one(f"show the dashboard {uid}", lambda: self._api.dashboard.get_dashboard(_quoted(uid)))
        if answer is None:
            return None
        model, meta = answer.get("dashboard"), answer.get("meta")
        if not isinstance(model, dict) or not isinstance(meta, dict):
            raise UnreachableError(self._not_grafana())
        return model, meta

    def save_dashboard(
        self, model: Mapping[str, Any], *, folder_uid: str, message: str, version: int | None = None
    ) -> Saved:
        """Create a dashboard, or update one that still has this version. Somebody else's is never overwritten."""
        locked = {key: value for key, value in model.items() if key not in ("id", "version")}
        if version is not None:
            locked["version"] = version
        # Without folderUid Grafana would move it to General.
        body = {"dashboard": locked, "folderUid": folder_uid, "message": message, "overwrite": False}
        answer = self._write(
            f"save the dashboard '{model.get('title')}'", lambda: self._api.dashboard.update_dashboard(body)
        )
        return Saved(str(answer.get("uid") or ""), int(answer.get("version") or 0))

    def versions(self, uid: str, limit: int = 20) -> list[Version]:
        """A dashboard's history, newest first, with the messages that were really given."""
        # The client would send the limit as a form, where Grafana does not look for it.
        path = f"/dashboards/uid/{_quoted(uid)}/versions"
        answer = self._read(
            f"show the history of {uid}", lambda: self._api.client.GET(path, params={"limit": limit}), (dict, list)
        )
        # A list until 11.4, an object since.
        entries = answer.get("versions") or [] if isinstance(answer, dict) else answer
        result = []
        for entry in sorted(entries, key=lambda item: int(item["version"]), reverse=True):
            number, message = int(entry["version"]), str(entry.get("message") or "")
            if not entry.get("parentVersion") and message == "Initial save":
                # The list says so of every first version; only the version itself has its message.
                message = self._message_of(path, number) or message
            result.append(Version(number, clean(message), clean(entry.get("createdBy")), clean(entry.get("created"))))
        return result

    def _message_of(self, path: str, number: int) -> str:
        try:
            answer = self._read("show a version", lambda: self._api.client.GET(f"{path}/{number}"))
        except RefusedError as error:
            if error.status in (401, 403):
                raise
            return ""
        return str(answer.get("message") or "")

    def titles_in(self, folder_uid: str) -> dict[str, str]:
        """The dashboards of a folder: uid to title."""
        hits = self._pages("search dashboards", "/search", {"type": "dash-db", "folderUIDs": folder_uid})
        # Grafana 9 does not know folderUIDs and answers with the dashboards of all folders.
        return {str(hit["uid"]): str(hit["title"]) for hit in hits if hit.get("folderUid") == folder_uid}

    # How it is done -----------------------------------------------------------------------------------------------

    @cached_property
    def _api(self) -> Any:
        # The client takes a third of a second to import; --help does without.
        from grafana_client import GrafanaApi

        parts = urlsplit(self.settings.url)
        credentials = self.settings.credentials
        host = parts.hostname or ""
        prefix = parts.path.strip("/")
        api = GrafanaApi(
            # As bytes: the HTTP library writes text in Latin-1, Grafana reads UTF-8.
            auth=credentials.value
            if isinstance(credentials, Token)
            else (credentials.user.encode(), credentials.password.encode()),
            host=f"[{host}]" if ":" in host else host,
            port=parts.port,
            # The client joins prefix and path without a slash of its own.
            url_path_prefix=f"{prefix}/" if prefix else "",
            protocol=parts.scheme,
            verify=str(self.settings.ca_file) if self.settings.ca_file else self.settings.verify,
            timeout=self.settings.timeout,
            user_agent=f"sedna-dash/{__version__}",
            organization_id=self.settings.org_id,
        )
        api.client.s.hooks["response"].append(self._look_at)
        return api

    def _look_at(self, response: Any, **_: Any) -> None:
        """Called by the HTTP library with each response, before the client reads it."""
        self._retry_after = response.headers.get("Retry-After") or ""
        if response.is_redirect:
            to = urlsplit(str(response.headers.get("Location") or ""))
            # What follows a question mark may be somebody's session.
            place = clean(f"{to.scheme}://{to.hostname}{to.path}" if to.hostname else to.path)
            if "login" in to.path.lower() or "auth" in to.path.lower():
                cure = "a login page stands before it; use an address that takes API tokens"
            else:
                cure = "give the address that it leads to with --url"
            raise UnreachableError(f"{self.url} sends us on to {place}: {cure}")

    def _pages(self, what: str, path: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        result: list[dict[str, Any]] = []
        page = 1
        while True:
            asked = {**params, "limit": _PAGE, "page": page}
            found = self._list(what, partial(self._api.client.GET, path, params=asked))
            result += found
            if len(found) < _PAGE:
                return result
            page += 1

    def _list(self, what: str, call: Callable[[], Any]) -> list[dict[str, Any]]:
        answer = self._read(what, call, (list,))
        return [item for item in answer if isinstance(item, dict)]

    def _read_one(self, what: str, call: Callable[[], Any]) -> dict[str, Any] | None:
        try:
            answer: dict[str, Any] = self._read(what, call)
        except RefusedError as error:
            # To an Editor, Grafana 9 refuses what does not exist. If it does exist, the attempt to make it says so.
            if error.status in (403, 404):
                return None
            raise
        return answer

    def _read(self, what: str, call: Callable[[], Any], shape: tuple[type, ...] = (dict,)) -> Any:
        """Ask, and ask again a few times when the server is busy or the connection breaks."""
        for pause in PAUSES:
            try:
                return self._ask(what, call, shape)
            except RefusedError as error:
                if error.status not in _BUSY:
                    raise
                self._sleep(_seconds(self._retry_after, pause))
            except UnreachableError as error:
                if not error.passing:
                    raise
                self._sleep(pause)
        return self._ask(what, call, shape)

    def _write(self, what: str, call: Callable[[], Any]) -> dict[str, Any]:
        """Send once: nobody knows whether a write that got no answer was done. Another run finds out."""
        answer: dict[str, Any] = self._ask(what, call, (dict,))
        return answer

    def _ask(self, what: str, call: Callable[[], Any], shape: tuple[type, ...]) -> Any:
        self._retry_after = ""
        with self._own_errors(what):
            answer = call()
        if not isinstance(answer, shape):
            raise UnreachableError(self._not_grafana())
        return answer

    @contextmanager
    def _own_errors(self, what: str) -> Iterator[None]:
        from grafana_client.client import GrafanaException, GrafanaTimeoutError
        from niquests import exceptions as http

        try:
            with warnings.catch_warnings():
                # --insecure was asked for; one warning for each request helps nobody.
                warnings.filterwarnings("ignore", message="Unverified HTTPS request")
                yield
        except GrafanaTimeoutError:
            seconds = f"{self.settings.timeout:g}"
            raise UnreachableError(
                f"{self.url} did not answer within {seconds} seconds; check the address, or allow more with --timeout"
            ) from None
        except GrafanaException as error:
            raise self._refusal(what, error.status_code, error.response) from None
        except http.SSLError as error:
            raise UnreachableError(self._tls(str(error))) from None
        except http.JSONDecodeError:
            raise UnreachableError(self._not_grafana()) from None
        except http.RequestException as error:
            raise self._broken(str(error)) from None
        except OSError as error:
            # The HTTP library raises a plain OSError for a CA file that it cannot read.
            raise UnreachableError(f"{self.url} cannot be reached: {self._safe(error)}") from None

    def _refusal(self, what: str, status: int, body: Any) -> GrafanaError:
        """Grafana's error as a sentence with a cure. The client's own message would show the whole body."""
        said, code = "", ""
        if isinstance(body, dict):
            said = self._safe(body.get("message") or body.get("title") or "")
            code = str(body.get("status") or "")
        quoted = f" ({said})" if said else ""
        here = f"{self.url} refused to {clean(what)}"
        if status == 401:
            cure = (
                "make a new service account token in Grafana under Administration, Service accounts, and check that "
                "it is of this Grafana"
                if isinstance(self.settings.credentials, Token)
                else "check GRAFANA_USER and GRAFANA_PASSWORD"
            )
            text = f"{self.url} does not take the credentials{quoted}; {cure}"
        elif status == 403 and isinstance(body, dict):
            # Grafana names the permission; a read-only datasource is refused in the same way, with a sentence.
            needs = said.partition("Permissions needed: ")[2]
            needed = f"the credentials lack the permission {needs}" if needs else said or "no permission"
            text = f"{here}: {needed}; give the service account the role Editor, and Admin to make datasources"
            # A login that is in no such organization has no permission there, and Grafana says no more than that.
            text += f" in organization {self.settings.org_id}" if self.settings.org_id else ""
        elif status == 413:
            text = f"{here}: it is too large for a proxy on the way; raise the proxy's body size limit"
        elif not isinstance(body, dict) and status < 500 and status != 429:
            # Grafana answers in JSON, errors included. A web page comes from a proxy, or from beside the API.
            return UnreachableError(f"{self._not_grafana()} (HTTP {status})")
        elif status == 404 and self.settings.org_id is not None and "rganization" in said:
            text = f"{self.url} has no organization {self.settings.org_id}; correct --org-id"
        elif status == 404:
            text = f"{here}: not found{quoted}; if Grafana lives below a path, --url must hold it"
        elif status == 429:
            text = f"{here}: too many requests{quoted}; wait a little and run again"
        elif status >= 500:
            text = f"{here}: HTTP {status}{quoted}, a fault of its own or of a proxy; look in the log, then run again"
        else:
            text = f"{here}: HTTP {status}{quoted}"
        return RefusedError(text, status=status, code=code, said=said)

    def _not_grafana(self) -> str:
        return (
            f"{self.url} does not answer like a Grafana; check --url: its path must be Grafana's own, "
            "and no login page may stand before it"
        )

    def _tls(self, detail: str) -> str:
        if "WRONG_VERSION_NUMBER" in detail or "record layer" in detail.lower():
            return f"{self.url} does not speak TLS; write http:// if that is meant"
        if "ostname mismatch" in detail or "doesn't match" in detail or "IP address mismatch" in detail:
            return f"{self.url} shows a certificate for another name; use the name that is in the certificate"
        if self.settings.ca_file:
            by = f"is not signed by the authority in {self.settings.ca_file}; give the right one with --ca-file"
        else:
            by = "is not trusted here; give the file of its authority with --ca-file, or --insecure to do without"
        return f"{self.url} shows a certificate that {by}"

    def _broken(self, detail: str) -> UnreachableError:
        if "NameResolution" in detail or "getaddrinfo" in detail or "Failed to resolve" in detail:
            return UnreachableError(
                f"{self.url}: the name of the host is not known here; check the address and the DNS"
            )
        if "refused" in detail:
            return UnreachableError(f"{self.url}: nothing listens there (connection refused); check host and port")
        if any(word in detail.lower() for word in ("reset", "aborted", "closed", "broken", "incomplete")):
            return UnreachableError(
                f"{self.url} broke the connection; run again, and look in its log when it does so again", passing=True
            )
        return UnreachableError(f"{self.url} cannot be reached: {self._safe(detail)}")

    def _safe(self, text: object) -> str:
        """Foreign text for a message: without secrets, on one short line."""
        result = clean(text)
        for secret in self.settings.credentials.secrets:
            result = result.replace(secret, "***")
        return result if len(result) <= 300 else f"{result[:297]}..."


def clean(text: object) -> str:
    """Foreign text without characters that move a cursor, change a colour or hide."""
    return "".join(mark if mark.isprintable() else " " for mark in str(text or "")).strip()


def _quoted(uid: str) -> str:
    return quote(uid, safe="")


def _seconds(retry_after: str, otherwise: float) -> float:
    """What a Retry-After header asks for, in either of its forms, within reason."""
    if not retry_after:
        return otherwise
    try:
        asked = float(retry_after)
    except ValueError:
        try:
            asked = parsedate_to_datetime(retry_after).timestamp() - time.time()
        except (TypeError, ValueError):
            return otherwise
    return min(max(asked, 0.0), LONGEST_PAUSE)
