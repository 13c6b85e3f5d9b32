"""Worlds for tests: what is written is remembered, from the first object to the last line."""

import json
from collections.abc import Callable
from typing import Any

from sedna_dash.simulator.world import LogLine, Scenario, World

START = 1_741_050_000.0  # 2025-03-04T01:00:00Z
HOUR = 3600.0


class Recorder:
    """A store that keeps every write, besides the objects as they are."""

    def __init__(self) -> None:
        self.writes: list[tuple[str, str]] = []
        self.objects: dict[str, dict[tuple[str, str], Any]] = {}

    def put(self, resource: str, obj: Any) -> None:
        text = json.dumps(obj)
        self.writes.append((resource, text))
        metadata = obj["metadata"]
        self.objects.setdefault(resource, {})[metadata.get("namespace", ""), metadata["name"]] = json.loads(text)

    def delete(self, resource: str, namespace: str, name: str) -> None:
        self.writes.append((f"delete {resource}", f"{namespace}/{name}"))
        self.objects.get(resource, {}).pop((namespace, name), None)

    def get(self, resource: str, name: str, namespace: str = "default") -> Any:
        return self.objects[resource][namespace, name]

    def items(self, resource: str) -> list[Any]:
        return list(self.objects.get(resource, {}).values())

    def versions(self, resource: str) -> list[Any]:
        """Every form that objects of a resource ever had."""
        return [json.loads(text) for written, text in self.writes if written == resource]


class Lived:
    """A world that has lived for some hours."""

    def __init__(
        self, scenario: str | Scenario, hours: float, *, seed: int = 1, pace: float = 1.0, step: float | None = None
    ) -> None:
        self.store, self.lines = Recorder(), list[LogLine]()
        self.world = World(self.store, seed=seed, start=START, scenario=scenario, pace=pace, on_log=self.lines.append)
        self.now = START
        self.live(hours, step=step)

    def live(self, hours: float, *, step: float | None = None) -> None:
        """Go on for some hours of the wall clock."""
        end = self.now + hours * HOUR
        while step and self.now + step < end:
            self.now += step
            self.world.advance(self.now)
        self.now = end
        self.world.advance(end)

    def until(self, happened: Callable[[], bool], *, hours: float = 12.0) -> None:
        """Go on in steps of 10 seconds until something is so; fail if it never is."""
        end = self.now + hours * HOUR
        while not happened():
            assert self.now < end, f"it did not happen in {hours} hours"
            self.live(10 / HOUR)

    def conditions(self, resource: str, name: str, namespace: str = "default") -> list[dict[str, str]]:
        found: list[dict[str, str]] = self.store.get(resource, name, namespace)["status"].get("conditions", [])
        return found

    def truth(self, family: str, **labels: str) -> list[float | None]:
        """The true values of the series of a family that have these labels, each once."""
        return list(
            {
                tuple(sorted(truth.labels.items())): truth.value
                for truth in self.world.truth()
                if truth.family == family and labels.items() <= truth.labels.items()
            }.values()
        )
