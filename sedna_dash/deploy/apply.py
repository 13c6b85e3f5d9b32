"""Do what the plan says: one request for each change, in order, each of them safe to repeat.

A change that meets a conflict or a refusal is reported and the next one is tried. When Grafana is gone, the rest is
reported as not done. Whatever was done before stays; the next run finds it and goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sedna_dash.deploy.grafana import Grafana, RefusedError, UnreachableError
from sedna_dash.deploy.marks import MESSAGE_LIMIT, message_for
from sedna_dash.deploy.plan import (
    Change,
    Folder,
    Kind,
    Live,
    chosen_folder,
    compare_dashboard,
    compare_datasource,
)
from sedna_dash.deploy.reading import read_dashboard

Outcome = Literal["create", "update", "unchanged", "conflict", "failed"]

#: What Grafana answers when it already holds something that is in the way: not a fault, but a person's to decide.
_TAKEN = frozenset({"version-mismatch", "name-exists", "name-match", "plugin-dashboard"})
_TAKEN_SAID = ("provisioned", "read-only", "already exists", "cannot be changed to a folder", "cannot be the same as")


@dataclass(frozen=True)
class Result:
    """What became of one change."""

    outcome: Outcome
    kind: Kind
    uid: str
    title: str
    reason: str = ""


def planned(changes: Sequence[Change]) -> list[Result]:
    """The results to expect, with nothing done."""
    return [Result(change.action, change.kind, change.uid, change.title, change.reason) for change in changes]


def apply(changes: Sequence[Change], live: Live, grafana: Grafana) -> list[Result]:
    """Carry out the changes. `live` is what they were worked out from."""
    return list(_Run(live, grafana).results(changes))


class _Run:
    def __init__(self, live: Live, grafana: Grafana) -> None:
        self.live, self.grafana = live, grafana
        self.folder: Folder | None = None
        #: Datasources that should have been made and could not be.
        self.lacking: set[str] = set()
        self.steps: dict[Kind, Callable[[Change], Change]] = {
            "folder": self._folder,
            "datasource": self._datasource,
            "dashboard": self._dashboard,
        }

    def results(self, changes: Sequence[Change]) -> Iterator[Result]:
        gone = False
        for change in changes:
            if gone and change.action in ("create", "update"):
                yield _failed(change, "not tried, since Grafana could not be reached any more; run again")
                continue
            lacking = self._lacking(change)
            if lacking:
                yield _failed(change, f"its datasource {lacking} could not be made; see there")
                continue
            try:
                yield from planned([self.steps[change.kind](change)])
            except RefusedError as error:
                if change.kind == "datasource" and change.action == "create":
                    self.lacking.add(change.uid)
                yield _failed(change, error.message)
            except UnreachableError as error:
                gone = True
                yield _failed(change, error.message)

    def _lacking(self, change: Change) -> str:
        """The datasource that a dashboard would point to in vain; empty if there is none."""
        if change.kind != "dashboard" or change.action not in ("create", "update") or not self.lacking:
            return ""
        variables = (change.body.get("templating") or {}).get("list") or ()
        chosen = {
            (variable.get("current") or {}).get("value") for variable in variables if variable["type"] == "datasource"
        }
        return next(iter(sorted(self.lacking & chosen)), "")

    def _folder(self, change: Change) -> Change:
        self.folder = wanted = Folder(change.uid, change.title)
        if change.action != "create":
            return change
        try:
            made = self.grafana.create_folder(wanted)
        except RefusedError as error:
            self.folder = None
            if error.status not in (409, 412) and not _taken(error):
                raise
            # Somebody may have made it in the meantime.
            self.folder = chosen_folder(wanted, self.grafana.folders()) or self.grafana.folder(wanted.uid)
            if self.folder is None:
                return _conflict(
                    change,
                    f"Grafana does not take the title ({error.said}): a dashboard or folder has it, or one that "
                    "differs only in case and punctuation; rename that one, or give another title with --folder",
                )
            return replace(change, action="unchanged", uid=self.folder.uid, title=self.folder.title)
        if made.uid != wanted.uid:
            self.folder = made
        return replace(change, uid=made.uid)

    def _datasource(self, change: Change) -> Change:
        if change.action not in ("create", "update"):
            return change
        try:
            if change.action == "create":
                self.grafana.create_datasource(change.body)
                return change
            # The list of datasources lacks some settings, and an update resets what it leaves out.
            now = self.grafana.datasource(change.uid)
            change = compare_datasource(change.body, [now] if now else [])
            if change.action == "create":
                self.grafana.create_datasource(change.body)
            elif change.action == "update":
                self.grafana.update_datasource(change.body, change.version)
        except RefusedError as error:
            if error.status not in (409, 412) and not _taken(error):
                raise
            again = compare_datasource(change.body, self.grafana.datasources())
            if again.action in ("unchanged", "conflict"):
                return again
            return _conflict(change, f"changed by somebody else at this moment ({error.said}); run again")
        return change

    def _dashboard(self, change: Change) -> Change:
        if change.action not in ("create", "update"):
            return change
        if self.folder is None:
            return _conflict(change, "its folder could not be made; see there")
        try:
            saved = self.grafana.save_dashboard(
                change.body,
                folder_uid=self.folder.uid,
                message=message_for(change.body)[:MESSAGE_LIMIT],
                version=change.version,
            )
        except RefusedError as error:
            if not _taken(error):
                raise
            return self._in_the_way(change, error)
        if saved.uid != change.uid:
            return _conflict(
                change, f"Grafana saved it over another dashboard (uid {saved.uid}); restore that one there"
            )
        return change

    def _in_the_way(self, change: Change, refusal: RefusedError) -> Change:
        """Look again, and say what is there. It is not tried again: somebody is at work on it."""
        assert self.folder is not None
        again = compare_dashboard(
            change.body,
            read_dashboard(self.grafana, change.uid),
            folder=self.folder,
            titles=self.grafana.titles_in(self.folder.uid),
            rewrites=self.live.rewrites,
        )
        if again.action in ("unchanged", "conflict"):
            return again
        return _conflict(change, f"Grafana does not take it ({refusal.said}); give it another title, or run again")


def _taken(error: RefusedError) -> bool:
    return error.code in _TAKEN or any(words in error.said.lower() for words in _TAKEN_SAID)


def _failed(change: Change, reason: str) -> Result:
    return Result("failed", change.kind, change.uid, change.title, reason)


def _conflict(change: Change, reason: str) -> Change:
    return replace(change, action="conflict", reason=reason)
