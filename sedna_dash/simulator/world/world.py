"""The world: a scenario that lives."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sedna_dash.exposition import Sample
from sedna_dash.simulator.world.batch import BatchJob
from sedna_dash.simulator.world.clock import Clock
from sedna_dash.simulator.world.components import hide_knowledge_base, install, stop_gm, stop_knowledge_base
from sedna_dash.simulator.world.data import Dataset, Model
from sedna_dash.simulator.world.job import Job
from sedna_dash.simulator.world.kinds import KINDS
from sedna_dash.simulator.world.knowledge_base import KnowledgeBase
from sedna_dash.simulator.world.logs import LogLine
from sedna_dash.simulator.world.nodes import Node, Nodes
from sedna_dash.simulator.world.options import BatchJobOptions, JobEventOptions, JobOptions, Scenario, ShrinkOptions
from sedna_dash.simulator.world.scenario import job_name, load_scenario, numbered, one_of
from sedna_dash.simulator.world.site import Site, Store
from sedna_dash.simulator.world.truth import Truth

#: GM tells each LC again of everything that concerns it.
_RESYNC = 30.0
#: Between the deletion of a job and its return under the same name.
_RECREATE = 20.0

#: What happens to nodes, and to what the site has one of. Other events only show in what is measured around Sedna.
_ON_NODES: Mapping[str, Callable[[Node, float], None]] = {
    "outage": Node.go_dark,
    "registry-outage": Node.lose_registry,
    "lc-restart": Node.restart_lc,
    "lc-crash-loop": Node.crash_lc,
    "lc-disconnect": Node.disconnect_lc,
}
_ON_SITES: Mapping[str, Callable[[Site, float], None]] = {
    "gm-down": stop_gm,
    "kb-down": stop_knowledge_base,
    "kb-unreadable": hide_knowledge_base,
}


class WorkerEndpoint(NamedTuple):
    """A worker with the hook, and what it serves now."""

    pod: str
    namespace: str
    node: str
    samples: list[Sample]


class World:
    """Everything that runs at a simulated site.

    Objects go into ``store``, log lines to ``on_log``; the clock goes on only in `advance`. ``start`` is the instant of
    the wall clock (seconds since 1970) at which the world is first seen. The same ``seed`` gives the same life.
    """

    def __init__(
        self,
        store: Store,
        *,
        seed: int,
        start: float,
        scenario: str | Scenario = "tour",
        pace: float = 1.0,
        on_log: Callable[[LogLine], None] | None = None,
    ) -> None:
        self.scenario = load_scenario(scenario) if isinstance(scenario, str) else scenario
        self._clock = Clock(start, pace, begin=-self.scenario.warmup)
        site = self._site = Site(store, self._clock, seed, None if self.scenario.warmup else on_log)
        self._jobs: dict[str, Job] = {}
        self._batch_jobs: list[BatchJob] = []
        site.warm()
        with _no_collecting() if self.scenario.warmup else nullcontext():
            self._build()
            self._clock.play(start)
            site.settle()
        site.on_log = on_log

    # Building it

    def _build(self) -> None:
        site, scenario = self._site, self.scenario
        machines = [(name, node.role) for node in scenario.nodes for name in numbered(node.name, node.count)]
        site.nodes = Nodes(site, machines)
        install(site, {options.namespace for options in _placed(scenario)})
        if scenario.knowledge_base:
            site.knowledge_base = KnowledgeBase(site, scenario.knowledge_base)
        for model in scenario.models:
            Model(site, model)
        for dataset in scenario.datasets:
            for number, name in enumerate(numbered(dataset.name, dataset.count)):
                Dataset(site, one_of(dataset, scenario, number), name)
        begin = self._clock.now
        for kind, options in scenario.jobs:
            for number, name in enumerate(numbered(options.name, options.count)):
                self._clock.at(begin + options.at, partial(self.make, kind, options, name, number))
        for batch in scenario.batch_jobs:
            self._clock.at(begin + batch.at, partial(self._make_batch_job, batch))
        for action, event in scenario.events:
            self._schedule(action, event)
        self._clock.every(_RESYNC, self._resync)

    def make(self, kind: str, options: JobOptions, name: str, number: int, life: int = 0) -> None:
        """Let a user make a job."""
        job = KINDS[kind](self._site, one_of(options, self.scenario, number), name, life=life)
        self._jobs[job_name(options) if options.count == 1 else f"{options.namespace}/{name}"] = job
        job.create()

    def _make_batch_job(self, options: BatchJobOptions) -> None:
        self._batch_jobs.append(BatchJob(self._site, options))

    # What happens in it

    def _schedule(self, action: str, event: Any) -> None:
        def happen() -> None:
            self._befall(action, event)
            if event.every:
                self._clock.after(event.every, happen)

        self._clock.at(self._clock.now + event.at, happen)

    def _befall(self, action: str, event: Any) -> None:
        site = self._site
        if isinstance(event, JobEventOptions):
            if job := self._jobs.get(event.job):  # or it is yet to be made
                self._befall_job(action, event, job)
        elif isinstance(event, ShrinkOptions):
            site.datasets[event.namespace, event.dataset].shrink(event.by)
        elif action in _ON_NODES:
            _ON_NODES[action](site.nodes[event.node], event.lasts)
        elif action in _ON_SITES:
            _ON_SITES[action](site, event.lasts)
        else:
            site.trouble(action, getattr(event, "node", getattr(event, "resource", "")), event.lasts)

    def _befall_job(self, action: str, event: JobEventOptions, job: Job) -> None:
        if action == "recreate":
            job.remove()
            del self._jobs[event.job]
            kind, options = next((k, o) for k, o in self.scenario.jobs if job_name(o) == event.job)
            self._clock.after(_RECREATE, lambda: self.make(kind, options, job.name, 0, job.life + 1))
        else:
            getattr(job, job.befalls[action])(event)

    def _resync(self) -> None:
        """GM tells LCs again of their jobs, and says so in its log."""
        if not self._site.on_log or not self._site.gm_up:
            return
        for job in self._jobs.values():
            for node in dict.fromkeys(job.told):
                key = f"{job.kind.lower()}/{job.namespace}/{job.name}"
                if node.talks:
                    text = f"write key {key} to node {node.name} successfully"
                    self._site.klog(self._site.gm, "I", "context.go:184", text)

    def advance(self, now: float) -> None:
        """Let everything happen that is due up to an instant of the wall clock."""
        self._clock.play(now)

    # What it shows

    def offline(self, node: str) -> bool:
        """Whether a node has lost its link, so that nobody outside can reach it."""
        return not self._site.nodes[node].linked

    def troubles(self) -> dict[tuple[str, str], float]:
        """What is wrong outside Sedna, by the word of its event and the node or resource that it is about, and since
        which instant of the wall clock."""
        return dict(self._site.troubles)

    def worker_metrics(self) -> list[WorkerEndpoint]:
        """The running workers that have the hook, and what each serves."""
        return [
            WorkerEndpoint(pod.name, pod.namespace, pod.node.name, pod.samples())
            for pod in self._site.pods.values()
            if pod.phase == "Running" and pod.hooked
        ]

    def knowledge_base_rows(self) -> dict[str, list[dict[str, Any]]]:
        """The tables of the knowledge base, empty without one."""
        return self._site.knowledge_base.rows if self._site.knowledge_base else {}

    def write_knowledge_base(self, path: Path) -> bool:
        """Bring a file of sqlite up to date with the knowledge base; whether there was anything new."""
        return self._site.knowledge_base is not None and self._site.knowledge_base.write(path)

    def truth(self) -> list[Truth]:
        """What is true now, for every required value that the world has."""
        sources: list[Any] = [*self._site.datasets.values(), *self._site.models.values(), *self._jobs.values()]
        sources += [*self._site.pods.values(), *self._batch_jobs]
        if self._site.knowledge_base:
            sources.append(self._site.knowledge_base)
        return [truth for source in sources for truth in source.truths()]


def _placed(scenario: Scenario) -> Iterator[Any]:
    """Everything of a scenario that is in a namespace."""
    yield from scenario.datasets
    yield from scenario.models
    yield from scenario.batch_jobs
    yield from (options for _, options in scenario.jobs)


@contextmanager
def _no_collecting() -> Iterator[None]:
    """A world with a history is big and stays: looking for garbage in it again and again would double the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()
