"""What to do about the alert rules that Grafana evaluates, and about their groups. Pure.

Rules are judged like datasources, by their mark and our record, see `by_mark`. What a group has of its own is how often
it is evaluated; it is judged by the record alone. Rules of others in our folder or in our groups are left alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sedna_dash.deploy.alert_rules import (
    USUAL_INTERVAL,
    Alerts,
    marked_rule,
    of_rule,
    rule_fields,
    rule_mark,
    rule_of,
    rule_outline,
)
from sedna_dash.deploy.by_mark import judged_by_mark
from sedna_dash.deploy.changes import Change, Maker, Policy, Seen
from sedna_dash.deploy.judging import Live
from sedna_dash.deploy.resources import Folder, LiveRule, Model
from sedna_dash.deploy.threeway import Detail
from sedna_dash.render.canonical import checksum


def seen_rule(rule: Model) -> Seen:
    """What a plan saw of a rule. Its version tells nothing: Grafana counts it up when a rule beside it is saved."""
    return Seen(0, checksum(rule_fields(rule)))


@dataclass(frozen=True)
class AlertJudge:
    """Decides about alert rules, for one folder, one Grafana and one policy."""

    home: Folder
    live: Live
    policy: Policy
    bundle: str
    alerts: Alerts
    #: The deployment that is returned to, if it is not the product's rules that are deployed.
    returning: str = ""

    def fields(self, rule: Model) -> dict[str, Any]:
        """What we want of a rule, in our folder."""
        return rule_fields({**rule, "folderUID": self.home.uid})

    def rules(self) -> list[Change]:
        """What to do about each rule that we want."""
        return [self._rule(self.fields(rule)) for rule in self.alerts.rules]

    def _rule(self, wanted: Model) -> Change:
        uid, title = str(wanted["uid"]), str(wanted["title"])
        change = Maker("alert", uid, title, self.home.uid)
        live, clash = self.live.rules.get(uid), self._namesake(uid, title)
        if live is None:
            return self._created(change, wanted, clash)
        there = rule_fields(live.rule)
        if checksum(there) == checksum(wanted):
            return change("unchanged")
        if live.provenance:
            return change("conflict", _locked(live))
        if clash is not None and live.title != title:
            return change("conflict", self._clash(clash))
        mark, base = rule_mark(live.rule), self._known.get(uid)
        verdict = judged_by_mark(
            None if base is None else rule_outline(base),
            rule_outline(wanted),
            rule_outline(there),
            self.policy,
            marked=mark is not None and mark.bundle == self.bundle,
            as_we_left_it=self._as_we_left_it(live),
        )
        details = list(map(of_rule, verdict.details))
        if verdict.action != "update":
            whose = verdict.reason
            if mark is not None and mark.bundle != self.bundle:
                whose = f"belongs to the set '{mark.bundle}'"
            ours = mark is not None and mark.bundle == self.bundle
            cure = "decide with --on-drift" if ours else "take it over with --adopt, or give the rule another uid"
            return change(verdict.action, f"{whose}; {cure}", details=details, kept=verdict.kept)
        own = rule_of(verdict.merged) if verdict.merged is not None else wanted
        moved = own["folderUID"] != live.folder
        return change(
            "move" if moved else "update",
            verdict.reason or (f"from the folder {live.folder}" if moved else ""),
            details=details,
            # The mark of a merged one speaks of our side, so that it still counts as changed by somebody.
            body=marked_rule(own, self.bundle, of=wanted),
            folder=str(own["folderUID"]),
            seen=seen_rule(live.rule),
        )

    @property
    def _known(self) -> Mapping[str, Model]:
        """What we last deployed, by uid."""
        return self.live.record.alerts if self.live.record else {}

    @cached_property
    def _wanted(self) -> frozenset[str]:
        return frozenset(str(rule["uid"]) for rule in self.alerts.rules)

    def _namesake(self, uid: str, title: str) -> LiveRule | None:
        """Another rule of our folder that has the title, of which Grafana has each once in a folder."""
        same = (rule for rule in self.live.rules.values() if (rule.folder, rule.title) == (self.home.uid, title))
        return next((rule for rule in same if rule.uid != uid), None)

    def _clash(self, other: LiveRule) -> str:
        return (
            f"folder '{self.home.title}' has another alert rule called '{other.title}' (uid {other.uid}); "
            "rename or delete that one in Grafana"
        )

    def _created(self, change: Maker, wanted: Model, clash: LiveRule | None) -> Change:
        body = marked_rule(wanted, self.bundle)
        if clash is None:
            unseen = "" if self.live.rules_shown else "Grafana does not show its alert rules to these credentials"
            return change("create", unseen, body=body)
        if clash.uid not in self._wanted and self._is_ours(clash):
            # It is our own, and got another uid.
            orphan = self._orphan(clash)
            if orphan.action == "delete":
                return change("create", f"takes the place of {clash.uid}", body=body, after=clash.uid)
            return change("conflict", f"{self._clash(clash)}, or: {clash.uid} is {orphan.reason}")
        return change("conflict", self._clash(clash))

    def _as_we_left_it(self, live: LiveRule) -> bool:
        """Whether it is what we made of it, as its mark says, or as our record does where the mark is gone."""
        mark, there, base = rule_mark(live.rule), checksum(rule_fields(live.rule)), self._known.get(live.uid)
        if mark is not None and (mark.bundle != self.bundle or mark.checksum == there):
            return mark.bundle == self.bundle
        return base is not None and checksum(base) == there

    # What is left over ------------------------------------------------------------------------------------------------

    def left_over(self) -> list[Change]:
        """What to do about rules that are in our folders, or that we deployed before, and that we do not want."""
        ours = {self.home.uid, *([self.live.record.folder.uid] if self.live.record else ())}
        changes = []
        for live in sorted(self.live.rules.values(), key=lambda rule: (rule.title, rule.uid)):
            if live.uid in self._wanted:
                continue
            if self._is_ours(live):
                changes.append(self._orphan(live))
            elif live.folder in ours:
                mark = rule_mark(live.rule)
                whose = "not made by sedna-dash" if mark is None else f"of the set '{mark.bundle}'"
                whose = "somebody's copy of a rule of ours" if mark and mark.bundle == self.bundle else whose
                changes.append(Maker("alert", live.uid, live.title, live.folder)("foreign", f"{whose}; left alone"))
        return changes

    def _is_ours(self, live: LiveRule) -> bool:
        """Whether we made it, whatever became of it: a copy has our mark as well, but neither its checksum nor an entry
        in our record."""
        mark = rule_mark(live.rule)
        recorded = live.uid in self._known and (mark is None or mark.bundle == self.bundle)
        return recorded or self._as_we_left_it(live)

    def _orphan(self, live: LiveRule) -> Change:
        change = Maker("alert", live.uid, live.title, live.folder)
        gone = f"not in deployment {self.returning}" if self.returning else "no longer among the alert rules"
        if live.folder not in (self.home.uid, self.live.record.folder.uid if self.live.record else self.home.uid):
            return change("orphaned", f"{gone}, but moved out of our folder; delete it in Grafana")
        if not self._as_we_left_it(live) or live.provenance:
            reason = f"{gone}, but somebody changed it; delete it in Grafana"
            return change("conflict" if self.policy.prune else "orphaned", reason, kept=self.policy.on_drift == "keep")
        if not self.policy.prune:
            how = f"sedna-dash rollback --to {self.returning} --prune" if self.returning else "--prune"
            return change("orphaned", f"{gone}; {how} deletes it")
        return change("delete", gone, body=live.rule, seen=seen_rule(live.rule))

    # Groups -----------------------------------------------------------------------------------------------------------

    def groups(self, rules: Sequence[Change]) -> list[Change]:
        """What to do about how often each group of ours is evaluated, once the ``rules`` are as planned.

        Grafana keeps the interval with each rule. A new rule gets that of its group, a new group the usual one, and a
        rule that comes from another group keeps its own.
        """
        done = {change.uid: change.body for change in rules if change.writes}
        there: dict[str, set[int]] = {}
        coming: dict[str, set[int]] = {}
        for live in self.live.rules.values():
            body = done.pop(live.uid, live.rule)
            if body["folderUID"] == self.home.uid:
                stays = (live.folder, live.group) == (self.home.uid, body["ruleGroup"])
                (there if stays else coming).setdefault(str(body["ruleGroup"]), set()).add(live.interval)
        for body in done.values():
            group = str(body["ruleGroup"])
            coming.setdefault(group, set()).add(min(there.get(group, {USUAL_INTERVAL})))
        names = dict.fromkeys(str(rule["ruleGroup"]) for rule in self.alerts.rules)
        found = (self._group(name, there.get(name, set()), coming.get(name, set())) for name in names)
        return [change for change in found if change is not None]

    def _group(self, name: str, there: set[int], coming: set[int]) -> Change | None:
        change, wanted = Maker("group", name, name, self.home.uid), self.alerts.interval(name)
        if there | coming <= {wanted}:
            return change("unchanged") if there else None
        locked = (rule for rule in self.live.rules.values() if rule.provenance and rule.folder == self.home.uid)
        for rule in locked:
            if rule.group == name:
                return change("conflict", f"holds the alert rule '{rule.title}', which {_locked(rule)}")
        base = self.live.record.intervals.get(name, USUAL_INTERVAL) if self.live.record else USUAL_INTERVAL
        # Grafana's pages give all rules of a group one interval; several are of a run of ours that was cut off.
        theirs = there - {base, wanted} if len(there) == 1 else set()
        before = sorted(there | coming)
        details = [
            Detail("alert group", "interval", "changed", "live" if theirs else "here", "interval",
                   *((base, min(theirs)) if theirs else (min(set(before) - {wanted}), wanted)))
        ]  # fmt: skip
        if theirs and self.policy.on_drift != "overwrite":
            if base == wanted:
                kept = self.policy.on_drift in ("keep", "merge")
                return change("drifted", "changed by somebody; decide with --on-drift", details=details, kept=kept)
            reason = "changed by somebody, and here too; decide with --on-drift"
            return change("conflict", reason, details=details, kept=self.policy.on_drift == "keep")
        reason = "overwrites what somebody changed" if theirs else f"evaluated every {wanted} seconds"
        body = {"interval": wanted, "was": before}
        return change("update" if there else "create", reason, details=details, body=body)

    # The record -------------------------------------------------------------------------------------------------------

    def recorded(self, changes: Sequence[Change]) -> tuple[Mapping[str, Model], Mapping[str, int]]:
        """What our record says of rules and groups when all of this is done. Of one that is not as we want it, what we
        last deployed is still what tells who changed what."""
        left = {(change.kind, change.uid) for change in changes if not change.writes and change.action != "unchanged"}
        rules: dict[str, Model] = {}
        for rule in self.alerts.rules:
            uid = str(rule["uid"])
            if ("alert", uid) not in left:
                rules[uid] = self.fields(rule)
            elif uid in self._known:
                rules[uid] = self._known[uid]
        known = self.live.record.intervals if self.live.record else {}
        names = {str(rule["ruleGroup"]) for rule in self.alerts.rules}
        intervals = {name: self.alerts.interval(name) for name in names if ("group", name) not in left}
        return rules, {**{name: known[name] for name in names - set(intervals) if name in known}, **intervals}


def _locked(live: LiveRule) -> str:
    return (
        f"Grafana keeps for whoever made it (provenance '{live.provenance}'), so it cannot be changed here; "
        "change it where it comes from, or delete it there"
    )
