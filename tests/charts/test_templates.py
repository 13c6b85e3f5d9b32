"""What the chart makes fits together, in every profile and with every switch; and it says what the product says."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sedna_dash import __version__
from sedna_dash.catalog import default_catalog
from sedna_dash.crds import CRDS
from sedna_dash.exporter import options
from sedna_dash.exporter.command import exporter_command
from sedna_dash.exporter.targets import targets
from sedna_dash.log_collection.alloy import alloy
from sedna_dash.log_collection.collecting import Options
from sedna_dash.log_collection.manifests import IMAGES, Site, daemonset
from tests.charts.helm import (
    CASES,
    CHART,
    NAMESPACE,
    OPERATORS,
    PROFILES,
    Object,
    arguments,
    needs_helm,
    objects_of,
    of,
    one,
    run,
    template,
)
from tests.charts.structure import faults, pod_of, workloads

pytestmark = needs_helm

EVERYTHING = CASES["everything"]


@pytest.mark.parametrize("profile", ["", *PROFILES])
def test_helm_lint_finds_nothing(profile: str) -> None:
    # lint cannot be told what a cluster knows; instead it only reports where the chart would stop.
    done = run("lint", "--strict", *arguments(profile=profile, apis=()))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[WARNING]" not in done.stdout + done.stderr


@pytest.mark.parametrize("profile", PROFILES)
def test_profiles_fit_together(profile: str) -> None:
    assert list(faults(template(profile=profile))) == []


@pytest.mark.parametrize("case", CASES)
def test_switches_fit_together(case: str) -> None:
    assert list(faults(template(*CASES[case]))) == []


def _relabel(objects: list[Object]) -> None:
    one(objects, "Deployment", "exporter-1")["spec"]["template"]["metadata"]["labels"] = {"app": "other"}


def _second_port(objects: list[Object]) -> None:
    one(objects, "Service", "-exporter")["spec"]["ports"][0]["targetPort"] = "web"


def _privileged(objects: list[Object]) -> None:
    pod_of(one(objects, "Deployment", "exporter-0"))["spec"]["containers"][0]["securityContext"] = {}


def _as_root(objects: list[Object]) -> None:
    pod_of(one(objects, "Deployment", "knowledge-base"))["spec"]["securityContext"]["runAsUser"] = 0


def _writes(objects: list[Object]) -> None:
    one(objects, "ClusterRole", "-exporter")["rules"][0]["verbs"].append("delete")


def _lost_config(objects: list[Object]) -> None:
    objects.remove(one(objects, "ConfigMap", "dash-logs"))


def _lost_account(objects: list[Object]) -> None:
    objects.remove(one(objects, "ServiceAccount", "-exporter"))


def _single(objects: list[Object]) -> None:
    for number in (1, 2):
        objects.remove(one(objects, "Deployment", f"exporter-{number}"))


def _shared_selector(objects: list[Object]) -> None:
    del one(objects, "Deployment", "exporter-0")["spec"]["selector"]["matchLabels"]["sedna-dash/shard"]


def _writable_folder(objects: list[Object]) -> None:
    del pod_of(one(objects, "Deployment", "knowledge-base"))["spec"]["containers"][0]["volumeMounts"][0]["readOnly"]


def _secret(objects: list[Object]) -> None:
    objects.append({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token"}, "data": {}})


@pytest.mark.parametrize(
    ("breaking", "says"),
    [
        (_relabel, "the selector does not match its own pods"),
        (_second_port, "port web is none"),
        (_privileged, "securityContext.readOnlyRootFilesystem is None"),
        (_as_root, "cannot tell that its user is not root"),
        (_writes, "may ['delete']"),
        (_lost_config, "there is no ConfigMap release-sedna-dash-logs"),
        (_lost_account, "there is no ServiceAccount release-sedna-dash-exporter"),
        (_single, "keep the node of a single pod from being drained"),
        (_shared_selector, "matches pods of others"),
        (_writable_folder, "sees /opt/kb-data of the node, writing True"),
        (_secret, "nobody keeps secrets in a chart"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_check_of_the_structure_finds_faults(breaking: Callable[[list[Object]], None], says: str) -> None:
    objects = template(*EVERYTHING)
    breaking(objects)
    assert says in "\n".join(faults(objects))


def _rights(objects: list[Object], kind: str, namespace: str = "") -> set[str]:
    """What the exporter may read through roles of a kind, as ``GROUP/RESOURCE``."""
    roles = [role for role in of(objects, kind) if role["metadata"].get("namespace", "") == namespace]
    ours = [role for role in roles if role["metadata"]["labels"].get("app.kubernetes.io/component") == "exporter"]
    rules = [rule for role in ours for rule in role["rules"]]
    return {f"{group}/{resource}" for rule in rules for group in rule["apiGroups"] for resource in rule["resources"]}


def _asked(namespaces: tuple[str, ...]) -> dict[str, set[str]]:
    """What the exporter asks for, by namespace; the empty one is the whole cluster."""
    found: dict[str, set[str]] = {}
    for target in targets(namespaces):
        _, _, rest = target.path.partition("/namespaces/")
        group = target.path.split("/")[2] if target.path.startswith("/apis/") else ""
        found.setdefault(rest.partition("/")[0], set()).add(f"{group}/{target.path.rpartition('/')[2]}")
    return found


def test_the_exporter_may_read_what_it_reads_and_no_more() -> None:
    asked = _asked(())
    objects = template()
    assert _rights(objects, "ClusterRole") == asked[""]
    # Pods of the knowledge base are pods.
    assert _rights(objects, "Role", "sedna") == asked["sedna"] - asked[""]


def test_in_chosen_namespaces_the_exporter_has_no_rights_in_others() -> None:
    asked = _asked(("factory", "lab"))
    objects = template("exporter.namespaces={factory,lab}")
    assert _rights(objects, "ClusterRole") == asked[""] == {"/nodes"}
    for namespace in ("factory", "lab", "sedna"):
        assert _rights(objects, "Role", namespace) == asked[namespace]
    assert {role["metadata"]["namespace"] for role in of(objects, "Role")} == {"factory", "lab", "sedna"}
    assert len([right for right in asked["factory"] if right.startswith("sedna.io/")]) == len(CRDS)


@pytest.mark.parametrize("case", CASES)
def test_the_exporter_takes_its_arguments(case: str, tmp_path: Path) -> None:
    for deployment in of(template(*CASES[case]), "Deployment"):
        container = pod_of(deployment)["spec"]["containers"][0]
        assert container["command"] == ["sedna-dash"]
        assert container["args"][0] == "exporter"
        with exporter_command.make_context("exporter", container["args"][1:]) as context:
            given = context.params
        assert options.address(given["listen"]) == ("", container["ports"][0]["containerPort"])
        options.shard(given["shard"], given["total_shards"])
        options.left_out(given["leave_out"], default_catalog())
        options.limits(given["limits"])
        mounts = [mount["mountPath"] for mount in container.get("volumeMounts", ())]
        for file in filter(None, (given["web_config"], given["knowledge_base"])):
            assert str(file.parent) in mounts


def test_each_shard_is_one_pod_and_they_share_all() -> None:
    deployments = of(template("exporter.shards=3"), "Deployment")
    assert {tuple(pod_of(found)["spec"]["containers"][0]["args"][-2:]) for found in deployments} == {
        (f"--shard={number}", "--total-shards=3") for number in range(3)
    }
    # Two at a time would count every job twice.
    assert {(found["spec"]["replicas"], found["spec"]["strategy"]["type"]) for found in deployments} == {
        (1, "Recreate")
    }
    assert of(template(), "PodDisruptionBudget") == []


def test_kube_state_metrics_and_the_exporter_never_write_the_same() -> None:
    with_it = one(template("kubeStateMetrics.enabled=true"), "Deployment")
    assert "--leave-out=custom-resource-state" in pod_of(with_it)["spec"]["containers"][0]["args"]
    assert "leave-out" not in str(one(template(), "Deployment"))


def test_alerts_find_the_exporter_by_its_job() -> None:
    labels = pod_of(one(template(), "Deployment"))["metadata"]["labels"]
    monitor = one(template(*CASES["operators"]), "ServiceMonitor", "-exporter")["spec"]["endpoints"][0]
    job = next(rule["replacement"] for rule in monitor["relabelings"] if rule["targetLabel"] == "job")
    assert labels["job"] == job == "sedna-exporter"
    alerts = one(template(*CASES["operators"]), "PrometheusRule", "-alerts")
    assert f'up{{job="{job}"}}' in str(alerts)
    assert monitor["scheme"] == "https"


#: How `sedna-dash logs config` would be called for these values.
COLLECTORS: dict[tuple[str, ...], Options] = {
    (): Options(),
    ("api=true",): Options(api=True),
    ("loki.tenant=site-1",): Options(tenant="site-1"),
    ("loki.auth=basic",): Options(auth="basic"),
    ("loki.auth=bearer", "api=true"): Options(auth="bearer", api=True),
    ("loki.auth=basic", "loki.tenant=site-1"): Options(auth="basic", tenant="site-1"),
    ("state=/data/logs",): Options(state="/data/logs"),
}


@pytest.mark.parametrize("sets", COLLECTORS, ids=" ".join)
def test_the_collector_is_the_one_that_the_product_writes(sets: tuple[str, ...]) -> None:
    chosen = COLLECTORS[sets]
    objects = template(
        "logCollector.enabled=true,cluster=north,site=harbour,logCollector.loki.url=http://logs.example.com",
        *(f"logCollector.{value}" for value in sets),
    )
    where = Site("http://logs.example.com/loki/api/v1/push", "north", "harbour", NAMESPACE, "release-sedna-dash-logs")
    wanted = daemonset("alloy", chosen, alloy(chosen), where)
    # The first line says what wrote the file.
    config = one(objects, "ConfigMap", "dash-logs")["data"]["config.alloy"].partition("\n")[2]
    assert config == one(wanted, "ConfigMap")["data"]["config.alloy"]
    ours, theirs = (pod_of(one(found, "DaemonSet"))["spec"] for found in (objects, wanted))
    assert ours == theirs
    assert [rule for role in of(objects, "ClusterRole", "-logs") for rule in role["rules"]] == [
        rule for role in of(wanted, "ClusterRole") for rule in role["rules"]
    ]


def test_a_collector_config_of_ones_own_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "my.alloy"
    path.write_text('// {{ not ours }}\nlogging {\n\tlevel = "warn"\n}\n')
    done = run(
        "template", "release", *arguments("logCollector.enabled=true"), "--set-file", f"logCollector.config={path}"
    )
    assert done.returncode == 0, done.stderr
    objects = objects_of(done.stdout)
    assert one(objects, "ConfigMap", "dash-logs")["data"] == {"config.alloy": path.read_text()}


def test_a_new_config_restarts_the_collectors() -> None:
    def checksum(*sets: str) -> str:
        found = one(template("logCollector.enabled=true", *sets), "DaemonSet")
        return str(pod_of(found)["metadata"]["annotations"]["checksum/config"])

    assert checksum() == checksum() != checksum("logCollector.loki.tenant=other")


def test_two_releases_do_not_meet() -> None:
    words = arguments(*EVERYTHING)
    names = []
    for release, namespace in (("one", "a"), ("two", "a"), ("one", "b")):
        done = run("template", release, *words[:-2], "--namespace", namespace)
        objects = objects_of(done.stdout)
        names.append(
            {(found["kind"], found["metadata"].get("namespace"), found["metadata"]["name"]) for found in objects}
        )
    assert not names[0] & names[1]
    assert not names[0] & names[2]


@pytest.mark.parametrize("case", CASES)
def test_images_are_pinned_to_the_version(case: str) -> None:
    images = {
        container["image"]
        for workload in workloads(template(*CASES[case]))
        for container in pod_of(workload)["spec"]["containers"]
    }
    ours = {f"registry.example.com/sedna-dash:{__version__}", f"registry.example.com/sedna-dash@sha256:{'a' * 64}"}
    assert images <= {*ours, IMAGES["alloy"]}


#: Values, and what the notes then must and must not say.
NOTES = [
    ((), "THE IMAGE IS NOT THERE", "Log lines go to"),
    (("image.repository=registry.example.org/sedna-dash",), "helm test release", "THE IMAGE IS NOT THERE"),
    ((), "SEDNA IS NOT THERE", "ServiceMonitors"),
    (
        ("logCollector.enabled=true,logCollector.loki.auth=basic",),
        "the Secret loki-credentials with user and pass",
        "!",
    ),
    (("scrape.form=operator",), "takes ServiceMonitors", "are annotated"),
    (("scrape.form=none",), "release-sedna-dash-exporter.monitoring.svc, port 9474", "are annotated"),
    (("rules.form=operator",), "sidecar.dashboards.enabled=true", "Rules: mount"),
    (("exporter.enabled=false",), "Rules: mount the ConfigMap release-sedna-dash-rules", "helm test"),
    (("exporter.enabled=false,knowledgeBase.enabled=true",), "helm test release", "up{job="),
]


@pytest.mark.parametrize(("sets", "says", "keeps_quiet"), NOTES)
def test_the_notes_say_what_to_do_next(sets: tuple[str, ...], says: str, keeps_quiet: str, tmp_path: Path) -> None:
    text = _notes(tmp_path, *sets)
    assert says in text
    assert keeps_quiet not in text
    assert "<no value>" not in text
    assert "%!" not in text


def test_the_notes_know_when_sedna_is_there(tmp_path: Path) -> None:
    assert "SEDNA IS NOT THERE" not in _notes(tmp_path, apis=("sedna.io/v1alpha1",))


def _notes(folder: Path, *sets: str, apis: tuple[str, ...] = OPERATORS) -> str:
    """What helm shows after an installation. ``helm template`` does not, so an object is made of it."""
    chart = folder / "chart"
    shutil.copytree(CHART, chart)
    content = '{kind: Notes, metadata: {name: notes}, text: {{ include "sedna-dash/templates/NOTES.txt" . | toJson }}}'
    (chart / "templates/shown.yaml").write_text(content)
    return str(one(template(*sets, apis=apis, chart=chart), "Notes")["text"])
