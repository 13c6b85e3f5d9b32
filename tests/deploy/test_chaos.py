"""Deploy among people, faults and kills, many times over, each time differently and from a seed.

A run of this test makes a world: dashboards of ours in an older form, dashboards of others in and out of our folder,
copies, namesakes, edits. Then it deploys a newer form up to three times through the `FaultProxy`, each time with some
other trouble: faults in any request, other people at work at the same moment, a rival who deploys the same, a kill.
Then it deploys once without trouble, and looks at what Grafana holds and has been sent:

lost edits          what a colleague saved is in the dashboard's history, and is live unless the policy says otherwise
unowned deletions   nothing is deleted but what is ours, unedited and unwanted, and of which the record has a copy
duplicates          nothing is there twice, and nothing is saved twice
converged           a further plan has nothing to do

A seed that fails is repeated with ``SEDNA_DASH_CHAOS_SEED=123 pytest tests/deploy/test_chaos.py``. Against a real
Grafana (SEDNA_DASH_TEST_GRAFANA_URL, one without datasources of ours, login from GRAFANA_USER and GRAFANA_PASSWORD,
else admin:admin) there are fewer; SEDNA_DASH_CHAOS_RUNS says how many. All that they make is deleted again.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sedna_dash.deploy.changes import ON_DRIFT, Policy
from sedna_dash.deploy.record import read_record, record_uid, unpacked
from sedna_dash.deploy.run import Request
from sedna_dash.deploy.sources import Choice
from sedna_dash.errors import SednaDashError
from tests.deploy.world import (
    SECRET,
    SHORT,
    Colleague,
    Held,
    Model,
    RealSite,
    Saved,
    Site,
    board,
    child,
    edits,
    leaves,
    planned,
    run,
)
from tests.fault_proxy import KILLING, MEDDLING, Asked, Fault, FaultProxy, Schedule
from tests.grafana_stand_in import StandIn

REAL = os.environ.get("SEDNA_DASH_TEST_GRAFANA_URL", "").rstrip("/")
RUNS = int(os.environ.get("SEDNA_DASH_CHAOS_RUNS") or (20 if REAL else 220))
CHUNK = 5 if REAL else 20
SEEDS = [int(os.environ["SEDNA_DASH_CHAOS_SEED"])] if "SEDNA_DASH_CHAOS_SEED" in os.environ else list(range(RUNS))
#: These are killed as a program of their own, which takes half a second to start; others as a child of a process that
#: has everything loaded.
PROGRAMS = frozenset(SEEDS[::30])

#: What the stand-in answers like; most often like the one that was recorded.
VERSIONS = (*["9.3.2"] * 6, "10.4.1", "11.6.0", "12.2.0", "13.0.0")

KINDS = ("lost edits", "unowned deletions", "duplicates", "not converged")


@dataclass
class Tally:
    """What runs came to."""

    runs: int = 0
    kills: int = 0
    deployments: int = 0
    requests: int = 0
    faults: Counter[Fault] = field(default_factory=Counter)
    wrong: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in KINDS})

    def __iadd__(self, other: Tally) -> Tally:
        self.runs += other.runs
        self.kills += other.kills
        self.deployments += other.deployments
        self.requests += other.requests
        self.faults += other.faults
        self.wrong = {kind: [*found, *other.wrong[kind]] for kind, found in self.wrong.items()}
        return self

    def __str__(self) -> str:
        said = [f"{len(self.wrong[kind])} {kind}" for kind in KINDS[:3]]
        end = f"{len(self.wrong[KINDS[3]])} not converged" if self.wrong[KINDS[3]] else "all converged"
        return (
            f"chaos: {self.runs} runs, {self.kills} kills, {self.faults.total()} faults, {', '.join(said)}, {end} "
            f"({self.deployments} deployments, {self.requests} requests)"
        )


@pytest.fixture(scope="module")
def tally(request: pytest.FixtureRequest) -> Iterator[Tally]:
    """The sum, which is printed at the end."""
    result = Tally()
    yield result
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print(f"\n{result}")


def forkserver() -> Any:
    """Makes processes that are ready to deploy: forked from one that has loaded all and has no threads."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.deploy.world", "grafana_client", "niquests"])
    return context


@pytest.fixture(scope="module")
def chunks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Future[Tally]]]:
    """All runs, begun at once: on a process for each core, but on a real Grafana one after the other."""
    if REAL and {"sedna-prometheus", "sedna-loki"} & _datasources(REAL):
        pytest.skip(f"{REAL} has datasources of sedna-dash's own; these tests would change and delete them")
    folder = tmp_path_factory.mktemp("chaos")
    with ProcessPoolExecutor(1 if REAL else 2, multiprocessing.get_context("spawn")) as pool:
        starts = range(0, len(SEEDS), CHUNK)
        yield [pool.submit(played, SEEDS[start : start + CHUNK], folder) for start in starts]
        pool.shutdown(cancel_futures=True)


def _datasources(url: str) -> set[str]:
    real = RealSite(url)
    try:
        return set(real.datasources())
    finally:
        real.leave()


def played(seeds: list[int], folder: Path) -> Tally:
    """Some runs, in a process of their own."""
    warnings.simplefilter("error")
    tally = Tally()
    if REAL:
        real = RealSite(REAL)
        try:
            for seed in seeds:
                chaos = Chaos(seed, real, tally, folder)
                try:
                    chaos.play()
                finally:
                    real.clear(chaos.word)
        finally:
            real.leave()
        return tally
    for seed in seeds:
        with StandIn(version=random.Random(f"version {seed}").choice(VERSIONS)) as stand_in:
            Chaos(seed, Site(stand_in), tally, folder).play()
    return tally


class Chaos:
    """One world, and what happens in it."""

    def __init__(self, seed: int, site: Site, tally: Tally, folder: Path) -> None:
        self.seed, self.site, self.tally, self.folder = seed, site, tally, folder / str(seed)
        self.folder.mkdir()
        self.draw = random.Random(seed)
        self.word = f"c{seed}x{os.urandom(2).hex()}" if isinstance(site, RealSite) else f"c{seed}"
        self.colleague = Colleague(site, self.word)
        self.deleted: dict[str, Held] = {}
        self.proxy = FaultProxy(site.url, patience=SHORT * 1.5)
        self.proxy.meddle, self.proxy.look = self.meddle, self.look

    # The world --------------------------------------------------------------------------------------------------------

    def board(self, number: int, age: str) -> Model:
        draw = random.Random(f"{self.seed} {number} {age}")
        return board(
            f"{self.word}-b{number}",
            f"Board {self.word} {number}" + draw.choice(["", "", f" {age}"]),
            panels=draw.randint(1, 3),
            words=draw.choice(["same", age]),
            **({"refresh": "30s"} if draw.random() < 0.3 else {}),
        )

    def request(self, numbers: list[int], ages: dict[int, str], title: str, address: str) -> Request:
        sources = {
            "prometheus": Choice(url=address, secrets={"httpHeaderValue1": {"env": "CANARY"}}),
            "loki": Choice(url="http://loki:3100"),
        }
        boards = [self.board(number, ages[number]) for number in numbers]
        return Request(boards, sources, (f"{title} {self.word}",), self.word)

    def make(self) -> None:
        """What is there before, and what is wanted."""
        draw = self.draw
        count = draw.randint(0, 6)
        old = list(range(count))
        self.before = self.request(old, dict.fromkeys(old, "old"), "Sedna", "http://prometheus:9090")
        if count or draw.random() < 0.5:
            run(self.site.url, self.before, Policy(), token=self.site.token)
        kept = [number for number in old if draw.random() < 0.75]
        new = list(range(6, 6 + draw.randint(0 if kept else 1, 2)))
        ages = {number: draw.choice(["old", "new", "new"]) for number in kept} | dict.fromkeys(new, "new")
        title = "Edge" if draw.random() < 0.2 else "Sedna"
        address = "http://prometheus2:9090" if draw.random() < 0.5 else "http://prometheus:9090"
        self.wanted = self.request([*kept, *new], ages, title, address)
        self.uids = {str(model["uid"]) for model in self.wanted.dashboards}
        self.policy = Policy(draw.choice(ON_DRIFT), draw.random() < 0.3, draw.random() < 0.6, 10, draw.random() < 0.1)
        self.others = f"{self.word}-others"
        self.colleague.create_folder(self.others, f"Others {self.word}")
        for number in range(draw.randint(0, 2)):
            where = draw.choice(["", self.others, *self.homes()])
            self.colleague.create(board(f"{self.word}-f{number}", f"Foreign {self.word} {number}"), where)
        for _ in range(draw.randint(0, 5)):
            self.act(draw)
        if not isinstance(self.site, RealSite) and new and draw.random() < 0.15:
            uid = f"{self.word}-b{new[0]}"
            self.colleague.delete(uid)
            self.site.stand_in.put_dashboard(board(uid, "Of a file"), provisioned="/etc/x.json")

    def homes(self) -> list[str]:
        """The folder that deploy uses, if there is one."""
        held = self.site.dashboard(record_uid(self.word))
        record = read_record(held.model) if held else None
        return [record.folder.uid] if record else []

    def ours(self) -> list[str]:
        uids = [str(model["uid"]) for model in (*self.before.dashboards, *self.wanted.dashboards)]
        return sorted(set(uids))

    def act(self, draw: random.Random) -> None:
        """Something that a colleague does."""
        colleague = self.colleague
        uid = draw.choice(self.ours()) if self.ours() else ""
        home = (self.homes() or [""])[0]
        missing = [model for model in self.wanted.dashboards if self.site.dashboard(str(model["uid"])) is None]
        acts: list[Callable[[], object]] = [
            *[lambda: self.edit(uid, draw)] * 5,
            lambda: colleague.edit(uid, folder=draw.choice(["", self.others])),
            lambda: colleague.delete(uid),
            lambda: colleague.copy(uid, draw.choice([home, self.others])),
            lambda: colleague.edit_source("sedna-prometheus"),
            lambda: colleague.edit(record_uid(self.word)),
        ]
        if home:
            acts.append(lambda: colleague.rename_folder(home))
        if missing:
            namesake = draw.choice(missing)
            acts.append(lambda: colleague.create(board(f"{self.word}-n", str(namesake["title"])), home))
            acts.append(lambda: colleague.create({**namesake, "title": colleague.words()}, draw.choice([home, ""])))
        draw.choice(acts)()

    def edit(self, uid: str, draw: random.Random) -> None:
        """Somebody edits some part of a dashboard."""
        words = self.colleague.words()

        def panel(model: Model) -> Model:
            found: Model = draw.choice(model["panels"])
            return found

        ways: list[Callable[[Model], object]] = [
            lambda model: model.update(description=words),
            lambda model: model.update(title=words),
            lambda model: model["tags"].append(words),
            lambda model: panel(model).update(title=words),
            lambda model: panel(model)["targets"][0].update(expr=f'up{{x="{words}"}}'),
            lambda model: panel(model)["fieldConfig"]["defaults"].update(unit=words),
            lambda model: panel(model).update(gridPos={"h": 3, "w": 3, "x": 3, "y": draw.randint(50, 99)}),
            lambda model: model["panels"].append({**panel(model), "id": draw.randint(100, 999), "title": words}),
            lambda model: model["panels"].remove(panel(model)) if len(model["panels"]) > 1 else None,
        ]
        self.colleague.edit(uid, draw.choice(ways))

    # At the same moment -----------------------------------------------------------------------------------------------

    def meddle(self, fault: Fault, asked: Asked) -> None:
        """What somebody does while deploy is at it."""
        colleague, uid = self.colleague, asked.uid
        draw = random.Random(f"{self.seed} {asked.number}")
        with self.proxy.lock:
            if fault is Fault.SOMEBODY:
                for _ in range(draw.randint(1, 4)):
                    self.act(draw)
            elif asked.kind.startswith("folder"):
                if fault is Fault.CREATED and asked.kind == "folder create":
                    colleague.create_folder(draw.choice([uid, f"{self.word}-twin"]), str(asked.body["title"]))
                elif fault is Fault.EDITED:
                    colleague.rename_folder(uid)
            elif asked.kind.startswith("datasource"):
                if fault is Fault.CREATED:
                    colleague.create_source(uid, str(asked.body["name"]), str(asked.body["type"]))
                elif fault is Fault.DELETED:
                    colleague.delete_source(uid)
                elif fault is Fault.EDITED:
                    colleague.edit_source(uid)
            elif fault is Fault.DELETED:
                colleague.delete(uid)
            elif fault is Fault.MOVED:
                colleague.edit(uid, folder=self.others)
            elif fault is Fault.CREATED:
                if self.site.dashboard(uid) is None and asked.kind == "dashboard save":
                    model = board(uid, colleague.words())
                    if draw.random() < 0.5:
                        model = board(f"{uid}-n", str(asked.body["dashboard"]["title"]))
                    colleague.create(model, str(asked.body["folderUid"]))
            elif asked.kind == "record save":
                colleague.edit(uid)
            else:
                self.edit(uid, draw)

    def look(self, asked: Asked) -> None:
        """Judge what deploy asks of Grafana, just before Grafana hears of it."""
        if asked.body.get("overwrite"):
            self.wrong("lost edits", f"overwrite was sent for {asked.uid}")
        if asked.method != "DELETE":
            return
        held = self.site.dashboard(asked.uid) if asked.kind == "dashboard delete" else None
        if asked.kind != "dashboard delete":
            self.wrong("unowned deletions", f"{asked.method} {asked.target}")
        elif held is not None:
            said = self._unowned(asked.uid, held)
            if said:
                self.wrong("unowned deletions", f"{asked.uid}: {said}")
            self.deleted[asked.uid] = held

    def _unowned(self, uid: str, held: Held) -> str:
        """Why this must not be deleted; empty when it may be."""
        record = self.site.dashboard(record_uid(self.word))
        known = read_record(record.model) if record else None
        copy = unpacked(known.trash[uid]) if known and uid in known.trash else None
        if not self.policy.prune:
            return "nobody asked for it"
        if uid in self.uids or held.provisioned:
            return "it is wanted, or of a file"
        if held.newest.bundle != self.word or held.newest.merged:
            return "somebody else saved it last"
        if held.folder != held.newest.folder:
            return "somebody moved it"
        if copy is None or leaves(copy) != leaves(held.model):
            return "the record has no copy of it"
        return ""

    # What happens -----------------------------------------------------------------------------------------------------

    def play(self) -> None:
        """Trouble, then none, then a look at the result."""
        self.make()
        self.at_first = set(self.site.dashboards())
        with self.proxy:
            for number in range(self.draw.randint(1, 3)):
                kind = self.draw.choice(["faults", "faults", "people", "both", "kill", "kill", "rival"])
                getattr(self, f"_with_{kind}")(f"{self.seed} {number}")
                self.proxy.settle()
                for _ in range(self.draw.choice([0, 0, 1, 2])):
                    self.act(self.draw)
                self.proxy.choose, self.proxy.expired = (lambda asked: None), False
            self.proxy.quietly()
            self._last()
            for error in self.proxy.errors:
                raise error
            self.tally.faults.update(self.proxy.faults)
            self.tally.requests += len(self.proxy.log)
        self.tally.runs += 1

    def _run(self) -> None:
        self.tally.deployments += 1
        try:
            run(self.proxy.url, self.wanted, self.policy, token=self.site.token, timeout=SHORT, journal=self.folder)
        except SednaDashError:
            """It could not even begin, and said so."""

    def _with_faults(self, seed: str) -> None:
        rate = self.draw.choice([0.05, 0.15, 0.4])
        self.proxy.choose = Schedule(seed, rate, set(Fault) - KILLING - MEDDLING)
        self._run()

    def _with_people(self, seed: str) -> None:
        others, begun = Schedule(seed, 0.3, MEDDLING), False

        def choose(asked: Asked) -> Fault | None:
            # All that was read is old when the first write is sent.
            nonlocal begun
            if asked.writes and asked.method != "DELETE" and not begun:
                begun = True
                return Fault.SOMEBODY
            return others(asked)

        self.proxy.choose = choose
        self._run()

    def _with_both(self, seed: str) -> None:
        self.proxy.choose = Schedule(seed, 0.3, set(Fault) - KILLING - {Fault.EXPIRED, Fault.RESTARTING})
        self._run()

    def _with_rival(self, seed: str) -> None:
        self.proxy.choose = Schedule(seed, 0.1, set(Fault) - KILLING - {Fault.SOMEBODY})
        rival = threading.Thread(target=self._run)
        rival.start()
        self._run()
        rival.join()

    def _with_kill(self, seed: str) -> None:
        draw = random.Random(seed)
        fault, among_writes = draw.choice(sorted(KILLING, key=str)), draw.random() < 0.75
        left = draw.randint(1, 7 if among_writes else 25)
        faults = Schedule(seed, draw.choice([0, 0, 0.1]), MEDDLING)

        def choose(asked: Asked) -> Fault | None:
            nonlocal left
            left -= asked.writes or not among_writes
            return fault if left == 0 else faults(asked)

        started = threading.Event()

        def kill() -> None:
            started.wait()
            os.kill(process.pid, signal.SIGKILL)
            self.tally.kills += 1

        self.proxy.choose, self.proxy.kill = choose, kill
        self.tally.deployments += 1
        process: Any
        if self.seed in PROGRAMS:
            process = self._program()
            started.set()
            process.wait()
        else:
            given = (self.proxy.url, self.wanted, self.policy, self.site.token, self.folder, 2.0)
            process = forkserver().Process(target=child, args=given)
            process.start()
            started.set()
            process.join()
        self.proxy.settle()

    def _program(self) -> subprocess.Popen[bytes]:
        """sedna-dash itself, as a person starts it."""
        source = self.folder / "dashboards"
        source.mkdir(exist_ok=True)
        for model in self.wanted.dashboards:
            (source / f"{model['uid']}.json").write_text(json.dumps(model))
        policy = self.policy
        arguments = [
            "deploy", "--url", self.proxy.url, "--source", str(source), "--folder", self.wanted.path[0],
            "--bundle", self.word, "--prometheus-url", str(self.wanted.sources["prometheus"].url),
            "--loki-url", "http://loki:3100", "--on-drift", policy.on_drift, "--prune-limit", "10", "--timeout", "2",
            "--journal", str(self.folder), *["--adopt"] * policy.adopt, *["--prune"] * policy.prune,
        ]  # fmt: skip
        return subprocess.Popen(
            [sys.executable, "-m", "sedna_dash", *arguments],
            cwd=self.folder,
            env={**os.environ, "GRAFANA_TOKEN": self.site.token, "CANARY": SECRET},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    # The end ----------------------------------------------------------------------------------------------------------

    def wrong(self, kind: str, said: str) -> None:
        self.tally.wrong[kind].append(f"seed {self.seed}: {said}")

    def _last(self) -> None:
        """A run without trouble, and what must be true after it."""
        self.tally.deployments += 1
        report = run(self.proxy.url, self.wanted, self.policy, token=self.site.token, journal=self.folder)
        for result in report.results:
            if result.outcome in ("failed", "skipped"):
                self.wrong("not converged", f"{result.outcome} {result.kind} {result.uid}: {result.reason}")
        plan = planned(self.proxy.url, self.wanted, self.policy, self.site.token)
        for change in plan.changes:
            if change.writes and not (change.kind == "datasource" and self.policy.send_secrets):
                self.wrong("not converged", f"{change.action} {change.kind} {change.uid}: {change.reason}")
        found = self.site.dashboards()
        untouched = {change.uid for change in plan.changes if change.action == "unchanged" and not change.reason}
        for model in self.wanted.dashboards:
            uid = str(model["uid"])
            if uid in untouched and uid not in {known for known, _ in self.colleague.saved}:
                live = found[uid].model
                if [leaves(live).get(path) for path in _SHOWN] != [leaves(model).get(path) for path in _SHOWN]:
                    self.wrong("not converged", f"{uid} is not as the modules have it")
        for uid, held in found.items():
            if self.word in uid:
                self._edits_of(uid, held)
                self._duplicates_of(uid, held)
        self._lost(found)
        self._twins(found)
        self._canaries()

    def _edits_of(self, uid: str, held: Held) -> None:
        """Whether each version of ours holds what somebody had changed before it, unless the policy says otherwise."""
        pending: Model = {}
        ours: Saved | None = None
        newest: Saved | None = None
        for saved in held.history:
            if saved.bundle != self.word:
                newest = saved
                continue
            if newest is not None:
                pending |= edits(ours.model if ours else {}, newest.model)
                allowed = self.policy.on_drift == "overwrite" if ours else self.policy.adopt
                pending = {} if allowed else pending
            gone = [path for path, value in pending.items() if leaves(saved.model).get(path) != value]
            if gone:
                self.wrong("lost edits", f"{uid}: version {saved.number} of ours lacks {gone[:3]}")
            ours, newest = saved, None

    def _duplicates_of(self, uid: str, held: Held) -> None:
        for before, after in zip(held.history, held.history[1:], strict=False):
            same = leaves(before.model) == leaves(after.model) and before.folder == after.folder
            if before.bundle and after.bundle and same:
                self.wrong("duplicates", f"{uid}: version {after.number} is version {before.number} once more")

    def _lost(self, found: dict[str, Held]) -> None:
        for uid, number in self.colleague.saved:
            held = found.get(uid)
            if held is None:
                self.wrong("lost edits", f"{uid} is gone")
            elif not _still(self.colleague.saved[uid, number], held, number):
                self.wrong("lost edits", f"{uid}: version {number} is no longer in the history")
        if self.policy.on_drift != "overwrite" and not self.policy.adopt:
            for uid, folder in self.colleague.moved.items():
                if uid in found and found[uid].folder != folder:
                    self.wrong("lost edits", f"{uid} was moved to '{folder}' and is in '{found[uid].folder}'")
            sources = self.site.datasources()
            for uid, fields in self.colleague.sources.items():
                if {key: sources.get(uid, {}).get(key) for key in fields} != fields:
                    self.wrong("lost edits", f"datasource {uid} lacks {fields}")

    def _twins(self, found: dict[str, Held]) -> None:
        known = self.at_first | self.colleague.made | self.uids | {record_uid(self.word)}
        for uid in found:
            if self.word in uid and uid not in known:
                self.wrong("duplicates", f"nobody knows dashboard {uid}")
        # Somebody may have given another dashboard the same title, where Grafana lets him.
        ours = [held for held in found.values() if held.newest.bundle]
        titles = Counter((held.folder, held.model["title"]) for held in ours)
        folders = Counter(self.site.folders().values())
        names = Counter(source["name"] for source in self.site.datasources().values())
        for twins in (titles, folders, names):
            for name, count in twins.items():
                if count > 1:
                    self.wrong("duplicates", f"{count} times {name}")
        made = [uid for uid in self.site.folders() if self.word in uid and not uid.startswith(self.word)]
        if len(made) > 1:
            self.wrong("duplicates", f"folders {made}")

    def _canaries(self) -> None:
        for path in self.folder.rglob("*.jsonl"):
            text = path.read_text()
            assert SECRET not in text and self.site.token not in text, path


_SHOWN = (".title", ".refresh", ".panels[1].title", ".panels[1].targets[A].expr", ".panels[3].title")


def _still(saved: Model, held: Held, number: int) -> bool:
    """Whether a version holds what was saved; a newer Grafana adds to it, and brings it into a newer form."""
    there = next((leaves(known.model) for known in held.history if known.number == number), {})
    return all(there.get(path) == value for path, value in saved.items() if path != ".schemaVersion")


@pytest.mark.parametrize("number", range(-(-len(SEEDS) // CHUNK)), ids=lambda number: f"from-{SEEDS[number * CHUNK]}")
def test_nothing_is_lost_deleted_or_doubled(number: int, chunks: list[Future[Tally]], tally: Tally) -> None:
    done = chunks[number].result()
    tally += done
    wrong = [f"{kind}: {said}" for kind, found in done.wrong.items() for said in found]
    assert not wrong, "repeat with SEDNA_DASH_CHAOS_SEED=<seed>\n" + "\n".join(wrong)
