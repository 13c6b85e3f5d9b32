"""What is to be done, as data: the words that plan, apply and report share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from sedna_dash.deploy.marks import canonical, message_for
from sedna_dash.deploy.resources import LiveDashboard, Model
from sedna_dash.deploy.threeway import Detail
from sedna_dash.render.canonical import checksum

Action = Literal[
    "create", "update", "move", "delete", "unchanged", "drifted", "conflict", "orphaned", "foreign",
]  # fmt: skip
Kind = Literal["folder", "datasource", "dashboard", "alert", "group", "record"]
OnDrift = Literal["fail", "keep", "overwrite", "merge"]

ON_DRIFT: tuple[OnDrift, ...] = get_args(OnDrift)
#: Actions that send something to Grafana.
WRITES = frozenset({"create", "update", "move", "delete"})


@dataclass(frozen=True)
class Policy:
    """What the person who runs us decided beforehand.

    ``prune_limit`` is how many dashboards and alert rules one run may delete; ``send_secrets`` sends a datasource's
    secrets again, which nobody can compare.
    """

    on_drift: OnDrift = "fail"
    adopt: bool = False
    prune: bool = False
    prune_limit: int = 5
    send_secrets: bool = False


@dataclass(frozen=True)
class Seen:
    """What was there when the plan was made. A change is made only while it still is."""

    version: int
    checksum: str


@dataclass(frozen=True)
class Change:
    """What is to be done about one thing, and why."""

    action: Action
    kind: Kind
    uid: str
    title: str
    reason: str = ""
    details: Sequence[Detail] = ()
    #: What is to be sent, for create, update and move.
    body: Model = field(default_factory=dict, repr=False)
    #: The folder to save a dashboard or an alert rule in, or that a folder or a group of rules is in.
    folder: str = ""
    seen: Seen | None = None
    #: The uid of a dashboard or alert rule that has to be deleted first, because it has the title.
    after: str = ""
    #: For a merged dashboard: the checksum of the modules' side.
    merged: str = ""
    #: Left as it is because the policy says so, which is no reason to fail.
    kept: bool = False
    #: Where a datasource's secrets are to be had: never the secrets themselves.
    secrets: Mapping[str, Any] = field(default_factory=dict)

    @property
    def writes(self) -> bool:
        """Whether something is sent to Grafana for it."""
        return self.action in WRITES

    @property
    def undecided(self) -> bool:
        """Whether a person has to decide something first."""
        return self.action in ("drifted", "conflict") and not self.kept


@dataclass(frozen=True)
class Plan:
    """Everything that is to be done at one Grafana, in order, and what it was worked out from."""

    url: str
    grafana: str
    bundle: str
    deployment: str
    policy: Policy
    changes: Sequence[Change]
    org_id: int | None = None

    def message(self, change: Change) -> str:
        """The message to save the dashboard of a change with: our mark."""
        return message_for(
            change.body,
            bundle=self.bundle,
            deployment=self.deployment,
            folder=change.folder,
            merged=change.merged,
        )

    @property
    def pending(self) -> bool:
        """Whether there is anything to send."""
        return any(change.writes for change in self.changes)

    @property
    def undecided(self) -> list[Change]:
        """What a person has to decide."""
        return [change for change in self.changes if change.undecided]

    @property
    def deletions(self) -> list[Change]:
        """What is to be deleted."""
        return [change for change in self.changes if change.action == "delete"]

    @property
    def too_many_deletions(self) -> str:
        """Why the guard stops this plan; empty when it does not."""
        count = len(self.deletions)
        if count <= self.policy.prune_limit:
            return ""
        rules = sum(change.kind == "alert" for change in self.deletions)
        parts = [f"{count - rules} dashboards"] if count > rules or not rules else []
        what = " and ".join([*parts, *([f"{rules} alert rules"] if rules else [])])
        return (
            f"{self.url}: {what} would be deleted, more than --prune-limit {self.policy.prune_limit} "
            "allows; look at the plan, and raise the limit if that is meant"
        )


def seen(live: LiveDashboard) -> Seen:
    """What is there now."""
    return Seen(live.version, checksum([live.folder, canonical(live.model)]))


@dataclass(frozen=True)
class Maker:
    """Makes changes to one thing."""

    kind: Kind
    uid: str
    title: str
    folder: str = ""

    def __call__(self, action: Action, reason: str = "", **more: Any) -> Change:
        details = tuple(more.pop("details", ()))
        folder = more.pop("folder", self.folder)
        return Change(action, self.kind, self.uid, self.title, reason, details, folder=folder, **more)
