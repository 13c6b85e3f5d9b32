"""The chart as a real helm renders it."""

import copy
import functools
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

CHART = Path(__file__).parent.parent.parent / "charts" / "sedna-dash"
PROFILES = {path.stem: path for path in sorted((CHART / "profiles").glob("*.yaml"))}
HELM = os.environ.get("SEDNA_DASH_HELM") or shutil.which("helm")
needs_helm = pytest.mark.skipif(not HELM, reason="no helm on PATH, and SEDNA_DASH_HELM does not name one")

#: The version that helm pretends to install into.
KUBERNETES = "1.30.0"
#: What a cluster with the two operators knows besides Kubernetes.
OPERATORS = (
    "monitoring.coreos.com/v1/ServiceMonitor",
    "monitoring.coreos.com/v1/PodMonitor",
    "monitoring.coreos.com/v1/PrometheusRule",
    "grafana.integreatly.org/v1beta1/GrafanaDashboard",
    "grafana.integreatly.org/v1beta1/GrafanaDatasource",
    "grafana.integreatly.org/v1beta1/GrafanaFolder",
)
NAMESPACE = "monitoring"

Object = dict[str, Any]

#: Values that between them use every branch of the templates, beside the profiles.
CASES: dict[str, tuple[str, ...]] = {
    "default": (),
    "everything": (
        "networkPolicy.enabled=true,knowledgeBase.enabled=true,logCollector.enabled=true,kubeStateMetrics.enabled=true",
        "exporter.shards=3,logCollector.api=true,logCollector.loki.auth=basic,logCollector.loki.tenant=site-1",
        "networkPolicy.from[0].namespaceSelector.matchLabels.name=monitoring",
        "image.pullSecrets[0].name=registry,image.digest=sha256:" + "a" * 64,
        "datasources.prometheus.url=http://prometheus,datasources.loki.url=http://loki",
    ),
    "operators": (
        "scrape.form=operator,rules.form=operator,dashboards.form=operator",
        "knowledgeBase.enabled=true,logCollector.enabled=true,logCollector.loki.auth=bearer",
        "datasources.prometheus.url=http://prometheus,datasources.loki.url=http://loki",
        "exporter.webConfig.existingSecret=web,exporter.webConfig.tls=true",
        "exporter.webConfig.tlsConfig.insecureSkipVerify=true",
    ),
    "guarded": (
        "exporter.webConfig.existingSecret=web,exporter.webConfig.certificateSecret=cert,exporter.webConfig.tls=true",
        "exporter.namespaces={factory,sedna},exporter.selector=team=vision,exporter.leaveOut={sedna_job_task_score}",
        "exporter.limits.tasks=200,exporter.serviceAccount.name=reader,exporter.priorityClassName=high",
        "exporter.podLabels.team=a,exporter.podAnnotations.note=b,scrape.form=none",
        "knowledgeBase.enabled=true,knowledgeBase.copy=true,knowledgeBase.nodeSelector.disk=kb",
    ),
    "reports elsewhere": ("exporter.enabled=false,logCollector.enabled=true,dashboards.enabled=false",),
}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """One call of helm."""
    assert HELM
    return subprocess.run([HELM, *arguments], capture_output=True, text=True, check=False, timeout=120)


def arguments(*sets: str, profile: str = "", apis: tuple[str, ...] = OPERATORS, chart: Path = CHART) -> list[str]:
    """What comes after ``helm template`` and ``helm lint`` alike is the chart and its values."""
    found = [str(chart)]
    found += [word for values in ([PROFILES[profile]] if profile else []) for word in ("--values", str(values))]
    found += [word for value in sets for word in ("--set", value)]
    found += ["--kube-version", KUBERNETES, "--namespace", NAMESPACE]
    return found + [word for api in apis for word in ("--api-versions", api)]


def template(*sets: str, profile: str = "", apis: tuple[str, ...] = OPERATORS, chart: Path = CHART) -> list[Object]:
    """All objects, hooks too; fails when helm does."""
    return copy.deepcopy(_rendered(*arguments(*sets, profile=profile, apis=apis, chart=chart)))


@functools.cache
def _rendered(*words: str) -> list[Object]:
    done = run("template", "release", *words)
    assert done.returncode == 0, done.stderr
    return objects_of(done.stdout)


def objects_of(text: str) -> list[Object]:
    """The objects in what helm printed."""
    return [document for document in yaml.load_all(text, Loader=yaml.CSafeLoader) if document]


def refused(*sets: str, profile: str = "", apis: tuple[str, ...] = OPERATORS) -> str:
    """What helm says when it refuses values."""
    done = run("template", "release", *arguments(*sets, profile=profile, apis=apis))
    assert done.returncode != 0, f"{sets} should be refused"
    return done.stderr


def of(objects: list[Object], kind: str, name: str = "") -> list[Object]:
    """The objects of a kind, those whose name ends in ``name``."""
    return [found for found in objects if found["kind"] == kind and found["metadata"]["name"].endswith(name)]


def one(objects: list[Object], kind: str, name: str = "") -> Object:
    """The one object of a kind."""
    (found,) = of(objects, kind, name)
    return found
