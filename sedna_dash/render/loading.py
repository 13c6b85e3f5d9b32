"""Load dashboards from a folder: every ``*.py`` that defines ``dashboard``, or, without modules, every ``*.json``.

A patch that lies beside one is applied.
"""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson

from sedna_dash.errors import SednaDashError, SourceError
from sedna_dash.render.normal import normalised, without_residue
from sedna_dash.render.patches import SUFFIX, Patch, patch_file, patched, read_patch


@dataclass(frozen=True)
class LoadedDashboard:
    """One dashboard as plain JSON data, and the module that it came from. ``unpatched`` is what the module alone gives,
    where there is a patch beside it."""

    module: Path
    model: dict[str, Any]
    patch: Patch | None = None
    unpatched: dict[str, Any] | None = None

    @property
    def uid(self) -> str:
        return str(self.model["uid"])

    @property
    def title(self) -> str:
        return str(self.model["title"])


def load_dashboards(source: Path) -> list[LoadedDashboard]:
    """Run every module in ``source`` (names that begin with ``_`` are helpers) and collect its ``dashboard``. A folder
    without modules may hold dashboards as JSON, such as ``build/dashboards``. Patches that lie beside are applied.

    Raises `SourceError` with file, line and cure when a module fails, lacks ``dashboard``, or repeats a uid, and when a
    patch does not fit.
    """
    if not source.is_dir():
        raise SourceError(f"{source}: no such folder; name one with --source, or start one with: sedna-dash new NAME")
    modules = sorted(path for path in source.glob("*.py") if not path.name.startswith("_"))
    if not modules:
        modules = sorted(source.glob("*.json"))
    if not modules:
        raise SourceError(f"{source}: holds no dashboard modules; start one with: sedna-dash new NAME")
    _check_patches(source, modules)
    loaded: dict[str, LoadedDashboard] = {}
    titles: dict[str, LoadedDashboard] = {}
    with _importable(source):
        for path in modules:
            dashboard = _patched(LoadedDashboard(path, _dashboard_of(path)))
            for known, value, what in ((loaded, dashboard.uid, "uid"), (titles, dashboard.title, "title")):
                other = known.get(value)
                if other is not None:
                    raise SourceError(f"{path}: has the {what} '{value}' of {other.module}; give it its own")
            loaded[dashboard.uid] = titles[dashboard.title] = dashboard
    return list(loaded.values())


def _check_patches(source: Path, modules: Sequence[Path]) -> None:
    beside = {patch_file(path) for path in modules}
    for file in sorted(source.glob(f"*{SUFFIX}")):
        if file not in beside:
            name = file.name.removesuffix(SUFFIX) + modules[0].suffix
            raise SourceError(f"{file}:1: there is no {name} for it; rename it like its module, or delete it")


def _patched(dashboard: LoadedDashboard) -> LoadedDashboard:
    file = patch_file(dashboard.module)
    if not file.is_file():
        return dashboard
    patch = read_patch(file)
    return LoadedDashboard(dashboard.module, patched(dashboard.model, patch), patch, dashboard.model)


@contextmanager
def _importable(source: Path) -> Iterator[None]:
    """Let modules import helpers beside them, and forget those afterwards, so that two folders never mix."""
    # Absolute, as the import system makes the files of modules; a relative one would never equal their folder.
    source = source.absolute()
    sys.path.insert(0, str(source))
    before = set(sys.modules)
    try:
        yield
    finally:
        sys.path.remove(str(source))
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None)
            if file and Path(file).parent == source:
                del sys.modules[name]


def _dashboard_of(path: Path) -> dict[str, Any]:
    if path.suffix == ".json":
        return _dashboard_in(path)
    # Imported here: dashboards that come as JSON do without it, and it takes its time.
    from grafanalib.core import Dashboard as GrafanalibDashboard

    module = _run(path)
    dashboard = getattr(module, "dashboard", None)
    if not isinstance(dashboard, GrafanalibDashboard):
        undefined = dashboard is None or isinstance(dashboard, ModuleType)
        found = "does not define it" if undefined else f"sets it to a {type(dashboard).__name__}"
        raise SourceError(
            f"{path}: a dashboard module sets 'dashboard' to a grafanalib Dashboard, but this one {found}; "
            "write: dashboard = board(...), or begin the name with _ if it is a helper"
        )
    try:
        return normalised(dashboard.to_json_data())
    except SourceError as error:
        raise SourceError(f"{path}: {error.message}") from error
    except Exception as error:
        raise SourceError(f"{path}: its dashboard cannot be rendered: {error}; check its panels") from error


def _dashboard_in(path: Path) -> dict[str, Any]:
    """The dashboard of a JSON file."""
    try:
        content = orjson.loads(path.read_bytes())
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror}); check its rights") from error
    except orjson.JSONDecodeError as error:
        raise SourceError(f"{path}:{error.lineno}: is not JSON ({error.msg}); repair it") from error
    if not isinstance(content, dict) or {"__inputs", "__requires"} & content.keys():
        raise SourceError(f"{path}: is no dashboard for the API; name the folder build/dashboards, not build/import")
    try:
        return without_residue(content)
    except SourceError as error:
        raise SourceError(f"{path}: {error.message}") from error


def _run(path: Path) -> ModuleType:
    name = f"_sedna_dash_source_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        # Compiled from the source each time: Python's cache takes a change of the same size in the same second for
        # no change, and it would litter the folder.
        exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)  # noqa: S102 - to run it is the point
    except SystemExit as error:
        raise SourceError(f"{path}:{_line(error, path)}: it ends the program; let it define 'dashboard'") from error
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror}); check its rights") from error
    except SednaDashError as error:
        raise type(error)(f"{path}:{_line(error, path)}: {error.message}") from error
    except SyntaxError as error:
        where = Path(error.filename) if error.filename else path
        shown = path if where.resolve() == path.resolve() else where
        raise SourceError(f"{shown}:{error.lineno}: {error.msg}; repair the Python") from error
    except Exception as error:
        raise SourceError(f"{path}:{_line(error, path)}: {type(error).__name__}: {error}; repair the module") from error
    return module


def _line(error: BaseException, path: Path) -> int:
    """The last line of the module itself on the way to the error."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename).resolve() == path.resolve()]
    return (lines[-1] if lines else None) or 1
