"""Python imports this by itself, at its start, when the folder it lies in is on PYTHONPATH."""

import os
import sys
from importlib.machinery import PathFinder

# Nothing is imported from here in a program that wants no metrics.
if os.environ.get("SEDNA_DASH_METRICS"):
    try:
        from sedna_dash.worker.importing import watch

        watch()
    except Exception as error:
        sys.stderr.write(f"sedna-dash: no metrics of this worker: {error!r}\n")

# The image may have a sitecustomize of its own, which this one stands in front of.
_here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib is slow to import
_next = PathFinder.find_spec("sitecustomize", [path for path in sys.path if os.path.abspath(path) != _here])  # noqa: PTH100
if _next is not None and _next.loader is not None:
    from importlib.util import module_from_spec

    _next.loader.exec_module(module_from_spec(_next))
