"""Grafana over HTTP: the only module that knows the client library. Every failure leaves it as one sentence of ours.

What the client library does not do by itself, and this module does: quote uids, refuse redirects (a followed POST
becomes a GET), tell a web page from an answer, keep addresses with credentials out of every message, wait and try
again when a server is busy for a moment or a connection breaks.

A write is tried again too: each of ours names the version that it was made for, or makes something that can be there
only once. When the first try was done after all, the second is refused, and whoever asked looks again.
"""

from __future__ import annotations

import random
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cached_property, partial
from typing import Any
from urllib.parse import quote, urlsplit

from sedna_dash import __version__
from sedna_dash.deploy.resources import Folder, Hit, LiveRule, Version
from sedna_dash.errors import CredentialsError, GrafanaError
from sedna_dash.settings import MOST_JOBS, GrafanaSettings, Token, redactor

#: Seconds before each further try. A server's Retry-After counts instead, up to the limit.
PAUSES, LONGEST_PAUSE = (0.5, 1.0, 2.0), 10.0

_BUSY = frozenset({429, 502, 503, 504})
#: A write may also meet a database that is locked, which Grafana calls a fault of its own.
_BUSY_WRITING = _BUSY | {500}
_PAGE = 1000
#: Who may do what an Editor may not, and how to do without.
_ROLES = {
    **dict.fromkeys(("datasources:create", "datasources:write"), "Admin, or name a datasource that is there"),
    "alert.provisioning:": "Admin, or deploy with --no-alerts",
}

_RULES, _RULER = "/v1/provisioning/alert-rules", "/ruler/grafana/api/v1/rules"
#: Without it, rules that came over the API could not be edited in Grafana's pages.
_EDITABLE = {"X-Disable-Provenance": "true"}
#: What Grafana 9 calls a fault of its own, and is none.
_NO_RULE, _REFUSED_RULES = "could not find alert rule", ("conflicting alert rule", "provenance from")
#: Seconds in which a Grafana near by answers, and how much to ask at once there and elsewhere.
_NEAR, _JOBS_NEAR, _JOBS_FAR = 0.02, 2, 8


class UnreachableError(GrafanaError):
    """No answer came, or none that a Grafana gives: going on makes no sense."""

    def __init__(self, message: str, *, passing: bool = False, late: bool = False) -> None:
        super().__init__(message)
        #: The connection broke; the next one may hold.
        self.passing = passing
        #: No answer came in time; the next one may be quicker.
        self.late = late


class DeniedError(UnreachableError, CredentialsError):
    """Grafana does not take the credentials, or no longer."""

    exit_code = CredentialsError.exit_code


class RefusedError(GrafanaError):
    """Grafana answered, with an error."""

    def __init__(self, message: str, *, status: int, code: str = "", said: str = "") -> None:
        super().__init__(message)
        self.status = status
        #: Grafana's own short name of the error, where it has one: ``version-mismatch``, ``name-exists``.
        self.code = code
        #: Grafana's own sentence.
        self.said = said


class ForbiddenError(RefusedError, CredentialsError):
    """Grafana takes the credentials, but they may not do this."""

    exit_code = CredentialsError.exit_code


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


@dataclass(frozen=True)
class Series:
    """One series of an answer to a query, or all its log lines."""

    labels: Mapping[str, str]
    values: Sequence[Any]


class Grafana:
    """One Grafana, with the credentials of the settings. Nothing is sent before the first call.

    May be used by several threads. Use it as a context manager, so that its connections are closed.
    """

    def __init__(self, settings: GrafanaSettings, sleep: Callable[[float], object] = time.sleep) -> None:
        self.settings = settings
        self._sleep = sleep
        self._is_near = False
        self._secrets = set(settings.credentials.secrets)
        #: What the last answer of a thread said besides its body.
        self._last = threading.local()

    def __enter__(self) -> Grafana:
        return self

    def __exit__(self, *_: object) -> None:
        if "_api" in self.__dict__:
            self._api.client.s.close()

    @property
    def url(self) -> str:
        """The address, as it may be shown."""
        return self.settings.url

    @property
    def jobs(self) -> int:
        """How many requests should be under way at once.

        What is near by has no time to win back, and Grafana's usual database, SQLite, gets slower the more threads
        write to it: 100 saves took 1.9 s one by one and 4.6 s eight at a time, measured on 9.3.2.
        """
        return self.settings.jobs or (_JOBS_NEAR if self._is_near else _JOBS_FAR)

    def health(self) -> Health:
        """Whether a Grafana answers, and which."""
        # The client's own health check asks for settings, which need a login.
        _ = self._api  # what it takes to begin is not what the link takes
        start = time.perf_counter()
        # An address where nothing answers should be told at once, not after waiting several times.
        answer = self._persistently(
            "tell its version", lambda: self._api.client.GET("/health"), (dict,), _BUSY, patient=False
        )
        self._is_near = time.perf_counter() - start < _NEAR
        if not isinstance(answer, dict) or not ({"database", "version", "commit"} & set(answer)):
            raise UnreachableError(self._not_grafana())
        text = str(answer.get("version") or "")
        numbers = text.split(".")[:2]
        known = len(numbers) == 2 and all(part.isdigit() for part in numbers)
        return Health((int(numbers[0]), int(numbers[1])) if known else None, clean(text))

    def folders(self, parent: str = "") -> list[Folder]:
        """The folders that are in no other, or in ``parent``."""
        found = self._pages("list folders", "/folders", {"parentUid": parent} if parent else {})
        return [_folder(item) for item in found]

    def folder(self, uid: str) -> Folder | None:
        """One folder, if it exists and may be seen."""
        answer = self._read_one(f"show the folder {uid}", lambda: self._api.folder.get_folder(_quoted(uid)))
        return _folder(answer) if answer else None

    def create_folder(self, folder: Folder) -> Folder:
        """Make the folder; what Grafana made of it, which on old servers has no parent."""
        body = {"uid": folder.uid, "title": folder.title, **({"parentUid": folder.parent} if folder.parent else {})}
        return _folder(
            self._write(
                f"create the folder '{folder.title}'", lambda: self._api.client.POST("/folders", json=dict(body))
            )
        )

    def rename_folder(self, folder: Folder) -> Folder:
        """Give the folder its title; it must still have its version."""
        body = {"title": folder.title, "version": folder.version}
        path = f"/folders/{_quoted(folder.uid)}"
        return _folder(
            self._write(f"rename the folder {folder.uid}", lambda: self._api.client.PUT(path, json=dict(body)))
        )

    def move_folder(self, folder: Folder) -> Folder:
        """Put the folder into its parent."""
        path = f"/folders/{_quoted(folder.uid)}/move"
        body = {"parentUid": folder.parent}
        return _folder(
            self._write(f"move the folder {folder.uid}", lambda: self._api.client.POST(path, json=dict(body)))
        )

    def datasources(self) -> list[dict[str, Any]]:
        """All datasources, without their secrets."""
        return self._list("list datasources", lambda: self._api.datasource.list_datasources())

    def datasource(self, uid: str) -> dict[str, Any] | None:
        """One datasource with all its settings, if it exists."""
        return self._read_one(
            f"show the datasource {uid}", lambda: self._api.datasource.get_datasource_by_uid(_quoted(uid))
        )

    def hide(self, secrets: Iterable[str]) -> None:
        """Keep these out of every message, too: a server may repeat what it was sent."""
        self._secrets.update(secrets)

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

    def version(self, uid: str, number: int) -> dict[str, Any] | None:
        """The dashboard as it was saved in that version, if Grafana still has it."""
        answer = self._version(f"/dashboards/uid/{_quoted(uid)}/versions", number)
        model = answer.get("data")
        return model if isinstance(model, dict) else None

    def _message_of(self, path: str, number: int) -> str:
        return str(self._version(path, number).get("message") or "")

    def _version(self, path: str, number: int) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = self._read("show a version", lambda: self._api.client.GET(f"{path}/{number}"))
        except RefusedError as error:
            # Grafana 9 answers 500 for a version that it no longer has, and 400 when the dashboard is gone.
            if error.status not in (400, 404, 500):
                raise
            return {}
        return answer

    def search(self) -> list[Hit]:
        """Every dashboard that the credentials may see."""
        # Not limited to a folder: Grafana 9 does not know folderUIDs, and what we made may have been moved.
        return [
            Hit(str(hit["uid"]), str(hit["title"]), str(hit.get("folderUid") or ""), tuple(hit.get("tags") or ()))
            for hit in self._pages("search dashboards", "/search", {"type": "dash-db"})
        ]

    def delete_dashboard(self, uid: str) -> bool:
        """Delete a dashboard, whatever is in it; False when the server is busy or the connection broke, and nobody
        knows whether it was done.

        The one write that names no version, and so the one that is never sent twice: look again first.
        """
        path = f"/dashboards/uid/{_quoted(uid)}"
        try:
            return self._done(f"delete the dashboard {uid}", lambda: self._api.client.DELETE(path), (dict,))
        except RefusedError as error:
            if error.status != 404:
                raise
            return True

    # Alert rules. None of these writes names a version, so none is sent twice by itself: look again first ------------

    def rules(self) -> list[LiveRule] | None:
        """Every alert rule that the credentials may see; None when they may see none."""
        # The provisioning API of Grafana 9 has no list. Grafana's own pages read this one.
        try:
            answer = self._read("list the alert rules", lambda: self._api.client.GET(_RULER))
        except RefusedError as error:
            if error.status == 403:
                return None
            if error.status != 404:
                raise
            text = f"{self.url} has no alert rules of its own; turn on its unified alerting, or deploy with --no-alerts"
            raise RefusedError(text, status=404) from None
        groups = [group for folder in answer.values() for group in folder]
        return [_live_rule(rule) for group in groups for rule in group["rules"] if "grafana_alert" in rule]

    def rule(self, uid: str) -> dict[str, Any] | None:
        """One alert rule, if it exists."""
        path = f"{_RULES}/{_quoted(uid)}"
        try:
            answer: dict[str, Any] = self._read(f"show the alert rule {uid}", lambda: self._api.client.GET(path))
        except RefusedError as error:
            if error.status != 404 and _NO_RULE not in error.said:
                raise
            return None
        return answer

    def create_rule(self, rule: Mapping[str, Any]) -> bool:
        """Make an alert rule, unless its uid or title is taken; False when nobody knows whether it was done."""
        what = f"create the alert rule '{rule['title']}'"
        return self._done(what, lambda: self._api.client.POST(_RULES, json=dict(rule), headers=_EDITABLE), (dict,))

    def update_rule(self, rule: Mapping[str, Any]) -> bool:
        """Replace an alert rule, whatever is in it; False when nobody knows whether it was done."""
        what, path = f"update the alert rule '{rule['title']}'", f"{_RULES}/{_quoted(str(rule['uid']))}"
        return self._done(what, lambda: self._api.client.PUT(path, json=dict(rule), headers=_EDITABLE), (dict,))

    def delete_rule(self, uid: str) -> bool:
        """Delete an alert rule, whatever is in it; False when nobody knows whether it was done."""
        path = f"{_RULES}/{_quoted(uid)}"
        what = f"delete the alert rule {uid}"
        return self._done(what, lambda: self._api.client.DELETE(path, headers=_EDITABLE), (dict, str, type(None)))

    def rule_group(self, namespace: str, name: str) -> dict[str, Any]:
        """A group as Grafana's pages see it. ``namespace`` is the folder's title, from Grafana 10.3 on its uid."""
        path = f"{_RULER}/{_quoted(namespace)}/{_quoted(name)}"
        answer: dict[str, Any] = self._read(f"show the alert group '{name}'", lambda: self._api.client.GET(path))
        return answer

    def save_rule_group(self, namespace: str, group: Mapping[str, Any]) -> bool:
        """Save a group with all its rules, as Grafana's pages do. It deletes rules that are left out, so it takes only
        what `rule_group` said a moment ago; False when nobody knows whether it was done."""
        what, path = f"save the alert group '{group['name']}'", f"{_RULER}/{_quoted(namespace)}"
        return self._done(what, lambda: self._api.client.POST(path, json=dict(group)), (dict,))

    # What only an examination asks --------------------------------------------------------------------------------

    def organization(self) -> str:
        """The name of the organization that the credentials work in."""
        return clean(self._read("show the organization", lambda: self._api.client.GET("/org")).get("name"))

    def organization_id(self) -> int | None:
        """Its number. A token works in its own, whatever it is asked for; None where Grafana does not tell."""
        answer = self._read_one("show the organization", lambda: self._api.client.GET("/org"))
        return int(answer["id"]) if answer and isinstance(answer.get("id"), int) else self.settings.org_id

    def user(self) -> dict[str, Any] | None:
        """Whose the login is; None for a token, of which Grafana 9 does not say."""
        return self._read_one("show the user", lambda: self._api.client.GET("/user"))

    def permissions(self) -> frozenset[str] | None:
        """What the credentials may do, such as ``folders:create``; None where Grafana does not tell."""
        path = "/access-control/user/permissions"
        answer = self._read_one("list the permissions", lambda: self._api.client.GET(path))
        return None if answer is None else frozenset(answer)

    def may_save_in(self, folder: str) -> bool:
        """Whether dashboards of this folder may be made and changed."""
        answer = self._read_one(f"show the folder {folder}", lambda: self._api.folder.get_folder(_quoted(folder)))
        return bool(answer and answer.get("canSave"))

    def datasource_health(self, uid: str) -> tuple[bool, str] | None:
        """Whether the datasource finds itself well, and its words; None when this Grafana cannot ask it."""
        # Neither this nor a query is asked twice: a server that does not answer has had all its time.
        path = f"/datasources/uid/{_quoted(uid)}/health"
        try:
            answer = self._ask(f"examine the datasource {uid}", lambda: self._api.client.GET(path), (dict,))
        except RefusedError as error:
            if error.code == "ERROR":
                return False, error.said
            if error.status != 404:
                raise
            return None
        return answer.get("status") == "OK", self._safe(answer.get("message"))

    def query(self, uid: str, plugin: str, expr: str, *, seconds: int = 300) -> list[Series]:
        """What a datasource has: of metrics now, of logs the newest line of the last ``seconds``."""
        asked = {"refId": "A", "datasource": {"type": plugin, "uid": uid}, "expr": expr,
                 "intervalMs": 15000, "maxDataPoints": 100}  # fmt: skip
        how = {"queryType": "range", "maxLines": 1} if plugin == "loki" else {"instant": True, "range": False}
        body = {"from": f"now-{seconds}s", "to": "now", "queries": [{**asked, **how}]}
        what = f"query the datasource {uid}"
        answer = self._ask(what, lambda: self._api.client.POST("/ds/query", json=body), (dict,))
        said = self._safe(_query_error(answer))
        if said:
            raise RefusedError(f"{self.url} refused to {what}: {said}", status=400, said=said)
        if not isinstance(answer.get("results"), dict):
            raise UnreachableError(self._not_grafana())
        frames = (answer["results"].get("A") or {}).get("frames") or ()
        return [series for series in map(_series, frames) if series.values]

    def datasource_time(self, uid: str) -> float | None:
        """The clock of a Prometheus; None when it cannot be read."""
        path = f"/datasources/uid/{_quoted(uid)}/resources/api/v1/query"
        try:
            answer = self._ask("read a clock", lambda: self._api.client.GET(path, params={"query": "time()"}), (dict,))
            return float(answer["data"]["result"][1])
        except (GrafanaError, KeyError, IndexError, TypeError, ValueError):
            # An answer of the datasource's own is passed on as it is, a refusal of its own credentials among them.
            return None

    def server_time(self) -> float | None:
        """The time in the head of the last answer, in seconds since 1970."""
        try:
            return parsedate_to_datetime(getattr(self._last, "date", "")).timestamp()
        except (TypeError, ValueError):
            return None

    def pause(self, attempt: int) -> None:
        """Wait a moment before a request is tried once more; longer each time, and not all threads equally long."""
        self._sleep(0.02 * 2**attempt * (1 + random.random()))  # noqa: S311 - nobody gains from guessing it

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
            session_pool_size=MOST_JOBS,
        )
        if self.settings.client_certificate:
            key = self.settings.client_key
            certificate = str(self.settings.client_certificate)
            api.client.s.cert = (certificate, str(key)) if key else certificate
        api.client.s.hooks["response"].append(self._look_at)
        return api

    def _look_at(self, response: Any, **_: Any) -> None:
        """Called by the HTTP library with each response, before the client reads it."""
        self._last.retry_after = response.headers.get("Retry-After") or ""
        self._last.date = response.headers.get("Date") or ""
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
        return self._persistently(what, call, shape, _BUSY)

    def _write(self, what: str, call: Callable[[], Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self._persistently(what, call, (dict,), _BUSY_WRITING)
        return answer

    def _persistently(
        self,
        what: str,
        call: Callable[[], Any],
        shape: tuple[type, ...],
        busy: frozenset[int],
        *,
        patient: bool = True,
    ) -> Any:
        """Ask, and ask again a few times when the server is busy or the connection breaks."""
        for pause in PAUSES:
            try:
                return self._ask(what, call, shape)
            except RefusedError as error:
                if error.status not in busy:
                    raise
                self._sleep(_seconds(self._last.retry_after, pause))
            except UnreachableError as error:
                if not (error.passing or (error.late and patient)):
                    raise
                self._sleep(pause)
        return self._ask(what, call, shape)

    def _ask(self, what: str, call: Callable[[], Any], shape: tuple[type, ...]) -> Any:
        self._last.retry_after = ""
        with self._own_errors(what):
            answer = call()
        if not isinstance(answer, shape):
            raise UnreachableError(self._not_grafana())
        return answer

    def _done(self, what: str, call: Callable[[], Any], shape: tuple[type, ...]) -> bool:
        """Ask once; False when the server is busy or the connection broke, and nobody knows whether it was done."""
        try:
            self._ask(what, call, shape)
        except RefusedError as error:
            if error.status not in _BUSY_WRITING or any(words in error.said for words in _REFUSED_RULES):
                raise
            return False
        except UnreachableError as error:
            if not (error.passing or error.late):
                raise
            return False
        return True

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
                f"{self.url} did not answer within {seconds} seconds; check the address, or allow more with --timeout",
                late=True,
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
            said = self._safe(body.get("message") or body.get("title") or _query_error(body))
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
            return DeniedError(f"{self.url} does not take the credentials{quoted}; {cure}")
        if status == 403 and isinstance(body, dict):
            # Grafana names the permission; a read-only datasource is refused in the same way, with a sentence.
            needs = said.partition("Permissions needed: ")[2]
            needed = f"the credentials lack the permission {needs}" if needs else said or "no permission"
            role = next((role for action, role in _ROLES.items() if needs.startswith(action)), "Editor")
            text = f"{here}: {needed}; give the service account the role {role}"
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
        kind = ForbiddenError if status == 403 else RefusedError
        return kind(text, status=status, code=code, said=said)

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
        result = clean(redactor(self._secrets)(str(text or "")))
        return result if len(result) <= 300 else f"{result[:297]}..."


def clean(text: object) -> str:
    """Foreign text without characters that move a cursor, change a colour or hide."""
    return "".join(mark if mark.isprintable() else " " for mark in str(text or "")).strip()


def _folder(answer: Mapping[str, Any]) -> Folder:
    return Folder(
        str(answer.get("uid") or ""),
        str(answer.get("title") or ""),
        str(answer.get("parentUid") or ""),
        int(answer.get("version") or 0),
    )


def _live_rule(rule: Mapping[str, Any]) -> LiveRule:
    """A rule of the list, in the shape of the provisioning API."""
    own = rule["grafana_alert"]
    names = {"uid": "uid", "title": "title", "folderUID": "namespace_uid", "ruleGroup": "rule_group", "data": "data",
             "condition": "condition", "noDataState": "no_data_state", "execErrState": "exec_err_state",
             "isPaused": "is_paused"}  # fmt: skip
    shown = {name: own[theirs] for name, theirs in names.items() if theirs in own}
    shown |= {key: rule.get(key) for key in ("for", "labels", "annotations")}
    return LiveRule(shown, int(own.get("intervalSeconds") or 0), str(own.get("provenance") or ""))


def _query_error(answer: Mapping[str, Any]) -> str:
    """What went wrong with a query. Whatever the status is, it may say so only in here."""
    results = answer.get("results")
    found = results.values() if isinstance(results, dict) else ()
    return next((str(item["error"]) for item in found if isinstance(item, dict) and item.get("error")), "")


def _series(frame: Mapping[str, Any]) -> Series:
    fields = (frame.get("schema") or {}).get("fields") or [{}]
    columns = (frame.get("data") or {}).get("values") or [[]]
    # The first column is the time, or the labels of log lines; the last always has the values.
    return Series(fields[-1].get("labels") or {}, columns[-1])


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
