"""Build: modules in, files out."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sedna_dash.errors import SednaDashError, SettingsError, SourceError, StaleError
from sedna_dash.render.forms import USUAL_FORMS, Form, Settings, bundle
from sedna_dash.render.grafana_resources import ResourceApi
from sedna_dash.render.kubernetes_objects import Placement, check_placement, needs_server_side
from sedna_dash.render.loading import LoadedDashboard, load_dashboards
from sedna_dash.render.profiles import profile_named
from sedna_dash.render.writing import Difference, difference, write

if TYPE_CHECKING:
    from sedna_dash.authoring.promql import Records

_PACKAGED = Path(__file__).parent / "dashboards"
_CHECKOUT = Path(__file__).parent.parent / "dashboards_src"


@dataclass(frozen=True)
class Request:
    """What to build, from where, to where, and for which site."""

    source: Path
    out: Path = Path("build")
    catalogs: tuple[Path, ...] = ()
    profile: str = "9.3"
    folder: str = "Sedna"
    prometheus_url: str = Settings.metrics_url
    loki_url: str = Settings.logs_url
    dashboards_path: str = Settings.dashboards_path
    records: Records = "inline"
    forms: tuple[Form, ...] = USUAL_FORMS
    placement: Placement = field(default_factory=Placement)
    resource_api: ResourceApi = "v1"

    @property
    def settings(self) -> Settings:
        return Settings(
            self.folder,
            self.prometheus_url,
            self.loki_url,
            self.dashboards_path,
            self.placement,
            self.resource_api,
        )


@dataclass(frozen=True)
class Built:
    """What a build did where, and which files ask for something when they are used."""

    done: Difference
    out: Path
    server_side: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.done:
            counts = f"{len(self.done.added)} added, {len(self.done.changed)} changed, {len(self.done.removed)} removed"
            said = f"{self.done}\n{self.out}: {counts}."
        else:
            said = f"{self.out} is up to date."
        if self.server_side:
            said += f"\nThese need kubectl apply --server-side, because of their size: {', '.join(self.server_side)}"
        return said


def source_folder(given: Path | None) -> Path:
    """The folder that was asked for; else the working folder's own; else the dashboards inside the package."""
    if given is not None:
        return given
    here = Path("dashboards_src")
    return next((folder for folder in (here, _PACKAGED, _CHECKOUT) if folder.is_dir()), here)


def load(source: Path, catalogs: tuple[Path, ...] = (), records: Records = "inline") -> list[LoadedDashboard]:
    """Load the dashboards, written against the built-in catalog and the given metric files. Derived series are written
    out, or with ``use`` read as recording rules make them."""
    if not catalogs and records == "inline":
        return load_dashboards(source)
    from sedna_dash.authoring.promql import writing_against
    from sedna_dash.catalog import load_catalog

    with writing_against(load_catalog(extra=catalogs) if catalogs else None, records):
        return load_dashboards(source)


def build(request: Request) -> Built:
    """Write the wanted forms of every dashboard; only what differs is touched. Returns what was."""
    files = _files(request)
    return Built(write(request.out, files), request.out, _large(files))


def _large(files: Mapping[str, bytes]) -> tuple[str, ...]:
    """The objects that ``kubectl apply`` refuses in its usual way."""
    objects = (name for name in files if name.startswith(("configmaps/", "grafana-operator/")))
    return tuple(name for name in objects if needs_server_side(files[name]))


def check(request: Request) -> None:
    """Raise `StaleError` when the output folder does not hold what `build` would write."""
    stale = difference(request.out, _files(request))
    if stale:
        raise StaleError(f"{request.out} is not up to date; run: sedna-dash build (or make build)\n{stale}")


def watch(request: Request, tell: Callable[[str], object]) -> None:
    """Build now and after every change of a module or metric file, until interrupted. Errors are told, not raised."""
    try:
        from watchfiles import watch as changes
    except ImportError as error:
        raise SednaDashError("--watch needs watchfiles; install it with: pip install 'sedna-dash[watch]'") from error
    for watched in (request.source, *request.catalogs):
        if not watched.exists():
            raise SourceError(f"{watched}: no such file or folder to watch; check --source and --catalog")
    gc.enable()  # this one runs for long
    _build_and_tell(request, tell)
    tell(f"Watching {request.source} (Ctrl-C ends) ...")
    logging.getLogger("watchfiles.main").setLevel(logging.ERROR)  # it reports the Ctrl-C that was asked for
    for batch in changes(request.source, *request.catalogs, raise_interrupt=False):
        names = sorted({Path(path).name for _, path in batch if path.endswith((".py", ".yaml"))})
        if names:
            tell(f"{', '.join(names)} changed:")
            _build_and_tell(request, tell)


def _build_and_tell(request: Request, tell: Callable[[str], object]) -> None:
    try:
        tell(str(build(request)))
    except SednaDashError as error:
        tell(f"Error: {error.message}")


def _files(request: Request) -> dict[str, bytes]:
    if request.folder in ("", ".", "..") or "/" in request.folder:
        # It is the name of a directory, which Grafana makes a folder of.
        raise SettingsError(f"--folder '{request.folder}' is no name of one folder; give one without a slash")
    check_placement(request.placement)
    dashboards = load(request.source, request.catalogs, request.records)
    return bundle(dashboards, profile_named(request.profile), request.settings, request.forms)
