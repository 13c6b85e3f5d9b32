"""Servers that are away, refuse, or are no such server: one sentence each, with the cure, and never a secret."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from sedna_dash.errors import VerifyError
from sedna_dash.settings import Login, Token
from sedna_dash.verify.server import DeniedServerError, LateServerError, RefusedQueryError, Server, Tls
from sedna_dash.verify.target import Prometheus, Span
from tests.verify.servers import Asked, Reply, serving

SECRET = "s3cret-Wort"


def prometheus(url: str, **more: Any) -> Prometheus:
    return Prometheus(Server(url, "Prometheus", "--prometheus", **more))


@contextmanager
def nobody() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{probe.getsockname()[1]}"


@contextmanager
def hanging_up() -> Iterator[str]:
    """Takes connections and closes them."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def take() -> None:
            while True:
                try:
                    taken, _ = listener.accept()
                except OSError:
                    return
                taken.recv(65536)
                taken.close()

        threading.Thread(target=take, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


@contextmanager
def slow() -> Iterator[str]:
    """Answers only when the test is over."""
    over = threading.Event()

    def answer(asked: Asked) -> Reply:
        over.wait(60)
        return Reply({})

    with serving(answer) as url:
        yield url
        over.set()


def always(body: Any, status: int = 200, **headers: str) -> Any:
    return lambda: serving(lambda asked: Reply(body, status, headers))


PAGE = b"<!doctype html><title>Sign in</title>"
AWAY: list[tuple[str, Callable[[], Any], int, str]] = [
    ("nobody listens", nobody, 4, "nothing listens there (connection refused); start Prometheus, or"),
    ("hangs up", hanging_up, 4, "broke the connection"),
    ("slow", slow, 4, "did not answer within 0.3 seconds; allow more with --timeout"),
    ("a page", always(PAGE), 4, "does not answer like Prometheus (HTTP 200, no JSON); check --prometheus"),
    ("a page as error", always(PAGE, 502), 4, "does not answer like Prometheus (HTTP 502, no JSON)"),
    ("unknown path", always(b"404 page not found", 404), 4, "has no query API of Prometheus (HTTP 404)"),
    ("sends us on", always(b"", 302, Location=f"http://sso.example/login?t={SECRET}"), 4,
     "sends us on to http://sso.example/login; give the address itself"),
    ("credentials", always(b"Unauthorized", 401), 7, "does not take these credentials (HTTP 401); check them: "
     "PROMETHEUS_TOKEN, or PROMETHEUS_USER and PROMETHEUS_PASSWORD, in the environment"),
    ("rights", always({"error": "no"}, 403), 7, "does not let these credentials query (HTTP 403)"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "server", "code", "sentence"), AWAY, ids=[case[0] for case in AWAY])
def test_one_sentence(name: str, server: Callable[[], Any], code: int, sentence: str) -> None:
    with server() as url, pytest.raises(VerifyError) as found:
        prometheus(url, credentials=Token(SECRET), timeout=0.3 if name == "slow" else 30).now()
    message = found.value.message
    assert sentence in message and message.startswith(url) and "\n" not in message
    assert found.value.exit_code == code
    assert SECRET not in message + repr(found.value.__cause__) + repr(found.value.__context__)


def test_what_is_slow_may_be_asked_something_easier() -> None:
    with slow() as url, pytest.raises(LateServerError):
        prometheus(url, timeout=0.3).now()


REFUSALS = [
    (400, {"status": "error", "errorType": "bad_data", "error": "1:6: parse error"}, "1:6: parse error"),
    (422, {"status": "error", "error": "query processing would load too many samples"}, "too many samples"),
    (503, {"status": "error", "error": "query timed out"}, "query timed out"),
    (500, b"too many outstanding requests", "HTTP 500: too many outstanding requests"),
    (429, b"", "HTTP 429: no reason given"),
    (200, {"hello": "world"}, "the answer is none that Prometheus gives"),
    (200, [1, 2], "the answer is none that Prometheus gives"),
    (200, {"status": "success", "data": {}}, "it does not tell its time"),
    (400, {"error": "x" * 5000}, "x" * 290),
    (400, {"error": f"bad \x1b[31m header Bearer {SECRET}"}, "bad [31m header Bearer ***"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "words"), REFUSALS, ids=[str(case[2])[:30] for case in REFUSALS])
def test_a_refusal_is_in_the_servers_words(status: int, body: Any, words: str) -> None:
    with serving(lambda asked: Reply(body, status)) as url, pytest.raises(RefusedQueryError) as found:
        prometheus(url, credentials=Token(SECRET)).now()
    assert words in str(found.value) and len(str(found.value)) <= 300 and SECRET not in str(found.value)


@pytest.mark.parametrize(
    ("credentials", "header"),
    [(None, None), (Token("t"), "Bearer t"), (Login("ü", "p:w"), "Basic w7w6cDp3")],
)
def test_credentials_go_along(credentials: Any, header: str | None) -> None:
    seen: list[Asked] = []

    def answer(asked: Asked) -> Reply:
        seen.append(asked)
        return Reply({"status": "success", "data": {"result": [0, "17.5"], "resultType": "scalar"}})

    with serving(answer) as url:
        assert prometheus(url, credentials=credentials).now() == 17.5
    assert seen[0].headers.get("Authorization") == header and seen[0].one("query") == "time()"
    assert seen[0].headers["User-Agent"].startswith("sedna-dash/")


def test_certificates(tmp_path: Path) -> None:
    """By default only a certificate of a known authority will do; a file of it, or --insecure, changes that."""
    pem = certificate(tmp_path)
    with secure(pem) as url:
        with pytest.raises(VerifyError, match=r"shows a certificate that is not trusted here; give .* --ca-file"):
            prometheus(url).now()
        assert prometheus(url, tls=Tls(ca_file=pem)).now() == 1
        assert prometheus(url, tls=Tls(verify=False)).now() == 1
        with pytest.raises(VerifyError, match=r"is not signed by the authority in .*other"):
            prometheus(url, tls=Tls(ca_file=certificate(tmp_path / "other"))).now()
        with pytest.raises(VerifyError, match=r"broke the connection|does not answer"):
            prometheus(url.replace("https", "http")).now()
    with serving(lambda asked: Reply({})) as url, pytest.raises(VerifyError, match="does not speak TLS as we do"):
        prometheus(url.replace("http", "https")).now()


def certificate(folder: Path) -> Path:
    """A certificate for loopback with its key, signed by itself."""
    if which("openssl") is None:
        pytest.skip("no openssl: TLS was not tested")
    folder.mkdir(exist_ok=True)
    pem = folder / "both.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", *subject]
    subprocess.run([*command, "-keyout", str(pem), "-out", str(folder / "one.pem")], check=True, capture_output=True)
    pem.write_text(pem.read_text() + (folder / "one.pem").read_text())
    return pem


@contextmanager
def secure(pem: Path) -> Iterator[str]:
    """A Prometheus that tells the time over TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    answer = Reply({"status": "success", "data": {"resultType": "scalar", "result": [0, "1"]}})
    with serving(lambda asked: answer, tls=context) as url:
        yield url.replace("http", "https")


def test_denied_is_a_server_error_of_its_own() -> None:
    with always(b"", 401)() as url, pytest.raises(DeniedServerError, match="give its credentials"):
        prometheus(url).query("up", Span(0, 1))
