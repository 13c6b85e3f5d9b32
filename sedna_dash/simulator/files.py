"""Files that lead others to the simulated site."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import yaml

from sedna_dash.errors import OutputError

#: The job that scrapes the exporter.
EXPORTER_JOB = "sedna-exporter"


def write_kubeconfig(path: Path, url: str, token: str | None = None) -> None:
    """Write a kubeconfig file that leads to an API. Raises OutputError."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "simulated", "cluster": {"server": url}}],
        "users": [{"name": "reader", "user": {"token": token} if token else {}}],
        "contexts": [{"name": "simulated", "context": {"cluster": "simulated", "user": "reader"}}],
        "current-context": "simulated",
    }
    write_text(path, yaml.safe_dump(config, sort_keys=False))


def write_text(path: Path, text: str) -> None:
    """Write a file in one step, readable by its owner only. Raises OutputError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
            file.write(text)
        Path(file.name).replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}; choose another place") from error


def write_prometheus_config(
    path: Path, url: str, sources: Iterable[str], *, exporter: str, kube_state_metrics: str = "", interval: str = "15s"
) -> None:
    """Write the configuration of a Prometheus that scrapes a simulated site at ``url``. Raises OutputError.

    ``exporter`` and ``kube_state_metrics`` are addresses of real ones that read the simulated cluster; an empty one is
    left out.
    """
    fixed = {EXPORTER_JOB: exporter, "kube-state-metrics": kube_state_metrics}
    jobs = [
        # Sedna's labels "namespace" and "node" say more than those of the target.
        {"job_name": name, "honor_labels": True, "static_configs": [{"targets": [address]}]}
        for name, address in fixed.items()
        if address
    ]
    for source in sources:
        discovery = [{"url": f"{url}/sd/{source}", "refresh_interval": "5s"}]
        jobs.append({"job_name": f"simulated-{source}", "honor_labels": True, "http_sd_configs": discovery})
    config = {"global": {"scrape_interval": interval, "evaluation_interval": interval}, "scrape_configs": jobs}
    write_text(path, yaml.safe_dump(config, sort_keys=False))
