"""The charts of other people, where somebody has put them: unknown keys, renderings, and what a scrape config finds.

``SEDNA_DASH_UPSTREAM_CHARTS`` names a folder with one folder for each chart of ``sedna_dash/stack/charts.yaml``, of
that version, with the charts that it depends on in its ``charts/`` (``helm pull --untar`` makes such folders). A chart
that our values switch off may be left out of Chart.yaml instead. ``SEDNA_DASH_HELM`` names a helm that is not on the
PATH.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from sedna_dash.stack.upstream import Release, releases

STACK = Path(__file__).parent.parent.parent / "charts/stack"
NAMESPACE = "monitoring"


def folder() -> Path | None:
    """Where the charts are."""
    given = os.environ.get("SEDNA_DASH_UPSTREAM_CHARTS")
    return Path(given) if given else None


def helm() -> str | None:
    """Where helm is on this machine."""
    return os.environ.get("SEDNA_DASH_HELM") or shutil.which("helm")


def ways() -> list[tuple[Release, tuple[str, ...]]]:
    """Each release as it may be installed: without what is optional, and with each of it."""
    return [(one, (one.values, *extra)) for one in releases() for extra in [(), *((name,) for name in one.optional)]]


def run(verb: str, release: Release, values: tuple[str, ...], *more: str) -> subprocess.CompletedProcess[str]:
    """``helm template`` or ``helm lint`` of a release."""
    program, charts = helm(), folder()
    assert program and charts
    files = [word for name in values for word in ("--values", str(STACK / name))]
    name = [release.name] if verb == "template" else []
    command = [program, verb, *name, str(charts / release.chart.split("/")[1]), "--namespace", NAMESPACE, *files]
    return subprocess.run([*command, "--kube-version", "1.30.0", *more], capture_output=True, text=True, check=False)


@functools.cache
def rendered(release: Release, values: tuple[str, ...], *more: str) -> list[dict[str, Any]]:
    """All objects of a release."""
    done = run("template", release, values, *more)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


@functools.cache
def rendered_ours(*more: str) -> list[dict[str, Any]]:
    """All objects of our own chart, as the stack installs it."""
    command = [str(helm()), "template", "sedna-dash", str(STACK.parent / "sedna-dash"), "--namespace", NAMESPACE]
    values = ["--values", str(STACK / "sedna-dash.yaml"), "--kube-version", "1.30.0"]
    done = subprocess.run([*command, *values, *more], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def data(objects: list[dict[str, Any]], key: str) -> str:
    """The one file of this name in all ConfigMaps and Secrets."""
    found = [one[part][key] for one in objects for part in ("data", "stringData") if key in (one.get(part) or {})]
    assert len(found) == 1, f"{key}: {len(found)} times"
    text: str = found[0]
    return text


def pods(objects: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The pod templates of all workloads."""
    for one in objects:
        template = one.get("spec", {}).get("template")
        if one["kind"] in ("Deployment", "StatefulSet", "DaemonSet") and template:
            yield template


def targets(pod: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """What Prometheus' discovery with role pod makes of a pod: a target for each port, or one without."""
    about = pod["metadata"]
    labels = {f"__meta_kubernetes_pod_label_{_name(key)}": value for key, value in about.get("labels", {}).items()}
    for key, value in (about.get("annotations") or {}).items():
        labels[f"__meta_kubernetes_pod_annotation_{_name(key)}"] = value
    labels |= {"__meta_kubernetes_pod_node_name": "node-1", "__meta_kubernetes_pod_ip": "10.0.0.1"}
    labels |= {"__meta_kubernetes_pod_name": "pod-1", "__meta_kubernetes_pod_phase": "Running", "__scheme__": "http"}
    for container in pod["spec"]["containers"]:
        labels["__meta_kubernetes_pod_container_name"] = container["name"]
        for port in container.get("ports") or [{}]:
            number = str(port.get("containerPort", ""))
            yield {
                **labels,
                "__address__": f"10.0.0.1:{number}",
                "__meta_kubernetes_pod_container_port_name": port.get("name", ""),
                "__meta_kubernetes_pod_container_port_number": number,
            }


def _name(text: str) -> str:
    return re.sub(r"\W", "_", text)


def relabelled(target: Mapping[str, str], rules: list[dict[str, Any]]) -> dict[str, str] | None:
    """What Prometheus makes of a target; None if it is dropped."""
    labels = dict(target)
    for rule in rules:
        value = ";".join(labels.get(name, "") for name in rule.get("source_labels", ()))
        found = re.fullmatch(rule.get("regex", "(.*)"), value)
        action = rule.get("action", "replace")
        assert action in ("keep", "drop", "replace"), action
        if (action == "keep" and not found) or (action == "drop" and found):
            return None
        if action == "replace" and found:
            labels[rule["target_label"]] = found.expand(rule.get("replacement", "$1").replace("$", "\\"))
    return {name: value for name, value in labels.items() if not name.startswith("__meta_")}


#: Keys that a chart takes and its values.yaml does not list: what is below is handed to the program, or stands there as
#: a comment.
FREE = {
    "prometheus": {"server.global", "serverFiles.prometheus.yml", "scrapeConfigs", "alertmanager.config"},
    "loki": {"loki.limits_config", "loki.storage.bucketNames", "loki.rulerConfig", "singleBinary.affinity"},
    "grafana": {"grafana.ini", "datasources", "persistence.annotations"},
    "promtail": {"containerSecurityContext"},
}


def unknown(values: Any, known: Any, free: set[str], path: str = "") -> list[str]:
    """Keys that the chart's own values do not have."""
    if not isinstance(values, dict) or not isinstance(known, dict) or (path and not known):
        return []
    found = []
    for key, value in values.items():
        where = f"{path}.{key}".lstrip(".")
        if where in free:
            continue
        found += [where] if key not in known else unknown(value, known[key], free, where)
    return found


def known_values(chart: Path) -> dict[str, Any]:
    """The chart's values.yaml, with those of the charts inside it."""
    known: dict[str, Any] = yaml.safe_load((chart / "values.yaml").read_text())
    for inside in sorted((chart / "charts").glob("*/values.yaml")):
        known[inside.parent.name] = {**yaml.safe_load(inside.read_text()), **(known.get(inside.parent.name) or {})}
    known["global"] = known.get("global") or {}
    return known
