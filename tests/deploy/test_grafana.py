"""Whatever answers, or does not, becomes one sentence with a cure; what is worth another try gets one."""

from __future__ import annotations

import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import requests_mock

from sedna_dash.demo.processes import free_port
from sedna_dash.deploy.grafana import (
    LONGEST_PAUSE,
    PAUSES,
    DeniedError,
    Grafana,
    Health,
    RefusedError,
    UnreachableError,
    clean,
)
from sedna_dash.deploy.resources import Folder, Hit
from sedna_dash.errors import CredentialsError, GrafanaError
from sedna_dash.settings import GrafanaSettings, Login, Token
from tests.deploy.conftest import board, client
from tests.grafana_stand_in import StandIn

URL = "http://grafana.test"
SECRET = "glsa_s3cret"
JSON, HTML = {"Content-Type": "application/json"}, {"Content-Type": "text/html; charset=UTF-8"}
PAGE = "<!doctype html><title>Sign in</title>"


@pytest.fixture
def web() -> Iterator[requests_mock.Mocker]:
    with requests_mock.Mocker() as mocker:
        yield mocker


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def grafana(slept: list[float]) -> Iterator[Grafana]:
    with Grafana(GrafanaSettings(URL, Token(SECRET), org_id=7), sleep=slept.append) as made:
        yield made


def answers(*items: Any) -> list[dict[str, Any]]:
    """Statuses, and bodies for 200, in the form of requests-mock."""
    return [
        {"status_code": item, "json": {"message": "x"}, "headers": JSON}
        if isinstance(item, int)
        else {"json": item, "headers": JSON}
        for item in items
    ]


ERRORS: list[tuple[str, dict[str, Any], str]] = [
    ("token", {"status_code": 401, "json": {"message": "invalid API key"}},
     "does not take the credentials (invalid API key); make a new service account token"),
    ("permission", {"status_code": 403, "json": {
        "message": "You'll need additional permissions to perform this action. Permissions needed: folders:create"}},
     "refused to create the folder 'Sedna': the credentials lack the permission folders:create; give the service"),
    ("read-only", {"status_code": 403, "json": {"message": "Cannot do that"}}, "Cannot do that; give the"),
    ("forbidden page", {"status_code": 403, "text": PAGE, "headers": HTML}, "does not answer like a Grafana"),
    ("organization", {"status_code": 404, "json": {"message": "Organization not found"}}, "no organization 7; correct"),
    ("not found", {"status_code": 404, "json": {"message": "Not found"}}, "not found (Not found); if Grafana"),
    ("not found page", {"status_code": 404, "text": PAGE, "headers": HTML}, "(HTTP 404)"),
    ("conflict", {"status_code": 409, "json": {"message": "exists"}}, "HTTP 409 (exists)"),
    ("precondition", {"status_code": 412, "json": {"message": "changed"}}, "HTTP 412 (changed)"),
    ("size", {"status_code": 413, "text": PAGE, "headers": HTML}, "too large for a proxy"),
    ("rate", {"status_code": 429, "json": {}}, "too many requests; wait"),
    ("fault", {"status_code": 500, "json": {"message": "database is locked"}}, "HTTP 500 (database is locked), a"),
    ("proxy", {"status_code": 502, "text": PAGE, "headers": HTML}, "HTTP 502, a fault of its own or of a proxy"),
    ("login page", {"text": PAGE, "headers": HTML}, "no login page may stand before it"),
    ("broken JSON", {"text": "{", "headers": JSON}, "does not answer like a Grafana"),
    ("empty", {"text": "", "headers": JSON}, "does not answer like a Grafana"),
    ("a list", {"json": [], "headers": JSON}, "does not answer like a Grafana"),
    ("login redirect", {"status_code": 302, "headers": {"Location": "/login?redirect=%2F&token=s3cret"}},
     "sends us on to /login: a login page stands before it"),
    ("redirect", {"status_code": 301, "headers": {"Location": "https://grafana.test/api/folders"}},
     "sends us on to https://grafana.test/api/folders: give the address"),
    ("secret in the answer", {"status_code": 400, "json": {"message": f"header was Bearer {SECRET}"}}, "Bearer ***"),
    ("control characters", {"status_code": 400, "json": {"message": "\x1b]0;owned\x07 red"}}, "(]0;owned"),
    ("long answer", {"status_code": 400, "json": {"message": "x" * 9000}}, "xxx..."),
]  # fmt: skip


@pytest.mark.parametrize("answer, sentence", [case[1:] for case in ERRORS], ids=[case[0] for case in ERRORS])
def test_errors(web: requests_mock.Mocker, grafana: Grafana, answer: dict[str, Any], sentence: str) -> None:
    web.post(f"{URL}/api/folders", **({"headers": JSON} | answer))
    with pytest.raises(GrafanaError) as caught:
        grafana.create_folder(Folder("sedna", "Sedna"))
    message = caught.value.message
    assert sentence in message
    assert message.startswith(URL) and len(message) < 600 and message.isprintable()
    assert "s3cret" not in message and "s3cret" not in repr(caught.value)
    status = answer.get("status_code")
    assert caught.value.exit_code == (7 if status in (401, 403) and answer.get("text") != PAGE else 4)
    assert web.call_count == (4 if status in (429, 500, 502, 503, 504) else 1)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_reads_are_tried_again(web: requests_mock.Mocker, grafana: Grafana, slept: list[float], status: int) -> None:
    web.get(f"{URL}/api/datasources", answers(status, status, [{"uid": "a"}]))
    assert grafana.datasources() == [{"uid": "a"}]
    assert slept == list(PAUSES[:2])


def test_reads_are_not_tried_for_ever(web: requests_mock.Mocker, grafana: Grafana, slept: list[float]) -> None:
    web.get(f"{URL}/api/datasources", answers(503))
    with pytest.raises(RefusedError, match="HTTP 503"):
        grafana.datasources()
    assert slept == list(PAUSES)
    assert web.call_count == len(PAUSES) + 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
def test_other_answers_are_final(web: requests_mock.Mocker, grafana: Grafana, slept: list[float], status: int) -> None:
    web.get(f"{URL}/api/datasources", answers(status))
    with pytest.raises((RefusedError, DeniedError)):
        grafana.datasources()
    assert web.call_count == 1 and slept == []


def test_credentials_that_are_taken_no_more_end_it(web: requests_mock.Mocker, grafana: Grafana) -> None:
    web.get(f"{URL}/api/datasources", answers(401))
    with pytest.raises(UnreachableError) as caught:
        grafana.datasources()
    assert isinstance(caught.value, CredentialsError)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_writes_are_tried_again(web: requests_mock.Mocker, grafana: Grafana, slept: list[float], status: int) -> None:
    """Each names the version that it was made for, so a second one cannot do harm."""
    web.post(f"{URL}/api/dashboards/db", answers(status, {"uid": "sedna-one", "version": 2}))
    grafana.save_dashboard(board(), folder_uid="sedna", message="m", version=1)
    assert [request.json()["dashboard"]["version"] for request in web.request_history] == [1, 1]
    assert slept == [PAUSES[0]]


def test_a_dashboard_that_is_gone_needs_no_deleting(web: requests_mock.Mocker, grafana: Grafana) -> None:
    for answer in (404, {"title": "x"}):
        web.delete(f"{URL}/api/dashboards/uid/x", answers(answer))
        assert grafana.delete_dashboard("x") is True


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_delete_is_not_tried_again_blindly(web: requests_mock.Mocker, grafana: Grafana, status: int) -> None:
    """It names no version: between two of them somebody may have saved something."""
    web.delete(f"{URL}/api/dashboards/uid/x", answers(status))
    assert grafana.delete_dashboard("x") is False
    assert web.call_count == 1


def test_what_was_sent_is_kept_out_of_messages(web: requests_mock.Mocker, grafana: Grafana) -> None:
    """A server may repeat a datasource's secret in its refusal."""
    grafana.hide(["hunter2"])
    web.post(f"{URL}/api/datasources", status_code=400, json={"message": "bad value hunter2"}, headers=JSON)
    with pytest.raises(RefusedError) as caught:
        grafana.create_datasource({"name": "x", "secureJsonData": {"p": "hunter2"}})
    assert "hunter2" not in caught.value.message and "bad value ***" in caught.value.message


@pytest.mark.parametrize(
    "header, wanted",
    [
        ("3", 3.0),
        ("99999", LONGEST_PAUSE),
        ("-5", 0.0),
        ("Wed, 21 Oct 2099 07:28:00 GMT", LONGEST_PAUSE),
        ("soon", PAUSES[0]),
    ],
)
def test_retry_after(
    web: requests_mock.Mocker, grafana: Grafana, slept: list[float], header: str, wanted: float
) -> None:
    busy = {"status_code": 429, "json": {}, "headers": {**JSON, "Retry-After": header}}
    web.get(f"{URL}/api/datasources", [busy, *answers([])])
    grafana.datasources()
    assert slept == [wanted]


@pytest.mark.parametrize(
    "answer, wanted",
    [
        ({"version": "9.3.2", "database": "ok"}, Health((9, 3), "9.3.2")),
        ({"version": "12.1.0-pre+security", "database": "ok"}, Health((12, 1), "12.1.0-pre+security")),
        ({"database": "ok"}, Health(None)),
        ({"database": "ok", "version": "\x1bweird"}, Health(None, "weird")),
    ],
)
def test_health(web: requests_mock.Mocker, grafana: Grafana, answer: dict[str, Any], wanted: Health) -> None:
    web.get(f"{URL}/api/health", json=answer, headers=JSON)
    assert grafana.health() == wanted


def test_something_else_that_speaks_json(web: requests_mock.Mocker, grafana: Grafana) -> None:
    web.get(f"{URL}/api/health", json={"status": "UP"}, headers=JSON)
    with pytest.raises(UnreachableError, match="does not answer like a Grafana"):
        grafana.health()


def test_versions_of_newer_grafanas(web: requests_mock.Mocker, grafana: Grafana) -> None:
    entries = [{"version": 1, "parentVersion": 0, "message": "first"}, {"version": 2, "message": "second"}]
    web.get(f"{URL}/api/dashboards/uid/x/versions", json={"continueToken": "", "versions": entries}, headers=JSON)
    assert [(version.number, version.message) for version in grafana.versions("x")] == [(2, "second"), (1, "first")]


def test_requests_are_well_formed(web: requests_mock.Mocker, grafana: Grafana) -> None:
    web.get(f"{URL}/api/dashboards/uid/a%2Fb%3Fc%23d", answers(404))
    assert grafana.dashboard("a/b?c#d") is None
    web.post(f"{URL}/api/dashboards/db", answers({"uid": "x", "version": 2}))
    grafana.save_dashboard({"uid": "x", "id": 5, "version": 9}, folder_uid="f", message="m", version=1)
    request = web.request_history[-1]
    assert request.json() == {
        "dashboard": {"uid": "x", "version": 1}, "folderUid": "f", "message": "m", "overwrite": False
    }  # fmt: skip
    assert request.headers["Authorization"] == f"Bearer {SECRET}"
    assert request.headers["X-Grafana-Org-Id"] == "7"
    assert request.headers["User-Agent"].startswith("sedna-dash/")


@pytest.mark.parametrize("url", ["http://[::1]:3000", "https://g.test/sub/path", "https://g.test"])
def test_addresses(web: requests_mock.Mocker, url: str) -> None:
    web.get(f"{url}/api/health", json={"database": "ok"}, headers=JSON)
    with Grafana(GrafanaSettings(url, Token(SECRET))) as grafana:
        grafana.health()


def test_a_password_may_have_any_letters(stand_in: StandIn) -> None:
    stand_in.logins["Basic w6RkbWluOnDDpHNz"] = ("ädmin", "Admin")
    with Grafana(GrafanaSettings(stand_in.url, Login("ädmin", "päss"))) as grafana:
        assert grafana.folders() == []


@pytest.mark.parametrize(
    "method, arguments, wanted",
    [
        ("folder", ["none"], None),
        ("datasource", ["none"], None),
        ("dashboard", ["none"], None),
        ("search", [], []),
        ("folders", [], []),
        ("datasources", [], []),
    ],
)
def test_what_is_not_there(stand_in: StandIn, method: str, arguments: list[str], wanted: Any) -> None:
    assert getattr(client(stand_in), method)(*arguments) == wanted


def test_search_shows_where_things_are(stand_in: StandIn) -> None:
    stand_in.folders["f"] = {"id": 1, "uid": "f", "title": "F", "version": 1}
    stand_in.put_dashboard({"uid": "a", "title": "A", "tags": ["x"]}, folder="f")
    stand_in.put_dashboard({"uid": "b", "title": "B"})
    assert client(stand_in).search() == [Hit("a", "A", "f", ("x",)), Hit("b", "B", "", ())]


# Connections --------------------------------------------------------------------------------------------------------


def failing(url: str, **more: Any) -> str:
    settings = GrafanaSettings(url, Token(SECRET), **more)
    with Grafana(settings, sleep=lambda seconds: None) as grafana, pytest.raises(UnreachableError) as caught:
        grafana.health()
    assert SECRET not in caught.value.message
    return caught.value.message


def test_nothing_listens() -> None:
    assert "connection refused" in failing(f"http://127.0.0.1:{free_port()}")


def test_unknown_host(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    assert "name of the host is not known" in failing("http://grafana.invalid")


def test_no_answer_in_time() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        message = failing(f"http://127.0.0.1:{deaf.getsockname()[1]}", timeout=0.2)
    assert "did not answer within 0.2 seconds" in message and "--timeout" in message


def serving(act: Callable[[socket.socket], object]) -> Iterator[str]:
    """Take connections and do something to each."""
    import threading

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    stop = threading.Event()

    def loop() -> None:
        listener.settimeout(0.05)
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with connection:
                connection.settimeout(1)
                connection.recv(65536)
                act(connection)

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    stop.set()
    thread.join()
    listener.close()


def test_a_connection_that_breaks_once() -> None:
    seen: list[int] = []
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 17\r\nConnection: close\r\n\r\n"

    def act(connection: socket.socket) -> None:
        seen.append(1)
        if len(seen) > 1:
            connection.sendall(head + b'{"database":"ok"}')

    for url in serving(act):
        with Grafana(GrafanaSettings(url, Token(SECRET)), sleep=lambda seconds: None) as grafana:
            assert grafana.health() == Health(None)
    assert len(seen) == 2


def test_a_connection_that_always_breaks() -> None:
    for url in serving(lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")):
        assert "broke the connection" in failing(url)


# TLS ----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that signs itself, with its key in one file."""
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def other_certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("other"))


def self_signed(folder: Path) -> Path:
    if which("openssl") is None:
        pytest.skip("no openssl: TLS was not tested")
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", *subject, *files]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "cert.pem"


@pytest.fixture
def secure(certificate: Path) -> Iterator[StandIn]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    with StandIn(tls=context) as stand_in:
        yield stand_in


def test_tls(secure: StandIn, certificate: Path) -> None:
    message = failing(secure.url)
    assert "not trusted here" in message and "--ca-file" in message
    for trust in ({"ca_file": certificate}, {"verify": False}):
        assert client(secure, **trust).health().version == (9, 3)


def test_a_certificate_for_another_name(secure: StandIn, certificate: Path) -> None:
    assert "another name" in failing(secure.url.replace("127.0.0.1", "localhost"), ca_file=certificate)


def test_tls_where_there_is_none(stand_in: StandIn) -> None:
    assert "does not speak TLS" in failing(stand_in.url.replace("http:", "https:"))


def test_another_authority(secure: StandIn, other_certificate: Path) -> None:
    assert "not signed by the authority in" in failing(secure.url, ca_file=other_certificate)


@pytest.mark.parametrize(
    "text, wanted", [(None, ""), ("a\nb", "a b"), ("\x1b[31mred\u202e", "[31mred"), ("日本", "日本")]
)
def test_clean(text: str | None, wanted: str) -> None:
    assert clean(text) == wanted


@pytest.mark.parametrize("wait, given, wanted", [(0, None, 2), (0.05, None, 8), (0.05, 3, 3), (0, 16, 16)])
def test_how_much_is_asked_at_once(stand_in: StandIn, wait: float, given: int | None, wanted: int) -> None:
    """SQLite gets slower with every thread that writes; a slow link gets quicker."""
    stand_in.meanwhile = lambda request: time.sleep(wait)
    grafana = client(stand_in, jobs=given)
    grafana.health()
    assert grafana.jobs == wanted
