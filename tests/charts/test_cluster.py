"""The chart installed for real, where there is a cluster to install it into.

``SEDNA_DASH_TEST_KUBECONFIG`` names a kubeconfig of an administrator. The tests make namespaces of their own and remove
them; nothing has to run in the cluster, an API server and its controllers are enough. Needs helm and kubectl.
"""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml

from tests.charts.helm import CHART, HELM, PROFILES, needs_helm

KUBECONFIG = os.environ.get("SEDNA_DASH_TEST_KUBECONFIG")
pytestmark = [
    needs_helm,
    pytest.mark.skipif(not KUBECONFIG, reason="SEDNA_DASH_TEST_KUBECONFIG names no cluster that may be written to"),
    pytest.mark.skipif(not shutil.which("kubectl"), reason="no kubectl on PATH"),
]

#: A program or the cluster gets a minute; each needs seconds.
PATIENCE = 60


def kubectl(*words: str, stdin: str = "") -> str:
    done = subprocess.run(
        ["kubectl", "--kubeconfig", str(KUBECONFIG), *words],
        input=stdin, capture_output=True, text=True, check=False, timeout=2 * PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def helm(*words: str) -> subprocess.CompletedProcess[str]:
    command = [str(HELM), "--kubeconfig", str(KUBECONFIG), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=2 * PATIENCE)


def install(namespace: str, *words: str) -> subprocess.CompletedProcess[str]:
    """The chart as the release ``site``, its own namespace being Sedna's, too."""
    own = ["--namespace", namespace, "--set", f"sedna.namespace={namespace}"]
    return helm("install", "site", str(CHART), *own, *words)


@pytest.fixture
def namespace() -> Iterator[str]:
    """A namespace for this test alone; what is installed in it goes, too."""
    name = f"sedna-dash-test-{uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    yield name
    helm("uninstall", "site", "--namespace", name)
    kubectl("delete", "namespace", name, "--wait=false")


def everything_of(namespace: str) -> list[str]:
    """What a release has in its namespace and beside it."""
    kinds = "all,configmaps,secrets,serviceaccounts,roles,rolebindings,networkpolicies,poddisruptionbudgets"
    ours = ["--selector", "app.kubernetes.io/part-of=sedna-dash", "--output", "name"]
    beside = kubectl("get", "clusterroles,clusterrolebindings", *ours).splitlines()
    return kubectl("get", kinds, "--namespace", namespace, *ours).split() + [n for n in beside if namespace in n]


@pytest.mark.parametrize("profile", PROFILES)
def test_profiles_are_installed_upgraded_and_removed(profile: str, namespace: str) -> None:
    known = kubectl("api-resources", "--output", "name").split()
    done = install(namespace, "--values", str(PROFILES[profile]))
    form = yaml.safe_load(PROFILES[profile].read_text()).get("scrape", {}).get("form")
    if form == "operator" and "servicemonitors.monitoring.coreos.com" not in known:
        assert "install the Prometheus operator first" in done.stderr
    else:
        assert done.returncode == 0, done.stderr
        manifest = helm("get", "manifest", "site", "--namespace", namespace).stdout
        # A strict cluster names fields that it would else drop.
        kubectl("apply", "--server-side", "--force-conflicts", "--validate=strict", "--dry-run=server",
                "--filename", "-", stdin=manifest)  # fmt: skip
        done = helm("upgrade", "site", str(CHART), "--namespace", namespace, "--reset-then-reuse-values")
        assert done.returncode == 0, done.stderr
        assert helm("uninstall", "site", "--namespace", namespace).returncode == 0
    end = time.monotonic() + PATIENCE
    while left := everything_of(namespace):
        assert time.monotonic() < end, left
        time.sleep(0.1)


def test_a_restricted_namespace_takes_the_exporter(namespace: str) -> None:
    kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/warn=restricted")
    done = install(namespace, "--set", "exporter.shards=2,networkPolicy.enabled=true")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("sedna.namespace=no-such", "sedna.namespace: this cluster has no namespace no-such; install Sedna first"),
        ("exporter.namespaces={no-such}", "exporter.namespaces: this cluster has no namespace no-such; make it first"),
    ],
)
def test_a_missing_namespace_is_said_before_anything_is_made(value: str, says: str, namespace: str) -> None:
    done = install(namespace, "--set", value)
    assert says in done.stderr
    assert helm("list", "--all", "--short", "--namespace", namespace).stdout == ""


def as_account(namespace: str, folder: Path) -> Path:
    """A kubeconfig with which the exporter is who it is in a pod."""
    config: dict[str, Any] = json.loads(kubectl("config", "view", "--raw", "--flatten", "--minify", "--output", "json"))
    token = kubectl("create", "token", "site-sedna-dash-exporter", "--namespace", namespace).strip()
    config["users"] = [{"name": config["users"][0]["name"], "user": {"token": token}}]
    path = folder / "kubeconfig"
    path.write_text(json.dumps(config))
    return path


def answer(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as found:
            return found.status, found.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.parametrize("everywhere", [True, False], ids=["whole cluster", "one namespace"])
def test_the_exporter_has_all_the_rights_it_needs_and_says_which_it_lacks(
    everywhere: bool, namespace: str, tmp_path: Path
) -> None:
    words = [] if everywhere else ["--set", f"exporter.namespaces={{{namespace}}}"]
    assert install(namespace, *words).returncode == 0
    text = kubectl("get", "deployment", "site-sedna-dash-exporter", "--namespace", namespace, "--output", "yaml")
    (container,) = yaml.safe_load(text)["spec"]["template"]["spec"]["containers"]
    given = [word.replace("--listen=:9474", "--listen=127.0.0.1:0") for word in container["args"]]
    command = [sys.executable, "-m", "sedna_dash", *given, "--kubeconfig", str(as_account(namespace, tmp_path))]

    def waits_for(wanted: int) -> tuple[str, str]:
        """What it waits for and logs when /readyz gives this, or a refusal is logged."""
        log = tmp_path / "log"
        with log.open("w") as errors:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[1].removesuffix("/metrics")
            end = time.monotonic() + PATIENCE
            while (found := answer(f"{url}/readyz"))[0] != wanted or (wanted == 503 and "403" not in log.read_text()):
                assert time.monotonic() < end, f"{found} {log.read_text()}"
                time.sleep(0.1)
            return found[1], log.read_text()
        finally:
            process.kill()
            process.communicate(timeout=PATIENCE)

    assert waits_for(200) == ("ok\n", "")
    kubectl("delete", "role", f"{namespace}-site-sedna-dash-exporter", "--namespace", namespace)
    missing, log = waits_for(503)
    assert "service of the knowledge base" in missing
    assert "service of the knowledge base: 403 Forbidden" in log
    assert "the service account needs get, list and watch on it" in log
