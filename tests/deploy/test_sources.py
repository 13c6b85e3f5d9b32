"""Which datasource the dashboards read from."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from sedna_dash.deploy.sources import (
    Choice,
    Source,
    checked_choice,
    choose_source,
    may_be_ours,
    needed_plugins,
    wanted_datasources,
    with_sources,
    with_variables,
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
        (Choice(name="name of b"), [OURS, A, B], Source("b", "name of b")),
        (Choice(only=True), [A, PROMETHEUS], Source("a", "name of a")),
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
        (Choice(name="x"), [A], "no loki datasource of that name; it has: a (name of a)"),
        (Choice(name="name of p"), [A, PROMETHEUS], "no loki datasource of that name"),
        (Choice(only=True), [OURS, A, DEFAULT], "several loki datasources"),
    ],
)
def test_no_choice(choice: Choice, there: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        choose_source("loki", choice, there)
    assert message in caught.value.message


@pytest.mark.parametrize("url", ["loki:3100", "", "ftp://loki", "http://", "http://a b", "http://[::1"])
def test_unusable_addresses(url: str) -> None:
    with pytest.raises(SettingsError, match="write it like http://loki:3100"):
        checked_choice("loki", url)


@pytest.mark.parametrize("given", [{"url": "http://a", "uid": "u"}, {"uid": "u", "name": "n"}, {"url": "", "name": ""}])
def test_contradicting_options(given: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="exclude each other"):
        checked_choice("loki", **given)


def test_an_address_with_credentials_is_refused_and_not_repeated() -> None:
    with pytest.raises(SettingsError, match="--loki-uid") as caught:
        checked_choice("loki", "http://u:hunter2@loki")
    assert "hunter2" not in caught.value.message


FROM_FILE = Choice(url="http://a", login="u", settings={"x": 1}, secrets={"basicAuthPassword": {"env": "P"}})


@pytest.mark.parametrize(
    "given, otherwise, wanted",
    [
        ({"uid": "x"}, Choice(), Choice(uid="x")),
        ({"name": "x"}, Choice(), Choice(name="x")),
        ({"url": "http://loki"}, Choice(), Choice(url="http://loki")),
        ({}, FROM_FILE, FROM_FILE),
        # Another address goes with the same login; another datasource does not.
        ({"url": "http://b"}, FROM_FILE, replace(FROM_FILE, url="http://b")),
        ({"uid": "x"}, FROM_FILE, Choice(uid="x")),
        ({"url": "http://b"}, Choice(uid="x"), Choice(url="http://b")),
    ],
)
def test_options_count_before_the_file(given: dict[str, str], otherwise: Choice, wanted: Choice) -> None:
    assert checked_choice("loki", **given, otherwise=otherwise) == wanted


def test_datasources_are_made_only_for_addresses() -> None:
    assert wanted_datasources({"prometheus": Choice(), "loki": Choice(uid="x")}) == []
    (made,) = wanted_datasources({"prometheus": Choice(url="http://p"), "loki": Choice()})
    assert [made.fields[key] for key in ("uid", "type", "url")] == ["sedna-prometheus", "prometheus", "http://p"]
    assert "editable" not in made.fields and made.secrets == {}


def test_a_datasource_with_login_and_settings() -> None:
    (made,) = wanted_datasources({"prometheus": Choice(), "loki": FROM_FILE})
    assert (made.fields["basicAuth"], made.fields["basicAuthUser"]) == (True, "u")
    assert made.fields["jsonData"] == {"maxLines": 1000, "x": 1}
    assert made.secrets == {"basicAuthPassword": {"env": "P"}}


@pytest.mark.parametrize(
    "there, wanted",
    [(OURS, True), (A, False), (source("a", jsonData={"sednaDash": "x"}), True), (source("a", jsonData=None), False)],
)
def test_may_be_ours(there: dict[str, Any], wanted: bool) -> None:
    assert may_be_ours(there) is wanted


def test_only_used_plugins_need_a_datasource() -> None:
    assert needed_plugins([board()]) == ["prometheus", "loki"]
    assert needed_plugins([board(templating={"list": []}), {"uid": "x"}]) == []


def test_variables_of_other_plugins_stay() -> None:
    other = {"name": "es", "type": "datasource", "query": "elasticsearch", "current": {"value": "e"}}
    before = board(templating={"list": [other]})
    assert with_sources(before, {"loki": Source("a", "A")}) == before


NODE = {"name": "node", "type": "query", "current": {"value": "a"}}
NODES = {**NODE, "name": "nodes", "multi": True}


@pytest.mark.parametrize(
    "values, node, nodes",
    [
        ({}, "a", "a"),
        ({"node": "b"}, "b", "a"),
        ({"node": ["b"]}, "b", "a"),
        ({"nodes": "b"}, "a", ["b"]),
        ({"node": "b", "nodes": ["b", "c"]}, "b", ["b", "c"]),
    ],
)
def test_values_of_variables(values: dict[str, Any], node: Any, nodes: Any) -> None:
    models = [board(), board(templating={"list": [NODE, NODES]})]
    before = copy.deepcopy(models)
    found = with_variables(models, values)[1]["templating"]["list"]
    assert [variable["current"]["value"] for variable in found] == [node, nodes]
    assert models == before


@pytest.mark.parametrize(
    "values, message",
    [
        ({"nod": "b"}, "no dashboard has a variable 'nod'; did you mean 'node'"),
        ({"datasource": "b"}, "no dashboard has a variable 'datasource'"),
        ({"node": ["b", "c"]}, "'node' takes one value"),
        ({"node": []}, "'node' takes one value"),
    ],
)
def test_impossible_values_of_variables(values: dict[str, Any], message: str) -> None:
    models = [board(), board(templating={"list": [NODE, NODES]})]
    with pytest.raises(SettingsError) as caught:
        with_variables(models, values)
    assert message in caught.value.message
