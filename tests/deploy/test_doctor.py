"""What doctor says of a Grafana in each condition, and with which cure; what one failure spares the others."""

from __future__ import annotations

import base64
import io
import json
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from sedna_dash.catalog import default_catalog
from sedna_dash.deploy.diagnosis import KIND, SCHEMA_VERSION, Check, Diagnosis, as_data, write_diagnosis
from sedna_dash.deploy.doctor import NEWEST_KNOWN, examine
from sedna_dash.deploy.grafana import Grafana
from sedna_dash.deploy.record import record_uid
from sedna_dash.deploy.sources import Choice
from sedna_dash.schemas import schema, violations
from sedna_dash.settings import Credentials, GrafanaSettings, Login, Token
from tests.grafana_stand_in import Answer, Request, StandIn, denied, problem

ALL = {name for metric in default_catalog().metrics.values() for name in metric.series_names()}
STREAMS = [{"app": app, "namespace": "sedna"} for app in default_catalog().logs.stream["app"]]
#: Metrics that are there when all that every site should have is there, and nothing else.
USUAL = {"sedna_exporter_build_info", "kube_pod_info", "container_memory_working_set_bytes", "node_cpu_seconds_total",
         "KubeEdge_CloudHub_connected_nodes", "up"}  # fmt: skip
PAGE = Answer(200, b"<!doctype html><title>Sign in</title>", content_type="text/html; charset=UTF-8")
ADMIN = Token("admin-token")
NOBODY = {"prometheus": Choice(), "loki": Choice()}

Change = Callable[[StandIn], object]


def prometheus_time(ahead: float) -> Callable[[Request], Answer | None]:
    """What a Prometheus says of its clock, through Grafana."""

    def answer(request: Request) -> Answer | None:
        if not request.path.endswith("/resources/api/v1/query"):
            return None
        seconds = datetime.now(timezone.utc).timestamp() + ahead
        return Answer(200, {"status": "success", "data": {"resultType": "scalar", "result": [seconds, str(seconds)]}})

    return answer


def healthy(version: str | None = "9.3.2", **more: Any) -> StandIn:
    """A Grafana with all that the dashboards need."""
    made = StandIn(version=version, **more)
    made.put_datasource("sedna-prometheus", "Sedna metrics", "prometheus", url="http://prometheus:9090")
    made.put_datasource("sedna-loki", "Sedna logs", "loki", url="http://loki:3100")
    made.series, made.streams = set(ALL), list(STREAMS)
    made.before = prometheus_time(0)
    return made


def diagnosed(
    stand_in: StandIn,
    credentials: Credentials = ADMIN,
    *,
    choices: dict[str, Choice] | None = None,
    folder: tuple[str, ...] = ("Sedna",),
    alerts: bool = False,
    now: Callable[[], float] | None = None,
    **settings: Any,
) -> Diagnosis:
    """What doctor says; the JSON of it must be as the schema has it, and nothing may have been changed."""
    chosen = GrafanaSettings(settings.pop("url", None) or stand_in.url, credentials, **settings)
    more = {"now": now} if now else {}
    with Grafana(chosen, sleep=lambda seconds: None) as grafana:
        diagnosis = examine(grafana, chosen, choices=choices or NOBODY, folder=folder, alerts=alerts, **more)
    assert list(violations("doctor", as_data(diagnosis))) == []
    assert stand_in.writes == []
    return diagnosis


def of(diagnosis: Diagnosis, name: str) -> list[Check]:
    return [check for check in diagnosis.checks if check.name == name]


def statuses(diagnosis: Diagnosis, status: str) -> list[str]:
    return [check.name for check in diagnosis.checks if check.status == status]


def answering(path: str, answer: Answer, method: str = "GET") -> Change:
    """Whatever is asked of this address gets this answer."""

    def change(stand_in: StandIn) -> None:
        before = stand_in.before
        stand_in.before = lambda request: (
            answer if request.method == method and request.path.endswith(path) else before(request)
        )

    return change


def after(count: int, answer: Answer) -> Change:
    """From the request of this number on, all get this answer."""

    def change(stand_in: StandIn) -> None:
        before = stand_in.before
        stand_in.before = lambda request: answer if len(stand_in.requests) > count else before(request)

    return change


def setting(**attributes: Any) -> Change:
    return lambda stand_in: [setattr(stand_in, name, value) for name, value in attributes.items()]


def nothing(stand_in: StandIn) -> None:
    """All is well."""


def unreadable_record(stand_in: StandIn) -> None:
    stand_in.put_dashboard({"uid": record_uid("sedna"), "title": "Deployments of sedna", "panels": []})


def foreign_folder(stand_in: StandIn) -> None:
    with stand_in.lock:
        stand_in.add_folder("theirs", "Sedna", "", "eve")


def two_more(stand_in: StandIn) -> None:
    del stand_in.datasources["sedna-prometheus"]
    for uid in ("one", "two"):
        stand_in.put_datasource(uid, uid.title(), "prometheus")


def replaced(uid: str, **fields: Any) -> Change:
    return lambda stand_in: stand_in.datasources[uid].update(fields)


@pytest.mark.parametrize("version", ["9.3.2", "10.4.1", "11.6.0", "12.2.0", "13.0.0"])
def test_all_is_well(version: str) -> None:
    with healthy(version) as stand_in:
        diagnosis = diagnosed(stand_in)
    assert statuses(diagnosis, "ok") == [check.name for check in diagnosis.checks]
    assert {check.name for check in diagnosis.checks} == set(
        schema("doctor")["$defs"]["check"]["properties"]["name"]["enum"]
    )
    assert diagnosis.error is None and diagnosis.grafana == version
    assert not any(check.fix for check in diagnosis.checks)


ERROR = Answer(
    400, {"results": {"A": {"error": 'Get "http://eve:pw@loki/x?query=y": connection refused', "status": 502}}}
)
DOWN = setting(down={"sedna-prometheus", "sedna-loki"})
LONE = Answer(200, {"database": "ok", "version": "9.2.9", "commit": "x"})

#: What is so, the check, its status, a part of what is said, a part of the cure, the exit code.
CASES: list[tuple[str, Change, str, str, str, str, int | None]] = [
    ("a web page", answering("/api/health", PAGE), "url", "failed", "does not answer like a Grafana", "check --url", 4),
    ("a broken start", answering("/api/health", problem(500, "x")), "url", "failed", "HTTP 500", "look in the log", 4),
    ("too old", answering("/api/health", LONE), "version", "failed", "needs 9.3 or newer", "upgrade it", 6),
    ("no organization named", answering("/api/org", denied("orgs:read")), "credentials", "ok", "may not name", "",
     None),
    ("no organization", answering("/api/org", problem(500, "locked")), "credentials", "failed", "locked", "", 4),
    ("no permissions told", answering("/permissions", problem(404, "Not found")), "rights", "skipped", "does not tell",
     "role Editor", None),
    ("broken record", unreadable_record, "record", "warning", "cannot be read", "restore an older version", None),
    ("a folder of that title", foreign_folder, "folder", "ok", "(uid theirs) is there", "", None),
    ("no folder", nothing, "folder", "ok", "not there yet, and deploy makes it", "", None),
    ("folders not listed", answering("/api/folders", problem(500, "x")), "folder", "failed", "HTTP 500", "log", 4),
    ("metrics down", DOWN, "metrics datasource", "failed", "does not answer: An error occurred", "start Prometheus", 1),
    ("logs down", DOWN, "logs datasource", "failed", "'Sedna logs' (uid sedna-loki) does not", "start Loki", 1),
    ("logs down, in its words", answering("/ds/query", ERROR, "POST"), "logs datasource", "failed",
     'Get "http://loki/x": connection refused', "start Loki", 1),
    ("a page for a query", answering("/ds/query", PAGE, "POST"), "metrics datasource", "failed", "answer like", "", 4),
    ("an odd answer", answering("/ds/query", Answer(200, {"results": []}), "POST"), "metrics datasource", "failed",
     "does not answer like a Grafana", "check --url", 4),
    ("may not query", answering("/ds/query", denied("datasources:query"), "POST"), "metrics datasource", "failed",
     "lack the permission datasources:query", "the role Editor", 7),
    ("no metrics datasource", lambda it: it.datasources.pop("sedna-prometheus"), "metrics datasource", "failed",
     "has no prometheus datasource", "have one made with --prometheus-url", 1),
    ("no logs datasource", lambda it: it.datasources.pop("sedna-loki"), "logs datasource", "failed",
     "has no loki datasource", "--loki-url", 1),
    ("two to choose from", two_more, "metrics datasource", "failed", "several", "name one with --prometheus-uid", 1),
    ("read-only", replaced("sedna-loki", readOnly=True), "logs datasource", "ok", "provisioned from a file", "", None),
    ("Prometheus ahead", setting(before=prometheus_time(300)), "metrics clock", "warning", "is 5 minutes ahead of",
     "NTP", None),
    ("Prometheus behind", setting(before=prometheus_time(-300)), "metrics clock", "warning", "is 5 minutes behind",
     "NTP", None),
    ("its clock is not told", answering("/resources/api/v1/query", problem(401, "no")), "metrics clock", "skipped",
     "does not tell its time", "", None),
    ("its clock is odd", answering("/resources/api/v1/query", Answer(200, {"data": 1})), "metrics clock", "skipped",
     "does not tell its time", "", None),
    ("clock ahead", setting(date=lambda: datetime.now(timezone.utc) + timedelta(hours=3)), "clock", "warning",
     "Grafana's clock is 3 hours ahead of the one here", "NTP", None),
    ("clock behind", setting(date=lambda: datetime.now(timezone.utc) - timedelta(days=40)), "clock", "warning",
     "is 40 days behind", "NTP", None),
    ("no metrics", setting(series=set()), "metrics", "failed", "none of the metrics", "install the Sedna exporter", 1),
    ("usual metrics", setting(series=USUAL), "metrics", "ok", "nothing from Jetson GPU shim, Log collector", "", None),
    ("no pods", setting(series=USUAL - {"kube_pod_info"}), "metrics", "warning", "kube-state-metrics: no kube_pod",
     "install kube-state-metrics", None),
    ("no exporter", setting(series=USUAL - {"sedna_exporter_build_info"}), "metrics", "warning",
     "Sedna exporter: no sedna_", "install the Sedna exporter", None),
    ("no logs", setting(streams=[]), "logs", "warning", "no line of the last hour has a label app of gm, lc",
     "with the label app", None),
    ("some logs", setting(streams=STREAMS[:2]), "logs", "ok", "lines of gm, lc in the last hour; none of kb", "", None),
]  # fmt: skip


@pytest.mark.parametrize(
    "change, name, status, said, fix, code", [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_conditions(change: Change, name: str, status: str, said: str, fix: str, code: int | None) -> None:
    with healthy() as stand_in:
        change(stand_in)
        diagnosis = diagnosed(stand_in)
    found = [check for check in of(diagnosis, name) if said in check.said and fix in check.fix]
    assert [check.status for check in found] == [status], of(diagnosis, name)
    assert (diagnosis.error.exit_code if diagnosis.error else None) == code
    assert all(check.said.isprintable() and check.fix.isprintable() for check in diagnosis.checks)


@pytest.mark.parametrize(
    "version, status, said",
    [
        ("9.3.2", "ok", ["folders in folders", "two dashboards of one title", "health check"]),
        ("10.4.1", "ok", ["folders in folders", "two dashboards of one title"]),
        ("11.6.0", "ok", ["two dashboards of one title"]),
        ("12.2.0", "ok", ["newest form"]),
        (f"{NEWEST_KNOWN + 1}.0.0", "warning", ["is newer than 13"]),
        (None, "warning", ["keeps its version to itself"]),
    ],
)
def test_what_a_version_cannot_do(version: str | None, status: str, said: list[str]) -> None:
    texts = (
        "folders in folders",
        "two dashboards of one title",
        "health check",
        "newest form",
        "is newer",
        "keeps its",
    )
    with healthy(version) as stand_in:
        [check] = of(diagnosed(stand_in), "version")
    assert check.status == status and all(part in check.said for part in said)
    assert sum(text in check.said for text in texts) == len(said)


@pytest.mark.parametrize("version", ["9.3.2", "12.2.0"])
def test_one_datasource_that_is_down_spares_the_other(version: str) -> None:
    with healthy(version) as stand_in:
        stand_in.down = {"sedna-prometheus"}
        diagnosis = diagnosed(stand_in)
    assert statuses(diagnosis, "failed") == ["metrics datasource"]
    assert statuses(diagnosis, "skipped") == ["metrics clock", "metrics"]
    assert [check.status for check in of(diagnosis, "logs")] == ["ok"]


#: Who asks, for what, and what of the credentials, the rights and the folder.
RIGHTS: list[tuple[str, Credentials, dict[str, Choice], Change, tuple[str, str], tuple[str, str], int | None]] = [
    ("admin", Token("admin-token"), NOBODY, nothing, ("ok", "a token in organization 'Main Org.'"),
     ("ok", "enough to deploy"), None),
    ("editor", Token("editor-token"), NOBODY, nothing, ("ok", "a token"), ("ok", "takes the role Admin"), None),
    ("editor who makes datasources", Token("editor-token"), {**NOBODY, "loki": Choice(url="http://l")}, nothing,
     ("ok", "a token"), ("failed", "lack datasources:create"), 7),
    ("viewer", Token("viewer-token"), NOBODY, nothing, ("ok", "a token"),
     ("failed", "lack dashboards:create, folders:create"), 7),
    ("default password", Login("admin", "admin"), NOBODY, nothing,
     ("warning", "a password of admin in organization 'Main Org.': the one that every"), ("ok", "enough"), None),
]  # fmt: skip


@pytest.mark.parametrize(
    "credentials, choices, change, whose, rights, code", [case[1:] for case in RIGHTS], ids=[case[0] for case in RIGHTS]
)
def test_rights(
    credentials: Credentials,
    choices: dict[str, Choice],
    change: Change,
    whose: tuple[str, str],
    rights: tuple[str, str],
    code: int | None,
) -> None:
    with healthy() as stand_in:
        change(stand_in)
        diagnosis = diagnosed(stand_in, credentials, choices=choices)
    for name, (status, said) in {"credentials": whose, "rights": rights}.items():
        [check] = of(diagnosis, name)
        assert check.status == status and said in check.said
    assert (diagnosis.error.exit_code if diagnosis.error else None) == code


@pytest.mark.parametrize(
    "role, alerts, status, lacking",
    [
        ("admin", True, "ok", ""),
        ("editor", False, "ok", ""),
        ("editor", True, "failed", "lack alert.provisioning:read, alert.provisioning:write"),
    ],
)
def test_rights_to_deploy_alert_rules(role: str, alerts: bool, status: str, lacking: str) -> None:
    with healthy() as stand_in:
        [check] = of(diagnosed(stand_in, Token(f"{role}-token"), alerts=alerts), "rights")
    assert check.status == status and lacking in check.said
    assert not lacking or check.fix == "give the service account the role Admin, or deploy with --no-alerts"


def test_an_old_api_key() -> None:
    key = "eyJrIjoiYWJjIiwibiI6IngiLCJpZCI6MX0="
    with healthy() as stand_in:
        stand_in.logins[f"Bearer {key}"] = ("key", "Admin")
        [check] = of(diagnosed(stand_in, Token(key)), "credentials")
    assert check.status == "warning" and "make a service account" in check.fix


def test_a_folder_that_may_not_be_written_to() -> None:
    with healthy() as stand_in:
        foreign_folder(stand_in)
        diagnosis = diagnosed(stand_in, Token("viewer-token"))
    [check] = of(diagnosis, "folder")
    assert check.status == "failed" and "'Sedna' (uid theirs) may not be written to" in check.said
    assert "role Editor" in check.fix
    assert diagnosis.error is not None and diagnosis.error.exit_code == 7


@pytest.mark.parametrize(
    "folder, said", [((), "empty"), (("General",), "where Grafana keeps"), (("A", "B"), "'A / B'")]
)
def test_folders_by_title(folder: tuple[str, ...], said: str) -> None:
    with healthy() as stand_in:
        assert said in of(diagnosed(stand_in, folder=folder), "folder")[0].said


def test_wrong_credentials_spare_what_needs_none() -> None:
    with healthy() as stand_in:
        diagnosis = diagnosed(stand_in, Token("nobody"))
    assert statuses(diagnosis, "ok") == ["url", "tls", "version", "clock"]
    assert statuses(diagnosis, "failed") == ["credentials"]
    assert diagnosis.error is not None and diagnosis.error.exit_code == 7
    assert "make a new service account token" in of(diagnosis, "credentials")[0].fix
    assert {check.said for check in diagnosis.checks if check.status == "skipped"} == {
        "needs credentials that Grafana takes"
    }


@pytest.mark.parametrize("count", range(2, 17))
def test_a_token_that_ends_in_between(count: int) -> None:
    with healthy() as stand_in:
        after(count, problem(401, "invalid API key"))(stand_in)
        diagnosis = diagnosed(stand_in)
        asked = len(stand_in.requests)
    assert len(statuses(diagnosis, "failed")) == 1
    assert diagnosis.error is not None and diagnosis.error.exit_code == 7
    # Nobody knocks again and again with credentials that are not taken: that may lock an account.
    assert asked <= count + 2


def test_nothing_listens() -> None:
    with healthy() as stand_in:
        url = stand_in.url
    diagnosis = diagnosed(stand_in, url=url)
    assert statuses(diagnosis, "failed") == ["url"] and "connection refused" in diagnosis.checks[0].said
    assert diagnosis.error is not None and diagnosis.error.exit_code == 4
    assert set(statuses(diagnosis, "skipped")) >= {"credentials", "metrics", "logs"}


def test_a_datasource_that_does_not_answer_in_time() -> None:
    with healthy() as stand_in:
        waiting: list[str] = []
        done = threading.Event()

        def wait(request: Request) -> None:
            if request.path == "/api/ds/query":
                waiting.append(request.path)
                done.wait(5)

        stand_in.meanwhile = wait
        diagnosis = diagnosed(stand_in, timeout=0.3)
        done.set()
    assert statuses(diagnosis, "failed") == ["metrics datasource", "logs datasource"]
    assert "no answer within 0.3 seconds" in of(diagnosis, "metrics datasource")[0].said
    # Once each, not again and again.
    assert len(waiting) == 2


def test_a_grafana_that_stops_answering() -> None:
    done = threading.Event()
    with healthy() as stand_in:
        stand_in.meanwhile = lambda request: request.path == "/api/org" and done.wait(5)
        diagnosis = diagnosed(stand_in, timeout=0.3)
        asked = [request.path for request in stand_in.requests]
        done.set()
    [check] = of(diagnosis, "credentials")
    assert check.status == "failed" and "did not answer within 0.3 seconds" in check.said and "--timeout" in check.fix
    assert diagnosis.error is not None and diagnosis.error.exit_code == 4
    # Each further question would wait as long.
    assert set(asked) == {"/api/health"}
    assert {check.said for check in diagnosis.checks if check.status == "skipped"} == {"needs a Grafana that answers"}


def test_a_datasource_that_is_yet_to_be_made() -> None:
    with healthy() as stand_in:
        stand_in.datasources.clear()
        diagnosis = diagnosed(
            stand_in, choices={"prometheus": Choice(url="http://p:9090"), "loki": Choice(url="http://l:3100")}
        )
    assert diagnosis.error is None
    assert "deploy makes it" in of(diagnosis, "metrics datasource")[0].said
    assert statuses(diagnosis, "skipped") == ["metrics clock", "metrics", "logs"]


# TLS ----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates for 127.0.0.1 that sign themselves: one for 100 days, one that has ended."""
    if which("openssl") is None:
        pytest.skip("no openssl: TLS was not tested")
    folder = tmp_path_factory.mktemp("tls")
    (folder / "more").write_text("subjectAltName=IP:127.0.0.1\n")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=folder)

    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", "key", "-out", "request")
    for name, days in {"good": "100", "ended": "-1"}.items():
        openssl("x509", "-req", "-in", "request", "-signkey", "key", "-days", days, "-extfile", "more", "-out", name)
    return folder


@pytest.fixture
def secure(certificates: Path, request: pytest.FixtureRequest) -> Iterator[StandIn]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / getattr(request, "param", "good"), certificates / "key")
    with healthy(tls=context) as stand_in:
        yield stand_in


@pytest.mark.parametrize("in_days, status", [(0, "ok"), (85, "ok"), (87, "warning")])
def test_a_certificate_that_is_about_to_end(secure: StandIn, certificates: Path, in_days: int, status: str) -> None:
    now = datetime.now(timezone.utc).timestamp() + in_days * 86400
    [check] = of(diagnosed(secure, ca_file=certificates / "good", now=lambda: now), "tls")
    assert check.status == status and f"ends in {100 - in_days} days" in check.said


def test_a_certificate_that_is_not_trusted(secure: StandIn) -> None:
    diagnosis = diagnosed(secure)
    assert statuses(diagnosis, "failed") == ["url", "tls"]
    assert "--ca-file" in of(diagnosis, "tls")[0].fix
    assert diagnosis.error is not None and diagnosis.error.exit_code == 4


@pytest.mark.parametrize("secure", ["ended"], indirect=True)
def test_a_certificate_that_has_ended(secure: StandIn, certificates: Path) -> None:
    [check] = of(diagnosed(secure, ca_file=certificates / "ended"), "tls")
    assert check.status == "failed" and "expired" in check.said and check.fix == "renew it"


def test_a_certificate_that_is_not_checked(secure: StandIn) -> None:
    [check] = of(diagnosed(secure, verify=False), "tls")
    assert check.status == "warning" and "--ca-file instead of --insecure" in check.fix


@pytest.mark.parametrize("url", ["http://grafana.invalid", "http://192.0.2.1:1"])
def test_no_tls_to_another_machine(url: str) -> None:
    with healthy() as stand_in:
        inner = GrafanaSettings(stand_in.url, Token("admin-token"))
        with Grafana(inner) as grafana:
            diagnosis = examine(grafana, GrafanaSettings(url, inner.credentials), choices=NOBODY)
    [check] = of(diagnosis, "tls")
    assert check.status == "warning" and "everybody on the way" in check.said and "https://" in check.fix


# How it is told -----------------------------------------------------------------------------------------------------

SHOWN = Diagnosis(
    "http://grafana.test", "9.3.2",
    (Check("url", "ok", "answers"), Check("metrics", "failed", "[bold]none[/]", "install it"),
     Check("logs", "skipped", "needs the logs datasource")),
)  # fmt: skip


def test_as_text() -> None:
    out = io.StringIO()
    write_diagnosis(SHOWN, "text", out)
    assert out.getvalue().splitlines() == [
        "ok       url      answers",
        "failed   metrics  [bold]none[/]",
        "                  fix: install it",
        "skipped  logs     needs the logs datasource",
        "http://grafana.test (Grafana 9.3.2): 1 ok, 1 failed, 1 skipped",
    ]


def test_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Terminal()
    write_diagnosis(SHOWN, "text", out)
    text = out.getvalue()
    assert "\x1b[" in text and "[bold]none[/]" in text
    assert any(line.strip().startswith("\x1b") and "fix: install it" in line for line in text.splitlines())


def test_as_json() -> None:
    out = io.StringIO()
    write_diagnosis(SHOWN, "json", out)
    found = json.loads(out.getvalue())
    assert list(violations("doctor", found)) == []
    assert (found["schemaVersion"], found["kind"], found["grafana"]) == (SCHEMA_VERSION, KIND, "9.3.2")
    assert found["checks"][1] == {"name": "metrics", "status": "failed", "said": "[bold]none[/]", "fix": "install it"}


def test_the_first_failure_decides() -> None:
    assert SHOWN.error is not None and SHOWN.error.exit_code == 1
    assert SHOWN.error.message == "1 check failed, first metrics: [bold]none[/]; install it"


CANARY = "c4nary-s3cret"


@pytest.mark.parametrize("credentials", [Token(CANARY), Login("eve", CANARY)], ids=["token", "login"])
@pytest.mark.parametrize("place", ["/api/health", "/api/org", "/api/user", "/api/datasources", "/ds/query", "/folders"])
@pytest.mark.parametrize("status", [200, 400, 401, 403, 500])
def test_no_secret_is_told(credentials: Credentials, place: str, status: int) -> None:
    said = {"message": CANARY, "name": CANARY, "login": CANARY, "version": CANARY, "commit": CANARY,
            "results": {"A": {"error": CANARY}}}  # fmt: skip
    listed = [{"uid": CANARY, "title": CANARY, "name": CANARY, "type": "prometheus"}]
    body = listed if status == 200 and place in ("/api/datasources", "/folders") else said
    with healthy() as stand_in:
        stand_in.logins.update(dict.fromkeys((f"Bearer {CANARY}", basic("eve", CANARY)), ("eve", "Admin")))
        inner = stand_in.before
        stand_in.before = lambda request: Answer(status, body) if request.path.endswith(place) else inner(request)
        diagnosis = diagnosed(stand_in, credentials)
    for output in ("text", "json"):
        out = io.StringIO()
        write_diagnosis(diagnosis, output, out)
        assert CANARY not in out.getvalue()
    assert CANARY not in str(diagnosis.error) and CANARY not in repr(diagnosis)


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
