"""The HTTP server, over real sockets."""

import base64
import gzip
import http.client
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from sedna_dash.catalog import default_catalog
from sedna_dash.errors import SettingsError
from sedna_dash.exporter import options
from sedna_dash.exporter.limits import Limits
from sedna_dash.exporter.running import Exporter
from sedna_dash.exporter.server import Pages, Server
from sedna_dash.exporter.web_config import read_web_config
from tests.exporter.objects import shown, thing


@contextmanager
def serving(web: Path | None = None, waiting: str = "") -> Iterator[Server]:
    exporter = Exporter(shown(thing("Dataset", status={"numberOfSamples": 5})))
    server = Server("127.0.0.1", 0, Pages(exporter.metrics, lambda: waiting), read_web_config(web) if web else None)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ask(
    server: Server, path: str = "/metrics", method: str = "GET", context: ssl.SSLContext | None = None, **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    port = server.server_address[1]
    connection: http.client.HTTPConnection
    if context is not None:
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=10)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with connection_closed(connection):
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response, response.read()


@contextmanager
def connection_closed(connection: http.client.HTTPConnection) -> Iterator[None]:
    try:
        yield
    finally:
        connection.close()


ANSWERS: dict[str, tuple[str, str, int, bytes]] = {
    "metrics": ("GET", "/metrics", 200, b"sedna_dataset_samples"),
    "with a query": ("GET", "/metrics?x=1", 200, b"sedna_dataset_samples"),
    "alive": ("GET", "/healthz", 200, b"ok"),
    "ready": ("GET", "/readyz", 200, b"ok"),
    "anything else": ("GET", "/", 404, b"/metrics"),
    "above": ("GET", "/metrics/../etc/passwd", 404, b""),
    "nothing can be sent": ("POST", "/metrics", 501, b""),
    "nothing can be deleted": ("DELETE", "/metrics", 501, b""),
}


@pytest.mark.parametrize(("method", "path", "status", "body"), ANSWERS.values(), ids=ANSWERS)
def test_what_it_answers(method: str, path: str, status: int, body: bytes) -> None:
    with serving() as server:
        response, found = ask(server, path, method)
    assert response.status == status
    assert body in found
    assert "Python" not in response.headers.get("Server", "")


def test_not_ready_before_the_first_list() -> None:
    with serving(waiting="The first list is missing of: datasets.") as server:
        assert ask(server, "/readyz")[0].status == 503
        assert ask(server, "/healthz")[0].status == 200


FORMS = {
    "Prometheus": ("application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", True),
    "a browser": ("text/html,*/*", False),
    "text preferred": ("application/openmetrics-text;q=0.2,text/plain;q=0.9", False),
    "nothing": ("", False),
    "nonsense": (";;q=x,,application/openmetrics-text;q=abc", False),
}


@pytest.mark.parametrize(("accept", "openmetrics"), FORMS.values(), ids=FORMS)
def test_the_format_that_is_asked_for(accept: str, openmetrics: bool) -> None:
    with serving() as server:
        response, body = ask(server, Accept=accept)
    assert body.endswith(b"# EOF\n") == openmetrics
    assert response.headers["Content-Type"].startswith("application/openmetrics-text" if openmetrics else "text/plain")


def test_gzip_when_asked_for() -> None:
    with serving() as server:
        packed, body = ask(server, Accept_Encoding="gzip")
        plain, text = ask(server, Accept_Encoding="gzip;q=0")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert b"sedna_dataset_samples" in gzip.decompress(body)
    assert plain.headers["Content-Encoding"] is None
    assert b"sedna_dataset_samples" in text


def test_head_has_no_body() -> None:
    with serving() as server:
        response, body = ask(server, method="HEAD")
    assert (response.status, body) == (200, b"")
    assert int(response.headers["Content-Length"]) > 0


def test_a_client_that_says_nothing_keeps_nobody_waiting() -> None:
    with serving() as server, socket.create_connection(("127.0.0.1", server.server_address[1])):
        assert ask(server)[0].status == 200


def test_the_password(tmp_path: Path) -> None:
    hashed = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
    (tmp_path / "web.yaml").write_text(f"basic_auth_users:\n  prom: {hashed}\n")

    def header(text: str) -> str:
        return "Basic " + base64.b64encode(text.encode()).decode()

    with serving(tmp_path / "web.yaml") as server:
        statuses = {
            text: ask(server, Authorization=header(text))[0].status
            for text in ("prom:secret", "prom:wrong", "other:secret", "prom", "prom:", ":")
        }
        again = ask(server, Authorization=header("prom:secret"))[0].status
        none = ask(server)[0].status
        bad = ask(server, Authorization="Basic %%%")[0].status
        bearer = ask(server, Authorization="Bearer secret")[0].status
        probe = ask(server, "/healthz")[0].status
    assert statuses == {"prom:secret": 200, "prom:wrong": 401, "other:secret": 401, "prom": 401, "prom:": 401, ":": 401}
    assert (again, none, bad, bearer, probe) == (200, 401, 401, 401, 200)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 with its key, and another pair."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("pki")
    for name in ("server", "client"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "2", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1",
             "-keyout", str(folder / f"{name}.key"),
             "-out", str(folder / f"{name}.crt")],
            check=True, capture_output=True,
        )  # fmt: skip
    return folder


def test_tls_and_client_certificates(pki: Path) -> None:
    config = pki / "web.yaml"
    config.write_text(
        "tls_server_config: {cert_file: server.crt, key_file: server.key, client_ca_file: client.crt, "
        "client_auth_type: RequireAndVerifyClientCert}\n"
    )
    known = ssl.create_default_context(cafile=str(pki / "server.crt"))
    with_client = ssl.create_default_context(cafile=str(pki / "server.crt"))
    with_client.load_cert_chain(pki / "client.crt", pki / "client.key")
    with serving(config) as server:
        assert server.url.startswith("https://")
        assert ask(server, context=with_client)[0].status == 200
        with pytest.raises((ssl.SSLError, ConnectionError)):
            ask(server, context=known)
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            ask(server)


def test_a_renewed_certificate_is_used(pki: Path, tmp_path: Path) -> None:
    for name in ("crt", "key"):
        shutil.copy(pki / f"server.{name}", tmp_path / f"s.{name}")
    (tmp_path / "web.yaml").write_text("tls_server_config: {cert_file: s.crt, key_file: s.key}\n")
    with serving(tmp_path / "web.yaml") as server:
        assert ask(server, context=ssl.create_default_context(cafile=str(pki / "server.crt")))[0].status == 200
        for name in ("crt", "key"):
            shutil.copy(pki / f"client.{name}", tmp_path / f"s.{name}")
        assert ask(server, context=ssl.create_default_context(cafile=str(pki / "client.crt")))[0].status == 200


BAD_CONFIGS = {
    "no YAML": ("a: [", ":1: is no YAML"),
    "a list": ("- a", "must be a mapping"),
    "unknown key": ("tls_config: {}", "'tls_config' is not supported here, did you mean 'tls_server_config'?"),
    "no key file": ("tls_server_config: {cert_file: a}", "'key_file' is missing"),
    "no such certificate": ("tls_server_config: {cert_file: a, key_file: b}", "hold no certificate"),
    "password in clear": ("basic_auth_users: {prom: secret}", "'prom' is no bcrypt hash"),
    "unsupported": ("tls_server_config: {cipher_suites: [x]}", "'cipher_suites' is not supported here"),
    "unknown version": ("tls_server_config: {cert_file: a, key_file: b, min_version: TLS10}", "must be one of TLS12"),
    "client CA missing": (
        "tls_server_config: {cert_file: a, key_file: b, client_auth_type: RequireAndVerifyClientCert}",
        "needs a client_ca_file",
    ),
}


@pytest.mark.parametrize(("text", "words"), BAD_CONFIGS.values(), ids=BAD_CONFIGS)
def test_a_bad_web_config_is_refused(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "web.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError) as found:
        read_web_config(path)
    assert words in str(found.value)
    assert "secret" not in str(found.value)


def test_an_address_that_is_taken() -> None:
    with serving() as server, pytest.raises(SettingsError, match="cannot listen there"):
        Server("127.0.0.1", server.server_address[1], server.pages)


ADDRESSES: dict[str, Any] = {
    "127.0.0.1:9474": ("127.0.0.1", 9474), ":9474": ("", 9474), "[::1]:0": ("::1", 0), "host:1": ("host", 1),
    "9474": None, "host": None, "host:": None, "host:http": None, "host:99999": None, "": None,
}  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), ADDRESSES.items(), ids=ADDRESSES)
def test_addresses(text: str, wanted: Any) -> None:
    if wanted is None:
        with pytest.raises(SettingsError, match="--listen"):
            options.address(text)
    else:
        assert options.address(text) == wanted


def test_other_options() -> None:
    catalog = default_catalog()
    assert "sedna_dataset_samples" in options.left_out(["custom-resource-state"], catalog)
    assert options.left_out(["sedna_job_task_score"], catalog) == {"sedna_job_task_score"}
    assert options.limits(["tasks=5", "data-bytes=100"]) == Limits(tasks=5, data_bytes=100)
    for call in (
        lambda: options.left_out(["custom-resource-stat"], catalog),
        lambda: options.limits(["task=5"]),
        lambda: options.limits(["tasks=-1"]),
        lambda: options.shard(3, 3),
        lambda: options.shard(0, 0),
    ):
        with pytest.raises(SettingsError):
            call()
