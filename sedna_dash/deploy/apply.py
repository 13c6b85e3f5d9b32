"""Do what the plan says: one request for each change, each of them safe to repeat.

A change that meets a conflict or a refusal is reported and the next one is tried. When Grafana is gone or takes the
credentials no more, the rest is reported as not tried. Whatever was done before stays; the next run finds it and goes
on from there. The record is written when all else is done, and nothing is deleted before it is, because it holds the
copies of what is deleted.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any, Literal

from sedna_dash.deploy.alert_rules import rule_mark, updated_rule
from sedna_dash.deploy.alerts import seen_rule
from sedna_dash.deploy.changes import Action, Change, Kind, Plan, Policy, seen
from sedna_dash.deploy.datasources import Wanted, compare_datasource, updated_datasource
from sedna_dash.deploy.grafana import DeniedError, Grafana, RefusedError, UnreachableError
from sedna_dash.deploy.journal import Journal, NoJournal
from sedna_dash.deploy.judging import Judge, Live
from sedna_dash.deploy.marks import MESSAGE_LIMIT, datasource_fields
from sedna_dash.deploy.reading import Tick, read_dashboard, workers
from sedna_dash.deploy.resources import Folder, LiveDashboard
from sedna_dash.deploy.threeway import Detail
from sedna_dash.errors import OutputError, SednaDashError
from sedna_dash.render.canonical import checksum

Outcome = Action | Literal["failed", "skipped"]

#: What Grafana answers when it already holds something that is in the way: not a fault, but a person's to decide.
_TAKEN = frozenset({"version-mismatch", "name-exists", "name-match", "plugin-dashboard"})
_TAKEN_SAID = ("provisioned", "read-only", "already exists", "cannot be changed to a folder", "cannot be the same as",
               "conflicting alert rule", "provenance")  # fmt: skip

_INTERRUPTED = "not tried, since the run was interrupted; run again"

#: What it takes a right of its own to change.
_ALERTING = frozenset({"alert", "group"})

#: How often a save is tried that is refused because of a change which nobody made.
_TRIES = 8

#: Reads a secret that a change refers to.
Resolve = Callable[[Any], str]


def _no_secrets(reference: Any) -> str:
    raise AssertionError("a plan with secrets needs somebody who reads them")


@dataclass(frozen=True)
class Result:
    """What became of one change."""

    outcome: Outcome
    kind: Kind
    uid: str
    title: str
    reason: str = ""
    details: Sequence[Detail] = ()
    kept: bool = False
    #: Failed because the credentials are not, or no longer, good for it.
    denied: bool = False
    #: Skipped because of another result, which says what to do.
    follows: bool = False


def planned(changes: Iterable[Change]) -> list[Result]:
    """The results to expect, with nothing done."""
    return [
        Result(change.action, change.kind, change.uid, change.title, change.reason, change.details, change.kept)
        for change in changes
    ]


def apply(
    plan: Plan,
    live: Live,
    grafana: Grafana,
    *,
    journal: Journal | None = None,
    resolve: Resolve = _no_secrets,
    tick: Tick = lambda: None,
) -> list[Result]:
    """Carry out the plan. `live` is what it was worked out from."""
    return _Run(plan, live, grafana, journal or NoJournal(), resolve, tick).results()


class _Run:
    def __init__(
        self, plan: Plan, live: Live, grafana: Grafana, journal: Journal, resolve: Resolve, tick: Tick
    ) -> None:
        self.plan, self.live, self.grafana = plan, live, grafana
        self.journal, self.resolve, self.tick = journal, resolve, tick
        #: Why nothing more is tried; empty while all is well.
        self.over = ""
        self._lock = threading.Lock()
        #: Folders and datasources that should have been made and could not be.
        self.lacking: set[str] = set()
        #: Whether a folder that alert rules go to is there.
        self.there: dict[str, bool] = {}
        #: The credentials may not change alert rules.
        self.no_rules = False

    def results(self) -> list[Result]:
        """Everything in its order: what dashboards need first, then the dashboards side by side, then the alert
        rules, then the rest."""
        stages: dict[str, list[int]] = {
            name: [] for name in ("first", "boards", "rules", "groups", "record", "last", "late")
        }
        for index, change in enumerate(self.plan.changes):
            stages[_stage(change)].append(index)
        done: dict[int, Result] = {}
        for index in stages["first"]:
            done[index] = self._alone(self.plan.changes[index])
        done |= self._side_by_side(stages["boards"])
        done |= self._side_by_side(stages["rules"])
        for index in stages["groups"]:
            done[index] = self._alone(self.plan.changes[index])
        for index in stages["record"]:
            change = self.plan.changes[index]
            said = "not written, since not everything could be done; the next run writes it"
            unfinished = change.writes and any(self._undone(known, result) for known, result in done.items())
            done[index] = self._skipped(change, said, follows=True) if unfinished else self._alone(change)
        kept = all(done[index].outcome in ("create", "update", "unchanged") for index in stages["record"])
        if kept:
            done |= self._side_by_side(stages["last"])
        else:
            said = "not deleted, since the record that keeps the copy could not be written"
            done |= {index: self._skipped(self.plan.changes[index], said, follows=True) for index in stages["last"]}
        deleted = {(result.kind, result.uid) for result in done.values() if result.outcome == "delete"}
        still_there = {(change.kind, change.uid) for change in self.plan.deletions} - deleted
        for index in stages["late"]:
            change = self.plan.changes[index]
            said = f"{change.after}, which has the title, was not deleted; see there"
            waits = (change.kind, change.after) in still_there
            done[index] = self._skipped(change, said, follows=True) if waits else self._alone(change)
        return [done[index] for index in range(len(self.plan.changes))]

    def _undone(self, index: int, result: Result) -> bool:
        change = self.plan.changes[index]
        return change.writes and result.outcome not in (change.action, "unchanged")

    def _alone(self, change: Change) -> Result:
        try:
            return self._tried(change)
        except KeyboardInterrupt:
            self._end(_INTERRUPTED)
            return self._failed(change, "interrupted, and nobody knows whether it was done; run again")

    def _side_by_side(self, indexes: Sequence[int]) -> dict[int, Result]:
        done: dict[int, Result] = {}
        with workers(self.grafana) as pool:
            waiting: dict[int, Future[Result]] = {}
            for index in indexes:
                change = self.plan.changes[index]
                if change.writes:
                    waiting[index] = pool.submit(self._tried, change)
                else:
                    done[index] = self._tried(change)
            try:
                for index, result in waiting.items():
                    done[index] = result.result()
            except KeyboardInterrupt:
                self._end(_INTERRUPTED)
                done |= {index: result.result() for index, result in waiting.items()}
        return done

    def _end(self, why: str) -> None:
        with self._lock:
            self.over = self.over or why

    def _skipped(self, change: Change, why: str, *, follows: bool = False) -> Result:
        return Result("skipped", change.kind, change.uid, change.title, why, change.details, follows=follows)

    def _tried(self, change: Change) -> Result:
        if not change.writes:
            return planned([change])[0]
        try:
            if self.over:
                return self._skipped(change, self.over)
            lacking = self._lacks(change)
            if lacking:
                return self._skipped(change, f"its {lacking} could not be made; see there", follows=True)
            if self.no_rules and change.kind in _ALERTING:
                said = "not tried, since the credentials may not change alert rules; see there"
                return self._skipped(change, said, follows=True)
            self.journal.write(
                "trying", action=change.action, kind=change.kind, uid=change.uid, copy=self._copy(change)
            )
            done = self._step(change)
            self._note(done)
            if not done.writes and done.action != "unchanged":
                self._note_lacking(change)
            return planned([done])[0]
        except UnreachableError as error:
            self._end("not tried, since Grafana could not be reached any more; run again")
            return self._failed(change, error.message, denied=isinstance(error, DeniedError))
        except RefusedError as error:
            self.no_rules |= error.status == 403 and change.kind in _ALERTING
            return self._failed(change, error.message, denied=error.status in (401, 403))
        except SednaDashError as error:
            # The journal's disk is full, or a secret cannot be read.
            self._end(f"not tried, after: {error.message}")
            return self._failed(change, error.message)
        finally:
            self.tick()

    def _note(self, done: Change) -> None:
        """What was done was done, whether that can be noted or not; only nothing more is begun."""
        try:
            self.journal.write("done", action=done.action, kind=done.kind, uid=done.uid, reason=done.reason)
        except OutputError as error:
            self._end(f"not tried, after: {error.message}")

    def _failed(self, change: Change, reason: str, *, denied: bool = False) -> Result:
        self._note_lacking(change)
        return Result("failed", change.kind, change.uid, change.title, reason, change.details, denied=denied)

    def _note_lacking(self, change: Change) -> None:
        if change.action == "create" and change.kind in ("folder", "datasource"):
            with self._lock:
                self.lacking.add(change.uid)

    def _lacks(self, change: Change) -> str:
        """The folder or datasource that a change needs in vain; empty if there is none."""
        if change.folder in self.lacking and change.kind != "datasource":
            return f"folder {change.folder}"
        if not self.lacking:
            return ""
        variables = (change.body.get("templating") or {}).get("list") or ()
        chosen = [item["current"].get("value") for item in variables if isinstance(item.get("current"), dict)]
        if change.kind == "alert":
            chosen = [query.get("datasourceUid") for query in change.body.get("data", ())]
        lacking = sorted(uid for uid in self.lacking if uid in chosen)
        return f"datasource {lacking[0]}" if lacking else ""

    def _copy(self, change: Change) -> Any:
        """What is replaced or deleted, for the journal."""
        if change.kind == "alert" and change.uid in self.live.rules:
            return dict(self.live.rules[change.uid].rule)
        if change.kind not in ("dashboard", "record") or change.action == "create":
            return None
        there = self.live.dashboards.get(change.uid)
        return dict(there.model) if there else None

    def _step(self, change: Change) -> Change:
        if change.kind == "folder":
            return self._folder(change)
        if change.kind == "datasource":
            return self._datasource(change)
        if change.kind == "group":
            return self._group(change)
        if change.kind == "alert":
            return self._delete_rule(change) if change.action == "delete" else self._rule(change)
        if change.action == "delete":
            return self._delete(change)
        return self._dashboard(change)

    # Folders ----------------------------------------------------------------------------------------------------------

    def _folder(self, change: Change) -> Change:
        wanted = Folder(change.uid, change.title, change.folder)
        try:
            made = self.grafana.create_folder(wanted) if change.action == "create" else self._changed(change, wanted)
        except RefusedError as error:
            if error.status not in (409, 412) and not _taken(error):
                raise
            there = self.grafana.folder(wanted.uid)
            # Somebody may have made it in the meantime, or an earlier try of ours was done after all.
            if there is not None and (there.title, there.parent) == (wanted.title, wanted.parent):
                return replace(change, action="unchanged")
            if change.action != "create" and there is not None and error.code == "version-mismatch":
                return _conflict(change, f"somebody made '{there.title}' of it at this moment; run again")
            return _conflict(
                change,
                f"Grafana does not take the title ({error.said}): a dashboard or folder has it, or one that "
                "differs only in case and punctuation; rename that one, or give another title with --folder",
            )
        if made.parent != wanted.parent:
            return _conflict(change, f"Grafana put it at the top instead of into the folder {wanted.parent}")
        return change

    def _changed(self, change: Change, wanted: Folder) -> Folder:
        there = self.grafana.folder(wanted.uid)
        if there is None or change.seen is None or there.place != change.seen.checksum:
            raise RefusedError("", status=412, code="version-mismatch", said="somebody changed it")
        if change.action == "move":
            there = self.grafana.move_folder(replace(there, parent=wanted.parent))
        if there.title == wanted.title:
            return there
        return self.grafana.rename_folder(replace(there, title=wanted.title))

    # Datasources ------------------------------------------------------------------------------------------------------

    def _datasource(self, change: Change) -> Change:
        secrets = {name: self.resolve(reference) for name, reference in change.secrets.items()}
        self.grafana.hide(secrets.values())
        own = {**change.body, **({"secureJsonData": secrets} if secrets else {})}
        try:
            if change.action == "create":
                self.grafana.create_datasource(own)
                return change
            # The list of datasources lacks some settings, and an update resets what it leaves out.
            now = self.grafana.datasource(change.uid)
            if now is None:
                return _conflict(change, "deleted by somebody at this moment; run again")
            if change.seen and checksum(datasource_fields(now)) != change.seen.checksum:
                return self._meanwhile(change, "somebody changed it")
            self.grafana.update_datasource(updated_datasource(now, own), now.get("version"))
        except RefusedError as error:
            if error.status not in (409, 412) and not _taken(error):
                raise
            return self._meanwhile(change, error.said)
        return change

    def _meanwhile(self, change: Change, said: str) -> Change:
        """Look again at a datasource that was changed or made while we were at it."""
        there = self.grafana.datasource(change.uid)
        others = [item for item in self.grafana.datasources() if item.get("uid") != change.uid]
        again = compare_datasource(Wanted(change.body), [*others, *([there] if there else [])])
        if again.action == "unchanged":
            return replace(again, reason=change.reason)
        if again.action == "conflict":
            return again
        return _conflict(change, f"changed by somebody else at this moment ({said}); run again")

    # Dashboards -------------------------------------------------------------------------------------------------------

    def _dashboard(self, change: Change) -> Change:
        message = self.plan.message(change)
        for attempt in range(_TRIES):
            try:
                saved = self.grafana.save_dashboard(
                    change.body,
                    folder_uid=change.folder,
                    message=message[:MESSAGE_LIMIT],
                    version=change.seen.version if change.seen else None,
                )
                break
            except RefusedError as error:
                if not _taken(error):
                    raise
                there = read_dashboard(self.grafana, change.uid)
                if not _spurious(error, change, there) or attempt == _TRIES - 1:
                    return self._in_the_way(change, error, message, there)
                self.grafana.pause(attempt)
        if saved.uid != change.uid:
            return _conflict(
                change, f"Grafana saved it over another dashboard (uid {saved.uid}); restore that one there"
            )
        return change

    def _in_the_way(self, change: Change, refusal: RefusedError, message: str, there: LiveDashboard | None) -> Change:
        """Say what is there. It is not tried again: somebody is at work on it, or it is done."""
        if there is not None and there.ours is not None and there.history[0].message == message:
            # An earlier try was done after all, or another run with the same dashboards was quicker.
            return change
        home = Folder(change.folder, change.folder)
        live = replace(self.live, dashboards={change.uid: there} if there else {}, hits=self.grafana.search())
        again = Judge(home, live, Policy(), self.plan.bundle).dashboard(change.body)
        if again.action in ("unchanged", "conflict", "drifted"):
            return replace(again, kind=change.kind)
        if there is not None and change.seen != seen(there):
            return _conflict(change, f"changed by somebody else at this moment: {there.history[0]}; run again")
        return _conflict(change, f"Grafana does not take it ({refusal.said}); give it another title, or run again")

    def _delete(self, change: Change) -> Change:
        there = read_dashboard(self.grafana, change.uid)
        mark = there.ours.mark if there and there.ours else None
        if there is not None and (mark is None or mark.bundle != self.plan.bundle):
            # No plan of ours says so; but a plan may come from a file.
            return _conflict(change, "not made by sedna-dash; it was not deleted")
        for attempt in range(_TRIES):
            found = self.grafana.dashboard(change.uid)
            if found is None:
                return change
            # Grafana deletes whatever is there; so look as late as can be.
            if seen(LiveDashboard(*found)) != change.seen:
                return _conflict(change, "somebody changed it at this moment; it was not deleted")
            if self.grafana.delete_dashboard(change.uid):
                return change
            self.grafana.pause(attempt)
        raise self._worn_out(f"delete the dashboard {change.uid}")

    # Alert rules ------------------------------------------------------------------------------------------------------

    def _rule(self, change: Change) -> Change:
        if not self._has_folder(change.folder):
            # Grafana 9 would take it, and show and evaluate it nowhere.
            return _conflict(change, "its folder was deleted by somebody at this moment; run again")
        wanted, creates = seen_rule(change.body), change.action == "create"
        # Whether the first try of a create is too late, Grafana itself says.
        for attempt in range(_TRIES):
            there = None if creates and not attempt else self.grafana.rule(change.uid)
            if there is not None and seen_rule(there) == wanted:
                return change
            if (seen_rule(there) if there else None) != change.seen:
                return _conflict(change, "somebody changed, made or deleted it at this moment; run again")
            try:
                if creates or there is None:
                    done = self.grafana.create_rule(change.body)
                else:
                    done = self.grafana.update_rule(updated_rule(there, change.body))
            except RefusedError as error:
                if not _taken(error):
                    raise
                there = self.grafana.rule(change.uid)
                if there is not None and seen_rule(there) == wanted:
                    return change
                return _conflict(
                    change, f"Grafana does not take it ({error.said}); run again to see what is in the way"
                )
            if done:
                return change
            self.grafana.pause(attempt)
        raise self._worn_out(f"save the alert rule {change.uid}")

    def _has_folder(self, uid: str) -> bool:
        if uid not in self.there:
            self.there[uid] = self.grafana.folder(uid) is not None
        return self.there[uid]

    def _delete_rule(self, change: Change) -> Change:
        for attempt in range(_TRIES):
            there = self.grafana.rule(change.uid)
            if there is None:
                return change
            mark = rule_mark(there)
            known = self.live.record is not None and change.uid in self.live.record.alerts
            if not known and (mark is None or mark.bundle != self.plan.bundle):
                # No plan of ours says so; but a plan may come from a file.
                return _conflict(change, "not made by sedna-dash; it was not deleted")
            # Grafana deletes whatever is there; so look as late as can be.
            if seen_rule(there) != change.seen:
                return _conflict(change, "somebody changed it at this moment; it was not deleted")
            if self.grafana.delete_rule(change.uid):
                return change
            self.grafana.pause(attempt)
        raise self._worn_out(f"delete the alert rule {change.uid}")

    def _group(self, change: Change) -> Change:
        """Set how often a group is evaluated, as Grafana's pages do: the whole group as it is at this moment, with
        whatever rules of others are in it, is sent back with another interval.

        The provisioning API can set it alone; but on 9.3 that makes all rules of the group its own, which nobody can
        edit in Grafana's pages any more, nor give back.
        """
        wanted: int = change.body["interval"]
        folder = self.grafana.folder(change.folder)
        if folder is None:
            return _conflict(change, "its folder was deleted by somebody at this moment; run again")
        namespace = folder.uid if self.live.server.rules_by_uid else folder.title
        for attempt in range(_TRIES):
            group = self.grafana.rule_group(namespace, change.uid)
            rules = group.get("rules") or ()
            there = {rule["grafana_alert"]["intervalSeconds"] for rule in rules}
            if there <= {wanted}:
                return change
            if there - {wanted} - set(change.body["was"]):
                return _conflict(change, "somebody gave it another interval at this moment; run again")
            try:
                if self.grafana.save_rule_group(namespace, {**group, "interval": f"{wanted}s"}):
                    return change
            except RefusedError as error:
                # 409: a rule of it was changed at this moment; 404: one was deleted.
                if error.status not in (404, 409):
                    raise
            self.grafana.pause(attempt)
        raise self._worn_out(f"save the alert group '{change.uid}'")

    def _worn_out(self, what: str) -> RefusedError:
        return RefusedError(f"{self.grafana.url} did not {what} in {_TRIES} tries; run again", status=503)


def _stage(change: Change) -> str:
    if change.kind in ("folder", "datasource"):
        return "first"
    if change.kind == "record":
        return "record"
    if change.kind == "group":
        return "groups"
    if change.after:
        return "late"
    if change.action == "delete":
        return "last"
    return "rules" if change.kind == "alert" else "boards"


def _spurious(error: RefusedError, change: Change, there: LiveDashboard | None) -> bool:
    """Whether Grafana speaks of a change that nobody made.

    With SQLite, Grafana 9 repeats a transaction that met a lock, and takes the version that its first try counted up
    for somebody else's: seen on 9.3.2 with several saves at once.
    """
    if error.code != "version-mismatch":
        return False
    return (seen(there) if there else None) == change.seen


def _taken(error: RefusedError) -> bool:
    said = any(words in error.said.lower() for words in _TAKEN_SAID)
    return said or error.code in _TAKEN or error.status in (409, 412)


def _conflict(change: Change, reason: str) -> Change:
    return replace(change, action="conflict", reason=reason)
