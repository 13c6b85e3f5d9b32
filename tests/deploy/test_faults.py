"""What goes wrong, one thing at a time, and what deploy says of it.

The table has each `Fault` for each kind of request: met once, so that the next try goes well, and met by every try. Of
each case is asked that what deploy says is true of what Grafana holds, that the next run brings everything to where it
should be, that nothing of anybody else's changed, and that no secret is seen anywhere.
"""

from __future__ import annotations

import copy
import errno
import functools
import io
import itertools
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sedna_dash.deploy.changes import Plan, Policy
from sedna_dash.deploy.grafana import LONGEST_PAUSE, Grafana
from sedna_dash.deploy.journal import Journal
from sedna_dash.deploy.planfile import load_plan, plan_data, save_plan
from sedna_dash.deploy.report import Report, step_summary, write_report
from sedna_dash.deploy.run import Request, carry_out, check_plan, plan_deploy
from sedna_dash.deploy.sources import Choice
from sedna_dash.errors import ConflictError, SednaDashError
from sedna_dash.settings import GrafanaSettings, Token
from tests.deploy.world import (
    LONG,
    SECRET,
    SHORT,
    TOKEN,
    Colleague,
    Held,
    Model,
    Site,
    board,
    child,
    client,
    leaves,
    planned,
    run,
    secret,
)
from tests.fault_proxy import KILLING, MEDDLING, UNFAIR_TO_DELETIONS, Asked, Fault, FaultProxy, first
from tests.grafana_stand_in import StandIn

PRUNE = Policy(prune=True)


def request(boards: list[Model], *, folder: str = "Sedna", address: str = "http://prometheus:9090") -> Request:
    sources = {
        "prometheus": Choice(url=address, secrets={"httpHeaderValue1": {"env": "CANARY"}}),
        "loki": Choice(url="http://loki:3100"),
    }
    return Request(boards, sources, (folder,))


ONE, TWO, GONE = board("one", "One"), board("two", "Two"), board("gone", "Gone")
NEW = board("one", "One", words="new")


class Scenario(NamedTuple):
    """What is there, what is wanted, and what kinds of requests that takes."""

    before: Request | None
    wanted: Request
    kinds: tuple[str, ...]
    #: Whether the folder is somebody else's, so that another title is another folder.
    borrowed: bool = False


SCENARIOS = {
    "first": Scenario(
        None,
        request([ONE]),
        ("folder create", "datasource create", "dashboard save", "record save", "health read", "datasources read",
         "folders read", "search read", "record read"),
    ),
    "change": Scenario(
        request([ONE, GONE]),
        request([NEW, TWO], folder="Edge", address="http://prometheus2:9090"),
        ("folder update", "datasource update", "dashboard save", "record save", "dashboard delete", "dashboard read",
         "dashboard versions read", "record read", "record versions read", "folder read", "datasource read"),
    ),
    "move": Scenario(request([ONE], folder="Theirs"), request([NEW], folder="Sedna"), ("dashboard save",), True),
}  # fmt: skip

#: A read is a read, whether its answer is lost or not.
TO_READS = [
    Fault.RESET, Fault.TRUNCATED_DONE, Fault.GARBLED_DONE, Fault.LOGIN_PAGE, Fault.BAD_GATEWAY_PAGE, Fault.BUSY,
    Fault.BUSY_UNTIL, Fault.ERROR_500, Fault.ERROR_503, Fault.ECHO, Fault.SLOW, Fault.EXPIRED, Fault.RESTARTING,
]  # fmt: skip
TO_WRITES = [fault for fault in Fault if fault not in KILLING and fault is not Fault.SOMEBODY]
#: Faults after which it is not tried again.
ONLY_ONCE = MEDDLING | {Fault.EXPIRED, Fault.RESTARTING, Fault.LOGIN_PAGE, Fault.GARBLED_DONE}
#: Of those that are much alike, these are met by every try, too. A read that goes well when tried again is no news.
ALSO_ALWAYS = {
    Fault.RESET, Fault.RESET_DONE, Fault.TRUNCATED_DONE, Fault.UNAVAILABLE_PAGE, Fault.BUSY, Fault.ERROR_500,
    Fault.ERROR_504_DONE, Fault.ECHO, Fault.SLOW, Fault.LATE_DONE,
}  # fmt: skip


class Case(NamedTuple):
    scenario: str
    kind: str
    fault: str
    #: How many tries meet it.
    times: int

    def __str__(self) -> str:
        return f"{self.scenario}-{self.kind}-{self.fault}-{'once' if self.times == 1 else 'always'}".replace(" ", "-")


def _cases() -> Iterator[Case]:
    for name, scenario in SCENARIOS.items():
        for kind in scenario.kinds:
            for fault in TO_READS if kind.endswith("read") else TO_WRITES:
                if kind == "dashboard delete" and fault in UNFAIR_TO_DELETIONS:
                    continue
                if kind == "record save" and fault in (Fault.DELETED, Fault.MOVED, Fault.CREATED):
                    continue
                if fault in ONLY_ONCE or not kind.endswith("read"):
                    yield Case(name, kind, fault.name, 1)
                if fault in ALSO_ALWAYS or (fault not in ONLY_ONCE and kind.endswith("read")):
                    yield Case(name, kind, fault.name, 4)


@functools.cache
def prepared(name: str) -> dict[str, Any]:
    """What a Grafana holds before a scenario: folders, dashboards and datasources."""
    scenario = SCENARIOS[name]
    with StandIn() as stand_in:
        site = Site(stand_in)
        stand_in.put_folder("others", "Others")
        stand_in.put_folder("theirs", "Theirs")
        stand_in.put_datasource("other", "Other", "prometheus", url="http://other")
        for uid, folder in (("a", ""), ("b", "others"), ("c", "theirs")):
            stand_in.put_dashboard(board(uid, f"Foreign {uid}"), folder=folder)
        if scenario.before:
            run(site.url, scenario.before, Policy())
            folder = next(uid for uid, title in site.folders().items() if title == scenario.before.path[0])
            stand_in.put_dashboard(board("d", "Foreign d"), folder=folder)
        return {key: getattr(stand_in, key) for key in ("folders", "dashboards", "datasources", "_next_id", "clock")}


@contextmanager
def world(name: str) -> Iterator[Site]:
    with StandIn() as stand_in:
        vars(stand_in).update(copy.deepcopy(prepared(name)))
        yield Site(stand_in)


# One case -------------------------------------------------------------------------------------------------------------


def tried(case: Case, folder: Path) -> list[str]:
    """What is wrong with a case."""
    warnings.simplefilter("error")
    scenario, fault = SCENARIOS[case.scenario], Fault[case.fault]
    journal = folder / str(case)
    wrong: list[str] = []
    seen: list[str] = []
    with world(case.scenario) as site:
        foreign = _foreign(site)
        colleague = Colleague(site, "x")
        choose = first(fault, lambda asked: asked.kind == case.kind, case.times)
        with FaultProxy(site.url, choose, patience=SHORT * 1.5, pause=0.05) as proxy:
            proxy.meddle = lambda fault, asked: _meddle(colleague, fault, asked)
            # Short only where nothing answers: on a busy machine an ordinary answer takes its time.
            waits = fault in (Fault.SLOW, Fault.SLOW_DONE, Fault.LATE_DONE)
            with client(proxy.url, timeout=SHORT if waits else LONG) as grafana:
                plan: Plan | None = None
                report: Report | None = None
                try:
                    plan, live = plan_deploy(grafana, scenario.wanted, PRUNE)
                    report = carry_out(grafana, plan, live, journal=Journal(journal, plan), resolve=secret)
                    error: SednaDashError | None = report.error
                except SednaDashError as raised:
                    error = raised
            proxy.settle()
            if not proxy.faults:
                return [f"no {case.kind} was asked for, so nothing was tried"]
            writes = [asked for asked, _ in proxy.log if asked.writes]
            wrong += _untrue(plan, report, error, site, writes, fault)
            seen += _outputs(plan, report, error)
            proxy.quietly()
            with client(proxy.url) as grafana:
                plan, live = plan_deploy(grafana, scenario.wanted, PRUNE)
                report = carry_out(grafana, plan, live, journal=Journal(journal, plan), resolve=secret)
                seen += _outputs(plan, report, report.error)
                for result in report.results:
                    if result.outcome in ("failed", "skipped"):
                        wrong.append(f"the next run: {result.outcome} {result.uid}: {result.reason}")
                plan = plan_deploy(grafana, scenario.wanted, PRUNE)[0]
            wrong += [f"still to do: {item.action} {item.uid}: {item.reason}" for item in plan.changes if item.writes]
            if fault not in MEDDLING:
                wrong += [f"undecided: {item.uid}: {item.reason}" for item in plan.undecided]
            wrong += [f"{error!r}" for error in proxy.errors]
            if any(asked.body.get("overwrite") for asked, _ in proxy.log):
                wrong.append("overwrite was sent")
        if {uid: thing for uid, thing in _foreign(site).items() if uid in foreign} != foreign:
            wrong.append("something of somebody else's changed")
        wrong += _lost(colleague, site)
    seen += [path.read_text() for path in journal.glob("*.jsonl")]
    wrong += [f"a secret is in: {text[:300]}" for text in seen if SECRET in text or TOKEN in text]
    return wrong


def _foreign(site: Site) -> dict[str, Any]:
    held: dict[str, Any] = {uid: site.dashboard(uid) for uid in ("a", "b", "c", "d")}
    return {**held, "others": site.folders()["others"], "theirs": site.folders()["theirs"],
            "other": site.datasources()["other"]}  # fmt: skip


def _meddle(colleague: Colleague, fault: Fault, asked: Asked) -> None:
    """What somebody else does to the thing, whatever it is."""
    body, uid = asked.body, asked.uid
    thing = asked.kind.split()[0]
    if thing == "folder":
        acts: dict[Fault, Callable[[], object]] = {
            Fault.EDITED: lambda: colleague.rename_folder(uid),
            Fault.CREATED: lambda: colleague.create_folder(uid, str(body["title"])),
        }
    elif thing == "datasource":
        acts = {
            Fault.EDITED: lambda: colleague.edit_source(uid),
            Fault.DELETED: lambda: colleague.delete_source(uid),
            Fault.CREATED: lambda: colleague.create_source(uid, str(body["name"]), str(body["type"])),
        }
    else:
        acts = {
            Fault.EDITED: lambda: colleague.edit(uid),
            Fault.DELETED: lambda: colleague.delete(uid),
            Fault.MOVED: lambda: colleague.edit(uid, folder="others"),
            Fault.CREATED: lambda: colleague.create(board(uid, "Mine"), str(body["folderUid"])),
        }
    acts.get(fault, lambda: None)()


def _lost(colleague: Colleague, site: Site) -> Iterator[str]:
    for (uid, number), model in colleague.saved.items():
        held = site.dashboard(uid)
        if held is None or leaves(held.model) != model or held.newest.number != number:
            yield f"version {number} of {uid}, which somebody else saved, is no longer the newest"
    for uid, folder in colleague.moved.items():
        held = site.dashboard(uid)
        if held is None or held.folder != folder:
            yield f"{uid}, which somebody moved to {folder}, is no longer there"
    for uid, fields in colleague.sources.items():
        if not fields.items() <= site.datasources().get(uid, {}).items():
            yield f"datasource {uid} lost {fields}"


def _untrue(
    plan: Plan | None,
    report: Report | None,
    error: SednaDashError | None,
    site: Site,
    writes: list[Asked],
    fault: Fault,
) -> Iterator[str]:
    """Where what was said is not so."""
    if plan is None or report is None:
        assert error is not None
        if error.exit_code not in (4, 7):
            yield f"exit code {error.exit_code} for {error.message}"
        if writes:
            yield "it did not say what it wrote before it gave up"
        return
    outcomes = {result.outcome for result in report.results}
    undecided = outcomes & {"conflict", "drifted"}
    expected = {3} if undecided else {0}
    # What is skipped for somebody else's sake is no failure.
    if "failed" in outcomes or ("skipped" in outcomes and not undecided):
        expected = {5} if outcomes & {"create", "update", "move", "delete"} else {4, 7}
    code = error.exit_code if error else 0
    if code not in expected:
        yield f"exit code {code}, not {expected}, for {sorted(outcomes)}"
    for change, result in zip(plan.changes, report.results, strict=True):
        said = f"{result.outcome} {result.kind} {result.uid}"
        if result.outcome == "skipped" and any(asked.uid == change.uid for asked in writes):
            yield f"{said}, but it was tried"
        if result.outcome in ("failed", "skipped", "conflict") and not result.reason:
            yield f"{said}, and no reason"
        if result.outcome in ("create", "update", "move", "delete", "unchanged") and change.writes:
            yield from (f"{said}, but {wrong}" for wrong in _not_so(change, result.outcome, site, fault))


def _not_so(change: Any, outcome: str, site: Site, fault: Fault) -> Iterator[str]:
    if change.kind == "folder":
        if site.folders().get(change.uid) != change.title and fault not in MEDDLING:
            yield f"the folders are {site.folders()}"
    elif change.kind == "datasource":
        there = site.datasources().get(change.uid, {})
        if there.get("url") != change.body["url"] and fault is not Fault.DONE_THEN_EDITED:
            yield f"its address is {there.get('url')}"
    else:
        held: Held | None = site.dashboard(change.uid)
        if change.action == "delete":
            if held is not None:
                yield "it is there"
        elif held is None:
            yield "it is not there"
        elif not any(saved.bundle and leaves(saved.model) == leaves(change.body) for saved in held.history[-2:]):
            yield "what was sent is not among its last versions"
        elif fault not in MEDDLING and held.folder != held.newest.folder:
            yield f"it is in {held.folder}"


def _outputs(plan: Plan | None, report: Report | None, error: SednaDashError | None) -> Iterator[str]:
    """Everything that a person or program may see."""
    if plan is not None:
        yield json.dumps(plan_data(plan))
        yield repr(plan)
    if report is not None:
        for form in ("text", "json"):
            out = io.StringIO()
            write_report(report, form, out)
            yield out.getvalue()
        yield step_summary(report)
    if error is not None:
        yield error.message


@pytest.fixture(scope="module")
def results(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[Case, Future[list[str]]]]:
    """Every case that is to be tested, begun at once, on a process for each core."""
    name = test_whatever_goes_wrong_is_told_truly_and_mended_by_the_next_run.__name__
    items = [item for item in request.session.items if getattr(item, "originalname", "") == name]
    folder = tmp_path_factory.mktemp("faults")
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        cases: list[Case] = [item.callspec.params["case"] for item in items]  # type: ignore[attr-defined]
        yield {case: pool.submit(tried, case, folder) for case in cases}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("case", [*_cases()], ids=str)
def test_whatever_goes_wrong_is_told_truly_and_mended_by_the_next_run(
    case: Case, results: Mapping[Case, Future[list[str]]]
) -> None:
    assert results[case].result() == []


# The disk -------------------------------------------------------------------------------------------------------------


def held(site: Site) -> set[str]:
    """The uids of all that deploy may have made."""
    return {*site.folders(), *site.datasources(), *site.dashboards()}


WRITTEN = frozenset({"create", "update", "move"})


@pytest.mark.parametrize("room", range(0, 12, 2))
def test_a_full_disk_ends_the_run_and_hides_nothing(room: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal has room for so many lines. What was done till then is told; nothing is done without a journal."""
    with StandIn() as stand_in, client(Site(stand_in).url) as grafana:
        site = Site(stand_in)
        plan, live = plan_deploy(grafana, request([ONE, TWO]), Policy())
        lines = itertools.count()
        fsync = os.fsync

        def full(file: int) -> None:
            if next(lines) >= room:
                raise OSError(errno.ENOSPC, "No space left on device")
            fsync(file)

        monkeypatch.setattr("os.fsync", full)
        try:
            report = carry_out(grafana, plan, live, journal=Journal(tmp_path, plan), resolve=secret)
        except SednaDashError as error:
            assert room == 0 and "No space left" in error.message
            assert not stand_in.writes
        else:
            assert report.error and report.error.exit_code in (4, 5)
            assert "No space left" in " ".join(result.reason for result in report.results)
            said = {result.uid for result in report.results if result.outcome in WRITTEN}
            tried = {result.uid for result in report.results if result.outcome == "failed"}
            # What was being done when the disk was full may have been done or not.
            assert said <= held(site) <= said | tried
        monkeypatch.undo()
        assert run(site.url, request([ONE, TWO]), Policy(), journal=tmp_path).error is None
        assert not planned(site.url, request([ONE, TWO]), Policy()).pending


def program(site: Site, folder: Path, *arguments: str, **how: Any) -> subprocess.CompletedProcess[str]:
    """sedna-dash, as a person starts it."""
    source = folder / "dashboards"
    source.mkdir(exist_ok=True)
    for model in (ONE, TWO):
        (source / f"{model['uid']}.json").write_text(json.dumps(model))
    return subprocess.run(
        [sys.executable, "-m", "sedna_dash", "deploy", "--url", site.url, "--source", str(source), "--journal",
         str(folder / "journal"), "--prometheus-url", "http://prometheus:9090", "--loki-url", "http://loki:3100",
         *arguments],
        cwd=folder, env={**os.environ, "GRAFANA_TOKEN": TOKEN}, capture_output=True, text=True, check=False, **how,
    )  # fmt: skip


@pytest.mark.parametrize("size", [100, 700, 1200])
def test_a_file_that_may_not_grow_ends_the_run_without_a_traceback(size: int, tmp_path: Path) -> None:
    with StandIn() as stand_in:
        site = Site(stand_in)
        done = program(
            site, tmp_path, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        )
        assert done.returncode in (1, 4, 5), done
        assert "Traceback" not in done.stderr and "the journal cannot be written" in done.stdout + done.stderr
        begun = bool(stand_in.writes)
        assert (done.returncode != 1) == begun
        again = program(site, tmp_path)
        assert again.returncode == 0, again
        assert ("was cut off" in again.stderr) == begun


# Two at once ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scenario", ["first", "change"])
@pytest.mark.parametrize("way", ["threads", "processes"])
def test_two_deploys_at_once_end_as_one(scenario: str, way: str, tmp_path: Path) -> None:
    wanted = SCENARIOS[scenario].wanted
    with world(scenario) as site:
        before = {uid: len(found.history) for uid, found in site.dashboards().items()}
        given = (site.url, wanted, PRUNE, TOKEN, tmp_path, LONG)
        if way == "threads":
            reports: list[Report] = []
            rivals: list[Any] = [
                threading.Thread(target=lambda: reports.append(run(site.url, wanted, PRUNE))) for _ in range(2)
            ]
        else:
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload(["tests.deploy.world", "grafana_client", "niquests"])
            rivals = [context.Process(target=child, args=given) for _ in range(2)]
        for rival in rivals:
            rival.start()
        for rival in rivals:
            rival.join()
        if way == "threads":
            assert [report.error for report in reports] == [None, None]
        else:
            assert [rival.exitcode for rival in rivals] == [0, 0]
        plan = planned(site.url, wanted, PRUNE)
        assert not plan.pending and not plan.undecided
        for uid, found in site.dashboards().items():
            assert len(found.history) - before.get(uid, 0) <= 1, uid


def test_two_deploys_of_different_dashboards_at_once() -> None:
    """Whoever is slower hears that somebody was quicker, or finds the other's work and goes on from there."""
    with world("change") as site:
        ways = [request([NEW]), request([board("one", "One", words="other")])]
        reports: list[Report] = []
        codes: list[int] = []

        def deploy(way: Request) -> None:
            try:
                reports.append(run(site.url, way, PRUNE))
                codes.append(reports[-1].error.exit_code if reports[-1].error else 0)
            except SednaDashError as error:
                codes.append(error.exit_code)

        rivals = [threading.Thread(target=deploy, args=(way,)) for way in ways]
        for rival in rivals:
            rival.start()
        for rival in rivals:
            rival.join()
        assert len(codes) == 2 and {*codes} <= {0, 3, 4, 5}
        found = site.dashboard("one")
        assert found and all(saved.bundle for saved in found.history)
        results = [result for report in reports for result in report.results]
        assert len(found.history) == 1 + sum((item.uid, item.outcome) == ("one", "update") for item in results)
        assert run(site.url, ways[0], PRUNE).error is None
        assert not planned(site.url, ways[0], PRUNE).pending


def test_a_run_that_ends_before_the_record_leaves_no_other_state_than_one_that_does_not() -> None:
    """The folder that it made is ours all the same: another title renames it."""
    with StandIn() as stand_in:
        site = Site(stand_in)
        with FaultProxy(site.url, first(Fault.EXPIRED, lambda asked: asked.kind == "datasource create")) as proxy:
            assert run(proxy.url, request([ONE]), PRUNE).error
        assert run(site.url, request([ONE]), PRUNE).error is None
        assert run(site.url, request([ONE], folder="Edge"), PRUNE).error is None
        assert site.folders() == {"sedna": "Edge"}


# Between plan and apply -----------------------------------------------------------------------------------------------

MEANWHILE: dict[str, Callable[[Colleague], object]] = {
    "edited": lambda somebody: somebody.edit("one"),
    "deleted": lambda somebody: somebody.delete("one"),
    "moved": lambda somebody: somebody.edit("one", folder="others"),
    "created": lambda somebody: somebody.create(board("two", "Mine")),
    "what is to be deleted edited": lambda somebody: somebody.edit("gone"),
    "folder renamed": lambda somebody: somebody.rename_folder("sedna"),
    "datasource edited": lambda somebody: somebody.edit_source("sedna-prometheus"),
    "datasource deleted": lambda somebody: somebody.delete_source("sedna-prometheus"),
    "record edited": lambda somebody: somebody.edit("sedna-dash-sedna"),
}


@pytest.mark.parametrize("what", MEANWHILE)
def test_a_saved_plan_is_refused_when_something_moved(what: str, tmp_path: Path) -> None:
    with world("change") as site:
        save_plan(planned(site.url, SCENARIOS["change"].wanted, PRUNE), tmp_path / "plan.json")
        text = (tmp_path / "plan.json").read_text()
        assert SECRET not in text and TOKEN not in text
        MEANWHILE[what](Colleague(site, "x"))
        site.stand_in.requests.clear()
        with client(site.url) as grafana, pytest.raises(ConflictError, match="not as the plan saw it") as raised:
            check_plan(grafana, load_plan(tmp_path / "plan.json"))
        assert raised.value.exit_code == 3
        assert site.stand_in.writes == []


def test_a_saved_plan_is_carried_out_and_then_there_is_nothing_left_of_it(tmp_path: Path) -> None:
    with world("change") as site, client(site.url) as grafana:
        save_plan(planned(site.url, SCENARIOS["change"].wanted, PRUNE), tmp_path / "plan.json")
        plan = load_plan(tmp_path / "plan.json")
        report = carry_out(grafana, *check_plan(grafana, plan), resolve=secret)
        assert report.error is None and site.dashboard("gone") is None
        assert not planned(site.url, SCENARIOS["change"].wanted, PRUNE).pending
        assert not check_plan(grafana, plan)[0].pending


# Many others, and other clocks ----------------------------------------------------------------------------------------


def test_a_thousand_dashboards_of_others_are_neither_read_nor_touched() -> None:
    with world("change") as site:
        for number in range(1000):
            where = ("", "others", "theirs", "sedna")[number % 4]
            tags = ["sedna-dash"] if number % 100 == 3 else []
            site.stand_in.put_dashboard({"uid": f"f{number}", "title": f"F {number}", "tags": tags}, folder=where)
        before = {uid: found for uid, found in site.dashboards().items() if uid.startswith("f")}
        site.stand_in.requests.clear()
        assert run(site.url, SCENARIOS["change"].wanted, PRUNE).error is None
        # Those in our folder with our tag are looked at: a copy of a dashboard of ours has it, too.
        asked = {item.path for item in site.stand_in.requests if "/uid/f" in item.path}
        assert len({path.split("/")[4] for path in asked}) == 10
        assert {uid: found for uid, found in site.dashboards().items() if uid.startswith("f")} == before
        assert not planned(site.url, SCENARIOS["change"].wanted, PRUNE).pending


@pytest.mark.parametrize("off", [timedelta(days=-9000), timedelta(hours=-3), timedelta(hours=3), timedelta(days=9000)])
def test_the_servers_clock_does_not_matter(off: timedelta) -> None:
    with world("change") as site:
        now = datetime.now(timezone.utc) + off
        site.stand_in.clock, site.stand_in.date = now, lambda: now
        pauses: list[float] = []
        choose = first(Fault.BUSY_UNTIL, lambda asked: asked.kind == "dashboard save", 2)
        with FaultProxy(site.url, choose) as proxy:
            settings = GrafanaSettings(proxy.url, Token(TOKEN), timeout=LONG)
            with Grafana(settings, sleep=pauses.append) as grafana:
                plan, live = plan_deploy(grafana, SCENARIOS["change"].wanted, PRUNE)
                assert carry_out(grafana, plan, live, resolve=secret).error is None
        assert pauses and all(0 <= pause <= LONGEST_PAUSE for pause in pauses)
        assert not planned(site.url, SCENARIOS["change"].wanted, PRUNE).pending
