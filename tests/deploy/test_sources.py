"""Which datasource the dashboards read from."""

from __future__ import annotations

from typing import Any

import pytest

from sedna_dash.deploy.sources import (
    Choice,
    Source,
    checked_choice,
    choose_source,
    needed_plugins,
    wanted_datasources,
    with_sources,
)
from sedna_dash.errors import SettingsError
from tests.deploy.conftest import board


def source(uid: str, kind: str = "loki", **more: Any) -> dict[str, Any]:
    return {"uid": uid, "name": f"name of {uid}", "type": kind, **more}


OURS, A, B = source("sedna-loki"), source("a"), source("b")
DEFAULT, PROMETHEUS = source("d", isDefault=True), source("p", "prometheus", isDefault=True)


@pytest.mark.parametrize(
    "choice, there, wanted",
    [
        (Choice(url="http://a"), [], Source("sedna-loki", "Sedna logs")),
        (Choice(url="http://a"), [A, OURS], Source("sedna-loki", "name of sedna-loki")),
        (Choice(uid="b"), [OURS, A, B], Source("b", "name of b")),
        (Choice(), [A, OURS, DEFAULT], Source("sedna-loki", "name of sedna-loki")),
        (Choice(), [A, PROMETHEUS], Source("a", "name of a")),
        (Choice(), [A, B, DEFAULT], Source("d", "name of d")),
        (Choice(), [source("sedna-loki", "prometheus"), A], Source("a", "name of a")),
    ],
)
def test_choice(choice: Choice, there: list[dict[str, Any]], wanted: Source) -> None:
    assert choose_source("loki", choice, there) == wanted


@pytest.mark.parametrize(
    "choice, there, message",
    [
        (Choice(), [], "no loki datasource; name one with --loki-uid, or have one made with --loki-url"),
        (Choice(), [PROMETHEUS], "no loki datasource"),
        (Choice(), [A, B], "several loki datasources (a (name of a), b (name of b))"),
        (Choice(uid="x"), [A], "no such datasource; of this type it has: a (name of a)"),
        (Choice(uid="p"), [A, PROMETHEUS], "that is a prometheus datasource"),
    ],
)
def test_no_choice(choice: Choice, there: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        choose_source("loki", choice, there)
    assert message in caught.value.message


@pytest.mark.parametrize("url", ["loki:3100", "", "ftp://loki", "http://", "http://a b", "http://[::1"])
def test_unusable_addresses(url: str) -> None:
    with pytest.raises(SettingsError, match="write it like http://loki:3100"):
        checked_choice("loki", url, None)


def test_contradicting_and_leaking_options() -> None:
    with pytest.raises(SettingsError, match="exclude each other"):
        checked_choice("loki", "http://loki", "uid")
    with pytest.raises(SettingsError, match="--loki-uid") as caught:
        checked_choice("loki", "http://u:hunter2@loki", None)
    assert "hunter2" not in caught.value.message
    assert checked_choice("loki", None, "x") == Choice(uid="x")
    assert checked_choice("loki", "http://loki", None) == Choice(url="http://loki")


def test_datasources_are_made_only_for_addresses() -> None:
    assert wanted_datasources({"prometheus": Choice(), "loki": Choice(uid="x")}) == []
    made = wanted_datasources({"prometheus": Choice(url="http://p"), "loki": Choice()})
    assert [(item["uid"], item["type"], item["url"]) for item in made] == [
        ("sedna-prometheus", "prometheus", "http://p")
    ]
    assert "editable" not in made[0]


def test_only_used_plugins_need_a_datasource() -> None:
    assert needed_plugins([board()]) == ["prometheus", "loki"]
    assert needed_plugins([board(templating={"list": []}), {"uid": "x"}]) == []


def test_variables_of_other_plugins_stay() -> None:
    other = {"name": "es", "type": "datasource", "query": "elasticsearch", "current": {"value": "e"}}
    before = board(templating={"list": [other]})
    assert with_sources(before, {"loki": Source("a", "A")}) == before
