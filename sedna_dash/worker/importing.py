"""Waiting for sedna: as soon as one of its modules has been imported, the calls in it are watched.

A program that never imports sedna pays for one look into a table at each of its imports.
"""

import sys
import threading

TYPE_CHECKING = False  # from typing it would be slow to import, for programs that never import sedna
if TYPE_CHECKING:
    from typing import Any, Callable

#: Modules of sedna whose calls are watched; `sedna_dash.worker.hooks` says which.
MODULES = frozenset(
    {
        "sedna.backend.base",
        "sedna.backend.mindspore",
        "sedna.backend.tensorflow",
        "sedna.backend.torch",
        "sedna.core.federated_learning.federated_learning",
        "sedna.core.incremental_learning.incremental_learning",
        "sedna.core.joint_inference.joint_inference",
        "sedna.core.lifelong_learning.lifelong_learning",
        "sedna.service.client",
        "sedna.service.server.aggregation",
    }
)


class Finder:
    """Finds what the other finders find, and has the modules of sedna watched once they are loaded."""

    def __init__(self) -> None:
        self._searching = threading.local()

    def find_spec(self, name: str, path: "Any" = None, target: "Any" = None) -> "Any":
        """See `importlib.abc.MetaPathFinder`."""
        if name not in MODULES or getattr(self._searching, "now", False):
            return None
        self._searching.now = True
        try:
            for finder in sys.meta_path:
                find = None if finder is self else getattr(finder, "find_spec", None)
                spec = None if find is None else find(name, path, target)
                if spec is not None:
                    if hasattr(spec.loader, "exec_module"):
                        spec.loader.exec_module = _then_watch(spec.loader.exec_module)
                    return spec
        finally:
            self._searching.now = False
        return None


def _then_watch(execute: "Callable[[Any], Any]") -> "Callable[[Any], Any]":
    def exec_module(module: "Any") -> "Any":
        result = execute(module)
        _hook(module)
        return result

    return exec_module


def _hook(module: "Any") -> None:
    try:
        from sedna_dash.worker import hooks, running

        running.start()
        hooks.watch(module)
    except Exception as error:
        from sedna_dash.worker.trouble import note

        note("metrics", f"{module.__name__} is not watched: {error!r}")


def watch() -> None:
    """Wait for sedna's modules, and watch those that are there already. A second call changes nothing.

    Until one of them is imported, this neither listens nor pushes.
    """
    if not any(type(finder).__name__ == "Finder" and type(finder).__module__ == __name__ for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder())
    for name in MODULES & set(sys.modules):
        _hook(sys.modules[name])
