"""Keeping up with an API server that is slow, lossy, forgetful, or away."""

import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from sedna_dash.exporter.api_error import ApiError
from sedna_dash.exporter.state import State
from sedna_dash.exporter.targets import Target, targets
from sedna_dash.exporter.watching import Watcher
from tests.exporter.objects import series, thing

DATASETS = Target("Dataset", "datasets", "/apis/sedna.io/v1alpha1/datasets")


def dataset(name: str, samples: int) -> dict[str, Any]:
    return thing("Dataset", name, status={"numberOfSamples": samples})


def page(*objects: dict[str, Any], version: str = "100") -> list[dict[str, Any]]:
    return [{"items": list(objects), "metadata": {"resourceVersion": version}}]


def event(kind: str, obj: Any) -> bytes:
    return json.dumps({"type": kind, "object": obj}).encode()


class Script:
    """A source that plays lists and watches in their order; an `ApiError` in one is raised there. When nothing is
    left it stops the watcher."""

    def __init__(self, stop: threading.Event, lists: list[Any], watches: list[Any]) -> None:
        self.stop, self.lists, self.watches = stop, lists, watches
        self.versions: list[str] = []

    def pages(self, path: str, query: Mapping[str, str], *, metadata_only: bool = False) -> Iterator[dict[str, Any]]:
        yield from self._next(self.lists)

    def watch(
        self, path: str, query: Mapping[str, str], version: str, *, metadata_only: bool = False
    ) -> Iterator[bytes]:
        self.versions.append(version)
        if not (self.watches and self.watches[0] and isinstance(self.watches[0][0], ApiError)):
            yield b""  # it has begun
        yield from self._next(self.watches)

    def _next(self, script: list[Any]) -> Iterator[Any]:
        if not script:
            self.stop.set()
            return
        for item in script.pop(0):
            if isinstance(item, Exception):
                raise item
            yield item


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the watcher wanted to wait; it does not."""
    found: list[float] = []

    class Event(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            found.append(timeout or 0)
            return self.is_set()

    monkeypatch.setattr(threading, "Event", Event)
    monkeypatch.setattr("random.uniform", lambda low, high: 1.0)
    return found


def play(lists: list[Any], watches: list[Any]) -> tuple[State, Watcher, Script]:
    stop = threading.Event()
    source, state = Script(stop, lists, watches), State()
    watcher = Watcher(DATASETS, source, state, stop=stop, clock=lambda: 1000.0)
    watcher.run()
    return state, watcher, source


def samples(state: State) -> dict[str, float]:
    return {
        line.partition('dataset="')[2].partition('"')[0]: value
        for line, value in series(state, "sedna_dataset_samples").items()
    }


def test_a_list_and_the_events_after_it(waits: list[float]) -> None:
    first, second = dataset("a", 1), dataset("b", 2)
    events = [event("ADDED", second), event("MODIFIED", dataset("a", 3)), event("DELETED", dataset("b", 2))]
    state, watcher, source = play([page(first)], [events])
    assert samples(state) == {"a": 3}
    assert watcher.synced
    assert source.versions[0] == "100"
    assert int(source.versions[1]) > 0, "the next watch goes on from the last event"
    assert (watcher.errors, watcher.stale, watcher.last_sync) == (0, False, 1000.0)


def test_what_is_not_in_a_new_list_is_gone(waits: list[float]) -> None:
    gone = ApiError(410, "Gone")
    state, watcher, _ = play([page(dataset("a", 1), dataset("b", 2)), page(dataset("b", 5))], [[gone]])
    assert samples(state) == {"b": 5}
    assert watcher.errors == 0, "an old version is nobody's error"


def test_an_error_event_of_410_lists_again(waits: list[float]) -> None:
    expired = event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired"})
    state, _, source = play([page(dataset("a", 1)), page(version="200")], [[expired]])
    assert samples(state) == {}
    assert source.versions == ["100", "200"]


def test_after_an_outage_a_server_that_forgot_the_version_is_listed_at_once(waits: list[float]) -> None:
    # What a kube-apiserver does that was restarted: 200, and then an event that says the version is too old.
    away = [ApiError(0, "x")]
    expired = event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired"})
    lists = [page(dataset("a", 1)), page(dataset("a", 2), version="200")]
    state, _, source = play(lists, [away, away, away, [expired]])
    assert samples(state) == {"a": 2}
    assert source.versions == ["100", "100", "100", "100", "200"]
    assert waits == [0.5, 1.0, 2.0], "no wait between the answer and the list"


def test_a_list_that_is_always_too_old_is_not_made_without_pause(waits: list[float]) -> None:
    play([page(), page(), page()], [[ApiError(410, "Gone")] for _ in range(3)])
    assert waits == [0.0, 1.0, 2.0]


def test_a_bookmark_moves_the_version_on(waits: list[float]) -> None:
    bookmark = event("BOOKMARK", {"metadata": {"resourceVersion": "777"}})
    _, _, source = play([page()], [[bookmark]])
    assert source.versions == ["100", "777"]


BREAKS: dict[str, Any] = {
    "connection lost": ApiError(0, "the watch broke off"),
    "server error": ApiError(503, "Service Unavailable"),
    "half an event": b'{"type":"ADD',
    "an event without an object": b'{"type":"ADDED"}',
    "an event that is a number": b"7",
    "an error event": event("ERROR", {"code": 500, "reason": "InternalError"}),
}


@pytest.mark.parametrize("problem", BREAKS.values(), ids=BREAKS)
def test_after_a_break_the_watch_goes_on_from_the_last_event(problem: Any, waits: list[float]) -> None:
    first, seen, later = (dataset("a", count) for count in (1, 3, 4))
    state, watcher, source = play([page(first)], [[event("MODIFIED", seen), problem], [event("MODIFIED", later)]])
    assert samples(state) == {"a": 4}
    assert source.versions[1] == seen["metadata"]["resourceVersion"], "no new list, no lost event"
    assert watcher.errors == 1
    assert not watcher.stale, "it has come back"


@pytest.mark.parametrize("status", [0, 401, 403, 429, 500])
def test_while_the_server_is_away_the_last_state_is_shown_and_marked(
    status: int, waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    away = [[ApiError(status, "away")] for _ in range(5)]
    stop = threading.Event()
    source, state = Script(stop, [page(dataset("a", 1))], away), State()
    watcher = Watcher(DATASETS, source, state, stop=stop)
    watcher.follow = _until(watcher.follow, stop, 6)  # type: ignore[method-assign]
    watcher.run()
    assert samples(state) == {"a": 1}
    assert {sample.family: sample.value for sample in watcher.samples()}["sedna_exporter_stale"] == 1
    assert watcher.errors == 5
    assert len([record for record in caplog.records if record.levelname == "WARNING"]) == 1, "logged once"


def _until(follow: Any, stop: threading.Event, calls: int) -> Any:
    left = [calls]

    def counted() -> None:
        left[0] -= 1
        if left[0] <= 0:
            stop.set()
            return
        follow()

    return counted


def test_waits_grow_and_a_server_that_asks_for_more_gets_it(waits: list[float]) -> None:
    broken = [[ApiError(0, "x")], [ApiError(0, "x")], [ApiError(429, "slow down", 7.0)], [ApiError(0, "x")]]
    play([page()], broken)
    assert waits == [0.5, 1.0, 7.0, 4.0]


def test_a_kind_that_is_not_installed_is_empty_and_no_error(waits: list[float]) -> None:
    state, watcher, _ = play([[ApiError(404, "Not Found")], page(dataset("a", 1))], [[]])
    assert (watcher.errors, watcher.synced) == (0, True)
    assert waits == [60.0]
    assert samples(state) == {"a": 1}


def test_a_kind_that_is_uninstalled_is_gone(waits: list[float]) -> None:
    state, _, _ = play([page(dataset("a", 1)), [ApiError(404, "Not Found")]], [[ApiError(404, "Not Found")]])
    assert samples(state) == {}


def test_a_list_that_breaks_off_deletes_nothing(waits: list[float]) -> None:
    half = [*page(dataset("a", 1)), ApiError(0, "broke off")]
    state, watcher, _ = play(
        [page(dataset("a", 1), dataset("b", 2)), half, page(dataset("b", 3))], [[ApiError(410, "Gone")]]
    )
    assert samples(state) == {"b": 3}
    assert watcher.errors == 1


def test_only_what_is_asked_for_is_watched() -> None:
    paths = [target.path for target in targets(["a", "b"], "team=vision")]
    assert "/apis/sedna.io/v1alpha1/namespaces/b/datasets" in paths
    assert not [path for path in paths if path == "/api/v1/pods"]
    chosen = {
        target.query.get("labelSelector", "") for target in targets((), "team=vision") if target.kind == "Dataset"
    }
    assert chosen == {"team=vision"}


def test_pods_are_asked_for_by_sednas_labels_only() -> None:
    for target in targets():
        assert target.kind != "Pod" or "sedna" in target.query["labelSelector"]
