"""What Grafana holds, as far as it concerns us: folders, datasources, dashboards and their history, alert rules. Plain
data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sedna_dash.deploy.marks import Mark, read_mark

Model = Mapping[str, Any]


@dataclass(frozen=True)
class Folder:
    """A folder, wanted or found. ``parent`` is the uid of the folder around it."""

    uid: str
    title: str
    parent: str = ""
    version: int = 0

    @property
    def place(self) -> str:
        """What a plan saw of it: renaming and moving change it."""
        return f"{self.parent}/{self.title}"


@dataclass(frozen=True)
class Hit:
    """A dashboard as the search shows it."""

    uid: str
    title: str
    folder: str = ""
    tags: Sequence[str] = ()


@dataclass(frozen=True)
class Version:
    """One entry of a dashboard's history."""

    number: int
    message: str = ""
    by: str = ""
    when: str = ""

    @property
    def mark(self) -> Mark | None:
        """Our mark, when it was we who saved it."""
        return read_mark(self.message)

    def __str__(self) -> str:
        said = "" if self.mark or not self.message else f" ('{self.message}')"
        return f"version {self.number} by {self.by or 'somebody'} at {self.when or 'an unknown time'}{said}"


@dataclass(frozen=True)
class LiveDashboard:
    """A dashboard in Grafana.

    ``history`` is newest first, and empty where nobody needed it. ``models`` holds what was saved as our newest
    version and as each one after it, oldest first; it is empty unless somebody saved after us.
    """

    model: Model
    meta: Model = field(default_factory=dict)
    history: Sequence[Version] = ()
    models: Sequence[tuple[Version, Model]] = ()
    #: It was found to equal what is wanted, and to be where it is wanted.
    as_wanted: bool = False
    #: What we saved before, where a copy of it is needed.
    earlier: Sequence[Model] = ()

    @property
    def version(self) -> int:
        return int(self.model.get("version") or self.meta.get("version") or 0)

    @property
    def folder(self) -> str:
        """The folder's uid; empty for General."""
        return str(self.meta.get("folderUid") or "")

    @property
    def ours(self) -> Version | None:
        """The newest version that we saved."""
        return next((version for version in self.history if version.mark), None)

    @property
    def newest(self) -> Version:
        """The newest version, of which little is known where the history was not read."""
        return self.history[0] if self.history else Version(self.version)

    @property
    def bundle(self) -> str:
        """The set of dashboards that we saved it for; empty when we never did."""
        mark = self.ours.mark if self.ours else None
        return mark.bundle if mark else ""

    @property
    def is_dynamic(self) -> bool:
        """Whether somebody saved it in the new format of Grafana 13, which we neither read nor write."""
        return "elements" in self.model or "layout" in self.model


@dataclass(frozen=True)
class LiveRule:
    """An alert rule in Grafana. ``rule`` is in the shape of the provisioning API, ``interval`` in seconds."""

    rule: Model
    interval: int
    #: What made it, such as ``api`` or ``file``; empty for a rule that people may edit in Grafana's pages.
    provenance: str = ""

    @property
    def uid(self) -> str:
        return str(self.rule["uid"])

    @property
    def title(self) -> str:
        return str(self.rule.get("title") or "")

    @property
    def folder(self) -> str:
        """The folder's uid."""
        return str(self.rule.get("folderUID") or "")

    @property
    def group(self) -> str:
        """The name of the group that it is evaluated with."""
        return str(self.rule.get("ruleGroup") or "")
