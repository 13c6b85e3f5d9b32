"""What the API server promises about versions and watches holds for the store, also among threads."""

import json
import random
import threading

import pytest

from sedna_dash.simulator import objects
from sedna_dash.simulator.objects import ExpiredError, ObjectStore
from tests.simulator.small_site import job, node


def test_an_object_gets_what_the_api_server_adds() -> None:
    store = ObjectStore(version=41)
    kept = store.put("incrementallearningjobs", job("a"))
    assert (kept["apiVersion"], kept["kind"]) == ("sedna.io/v1alpha1", "IncrementalLearningJob")
    assert kept["metadata"]["resourceVersion"] == "42" == str(store.version)
    assert kept["metadata"]["generation"] == 1
    assert len(kept["metadata"]["uid"]) == 36
    assert store.get("incrementallearningjobs", "factory", "a") == kept
    assert json.loads(store.stored("incrementallearningjobs")[1][0].encoded) == kept


def test_what_the_caller_changes_later_stays_outside() -> None:
    store, mine = ObjectStore(), job("a")
    store.put("incrementallearningjobs", mine)
    mine["spec"]["dataset"]["name"] = "other"
    assert store.items("incrementallearningjobs")[0]["spec"] == {"dataset": {"name": "images"}}
    store.put("incrementallearningjobs", mine)
    assert store.items("incrementallearningjobs")[0]["metadata"]["generation"] == 2


def test_events_tell_each_change_once() -> None:
    store = ObjectStore()
    store.put("nodes", node("a"))
    store.put("nodes", node("a"))  # nothing new
    store.put("nodes", node("a", ready="False"))
    store.put("incrementallearningjobs", job("not a node"))
    assert store.delete("nodes", "", "a") and not store.delete("nodes", "", "a")
    version, events = store.events("nodes", 0)
    assert [(event.type, event.stored.version) for event in events] == [("ADDED", 1), ("MODIFIED", 2), ("DELETED", 4)]
    assert events[2].stored.data["metadata"]["resourceVersion"] == "4"
    assert events[1].before is not None and events[1].before.version == 1
    assert version == 4 and store.events("nodes", 4) == (4, [])
    assert store.items("nodes") == []


def test_a_status_changes_no_generation_and_a_new_uid_is_a_new_object() -> None:
    store = ObjectStore()
    first = store.put("nodes", node("a"))
    assert store.put("nodes", node("a", ready="False"))["metadata"]["generation"] == 1
    made_anew = node("a")
    made_anew["metadata"]["uid"] = "another"
    assert store.put("nodes", made_anew)["metadata"]["uid"] == "another" != first["metadata"]["uid"]
    assert [event.type for event in store.events("nodes", 0)[1]] == ["ADDED", "MODIFIED", "DELETED", "ADDED"]


def test_what_is_forgotten_cannot_be_watched_from() -> None:
    store = ObjectStore(history=3)
    for number in range(5):
        store.put("nodes", node(f"n{number}"))
    with pytest.raises(ExpiredError, match="too old resource version: 1 "):
        store.events("nodes", 1)
    assert [event.stored.version for event in store.events("nodes", 2)[1]] == [3, 4, 5]
    store.forget()
    with pytest.raises(ExpiredError):
        store.events("nodes", 4)
    assert store.events("nodes", 5) == (5, [])


def test_history_is_bounded_in_bytes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "HISTORY_BYTES", 100_000)
    store = ObjectStore()
    for number in range(20):
        store.put("nodes", {"metadata": {"name": "a"}, "status": {"text": "x" * 10_000, "turn": number}})
    _, events = store.events("nodes", 12)
    assert [event.stored.data["status"]["turn"] for event in events] == list(range(12, 20))
    assert [event.before.data["status"]["turn"] for event in events if event.before] == list(range(11, 19))
    with pytest.raises(ExpiredError):
        store.events("nodes", 5)


def test_a_store_made_anew_refuses_versions_of_its_former_self() -> None:
    with pytest.raises(ExpiredError):
        ObjectStore(version=1000).events("pods", 12)


def test_concurrent_readers_see_each_event_once_and_in_order() -> None:
    """Writers race; every watcher must see the same events, in the order of their versions."""
    store = ObjectStore()
    names = [f"n{number}" for number in range(8)]
    done = threading.Event()
    seen: list[list[int]] = [[] for _ in range(4)]
    rebuilt: list[dict[str, int]] = [{} for _ in range(4)]

    def write(seed: int) -> None:
        chance = random.Random(seed)
        for number in range(300):
            name = chance.choice(names)
            if chance.random() < 0.2:
                store.delete("nodes", "", name)
            else:
                store.put("nodes", {"metadata": {"name": name}, "spec": {"turn": f"{seed}/{number}"}})

    def watch(index: int) -> None:
        version = 0
        while True:
            last = done.is_set()
            version, events = store.events("nodes", version, timeout=0 if last else 0.2)
            for event in events:
                seen[index].append(event.stored.version)
                name = event.stored.data["metadata"]["name"]
                assert (event.type == "ADDED") == (name not in rebuilt[index])
                if event.type == "DELETED":
                    del rebuilt[index][name]
                else:
                    rebuilt[index][name] = event.stored.version
            if last:
                return

    watchers = [threading.Thread(target=watch, args=(index,)) for index in range(4)]
    writers = [threading.Thread(target=write, args=(seed,)) for seed in range(3)]
    for thread in (*watchers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    store.wake()
    for thread in watchers:
        thread.join()
    assert store.version > 300
    for index in range(4):
        assert seen[index] == list(range(1, store.version + 1))
        assert rebuilt[index] == {
            stored.data["metadata"]["name"]: stored.version for stored in store.stored("nodes")[1]
        }
