"""The simulated API behaves as documented, seen by plain HTTP and by the official client."""

import gzip
import http.client
import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from sedna_dash.errors import SettingsError
from sedna_dash.simulator.files import write_kubeconfig
from sedna_dash.simulator.kubernetes import KubernetesApi
from sedna_dash.simulator.objects import ObjectStore
from sedna_dash.simulator.web import WebServer
from tests.simulator.small_site import fill, get, job, node, pod, served

JOBS = "/apis/sedna.io/v1alpha1/incrementallearningjobs"


@pytest.fixture
def store() -> ObjectStore:
    store = ObjectStore(version=100)
    fill(store)
    return store


@pytest.fixture
def site(store: ObjectStore) -> Iterator[tuple[str, KubernetesApi]]:
    with served(store) as found:
        yield found


def names(answer: dict[str, Any]) -> list[str]:
    return [item["metadata"]["name"] for item in answer["items"]]


def refused(url: str, **headers: str) -> tuple[int, dict[str, Any]]:
    """Status code and Status object of a request that is refused."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20)
    with caught.value as answer:
        return answer.code, json.load(answer)


def lines(url: str) -> Iterator[dict[str, Any]]:
    """The events of a watch."""
    with urllib.request.urlopen(url, timeout=20) as answer:
        for line in answer:
            yield json.loads(line)


# Discovery


def test_it_says_what_it_is(site: tuple[str, KubernetesApi]) -> None:
    url, _ = site
    assert get(url + "/version")["gitVersion"].startswith("v1.")
    assert get(url + "/api")["versions"] == ["v1"]
    groups = {group["name"]: group["preferredVersion"]["groupVersion"] for group in get(url + "/apis")["groups"]}
    assert groups["sedna.io"] == "sedna.io/v1alpha1" and groups["apps"] == "apps/v1"
    assert get(url + "/apis/sedna.io")["name"] == "sedna.io"
    resources = {entry["name"]: entry for entry in get(url + "/apis/sedna.io/v1alpha1")["resources"]}
    assert len(resources) == 11
    assert resources["datasets"] == {
        "name": "datasets", "singularName": "dataset", "namespaced": True, "kind": "Dataset",
        "verbs": ["get", "list", "watch"],
    }  # fmt: skip
    assert {"pods", "nodes"} <= {entry["name"] for entry in get(url + "/api/v1")["resources"]}
    with urllib.request.urlopen(url + "/readyz", timeout=20) as answer:
        assert answer.read() == b"ok"


def test_a_kind_without_its_definition_is_not_served(store: ObjectStore) -> None:
    """Sedna's install script leaves out five of the definitions."""
    with served(store, kinds=["Dataset"]) as (url, _):
        assert refused(url + JOBS)[0] == 404
        assert get(url + "/apis/sedna.io/v1alpha1/datasets")["items"] == []
        assert [entry["name"] for entry in get(url + "/apis/sedna.io/v1alpha1")["resources"]] == ["datasets"]
        definitions = get(url + "/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
        assert names(definitions) == ["datasets.sedna.io"]


@pytest.mark.parametrize(
    ("path", "code", "reason"),
    [
        ("/api/v1/gadgets", 404, "NotFound"),
        ("/api/v1/deployments", 404, "NotFound"),
        ("/api/v1/pods/gm", 404, "NotFound"),
        ("/api/v1/namespaces/sedna/pods/nobody", 404, "NotFound"),
        ("/api/v1/namespaces/sedna/nodes", 404, "NotFound"),
        ("/nothing", 404, "NotFound"),
        ("/api/v1/pods?labelSelector=a%20b", 400, "BadRequest"),
        ("/api/v1/pods?fieldSelector=spec.x%3D1", 400, "BadRequest"),
        ("/api/v1/pods?limit=many", 400, "BadRequest"),
        ("/api/v1/pods?continue=xyz", 400, "BadRequest"),
        ("/api/v1/pods?resourceVersion=999999", 504, "Timeout"),
        ("/api/v1/pods?watch=1&sendInitialEvents=true", 422, "Invalid"),
    ],
)
def test_what_it_refuses(site: tuple[str, KubernetesApi], path: str, code: int, reason: str) -> None:
    found, status = refused(site[0] + path)
    assert (found, status["kind"], status["reason"], status["code"]) == (code, "Status", reason, code)
    assert status["message"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_it_is_read_only(site: tuple[str, KubernetesApi], method: str) -> None:
    request = urllib.request.Request(site[0] + "/api/v1/namespaces/sedna/pods/gm", method=method, data=b"{}")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=20)
    with caught.value as answer:
        assert answer.code == 405 and json.load(answer)["reason"] == "MethodNotAllowed"


def test_what_nobody_may_read_is_refused(store: ObjectStore) -> None:
    with served(store, refuses={"incrementallearningjobs"}.__contains__) as (url, _):
        for path in (
            JOBS,
            f"{JOBS}?watch=1",
            "/apis/sedna.io/v1alpha1/namespaces/factory/incrementallearningjobs/line-a",
        ):
            code, status = refused(url + path)
            assert (code, status["reason"]) == (403, "Forbidden")
        assert get(f"{url}/api/v1/pods")["items"]


def test_a_token_is_asked_for(store: ObjectStore) -> None:
    with served(store, token="s3cret") as (url, _):
        assert refused(url + "/api/v1/pods")[0] == 401
        assert refused(url + "/api/v1/pods", Authorization="Bearer wrong")[0] == 401
        request = urllib.request.Request(url + "/api/v1/pods", headers={"Authorization": "Bearer s3cret"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert answer.status == 200


# Lists


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/api/v1/pods", ["gate-edge-1", "line-a-train-x7", "gm", "lc"]),
        ("/api/v1/namespaces/sedna/pods", ["gm", "lc"]),
        ("/api/v1/pods?labelSelector=sedna%3Dgm", ["gm"]),
        ("/api/v1/pods?labelSelector=" + quote("sedna in (gm,kb)"), ["gm"]),
        ("/api/v1/pods?labelSelector=incrementallearningjob.sedna.io%2Fname", ["line-a-train-x7"]),
        ("/api/v1/pods?fieldSelector=spec.nodeName%3Dedge-1", ["line-a-train-x7", "lc"]),
        ("/api/v1/namespaces/sedna/pods?fieldSelector=metadata.name%3Dlc", ["lc"]),
        ("/api/v1/nodes", ["cloud-1", "edge-1", "edge-22"]),
        (JOBS + "?resourceVersion=0", ["line-a"]),
        ("/apis/apps/v1/namespaces/factory/daemonsets", ["lc"]),
    ],
)
def test_lists(site: tuple[str, KubernetesApi], path: str, found: list[str]) -> None:
    answer = get(site[0] + path)
    assert names(answer) == found
    assert answer["kind"].endswith("List") and int(answer["metadata"]["resourceVersion"]) > 100


def test_one_object(site: tuple[str, KubernetesApi]) -> None:
    found = get(site[0] + JOBS.replace("/incr", "/namespaces/factory/incr") + "/line-a")
    assert (found["kind"], found["metadata"]["name"]) == ("IncrementalLearningJob", "line-a")


def test_metadata_alone(site: tuple[str, KubernetesApi]) -> None:
    accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
    with urllib.request.urlopen(urllib.request.Request(site[0] + "/api/v1/nodes", headers={"Accept": accept})) as found:
        answer = json.load(found)
    assert (answer["kind"], answer["apiVersion"]) == ("PartialObjectMetadataList", "meta.k8s.io/v1")
    assert {tuple(item) for item in answer["items"]} == {("kind", "apiVersion", "metadata")}
    assert names(answer) == ["cloud-1", "edge-1", "edge-22"]


def test_pages_show_one_moment(site: tuple[str, KubernetesApi], store: ObjectStore) -> None:
    """What changes while a list is read in pages is not in it, and is in a watch from its version."""
    url = site[0] + "/api/v1/nodes?limit=2"
    first = get(url)
    assert names(first) == ["cloud-1", "edge-1"] and first["metadata"]["remainingItemCount"] == 1
    store.put("nodes", node("edge-0"))
    store.delete("nodes", "", "edge-22")
    second = get(f"{url}&continue={quote(first['metadata']['continue'])}")
    assert names(second) == ["edge-22"] and "continue" not in second["metadata"]
    version = second["metadata"]["resourceVersion"]
    assert version == first["metadata"]["resourceVersion"]
    events = list(lines(f"{site[0]}/api/v1/nodes?watch=1&resourceVersion={version}&timeoutSeconds=1"))
    assert [(event["type"], event["object"]["metadata"]["name"]) for event in events] == [
        ("ADDED", "edge-0"),
        ("DELETED", "edge-22"),
    ]


def test_a_page_that_is_asked_for_too_late(site: tuple[str, KubernetesApi], store: ObjectStore) -> None:
    url = site[0] + "/api/v1/nodes?limit=2"
    token = quote(get(url)["metadata"]["continue"])
    store.put("nodes", node("edge-0"))
    store.forget()
    code, status = refused(f"{url}&continue={token}")
    assert (code, status["reason"]) == (410, "Expired")


def test_long_answers_are_compressed_for_those_who_can(site: tuple[str, KubernetesApi], store: ObjectStore) -> None:
    for number in range(20):
        store.put("pods", pod(f"p{number}"))
    request = urllib.request.Request(site[0] + "/api/v1/pods", headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert len(json.loads(gzip.decompress(answer.read()))["items"]) == 24


def test_connections_are_kept(site: tuple[str, KubernetesApi]) -> None:
    connection = http.client.HTTPConnection(site[0].removeprefix("http://"), timeout=20)
    for path in ("/version", "/api/v1/pods", "/nothing", "/api/v1/nodes?watch=1&timeoutSeconds=1", "/version"):
        connection.request("GET", path)
        socket = connection.sock
        answer = connection.getresponse()
        assert answer.read()
        assert connection.sock is socket and not answer.will_close
    connection.close()


# Watches


def test_a_watch_without_a_version_begins_with_what_is_there(site: tuple[str, KubernetesApi]) -> None:
    events = list(lines(site[0] + "/api/v1/nodes?watch=true&timeoutSeconds=1&allowWatchBookmarks=true"))
    assert [event["type"] for event in events] == ["ADDED", "ADDED", "ADDED", "BOOKMARK"]
    bookmark = events[-1]["object"]
    assert bookmark["kind"] == "Node"
    assert int(bookmark["metadata"]["resourceVersion"]) >= int(events[2]["object"]["metadata"]["resourceVersion"])


def test_an_idle_watch_gets_bookmarks(store: ObjectStore) -> None:
    with served(store, bookmark_seconds=0.05) as (url, _):
        watch_url = f"{url}/api/v1/pods?watch=1&resourceVersion={store.version}&allowWatchBookmarks=1"
        events = lines(watch_url)
        assert [next(events)["type"] for _ in range(3)] == ["BOOKMARK"] * 3
        events.close()  # type: ignore[attr-defined]


def test_a_watch_gets_bookmarks_while_others_change(store: ObjectStore) -> None:
    with served(store, bookmark_seconds=0.05) as (url, _):
        query = f"watch=1&resourceVersion={store.version}&allowWatchBookmarks=1&labelSelector=sedna%3Dnobody"
        events = lines(f"{url}/api/v1/pods?{query}")
        changes = threading.Event()

        def change() -> None:
            while not changes.wait(0.01):
                store.put("pods", pod("busy", restarts=store.version))

        thread = threading.Thread(target=change)
        thread.start()
        try:
            seen = [int(next(events)["object"]["metadata"]["resourceVersion"]) for _ in range(3)]
        finally:
            changes.set()
            thread.join()
        assert seen[0] < seen[1] < seen[2]
        events.close()  # type: ignore[attr-defined]


def test_a_watch_with_a_selector_sees_objects_come_and_go(site: tuple[str, KubernetesApi], store: ObjectStore) -> None:
    version = store.version
    there = pod("new", namespace="sedna")
    store.put("pods", there)
    there["metadata"]["labels"] = {"sedna": "other"}
    store.put("pods", there)
    there["metadata"]["labels"] = {"sedna": "new"}
    store.put("pods", there)
    there["status"]["phase"] = "Failed"
    store.put("pods", there)
    store.put("pods", pod("unrelated"))
    store.delete("pods", "sedna", "new")
    query = f"watch=1&timeoutSeconds=1&resourceVersion={version}&labelSelector=sedna%3Dnew"
    events = list(lines(f"{site[0]}/api/v1/namespaces/sedna/pods?{query}"))
    assert [event["type"] for event in events] == ["ADDED", "DELETED", "ADDED", "MODIFIED", "DELETED"]


def test_a_watch_from_a_forgotten_version_ends_with_410(site: tuple[str, KubernetesApi], store: ObjectStore) -> None:
    old = store.version
    store.put("nodes", node("edge-3"))
    store.forget()
    (event,) = lines(f"{site[0]}/api/v1/nodes?watch=1&resourceVersion={old}")
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")


def test_closing_ends_open_watches(store: ObjectStore) -> None:
    with served(store) as (url, api):
        answer = urllib.request.urlopen(f"{url}/api/v1/nodes?watch=1&resourceVersion={store.version}", timeout=20)
        closing = threading.Timer(0.1, api.close)
        closing.start()
        assert answer.read() == b""
        answer.close()
        closing.join()


# Faults


@pytest.mark.parametrize("code", [401, 403, 410, 429, 500, 503])
def test_a_fault_strikes_as_often_as_it_should(site: tuple[str, KubernetesApi], code: int) -> None:
    url, api = site
    fault = api.faults.add("/pods", code, times=2, retry_after=7 if code == 429 else 0)
    for _ in range(2):
        found, status = refused(url + "/api/v1/pods")
        assert (found, status["code"]) == (code, code)
        assert status["details"] == ({"retryAfterSeconds": 7} if code == 429 else {})
        assert get(url + "/api/v1/nodes")["items"]
    assert len(get(url + "/api/v1/pods")["items"]) == 4 and fault.hits == 2


def test_faults_of_watches_only(site: tuple[str, KubernetesApi]) -> None:
    url, api = site
    api.faults.add("/pods", 503, times=None, watch=True)
    assert get(url + "/api/v1/pods")["items"]
    for _ in range(3):
        assert refused(url + "/api/v1/pods?watch=1")[0] == 503
    api.faults.clear()
    assert list(lines(url + "/api/v1/pods?watch=1&timeoutSeconds=1"))


@pytest.mark.parametrize("query", ["", "?watch=1"])
def test_an_answer_is_cut_in_the_middle(site: tuple[str, KubernetesApi], query: str) -> None:
    url, api = site
    api.faults.add("/pods", "cut")
    answer = urllib.request.urlopen(url + "/api/v1/pods" + query, timeout=20)
    with pytest.raises(http.client.IncompleteRead) as caught:
        answer.read()
    assert b'"object"' in caught.value.partial or b'"items"' in caught.value.partial
    answer.close()


def test_an_answer_is_no_json(site: tuple[str, KubernetesApi]) -> None:
    url, api = site
    api.faults.add("/pods", "broken", times=2)
    with pytest.raises(json.JSONDecodeError):
        get(url + "/api/v1/pods")
    with pytest.raises(json.JSONDecodeError):
        list(lines(url + "/api/v1/pods?watch=1&timeoutSeconds=1"))


def test_an_answer_that_does_not_come(site: tuple[str, KubernetesApi]) -> None:
    url, api = site
    api.faults.add("/pods", "hang")
    with pytest.raises(TimeoutError):
        urllib.request.urlopen(url + "/api/v1/pods", timeout=0.3)
    api.faults.add("/pods", "hang")
    releasing = threading.Timer(0.1, api.faults.clear)
    releasing.start()
    assert get(url + "/api/v1/pods")["items"]
    releasing.join()


# The official client


def official_client(folder: Path, url: str, *task: str) -> subprocess.Popen[str]:
    """The official client at work in a process of its own."""
    write_kubeconfig(folder / "there" / "config", url)
    command = [sys.executable, str(Path(__file__).with_name("official_client.py")), str(folder / "there" / "config")]
    return subprocess.Popen([*command, *task], stdout=subprocess.PIPE, text=True)


def test_the_official_client_reads_objects(site: tuple[str, KubernetesApi], tmp_path: Path) -> None:
    with official_client(tmp_path, site[0], "list") as process:
        said, _ = process.communicate(timeout=60)
    assert [json.loads(line) for line in said.splitlines()] == [
        [[name, "v1.29.4"] for name in ("cloud-1", "edge-1", "edge-22")],
        [2],
        ["line-a"],
        11,
    ]


def test_the_official_client_watches(site: tuple[str, KubernetesApi], store: ObjectStore, tmp_path: Path) -> None:
    """Every change, once and in order, while somebody writes."""
    with official_client(tmp_path, site[0], "watch", str(store.version)) as process:
        assert process.stdout
        seen = []
        for number in range(50):
            changed = job("line-a")
            changed["status"]["turn"] = number
            store.put("incrementallearningjobs", changed)
            if number == 20:  # by now it watches, for sure
                seen.append(json.loads(process.stdout.readline()))
        store.delete("incrementallearningjobs", "factory", "line-a")
        seen += [json.loads(line) for line in process.stdout]
    assert seen == [*(["MODIFIED", number] for number in range(50)), ["DELETED", 49]]


def test_a_taken_port_is_one_sentence(site: tuple[str, KubernetesApi]) -> None:
    port = int(site[0].rpartition(":")[2])
    with pytest.raises(SettingsError, match=rf"cannot listen on 127.0.0.1:{port}: address already in use; choose"):
        WebServer(lambda request: None, port=port)  # type: ignore[arg-type,return-value]
