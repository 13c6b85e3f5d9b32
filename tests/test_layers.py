"""Who may import whom: lower layers know nothing of upper ones."""

import ast
from pathlib import Path

import pytest

import sedna_dash

ROOT = Path(sedna_dash.__file__).parent
CHECKOUT = ROOT.parent

#: From the ground up. A module imports from its own layer's package and from layers below it.
LAYERS = [
    ["errors", "dashboard_schema", "crds"],
    ["documents", "markdown"],
    ["schemas", "secret_references"],
    ["environments"],
    ["settings"],
    ["catalog"],
    ["alerts"],
    ["exposition"],
    ["knowledge_base", "custom_resource_state", "worker", "log_collection"],
    ["exporter"],
    ["simulator"],
    ["authoring"],
    ["render"],
    ["lint"],
    ["building", "starting", "worker_files", "completion", "manual"],
    ["rules"],
    ["gallery"],
    ["chart", "deploy", "linting", "documenting", "impact"],
    ["stack"],
    ["verify"],
    ["demo"],
    ["cli"],
    ["__main__"],
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}

#: Only these touch the outside: one module knows HTTP, a few know grafanalib.
BORDERS = {
    "grafana_client": {"deploy/grafana.py"},
    "niquests": {"deploy/grafana.py"},
    "jsonschema": {"schemas/__init__.py"},
    "promql_parser": {"lint/promql_ast.py", "verify/pieces.py"},
    "kubernetes": {"exporter/cluster.py"},
    "grafanalib": {
        "authoring/panel.py",
        "authoring/layout.py",
        "authoring/variables.py",
        "authoring/dashboard.py",
        "render/loading.py",
        "render/normal.py",
    },
}


def modules() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*.py") if "dashboards" not in path.relative_to(ROOT).parts)


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names if node.module == "sedna_dash")
    return found


def layer(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").parts[0]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_downwards(path: Path) -> None:
    own = layer(path)
    if own == "__init__":
        return
    assert own in RANK, f"{own} is in no layer; add it to LAYERS"
    for name in imports(path):
        if not name.startswith("sedna_dash."):
            continue
        other = name.split(".")[1]
        if other in RANK and other != own:
            assert RANK[other] < RANK[own], f"{path.name} imports {name} from above"
    for outside, allowed in BORDERS.items():
        if any(name == outside or name.startswith(outside + ".") for name in imports(path)):
            assert str(path.relative_to(ROOT)) in allowed, f"{outside} stops at {', '.join(sorted(allowed))}"


@pytest.mark.parametrize("path", sorted((CHECKOUT / "dashboards_src").glob("*.py")), ids=lambda path: path.name)
def test_dashboards_import_only_the_vocabulary(path: Path) -> None:
    assert imports(path) <= {"sedna_dash.authoring"}
