"""Options and environment become settings, or a sentence with a cure; secrets stay inside."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from sedna_dash.environments import CredentialReferences, Environment, Tls
from sedna_dash.errors import SettingsError
from sedna_dash.secret_references import SecretReference
from sedna_dash.settings import GrafanaSettings, Login, Token, grafana_settings, redactor
from tests.test_secret_references import CANARY, everything_said_by

TOKEN = {"GRAFANA_TOKEN": "glsa_s3cret"}


@pytest.mark.parametrize(
    "given, wanted",
    [
        ("http://grafana:3000", "http://grafana:3000"),
        ("https://grafana.example.org/", "https://grafana.example.org"),
        (" https://host/grafana// ", "https://host/grafana"),
        ("http://[::1]:3000/", "http://[::1]:3000"),
    ],
)
def test_url(given: str, wanted: str) -> None:
    assert grafana_settings(given, TOKEN).url == wanted


@pytest.mark.parametrize(
    "given, message",
    [
        ("grafana:3000", "begin with http"),
        ("ftp://grafana", "begin with http"),
        ("", "begin with http"),
        ("http://", "no host"),
        ("http://a b/", "no host"),
        ("http://host:port/", "not an address"),
        ("http://host:0/", "no host"),
        ("http://[::1/", "not an address"),
        ("http://host/?orgId=1", "before '?'"),
        ("http://host/#x", "before '?'"),
        ("http://admin:hunter2@host/", "--token-file"),
        ("admin:hunter2@host/", "begin with http"),
        ("ftp://admin:hunter2@host/", "take them out"),
    ],
)
def test_unusable_url(given: str, message: str) -> None:
    with pytest.raises(SettingsError, match="--url") as caught:
        grafana_settings(given, TOKEN)
    assert message in caught.value.message
    assert "hunter2" not in caught.value.message
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "environ, wanted",
    [
        ({"GRAFANA_TOKEN": "glsa_a\n"}, Token("glsa_a")),
        ({"GRAFANA_USER": "admin", "GRAFANA_PASSWORD": " pass wörd "}, Login("admin", " pass wörd ")),
        ({"GRAFANA_TOKEN": "t", "GRAFANA_USER": "admin", "GRAFANA_PASSWORD": "p"}, Token("t")),
    ],
)
def test_credentials_from_the_environment(environ: dict[str, str], wanted: Token | Login) -> None:
    assert grafana_settings("http://g", environ).credentials == wanted


def test_options_win_over_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("﻿from-file\n", encoding="utf-8")
    assert grafana_settings("http://g", TOKEN, token_file=file).credentials == Token("from-file")
    assert grafana_settings("http://g", TOKEN, read_token=lambda: "from-stdin\n").credentials == Token("from-stdin")


@pytest.mark.parametrize(
    "environ, options, message",
    [
        ({}, {}, "no credentials for Grafana; give a service account token with --token-file"),
        ({"GRAFANA_TOKEN": ""}, {}, "no credentials"),
        ({"GRAFANA_TOKEN": " \n"}, {}, "GRAFANA_TOKEN is empty"),
        ({"GRAFANA_TOKEN": "two words"}, {}, "one word"),
        ({"GRAFANA_TOKEN": "a\x00b"}, {}, "one word"),
        ({"GRAFANA_TOKEN": "tökén"}, {}, "one word"),
        ({"GRAFANA_USER": "admin"}, {}, "set both"),
        ({"GRAFANA_PASSWORD": "hunter2"}, {}, "set both"),
        ({"GRAFANA_USER": "a:b", "GRAFANA_PASSWORD": "hunter2"}, {}, "colon"),
        ({"GRAFANA_USER": "a", "GRAFANA_PASSWORD": "hunter2\udcff"}, {}, "no UTF-8 text"),
        (TOKEN, {"read_token": lambda: ""}, "standard input is empty"),
        (TOKEN, {"token_file": Path("/nowhere/token")}, "cannot be read (No such file"),
        (TOKEN, {"token_file": Path("/nowhere"), "read_token": lambda: "x"}, "exclude each other"),
        (TOKEN, {"ca_file": Path("/nowhere/ca.pem")}, "cannot be read (No such file"),
        (TOKEN, {"ca_file": Path(__file__)}, "holds no certificate"),
        (TOKEN, {"ca_file": Path("/")}, "PEM file"),
        (TOKEN, {"ca_file": Path(__file__), "insecure": True}, "exclude each other"),
        (TOKEN, {"timeout": 0}, "more than 0"),
        (TOKEN, {"timeout": float("nan")}, "more than 0"),
        (TOKEN, {"jobs": 0}, "--jobs must be from 1 to 16"),
        (TOKEN, {"jobs": 17}, "--jobs must be from 1 to 16"),
        (TOKEN, {"client_key": Path("k.pem")}, "belong together; give both"),
        (TOKEN, {"client_certificate": Path("c.pem")}, "belong together; give both"),
    ],
)
def test_unusable_settings(environ: dict[str, str], options: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        grafana_settings("http://g", environ, **options)
    assert message in caught.value.message
    for secret in ("s3cret", "hunter2", "two words", "tökén"):
        assert secret not in caught.value.message


def test_a_binary_token_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="it is not text"):
        grafana_settings("http://g", {}, token_file=file)


def test_secrets_are_in_no_repr() -> None:
    for credentials in (Token("s3cret"), Login("admin", "s3cret")):
        assert "s3cret" not in repr(GrafanaSettings("http://g", credentials))
        assert "s3cret" in credentials.secrets


def test_a_token_that_is_no_text_is_refused() -> None:
    def undecodable() -> str:
        return b"\xff".decode()

    with pytest.raises(SettingsError, match="standard input is not text"):
        grafana_settings("http://g", {}, read_token=undecodable)


#: A file with everything, at an address that nobody else gives.
FILE = Environment(
    name="edge",
    url="https://file.example/",
    org=7,
    timeout=7.5,
    jobs=7,
    credentials=CredentialReferences(token=SecretReference(env="EDGE_TOKEN")),
    tls=Tls(insecure=True),
    path=Path("sedna-dash.yaml"),
    lines={"url": 4, "tls.ca_file": 5, "tls.client_key": 6, "tls.client_certificate": 6},
)


def test_the_file_gives_what_nothing_else_gives() -> None:
    wanted = GrafanaSettings("https://file.example", Token("from-file"), verify=False, org_id=7, timeout=7.5, jobs=7)
    assert grafana_settings(None, {"EDGE_TOKEN": "from-file"}, environment=FILE) == wanted


def test_the_defaults_without_a_file_or_with_an_empty_one() -> None:
    wanted = GrafanaSettings("http://g", Token("glsa_s3cret"), None, True, None, 10.0, None, None, None)
    assert grafana_settings("http://g", TOKEN) == wanted
    assert grafana_settings("http://g", TOKEN, environment=Environment()) == wanted


@pytest.mark.parametrize(
    "url, environ, options, field, wanted",
    [
        ("http://flag", TOKEN, {}, "url", "http://flag"),
        (None, TOKEN, {"org_id": 2}, "org_id", 2),
        (None, TOKEN, {"timeout": 2}, "timeout", 2),
        (None, TOKEN, {"jobs": 2}, "jobs", 2),
        (None, TOKEN, {"read_token": lambda: "piped"}, "credentials", Token("piped")),
        (None, TOKEN, {}, "credentials", Token("glsa_s3cret")),
        (None, {"GRAFANA_USER": "a", "GRAFANA_PASSWORD": "b"}, {}, "credentials", Login("a", "b")),
        (None, {"EDGE_TOKEN": "glsa_file"}, {}, "credentials", Token("glsa_file")),
    ],
)
def test_options_then_process_environment_then_file(
    url: str | None, environ: dict[str, str], options: dict[str, Any], field: str, wanted: Any
) -> None:
    assert getattr(grafana_settings(url, environ, environment=FILE, **options), field) == wanted


def test_a_reference_is_followed_only_when_nothing_stronger_was_given() -> None:
    def never(*_: Any, **__: Any) -> subprocess.CompletedProcess[bytes]:
        raise AssertionError("a command was run")

    file = Environment(credentials=CredentialReferences(token=SecretReference(command=("pass", "show"))))
    assert grafana_settings("http://g", TOKEN, environment=file, run=never).credentials == Token("glsa_s3cret")
    for url in ("nonsense", None):
        with pytest.raises(SettingsError, match=r"--url"):
            grafana_settings(url, {}, environment=file, run=never)


def test_a_login_from_the_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(" pass wörd \n", encoding="utf-8")
    password = SecretReference(file=tmp_path / "password")
    file = Environment(credentials=CredentialReferences(user="admin", password=password))
    assert grafana_settings("http://g", {}, environment=file).credentials == Login("admin", " pass wörd ")


@pytest.mark.parametrize(
    "environment, message",
    [
        (None, "no address of Grafana; give --url or GRAFANA_URL, or write it into sedna-dash.yaml"),
        (Environment(), "no address of Grafana"),
        (Environment(name="e", path=Path("a.yaml")), "a.yaml: environment 'e' has no url; add it, or give --url"),
        (
            Environment(name="e", url="https://g:0", path=Path("a.yaml"), lines={"url": 3}),
            "a.yaml:3: environments.e.url",
        ),
    ],
)
def test_no_address(environment: Environment | None, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        grafana_settings(None, TOKEN, environment=environment)
    assert caught.value.message.startswith(message)


def test_a_file_without_credentials() -> None:
    with pytest.raises(SettingsError, match="no credentials for Grafana"):
        grafana_settings("http://g", {}, environment=Environment(name="edge", url="http://g"))


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two certificates and their keys, and one key with a passphrase in each of the forms there are."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl: client certificates were not tested")
    folder = tmp_path_factory.mktemp("pem")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    for command in (
        ["req", "-x509", *curve, "-subj", "/CN=a", "-keyout", "a.key", "-out", "a.pem"],
        ["req", "-x509", *curve, "-subj", "/CN=b", "-keyout", "b.key", "-out", "b.pem"],
        ["pkcs8", "-topk8", "-in", "a.key", "-passout", "pass:s3cret", "-out", "encrypted.key"],
        ["ec", "-in", "a.key", "-aes128", "-passout", "pass:s3cret", "-out", "old.key"],
    ):
        subprocess.run(["openssl", *command], cwd=folder, check=True, capture_output=True)
    (folder / "empty.pem").touch()
    return folder


def test_the_certificates(pem: Path) -> None:
    by_file = Environment(url="https://g", tls=Tls(pem / "b.pem", pem / "b.pem", pem / "b.key"))
    found = grafana_settings(None, TOKEN, environment=by_file)
    assert (found.ca_file, found.client_certificate, found.client_key) == (pem / "b.pem", pem / "b.pem", pem / "b.key")
    assert found.verify
    given = {"client_certificate": pem / "a.pem", "client_key": pem / "a.key"}
    found = grafana_settings(None, TOKEN, environment=by_file, insecure=True, **given)
    assert (found.ca_file, found.verify) == (None, False)
    assert (found.client_certificate, found.client_key) == (pem / "a.pem", pem / "a.key")
    insecure = Environment(url="https://g", tls=Tls(insecure=True))
    found = grafana_settings(None, TOKEN, environment=insecure, ca_file=pem / "a.pem")
    assert (found.ca_file, found.verify) == (pem / "a.pem", True)


@pytest.mark.parametrize(
    "certificate, key, message",
    [
        ("a.pem", "b.key", "do not belong together"),
        ("a.pem", "encrypted.key", "is encrypted, which cannot be used; give one without a passphrase"),
        ("a.pem", "old.key", "is encrypted, which cannot be used"),
        ("a.pem", "a.pem", "hold no certificate with its key; name the certificate and its key, both as PEM"),
        ("empty.pem", "a.key", "hold no certificate with its key"),
        ("none.pem", "a.key", "cannot be read (No such file"),
        ("a.pem", "none.key", "cannot be read (No such file"),
        (".", "a.key", "cannot be read (Is a directory)"),
    ],
)
def test_unusable_client_certificates(pem: Path, certificate: str, key: str, message: str) -> None:
    pair = {"client_certificate": pem / certificate, "client_key": pem / key}
    for given in (
        {"url": "https://g", **pair},
        {"url": None, "environment": Environment("e", "https://g", tls=Tls(**pair))},
    ):
        with pytest.raises(SettingsError) as caught:
            grafana_settings(environ=TOKEN, **given)
        assert message in caught.value.message
        assert str(pem / certificate) in caught.value.message or key in caught.value.message
        assert caught.value.message.isprintable()


def test_a_certificate_of_the_file_is_named_with_its_line(pem: Path) -> None:
    file = Environment("edge", "https://g", tls=Tls(ca_file=pem / "empty.pem"), path=FILE.path, lines=FILE.lines)
    with pytest.raises(SettingsError, match=re.escape("sedna-dash.yaml:5: environments.edge.tls.ca_file (/")):
        grafana_settings(None, TOKEN, environment=file)


def test_no_exception_behind_an_error_knows_a_secret(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(CANARY.encode() + b"\xff")
    (tmp_path / "two").write_text(f"{CANARY} {CANARY}")

    def piped() -> str:
        return (CANARY.encode() + b"\xff").decode()

    def by(**reference: Any) -> Environment:
        return Environment("e", "http://g", credentials=CredentialReferences(token=SecretReference(**reference)))

    for url, environ, options in [
        ("http://g", {}, {"token_file": tmp_path / "token"}),
        ("http://g", {}, {"token_file": tmp_path / "two"}),
        ("http://g", {}, {"read_token": piped}),
        ("http://g", {"GRAFANA_TOKEN": f"{CANARY} {CANARY}"}, {}),
        ("http://g", {"GRAFANA_USER": "a", "GRAFANA_PASSWORD": f"{CANARY}\udcff"}, {}),
        ("http://g", {"GRAFANA_USER": "a:b", "GRAFANA_PASSWORD": CANARY}, {}),
        (f"http://admin:{CANARY}@g", TOKEN, {}),
        (f"http://admin:{CANARY}", TOKEN, {}),
        (f"http://admin:{CANARY}@[::1", TOKEN, {}),
        (None, {}, {"environment": by(file=tmp_path / "token")}),
        (None, {}, {"environment": by(file=tmp_path / "two")}),
        (None, {"T": f"{CANARY} {CANARY}"}, {"environment": by(env="T")}),
        (None, {}, {"environment": by(command=("false", CANARY))}),
        (None, {}, {"environment": by(command=("echo", CANARY, CANARY))}),
    ]:
        with pytest.raises(SettingsError) as caught:
            grafana_settings(url, environ, **options)
        assert CANARY not in " ".join(everything_said_by(caught.value))


@pytest.mark.parametrize(
    "secret",
    [
        "glsa_abc123",
        "pass wörd/+?",
        'quo"te\\',
        "a.b*c(",
        "-----BEGIN KEY-----\nMIIBcDCCARWgAwIBAgIU\n-----END KEY-----\n",
    ],
)
def test_a_redactor_blanks_all_forms_of_a_secret(secret: str) -> None:
    encoded = secret.encode()
    forms = {
        secret,
        base64.b64encode(encoded).decode(),
        base64.urlsafe_b64encode(encoded).decode(),
        base64.b64encode(encoded).decode().rstrip("="),
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        re.sub("%..", lambda found: found[0].lower(), quote_plus(secret)),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
    }
    redact = redactor(["other", secret, ""])
    for form in forms:
        assert re.fullmatch(r"before \*\*\*=* after", redact(f"before {form} after")), form
    assert redact("nothing to see") == "nothing to see"


def test_a_redactor_blanks_each_line_of_a_key() -> None:
    key = "-----BEGIN KEY-----\nMIIBcDCCARWgAwIBAgIU\n-----END KEY-----\n"
    assert redactor([key])("in MIIBcDCCARWgAwIBAgIU of -----BEGIN KEY-----") == "in *** of -----BEGIN KEY-----"


def test_a_redactor_prefers_the_longer_secret() -> None:
    assert redactor(["abc", "abcdef"])("abcdef abc") == "*** ***"
    assert redactor([])("abc") == redactor([""])("abc") == "abc"


def test_a_redactor_knows_what_basic_authentication_sends() -> None:
    sent = base64.b64encode(b"admin:s3cret").decode()
    assert redactor(Login("admin", "s3cret").secrets)(f"Authorization: Basic {sent}") == "Authorization: Basic ***"
