"""Options and environment become settings, or a sentence with a cure; secrets stay inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sedna_dash.errors import SettingsError
from sedna_dash.settings import GrafanaSettings, Login, Token, grafana_settings

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
        (TOKEN, {"read_token": lambda: ""}, "standard input is empty"),
        (TOKEN, {"token_file": Path("/nowhere/token")}, "cannot be read (No such file"),
        (TOKEN, {"token_file": Path("/nowhere"), "read_token": lambda: "x"}, "exclude each other"),
        (TOKEN, {"ca_file": Path("/nowhere/ca.pem")}, "cannot be read (No such file"),
        (TOKEN, {"ca_file": Path(__file__)}, "holds no certificate"),
        (TOKEN, {"ca_file": Path("/")}, "PEM file"),
        (TOKEN, {"ca_file": Path(__file__), "insecure": True}, "exclude each other"),
        (TOKEN, {"timeout": 0}, "more than 0"),
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
