"""What to do about a thing that Grafana keeps no history of, such as a datasource or an alert rule. Pure.

The same rules as for dashboards. The thing carries our mark in itself, which says whether it is as we left it, and our
record says what that was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sedna_dash.deploy.changes import Policy
from sedna_dash.deploy.threeway import Detail, compared, detail
from sedna_dash.render.difference import differences

Outline = Mapping[str, Any]


@dataclass(frozen=True)
class Verdict:
    """What to do about a thing that is there and differs from what we want, and why, without a cure."""

    action: Literal["update", "drifted", "conflict"]
    reason: str = ""
    details: Sequence[Detail] = ()
    kept: bool = False
    #: Both sides together, where that is what is to be sent.
    merged: Outline | None = None


def judged_by_mark(
    base: Outline | None, here: Outline, there: Outline, policy: Policy, *, marked: bool, as_we_left_it: bool
) -> Verdict:
    """Compare what we last deployed (None when nobody knows), what we want, and what is there."""
    changed = [detail(item, "here", ()) for item in differences(there, here)]
    if as_we_left_it:
        return Verdict("update", details=changed)
    if not marked and policy.adopt:
        return Verdict("update", "takes over what was there", changed)
    if marked and policy.on_drift == "overwrite":
        return Verdict("update", "overwrites what somebody changed", changed)
    kept = policy.on_drift == "keep"
    if not marked or base is None:
        made = "changed by somebody" if marked else "made by somebody else"
        return Verdict("conflict", f"{made}, and differs from what we want", changed, kept)
    view = compared(base, here, there)
    if not view.theirs:
        # Whatever somebody changed is wanted by now.
        return Verdict("update", details=view.details)
    if not view.ours:
        return Verdict("drifted", "changed by somebody", view.details, policy.on_drift in ("keep", "merge"))
    if policy.on_drift == "merge" and not view.merged.clashes:
        return Verdict("update", "merged with what somebody changed", view.details, merged=view.merged.value)
    return Verdict("conflict", "changed by somebody, and here too", view.details, kept)
