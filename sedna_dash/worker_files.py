"""The worker hook as loose files, for images that cannot install this package: Sedna's library keeps to Python < 3.10.

The files go into a ConfigMap, and from there into a folder on ``PYTHONPATH``. The folder has no
``sedna_dash/__init__.py``: should the image hold an installed sedna-dash all the same, that one is taken.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

import sedna_dash.worker
from sedna_dash.documents import yaml_text
from sedna_dash.worker.target import VARIABLE

#: Where the files are in the container.
FOLDER = "/opt/sedna-dash"


def loose_files() -> dict[str, str]:
    """The text of each file by its path below the folder on ``PYTHONPATH``."""
    sources = sorted(Path(sedna_dash.worker.__file__).parent.glob("*.py"))
    return {_place(source.name): source.read_text(encoding="utf-8") for source in sources}


def _place(name: str) -> str:
    return name if name == "sitecustomize.py" else f"sedna_dash/worker/{name}"


def config_map(name: str, namespace: str | None) -> dict[str, Any]:
    """The ConfigMap that holds the files; its keys are their names, as a key can hold no slash."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    data = {path.rpartition("/")[2]: text for path, text in loose_files().items()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def pod_spec(name: str, metrics: str) -> dict[str, Any]:
    """What the pod template of a worker needs, beside what it has."""
    environ = {VARIABLE: metrics, "PYTHONPATH": FOLDER}
    node = {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
    items = [{"key": path.rpartition("/")[2], "path": path} for path in loose_files()]
    return {
        "containers": [
            {
                "name": "your-container",
                "env": [*({"name": key, "value": value} for key, value in environ.items()), node],
                "volumeMounts": [{"name": "sedna-dash", "mountPath": FOLDER, "readOnly": True}],
            }
        ],
        "volumes": [{"name": "sedna-dash", "configMap": {"name": name, "items": items}}],
    }


@click.group("worker", short_help="The metrics hook for Sedna's workers, as files.")
def worker_command() -> None:
    """The metrics hook for Sedna's workers, as files for images that cannot install sedna-dash."""


_name_option = click.option("--name", default="sedna-dash-worker", show_default=True, help="Name of the ConfigMap.")


@worker_command.command("configmap")
@_name_option
@click.option("--namespace", "-n", help="Namespace of the jobs. [default: the one that kubectl is set to]")
def configmap(name: str, namespace: str | None) -> None:
    """Print a ConfigMap that holds the hook's files.

    `sedna-dash worker podspec` prints what a worker needs to use them.
    """
    click.echo(yaml_text(config_map(name, namespace), width=1000), nl=False)


@worker_command.command("podspec")
@_name_option
@click.option("--metrics", default="0.0.0.0:9464", show_default=True, help=f"Value of {VARIABLE}.")
def podspec(name: str, metrics: str) -> None:
    """Print what to add to the pod template of a worker in the job's resource: variables, mount and volume."""
    click.echo(yaml_text(pod_spec(name, metrics), width=1000), nl=False)
