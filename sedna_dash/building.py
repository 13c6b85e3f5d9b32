"""Build: modules in, files out."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sedna_dash.errors import SednaDashError, SettingsError, SourceError, StaleError
from sedna_dash.render.forms import Settings, bundle
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

    @property
    def settings(self) -> Settings:
        return Settings(self.folder, self.prometheus_url, self.loki_url, self.dashboards_path)


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


def build(request: Request) -> Difference:
    """Write every form of every dashboard; only what differs is touched. Returns what was."""
    return write(request.out, _files(request))


def check(request: Request) -> None:
    """Raise `StaleError` when the output folder does not hold what `build` would write."""
    stale = difference(request.out, _files(request))
    if stale:
        raise StaleError(f"{request.out} is not up to date; run: sedna-dash build (or make build)\n{stale}")


def summary(done: Difference, out: Path) -> str:
    """What `build` did, for a person."""
    if not done:
        return f"{out} is up to date."
    return f"{done}\n{out}: {len(done.added)} added, {len(done.changed)} changed, {len(done.removed)} removed."


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
        tell(summary(build(request), request.out))
    except SednaDashError as error:
        tell(f"Error: {error.message}")


def _files(request: Request) -> dict[str, bytes]:
    if request.folder in ("", ".", "..") or "/" in request.folder:
        # It is the name of a directory, which Grafana makes a folder of.
        raise SettingsError(f"--folder '{request.folder}' is no name of one folder; give one without a slash")
    return bundle(
        load(request.source, request.catalogs, request.records), profile_named(request.profile), request.settings
    )
