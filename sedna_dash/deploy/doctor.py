"""Examine a Grafana before a deployment, or when something is wrong: what is so, what is not, and the cure.

`_STEPS` is the table of what is examined. Each step is a function of what was read so far and gives one or more
checks. A step that cannot do its work says why; the others go on, except those that need it.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from ipaddress import ip_address
from typing import Any
from urllib.parse import SplitResult, urlsplit

from sedna_dash.catalog import Metric, default_catalog
from sedna_dash.deploy.diagnosis import Check, Diagnosis
from sedna_dash.deploy.folders import checked_path, plan_folders
from sedna_dash.deploy.grafana import DeniedError, Grafana, Health, RefusedError, UnreachableError, clean
from sedna_dash.deploy.judging import Server
from sedna_dash.deploy.reading import check_supported, folders_around, server_of
from sedna_dash.deploy.record import Record, read_record, record_uid
from sedna_dash.deploy.resources import Folder
from sedna_dash.deploy.sources import OUR_UIDS, Choice, Source, choose_source
from sedna_dash.environments import PLUGINS
from sedna_dash.errors import CredentialsError, GrafanaError, SednaDashError, UnsupportedError
from sedna_dash.settings import GrafanaSettings, Login, Token, redactor

#: Seconds of difference between two clocks, and seconds until an answer, that are nothing to speak of.
CLOSE, QUICK = 30.0, 2.0
#: Days before its end from which on a certificate is spoken of.
SOON = 14
#: The newest Grafana that we know something about.
NEWEST_KNOWN = 13

_HOUR, _DAY = 3600, 86400
#: With the names of all metrics the question would be too long for some proxies.
_MOST_OF_A_PRODUCER = 6
#: What Grafana's old API keys begin with: base64 of {"k":"
_API_KEY = "eyJrIjoi"
#: What everybody knows is no secret, and blanking it would spoil the sentence that warns of it.
_DEFAULT_PASSWORD = "admin"  # noqa: S105

_BY_NTP = "set both by NTP, on Linux with timedatectl set-ntp true"
#: What it takes to deploy alert rules, besides.
_OF_ALERTS = ("alert.rules:read", "alert.provisioning:read", "alert.provisioning:write", "alert.rules:write")
_ROLES = "give the service account the role Editor, and Admin to make datasources or alert rules"
_NO_METRICS = "needs the metrics datasource, which deploy has yet to make"
_NO_CURE = "run again, and look in Grafana's log when it stays"


class _Patient:
    """A Grafana, what is to be done with it, and what was read of it so far."""

    health = Health(None)
    #: Seconds that Grafana's clock is ahead of ours, where it shows its time.
    ahead: float | None = None
    record: Record | None = None
    folder_exists = False

    def __init__(
        self,
        grafana: Grafana,
        settings: GrafanaSettings,
        choices: Mapping[str, Choice],
        folder: Sequence[str],
        bundle: str,
        now: Callable[[], float],
        *,
        alerts: bool = False,
    ) -> None:
        self.grafana, self.settings, self.choices = grafana, settings, choices
        self.folder, self.bundle, self.now, self.alerts = folder, bundle, now, alerts
        #: By role, those that exist.
        self.sources: dict[str, Source] = {}
        #: What went wrong, and why what needs it is skipped.
        self.broken: dict[str, str] = {}

    @property
    def server(self) -> Server:
        return server_of(self.health)

    @property
    def address(self) -> SplitResult:
        return urlsplit(self.settings.url)

    @cached_property
    def datasources(self) -> list[dict[str, Any]]:
        return self.grafana.datasources()


@dataclass(frozen=True)
class _Step:
    name: str
    look: Callable[[_Patient], list[Check]]
    needs: str = ""


def examine(
    grafana: Grafana,
    settings: GrafanaSettings,
    *,
    choices: Mapping[str, Choice],
    folder: Sequence[str] = ("Sedna",),
    bundle: str = "sedna",
    alerts: bool = False,
    now: Callable[[], float] = time.time,
) -> Diagnosis:
    """Look at everything that a deployment needs and its readers will miss. Nothing is written.

    ``choices`` says for each plugin which datasource to use, ``alerts`` that alert rules are deployed. What goes
    wrong is in the diagnosis; nothing is raised.
    """
    patient = _Patient(grafana, settings, choices, folder, bundle, now, alerts=alerts)
    redact = redactor(secret for secret in settings.credentials.secrets if secret != _DEFAULT_PASSWORD)
    checks = [
        Check(check.name, check.status, clean(redact(check.said)), clean(redact(check.fix)), check.error)
        for step in _STEPS
        for check in _carried_out(step, patient)
    ]
    return Diagnosis(grafana.url, redact(patient.health.text), tuple(checks))


def _carried_out(step: _Step, patient: _Patient) -> list[Check]:
    broken = patient.broken
    if step.needs in broken:
        broken[step.name] = broken[step.needs]
        return [Check(step.name, "skipped", broken[step.needs])]
    try:
        checks = step.look(patient)
    except SednaDashError as error:
        if isinstance(error, DeniedError):
            broken["credentials"] = "needs credentials that Grafana takes"
        elif isinstance(error, UnreachableError) and error.late:
            # Each further question would take as long, and end the same.
            broken["url"] = broken["credentials"] = "needs a Grafana that answers"
        checks = [_failed(step.name, error)]
    if any(check.status == "failed" for check in checks):
        needed = {"url": "a Grafana that answers", "credentials": "credentials that Grafana takes"}
        broken.setdefault(step.name, f"needs {needed.get(step.name, f'the {step.name}')}")
    return checks


def _failed(name: str, error: SednaDashError) -> Check:
    """An error as a check: its sentence ends with the cure."""
    said, _, fix = error.message.rpartition("; ")
    denied = isinstance(error, RefusedError) and error.status == 403
    kinds = (CredentialsError, UnsupportedError, GrafanaError)
    kind = CredentialsError if denied else next((kind for kind in kinds if isinstance(error, kind)), SednaDashError)
    return Check(name, "failed", said or fix, fix if said else _NO_CURE, kind)


# The way there ------------------------------------------------------------------------------------------------------


def _url(patient: _Patient) -> list[Check]:
    patient.health = patient.grafana.health()
    # Asked again: the first time, our HTTP library is loaded, too.
    began, started = patient.now(), time.monotonic()
    patient.grafana.health()
    took = time.monotonic() - started
    server_time = patient.grafana.server_time()
    if server_time is not None:
        patient.ahead = server_time - (began + took / 2)
    said = f"{patient.grafana.url} answers like a Grafana, in {took * 1000:.0f} ms"
    if took > QUICK:
        return [Check("url", "warning", said, "look for what is slow on the way, or allow more with --timeout")]
    return [Check("url", "ok", said)]


def _tls(patient: _Patient) -> list[Check]:
    host, settings = patient.address.hostname or "", patient.settings
    if patient.address.scheme != "https":
        if _is_this_machine(host):
            return [Check("tls", "ok", "not used, and not needed on this machine")]
        said = "not used, so everybody on the way can read the credentials"
        return [Check("tls", "warning", said, "let Grafana or a proxy before it speak TLS, and write https://")]
    if not settings.verify:
        said = "Grafana's certificate is not checked, so anybody can pose as it"
        return [Check("tls", "warning", said, "give its authority with --ca-file instead of --insecure")]
    try:
        ends = _end_of_certificate(settings, host, patient.address.port or 443)
    except ssl.SSLCertVerificationError as error:
        if "url" not in patient.broken:
            # The HTTP library knows more authorities than this machine.
            return [Check("tls", "ok", "Grafana's certificate is trusted; its end is not known here")]
        late = "expired" in error.verify_message
        fix = "renew it" if late else "give the file of its authority with --ca-file, and use the name that is in it"
        return [Check("tls", "failed", f"Grafana's certificate: {error.verify_message}", fix, GrafanaError)]
    except (OSError, ValueError) as error:
        return [Check("tls", "skipped", f"the certificate cannot be looked at ({error})")]
    days = (ends - patient.now()) / _DAY
    said = f"Grafana's certificate is trusted and ends in {days:.0f} days"
    return [Check("tls", "warning", said, "renew it") if days < SOON else Check("tls", "ok", said)]


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _end_of_certificate(settings: GrafanaSettings, host: str, port: int) -> float:
    context = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
    if settings.client_certificate:
        context.load_cert_chain(settings.client_certificate, settings.client_key)
    with (
        socket.create_connection((host, port), settings.timeout) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        shown = secure.getpeercert() or {}
    return ssl.cert_time_to_seconds(str(shown["notAfter"]))


#: What a Grafana cannot do, and which.
_CANNOT: Sequence[tuple[Callable[[Server, tuple[int, int]], bool], str]] = (
    (lambda server, version: not server.nests, "no folders in folders: a path of several titles becomes one folder"),
    (lambda server, version: server.unique_titles, "no two dashboards of one title in a folder"),
    (lambda server, version: version < (10, 0), "no health check of datasources: they are sent a query instead"),
    (lambda server, version: server.rewrites, "it brings dashboards into its newest form when it keeps them"),
)


def _version(patient: _Patient) -> list[Check]:
    check_supported(patient.grafana, patient.health)
    version = patient.health.version
    if version is None:
        said = "Grafana keeps its version to itself, so it is treated like an old one"
        fix = "set hide_version = false under [auth.anonymous] in Grafana's configuration"
        return [Check("version", "warning", said, fix)]
    said = f"Grafana {patient.health.text}"
    if version[0] > NEWEST_KNOWN:
        said += f" is newer than {NEWEST_KNOWN}, the newest that sedna-dash knows"
        return [
            Check("version", "warning", said, "look for a newer sedna-dash, or look at what plan shows before deploy")
        ]
    cannot = [text for applies, text in _CANNOT if applies(patient.server, version)]
    return [Check("version", "ok", "; ".join([said, *cannot]))]


def _clock(patient: _Patient) -> list[Check]:
    if patient.ahead is None:
        return [Check("clock", "skipped", "Grafana's answers do not tell its time")]
    return [_compared("clock", "Grafana's clock", "the one here", patient.ahead)]


def _compared(name: str, whose: str, other: str, ahead: float) -> Check:
    if abs(ahead) <= CLOSE:
        return Check(name, "ok", f"{whose} and {other} are within {CLOSE:.0f} seconds of each other")
    said = f"{whose} is {_duration(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} {other}"
    return Check(name, "warning", f"{said}; panels of the last minutes may be empty or wrong", _BY_NTP)


def _duration(seconds: float) -> str:
    for name, size in (("days", _DAY), ("hours", _HOUR), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} seconds"


# Who we are there ---------------------------------------------------------------------------------------------------


def _credentials(patient: _Patient) -> list[Check]:
    credentials = patient.settings.credentials
    try:
        organization = f"organization '{patient.grafana.organization()}'"
    except RefusedError as error:
        if error.status != 403:
            raise
        # Taken they are, or this would be a 401.
        organization = "an organization that they may not name"
    user = patient.grafana.user() or {}
    login = f" of {clean(user['login'])}" if user.get("login") else ""
    if isinstance(credentials, Token):
        if credentials.value.startswith(_API_KEY):
            said = f"an API key in {organization}; newer Grafanas take none"
            return [Check("credentials", "warning", said, "make a service account with a token instead")]
        return [Check("credentials", "ok", f"a token{login} in {organization}")]
    said = f"a password{login or f' of {credentials.user}'} in {organization}"
    if credentials == Login("admin", _DEFAULT_PASSWORD):
        fix = "change it in Grafana, under Profile, Change password; better use a service account's token"
        return [Check("credentials", "warning", f"{said}: the one that every new Grafana has", fix)]
    return [Check("credentials", "ok", said)]


def _folder(patient: _Patient) -> list[Check]:
    path, grafana, uid = checked_path(patient.folder), patient.grafana, record_uid(patient.bundle)
    nests = patient.server.nests
    found = grafana.dashboard(uid)
    patient.record = read_record(found[0]) if found else None
    folders = folders_around(grafana, path, patient.record, nests=nests)
    changes, home = plan_folders(path, folders, patient.record, nests=nests, taken=[uid])
    patient.folder_exists = changes[-1].action != "create"
    shown = f"'{' / '.join(path)}'"
    if changes[-1].action == "conflict":
        said, _, fix = changes[-1].reason.rpartition("; ")
        folder = Check("folder", "failed", said, fix)
    elif not patient.folder_exists:
        more = f"; {changes[-1].reason}" if changes[-1].reason else ""
        folder = Check("folder", "ok", f"{shown} is not there yet, and deploy makes it{more}")
    elif not grafana.may_save_in(home.uid):
        fix = "give the service account the role Editor, or let it edit this folder, under Permissions in the folder"
        folder = Check("folder", "failed", f"{_named(home)} may not be written to", fix, CredentialsError)
    else:
        about = "; deploy changes it: " if changes[-1].action != "unchanged" else "; "
        more = f"{about}{changes[-1].reason}" if changes[-1].reason else ""
        folder = Check("folder", "ok", f"{_named(home)} is there and may be written to{more}")
    return [folder, _recorded(uid, exists=found is not None, record=patient.record)]


def _named(folder: Folder) -> str:
    return f"'{folder.title}' (uid {folder.uid})"


def _recorded(uid: str, *, exists: bool, record: Record | None) -> Check:
    if not exists:
        return Check("record", "ok", "no deployment is recorded yet")
    if record is None:
        said = f"the dashboard {uid}, where deployments are recorded, cannot be read"
        return Check("record", "warning", said, "restore an older version of it in Grafana, or delete it there")
    return Check("record", "ok", f"deployment {record.deployment} with {len(record.dashboards)} dashboards")


def _rights(patient: _Patient) -> list[Check]:
    may = patient.grafana.permissions()
    if may is None:
        return [Check("rights", "skipped", "this Grafana does not tell what the credentials may do", _ROLES)]
    makes_datasources = any(choice.url for choice in patient.choices.values())
    needed = {
        "datasources:read": "Viewer",
        "dashboards:create": "Editor",
        **({} if patient.folder_exists else {"folders:create": "Editor"}),
        **({"datasources:create": "Admin"} if makes_datasources else {}),
        **(dict.fromkeys(_OF_ALERTS, "Admin") if patient.alerts else {}),
    }
    missing = {action: role for action, role in needed.items() if action not in may}
    if missing:
        role = next(role for role in ("Admin", "Editor", "Viewer") if role in missing.values())
        fix = f"give the service account the role {role}"
        fix += ", or use a datasource that is there" if "datasources:create" in missing else ""
        fix += ", or deploy with --no-alerts" if missing.keys() & set(_OF_ALERTS) else ""
        return [Check("rights", "failed", f"the credentials lack {', '.join(missing)}", fix, CredentialsError)]
    said = "enough to deploy"
    said += "" if "datasources:create" in may else "; not enough to make datasources, which takes the role Admin"
    return [Check("rights", "ok", said)]


# What the dashboards read from --------------------------------------------------------------------------------------


def _datasource(role: str, patient: _Patient) -> list[Check]:
    plugin, name = PLUGINS[role], f"{role} datasource"
    choice = patient.choices.get(plugin, Choice())
    source = choose_source(plugin, choice, patient.datasources)
    live = next((item for item in patient.datasources if item.get("uid") == source.uid), None)
    shown = f"'{source.name}' (uid {source.uid})"
    if live is None:
        return [Check(name, "ok", f"{shown} is not there yet, and deploy makes it")]
    if live.get("type") != plugin:
        fix = f"delete it in Grafana, or use another datasource with --{plugin}-uid"
        return [Check(name, "failed", f"{shown} is a {live.get('type')} datasource, not a {plugin} one", fix)]
    wrong = _illness(patient.grafana, source.uid, plugin)
    if wrong is not None:
        fix = f"start {plugin.title()}, or correct its address in Grafana, as seen from Grafana, under Data sources"
        return [Check(name, "failed", f"{shown} does not answer: {wrong or 'Grafana does not say why'}", fix)]
    patient.sources[role] = source
    whose = "ours" if source.uid == OUR_UIDS[plugin] else "made by somebody else, and used as it is"
    whose = "provisioned from a file, and used as it is" if live.get("readOnly") else whose
    return [Check(name, "ok", f"{shown} answers; {whose}")]


def _illness(grafana: Grafana, uid: str, plugin: str) -> str | None:
    """Why the datasource does not answer; None when it does."""
    try:
        health = grafana.datasource_health(uid)
        if health is not None:
            well, said = health
            return None if well else _without_address(said)
        grafana.query(uid, plugin, "vector(1)" if plugin == "prometheus" else _any_of(_APP, _apps()))
    except RefusedError as error:
        if error.status == 403:
            raise
        return _without_address(error.said) or f"HTTP {error.status}"
    except UnreachableError as error:
        if not error.late:
            raise
        return f"no answer within {grafana.settings.timeout:g} seconds"
    return None


def _without_address(said: str) -> str:
    """An address may hold somebody's password, and the query in it helps nobody."""
    return re.sub(r"//[^/\s@]*@", "//", re.sub(r"\?[^\s\"]*", "", said))


def _metrics_clock(patient: _Patient) -> list[Check]:
    source = patient.sources.get("metrics")
    if source is None:
        return [Check("metrics clock", "skipped", _NO_METRICS)]
    theirs = patient.grafana.datasource_time(source.uid)
    if theirs is None:
        return [Check("metrics clock", "skipped", "the metrics datasource does not tell its time")]
    grafanas = patient.grafana.server_time()
    other = "Grafana's" if grafanas is not None else "the one here"
    ahead = theirs - (patient.now() if grafanas is None else grafanas)
    return [_compared("metrics clock", "the clock of Prometheus", other, ahead)]


def _producers() -> dict[str, list[str]]:
    """By producer, the series to ask for. What several can produce counts for the first of them."""
    series: dict[str, list[str]] = {}
    metrics = [item for item in default_catalog().metrics.values() if not item.expr and not item.prefix]
    for metric in metrics:
        series.setdefault(metric.sources[0], []).append(_telling(metric))
    return {producer: names[:_MOST_OF_A_PRODUCER] for producer, names in series.items()}


def _telling(metric: Metric) -> str:
    return f"{metric.name}_count" if metric.type == "histogram" else metric.name


def _metrics(patient: _Patient) -> list[Check]:
    source = patient.sources.get("metrics")
    if source is None:
        return [Check("metrics", "skipped", _NO_METRICS)]
    sources = default_catalog().sources
    producers, titles = _producers(), {name: source.title for name, source in sources.items()}
    needed = {name: source.install for name, source in sources.items() if source.install}
    names = _any_of("__name__", [name for names in producers.values() for name in names])
    answer = patient.grafana.query(source.uid, "prometheus", f"group by (__name__) ({names})")
    found = {series.labels.get("__name__") for series in answer}
    there = [producer for producer in producers if found.intersection(producers[producer])]
    if not there:
        said = "Prometheus has none of the metrics that the dashboards show"
        return [Check("metrics", "failed", said, needed["exporter"])]
    checks = [Check("metrics", "ok", f"{len(there)} of {len(producers)} producers of metrics deliver")]
    absent = [producer for producer in producers if producer not in there]
    for producer in [item for item in absent if item in needed]:
        said = f"{titles[producer]}: no {producers[producer][0]}; the panels that show it stay empty"
        checks.append(Check("metrics", "warning", said, needed[producer]))
    others = [titles[item] for item in absent if item not in needed]
    if others:
        said = f"nothing from {', '.join(others)}; not every site has these, and their panels say what they need"
        checks.append(Check("metrics", "ok", said))
    return checks


_APP = "app"


def _apps() -> Sequence[str]:
    return default_catalog().logs.stream[_APP]


def _logs(patient: _Patient) -> list[Check]:
    source = patient.sources.get("logs")
    if source is None:
        return [Check("logs", "skipped", "needs the logs datasource, which deploy has yet to make")]
    # One line of each is quick to find, however many there are; to count them would not be.
    there = [app for app in _apps() if patient.grafana.query(source.uid, "loki", _any_of(_APP, [app]), seconds=_HOUR)]
    if not there:
        said = f"no line of the last hour has a label {_APP} of {', '.join(_apps())}"
        fix = f"have the log collector send to this Loki, with the label {_APP} on the streams of Sedna's pods"
        return [Check("logs", "warning", said, fix)]
    absent = [app for app in _apps() if app not in there]
    said = f"lines of {', '.join(there)} in the last hour"
    return [Check("logs", "ok", f"{said}; none of {', '.join(absent)}" if absent else said)]


def _any_of(label: str, values: Sequence[str]) -> str:
    """A selector, alike in PromQL and LogQL, of the series or streams whose label has one of the values."""
    return f'{{{label}=~"{"|".join(values)}"}}'


_STEPS = (
    _Step("url", _url),
    _Step("tls", _tls),
    _Step("version", _version, "url"),
    _Step("clock", _clock, "url"),
    _Step("credentials", _credentials, "url"),
    _Step("folder", _folder, "credentials"),
    _Step("rights", _rights, "credentials"),
    _Step("metrics datasource", partial(_datasource, "metrics"), "credentials"),
    _Step("metrics clock", _metrics_clock, "metrics datasource"),
    _Step("metrics", _metrics, "metrics datasource"),
    _Step("logs datasource", partial(_datasource, "logs"), "credentials"),
    _Step("logs", _logs, "logs datasource"),
)
