"""What to do about one dashboard. Pure.

A dashboard that equals what we want is left as it is. One that differs is changed only when it is still what we made of
it. When somebody changed it since, the three-way view (see `threeway`) says who changed what, and the policy decides:
``fail`` and ``keep`` leave it, ``overwrite`` takes our side, ``merge`` takes both where they do not meet. When what we
made of it cannot be told any more, it is a conflict, and only ``adopt`` takes it over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from sedna_dash.deploy.changes import Action, Change, Maker, Policy, seen
from sedna_dash.deploy.marks import Mark, canonical, describes, equal
from sedna_dash.deploy.noise import comparable, revived, same_tags
from sedna_dash.deploy.record import Record, record_model
from sedna_dash.deploy.resources import Folder, Hit, LiveDashboard, LiveRule, Model, Version
from sedna_dash.deploy.threeway import Comparison, Detail, compared, detail, from_common_ground
from sedna_dash.render.canonical import checksum
from sedna_dash.render.difference import differences, place
from sedna_dash.render.outline import filled, model_of, outline


@dataclass(frozen=True)
class Server:
    """What this Grafana does differently from others."""

    version: str = ""
    #: It may bring dashboards into a newer form than they were sent in.
    rewrites: bool = False
    #: It has folders in folders.
    nests: bool = False
    #: A folder holds no two dashboards of one title.
    unique_titles: bool = True
    #: Groups of alert rules are found by the uid of their folder, rather than by its title.
    rules_by_uid: bool = False


@dataclass(frozen=True)
class Live:
    """What Grafana holds, as far as it concerns us."""

    url: str = ""
    org_id: int | None = None
    server: Server = field(default_factory=Server)
    folders: Sequence[Folder] = ()
    datasources: Sequence[Model] = ()
    #: Those that have a uid of ours, the record among them, and those near our folder that have our tag.
    dashboards: Mapping[str, LiveDashboard] = field(default_factory=dict)
    #: Every dashboard there is.
    hits: Sequence[Hit] = ()
    record: Record | None = None
    #: Every alert rule there is, by uid; empty when no rules are deployed, and nobody asked for them.
    rules: Mapping[str, LiveRule] = field(default_factory=dict)
    #: Grafana showed its alert rules, or was not asked for them.
    rules_shown: bool = True


@dataclass(frozen=True)
class Judge:
    """Decides about one dashboard after the other, for one folder, one Grafana and one policy."""

    home: Folder
    live: Live
    policy: Policy
    bundle: str
    #: The deployment that is returned to, if it is not the modules that are deployed.
    returning: str = ""
    #: The uids of all that is wanted.
    wanted: frozenset[str] = frozenset()

    def dashboard(self, wanted: Model) -> Change:
        """What to do about one dashboard that we want."""
        uid, title = str(wanted["uid"]), str(wanted["title"])
        live = self.live.dashboards.get(uid)
        change = Maker("dashboard", uid, title, self.home.uid)
        clash = self._clash(uid, title)
        if live is None:
            return self._created(change, wanted, clash)
        obstacle = _obstacle(live)
        if obstacle:
            return change("conflict", obstacle)
        if live.as_wanted or (live.folder == self.home.uid and equal(live.model, wanted)):
            return change("unchanged")
        ours = live.ours
        if ours is None or ours.mark is None or live.bundle != self.bundle:
            return self._adopted(change, wanted, live, clash)
        clean = as_we_left_it(live, rewrites=self.live.server.rewrites)
        changed = ours.mark.wanted != checksum(canonical(wanted))
        if clean and not changed and live.folder == self.home.uid:
            return change("unchanged")
        if clash and not same_title(str(live.model.get("title")), title):
            return change("conflict", clash)
        if clean:
            return self._updated(change, wanted, live)
        if not live.models:
            return self._adopted(change, wanted, live, clash)
        return self._drifted(change, wanted, live, ours, changed or self._base_folder(ours.mark) != self.home.uid)

    @cached_property
    def _titles(self) -> Mapping[str, Sequence[Hit]]:
        """The dashboards of our folder by the title that Grafana tells them apart by."""
        found: dict[str, list[Hit]] = {}
        for hit in self.live.hits:
            if hit.folder == self.home.uid:
                found.setdefault(_address(hit.title), []).append(hit)
        return found

    def _clash(self, uid: str, title: str) -> str:
        """Which other dashboard has the title, where that matters; Grafana 9 would even replace it when told to."""
        if not self.live.server.unique_titles:
            return ""
        other = next((hit for hit in self._titles.get(_address(title), ()) if hit.uid != uid), None)
        if other is None:
            return ""
        return (
            f"folder '{self.home.title}' has another dashboard called '{other.title}' (uid {other.uid}); "
            "rename or delete that one in Grafana"
        )

    def _created(self, change: Maker, wanted: Model, clash: str) -> Change:
        if not clash:
            return change("create", body=wanted)
        other = next(hit for hit in self._titles[_address(change.title)] if hit.uid != change.uid)
        live = self.live.dashboards.get(other.uid)
        if live is None or live.bundle != self.bundle or other.uid in self.wanted:
            return change("conflict", clash)
        # It is our own, and got another uid.
        orphan = self._orphan(other, live, in_our_folder=True)
        if orphan.action == "delete":
            return change("create", f"takes the place of {other.uid}", body=wanted, after=other.uid)
        return change("conflict", f"{clash}, or: {other.uid} is {orphan.reason}")

    def _updated(self, change: Maker, wanted: Model, live: LiveDashboard, reason: str = "") -> Change:
        action: Action = "update" if live.folder == self.home.uid else "move"
        if action == "move":
            reason = reason or f"from the folder '{live.meta.get('folderTitle') or 'General'}'"
        before = _with_folder(live.model, live.folder)
        after = self._filled(_with_folder(wanted, self.home.uid), before)
        details = [detail(item, "here", (after, before)) for item in differences(before, after)]
        return change(action, reason, body=wanted, seen=seen(live), details=_telling(details))

    def _filled(self, wanted: dict[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
        """What we want, with what the server added of itself, where servers do so."""
        return filled(wanted, known) if self.live.server.rewrites else wanted

    def _adopted(self, change: Maker, wanted: Model, live: LiveDashboard, clash: str) -> Change:
        """A dashboard whose common past with us is unknown."""
        if not self.policy.adopt:
            return change(
                "conflict", _unexplained(live, self.bundle), details=self._updated(change, wanted, live).details
            )
        if clash and not same_title(str(live.model.get("title")), str(wanted["title"])):
            return change("conflict", clash)
        return self._updated(change, wanted, live, f"takes over what was there: {live.newest}")

    def _drifted(self, change: Maker, wanted: Model, live: LiveDashboard, ours: Version, changed: bool) -> Change:
        """A dashboard that somebody saved after us."""
        assert ours.mark is not None
        (_, base_model), *saved = live.models
        base: Mapping[str, Any] = _with_folder(base_model, self._base_folder(ours.mark))
        # Who made an edit that we merged is no longer known: we saved it.
        outlines: Sequence[tuple[Version, Mapping[str, Any]]] = [
            (version if version is not ours else Version(0), _with_folder(model, live.folder))
            for version, model in saved
        ]
        there = _with_folder(live.model, live.folder)
        here = self._filled(_with_folder(wanted, self.home.uid), base) if changed else base
        (_, base), *outlines = from_common_ground([(ours, base), *outlines], here)
        view = compared(base, here, there, outlines)
        details = _telling(view.details)
        if not view.details and not changed:
            return change("unchanged", f"last saved by somebody else, who changed nothing that counts: {live.newest}")
        if not view.theirs:
            # Whatever was changed there is in the modules by now. It is saved once more even so: a rollback finds only
            # what has our mark.
            reason = "" if details else "what somebody changed is in the modules now; saved as ours"
            return replace(self._updated(change, wanted, live, reason), details=tuple(details))
        what = f"changed since our version {ours.number}: {live.newest}"
        if live.history[0] is ours:
            what = f"holds an edit that was merged in our version {ours.number} and that the modules do not have"
        if self.policy.on_drift == "overwrite":
            return replace(self._updated(change, wanted, live), reason=f"overwrites: {what}", details=tuple(details))
        # What the modules took out cannot be told there from what the server added of itself.
        unseen = changed and not view.ours and self.live.server.rewrites
        if not view.ours and not unseen:
            return change("drifted", what, details=details, kept=self.policy.on_drift in ("keep", "merge"))
        if unseen:
            what = f"{what}; and the modules took something out, which cannot be merged on this Grafana"
        elif self.policy.on_drift == "merge":
            return self._merged(change, wanted, live, view, what)
        return change("conflict", what, details=details, kept=self.policy.on_drift == "keep")

    def _base_folder(self, mark: Mark) -> str:
        """The folder that we last wanted it in: a merged one may have been saved where somebody moved it to."""
        if not mark.merged:
            return mark.folder
        return self.live.record.folder.uid if self.live.record else self.home.uid

    def _merged(self, change: Maker, wanted: Model, live: LiveDashboard, view: Comparison, what: str) -> Change:
        if view.merged.clashes:
            places = (place(path, outline(live.model)) for path in view.merged.clashes[:3])
            fields = ", ".join(f"{item.where}: {item.field}" if item.field else item.where for item in places)
            return change("conflict", f"{what}; both sides changed {fields}", details=_telling(view.details))
        model = model_of(view.merged.value)
        folder = str(model.pop(_FOLDER))
        body = revived(model, wanted)
        if same_tags(body, live.model):
            body["tags"] = live.model["tags"]
        return change(
            "update" if folder == live.folder else "move",
            f"merged: {what}",
            body=body,
            folder=folder,
            seen=seen(live),
            merged=checksum(canonical(wanted)),
            details=_telling(view.details),
        )

    def left_over(self) -> list[Change]:
        """What to do about dashboards that are in our folders, or that we deployed before, and that we do not want."""
        ours = {self.home.uid, *([self.live.record.folder.uid] if self.live.record else ())}
        changes = []
        for hit in self.live.hits:
            if hit.uid in self.wanted:
                continue
            live = self.live.dashboards.get(hit.uid)
            if live is not None and live.bundle == self.bundle:
                changes.append(self._orphan(hit, live, hit.folder in ours))
            elif hit.folder in ours:
                change = Maker("dashboard", hit.uid, hit.title, hit.folder)
                whose = f"of the set '{live.bundle}'" if live and live.bundle else "not made by sedna-dash"
                changes.append(change("foreign", f"{whose}; left alone"))
        return changes

    def _orphan(self, hit: Hit, live: LiveDashboard, in_our_folder: bool) -> Change:
        change = Maker("dashboard", hit.uid, hit.title, hit.folder)
        if not in_our_folder:
            return change("orphaned", f"{self._no_longer}, but moved out of our folder; delete it in Grafana")
        if not as_we_left_it(live, rewrites=self.live.server.rewrites) or _obstacle(live):
            reason = f"{self._no_longer}, but {live.newest} is not ours; delete it in Grafana"
            # Who asks for a deletion wants to know that it did not come.
            return change("conflict" if self.policy.prune else "orphaned", reason, kept=self.policy.on_drift == "keep")
        if not self.policy.prune:
            how = f"sedna-dash rollback --to {self.returning} --prune" if self.returning else "--prune"
            return change("orphaned", f"{self._no_longer}; {how} deletes it")
        return change("delete", self._no_longer, body=live.model, seen=seen(live))

    @property
    def _no_longer(self) -> str:
        return f"not in deployment {self.returning}" if self.returning else "no longer in the modules"

    def record(self, record: Record) -> Change:
        """What to do about our record."""
        wanted = record_model(record)
        uid, title = str(wanted["uid"]), str(wanted["title"])
        change = Maker("record", uid, title, self.home.uid)
        live = self.live.dashboards.get(uid)
        said = f"deployment {record.deployment}"
        if live is None:
            return change("create", said, body=wanted)
        known = self.live.record
        same = known is not None and _state(known) == _state(record)
        copies = known is not None and record.trash.items() <= known.trash.items()
        if same and copies and live.folder == self.home.uid:
            return change("unchanged", said)
        obstacle = _obstacle(live)
        if obstacle or live.ours is None:
            return change("conflict", obstacle or _unexplained(live, self.bundle))
        if not as_we_left_it(live, rewrites=self.live.server.rewrites) and self.policy.on_drift != "overwrite":
            reason = f"somebody changed this record of ours: {live.newest}; --on-drift overwrite writes it anew"
            return change("conflict", reason, kept=self.policy.on_drift == "keep")
        return change("update", said, body=wanted, seen=seen(live))


def as_we_left_it(live: LiveDashboard, *, rewrites: bool) -> bool:
    """Whether nobody but us had a hand in it. ``rewrites``: the server may change the form of what it holds."""
    newest = live.history[0] if live.history else None
    mark = newest.mark if newest else None
    return (
        newest is not None
        and mark is not None
        and mark.merged is None
        and newest.number == live.version
        and mark.folder == live.folder
        and describes(mark, live.model, rewrites=rewrites)
    )


_FOLDER = "folder"
#: Panels that moved, before they are told together.
_MOST_MOVED = 2


def _with_folder(model: Model, folder: str) -> dict[str, Any]:
    """The outline of a dashboard, with its folder as one more field."""
    return {**outline(comparable(model)), _FOLDER: folder}


def _telling(details: Sequence[Detail]) -> list[Detail]:
    """Without what tells a person nothing: the schema, each of many panels that only moved."""
    few = [item for item in details if item.path != "schemaVersion" or len(details) == 1]
    moved = [item for item in few if item.field == "place"]
    if len(moved) <= _MOST_MOVED:
        return few or list(details)
    first = moved[0]
    layout = replace(first, where="dashboard", field=f"place of {len(moved)} panels", before=None, after=None)
    return [*(item for item in few if item.field != "place"), layout]


def _state(record: Record) -> dict[str, Any]:
    """All of a record but the copies of what its deployment deleted."""
    return replace(record, trash={}, earlier={}, returned=False).data()


def same_title(one: str, other: str) -> bool:
    """Whether Grafana 9 takes both for the same title: it compares them without case and punctuation."""
    return _address(one) == _address(other)


def _address(title: str) -> str:
    return re.sub(r"[\W_]+", "-", title.casefold()).strip("-") or title


def _obstacle(live: LiveDashboard) -> str:
    """Why this dashboard is not ours to touch, whatever is in it; empty when nothing speaks against it."""
    meta = live.meta
    if meta.get("isFolder"):
        return "this uid belongs to a folder there; delete or rename the folder, or give the dashboard another uid"
    if meta.get("provisioned"):
        source = f" ({meta['provisionedExternalId']})" if meta.get("provisionedExternalId") else ""
        return (
            f"provisioned from a file{source}, which only the file can change; "
            "change the file, or take it out of Grafana's provisioning folder and deploy again"
        )
    if live.is_dynamic:
        return "somebody saved it in the new dashboard format; delete it there to have it written anew"
    return ""


def _unexplained(live: LiveDashboard, bundle: str) -> str:
    ours = live.ours
    if ours is None:
        return (
            f"exists and was not made by sedna-dash: {live.newest}; --adopt takes it over, "
            "or give the dashboard module another uid"
        )
    if live.bundle != bundle:
        return (
            f"belongs to the set '{live.bundle}' of dashboards; give the dashboard module another uid, "
            "or take it over with --adopt"
        )
    return (
        f"changed, and Grafana no longer has our version {ours.number} to compare with: {live.newest}; "
        "--adopt takes it over as the modules have it"
    )
