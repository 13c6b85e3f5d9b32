"""What the hook is made of: old syntax, the standard library, the catalog's families."""

import ast
import sys
from pathlib import Path

import pytest

import sedna_dash.worker
from sedna_dash.catalog import default_catalog
from sedna_dash.worker.families import BUCKETS, FAMILIES
from tests.worker import pythons

FOLDER = Path(sedna_dash.worker.__file__).parent
SOURCES = sorted(FOLDER.glob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_it_is_python_3_6_and_imports_only_itself_and_the_standard_library(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 6))
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            own = name == "sedna_dash.worker" or name.startswith("sedna_dash.worker.")
            assert own or name.split(".")[0] in sys.stdlib_module_names, name
            assert name != "__future__"


@pytest.mark.parametrize("python", pythons.old(), ids=lambda python: python.name)
def test_old_interpreters_import_all_of_it(python: pythons.Python) -> None:
    names = [f"sedna_dash.worker.{path.stem}" for path in SOURCES if path.stem not in ("__init__", "auto")]
    done = python.run("-W", "error", "-c", f"import {', '.join(names)}")
    assert (done.returncode, done.stderr) == (0, "")


def test_it_writes_what_the_catalog_says_that_it_writes() -> None:
    catalog = default_catalog()
    declared = {name: metric for name, metric in catalog.metrics.items() if "worker-hook" in metric.sources}
    assert FAMILIES.keys() == declared.keys()
    for name, family in FAMILIES.items():
        metric = declared[name]
        assert (family.type, family.labels) == (metric.type, tuple(metric.labels)), name
        assert family.help == metric.help, "sedna_dash/worker/families.py repeats the catalog's help"
    assert (BUCKETS[0], BUCKETS[-1]) == (0.005, 30)
    assert 0.25 in BUCKETS  # the objective of joint inference


def test_a_program_without_sedna_hardly_notices_it() -> None:
    path = (pythons.CHECKOUT, FOLDER)  # the second holds sitecustomize.py, though nothing else of it is to be found so
    code = "import sys, threading; print(threading.active_count(), *sorted(m for m in sys.modules if 'sedna' in m))"
    done = pythons.THIS.run("-c", code, path=path, SEDNA_DASH_METRICS="127.0.0.1:0")
    assert done.stdout.split() == ["1", "sedna_dash", "sedna_dash.worker", "sedna_dash.worker.importing"], done.stderr
