"""Which dashboards, which producers, which datasources: what the options of verify mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sedna_dash.building import load, source_folder
from sedna_dash.catalog import Catalog
from sedna_dash.deploy.sources import Choice, choose_source, needed_plugins
from sedna_dash.errors import SettingsError
from sedna_dash.lint.board import Board
from sedna_dash.lint.loading import load_boards
from sedna_dash.schemas import nearest
from sedna_dash.verify.server import Tls

ALL = "all"


def boards_of(
    paths: Sequence[Path],
    source: Path | None,
    catalogs: tuple[Path, ...],
    uids: Sequence[str],
    chosen: Mapping[str, Sequence[str]],
) -> list[Board]:
    """The dashboards in the files, or else of the modules; only those of ``uids`` if there are any.

    Raises `SettingsError` for a uid or variable that no dashboard has, and `SourceError` as they do that load.
    """
    if paths:
        boards = load_boards(paths)
    else:
        boards = [Board(found.model, str(found.module)) for found in load(source_folder(source), catalogs)]
    known = {board.uid for board in boards}
    for uid in uids:
        if uid not in known:
            raise SettingsError(f"--dashboard {uid}: there is no such dashboard{nearest(uid, known)}")
    boards = [board for board in boards if not uids or board.uid in uids]
    if not boards:
        raise SettingsError("there is no dashboard to verify; name a folder with --source, or files")
    variables = {
        str(item.get("name")): bool(item.get("multi"))
        for board in boards
        for item in board.variables
        if item.get("type") != "datasource"
    }
    for name, values in chosen.items():
        if name not in variables:
            raise SettingsError(f"--set {name}: no dashboard has such a variable{nearest(name, variables)}")
        if len(values) > 1 and not variables[name]:
            raise SettingsError(f"--set {name}: it takes one value; give one")
    return boards


def expected_sources(asked: Sequence[str], catalog: Catalog) -> frozenset[str]:
    """The producers whose metrics must be there. Raises `SettingsError` for one that is none."""
    for name in asked:
        if name != ALL and name not in catalog.sources:
            raise SettingsError(f"--expect {name}: there is no such producer{nearest(name, catalog.sources)}")
    return frozenset(catalog.sources) if ALL in asked else frozenset(asked)


def datasources(
    models: Sequence[Mapping[str, Any]], choices: Mapping[str, Choice], there: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    """For each plugin that the dashboards need, the uid of the datasource that they open with.

    A Grafana without any Loki is asked for metrics alone. Raises `SettingsError` as `choose_source` does.
    """
    found: dict[str, str] = {}
    for plugin in needed_plugins(models):
        if not any(item.get("type") == plugin for item in there) and plugin == "loki":
            continue
        found[plugin] = choose_source(plugin, choices.get(plugin, Choice()), there).uid
    return found


def tls_of(given: Mapping[str, Any]) -> Tls:
    """How to check the certificates of Prometheus and Loki. Raises `SettingsError` for files that are of no use."""
    import ssl

    tls = Tls(given["ca_file"], not given["insecure"], given["client_certificate"], given["client_key"])
    if tls.ca_file and given["insecure"]:
        raise SettingsError("--ca-file and --insecure exclude each other; give only --ca-file")
    try:
        tls.context()
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"--ca-file, --client-certificate or --client-key: of no use ({error.strerror or error}); name PEM files"
        ) from None
    return tls
